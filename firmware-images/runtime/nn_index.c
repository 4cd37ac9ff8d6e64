/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Where data go is told by numbers: RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR, GATHER in batches, GATHER_ND, DYNAMIC_UPDATE_SLICE. An index beyond a
 * dimension means its nearest: data must not lead out of the memory. */
#include "nn_float.h"
#include "nn_general.h"

void nn_resize_nearest(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_resize_layer *l = layer;
    const uint8_t *in = nn_at(plan, arena, l->input);
    const uint32_t *rows = nn_at(plan, arena, l->rows), *columns = nn_at(plan, arena, l->columns);
    uint8_t *out = arena + l->output;
    for (uint32_t batch = l->batches; batch != 0; batch--, in += l->in_h * l->in_w * l->run)
        for (uint32_t y = 0; y < l->out_h; y++)
            for (uint32_t x = 0; x < l->out_w; x++, out += l->run) memcpy(out, in + (rows[y] * l->in_w + columns[x]) * l->run, l->run);
}

void nn_resize_bilinear(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_resize_layer *l = layer;
    const uint8_t *in = nn_at(plan, arena, l->input);
    const nn_between *rows = nn_at(plan, arena, l->rows), *columns = nn_at(plan, arena, l->columns);
    uint32_t size = nn_size_of(l->type), pixel = l->run * size;
    uint8_t *out = arena + l->output;
    for (uint32_t batch = l->batches; batch != 0; batch--, in += l->in_h * l->in_w * pixel)
        for (uint32_t at = 0; at < l->out_h * l->out_w; at++) {
            const nn_between *y = rows + at / l->out_w, *x = columns + at % l->out_w;
            const uint8_t *corner[4] = {in + (y->lower * l->in_w + x->lower) * pixel, in + (y->upper * l->in_w + x->lower) * pixel,
                                        in + (y->lower * l->in_w + x->upper) * pixel, in + (y->upper * l->in_w + x->upper) * pixel};
            for (uint32_t c = 0; c < pixel; c += size, out += size) {
                if (l->type == NN_F32) {
                    float v = nn_float_of((uint32_t)y->share), u = nn_float_of((uint32_t)x->share), sum;
                    sum = nn_get_float(corner[0] + c) * (1 - v) * (1 - u);
                    sum = sum + nn_get_float(corner[1] + c) * v * (1 - u);
                    sum = sum + nn_get_float(corner[2] + c) * (1 - v) * u;
                    sum = sum + nn_get_float(corner[3] + c) * v * u;
                    nn_put_float(out, sum + 0.0f);
                    continue;
                }
                int32_t v = y->share, u = x->share;
                int32_t sum = (int8_t)corner[0][c] * (1024 - v) * (1024 - u) + (int8_t)corner[1][c] * v * (1024 - u) +
                              (int8_t)corner[2][c] * (1024 - v) * u + (int8_t)corner[3][c] * v * u;
                *out = (uint8_t)((sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));
            }
        }
}

static uint32_t inside(int32_t index, uint32_t extent) {
    if (index < 0) return 0;
    return (uint32_t)index < extent ? (uint32_t)index : extent - 1;
}

void nn_gather_batches(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_gather_batches_layer *l = layer;
    const uint8_t *in = nn_at(plan, arena, l->input);
    const int32_t *index = nn_at(plan, arena, l->indices);
    uint8_t *out = arena + l->output;
    for (uint32_t batch = l->batches; batch != 0; batch--, index += l->count)
        for (uint32_t outer = l->outer; outer != 0; outer--, in += l->entries * l->run)
            for (uint32_t i = 0; i < l->count; i++, out += l->run) memcpy(out, in + inside(index[i], l->entries) * l->run, l->run);
}

void nn_gather_nd(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_gather_nd_layer *l = layer;
    const uint8_t *in = nn_at(plan, arena, l->input);
    const int32_t *index = nn_at(plan, arena, l->indices);
    uint8_t *out = arena + l->output;
    for (uint32_t n = l->count; n != 0; n--, out += l->run) {
        uint32_t at = 0;
        for (uint32_t d = 0; d < l->depth; d++) at += inside(*index++, l->dim[d]) * l->step[d];
        memcpy(out, in + at, l->run);
    }
}

void nn_update_slice(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_update_layer *l = layer;
    const uint8_t *in = nn_at(plan, arena, l->input), *from = nn_at(plan, arena, l->update);
    const int32_t *start = nn_at(plan, arena, l->start);
    uint8_t *out = arena + l->output;
    if (in != out) memcpy(out, in, l->bytes);
    /* The box is moved so far in that it fits. */
    uint32_t first[6];
    for (uint32_t d = 0; d < 6; d++) first[d] = d < 6 - l->rank ? 0 : inside(start[d + l->rank - 6], l->extent[d] - l->box[d] + 1);
    uint32_t at[6] = {0, 0, 0, 0, 0, 0}, row = l->box[5] * l->size;
    uint32_t rows = l->box[0] * l->box[1] * l->box[2] * l->box[3] * l->box[4];
    for (; rows != 0; rows--, from += row) {
        uint32_t to = 0;
        for (uint32_t d = 0; d < 6; d++) to = to * l->extent[d] + first[d] + at[d];
        memcpy(out + to * l->size, from, row);
        for (uint32_t d = 5; d-- != 0;) {
            if (++at[d] < l->box[d]) break;
            at[d] = 0;
        }
    }
}
