/* Listens to a microphone and says which of ten words it hears: converter, front end and network of models/keyword on one chip.
 * Source: models/keyword; the runtime's functions are described in runtime/nn.h.
 * Does not model: an amplifier's gain control; a wake-up by sound: it looks at the last second four times a second, whatever is in it.
 * Tested by: tests/keyword_live.rs.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Who works when: DMA's interrupt counts hops of 20 ms; PendSV makes each a frame of features; the main program sleeps until twelve more frames are
 * there and then runs the network, which PendSV interrupts, so that no sound is missed meanwhile. 49 frames are 0.99 s: they are kept as 16-bit
 * coefficients (22 bytes a frame), never as sound.
 */
#include "audio.h"
#include "classifier.h"
#include "mfcc.h"
#include "nn.h"
#include "platform.h"
#include "stm32f103.h"

#include "model_data.h"

#include <string.h>

_Static_assert(AUDIO_RATE == MFCC_RATE && AUDIO_HOP == MFCC_STRIDE, "a hop of sound makes a frame");
_Static_assert(NN_MODEL_INPUT_BYTES == MFCC_FRAMES * MFCC_COEFFICIENTS, "the network takes a window of frames");

/* Frames from one inference to the next: 240 ms, of which the inference takes two thirds. */
#define FRAMES_A_STEP 12u
/* The bias is the mean of the first 100 ms. */
#define BIAS_HOPS 5u
/* A window is read while up to three more frames come in: 60 ms for what takes less than one. */
#define RING (MFCC_FRAMES + 3u)

/* Tools find these by their names: the last window's features, its raw output, and how many samples had been converted when it ended. */
uint8_t nn_arena[NN_MODEL_ARENA_BYTES] __attribute__((aligned(8)));
uint8_t gp_buff[NN_MODEL_INPUT_BYTES] __attribute__((aligned(8)));
uint8_t g_output[NN_MODEL_OUTPUT_BYTES] __attribute__((aligned(8)));
uint32_t g_window_end;

static mfcc_frame_features ring[RING];
static volatile uint32_t frames; /* so far */
static volatile int32_t bias = -1;
static volatile uint32_t frame_cycles; /* of all frames so far */

/* In PendSV. */
void audio_hop(const uint16_t *before, const uint16_t *now, uint32_t hop) {
    static uint32_t sum;
    if (bias < 0) {
        for (uint32_t i = 0; i < AUDIO_HOP; i++) {
            sum += now[i];
        }
        if (hop + 1u >= BIAS_HOPS) {
            bias = (int32_t)((sum + BIAS_HOPS * AUDIO_HOP / 2u) / (BIAS_HOPS * AUDIO_HOP));
        }
        return;
    }
    const uint32_t start = time_cycles();
    mfcc_frame(before + AUDIO_HOP - MFCC_OVERLAP, now, bias, &ring[frames % RING]);
    frames = frames + 1u;
    frame_cycles = frame_cycles + time_cycles() - start;
}

/* Sleeps until there are so many frames, or, for 0, until the bias is known. */
static void wait_for(uint32_t wanted) {
    /* As in uart_get(): what becomes pending between the look and the sleep still ends the sleep. */
    cpu_disable_interrupts();
    while (bias < 0 || frames < wanted) {
        cpu_wait_for_interrupt();
        cpu_enable_interrupts();
        cpu_sync();
        cpu_disable_interrupts();
    }
    cpu_enable_interrupts();
}

/* The features of the last 49 of `end` frames into gp_buff. */
static void gather(uint32_t end) {
    int32_t largest = INT16_MIN;
    for (uint32_t frame = end - MFCC_FRAMES; frame != end; frame++) {
        const int32_t peak = ring[frame % RING].peak;
        largest = peak > largest ? peak : largest;
    }
    int8_t *features = (int8_t *)gp_buff;
    for (uint32_t frame = end - MFCC_FRAMES; frame != end; frame++) {
        mfcc_quantise(&ring[frame % RING], largest, features);
        features += MFCC_COEFFICIENTS;
    }
    g_window_end = (BIAS_HOPS + end) * AUDIO_HOP;
}

/* Cycles that the core was awake, without those of frames. */
static uint32_t own_cycles(void) {
    cpu_disable_interrupts();
    const uint32_t cycles = time_cycles() - frame_cycles;
    cpu_enable_interrupts();
    return cycles;
}

static const char *label(void) {
    const int8_t *output = (const int8_t *)g_output;
    uint32_t best = 0; /* the first of equals */
    for (uint32_t class = 1; class < sizeof g_output; class++) {
        best = output[class] > output[best] ? class : best;
    }
    return classifier_labels[best];
}

int main(void) {
    clock_init();
    time_init();
    uart_init();
    int status = nn_check(nn_model_plan, sizeof nn_model_plan);
    audio_init();
    wait_for(0);
    print("Listening, bias %ld\r\n", (long)bias);
    for (uint32_t end = MFCC_FRAMES; status == NN_OK; end += FRAMES_A_STEP) {
        wait_for(end);
        gather(end);
        memcpy(nn_input(nn_model_plan, nn_arena, 0), gp_buff, sizeof gp_buff);
        const uint32_t start = own_cycles();
        status = nn_invoke(nn_model_plan, nn_arena);
        const uint32_t cycles = own_cycles() - start;
        memcpy(g_output, nn_output(nn_model_plan, nn_arena, 0), sizeof g_output);
        print("Inference Time: %lu us, Predicted Label: %s\r\n", (unsigned long)time_us_of_cycles(cycles), label());
        /* On a slower clock: rather a window less than an older one. */
        while (frames >= end + FRAMES_A_STEP + (RING - MFCC_FRAMES)) {
            end += FRAMES_A_STEP;
        }
    }
    print("The runtime refuses the model: status %d\r\n", status);
    uart_flush();
    for (;;) {
        cpu_wait_for_interrupt();
    }
}
