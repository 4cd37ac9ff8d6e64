/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * nn_conv_quads for the Cortex-M3. The portable version in nn_conv.c says what it computes; this is how.
 *
 * A word holds two pixels, X = x0 + x1 * 2^16. Two taps make T = X*w + X'*w' + 2^15: its low half is the sum for the first pixel, kept
 * from going below zero by the 2^15 (|x| <= 128 and |w| <= 127, so it cannot overflow either), and its high half that for the second. So
 * H += T >> 16 and A += T are all it takes: in the end, the second pixel's sum is H, and the first one's is A - H * 2^16 less the 2^15s.
 * Two taps of four pixels: 14 instructions, 19 cycles, 44 bytes, which also just fits what flash delivers at two wait states. */
#include "nn_plan.h"

#if NN_CORTEX_M3
__asm__(
    "    .syntax unified\n"
    "    .section .text.nn_conv_quads, \"ax\", %progbits\n"
    "    .balign 8\n"
    "    .global nn_conv_quads\n"
    "    .type nn_conv_quads, %function\n"
    "    .thumb_func\n"

    /* Two taps of four pixels. r0 words of pixels, r10 weights, lr 2^15; r6 r7 A, r8 r9 H. */
    "    .macro nn_two_taps n\n"
    "    ldr r1, [r0, #16*\\n]\n"
    "    ldr r2, [r0, #16*\\n+4]\n"
    "    ldrsb.w r3, [r10, #2*\\n]\n"
    "    ldr r4, [r0, #16*\\n+8]\n"
    "    ldr r5, [r0, #16*\\n+12]\n"
    "    ldrsb.w r12, [r10, #2*\\n+1]\n"
    "    mla r1, r1, r3, lr\n"
    "    mla r1, r4, r12, r1\n"
    "    adds r6, r6, r1\n"
    "    mla r2, r2, r3, lr\n"
    "    add.w r8, r8, r1, asr #16\n"
    "    mla r2, r5, r12, r2\n"
    "    adds r7, r7, r2\n"
    "    add.w r9, r9, r2, asr #16\n"
    "    .endm\n"

    /* Requantises \s and stores it: r1 multiplier, r2 one half and the zero point, r3 shift + 1, r5 stride, lr out. See nn_requantise. */
    "    .macro nn_put s\n"
    "    and r10, \\s, #0x80000000\n"
    "    orr r10, r10, #0x40000000\n"
    "    add.w r11, r2, \\s, asr #31\n"
    "    smlal r10, r11, \\s, r1\n"
    "    asr r11, r11, r3\n"
    "    ssat r11, #8, r11\n"
    "    strb r11, [lr]\n"
    "    add lr, lr, r5\n"
    "    .endm\n"

    /* The same where the zero point is the least output: what is negative becomes that, so how it is rounded does not matter. */
    "    .macro nn_put_floor s\n"
    "    smull r10, r11, \\s, r1\n"
    "    adds r10, r10, #0x40000000\n"
    "    adc r11, r11, r2\n"
    "    asr r11, r11, r3\n"
    "    ssat r11, #8, r11\n"
    "    strb r11, [lr]\n"
    "    add lr, lr, r5\n"
    "    .endm\n"

    "nn_conv_quads:\n"
    "    push {r0, r4-r11, lr}\n"
    "    ldr r12, [r0, #12]\n"
    "    push {r11, r12}\n"             /* [sp, #4] pixels left, [sp, #8] job */
    "    mov r11, r0\n"
    "    ldr r0, [r11]\n"

    "1:  ldr r10, [r11, #4]\n"          /* a quad: r11 job, r0 its words */
    "    ldr r1, [r11, #8]\n"
    "    ldr r6, [r11, #16]\n"
    "    mov r7, r6\n"
    "    mov r8, #0\n"
    "    mov r9, #0\n"
    "    mov lr, #0x8000\n"
    "    add r11, r10, r1\n"
    "    ands r1, r1, #15\n"
    "    beq 2f\n"
    /* The loop takes sixteen taps: enter it such that the first round takes the odd ones. 22 bytes of code per tap. */
    "    rsb r1, r1, #16\n"
    "    sub r10, r10, r1\n"
    "    sub r0, r0, r1, lsl #3\n"
    "    adr r2, 2f\n"
    "    mov r3, #22\n"
    "    mla r2, r1, r3, r2\n"
    "    orr r2, r2, #1\n"
    "    bx r2\n"
    "    .balign 8\n"
    "2:  nn_two_taps 0\n"
    "    nn_two_taps 1\n"
    "    nn_two_taps 2\n"
    "    nn_two_taps 3\n"
    "    nn_two_taps 4\n"
    "    nn_two_taps 5\n"
    "    nn_two_taps 6\n"
    "    nn_two_taps 7\n"
    "    add.w r10, r10, #16\n"
    "    adds r0, #128\n"
    "    cmp r10, r11\n"
    "    bne 2b\n"

    "    ldr r12, [sp, #8]\n"
    "    ldr r10, [r12, #20]\n"         /* bias */
    "    add r1, r12, #24\n"
    "    ldm r1, {r1-r5, lr}\n"
    "    sub.w r6, r6, r8, lsl #16\n"
    "    sub.w r7, r7, r9, lsl #16\n"
    "    add r8, r8, r10\n"
    "    add r9, r9, r10\n"
    "    ldr r10, [r12, #48]\n"         /* range */
    "    ldr r12, [sp, #4]\n"
    "    cmp r12, #4\n"
    "    blo 4f\n"
    "    cmp r10, #1\n"
    "    beq 8f\n"
    "    bhi 5f\n"
    "    nn_put_floor r6\n"
    "    nn_put_floor r8\n"
    "    nn_put_floor r7\n"
    "    nn_put_floor r9\n"
    "9:  subs r12, r12, #4\n"
    "    beq 3f\n"
    "    ldr r11, [sp, #8]\n"
    "    str r12, [sp, #4]\n"
    "    str lr, [r11, #44]\n"
    "    b 1b\n"
    "3:  add sp, #12\n"
    "    pop {r4-r11, pc}\n"

    "8:  nn_put r6\n"
    "    nn_put r8\n"
    "    nn_put r7\n"
    "    nn_put r9\n"
    "    b 9b\n"

    "4:  cmp r10, #2\n"                 /* one to three pixels */
    "    bhs 5f\n"
    "    nn_put r6\n"
    "    cmp r12, #1\n"
    "    beq 3b\n"
    "    nn_put r8\n"
    "    cmp r12, #2\n"
    "    beq 3b\n"
    "    nn_put r7\n"
    "    b 3b\n"

    "5:  cmp r10, #3\n"
    "    beq 10f\n"
    "    push {r6-r9}\n"                /* with clamp: the four sums in a loop */
    "    mov r6, sp\n"
    /* in the order of the pixels */
    "    ldr r8, [sp, #4]\n"
    "    ldr r7, [sp, #8]\n"
    "    str r7, [sp, #4]\n"
    "    str r8, [sp, #8]\n"
    /* sums now: first pixel, third's slot holds the second's, see the swap below */
    "    ldr r7, [sp, #24]\n"           /* job */
    "    ldrd r8, r9, [r7, #52]\n"      /* low, high */
    "6:  ldr r7, [r6], #4\n"
    "    and r10, r7, #0x80000000\n"
    "    orr r10, r10, #0x40000000\n"
    "    add.w r11, r2, r7, asr #31\n"
    "    smlal r10, r11, r7, r1\n"
    "    asr r11, r11, r3\n"
    "    cmp r11, r8\n"
    "    it lt\n"
    "    movlt r11, r8\n"
    "    cmp r11, r9\n"
    "    it gt\n"
    "    movgt r11, r9\n"
    "    strb r11, [lr]\n"
    "    add lr, lr, r5\n"
    "    subs r12, r12, #1\n"
    "    beq 7f\n"
    "    add r10, sp, #16\n"
    "    cmp r6, r10\n"
    "    bne 6b\n"
    "7:  add sp, #16\n"
    "    cmp r12, #0\n"
    "    beq 3b\n"
    "    ldr r11, [sp, #8]\n"
    "    str r12, [sp, #4]\n"
    "    str lr, [r11, #44]\n"
    "    b 1b\n"

    "10: str r6, [lr]\n"                /* the sums as they are */
    "    cmp r12, #1\n"
    "    beq 3b\n"
    "    str r8, [lr, #4]\n"
    "    cmp r12, #2\n"
    "    beq 3b\n"
    "    str r7, [lr, #8]\n"
    "    cmp r12, #3\n"
    "    beq 3b\n"
    "    str r9, [lr, #12]\n"
    "    add lr, lr, #16\n"
    "    b 9b\n"
    "    .size nn_conv_quads, . - nn_conv_quads\n"
    "    .text\n");
#else
typedef int nn_conv_m3_is_empty;
#endif
