/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The table of all kernels, for programs that take any plan (tests, a general image). Include it in exactly one C file, instead of a
 * model_data.h. */
#ifndef NN_ALL_H
#define NN_ALL_H

#include "nn.h"

const nn_kernel nn_kernels[] = {
    nn_copy,
    nn_map_s8,
    nn_fully_connected_s8,
    nn_conv_s8,
    nn_conv_generic_s8,
    nn_depthwise_3x3_s8,
    nn_depthwise_generic_s8,
    nn_average_pool_s8,
    nn_max_pool_s8,
    nn_softmax_s8,
    nn_fill,
    nn_gather,
    nn_cast,
    nn_lstm_s8,
    nn_add_s8,
    nn_mul_s8,
    nn_maximum_s8,
    nn_minimum_s8,
    nn_reduce_s8,
    nn_fully_connected_f32,
    nn_logistic_f32,
    nn_forest_s8,
    nn_quantise_f32,
    nn_conv_hybrid,
    nn_conv_generic_hybrid,
    nn_fully_connected_hybrid,
    nn_conv_f32,
    nn_binary_f32,
    nn_clamp_f32,
    nn_average_pool_f32,
    nn_max_pool_f32,
    nn_reduce_f32,
    nn_softmax_f32,
};
const uint32_t nn_kernel_count = sizeof nn_kernels / sizeof nn_kernels[0];

#endif
