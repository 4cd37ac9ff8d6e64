//! What it is: the I2C device as a slave, whom a scripted master writes to and reads from.
//! Source: RM0008 section 26.3.2 (slave mode, figures 271 and 272), 26.6.
//! Does not model: general calls' hardware addresses, NOSTRETCH: the clock is stretched until the firmware has done its part.
//! Tested by: `firmware-images/tests/slaves`.

use super::*;

/// SR1: the master has ended the transfer. CR1: general calls are for this slave. OAR2: its address counts, too. SR2: a general call, OAR2's.
pub(super) const STOPF: u32 = 1 << 4;
const ENGC: u32 = 1 << 6;
const ENDUAL: u32 = 1 << 0;
const GENCALL: u32 = 1 << 4;
const DUALF: u32 = 1 << 7;

/// What the master does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It waits for this side.
    Waiting,
    /// It sends the address.
    Address,
    /// It sends a byte.
    Sends(u8),
    /// It reads a byte.
    Reads(u8),
    /// It ends the transfer; `true`: which the slave is told of, as it has acknowledged everything.
    Stops(bool),
}

/// A transfer that the master has begun.
#[derive(Clone, Debug)]
pub(super) struct Serving {
    phase: Phase,
    address: u8,
    reading: bool,
    send: VecDeque<u8>,
    read: usize,
}

impl I2c {
    /// The master's next transfer begins, if the bus is free.
    pub(super) fn begin_script(&mut self, ctx: &mut Ctx<'_>) {
        if self.serving.is_some() || self.has(SR2, BUSY) {
            return ctx.schedule(SCRIPT, self.script.bits(10, ctx));
        }
        if let Some(step) = self.script.take_due(ctx) {
            let reading = step.send.is_empty();
            self.serving =
                Some(Serving { phase: Phase::Waiting, address: step.address, reading, send: step.send.into(), read: step.read });
            self.set_phase(Phase::Address, ctx);
        }
    }

    fn set_phase(&mut self, phase: Phase, ctx: &mut Ctx<'_>) {
        let bits = match phase {
            Phase::Waiting => 0,
            Phase::Address => 10,
            Phase::Sends(_) | Phase::Reads(_) => 9,
            Phase::Stops(_) => 1,
        };
        if let Some(serving) = &mut self.serving {
            serving.phase = phase;
            if bits > 0 {
                ctx.schedule(SERVE, self.script.bits(bits, ctx));
            }
        }
    }

    /// Whether the address is this slave's, and the flags of SR2 that say which of them.
    fn matches(&self, address: u8, reading: bool) -> Option<u32> {
        let own = self.registers.get(OAR1) >> 1 & 0x7f == u32::from(address);
        let second = self.registers.get(OAR2);
        if !self.has(CR1, PE) || !self.has(CR1, ACK) {
            None
        } else if own {
            Some(0)
        } else if second & ENDUAL != 0 && second >> 1 & 0x7f == u32::from(address) {
            Some(DUALF)
        } else {
            (address == 0 && !reading && self.has(CR1, ENGC)).then_some(GENCALL)
        }
    }

    /// What the master was doing is done.
    pub(super) fn served(&mut self, ctx: &mut Ctx<'_>) {
        let Some(serving) = &mut self.serving else { return };
        let (phase, address, reading) = (serving.phase, serving.address, serving.reading);
        serving.phase = Phase::Waiting;
        match phase {
            Phase::Waiting => {}
            Phase::Address => match self.matches(address, reading) {
                Some(which) => {
                    self.registers.set(SR2, BUSY | which | if reading { TRA } else { 0 });
                    self.raise(ADDR, true);
                }
                None => self.set_phase(Phase::Stops(false), ctx),
            },
            Phase::Sends(byte) => {
                if self.has(SR1, RXNE) {
                    self.shifted = Some(byte);
                    self.raise(BTF, true);
                } else {
                    self.received = byte;
                    self.raise(RXNE, true);
                    self.go_on_serving(ctx);
                }
            }
            Phase::Reads(byte) => {
                ctx.send(byte);
                serving.read = serving.read.saturating_sub(1);
                if serving.read == 0 {
                    // The master acknowledges all but the last.
                    self.raise(AF, true);
                    self.raise(TXE | BTF, false);
                    self.holding = None;
                    self.set_phase(Phase::Stops(false), ctx);
                } else {
                    match self.holding.take() {
                        Some(next) => {
                            self.raise(TXE, true);
                            self.set_phase(Phase::Reads(next), ctx);
                        }
                        None => self.raise(TXE | BTF, true),
                    }
                }
            }
            Phase::Stops(told) => {
                self.serving = None;
                self.registers.set(SR2, 0);
                self.raise(TXE, false);
                if told {
                    self.raise(STOPF, true);
                }
                self.script.schedule(SCRIPT, ctx);
            }
        }
    }

    /// The firmware has read the flags that say that it was addressed.
    pub(super) fn serve_address(&mut self, ctx: &mut Ctx<'_>) {
        if self.serving.as_ref().is_some_and(|serving| serving.reading) {
            self.raise(TXE, true);
        } else {
            self.go_on_serving(ctx);
        }
    }

    /// The master goes on: with its next byte, with reading behind a repeated start, or to the end.
    pub(super) fn go_on_serving(&mut self, ctx: &mut Ctx<'_>) {
        let acknowledges = self.has(CR1, ACK);
        let Some(serving) = &mut self.serving else { return };
        let next = match serving.send.pop_front().filter(|_| acknowledges) {
            Some(byte) => Phase::Sends(byte),
            None if serving.read > 0 && acknowledges => {
                serving.reading = true;
                Phase::Address
            }
            None => Phase::Stops(true),
        };
        self.set_phase(next, ctx);
    }

    /// The firmware gives a byte that the master is to read.
    pub(super) fn serve_byte(&mut self, byte: u8, ctx: &mut Ctx<'_>) {
        self.raise(BTF, false);
        if self.serving.as_ref().is_some_and(|serving| serving.phase == Phase::Waiting) {
            // The shift register takes it at once: a DMA request falls and rises.
            self.raise(TXE, false);
            self.refresh(ctx);
            self.raise(TXE, true);
            self.set_phase(Phase::Reads(byte), ctx);
        } else {
            self.holding = Some(byte);
            self.raise(TXE, false);
        }
    }
}
