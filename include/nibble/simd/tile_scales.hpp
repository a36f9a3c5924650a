// SPDX-License-Identifier: Apache-2.0
//
// The scales of a tile: codes, and how the elements of each block are scaled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <nibble/base/counts.hpp>
#include <nibble/simd/element_run.hpp>
#include <nibble/simd/scale_group.hpp>
#include <nibble/simd/x86/quick_scales.hpp>
#include <nibble/simd/x86/small_numbers.hpp>

namespace nibble {
inline namespace v0 {
namespace detail::inline NIBBLE_UNIT {

/// Scale codes and element operands of the blocks of a tile, `Size` elements each.
template <block_format F, std::size_t Size, class Kernel, class Arch>
class tile_scales {
  using words = word_batch<Arch>;
  using signed_words = signed_batch<Arch>;
  using real = simd_real<Arch>;
  using kind = element_scaling::kind;
  static constexpr std::size_t width = words::size;
  static constexpr std::size_t most = tile_capacity / Size;
#if defined(__AVX2__)
  static constexpr bool has_quick = has_avx2<Arch> && Kernel::is_whole() && x86::has_quick_scales(F);
  struct nothing {};
  using quick = std::conditional_t<has_quick, x86::quick_scales<F, x86::vector_of<Arch>>, nothing>;
#endif

 public:
  /// The arguments outlive the scales. `factor` is that of block_scale_code.
  tile_scales(const recipe& r, const tensor_scaling& t, const scale_constants& k, const Kernel& kernel,
              const element_scaler<F.element, Arch>& scaler, binary32 factor = binary32(1.0F)) noexcept
      : recipe_(&r),
        scaling_(&t),
        constants_(&k),
        factor_(factor),
        group_(r, t, k, factor),
        by_vectors_(has_vector_scales<F, Arch>(r, t)),
        how_by_rule_(kind_by_rule(r.element)),
        exact_(how_by_rule_ == kind::exact && kernel.divides_exactly(F.scale.mantissa_bits + 1)),
        may_be_direct_((exact_ || scaler.is_product(how_by_rule_)) && kernel.tuned() && Kernel::is_whole()),
        is_product_(Kernel::is_whole() && kernel.tuned() && scaler.is_product_of_most(how_by_rule_)),
        reads_signs_(kernel.reads_signs()) {
    const int prescale = exact_ ? -Kernel::exact_prescale() : kernel.prescale();
    const plain_fields plain = plain_fields_of(F.element, how_by_rule_);
    lowest_field_ = exact_ ? plain.first : static_cast<std::uint32_t>(prescale < 0 ? 8 - prescale : 8);
    highest_field_ = exact_ ? plain.last - static_cast<std::uint32_t>(prescale) : plain.last;
    unit_ = bit_cast<float>(static_cast<std::uint32_t>(127 + prescale) << 23);
#if defined(__AVX2__)
    if constexpr (has_quick) {
      if (by_vectors_ && (may_be_direct_ || is_product_) && !exact_) {
        quick_ = {r,
                  t,
                  k,
                  factor,
                  prescale,
                  static_cast<int>(lowest_field_),
                  static_cast<int>(highest_field_),
                  static_cast<int>(largest_reach(F.element, r)) - 254,
                  kernel.close_reach()};
      }
    }
#endif
  }

  /// Where the magnitude bits of the blocks' amaxes go before find(); room for a vector more.
  [[nodiscard]] std::uint32_t* amax() noexcept { return amax_; }
  [[nodiscard]] const std::uint32_t* amax() const noexcept { return amax_; }
  [[nodiscard]] const std::uint32_t* codes() const noexcept { return code_; }
  /// How the elements of block b are scaled, and by what; `nothing` is for scalar code.
  [[nodiscard]] kind how(std::size_t b) const noexcept { return mixed_ ? how_[b] : how_by_rule_; }
  [[nodiscard]] binary32 operand(std::size_t b) const noexcept { return binary32::from_bits(operand_[b]); }
  [[nodiscard]] const std::uint32_t* operands() const noexcept { return operand_; }
  /// Whether block b is within largest_reach().
  [[nodiscard]] bool is_near(std::size_t b) const noexcept {
    const kind how_b = how(b);
    return reach_of(amax_[b], operand_[b], how_b == kind::exact || how_b == kind::divide) <=
           largest_reach(F.element, *recipe_);
  }
  /// Another number each time that operands change.
  [[nodiscard]] std::uint32_t version() const noexcept { return version_; }
  /// How the recipe has elements scaled where nothing stands against it.
  [[nodiscard]] kind rule() const noexcept { return how_by_rule_; }
  /// Whether the kernel may multiply all elements by multipliers(), or is_exact() and it may divide by them.
  [[nodiscard]] bool is_direct() const noexcept { return direct_; }
#if defined(__AVX2__)
  /// The same for `count` elements of a row that is one block, or a part of it: whole vectors.
  [[nodiscard]] bool is_direct_for(const float* x, std::size_t count) const noexcept {
    return direct_ || (by_part_ && !loses_numbers(smallest_multiplier_, x, count));
  }
#endif
  /// Whether products by multipliers() are below the kernel's close_reach(), if is_direct() and it has one.
  [[nodiscard]] bool is_close() const noexcept { return close_; }
  /// Whether hardware may scale all elements, as is_plain_operand says of each block.
  [[nodiscard]] bool is_plain() const noexcept { return plain_ && !mixed_; }
  [[nodiscard]] bool is_exact() const noexcept { return exact_; }
  [[nodiscard]] const std::uint32_t* multipliers() const noexcept { return multiplier_; }
  [[nodiscard]] const std::uint32_t* reciprocals() const noexcept { return reciprocal_; }

  /// Takes the codes of `other`, found for the same blocks, where `takes` has all ones; with `operands` everything.
  void adopt(tile_scales& other, const std::uint32_t* takes, std::size_t blocks, bool operands) noexcept {
    const auto put = [&](std::uint32_t* to, const std::uint32_t* from) {
      for (std::size_t b = 0; b < blocks; b += width) {
        const words own = words::load_unaligned(to + b);
        (own ^ ((own ^ words::load_unaligned(from + b)) & words::load_unaligned(takes + b))).store_unaligned(to + b);
      }
    };
    put(code_, other.code_);
    if (!operands) return;
    ++version_;
    const bool completes = !(quickly_ && other.quickly_);
    if (completes) {
      complete(blocks);
      other.complete(blocks);
      put(operand_, other.operand_);
      put(reciprocal_, other.reciprocal_);
    }
    put(multiplier_, other.multiplier_);
    const bool mixed = mixed_ || other.mixed_;
    for (std::size_t b = 0; mixed && b < blocks; ++b) how_[b] = takes[b] != 0 ? other.how(b) : how(b);
    mixed_ = mixed;
    direct_ = direct_ && other.direct_;
    by_part_ = by_part_ && other.by_part_;
    if (other.smallest_multiplier_ < smallest_multiplier_) smallest_multiplier_ = other.smallest_multiplier_;
    close_ = close_ && other.close_;
    plain_ = plain_ && other.plain_;
  }

  /// The blocks have `rows` rows; `row_of(r)` is where the elements of row r begin, until the next call.
  /// `without_nan(b)` is the amax of a block that leaves NaN out.
  template <class RowOf, class WithoutNan>
  NIBBLE_ALWAYS_INLINE void find(std::size_t blocks, std::size_t rows, const RowOf& row_of,
                                 const WithoutNan& without_nan) noexcept {
    begin(blocks);
#if defined(__AVX2__)
    if constexpr (has_quick) {
      if (quick_.applies() && takes(quick_.run(amax_, blocks, code_, multiplier_), blocks, rows, row_of)) return;
    }
#endif
    find_each(blocks, rows, row_of, without_nan);
  }

  /// The same for blocks of one row, whose amaxes are found here, too, while what lies at `ahead` is fetched.
  template <class RowOf, class WithoutNan>
  NIBBLE_ALWAYS_INLINE void find_in_row(std::size_t blocks, const RowOf& row_of, const WithoutNan& without_nan,
                                        const char* ahead) noexcept {
#if defined(__AVX2__)
    if constexpr (has_quick) {
      using vector = x86::vector_of<Arch>;
      if constexpr (quick::can_read_elements && Size % vector::lanes == 0) {
        if (quick_.reads_elements() && blocks % vector::lanes == 0) {
          const bool serves = quick_.template run_from<Size>(row_of(0), amax_, blocks, code_, multiplier_, ahead);
          begin(blocks);
          if (takes(serves, blocks, 1, row_of)) return;
          return find_each(blocks, 1, row_of, without_nan);
        }
      }
    }
#endif
    block_maxima<Size, Arch>(row_of(0), blocks, amax_, ahead);
    find(blocks, 1, row_of, without_nan);
  }

 private:
  template <block_format, std::size_t, std::size_t, class>
  friend class tile_choice;

  /// Finds the operands of blocks whose multipliers alone are known.
  void complete(std::size_t blocks) noexcept {
    for (std::size_t b = 0; quickly_ && b < blocks; b += width) {
      const real multiplier(float_batch<Arch>::load_unaligned(reinterpret_cast<const float*>(multiplier_ + b)));
      bits_as<std::uint32_t>((multiplier * real(1.0F / unit_)).value).store_unaligned(operand_ + b);
    }
    quickly_ = false;
  }

  void begin(std::size_t blocks) noexcept {
    // The rest of a vector repeats the last block.
    for (std::size_t i = 0; i < width; ++i) amax_[blocks + i] = amax_[blocks - 1];
    direct_ = may_be_direct_ || is_product_;
    ++version_;
    by_part_ = mixed_ = quickly_ = close_ = false;
  }
#if defined(__AVX2__)
  /// Whether what the quick way found counts, which `serves` says first.
  template <class RowOf>
  NIBBLE_ALWAYS_INLINE bool takes(bool serves, std::size_t blocks, std::size_t rows, const RowOf& row_of) noexcept {
    if (!serves) return false;
    plain_ = true;
    direct_ = may_be_direct_ || !loses_some(quick::smallest(multiplier_, blocks), blocks, rows, row_of);
    quickly_ = direct_;
    close_ = direct_ && quick_.is_close(amax_, blocks);
    return direct_;
  }
#endif

  /// As find(), without a quick way.
  template <class RowOf, class WithoutNan>
  [[gnu::noinline]] void find_each(std::size_t blocks, [[maybe_unused]] std::size_t rows,
                                   [[maybe_unused]] const RowOf& row_of, const WithoutNan& without_nan) noexcept {
    std::size_t b = 0;
    for (; by_vectors_ && b < blocks; b += width) {
      const words amax = words::load_unaligned(amax_ + b);
      if (!group_.is_plain(amax)) {
        for (std::size_t i = b; i < smaller(b + width, blocks); ++i) one(i, blocks, without_nan);
        continue;
      }
      words code;
      words operand;
      group_.run(amax, code, operand);
      code.store_unaligned(code_ + b);
      operand.store_unaligned(operand_ + b);
    }
    for (std::size_t i = b; i < blocks; ++i) one(i, blocks, without_nan);
    if (by_vectors_) {
      judge(blocks);
    } else {
      judge_each(blocks);
    }
#if defined(__AVX2__)
    if (direct_ && !may_be_direct_) {
      const std::uint32_t multiplier = (binary32::from_bits(smallest_) * binary32(unit_)).bits();
      by_part_ = F.block_size == 0 && !mixed_;
      smallest_multiplier_ = multiplier;
      direct_ = !mixed_ && !loses_some(multiplier, blocks, rows, row_of);
    }
#endif
  }

  /// What kernels may do with the operands of plain blocks.
  NIBBLE_ALWAYS_INLINE void judge(std::size_t blocks) noexcept {
    signed_words largest(0);
    words reach(0U);
    const bool divides = how_by_rule_ == kind::exact || how_by_rule_ == kind::divide;
    words smallest(~0U);
    words leaves_nothing(0U);
    bool divides_by_zero = false;
    for (std::size_t b = 0; b < blocks; b += width) {
      const words amax = words::load_unaligned(amax_ + b);
      if (mixed_ && !group_.is_plain(amax)) continue;
      const words operand = words::load_unaligned(operand_ + b);
      // Zero is as good a multiplier as any, so it counts as the largest.
      largest = xsimd::max(largest, bits_as<std::int32_t>(operand));
      smallest = xsimd::min(smallest, operand - words(1U));
      if (how_by_rule_ == kind::divide) divides_by_zero = divides_by_zero || xsimd::any(operand == words(0U));
      leaves_nothing = leaves_nothing | xsimd::select(operand == words(0U), amax, words(0U));
      const real multiplier = real(bits_as<float>(operand)) * real(unit_);
      multiplier.value.store_unaligned(reinterpret_cast<float*>(multiplier_ + b));
      if (exact_) {
        const words reciprocal = bits_as<std::uint32_t>((real(1.0F) / multiplier).value);
        xsimd::select(operand == words(0U), operand, reciprocal).store_unaligned(reciprocal_ + b);
      }
      reach = xsimd::max(reach, reach_of(amax, operand, divides));
    }
    const bool reaches = xsimd::any(reach > words(largest_reach(F.element, *recipe_)));
    const auto within = [&](std::uint32_t low, std::uint32_t high) NIBBLE_INLINE_LAMBDA {
      return !reaches && !xsimd::any(largest > signed_words(static_cast<std::int32_t>(high << 23))) &&
             !xsimd::any(smallest < words((low << 23) - 1U));
    };
    direct_ = direct_ && within(lowest_field_, highest_field_);
    // A zero leaves no sign of a number that it multiplies.
    if ((reads_signs_ || exact_) && xsimd::any(leaves_nothing != words(0U))) direct_ = false;
    alignas(64) std::uint32_t lanes[width];
    smallest.store_unaligned(lanes);
    smallest_ = ~0U;
    for (const std::uint32_t one : lanes) smallest_ = one < smallest_ ? one : smallest_;
    // The reciprocals of divisors have two terms.
    const plain_fields plain = plain_fields_of(F.element, how_by_rule_);
    plain_ = within(plain.first, plain.last < 127U + 82U ? plain.last : 127U + 82U) &&
             (how_by_rule_ != kind::exact || has_exact_quotient<Arch>);
    // A zero is no divisor: what it stands for is the recipe's.
    if (divides_by_zero) plain_ = false;
  }

  /// The same where each block came through one().
  void judge_each(std::size_t blocks) noexcept {
    bool plain = true;
    smallest_ = ~0U;
    for (std::size_t b = 0; b < blocks; ++b) {
      // Zero counts as the largest.
      smallest_ = operand_[b] - 1U < smallest_ ? operand_[b] - 1U : smallest_;
      plain = plain && how(b) == how_by_rule_ &&
              is_plain_operand(F.element, how(b), operand(b), has_exact_quotient<Arch>) && is_near(b);
    }
    mixed_ = !plain;
    plain_ = plain;
  }

  static kind kind_by_rule(element_rule rule) noexcept {
    if (F.power_of_two_scale()) return kind::shift;
    if (rule == element_rule::divide_by_quotient) return kind::divide;
    return rule == element_rule::exact ? kind::exact : kind::multiply;
  }

#if defined(__AVX2__)
  /// loses_numbers of any row.
  template <class RowOf>
  [[nodiscard]] bool loses_some(std::uint32_t multiplier, std::size_t blocks, std::size_t rows,
                                const RowOf& row_of) const noexcept {
    for (std::size_t r = 0; r < rows; ++r) {
      if (loses_numbers(multiplier, F.block_size == 0 ? nullptr : row_of(r), blocks * Size)) return true;
    }
    return false;
  }

  /// Whether a product of a number that is not zero might count as zero, or half a step be added to one. Kernels multiply by
  /// multipliers that are, but for zeros, larger than `multiplier`.
  [[nodiscard, gnu::noinline]] bool loses_numbers(std::uint32_t multiplier, const float* x,
                                                  std::size_t count) const noexcept {
    std::uint32_t field = multiplier >> 23, least = 1U << 23;
    if (reads_signs_) {
      field += 127U - (to_bits(unit_) >> 23);  // that of the operand
      // Only -0 tells a zero from what becomes one. A multiplier of at least 2^0 makes none zero.
      const bool keeps_traces = how_by_rule_ == kind::shift && !recipe_->underflow_is_zero;
      // From 2^-149 / 2^(field - 127) on.
      least = keeps_traces || field >= 127 ? 1U : field > 104 ? 1U << (127U - field) : (105U - field) << 23;
    } else if (field < 127) {
      // Products are normal numbers from 2^-126 / 2^(field - 127) on.
      least = (128U - field) << 23;
    }
    // The number just below half a step, a power of two, has all bits of its fraction set, and so has what a power of two
    // makes it of.
    const bool adds_half = recipe_->half_added_in_float;
    if (least == 1 && !adds_half) return false;
    if (x == nullptr) return true;
    return x86::has_small_numbers<x86::vector_of<Arch>>(x, count, least, adds_half);
  }
#endif

  /// Everything about one block, as scalar code has it.
  template <class WithoutNan>
  void one(std::size_t b, std::size_t blocks, const WithoutNan& without_nan) noexcept {
    for (std::size_t i = 0; !mixed_ && i < blocks; ++i) how_[i] = how_by_rule_;
    mixed_ = true;
    plain_ = false;
    std::uint32_t magnitude = amax_[b];
    if (magnitude > 0x7f80'0000U && recipe_->amax == amax_rule::ignore_nan) magnitude = without_nan(b);
    code_[b] = block_scale_code<F>(*recipe_, *constants_, *scaling_, binary32::from_bits(magnitude), factor_);
    const element_scaling e = make_element_scaling(F, *recipe_, *scaling_, code_[b]);
    how_[b] = e.how;
    operand_[b] = e.operand.bits();
    if (e.how == kind::shift) {
      const bool is_float = e.exponent >= -119 && e.exponent <= 82;
      operand_[b] = is_float ? static_cast<std::uint32_t>(e.exponent + 127) << 23 : 0U;
      // What a code that wraps stands for need not be what it scales by.
      if (!is_float || !e.scale.is_finite()) how_[b] = kind::nothing;
    }
    if (e.how == kind::exact) {
      operand_[b] = (e.scale * scaling_->decode).bits();
      if (!is_power_of_two(scaling_->decode) || operand_[b] == 0) how_[b] = kind::nothing;
    }
    if (amax_[b] >= 0x7f80'0000U) how_[b] = kind::nothing;
    const std::uint32_t field = operand_[b] >> 23;
    const bool takes = operand_[b] == 0 || (field >= lowest_field_ && operand_[b] <= highest_field_ << 23);
    const bool near = is_near(b);
    // A zero leaves no sign of a number that it multiplies.
    const bool leaves_nothing = operand_[b] == 0 && amax_[b] != 0 && (reads_signs_ || exact_);
    direct_ = direct_ && how_[b] == how_by_rule_ && takes && near && !leaves_nothing;
    const binary32 multiplier = binary32::from_bits(operand_[b]) * binary32(unit_);
    multiplier_[b] = multiplier.bits();
    if (exact_) reciprocal_[b] = multiplier.is_zero() ? 0U : (binary32(1.0F) / multiplier).bits();
  }

  const recipe* recipe_;
  const tensor_scaling* scaling_;
  const scale_constants* constants_;
  binary32 factor_;
  scale_group<F, Arch> group_;
  bool by_vectors_;
  kind how_by_rule_;
  bool exact_;
  bool may_be_direct_;
  bool is_product_;   ///< the kernel multiplies, and that is all unless loses_numbers()
  bool reads_signs_;  ///< the kernel tells -0 from a number that the product makes zero
  bool direct_ = false, close_ = false, plain_ = false, by_part_ = false;  ///< the last: is_direct_for() says it of each part
  bool mixed_ = false;          ///< how_ says how, block by block
  bool quickly_ = false;        ///< multipliers are known, operands are not
  std::uint32_t smallest_ = 0, smallest_multiplier_ = 0;  ///< less than the smallest but zero: operand, multiplier
  std::uint32_t lowest_field_ = 0, highest_field_ = 0, version_ = 0;
  float unit_ = 1.0F;
#if defined(__AVX2__)
  quick quick_;
#endif
  alignas(64) std::uint32_t amax_[most + 2 * width];
  alignas(64) std::uint32_t code_[most + 2 * width];
  alignas(64) std::uint32_t operand_[most + 2 * width];
  alignas(64) std::uint32_t multiplier_[most + 2 * width];
  alignas(64) std::uint32_t reciprocal_[most + 2 * width];
  kind how_[most + 2 * width];
};

}  // namespace detail::inline NIBBLE_UNIT
}  // namespace v0
}  // namespace nibble
