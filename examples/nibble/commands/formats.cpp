// SPDX-License-Identifier: Apache-2.0
//
// `nibble formats`: the named formats and block formats as tables, and their value grids as a picture.
#include <memory>
#include <string>

#include "../formats_table.hpp"
#include "../grid_plot.hpp"
#include "../text.hpp"
#include "command.hpp"

namespace nibble::tool {

void add_formats(CLI::App& program) {
  CLI::App* command = program.add_subcommand("formats", "The formats and their ranges");
  const auto plot = std::make_shared<std::string>();
  command->add_option("--plot", *plot, "Also draw every value of the 4- to 8-bit formats on number lines, as SVG");
  command->callback([plot] {
    if (!plot->empty()) write_grid_plot(*plot);
    print(formats_table());
  });
}

}  // namespace nibble::tool
