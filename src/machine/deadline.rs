//! What it is: when a run gives up: after so many cycles, or so much of the chip's time, whatever clock the firmware chooses.
//! Source: our own; a machine can pause at any instant and go on as if it had not (`run.rs`).
//! Does not model: anything of its own. A clock that falls near the end is noticed late: by a hundredth of the time, or 45 ms.
//! Tested by: `tests/foreign.rs`.

use super::run::{Environment, Machine, Outcome};
use crate::finding::Result;
use crate::units::{Cycles, Tick};

/// When a run gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// At this instant.
    At(Tick),
    /// So many nanoseconds after power-on.
    After(u64),
}

/// How often a run looks at its clock: so many times, but not more often than that many nanoseconds.
const LOOKS: u64 = 1000;
const SHORTEST: u64 = 5_000_000;
/// The highest core clock (DS5319, table 9).
const HIGHEST_MHZ: u64 = 72;

impl Deadline {
    /// The end in cycles, at the highest clock; with a lower one it comes earlier.
    #[must_use]
    pub fn latest(self) -> Tick {
        match self {
            Deadline::At(tick) => tick,
            Deadline::After(nanos) => Tick((nanos / 1000).saturating_mul(HIGHEST_MHZ)),
        }
    }
}

impl Machine {
    /// As [`Machine::run`], to that end.
    ///
    /// # Errors
    /// As [`Machine::run`].
    pub fn run_within(&mut self, environment: &mut dyn Environment, end: Deadline) -> Result<Outcome> {
        loop {
            if let Some(outcome) = self.run_until_within(environment, Tick::NEVER, end)? {
                return Ok(outcome);
            }
        }
    }

    /// As [`Machine::run_until`], to that end; may come back earlier.
    ///
    /// # Errors
    /// As [`Machine::run`].
    pub fn run_until_within(&mut self, environment: &mut dyn Environment, pause: Tick, end: Deadline) -> Result<Option<Outcome>> {
        let nanos = match end {
            Deadline::At(limit) => return self.run_until(environment, pause, limit),
            Deadline::After(nanos) => nanos,
        };
        let now = self.now();
        let left = nanos.saturating_sub(self.nanos(now));
        if left == 0 {
            return self.run(environment, now).map(Some);
        }
        let slice = u128::from(left.min((nanos / LOOKS).max(SHORTEST)));
        let cycles = (slice * u128::from(self.clocks().hclk.0)).div_ceil(1_000_000_000).max(1);
        let look = now + Cycles(u64::try_from(cycles).unwrap_or(u64::MAX / 2));
        self.run_until(environment, pause.min(look), Tick::NEVER)
    }
}
