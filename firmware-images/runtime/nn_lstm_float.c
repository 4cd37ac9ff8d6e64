/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * UNIDIRECTIONAL_SEQUENCE_LSTM on float32, in the reference's order. Every inference begins with an empty state. */
#include "nn_float.h"
#include "nn_general.h"

static float product(const float *w, const float *x, uint32_t count) {
    float sum = 0;
    for (; count != 0; count--) {
        float one = *w++ * *x++;
        sum = sum + one;
    }
    return sum;
}

static float sigmoid(float x) { return (float)(1.0 / (1.0 + nn_exp(-(double)x))); }

void nn_lstm_f32(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_lstm_f32_layer *l = layer;
    const float *x = nn_at(plan, arena, l->input);
    float *out = (float *)(void *)(arena + l->output), *cell = (float *)(void *)(arena + l->state);
    for (uint32_t batch = l->batches; batch != 0; batch--) {
        const float *hidden = cell + l->cells;
        memset(cell, 0, 8 * l->cells);
        for (uint32_t step = l->steps; step != 0; step--, x += l->inputs, hidden = out, out += l->cells)
            for (uint32_t c = 0; c < l->cells; c++) {
                float gate[4];
                for (uint32_t g = 0; g < 4; g++) {
                    const float *w = nn_at(plan, arena, l->input_weights[g]), *u = nn_at(plan, arena, l->recurrent_weights[g]);
                    const float *b = nn_at(plan, arena, l->biases[g]);
                    gate[g] = (product(w + c * l->inputs, x, l->inputs) + b[c]) + product(u + c * l->cells, hidden, l->cells);
                }
                float kept = sigmoid(gate[0]) * cell[c], new = sigmoid(gate[1]) * (float)nn_tanh((double)gate[2]);
                float y = kept + new;
                if (l->clip > 0) y = y > l->clip ? l->clip : y < -l->clip ? -l->clip : y;
                cell[c] = y;
                out[c] = sigmoid(gate[3]) * (float)nn_tanh((double)y);
            }
    }
}
