/* The names of all exception and interrupt handlers; an image defines those it wants under these names.
 * Source: RM0008 section 10.1.2 (positions 0 to 59 as on high-density devices; a C8 stops at 42), PM0056 section 2.3.2.
 * Does not model: connectivity-line and XL-density devices, whose lists differ.
 * Tested by: tests/firmware_images.rs (every position of the vector table is filled).
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef HANDLERS_H
#define HANDLERS_H

/* Exceptions 2 to 15, then interrupts 0 to 59 in the order of their positions; `_` is a reserved one. */
#define SYSTEM_EXCEPTIONS(X, _)                                                                                                   \
    X(NMI_Handler) X(HardFault_Handler) X(MemManage_Handler) X(BusFault_Handler) X(UsageFault_Handler) _ _ _ _ X(SVC_Handler)    \
    X(DebugMon_Handler) _ X(PendSV_Handler) X(SysTick_Handler)
#define INTERRUPTS(X)                                                                                                             \
    X(WWDG_IRQHandler) X(PVD_IRQHandler) X(TAMPER_IRQHandler) X(RTC_IRQHandler) X(FLASH_IRQHandler) X(RCC_IRQHandler)            \
    X(EXTI0_IRQHandler) X(EXTI1_IRQHandler) X(EXTI2_IRQHandler) X(EXTI3_IRQHandler) X(EXTI4_IRQHandler)                          \
    X(DMA1_Channel1_IRQHandler) X(DMA1_Channel2_IRQHandler) X(DMA1_Channel3_IRQHandler) X(DMA1_Channel4_IRQHandler)              \
    X(DMA1_Channel5_IRQHandler) X(DMA1_Channel6_IRQHandler) X(DMA1_Channel7_IRQHandler) X(ADC1_2_IRQHandler)                     \
    X(USB_HP_CAN_TX_IRQHandler) X(USB_LP_CAN_RX0_IRQHandler) X(CAN_RX1_IRQHandler) X(CAN_SCE_IRQHandler) X(EXTI9_5_IRQHandler)   \
    X(TIM1_BRK_IRQHandler) X(TIM1_UP_IRQHandler) X(TIM1_TRG_COM_IRQHandler) X(TIM1_CC_IRQHandler) X(TIM2_IRQHandler)             \
    X(TIM3_IRQHandler) X(TIM4_IRQHandler) X(I2C1_EV_IRQHandler) X(I2C1_ER_IRQHandler) X(I2C2_EV_IRQHandler)                      \
    X(I2C2_ER_IRQHandler) X(SPI1_IRQHandler) X(SPI2_IRQHandler) X(USART1_IRQHandler) X(USART2_IRQHandler) X(USART3_IRQHandler)   \
    X(EXTI15_10_IRQHandler) X(RTCAlarm_IRQHandler) X(USBWakeup_IRQHandler) X(TIM8_BRK_IRQHandler) X(TIM8_UP_IRQHandler)          \
    X(TIM8_TRG_COM_IRQHandler) X(TIM8_CC_IRQHandler) X(ADC3_IRQHandler) X(FSMC_IRQHandler) X(SDIO_IRQHandler) X(TIM5_IRQHandler) \
    X(SPI3_IRQHandler) X(UART4_IRQHandler) X(UART5_IRQHandler) X(TIM6_IRQHandler) X(TIM7_IRQHandler)                             \
    X(DMA2_Channel1_IRQHandler) X(DMA2_Channel2_IRQHandler) X(DMA2_Channel3_IRQHandler) X(DMA2_Channel4_5_IRQHandler)

#define PROTOTYPE(name) void name(void);
PROTOTYPE(Reset_Handler)
PROTOTYPE(Default_Handler)
SYSTEM_EXCEPTIONS(PROTOTYPE, )
INTERRUPTS(PROTOTYPE)
#undef PROTOTYPE

#endif
