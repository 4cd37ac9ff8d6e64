//! What it is: firmware laid into a chip's memories: does it fit, and can the chip boot from it.
//! Source: RM0008 section 3.4 (boot from flash, aliased at 0), Armv7-M ARM B1.5.2 and B1.5.3 (vector table, reset).
//! Does not model: booting from system memory; a program in external memory (its data may lie there); a boot loader that starts an
//! application elsewhere.
//! Tested by: `tests/bad_input.rs`, `tests/loader.rs` (against `arm-none-eabi-objcopy`).

use super::Chip;
use crate::finding::{Code, Failure, Finding, Result};
use crate::firmware::Image;
use crate::units::{Addr, Bytes};

/// The two memories that firmware occupies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bank {
    /// Flash, at its own address or at its alias.
    Flash,
    /// SRAM.
    Sram,
}

impl Bank {
    fn name(self) -> &'static str {
        match self {
            Bank::Flash => "flash",
            Bank::Sram => "SRAM",
        }
    }
}

/// Where in a memory something goes, and what.
pub type Part = (u32, Vec<u8>);

/// Firmware as the chip holds it before the first instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The whole flash: the program where it was linked, 0xff where nothing is programmed.
    pub flash: Vec<u8>,
    /// Bytes of flash from its start to the program's last byte, gaps included.
    pub flash_used: Bytes,
    /// Bytes of SRAM that the program reserves at link time (`.data`, `.bss`, sections for heap and stack).
    pub sram_static: Bytes,
    /// What a program that is linked for SRAM alone has there: offsets and bytes. Nobody boots from that; a debugger loads it.
    pub sram: Vec<Part>,
    /// Where the vector table is: 0, the alias of flash, or in SRAM.
    pub vectors: Addr,
    /// The first word of the vector table; the core clears its lowest two bits.
    pub initial_sp: Addr,
    /// The second word of the vector table without its Thumb bit.
    pub reset_handler: Addr,
}

/// Addresses below this belong to flash or its alias, whatever size the flash has.
const FLASH_SPACE_END: u64 = 0x1000_0000;
const FLASH_ALIAS_END: u64 = 0x0800_0000;
/// Memories behind FSMC (RM0008, 21.4).
const OUTSIDE: std::ops::Range<u64> = 0x6000_0000..0xa000_0000;
/// Where a program for a larger chip may expect SRAM: below its bit-band alias.
const SRAM_SPACE_END: u64 = 0x2200_0000;

impl Chip {
    /// Lays firmware into the chip's memories.
    ///
    /// # Errors
    /// `flash-overflow` and `sram-overflow` by how much; `elf-not-in-flash`, `elf-outside-memory`, `bad-vector-table`.
    pub fn place(&self, image: &Image) -> Result<Placement> {
        let sram_static = self.check_sram(image)?;
        if let Some((sram, (initial_sp, reset_handler))) = self.fill_sram(image) {
            let flash = vec![0xff; usize::try_from(self.flash.size.0).unwrap_or(0)];
            let vectors = self.sram.base;
            return Ok(Placement { flash, flash_used: Bytes(0), sram_static, sram, vectors, initial_sp, reset_handler });
        }
        let (flash, flash_used) = self.fill_flash(image)?;
        let (initial_sp, reset_handler) = self.check_vectors(image, &flash, Bank::Flash)?;
        Ok(Placement { flash, flash_used, sram_static, sram: Vec::new(), vectors: Addr(0), initial_sp, reset_handler })
    }

    /// How far into the flash an address is, through either of its windows; may lie beyond its end.
    fn flash_offset(&self, address: Addr) -> Option<u64> {
        let address = u64::from(address.0);
        let base = u64::from(self.flash.base.0);
        match address {
            a if a < FLASH_ALIAS_END => Some(a),
            a if a < FLASH_SPACE_END => a.checked_sub(base),
            _ => None,
        }
    }

    /// Which memory an address belongs to, and how far into it that is. The address may lie beyond what this chip has.
    #[must_use]
    pub fn bank_of(&self, address: Addr) -> Option<(Bank, u64)> {
        if let Some(offset) = self.flash_offset(address) {
            return Some((Bank::Flash, offset));
        }
        let offset = u64::from(address.0.checked_sub(self.sram.base.0)?);
        (u64::from(address.0) < SRAM_SPACE_END).then_some((Bank::Sram, offset))
    }

    /// A program that is linked for SRAM alone, with its vector table at the start, and the table's first two words: what a debugger loads
    /// and starts there. `None` of any other.
    fn fill_sram(&self, image: &Image) -> Option<(Vec<Part>, (Addr, Addr))> {
        let carrying = || image.segments.iter().filter(|segment| !segment.data.is_empty());
        let parts: Vec<Part> = carrying()
            .map(|segment| match self.bank_of(segment.lma) {
                Some((Bank::Sram, offset)) => {
                    let end = offset.checked_add(segment.data.len() as u64)?;
                    (end <= self.sram.size.0).then_some((u32::try_from(offset).ok()?, segment.data.clone()))
                }
                _ => None,
            })
            .collect::<Option<_>>()?;
        let (_, table) = parts.iter().find(|(offset, _)| *offset == 0)?;
        let start = self.check_vectors(image, table, Bank::Sram).ok()?;
        Some((parts, start))
    }

    /// Whether something may be connected there: behind the memory controller, if the chip has one.
    fn is_outside(&self, address: Addr) -> bool {
        OUTSIDE.contains(&u64::from(address.0)) && self.peripherals.iter().any(|slot| slot.kind == "fsmc")
    }

    fn fill_flash(&self, image: &Image) -> Result<(Vec<u8>, Bytes)> {
        let carrying = || image.segments.iter().filter(|segment| !segment.data.is_empty());
        if !carrying().any(|segment| self.flash_offset(segment.lma).is_some()) {
            let first = carrying().next().or(image.segments.first()).map_or(Addr(0), |segment| segment.lma);
            return Err(Failure::new(
                Code::ElfNotInFlash,
                format!("{} is linked at {first}; no part of it lies in the flash of the {}", image.path, self.name),
            ));
        }
        let mut needed = 0;
        for segment in carrying() {
            let Some(offset) = self.flash_offset(segment.lma) else {
                return Err(outside(image, &self.name, segment.lma, segment.data.len() as u64, "is to be programmed"));
            };
            needed = needed.max(offset.saturating_add(segment.data.len() as u64));
        }
        if needed > self.flash.size.0 {
            let over = needed - self.flash.size.0;
            return Err(Failure::new(
                Code::FlashOverflow,
                format!(
                    "{} needs {} of flash, {} more than the {} of the {}",
                    image.path,
                    Bytes(needed),
                    Bytes(over),
                    self.flash.size,
                    self.name
                ),
            ));
        }
        let mut flash = vec![0xff; usize::try_from(self.flash.size.0).unwrap_or(0)];
        for segment in carrying() {
            let start = self.flash_offset(segment.lma).and_then(|offset| usize::try_from(offset).ok()).unwrap_or(usize::MAX);
            let room = start.checked_add(segment.data.len()).and_then(|end| flash.get_mut(start..end));
            if let Some(room) = room {
                room.copy_from_slice(&segment.data);
            }
        }
        Ok((flash, Bytes(needed)))
    }

    /// The static data must fit; what runs elsewhere than in flash or SRAM has nowhere to run.
    fn check_sram(&self, image: &Image) -> Result<Bytes> {
        let mut ranges = Vec::new();
        for segment in &image.segments {
            match self.bank_of(segment.vma) {
                Some((Bank::Sram, start)) => ranges.push((start, start.saturating_add(u64::from(segment.mem_size)))),
                Some((Bank::Flash, _)) => {}
                None if self.is_outside(segment.vma) && self.bank_of(segment.lma).is_some() => {}
                // Without content of its own it is programmed nowhere.
                None if self.is_outside(segment.vma) && segment.data.is_empty() => {}
                None => return Err(outside(image, &self.name, segment.vma, u64::from(segment.mem_size), "expects to run")),
            }
        }
        let end = ranges.iter().map(|(_, end)| *end).max().unwrap_or(0);
        if end > self.sram.size.0 {
            return Err(self.sram_overflow(image, "its static data end", end));
        }
        ranges.sort_unstable();
        let mut covered = 0;
        let mut reached = 0;
        for (start, end) in ranges {
            covered += end.saturating_sub(start.max(reached));
            reached = reached.max(end);
        }
        Ok(Bytes(covered))
    }

    /// The first two words of `memory`, which is all of the bank that the program lies in, or as far as it goes there.
    fn check_vectors(&self, image: &Image, memory: &[u8], bank: Bank) -> Result<(Addr, Addr)> {
        let word =
            |at: usize| memory.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(u32::MAX, u32::from_le_bytes);
        let (stack, reset) = (word(0), word(4));
        let bad = |why: String| Failure::new(Code::BadVectorTable, format!("{} cannot boot: {why}", image.path));
        if (stack, reset) == (u32::MAX, u32::MAX) {
            let first = image.segments.iter().filter(|s| !s.data.is_empty()).map(|s| s.lma).min().unwrap_or(Addr(0));
            return Err(Finding::new(
                Code::BadVectorTable,
                format!(
                    "{} cannot boot: its lowest byte is at {first}, and at {} the flash is empty",
                    image.path, self.flash.base
                ),
            )
            .help("A program linked behind a boot loader does not boot alone: link it at 0x08000000, or give the boot loader too, with --load.")
            .into());
        }
        match self.bank_of(Addr(stack & !3)) {
            // The core takes it for a multiple of four (B1.5.5).
            Some((Bank::Sram, offset)) if offset > 0 => {
                if offset > self.sram.size.0 {
                    return Err(self.sram_overflow(image, "its initial stack pointer lies", offset));
                }
            }
            _ => return Err(bad(format!("its initial stack pointer is {}, which is no word in SRAM", Addr(stack)))),
        }
        if reset % 2 == 0 {
            return Err(bad(format!("its reset handler is {}, without the Thumb bit", Addr(reset))));
        }
        let handler = Addr::from_thumb(reset);
        let loaded = image.segments.iter().any(|segment| {
            let offset = |address| self.bank_of(address).filter(|(found, _)| *found == bank).map(|(_, offset)| offset);
            match (offset(handler), offset(segment.lma)) {
                (Some(handler), Some(start)) => handler.checked_sub(start).is_some_and(|into| into < segment.data.len() as u64),
                _ => false,
            }
        });
        if !loaded {
            return Err(bad(format!("its reset handler is {handler}, where the program has no code in {}", bank.name())));
        }
        Ok((Addr(stack & !3), handler))
    }

    fn sram_overflow(&self, image: &Image, what: &str, end: u64) -> Failure {
        let over = end.saturating_sub(self.sram.size.0);
        Failure::new(
            Code::SramOverflow,
            format!(
                "{} needs more SRAM than the {} has: {what} {} into it, {} beyond its {}",
                image.path,
                self.name,
                Bytes(end),
                Bytes(over),
                self.sram.size
            ),
        )
    }
}

fn outside(image: &Image, chip: &str, address: Addr, size: u64, what: &str) -> Failure {
    Failure::new(
        Code::ElfOutsideMemory,
        format!("{} {what} at {address} ({}), where the {chip} has no such memory", image.path, Bytes(size)),
    )
}
