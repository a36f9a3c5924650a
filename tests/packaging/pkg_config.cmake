# SPDX-License-Identifier: Apache-2.0
# cmake -D PKG_CONFIG=... -D COMPILER=... -D PREFIX=... -D SOURCE=... -D BINARY=... -D VERSION=... -D "WARNINGS=..." -P pkg_config.cmake
# Builds the consumer by hand with the flags that pkg-config gives, under nibble's own warnings, and runs it.
cmake_minimum_required(VERSION 3.23)

set(ENV{PKG_CONFIG_PATH} "${PREFIX}/share/pkgconfig")
execute_process(COMMAND "${PKG_CONFIG}" --modversion nibble OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT version STREQUAL VERSION)
  message(FATAL_ERROR "pkg-config says version '${version}' instead of ${VERSION}.")
endif()
execute_process(COMMAND "${PKG_CONFIG}" --cflags nibble OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE)
separate_arguments(flags UNIX_COMMAND "${flags}")

file(MAKE_DIRECTORY "${BINARY}")
execute_process(
  COMMAND "${COMPILER}" -std=c++20 ${WARNINGS} -Werror ${flags} "${SOURCE}/main.cpp" "${SOURCE}/unit.cpp" -o "${BINARY}/consumer"
  RESULT_VARIABLE result ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message("${output}")
  message(FATAL_ERROR "The consumer cannot be built with '${flags}'.")
endif()
execute_process(COMMAND "${BINARY}/consumer" RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "The consumer returns ${result}.")
endif()
