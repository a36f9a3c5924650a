# SPDX-License-Identifier: Apache-2.0
# cmake -D COMPILER=... -D "FLAGS=..." -D INCLUDE_DIR=... -D SOURCE=... -D PROGRAM=... -D REFERENCE=file -P digest.cmake
# Compiles SOURCE with FLAGS and runs it. What it prints is what REFERENCE holds; the test named `reference` writes it.
cmake_minimum_required(VERSION 3.23)

cmake_path(GET PROGRAM PARENT_PATH folder)
file(MAKE_DIRECTORY "${folder}")
execute_process(COMMAND "${COMPILER}" -std=c++20 ${FLAGS} "-I${INCLUDE_DIR}" "${SOURCE}" -o "${PROGRAM}"
  RESULT_VARIABLE result ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message("${output}")
  message(FATAL_ERROR "${SOURCE} does not compile with ${FLAGS}.")
endif()
execute_process(COMMAND "${PROGRAM}" RESULT_VARIABLE result OUTPUT_VARIABLE digests)
if(NOT result EQUAL 0 OR digests STREQUAL "")
  message(FATAL_ERROR "${PROGRAM} returns ${result}.")
endif()

if(PROGRAM MATCHES "_reference$")
  file(WRITE "${REFERENCE}" "${digests}")
  return()
endif()
file(READ "${REFERENCE}" expected)
if(NOT digests STREQUAL expected)
  string(REPLACE "\n" ";" digest_lines "${digests}")
  string(REPLACE "\n" ";" expected_lines "${expected}")
  foreach(digest line IN ZIP_LISTS digest_lines expected_lines)
    if(NOT digest STREQUAL line)
      message("${digest}, but the reference has ${line}")
    endif()
  endforeach()
  message(FATAL_ERROR "The results depend on the flags ${FLAGS}.")
endif()
