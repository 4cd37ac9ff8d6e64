//! What it is: the machine and its run loop: deliver what is due, take an exception if one can be taken, run the core to the next deadline,
//! handle why it stopped.
//! Source: DESIGN, "The run loop"; ARMv7-M Architecture Reference Manual (DDI 0403), section B1.5 for reset, sleep and faults.
//! Does not model: preemption within a return's unstacking; interrupts are taken at block boundaries.
//! Tested by: `tests/machine.rs`.

use super::bus::Bus;
use super::calls::Calls;
use super::cpu::{Cpu, Memory, Special, Stop};
use super::exceptions::{CoreAccess, Fault, Lockup, Number, Return, SCR_SLEEPDEEP, SCR_SLEEPONEXIT};
use super::semihosting::Semihosting;
use super::soc::{Mark, Overrides, Soc};
use super::store;
use super::tracker::Tracker;
use crate::chip::{Chip, Placement};
use crate::finding::{Code, Failure, Finding, Result};
use crate::isa::Class;
use crate::peripherals::Partner;
use crate::peripherals::analog::{Conversion, Source};
use crate::peripherals::system::{Clocks, LedgerKey, SentByte, System};
use crate::timing::{
    Cause, CauseCycles, Fidelity, Handler, Prices, TimingConfig, Transition, exception_entry, exception_return, late_arrival,
    tail_chain,
};
use crate::units::{Addr, Tick};
use std::collections::BTreeMap;
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

/// xPSR: the core is in Thumb state, as it always must be.
const THUMB: u32 = 1 << 24;

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
    initial_sp: u32,
    reset_handler: u32,
    pub(super) last_fault: Option<(Fault, u32)>,
    /// The core sleeps: the run ended in the middle of it.
    pub(super) asleep: Option<Wake>,
    /// Who answers `BKPT 0xAB`, if anybody does.
    pub(super) semihosting: Option<Semihosting>,
}

/// What untouched SRAM holds: a byte that depends on its place, so that touched memory shows and uninitialised reads are not all zero.
fn power_on_fill(offset: usize) -> u8 {
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
        system.exceptions.vector_table = 0;
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
        cpu.forget_code(flash.0, flash.1);
        if settings.check_reads {
            cpu.check_reads()?;
        }
        let mut machine = Self {
            cpu,
            initial_sp: program.initial_sp.0,
            reset_handler: program.reset_handler.0,
            last_fault: None,
            asleep: None,
            semihosting: None,
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

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Tick {
        self.cpu.world().tracker.now()
    }

    /// The memories.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        self.cpu.memory()
    }

    /// Everything that the firmware has sent on its serial lines.
    #[must_use]
    pub fn sent(&self) -> &[SentByte] {
        &self.cpu.world().system.sent
    }

    /// The number of the device of that name.
    #[must_use]
    pub fn device(&self, name: &str) -> Option<usize> {
        self.cpu.world().bus.number_of(name)
    }

    /// The name of the device of that number.
    #[must_use]
    pub fn device_name(&self, device: usize) -> &str {
        self.cpu.world().bus.name_of(device)
    }

    /// Bytes arrive on a device's serial line from now on.
    pub fn receive(&mut self, device: usize, bytes: &[u8]) {
        let memory = Rc::clone(self.cpu.memory());
        let soc = self.cpu.world_mut();
        soc.system.now = soc.tracker.now();
        soc.bus.receive(device, bytes, &mut soc.system, &memory);
    }

    /// The world outside drives a pin of a port (`GPIOA`'s number and 0 to 15) from now on, or with `None` lets go of it.
    pub fn set_pin(&mut self, port: usize, pin: u32, level: Option<bool>) {
        let memory = Rc::clone(self.cpu.memory());
        let soc = self.cpu.world_mut();
        soc.system.now = soc.tracker.now();
        soc.bus.pin(port, pin, level, &mut soc.system, &memory);
    }

    /// Connects an analogue input: an ADC channel.
    pub fn connect_analog(&mut self, channel: u8, source: Source) {
        self.cpu.world_mut().system.analog.connect(channel, source);
    }

    /// From now on what is converted on that ADC channel is kept ([`Machine::conversions`]).
    pub fn tap_analog(&mut self, channel: u8) {
        self.cpu.world_mut().system.analog.tap(channel);
    }

    /// What was converted on the channel of [`Machine::tap_analog`], in order.
    #[must_use]
    pub fn conversions(&self) -> &[Conversion] {
        self.cpu.world().system.analog.conversions()
    }

    /// How much time had passed at an instant since the core's clock was last changed, in nanoseconds since power-on: what recordings and
    /// conversions count in.
    #[must_use]
    pub fn nanos(&self, at: Tick) -> u64 {
        u64::try_from(self.cpu.world().system.nanos_at(at)).unwrap_or(u64::MAX)
    }

    /// Connects a partner to a device's serial bus (SPI, I2C).
    pub fn attach(&mut self, device: usize, partner: Partner) {
        self.cpu.world_mut().bus.attach(device, partner);
    }

    /// Entering and leaving the function at `address` leaves marks.
    pub fn watch_function(&mut self, address: u32) {
        self.cpu.world_mut().watch_function(address & !1);
    }

    /// What the watched functions did so far.
    #[must_use]
    pub fn marks(&self) -> &[Mark] {
        &self.cpu.world().marks
    }

    /// What every block has cost so far.
    #[must_use]
    pub fn prices(&self) -> &Prices {
        self.cpu.world().tracker.prices()
    }

    /// Operand values that could not be had, and were taken for an aligned access of SRAM.
    #[must_use]
    pub fn unresolved(&self) -> u64 {
        self.cpu.world().tracker.unresolved()
    }

    /// The clocks that the firmware has set.
    #[must_use]
    pub fn clocks(&self) -> Clocks {
        self.cpu.world().system.clocks
    }

    /// Which devices are clocked: RCC's AHBENR, APB2ENR, APB1ENR.
    #[must_use]
    pub fn clock_enables(&self) -> [u32; 3] {
        self.cpu.world().system.clock_enables
    }

    /// How much time had passed at an instant, in microseconds.
    #[must_use]
    pub fn micros(&self, at: Tick) -> f64 {
        self.cpu.world().micros(at)
    }

    /// The settings that cycles are priced with now.
    #[must_use]
    pub fn timing_config(&self) -> TimingConfig {
        self.prices().config()
    }

    /// What the firmware did that a user should know, with the address of the instruction.
    #[must_use]
    pub fn findings(&self) -> &[(Finding, u32)] {
        &self.cpu.world().system.findings
    }

    /// What it used that is not modelled.
    #[must_use]
    pub fn ledger(&self) -> &BTreeMap<LedgerKey, u64> {
        &self.cpu.world().system.ledger
    }

    /// The fault status registers CFSR and HFSR, and the address in BFAR.
    #[must_use]
    pub fn fault_registers(&self) -> [u32; 3] {
        let exceptions = &self.cpu.world().system.exceptions;
        [exceptions.fault_status, exceptions.hard_fault_status, exceptions.bus_fault_address]
    }

    /// Every instruction's cost can be had afterwards ([`Prices::details`]). To be called before the run.
    pub fn keep_details(&mut self) {
        self.cpu.world_mut().tracker.keep_details();
    }

    /// From now on it is noted who calls whom ([`Machine::calls`]), given the functions: first address and the one behind the last. To be called
    /// before the run.
    pub fn trace_calls(&mut self, functions: Vec<(u32, u32)>) {
        let (sp, pc) = (self.initial_sp, self.reset_handler);
        self.cpu.world_mut().tracker.trace_calls(functions, sp, pc);
    }

    /// Who called whom, up to now; `None` if nobody wanted to know.
    pub fn calls(&mut self) -> Option<&Calls> {
        self.cpu.world_mut().tracker.finish_calls()
    }

    /// How many transitions the table of prices may hold before it starts anew; for tests of that.
    pub fn limit_table(&mut self, most: usize) {
        self.cpu.world_mut().tracker.limit_table(most);
    }

    /// SRAM's bytes that no longer hold what they held at power-on: a flag a byte.
    #[must_use]
    pub fn touched_sram(&self) -> Vec<bool> {
        let (base, size) = self.memory().sram();
        let bytes = self.memory().read_vec(base, size as usize).unwrap_or_default();
        bytes.iter().enumerate().map(|(offset, byte)| *byte != power_on_fill(offset)).collect()
    }

    /// Runs until the environment is done, the firmware faults, sleeps for ever, or `limit` is reached. A run that ended because the
    /// environment was done or the limit reached can be gone on with, as if it had not ended.
    pub fn run(&mut self, environment: &mut dyn Environment, limit: Tick) -> Result<Outcome> {
        self.cpu.world_mut().limit = limit;
        if environment.look(self)? == Progress::Done {
            return Ok(Outcome::Finished);
        }
        if let Some(wake) = self.asleep.take() {
            let pc = self.cpu.special(Special::Pc);
            if let Some(outcome) = self.sleep(wake, environment, limit, pc)? {
                return Ok(outcome);
            }
        }
        loop {
            if self.now() >= limit {
                return Ok(self.out_of_time());
            }
            if std::mem::take(&mut self.cpu.world_mut().system.attention) {
                if std::mem::take(&mut self.cpu.world_mut().system.reset_requested) {
                    self.system_reset();
                }
                if environment.look(self)? == Progress::Done {
                    return Ok(Outcome::Finished);
                }
            }
            self.stall();
            self.cpu.world_mut().deliver_due();
            // The masks are worth reading only when something is pending.
            if self.cpu.world().system.exceptions.any_candidate()
                && let Some(n) = self.cpu.world().system.exceptions.takeable(CoreAccess::masks(&self.cpu))
                && let Some(outcome) = self.enter(n)
            {
                return Ok(outcome);
            }
            self.cpu.world_mut().plan();
            let stop = self.cpu.run();
            if let Some(outcome) = self.handle(stop, environment, limit)? {
                return Ok(outcome);
            }
        }
    }

    /// The core waits for a flash that is being programmed or erased, and forgets what stood there. Code in SRAM does not wait.
    fn stall(&mut self) {
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

    /// A store to flash: what the flash interface makes of it; `None` where it refuses, which is a bus error.
    fn store_to_flash(&mut self, pc: u32) -> Option<()> {
        let code = self.cpu.memory().read_vec(pc, 4).or_else(|| self.cpu.memory().read_vec(pc, 2))?;
        let code = [0, 1, 2, 3].map(|i| code.get(i).copied().unwrap_or(0));
        let store = store::decode(code, |r| self.cpu.gpr(r))?;
        self.cpu.memory().is_flash(store.address).then_some(())?;
        // A flash that is still busy holds the store up.
        self.cpu.world_mut().tracker.fault_at(pc);
        self.stall();
        self.cpu.world_mut().deliver_due();
        let value = self.cpu.world_mut().store_to_flash(store.address, store.size, store.value)?;
        self.cpu.memory().write(store.address, &(value as u16).to_le_bytes())?;
        self.cpu.world_mut().system.changed_flash.push((store.address, 2));
        let mut cost = exception_return();
        cost.cycles = CauseCycles::default();
        cost.cycles.add(Cause::Issue, 1);
        cost.cycles.add(Cause::LoadStore, 1);
        self.cpu.world_mut().tracker.pass(&cost);
        if let Some((register, value)) = store.writeback {
            self.cpu.set_gpr(register, value);
        }
        let xpsr = CoreAccess::xpsr(&self.cpu);
        let advanced = store::advance_it(xpsr);
        if advanced != xpsr {
            CoreAccess::set_xpsr(&mut self.cpu, advanced);
        }
        self.cpu.set_special(Special::Pc, pc.wrapping_add(store.length));
        Some(())
    }

    /// Works on the exception model and the core together.
    fn with_exceptions<T>(&mut self, act: impl FnOnce(&mut super::exceptions::Exceptions, &mut Cpu<Soc>) -> T) -> T {
        let mut exceptions = std::mem::take(&mut self.cpu.world_mut().system.exceptions);
        let result = act(&mut exceptions, &mut self.cpu);
        self.cpu.world_mut().system.exceptions = exceptions;
        result
    }

    /// Where an exception's sequence reads.
    fn handler(&self, n: Number) -> Handler {
        let vector = self.cpu.world().system.exceptions.vector_table.wrapping_add(u32::from(n) * 4);
        let entry = self.cpu.memory().read(vector, 4).unwrap_or(0) & !1;
        Handler { vector: Addr(vector), entry: Addr(entry) }
    }

    /// The exception whose handler the core is in, and where it is.
    fn handling(&self) -> (Number, u32) {
        ((CoreAccess::xpsr(&self.cpu) & 0x1ff) as Number, self.cpu.special(Special::Pc))
    }

    /// Enters exception `n`.
    fn enter(&mut self, n: Number) -> Option<Outcome> {
        let (pc, sp) = (self.cpu.special(Special::Pc), self.cpu.gpr(13));
        let entered = self.with_exceptions(|exceptions, cpu| exceptions.enter(cpu, n));
        let config = self.timing_config();
        let entered = entered.and_then(|()| {
            // What was entered may be a fault that stacking raised.
            let entry = exception_entry(&config, self.handler(self.current()));
            self.await_handler(entry)
        });
        if let Ok(sequence) = &entered {
            let (taken, entry) = self.handling();
            let soc = self.cpu.world_mut();
            let pended = soc.system.take_pended(taken);
            soc.tracker.enter_exception(sequence, taken, sp, pended, entry);
        }
        self.note_fault(pc);
        match entered {
            Ok(_) => None,
            Err(_) => Some(self.locked_up(pc)),
        }
    }

    /// The exception whose handler runs: IPSR.
    fn current(&self) -> Number {
        self.handling().0
    }

    /// The handler that has just been entered executes its first instruction when `sequence` is over. What becomes pending until then and is
    /// more urgent goes first; returns the sequence as it then is.
    fn await_handler(&mut self, mut sequence: Transition) -> std::result::Result<Transition, Lockup> {
        let begun = self.now();
        let mut delivered = None;
        loop {
            let soc = self.cpu.world_mut();
            let due = soc.system.next_due().max(begun);
            let elapsed = due.since(begun).0;
            // What comes in the very cycle in which the first instruction would enter execute still keeps it out.
            if elapsed > u64::from(sequence.cycles.total()) || delivered.replace(due) == Some(due) {
                break;
            }
            soc.deliver_at(due);
            soc.system.note_pended();
            let entering = self.current();
            if let Some(urgent) = self.with_exceptions(|exceptions, cpu| exceptions.late_arrival(cpu, entering))? {
                sequence = late_arrival(&self.timing_config(), self.handler(urgent), &sequence, elapsed as u32);
            }
        }
        Ok(sequence)
    }

    /// The limit is reached. Firmware that is still in the handler of a fault has faulted, whatever that handler does.
    fn out_of_time(&self) -> Outcome {
        match self.last_fault {
            Some((fault, pc)) if self.in_fault_handler() => Outcome::Fault { fault, pc, lockup: false },
            _ => Outcome::Limit(self.cpu.special(Special::Pc)),
        }
    }

    /// Entering or leaving an exception at `pc` may have raised a fault of its own.
    fn note_fault(&mut self, pc: u32) {
        if let Some(fault) = self.cpu.world_mut().system.exceptions.raised.take() {
            self.last_fault.get_or_insert((fault, pc));
        }
    }

    fn in_fault_handler(&self) -> bool {
        use super::exceptions::number::{BUS_FAULT, HARD_FAULT, MEM_MANAGE, USAGE_FAULT};
        [HARD_FAULT, MEM_MANAGE, BUS_FAULT, USAGE_FAULT].iter().any(|n| self.cpu.world().system.exceptions.is_active(*n))
    }

    fn locked_up(&self, pc: u32) -> Outcome {
        let (fault, pc) = self.last_fault.unwrap_or((Fault::VectorTable, pc));
        Outcome::Fault { fault, pc, lockup: true }
    }

    /// The firmware broke a rule with the instruction at `broken`, and control is at `pc`: takes the fault.
    fn fault(&mut self, fault: Fault, broken: u32, pc: u32) -> Option<Outcome> {
        let tracker = &mut self.cpu.world_mut().tracker;
        tracker.fault_at(pc);
        tracker.let_spin(false);
        self.last_fault.get_or_insert((fault, broken));
        let masks = CoreAccess::masks(&self.cpu);
        match self.with_exceptions(|exceptions, _| exceptions.raise(fault, masks)) {
            Ok(n) => self.enter(n),
            Err(_) => Some(self.locked_up(pc)),
        }
    }

    fn handle(&mut self, stop: Stop, environment: &mut dyn Environment, limit: Tick) -> Result<Option<Outcome>> {
        let pc = self.cpu.special(Special::Pc);
        Ok(match stop {
            Stop::Requested if self.cpu.world_mut().take_stuck() => match self.last_fault {
                // A handler that does nothing any more is how firmware dies.
                Some((fault, pc)) if self.in_fault_handler() => {
                    self.cpu.world_mut().drain();
                    Some(Outcome::Fault { fault, pc, lockup: false })
                }
                _ => {
                    self.cpu.world_mut().tracker.let_spin(true);
                    None
                }
            },
            Stop::Requested => match self.cpu.world_mut().take_barred() {
                Some((address, fault)) => return self.barred(address, fault, pc, environment, limit),
                None => None,
            },
            Stop::WaitForInterrupt => {
                self.cpu.world_mut().tracker.settle(pc);
                self.sleep(Wake::Interrupt, environment, limit, pc)?
            }
            Stop::SupervisorCall => {
                self.cpu.world_mut().tracker.settle(pc);
                let masks = CoreAccess::masks(&self.cpu);
                match self.with_exceptions(|exceptions, _| exceptions.supervisor_call(masks)) {
                    Ok(n) => self.enter(n),
                    Err(_) => Some(self.locked_up(pc)),
                }
            }
            Stop::ExceptionReturn(value) => return self.exception_return(value, environment, limit),
            Stop::Undefined | Stop::FetchFault if CoreAccess::xpsr(&self.cpu) & THUMB == 0 => {
                let from = self.cpu.world_mut().tracker.arrive(pc);
                self.fault(Fault::InvalidState, from, pc)
            }
            Stop::Breakpoint => match self.semihosting_call(pc) {
                Some(ended) => ended,
                None => self.fault(Fault::DebugEvent, pc, pc),
            },
            Stop::Undefined => match self.cpu.world().tracker.ended_with(pc) {
                Some(Class::Wfe) => {
                    let soc = self.cpu.world_mut();
                    soc.tracker.settle(pc);
                    if std::mem::take(&mut soc.system.exceptions.event) | soc.tracker.take_event() {
                        None
                    } else {
                        self.sleep(Wake::Event, environment, limit, pc)?
                    }
                }
                Some(Class::Nop) => None,
                _ => self.fault(Fault::Undefined, pc, pc),
            },
            Stop::NoCoprocessor => self.fault(Fault::NoCoprocessor, pc, pc),
            Stop::DataFault(page)
                if self.cpu.memory().is_flash(page)
                    && self.cpu.world().system.flash_writable
                    && self.store_to_flash(pc).is_some() =>
            {
                None
            }
            Stop::DataFault(page) => {
                let address = self.cpu.world().tracker.faulting_address(pc, page, |r| self.cpu.gpr(r));
                self.fault(Fault::PreciseBus(address), pc, pc)
            }
            Stop::FetchFault => {
                let from = self.cpu.world_mut().tracker.arrive(pc);
                // SRAM and the device space answer, but devices are execute-never (DDI 0403, B3.1).
                let never = (0x4000_0000..0x6000_0000).contains(&pc) || pc >= 0xa000_0000;
                self.fault(if never { Fault::ExecuteNever } else { Fault::FetchBus }, from, pc)
            }
            Stop::Engine(error) => {
                return Err(Failure::new(Code::Internal, format!("the engine stopped at 0x{pc:08x} with {error:?}")));
            }
        })
    }

    /// The block at `pc` has an instruction at `address` that must fault and would not: runs what stands before it, then faults. A
    /// permanently undefined instruction in its place stops the core there, if its condition lets it execute at all.
    fn barred(
        &mut self,
        address: u32,
        fault: Option<Fault>,
        pc: u32,
        environment: &mut dyn Environment,
        limit: Tick,
    ) -> Result<Option<Outcome>> {
        const UDF: [u8; 2] = [0x00, 0xde];
        let original = self.cpu.memory().read_vec(address, UDF.len()).unwrap_or_default();
        let replace = |cpu: &mut Cpu<Soc>, code: &[u8]| {
            cpu.memory().write(address, code);
            cpu.forget_code(pc, address.wrapping_sub(pc).saturating_add(4));
        };
        replace(&mut self.cpu, &UDF);
        self.cpu.world_mut().plant();
        let stop = self.cpu.run();
        self.cpu.world_mut().lift();
        replace(&mut self.cpu, &original);
        if stop != Stop::Undefined || self.cpu.special(Special::Pc) != address {
            return self.handle(stop, environment, limit);
        }
        let registers = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14].map(|r| self.cpu.gpr(r));
        let reg = |r: u8| registers.get(usize::from(r)).copied().unwrap_or(0);
        let Some(fault) = fault.or_else(|| self.cpu.world_mut().tracker.check(address, reg)) else {
            self.cpu.world_mut().tracker.ended_at(reg(13));
            return Ok(None);
        };
        if matches!(fault, Fault::Undefined | Fault::NoCoprocessor) {
            let message = "an instruction of the DSP or floating-point extension was executed: built for Cortex-M4?";
            let system = &mut self.cpu.world_mut().system;
            system.pc = address;
            system.find(Finding::new(Code::BuiltForM4, message));
        }
        Ok(self.fault(fault, address, address))
    }

    fn exception_return(&mut self, value: u32, environment: &mut dyn Environment, limit: Tick) -> Result<Option<Outcome>> {
        let pc = self.cpu.special(Special::Pc);
        if CoreAccess::xpsr(&self.cpu) & 0x1ff == 0 {
            // In thread mode it is an address like any other (DDI 0403, B1.5.8), and nothing can be executed there (B3.1).
            let from = self.cpu.world_mut().tracker.arrive(pc);
            return Ok(self.fault(Fault::ExecuteNever, from, pc));
        }
        let frame = self.cpu.gpr(13);
        let returned = self.with_exceptions(|exceptions, cpu| exceptions.exit(cpu, value));
        let next = self.cpu.special(Special::Pc);
        let soc = self.cpu.world_mut();
        soc.tracker.settle(next);
        soc.tracker.ended_at(frame);
        let config = soc.tracker.prices().config();
        soc.note_pended();
        let started = match returned {
            Ok(Return::Done) => Ok(None),
            Ok(Return::TailChained(n)) => self.await_handler(tail_chain(&config, self.handler(n))).map(Some),
            Ok(Return::Faulted(_)) => self.await_handler(exception_entry(&config, self.handler(self.current()))).map(Some),
            Err(lockup) => Err(lockup),
        };
        if let Ok(chained) = &started {
            let ((n, entry), sp) = (self.handling(), self.cpu.gpr(13));
            let process = self.cpu.thread_uses_psp() && n == 0;
            let soc = self.cpu.world_mut();
            match chained {
                None => soc.tracker.leave_exception(&exception_return(), (next, sp), process),
                Some(sequence) => {
                    let pended = soc.system.take_pended(n);
                    soc.tracker.chain_exception(sequence, n, pended, entry);
                }
            }
        }
        self.note_fault(pc);
        if started.is_err() {
            return Ok(Some(self.locked_up(pc)));
        }
        if returned != Ok(Return::Done) {
            return Ok(None);
        }
        if !self.in_fault_handler() {
            self.last_fault = None;
        }
        let to_thread = CoreAccess::xpsr(&self.cpu) & 0x1ff == 0;
        if to_thread && self.cpu.world().system.exceptions.system_control & SCR_SLEEPONEXIT != 0 {
            // Back to thread mode means back to sleep (DDI 0403, B1.5.19).
            return self.sleep(Wake::Interrupt, environment, limit, next);
        }
        Ok(None)
    }

    /// The core sleeps: time goes on to the next event until something wakes it.
    fn sleep(&mut self, wake: Wake, environment: &mut dyn Environment, limit: Tick, pc: u32) -> Result<Option<Outcome>> {
        let deep = self.cpu.world().system.exceptions.system_control & SCR_SLEEPDEEP != 0;
        let standby = deep && self.cpu.world().system.deep_sleep.standby;
        self.cpu.world_mut().system.wake_up = false;
        loop {
            let masks = CoreAccess::masks(&self.cpu);
            let soc = self.cpu.world_mut();
            if standby && soc.system.wake_up {
                // Leaving standby is a reset, with the SRAM's content lost (RM0008, 5.3.6).
                soc.system.woken_from_standby = true;
                soc.system.request_reset(0);
                let (sram, size) = self.cpu.memory().sram();
                let fill: Vec<u8> = (0..size as usize).map(power_on_fill).collect();
                self.cpu.memory().write(sram, &fill);
                self.cpu.memory().lose_sram();
                return Ok(None);
            }
            if soc.system.reset_requested {
                soc.system.attention = true;
                return Ok(None);
            }
            let exceptions = &mut soc.system.exceptions;
            let woken = match wake {
                Wake::Interrupt => exceptions.wakes(masks),
                Wake::Event => exceptions.takeable(masks).is_some() || std::mem::take(&mut exceptions.event),
            };
            if woken && !standby {
                if deep {
                    soc.leave_stop();
                }
                return Ok(None);
            }
            if std::mem::take(&mut soc.system.attention) {
                if environment.look(self)? == Progress::Done {
                    self.asleep = Some(wake);
                    return Ok(Some(Outcome::Finished));
                }
                continue;
            }
            let due = if deep { soc.next_due_in_stop() } else { soc.system.next_due() };
            if due == Tick::NEVER {
                let sent = soc.system.sent.len();
                if environment.look(self)? == Progress::Done {
                    self.asleep = Some(wake);
                    return Ok(Some(Outcome::Finished));
                }
                let soc = self.cpu.world();
                if soc.system.next_due() == Tick::NEVER && soc.system.sent.len() == sent {
                    return Ok(Some(Outcome::Asleep(pc)));
                }
                continue;
            }
            let asleep = soc.tracker.sleep(due.min(limit));
            soc.note_sleep(deep, asleep);
            soc.system.cycle_counter.stand_still(asleep);
            if deep {
                soc.stood_still(asleep);
            }
            if due >= limit {
                self.asleep = Some(wake);
                return Ok(Some(self.out_of_time()));
            }
            soc.deliver_due();
        }
    }

    /// AIRCR.SYSRESETREQ: core and devices as after power-on; memories and time stay.
    fn system_reset(&mut self) {
        self.cpu.world_mut().reset();
        self.last_fault = None;
        self.asleep = None;
        self.reset_core();
        let (sp, pc) = (self.initial_sp, self.reset_handler);
        self.cpu.world_mut().tracker.restart(sp, pc);
    }
}
