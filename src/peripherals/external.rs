//! What it is: SDIO, the interface to memory cards, as registers.
//! Source: RM0008 section 22.9.
//! Does not model: cards (every command that expects an answer times out).
//! Tested by: `registers_conform`.

use super::system::Ctx;
use super::{Peripheral, Register, Registers};
use crate::units::Cycles;

const CMD: u32 = 0x0c;
const STA: u32 = 0x34;
const ICR: u32 = 0x38;
const MASK: u32 = 0x3c;

const SDIO: &[Register] = &[
    Register::new(0x00, "POWER", 0, 0x3),
    Register::new(0x04, "CLKCR", 0, 0x7fff),
    Register::new(0x08, "ARG", 0, u32::MAX),
    Register::new(CMD, "CMD", 0, 0x7fff),
    Register::new(0x10, "RESPCMD", 0, 0),
    Register::new(0x14, "RESP", 0, 0).array(4),
    Register::new(0x24, "DTIMER", 0, u32::MAX),
    Register::new(0x28, "DLEN", 0, 0x1ff_ffff),
    Register::new(0x2c, "DCTRL", 0, 0xfff).not_modelled(0xfff),
    Register::new(0x30, "DCOUNT", 0, 0),
    Register::new(STA, "STA", 0, 0).volatile(0xff_ffff),
    Register::new(ICR, "ICR", 0, 0),
    Register::new(MASK, "MASK", 0, 0xff_ffff),
    Register::new(0x48, "FIFOCNT", 0, 0),
    Register::new(0x80, "FIFO", 0, u32::MAX).not_modelled(u32::MAX).array(32),
];
/// CMD: what answer is expected; the command path is on. STA: timed out; sent without an answer to come.
const WAITRESP: u32 = 3 << 6;
const CPSMEN: u32 = 1 << 10;
const CTIMEOUT: u32 = 1 << 2;
const CMDSENT: u32 = 1 << 7;
/// A command's 48 bits, and the 64 cycles in which an answer must come (22.4.3).
const COMMAND_CYCLES: u64 = 48;
const PATIENCE: u64 = 64;

/// The SD card interface.
#[derive(Clone)]
pub struct Sdio {
    registers: Registers,
}

impl Default for Sdio {
    fn default() -> Self {
        Self { registers: Registers::new(SDIO) }
    }
}

impl Peripheral for Sdio {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn outputs(&self) -> &'static [&'static str] {
        &[""]
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        match offset {
            ICR => self.registers.set_bits(STA, value & 0xc007ff, false),
            CMD => {
                self.registers.store(CMD, value);
                if value & CPSMEN != 0 {
                    let divider = u64::from(self.registers.get(0x04) & 0xff) + 2;
                    let answer = if value & WAITRESP == 0 { 0 } else { PATIENCE };
                    ctx.schedule(0, Cycles(divider * (COMMAND_CYCLES + answer)));
                }
            }
            _ => {
                self.registers.store(offset, value);
            }
        }
        ctx.set_line(0, self.registers.get(STA) & self.registers.get(MASK) != 0);
    }

    fn due(&mut self, _event: u32, ctx: &mut Ctx<'_>) {
        let answered = self.registers.get(CMD) & WAITRESP != 0;
        self.registers.set_bits(STA, if answered { CTIMEOUT } else { CMDSENT }, true);
        ctx.set_line(0, self.registers.get(STA) & self.registers.get(MASK) != 0);
    }
}
