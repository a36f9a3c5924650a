// SPDX-License-Identifier: Apache-2.0
//
// Implementation of kernel_check.hpp.
#include "kernel_check.hpp"

#include <string>

#include "error.hpp"

namespace nibble::tool {
namespace {

using check_function = check::diagnosis (*)(const matrix_view<float>&, const check::device_bytes&,
                                            const check::explain_options&, unsigned);

template <block_format F>
check::diagnosis check_format(const matrix_view<float>& x, const check::device_bytes& bytes,
                              const check::explain_options& options, unsigned threads) {
  return check::explain<F>(x, bytes, options, thread_executor{threads});
}

constexpr struct {
  std::string_view name;
  check_function run;
} checks[] = {
    {"nvfp4", check_format<nvfp4>},           {"nvfp4-2d", check_format<nvfp4_2d>},
    {"mxfp4", check_format<mxfp4>},           {"mxfp6-e2m3", check_format<mxfp6_e2m3>},
    {"mxfp6-e3m2", check_format<mxfp6_e3m2>}, {"mxfp8-e4m3", check_format<mxfp8_e4m3>},
    {"mxfp8-e5m2", check_format<mxfp8_e5m2>}, {"mxint8", check_format<mxint8>},
};

}  // namespace

check::diagnosis check_kernel(std::string_view format, const matrix_view<float>& x, const check::device_bytes& bytes,
                              const check::explain_options& options, unsigned threads) {
  for (const auto& entry : checks) {
    if (entry.name == format) return entry.run(x, bytes, options, threads);
  }
  throw usage_error("bytes of the format '" + std::string(format) + "' cannot be checked");
}

}  // namespace nibble::tool
