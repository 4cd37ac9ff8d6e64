@ Small loops whose cycle counts on an STM32F103 have been published. Each has four labels: start_NAME sets it up, from_NAME and to_NAME
@ delimit what is measured, stop_NAME ends the run. Which measurement each repeats is said in loops.toml.
@ loops.elf is made from it by
@   arm-none-eabi-as -mcpu=cortex-m3 loops.s -o loops.o && arm-none-eabi-ld -n -T loops.ld loops.o -o loops.elf
@ with GNU binutils 2.40.
    .syntax unified
    .thumb
    .cpu cortex-m3
    .text
    .word 0x20005000, 9

    .macro begin name
    .global start_\name
    .thumb_func
start_\name:
    .endm
    .macro from name
    .global from_\name
from_\name:
    .endm
    .macro to name
    .global to_\name
to_\name:
    .endm
    .macro stop name
    nop
    .global stop_\name
stop_\name:
    b .
    .endm

@ 17 wide NOPs and a counted loop, all on word boundaries, between two reads of CYCCNT.
    .balign 8
    begin nops
    ldr r11, =0xe0001000
    .balign 8
    dsb
    isb
    movs.w r9, #1000
    nop.w
    from nops
    ldr.w r10, [r11, #4]
    nop.w
1:
    .rept 17
    nop.w
    .endr
    subs.w r9, #1
    bne.w 1b
    nop.w
    to nops
    ldr.w r9, [r11, #4]
    stop nops
    .ltorg

@ Seven wide loads in a row and two NOPs between two reads of CYCCNT, on word boundaries and off them.
    .macro seven_loads name, before, after
    .balign 8
    begin \name
    ldr r11, =0xe0001000
    ldr r1, =0x20000000
    .balign 8
    dsb
    isb
    nop.w
    nop.w
    from \name
    ldr.w r10, [r11, #4]
    .rept \before
    nop
    .endr
    .rept 7
    ldr.w r0, [r1, #4]
    .endr
    .rept \after
    nop
    .endr
    to \name
    ldr.w r9, [r11, #4]
    stop \name
    .ltorg
    .endm
    seven_loads loads_aligned, 2, 0
    seven_loads loads_misaligned, 1, 1

@ Samples a port into SRAM; the loop begins at 0x320 of flash.
    .org 0x310
    begin capture
    ldr r4, =0x40010800
    ldr r3, =0x20000100
    movs r1, #0
    nop
    nop
    nop
    .org 0x320
    from capture
1:  ldr r0, [r4, #8]
    str.w r0, [r3, r1, lsl #2]
    adds r1, #1
    cmp r1, #128
    bne.n 1b
    to capture
    stop capture
    .ltorg

@ Toggles a pin through the set and reset registers.
    .balign 8
    begin toggle
    ldr r4, =0x40010800
    movs r0, #1
    nop
    nop
    from toggle
1:  str r0, [r4, #0x10]
    str r0, [r4, #0x14]
    b 1b
    to toggle
    stop toggle
    .ltorg

@ Toggles a pin by reading and writing the output register.
    .balign 8
    begin read_modify_write
    ldr r4, =0x40010800
    nop
    nop
    nop
    from read_modify_write
1:  ldr r3, [r4, #12]
    orr r3, r3, #1
    str r3, [r4, #12]
    ldr r3, [r4, #12]
    bic r3, r3, #1
    str r3, [r4, #12]
    b 1b
    to read_modify_write
    stop read_modify_write
    .ltorg

@ What follows runs from SRAM.
    .section .sram, "ax"
    .balign 8
    begin sram_count
    mov r0, #1000
    nop
    nop
    from sram_count
1:  subs r0, #1
    bhi 1b
    to sram_count
    stop sram_count

@ Sets and clears a pin by two stores; the address register is loaded before the loop.
    .macro sram_stores name, register
    .balign 4
    begin \name
    mov r0, #100
    ldr r1, [pc, #0x10]
    movs r2, #1
    movs r3, #0
    from \name
1:  str r2, [r1]
    subs r0, #1
    str r3, [r1]
    bgt 1b
    to \name
    stop \name
    .balign 4
    .word \register
    .endm
    sram_stores sram_stores_port, 0x4001080c
    sram_stores sram_stores_bit_band, 0x42210198

@ The same with everything loaded anew for each store.
    .macro sram_literals name, register
    .balign 4
    begin \name
    mov r0, #100
    nop
    nop
    from \name
1:  ldr r1, [pc, #16]
    movs r2, #1
    str r2, [r1]
    ldr r1, [pc, #12]
    movs r2, #0
    str r2, [r1]
    subs r0, #1
    bgt 1b
    to \name
    stop \name
    .balign 4
    .word \register
    .endm
    sram_literals sram_literals_port, 0x4001080c
    sram_literals sram_literals_bit_band, 0x42210198
