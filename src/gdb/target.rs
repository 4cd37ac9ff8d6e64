//! What it is: the machine as `gdbstub` wants a target to be.
//! Source: the GDB Remote Serial Protocol as the crate `gdbstub` puts it.
//! Does not model: threads: the core is one.
//! Tested by: `tests/gdb.rs`.

use super::arch::{CortexM3, REGISTERS, RegisterId, Values, memory_map};
use super::history::{Back, History};
use super::monitor;
use crate::chip::Chip;
use crate::finding::{Failure, Result};
use crate::firmware::Image;
use crate::machine::exceptions::Fault;
use crate::machine::{Deadline, Environment, Going, Halt, Machine, Outcome, WatchKind, Watchpoint};
use crate::scenario::{Connected, Host, Ports, drive};
use crate::units::{Cycles, Tick};
use gdbstub::common::Signal;
use gdbstub::stub::SingleThreadStopReason;
use gdbstub::target::ext::base::BaseOps;
use gdbstub::target::ext::base::reverse_exec::{ReplayLogPosition, ReverseCont, ReverseContOps, ReverseStep, ReverseStepOps};
use gdbstub::target::ext::base::single_register_access::{SingleRegisterAccess, SingleRegisterAccessOps};
use gdbstub::target::ext::base::singlethread::{
    SingleThreadBase, SingleThreadRangeStepping, SingleThreadRangeSteppingOps, SingleThreadResume, SingleThreadResumeOps,
    SingleThreadSingleStep, SingleThreadSingleStepOps,
};
use gdbstub::target::ext::breakpoints as gdb;
use gdbstub::target::ext::flash::{Flash, FlashOps};
use gdbstub::target::ext::memory_map::{MemoryMap, MemoryMapOps};
use gdbstub::target::ext::monitor_cmd::{ConsoleOutput, MonitorCmd, MonitorCmdOps, outputln};
use gdbstub::target::{Target, TargetError, TargetResult};
use std::collections::BTreeSet;
use std::time::Duration;

/// How the firmware is to go on.
#[derive(Debug)]
enum Order {
    Forward(Going),
    Back(Back),
}

/// What is being debugged.
pub struct Debuggee<'a> {
    pub(super) machine: &'a mut Machine,
    pub(super) host: &'a mut Option<Host>,
    pub(super) ports: &'a mut Ports,
    pub(super) chip: &'a Chip,
    pub(super) image: &'a Image,
    pub(super) limit: Tick,
    /// Steps go into the handlers of exceptions that come.
    pub(super) into_handlers: bool,
    /// How the run has ended, once it has.
    pub(super) outcome: Option<Outcome>,
    history: History,
    order: Option<Order>,
    software: BTreeSet<u32>,
    hardware: BTreeSet<u32>,
    watches: Vec<Watchpoint>,
}

/// How long the firmware runs between two looks at the debugger, in cycles.
const SLICE: Cycles = Cycles(1_000_000);

type Stop = SingleThreadStopReason<u32>;

fn refused<T>() -> TargetResult<T, Debuggee<'static>> {
    Err(TargetError::NonFatal)
}

impl<'a> Debuggee<'a> {
    pub fn new(
        machine: &'a mut Machine,
        (host, ports): (&'a mut Option<Host>, &'a mut Ports),
        (chip, image): (&'a Chip, &'a Image),
        limit: Tick,
    ) -> Self {
        Self {
            machine,
            host,
            ports,
            chip,
            image,
            limit,
            into_handlers: false,
            outcome: None,
            history: History::default(),
            order: None,
            software: BTreeSet::new(),
            hardware: BTreeSet::new(),
            watches: Vec::new(),
        }
    }

    /// Runs for a while; a reason to stop if there is one.
    pub fn slice(&mut self) -> Result<Option<Stop>> {
        let can_go_back = self.can_go_back();
        match &mut self.order {
            None => Ok(Some(Stop::Signal(Signal::SIGTRAP))),
            Some(Order::Back(how)) => {
                let halt = self.history.back(*how, self.machine, self.host)?;
                self.outcome = None;
                Ok(Some(match halt {
                    Some(halt) => self.reason(halt),
                    None => Stop::ReplayLog { tid: None, pos: ReplayLogPosition::Begin },
                }))
            }
            Some(Order::Forward(going)) => {
                if can_go_back {
                    self.history.pass(self.machine, self.host)?;
                }
                let pause = self.machine.now() + self.ports.period().min(SLICE);
                let mut connected = Connected { host: self.host, ports: self.ports };
                let halt = self.machine.go(going, &mut connected, pause, self.limit)?;
                match halt {
                    Halt::Pause => Ok(None),
                    // Somebody may still type.
                    Halt::Ended(Outcome::Asleep(_)) if self.ports.can_be_typed_on() => Ok(None),
                    halt => Ok(Some(self.reason(halt))),
                }
            }
        }
    }

    /// Runs on to the end without a debugger.
    pub fn run_on(&mut self) -> Result<Outcome> {
        self.machine.set_breakpoints(BTreeSet::new());
        self.machine.set_watchpoints(Vec::new());
        self.machine.halt_on_faults(false);
        self.ports.wait_at_most(None);
        // To the end of the block that it may stand in, so that the block is priced as a whole.
        let mut going = self.machine.going_on();
        let pause = self.machine.now() + Cycles(1);
        let mut connected = Connected { host: self.host, ports: self.ports };
        match self.machine.go(&mut going, &mut connected, pause, self.limit)? {
            Halt::Ended(outcome) => Ok(outcome),
            _ => drive(self.machine, self.host, self.ports, Deadline::At(self.limit)),
        }
    }

    fn reason(&mut self, halt: Halt) -> Stop {
        self.order = None;
        match halt {
            Halt::Breakpoint => {
                let pc = self.machine.register(REGISTERS[15]);
                if self.software.contains(&pc) {
                    Stop::SwBreak(())
                } else if self.hardware.contains(&pc) {
                    Stop::HwBreak(())
                } else {
                    Stop::Signal(Signal::SIGTRAP)
                }
            }
            Halt::Step | Halt::Pause => Stop::DoneStep,
            Halt::Watch(watch, addr) => {
                let kind = match watch.kind {
                    WatchKind::Write => gdb::WatchKind::Write,
                    WatchKind::Read => gdb::WatchKind::Read,
                    WatchKind::Access => gdb::WatchKind::ReadWrite,
                };
                Stop::Watch { tid: (), kind, addr }
            }
            Halt::Fault(fault, _) => Stop::Signal(signal(fault)),
            Halt::Ended(outcome) => {
                let reason = match &outcome {
                    Outcome::Finished => Stop::Exited(0),
                    Outcome::Exit(code) => Stop::Exited(*code as u8),
                    Outcome::Fault { fault, .. } => Stop::Signal(signal(*fault)),
                    Outcome::Limit(_) => Stop::Signal(Signal::SIGXCPU),
                    Outcome::Asleep(_) => Stop::Signal(Signal::SIGSTOP),
                };
                self.outcome = Some(outcome);
                reason
            }
        }
    }

    fn go_on(&mut self, order: Order) -> Result<()> {
        self.order = Some(order);
        self.outcome = None;
        Ok(())
    }

    fn changed(&mut self) -> TargetResult<(), Self> {
        self.history.restart(self.machine, self.host).map_err(TargetError::Fatal)
    }

    /// Resets the chip; the run goes on from there.
    pub(super) fn reset(&mut self) -> Result<()> {
        self.machine.reset();
        self.outcome = None;
        self.history.restart(self.machine, self.host)
    }

    fn update_breakpoints(&mut self) {
        self.machine.set_breakpoints(self.software.union(&self.hardware).copied().collect());
    }

    /// Whether stretches of the run can be repeated: nobody outside has taken part, and no files.
    fn can_go_back(&self) -> bool {
        !self.ports.are_live() && self.machine.semihosting_console().is_none()
    }

    /// Whether what was counted is not of one run.
    pub fn has_gone_back(&self) -> bool {
        self.history.repeated
    }

    /// Who holds the other end of the lines looks at the machine once, before anything runs.
    pub fn start(&mut self) -> Result<()> {
        self.machine.halt_on_faults(true);
        // Or the debugger would have to wait, too.
        self.ports.wait_at_most(Some(Duration::from_millis(20)));
        Connected { host: self.host, ports: self.ports }.look(self.machine)?;
        self.history.restart(self.machine, self.host)
    }
}

fn signal(fault: Fault) -> Signal {
    match fault {
        Fault::Undefined | Fault::NoCoprocessor | Fault::InvalidState | Fault::InvalidReturn => Signal::SIGILL,
        Fault::Unaligned => Signal::SIGBUS,
        Fault::DivideByZero => Signal::SIGFPE,
        Fault::DebugEvent => Signal::SIGTRAP,
        _ => Signal::SIGSEGV,
    }
}

impl Target for Debuggee<'_> {
    type Arch = CortexM3;
    type Error = Failure;

    fn base_ops(&mut self) -> BaseOps<'_, Self::Arch, Self::Error> {
        BaseOps::SingleThread(self)
    }

    fn support_breakpoints(&mut self) -> Option<gdb::BreakpointsOps<'_, Self>> {
        Some(self)
    }

    fn support_monitor_cmd(&mut self) -> Option<MonitorCmdOps<'_, Self>> {
        Some(self)
    }

    fn support_memory_map(&mut self) -> Option<MemoryMapOps<'_, Self>> {
        Some(self)
    }

    fn support_flash_operations(&mut self) -> Option<FlashOps<'_, Self>> {
        Some(self)
    }
}

impl SingleThreadBase for Debuggee<'_> {
    fn read_registers(&mut self, registers: &mut Values) -> TargetResult<(), Self> {
        registers.0 = REGISTERS.map(|register| self.machine.register(register));
        Ok(())
    }

    fn write_registers(&mut self, registers: &Values) -> TargetResult<(), Self> {
        for (register, value) in REGISTERS.iter().zip(registers.0) {
            self.machine.set_register(*register, value);
        }
        self.changed()
    }

    fn support_single_register_access(&mut self) -> Option<SingleRegisterAccessOps<'_, (), Self>> {
        Some(self)
    }

    fn read_addrs(&mut self, start: u32, data: &mut [u8]) -> TargetResult<usize, Self> {
        let found = self.machine.inspect(start, data.len());
        if found.is_empty() && !data.is_empty() {
            return Err(TargetError::NonFatal);
        }
        for (to, from) in data.iter_mut().zip(&found) {
            *to = *from;
        }
        Ok(found.len())
    }

    fn write_addrs(&mut self, start: u32, data: &[u8]) -> TargetResult<(), Self> {
        self.machine.alter(start, data).ok_or(TargetError::NonFatal)?;
        self.changed()
    }

    fn support_resume(&mut self) -> Option<SingleThreadResumeOps<'_, Self>> {
        Some(self)
    }
}

impl SingleRegisterAccess<()> for Debuggee<'_> {
    fn read_register(&mut self, _: (), id: RegisterId, buffer: &mut [u8]) -> TargetResult<usize, Self> {
        let register = REGISTERS.get(id.0).ok_or(TargetError::NonFatal)?;
        let bytes = self.machine.register(*register).to_le_bytes();
        buffer.get_mut(..bytes.len()).ok_or(TargetError::NonFatal)?.copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    fn write_register(&mut self, _: (), id: RegisterId, value: &[u8]) -> TargetResult<(), Self> {
        let register = REGISTERS.get(id.0).ok_or(TargetError::NonFatal)?;
        let value: [u8; 4] = value.try_into().map_err(|_| TargetError::NonFatal)?;
        self.machine.set_register(*register, u32::from_le_bytes(value));
        self.changed()
    }
}

impl SingleThreadResume for Debuggee<'_> {
    fn resume(&mut self, _: Option<Signal>) -> Result<()> {
        let going = self.machine.going_on();
        self.go_on(Order::Forward(going))
    }

    fn support_single_step(&mut self) -> Option<SingleThreadSingleStepOps<'_, Self>> {
        Some(self)
    }

    fn support_range_step(&mut self) -> Option<SingleThreadRangeSteppingOps<'_, Self>> {
        Some(self)
    }

    fn support_reverse_step(&mut self) -> Option<ReverseStepOps<'_, (), Self>> {
        if self.can_go_back() { Some(self) } else { None }
    }

    fn support_reverse_cont(&mut self) -> Option<ReverseContOps<'_, (), Self>> {
        if self.can_go_back() { Some(self) } else { None }
    }
}

impl SingleThreadSingleStep for Debuggee<'_> {
    fn step(&mut self, _: Option<Signal>) -> Result<()> {
        let going = self.machine.stepping(0..0, self.into_handlers);
        self.go_on(Order::Forward(going))
    }
}

impl SingleThreadRangeStepping for Debuggee<'_> {
    fn resume_range_step(&mut self, start: u32, end: u32) -> Result<()> {
        let going = self.machine.stepping(start..end, self.into_handlers);
        self.go_on(Order::Forward(going))
    }
}

impl ReverseStep<()> for Debuggee<'_> {
    fn reverse_step(&mut self, _: ()) -> Result<()> {
        let into = self.into_handlers;
        self.go_on(Order::Back(Back::Step { into }))
    }
}

impl ReverseCont<()> for Debuggee<'_> {
    fn reverse_cont(&mut self) -> Result<()> {
        self.go_on(Order::Back(Back::Continue))
    }
}

impl gdb::Breakpoints for Debuggee<'_> {
    fn support_sw_breakpoint(&mut self) -> Option<gdb::SwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_breakpoint(&mut self) -> Option<gdb::HwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_watchpoint(&mut self) -> Option<gdb::HwWatchpointOps<'_, Self>> {
        Some(self)
    }
}

impl gdb::SwBreakpoint for Debuggee<'_> {
    fn add_sw_breakpoint(&mut self, address: u32, _: usize) -> TargetResult<bool, Self> {
        self.software.insert(address & !1);
        self.update_breakpoints();
        Ok(true)
    }

    fn remove_sw_breakpoint(&mut self, address: u32, _: usize) -> TargetResult<bool, Self> {
        let known = self.software.remove(&(address & !1));
        self.update_breakpoints();
        Ok(known)
    }
}

impl gdb::HwBreakpoint for Debuggee<'_> {
    fn add_hw_breakpoint(&mut self, address: u32, _: usize) -> TargetResult<bool, Self> {
        self.hardware.insert(address & !1);
        self.update_breakpoints();
        Ok(true)
    }

    fn remove_hw_breakpoint(&mut self, address: u32, _: usize) -> TargetResult<bool, Self> {
        let known = self.hardware.remove(&(address & !1));
        self.update_breakpoints();
        Ok(known)
    }
}

fn watchpoint(address: u32, length: u32, kind: gdb::WatchKind) -> Watchpoint {
    let kind = match kind {
        gdb::WatchKind::Write => WatchKind::Write,
        gdb::WatchKind::Read => WatchKind::Read,
        gdb::WatchKind::ReadWrite => WatchKind::Access,
    };
    Watchpoint { address, length: length.max(1), kind }
}

/// The most bytes that a watchpoint may cover.
const LONGEST_WATCH: u32 = 1 << 16;

impl gdb::HwWatchpoint for Debuggee<'_> {
    fn add_hw_watchpoint(&mut self, address: u32, length: u32, kind: gdb::WatchKind) -> TargetResult<bool, Self> {
        if length > LONGEST_WATCH {
            return Ok(false);
        }
        self.watches.push(watchpoint(address, length, kind));
        self.machine.set_watchpoints(self.watches.clone());
        Ok(true)
    }

    fn remove_hw_watchpoint(&mut self, address: u32, length: u32, kind: gdb::WatchKind) -> TargetResult<bool, Self> {
        let gone = watchpoint(address, length, kind);
        let at = self.watches.iter().position(|watch| *watch == gone);
        at.map(|at| self.watches.remove(at));
        self.machine.set_watchpoints(self.watches.clone());
        Ok(at.is_some())
    }
}

impl MemoryMap for Debuggee<'_> {
    fn memory_map_xml(&self, offset: u64, length: usize, buffer: &mut [u8]) -> TargetResult<usize, Self> {
        let map = memory_map(self.chip);
        let rest = usize::try_from(offset).ok().and_then(|offset| map.as_bytes().get(offset..)).unwrap_or_default();
        let count = rest.len().min(length).min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest.iter().take(count)) {
            *to = *from;
        }
        Ok(count)
    }
}

/// GDB's `load`: the flash as a programmer writes it, in no time.
impl Flash for Debuggee<'_> {
    fn flash_erase(&mut self, start: u32, length: u32) -> TargetResult<(), Self> {
        let (base, size) = self.machine.memory().flash();
        let inside = start.checked_sub(base).is_some_and(|offset| offset.checked_add(length).is_some_and(|end| end <= size));
        if !inside {
            return refused();
        }
        self.machine.alter(start, &vec![0xff; length as usize]).ok_or(TargetError::NonFatal)
    }

    fn flash_write(&mut self, start: u32, data: &[u8]) -> TargetResult<(), Self> {
        if !self.machine.memory().is_flash(start) {
            return refused();
        }
        self.machine.alter(start, data).ok_or(TargetError::NonFatal)
    }

    fn flash_done(&mut self) -> TargetResult<(), Self> {
        self.changed()
    }
}

impl MonitorCmd for Debuggee<'_> {
    fn handle_monitor_cmd(&mut self, command: &[u8], mut out: ConsoleOutput<'_>) -> Result<()> {
        let command = String::from_utf8_lossy(command).into_owned();
        for line in monitor::answer(self, &command)?.lines() {
            outputln!(out, "{line}");
        }
        Ok(())
    }
}
