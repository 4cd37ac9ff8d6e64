//! What it is: a general-purpose I/O port of 16 pins.
//! Source: RM0008 section 9.2.
//! Does not model: what is wired to the pins (inputs read their pull resistor's level, floating ones 0), the lock sequence, EXTI.
//! Tested by: `registers_conform` and the unit test below.

use super::system::Ctx;
use super::{Peripheral, Register, Registers};

const CRL: u32 = 0x00;
const CRH: u32 = 0x04;
const IDR: u32 = 0x08;
const ODR: u32 = 0x0c;
const BSRR: u32 = 0x10;
const BRR: u32 = 0x14;

const REGISTERS: &[Register] = &[
    Register::new(CRL, "CRL", 0x4444_4444, u32::MAX),
    Register::new(CRH, "CRH", 0x4444_4444, u32::MAX),
    Register::new(IDR, "IDR", 0, 0).volatile(0xffff),
    Register::new(ODR, "ODR", 0, 0xffff),
    Register::new(BSRR, "BSRR", 0, 0),
    Register::new(BRR, "BRR", 0, 0),
    Register::new(0x18, "LCKR", 0, 0x1_ffff).not_modelled(0x1_ffff),
];

/// The device.
#[derive(Clone)]
pub struct Gpio {
    registers: Registers,
}

impl Default for Gpio {
    fn default() -> Self {
        Self { registers: Registers::new(REGISTERS) }
    }
}

impl Gpio {
    /// The pins' levels: an output reads what it drives, an input with a pull resistor reads ODR's bit.
    fn levels(&self) -> u32 {
        let odr = self.registers.get(ODR);
        (0..16).fold(0, |levels, pin| {
            let config = self.registers.get(if pin < 8 { CRL } else { CRH }) >> (pin % 8 * 4) & 0xf;
            let driven = config & 3 != 0 || config >> 2 == 2;
            levels | if driven { odr & 1 << pin } else { 0 }
        })
    }
}

impl Peripheral for Gpio {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn read(&mut self, offset: u32, _ctx: &mut Ctx<'_>) -> u32 {
        self.peek(offset)
    }

    fn peek(&self, offset: u32) -> u32 {
        if offset == IDR { self.levels() } else { self.registers.get(offset) }
    }

    fn write(&mut self, offset: u32, value: u32, _ctx: &mut Ctx<'_>) {
        let odr = self.registers.get(ODR);
        match offset {
            // Set wins over reset (RM0008, 9.2.5).
            BSRR => self.registers.set(ODR, (odr & !(value >> 16)) | (value & 0xffff)),
            BRR => self.registers.set(ODR, odr & !(value & 0xffff)),
            _ => {
                self.registers.store(offset, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peripherals::System;
    use crate::peripherals::system::Domain;
    use crate::units::Hz;

    #[test]
    fn outputs_read_back_and_pulled_inputs_read_their_resistor() {
        // RM0008, table 20 and 9.2.5.
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 0, name: "GPIOC", lines: &[], domain: Domain::Apb2 };
        let mut gpio = Gpio::default();
        gpio.write(CRL, 0x4444_4482, &mut ctx); // pin 0 output, pin 1 input with pull, the rest floating
        gpio.write(BSRR, 0x0000_0007, &mut ctx);
        assert_eq!(gpio.peek(IDR), 0b011);
        gpio.write(BSRR, 0x0001_0001, &mut ctx);
        assert_eq!(gpio.peek(IDR) & 1, 1, "set wins");
        gpio.write(BRR, 1, &mut ctx);
        assert_eq!(gpio.peek(ODR), 0b110);
    }
}
