# SPDX-License-Identifier: Apache-2.0
# cmake -D COMPILER=... -D "FLAGS=...;..." -D LIST=... -P syntax.cmake
# Compiles every file named in LIST, one a line, each alone, and fails if the compiler fails or says anything.
cmake_minimum_required(VERSION 3.23)
file(STRINGS "${LIST}" units)
set(failed 0)
set(count 0)
foreach(unit IN LISTS units)
  math(EXPR count "${count} + 1")
  execute_process(COMMAND "${COMPILER}" ${FLAGS} "${unit}"
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0 OR NOT output STREQUAL "")
    math(EXPR failed "${failed} + 1")
    message("${unit}:\n${output}")
  endif()
endforeach()
if(count EQUAL 0)
  message(FATAL_ERROR "There is nothing to compile in ${LIST}.")
elseif(failed GREATER 0)
  message(FATAL_ERROR "${failed} of ${count} units failed.")
endif()
message(STATUS "${count} units compile without a word.")
