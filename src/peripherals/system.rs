//! What it is: what devices share: time, clocks, interrupt lines, the schedule of what is due, serial output, and the ledger of what is
//! not modelled. A device reaches all of it through [`Ctx`] and nothing else of the world.
//! Source: RM0008 section 7 for the clock tree's shape; DESIGN, "Peripherals never poll".
//! Does not model: pins between devices, DMA requests.
//! Tested by: the unit tests below and every image.

use crate::finding::Finding;
use crate::machine::exceptions::{Exceptions, Number};
use crate::units::{Cycles, Hz, Tick};
use std::collections::{BTreeMap, BTreeSet};

/// The clocks that the firmware has set, and what the flash interface was told of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// The system clock.
    pub sysclk: Hz,
    /// Core, memories and DMA: the clock that cycles are counted in.
    pub hclk: Hz,
    /// The slow peripheral bus.
    pub pclk1: Hz,
    /// The fast peripheral bus.
    pub pclk2: Hz,
    /// FLASH_ACR.LATENCY.
    pub wait_states: u8,
    /// FLASH_ACR.PRFTBE.
    pub prefetch: bool,
}

impl Clocks {
    /// After reset: the internal 8 MHz oscillator everywhere, no wait states, prefetch on (RM0008, 7.3.2; PM0075, 3.1).
    pub const RESET: Clocks = Clocks {
        sysclk: Hz(8_000_000),
        hclk: Hz(8_000_000),
        pclk1: Hz(8_000_000),
        pclk2: Hz(8_000_000),
        wait_states: 0,
        prefetch: true,
    };
}

/// The bus that clocks a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Domain {
    /// The core's own clock.
    #[default]
    Core,
    /// PCLK1.
    Apb1,
    /// PCLK2.
    Apb2,
}

/// The index of RCC_AHBENR in [`System::clock_enables`].
pub const AHB_ENABLES: usize = 0;
/// The index of RCC_APB2ENR.
pub const APB2_ENABLES: usize = 1;
/// The index of RCC_APB1ENR.
pub const APB1_ENABLES: usize = 2;

/// A byte that the firmware sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentByte {
    /// Which device, by its number in the machine.
    pub device: usize,
    /// The byte.
    pub byte: u8,
    /// When its stop bit ended.
    pub at: Tick,
}

/// An access to something that is not modelled, as the ledger counts it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LedgerKey {
    /// Device and register, or the bare address.
    pub register: String,
    /// What of it: the whole register, or the bits that were set.
    pub what: String,
}

/// DWT's cycle counter: a value that grows with the core's clock while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CycleCounter {
    value: u32,
    running_since: Option<Tick>,
}

impl CycleCounter {
    /// The count at `now`.
    #[must_use]
    pub fn read(&self, now: Tick) -> u32 {
        self.value.wrapping_add(self.running_since.map_or(0, |since| now.since(since).0 as u32))
    }

    /// Sets the count.
    pub fn write(&mut self, value: u32, now: Tick) {
        self.value = value;
        self.running_since = self.running_since.map(|_| now);
    }

    /// The core's clock stood still for so long: asleep, without DBGMCU_CR.DBG_SLEEP (RM0008, 31.16.1).
    pub fn stand_still(&mut self, duration: Cycles) {
        self.value = self.value.wrapping_sub(if self.is_running() { duration.0 as u32 } else { 0 });
    }

    /// Starts or stops it.
    pub fn run(&mut self, running: bool, now: Tick) {
        self.value = self.read(now);
        self.running_since = running.then_some(now);
    }

    /// Whether it counts.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running_since.is_some()
    }
}

/// What the devices share.
#[derive(Clone, Debug)]
pub struct System {
    /// NVIC and SCB.
    pub exceptions: Exceptions,
    /// The clock tree's present outputs.
    pub clocks: Clocks,
    /// The external crystal's frequency.
    pub hse: Hz,
    /// Set when `clocks` changed since the machine last looked.
    pub clocks_changed: bool,
    /// DEMCR.TRCENA: without it the DWT does not count.
    pub trace_enabled: bool,
    /// DWT_CTRL.CYCCNTENA.
    pub cycle_counter_enabled: bool,
    /// DWT_CYCCNT.
    pub cycle_counter: CycleCounter,
    /// The core's present instant.
    pub now: Tick,
    /// The firmware asked for a reset (AIRCR.SYSRESETREQ).
    pub reset_requested: bool,
    /// Everything sent so far.
    pub sent: Vec<SentByte>,
    /// The address of the instruction that accesses a device now.
    pub pc: u32,
    /// What the firmware did that a user should know, with the address of the instruction that did it first.
    pub findings: Vec<(Finding, u32)>,
    /// What it used that is not modelled, with a count.
    pub ledger: BTreeMap<LedgerKey, u64>,
    /// The machine should look at the world outside before it goes on.
    pub attention: bool,
    /// Clock enable bits as RCC holds them, by [`AHB_ENABLES`], [`APB2_ENABLES`], [`APB1_ENABLES`].
    pub clock_enables: [u32; 3],
    schedule: BTreeSet<(Tick, usize, u32)>,
    /// Since when exceptions are pending that have not been taken.
    pended: BTreeMap<Number, Tick>,
}

impl System {
    /// After power-on, with a crystal of `hse`.
    #[must_use]
    pub fn new(hse: Hz) -> Self {
        Self {
            exceptions: Exceptions::default(),
            clocks: Clocks::RESET,
            hse,
            clocks_changed: false,
            trace_enabled: false,
            cycle_counter_enabled: false,
            cycle_counter: CycleCounter::default(),
            now: Tick(0),
            reset_requested: false,
            sent: Vec::new(),
            pc: 0,
            findings: Vec::new(),
            ledger: BTreeMap::new(),
            attention: false,
            clock_enables: [0x14, 0, 0],
            schedule: BTreeSet::new(),
            pended: BTreeMap::new(),
        }
    }

    /// As after power-on, except for time and what the run has recorded.
    pub fn reset(&mut self) {
        let fresh = System::new(self.hse);
        *self = System {
            now: self.now,
            sent: std::mem::take(&mut self.sent),
            findings: std::mem::take(&mut self.findings),
            ledger: std::mem::take(&mut self.ledger),
            ..fresh
        };
    }

    /// Notes that what has become pending did so now.
    #[inline]
    pub fn note_pended(&mut self) {
        while let Some(n) = self.exceptions.take_newly_pending() {
            self.pended.insert(n, self.now);
        }
    }

    /// Since when an exception that is taken now has been pending.
    pub fn take_pended(&mut self, n: Number) -> Option<Tick> {
        self.pended.remove(&n)
    }

    /// The next instant that a device waits for.
    #[must_use]
    pub fn next_due(&self) -> Tick {
        self.schedule.first().map_or(Tick::NEVER, |(at, _, _)| *at)
    }

    /// Takes what is due by now: when it was due, the device's number and its event.
    pub fn take_due(&mut self) -> Option<(Tick, usize, u32)> {
        self.schedule.first().filter(|(at, _, _)| *at <= self.now)?;
        self.schedule.pop_first()
    }

    /// Lets the cycle counter run when both its own enable bit and TRCENA say so.
    pub fn update_cycle_counter(&mut self) {
        self.cycle_counter.run(self.trace_enabled && self.cycle_counter_enabled, self.now);
    }

    /// Notes a use of something that is not modelled.
    pub fn note(&mut self, register: impl Into<String>, what: impl Into<String>) {
        *self.ledger.entry(LedgerKey { register: register.into(), what: what.into() }).or_insert(0) += 1;
    }

    /// Adds a finding, once.
    pub fn find(&mut self, finding: Finding) {
        if !self.findings.iter().any(|(known, _)| *known == finding) {
            self.findings.push((finding, self.pc));
        }
    }
}

/// One device's view of the world during one call.
pub struct Ctx<'a> {
    /// What all devices share.
    pub system: &'a mut System,
    /// The device's number in the machine.
    pub device: usize,
    /// The device's name on the chip.
    pub name: &'a str,
    /// The exceptions that the device's interrupt lines are wired to.
    pub lines: &'a [Number],
    /// The bus that clocks it.
    pub domain: Domain,
}

impl Ctx<'_> {
    /// The core's present instant.
    #[must_use]
    pub fn now(&self) -> Tick {
        self.system.now
    }

    /// The device's own clock.
    #[must_use]
    pub fn clock(&self) -> Hz {
        match self.domain {
            Domain::Core => self.system.clocks.hclk,
            Domain::Apb1 => self.system.clocks.pclk1,
            Domain::Apb2 => self.system.clocks.pclk2,
        }
    }

    /// How many core cycles one cycle of the device's clock lasts; the bus prescalers are powers of two.
    #[must_use]
    pub fn core_cycles_per_clock(&self) -> u64 {
        u64::from(self.system.clocks.hclk.0 / self.clock().0.max(1)).max(1)
    }

    /// Calls the device's `due(event)` after `delay`; an earlier request for the same event is replaced.
    pub fn schedule(&mut self, event: u32, delay: Cycles) {
        self.cancel(event);
        let at = self.system.now + delay;
        self.system.schedule.insert((at, self.device, event));
    }

    /// Withdraws a request.
    pub fn cancel(&mut self, event: u32) {
        let device = self.device;
        self.system.schedule.retain(|(_, d, e)| !(*d == device && *e == event));
    }

    /// Drives the device's interrupt line of that index.
    pub fn set_line(&mut self, index: usize, high: bool) {
        if let Some(n) = self.lines.get(index) {
            self.system.exceptions.set_level(*n, high);
        }
    }

    /// Sends a byte out of the chip, now.
    pub fn send(&mut self, byte: u8) {
        self.system.sent.push(SentByte { device: self.device, byte, at: self.system.now });
        self.system.attention |= byte == b'\n';
    }

    /// Sets the clock tree's outputs.
    pub fn set_clocks(&mut self, clocks: Clocks) {
        if self.system.clocks != clocks {
            self.system.clocks = clocks;
            self.system.clocks_changed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_in_order_of_time_and_only_when_its_time_has_come() {
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 3, name: "X", lines: &[], domain: Domain::Core };
        ctx.schedule(0, Cycles(20));
        ctx.schedule(1, Cycles(10));
        ctx.schedule(2, Cycles(15));
        ctx.cancel(2);
        assert_eq!(system.next_due(), Tick(10));
        assert_eq!(system.take_due(), None);
        system.now = Tick(25);
        assert_eq!(
            [system.take_due(), system.take_due(), system.take_due()],
            [Some((Tick(10), 3, 1)), Some((Tick(20), 3, 0)), None]
        );
    }
}
