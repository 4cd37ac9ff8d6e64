//! What it is: which bytes of the memories a run has read and written, and which of SRAM it read before anything had written them.
//! Source: a hook on every load and store, where somebody asks for it, and what the host writes for the core and for DMA.
//! Does not model: reads by DMA and by the core's own exception sequences; a load that reads a written byte beside unwritten ones counts as sound,
//! since structures with gaps are copied by the word.
//! Tested by: `tests/reads.rs`, `tests/map_units.rs`.

use std::collections::BTreeMap;
use std::ops::Range;

/// A load from SRAM that nobody had written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnwrittenRead {
    /// The first address that was read so.
    pub address: u32,
    /// How many bytes at a time.
    pub bytes: u32,
    /// How often the instruction did that.
    pub count: u64,
}

/// See the module's description. Flags are by offset in their memory.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    /// Bytes of flash that were read as data.
    pub flash_read: Vec<bool>,
    /// Bytes of SRAM that were read.
    pub sram_read: Vec<bool>,
    /// Bytes of SRAM that were written.
    pub sram_written: Vec<bool>,
    /// The same, since the SRAM last lost its content.
    held: Vec<bool>,
    /// Loads of what nobody had written, by instruction.
    pub unwritten: BTreeMap<u32, UnwrittenRead>,
}

fn mark(flags: &mut [bool], range: Range<usize>) {
    if let Some(flags) = flags.get_mut(range) {
        flags.fill(true);
    }
}

impl Touched {
    /// Of memories of those sizes, untouched.
    #[must_use]
    pub fn new(flash: usize, sram: usize) -> Self {
        let flags = |size| vec![false; size];
        Self { flash_read: flags(flash), sram_read: flags(sram), sram_written: flags(sram), held: flags(sram), ..Self::default() }
    }

    /// Those bytes of flash were read.
    pub fn read_flash(&mut self, range: Range<usize>) {
        mark(&mut self.flash_read, range);
    }

    /// Those bytes of SRAM, at that address, were read by the instruction at `pc`.
    pub fn read_sram(&mut self, range: Range<usize>, address: u32, pc: u32) {
        if self.held.get(range.clone()).is_some_and(|flags| !flags.contains(&true)) {
            let read = UnwrittenRead { address, bytes: range.len() as u32, count: 0 };
            self.unwritten.entry(pc).or_insert(read).count += 1;
        }
        mark(&mut self.sram_read, range);
    }

    /// Those bytes of SRAM were written.
    pub fn write_sram(&mut self, range: Range<usize>) {
        mark(&mut self.sram_written, range.clone());
        mark(&mut self.held, range);
    }

    /// SRAM has lost its content.
    pub fn lose(&mut self) {
        self.held.fill(false);
    }
}
