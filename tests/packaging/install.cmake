# SPDX-License-Identifier: Apache-2.0
# cmake -D BUILD=... -D STAGING=... -D PREFIX=... -D "FORBIDDEN=path;..." -P install.cmake
# Installs into STAGING and moves the result to PREFIX: no installed file may know where it was made.
cmake_minimum_required(VERSION 3.23)

file(REMOVE_RECURSE "${STAGING}" "${PREFIX}")
execute_process(COMMAND "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${STAGING}"
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message("${output}")
  message(FATAL_ERROR "The installation fails.")
endif()
file(RENAME "${STAGING}" "${PREFIX}")

foreach(path IN ITEMS include/nibble/nibble.hpp lib/cmake/nibble/nibble-config.cmake share/pkgconfig/nibble.pc share/doc/nibble/LICENSE)
  if(NOT EXISTS "${PREFIX}/${path}")
    message(FATAL_ERROR "${path} is not installed.")
  endif()
endforeach()

file(GLOB_RECURSE installed RELATIVE "${PREFIX}" "${PREFIX}/*")
foreach(path IN LISTS installed)
  file(READ "${PREFIX}/${path}" text)
  foreach(place IN LISTS FORBIDDEN)
    string(FIND "${text}" "${place}" position)
    if(NOT position EQUAL -1)
      message(FATAL_ERROR "${path} names ${place}.")
    endif()
  endforeach()
endforeach()

# Every header of the source tree is there, and nothing else is among them.
file(GLOB_RECURSE wanted RELATIVE "${SOURCE}/include" "${SOURCE}/include/nibble/*.hpp" "${SOURCE}/include/nibble/*.cuh")
file(GLOB_RECURSE headers RELATIVE "${PREFIX}/include" "${PREFIX}/include/*")
list(SORT wanted)
list(SORT headers)
if(NOT "${headers}" STREQUAL "${wanted}")
  message(FATAL_ERROR "The installed headers are not those of the source tree:\n${headers}\n${wanted}")
endif()
