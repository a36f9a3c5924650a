// SPDX-License-Identifier: Apache-2.0
//
// Emulation of device arithmetic, bit for bit: the conversion instructions of PTX (emulate::ptx) and of AMD's CDNA
// processors (emulate::amd) and the fused sums of tensor cores (emulate::units), in integer arithmetic, on host and
// device; and on the host block-scaled GEMM by a chosen accumulation (emulate::gemm) and the linear layer on top of it.
// Standard library only: emulate/gemm_native.hpp, which is not included here, gives GEMM the same bits by the vectors
// of the machine.
#pragma once

#include <nibble/emulate/amd_cvt.hpp>
#include <nibble/emulate/amd_cvt_scale.hpp>
#include <nibble/emulate/fused_sum.hpp>
#include <nibble/emulate/gemm.hpp>
#include <nibble/emulate/linear.hpp>
#include <nibble/emulate/ptx_cvt.hpp>
#include <nibble/emulate/ptx_cvt_half.hpp>
#include <nibble/emulate/ptx_cvt_rs.hpp>
#include <nibble/emulate/ptx_cvt_scale.hpp>
#include <nibble/emulate/ptx_cvt_tf32.hpp>
#include <nibble/emulate/scaled_unit.hpp>
#include <nibble/emulate/tensor_core.hpp>
#include <nibble/nibble.hpp>
