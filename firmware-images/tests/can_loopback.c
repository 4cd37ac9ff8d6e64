/* CAN talks to itself: bit timing, mailboxes by priority, filters, FIFOs and their interrupt (RM0008 sections 24.4 to 24.7). */
#include "devices.h"

static volatile uint32_t received[4], count;

void USB_LP_CAN_RX0_IRQHandler(void) {
    received[count & 3u] = CAN->rx[0].IR >> 21;
    count = count + 1u;
    CAN->RF0R = 1u << 5;
}

static void transmit(uint32_t mailbox, uint32_t id, uint32_t data) {
    CAN->tx[mailbox].DTR = 4;
    CAN->tx[mailbox].DLR = data;
    CAN->tx[mailbox].IR = id << 21 | 1u;
}

int main(void) {
    test_begin();
    RCC->APB1ENR |= APB1_CAN;
    CAN->MCR = 1;
    while ((CAN->MSR & 1u) == 0) {
    }
    /* 36 MHz / 4 / (1 + 13 + 4) quanta: 500 kbit/s. */
    CAN->BTR = 1u << 30 | 3u << 20 | 12u << 16 | 3u;
    CAN->FMR |= 1;
    CAN->FS1R = 1;
    CAN->filter[0].R1 = 0x100u << 21;
    CAN->filter[0].R2 = 0x700u << 21;
    CAN->FA1R = 1;
    CAN->FMR &= ~1u;
    CAN->MCR = 0;
    while ((CAN->MSR & 1u) != 0) {
    }
    cycles_begin();
    const uint32_t from = DWT_CYCCNT;
    transmit(0, 0x123, 0xDEADBEEFu);
    while ((CAN->TSR & 1u) == 0) {
    }
    /* A standard frame with four bytes has 79 bits and no more than 19 stuffed ones; a bit lasts 144 cycles. */
    const uint32_t took = DWT_CYCCNT - from;
    CHECK(took >= 79u * 144u && took <= 99u * 144u);
    CHECK((CAN->TSR & 2u) != 0);
    CHECK((CAN->RF0R & 3u) == 1u);
    CHECK(CAN->rx[0].IR >> 21 == 0x123u && CAN->rx[0].DLR == 0xDEADBEEFu && (CAN->rx[0].DTR & 0xFu) == 4u);
    CAN->RF0R = 1u << 5;
    CHECK((CAN->RF0R & 3u) == 0);
    /* 0x223 does not pass the filter. */
    CAN->TSR = 1;
    transmit(0, 0x223, 0);
    while ((CAN->TSR & 1u) == 0) {
    }
    CHECK((CAN->RF0R & 3u) == 0);
    /* While the first is on its way the others wait, and the lower identifier goes first. */
    irq_enable(20u);
    CAN->IER = 1u << 1;
    transmit(0, 0x150, 0);
    transmit(1, 0x140, 0);
    transmit(2, 0x130, 0);
    while (count < 3u) {
        cpu_wait_for_interrupt();
    }
    CHECK(received[0] == 0x150u && received[1] == 0x130u && received[2] == 0x140u);
    test_end();
}
