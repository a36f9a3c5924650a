# SPDX-License-Identifier: Apache-2.0
# cmake -D COMPILER=... -D KIND=gcc|clang -D INCLUDE_DIR=... -D SOURCE=... -P expect.cmake
# SOURCE must not compile, and the compiler's output must hold every text that SOURCE expects. With -D RIGHT_USE the
# same file must compile: what is wrong in it stands between #ifndef RIGHT_USE and #endif or #else.
cmake_minimum_required(VERSION 3.23)
set(command "${COMPILER}" -std=c++20 -fsyntax-only "-I${INCLUDE_DIR}")

execute_process(COMMAND ${command} -DRIGHT_USE "${SOURCE}" RESULT_VARIABLE result ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message("${output}")
  message(FATAL_ERROR "Without its wrong use the file must compile, but it does not.")
endif()

execute_process(COMMAND ${command} "${SOURCE}" RESULT_VARIABLE result ERROR_VARIABLE output)
if(result EQUAL 0)
  message(FATAL_ERROR "The wrong use compiles.")
endif()

set(count 0)
file(STRINGS "${SOURCE}" expectations REGEX "^// expect(\\(${KIND}\\))?: ")
foreach(expectation IN LISTS expectations)
  string(REGEX REPLACE "^// expect[^:]*: " "" text "${expectation}")
  string(FIND "${output}" "${text}" position)
  if(position EQUAL -1)
    message("${output}")
    message(FATAL_ERROR "The output lacks \"${text}\".")
  endif()
  math(EXPR count "${count} + 1")
endforeach()
if(count EQUAL 0)
  message(FATAL_ERROR "The file expects no text of this compiler.")
endif()
