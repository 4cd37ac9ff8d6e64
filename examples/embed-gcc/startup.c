/* From reset to main().
 * Source: PM0056 section 2.3.4 (vector table).
 * Does not model: interrupts; this program uses none.
 * Tested by: tests/embed_examples.rs.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <stdint.h>

extern uint32_t data_load[], data_start[], data_end[], bss_start[], bss_end[], stack_top[];
int main(void);

void Reset_Handler(void) {
    const uint32_t *from = data_load;
    for (uint32_t *to = data_start; to < data_end;) *to++ = *from++;
    for (uint32_t *to = bss_start; to < bss_end;) *to++ = 0;
    main();
    for (;;) {
    }
}

static void stay(void) {
    for (;;) {
    }
}

typedef void (*handler)(void);
__attribute__((section(".vectors"), used)) static const handler vectors[16] = {
    (handler)stack_top, Reset_Handler, stay, stay, stay, stay, stay, 0, 0, 0, 0, stay, stay, 0, stay, stay,
};
