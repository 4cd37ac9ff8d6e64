//! What it is: changes to a program in memory before it is loaded: bytes appended to its flash, another initial stack pointer.
//! Source: Armv7-M ARM B1.5.3 (the vector table's first word).
//! Does not model: relocation; what is appended is data at the address that the program expects it at.
//! Tested by: `tests/estimate.rs` (a general image runs any model).

use super::{Image, Section, SectionKind, Segment};
use crate::finding::{Code, Failure, Result};
use crate::units::Addr;

impl Image {
    /// Adds read-only bytes in flash, under the name of a section.
    pub fn append(&mut self, section: &str, address: Addr, data: Vec<u8>) {
        let size = u32::try_from(data.len()).unwrap_or(u32::MAX);
        self.sections.push(Section {
            name: section.to_owned(),
            vma: address,
            lma: Some(address),
            size,
            kind: SectionKind::ReadOnly,
        });
        self.sections.sort_by_key(|section| section.vma);
        self.segments.push(Segment { lma: address, vma: address, data, mem_size: size, executable: false, writable: false });
    }

    /// Writes the first word of the vector table, which the program's lowest segment begins with.
    ///
    /// # Errors
    /// `bad-vector-table` when there is none.
    pub fn set_stack_top(&mut self, top: Addr) -> Result<()> {
        let lowest = self.segments.iter_mut().filter(|segment| segment.data.len() >= 8).min_by_key(|segment| segment.lma);
        match lowest.and_then(|segment| segment.data.first_chunk_mut::<4>()) {
            Some(word) => *word = top.0.to_le_bytes(),
            None => return Err(Failure::new(Code::BadVectorTable, format!("{} has no vector table", self.path))),
        }
        Ok(())
    }
}
