//! What it is: how long the core ran and slept at which clock, and what the heap's functions did.
//! Source: the account of time, the clocks that the firmware sets, the modes that PWR and SCB choose (RM0008, table 11).
//! Does not model: anything; energy is the report's matter.
//! Tested by: `tests/energy.rs`, `tests/heap.rs`.

use super::{Call, Soc};
use crate::machine::heap::HeapCall;
use crate::units::{Cycles, Hz, Tick};
use std::collections::BTreeMap;

/// How the core slept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SleepMode {
    /// Only the core's clock stood still.
    Sleep,
    /// Stop mode, with the regulator on.
    Stop,
    /// Stop mode, with the regulator in low power (PWR_CR.LPDS).
    StopLowPower,
    /// Standby.
    Standby,
}

impl Soc {
    /// The core has slept so long.
    pub fn note_sleep(&mut self, deep: bool, asleep: Cycles) {
        let mode = match (deep, self.system.deep_sleep) {
            (false, _) => SleepMode::Sleep,
            (true, deep) if deep.standby => SleepMode::Standby,
            (true, deep) if deep.low_power => SleepMode::StopLowPower,
            (true, _) => SleepMode::Stop,
        };
        *self.slept.entry((mode, self.system.clocks.hclk)).or_default() += asleep.0;
    }

    /// Cycles by how the core was asleep (`None`: it was not) and by its clock, up to now. They sum to all cycles.
    #[must_use]
    pub fn modes(&self) -> BTreeMap<(Option<SleepMode>, Hz), u64> {
        let mut modes = BTreeMap::new();
        let ends = self.epochs.iter().skip(1).map(|(since, _)| *since).chain([Tick::NEVER]);
        for ((since, hclk), end) in self.epochs.iter().zip(ends) {
            *modes.entry((None, *hclk)).or_insert(0) += end.min(self.tracker.now()).since(*since).0;
        }
        for ((mode, hclk), cycles) in &self.slept {
            if let Some(awake) = modes.get_mut(&(None, *hclk)) {
                *awake = awake.saturating_sub(*cycles);
            }
            modes.insert((Some(*mode), *hclk), *cycles);
        }
        modes.retain(|_, cycles| *cycles > 0);
        modes
    }

    /// How much time had passed at an instant, in microseconds.
    #[must_use]
    pub fn micros(&self, at: Tick) -> f64 {
        let ends = self.epochs.iter().skip(1).map(|(since, _)| *since).chain([Tick::NEVER]);
        self.epochs.iter().zip(ends).map(|((since, hclk), end)| hclk.micros(end.min(at).since(*since))).sum()
    }

    /// One of the heap's functions has returned. What it did by way of others is theirs no second time.
    pub(super) fn heap_returned(&mut self, call: &Call, of_heap: HeapCall, result: u32) {
        let moves_break = |call: HeapCall| matches!(call, HeapCall::Break(_));
        let outer = self.calls.iter().filter_map(|outer| self.heap.call(outer.function));
        if outer.into_iter().all(|outer| moves_break(outer) != moves_break(of_heap)) {
            self.heap.returned(of_heap, call.arguments, result, call.returns_to);
        }
    }
}
