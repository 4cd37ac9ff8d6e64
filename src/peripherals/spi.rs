//! What it is: a serial peripheral interface as master, or an I2S transmitter and receiver, timed by its prescaler.
//! Source: RM0008 chapter 25.
//! Does not model: slave mode's clock (a slave never gets one), hardware CRC, mode faults, I2S frames wider than their half-words. Without a
//! partner MISO reads ones.
//! Tested by: `registers_conform`, the unit test below, `firmware-images/tests/spi_echo`.

use super::system::Ctx;
use super::{Partner, Peripheral, Register, Registers};
use crate::units::Cycles;

const CR1: u32 = 0x00;
const CR2: u32 = 0x04;
const SR: u32 = 0x08;
const DR: u32 = 0x0c;
const I2SCFGR: u32 = 0x1c;
const I2SPR: u32 = 0x20;

const REGISTERS: &[Register] = &[
    Register::new(CR1, "CR1", 0, 0xffff).not_modelled(0x3000),
    Register::new(CR2, "CR2", 0, 0xe7),
    Register::new(SR, "SR", 0x2, 0).clear_by_zero(0x10).volatile(0xff),
    Register::new(DR, "DR", 0, 0xffff).volatile(0xffff),
    Register::new(0x10, "CRCPR", 0x7, 0xffff).not_modelled(0xffff),
    Register::new(0x14, "RXCRCR", 0, 0),
    Register::new(0x18, "TXCRCR", 0, 0),
    Register::new(I2SCFGR, "I2SCFGR", 0, 0xfbf),
    Register::new(I2SPR, "I2SPR", 0x2, 0x3ff),
];

/// CR1: master; on; 16 bits; receive only; two lines in one, and its direction. CR2: DMA and interrupt enables.
const MSTR: u32 = 1 << 2;
const SPE: u32 = 1 << 6;
const RXONLY: u32 = 1 << 10;
const DFF: u32 = 1 << 11;
const BIDIOE: u32 = 1 << 14;
const BIDIMODE: u32 = 1 << 15;
const RXDMAEN: u32 = 1 << 0;
const TXDMAEN: u32 = 1 << 1;
const ERRIE: u32 = 1 << 5;
const RXNEIE: u32 = 1 << 6;
const TXEIE: u32 = 1 << 7;
/// SR: received; transmit buffer empty; the I2S side; overrun; busy.
const RXNE: u32 = 1 << 0;
const TXE: u32 = 1 << 1;
const CHSIDE: u32 = 1 << 2;
const OVR: u32 = 1 << 6;
const BSY: u32 = 1 << 7;
/// I2SCFGR: I2S instead of SPI; on; the configuration (bit 1: master, bit 0: receives).
const I2SMOD: u32 = 1 << 11;
const I2SE: u32 = 1 << 10;

const SHIFTED: u32 = 0;
const TX: usize = 0;
const RX: usize = 1;

/// The device.
#[derive(Clone)]
pub struct Spi {
    registers: Registers,
    shifting: Option<u16>,
    holding: Option<u16>,
    received: u16,
    overrun_seen: bool,
    partner: Option<Partner>,
}

impl Default for Spi {
    fn default() -> Self {
        Self {
            registers: Registers::new(REGISTERS),
            shifting: None,
            holding: None,
            received: 0,
            overrun_seen: false,
            partner: None,
        }
    }
}

impl Spi {
    fn has(&self, offset: u32, bits: u32) -> bool {
        self.registers.get(offset) & bits != 0
    }

    fn is_i2s(&self) -> bool {
        self.has(I2SCFGR, I2SMOD)
    }

    /// On, and the one that makes the clock.
    fn is_driving(&self) -> bool {
        if self.is_i2s() {
            self.has(I2SCFGR, I2SE) && self.has(I2SCFGR, 2 << 8)
        } else {
            self.has(CR1, SPE) && self.has(CR1, MSTR)
        }
    }

    /// Whether it makes the clock without being given data.
    fn is_receiving_only(&self) -> bool {
        if self.is_i2s() {
            return self.registers.get(I2SCFGR) >> 8 & 3 == 3;
        }
        let cr1 = self.registers.get(CR1);
        cr1 & RXONLY != 0 || (cr1 & BIDIMODE != 0 && cr1 & BIDIOE == 0)
    }

    fn duration(&self, ctx: &Ctx<'_>) -> Cycles {
        if self.is_i2s() {
            // 25.4.3: the bit clock is I2SxCLK, SYSCLK here, by 2 x I2SDIV + ODD, and by 8 more where the master clock goes out.
            let prescaler = self.registers.get(I2SPR);
            let divider = u64::from(2 * (prescaler & 0xff).max(2) + (prescaler >> 8 & 1));
            let divider = if prescaler & 1 << 9 != 0 { 8 * divider } else { divider };
            let clocks = &ctx.system.clocks;
            let wide = self.has(I2SCFGR, 1);
            let bits = if wide && self.registers.get(I2SCFGR) >> 1 & 3 == 0 { 32 } else { 16 };
            return Cycles(bits * divider * u64::from(clocks.hclk.0) / u64::from(clocks.sysclk.0.max(1)));
        }
        let bits = if self.has(CR1, DFF) { 16 } else { 8 };
        Cycles((bits << ((self.registers.get(CR1) >> 3 & 7) + 1)) * ctx.core_cycles_per_clock())
    }

    fn shift(&mut self, value: u16, ctx: &mut Ctx<'_>) {
        self.shifting = Some(value);
        self.registers.set_bits(SR, BSY, true);
        let duration = self.duration(ctx);
        ctx.schedule(SHIFTED, duration);
    }

    fn refresh(&mut self, ctx: &mut Ctx<'_>) {
        let (flags, control) = (self.registers.get(SR), self.registers.get(CR2));
        let on = if self.is_i2s() { self.has(I2SCFGR, I2SE) } else { self.has(CR1, SPE) };
        let asks = (flags & RXNE != 0 && control & RXNEIE != 0)
            || (flags & TXE != 0 && control & TXEIE != 0)
            || (flags & OVR != 0 && control & ERRIE != 0);
        ctx.set_line(0, asks);
        ctx.drive(TX, on && control & TXDMAEN != 0 && flags & TXE != 0);
        ctx.drive(RX, control & RXDMAEN != 0 && flags & RXNE != 0);
    }
}

impl Peripheral for Spi {
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
            DR => {
                self.registers.set_bits(SR, RXNE, false);
                self.overrun_seen = self.has(SR, OVR);
                self.refresh(ctx);
                u32::from(self.received)
            }
            SR => {
                let flags = self.registers.get(SR);
                // OVR is cleared by reading DR, then SR (25.3.10).
                if std::mem::take(&mut self.overrun_seen) {
                    self.registers.set_bits(SR, OVR, false);
                    self.refresh(ctx);
                }
                flags
            }
            _ => self.registers.get(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        match offset {
            DR if !self.is_driving() => {
                // It waits for a clock.
                self.holding = Some(value as u16);
                self.registers.set_bits(SR, TXE, false);
            }
            DR if self.shifting.is_none() => {
                self.registers.set_bits(SR, TXE, false);
                self.refresh(ctx);
                self.shift(value as u16, ctx);
                self.registers.set_bits(SR, TXE, true);
            }
            DR => {
                self.holding = Some(value as u16);
                self.registers.set_bits(SR, TXE, false);
            }
            _ => {
                let was = self.is_driving();
                self.registers.store(offset, value);
                let is = self.is_driving();
                if is && !was {
                    if let Some(partner) = &mut self.partner {
                        partner.end();
                    }
                    if let Some(value) = self.holding.take() {
                        self.shift(value, ctx);
                        self.registers.set_bits(SR, TXE, true);
                    } else if self.is_receiving_only() {
                        self.shift(0, ctx);
                    }
                }
            }
        }
        self.refresh(ctx);
    }

    fn due(&mut self, _event: u32, ctx: &mut Ctx<'_>) {
        let Some(sent) = self.shifting.take() else { return };
        let mask = if self.has(CR1, DFF) || self.is_i2s() { 0xffff } else { 0xff };
        let received = self.partner.as_mut().map_or(0xffff, |partner| partner.exchange(sent & mask)) & mask;
        let listens = if self.is_i2s() { self.is_receiving_only() } else { !self.has(CR1, BIDIMODE) || !self.has(CR1, BIDIOE) };
        if listens {
            if self.has(SR, RXNE) {
                self.registers.set_bits(SR, OVR, true);
            } else {
                self.received = received;
                self.registers.set_bits(SR, RXNE, true);
            }
        }
        if self.is_i2s() {
            self.registers.set_bits(SR, CHSIDE, !self.has(SR, CHSIDE));
        }
        if let Some(next) = self.holding.take() {
            self.shift(next, ctx);
            self.registers.set_bits(SR, TXE, true);
        } else if self.is_receiving_only() && self.is_driving() {
            self.shift(0, ctx);
        } else {
            self.registers.set_bits(SR, BSY, false);
        }
        self.refresh(ctx);
    }

    fn attach(&mut self, partner: Partner) {
        self.partner = Some(partner);
    }

    fn restart(&mut self, fresh: bool, _ctx: &mut Ctx<'_>) -> bool {
        if !fresh {
            *self = Self { partner: self.partner.take(), ..Self::default() };
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peripherals::System;
    use crate::peripherals::system::Domain;
    use crate::units::{Hz, Tick};

    #[test]
    fn a_byte_takes_eight_bits_of_the_prescaled_clock() {
        // RM0008, 25.5.1: BR 010 divides by 8.
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 0, name: "SPI1", lines: &[51], domain: Domain::Apb2 };
        let mut spi = Spi::default();
        spi.attach(Partner::echo(0));
        spi.write(CR1, SPE | MSTR | 2 << 3, &mut ctx);
        spi.write(DR, 0x5a, &mut ctx);
        assert_eq!(spi.peek(SR), TXE | BSY);
        assert_eq!(ctx.system.next_due(), Tick(64));
        spi.write(DR, 0xa5, &mut ctx);
        assert_eq!(spi.peek(SR), BSY);
        ctx.system.now = Tick(64);
        let (_, _, event) = ctx.system.take_due().expect("due");
        spi.due(event, &mut ctx);
        assert_eq!(spi.peek(SR), TXE | BSY | RXNE);
        assert_eq!(spi.read(DR, &mut ctx), 0x5a);
    }
}
