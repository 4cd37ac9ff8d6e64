/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * nn_depthwise_plane for the Cortex-M3. The portable version in nn_depthwise.c says what it computes; nn_conv_m3.c explains the arithmetic
 * of paired pixels, here the rows of the upper and of the lower half of the plane. Weights and what else a pixel needs come from the
 * stack, so that their loads pipeline with those of the pixels. */
#include "nn_plan.h"

#if NN_CORTEX_M3
__asm__(
    "    .syntax unified\n"
    "    .section .text.nn_depthwise_plane, \"ax\", %progbits\n"
    "    .balign 8\n"
    "    .global nn_depthwise_plane\n"
    "    .type nn_depthwise_plane, %function\n"
    "    .thumb_func\n"

    /* Taps a and b of the window, weights n and n + 1. r0 pixels, lr 2^15; r5 A, r6 H. */
    "    .macro nn_pair a, b, n\n"
    "    ldr r1, [r0, #\\a]\n"
    "    ldr r2, [sp, #4*\\n]\n"
    "    ldr r3, [r0, #\\b]\n"
    "    ldr r4, [sp, #4*\\n+4]\n"
    "    mla r1, r1, r2, lr\n"
    "    mla r1, r3, r4, r1\n"
    "    adds r5, r5, r1\n"
    "    add.w r6, r6, r1, asr #16\n"
    "    .endm\n"

    /* Requantises \s into r2: r7 multiplier, r8 one half and the zero point, r9 shift + 1. See nn_requantise. */
    "    .macro nn_scale s\n"
    "    and r1, \\s, #0x80000000\n"
    "    orr r1, r1, #0x40000000\n"
    "    add.w r2, r8, \\s, asr #31\n"
    "    smlal r1, r2, \\s, r7\n"
    "    asr r2, r2, r9\n"
    "    .endm\n"
    /* To the next pixel, but for r11; r4 is where r0 stops. */
    "    .macro nn_next\n"
    "    ldr r3, [sp, #52]\n"
    "    ldr r4, [sp, #56]\n"
    "    adds r0, r0, r3\n"
    "    add r12, r10\n"
    "    .endm\n"
    "    .macro nn_clamp_to low, high\n"
    "    cmp r2, \\low\n"
    "    it lt\n"
    "    movlt r2, \\low\n"
    "    cmp r2, \\high\n"
    "    it gt\n"
    "    movgt r2, \\high\n"
    "    .endm\n"

    "nn_depthwise_plane:\n"
    "    push {r4-r11, lr}\n"
    "    sub sp, #76\n"
    "    str r0, [sp, #60]\n"           /* job */
    "    mov r12, r0\n"
    "    add r1, r12, #76\n"
    "    ldm r1!, {r2-r10}\n"           /* weights */
    "    stm sp, {r2-r10}\n"
    "    ldr r1, [r12, #52]\n"          /* start */
    "    ldr r2, [r12, #56]\n"          /* bias */
    "    ldr r3, [r12, #60]\n"          /* range */
    "    ldr r4, [r12, #20]\n"          /* stride */
    "    ldr r5, [r12, #24]\n"          /* step */
    "    add r6, sp, #36\n"
    "    stm r6, {r1-r5}\n"             /* sp + 36 start, 40 bias, 44 range, 48 stride, 52 step */
    "    ldr r0, [r12]\n"
    "    ldr r11, [r12, #4]\n"
    "    add r1, r12, #36\n"
    "    ldm r1, {r7-r9}\n"             /* multiplier, half, shift */
    "    ldr r1, [r12, #12]\n"
    "    ldr r12, [r12, #8]\n"
    "    mov lr, #0x8000\n"
    "    ldr r10, [sp, #48]\n"

    "1:  str r1, [sp, #64]\n"           /* a row: r1 rows left */
    "    ldr r2, [sp, #60]\n"
    "    ldr r3, [r2, #16]\n"
    "    add r3, r0\n"
    "    str r3, [sp, #56]\n"           /* where r0 stops */
    "    b 2f\n"
    "    .balign 8\n"

    "2:  ldr r1, [r0, #0]\n"            /* a pixel and its partner */
    "    ldr r2, [sp, #0]\n"
    "    ldr r3, [r0, #4]\n"
    "    ldr r4, [sp, #4]\n"
    "    ldr r6, [sp, #40]\n"
    "    mla r5, r1, r2, lr\n"
    "    mla r5, r3, r4, r5\n"
    "    add.w r6, r6, r5, asr #16\n"  /* H has the bias, A has to be rid of it as often: see nn_plan's start */
    "    nn_pair 8, 56, 2\n"
    "    nn_pair 60, 64, 4\n"
    "    nn_pair 112, 116, 6\n"
    "    ldr r1, [r0, #120]\n"
    "    ldr r2, [sp, #32]\n"
    "    mla r1, r1, r2, lr\n"
    "    ldr r2, [sp, #36]\n"
    "    ldr r4, [sp, #44]\n"
    "    adds r5, r5, r1\n"
    "    add.w r6, r6, r1, asr #16\n"
    "    sub.w r5, r5, r6, lsl #16\n"
    "    adds r5, r5, r2\n"
    "    cbnz r4, 4f\n"
    /* nn_scale twice where the zero point is the least output: what is negative becomes that, so how it is rounded does not matter. nn_next
     * is in between: short instructions where flash falls behind. */
    "    smull r1, r2, r6, r7\n"
    "    adds r1, r1, #0x40000000\n"
    "    ldr r3, [sp, #52]\n"
    "    ldr r4, [sp, #56]\n"
    "    adc r2, r2, r8\n"
    "    adds r0, r0, r3\n"
    "    asr r2, r2, r9\n"
    "    ssat r2, #8, r2\n"
    "    strb r2, [r12]\n"
    "    add r12, r10\n"
    "    smull r1, r2, r5, r7\n"
    "    adds r1, r1, #0x40000000\n"
    "    adc r2, r2, r8\n"
    "    asr r2, r2, r9\n"
    "    ssat r2, #8, r2\n"
    "3:  strb r2, [r11]\n"
    "    add r11, r10\n"
    "    cmp r0, r4\n"
    "    bne 2b\n"

    "    ldr r2, [sp, #60]\n"
    "    ldr r1, [sp, #64]\n"
    "    ldr r3, [r2, #28]\n"
    "    ldr r4, [r2, #32]\n"
    "    add r0, r3\n"
    "    add r11, r11, r4\n"
    "    add r12, r12, r4\n"
    "    subs r1, #1\n"
    "    bne 1b\n"
    "    add sp, #76\n"
    "    pop {r4-r11, pc}\n"

    "4:  cmp r4, #1\n"
    "    bne 5f\n"
    "    nn_scale r6\n"
    "    ssat r2, #8, r2\n"
    "    strb r2, [r12]\n"
    "    nn_scale r5\n"
    "    ssat r2, #8, r2\n"
    "    nn_next\n"
    "    b 3b\n"

    "5:  ldr r4, [sp, #60]\n"
    "    ldrd r3, r4, [r4, #64]\n"      /* low, high */
    "    nn_scale r6\n"
    "    nn_clamp_to r3, r4\n"
    "    strb r2, [r12]\n"
    "    nn_scale r5\n"
    "    nn_clamp_to r3, r4\n"
    "    nn_next\n"
    "    b 3b\n"
    "    .size nn_depthwise_plane, . - nn_depthwise_plane\n"
    "    .text\n");
#else
typedef int nn_depthwise_m3_is_empty;
#endif
