//! What it is: a USART in asynchronous mode, timed by its baud rate register: transmit and receive with flags, interrupts, DMA requests.
//! Source: RM0008 section 27.6 (registers), 27.3 (function).
//! Does not model: noise, framing and parity errors (parity bits are made and dropped), mute mode, synchronous, LIN, IrDA and smartcard
//! modes, flow control; the other end of the line always uses the device's own rate.
//! Tested by: `registers_conform`, the unit tests below, `firmware-images/tests/usart_*`, `dma_usart`, and every image that prints.

use super::system::{Change, Ctx};
use super::{Peripheral, Register, Registers};
use crate::units::Cycles;
use std::collections::VecDeque;

const SR: u32 = 0x00;
const DR: u32 = 0x04;
const BRR: u32 = 0x08;
const CR1: u32 = 0x0c;
const CR2: u32 = 0x10;
const CR3: u32 = 0x14;

const REGISTERS: &[Register] = &[
    Register::new(SR, "SR", 0xc0, 0).clear_by_zero(0x360).volatile(0x3ff),
    Register::new(DR, "DR", 0, 0x1ff).volatile(0x1ff),
    Register::new(BRR, "BRR", 0, 0xffff),
    Register::new(CR1, "CR1", 0, 0x3fff).not_modelled(0x0902).volatile(1),
    Register::new(CR2, "CR2", 0, 0x7f6f).not_modelled(0x4f6f),
    Register::new(CR3, "CR3", 0, 0x7ff).not_modelled(0x736),
    Register::new(0x18, "GTPR", 0, 0xffff).not_modelled(0xffff),
];

/// SR: overrun; idle line; received data can be read; transmission complete; transmit register empty.
const ORE: u32 = 1 << 3;
const IDLE: u32 = 1 << 4;
const RXNE: u32 = 1 << 5;
const TC: u32 = 1 << 6;
const TXE: u32 = 1 << 7;
/// CR1: sends a break; receiver, transmitter, and the whole device enabled; parity; nine data bits. Interrupt enables stand at their flags'
/// positions.
const SBK: u32 = 1 << 0;
const RE: u32 = 1 << 2;
const TE: u32 = 1 << 3;
const PS: u32 = 1 << 9;
const PCE: u32 = 1 << 10;
const M: u32 = 1 << 12;
const UE: u32 = 1 << 13;
/// CR3: interrupt on errors; one wire for both ways; DMA for reception and transmission.
const EIE: u32 = 1 << 0;
const HDSEL: u32 = 1 << 3;
const DMAR: u32 = 1 << 6;
const DMAT: u32 = 1 << 7;

/// The events: a character has left, a character has arrived, the line has been silent for a character.
const SHIFTED_OUT: u32 = 0;
const SHIFTED_IN: u32 = 1;
const SILENT: u32 = 2;
/// The DMA requests.
const TX: usize = 0;
const RX: usize = 1;

/// The device.
#[derive(Clone)]
pub struct Usart {
    registers: Registers,
    /// What the shift register sends.
    shifting: Option<u16>,
    /// What waits in the data register for the shift register.
    holding: Option<u16>,
    /// What is on its way in.
    incoming: VecDeque<u16>,
    received: u16,
    /// SR was read with these flags up: reading DR now clears them, and writing it clears TC.
    seen: u32,
}

impl Default for Usart {
    fn default() -> Self {
        Self {
            registers: Registers::new(REGISTERS),
            shifting: None,
            holding: None,
            incoming: VecDeque::new(),
            received: 0,
            seen: 0,
        }
    }
}

impl Usart {
    fn flags(&self) -> u32 {
        self.registers.get(SR)
    }

    fn set_flags(&mut self, flags: u32, on: bool, ctx: &mut Ctx<'_>) {
        self.registers.set_bits(SR, flags, on);
        self.update_line(ctx);
    }

    /// An overrun interrupts with RXNEIE, and with EIE while DMA receives (27.4).
    fn update_line(&mut self, ctx: &mut Ctx<'_>) {
        let (flags, enabled, modes) = (self.flags(), self.registers.get(CR1), self.registers.get(CR3));
        let by_flag = flags & enabled & (IDLE | RXNE | TC | TXE) != 0;
        let overrun = flags & ORE != 0 && (enabled & RXNE != 0 || (modes & EIE != 0 && modes & DMAR != 0));
        ctx.set_line(0, enabled & UE != 0 && (by_flag || overrun));
        ctx.drive(TX, modes & DMAT != 0 && flags & TXE != 0 && self.enabled(TE));
        ctx.drive(RX, modes & DMAR != 0 && flags & RXNE != 0);
    }

    fn enabled(&self, what: u32) -> bool {
        let cr1 = self.registers.get(CR1);
        cr1 & UE != 0 && cr1 & what != 0
    }

    /// The bits of a character that are data.
    fn data_mask(&self) -> u16 {
        let cr1 = self.registers.get(CR1);
        match (cr1 & M != 0, cr1 & PCE != 0) {
            (true, false) => 0x1ff,
            (false, false) | (true, true) => 0xff,
            (false, true) => 0x7f,
        }
    }

    /// How long one character takes: start bit, eight or nine data bits, one, half, two or one and a half stop bits; BRR counts the
    /// bus clock's cycles in a bit (RM0008, 27.3.4: USARTDIV is BRR/16 and a bit is 16 x USARTDIV).
    fn character(&self, ctx: &Ctx<'_>) -> Cycles {
        let data = if self.registers.get(CR1) & M != 0 { 9 } else { 8 };
        let stop_halves = [2, 1, 4, 3][(self.registers.get(CR2) >> 12 & 3) as usize];
        let half_bits = 2 * (1 + data) + stop_halves;
        let bit = u64::from(self.registers.get(BRR)).max(1) * ctx.core_cycles_per_clock();
        Cycles(bit * half_bits / 2)
    }

    fn start_shifting(&mut self, character: u16, ctx: &mut Ctx<'_>) {
        self.shifting = Some(character);
        self.note_character(true, character, ctx);
        let duration = self.character(ctx);
        ctx.schedule(SHIFTED_OUT, duration);
    }

    /// What a character looks like on the line, for whoever records that.
    fn note_character(&self, sent: bool, character: u16, ctx: &mut Ctx<'_>) {
        let cr1 = self.registers.get(CR1);
        let (data, count) = (character & self.data_mask(), if cr1 & M != 0 { 9 } else { 8 });
        // The parity bit is the last one; PS asks for odd parity (27.3.7).
        let odd = (data.count_ones() & 1 != 0) != (cr1 & PS != 0);
        let parity = if cr1 & PCE != 0 && odd { 1 << (count - 1) } else { 0 };
        let bit = u64::from(self.registers.get(BRR)).max(1).saturating_mul(1_000_000_000_000) / u64::from(ctx.clock().0.max(1));
        ctx.note_wire(Change::Character { sent, bits: data | parity, count, bit_picos: bit });
    }

    fn arrive(&mut self, character: u16, ctx: &mut Ctx<'_>) {
        if !self.enabled(RE) {
            return;
        }
        if self.flags() & RXNE != 0 {
            self.set_flags(ORE, true, ctx);
        } else {
            self.received = character & self.data_mask();
            self.set_flags(RXNE, true, ctx);
        }
        let duration = self.character(ctx);
        ctx.schedule(SILENT, duration);
    }
}

impl Peripheral for Usart {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["TX", "RX"]
    }

    fn read(&mut self, offset: u32, ctx: &mut Ctx<'_>) -> u32 {
        match offset {
            SR => {
                self.seen = self.flags() & (ORE | IDLE | TC);
                self.flags()
            }
            DR => {
                let clear = RXNE | (std::mem::take(&mut self.seen) & (ORE | IDLE));
                self.set_flags(clear, false, ctx);
                u32::from(self.received)
            }
            _ => self.registers.get(offset),
        }
    }

    fn peek(&self, offset: u32) -> u32 {
        if offset == DR { u32::from(self.received) } else { self.registers.get(offset) }
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        match offset {
            SR => {
                // TC and RXNE are cleared by writing 0, the others by sequences (RM0008, 27.6.1).
                let clear = !value & (TC | RXNE) & self.flags();
                self.set_flags(clear, false, ctx);
            }
            DR if self.enabled(TE) => {
                let character = value as u16 & self.data_mask();
                // The sequence that clears TC is a read of SR and then this.
                self.seen &= !TC;
                if self.shifting.is_none() {
                    // The data register is empty again at once: a DMA request falls and rises.
                    self.set_flags(TC | TXE, false, ctx);
                    self.start_shifting(character, ctx);
                    self.set_flags(TXE, true, ctx);
                } else {
                    self.holding = Some(character);
                    self.set_flags(TC | TXE, false, ctx);
                }
            }
            DR => {}
            _ => {
                self.registers.store(offset, value);
                if offset == CR1 {
                    // A break is sent at once and leaves no trace but the cleared bit.
                    self.registers.set_bits(CR1, SBK, false);
                }
                self.update_line(ctx);
            }
        }
    }

    fn due(&mut self, event: u32, ctx: &mut Ctx<'_>) {
        match event {
            SHIFTED_OUT => {
                if let Some(character) = self.shifting.take() {
                    ctx.send(character as u8);
                    if self.registers.get(CR3) & HDSEL != 0 {
                        self.arrive(character, ctx);
                    }
                }
                match self.holding.take() {
                    Some(next) => {
                        self.start_shifting(next, ctx);
                        self.set_flags(TXE, true, ctx);
                    }
                    None => self.set_flags(TC, true, ctx),
                }
            }
            SHIFTED_IN => {
                let Some(character) = self.incoming.pop_front() else { return };
                self.arrive(character, ctx);
                if let Some(next) = self.incoming.front() {
                    self.note_character(false, *next, ctx);
                    let duration = self.character(ctx);
                    ctx.schedule(SHIFTED_IN, duration);
                    ctx.cancel(SILENT);
                }
            }
            SILENT => self.set_flags(IDLE, true, ctx),
            _ => {}
        }
    }

    fn receive(&mut self, bytes: &[u8], ctx: &mut Ctx<'_>) {
        let idle = self.incoming.is_empty();
        self.incoming.extend(bytes.iter().map(|byte| u16::from(*byte)));
        if idle && let Some(first) = self.incoming.front() {
            self.note_character(false, *first, ctx);
            ctx.cancel(SILENT);
            let duration = self.character(ctx);
            ctx.schedule(SHIFTED_IN, duration);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peripherals::System;
    use crate::peripherals::system::Domain;
    use crate::units::{Hz, Tick};

    fn run_until(usart: &mut Usart, ctx: &mut Ctx<'_>, tick: u64) {
        ctx.system.now = Tick(tick);
        while let Some((_, _, event)) = ctx.system.take_due() {
            usart.due(event, ctx);
        }
    }

    #[test]
    fn a_character_takes_ten_bits_and_the_data_register_buffers_one_more() {
        // RM0008, 27.3.2, figure 281: TXE rises when the shift register takes the second character, TC after the last stop bit.
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 0, name: "USART1", lines: &[53], domain: Domain::Apb2 };
        let mut usart = Usart::default();
        usart.write(BRR, 69, &mut ctx); // 8 MHz / 115200
        usart.write(CR1, UE | TE, &mut ctx);
        usart.write(DR, u32::from(b'a'), &mut ctx);
        assert_eq!(usart.peek(SR) & (TXE | TC), TXE);
        usart.write(DR, u32::from(b'b'), &mut ctx);
        assert_eq!(usart.peek(SR) & (TXE | TC), 0);
        run_until(&mut usart, &mut ctx, 690);
        assert_eq!(usart.peek(SR) & (TXE | TC), TXE);
        run_until(&mut usart, &mut ctx, 1380);
        assert_eq!(usart.peek(SR) & (TXE | TC), TXE | TC);
        let sent: Vec<(u8, u64)> = ctx.system.sent.iter().map(|byte| (byte.byte, byte.at.0)).collect();
        assert_eq!(sent, [(b'a', 690), (b'b', 1380)]);
    }

    #[test]
    fn unread_characters_overrun_and_the_read_sequence_clears() {
        // RM0008, 27.3.3: ORE keeps the first character; reading SR then DR clears it.
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 0, name: "USART1", lines: &[53], domain: Domain::Apb2 };
        let mut usart = Usart::default();
        usart.write(BRR, 69, &mut ctx);
        usart.write(CR1, UE | RE | RXNE, &mut ctx);
        usart.receive(b"xy", &mut ctx);
        run_until(&mut usart, &mut ctx, 690);
        assert!(ctx.system.exceptions.is_pending(53));
        run_until(&mut usart, &mut ctx, 1380);
        assert_eq!(usart.read(SR, &mut ctx) & (RXNE | ORE), RXNE | ORE);
        assert_eq!(usart.read(DR, &mut ctx), u32::from(b'x'));
        assert_eq!(usart.peek(SR) & (RXNE | ORE | IDLE), 0);
    }

    #[test]
    fn dma_requests_follow_the_flags_and_silence_is_noticed_after_a_character() {
        // RM0008, 27.3.13 and 27.6.1 (IDLE).
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 0, name: "USART1", lines: &[53], domain: Domain::Apb2 };
        let mut usart = Usart::default();
        usart.write(BRR, 69, &mut ctx);
        usart.write(CR3, DMAR | DMAT, &mut ctx);
        ctx.system.signals.clear();
        usart.write(CR1, UE | RE | TE, &mut ctx);
        assert!(ctx.system.signals.iter().any(|signal| signal.output == TX && signal.high));
        usart.receive(b"x", &mut ctx);
        run_until(&mut usart, &mut ctx, 690);
        assert!(ctx.system.signals.back().is_some_and(|signal| signal.output == RX && signal.high));
        assert_eq!(usart.peek(SR) & IDLE, 0);
        assert_eq!(usart.read(DR, &mut ctx), u32::from(b'x'));
        assert!(ctx.system.signals.back().is_some_and(|signal| signal.output == RX && !signal.high));
        run_until(&mut usart, &mut ctx, 1380);
        assert_eq!(usart.peek(SR) & IDLE, IDLE);
    }
}
