# SPDX-License-Identifier: Apache-2.0
# The warnings under which nibble's own tests and programs are built. Nothing that is installed links this target.
set(nibble_warning_flags -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
if(NIBBLE_WARNINGS_AS_ERRORS)
  list(APPEND nibble_warning_flags -Werror)
endif()

add_library(nibble_warnings INTERFACE)
target_compile_options(nibble_warnings INTERFACE "$<$<COMPILE_LANG_AND_ID:CXX,GNU,Clang,AppleClang>:${nibble_warning_flags}>")
