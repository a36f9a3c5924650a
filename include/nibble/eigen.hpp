// SPDX-License-Identifier: Apache-2.0
//
// nibble and Eigen 3.4 or later: minifloats as matrix scalars, Eigen matrices as sources and results of quantization.
//
//   Eigen::MatrixXf w = ...;
//   auto q = nibble::quantize<nibble::nvfp4>(w);                       // any storage order, strides, expressions
//   auto back = nibble::dequantize<Eigen::MatrixXf>(q);
//   Eigen::Matrix<nibble::e4m3, 4, 4> m = w.topLeftCorner<4, 4>().cast<nibble::e4m3>();
//   Eigen::MatrixXf y = m.cast<float>() * x;                           // storage types store: cast, then compute
//
// Casts between minifloats and float, double, integers, Eigen::half and Eigen::bfloat16 round once, to nearest even;
// into a minifloat they saturate. Sums and products of minifloats do not compile.
#pragma once

#include <nibble/nibble.hpp>

#include <nibble/eigen/cast.hpp>
#include <nibble/eigen/matrix.hpp>
#include <nibble/eigen/num_traits.hpp>
