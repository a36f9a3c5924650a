#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sh check.sh PROGRAM OBJECT...
# The linker keeps one copy of a function that several objects define, and it may be the one for the larger instruction
# set. So in no object, and not in the program, may a shared (weak) function contain AVX instructions, unless its name tells
# the instruction set. Functions of the standard library are left out: a unit that instantiates them shares them with every
# other, with or without nibble.
# Nor may objects for different instruction sets, which the names of their folders tell, define the same weak function.
set -eu
standard='^_Z(N[KVR]*)?(St|S[absiod]|9__gnu_cxx)'
rm -f "$SCRATCH".isa.*
for file in "$@"; do
  nm --defined-only "$file" | awk '$2 == "W" { print $3 }' | sort -u > "$SCRATCH.weak"
  objdump -d --no-show-raw-insn "$file" | awk '
    /^[0-9a-f]+ <.*>:$/ { name = substr($2, 2, length($2) - 3); next }
    $2 ~ /^(v[a-z]|k(mov|or|and|not|test|unpck|shift|xor))/ && $2 !~ /^ver[rw]$/ { if (!(name in seen)) { seen[name] = 1; print name } }' |
    sort -u > "$SCRATCH.avx"
  comm -12 "$SCRATCH.weak" "$SCRATCH.avx" |
    grep -vE '(unit_avx|[45]avx2|6avx512|8avx512bw|10avx512vbmi|4fma3)' |
    grep -vE "$standard" > "$SCRATCH.found" || true
  if [ -s "$SCRATCH.found" ]; then
    echo "$file: shared functions with AVX instructions:"
    c++filt < "$SCRATCH.found"
    exit 1
  fi
  case "$file" in
    *_small.dir/* | *_base.dir/*) isa=base ;;
    *_large.dir/* | *_avx2.dir/*) isa=avx2 ;;
    *_avx512.dir/*) isa=avx512 ;;
    *_avx512vbmi.dir/*) isa=avx512vbmi ;;
    *) isa= ;;
  esac
  [ -z "$isa" ] || grep -vE "$standard" "$SCRATCH.weak" >> "$SCRATCH.isa.$isa" || true
  echo "$file: $(wc -l < "$SCRATCH.weak") shared functions, $(wc -l < "$SCRATCH.avx") functions with AVX instructions"
done

for pair in "base avx2" "base avx512" "base avx512vbmi" "avx2 avx512" "avx2 avx512vbmi" "avx512 avx512vbmi"; do
  a="$SCRATCH.isa.${pair% *}" b="$SCRATCH.isa.${pair#* }"
  for file in "$a" "$b"; do
    [ -s "$file" ] || { echo "There is no object for ${pair}."; exit 1; }
    sort -u -o "$file" "$file"
  done
  comm -12 "$a" "$b" > "$SCRATCH.found"
  if [ -s "$SCRATCH.found" ]; then
    echo "Objects for $pair share:"
    c++filt < "$SCRATCH.found"
    exit 1
  fi
done
echo "Objects for different instruction sets share no function."
