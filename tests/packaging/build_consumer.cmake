# SPDX-License-Identifier: Apache-2.0
# cmake -D SOURCE=... -D BINARY=... -D "ARGUMENTS=-D...;..." [-D EXPECT=text] -P build_consumer.cmake
# Configures and builds a consumer from nothing and runs it. With EXPECT its configuration must fail and say that text.
cmake_minimum_required(VERSION 3.23)

file(REMOVE_RECURSE "${BINARY}")
execute_process(COMMAND "${CMAKE_COMMAND}" -S "${SOURCE}" -B "${BINARY}" ${ARGUMENTS}
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(DEFINED EXPECT)
  # CMake wraps the lines of its messages.
  string(REGEX REPLACE "[ \n]+" " " words "${output}")
  string(FIND "${words}" "${EXPECT}" position)
  if(result EQUAL 0 OR position EQUAL -1)
    message("${output}")
    message(FATAL_ERROR "The configuration should fail with \"${EXPECT}\", but (${result}).")
  endif()
  return()
endif()
if(NOT result EQUAL 0)
  message("${output}")
  message(FATAL_ERROR "The consumer cannot be configured.")
elseif(output MATCHES "CMake (Deprecation )?Warning")
  message("${output}")
  message(FATAL_ERROR "The configuration warns.")
endif()

execute_process(COMMAND "${CMAKE_COMMAND}" --build "${BINARY}"
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message("${output}")
  message(FATAL_ERROR "The consumer cannot be built.")
endif()

file(GLOB programs "${BINARY}/consumer*")
if(NOT programs)
  message(FATAL_ERROR "The build made no program.")
endif()
foreach(program IN LISTS programs)
  execute_process(COMMAND "${program}" RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${program} returns ${result}.")
  endif()
endforeach()
