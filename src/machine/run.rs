//! What it is: the machine and its run loop: deliver what is due, take an exception if one can be taken, run the core to the next deadline,
//! handle why it stopped.
//! Source: DESIGN, "The run loop"; ARMv7-M Architecture Reference Manual (DDI 0403), section B1.5 for reset, sleep and faults.
//! Does not model: interrupts within a block: they are taken at block boundaries.
//! Tested by: `tests/machine.rs`.

use super::bus::Bus;
use super::cpu::{Cpu, Special};
use super::debug::Debug;
use super::exceptions::{CoreAccess, Fault};
use super::rtt::Rtt;
use super::semihosting::Semihosting;
use super::soc::{Overrides, Soc};
use super::tracker::Tracker;
use crate::chip::{Chip, Placement};
use crate::finding::{Code, Failure, Result};
use crate::peripherals::system::System;
use crate::timing::{Fidelity, TimingConfig};
use crate::units::Tick;
use std::rc::Rc;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The environment has what it wanted.
    Finished,
    /// The firmware broke a rule and no handler of its own took it, or the core locked up.
    Fault {
        /// Which rule.
        fault: Fault,
        /// The instruction that broke it.
        pc: u32,
        /// Whether the core locked up.
        lockup: bool,
    },
    /// The limit was reached; the core was at this address.
    Limit(u32),
    /// The core sleeps and nothing can wake it; it was at this address.
    Asleep(u32),
    /// The firmware ended itself through semihosting, with this code.
    Exit(u32),
}

/// What the world outside the chip does at each look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Go on.
    Continue,
    /// It has what it wanted.
    Done,
}

/// The world outside the chip: whoever holds the other end of the serial line.
pub trait Environment {
    /// Looks at the machine, sends it something perhaps, and says whether to go on. Called before the run, after every line that the
    /// firmware sent, and when the core would sleep for ever.
    fn look(&mut self, machine: &mut Machine) -> Result<Progress>;
}

/// An environment that wants nothing: the firmware runs alone.
impl Environment for () {
    fn look(&mut self, _machine: &mut Machine) -> Result<Progress> {
        Ok(Progress::Continue)
    }
}

/// How a machine is to run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Remembered or worked-out prices.
    pub fidelity: Fidelity,
    /// What-if settings.
    pub overrides: Overrides,
    /// Notes which bytes are read and written, with a hook on every access: slow, and the same otherwise.
    pub check_reads: bool,
}

/// What ends a sleep.
#[derive(Clone, Copy)]
pub(super) enum Wake {
    /// WFI, and the sleep behind a handler: an interrupt, masked by PRIMASK or not (DDI 0403, B1.5.19).
    Interrupt,
    /// WFE: an interrupt that is taken, or an event (B1.5.18).
    Event,
}

/// A chip with firmware.
pub struct Machine {
    pub(super) cpu: Cpu<Soc>,
    pub(super) initial_sp: u32,
    pub(super) reset_handler: u32,
    /// Where the vector table is after a reset: 0, or in SRAM for a program that a debugger has loaded there, which sets VTOR each time.
    vectors: u32,
    pub(super) last_fault: Option<(Fault, u32)>,
    /// The core sleeps: the run ended in the middle of it.
    pub(super) asleep: Option<Wake>,
    /// Who answers `BKPT 0xAB`, if anybody does.
    pub(super) semihosting: Option<Semihosting>,
    /// When the run ends, wherever it pauses before.
    hard_limit: Tick,
    /// What a debugger wants.
    pub(super) debug: Debug,
    /// The probe that speaks RTT, if one is connected.
    pub(super) rtt: Option<Rtt>,
    /// The core sleeps, and nothing in the chip will wake it.
    pub(super) idle: bool,
}

/// What untouched SRAM holds: a byte that depends on its place, so that touched memory shows and uninitialised reads are not all zero.
pub(super) fn power_on_fill(offset: usize) -> u8 {
    let mixed = (offset as u32 ^ 0x5bd1_e995).wrapping_mul(0x9e37_79b1);
    (mixed >> 24) as u8 | 1
}

impl Machine {
    /// A chip with a program in its flash, out of reset.
    pub fn new(chip: &Chip, program: &Placement, settings: Settings) -> Result<Self> {
        let size = |bytes: u64| u32::try_from(bytes.next_multiple_of(1024)).unwrap_or(u32::MAX);
        let flash = (chip.flash.base.0, size(chip.flash.size.0));
        let sram = (chip.sram.base.0, size(chip.sram.size.0));
        let mut system = System::of(&Rc::new(chip.clone()));
        system.exceptions.vector_table = program.vectors.0;
        let bus = Bus::new(chip);
        // The tracker needs the memories, which the core makes.
        let mut cpu = Cpu::with(flash, sram, |memory| {
            let tracker = Tracker::new(Rc::clone(&memory), settings.fidelity, TimingConfig::default())?;
            Ok(Soc::new(bus, system, tracker, memory, settings.overrides))
        })?;
        let memory = Rc::clone(cpu.memory());
        memory
            .write(flash.0, &program.flash)
            .ok_or_else(|| Failure::new(Code::Internal, "the program is larger than the flash"))?;
        let fill: Vec<u8> = (0..sram.1 as usize).map(power_on_fill).collect();
        memory.write(sram.0, &fill);
        for (offset, bytes) in &program.sram {
            memory.write(sram.0.wrapping_add(*offset), bytes);
        }
        cpu.forget_code(flash.0, flash.1);
        if settings.check_reads {
            cpu.check_reads()?;
        }
        let mut machine = Self {
            cpu,
            initial_sp: program.initial_sp.0,
            reset_handler: program.reset_handler.0,
            vectors: program.vectors.0,
            last_fault: None,
            asleep: None,
            semihosting: None,
            hard_limit: Tick::NEVER,
            debug: Debug::default(),
            rtt: None,
            idle: false,
        };
        machine.reset_core();
        Ok(machine)
    }

    /// The core's registers as reset leaves them (DDI 0403, B1.5.5).
    fn reset_core(&mut self) {
        self.cpu.set_special(Special::Msp, self.initial_sp);
        self.cpu.set_gpr(13, self.initial_sp);
        self.cpu.set_gpr(14, u32::MAX);
        self.cpu.set_special(Special::Pc, self.reset_handler);
    }

    /// Runs until the environment is done, the firmware faults, sleeps for ever, or `limit` is reached. A run that ended because the
    /// environment was done or the limit reached can be gone on with, as if it had not ended.
    pub fn run(&mut self, environment: &mut dyn Environment, limit: Tick) -> Result<Outcome> {
        self.hard_limit = limit;
        self.run_to(environment, limit)
    }

    /// As [`Machine::run`], but comes back at `pause` at the latest: then with `None`, to be gone on with.
    ///
    /// # Errors
    /// As [`Machine::run`].
    pub fn run_until(&mut self, environment: &mut dyn Environment, pause: Tick, limit: Tick) -> Result<Option<Outcome>> {
        self.hard_limit = limit;
        let outcome = self.run_to(environment, pause.min(limit))?;
        Ok(Some(outcome).filter(|outcome| !self.is_pause(outcome)))
    }

    /// When the run ends, wherever it pauses before.
    pub(super) fn set_hard_limit(&mut self, limit: Tick) {
        self.hard_limit = limit;
    }

    /// Whether that outcome of a run to an earlier instant is none of the run.
    pub(super) fn is_pause(&self, outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::Limit(_)) && self.now() < self.hard_limit
    }

    fn run_to(&mut self, environment: &mut dyn Environment, limit: Tick) -> Result<Outcome> {
        // A debugger may have left it within one.
        self.leave_block();
        if let Some(outcome) = self.begin(environment, limit)? {
            return Ok(outcome);
        }
        loop {
            if let Some(outcome) = self.between(environment, limit)? {
                return Ok(outcome);
            }
            self.cpu.world_mut().plan();
            let stop = self.cpu.run();
            if let Some(outcome) = self.handle(stop, environment, limit)? {
                return Ok(outcome);
            }
        }
    }

    /// A run begins, or goes on: in the middle of a sleep, perhaps.
    pub(super) fn begin(&mut self, environment: &mut dyn Environment, limit: Tick) -> Result<Option<Outcome>> {
        self.cpu.world_mut().limit = limit;
        if environment.look(self)? == Progress::Done {
            return Ok(Some(Outcome::Finished));
        }
        match self.asleep.take() {
            Some(wake) => self.sleep(wake, environment, limit, self.cpu.special(Special::Pc)),
            None => Ok(None),
        }
    }

    /// Everything that may happen between two blocks: the limit, a reset, what is due, an exception that is taken.
    pub(super) fn between(&mut self, environment: &mut dyn Environment, limit: Tick) -> Result<Option<Outcome>> {
        if self.now() >= limit {
            return Ok(Some(self.out_of_time()));
        }
        if std::mem::take(&mut self.cpu.world_mut().system.attention) {
            if std::mem::take(&mut self.cpu.world_mut().system.reset_requested) {
                self.system_reset();
            }
            if environment.look(self)? == Progress::Done {
                return Ok(Some(Outcome::Finished));
            }
        }
        self.stall();
        self.cpu.world_mut().deliver_due();
        // The masks are worth reading only when something is pending.
        let exceptions = &self.cpu.world().system.exceptions;
        let takeable = if exceptions.any_candidate() { exceptions.takeable(CoreAccess::masks(&self.cpu)) } else { None };
        Ok(takeable.and_then(|n| self.enter(n)))
    }

    /// The core waits for a flash that is being programmed or erased, and forgets what stood there. Code in SRAM does not wait.
    pub(super) fn stall(&mut self) {
        let system = &self.cpu.world().system;
        if system.changed_flash.is_empty() && system.stalled_until.is_none() {
            return;
        }
        let pc = self.cpu.special(Special::Pc);
        let soc = self.cpu.world_mut();
        let changed = std::mem::take(&mut soc.system.changed_flash);
        let until = soc.system.stalled_until.take();
        if let Some(until) = until.filter(|_| !soc.memory().is_sram(pc)) {
            soc.tracker.wait_for_flash(until);
        }
        let (flash, _) = self.cpu.memory().flash();
        for (address, size) in changed {
            self.cpu.world_mut().tracker.forget_flash(address, size);
            self.cpu.forget_code(address, size);
            // It answers at its alias too.
            self.cpu.forget_code(address.wrapping_sub(flash), size);
        }
    }

    /// The limit is reached. Firmware that is still in the handler of a fault has faulted, whatever that handler does.
    pub(super) fn out_of_time(&self) -> Outcome {
        match self.last_fault {
            Some((fault, pc)) if self.in_fault_handler() && self.now() >= self.hard_limit => {
                Outcome::Fault { fault, pc, lockup: false }
            }
            _ => Outcome::Limit(self.cpu.special(Special::Pc)),
        }
    }

    /// AIRCR.SYSRESETREQ: core and devices as after power-on; memories and time stay.
    pub(super) fn system_reset(&mut self) {
        let soc = self.cpu.world_mut();
        soc.reset();
        soc.system.exceptions.vector_table = self.vectors;
        self.last_fault = None;
        self.asleep = None;
        self.debug.inside = false;
        self.reset_core();
        let (sp, pc) = (self.initial_sp, self.reset_handler);
        self.cpu.world_mut().tracker.restart(sp, pc);
    }
}
