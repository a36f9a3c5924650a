// SPDX-License-Identifier: Apache-2.0
//
// The block formats with 6-bit elements.
#include "block_codec_impl.hpp"

namespace nibble::tool {

std::vector<block_codec> make_fp6_codecs() {
  return {make_block_codec<mxfp6_e2m3>("mxfp6-e2m3"), make_block_codec<mxfp6_e3m2>("mxfp6-e3m2")};
}

}  // namespace nibble::tool
