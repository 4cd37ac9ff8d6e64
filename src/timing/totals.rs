//! What it is: cycles by cause over a whole run.
//! Source: [`Cause`].
//! Does not model: anything.
//! Tested by: the sums in every report.

use super::{Cause, CauseCycles};

/// Cycles by cause over a whole run, in the order of [`Cause::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CauseTotals(pub [u64; 9]);

impl CauseTotals {
    /// Adds a block's cycles, `times` over.
    pub fn add(&mut self, cycles: &CauseCycles, times: u64) {
        for (total, cycles) in self.0.iter_mut().zip(cycles.0) {
            *total += u64::from(cycles) * times;
        }
    }

    /// Adds other totals.
    pub fn merge(&mut self, other: &CauseTotals) {
        for (total, other) in self.0.iter_mut().zip(other.0) {
            *total += other;
        }
    }

    /// What was added since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &CauseTotals) -> CauseTotals {
        let mut difference = *self;
        for (now, then) in difference.0.iter_mut().zip(earlier.0) {
            *now = now.saturating_sub(then);
        }
        difference
    }

    /// The cycles of one cause.
    #[must_use]
    pub fn of(&self, cause: Cause) -> u64 {
        self.0.get(cause as usize).copied().unwrap_or(0)
    }

    /// All cycles.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}
