/* From reset to main(), and the vector table.
 * Source: PM0056 section 2.3.4, RM0008 section 10.1.2 (43 interrupts on this chip).
 * Does not model: handlers; all interrupts that nobody defines stay in Default_Handler.
 * Tested by: tests/embed_examples.rs.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
    .syntax unified
    .cpu cortex-m3
    .thumb

    .section .text.Reset_Handler
    .weak Reset_Handler
    .type Reset_Handler, %function
Reset_Handler:
    bl SystemInit
    ldr r0, =_sdata
    ldr r1, =_edata
    ldr r2, =_sidata
1:  cmp r0, r1
    bhs 2f
    ldr r3, [r2], #4
    str r3, [r0], #4
    b 1b
2:  ldr r0, =_sbss
    ldr r1, =_ebss
    movs r3, #0
3:  cmp r0, r1
    bhs 4f
    str r3, [r0], #4
    b 3b
4:  bl main
5:  b 5b
    .size Reset_Handler, . - Reset_Handler

    .section .text.Default_Handler
    .type Default_Handler, %function
Default_Handler:
    b Default_Handler
    .size Default_Handler, . - Default_Handler

    .section .isr_vector, "a", %progbits
    .type g_pfnVectors, %object
g_pfnVectors:
    .word _estack
    .word Reset_Handler
    .irp name, NMI_Handler, HardFault_Handler, MemManage_Handler, BusFault_Handler, UsageFault_Handler
    .weak \name
    .thumb_set \name, Default_Handler
    .word \name
    .endr
    .word 0, 0, 0, 0
    .irp name, SVC_Handler, DebugMon_Handler
    .weak \name
    .thumb_set \name, Default_Handler
    .word \name
    .endr
    .word 0
    .irp name, PendSV_Handler, SysTick_Handler
    .weak \name
    .thumb_set \name, Default_Handler
    .word \name
    .endr
    .rept 43
    .word Default_Handler
    .endr
    .size g_pfnVectors, . - g_pfnVectors
