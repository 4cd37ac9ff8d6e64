//! What it is: the way back: snapshots taken on the way, from which the run is repeated up to the instruction wanted.
//! Source: our own; runs are deterministic, so a repeated stretch is the same stretch.
//! Does not model: what the outside world did meanwhile: with interactive ports or files there is no way back.
//! Tested by: `tests/gdb.rs`: reverse-stepi, reverse-continue.

use crate::finding::Result;
use crate::machine::{Halt, Machine, Snapshot};
use crate::scenario::Host;
use crate::units::{Cycles, Tick};

/// A place in the run: when the block began, and which of its instructions is next.
type Position = (Tick, usize);

struct Checkpoint {
    at: Tick,
    machine: Snapshot,
    host: Option<Host>,
}

/// See the module's description.
#[derive(Default)]
pub struct History {
    checkpoints: Vec<Checkpoint>,
    /// Stretches have run twice: what was counted counts them twice, too.
    pub repeated: bool,
}

/// How to go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back {
    /// To the instruction before, not into handlers unless they are wanted.
    Step {
        /// Handlers too.
        into: bool,
    },
    /// To the latest breakpoint or watchpoint met before.
    Continue,
}

/// How many snapshots are kept; of more, every second one goes.
const MOST: usize = 48;
/// Cycles between two, at least.
const APART: u64 = 4_000_000;
/// How far before an instruction the search for the one before it begins, in cycles; it grows as it fails.
const WINDOW: u64 = 400;

fn position(machine: &Machine) -> Position {
    (machine.now(), machine.place_in_block().unwrap_or(0))
}

impl History {
    /// The machine stands between two blocks: notes how it is, if it has come far since the last time.
    pub fn pass(&mut self, machine: &Machine, host: &Option<Host>) -> Result<()> {
        let far = self.checkpoints.last().is_none_or(|last| machine.now().since(last.at).0 >= APART);
        if !far || machine.place_in_block().is_some() {
            return Ok(());
        }
        if self.checkpoints.len() >= MOST {
            let mut at = 0;
            // The first one stays: it is the beginning.
            self.checkpoints.retain(|_| {
                at += 1;
                at % 2 == 1
            });
        }
        self.checkpoints.push(Checkpoint { at: machine.now(), machine: machine.snapshot()?, host: host.clone() });
        Ok(())
    }

    /// Somebody changed the machine: what was before does not lead here any more.
    pub fn restart(&mut self, machine: &Machine, host: &Option<Host>) -> Result<()> {
        self.checkpoints.clear();
        self.pass(machine, host)
    }

    fn rewind(&self, index: usize, machine: &mut Machine, host: &mut Option<Host>) -> Result<()> {
        if let Some(checkpoint) = self.checkpoints.get(index) {
            machine.rewind(&checkpoint.machine)?;
            host.clone_from(&checkpoint.host);
        }
        Ok(())
    }

    /// The latest checkpoint that is not after `position`.
    fn before(&self, position: Position) -> Option<usize> {
        self.checkpoints.iter().rposition(|checkpoint| (checkpoint.at, 0) <= position)
    }

    /// Brings the machine to a place that it has been at.
    fn seek(&self, to: Position, machine: &mut Machine, host: &mut Option<Host>) -> Result<()> {
        let Some(index) = self.before(to) else { return Ok(()) };
        self.rewind(index, machine, host)?;
        machine.run_until(host, to.0, Tick::NEVER)?;
        for _ in 0..to.1 {
            machine.go(&mut machine.stepping(0..0, true), host, Tick::NEVER, Tick::NEVER)?;
        }
        Ok(())
    }

    /// Goes back; `None` if the beginning is reached, where the machine then is.
    pub fn back(&mut self, how: Back, machine: &mut Machine, host: &mut Option<Host>) -> Result<Option<Halt>> {
        self.repeated = true;
        let here = position(machine);
        let found = match how {
            Back::Step { into } => self.step_before(here, into, machine, host)?.map(|place| (place, Halt::Step)),
            Back::Continue => self.halt_before(here, machine, host)?,
        };
        match found {
            Some((place, halt)) => {
                self.seek(place, machine, host)?;
                Ok(Some(halt))
            }
            None => {
                self.rewind(0, machine, host)?;
                Ok(None)
            }
        }
    }

    fn step_before(
        &self,
        here: Position,
        into: bool,
        machine: &mut Machine,
        host: &mut Option<Host>,
    ) -> Result<Option<Position>> {
        let depth = machine.nesting();
        let mut window = WINDOW;
        loop {
            let from = Tick(here.0.0.saturating_sub(window));
            // A snapshot at the very place leads to nothing before it.
            let Some(index) = self
                .before((from, 0))
                .or_else(|| self.before((Tick(here.0.0.saturating_sub(1)), 0)))
                .or(if here.1 > 0 { self.before(here) } else { None })
            else {
                return Ok(None);
            };
            self.rewind(index, machine, host)?;
            let first = index == 0 && self.checkpoints.first().is_some_and(|checkpoint| checkpoint.at >= from);
            if machine.now() < from {
                machine.run_until(host, from, Tick::NEVER)?;
            }
            let mut found = None;
            loop {
                let place = position(machine);
                if place >= here {
                    break;
                }
                if into || machine.nesting() <= depth {
                    found = Some(place);
                }
                let mut going = machine.stepping(0..0, true);
                let halt = machine.go(&mut going, host, Tick(here.0.0 + 1), Tick::NEVER)?;
                if matches!(halt, Halt::Pause | Halt::Ended(_)) && position(machine) == place {
                    break;
                }
            }
            if found.is_some() || first {
                return Ok(found);
            }
            window = window.saturating_mul(8);
        }
    }

    fn halt_before(&self, here: Position, machine: &mut Machine, host: &mut Option<Host>) -> Result<Option<(Position, Halt)>> {
        let Some(latest) = self.before(here) else { return Ok(None) };
        for index in (0..=latest).rev() {
            self.rewind(index, machine, host)?;
            let end = self.checkpoints.get(index + 1).map_or(here, |next| (next.at, 0)).min(here);
            let mut found = None;
            loop {
                let mut going = machine.going_on();
                // One cycle more, so that the block that `end` is in is begun.
                let halt = machine.go(&mut going, host, end.0 + Cycles(1), Tick::NEVER)?;
                let place = position(machine);
                if place >= end || matches!(halt, Halt::Pause | Halt::Ended(_)) {
                    break;
                }
                found = Some((place, halt));
            }
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}
