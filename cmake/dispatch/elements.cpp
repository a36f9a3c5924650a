// SPDX-License-Identifier: Apache-2.0
//
// Codecs of whole spans, for every named format.
#include <type_traits>
#include <utility>

#include "unit.hpp"

// Spans on SSE2 alone are left to scalar code: a unit less to wait for, and hardly a machine has nothing more.
#if NIBBLE_DISPATCH_SCALAR || (defined(__SSE2__) && !defined(__AVX2__))
#define NIBBLE_DISPATCH_SCALAR_SPANS 1
#endif

namespace nibble {
inline namespace v0 {
namespace dispatch {
namespace NIBBLE_DISPATCH_ISA {

template <float_format F>
using span_code = std::conditional_t<(F.bits() > 8), std::uint16_t, std::uint8_t>;

template <float_format F>
void encode_all(const float* x, std::size_t count, void* codes, const packed_layout& layout,
                const encode_options& options) {
  auto* out = static_cast<span_code<F>*>(codes);
#if NIBBLE_DISPATCH_SCALAR_SPANS
  detail::encode_span<F>(x, count, out, layout, options);
#else
  detail::encode_span<F>(basic_simd<unit_arch>{}, x, count, out, layout, options);
#endif
}

template <float_format F>
void decode_all(const void* codes, std::size_t count, float* out, const packed_layout& layout) {
  const auto* in = static_cast<const span_code<F>*>(codes);
#if NIBBLE_DISPATCH_SCALAR_SPANS
  for (std::size_t i = 0; i < count; ++i) {
    if constexpr (F.bits() > 8) {
      out[i] = detail::decoded<F, float>(in[i]);
    } else {
      out[i] = detail::decoded<F, float>(load_code(layout, in, i));
    }
  }
#else
  detail::decode_span<F, unit_arch>(in, count, out, layout, count);
#endif
}

}  // namespace NIBBLE_DISPATCH_ISA

#define NIBBLE_DISPATCH_ELEMENT(place) \
  {NIBBLE_DISPATCH_ISA::encode_all<named_formats[place].format>, NIBBLE_DISPATCH_ISA::decode_all<named_formats[place].format>}

static_assert(format_count == 15, "one entry below for each named format");
const element_kernels NIBBLE_DISPATCH_ISA::elements[format_count] = {
    NIBBLE_DISPATCH_ELEMENT(0),  NIBBLE_DISPATCH_ELEMENT(1),  NIBBLE_DISPATCH_ELEMENT(2),  NIBBLE_DISPATCH_ELEMENT(3),
    NIBBLE_DISPATCH_ELEMENT(4),  NIBBLE_DISPATCH_ELEMENT(5),  NIBBLE_DISPATCH_ELEMENT(6),  NIBBLE_DISPATCH_ELEMENT(7),
    NIBBLE_DISPATCH_ELEMENT(8),  NIBBLE_DISPATCH_ELEMENT(9),  NIBBLE_DISPATCH_ELEMENT(10), NIBBLE_DISPATCH_ELEMENT(11),
    NIBBLE_DISPATCH_ELEMENT(12), NIBBLE_DISPATCH_ELEMENT(13), NIBBLE_DISPATCH_ELEMENT(14)};

}  // namespace dispatch
}  // namespace v0
}  // namespace nibble
