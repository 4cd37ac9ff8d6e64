//! What it is: what the chip says of itself: the flash size register and the unique identifier, the device code of the debug unit, and the
//! option bytes as they are read and programmed.
//! Source: RM0008 chapters 30 (electronic signature), 31.6.1 and 31.16.3 (DBGMCU); PM0075 section 2.5 (option bytes).
//! Does not model: what DBGMCU_CR does to clocks in debug mode (nobody debugs). The unique identifier is made up, and the same in every run.
//! Tested by: `registers_conform`, `firmware-images/tests/crc_identity`, `flash_program`.

use super::system::Ctx;
use super::{Peripheral, Register, Registers};

const FLASH_SIZE: u32 = 0x00;
const UNIQUE_ID: u32 = 0x08;

const SIGNATURE: &[Register] = &[
    Register::new(FLASH_SIZE, "F_SIZE", 0, 0).volatile(u32::MAX),
    Register::new(UNIQUE_ID, "U_ID", 0, 0).volatile(u32::MAX).array(3),
];
/// Lot and wafer are text on silicon; coordinates come first.
const IDENTIFIER: [u32; 3] = [0x0034_0021, 0x3153_4d53, 0x3536_3734];

/// The electronic signature.
#[derive(Clone)]
pub struct Signature {
    registers: Registers,
}

impl Default for Signature {
    fn default() -> Self {
        Self { registers: Registers::new(SIGNATURE) }
    }
}

impl Peripheral for Signature {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn restart(&mut self, _fresh: bool, ctx: &mut Ctx<'_>) -> bool {
        let kib = (ctx.system.chip.flash.size.0 >> 10) as u32;
        self.registers.set(FLASH_SIZE, 0xffff_0000 | kib);
        for (offset, word) in (UNIQUE_ID..).step_by(4).zip(IDENTIFIER) {
            self.registers.set(offset, word);
        }
        true
    }
}

const IDCODE: u32 = 0x0;
const DEBUG: &[Register] = &[
    Register::new(IDCODE, "IDCODE", 0, 0).volatile(u32::MAX),
    // Every bit concerns what happens under a debugger.
    Register::new(0x4, "CR", 0, 0x7e3f_ffe7),
];

/// The debug unit.
#[derive(Clone)]
pub struct DebugMcu {
    registers: Registers,
}

impl Default for DebugMcu {
    fn default() -> Self {
        Self { registers: Registers::new(DEBUG) }
    }
}

impl Peripheral for DebugMcu {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    /// Only power-on resets it (31.16.3).
    fn restart(&mut self, _fresh: bool, ctx: &mut Ctx<'_>) -> bool {
        self.registers.set(IDCODE, ctx.system.chip.identity.idcode);
        true
    }
}

const OPTIONS: &[Register] = &[Register::new(0x0, "OB", 0, 0).volatile(u32::MAX).array(4)];

/// The option bytes' memory.
#[derive(Clone)]
pub struct OptionBytes {
    registers: Registers,
}

impl Default for OptionBytes {
    fn default() -> Self {
        Self { registers: Registers::new(OPTIONS) }
    }
}

impl Peripheral for OptionBytes {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    /// Told to the flash interface, which is busy for a while.
    fn outputs(&self) -> &'static [&'static str] {
        &["PROGRAM"]
    }

    fn read(&mut self, offset: u32, ctx: &mut Ctx<'_>) -> u32 {
        let bytes = ctx.system.option_bytes;
        (0..4).fold(0, |word, i| word | u32::from(bytes.get(offset as usize + i).copied().unwrap_or(0)) << (8 * i))
    }

    /// A half-word is programmed if it is erased; its upper byte becomes the complement of the lower one (2.5.2).
    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        if !ctx.system.options_writable {
            return;
        }
        let old = self.read(offset, ctx);
        for half in [0, 2] {
            let (was, is) = (old >> (8 * half) & 0xffff, value >> (8 * half) & 0xffff);
            let at = (offset + half) as usize;
            if was != is
                && was == 0xffff
                && let Some([low, high]) = ctx.system.option_bytes.get_mut(at..at + 2)
            {
                (*low, *high) = (is as u8, !(is as u8));
                ctx.pulse(0);
            }
        }
    }
}
