# SPDX-License-Identifier: Apache-2.0
# Defines nibble::simd = nibble + xsimd >= 8.1. Read both by the build tree and by the installed package.
#
# Sets nibble_simd_FOUND and nibble_simd_DETAIL. xsimd's version files accept one major version only, and nibble runs on
# several, so the version is compared here. Only xsimd's include directory is taken: the target of xsimd 8.1, as Debian
# 12 ships it, names a library `xtl` that does not exist. It is taken as a system directory, because newer versions warn.
set(nibble_simd_FOUND FALSE)
if(TARGET nibble::simd)
  set(nibble_simd_FOUND TRUE)
  set(nibble_simd_DETAIL "already defined")
  return()
endif()
if(NOT TARGET xsimd)
  find_package(xsimd CONFIG QUIET)
endif()
if(NOT TARGET xsimd)
  set(nibble_simd_DETAIL "xsimd was not found")
elseif(xsimd_VERSION AND xsimd_VERSION VERSION_LESS 8.1)
  set(nibble_simd_DETAIL "xsimd ${xsimd_VERSION} is older than 8.1")
else()
  set(nibble_simd_FOUND TRUE)
  set(nibble_simd_DETAIL "xsimd ${xsimd_VERSION}")
  get_target_property(nibble_simd_include_dirs xsimd INTERFACE_INCLUDE_DIRECTORIES)
  add_library(nibble::simd INTERFACE IMPORTED ${nibble_import_scope})
  target_link_libraries(nibble::simd INTERFACE nibble::nibble)
  target_include_directories(nibble::simd SYSTEM INTERFACE ${nibble_simd_include_dirs})
  unset(nibble_simd_include_dirs)
endif()
