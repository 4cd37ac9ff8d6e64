//! What it is: alternate-function I/O: which port each EXTI line looks at, and which pins the timers use.
//! Source: RM0008 section 9.4.
//! Does not model: the remap of serial lines, CAN and ADC triggers: lines are found by their device. EVENTOUT.
//! Tested by: `registers_conform`, `firmware-images/tests/exti_edges`, `tim_pins`.

use super::system::Ctx;
use super::{Peripheral, Register, Registers};

const MAPR: u32 = 0x04;
const EXTICR: u32 = 0x08;
const MAPR2: u32 = 0x1c;

const REGISTERS: &[Register] = &[
    Register::new(0x00, "EVCR", 0, 0xff).not_modelled(0xff),
    // SWJ_CFG (bits 24 to 26) frees the debug port's pins, of which there is no effect here; nor has a serial line's remap.
    Register::new(MAPR, "MAPR", 0, 0x071f_ffff).not_modelled(0x001f_e000),
    Register::new(EXTICR, "EXTICR", 0, 0xffff).array(4),
    Register::new(MAPR2, "MAPR2", 0, 0x7e0).not_modelled(0x400),
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
        ctx.system.remap = u64::from(self.registers.get(MAPR2)) << 32 | u64::from(self.registers.get(MAPR));
        if let Some(first) = offset.checked_sub(EXTICR).filter(|at| *at < 16) {
            for (line, port) in ctx.system.exti_ports.iter_mut().skip(first as usize).take(4).zip([0, 4, 8, 12]) {
                *line = (stored >> port & 0xf) as u8;
            }
        }
    }

    fn restart(&mut self, fresh: bool, ctx: &mut Ctx<'_>) -> bool {
        ctx.system.exti_ports = [0; 16];
        ctx.system.remap = 0;
        fresh
    }
}
