/* The smallest image that talks: says at what speed it runs, then echoes every command back.
 * Source: written for these images.
 * Does not model: anything; it is for bringing up a board, or a simulator.
 * Tested by: tests/firmware_images.rs.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "platform.h"

int main(void) {
    clock_init();
    time_init();
    uart_init();
    print("Hello from %lu Hz\r\n", (unsigned long)SystemCoreClock);
    for (;;) {
        /* A command ends with '%', as in the MLPerf Tiny protocol. */
        print("echo [");
        for (char c = uart_get(); c != '%'; c = uart_get()) {
            uart_put(c);
        }
        print("] at %llu us\r\n", (unsigned long long)time_us());
    }
}
