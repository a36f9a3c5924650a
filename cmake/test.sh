#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sh cmake/test.sh
# Installs what the tests need, builds everything that can be built here and runs all tests. Tests that need clang++ or
# nvcc are left out, with a word, where these are missing.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/cmake/packages.sh"

install_packages g++ cmake ninja-build pkg-config doctest-dev libxsimd-dev libeigen3-dev libcli11-dev \
  nlohmann-json3-dev librandom123-dev libmpfr-dev libglpk-dev libbenchmark-dev python3

echo "== Configure, build, test"
cmake -S "$root" --preset ci
cmake --build "$root/build/ci" --parallel "$(nproc)"
ctest --test-dir "$root/build/ci" --parallel "$(nproc)" --output-on-failure --no-tests=error
