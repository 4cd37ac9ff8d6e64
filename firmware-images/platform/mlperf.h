/* The device side of the MLPerf Tiny serial protocol: what it asks of an image, and what it offers.
 * Source: the protocol as README.md states it; the names of the functions are the benchmark's.
 * Does not model: energy mode (its marker pin).
 * Tested by: tests/firmware_images.rs (a conversation under QEMU).
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef MLPERF_H
#define MLPERF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Provided by the image. */
extern const char mlperf_model[];  /* "kws01", "ic01", "ad01", "vww01", … */
extern const size_t gp_buff_bytes; /* the model's input */
extern uint8_t gp_buff[];          /* the input as the host loaded it; inference leaves it alone */
void th_load_tensor(void);         /* gp_buff to the model's input */
void th_infer(void);               /* one inference */
void th_results(void);             /* prints m-results-[…], or an e-[…] line */
void th_output(void);              /* prints the raw output through mlperf_print_bytes() */
/* A command of the image's own, uncut: true when it was one and has been answered. Images without any leave this out. */
bool th_command(const char *command);

/* Offered to it. The input counts as loaded when g_buff_pos == g_buff_size == gp_buff_bytes. */
extern size_t g_buff_size, g_buff_pos;
void th_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char th_getchar(void);
void th_timestamp(void); /* prints m-lap-us-<now> */
void mlperf_print_bytes(const char *prefix, const void *bytes, size_t count);
/* Greets, then serves commands for ever. */
void mlperf_serve(void) __attribute__((noreturn));

#endif
