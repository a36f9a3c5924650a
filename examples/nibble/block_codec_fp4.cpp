// SPDX-License-Identifier: Apache-2.0
//
// The block formats with 4-bit elements.
#include "block_codec_impl.hpp"

namespace nibble::tool {

std::vector<block_codec> make_fp4_codecs() {
  return {make_block_codec<nvfp4>("nvfp4"), make_block_codec<nvfp4_2d>("nvfp4-2d"), make_block_codec<mxfp4>("mxfp4")};
}

}  // namespace nibble::tool
