/* A thread without privileges can neither mask interrupts nor see MSP nor take its privileges back, but for SVC; frames are aligned to eight bytes
   if CCR.STKALIGN says so (ARM DDI 0403 B1.4.4, B5.2.2, B5.2.3, B1.5.7). */
#include "test.h"

static volatile uint32_t frame_xpsr, frame_at;
static uint32_t thread_stack[64] __attribute__((aligned(8)));

__attribute__((used)) static void serve(uint32_t *frame) {
    frame_at = (uint32_t)frame;
    frame_xpsr = frame[7];
    if (frame[0] == 1u) {
        __asm__ volatile("msr control, %0\n\tisb" ::"r"(2u));
    }
    if (frame[0] == 2u) {
        SCB->CCR &= ~(1u << 9);
    }
}

__attribute__((naked)) void SVC_Handler(void) { __asm__ volatile("mrs r0, psp\n\tb serve"); }

/* SVC with the stack four bytes off; how far below it the frame lies. */
__attribute__((naked)) static uint32_t call_misaligned(void) {
    __asm__ volatile("push {r4, lr}\n\t"
                     "sub sp, #4\n\t"
                     "mov r4, sp\n\t"
                     "movs r0, #0\n\t"
                     "svc #0\n\t"
                     "mov r0, r4\n\t"
                     "add sp, #4\n\t"
                     "pop {r4, pc}");
}

static void call(uint32_t what) {
    register uint32_t r0 __asm__("r0") = what;
    __asm__ volatile("svc #0" ::"r"(r0) : "memory");
}

static uint32_t control(void) {
    uint32_t value;
    __asm__ volatile("mrs %0, control" : "=r"(value));
    return value;
}

__attribute__((used)) static void thread(void) {
    uint32_t msp;
    cpu_disable_interrupts();
    __asm__ volatile("msr control, %0\n\tisb" ::"r"(0u));
    __asm__ volatile("mrs %0, msp" : "=r"(msp));
    print("unprivileged: control %u primask %u msp %u\r\n", (unsigned)control(), (unsigned)cpu_primask(), (unsigned)msp);
    uint32_t from = call_misaligned();
    print("aligned: %u bytes, bit 9 %u\r\n", (unsigned)(from - frame_at), (unsigned)(frame_xpsr >> 9) & 1u);
    call(2);
    from = call_misaligned();
    print("not aligned: %u bytes, bit 9 %u\r\n", (unsigned)(from - frame_at), (unsigned)(frame_xpsr >> 9) & 1u);
    call(1);
    cpu_disable_interrupts();
    print("privileged: control %u primask %u\r\n", (unsigned)control(), (unsigned)cpu_primask());
    cpu_enable_interrupts();
    test_exit(0);
}

int main(void) {
    test_begin();
    SCB->CCR |= 1u << 9;
    __asm__ volatile("msr psp, %0\n\tmsr control, %1\n\tisb\n\tb thread" ::"r"(thread_stack + 64), "r"(3u));
    for (;;) {
    }
}
