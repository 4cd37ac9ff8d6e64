//! What it is: FSMC, the controller of memories and displays outside of the chip, and what is connected to its four banks of NOR and SRAM.
//! Source: RM0008 sections 21.4 (which address belongs to which bank), 21.5 and 21.6 (registers).
//! Does not model: the wait states of its accesses; NAND and PC cards; that a bank which is switched off again answers with a bus error.
//! Tested by: `registers_conform`, the unit tests below, `firmware-images/tests/fsmc`.

use super::system::Ctx;
use super::{Peripheral, Register, Registers};

const FSMC: &[Register] = &[
    Register::new(0x00, "BCR1", 0x30db, 0xf_ff7f),
    Register::new(0x04, "BTR1", 0x0fff_ffff, 0x3fff_ffff),
    Register::new(0x08, "BCR2", 0x30d2, 0xf_ff7f),
    Register::new(0x0c, "BTR2", 0x0fff_ffff, 0x3fff_ffff),
    Register::new(0x10, "BCR3", 0x30d2, 0xf_ff7f),
    Register::new(0x14, "BTR3", 0x0fff_ffff, 0x3fff_ffff),
    Register::new(0x18, "BCR4", 0x30d2, 0xf_ff7f),
    Register::new(0x1c, "BTR4", 0x0fff_ffff, 0x3fff_ffff),
    Register::new(0x60, "PCR2", 0x18, 0xf_fe7e).not_modelled(4),
    Register::new(0x64, "SR2", 0x40, 0x3f),
    Register::new(0x68, "PMEM2", 0xfcfc_fcfc, u32::MAX),
    Register::new(0x6c, "PATT2", 0xfcfc_fcfc, u32::MAX),
    Register::new(0x74, "ECCR2", 0, 0),
    Register::new(0x80, "PCR3", 0x18, 0xf_fe7e).not_modelled(4),
    Register::new(0x84, "SR3", 0x40, 0x3f),
    Register::new(0x88, "PMEM3", 0xfcfc_fcfc, u32::MAX),
    Register::new(0x8c, "PATT3", 0xfcfc_fcfc, u32::MAX),
    Register::new(0x94, "ECCR3", 0, 0),
    Register::new(0xa0, "PCR4", 0x18, 0xf_fe7e).not_modelled(4),
    Register::new(0xa4, "SR4", 0x40, 0x3f),
    Register::new(0xa8, "PMEM4", 0xfcfc_fcfc, u32::MAX),
    Register::new(0xac, "PATT4", 0xfcfc_fcfc, u32::MAX),
    Register::new(0xb0, "PIO4", 0xfcfc_fcfc, u32::MAX),
    Register::new(0x104, "BWTR1", 0x0fff_ffff, 0x3fff_ffff),
    Register::new(0x10c, "BWTR2", 0x0fff_ffff, 0x3fff_ffff),
    Register::new(0x114, "BWTR3", 0x0fff_ffff, 0x3fff_ffff),
    Register::new(0x11c, "BWTR4", 0x0fff_ffff, 0x3fff_ffff),
];

/// The external device space: four banks of 256 MiB.
pub const OUTSIDE: std::ops::Range<u32> = 0x6000_0000..0xa000_0000;
/// The part of it that is for NOR, SRAM and displays has four selects, NE1 to NE4, of 64 MiB each (21.4.1).
const SELECTS: u32 = 4;
const SELECT_SIZE: u32 = 0x0400_0000;
/// BCRx.MBKEN: the bank is on.
const MBKEN: u32 = 1;

/// PCRx.PBKEN, the same of NAND and PC cards.
const PBKEN: u32 = 4;

/// A memory that somebody has connected.
#[derive(Clone)]
struct Memory {
    base: u32,
    bytes: Vec<u8>,
}

/// The external memory controller.
#[derive(Clone)]
pub struct Fsmc {
    registers: Registers,
    memories: Vec<Memory>,
}

impl Default for Fsmc {
    fn default() -> Self {
        Self { registers: Registers::new(FSMC), memories: Vec::new() }
    }
}

impl Fsmc {
    /// Which of NE1 to NE4 an address belongs to, counted from 0.
    fn select(address: u32) -> Option<u32> {
        Some((address.checked_sub(OUTSIDE.start)?) / SELECT_SIZE).filter(|select| *select < SELECTS)
    }
}

impl Peripheral for Fsmc {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn outside(&mut self, address: u32, size: u32, stored: Option<u32>, ctx: &mut Ctx<'_>) -> u32 {
        let how = if stored.is_some() { "written" } else { "read" };
        // An open bus keeps its pull-ups' level; nobody says so, and no firmware may count on it.
        let open = u32::MAX >> (32 - 8 * size.clamp(1, 4));
        let Some(select) = Self::select(address) else {
            // Bank 1 begins at 0x60000000.
            ctx.system.note(format!("FSMC bank {}", (address >> 28) - 5), format!("{how}; NAND and PC cards are not modelled"));
            return open;
        };
        let name = format!("FSMC.NE{}", select + 1);
        let found = self.memories.iter_mut().find_map(|memory| {
            let at = address.checked_sub(memory.base)? as usize;
            memory.bytes.get_mut(at..at.checked_add(size as usize)?)
        });
        let Some(bytes) = found else {
            ctx.system.note(name, format!("{how}, and nothing is connected there"));
            return open;
        };
        if let Some(value) = stored {
            for (byte, new) in bytes.iter_mut().zip(value.to_le_bytes()) {
                *byte = new;
            }
        }
        bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte))
    }

    fn reaches(&self, address: u32) -> bool {
        // "Accessing a disabled bank causes an ERROR on AHB bus" (21.5.6); the others' PCRx.PBKEN says the same (21.6.8).
        match Self::select(address) {
            Some(select) => self.registers.get(select * 8) & MBKEN != 0,
            None => self.registers.get(0x60 + ((address >> 28) - 7) * 0x20) & PBKEN != 0,
        }
    }

    fn fit(&mut self, base: u32, size: u32) -> bool {
        let last = base.checked_add(size.saturating_sub(1));
        let fits = size > 0 && Self::select(base).is_some() && Self::select(base) == last.and_then(Self::select);
        if fits {
            self.memories.push(Memory { base, bytes: vec![0; size as usize] });
        }
        fits
    }

    fn restart(&mut self, fresh: bool, _ctx: &mut Ctx<'_>) -> bool {
        if !fresh {
            *self = Self { memories: std::mem::take(&mut self.memories), ..Self::default() };
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_lies_within_one_select() {
        // 21.4.1, table 102: 64 MiB for each of NE1 to NE4 from 0x60000000.
        let mut fsmc = Fsmc::default();
        for (base, size, fits) in [
            (0x6800_0000, 0x10_0000, true),
            (0x6000_0000, 0x400_0000, true),
            (0x6000_0000, 0x400_0001, false),
            (0x67ff_ffff, 2, false),
            (0x7000_0000, 16, false),
            (0x6800_0000, 0, false),
            (0x2000_0000, 16, false),
            (0xffff_ffff, 16, false),
        ] {
            assert_eq!(fsmc.fit(base, size), fits, "{base:#x} {size:#x}");
        }
        assert_eq!([0x6000_0000, 0x63ff_ffff, 0x6c00_0000].map(Fsmc::select), [Some(0), Some(0), Some(3)]);
    }
}
