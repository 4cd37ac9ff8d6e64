/* Two threads on the process stack: SVC starts the first, PendSV switches between them (registers R4 to R11 included). */
#include "test.h"

#define STACK_WORDS 96u /* print() needs some */
#define TURNS 5u

static uint32_t stacks[2][STACK_WORDS] __attribute__((aligned(8)));
static uint32_t *saved[2];
static volatile uint32_t current;
static volatile uint32_t finished;

uint32_t *next_thread(uint32_t *sp);
uint32_t *next_thread(uint32_t *sp) {
    saved[current] = sp;
    current = 1u - current;
    return saved[current];
}

void PendSV_Handler(void) __attribute__((naked));
void PendSV_Handler(void) {
    __asm__ volatile("mrs r0, psp\n\t"
                     "stmdb r0!, {r4-r11}\n\t"
                     "push {r4, lr}\n\t"
                     "bl next_thread\n\t"
                     "pop {r4, lr}\n\t"
                     "ldmia r0!, {r4-r11}\n\t"
                     "msr psp, r0\n\t"
                     "bx lr");
}

/* Leaves main's context behind: unstacks thread 0 from the process stack. */
void SVC_Handler(void) __attribute__((naked));
void SVC_Handler(void) {
    __asm__ volatile("ldr r0, =saved\n\t"
                     "ldr r0, [r0]\n\t"
                     "ldmia r0!, {r4-r11}\n\t"
                     "msr psp, r0\n\t"
                     "mov lr, #0xfffffffd\n\t"
                     "bx lr");
}

static void yield(void) {
    SCB->ICSR = SCB_ICSR_PENDSVSET;
    cpu_sync();
}

static void thread(uint32_t name) {
    /* Something in a callee-saved register across the switch, and something on the stack. */
    register uint32_t kept __asm__("r8") = name;
    volatile uint32_t local = name;
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        uart_put((char)name);
        __asm__ volatile("" : "+r"(kept));
        yield();
        __asm__ volatile("" : "+r"(kept));
        if (kept != name || local != name) {
            test_exit(1);
        }
    }
    finished = finished + 1u;
    while (finished < 2u) {
        yield();
    }
    uint32_t control;
    __asm__ volatile("mrs %0, control" : "=r"(control));
    print("\r\ncontrol %lu\r\n", (unsigned long)control);
    test_exit(0);
}

static void prepare(unsigned index, uint32_t name) {
    uint32_t *frame = stacks[index] + STACK_WORDS - 8u;
    frame[0] = name;                           /* R0 */
    frame[6] = (uintptr_t)&thread & ~(uintptr_t)1; /* PC */
    frame[7] = 1u << 24;                       /* xPSR: Thumb */
    saved[index] = frame - 8u;                 /* R4 to R11 */
}

int main(void) {
    test_begin();
    SCB->SHPR[SHPR_PENDSV - 4] = 0xF0;
    prepare(0, 'A');
    prepare(1, 'B');
    __asm__ volatile("svc #0");
    test_exit(2);
}
