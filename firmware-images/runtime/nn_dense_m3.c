/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * nn_dense_four for the Cortex-M3. The portable version in nn_dense.c says what it computes; nn_conv_m3.c explains sums in halves of words.
 *
 * Two inputs of four channels: 12 instructions, 23 cycles, 48 bytes; the two words of weights are its only accesses to flash. */
#include "nn_plan.h"

#if NN_CORTEX_M3
__asm__(
    "    .syntax unified\n"
    "    .section .text.nn_dense_four, \"ax\", %progbits\n"
    "    .balign 8\n"
    "    .global nn_dense_four\n"
    "    .type nn_dense_four, %function\n"
    "    .thumb_func\n"

    /* r0 inputs, r1 weights, lr 0x00FF00FF; channels 0 and 2: r9 A, r10 H; 1 and 3: r11 A, r12 H. */
    "    .macro nn_two_inputs\n"
    "    ldm r0!, {r2-r4}\n"
    "    ldm r1!, {r5-r6}\n"
    "    and.w r7, r5, #0x00FF00FF\n"
    "    and.w r8, r6, #0x00FF00FF\n"
    "    mla r7, r7, r2, r4\n"
    "    mla r7, r8, r3, r7\n"
    "    and.w r5, lr, r5, lsr #8\n"
    "    and.w r6, lr, r6, lsr #8\n"
    "    mla r5, r5, r2, r4\n"
    "    mla r5, r6, r3, r5\n"
    "    add r9, r7\n"
    "    add.w r10, r10, r7, asr #16\n"
    "    add r11, r5\n"
    "    add.w r12, r12, r5, asr #16\n"
    "    .endm\n"

    "nn_dense_four:\n"
    "    push {r3-r11, lr}\n"
    "    add r4, r1, r1, lsl #1\n"
    "    add r4, r0, r4, lsl #2\n"
    "    push {r1, r4}\n"               /* [sp] pairs, [sp, #4] end of the inputs, [sp, #8] sums */
    "    ands r4, r1, #3\n"
    "    mov r1, r2\n"
    "    mov lr, #0x00FF00FF\n"
    "    mov r9, #0\n"
    "    mov r10, #0\n"
    "    mov r11, #0\n"
    "    mov r12, #0\n"
    "    beq 1f\n"
    /* The loop takes four pairs: enter it such that the first round takes the odd ones. 48 bytes of code per pair. */
    "    rsb r4, r4, #4\n"
    "    adr r2, 1f\n"
    "    add r4, r4, r4, lsl #1\n"
    "    add r2, r2, r4, lsl #4\n"
    "    orr r2, r2, #1\n"
    "    bx r2\n"
    "    .balign 8\n"
    "1:  nn_two_inputs\n"
    "    nn_two_inputs\n"
    "    nn_two_inputs\n"
    "    nn_two_inputs\n"
    "    ldr r2, [sp, #4]\n"
    "    cmp r0, r2\n"
    "    bne 1b\n"

    "    pop {r2, r3}\n"
    "    ldr r8, [sp]\n"
    "    mov r0, r1\n"
    "    ldm r8, {r4-r7}\n"
    /* The low sums are A - H * 2^16 - 32767 for each pair, the high ones H + 1 for each pair. */
    "    sub.w r9, r9, r10, lsl #16\n"
    "    sub.w r11, r11, r12, lsl #16\n"
    "    sub.w r1, r2, r2, lsl #15\n"
    "    add r9, r1\n"
    "    add r11, r1\n"
    "    add r10, r2\n"
    "    add r12, r2\n"
    "    add r4, r9\n"
    "    add r5, r11\n"
    "    add r6, r10\n"
    "    add r7, r12\n"
    "    stm r8, {r4-r7}\n"
    "    pop {r3-r11, pc}\n"
    "    .size nn_dense_four, . - nn_dense_four\n"
    "    .text\n");
#else
typedef int nn_dense_m3_is_empty;
#endif
