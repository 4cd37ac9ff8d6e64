/* Sound from a microphone on PA0: 16 000 samples a second, taken by a timer, the converter and DMA while the core sleeps.
 * Source: written for this image; audio.c names the manual's sections.
 * Does not model: other pins, rates or several channels.
 * Tested by: tests/keyword_live.rs.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef AUDIO_H
#define AUDIO_H

#include <stdint.h>

/* Samples of a hop: half of the buffer that DMA goes round in. */
#define AUDIO_RATE 16000u
#define AUDIO_HOP 320u

/* Begins to listen. */
void audio_init(void);

/* Provided by the image: called for every hop, at the least urgent priority, with the hop and the one before it; both are counted from 0, and
 * before hop 0 there is none (zeros). `now` stays until the next hop ends; of `before` the last half does for 10 ms. */
void audio_hop(const uint16_t *before, const uint16_t *now, uint32_t hop);

/* Hops that came while an earlier one was still being worked on, and were dropped. */
uint32_t audio_lost(void);

#endif
