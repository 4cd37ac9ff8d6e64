/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Operators that only move data: copies of boxes (CONCATENATION, STRIDED_SLICE, PAD, TRANSPOSE and the like), fills, and GATHER. */
#include "nn_plan.h"

#include <string.h>

void nn_copy(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_copy_layer *l = layer;
    const uint8_t *in = (const uint8_t *)nn_at(plan, arena, l->input) + l->input_offset;
    uint8_t *out = arena + l->output + l->output_offset;
    for (uint32_t a = 0; a < l->count[0]; a++)
        for (uint32_t b = 0; b < l->count[1]; b++)
            for (uint32_t c = 0; c < l->count[2]; c++) {
                const uint8_t *from = in + (int32_t)a * l->in_step[0] + (int32_t)b * l->in_step[1] + (int32_t)c * l->in_step[2];
                uint8_t *to = out + a * l->out_step[0] + b * l->out_step[1] + c * l->out_step[2];
                for (uint32_t d = l->count[3]; d != 0; d--, from += l->in_step[3], to += l->out_step[3]) memcpy(to, from, l->run);
            }
}

void nn_fill(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_fill_layer *l = layer;
    (void)plan;
    uint8_t *out = arena + l->output;
    for (uint32_t at = 0; at < l->bytes; at += 4) memcpy(out + at, &l->pattern, l->bytes - at < 4 ? l->bytes - at : 4);
}

void nn_gather(const uint8_t *plan, uint8_t *arena, const void *layer) {
    const nn_gather_layer *l = layer;
    const uint8_t *in = nn_at(plan, arena, l->input);
    const int32_t *index = nn_at(plan, arena, l->indices);
    uint8_t *out = arena + l->output;
    for (uint32_t outer = l->outer; outer != 0; outer--, in += l->entries * l->run)
        for (uint32_t i = 0; i < l->count; i++, out += l->run) {
            /* An index beyond the table reads its nearest entry: data must not lead out of the memory. */
            int32_t entry = index[i] < 0 ? 0 : index[i];
            if ((uint32_t)entry >= l->entries) entry = (int32_t)l->entries - 1;
            memcpy(out, in + (uint32_t)entry * l->run, l->run);
        }
}
