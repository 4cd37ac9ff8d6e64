//! What it is: the flash interface's registers: wait states and prefetch.
//! Source: PM0075 section 3 (registers), table 2 for the wait states that a clock needs.
//! Does not model: erasing, programming and option bytes; their registers are noted in the ledger when used.
//! Tested by: `registers_conform` and the images that set their clock.

use super::system::{Clocks, Ctx};
use super::{Peripheral, Register, Registers};

const ACR: u32 = 0x00;

const REGISTERS: &[Register] = &[
    Register::new(ACR, "ACR", 0x30, 0x1f).volatile(0x20).not_modelled(0x08),
    Register::new(0x04, "KEYR", 0, u32::MAX).not_modelled(u32::MAX),
    Register::new(0x08, "OPTKEYR", 0, u32::MAX).not_modelled(u32::MAX),
    Register::new(0x0c, "SR", 0, 0x34).not_modelled(0x34),
    Register::new(0x10, "CR", 0x80, 0x1677).not_modelled(0x1677),
    Register::new(0x14, "AR", 0, u32::MAX).not_modelled(u32::MAX),
    Register::new(0x1c, "OBR", 0x03ff_fffc, 0),
    Register::new(0x20, "WRPR", u32::MAX, 0),
];

/// The device.
#[derive(Clone)]
pub struct FlashController {
    registers: Registers,
}

impl Default for FlashController {
    fn default() -> Self {
        Self { registers: Registers::new(REGISTERS) }
    }
}

impl Peripheral for FlashController {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        let stored = self.registers.store(offset, value);
        if offset == ACR {
            let prefetch = stored & 1 << 4 != 0;
            self.registers.set_bits(ACR, 1 << 5, prefetch);
            ctx.set_clocks(Clocks { wait_states: (stored & 7).min(2) as u8, prefetch, ..ctx.system.clocks });
        }
    }
}
