/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * nn: runs a neural network that `stm32sim embed` lowered to a plan, on a Cortex-M3 or anything with a C99 compiler.
 *
 * The plan is read-only and is executed where it lies, usually in flash. All working memory is one arena that the caller provides.
 * The runtime keeps no state of its own, allocates nothing, and needs memcpy and memset from the C library.
 *
 *     #include "model_data.h"                       // in exactly one C file; it includes this header
 *     static uint8_t nn_arena[NN_MODEL_ARENA_BYTES] __attribute__((aligned(8)));
 *
 *     if (nn_check(nn_model_plan, sizeof nn_model_plan) != NN_OK) …
 *     memcpy(nn_input(nn_model_plan, nn_arena, 0), sample, NN_MODEL_INPUT_BYTES);
 *     if (nn_invoke(nn_model_plan, nn_arena) != NN_OK) …
 *     result = nn_output(nn_model_plan, nn_arena, 0);   // NN_MODEL_OUTPUT_BYTES bytes
 */
#ifndef NN_H
#define NN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    NN_OK = 0,
    NN_BAD_PLAN = -1,       /* not a plan, of another version, cut short or misaligned */
    NN_NO_KERNEL = -2,      /* the plan needs a kernel that is not linked: model_data.h and the plan do not belong together */
    NN_BAD_INDEX = -3       /* a layer or tensor that the plan does not have */
} nn_status;

/* Whether the runtime can execute the plan: NN_OK or a negative nn_status. To be called once, before anything else.
 * `plan` must be aligned to 8. */
int nn_check(const void *plan, size_t plan_bytes);

/* Bytes of arena that the plan needs; the arena must be aligned to 8. */
size_t nn_arena_bytes(const void *plan);

/* Number of layers. */
uint32_t nn_layer_count(const void *plan);

/* Where the index-th input tensor lies in the arena, NULL if there is none. Inputs keep their value through an inference. */
void *nn_input(const void *plan, void *arena, unsigned index);

/* Where the index-th output tensor lies in the arena after an inference, NULL if there is none. */
const void *nn_output(const void *plan, const void *arena, unsigned index);

/* One inference: every layer in order. NN_OK or a negative nn_status. */
int nn_invoke(const void *plan, void *arena);

/* One layer. Never inlined: a profiler or simulator sees a layer begin at this symbol, with its index in r2, and end when it returns. */
int nn_run_layer(const void *plan, void *arena, uint32_t index);

/* A kernel executes one layer: `layer` is its descriptor in the plan, in the layout that nn_plan.h gives for the kernel. */
typedef void (*nn_kernel)(const uint8_t *plan, uint8_t *arena, const void *layer);

/* The kernels that the program links, by the plan's numbers; model_data.h defines them. */
extern const nn_kernel nn_kernels[];
extern const uint32_t nn_kernel_count;

void nn_copy(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_map_s8(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_fully_connected_s8(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_conv_s8(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_conv_generic_s8(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_depthwise_3x3_s8(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_depthwise_generic_s8(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_average_pool_s8(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_max_pool_s8(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_softmax_s8(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_fill(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_gather(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_cast(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_lstm_s8(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_add_s8(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_mul_s8(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_maximum_s8(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_minimum_s8(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_reduce_s8(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_fully_connected_f32(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_logistic_f32(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_forest_s8(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_quantise_f32(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_conv_hybrid(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_conv_generic_hybrid(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_fully_connected_hybrid(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_conv_f32(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_binary_f32(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_clamp_f32(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_average_pool_f32(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_max_pool_f32(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_reduce_f32(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_softmax_f32(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_binary_general(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_binary_more_f32(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_compare(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_select(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_unary_f32(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_series_f32(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_rescale(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_sigmoid_s16(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_truth(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_conv_s16(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_transpose_conv(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_transpose_conv_f32(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_pool_s16(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_l2_pool_f32(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_softmax_s16(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_softmax_s8_s16(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_log_softmax_s8(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_log_softmax_f32(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_matmul(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_svdf(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_svdf_f32(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_reduce_general(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_arg(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_cumulate(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_l2_norm_s8(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_l2_norm_f32(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_resize_nearest(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_resize_bilinear(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_gather_nd(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_update_slice(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_add_n(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_gather_batches(const uint8_t *plan, uint8_t *arena, const void *layer);
void nn_lstm_f32(const uint8_t *plan, uint8_t *arena, const void *layer);

/* Empties what the model keeps from one inference to the next (SVDF, variables); for others it does nothing. NN_OK or a negative nn_status.
 * To be called before the first inference of a model that keeps something, and whenever it is to forget. Between inferences such a model's
 * arena may not be used for anything else. */
int nn_reset(const void *plan, void *arena);

#ifdef __cplusplus
}
#endif

#endif
