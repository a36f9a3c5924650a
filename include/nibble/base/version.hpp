// SPDX-License-Identifier: Apache-2.0
//
// The version of nibble, stated once. The build reads it from here.
#pragma once

#define NIBBLE_VERSION_MAJOR 0
#define NIBBLE_VERSION_MINOR 1
#define NIBBLE_VERSION_PATCH 0

/// One comparable integer: major * 10000 + minor * 100 + patch.
#define NIBBLE_VERSION (NIBBLE_VERSION_MAJOR * 10000 + NIBBLE_VERSION_MINOR * 100 + NIBBLE_VERSION_PATCH)
