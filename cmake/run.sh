#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sh cmake/run.sh [ARGUMENT...]
# Installs what the nibble tool needs, builds it and runs it: `nibble quantize` or, with arguments, `nibble ARGUMENT...`.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/cmake/packages.sh"

install_packages g++ cmake ninja-build libxsimd-dev libcli11-dev nlohmann-json3-dev

echo "== Configure, build, run"
# cmake/test.sh goes on in the same build tree with the same flags, so that nothing is compiled twice.
build=$root/build/ci
if [ ! -f "$build/build.ninja" ]; then
  cmake -S "$root" --preset ci -DNIBBLE_BUILD_TESTS=OFF -DNIBBLE_BUILD_BENCH=OFF \
    -DNIBBLE_WITH_SIMD=AUTO -DNIBBLE_WITH_EIGEN=AUTO
fi
cmake --build "$build" --parallel "$(nproc)" --target nibble_tool

[ $# -gt 0 ] || set -- quantize
echo "$ build/ci/bin/nibble $*"
exec "$build/bin/nibble" "$@"
