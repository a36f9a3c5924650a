// SPDX-License-Identifier: Apache-2.0
//
// The picture of format_report.hpp.
#include <algorithm>
#include <cmath>

#include "format_report.hpp"
#include "text.hpp"

namespace nibble::tool {
namespace {

constexpr double page_width = 860;
constexpr double left = 230, right = 830, top = 96;
constexpr std::string_view grey = "#6e7781", pale = "#e6e9ed";

// Relative errors beyond these bounds sit on the edge of the plot.
constexpr double least = 1e-12, most = 1.0;

struct decade_axis {
  int low = 0, high = 0;
  [[nodiscard]] double position(double value) const {
    const double at = std::log10(std::clamp(value, std::pow(10, low), std::pow(10, high)));
    return left + (at - low) / (high - low) * (right - left);
  }
};

double plotted_error(const error_sums& sums) {
  const double error = sums.relative_mse();
  return std::isnan(error) ? most : std::clamp(error, least, most);
}

decade_axis axis_of(const std::vector<tensor_report>& reports) {
  double smallest = most, largest = least;
  for (const tensor_report& report : reports) {
    for (const error_sums& sums : report.errors) {
      smallest = std::min(smallest, plotted_error(sums));
      largest = std::max(largest, plotted_error(sums));
    }
  }
  decade_axis axis{static_cast<int>(std::floor(std::log10(smallest))),
                   static_cast<int>(std::ceil(std::log10(largest)))};
  if (axis.high <= axis.low) axis.high = axis.low + 1;
  return axis;
}

void draw_legend(svg_picture& picture) {
  const auto& codecs = block_codecs();
  for (std::size_t i = 0; i < codecs.size(); ++i) {
    const double x = 20 + static_cast<double>(i) * (page_width - 40) / static_cast<double>(codecs.size());
    picture.dot(x + 5, 52, 5, series_colour(i));
    picture.text(x + 15, 56, codecs[i].name);
  }
}

void draw_axis(svg_picture& picture, const decade_axis& axis, double bottom) {
  const int step = std::max(1, (axis.high - axis.low + 7) / 8);
  for (int decade = axis.low; decade <= axis.high; decade += step) {
    const double x = axis.position(std::pow(10, decade));
    picture.line(x, top - 8, x, bottom, pale);
    picture.text(x, top - 14, power_text(10, decade), {.size = 11, .align = anchor::middle, .colour = grey});
  }
}

std::string shortened(const std::string& name) {
  constexpr std::size_t most_letters = 34;
  const std::string text = printable(name);
  if (text.size() <= most_letters) return text;
  // The end of a tensor's name tells more than its beginning. UTF-8 sequences are kept whole.
  std::size_t begin = text.size() - (most_letters - 2);
  while (begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80) ++begin;
  return ".." + text.substr(begin);
}

}  // namespace

svg_picture error_plot(const std::vector<tensor_report>& reports) {
  // Up to 60 tensors have a labelled row each; beyond, rows close up and every n-th is labelled.
  const auto count = static_cast<double>(reports.size());
  const double pitch = std::clamp(1400 / std::max(count, 1.0), 4.0, 24.0);
  const auto label_step = static_cast<std::size_t>(std::ceil(14 / pitch));
  const double radius = std::clamp(pitch / 6, 1.6, 4.0);
  const double bottom = top + pitch * count;
  svg_picture picture(page_width, bottom + 24);
  picture.text(20, 28, "Relative mean squared error of every block format (less is better)",
               {.size = 15, .bold = true});
  draw_legend(picture);
  const decade_axis axis = axis_of(reports);
  draw_axis(picture, axis, bottom);
  for (std::size_t row = 0; row < reports.size(); ++row) {
    const double y = top + pitch * (static_cast<double>(row) + 0.5);
    picture.line(left, y, right, y, pale);
    if (row % label_step == 0) {
      picture.text(left - 12, y + 4, shortened(reports[row].name), {.size = 11, .align = anchor::end});
    }
    for (std::size_t i = 0; i < reports[row].errors.size(); ++i) {
      // Formats with equal errors stay apart: each has a height of its own in the row.
      const double place = static_cast<double>(i) / static_cast<double>(reports[row].errors.size() - 1) - 0.5;
      picture.dot(axis.position(plotted_error(reports[row].errors[i])), y + 0.55 * pitch * place, radius,
                  series_colour(i));
    }
  }
  return picture;
}

}  // namespace nibble::tool
