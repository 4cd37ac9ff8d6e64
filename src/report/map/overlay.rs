//! What it is: what a run did with each row of a map: bytes executed, read, written, never touched.
//! Source: the instructions that the run priced, and a hook on each of its loads and stores.
//! Does not model: reads by DMA and by the core's own exception sequences.
//! Tested by: `tests/map_units.rs` (against the profile, the compiler's symbols and the run's own memory report).

use super::{Kind, MemoryMap, groups};
use crate::chip::{Bank, Chip};
use crate::machine::Touched;
use crate::timing::Details;
use crate::units::Addr;
use serde::Serialize;

/// What a run did with some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Use {
    /// Bytes of instructions that were executed.
    pub executed: u64,
    /// Bytes that were read as data.
    pub read: u64,
    /// Of SRAM, bytes that were written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<u64>,
    /// Bytes that were neither executed nor read nor written.
    pub untouched: u64,
}

impl Use {
    /// Of two rows together.
    pub(super) fn sum(one: Option<Use>, other: Option<Use>) -> Option<Use> {
        match (one, other) {
            (Some(a), Some(b)) => Some(Use {
                executed: a.executed + b.executed,
                read: a.read + b.read,
                written: a.written.zip(b.written).map(|(a, b)| a + b),
                untouched: a.untouched + b.untouched,
            }),
            (one, other) => one.or(other),
        }
    }
}

impl MemoryMap {
    /// The same map with what a run did: its instructions, and the bytes that it read and wrote.
    #[must_use]
    pub fn with_use(mut self, chip: &Chip, details: &Details, touched: &Touched) -> MemoryMap {
        let flash = executed(chip, Bank::Flash, details);
        let sram = executed(chip, Bank::Sram, details);
        for row in self.rows.iter_mut().filter(|row| row.kind != Kind::Free) {
            let (base, executed, read, written) = match row.region {
                Bank::Flash => (chip.flash.base, &flash, &touched.flash_read, None),
                Bank::Sram => (chip.sram.base, &sram, &touched.sram_read, Some(&touched.sram_written)),
            };
            let start = row.address.0.saturating_sub(base.0) as usize;
            let range = start..start.saturating_add(usize::try_from(row.size).unwrap_or(usize::MAX));
            let part = |flags: &Vec<bool>| flags.get(range.clone()).unwrap_or_default().to_vec();
            let (executed, read, written) = (part(executed), part(read), written.map(part));
            let count = |flags: &[bool]| flags.iter().filter(|flag| **flag).count() as u64;
            let any = (0..executed.len()).filter(|at| {
                let is = |flags: &[bool]| flags.get(*at) == Some(&true);
                is(&executed) || is(&read) || written.as_deref().is_some_and(is)
            });
            let any = any.count() as u64;
            row.used = Some(Use {
                executed: count(&executed),
                read: count(&read),
                written: written.as_deref().map(count),
                untouched: row.size.saturating_sub(any),
            });
        }
        if !self.groups.is_empty() {
            self.groups = groups(&self.rows);
        }
        self
    }
}

/// A flag for each byte of a memory that an executed instruction occupies, wherever in the memory map it was fetched from.
fn executed(chip: &Chip, bank: Bank, details: &Details) -> Vec<bool> {
    let memory = if bank == Bank::Flash { chip.flash } else { chip.sram };
    let mut flags = vec![false; usize::try_from(memory.size.0).unwrap_or(0)];
    for (address, cost) in &details.insns {
        let Some((_, offset)) = chip.bank_of(Addr(*address)).filter(|(found, _)| *found == bank) else { continue };
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        if let Some(bytes) = flags.get_mut(start..start.saturating_add(usize::from(cost.insn.size))) {
            bytes.fill(true);
        }
    }
    flags
}
