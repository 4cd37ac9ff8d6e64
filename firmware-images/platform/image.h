/* Between platform/image.c and a model image's own main.c.
 * Source: written for these images.
 * Does not model: several models in one image.
 * Tested by: tests/firmware_images.rs.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * An image's folder holds
 *   main.c        mlperf_model, image_label(), image_print_scores()
 *   model_data.h  the lowered model: stm32sim embed MODEL.tflite -o model_data.h
 *   sample.h      the input that is run at boot: make_sample.py
 */
#ifndef IMAGE_H
#define IMAGE_H

#include "mlperf.h"

/* The raw output tensor of the last inference, and its size. */
extern uint8_t g_output[];
extern const size_t image_output_bytes;

/* From gp_buff and g_output: the label, and what stands between the brackets of m-results-[…]. */
const char *image_label(void);
void image_print_scores(void);

#endif
