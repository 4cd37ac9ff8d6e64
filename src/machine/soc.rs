//! What it is: everything around the core while it runs: devices on their bus, what they share, the account of time, and the watch on
//! functions that somebody wants to hear of.
//! Source: DESIGN, "The run loop".
//! Does not model: anything of its own; it connects.
//! Tested by: every run.

mod modes;

pub use modes::SleepMode;

use super::bus::{Bus, BusState};
use super::cpu::{Core, Memory, World};
use super::exceptions::{Fault, SCR_SEVONPEND};
use super::heap::{Heap, HeapCall};
use super::tracker::{Begin, Moment, Tracker};
use crate::finding::{Code, Finding};
use crate::peripherals::system::{Clocks, System};
use crate::timing::{CauseTotals, TimingConfig};
use crate::units::{Cycles, Hz, Tick};
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

/// A watched function was entered or left.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Where the function starts.
    pub function: u32,
    /// Entered, with R0 to R3 as they were; `None` when it was left.
    pub arguments: Option<[u32; 4]>,
    /// When.
    pub at: Tick,
    /// All cycles so far, by cause.
    pub causes: CauseTotals,
    /// All instructions so far.
    pub instructions: u64,
}

/// A watched call that has not returned.
#[derive(Clone, Copy)]
struct Call {
    function: u32,
    returns_to: u32,
    sp: u32,
    arguments: [u32; 4],
}

/// What has become of an instruction that was replaced for one run of its block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Planted {
    /// There is none.
    Nothing,
    /// It has been replaced; its block is next.
    Ready,
    /// Its block runs.
    Running,
}

/// How many marks a run keeps; what comes after is not recorded, and the run says so.
const MOST_MARKS: usize = 200_000;
/// How deep watched calls may nest.
const MOST_CALLS: usize = 64;

/// See the module's description.
pub struct Soc {
    /// The devices.
    pub bus: Bus,
    /// What they share.
    pub system: System,
    /// The account of time.
    pub tracker: Tracker,
    memory: Rc<Memory>,
    functions: HashSet<u32>,
    calls: Vec<Call>,
    /// What the watched functions did.
    pub marks: Vec<Mark>,
    /// Stop when this instant is reached.
    pub limit: Tick,
    /// The instruction at this address, in the block that was about to run, must fault and would not, or may have to.
    barred: Option<(u32, Option<Fault>)>,
    /// The barred block runs now, with something in that instruction's place that stops the core.
    planted: Planted,
    /// The block that was about to run only branches to itself.
    stuck: bool,
    /// Since when the core has run at which clock.
    epochs: Vec<(Tick, Hz)>,
    /// Cycles asleep, by how and at which core clock the core would have run.
    slept: BTreeMap<(SleepMode, Hz), u64>,
    /// What the firmware has allocated.
    pub heap: Heap,
    /// Overrides of what the firmware sets, for what-if runs.
    pub overrides: Overrides,
    /// What a debugger wants of the next blocks.
    pub holding: Holding,
}

/// Which blocks are held when they begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hold {
    /// None.
    #[default]
    Never,
    /// Those in which a debugger wants to stop.
    AtBreaks,
    /// All.
    Always,
}

/// A block that is held has begun, as far as the account of time goes, but the core has stopped before its first instruction. It is then run in
/// parts, as the debugger wants, and priced as a whole.
#[derive(Clone, Copy, Debug, Default)]
pub struct Holding {
    /// Which blocks.
    pub hold: Hold,
    /// One has been held since somebody asked.
    pub held: bool,
    /// Its instruction that must fault, or may have to.
    pub barred: Option<(u32, Option<Fault>)>,
    /// What the engine announces next is the rest of the block that runs.
    pub continuing: bool,
    /// Accesses to some pages stop the core, so that no block may run unseen.
    pub guarded: bool,
}

/// A [`Soc`] as it was between two runs of the core.
pub struct SocState {
    bus: BusState,
    system: System,
    moment: Moment,
    calls: Vec<Call>,
    marks: usize,
    epochs: usize,
}

/// Settings that replace the firmware's own in the cycle model (`--clock` changes times only and is the report's matter).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Flash wait states.
    pub wait_states: Option<u8>,
    /// Prefetch buffer on or off.
    pub prefetch: Option<bool>,
}

impl Soc {
    /// A chip after power-on.
    #[must_use]
    pub fn new(bus: Bus, system: System, tracker: Tracker, memory: Rc<Memory>, overrides: Overrides) -> Self {
        let mut soc = Self {
            bus,
            system,
            tracker,
            memory,
            functions: HashSet::new(),
            calls: Vec::new(),
            marks: Vec::new(),
            limit: Tick::NEVER,
            barred: None,
            planted: Planted::Nothing,
            stuck: false,
            epochs: vec![(Tick(0), Clocks::RESET.hclk)],
            slept: BTreeMap::new(),
            heap: Heap::default(),
            overrides,
            holding: Holding::default(),
        };
        soc.bus.start(&mut soc.system, &soc.memory);
        let config = soc.timing_config();
        soc.tracker.set_config(config, None);
        soc
    }

    /// The cycle model's settings for the present clocks.
    fn timing_config(&self) -> TimingConfig {
        let clocks = &self.system.clocks;
        let ratio = |pclk: u32| (clocks.hclk.0 / pclk.max(1)).clamp(1, 16) as u8;
        TimingConfig {
            wait_states: self.overrides.wait_states.unwrap_or(clocks.wait_states),
            prefetch: self.overrides.prefetch.unwrap_or(clocks.prefetch),
            apb1_ratio: ratio(clocks.pclk1.0),
            apb2_ratio: ratio(clocks.pclk2.0),
        }
    }

    /// Whether the core was stopped because it does nothing but branch to where it is.
    pub fn take_stuck(&mut self) -> bool {
        std::mem::take(&mut self.stuck)
    }

    /// The instruction for which the core was stopped, and the fault that it must raise, or `None` if that is to be found out.
    pub fn take_barred(&mut self) -> Option<(u32, Option<Fault>)> {
        self.barred.take()
    }

    /// The barred block is run next, with an instruction in it replaced; the block after it is not.
    pub fn plant(&mut self) {
        self.planted = Planted::Ready;
        self.tracker.set_deadline(Tick(0));
    }

    /// Everything is in its place again.
    pub fn lift(&mut self) {
        self.planted = Planted::Nothing;
    }

    /// Devices and what they share as after power-on; what the run has recorded stays.
    pub fn reset(&mut self) {
        self.system.reset();
        let memory = Rc::clone(&self.memory);
        self.bus.reset(&mut self.system, &memory);
        self.calls.clear();
        self.heap.reset();
        self.tracker.set_traps(self.system.exceptions.configuration);
        self.system.clocks_changed = true;
        self.follow_clocks(None);
    }

    /// Everything that the firmware can change, to come back to; between two runs of the core only.
    #[must_use]
    pub fn state(&self) -> SocState {
        SocState {
            bus: self.bus.state(),
            system: self.system.clone(),
            moment: self.tracker.moment(),
            calls: self.calls.clone(),
            marks: self.marks.len(),
            epochs: self.epochs.len(),
        }
    }

    /// Back to that state; what the run has recorded since is dropped.
    pub fn rewind(&mut self, state: &SocState) {
        self.bus.set_state(&state.bus);
        self.system.clone_from(&state.system);
        self.tracker.rewind(&state.moment);
        self.calls.clone_from(&state.calls);
        self.marks.truncate(state.marks);
        self.epochs.truncate(state.epochs);
        self.barred = None;
        self.planted = Planted::Nothing;
        self.stuck = false;
        self.holding = Holding { guarded: self.holding.guarded, ..Holding::default() };
    }

    /// From now on entering and leaving the function at `address` leaves a [`Mark`].
    pub fn watch_function(&mut self, address: u32) {
        self.functions.insert(address);
        self.tracker.watch(address);
    }

    /// From now on the function at `address` is one of the heap's.
    pub fn watch_heap(&mut self, address: u32, call: HeapCall) {
        self.heap.watch(address, call);
        self.watch_function(address);
    }

    /// Works out when the hook has to look next: at once if an exception may be taken or somebody asked for attention.
    pub fn plan(&mut self) {
        let urgent = self.system.attention
            || self.system.exceptions.any_candidate()
            || self.planted != Planted::Nothing
            || self.holding.hold == Hold::Always;
        self.tracker.set_deadline(if urgent { Tick(0) } else { self.system.next_due().min(self.limit) });
    }

    /// Delivers what is due by now.
    pub fn deliver_due(&mut self) {
        self.deliver_at(self.tracker.now());
    }

    /// Delivers what is due by `instant`, which may lie ahead: in the middle of what the core is about to spend time on.
    pub fn deliver_at(&mut self, instant: Tick) {
        self.system.now = instant;
        self.bus.deliver_due(&mut self.system, &self.memory);
        self.follow_clocks(None);
    }

    /// The memories.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The memories, to be kept at hand.
    pub fn shared_memory(&self) -> &Rc<Memory> {
        &self.memory
    }

    /// In stop mode: the next instant that a device which goes on waits for.
    pub fn next_due_in_stop(&self) -> Tick {
        self.system.next_due_of(|device| self.bus.works_in_stop(device))
    }

    /// Whether anything could end a sleep: an enabled interrupt, the system timer, an event, or the reset of a watchdog. While the core sleeps
    /// nobody can enable any of it.
    pub fn can_be_woken(&self) -> bool {
        let system = &self.system;
        let awaited = system.next_due_of(|device| self.bus.may_wake_by_itself(device)) != Tick::NEVER;
        let by_pending = system.exceptions.system_control & SCR_SEVONPEND != 0;
        awaited || by_pending || system.exceptions.any_interrupt_enabled() || self.bus.makes_events()
    }

    /// In stop mode so much time has passed.
    pub fn stood_still(&mut self, asleep: Cycles) {
        self.system.now = self.tracker.now();
        self.bus.stood_still(asleep, &mut self.system);
    }

    /// Stop mode is over.
    pub fn leave_stop(&mut self) {
        self.system.now = self.tracker.now();
        self.bus.left_stop(&mut self.system, &self.memory);
        self.follow_clocks(None);
    }

    /// The core stores to flash: what is to stand in the half-word at the address then, or `None` for a bus error.
    pub fn store_to_flash(&mut self, address: u32, size: u32, value: u32) -> Option<u32> {
        self.system.now = self.tracker.now();
        let old = self.memory.read(address, 2)?;
        self.bus.guarded_store("flash", (address, size, value), old, &mut self.system)
    }

    /// The firmware is dead and the devices are not: what a transmitter holds still leaves it. Time stands still for the account.
    pub fn drain(&mut self) {
        let end = self.tracker.now() + Cycles(u64::from(self.system.clocks.hclk.0) / 100);
        for _ in 0..64 {
            let due = self.system.next_due();
            if due > end {
                break;
            }
            self.system.now = due;
            self.bus.deliver_due(&mut self.system, &self.memory);
        }
    }

    /// Takes over clock settings that a device changed at instruction `at` of the running block.
    fn follow_clocks(&mut self, at: Option<usize>) {
        if std::mem::take(&mut self.system.clocks_changed) {
            let config = self.timing_config();
            self.tracker.set_config(config, at);
            let clocks = self.system.clocks;
            if self.epochs.last().is_none_or(|(_, hclk)| *hclk != clocks.hclk) {
                self.epochs.push((self.tracker.now(), clocks.hclk));
            }
            let needed = match clocks.sysclk.0 {
                0..=24_000_000 => 0,
                24_000_001..=48_000_000 => 1,
                _ => 2,
            };
            if clocks.wait_states < needed {
                let message = format!(
                    "the system clock is {} with {} flash wait state{}; it needs {needed}",
                    clocks.sysclk,
                    clocks.wait_states,
                    if clocks.wait_states == 1 { "" } else { "s" }
                );
                self.system.find(Finding::new(Code::LatencyTooLow, message));
            }
        }
    }

    /// Whether the core must stop before the block that begins now.
    fn must_stop(&mut self, core: &Core<'_>) -> bool {
        self.deliver_due();
        let stop = self.system.attention
            || self.tracker.now() >= self.limit
            || (self.system.exceptions.any_candidate() && self.system.exceptions.takeable(core.masks()).is_some());
        self.plan();
        stop
    }

    fn mark(&mut self, function: u32, arguments: Option<[u32; 4]>) {
        if self.marks.len() < MOST_MARKS {
            let (causes, instructions) = self.tracker.prices().totals();
            self.marks.push(Mark { function, arguments, at: self.tracker.now(), causes, instructions });
        }
    }

    /// A watched block begins: a function's first, or what one returns to.
    fn watched(&mut self, core: &Core<'_>, pc: u32) {
        let sp = core.gpr(13);
        while let Some(call) = self.calls.last().copied().filter(|call| call.returns_to == pc && call.sp == sp) {
            self.calls.pop();
            match self.heap.call(call.function) {
                Some(of_heap) => self.heap_returned(&call, of_heap, core.gpr(0)),
                None => self.mark(call.function, None),
            }
        }
        if self.functions.contains(&pc) && self.calls.len() < MOST_CALLS {
            let returns_to = core.gpr(14) & !1;
            let arguments = [0, 1, 2, 3].map(|r| core.gpr(r));
            self.calls.push(Call { function: pc, returns_to, sp, arguments });
            if self.heap.call(pc).is_none() {
                self.mark(pc, Some(arguments));
            }
            self.tracker.watch(returns_to);
        }
    }

    /// A block begins that was not expected.
    #[inline(never)]
    fn unexpected(&mut self, core: &Core<'_>, pc: u32, size: u32) -> bool {
        if std::mem::take(&mut self.holding.continuing) {
            return false;
        }
        if self.planted == Planted::Ready {
            // As it stands in memory it is not the firmware's.
            self.planted = Planted::Running;
            self.tracker.begin_barred();
            return false;
        }
        let tag = self.tracker.step_to(pc, size);
        self.look(core, pc, tag)
    }

    /// A block has begun and something has to be done about that, or about the time.
    #[inline(never)]
    fn look(&mut self, core: &Core<'_>, pc: u32, tag: u8) -> bool {
        let tag = self.tracker.crossed(core, pc, tag);
        if !self.tracker.in_time() && (self.planted == Planted::Running || self.must_stop(core)) {
            self.tracker.cancel();
            return true;
        }
        if tag == 0 {
            return self.hold(None);
        }
        match self.tracker.begin(core, tag) {
            Begin::Go => self.hold(None),
            Begin::Watched => {
                self.watched(core, pc);
                self.hold(None)
            }
            Begin::Barred(address, fault) if self.holding.hold != Hold::Never && self.tracker.barred_is_wanted(self.holding) => {
                self.tracker.begin_barred();
                self.hold(Some((address, fault)))
            }
            Begin::Stuck => {
                self.stuck = true;
                true
            }
            Begin::Barred(address, fault) => {
                self.barred = Some((address, fault));
                true
            }
        }
    }

    /// Whether the block that has just begun is held.
    fn hold(&mut self, barred: Option<(u32, Option<Fault>)>) -> bool {
        let held = match self.holding.hold {
            Hold::Never => false,
            Hold::AtBreaks => barred.is_some() || self.tracker.has_break(),
            Hold::Always => true,
        };
        if held {
            self.tracker.hold();
            self.holding.held = true;
            self.holding.barred = barred;
        }
        held
    }

    /// Notes what has become pending, and when.
    pub fn note_pended(&mut self) {
        self.system.now = self.tracker.now();
        self.system.note_pended();
    }

    /// A device has been written to by instruction `at` of the running block.
    pub fn wrote(&mut self, at: Option<usize>) {
        self.system.note_pended();
        self.follow_clocks(at);
        self.tracker.set_traps(self.system.exceptions.configuration);
        self.plan();
    }

    fn access(&mut self, address: u32, size: u32, store: bool) -> Option<usize> {
        let (now, at) = self.tracker.instant_of_access(address, size, store);
        self.system.now = now;
        self.system.pc = self.tracker.pc_of(at);
        // What was due before this access has happened when it looks.
        if self.system.next_due() <= now {
            self.bus.deliver_due(&mut self.system, &self.memory);
        }
        at
    }
}

impl World for Soc {
    #[inline(always)]
    fn follow(&mut self, arrival: u64) -> bool {
        self.tracker.follow(arrival)
    }

    #[inline(always)]
    fn in_time(&self) -> bool {
        self.tracker.in_time()
    }

    fn block(&mut self, core: &Core<'_>, pc: u32, size: u32, followed: bool) -> bool {
        let tag = if followed { Some(0) } else { self.tracker.follow_any(core, pc, size) };
        match tag {
            Some(0) if self.tracker.in_time() => false,
            Some(tag) => self.look(core, pc, tag),
            None => self.unexpected(core, pc, size),
        }
    }

    fn device_read(&mut self, _core: &Core<'_>, address: u32, size: u32) -> u32 {
        let at = self.access(address, size, false);
        let memory = Rc::clone(&self.memory);
        let value = self.bus.read(address, size, &mut self.system, &memory);
        self.bus.settle(&mut self.system, &memory);
        self.system.note_pended();
        self.follow_clocks(at);
        self.plan();
        value
    }

    fn reaches(&self, address: u32) -> bool {
        self.bus.reaches(address, &self.system)
    }

    fn device_write(&mut self, _core: &Core<'_>, address: u32, size: u32, value: u32) {
        let at = self.access(address, size, true);
        let memory = Rc::clone(&self.memory);
        self.bus.write(address, size, value, &mut self.system, &memory);
        self.bus.settle(&mut self.system, &memory);
        self.wrote(at);
    }
}
