# SPDX-License-Identifier: Apache-2.0
# cmake -D COMPILER=... -D "FLAGS=..." -D INCLUDE_DIR=... -D SOURCE=... -D PROGRAM=... -D REFERENCE=file -P digest.cmake
# Compiles SOURCE with FLAGS and runs it, with EMULATOR before it if that is given. What it prints is what REFERENCE holds, or
# some lines of it; the test named `reference` writes it. The last line is printed.
cmake_minimum_required(VERSION 3.23)

cmake_path(GET PROGRAM PARENT_PATH folder)
file(MAKE_DIRECTORY "${folder}")
execute_process(COMMAND "${COMPILER}" -std=c++20 ${FLAGS} "-I${INCLUDE_DIR}" "${SOURCE}" -o "${PROGRAM}"
  RESULT_VARIABLE result ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message("${output}")
  message(FATAL_ERROR "${SOURCE} does not compile with ${FLAGS}.")
endif()
execute_process(COMMAND ${EMULATOR} "${PROGRAM}" RESULT_VARIABLE result OUTPUT_VARIABLE digests)
if(NOT result EQUAL 0 OR digests STREQUAL "")
  message(FATAL_ERROR "${PROGRAM} returns ${result}.")
endif()

if(PROGRAM MATCHES "_reference$")
  file(WRITE "${REFERENCE}" "${digests}")
  return()
endif()
file(STRINGS "${REFERENCE}" expected_lines)
string(REGEX REPLACE "\n$" "" digests "${digests}")
string(REPLACE "\n" ";" digest_lines "${digests}")
set(wrong 0)
foreach(digest IN LISTS digest_lines)
  if(NOT digest IN_LIST expected_lines)
    message("${digest} is no line of the reference")
    set(wrong 1)
  endif()
endforeach()
if(wrong)
  message(FATAL_ERROR "The results depend on the flags ${FLAGS}.")
endif()
list(POP_BACK digest_lines last)
message(STATUS "${last}")
