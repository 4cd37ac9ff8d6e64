/* What the files of Core/Src share. SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef MAIN_H
#define MAIN_H

#include <stdint.h>

void SystemClock_Config(void); /* 72 MHz from an 8 MHz crystal */
void USART1_Init(void);        /* transmit on PA9, 115200 baud */
void USART1_Write(char c);

#endif
