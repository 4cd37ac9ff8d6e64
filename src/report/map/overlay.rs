//! What it is: what a run did with each row of a map: bytes executed, bytes written, bytes that it did neither with.
//! Source: the instructions that the run priced, and SRAM's content at its end against what it held at power-on.
//! Does not model: reads: loads run without a hook, so a constant that was read looks like one that was not; a byte that was written
//!   with what it held at power-on counts as not written.
//! Tested by: `tests/map_units.rs` (against the profile, the compiler's symbols and the run's own memory report).

use super::{Kind, MemoryMap, groups};
use crate::chip::{Bank, Chip};
use crate::timing::Details;
use crate::units::Addr;
use serde::Serialize;

/// What a run did with some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Use {
    /// Bytes of instructions that were executed.
    pub executed: u64,
    /// Of SRAM, bytes that no longer hold what they held at power-on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<u64>,
    /// Bytes that were neither executed nor written. They may have been read.
    pub neither: u64,
}

impl Use {
    /// Of two rows together.
    pub(super) fn sum(one: Option<Use>, other: Option<Use>) -> Option<Use> {
        match (one, other) {
            (Some(a), Some(b)) => Some(Use {
                executed: a.executed + b.executed,
                written: a.written.zip(b.written).map(|(a, b)| a + b),
                neither: a.neither + b.neither,
            }),
            (one, other) => one.or(other),
        }
    }
}

impl MemoryMap {
    /// The same map with what a run did: its instructions, and a flag for each byte of SRAM.
    #[must_use]
    pub fn with_use(mut self, chip: &Chip, details: &Details, touched: &[bool]) -> MemoryMap {
        let flash = executed(chip, Bank::Flash, details);
        let sram = executed(chip, Bank::Sram, details);
        for row in self.rows.iter_mut().filter(|row| row.kind != Kind::Free) {
            let (base, executed, written) = match row.region {
                Bank::Flash => (chip.flash.base, &flash, None),
                Bank::Sram => (chip.sram.base, &sram, Some(touched)),
            };
            let start = row.address.0.saturating_sub(base.0) as usize;
            let range = start..start.saturating_add(usize::try_from(row.size).unwrap_or(usize::MAX));
            let executed = executed.get(range.clone()).unwrap_or_default();
            let count = |flags: &[bool]| flags.iter().filter(|flag| **flag).count() as u64;
            let written = written.map(|flags| flags.get(range).unwrap_or_default());
            let both = written.map_or(0, |written| executed.iter().zip(written).filter(|(a, b)| **a && **b).count() as u64);
            let (executed, written) = (count(executed), written.map(count));
            let neither = (row.size + both).saturating_sub(executed + written.unwrap_or(0));
            row.used = Some(Use { executed, written, neither });
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
