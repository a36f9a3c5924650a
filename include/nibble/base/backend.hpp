// SPDX-License-Identifier: Apache-2.0
//
// Backends are arguments: a tag says where a call runs, and nothing else about it changes.
#pragma once

namespace nibble {
inline namespace v0 {

/// The plain backend: one element after the other, no dependency, every combination of format, recipe and rounding. It
/// is the specification of the others.
struct scalar {};

}  // namespace v0
}  // namespace nibble
