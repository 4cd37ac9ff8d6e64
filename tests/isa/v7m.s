@ Covers the ARMv7-M instruction set class by class, then instructions that a Cortex-M3 does not have and words that are none.
@ v7m.objdump is made from it by
@   arm-none-eabi-as v7m.s -o v7m.o && arm-none-eabi-objdump -d v7m.o
@ with GNU binutils 2.40.
 .syntax unified
 .thumb
 .cpu cortex-m3
a: nop
 nop.w
 mov r0,r1
 movs r0,#1
 movs r0,r1
 mov.w r0,r1
 movs.w r0,r1
 mov.w r0,#0x1000000
 movw r0,#1234
 movt r0,#1234
 mvns r0,r1
 adds r0,r1,r2
 adds r0,#3
 add r8,r1
 add r0,sp,#8
 add sp,#16
 sub sp,#16
 sub.w sp,sp,#512
 adr r0,b
 adr.w r0,a
 add.w r0,r1,r2,lsl #3
 adds.w r0,r1,r2,lsr #3
 adc r0,r1,r2
 cmp r0,r1
 cmp r0,#1
 cmp.w r0,r1,lsl #2
 cmn r0,r1
 tst r0,r1
 teq r0,r1
 lsls r0,r1,#3
 lsls r0,r1
 lsl.w r0,r1,r2
 rrx r0,r1
 ror.w r0,r1,#3
 rsbs r0,r1,#0
 rsb r0,r1,r2
 orn r0,r1,r2
 bic r0,r1
 muls r0,r1,r0
 mul r8,r1,r2
 mla r0,r1,r2,r3
 mls r0,r1,r2,r3
 umull r0,r1,r2,r3
 smull r0,r1,r2,r3
 umlal r0,r1,r2,r3
 smlal r0,r1,r2,r3
 udiv r0,r1,r2
 sdiv r0,r1,r2
 ubfx r0,r1,#3,#4
 sbfx r0,r1,#3,#4
 bfi r0,r1,#3,#4
 bfc r0,#3,#4
 sxtb r0,r1
 uxth.w r0,r1,ror #8
 ssat r0,#8,r1
 usat r0,#8,r1,lsl #3
 rev r0,r1
 rev16.w r0,r1
 revsh r0,r1
 rbit r0,r1
 clz r0,r1
b: ldr r0,[r1]
 ldr r0,[r1,#4]
 ldr r0,[r1,r2]
 ldr.w r0,[r1,r2,lsl #2]
 ldr.w r0,[r1,#-4]
 ldr r0,[r1],#4
 ldr r0,[r1,#4]!
 ldr r0,[sp,#8]
 ldr r0,c
 ldr.w r0,c
 ldr.w r0,a
 ldrb r0,a
 ldrb r0,[r1]
 ldrsb r0,[r1,r2]
 ldrsh.w r0,[r1,#2]
 ldrh r0,[r1],#-2
 ldrt r0,[r1,#4]
 ldrd r0,r1,[r2,#8]
 ldrd r0,r1,[r2],#8
 ldrd r0,r1,[r2,#-8]!
 ldrd r0,r1,c
 str r0,[r1]
 str r0,[r1,r2]
 str.w r0,[r1,r2,lsl #2]
 str r0,[r1],#4
 str r0,[r1,#4]!
 str r0,[sp,#8]
 strb r0,[r1,#3]
 strh.w r0,[r1,#-3]
 strd r0,r1,[r2,#8]
 strd r0,r1,[r2],#-8
 push {r0,r1,lr}
 push.w {r0,r8,lr}
 push.w {r8}
 pop {r0,r1,pc}
 pop.w {r0,r8}
 pop.w {r8}
 pop {r0}
 ldmia r0!,{r1,r2}
 ldmia r0,{r0,r1}
 ldmdb r0,{r1,r2}
 ldmdb r0!,{r1,pc}
 ldmia.w r0,{r1,r8}
 stmia r0!,{r1,r2}
 stmdb r0!,{r1,r2}
 stmia.w r0,{r1,r8}
 ldr pc,[r1]
 ldr pc,[r1],#4
 ldr.w pc,c
 b a
 b.n b
 b.w c
 beq.n b
 bne.w a
 bl a
 blx r3
 bx lr
 bx r3
 mov pc,r1
 add pc,r1
 cbz r0,c
 cbnz r0,c
 tbb [pc,r0]
 tbh [pc,r0,lsl #1]
 tbb [r1,r0]
c: it eq
 moveq r0,#1
 itte ne
 addne r0,r1
 ldrne r0,[r1]
 bxeq lr
 ite ge
 mulge r0,r1,r0
 bllt a
 mrs r0,basepri
 msr basepri,r0
 mrs r0,psp
 msr apsr_nzcvq,r0
 cpsid i
 cpsie f
 dsb
 dmb
 isb
 ldrex r0,[r1,#4]
 strex r0,r1,[r2,#4]
 ldrexb r0,[r1]
 strexh r0,r1,[r2]
 clrex
 svc #3
 bkpt #4
 udf #5
 udf.w #6
 wfi
 wfe
 sev
 yield
 wfi.w
 dbg #1
 pld [r0,#4]
 pld [r0,r1]
 pli [r0]
 .cpu cortex-m4
 .fpu fpv4-sp-d16
 smlad r0,r1,r2,r3
 smuad r0,r1,r2
 ssat16 r0,#4,r1
 smulwb r0,r1,r2
 smlald r0,r1,r2,r3
 usad8 r0,r1,r2
 qadd r0,r1,r2
 vadd.f32 s0,s1,s2
 vldr s0,[r0]
 vmov s0,r0
 vpush {s0}
 smulbb r0,r1,r2
 sxtab r0,r1,r2
 sxtb16 r0,r1
 pkhbt r0,r1,r2
 sel r0,r1,r2
 uadd8 r0,r1,r2
 umaal r0,r1,r2,r3
 smmul r0,r1,r2
 .inst.w 0xee010f10
 .inst.w 0xec510f04
 .inst.n 0xb650
 .inst.n 0xde00
 .inst.n 0xba80
 .inst.w 0xf7f08000
 .inst.w 0xe8d0f07f
 .inst.w 0xe8500f00
 .inst.w 0xffffffff
 .inst.w 0xf000c000
 .inst.w 0xf3de8f00
