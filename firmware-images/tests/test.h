/* For the tiny programs of this folder. Each says in its first line what it is for; expected.toml says what it prints and how it ends.
 * Source: written for these images.
 * Does not model: anything.
 * Tested by: tests/firmware_images.rs runs each under QEMU.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef TEST_H
#define TEST_H

#include "handlers.h"
#include "platform.h"
#include "stm32f103.h"

/* 72 MHz and a serial line. */
static inline void test_begin(void) {
    clock_init();
    uart_init();
}

/* The convention for a program's verdict: a last line "exit N", 0 for good; then sleep that nothing can end. */
static inline void test_exit(int code) __attribute__((noreturn));
static inline void test_exit(int code) {
    print("exit %d\r\n", code);
    uart_flush();
    NVIC->ICER[0] = NVIC->ICER[1] = 0xFFFFFFFFu;
    SYSTICK->CTRL = 0;
    for (;;) {
        cpu_wait_for_interrupt();
    }
}

#endif
