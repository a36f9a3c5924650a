// SPDX-License-Identifier: Apache-2.0
//
// Implementation of grid_plot.hpp.
#include "grid_plot.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nibble/format/catalogue.hpp>
#include <nibble/format/decode.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "text.hpp"

namespace nibble::tool {
namespace {

constexpr double page_width = 860;
constexpr double left = 120, right = 704;  // of the number lines
constexpr double row_height = 30;
constexpr std::string_view grey = "#6e7781", pale = "#e6e9ed";

// The distinct finite numbers of a format, ascending.
std::vector<double> grid(const float_format& format) {
  std::vector<double> values;
  for (std::uint32_t code = 0; code <= format.code_mask(); ++code) {
    const double value = decode_double(format, code);
    if (std::isfinite(value)) values.push_back(value == 0 ? 0.0 : value);
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

struct scale {
  double low, high;  // in the units of the axis: values, or binary logarithms of them
  bool logarithmic;

  [[nodiscard]] double unit(double value) const { return logarithmic ? std::log2(value) : value; }
  [[nodiscard]] double position(double axis) const { return left + (axis - low) / (high - low) * (right - left); }
};

std::string maximum_text(double value) {
  return value < 0x1p20 ? significant(value, 6) : power_text(2, static_cast<int>(std::log2(value)));
}

void draw_axis(svg_picture& picture, const scale& axis, double top, double bottom, int step) {
  for (int tick = static_cast<int>(axis.low); tick <= static_cast<int>(axis.high); tick += step) {
    const double x = axis.position(tick);
    picture.line(x, top, x, bottom, pale);
    const std::string label = axis.logarithmic ? power_text(2, tick) : std::to_string(tick);
    picture.text(x, bottom + 14, label, {.size = 10.5, .align = anchor::middle, .colour = grey});
  }
}

void draw_row(svg_picture& picture, const format_names& entry, const scale& axis, double y, std::string_view colour) {
  const std::vector<double> values = grid(entry.format);
  picture.text(left - 14, y + 4, entry.name, {.size = 13, .align = anchor::end, .bold = true});
  picture.line(left, y, right, y, "#c4cad1");
  const auto inside = [&](double value) { return axis.unit(value) >= axis.low && axis.unit(value) <= axis.high; };
  std::vector<double> ticks;
  for (const double value : values) {
    if ((axis.logarithmic && value <= 0) || !inside(value)) continue;
    ticks.push_back(axis.position(axis.unit(value)));
  }
  picture.ticks(ticks, y, 7, colour, ticks.size() > 100 ? 0.9 : 1.4);
  const double lowest = axis.logarithmic ? *std::upper_bound(values.begin(), values.end(), 0.0) : values.front();
  if (!inside(lowest)) picture.triangle(left - 8, y, 7, true, colour);
  if (!inside(values.back())) picture.triangle(right + 8, y, 7, false, colour);
  const std::string facts = std::to_string(values.size()) + " values, max " + maximum_text(values.back());
  picture.text(right + 16, y + 4, facts, {.size = 11, .colour = grey});
}

double draw_panel(svg_picture& picture, double y, std::string_view title, std::span<const std::string_view> names,
                  const scale& axis, int step, std::size_t first_colour) {
  picture.text(20, y, title, {.size = 14, .bold = true});
  const double top = y + 14;
  const double bottom = top + row_height * static_cast<double>(names.size());
  draw_axis(picture, axis, top, bottom, step);
  double row = top + row_height / 2;
  for (std::size_t i = 0; i < names.size(); ++i, row += row_height) {
    draw_row(picture, *find_format(names[i]), axis, row, series_colour(first_colour + i));
  }
  return bottom + 50;
}

}  // namespace

svg_picture grid_plot() {
  constexpr std::string_view small[] = {"e2m1", "e3m0", "e2m3", "e3m2"};
  constexpr std::string_view wide[] = {"e4m3", "ue4m3", "e4m3fnuz", "e4m3ieee", "e4m3b11fnuz",
                                       "e3m4", "e5m2",  "e5m2fnuz", "e8m0"};
  svg_picture picture(page_width, 30 + 14 + 4 * row_height + 50 + 14 + 9 * row_height + 30);
  const double next = draw_panel(picture, 30, "4 and 6 bits: every value, linear scale", small, {-8, 8, false}, 2, 0);
  draw_panel(picture, next, "8 bits: every positive value, logarithmic scale", wide, {-18, 18, true}, 3, 1);
  return picture;
}

void write_grid_plot(const std::string& path) { grid_plot().save(path); }

}  // namespace nibble::tool
