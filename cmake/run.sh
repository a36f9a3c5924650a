#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sh cmake/run.sh [ARGUMENT...]
# Installs what the nibble tool needs, builds it and runs it: `nibble quantize` or, with arguments, `nibble ARGUMENT...`.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/cmake/packages.sh"

install_packages g++ cmake ninja-build libxsimd-dev libcli11-dev nlohmann-json3-dev

cmake -S "$root" -B "$root/build/run" -G Ninja -DCMAKE_BUILD_TYPE=Release -DNIBBLE_BUILD_TESTS=OFF \
  -DNIBBLE_WITH_SIMD=AUTO -DNIBBLE_WITH_EIGEN=OFF -DNIBBLE_WITH_CUDA=OFF
cmake --build "$root/build/run" --parallel "$(nproc)"

[ $# -gt 0 ] || set -- quantize
echo "$ build/run/bin/nibble $*"
exec "$root/build/run/bin/nibble" "$@"
