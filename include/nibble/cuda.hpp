// SPDX-License-Identifier: Apache-2.0
//
// The host side of the CUDA backend: the tag cuda{stream}, statuses and workspace sizes, for units that no CUDA compiler
// reads. Calls are queued by units that include nibble/cuda.cuh.
#pragma once

#include <nibble/cuda/backend.hpp>
#include <nibble/nibble.hpp>
