//! What it is: the machine under a debugger: breakpoints, watchpoints and steps, without any effect on what the firmware does or costs.
//! Source: our own. A block in which the debugger wants to stop is held before its first instruction and then run in parts: a BKPT stands for
//! a moment in the place of the instruction to stop at. The account of time prices the block as a whole, when the next one begins, and events
//! come where they would have come.
//! Does not model: watchpoints on what DMA and exception entry access; a load in the very block that is stopped in sees the BKPT for code.
//! Tested by: `tests/gdb.rs`, with GDB as the client; cycles with breakpoints and steps equal those of a run without.

use super::cpu::{PAGE, Special, Stop};
use super::exceptions::Fault;
use super::run::{Environment, Machine, Outcome};
use super::semihosting::BKPT_AB;
use super::soc::Hold;
use super::stops::UDF;
use crate::finding::Result;
use crate::units::Tick;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Which accesses a watchpoint is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchKind {
    /// Stores.
    Write,
    /// Loads.
    Read,
    /// Both.
    Access,
}

/// Some bytes whose accesses stop the machine before they happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watchpoint {
    /// The first byte.
    pub address: u32,
    /// How many.
    pub length: u32,
    /// Which accesses.
    pub kind: WatchKind,
}

/// Why the machine stands still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// A breakpoint, or a BKPT of the firmware's own; the instruction has not been executed.
    Breakpoint,
    /// The step is done.
    Step,
    /// The next instruction accesses these bytes.
    Watch(Watchpoint, u32),
    /// The firmware broke a rule with the instruction at the address; its handler is next.
    Fault(Fault, u32),
    /// It only paused.
    Pause,
    /// The run has ended.
    Ended(Outcome),
}

/// How to go on, until the next halt; a pause is none.
#[derive(Clone, Debug)]
pub struct Going {
    /// Stop at the first instruction outside of these addresses; `None` goes on to whatever else stops.
    step: Option<Range<u32>>,
    /// Instructions in handlers that are nested deeper than this do not count as steps.
    depth: usize,
    /// An instruction has been executed.
    moved: bool,
}

/// What a debugger wants.
#[derive(Debug, Default)]
pub struct Debug {
    breaks: BTreeSet<u32>,
    watches: Vec<Watchpoint>,
    /// Control is within the running block, before or behind its first instruction.
    pub(super) inside: bool,
    /// Faults halt the machine.
    halt_on_faults: bool,
}

/// What stands for an instruction to stop at; the number has no meaning.
const BKPT: [u8; 2] = [0x5d, 0xbe];

impl Machine {
    /// Goes on until something halts.
    #[must_use]
    pub fn going_on(&self) -> Going {
        Going { step: None, depth: usize::MAX, moved: false }
    }

    /// Executes instructions while they are at these addresses, one at least. Handlers that interrupt are run as a whole, unless `into` them
    /// is wanted.
    #[must_use]
    pub fn stepping(&self, within: Range<u32>, into: bool) -> Going {
        let depth = if into { usize::MAX } else { self.cpu.world().system.exceptions.nesting() };
        Going { step: Some(within), depth, moved: false }
    }

    /// Halts before the instructions at these addresses.
    pub fn set_breakpoints(&mut self, addresses: BTreeSet<u32>) {
        self.cpu.world_mut().tracker.set_breaks(addresses.clone());
        self.debug.breaks = addresses;
    }

    /// Halts before these accesses.
    pub fn set_watchpoints(&mut self, watches: Vec<Watchpoint>) {
        self.cpu.world_mut().holding.guarded = !watches.is_empty();
        self.debug.watches = watches;
    }

    /// Whether faults halt the machine.
    pub fn halt_on_faults(&mut self, on: bool) {
        self.debug.halt_on_faults = on;
    }

    /// The present instant, within a block too.
    #[must_use]
    pub fn instant(&self) -> Tick {
        let tracker = &self.cpu.world().tracker;
        if self.debug.inside { tracker.instant_of(self.cpu.special(Special::Pc)) } else { tracker.now() }
    }

    /// Where in the run the machine is: when the present block began, and which of its instructions is next. `None` between two blocks, where
    /// snapshots can be taken.
    #[must_use]
    pub fn place_in_block(&self) -> Option<usize> {
        let pc = self.cpu.special(Special::Pc);
        let insns = self.cpu.world().tracker.insns();
        self.debug.inside.then(|| insns.iter().position(|insn| insn.addr.0 == pc).unwrap_or(0))
    }

    /// The debugger changes something: what ran of the block is charged, and the rest will be a block of its own.
    pub(super) fn leave_block(&mut self) {
        if std::mem::take(&mut self.debug.inside) {
            let pc = self.cpu.special(Special::Pc);
            let tracker = &mut self.cpu.world_mut().tracker;
            match tracker.insns().first() {
                Some(first) if first.addr.0 == pc => tracker.cancel(),
                _ => tracker.fault_at(pc),
            }
        }
    }

    /// Runs until something halts the machine, or until `pause`.
    ///
    /// # Errors
    /// `internal`, and what the environment finds wrong.
    pub fn go(&mut self, going: &mut Going, environment: &mut dyn Environment, pause: Tick, limit: Tick) -> Result<Halt> {
        self.set_hard_limit(limit);
        let until = pause.min(limit);
        self.skip_own_breakpoint(going);
        if self.debug.inside {
            self.cpu.world_mut().limit = until;
        } else if let Some(outcome) = self.begin(environment, until)? {
            return Ok(self.ended(outcome));
        }
        let halt = self.go_on(going, environment, until);
        self.cpu.guard(BTreeMap::new());
        self.cpu.world_mut().holding.hold = Hold::Never;
        self.cpu.world_mut().plan();
        halt
    }

    fn go_on(&mut self, going: &mut Going, environment: &mut dyn Environment, until: Tick) -> Result<Halt> {
        // The next instruction's accesses are not looked at: they have been, or it is where the machine stood.
        let mut unguarded = !going.moved;
        loop {
            if !self.debug.inside {
                let known_fault = self.last_fault;
                if let Some(outcome) = self.between(environment, until)? {
                    return Ok(self.ended(outcome));
                }
                if let Some(halt) = self.new_fault(known_fault) {
                    return Ok(halt);
                }
                self.prepare(going, unguarded);
                let stop = self.cpu.run();
                let moved = std::mem::replace(&mut going.moved, true);
                if let Some(halt) = self.stopped(stop, &mut unguarded, environment, until)? {
                    return Ok(halt);
                }
                // The core has stopped before it executed anything, if it was to be held at once.
                going.moved = moved || !self.debug.inside;
                continue;
            }
            let pc = self.cpu.special(Special::Pc);
            let stepping = self.is_stepping(going);
            if going.moved && self.debug.breaks.contains(&pc) {
                return Ok(Halt::Breakpoint);
            }
            if going.moved && stepping && !going.step.as_ref().is_some_and(|within| within.contains(&pc)) {
                return Ok(Halt::Step);
            }
            let single = stepping || !going.moved || unguarded;
            let wanted = |address: &u32| single || self.debug.breaks.contains(address);
            let insns = self.cpu.world().tracker.insns();
            let next = insns.iter().map(|insn| insn.addr.0).filter(|address| *address > pc).find(wanted);
            let barred = self.cpu.world().holding.barred;
            self.prepare(going, unguarded);
            self.cpu.world_mut().holding.continuing = true;
            let known_fault = self.last_fault;
            let stop = match (next, barred) {
                (next, Some((address, fault))) if address >= pc && next.is_none_or(|next| next > address) => {
                    let stop = self.run_up_to(address, &UDF);
                    if stop == Stop::Undefined && self.cpu.special(Special::Pc) == address {
                        self.ran(going);
                        self.debug.inside = false;
                        let outcome = self.after_barred(stop, (address, fault), environment, until)?;
                        match outcome.map(|outcome| self.ended(outcome)).or_else(|| self.new_fault(known_fault)) {
                            Some(halt) => return Ok(halt),
                            None => continue,
                        }
                    }
                    stop
                }
                (Some(next), _) => self.run_up_to(next, &BKPT),
                (None, _) => self.cpu.run(),
            };
            self.ran(going);
            unguarded = false;
            if stop == Stop::Breakpoint && next == Some(self.cpu.special(Special::Pc)) {
                continue;
            }
            // An access that is refused leaves control where it was, and nothing has been executed if that is where it began.
            going.moved |= self.cpu.special(Special::Pc) != pc || !matches!(stop, Stop::DataFault(_));
            self.debug.inside = false;
            if let Some(halt) = self.stopped(stop, &mut unguarded, environment, until)? {
                return Ok(halt);
            }
        }
    }

    fn ran(&mut self, going: &mut Going) {
        self.cpu.world_mut().holding.continuing = false;
        going.moved = true;
    }

    /// Whether every instruction counts now.
    fn is_stepping(&self, going: &Going) -> bool {
        going.step.is_some() && self.cpu.world().system.exceptions.nesting() <= going.depth
    }

    /// Before the core runs: which blocks are to be held, and which pages to be guarded.
    fn prepare(&mut self, going: &Going, unguarded: bool) {
        let single = self.is_stepping(going) || !going.moved || unguarded;
        self.cpu.world_mut().holding.hold = if single { Hold::Always } else { Hold::AtBreaks };
        self.cpu.world_mut().plan();
        let mut pages = BTreeMap::new();
        for watch in self.debug.watches.iter().filter(|_| !unguarded) {
            let (first, last) = (watch.address & !(PAGE - 1), watch.address.saturating_add(watch.length.saturating_sub(1)));
            for page in (first..=last).step_by(PAGE as usize) {
                *pages.entry(page).or_insert(false) |= watch.kind != WatchKind::Write;
            }
        }
        self.cpu.guard(pages);
    }

    /// The core has stopped for a reason that is not a breakpoint within a block.
    fn stopped(
        &mut self,
        stop: Stop,
        unguarded: &mut bool,
        environment: &mut dyn Environment,
        until: Tick,
    ) -> Result<Option<Halt>> {
        if std::mem::take(&mut self.cpu.world_mut().holding.held) {
            self.debug.inside = true;
            return Ok(None);
        }
        let pc = self.cpu.special(Special::Pc);
        match stop {
            Stop::DataFault(page) if self.cpu.is_guarded(page) => {
                self.hold_here();
                *unguarded = true;
                return Ok(self.watched_access(pc).map(|(watch, address)| Halt::Watch(watch, address)));
            }
            Stop::Breakpoint if self.semihosting.is_none() || !self.is_call(pc) => {
                self.hold_here();
                return Ok(Some(Halt::Breakpoint));
            }
            _ => {}
        }
        let known_fault = self.last_fault;
        let outcome = self.handle(stop, environment, until)?;
        Ok(outcome.map(|outcome| self.ended(outcome)).or_else(|| self.new_fault(known_fault)))
    }

    /// Control is in the middle of the running block.
    fn hold_here(&mut self) {
        let soc = self.cpu.world_mut();
        if !self.debug.inside {
            soc.tracker.hold();
            soc.holding.barred = None;
        }
        self.debug.inside = true;
    }

    fn is_call(&self, pc: u32) -> bool {
        self.memory().read(pc, 2) == Some(u32::from(BKPT_AB))
    }

    /// A firmware's own BKPT is gone past when somebody says to go on, as debug probes do.
    fn skip_own_breakpoint(&mut self, going: &Going) {
        let pc = self.cpu.special(Special::Pc);
        let own = self.memory().read(pc, 2).is_some_and(|code| code >> 8 == 0xbe);
        if own && !going.moved && self.asleep.is_none() && (self.semihosting.is_none() || !self.is_call(pc)) {
            self.leave_block();
            self.cpu.set_special(Special::Pc, pc.wrapping_add(2));
        }
    }

    /// The watchpoint that the instruction at `pc` meets, and the first byte of it that it accesses.
    fn watched_access(&self, pc: u32) -> Option<(Watchpoint, u32)> {
        let accesses = self.cpu.world().tracker.accesses(pc, |r| self.cpu.gpr(r));
        accesses.and_then(|(address, bytes, store)| {
            let hit = |watch: &&Watchpoint| {
                let kind = watch.kind == WatchKind::Access || (watch.kind == WatchKind::Write) == store;
                let (end, watch_end) =
                    (u64::from(address) + u64::from(bytes), u64::from(watch.address) + u64::from(watch.length));
                kind && u64::from(address) < watch_end && u64::from(watch.address) < end
            };
            self.debug.watches.iter().find(hit).map(|watch| (*watch, watch.address.max(address)))
        })
    }

    /// A fault that was not there before, if it is to halt the machine.
    fn new_fault(&self, known: Option<(Fault, u32)>) -> Option<Halt> {
        let (fault, pc) = self.last_fault.filter(|_| known.is_none() && self.debug.halt_on_faults)?;
        Some(Halt::Fault(fault, pc))
    }

    fn ended(&self, outcome: Outcome) -> Halt {
        if self.is_pause(&outcome) { Halt::Pause } else { Halt::Ended(outcome) }
    }
}
