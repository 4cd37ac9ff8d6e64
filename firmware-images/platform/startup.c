/* From reset to main(): the vector table, initialised data, zeroed data.
 * Source: RM0008 section 10.1.2 (positions 0 to 59 as on high-density devices; a C8 stops at 42), PM0056 section 2.3.4.
 * Does not model: C++ constructors, a heap.
 * Tested by: tests/firmware_images.rs (every position is filled; images run under QEMU).
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "handlers.h"
#include "platform.h"
#include "stm32f103.h"

/* Placed by the linker script; only their addresses mean anything. */
extern uint32_t __stack_top[], __data_start[], __data_end[], __bss_start[], __bss_end[];
extern const uint32_t __data_load[];

/* An interrupt nobody wrote a handler for: stay, so that a debugger or the simulator shows which one (IPSR). */
void Default_Handler(void) {
    for (;;) {
    }
}

void Reset_Handler(void) {
    const uint32_t *from = __data_load;
    for (uint32_t *to = __data_start; to < __data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = __bss_start; to < __bss_end;) {
        *to++ = 0;
    }
    main();
    for (;;) {
        cpu_wait_for_interrupt();
    }
}

#define UNLESS_DEFINED(name) void name(void) __attribute__((weak, alias("Default_Handler")));
SYSTEM_EXCEPTIONS(UNLESS_DEFINED, )
INTERRUPTS(UNLESS_DEFINED)

typedef union {
    void (*handler)(void);
    uint32_t *stack;
    uint32_t reserved;
} vector;

extern const vector vector_table[];
#define ENTRY(name) {.handler = name},
#define RESERVED {.reserved = 0},
__attribute__((section(".vectors"), used)) const vector vector_table[] = {
    {.stack = __stack_top},
    ENTRY(Reset_Handler) SYSTEM_EXCEPTIONS(ENTRY, RESERVED) INTERRUPTS(ENTRY)};
_Static_assert(sizeof vector_table == (16 + 60) * sizeof(uint32_t), "one entry per exception and interrupt");
