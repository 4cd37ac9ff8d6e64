//! What it is: the Cortex-M3's exception model: NVIC and system handlers, priorities, stacking, EXC_RETURN, faults and escalation.
//! Source: ARMv7-M Architecture Reference Manual (DDI 0403), sections B1.5 and B3.2 to B3.4; PM0056 for what ST implements.
//! Does not model: the MPU, DebugMonitor; a return that is under way is not given up for an exception that arrives meanwhile. An exception is
//! taken between two translated blocks, never within one.
//! Tested by: the unit tests in `exceptions/tests.rs` on a core made of plain variables, and `firmware-images/tests` on the engine.

#[cfg(test)]
mod tests;

use serde::Serialize;

/// What the model does to a core: Unicorn's in a run, plain variables in a test.
pub trait CoreAccess {
    /// R0 to R12, 13 the current stack pointer, 14 LR, 15 PC.
    fn reg(&self, index: u8) -> u32;
    /// Sets a register of [`CoreAccess::reg`].
    fn set_reg(&mut self, index: u8, value: u32);
    /// xPSR with the exception number in its low nine bits.
    fn xpsr(&self) -> u32;
    /// Sets xPSR; the exception number decides between handler and thread mode and so between the stack pointers.
    fn set_xpsr(&mut self, value: u32);
    /// Whether thread mode uses PSP.
    fn thread_uses_psp(&self) -> bool;
    /// Sets that; called in thread mode only.
    fn set_thread_uses_psp(&mut self, psp: bool);
    /// PRIMASK, FAULTMASK and BASEPRI.
    fn masks(&self) -> Masks;
    /// Clears FAULTMASK, as an exception's return does.
    fn clear_faultmask(&mut self);
    /// A word of memory; `None` where there is none.
    fn load(&self, address: u32) -> Option<u32>;
    /// Stores a word; `None` where there is no memory.
    fn store(&mut self, address: u32, value: u32) -> Option<()>;
}

/// The registers that raise the execution priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Masks {
    /// PRIMASK bit 0.
    pub primask: bool,
    /// FAULTMASK bit 0.
    pub faultmask: bool,
    /// BASEPRI; 0 is off.
    pub basepri: u8,
}

/// An exception number as IPSR shows it: 2 NMI, 3 HardFault, ... 15 SysTick, 16 + n for interrupt n.
pub type Number = u16;

/// Exception numbers with names (DDI 0403, table B1-4).
pub mod number {
    use super::Number;
    /// Non-maskable interrupt.
    pub const NMI: Number = 2;
    /// Every fault that cannot be taken as itself.
    pub const HARD_FAULT: Number = 3;
    /// Memory protection and execute-never.
    pub const MEM_MANAGE: Number = 4;
    /// Bus errors.
    pub const BUS_FAULT: Number = 5;
    /// Undefined instructions, bad state, bad returns, traps.
    pub const USAGE_FAULT: Number = 6;
    /// SVC.
    pub const SV_CALL: Number = 11;
    /// The debug monitor: breakpoints and watchpoints without a debugger.
    pub const DEBUG_MONITOR: Number = 12;
    /// Context switch request.
    pub const PEND_SV: Number = 14;
    /// The system timer.
    pub const SYS_TICK: Number = 15;
    /// Interrupt 0.
    pub const FIRST_INTERRUPT: Number = 16;
}

/// How many exceptions the model has room for: 16 and 240 interrupts, the architecture's limit.
pub const EXCEPTIONS: usize = 256;
/// Priority bits that ST implements: the upper four (PM0056, section 4.2.7).
const PRIORITY_MASK: u8 = 0xf0;

/// A rule that the firmware broke, as the fault status registers tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Fault {
    /// Execution from a region that is execute-never (MMFSR.IACCVIOL).
    ExecuteNever,
    /// Fetch from where nothing answers (BFSR.IBUSERR).
    FetchBus,
    /// Load or store where nothing answers (BFSR.PRECISERR); the address is in BFAR.
    PreciseBus(u32),
    /// Exception entry could not push (BFSR.STKERR).
    Stacking,
    /// Exception return could not pop (BFSR.UNSTKERR).
    Unstacking,
    /// Undefined instruction (UFSR.UNDEFINSTR).
    Undefined,
    /// Thumb bit clear in a branch target or vector (UFSR.INVSTATE).
    InvalidState,
    /// Bad EXC_RETURN (UFSR.INVPC).
    InvalidReturn,
    /// Coprocessor or floating-point instruction (UFSR.NOCP).
    NoCoprocessor,
    /// Unaligned access with the trap on, or by LDM, LDRD or their stores (UFSR.UNALIGNED).
    Unaligned,
    /// Division by zero with the trap on (UFSR.DIVBYZERO).
    DivideByZero,
    /// Vector table read failed (HFSR.VECTTBL).
    VectorTable,
    /// BKPT without a debugger, or SVC while it cannot be taken (HFSR.DEBUGEVT, HFSR.FORCED).
    DebugEvent,
}

impl Fault {
    /// The exception that it raises, and the bit that it sets in CFSR.
    fn class(self) -> (Number, u32) {
        match self {
            Fault::ExecuteNever => (number::MEM_MANAGE, 1),
            Fault::FetchBus => (number::BUS_FAULT, 1 << 8),
            Fault::PreciseBus(_) => (number::BUS_FAULT, 1 << 9 | 1 << 15),
            Fault::Unstacking => (number::BUS_FAULT, 1 << 11),
            Fault::Stacking => (number::BUS_FAULT, 1 << 12),
            Fault::Undefined => (number::USAGE_FAULT, 1 << 16),
            Fault::InvalidState => (number::USAGE_FAULT, 1 << 17),
            Fault::InvalidReturn => (number::USAGE_FAULT, 1 << 18),
            Fault::NoCoprocessor => (number::USAGE_FAULT, 1 << 19),
            Fault::Unaligned => (number::USAGE_FAULT, 1 << 24),
            Fault::DivideByZero => (number::USAGE_FAULT, 1 << 25),
            Fault::VectorTable => (number::HARD_FAULT, 0),
            Fault::DebugEvent => (number::DEBUG_MONITOR, 0),
        }
    }

    /// The broken rule as a clause that completes "the firmware …".
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Fault::ExecuteNever => "executed from a region that is not executable",
            Fault::FetchBus => "jumped to an address where there is no memory",
            Fault::PreciseBus(_) => "accessed an address where there is neither memory nor a peripheral",
            Fault::Stacking => "had no memory below its stack pointer when an exception was to be entered",
            Fault::Unstacking => "had no memory at its stack pointer when an exception was to return",
            Fault::Undefined => "executed an undefined instruction",
            Fault::InvalidState => "branched to an address without the Thumb bit",
            Fault::InvalidReturn => "returned from an exception in a way that the architecture forbids",
            Fault::NoCoprocessor => "executed a coprocessor or floating-point instruction",
            Fault::Unaligned => "made an unaligned access that is trapped",
            Fault::DivideByZero => "divided by zero with the trap on",
            Fault::VectorTable => "has a vector table that cannot be read",
            Fault::DebugEvent => "executed BKPT without a debugger",
        }
    }

    /// The name of the exception that it raises.
    #[must_use]
    pub fn exception(self) -> &'static str {
        match self.class().0 {
            number::MEM_MANAGE => "MemManage fault",
            number::BUS_FAULT => "BusFault",
            number::USAGE_FAULT => "UsageFault",
            _ => "HardFault",
        }
    }
}

/// What came of an attempted return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// The frame was popped and the core goes on where it was interrupted.
    Done,
    /// Another exception was pending: its handler starts without popping and pushing.
    TailChained(Number),
    /// The return itself broke a rule; the fault is pending.
    Faulted(Fault),
}

/// The core can do nothing any more: a fault at the priority of HardFault or NMI (DDI 0403, section B1.5.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lockup;

/// A set of exceptions, a bit each: looking through it takes four words, not 256 places, at every entry and return.
#[derive(Clone, Copy, Debug, Default)]
struct Set([u64; EXCEPTIONS / 64]);

impl Set {
    fn has(&self, n: Number) -> bool {
        self.0.get(usize::from(n) / 64).is_some_and(|word| word >> (n % 64) & 1 != 0)
    }

    fn set(&mut self, n: Number, member: bool) {
        if let Some(word) = self.0.get_mut(usize::from(n) / 64) {
            *word = *word & !(1 << (n % 64)) | u64::from(member) << (n % 64);
        }
    }

    fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    fn and(&self, other: &Set) -> Set {
        let mut both = *self;
        both.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= other);
        both
    }

    /// The members, lowest number first.
    fn members(self) -> impl Iterator<Item = Number> {
        self.0.into_iter().zip((0..).step_by(64)).flat_map(|(word, base)| {
            std::iter::successors(Some(word), |left| Some(left & left.wrapping_sub(1)))
                .take_while(|left| *left != 0)
                .map(move |left| base + left.trailing_zeros() as Number)
        })
    }
}

/// NVIC and System Control Block state.
#[derive(Clone, Debug)]
pub struct Exceptions {
    enabled: Set,
    pending: Set,
    active: Set,
    /// The interrupt lines' levels: a line that is still high when its handler returns pends again.
    level: Set,
    priority: [u8; EXCEPTIONS],
    /// How many enabled exceptions are pending, so that the usual case costs one comparison.
    candidates: u32,
    /// What has become pending since somebody asked, a bit each.
    newly: Set,
    /// Vector table address (VTOR).
    pub vector_table: u32,
    /// AIRCR.PRIGROUP.
    pub priority_group: u8,
    /// System Control Register: SLEEPONEXIT 1, SLEEPDEEP 2, SEVONPEND 4.
    pub system_control: u32,
    /// Configuration and Control Register.
    pub configuration: u32,
    /// Configurable fault status.
    pub fault_status: u32,
    /// HardFault status.
    pub hard_fault_status: u32,
    /// The address of the last precise bus fault.
    pub bus_fault_address: u32,
    /// The event register that WFE tests.
    pub event: bool,
    /// The fault raised last, until somebody takes it: entry and return can raise faults of their own.
    pub raised: Option<Fault>,
}

impl Default for Exceptions {
    fn default() -> Self {
        let mut enabled = Set::default();
        for n in [number::NMI, number::HARD_FAULT, number::SV_CALL, number::PEND_SV, number::SYS_TICK] {
            enabled.set(n, true);
        }
        Self {
            enabled,
            pending: Set::default(),
            active: Set::default(),
            level: Set::default(),
            priority: [0; EXCEPTIONS],
            candidates: 0,
            newly: Set::default(),
            vector_table: 0,
            priority_group: 0,
            system_control: 0,
            // STKALIGN is set out of reset (PM0056, section 4.4.6).
            configuration: CCR_STKALIGN,
            fault_status: 0,
            hard_fault_status: 0,
            bus_fault_address: 0,
            event: false,
            raised: None,
        }
    }
}

/// CCR: stack frames are aligned to 8 bytes.
pub const CCR_STKALIGN: u32 = 1 << 9;
/// CCR: unaligned single accesses fault (others always do).
pub const CCR_UNALIGN_TRP: u32 = 1 << 3;
/// CCR: a division by zero faults.
pub const CCR_DIV_0_TRP: u32 = 1 << 4;
/// SCR: a return to thread mode goes to sleep.
pub const SCR_SLEEPONEXIT: u32 = 1 << 1;
/// SCR: whatever becomes pending is an event, enabled or not.
pub const SCR_SEVONPEND: u32 = 1 << 4;
/// SCR: sleep is stop or standby.
pub const SCR_SLEEPDEEP: u32 = 1 << 2;
/// CCR: thread mode may be entered with exceptions active.
const CCR_NONBASETHRDENA: u32 = 1;
/// HFSR: a configurable fault was escalated.
const HFSR_FORCED: u32 = 1 << 30;
/// HFSR: the vector table could not be read.
const HFSR_VECTTBL: u32 = 1 << 1;
/// HFSR: a debug event without a debugger.
const HFSR_DEBUGEVT: u32 = 1 << 31;
/// EXC_RETURN to handler mode, to thread mode with MSP, to thread mode with PSP.
const RETURN_HANDLER: u32 = 0xffff_fff1;
const RETURN_THREAD_MSP: u32 = 0xffff_fff9;
const RETURN_THREAD_PSP: u32 = 0xffff_fffd;
/// The execution priority when nothing is active and nothing is masked.
const IDLE_PRIORITY: i16 = 256;

impl Exceptions {
    /// The priority that decides between pending exceptions: fixed and negative for NMI and HardFault.
    fn full_priority(&self, n: Number) -> i16 {
        match n {
            1 => -3,
            number::NMI => -2,
            number::HARD_FAULT => -1,
            _ => i16::from(self.priority.get(n as usize).copied().unwrap_or(0)),
        }
    }

    /// The part of a priority that decides preemption (AIRCR.PRIGROUP).
    fn group_priority(&self, priority: i16) -> i16 {
        if priority < 0 { priority } else { priority & (0xff << (self.priority_group + 1)) & 0xff }
    }

    /// What an exception's priority must be below to be taken (DDI 0403, section B1.5.4).
    fn execution_priority(&self, masks: Masks) -> i16 {
        let active = self.active.members().map(|n| self.group_priority(self.full_priority(n))).min().unwrap_or(IDLE_PRIORITY);
        let mut boosted = IDLE_PRIORITY;
        if masks.basepri != 0 {
            boosted = self.group_priority(i16::from(masks.basepri));
        }
        if masks.primask {
            boosted = boosted.min(0);
        }
        if masks.faultmask {
            boosted = -1;
        }
        active.min(boosted)
    }

    /// Whether any interrupt of the chip is enabled.
    #[must_use]
    pub fn any_interrupt_enabled(&self) -> bool {
        self.enabled.members().any(|n| n >= number::FIRST_INTERRUPT)
    }

    /// Whether anything that is enabled is pending at all, masked or not: cheap, for the hot path.
    #[must_use]
    pub fn any_candidate(&self) -> bool {
        self.candidates > 0
    }

    /// The most urgent exception that is pending and enabled.
    fn candidate(&self) -> Option<Number> {
        if self.candidates == 0 {
            return None;
        }
        self.pending.and(&self.enabled).members().min_by_key(|n| (self.full_priority(*n), *n))
    }

    /// The exception to take now, if one is pending, enabled, and more urgent than what runs.
    #[must_use]
    pub fn takeable(&self, masks: Masks) -> Option<Number> {
        let n = self.candidate()?;
        (self.group_priority(self.full_priority(n)) < self.execution_priority(masks)).then_some(n)
    }

    /// Whether WFI ends: a pending exception that would be taken if PRIMASK were clear (DDI 0403, section B1.5.19).
    #[must_use]
    pub fn wakes(&self, masks: Masks) -> bool {
        self.takeable(Masks { primask: false, ..masks }).is_some()
    }

    fn update(&mut self, n: Number, change: impl FnOnce(&mut Self)) {
        if usize::from(n) >= EXCEPTIONS {
            return;
        }
        let candidate = |this: &Self| u32::from(this.enabled.has(n) && this.pending.has(n));
        let (before, was_pending) = (candidate(self), self.pending.has(n));
        change(self);
        self.candidates = self.candidates + candidate(self) - before;
        if !was_pending && self.pending.has(n) {
            self.newly.set(n, true);
            // SEVONPEND: an interrupt that becomes pending is an event (DDI 0403, section B3.2.7).
            if self.system_control & SCR_SEVONPEND != 0 {
                self.event = true;
            }
        }
    }

    /// An exception that has become pending since the last call; `None` when all have been told.
    #[inline]
    pub fn take_newly_pending(&mut self) -> Option<Number> {
        let n = self.newly.members().next()?;
        self.newly.set(n, false);
        Some(n)
    }

    /// Sets or clears the pending state.
    pub fn set_pending(&mut self, n: Number, pending: bool) {
        self.update(n, |this| this.pending.set(n, pending));
    }

    /// Enables or disables.
    pub fn set_enabled(&mut self, n: Number, enabled: bool) {
        self.update(n, |this| this.enabled.set(n, enabled));
    }

    /// A device drives its interrupt line: a rising or high line pends, and pends again when the handler returns with it still high.
    pub fn set_level(&mut self, n: Number, high: bool) {
        let was = self.level.has(n);
        self.level.set(n, high);
        if high && !was {
            self.set_pending(n, true);
        }
    }

    /// Sets a priority; the bits that ST does not implement stay zero.
    pub fn set_priority(&mut self, n: Number, priority: u8) {
        if let Some(slot) = self.priority.get_mut(n as usize) {
            *slot = priority & PRIORITY_MASK;
        }
    }

    /// Reads a priority.
    #[must_use]
    pub fn priority(&self, n: Number) -> u8 {
        self.priority.get(n as usize).copied().unwrap_or(0)
    }

    /// Whether the exception is enabled.
    #[must_use]
    pub fn is_enabled(&self, n: Number) -> bool {
        self.enabled.has(n)
    }

    /// Whether the exception is pending.
    #[must_use]
    pub fn is_pending(&self, n: Number) -> bool {
        self.pending.has(n)
    }

    /// Whether the exception's handler has started and not returned.
    #[must_use]
    pub fn is_active(&self, n: Number) -> bool {
        self.active.has(n)
    }

    /// Overrides the active state, for SHCSR.
    pub fn set_active(&mut self, n: Number, active: bool) {
        self.active.set(n, active);
    }

    /// How many handlers are nested.
    #[must_use]
    pub fn nesting(&self) -> usize {
        self.active.count() as usize
    }

    /// The handler of an exception, from the vector table, with its Thumb bit.
    fn vector(&self, core: &impl CoreAccess, n: Number) -> Option<u32> {
        core.load(self.vector_table.wrapping_add(u32::from(n) * 4))
    }

    /// Enters exception `n`: pushes the frame, switches to handler mode, starts its handler. A push that fails leaves a BusFault
    /// pending and starts that handler instead, as the architecture's derived exceptions do.
    pub fn enter(&mut self, core: &mut impl CoreAccess, n: Number) -> Result<(), Lockup> {
        let xpsr = core.xpsr();
        let handler = xpsr & 0x1ff != 0;
        let sp = core.reg(13);
        let align = self.configuration & CCR_STKALIGN != 0 && sp & 4 != 0;
        let frame = sp.wrapping_sub(if align { 0x24 } else { 0x20 });
        let psr = (xpsr & !(1 << 9)) | u32::from(align) << 9;
        let words = [core.reg(0), core.reg(1), core.reg(2), core.reg(3), core.reg(12), core.reg(14), core.reg(15) & !1, psr];
        let stored = words.iter().enumerate().all(|(i, word)| core.store(frame.wrapping_add(i as u32 * 4), *word).is_some());
        let lr = match (handler, core.thread_uses_psp()) {
            (true, _) => RETURN_HANDLER,
            (false, true) => RETURN_THREAD_PSP,
            (false, false) => RETURN_THREAD_MSP,
        };
        core.set_reg(13, frame);
        if !stored {
            self.fault_status |= Fault::Stacking.class().1;
        }
        if stored || n == number::HARD_FAULT {
            self.start(core, n, lr)
        } else {
            // The derived BusFault is taken in place of `n`, which stays pending.
            let derived = self.raise(Fault::Stacking, core.masks())?;
            self.start(core, derived, lr)
        }
    }

    /// Marks `n` active and jumps to its handler.
    fn start(&mut self, core: &mut impl CoreAccess, n: Number, lr: u32) -> Result<(), Lockup> {
        self.set_pending(n, false);
        self.set_active(n, true);
        self.event = true;
        let Some(vector) = self.vector(core, n) else {
            self.hard_fault_status |= HFSR_VECTTBL;
            self.raised = Some(Fault::VectorTable);
            if n == number::HARD_FAULT {
                return Err(Lockup);
            }
            self.set_active(n, false);
            return self.start(core, number::HARD_FAULT, lr);
        };
        core.set_xpsr((core.xpsr() & 0xf800_0000) | 1 << 24 | u32::from(n));
        core.set_reg(14, lr);
        core.set_reg(15, vector & !1);
        if vector & 1 == 0 {
            if n == number::HARD_FAULT {
                return Err(Lockup);
            }
            let derived = self.raise(Fault::InvalidState, core.masks())?;
            return self.enter(core, derived);
        }
        Ok(())
    }

    /// Late arrival (DDI 0403, B1.5.11; DDI 0337E, 5.6): `entering` has been entered or tail-chained to, and its first instruction has not been
    /// executed. If something more urgent is pending by now it is handled first, on the same stack frame, and `entering` stays pending.
    pub fn late_arrival(&mut self, core: &mut impl CoreAccess, entering: Number) -> Result<Option<Number>, Lockup> {
        let Some(urgent) = self.takeable(core.masks()).filter(|_| self.is_active(entering)) else { return Ok(None) };
        let exc_return = core.reg(14);
        self.set_active(entering, false);
        self.set_pending(entering, true);
        self.start(core, urgent, exc_return)?;
        Ok(Some(urgent))
    }

    /// Returns from the exception that runs, by the EXC_RETURN value that was loaded into PC.
    pub fn exit(&mut self, core: &mut impl CoreAccess, exc_return: u32) -> Result<Return, Lockup> {
        let current = (core.xpsr() & 0x1ff) as Number;
        let nested = self.nesting();
        let to_thread = exc_return & 0xf != 1;
        let legal = match exc_return {
            RETURN_HANDLER => nested > 1,
            RETURN_THREAD_MSP | RETURN_THREAD_PSP => nested == 1 || self.configuration & CCR_NONBASETHRDENA != 0,
            _ => false,
        };
        if current == 0 || !self.is_active(current) || !legal {
            self.set_active(current, false);
            let fault = Fault::InvalidReturn;
            let n = self.raise(fault, core.masks())?;
            core.set_reg(14, 0xf000_0000 | exc_return);
            self.start(core, n, exc_return)?;
            return Ok(Return::Faulted(fault));
        }
        self.set_active(current, false);
        if current != number::NMI {
            core.clear_faultmask();
        }
        if self.level.has(current) {
            self.set_pending(current, true);
        }
        if let Some(next) = self.takeable(core.masks()) {
            self.start(core, next, exc_return)?;
            return Ok(Return::TailChained(next));
        }
        let outer = if to_thread { 0 } else { self.innermost_active() };
        core.set_xpsr((core.xpsr() & !0x1ff) | u32::from(outer));
        if to_thread {
            core.set_thread_uses_psp(exc_return == RETURN_THREAD_PSP);
        }
        let frame = core.reg(13);
        let mut words = [0; 8];
        for (i, word) in words.iter_mut().enumerate() {
            match core.load(frame.wrapping_add(i as u32 * 4)) {
                Some(value) => *word = value,
                None => {
                    let n = self.raise(Fault::Unstacking, core.masks())?;
                    self.enter(core, n)?;
                    return Ok(Return::Faulted(Fault::Unstacking));
                }
            }
        }
        let [r0, r1, r2, r3, r12, lr, pc, psr] = words;
        let stacked_number = psr & 0x1ff;
        if (stacked_number == 0) != to_thread {
            let n = self.raise(Fault::InvalidReturn, core.masks())?;
            self.enter(core, n)?;
            return Ok(Return::Faulted(Fault::InvalidReturn));
        }
        for (index, value) in [(0, r0), (1, r1), (2, r2), (3, r3), (12, r12), (14, lr), (15, pc & !1)] {
            core.set_reg(index, value);
        }
        core.set_reg(13, frame.wrapping_add(if psr & (1 << 9) != 0 { 0x24 } else { 0x20 }));
        core.set_xpsr(psr & !(1 << 9));
        self.event = true;
        Ok(Return::Done)
    }

    /// The active exception that a nested handler interrupted: the one with the most urgent priority.
    fn innermost_active(&self) -> Number {
        self.active.members().min_by_key(|n| (self.full_priority(*n), *n)).unwrap_or(0)
    }

    /// Records a fault in the status registers and says which exception it is taken as: itself where it is enabled and urgent enough,
    /// HardFault otherwise (DDI 0403, section B1.5.13).
    pub fn raise(&mut self, fault: Fault, masks: Masks) -> Result<Number, Lockup> {
        let (n, bits) = fault.class();
        self.raised = Some(fault);
        self.fault_status |= bits;
        if let Fault::PreciseBus(address) = fault {
            self.bus_fault_address = address;
        }
        if fault == Fault::VectorTable {
            self.hard_fault_status |= HFSR_VECTTBL;
        }
        let execution = self.execution_priority(masks);
        let taken_as_itself =
            n != number::HARD_FAULT && self.is_enabled(n) && self.group_priority(self.full_priority(n)) < execution;
        if taken_as_itself {
            return Ok(n);
        }
        if execution <= -1 {
            return Err(Lockup);
        }
        match n {
            number::HARD_FAULT => {}
            number::DEBUG_MONITOR => self.hard_fault_status |= HFSR_DEBUGEVT,
            _ => self.hard_fault_status |= HFSR_FORCED,
        }
        Ok(number::HARD_FAULT)
    }

    /// SVC: taken at once, or escalated when its priority does not allow that.
    pub fn supervisor_call(&mut self, masks: Masks) -> Result<Number, Lockup> {
        let n = number::SV_CALL;
        if self.group_priority(self.full_priority(n)) < self.execution_priority(masks) {
            return Ok(n);
        }
        self.raised = Some(Fault::DebugEvent);
        if self.execution_priority(masks) <= -1 {
            return Err(Lockup);
        }
        self.hard_fault_status |= HFSR_FORCED;
        Ok(number::HARD_FAULT)
    }
}
