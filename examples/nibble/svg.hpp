// SPDX-License-Identifier: Apache-2.0
//
// A picture as SVG text: lines, dots and words in pixels on a white page, and a file to keep it in.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace nibble::tool {

enum class anchor { start, middle, end };

struct text_style {
  double size = 12;
  anchor align = anchor::start;
  std::string_view colour = "#24292f";
  bool bold = false;
};

class svg_picture {
 public:
  svg_picture(double width, double height) : width_(width), height_(height) {}

  void line(double x1, double y1, double x2, double y2, std::string_view colour, double thickness = 1);
  /// Vertical strokes of height 2 * half around `y`, one at each x.
  void ticks(std::span<const double> xs, double y, double half, std::string_view colour, double thickness);
  void dot(double x, double y, double radius, std::string_view colour);
  void triangle(double x, double y, double size, bool points_left, std::string_view colour);
  void rectangle(double x, double y, double width, double height, std::string_view colour);
  /// `y` is the base line.
  void text(double x, double y, std::string_view words, const text_style& style = {});

  [[nodiscard]] std::string str() const;

  /// Writes the picture: the whole file or none (see output_file.hpp).
  void save(const std::string& path) const;

 private:
  double width_, height_;
  std::string body_;
};

/// The colour of series number `index`: ten that stay apart on white, also for colour-blind readers.
std::string_view series_colour(std::size_t index);

}  // namespace nibble::tool
