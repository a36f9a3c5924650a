// SPDX-License-Identifier: Apache-2.0
//
// Implementation of block_codec.hpp.
#include "block_codec.hpp"

#include <algorithm>

namespace nibble::tool {

const std::vector<block_codec>& block_codecs() {
  static const std::vector<block_codec> codecs = [] {
    std::vector<block_codec> all;
    for (const auto make : {make_fp4_codecs, make_fp6_codecs, make_fp8_codecs, make_luq_codecs}) {
      for (const block_codec& codec : make()) all.push_back(codec);
    }
    return all;
  }();
  return codecs;
}

const block_codec* find_block_codec(std::string_view name) {
  const auto& all = block_codecs();
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& codec) { return codec.name == name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace nibble::tool
