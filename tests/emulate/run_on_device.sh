#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run_on_device.sh [FOLDER]: builds the capture program, runs it on the first device (sm_90a) and leaves capture.txt and
# report.txt in FOLDER ($OUT, else the current folder).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-${OUT:-.}}
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
here="$root/tests/emulate/device"
g++ -std=c++20 -O3 -march=native -I"$root/include" -c "$here/capture_host.cpp" -o "$build/host.o" &
"$nvcc" -std=c++20 -O2 -gencode arch=compute_90a,code=sm_90a -I"$root/include" -c "$here/capture.cu" -o "$build/device.o"
wait %1
"$nvcc" -gencode arch=compute_90a,code=sm_90a "$build/host.o" "$build/device.o" -o "$build/capture" -lpthread
set +e
"$build/capture" "$out/capture.txt" "${DOTS:-10240000}" 2>&1 | tee "$out/report.txt"
exit "${PIPESTATUS[0]}"
