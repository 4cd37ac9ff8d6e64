/* What the images have in common whose model says which of several classes an input belongs to.
 * Source: written for these images.
 * Does not model: float outputs, several right answers.
 * Tested by: tests/firmware_images.rs, tests/scenarios.rs.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * classifier.c brings image_label() and image_print_scores() for an int8 output of one softmax: scale 1/256, zero point -128.
 */
#ifndef CLASSIFIER_H
#define CLASSIFIER_H

#include "image.h"

/* The classes' names in the order of the outputs: one for each; provided by the image. */
extern const char *const classifier_labels[];

#endif
