//! What it is: what the machine does about each reason for which the core stops: faults, exception entry and return, calls, hints.
//! Source: ARMv7-M Architecture Reference Manual (DDI 0403), section B1.5.
//! Does not model: preemption within a return's unstacking.
//! Tested by: `tests/machine.rs`.

use super::cpu::{Cpu, Special, Stop};
use super::exceptions::{CoreAccess, Fault, Lockup, Number, Return, SCR_SLEEPONEXIT};
use super::run::{Environment, Machine, Outcome, Wake};
use super::soc::Soc;
use super::store;
use crate::finding::{Code, Failure, Finding, Result};
use crate::isa::Class;
use crate::timing::{Handler, Transition, exception_entry, exception_return, late_arrival, tail_chain};
use crate::units::{Addr, Cycles, Tick};

/// xPSR: the core is in Thumb state, as it always must be.
const THUMB: u32 = 1 << 24;
/// DFSR: a BKPT.
const DFSR_BKPT: u32 = 1 << 1;
/// A permanently undefined instruction.
pub(super) const UDF: [u8; 2] = [0x00, 0xde];

impl Machine {
    /// A store to flash: what the flash interface makes of it; `None` where it refuses, which is a bus error.
    pub(super) fn store_to_flash(&mut self, pc: u32) -> Option<()> {
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
        // Its own cycles count as the flash's, which takes it over: the core did not execute it in a block.
        let until = self.now() + Cycles(2);
        self.cpu.world_mut().tracker.wait_for_flash(until);
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
    pub(super) fn with_exceptions<T>(&mut self, act: impl FnOnce(&mut super::exceptions::Exceptions, &mut Cpu<Soc>) -> T) -> T {
        let mut exceptions = std::mem::take(&mut self.cpu.world_mut().system.exceptions);
        let result = act(&mut exceptions, &mut self.cpu);
        self.cpu.world_mut().system.exceptions = exceptions;
        result
    }

    /// Where an exception's sequence reads.
    pub(super) fn handler(&self, n: Number) -> Handler {
        let vector = self.cpu.world().system.exceptions.vector_table.wrapping_add(u32::from(n) * 4);
        let entry = self.cpu.memory().read(vector, 4).unwrap_or(0) & !1;
        Handler { vector: Addr(vector), entry: Addr(entry) }
    }

    /// The exception whose handler the core is in, and where it is.
    pub(super) fn handling(&self) -> (Number, u32) {
        ((CoreAccess::xpsr(&self.cpu) & 0x1ff) as Number, self.cpu.special(Special::Pc))
    }

    /// Enters exception `n`.
    pub(super) fn enter(&mut self, n: Number) -> Option<Outcome> {
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
    pub(super) fn current(&self) -> Number {
        self.handling().0
    }

    /// The handler that has just been entered executes its first instruction when `sequence` is over. What becomes pending until then and is
    /// more urgent goes first; returns the sequence as it then is.
    pub(super) fn await_handler(&mut self, mut sequence: Transition) -> std::result::Result<Transition, Lockup> {
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

    /// Entering or leaving an exception at `pc` may have raised a fault of its own.
    pub(super) fn note_fault(&mut self, pc: u32) {
        if let Some(fault) = self.cpu.world_mut().system.exceptions.raised.take() {
            self.last_fault.get_or_insert((fault, pc));
        }
    }

    pub(super) fn in_fault_handler(&self) -> bool {
        use super::exceptions::number::{BUS_FAULT, HARD_FAULT, MEM_MANAGE, USAGE_FAULT};
        [HARD_FAULT, MEM_MANAGE, BUS_FAULT, USAGE_FAULT].iter().any(|n| self.cpu.world().system.exceptions.is_active(*n))
    }

    pub(super) fn locked_up(&self, pc: u32) -> Outcome {
        let (fault, pc) = self.last_fault.unwrap_or((Fault::VectorTable, pc));
        Outcome::Fault { fault, pc, lockup: true }
    }

    /// The firmware broke a rule with the instruction at `broken`, and control is at `pc`: takes the fault.
    pub(super) fn fault(&mut self, fault: Fault, broken: u32, pc: u32) -> Option<Outcome> {
        let tracker = &mut self.cpu.world_mut().tracker;
        tracker.fault_at(pc);
        tracker.let_spin(false);
        if fault == Fault::DebugEvent {
            self.cpu.world_mut().system.debug_fault |= DFSR_BKPT;
        }
        self.last_fault.get_or_insert((fault, broken));
        let masks = CoreAccess::masks(&self.cpu);
        match self.with_exceptions(|exceptions, _| exceptions.raise(fault, masks)) {
            Ok(n) => self.enter(n),
            Err(_) => Some(self.locked_up(pc)),
        }
    }

    pub(super) fn handle(&mut self, stop: Stop, environment: &mut dyn Environment, limit: Tick) -> Result<Option<Outcome>> {
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
                Some((address, fault)) => return self.barred(address, fault, environment, limit),
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
        environment: &mut dyn Environment,
        limit: Tick,
    ) -> Result<Option<Outcome>> {
        self.cpu.world_mut().plant();
        let stop = self.run_up_to(address, &UDF);
        self.cpu.world_mut().lift();
        self.after_barred(stop, (address, fault), environment, limit)
    }

    /// Runs with other code in the place of what stands at `address`, in the block that is next.
    pub(super) fn run_up_to(&mut self, address: u32, code: &[u8; 2]) -> Stop {
        let pc = self.cpu.special(Special::Pc);
        let original = self.cpu.memory().read_vec(address, code.len()).unwrap_or_default();
        let replace = |cpu: &mut Cpu<Soc>, code: &[u8]| {
            cpu.memory().write(address, code);
            cpu.forget_code(pc, address.wrapping_sub(pc).saturating_add(4));
        };
        replace(&mut self.cpu, code);
        let stop = self.cpu.run();
        replace(&mut self.cpu, &original);
        stop
    }

    /// The core has stopped with [`UDF`] in the place of the instruction that must fault, or may have to: on it, or before for another reason.
    pub(super) fn after_barred(
        &mut self,
        stop: Stop,
        (address, fault): (u32, Option<Fault>),
        environment: &mut dyn Environment,
        limit: Tick,
    ) -> Result<Option<Outcome>> {
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

    pub(super) fn exception_return(
        &mut self,
        value: u32,
        environment: &mut dyn Environment,
        limit: Tick,
    ) -> Result<Option<Outcome>> {
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
}
