//! What it is: what can be asked of a machine about a run: the heap, how it slept, what its pins did.
//! Source: the parts that note it.
//! Does not model: anything.
//! Tested by: `tests/heap.rs`, `tests/energy.rs`, `tests/exports.rs`.

use super::heap::{HEAP_FUNCTIONS, Heap, HeapCall};
use super::run::Machine;
use super::soc::SleepMode;
use crate::peripherals::system::PinChange;
use crate::units::Hz;
use std::collections::BTreeMap;

impl Machine {
    /// Follows the heap from now on, given where the firmware has a function of that linker name. To be called before the run.
    pub fn watch_heap(&mut self, address: impl Fn(&str) -> Option<u32>) {
        let known: Vec<(u32, HeapCall)> =
            HEAP_FUNCTIONS.iter().filter_map(|(name, call)| Some((address(name)?, *call))).collect();
        for (function, call) in known {
            self.cpu.world_mut().watch_heap(function & !1, call);
        }
    }

    /// What was allocated so far; `None` where no function of the heap is known.
    #[must_use]
    pub fn heap(&self) -> Option<&Heap> {
        let heap = &self.cpu.world().heap;
        heap.is_watched().then_some(heap)
    }

    /// Cycles by how the core slept (`None`: it did not) and by its clock. They sum to the run's.
    #[must_use]
    pub fn modes(&self) -> BTreeMap<(Option<SleepMode>, Hz), u64> {
        self.cpu.world().modes()
    }

    /// When pins changed their level, as many as are kept.
    #[must_use]
    pub fn pins(&self) -> &[PinChange] {
        &self.cpu.world().system.pins
    }
}
