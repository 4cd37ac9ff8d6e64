/* What the platform offers: clock, serial line, time, text.
 * Source: written for these images.
 * Does not model: anything that a benchmark image does not need.
 * Tested by: tests/firmware_images.rs.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef PLATFORM_H
#define PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int main(void);

/* clock.c: the core's clock in Hz, set by clock_init(). */
extern uint32_t SystemCoreClock;
void clock_init(void);

/* uart.c: USART1, 115200 baud, 8N1, PA9 and PA10. */
void uart_init(void);
void uart_put(char c);  /* waits until the transmitter takes it */
void uart_flush(void);  /* waits until the last bit is out */
char uart_get(void);    /* sleeps until a character is there */
uint32_t uart_lost(void); /* characters that came while the receive buffer was full */

/* time.c. time_us() is time since time_init(), asleep or not; time_cycles() is the core's own counter: it wraps
   after 2^32 cycles (59 s at 72 MHz) and stands still in sleep, which suits it to timing code. */
void time_init(void);
uint64_t time_us(void);
uint32_t time_cycles(void);
uint64_t time_us_of_cycles(uint64_t cycles);

/* print.c: printf to the serial line, for %s %c %% and integers: %[0][width][l|ll](d|u|x). "\n" is sent as it is. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_list(const char *format, __builtin_va_list args);
/* Divides *value by 1 to 65535 and returns the remainder: the core has no 64-bit division, and the compiler's would be the only
   library code in an image. */
uint32_t divide(uint64_t *value, uint32_t by);

#endif
