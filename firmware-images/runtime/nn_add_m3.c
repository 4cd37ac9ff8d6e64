/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * nn_add_run for the Cortex-M3. The portable version in nn_add.c says what it computes. */
#include "nn_plan.h"

#if NN_CORTEX_M3
__asm__(
    "    .syntax unified\n"
    "    .section .text.nn_add_run, \"ax\", %progbits\n"
    "    .balign 8\n"
    "    .global nn_add_run\n"
    "    .type nn_add_run, %function\n"
    "    .thumb_func\n"
    "nn_add_run:\n"
    "    push {r4-r11, lr}\n"
    "    mov r12, r0\n"
    "    ldrd r4, r5, [r12, #28]\n"    /* half, shift: on the stack */
    "    push {r4, r5}\n"
    "    add r4, r12, #36\n"
    "    ldm r4, {r9-r11}\n"           /* back, back_half, back_shift */
    "    ldm r12, {r0-r6}\n"           /* x, y, out, end, coarse_zero, zero, multiplier */
    "    .balign 8\n"
    "1:  ldrsb r12, [r0], #1\n"
    "    ldrsb lr, [r1], #1\n"
    "    rsb r12, r4, r12, lsl #19\n"
    "    rsb lr, r5, lr, lsl #22\n"
    "    smull r7, r8, lr, r6\n"
    "    asr lr, lr, #31\n"
    "    add r8, r8, lr, lsl #1\n"     /* rounded away from zero, also below it */
    "    ldr r7, [sp]\n"
    "    ldr lr, [sp, #4]\n"
    "    add r8, r7\n"
    "    asr r8, r8, lr\n"
    "    add r12, r8\n"
    /* See nn_requantise. */
    "    and r7, r12, #0x80000000\n"
    "    orr r7, r7, #0x40000000\n"
    "    add r8, r10, r12, asr #31\n"
    "    smlal r7, r8, r12, r9\n"
    "    asr r8, r8, r11\n"
    "    ssat r8, #8, r8\n"
    "    strb r8, [r2], #1\n"
    "    cmp r2, r3\n"
    "    bne 1b\n"
    "    add sp, #8\n"
    "    pop {r4-r11, pc}\n"
    "    .size nn_add_run, . - nn_add_run\n"
    "    .text\n");
#else
typedef int nn_add_m3_is_empty;
#endif
