//! What it is: the digital-to-analogue converter: two channels, software and timer triggers, DMA, noise and triangle.
//! Source: RM0008 chapter 12.
//! Does not model: the output's settling time and buffer. What it puts out is on the pins PA4 and PA5, where the ADC's channels 4 and 5 see it.
//! Tested by: `registers_conform`, the unit test below.

use super::analog::Source;
use super::system::Ctx;
use super::{Peripheral, Register, Registers};

const CR: u32 = 0x00;
const SWTRIGR: u32 = 0x04;
const DHR: u32 = 0x08;
const DOR1: u32 = 0x2c;

const REGISTERS: &[Register] = &[
    Register::new(CR, "CR", 0, 0x1fff_1fff),
    Register::new(SWTRIGR, "SWTRIGR", 0, 0),
    Register::new(0x08, "DHR12R1", 0, 0xfff).volatile(0xfff),
    Register::new(0x0c, "DHR12L1", 0, 0xfff0).volatile(0xfff0),
    Register::new(0x10, "DHR8R1", 0, 0xff).volatile(0xff),
    Register::new(0x14, "DHR12R2", 0, 0xfff).volatile(0xfff),
    Register::new(0x18, "DHR12L2", 0, 0xfff0).volatile(0xfff0),
    Register::new(0x1c, "DHR8R2", 0, 0xff).volatile(0xff),
    Register::new(0x20, "DHR12RD", 0, 0x0fff_0fff).volatile(0x0fff_0fff),
    Register::new(0x24, "DHR12LD", 0, 0xfff0_fff0).volatile(0xfff0_fff0),
    Register::new(0x28, "DHR8RD", 0, 0xffff).volatile(0xffff),
    Register::new(DOR1, "DOR1", 0, 0).volatile(0xfff),
    Register::new(0x30, "DOR2", 0, 0).volatile(0xfff),
];

/// A channel's half of CR: on, triggered, the DMA request, the software's trigger.
const EN: u32 = 1 << 0;
const TEN: u32 = 1 << 2;
const DMAEN: u32 = 1 << 12;
const SOFTWARE: u32 = 7;

/// The device.
#[derive(Clone)]
pub struct Dac {
    registers: Registers,
    /// What waits in the data holding registers, 12 bits.
    holding: [u32; 2],
    noise: [u32; 2],
    /// The triangle's height and whether it falls.
    triangle: [(u32, bool); 2],
}

impl Default for Dac {
    fn default() -> Self {
        Self { registers: Registers::new(REGISTERS), holding: [0; 2], noise: [0xaaa; 2], triangle: [(0, false); 2] }
    }
}

impl Dac {
    fn control(&self, channel: usize) -> u32 {
        self.registers.get(CR) >> (16 * channel) & 0xffff
    }

    fn output(&mut self, channel: usize, ctx: &mut Ctx<'_>) {
        let control = self.control(channel);
        if control & EN == 0 {
            return;
        }
        let amplitude = (2u32 << (control >> 8 & 0xf).min(11)) - 1;
        let wave = match control >> 6 & 3 {
            0 => 0,
            1 => {
                // 12.3.8: shifted right, the new upper bit is the exclusive nor of bits 0, 1, 4 and 6.
                let state = self.noise[channel];
                let feedback = !(state ^ state >> 1 ^ state >> 4 ^ state >> 6) & 1;
                self.noise[channel] = state >> 1 | feedback << 11;
                state & amplitude
            }
            _ => {
                let (height, falls) = self.triangle[channel];
                self.triangle[channel] = match (height, falls) {
                    (h, false) if h < amplitude => (h + 1, false),
                    (h, false) => (h - 1, true),
                    (0, true) => (1, false),
                    (h, true) => (h - 1, true),
                };
                height
            }
        };
        let value = (self.holding[channel] + wave).min(0xfff);
        self.registers.set(DOR1 + 4 * channel as u32, value);
        ctx.system.analog.connect(4 + channel as u8, Source::Constant(value as u16));
    }

    fn triggered(&mut self, channel: usize, ctx: &mut Ctx<'_>) {
        self.output(channel, ctx);
        if self.control(channel) & DMAEN != 0 {
            ctx.drive(channel, true);
        }
    }

    fn hold(&mut self, channel: usize, value: u32, ctx: &mut Ctx<'_>) {
        self.holding[channel] = value & 0xfff;
        let registers = DHR + 12 * channel as u32;
        self.registers.set(registers, value & 0xfff);
        self.registers.set(registers + 4, value << 4 & 0xfff0);
        self.registers.set(registers + 8, value >> 4 & 0xff);
        if self.control(channel) & TEN == 0 {
            self.output(channel, ctx);
        }
    }
}

impl Peripheral for Dac {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["CH1", "CH2"]
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        match offset {
            CR => {
                self.registers.store(CR, value);
                for trigger in 0..8 {
                    let listens = (0..2).any(|channel| {
                        let control = self.control(channel);
                        control & (EN | TEN) == EN | TEN && control >> 3 & 7 == trigger
                    });
                    ctx.listen(trigger as usize, listens);
                }
                for channel in 0..2 {
                    if self.control(channel) & (EN | TEN) == EN {
                        self.output(channel, ctx);
                    }
                }
            }
            SWTRIGR => {
                for channel in (0..2).filter(|channel| value >> channel & 1 != 0) {
                    if self.control(channel) & TEN != 0 && self.control(channel) >> 3 & 7 == SOFTWARE {
                        self.triggered(channel, ctx);
                    }
                }
            }
            0x08 => self.hold(0, value, ctx),
            0x0c => self.hold(0, value >> 4, ctx),
            0x10 => self.hold(0, value << 4, ctx),
            0x14 => self.hold(1, value, ctx),
            0x18 => self.hold(1, value >> 4, ctx),
            0x1c => self.hold(1, value << 4, ctx),
            0x20 => {
                self.hold(0, value, ctx);
                self.hold(1, value >> 16, ctx);
            }
            0x24 => {
                self.hold(0, value >> 4, ctx);
                self.hold(1, value >> 20, ctx);
            }
            0x28 => {
                self.hold(0, value << 4, ctx);
                self.hold(1, value >> 4, ctx);
            }
            _ => {}
        }
    }

    fn input(&mut self, input: usize, high: bool, ctx: &mut Ctx<'_>) {
        for channel in 0..2 {
            let control = self.control(channel);
            if high && control & (EN | TEN) == EN | TEN && (control >> 3 & 7) as usize == input {
                self.triggered(channel, ctx);
            }
        }
    }

    fn served(&mut self, output: usize, ctx: &mut Ctx<'_>) {
        ctx.drive(output, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peripherals::System;
    use crate::peripherals::system::Domain;
    use crate::units::Hz;

    #[test]
    fn the_three_alignments_and_the_trigger() {
        // RM0008, 12.3.3 and figure 39; 12.3.6.
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 0, name: "DAC", lines: &[], domain: Domain::Apb1 };
        let mut dac = Dac::default();
        dac.write(CR, EN, &mut ctx);
        for (offset, value) in [(0x08, 0x123), (0x0c, 0x1230), (0x10, 0x12)] {
            dac.write(offset, value, &mut ctx);
            assert_eq!(dac.peek(DOR1) >> 4, 0x12);
        }
        dac.write(CR, EN | TEN | SOFTWARE << 3, &mut ctx);
        dac.write(0x08, 0x456, &mut ctx);
        assert_eq!(dac.peek(DOR1), 0x120);
        dac.write(SWTRIGR, 1, &mut ctx);
        assert_eq!(dac.peek(DOR1), 0x456);
        assert_eq!(ctx.system.analog.sample(4, 0), Some(0x456));
    }
}
