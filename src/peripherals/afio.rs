//! What it is: alternate-function I/O: remapping and EXTI source selection, stored.
//! Source: RM0008 section 9.4.
//! Does not model: the effect of a remap (serial lines are found by their device, not by pin) and EXTI.
//! Tested by: `registers_conform`.

use super::{Peripheral, Register, Registers};

const REGISTERS: &[Register] = &[
    Register::new(0x00, "EVCR", 0, 0xff).not_modelled(0xff),
    Register::new(0x04, "MAPR", 0, 0x071f_ffff).not_modelled(0x001f_ffff),
    Register::new(0x08, "EXTICR", 0, 0xffff).array(4).not_modelled(0xffff),
    Register::new(0x1c, "MAPR2", 0, 0x7e0).not_modelled(0x7e0),
];

/// The device.
#[derive(Clone)]
pub struct Afio {
    registers: Registers,
}

impl Default for Afio {
    fn default() -> Self {
        Self { registers: Registers::new(REGISTERS) }
    }
}

impl Peripheral for Afio {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }
}
