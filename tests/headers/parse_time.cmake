# SPDX-License-Identifier: Apache-2.0
# cmake -D COMPILER=... -D INCLUDE_DIR=... -D LIMIT_MS=... -P parse_time.cmake
# Some run of the compiler over nibble.hpp takes less than LIMIT_MS of processor time, as the shell's `times` tells it. On
# a shared processor the same work takes up to half as long again for seconds on end, so there are up to 40 tries.
cmake_minimum_required(VERSION 3.23)

set(header "${INCLUDE_DIR}/nibble/nibble.hpp")
set(best 1000000)
foreach(run RANGE 1 40)
  execute_process(
    COMMAND sh -c "\"$1\" -std=c++20 -O0 -fsyntax-only \"-I$2\" -x c++ \"$3\" && times" sh
      "${COMPILER}" "${INCLUDE_DIR}" "${header}"
    RESULT_VARIABLE result OUTPUT_VARIABLE times ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message("${output}")
    message(FATAL_ERROR "nibble.hpp does not compile.")
  endif()
  # Second line: user and system time of the children, as 0m0.250000s 0m0.030000s, with three to six decimals.
  if(NOT times MATCHES "\n([0-9]+)m([0-9]+)[.,]([0-9][0-9][0-9])[0-9]*s ([0-9]+)m([0-9]+)[.,]([0-9][0-9][0-9])[0-9]*s")
    message(FATAL_ERROR "The shell's times cannot be read: ${times}")
  endif()
  # A leading 1 keeps 050 from being read as octal.
  math(EXPR elapsed "(${CMAKE_MATCH_1} + ${CMAKE_MATCH_4}) * 60000 + (${CMAKE_MATCH_2} + ${CMAKE_MATCH_5}) * 1000
    + 1${CMAKE_MATCH_3} + 1${CMAKE_MATCH_6} - 2000")
  if(elapsed LESS best)
    set(best ${elapsed})
  endif()
  if(best LESS LIMIT_MS)
    break()
  endif()
endforeach()
if(best GREATER_EQUAL LIMIT_MS)
  message(FATAL_ERROR "nibble.hpp takes ${best} ms to parse; the limit is ${LIMIT_MS} ms.")
endif()
message(STATUS "nibble.hpp takes ${best} ms to parse.")
