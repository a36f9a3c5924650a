#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sh tests/cuda/run_on_device.sh [LOG_DIRECTORY [quick|sanitize]]
# On a machine with a GPU and nvcc: builds the device tests and the benchmark in parallel, then runs the benchmark, the
# tests (also as built with --use_fast_math), and compute-sanitizer on every test in its small form. A summary comes last;
# the exit status says whether everything passed. "quick" leaves the sanitizer out; "sanitize" runs nothing else, on the
# programs of an earlier run.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
logs=${1:-/tmp/nibble-cuda}
quick=${2:-}
build=$logs/bin
mkdir -p "$build"
NVCC=${NVCC:-nvcc}
command -v "$NVCC" > /dev/null || NVCC=/usr/local/cuda/bin/nvcc
ARCH=${ARCH:-sm_90}
flags="-std=c++20 -O3 -arch=$ARCH -I$root/include -I$root/tests -Xcompiler=-O3 -Wno-deprecated-gpu-targets"
formats=${FORMATS:-"nvfp4 nvfp4_2d mxfp4 mxfp6_e2m3 mxfp6_e3m2 mxfp8_e4m3 mxfp8_e5m2 mxint8 fp8_per_tensor fp8_per_row fp8_128x128 ggml_mxfp4 ggml_nvfp4 dense6 odd powers without_nan far_powers small_elements"}
failed=""
start=$(date +%s)
elapsed() { echo "[$(($(date +%s) - start)) s] $*"; }

# compile NAME SOURCE FLAG...
compile() {
  name=$1
  source=$2
  shift 2
  # shellcheck disable=SC2086
  "$NVCC" $flags "$@" "$source" -o "$build/$name" > "$logs/build.$name.log" 2>&1 || echo "$name" >> "$logs/build.failed"
}
# run LIMIT NAME COMMAND...: the log and the status of a command.
run() {
  limit=$1
  name=$2
  shift 2
  timeout "$limit" "$@" > "$logs/run.$name.log" 2>&1
  code=$?
  [ $code -eq 0 ] || echo "$name (status $code)" >> "$logs/run.failed"
}

small="calls quantize_extras luq register_block sparsify transposable codec"
rm -f "$logs"/*.failed
if [ "$quick" != sanitize ]; then
  compile cuda_quantize "$root/bench/cuda_quantize.cu" &
  compile codec "$root/tests/cuda/codec.cu" &
  for f in calls quantize_extras luq register_block sparsify transposable sparse_storage huge; do compile "$f" "$root/tests/cuda/$f.cu" & done
  for f in $formats; do
    compile "quantize_$f" "$root/tests/cuda/quantize.cu" "-DNIBBLE_TEST_BLOCK_FORMAT=$f" &
  done
  for f in nvfp4 mxfp8_e4m3; do
    compile "fast_math_$f" "$root/tests/cuda/quantize.cu" "-DNIBBLE_TEST_BLOCK_FORMAT=$f" --use_fast_math -Xcompiler=-ffast-math &
  done
  for f in $small; do compile "fast_math_$f" "$root/tests/cuda/$f.cu" --use_fast_math & done
  compile sparsify_without_doubles "$root/tests/cuda/sparsify.cu" -DNIBBLE_CUDA_FAST_DOUBLES=0 &
  wait
  elapsed built
  if [ -f "$logs/build.failed" ]; then
    cat "$logs/build.failed"
    for n in $(cat "$logs/build.failed"); do head -5 "$logs/build.$n.log"; done
  fi

  run 120 bench "$build/cuda_quantize"
  elapsed "benchmark done"

  run 60 sparse_storage "$build/sparse_storage"
  run 120 huge "$build/huge"
  for f in calls quantize_extras luq register_block sparsify sparsify_without_doubles transposable; do run 200 "$f" "$build/$f" & done
  for f in nvfp4 mxfp8_e4m3 $small; do run 120 "fast_math_$f" "$build/fast_math_$f" small & done
  wait
  elapsed "calls and methods done"
  running=0
  for f in $formats; do
    run 200 "quantize_$f" "$build/quantize_$f" &
    running=$((running + 1))
    [ $((running % 4)) -ne 0 ] || wait
  done
  wait
  elapsed "quantize done"
  run 240 codec "$build/codec"
  elapsed "codec done"
fi

if [ "$quick" != quick ]; then
  sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
  for tool in memcheck racecheck initcheck synccheck; do
    for program in quantize_nvfp4 quantize_mxfp4 quantize_mxfp8_e4m3 quantize_fp8_per_row $small; do
      [ -x "$build/$program" ] || echo "$program is not built" >> "$logs/run.failed"
      run 300 "$tool.$program" "$sanitizer" --tool "$tool" --error-exitcode 9 "$build/$program" small &
    done
    wait
    elapsed "$tool done"
  done
  for f in $formats; do
    case $f in nvfp4 | mxfp4 | mxfp8_e4m3 | fp8_per_row) continue ;; esac
    run 300 "memcheck.quantize_$f" "$sanitizer" --tool memcheck --error-exitcode 9 "$build/quantize_$f" small &
  done
  wait
fi
elapsed "all done"

echo "== Tests"
for log in "$logs"/run.*.log; do
  case $log in *bench*) continue ;; esac
  echo "$(basename "$log" .log | sed 's/^run\.//'): $(grep -E 'checks|ERROR SUMMARY|skipped|RACECHECK' "$log" | tr '\n' ' ' | cut -c1-150)"
  grep FAILED "$log" | head -4
done
echo "== Benchmark"
cat "$logs/run.bench.log"
echo "== Failed"
cat "$logs"/*.failed 2> /dev/null || { echo none; exit 0; }
exit 1
