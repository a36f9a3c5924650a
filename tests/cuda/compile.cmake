# SPDX-License-Identifier: Apache-2.0
# Compiles SOURCE for sm_<ARCHITECTURE> by way of its PTX, which must match all of WANTED and none of UNWANTED.
execute_process(COMMAND "${NVCC}" ${FLAGS} -arch=compute_${ARCHITECTURE} -ptx "${SOURCE}" -o "${OUTPUT}.ptx"
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${NVCC}" -cubin -arch=sm_${ARCHITECTURE} "${OUTPUT}.ptx" -o "${OUTPUT}.cubin"
  COMMAND_ERROR_IS_FATAL ANY)
file(READ "${OUTPUT}.ptx" ptx)
foreach(pattern IN LISTS WANTED)
  if(NOT ptx MATCHES "${pattern}")
    message(FATAL_ERROR "The PTX for sm_${ARCHITECTURE} lacks ${pattern}")
  endif()
endforeach()
foreach(pattern IN LISTS UNWANTED)
  if(ptx MATCHES "${pattern}")
    message(FATAL_ERROR "The PTX for sm_${ARCHITECTURE} has ${pattern}")
  endif()
endforeach()
