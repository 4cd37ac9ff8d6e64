/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * UNIDIRECTIONAL_SEQUENCE_LSTM, int8 with int16 cells. Every inference starts from empty cells.
 *
 * A cell's four gates share their inputs, so they are computed together. The new hidden state is the step's row of output, which serves
 * the next step as its hidden state: there is no copy of it. */
#include "nn_dot.h"
#include "nn_math.h"
#include "nn_plan.h"

#include <string.h>

/* The reference's sigmoid and tanh of int16, by one table of sigmoid(i / 24), interpolated; x in units of 1 / (3 * 4096). */
static int32_t sigmoid(const uint16_t *table, int32_t x) {
    uint32_t size = x < 0 ? -(uint32_t)x : (uint32_t)x, at = size >> 9, result = 0x7FFFu << 10;
    if (at < 255) result = ((uint32_t)table[at] << 9) + (size & 511u) * ((uint32_t)table[at + 1] - table[at]);
    result = x >= 0 ? result + 512u : (1u << 25) - result + 511u;
    return (int16_t)(result >> 10);
}

static int32_t tanh_of(const uint16_t *table, int32_t x) {
    uint32_t size = x < 0 ? -(uint32_t)x : (uint32_t)x, at = size >> 8;
    int32_t result = 0xFFFF << 8;
    if (at < 255) result = (int32_t)(((uint32_t)table[at] << 8) + (size & 255u) * ((uint32_t)table[at + 1] - table[at]));
    result = x >= 0 ? result - (1 << 23) + 128 : -result + (1 << 23) + 127;
    return (int16_t)(result >> 8);
}

static int32_t scale(int32_t x, const nn_factor *f) { return nn_requantise(x, f->multiplier, f->shift); }

static int32_t clamp16(int32_t x) { return nn_clamp(x, -32768, 32767); }

/* Tanh's argument in the table's units. */
static int32_t cell_argument(const nn_lstm_layer *l, int32_t cell) {
    if (l->cell_shift >= 0) return cell * (3 << l->cell_shift);
    return (cell * 3 + (1 << (-l->cell_shift - 1))) >> -l->cell_shift;
}

static void step(const uint8_t *plan, const nn_lstm_layer *l, const int8_t *in, const int8_t *hidden, int16_t *cells, int8_t *out) {
    const uint16_t *table = nn_at(plan, plan, l->table);
    const uint32_t *wx = nn_at(plan, plan, l->input_weights), *wh = nn_at(plan, plan, l->recurrent_weights);
    const int32_t *bias = nn_at(plan, plan, l->biases);
    for (uint32_t cell = l->cells; cell != 0; cell--, bias += 8, cells++) {
        int32_t x[4] = {bias[0], bias[1], bias[2], bias[3]}, h[4] = {bias[4], bias[5], bias[6], bias[7]};
        wx = nn_dot4(in, l->inputs, wx, x);
        wh = nn_dot4(hidden, l->cells, wh, h);
        for (int gate = 0; gate < 4; gate++)
            x[gate] = 3 * clamp16(clamp16(scale(x[gate], &l->from_input[gate])) + clamp16(scale(h[gate], &l->from_hidden[gate])));
        int32_t forget = sigmoid(table, x[0]), enter = sigmoid(table, x[1]), value = tanh_of(table, x[2]), leave = sigmoid(table, x[3]);
        int32_t state = clamp16(clamp16(scale(forget * *cells, &l->forget)) + clamp16(scale(enter * value, &l->enter)));
        if (l->cell_clip > 0) state = nn_clamp(state, -l->cell_clip, l->cell_clip);
        *cells = (int16_t)state;
        int32_t y = scale(tanh_of(table, cell_argument(l, state)) * leave, &l->leave) + l->zero;
        *out++ = (int8_t)nn_clamp(y, -128, 127);
    }
}

void nn_lstm_s8(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_lstm_layer *l = layer;
    const int8_t *in = nn_at(plan, arena, l->input);
    int8_t *out = (int8_t *)(arena + l->output), *empty = (int8_t *)(arena + l->empty);
    int16_t *cells = (int16_t *)(void *)(arena + l->state);
    memset(empty, l->zero, l->cells);
    for (uint32_t batch = l->batches; batch != 0; batch--) {
        const int8_t *hidden = empty;
        memset(cells, 0, 2 * l->cells);
        for (uint32_t t = l->steps; t != 0; t--, in += l->inputs, hidden = out, out += l->cells) step(plan, l, in, hidden, cells, out);
    }
}
