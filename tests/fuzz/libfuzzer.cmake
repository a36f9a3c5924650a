# SPDX-License-Identifier: Apache-2.0
# cmake -D COMPILER=clang++ -D "FLAGS=...;..." -D "SOURCES=...;..." -D "LIBRARIES=...;..." -D REPLAY=fuzz_replay
#   -D WORK=folder -P libfuzzer.cmake
# Builds both fuzzers with libFuzzer and the sanitizers and lets each try some thousand inputs that begin at the seeds.
# The sources are the readers and what calls them; what they need besides comes from the libraries, without sanitizers.
cmake_minimum_required(VERSION 3.23)

function(run what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${what} failed:\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
# Unoptimised: most of the time of this test is compiling.
set(compile "${COMPILER}" ${FLAGS} -O0 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -c)
set(objects)
foreach(source IN LISTS SOURCES)
  cmake_path(GET source STEM name)
  run("Compiling ${source}" ${compile} "${source}" -o "${WORK}/${name}.o")
  list(APPEND objects "${WORK}/${name}.o")
endforeach()
run("Writing the seeds" "${REPLAY}" --write "${WORK}/corpus")
foreach(format IN ITEMS npy safetensors)
  set(program "${WORK}/fuzz_${format}")
  run("Compiling fuzz.cpp" ${compile} -DNIBBLE_FUZZ_TARGET=read_as_${format} "${CMAKE_CURRENT_LIST_DIR}/fuzz.cpp"
    -o "${program}.o")
  run("Linking fuzz_${format}" "${COMPILER}" -fsanitize=fuzzer,address,undefined "${program}.o" ${objects} ${LIBRARIES}
    -pthread -o "${program}")
  # Leaks are looked for by ptrace, which not every container allows.
  run("fuzz_${format}" "${CMAKE_COMMAND}" -E env ASAN_OPTIONS=detect_leaks=0
    "${program}" -runs=5000 -seed=1 -detect_leaks=0 "-artifact_prefix=${WORK}/" "${WORK}/corpus/${format}")
endforeach()
