# SPDX-License-Identifier: Apache-2.0
# Defines nibble::cuda = nibble + the CUDA toolkit >= 12.8. Read both by the build tree and by the installed package.
#
# Sets nibble_cuda_FOUND and nibble_cuda_DETAIL. 12.8 is the first toolkit that has the FP4 and E8M0 types. A program
# that the C++ compiler links gets the shared runtime from here; one that nvcc links already has the runtime that its
# CUDA_RUNTIME_LIBRARY property chose, and a second one in the same program would not share its state.
set(nibble_cuda_FOUND FALSE)
if(TARGET nibble::cuda)
  set(nibble_cuda_FOUND TRUE)
  set(nibble_cuda_DETAIL "already defined")
  return()
endif()
find_package(CUDAToolkit QUIET)
if(NOT CUDAToolkit_FOUND)
  set(nibble_cuda_DETAIL "the CUDA toolkit was not found")
elseif(CUDAToolkit_VERSION VERSION_LESS 12.8)
  set(nibble_cuda_DETAIL "the CUDA toolkit ${CUDAToolkit_VERSION} is older than 12.8")
else()
  set(nibble_cuda_FOUND TRUE)
  set(nibble_cuda_DETAIL "CUDA toolkit ${CUDAToolkit_VERSION}")
  add_library(nibble::cuda INTERFACE IMPORTED ${nibble_import_scope})
  target_include_directories(nibble::cuda SYSTEM INTERFACE ${CUDAToolkit_INCLUDE_DIRS})
  target_link_libraries(nibble::cuda INTERFACE nibble::nibble "$<$<LINK_LANGUAGE:CXX>:${CUDA_cudart_LIBRARY}>")
endif()
