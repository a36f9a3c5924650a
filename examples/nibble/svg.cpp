// SPDX-License-Identifier: Apache-2.0
//
// Implementation of svg.hpp.
#include "svg.hpp"

#include <array>

#include "output_file.hpp"
#include "text.hpp"

namespace nibble::tool {
namespace {

std::string escaped(std::string_view words) {
  std::string result;
  for (const char c : printable(words)) {
    switch (c) {
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '&': result += "&amp;"; break;
      case '"': result += "&quot;"; break;
      default: result += c;
    }
  }
  return result;
}

// Two digits are below what a screen resolves and keep pictures small.
std::string number(double value) {
  std::string result = fixed(value, 2);
  result.erase(result.find_last_not_of('0') + 1);
  if (result.ends_with('.')) result.pop_back();
  return result == "-0" ? "0" : result;
}

std::string attribute(std::string_view name, std::string_view value) {
  return " " + std::string(name) + "=\"" + std::string(value) + "\"";
}

std::string attribute(std::string_view name, double value) { return attribute(name, std::string_view(number(value))); }

}  // namespace

void svg_picture::line(double x1, double y1, double x2, double y2, std::string_view colour, double thickness) {
  body_ += "<line" + attribute("x1", x1) + attribute("y1", y1) + attribute("x2", x2) + attribute("y2", y2) +
           attribute("stroke", colour) + attribute("stroke-width", thickness) + "/>\n";
}

void svg_picture::ticks(std::span<const double> xs, double y, double half, std::string_view colour, double thickness) {
  std::string path;
  for (const double x : xs) path += "M" + number(x) + " " + number(y - half) + "v" + number(2 * half);
  body_ += "<path" + attribute("d", path) + attribute("stroke", colour) + attribute("stroke-width", thickness) + "/>\n";
}

void svg_picture::dot(double x, double y, double radius, std::string_view colour) {
  body_ +=
      "<circle" + attribute("cx", x) + attribute("cy", y) + attribute("r", radius) + attribute("fill", colour) + "/>\n";
}

void svg_picture::triangle(double x, double y, double size, bool points_left, std::string_view colour) {
  const double back = points_left ? x + size : x - size;
  const std::string points = number(x) + "," + number(y) + " " + number(back) + "," + number(y - size / 2) + " " +
                             number(back) + "," + number(y + size / 2);
  body_ += "<polygon" + attribute("points", points) + attribute("fill", colour) + "/>\n";
}

void svg_picture::rectangle(double x, double y, double width, double height, std::string_view colour) {
  body_ += "<rect" + attribute("x", x) + attribute("y", y) + attribute("width", width) + attribute("height", height) +
           attribute("fill", colour) + "/>\n";
}

void svg_picture::text(double x, double y, std::string_view words, const text_style& style) {
  constexpr std::array<std::string_view, 3> anchors{"start", "middle", "end"};
  body_ += "<text" + attribute("x", x) + attribute("y", y) + attribute("font-size", style.size) +
           attribute("fill", style.colour) + attribute("text-anchor", anchors[static_cast<std::size_t>(style.align)]) +
           (style.bold ? attribute("font-weight", std::string_view("600")) : std::string()) + ">" + escaped(words) +
           "</text>\n";
}

std::string svg_picture::str() const {
  return "<svg xmlns=\"http://www.w3.org/2000/svg\"" + attribute("width", width_) + attribute("height", height_) +
         " viewBox=\"0 0 " + number(width_) + " " + number(height_) +
         "\" font-family=\"-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif\">\n"
         "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n" +
         body_ + "</svg>\n";
}

void svg_picture::save(const std::string& path) const {
  output_file file(path);
  const std::string content = str();
  file.write_at(0, std::as_bytes(std::span(content)));
  file.commit();
}

std::string_view series_colour(std::size_t index) {
  // After P. Tol, "Colour schemes" (SRON/EPS/TN/09-002), muted and bright sets, darkened where white is behind.
  constexpr std::array<std::string_view, 10> colours{"#cc3311", "#ee7733", "#bb9a1f", "#117733", "#33a06f",
                                                     "#0077bb", "#33b1d6", "#6a3d9a", "#aa4499", "#5c5c5c"};
  return colours[index % colours.size()];
}

}  // namespace nibble::tool
