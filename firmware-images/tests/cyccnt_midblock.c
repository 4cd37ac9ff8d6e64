/* Cycle counter reads with known code between them, at 8 MHz without wait states; what silicon measures is in expected.toml. */
#include "test.h"

/* Nothing but `code` between the two reads, in one straight line that starts on 8 bytes. `first` is the first read, 4 bytes long
   or 2: with the latter, wide instructions after it lie at addresses that are 2 modulo 4. */
#define MEASURE(cycles, first, code)                                                                                              \
    do {                                                                                                                          \
        uint32_t before, after;                                                                                                   \
        __asm__ volatile(".balign 8\n\t" first " %0, [%2]\n\t" code "ldr.w %1, [%2]\n\t"                                           \
                         : "=&l"(before), "=&l"(after)                                                                            \
                         : "l"(&DWT_CYCCNT), "l"(&word)                                                                           \
                         : "r3", "cc", "memory");                                                                                 \
        (cycles) = after - before;                                                                                                \
    } while (0)
#define TEN(instruction) FIVE(instruction) FIVE(instruction)
#define SEVEN(instruction) FIVE(instruction) instruction "\n\t" instruction "\n\t"
#define FIVE(instruction)                                                                                                         \
    instruction "\n\t" instruction "\n\t" instruction "\n\t" instruction "\n\t" instruction "\n\t"

static uint32_t word;

int main(void) {
    uart_init();
    const uint32_t off = DWT_CYCCNT;
    print("without TRCENA %s\r\n", off == DWT_CYCCNT ? "stopped" : "running");
    DEMCR |= DEMCR_TRCENA;
    DWT_CYCCNT = 0;
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
    uint32_t nothing, nops, loads, loads_at_2, multiplies;
    MEASURE(nothing, "ldr.w", "");
    MEASURE(nops, "ldr.w", TEN("nop.w"));
    MEASURE(loads, "ldr.w", SEVEN("ldr.w r3, [%3]") "nop\n\tnop\n\t");
    MEASURE(loads_at_2, "ldr.n", SEVEN("ldr.w r3, [%3]") "nop\n\tnop\n\t");
    MEASURE(multiplies, "ldr.w", FIVE("mla r3, %2, %2, %2"));
    print("nothing %lu\r\nnops %lu\r\nloads %lu\r\nloads_at_2 %lu\r\nmultiplies %lu\r\n", (unsigned long)nothing,
          (unsigned long)nops, (unsigned long)loads, (unsigned long)loads_at_2, (unsigned long)multiplies);
    test_exit(0);
}
