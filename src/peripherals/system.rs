//! What it is: what devices share: time, clocks, interrupt lines, the schedule of what is due, serial output, and the ledger of what is
//! not modelled. A device reaches all of it through [`Ctx`] and nothing else of the world.
//! Source: RM0008 section 7 for the clock tree's shape; DESIGN, "Peripherals never poll".
//! Does not model: who is wired to whom; that is chip data, and the bus follows it.
//! Tested by: the unit test in `ctx` and every image.

mod clocks;
mod ctx;
mod wish;

use super::analog::Analog;
pub use super::wire::{Change, WireEvent};
use crate::chip::Chip;
use crate::finding::Finding;
use crate::machine::exceptions::{Exceptions, Number};
use crate::units::{Cycles, Hz, Tick};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

pub use clocks::{AHB_ENABLES, APB1_ENABLES, APB2_ENABLES, Clocks, CycleCounter, Domain};
pub use ctx::Ctx;
pub use wish::{Signal, Transfer, Wish};

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

/// A value that the firmware wrote to a stimulus port of the ITM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TracedItem {
    /// The port.
    pub port: u32,
    /// Bytes: 1, 2 or 4.
    pub size: u32,
    /// The value.
    pub value: u32,
    /// When.
    pub at: Tick,
}

/// How many changes of pins a run keeps that nobody asked to record.
const MOST_PIN_CHANGES: usize = 100_000;

/// An access to something that is not modelled, as the ledger counts it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LedgerKey {
    /// Device and register, or the bare address.
    pub register: String,
    /// What of it: the whole register, or the bits that were set.
    pub what: String,
}

/// How deep the core sleeps when it sleeps (RM0008, table 11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeepSleep {
    /// PWR_CR.PDDS: standby instead of stop.
    pub standby: bool,
    /// PWR_CR.LPDS: in stop the voltage regulator is in low power.
    pub low_power: bool,
}

/// RCC_CSR: why the chip was reset (RM0008, 7.3.10).
pub mod reset_flag {
    /// The reset pin, which every reset pulls.
    pub const PIN: u32 = 1 << 26;
    /// Power on.
    pub const POWER: u32 = 1 << 27;
    /// AIRCR.SYSRESETREQ.
    pub const SOFTWARE: u32 = 1 << 28;
    /// The independent watchdog.
    pub const INDEPENDENT_WATCHDOG: u32 = 1 << 29;
    /// The window watchdog.
    pub const WINDOW_WATCHDOG: u32 = 1 << 30;
}

/// What the devices share.
#[derive(Clone, Debug)]
pub struct System {
    /// The chip's facts.
    pub chip: Rc<Chip>,
    /// Levels of outputs that have changed and that the bus has not passed on.
    pub signals: VecDeque<Signal>,
    /// What devices want the bus to do.
    pub wishes: VecDeque<Wish>,
    /// Interrupt lines that are driven high: the exception, and the device and index of the driver. Lines are wired together.
    driven: Vec<(Number, usize, usize)>,
    /// AFIO_EXTICR: the port (0 for A) that each of the EXTI lines 0 to 15 looks at.
    pub exti_ports: [u8; 16],
    /// AFIO_MAPR, and above it AFIO_MAPR2: which pins devices use.
    pub remap: u64,
    /// ADC1's CR1.DUALMOD, and what ADC2 has converted last of its regular channels.
    pub adc_mode: u32,
    /// See `adc_mode`.
    pub adc_slave: u16,
    /// What is connected to the analogue inputs.
    pub analog: Analog,
    /// The option bytes as they stand in their memory.
    pub option_bytes: [u8; 16],
    /// PWR_CR.DBP: RTC, BKP and RCC_BDCR may be written.
    pub backup_access: bool,
    /// RCC_BDCR.
    pub backup_control: u32,
    /// What SLEEPDEEP means.
    pub deep_sleep: DeepSleep,
    /// The core was in standby when it was woken: PWR_CSR.SBF.
    pub woken_from_standby: bool,
    /// Until when the core waits for the flash to be programmed or erased.
    pub stalled_until: Option<Tick>,
    /// Stretches of flash (first address, bytes) that have been programmed or erased and that the core may still know as they were.
    pub changed_flash: Vec<(u32, u32)>,
    /// The flash interface takes stores of the core: FLASH_CR.PG is set.
    pub flash_writable: bool,
    /// FLASH_CR.OPTPG is set and the option bytes are unlocked.
    pub options_writable: bool,
    /// Something ends standby: the wake-up pin, the RTC's alarm.
    pub wake_up: bool,
    /// Why the reset that was asked for was asked for: bits of [`reset_flag`].
    pub reset_cause: u32,
    /// Nanoseconds that had passed when the core's clock last changed, and when that was.
    time: (u128, Tick),
    /// NVIC and SCB.
    pub exceptions: Exceptions,
    /// The clock tree's present outputs.
    pub clocks: Clocks,
    /// The external crystal's frequency.
    pub hse: Hz,
    /// Set when `clocks` changed since the machine last looked.
    pub clocks_changed: bool,
    /// DFSR: what debug events there were.
    pub debug_fault: u32,
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
    /// Everything that the ITM took so far.
    pub traced: Vec<TracedItem>,
    /// What happened on wires that leave the chip: all of it if it is recorded, else the first changes of port pins.
    pub wires: Vec<WireEvent>,
    /// Everything that happens on the wires is recorded.
    pub records_wires: bool,
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
    /// After power-on, with a crystal of `hse`, on a medium-density chip.
    #[cfg(test)]
    #[must_use]
    pub fn new(hse: Hz) -> Self {
        let chip = Chip::find("stm32f103c8").expect("a built-in chip");
        Self { hse, ..Self::of(&Rc::new(chip)) }
    }

    /// After power-on.
    #[must_use]
    pub fn of(chip: &Rc<Chip>) -> Self {
        Self {
            chip: Rc::clone(chip),
            signals: VecDeque::new(),
            wishes: VecDeque::new(),
            driven: Vec::new(),
            exti_ports: [0; 16],
            remap: 0,
            adc_mode: 0,
            adc_slave: 0,
            analog: Analog::default(),
            // Erased but for read protection, which is off (PM0075, 2.5, table 4).
            option_bytes: [0xa5, 0x5a, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0],
            backup_access: false,
            backup_control: 0,
            deep_sleep: DeepSleep::default(),
            woken_from_standby: false,
            stalled_until: None,
            changed_flash: Vec::new(),
            flash_writable: false,
            options_writable: false,
            wake_up: false,
            reset_cause: reset_flag::POWER | reset_flag::PIN,
            time: (0, Tick(0)),
            hse: chip.clocks.hse,
            exceptions: Exceptions::default(),
            clocks: Clocks::RESET,
            clocks_changed: false,
            debug_fault: 0,
            trace_enabled: false,
            cycle_counter_enabled: false,
            cycle_counter: CycleCounter::default(),
            now: Tick(0),
            reset_requested: false,
            sent: Vec::new(),
            traced: Vec::new(),
            wires: Vec::new(),
            records_wires: false,
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
        let fresh = System::of(&self.chip);
        *self = System {
            now: self.now,
            hse: self.hse,
            time: (self.nanos_at(self.now), self.now),
            analog: std::mem::take(&mut self.analog),
            option_bytes: self.option_bytes,
            backup_control: self.backup_control,
            woken_from_standby: self.woken_from_standby,
            reset_cause: self.reset_cause,
            sent: std::mem::take(&mut self.sent),
            traced: std::mem::take(&mut self.traced),
            wires: std::mem::take(&mut self.wires),
            records_wires: self.records_wires,
            findings: std::mem::take(&mut self.findings),
            ledger: std::mem::take(&mut self.ledger),
            ..fresh
        };
    }

    /// How much time has passed since power-on at an instant, in nanoseconds.
    #[must_use]
    pub fn nanos_at(&self, at: Tick) -> u128 {
        let (before, since) = self.time;
        before + u128::from(at.since(since).0) * 1_000_000_000 / u128::from(self.clocks.hclk.0.max(1))
    }

    /// How many core cycles so many nanoseconds are at the present clock, rounded up.
    #[must_use]
    pub fn cycles_of_nanos(&self, nanos: u64) -> Cycles {
        Cycles((u128::from(nanos) * u128::from(self.clocks.hclk.0)).div_ceil(1_000_000_000) as u64)
    }

    /// Something happens on a wire of a device.
    pub fn note_wire(&mut self, device: usize, change: Change) {
        let kept = matches!(change, Change::Pin { .. }) && self.wires.len() < MOST_PIN_CHANGES;
        if self.records_wires || kept {
            self.wires.push(WireEvent { device, at: self.now, nanos: self.nanos_at(self.now), change });
        }
    }

    /// Asks for a reset of the whole chip.
    pub fn request_reset(&mut self, cause: u32) {
        self.reset_requested = true;
        self.reset_cause = cause | reset_flag::PIN;
        self.attention = true;
    }

    /// Withdraws whatever a device waits for and drives: it is about to be reset.
    pub fn forget(&mut self, device: usize) {
        self.schedule.retain(|(_, d, _)| *d != device);
        let lines: Vec<(Number, usize)> =
            self.driven.iter().filter(|(_, d, _)| *d == device).map(|(n, _, index)| (*n, *index)).collect();
        for (n, index) in lines {
            self.drive_line(n, device, index, false);
        }
    }

    /// A device drives an exception's line; the line is high while anybody drives it.
    fn drive_line(&mut self, n: Number, device: usize, index: usize, high: bool) {
        let key = (n, device, index);
        match (high, self.driven.iter().position(|driven| *driven == key)) {
            (true, None) => self.driven.push(key),
            (false, Some(at)) => {
                self.driven.swap_remove(at);
            }
            _ => return,
        }
        let any = self.driven.iter().any(|(other, ..)| *other == n);
        self.exceptions.set_level(n, any);
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

    /// The next instant that one of these devices waits for.
    #[must_use]
    pub fn next_due_of(&self, awake: impl Fn(usize) -> bool) -> Tick {
        self.schedule.iter().find(|(_, device, _)| awake(*device)).map_or(Tick::NEVER, |(at, _, _)| *at)
    }

    /// Whatever these devices wait for comes so much later.
    pub fn postpone(&mut self, asleep: impl Fn(usize) -> bool, by: Cycles) {
        self.schedule = std::mem::take(&mut self.schedule)
            .into_iter()
            .map(|(at, device, event)| (if asleep(device) { at + by } else { at }, device, event))
            .collect();
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
