# SPDX-License-Identifier: Apache-2.0
# Run-time choice of an instruction set. Defines
#
#   nibble_target_isa_sources(TARGET SOURCE... [ISAS isa...])
#     compiles the sources once for each instruction set and adds them to TARGET. On x86-64 these are base (the compiler's
#     default), avx2 (with FMA and F16C), avx512 (F, BW, DQ, CD, VL) and avx512vbmi (the same with IFMA and VBMI); elsewhere
#     only base. A source finds the name in the macro NIBBLE_DISPATCH_ISA. It must define its external functions in a
#     namespace of that name, and instantiate nothing inline that another unit may share, apart from what nibble names
#     after the instruction set by itself.
#   nibble::dispatch
#     the library behind the backend dispatched{} of <nibble/dispatch.hpp>. Without xsimd it is scalar code.
#
# Read both by the build tree and by the installed package, which hands on the library as sources: only the consumer's
# compiler knows which instruction sets it can build. Sets nibble_dispatch_FOUND and nibble_dispatch_DETAIL.
set(nibble_isas base)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang" AND TARGET nibble::simd)
  list(APPEND nibble_isas avx2 avx512 avx512vbmi)
endif()
set(nibble_isa_flags_avx2 -mavx2 -mfma -mf16c)
set(nibble_isa_flags_avx512 ${nibble_isa_flags_avx2} -mavx512f -mavx512bw -mavx512dq -mavx512cd -mavx512vl)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # Its own AVX-512 headers warn (GCC's bug 105593).
  list(APPEND nibble_isa_flags_avx512 -Wno-maybe-uninitialized -Wno-uninitialized)
endif()
# IFMA, which every processor with VBMI has: newer versions of xsimd want it.
set(nibble_isa_flags_avx512vbmi ${nibble_isa_flags_avx512} -mavx512ifma -mavx512vbmi)

function(nibble_target_isa_sources target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "ISAS")
  set(isas ${nibble_isas})
  if(arg_ISAS)
    set(isas ${arg_ISAS})
  endif()
  foreach(isa IN LISTS isas)
    if(NOT isa IN_LIST nibble_isas)
      continue()
    endif()
    set(unit ${target}_${isa})
    if(NOT TARGET ${unit})
      add_library(${unit} OBJECT EXCLUDE_FROM_ALL)
      target_compile_definitions(${unit} PRIVATE NIBBLE_DISPATCH_ISA=${isa})
      # Optimised in every configuration: inlined functions of the standard library then leave no copy that the linker
      # could share with units for other instruction sets.
      target_compile_options(${unit} PRIVATE -O2 ${nibble_isa_flags_${isa}})
      target_link_libraries(${unit} PRIVATE $<TARGET_PROPERTY:${target},LINK_LIBRARIES>)
      target_include_directories(${unit} PRIVATE $<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>)
      target_compile_definitions(${unit} PRIVATE $<TARGET_PROPERTY:${target},COMPILE_DEFINITIONS>)
      set_target_properties(${unit} PROPERTIES POSITION_INDEPENDENT_CODE ON)
      target_sources(${target} PRIVATE $<TARGET_OBJECTS:${unit}>)
    endif()
    target_sources(${unit} PRIVATE ${arg_UNPARSED_ARGUMENTS})
  endforeach()
endfunction()

set(nibble_dispatch_FOUND TRUE)
list(JOIN nibble_isas ", " nibble_dispatch_DETAIL)
if(TARGET nibble::dispatch)
  return()
endif()
set(nibble_dispatch_dir "${CMAKE_CURRENT_LIST_DIR}/dispatch")
add_library(nibble_dispatch STATIC EXCLUDE_FROM_ALL "${nibble_dispatch_dir}/dispatch.cpp")
add_library(nibble::dispatch ALIAS nibble_dispatch)
set_target_properties(nibble_dispatch PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_include_directories(nibble_dispatch PUBLIC "${nibble_dispatch_dir}")
target_link_libraries(nibble_dispatch PUBLIC nibble::nibble)
if(TARGET nibble_warnings)
  target_link_libraries(nibble_dispatch PRIVATE nibble_warnings)
endif()
if(TARGET nibble::simd)
  target_link_libraries(nibble_dispatch PRIVATE nibble::simd)
else()
  target_compile_definitions(nibble_dispatch PRIVATE NIBBLE_DISPATCH_SCALAR=1)
endif()
if("avx2" IN_LIST nibble_isas)
  target_compile_definitions(nibble_dispatch PRIVATE NIBBLE_DISPATCH_HAS_AVX2=1)
endif()

# Compile time decides what is there twice. AVX-512 has units of its own for the 4-bit formats and for amax, and else runs
# those of AVX2; VBMI, which serves E2M1 alone, has one for the 4-bit formats.
nibble_target_isa_sources(nibble_dispatch "${nibble_dispatch_dir}/blocks_fp4.cpp")
nibble_target_isa_sources(nibble_dispatch "${nibble_dispatch_dir}/sources.cpp" ISAS base avx2 avx512)
nibble_target_isa_sources(nibble_dispatch
  "${nibble_dispatch_dir}/blocks_fp6.cpp" "${nibble_dispatch_dir}/blocks_byte.cpp" "${nibble_dispatch_dir}/elements.cpp"
  ISAS base avx2)
