// SPDX-License-Identifier: Apache-2.0
//
// The host half of the capture program: operands by range, the comparison on all cores, mismatches for the search.
#include <atomic>
#include <thread>

#include <nibble/emulate/tensor_core.hpp>

#include "capture.hpp"

namespace capture {
namespace {

namespace em = nibble::emulate;
namespace formats = nibble::formats;

constexpr int range_count = 11;
const char* const range_names[range_count] = {"all codes, C = 0",  "all codes, C wide",  "near one", "subnormals",
                                              "cancellation",      "any C",              "zeros",    "specials",
                                              "largest exponents", "smallest exponents", "least exponent"};

nibble::float_format format_of(int index) {
  const nibble::float_format all[] = {formats::e4m3, formats::e5m2, formats::f16, formats::bf16, em::tf32};
  return all[index];
}
int bytes_of(int index) { return index < 2 ? 1 : (index < 4 ? 2 : 4); }
int shift_of(int index) { return index == 4 ? 13 : 0; }

class random_source {
 public:
  explicit random_source(std::uint64_t seed) : state_(seed * 0x9e37'79b9'7f4a'7c15U + 1) {}
  std::uint32_t operator()() {
    state_ += 0x9e37'79b9'7f4a'7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9U;
    z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11ebU;
    return static_cast<std::uint32_t>((z ^ (z >> 31)) >> 16);
  }
  std::uint32_t below(std::uint32_t n) { return (*this)() % n; }

 private:
  std::uint64_t state_;
};

/// A finite number of exponent fields [first, last].
std::uint32_t number(random_source& r, const nibble::float_format& f, int first, int last) {
  if (first < 0) first = 0;
  const int top = static_cast<int>(f.max_code() >> f.mantissa_bits);
  if (last > top) last = top;
  if (first > last) first = last;
  const auto field = static_cast<std::uint32_t>(first) + r.below(static_cast<std::uint32_t>(last - first + 1));
  std::uint32_t code = field << f.mantissa_bits | (r() & ((1U << f.mantissa_bits) - 1U));
  if (code > f.max_code()) code = f.max_code();
  return code | ((r() & 1U) != 0 ? f.sign_mask() : 0U);
}

std::uint32_t special(random_source& r, const nibble::float_format& f) {
  if (f.has_infinity() && r.below(4) != 0) return f.infinity_code() | ((r() & 1U) != 0 ? f.sign_mask() : 0U);
  return r.below(2) != 0 ? f.nan_code() : (r.below(2) != 0 ? f.nan_code() | f.sign_mask() : 0U);
}

/// An operand; `top` is the highest exponent field, `bias` the field of one.
std::uint32_t operand(random_source& r, const nibble::float_format& f, int range) {
  const int top = static_cast<int>(f.max_code() >> f.mantissa_bits);
  switch (range) {
    case 2: return number(r, f, f.bias - 3, f.bias + 1);
    case 3: return r.below(4) != 0 ? number(r, f, 0, 0) : number(r, f, 0, f.bias);
    case 4: return number(r, f, f.bias - 4, f.bias + 4);
    case 6: return r.below(2) != 0 ? (r() & 1U) * f.sign_mask() : number(r, f, 0, r.below(2) != 0 ? 2 : top);
    case 7: return r.below(96) == 0 ? special(r, f) : number(r, f, f.bias - 6, f.bias + 6);
    case 8: return number(r, f, top - static_cast<int>(r.below(f.exponent_bits > 5 ? 70 : 4)), top);
    case 9: return number(r, f, 0, static_cast<int>(r.below(f.exponent_bits > 5 ? 66 : 4)));
    default: return number(r, f, 0, top);
  }
}

/// An accumulator of a format; `scale` is the typical exponent of a product.
std::uint32_t accumulator(random_source& r, const nibble::float_format& f, int range) {
  const int top = static_cast<int>(f.max_code() >> f.mantissa_bits);
  switch (range) {
    case 0: return 0U;
    case 1: return number(r, f, f.bias - 20, f.bias + 20);
    case 2: return number(r, f, f.bias - 6, f.bias + 6);
    case 3: return number(r, f, f.bias - 40, f.bias - 10);
    case 4: return r.below(2) != 0 ? 0U : number(r, f, f.bias - 24, f.bias);
    case 6: return r.below(2) != 0 ? (r() & 1U) * f.sign_mask() : number(r, f, f.bias - 30, f.bias);
    case 7: return r.below(16) == 0 ? special(r, f) : number(r, f, f.bias - 10, f.bias + 10);
    case 8: return number(r, f, top - static_cast<int>(r.below(12)), top);
    case 9: return r.below(3) == 0 ? 0U : number(r, f, 0, static_cast<int>(r.below(12)));
    default: return number(r, f, 0, top);
  }
}

void store(std::uint8_t* row, int k, int bytes, std::uint32_t code) {
  for (int i = 0; i < bytes; ++i) row[k * bytes + i] = static_cast<std::uint8_t>(code >> (8 * i));
}
std::uint32_t load(const std::uint8_t* row, int k, int bytes) {
  std::uint32_t code = 0;
  for (int i = 0; i < bytes; ++i) code |= static_cast<std::uint32_t>(row[k * bytes + i]) << (8 * i);
  return code;
}

int range_of(std::size_t tile) { return static_cast<int>(tile % range_count); }

void fill_rows(random_source& r, std::uint8_t* rows, int count, int format, int range) {
  const nibble::float_format f = format_of(format);
  const int bytes = bytes_of(format);
  for (int i = 0; i < count; ++i) {
    for (int k = 0; k < row_bytes / bytes; ++k) {
      std::uint32_t code = operand(r, f, range) << shift_of(format);
      if (format == 4) code |= r() & 0x1fffU;  // what a tensor core drops
      if (format == 4 && range == 7) code &= ~0x1fffU;
      store(rows + i * row_bytes, k, bytes, code);
    }
  }
}

/// Pairs of products that cancel, all or but for the last place: a[k + 1] = -a[k] and b[k + 1] near b[k].
void cancel(random_source& r, tiles& t, std::size_t tile, const instruction& op) {
  const int a_bytes = bytes_of(op.a);
  const int b_bytes = bytes_of(op.b);
  const nibble::float_format f = format_of(op.a);
  const std::uint32_t sign = f.sign_mask() << shift_of(op.a);
  const auto m = static_cast<std::size_t>(t.m);
  for (std::size_t i = 0; i < m; ++i) {
    std::uint8_t* row = &t.a[(tile * m + i) * row_bytes];
    for (int k = 0; k + 1 < row_bytes / a_bytes; k += 2) store(row, k + 1, a_bytes, load(row, k, a_bytes) ^ sign);
  }
  for (std::size_t j = 0; j < 8; ++j) {
    std::uint8_t* row = &t.b[(tile * 8 + j) * row_bytes];
    for (int k = 0; k + 1 < row_bytes / b_bytes; k += 2) {
      const std::uint32_t near = r.below(3) == 0 ? 1U << shift_of(op.b) : 0U;
      store(row, k + 1, b_bytes, load(row, k, b_bytes) ^ near);
    }
  }
}

/// Sums that tell the least exponent of alignment, L, from L - 1, for formats with the exponents of binary32: with C = 0,
/// products that add up to 2^-149 less one unit of 2^(L - 25), and others of just less than that unit. They vanish under L
/// and all above, so that the result is zero; under all below they bring the sum to 2^-149, the least binary32 number.
void aim_at_least_exponent(random_source& r, tiles& t, std::size_t tile, const instruction& op) {
  const nibble::float_format f = format_of(op.a);
  const int bytes = bytes_of(op.a);
  const int count = row_bytes / bytes;
  const int unit = -139 + static_cast<int>(tile / range_count % 14) - 25;
  const int b_exponent = -100 + static_cast<int>(r.below(56));
  const auto power = [&](int exponent) { return static_cast<std::uint32_t>(exponent + f.bias) << f.mantissa_bits; };
  const auto m = static_cast<std::size_t>(t.m);
  for (std::size_t i = 0; i < m; ++i) {
    std::uint8_t* row = &t.a[(tile * m + i) * row_bytes];
    const auto first = static_cast<int>(r.below(static_cast<std::uint32_t>(count)));
    int left = -149 - unit;  // of the bits of 2^-149 less a unit, all ones
    for (int k = 0; k < count; ++k) {
      const int width = left < f.mantissa_bits + 1 ? left : f.mantissa_bits + 1;
      std::uint32_t code = power(unit - 1 - b_exponent) | (r() & ((1U << f.mantissa_bits) - 1U));
      if (width > 0) {
        const std::uint32_t ones = (1U << f.mantissa_bits) - (1U << (f.mantissa_bits + 1 - width));
        code = power(unit + left - 1 - b_exponent) | ones;
        left -= width;
      }
      store(row, (first + k) % count, bytes, code << shift_of(op.a));
    }
  }
  for (std::size_t j = 0; j < 8; ++j) {
    const std::uint32_t code = power(b_exponent) | (j % 2 != 0 ? f.sign_mask() : 0U);
    for (int k = 0; k < count; ++k) store(&t.b[(tile * 8 + j) * row_bytes], k, bytes, code << shift_of(op.b));
  }
}

void fill_tile(tiles& t, std::size_t tile, const instruction& op) {
  random_source r(tile * 64 + static_cast<std::size_t>(op.a * 8 + op.b));
  const int range = range_of(tile);
  const auto m = static_cast<std::size_t>(t.m);
  fill_rows(r, &t.a[tile * m * row_bytes], t.m, op.a, range);
  fill_rows(r, &t.b[tile * 8 * row_bytes], 8, op.b, range);
  if (range == 4) cancel(r, t, tile, op);
  if (range == 10 && op.a >= 3) aim_at_least_exponent(r, t, tile, op);
  const nibble::float_format f = op.f16_result ? formats::f16 : formats::f32;
  for (std::size_t i = 0; i < m * 8; ++i) t.c[tile * m * 8 + i] = accumulator(r, f, range == 10 && op.a >= 3 ? 0 : range);
}

tiles make_tiles(const instruction& op, std::size_t count) {
  tiles t;
  t.m = op.wgmma ? 64 : 16;
  t.count = count;
  const auto m = static_cast<std::size_t>(t.m);
  t.a.resize(count * m * row_bytes);
  t.b.resize(count * 8 * row_bytes);
  t.c.resize(count * m * 8);
  t.d.resize(count * m * 8);
  return t;
}

// ---- comparison ----

em::tensor_unit default_unit(const instruction& op) {
  if (op.a == 4) return em::units::hopper_tf32;
  if (op.a >= 2) return op.f16_result ? em::units::hopper_f16_f16 : em::units::hopper_f16;
  if (op.wgmma) return op.f16_result ? em::units::hopper_wgmma_fp8_f16 : em::units::hopper_wgmma_fp8;
  return op.f16_result ? em::units::hopper_mma_fp8_f16 : em::units::hopper_mma_fp8;
}

/// One dot product of the tiles, its operands spread to a word each.
sample sample_of(const instruction& op, const tiles& t, std::size_t tile, std::size_t at) {
  const auto rows = static_cast<std::size_t>(t.m);
  const std::uint8_t* a = &t.a[(tile * rows + at / 8) * row_bytes];
  const std::uint8_t* b = &t.b[(tile * 8 + at % 8) * row_bytes];
  sample s;
  for (int k = 0; k < row_bytes / bytes_of(op.a); ++k) {
    s.a[k] = load(a, k, bytes_of(op.a));
    s.b[k] = load(b, k, bytes_of(op.b));
  }
  s.c = t.c[tile * rows * 8 + at];
  s.d = t.d[tile * rows * 8 + at];
  return s;
}

std::uint32_t emulated(const em::tensor_unit& u, const instruction& op, const sample& s) {
  return em::multiply_accumulate(u, format_of(op.a), format_of(op.b), s.a, s.b, s.c);
}

void print_dot(std::FILE* file, const instruction& op, const tiles& t, std::size_t tile, std::size_t i, std::size_t j) {
  const auto m = static_cast<std::size_t>(t.m);
  const auto row = [&](const std::uint8_t* bytes, int format) {
    const int width = bytes_of(format);
    for (int k = 0; k < row_bytes / width; ++k) std::fprintf(file, "%0*x", 2 * width, load(bytes, k, width));
    std::fputc(' ', file);
  };
  row(&t.a[(tile * m + i) * row_bytes], op.a);
  row(&t.b[(tile * 8 + j) * row_bytes], op.b);
  const int digits = op.f16_result ? 4 : 8;
  const std::size_t at = (tile * m + i) * 8 + j;
  std::fprintf(file, "%0*x %0*x\n", digits, t.c[at], digits, t.d[at]);
}

struct outcome {
  std::size_t mismatches[range_count] = {};
  std::size_t total = 0;
  std::vector<std::uint32_t> first;  // of each tile: the first output that differs, or -1
};

outcome compare(const em::tensor_unit& u, const instruction& op, const tiles& t) {
  std::atomic<std::size_t> counts[range_count] = {};
  outcome result;
  result.first.assign(t.count, 0xffff'ffffU);
  const auto rows = static_cast<std::size_t>(t.m);
  on_all_cores(t.count, [&](std::size_t tile) {
    std::size_t wrong = 0;
    for (std::size_t at = 0; at < rows * 8; ++at) {
      const sample s = sample_of(op, t, tile, at);
      if (emulated(u, op, s) == s.d) continue;
      if (wrong++ == 0) result.first[tile] = static_cast<std::uint32_t>(at);
    }
    counts[range_of(tile)] += wrong;
  });
  for (int i = 0; i < range_count; ++i) result.total += result.mismatches[i] = counts[i];
  return result;
}

/// Mismatches (at most one a tile, and 50 a range in the file), and as many outputs that agree, for the search for a rule.
std::vector<sample> collect(const em::tensor_unit& u, const instruction& op, const tiles& t, const outcome& o,
                            std::FILE* file) {
  std::vector<sample> samples;
  int shown[range_count] = {};
  for (std::size_t tile = 0; tile < t.count && samples.size() < 2400; ++tile) {
    if (o.first[tile] == 0xffff'ffffU || shown[range_of(tile)]++ >= 400) continue;
    samples.push_back(sample_of(op, t, tile, o.first[tile]));
    samples.push_back(sample_of(op, t, tile, (o.first[tile] + 65) % (static_cast<std::size_t>(t.m) * 8)));
    if (shown[range_of(tile)] > 50) continue;
    std::fprintf(file, "%s | %s | emulated %08x | A B C D ", op.name, range_names[range_of(tile)],
                 emulated(u, op, samples[samples.size() - 2]));
    print_dot(file, op, t, tile, o.first[tile] / 8, o.first[tile] % 8);
  }
  for (std::size_t tile = 0; tile < t.count && tile < 1000; ++tile) samples.push_back(sample_of(op, t, tile, tile % 128));
  return samples;
}

}  // namespace

void on_all_cores(std::size_t count, const std::function<void(std::size_t)>& task) {
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  const unsigned cores = std::thread::hardware_concurrency();
  for (unsigned i = 0; i < (cores == 0 ? 1U : cores); ++i) {
    threads.emplace_back([&] {
      for (std::size_t first = next.fetch_add(16); first < count; first = next.fetch_add(16)) {
        for (std::size_t j = first; j < first + 16 && j < count; ++j) task(j);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

bool layout_is_right(int index, bool swapped_strides) {
  const instruction& op = instructions[index];
  tiles t = make_tiles(op, 64);
  const auto m = static_cast<std::size_t>(t.m);
  const int k_count = row_bytes / bytes_of(op.a);
  random_source r(7);
  std::vector<int> values[2];
  for (int side = 0; side < 2; ++side) {
    std::vector<std::uint8_t>& bytes = side == 0 ? t.a : t.b;
    const int format = side == 0 ? op.a : op.b;
    const std::size_t count = bytes.size() / static_cast<std::size_t>(bytes_of(format));
    for (std::size_t i = 0; i < count; ++i) {
      const int value = static_cast<int>(r.below(5)) - 2;
      values[side].push_back(value);
      const nibble::float_format f = format_of(format);
      const std::uint32_t code =
          nibble::detail::encode_bits(f, nibble::to_bits(static_cast<float>(value)), nibble::rounding_choice{},
                                      nibble::overflow::saturate, nibble::policy::cuda)
          << shift_of(format);
      store(bytes.data(), static_cast<int>(i), bytes_of(format), code);
    }
  }
  if (!run_tiles(index, t, swapped_strides)) return false;
  for (std::size_t at = 0; at < t.d.size(); ++at) {
    const std::size_t row = at / 8;
    const std::size_t column = row / m * 8 + at % 8;
    int sum = 0;
    for (int k = 0; k < k_count; ++k) {
      sum += values[0][row * static_cast<std::size_t>(k_count) + static_cast<std::size_t>(k)] *
             values[1][column * static_cast<std::size_t>(k_count) + static_cast<std::size_t>(k)];
    }
    const float got = op.f16_result ? nibble::decode<formats::f16>(t.d[at]) : nibble::bit_cast<float>(t.d[at]);
    if (got != static_cast<float>(sum)) return false;
  }
  return true;
}

std::size_t check_instruction(int index, std::size_t dots, bool swapped_strides, std::FILE* file, std::FILE* differences) {
  const instruction& op = instructions[index];
  const std::size_t outputs = op.wgmma ? 512 : 128;
  tiles t = make_tiles(op, (dots + outputs - 1) / outputs);
  on_all_cores(t.count, [&](std::size_t tile) { fill_tile(t, tile, op); });
  if (!run_tiles(index, t, swapped_strides)) return dots;
  const em::tensor_unit unit = default_unit(op);
  const outcome base = compare(unit, op, t);
  std::printf("%s: %zu dot products, %zu mismatches", op.name, t.d.size(), base.total);
  for (int i = 0; i < range_count; ++i) {
    if (base.mismatches[i] != 0) std::printf("; %s %zu", range_names[i], base.mismatches[i]);
  }
  std::printf("\n");
  if (base.total != 0) learn(op, format_of(op.a), format_of(op.b), unit, collect(unit, op, t, base, differences));
  // Twelve dot products a range, each of another tile.
  for (std::size_t tile = 0; tile < 12U * range_count && tile < t.count; ++tile) {
    std::fprintf(file, "%s ", op.name);
    print_dot(file, op, t, tile, tile % static_cast<std::size_t>(t.m), tile % 8);
  }
  std::fflush(stdout);
  return base.total;
}

}  // namespace capture
