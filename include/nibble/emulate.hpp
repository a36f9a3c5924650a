// SPDX-License-Identifier: Apache-2.0
//
// Emulation of device arithmetic, bit for bit: the conversion instructions of PTX (emulate::ptx) and the fused sums of
// tensor cores (emulate::units). Integer arithmetic throughout, on host and device.
#pragma once

#include <nibble/emulate/fused_sum.hpp>
#include <nibble/emulate/ptx_cvt.hpp>
#include <nibble/emulate/ptx_cvt_half.hpp>
#include <nibble/emulate/ptx_cvt_rs.hpp>
#include <nibble/emulate/ptx_cvt_scale.hpp>
#include <nibble/emulate/ptx_cvt_tf32.hpp>
#include <nibble/emulate/tensor_core.hpp>
#include <nibble/nibble.hpp>
