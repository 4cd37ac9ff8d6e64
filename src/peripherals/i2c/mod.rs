//! What it is: an I2C master, timed by CCR, with a partner on its bus or none; and the slave of a scripted master (`slave`).
//! Source: RM0008 chapter 26: 26.3.3 (master mode with its events EV5 to EV9), 26.6 (registers).
//! Does not model: arbitration between masters, 10-bit addresses, SMBus, PEC, CR2.LAST, bus errors.
//! Tested by: `registers_conform`, `firmware-images/tests/spi_i2c`, `slaves`.

mod slave;

use super::script::Script;
use super::system::Ctx;
use super::{Partner, Peripheral, Register, Registers};
use crate::units::Cycles;
use slave::Serving;
use std::collections::VecDeque;

const CR1: u32 = 0x00;
const CR2: u32 = 0x04;
const OAR1: u32 = 0x08;
const OAR2: u32 = 0x0c;
const DR: u32 = 0x10;
const SR1: u32 = 0x14;
const SR2: u32 = 0x18;
const CCR: u32 = 0x1c;

const REGISTERS: &[Register] = &[
    Register::new(CR1, "CR1", 0, 0xbffb).not_modelled(0x303a).volatile(0x300),
    Register::new(CR2, "CR2", 0, 0x1f3f).not_modelled(0x1000),
    Register::new(OAR1, "OAR1", 0, 0xc3ff),
    Register::new(OAR2, "OAR2", 0, 0xff),
    Register::new(DR, "DR", 0, 0xff).volatile(0xff),
    Register::new(SR1, "SR1", 0, 0).clear_by_zero(0xdf00).volatile(0xff),
    Register::new(SR2, "SR2", 0, 0).volatile(0xff),
    Register::new(CCR, "CCR", 0, 0xcfff),
    Register::new(0x20, "TRISE", 0x2, 0x3f),
];

/// CR1: on, start, stop, acknowledge, acknowledge the next byte, reset.
const PE: u32 = 1 << 0;
const START: u32 = 1 << 8;
const STOP: u32 = 1 << 9;
const ACK: u32 = 1 << 10;
const POS: u32 = 1 << 11;
const SWRST: u32 = 1 << 15;
/// CR2: error, event and buffer interrupts, DMA.
const ITERREN: u32 = 1 << 8;
const ITEVTEN: u32 = 1 << 9;
const ITBUFEN: u32 = 1 << 10;
const DMAEN: u32 = 1 << 11;
/// SR1: start sent, address sent, byte transfer finished, received, transmit buffer empty, no acknowledge.
const SB: u32 = 1 << 0;
const ADDR: u32 = 1 << 1;
const BTF: u32 = 1 << 2;
const RXNE: u32 = 1 << 6;
const TXE: u32 = 1 << 7;
const AF: u32 = 1 << 10;
/// SR2: master, busy, transmitter.
const MSL: u32 = 1 << 0;
const BUSY: u32 = 1 << 1;
const TRA: u32 = 1 << 2;

/// The events: what this side does on the bus is done, a scripted master's next transfer begins, what that master does is done.
const DUE: u32 = 0;
const SCRIPT: u32 = 1;
const SERVE: u32 = 2;
const TX: usize = 0;
const RX: usize = 1;

/// What the bus does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bus {
    Idle,
    Starting,
    /// The address with its direction bit.
    Addressing(u8),
    Sending(u8),
    Receiving,
    Stopping,
}

/// The device.
#[derive(Clone)]
pub struct I2c {
    registers: Registers,
    bus: Bus,
    /// What waits in DR for the shift register, and what waits there for DR.
    holding: Option<u8>,
    shifted: Option<u8>,
    received: u8,
    /// Bytes received since the address.
    count: u32,
    /// The partner has been told that it gets no more.
    last: bool,
    /// SR1 was read while ADDR was set: reading SR2 clears it.
    seen: bool,
    stop_seen: bool,
    partner: Option<Partner>,
    script: Script,
    serving: Option<Serving>,
}

impl Default for I2c {
    fn default() -> Self {
        Self {
            registers: Registers::new(REGISTERS),
            bus: Bus::Idle,
            holding: None,
            shifted: None,
            received: 0,
            count: 0,
            last: false,
            seen: false,
            stop_seen: false,
            partner: None,
            script: Script::default(),
            serving: None,
        }
    }
}

impl I2c {
    fn has(&self, offset: u32, bits: u32) -> bool {
        self.registers.get(offset) & bits != 0
    }

    /// A bit in core cycles (26.6.8).
    fn bits(&self, count: u64, ctx: &Ctx<'_>) -> Cycles {
        let ccr = self.registers.get(CCR);
        let parts = match (ccr & 1 << 15 != 0, ccr & 1 << 14 != 0) {
            (false, _) => 2,
            (true, false) => 3,
            (true, true) => 25,
        };
        Cycles(count * parts * u64::from(ccr & 0xfff).max(1) * ctx.core_cycles_per_clock())
    }

    fn set_bus(&mut self, bus: Bus, ctx: &mut Ctx<'_>) {
        self.bus = bus;
        let bits = match bus {
            Bus::Idle => return ctx.cancel(DUE),
            Bus::Starting | Bus::Stopping => 1,
            Bus::Addressing(_) | Bus::Sending(_) | Bus::Receiving => 9,
        };
        let duration = self.bits(bits, ctx);
        ctx.schedule(DUE, duration);
    }

    fn raise(&mut self, flags: u32, on: bool) {
        self.registers.set_bits(SR1, flags, on);
    }

    /// If the bus waits for nothing else, does what CR1 asks for.
    fn proceed(&mut self, ctx: &mut Ctx<'_>) {
        if self.bus != Bus::Idle || !self.has(CR1, PE) {
            return;
        }
        if self.has(CR1, STOP) && self.has(SR2, MSL) {
            self.set_bus(Bus::Stopping, ctx);
        } else if self.has(CR1, START) {
            self.set_bus(Bus::Starting, ctx);
        }
    }

    fn begin(&mut self, reading: bool) {
        if let Some(partner) = &mut self.partner {
            partner.begin(reading);
        }
    }

    /// ADDR has been cleared: a transmitter has room, a receiver begins.
    fn addressed(&mut self, ctx: &mut Ctx<'_>) {
        if self.serving.is_some() {
            return self.serve_address(ctx);
        }
        if self.has(SR2, TRA) {
            self.raise(TXE, true);
        } else {
            (self.count, self.last) = (0, false);
            self.set_bus(Bus::Receiving, ctx);
        }
    }

    fn sent(&mut self, byte: u8, ctx: &mut Ctx<'_>) {
        self.bus = Bus::Idle;
        if self.partner.as_mut().is_some_and(|partner| partner.write(byte)) {
            if let Some(next) = self.holding.take() {
                self.raise(TXE, true);
                return self.set_bus(Bus::Sending(next), ctx);
            }
            self.raise(TXE | BTF, true);
        } else {
            self.raise(AF, true);
        }
        self.proceed(ctx);
    }

    fn arrived(&mut self, ctx: &mut Ctx<'_>) {
        self.bus = Bus::Idle;
        let byte = self.partner.as_mut().map_or(0xff, Partner::read);
        self.count += 1;
        // With POS the acknowledge bit speaks of the byte after the one in the shift register (26.6.1).
        self.last = !(self.has(CR1, ACK) || self.has(CR1, POS) && self.count == 1);
        if self.has(SR1, RXNE) {
            self.shifted = Some(byte);
            self.raise(BTF, true);
        } else {
            self.received = byte;
            self.raise(RXNE, true);
            if !self.last && !self.has(CR1, STOP) {
                return self.set_bus(Bus::Receiving, ctx);
            }
        }
        self.proceed(ctx);
    }

    fn refresh(&mut self, ctx: &mut Ctx<'_>) {
        let (flags, control) = (self.registers.get(SR1), self.registers.get(CR2));
        let buffers = flags & (RXNE | TXE) != 0 && control & ITBUFEN != 0;
        let events = flags & (SB | ADDR | BTF | slave::STOPF) != 0;
        ctx.set_line(0, control & ITEVTEN != 0 && (events || buffers));
        ctx.set_line(1, control & ITERREN != 0 && flags & AF != 0);
        ctx.drive(TX, control & DMAEN != 0 && flags & TXE != 0 && self.has(SR2, TRA));
        ctx.drive(RX, control & DMAEN != 0 && flags & RXNE != 0);
    }
}

impl Peripheral for I2c {
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
        let value = match offset {
            SR1 => {
                self.seen = self.has(SR1, ADDR);
                self.stop_seen = self.has(SR1, slave::STOPF);
                self.registers.get(SR1)
            }
            SR2 => {
                let value = self.registers.get(SR2);
                if std::mem::take(&mut self.seen) && self.has(SR1, ADDR) {
                    self.raise(ADDR, false);
                    self.addressed(ctx);
                }
                value
            }
            DR => {
                let value = u32::from(self.received);
                self.raise(RXNE | BTF, false);
                if let Some(next) = self.shifted.take() {
                    self.received = next;
                    self.raise(RXNE, true);
                    if self.serving.is_some() {
                        self.go_on_serving(ctx);
                    } else if !self.last && !self.has(CR1, STOP) && self.bus == Bus::Idle {
                        self.set_bus(Bus::Receiving, ctx);
                    }
                }
                value
            }
            _ => self.registers.get(offset),
        };
        self.refresh(ctx);
        value
    }

    fn peek(&self, offset: u32) -> u32 {
        if offset == DR { u32::from(self.received) } else { self.registers.get(offset) }
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        match offset {
            CR1 => {
                self.registers.store(CR1, value);
                // Reading SR1 and writing CR1 clears STOPF (26.6.6).
                if std::mem::take(&mut self.stop_seen) {
                    self.raise(slave::STOPF, false);
                }
                if value & SWRST != 0 || value & PE == 0 {
                    let kept = self.registers.get(CR1);
                    ctx.cancel(DUE);
                    self.abandon(ctx);
                    if value & SWRST != 0 {
                        self.reset();
                    } else {
                        self.bus = Bus::Idle;
                        self.registers.set(SR1, 0);
                        self.registers.set(SR2, 0);
                    }
                    self.registers.set(CR1, kept & !(START | STOP));
                } else {
                    self.proceed(ctx);
                }
            }
            DR if self.has(SR1, SB) => {
                self.raise(SB, false);
                self.set_bus(Bus::Addressing(value as u8), ctx);
            }
            DR if self.serving.is_some() => {
                if self.has(SR2, TRA) {
                    self.serve_byte(value as u8, ctx);
                }
            }
            DR if self.has(SR2, TRA) => {
                self.raise(BTF, false);
                if self.bus == Bus::Idle {
                    // The shift register takes it at once: a DMA request falls and rises.
                    self.raise(TXE, false);
                    self.refresh(ctx);
                    self.set_bus(Bus::Sending(value as u8), ctx);
                    self.raise(TXE, true);
                } else {
                    self.holding = Some(value as u8);
                    self.raise(TXE, false);
                }
            }
            DR => {}
            _ => {
                self.registers.store(offset, value);
            }
        }
        self.refresh(ctx);
    }

    fn due(&mut self, event: u32, ctx: &mut Ctx<'_>) {
        match self.bus {
            _ if event == SCRIPT => self.begin_script(ctx),
            _ if event == SERVE => self.served(ctx),
            Bus::Idle => {}
            Bus::Starting => {
                self.bus = Bus::Idle;
                self.registers.set_bits(CR1, START, false);
                self.registers.set_bits(SR2, MSL | BUSY, true);
                self.raise(TXE | BTF, false);
                self.raise(SB, true);
            }
            Bus::Addressing(byte) => {
                self.bus = Bus::Idle;
                let reading = byte & 1 != 0;
                if self.partner.as_ref().is_some_and(|partner| partner.answers(byte >> 1)) {
                    self.registers.set_bits(SR2, TRA, !reading);
                    self.begin(reading);
                    self.raise(ADDR, true);
                } else {
                    self.raise(AF, true);
                    self.proceed(ctx);
                }
            }
            Bus::Sending(byte) => self.sent(byte, ctx),
            Bus::Receiving => self.arrived(ctx),
            Bus::Stopping => {
                self.bus = Bus::Idle;
                self.registers.set_bits(CR1, STOP, false);
                self.registers.set(SR2, 0);
                self.raise(TXE, false);
                if !self.has(SR1, RXNE) {
                    self.raise(BTF, false);
                }
                if let Some(partner) = &mut self.partner {
                    partner.end();
                }
                self.proceed(ctx);
            }
        }
        self.refresh(ctx);
    }

    fn attach(&mut self, partner: Partner, ctx: &mut Ctx<'_>) {
        match partner {
            Partner::Script(script) => {
                self.script = script;
                self.script.schedule(SCRIPT, ctx);
            }
            other => self.partner = Some(other),
        }
    }

    fn clocks_changed(&mut self, ctx: &mut Ctx<'_>) {
        self.script.schedule(SCRIPT, ctx);
    }

    fn restart(&mut self, fresh: bool, ctx: &mut Ctx<'_>) -> bool {
        if !fresh {
            ctx.cancel(DUE);
            self.abandon(ctx);
            self.reset();
            self.refresh(ctx);
        }
        self.script.schedule(SCRIPT, ctx);
        true
    }
}

impl I2c {
    /// As after a reset, with whom is on the bus.
    fn reset(&mut self) {
        *self = Self { partner: self.partner.take(), script: std::mem::take(&mut self.script), ..Self::default() };
    }

    /// A transfer of the scripted master meets nobody any more: it goes on to its next one.
    fn abandon(&mut self, ctx: &mut Ctx<'_>) {
        if self.serving.take().is_some() {
            ctx.cancel(SERVE);
            self.script.schedule(SCRIPT, ctx);
        }
    }
}
