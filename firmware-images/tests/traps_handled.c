/* Divisions by zero and unaligned accesses that trap, in a loop and in IT blocks, with a handler that steps over them. What does not
 * execute does not trap; LDRD and LDM trap always, a single load only with CCR.UNALIGN_TRP. */
#include "test.h"

#define SHCSR_USGFAULTENA (1u << 18)
#define XPSR_IT 0x0600FC00u

static volatile uint32_t faults, status;

void usage_fault(uint32_t *frame);
void usage_fault(uint32_t *frame) {
    /* R0-R3, R12, LR, PC, xPSR: PM0056 section 2.3.7. Each instruction here is wide and alone in its IT block. */
    faults = faults + 1u;
    status = SCB->CFSR;
    SCB->CFSR = status; /* written ones clear */
    frame[6] += 4;
    frame[7] &= ~XPSR_IT;
}

void UsageFault_Handler(void) __attribute__((naked));
void UsageFault_Handler(void) {
    __asm__ volatile("mrs r0, msp\n\t"
                     "b usage_fault");
}

static uint32_t divide_if(uint32_t condition, uint32_t by) {
    uint32_t result = 100;
    __asm__ volatile("cmp %1, #0\n\t"
                     "it ne\n\t"
                     "udivne %0, %0, %2"
                     : "+r"(result)
                     : "r"(condition), "r"(by)
                     : "cc");
    return result;
}

/* The divisor comes from a device at the last moment. */
static uint32_t divide_by_reload(uint32_t condition, uint32_t reload) {
    uint32_t result = 100, by;
    SYSTICK->LOAD = reload;
    __asm__ volatile("ldr %1, [%3]\n\t"
                     "cmp %2, #0\n\t"
                     "itt ne\n\t"
                     "addne %0, #50\n\t"
                     "udivne %0, %0, %1\n\t"
                     "add %0, #1"
                     : "+&r"(result), "=&r"(by)
                     : "r"(condition), "r"(&SYSTICK->LOAD)
                     : "cc", "memory");
    return result;
}

static void report(const char *what) {
    print("%s: %lu, cfsr %08lx\r\n", what, (unsigned long)faults, (unsigned long)status);
    faults = status = 0;
}

int main(void) {
    static uint32_t words[4];
    const uintptr_t odd = (uintptr_t)words + 2u;
    uint32_t sum = 0;
    test_begin();
    SCB->SHCSR |= SHCSR_USGFAULTENA;
    SCB->CCR |= SCB_CCR_DIV_0_TRP;
    cpu_sync();
    for (uint32_t i = 0; i < 10u; i++) {
        sum += divide_if(i & 1u, i % 3u); /* by zero and executed: 3 and 9 */
    }
    print("sum %lu\r\n", (unsigned long)sum);
    report("divide");
    print("%lu %lu ", (unsigned long)divide_by_reload(1, 5), (unsigned long)divide_by_reload(0, 0));
    print("%lu\r\n", (unsigned long)divide_by_reload(1, 0));
    report("reload");
    __asm__ volatile("ldr.w r2, [%0]" ::"r"(odd) : "r2", "memory");
    report("load");
    __asm__ volatile("ldrd r2, r3, [%0]" ::"r"(odd) : "r2", "r3", "memory");
    report("double");
    __asm__ volatile("ldm.w %0, {r2, r3}" ::"r"(odd) : "r2", "r3", "memory");
    report("multiple");
    __asm__ volatile("stm.w %0, {r2, r3}" ::"r"(odd) : "memory");
    report("store");
    SCB->CCR |= SCB_CCR_UNALIGN_TRP;
    cpu_sync();
    __asm__ volatile("ldr.w r2, [%0]" ::"r"(odd) : "r2", "memory");
    report("load");
    test_exit(0);
}
