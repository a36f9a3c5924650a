// SPDX-License-Identifier: Apache-2.0
//
// The block formats with 8-bit elements.
#include "block_codec_impl.hpp"

namespace nibble::tool {

std::vector<block_codec> make_fp8_codecs() {
  return {make_block_codec<mxfp8_e4m3>("mxfp8-e4m3"), make_block_codec<mxfp8_e5m2>("mxfp8-e5m2"),
          make_block_codec<mxint8>("mxint8")};
}

}  // namespace nibble::tool
