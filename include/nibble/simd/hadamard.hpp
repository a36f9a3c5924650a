// SPDX-License-Identifier: Apache-2.0
//
// The random Hadamard transform with simd{}: the operations of the scalar functions in the same order. Where NaN
// appears its payload is the machine's; subnormals follow the control register.
#pragma once

#include <cstddef>
#include <span>

#include <nibble/method/hadamard.hpp>
#include <nibble/simd/backend.hpp>
#include <nibble/simd/x86/hadamard.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

#if defined(__AVX2__)
template <class V, bool Inverse>
void hadamard_by_vectors(std::span<float> x, std::size_t lanes, const hadamard_signs& signs) noexcept {
  const auto all = [&](const auto& transform) {
    for (std::size_t tile = 0; tile < x.size(); tile += lanes) transform(x.data() + tile);
  };
  switch (lanes) {
    case 16: return all(x86::hadamard_tiles<V, 16, Inverse>(signs));
    case 32: return all(x86::hadamard_tiles<V, 32, Inverse>(signs));
    case 64: return all(x86::hadamard_tiles<V, 64, Inverse>(signs));
    default: return all(x86::hadamard_tiles<V, 128, Inverse>(signs));
  }
}
#endif

}  // namespace detail

/// As hadamard(x, lanes, signs). Machines without AVX2 take the scalar code.
template <class Arch>
void hadamard(basic_simd<Arch> /*backend*/, std::span<float> x, std::size_t lanes,
              const hadamard_signs& signs = hadamard_signs::published()) {
#if defined(__AVX2__)
  if constexpr (detail::has_avx2<Arch>) {
    detail::check_hadamard(x.size(), lanes);
    return detail::hadamard_by_vectors<detail::x86::vector_of<Arch>, false>(x, lanes, signs);
  }
#endif
  hadamard(x, lanes, signs);
}
/// As inverse_hadamard(x, lanes, signs).
template <class Arch>
void inverse_hadamard(basic_simd<Arch> /*backend*/, std::span<float> x, std::size_t lanes,
                      const hadamard_signs& signs = hadamard_signs::published()) {
#if defined(__AVX2__)
  if constexpr (detail::has_avx2<Arch>) {
    detail::check_hadamard(x.size(), lanes);
    return detail::hadamard_by_vectors<detail::x86::vector_of<Arch>, true>(x, lanes, signs);
  }
#endif
  inverse_hadamard(x, lanes, signs);
}

}  // namespace v0
}  // namespace nibble
