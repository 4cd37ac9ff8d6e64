//! What it is: alternate-function I/O: which port each EXTI line looks at; remapping, stored.
//! Source: RM0008 section 9.4.
//! Does not model: the effect of a remap: serial lines are found by their device, timers' inputs by the default pin. EVENTOUT.
//! Tested by: `registers_conform`, `firmware-images/tests/exti_edges`.

use super::system::Ctx;
use super::{Peripheral, Register, Registers};

const EXTICR: u32 = 0x08;

const REGISTERS: &[Register] = &[
    Register::new(0x00, "EVCR", 0, 0xff).not_modelled(0xff),
    // SWJ_CFG (bits 24 to 26) frees the debug port's pins, of which there is no effect here; nor has a serial line's remap.
    Register::new(0x04, "MAPR", 0, 0x071f_ffff).not_modelled(0x001f_ffc0),
    Register::new(EXTICR, "EXTICR", 0, 0xffff).array(4),
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

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        let stored = self.registers.store(offset, value);
        if let Some(first) = offset.checked_sub(EXTICR).filter(|at| *at < 16) {
            for (line, port) in ctx.system.exti_ports.iter_mut().skip(first as usize).take(4).zip([0, 4, 8, 12]) {
                *line = (stored >> port & 0xf) as u8;
            }
        }
    }

    fn restart(&mut self, fresh: bool, ctx: &mut Ctx<'_>) -> bool {
        ctx.system.exti_ports = [0; 16];
        fresh
    }
}
