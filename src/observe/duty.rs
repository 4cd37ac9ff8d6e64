//! What it is: the calls of one watched function, and how much of a stretch of a run the core was awake.
//! Source: the marks that watched functions leave ([`Machine::watch_function`](crate::machine::Machine::watch_function)).
//! Does not model: several calls of the function at a time.
//! Tested by: the unit test below, `tests/keyword_live.rs`.

use crate::machine::Mark;
use crate::timing::Cause;
use crate::units::Cycles;

/// The calls of a function that have returned: entry and return.
#[must_use]
pub fn calls(marks: &[Mark], function: u32) -> Vec<(&Mark, &Mark)> {
    let mut entered = None;
    let mut calls = Vec::new();
    for mark in marks.iter().filter(|mark| mark.function == function) {
        match mark.arguments {
            Some(_) => entered = Some(mark),
            None => calls.extend(entered.take().map(|entry| (entry, mark))),
        }
    }
    calls
}

/// A stretch of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duty {
    /// All of its cycles.
    pub cycles: Cycles,
    /// Those of them that the core slept.
    pub asleep: Cycles,
}

impl Duty {
    /// From one mark to another.
    #[must_use]
    pub fn between(from: &Mark, to: &Mark) -> Self {
        let cycles = to.at.since(from.at);
        let asleep = to.causes.since(&from.causes).of(Cause::Sleep);
        Self { cycles, asleep: Cycles(asleep.min(cycles.0)) }
    }

    /// The part of the time that the core was awake, 0 to 1.
    #[must_use]
    pub fn awake(&self) -> f64 {
        (self.cycles - self.asleep).0 as f64 / self.cycles.0.max(1) as f64
    }

    /// The mean current, given those of an awake and of a sleeping core.
    #[must_use]
    pub fn mean(&self, awake: f64, asleep: f64) -> f64 {
        asleep + (awake - asleep) * self.awake()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timing::CauseTotals;
    use crate::units::Tick;

    #[test]
    fn calls_are_paired_and_sleep_is_told_from_the_rest() {
        let mark = |function, enters: bool, at, slept| {
            let mut causes = CauseTotals::default();
            causes.0[Cause::Sleep as usize] = slept;
            Mark { function, arguments: enters.then_some([0; 4]), at: Tick(at), causes, instructions: 0 }
        };
        // Function 1 is called in the middle of a call of function 2.
        let marks =
            [mark(2, true, 5, 0), mark(1, true, 10, 0), mark(1, false, 20, 0), mark(2, false, 30, 0), mark(1, true, 110, 60)];
        let calls = calls(&marks, 1);
        assert_eq!(calls.iter().map(|(from, to)| (from.at.0, to.at.0)).collect::<Vec<_>>(), [(10, 20)]);
        let duty = Duty::between(&marks[1], &marks[4]);
        assert_eq!((duty.cycles, duty.asleep), (Cycles(100), Cycles(60)));
        assert!((duty.awake() - 0.4).abs() < 1e-12 && (duty.mean(30.0, 10.0) - 18.0).abs() < 1e-12);
    }
}
