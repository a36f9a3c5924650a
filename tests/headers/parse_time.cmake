# SPDX-License-Identifier: Apache-2.0
# cmake -D COMPILER=... -D INCLUDE_DIR=... -D BINARY_DIR=... -D LIMIT_PERCENT=... -P parse_time.cmake
# Parsing nibble.hpp costs less than LIMIT_PERCENT of what parsing the standard headers that it needs costs: a ratio within
# one run, so that a slow processor passes like a fast one. The headers are listed here, so that a new and heavy one counts
# against nibble. Both are the best processor time, as the shell's `times` tells it, of several runs in turn: on a shared
# processor the same work takes up to half as long again for seconds on end, so there are up to 20 rounds.
cmake_minimum_required(VERSION 3.23)

set(lines)
foreach(header IN ITEMS array charconv compare concepts cstddef cstdint iosfwd limits optional span stdexcept string
    string_view type_traits utility vector)
  string(APPEND lines "#include <${header}>\n")
endforeach()
set(standard "${BINARY_DIR}/standard_headers.hpp")
file(WRITE "${standard}" "${lines}")

# parse(HEADER BEST): lowers the variable BEST to the milliseconds of one more run over HEADER.
function(parse header best)
  execute_process(
    COMMAND sh -c "\"$1\" -std=c++20 -O0 -fsyntax-only \"-I$2\" -x c++ \"$3\" && times" sh
      "${COMPILER}" "${INCLUDE_DIR}" "${header}"
    RESULT_VARIABLE result OUTPUT_VARIABLE times ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message("${output}")
    message(FATAL_ERROR "${header} does not compile.")
  endif()
  # Second line: user and system time of the children, as 0m0.250000s 0m0.030000s, with three to six decimals.
  if(NOT times MATCHES "\n([0-9]+)m([0-9]+)[.,]([0-9][0-9][0-9])[0-9]*s ([0-9]+)m([0-9]+)[.,]([0-9][0-9][0-9])[0-9]*s")
    message(FATAL_ERROR "The shell's times cannot be read: ${times}")
  endif()
  # A leading 1 keeps 050 from being read as octal.
  math(EXPR elapsed "(${CMAKE_MATCH_1} + ${CMAKE_MATCH_4}) * 60000 + (${CMAKE_MATCH_2} + ${CMAKE_MATCH_5}) * 1000
    + 1${CMAKE_MATCH_3} + 1${CMAKE_MATCH_6} - 2000")
  if(elapsed LESS ${best})
    set(${best} ${elapsed} PARENT_SCOPE)
  endif()
endfunction()

set(nibble_ms 1000000)
set(standard_ms 1000000)
foreach(round RANGE 1 20)
  parse("${standard}" standard_ms)
  parse("${INCLUDE_DIR}/nibble/nibble.hpp" nibble_ms)
  math(EXPR percent "${nibble_ms} * 100 / ${standard_ms}")
  # Five rounds at least: a lucky first one of nibble.hpp would not yet be a best of the other.
  if(round GREATER_EQUAL 5 AND percent LESS LIMIT_PERCENT)
    break()
  endif()
endforeach()
set(found "nibble.hpp takes ${nibble_ms} ms to parse, its standard headers ${standard_ms} ms: ${percent} percent")
if(percent GREATER_EQUAL LIMIT_PERCENT)
  message(FATAL_ERROR "${found}; the limit is ${LIMIT_PERCENT} percent.")
endif()
message(STATUS "${found}.")
