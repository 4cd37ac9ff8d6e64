//! What it is: a USART in asynchronous mode, timed by its baud rate register: transmit and receive with flags, errors, interrupts, DMA requests;
//! breaks, mute mode, half duplex, flow control.
//! Source: RM0008 section 27.6 (registers), 27.3 (function).
//! Does not model: the clock of the synchronous mode, IrDA's and smartcards' pulses, answers and guard time (in the ledger when they are switched
//! on), the idle frame that TE sends; the other end of the line always uses the device's own rate.
//! Tested by: `registers_conform`, the unit tests in `tests`, `firmware-images/tests/usart_errors`, `dma_usart`, and every image that prints.

#[cfg(test)]
mod tests;

use super::script::{LineFault, Script};
use super::system::{Change, Ctx};
use super::{Partner, Peripheral, Register, Registers};
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
    Register::new(CR1, "CR1", 0, 0x3fff).volatile(3),
    Register::new(CR2, "CR2", 0, 0x7f6f).not_modelled(0x0f00),
    Register::new(CR3, "CR3", 0, 0x7ff).not_modelled(0x036),
    Register::new(0x18, "GTPR", 0, 0xffff).not_modelled(0xffff),
];

/// SR: parity, framing and noise error; overrun; idle line; received data can be read; transmission complete; transmit register empty; LIN
/// break detected; CTS has changed.
const PE: u32 = 1 << 0;
const FE: u32 = 1 << 1;
const NE: u32 = 1 << 2;
const ORE: u32 = 1 << 3;
const IDLE: u32 = 1 << 4;
const RXNE: u32 = 1 << 5;
const TC: u32 = 1 << 6;
const TXE: u32 = 1 << 7;
const LBD: u32 = 1 << 8;
const CTS: u32 = 1 << 9;
/// The flags that a read of SR followed by one of DR clears.
const BY_SEQUENCE: u32 = PE | FE | NE | ORE | IDLE;
/// CR1: sends a break; mute; receiver, transmitter, and the whole device enabled; interrupt on parity errors; odd parity; parity; wakes by
/// address; nine data bits. Other interrupt enables stand at their flags' positions.
const SBK: u32 = 1 << 0;
const RWU: u32 = 1 << 1;
const RE: u32 = 1 << 2;
const TE: u32 = 1 << 3;
const PEIE: u32 = 1 << 8;
const PS: u32 = 1 << 9;
const PCE: u32 = 1 << 10;
const WAKE: u32 = 1 << 11;
const M: u32 = 1 << 12;
const UE: u32 = 1 << 13;
/// CR2: the address in a network; interrupt on a break; LIN mode.
const ADD: u32 = 0xf;
const LBDIE: u32 = 1 << 6;
const LINEN: u32 = 1 << 14;
/// CR3: interrupt on errors; one wire for both ways; DMA for reception and transmission; flow control, and its interrupt.
const EIE: u32 = 1 << 0;
const HDSEL: u32 = 1 << 3;
const DMAR: u32 = 1 << 6;
const DMAT: u32 = 1 << 7;
const RTSE: u32 = 1 << 8;
const CTSE: u32 = 1 << 9;
const CTSIE: u32 = 1 << 10;
/// A LIN break's low bits (27.3.8).
const LIN_BREAK: u64 = 13;

/// The events: a character has left, a character has arrived, the line has been silent for a character, the other end's script goes on.
const SHIFTED_OUT: u32 = 0;
const SHIFTED_IN: u32 = 1;
const SILENT: u32 = 2;
const SCRIPT: u32 = 3;
/// The DMA requests.
const TX: usize = 0;
const RX: usize = 1;

/// What the shift register sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shifting {
    Character(u16),
    Break,
}

/// The device.
#[derive(Clone)]
pub struct Usart {
    registers: Registers,
    shifting: Option<Shifting>,
    /// What waits in the data register for the shift register.
    holding: Option<u16>,
    /// What is on its way in, and what the line does to it.
    incoming: VecDeque<(u16, Option<LineFault>)>,
    received: u16,
    /// SR was read with these flags up: reading DR now clears them, and writing it clears TC.
    seen: u32,
    /// The level at nCTS: high asks to wait.
    clear_to_send: bool,
    script: Script,
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
            clear_to_send: true,
            script: Script::default(),
        }
    }
}

impl Usart {
    fn flags(&self) -> u32 {
        self.registers.get(SR)
    }

    fn has(&self, register: u32, bits: u32) -> bool {
        self.registers.get(register) & bits != 0
    }

    fn set_flags(&mut self, flags: u32, on: bool, ctx: &mut Ctx<'_>) {
        self.registers.set_bits(SR, flags, on);
        self.update_line(ctx);
    }

    /// An overrun interrupts with RXNEIE; it and the other errors with EIE while DMA receives (27.4, table 195).
    fn update_line(&mut self, ctx: &mut Ctx<'_>) {
        let (flags, enabled, modes) = (self.flags(), self.registers.get(CR1), self.registers.get(CR3));
        let by_flag = flags & enabled & (IDLE | RXNE | TC | TXE) != 0;
        let error = flags & (ORE | NE | FE) != 0 && modes & EIE != 0 && modes & DMAR != 0;
        let others = (flags & ORE != 0 && enabled & RXNE != 0)
            || (flags & PE != 0 && enabled & PEIE != 0)
            || (flags & LBD != 0 && self.has(CR2, LBDIE))
            || (flags & CTS != 0 && modes & CTSIE != 0);
        ctx.set_line(0, enabled & UE != 0 && (by_flag || error || others));
        ctx.drive(TX, modes & DMAT != 0 && flags & TXE != 0 && self.enabled(TE));
        ctx.drive(RX, modes & DMAR != 0 && flags & RXNE != 0);
    }

    fn enabled(&self, what: u32) -> bool {
        let cr1 = self.registers.get(CR1);
        cr1 & UE != 0 && cr1 & what != 0
    }

    /// The bits of a character: data and parity.
    fn bits(&self) -> u32 {
        if self.has(CR1, M) { 9 } else { 8 }
    }

    /// The bits of a character that are data.
    fn data_mask(&self) -> u16 {
        let bits = self.bits() - u32::from(self.has(CR1, PCE));
        (1 << bits) - 1
    }

    /// Data with the parity bit above it, if there is to be one; PS asks for odd parity (27.3.7).
    fn with_parity(&self, character: u16) -> u16 {
        let data = character & self.data_mask();
        let odd = (data.count_ones() & 1 != 0) != self.has(CR1, PS);
        data | if self.has(CR1, PCE) && odd { 1 << (self.bits() - 1) } else { 0 }
    }

    /// So many bits and the stop bits: one, half, two or one and a half. BRR counts the bus clock's cycles in a bit (RM0008, 27.3.4:
    /// USARTDIV is BRR/16 and a bit is 16 x USARTDIV).
    fn duration(&self, bits: u64, ctx: &Ctx<'_>) -> Cycles {
        let stop_halves = [2, 1, 4, 3][(self.registers.get(CR2) >> 12 & 3) as usize];
        let bit = u64::from(self.registers.get(BRR)).max(1) * ctx.core_cycles_per_clock();
        Cycles(bit * (2 * bits + stop_halves) / 2)
    }

    /// How long one character takes, with its start bit.
    fn character(&self, ctx: &Ctx<'_>) -> Cycles {
        self.duration(u64::from(1 + self.bits()), ctx)
    }

    /// Sends what waits: a break before data, neither while the other end is not clear to receive.
    fn send_next(&mut self, ctx: &mut Ctx<'_>) {
        if self.shifting.is_some() || !self.enabled(TE) || (self.has(CR3, CTSE) && !self.clear_to_send) {
            return;
        }
        if self.has(CR1, SBK) {
            let low = if self.has(CR2, LINEN) { LIN_BREAK } else { u64::from(2 + self.bits()) };
            self.shifting = Some(Shifting::Break);
            self.note_line(true, 0, low as u32 - 1, ctx);
            let duration = self.duration(low, ctx);
            ctx.schedule(SHIFTED_OUT, duration);
        } else if let Some(character) = self.holding.take() {
            self.shifting = Some(Shifting::Character(character));
            self.note_line(true, self.with_parity(character), self.bits(), ctx);
            let duration = self.character(ctx);
            ctx.schedule(SHIFTED_OUT, duration);
            self.set_flags(TXE, true, ctx);
        }
    }

    /// What a character looks like on the line, for whoever records that.
    fn note_line(&self, sent: bool, bits: u16, count: u32, ctx: &mut Ctx<'_>) {
        let bit = u64::from(self.registers.get(BRR)).max(1).saturating_mul(1_000_000_000_000) / u64::from(ctx.clock().0.max(1));
        ctx.note_wire(Change::Character { sent, bits, count, bit_picos: bit });
    }

    /// Whether a mute receiver does not hear the character (27.3.6). An address mark is a set upper bit; the lower four are the address.
    fn is_muted(&mut self, character: u16) -> bool {
        if self.has(CR1, WAKE) && character >> (self.bits() - 1) & 1 != 0 {
            let meant = u32::from(character) & 0xf == self.registers.get(CR2) & ADD;
            // One that is meant for another makes the receiver mute.
            self.registers.set_bits(CR1, RWU, !meant);
            return !meant;
        }
        self.has(CR1, RWU)
    }

    fn arrive(&mut self, character: u16, fault: Option<LineFault>, ctx: &mut Ctx<'_>) {
        if !self.enabled(RE) {
            return;
        }
        let duration = self.character(ctx);
        ctx.schedule(SILENT, duration);
        let good = self.with_parity(character);
        let (bits, mut flags) = match fault {
            None => (good, 0),
            Some(LineFault::Parity) if self.has(CR1, PCE) => (good ^ 1 << (self.bits() - 1), PE),
            Some(LineFault::Parity) => (good, 0),
            Some(LineFault::Frame) => (good, FE),
            Some(LineFault::Noise) => (good, NE),
            // All bits are low, the stop bit among them; that is even parity.
            Some(LineFault::Break) => (0, FE | if self.has(CR1, PCE) && self.has(CR1, PS) { PE } else { 0 }),
        };
        if fault == Some(LineFault::Break) && self.has(CR2, LINEN) {
            self.set_flags(LBD, true, ctx);
        }
        if self.is_muted(bits) {
            return;
        }
        if self.has(SR, RXNE) {
            flags = ORE;
        } else {
            self.received = bits;
            flags |= RXNE;
        }
        self.set_flags(flags, true, ctx);
    }

    /// The next character begins to arrive, unless flow control holds the other end up: RTS rises while the data register is full (27.3.14).
    fn await_next(&mut self, ctx: &mut Ctx<'_>) {
        if self.has(CR3, RTSE) && self.has(SR, RXNE) {
            return;
        }
        if let Some((next, fault)) = self.incoming.front().copied() {
            ctx.cancel(SILENT);
            let bits = if fault == Some(LineFault::Break) { 0 } else { self.with_parity(next) };
            self.note_line(false, bits, self.bits(), ctx);
            let duration = self.character(ctx);
            ctx.schedule(SHIFTED_IN, duration);
        }
    }

    fn expect(&mut self, characters: impl IntoIterator<Item = (u16, Option<LineFault>)>, ctx: &mut Ctx<'_>) {
        let idle = self.incoming.is_empty();
        self.incoming.extend(characters);
        if idle {
            self.await_next(ctx);
        }
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
                self.seen = self.flags() & (BY_SEQUENCE | TC);
                self.flags()
            }
            DR => {
                let clear = RXNE | (std::mem::take(&mut self.seen) & BY_SEQUENCE);
                let held_up = self.has(CR3, RTSE) && self.has(SR, RXNE) && !self.incoming.is_empty();
                self.set_flags(clear, false, ctx);
                if held_up {
                    self.await_next(ctx);
                }
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
                // These are cleared by writing 0, the others by sequences (RM0008, 27.6.1).
                let clear = !value & (CTS | LBD | TC | RXNE) & self.flags();
                self.set_flags(clear, false, ctx);
            }
            DR if self.enabled(TE) => {
                // The sequence that clears TC is a read of SR and then this. A data register that is emptied at once: a DMA request falls and
                // rises.
                self.seen &= !TC;
                self.holding = Some(value as u16 & self.data_mask());
                self.set_flags(TC | TXE, false, ctx);
                self.send_next(ctx);
            }
            DR => {}
            _ => {
                // A break that has been asked for is sent, whatever is written since.
                let kept = if offset == CR1 { self.registers.get(CR1) & SBK } else { 0 };
                self.registers.store(offset, value | kept);
                self.send_next(ctx);
                self.update_line(ctx);
            }
        }
    }

    fn due(&mut self, event: u32, ctx: &mut Ctx<'_>) {
        match event {
            SHIFTED_OUT => {
                match self.shifting.take() {
                    Some(Shifting::Character(character)) => {
                        ctx.send(character as u8);
                        if self.has(CR3, HDSEL) {
                            self.arrive(character, None, ctx);
                        }
                    }
                    Some(Shifting::Break) => self.registers.set_bits(CR1, SBK, false),
                    None => {}
                }
                self.send_next(ctx);
                if self.shifting.is_none() && self.holding.is_none() {
                    self.set_flags(TC, true, ctx);
                }
            }
            SHIFTED_IN => {
                let Some((character, fault)) = self.incoming.pop_front() else { return };
                self.arrive(character, fault, ctx);
                self.await_next(ctx);
            }
            // A mute receiver that waits for silence hears again, without the flag (27.3.6).
            SILENT if self.has(CR1, RWU) && !self.has(CR1, WAKE) => self.registers.set_bits(CR1, RWU, false),
            SILENT => self.set_flags(IDLE, true, ctx),
            _ => {
                while let Some(step) = self.script.take_due(ctx) {
                    self.expect(step.send.iter().map(|byte| (u16::from(*byte), step.fault)), ctx);
                }
                self.script.schedule(SCRIPT, ctx);
            }
        }
    }

    fn receive(&mut self, bytes: &[u8], ctx: &mut Ctx<'_>) {
        self.expect(bytes.iter().map(|byte| (u16::from(*byte), None)), ctx);
    }

    /// nCTS.
    fn input(&mut self, _input: usize, high: bool, ctx: &mut Ctx<'_>) {
        if std::mem::replace(&mut self.clear_to_send, !high) == high && self.has(CR3, CTSE) {
            self.set_flags(CTS, true, ctx);
            self.send_next(ctx);
        }
    }

    fn attach(&mut self, partner: Partner, ctx: &mut Ctx<'_>) {
        if let Partner::Script(script) = partner {
            self.script = script;
            self.script.schedule(SCRIPT, ctx);
        }
    }

    fn clocks_changed(&mut self, ctx: &mut Ctx<'_>) {
        self.script.schedule(SCRIPT, ctx);
    }

    fn restart(&mut self, fresh: bool, ctx: &mut Ctx<'_>) -> bool {
        if !fresh {
            let (script, clear_to_send) = (std::mem::take(&mut self.script), self.clear_to_send);
            [SHIFTED_OUT, SHIFTED_IN, SILENT].into_iter().for_each(|event| ctx.cancel(event));
            *self = Self { script, clear_to_send, ..Self::default() };
            self.update_line(ctx);
        }
        self.script.schedule(SCRIPT, ctx);
        true
    }
}
