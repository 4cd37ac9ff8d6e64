/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * BATCH_MATMUL and SVDF in their general form. */
#include "nn_float.h"
#include "nn_general.h"

void nn_matmul(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_matmul_layer *l = layer;
    uint32_t size = nn_size_of(l->type);
    uint8_t *out = arena + l->output;
    for (uint32_t batch = 0; batch < l->count[0] * l->count[1]; batch++) {
        uint32_t outer = batch / l->count[1], inner = batch % l->count[1];
        const uint8_t *a = (const uint8_t *)nn_at(plan, arena, l->input[0]) + (outer * l->batch_step[0][0] + inner * l->batch_step[0][1]) * size;
        const uint8_t *b = (const uint8_t *)nn_at(plan, arena, l->input[1]) + (outer * l->batch_step[1][0] + inner * l->batch_step[1][1]) * size;
        for (uint32_t row = 0; row < l->rows; row++)
            for (uint32_t column = 0; column < l->columns; column++, out += size) {
                const uint8_t *p = a + row * l->step[0][0] * size, *q = b + column * l->step[1][0] * size;
                uint32_t next_p = l->step[0][1] * size, next_q = l->step[1][1] * size;
                if (l->type == NN_F32) {
                    float sum = 0;
                    for (uint32_t d = l->depth; d != 0; d--, p += next_p, q += next_q) {
                        float product = nn_get_float(p) * nn_get_float(q);
                        sum = sum + product;
                    }
                    nn_put_float(out, sum);
                    continue;
                }
                int64_t sum = 0;
                for (uint32_t d = l->depth; d != 0; d--, p += next_p, q += next_q)
                    sum += (nn_load(p, l->type) - l->zero[0]) * (nn_load(q, l->type) - l->zero[1]);
                int32_t y = l->type == NN_S16 ? nn_scaled_wide(sum, l->factor.multiplier, (uint32_t)l->factor.shift)
                                              : nn_scaled((int32_t)(uint32_t)(uint64_t)sum, &l->factor);
                nn_store(out, l->type, nn_clamp(nn_plus(y, l->zero[2]), l->low, l->high));
            }
    }
}

void nn_svdf(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_svdf_layer *l = layer;
    const int8_t *in = nn_at(plan, arena, l->input);
    uint32_t size = nn_size_of(l->type), units = l->filters / l->rank;
    int32_t most = size == 1 ? 127 : 32767;
    uint8_t *state = arena + l->state;
    int8_t *out = (int8_t *)(arena + l->output);
    /* Each filter's memory moves on by one; what leaves one filter's enters its neighbour's last place, which is overwritten. */
    uint32_t kept = (l->batches * l->filters * l->memory - 1) * size;
    for (uint32_t i = 0; i < kept; i++) state[i] = state[i + size];
    for (uint32_t batch = l->batches; batch != 0; batch--, in += l->inputs) {
        const int8_t *w = nn_at(plan, arena, l->feature);
        const uint8_t *time = nn_at(plan, arena, l->time);
        const int32_t *bias = nn_at(plan, arena, l->bias);
        for (uint32_t unit = 0; unit < units; unit++) {
            int32_t total = bias[unit];
            for (uint32_t r = l->rank; r != 0; r--) {
                int32_t sum = 0;
                for (uint32_t i = 0; i < l->inputs; i++) sum = nn_plus(sum, *w++ * (in[i] - l->zero[0]));
                nn_store(state + (l->memory - 1) * size, l->type, nn_plus(l->zero[1], nn_clamp(nn_scaled(sum, &l->enter), -most - 1, most)));
                for (uint32_t m = l->memory; m != 0; m--, state += size, time += size)
                    total = nn_plus(total, nn_times(nn_load(time, l->type), nn_load(state, l->type) - l->zero[1]));
            }
            *out++ = (int8_t)nn_clamp(nn_plus(nn_scaled(total, &l->leave), l->zero[2]), l->low, l->high);
        }
    }
}

void nn_svdf_f32(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_svdf_layer *l = layer;
    const float *in = nn_at(plan, arena, l->input);
    float *state = (float *)(void *)(arena + l->state);
    uint32_t units = l->filters / l->rank;
    uint8_t *out = arena + l->output;
    for (uint32_t i = 0; i + 1 < l->batches * l->filters * l->memory; i++) state[i] = state[i + 1];
    for (uint32_t batch = l->batches; batch != 0; batch--, in += l->inputs) {
        const float *w = nn_at(plan, arena, l->feature), *time = nn_at(plan, arena, l->time), *bias = nn_at(plan, arena, l->bias);
        for (uint32_t unit = 0; unit < units; unit++, out += 4) {
            float total = bias[unit];
            for (uint32_t r = l->rank; r != 0; r--) {
                float sum = 0, kept = 0;
                for (uint32_t i = 0; i < l->inputs; i++) {
                    float product = *w++ * in[i];
                    sum = sum + product;
                }
                state[l->memory - 1] = sum;
                for (uint32_t m = l->memory; m != 0; m--) {
                    float product = *time++ * *state++;
                    kept = kept + product;
                }
                total = total + kept;
            }
            nn_put_float(out, nn_clamp_float(total, l->low, l->high));
        }
    }
}
