# SPDX-License-Identifier: Apache-2.0
# cmake -D COMPILER=... -D FLAGS=... -D SOURCE=<folder> -D BINARY=<folder> -D NM=... -D OBJDUMP=... -P instruction_sets.cmake
# One program out of units for SSE2 and AVX2 is safe:
#   (a) the linker merges no function of theirs: each weak symbol that both define is code that a unit of either kind may
#       run, that is, has no AVX instruction in either object;
#   (b) in the linked program, nothing outside the AVX2 unit has an AVX instruction, whichever object comes first;
#   (c) both link orders run and give the bytes of the scalar backend.
cmake_minimum_required(VERSION 3.23)
file(MAKE_DIRECTORY "${BINARY}")

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " line)
    message("${output}")
    message(FATAL_ERROR "failed (${result}): ${line}")
  endif()
endfunction()

set(compile "${COMPILER}" ${FLAGS})
run(${compile} -DUNIT=sse2 -c "${SOURCE}/unit.cpp" -o "${BINARY}/sse2.o")
run(${compile} -mavx2 -mfma -mf16c -DUNIT=avx2 -c "${SOURCE}/unit.cpp" -o "${BINARY}/avx2.o")
# Kernels of fused operations are left out then; this must compile, too.
run(${compile} -mavx2 -DUNIT=avx2_alone -c "${SOURCE}/unit.cpp" -o "${BINARY}/avx2_alone.o")
run(${compile} -c "${SOURCE}/main.cpp" -o "${BINARY}/main.o")

# Weak and unique symbols: W, V and u in nm's letters.
function(weak_symbols object variable)
  execute_process(COMMAND "${NM}" --defined-only "${BINARY}/${object}" OUTPUT_VARIABLE lines COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^\n]+ [WVu] [^\n]+" lines "${lines}")
  list(TRANSFORM lines REPLACE "^.* " "")
  set(${variable} ${lines} PARENT_SCOPE)
endfunction()

# The functions of an object or program that hold an instruction of AVX or above: these are the mnemonics in v, but for
# verr, verw and the vm... of virtual machines.
function(vector_functions file variable)
  execute_process(COMMAND "${OBJDUMP}" -d --no-show-raw-insn "${BINARY}/${file}"
    COMMAND awk "/^[0-9a-f]+ <.*>:$/ { name = substr($2, 2, length($2) - 3) }
      $2 ~ /^v[a-z]/ && $2 !~ /^(verr|verw|vm[a-ln-z])/ && name != last { print name; last = name }"
    OUTPUT_VARIABLE names COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX REPLACE "\n" ";" names "${names}")
  list(REMOVE_ITEM names "")
  list(REMOVE_DUPLICATES names)
  set(${variable} ${names} PARENT_SCOPE)
endfunction()

set(faults)
weak_symbols(sse2.o weak_sse2)
weak_symbols(avx2.o weak_avx2)
weak_symbols(main.o weak_main)
vector_functions(avx2.o vector)
vector_functions(sse2.o vector_in_sse2)
if(NOT vector)
  message(FATAL_ERROR "the AVX2 unit has no AVX instruction: the test sees nothing")
endif()
foreach(name IN LISTS vector_in_sse2)
  list(APPEND faults "the SSE2 unit has AVX instructions in ${name}")
endforeach()
set(shared 0)
foreach(name IN LISTS weak_avx2)
  if(name IN_LIST weak_sse2 OR name IN_LIST weak_main)
    math(EXPR shared "${shared} + 1")
    if(name IN_LIST vector)
      list(APPEND faults "shared, with AVX instructions: ${name}")
    endif()
  endif()
endforeach()
list(LENGTH vector vector_count)
message(STATUS "${vector_count} functions with AVX instructions; ${shared} weak symbols shared with other units")

foreach(order IN ITEMS "sse2;avx2" "avx2;sse2")
  list(TRANSFORM order PREPEND "${BINARY}/" OUTPUT_VARIABLE objects)
  list(TRANSFORM objects APPEND ".o")
  list(JOIN order "_" program)
  # Statically linked libraries of the system have AVX code of their own, chosen at run time: link them dynamically.
  run("${COMPILER}" ${objects} "${BINARY}/main.o" -o "${BINARY}/${program}")
  vector_functions(${program} in_program)
  foreach(name IN LISTS in_program)
    if(NOT name IN_LIST vector)
      list(APPEND faults "${program}: AVX instructions in ${name}")
    endif()
  endforeach()
  execute_process(COMMAND "${BINARY}/${program}" RESULT_VARIABLE result OUTPUT_VARIABLE output)
  message(STATUS "${program}:\n${output}")
  if(NOT result EQUAL 0 AND NOT result EQUAL 77)
    list(APPEND faults "${program} exits with ${result}")
  endif()
endforeach()

if(faults)
  list(JOIN faults "\n  " lines)
  message(FATAL_ERROR "units of two instruction sets in one program:\n  ${lines}")
endif()
