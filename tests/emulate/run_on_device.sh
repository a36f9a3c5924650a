#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run_on_device.sh [FOLDER]: builds the capture program, runs it on the first device (sm_90a) and leaves capture.txt,
# differences.txt (operands and results of mismatches) and report.txt in FOLDER ($OUT, else the current folder). GEMMs of
# cuBLASLt are compared where its header and library are found.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-${OUT:-.}}
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
here="$root/tests/emulate/device"
arch="-gencode arch=compute_90a,code=sm_90a"

# The first that exists of a toolkit's folders, else the first anywhere.
find_first() {
  for path in /usr/local/cuda/include/"$1" /usr/local/cuda/lib64/"$1" /usr/local/include/"$1"; do
    if [ -e "$path" ]; then echo "$path"; return; fi
  done
  find /usr /opt /root /home -name "$1" -print -quit 2> /dev/null || true
}
header=$(find_first cublasLt.h)
library=$(find_first libcublasLt.so)
library=${library:-$(find_first libcublasLt.so.13)}
library=${library:-$(find_first libcublasLt.so.12)}
gemm=
if [ -n "$header" ] && [ -n "$library" ]; then
  gemm="$build/gemm.o $library -Xlinker -rpath -Xlinker $(dirname "$library")"
else
  echo "cuBLASLt: header '$header', library '$library': its GEMMs are left out"
fi

host="g++ -std=c++20 -O3 -march=native -I$root/include -pthread -c"
$host "$here/capture_host.cpp" -o "$build/host.o" &
$host "$here/learn.cpp" -o "$build/learn.o" &
if [ -n "$gemm" ]; then
  "$nvcc" -std=c++20 -O3 -Xcompiler -march=native -I"$root/include" -I"$(dirname "$header")" -c "$here/gemm.cpp" \
    -o "$build/gemm.o" &
fi
# shellcheck disable=SC2086
"$nvcc" -std=c++20 -O2 $arch -I"$root/include" -c "$here/conversions.cu" -o "$build/conversions.o" &
# shellcheck disable=SC2086
"$nvcc" -std=c++20 -O2 $arch -I"$root/include" -c "$here/capture.cu" -o "$build/device.o"
wait
link() {
  "$nvcc" $arch "$build/host.o" "$build/learn.o" "$build/device.o" "$build/conversions.o" "$@" -o "$build/capture" -lpthread
}
# shellcheck disable=SC2086
link $gemm || { echo "cuBLASLt cannot be linked: its GEMMs are left out"; link; }
set +e
"$build/capture" "$out/capture.txt" "$out/differences.txt" "${DOTS:-10240000}" 2>&1 | tee "$out/report.txt"
exit "${PIPESTATUS[0]}"
