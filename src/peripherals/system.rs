//! What it is: what devices share: time, clocks, interrupt lines, the schedule of what is due, serial output, and the ledger of what is
//! not modelled. A device reaches all of it through [`Ctx`] and nothing else of the world.
//! Source: RM0008 section 7 for the clock tree's shape; DESIGN, "Peripherals never poll".
//! Does not model: who is wired to whom; that is chip data, and the bus follows it.
//! Tested by: the unit tests below and every image.

use super::analog::Analog;
pub use super::wire::{Change, WireEvent};
use crate::chip::Chip;
use crate::finding::Finding;
use crate::machine::exceptions::{Exceptions, Number};
use crate::units::{Cycles, Hz, Tick};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

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
    /// What divides PCLK2 for the ADCs.
    pub adc_divider: u8,
    /// The RTC's clock; 0 while it has none.
    pub rtc: Hz,
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
        adc_divider: 2,
        rtc: Hz(0),
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

/// A pin's level changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinChange {
    /// The port, by its number in the machine.
    pub device: usize,
    /// The pin, 0 to 15.
    pub pin: u8,
    /// Its level now.
    pub high: bool,
    /// When.
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

/// How many changes of pins a run keeps.
const MOST_PIN_CHANGES: usize = 100_000;

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

/// A device's output changed: a DMA request, a trigger, a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The device's number.
    pub device: usize,
    /// Which of its outputs, in the order in which it declares them.
    pub output: usize,
    /// Its level now.
    pub high: bool,
}

/// A read and a write that a DMA channel wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The controller's number.
    pub device: usize,
    /// Its channel, from 0.
    pub channel: usize,
    /// Where from, and how many bytes.
    pub source: (u32, u32),
    /// Where to, and how many bytes.
    pub target: (u32, u32),
}

/// Something that only the bus or the core can do for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Move data.
    Transfer(Transfer),
    /// Tell whoever drives this input that its request has been served.
    Served {
        /// The controller's number.
        device: usize,
        /// The input.
        input: usize,
    },
    /// Take notice of what drives this input, or no longer.
    Listen {
        /// The device's number.
        device: usize,
        /// Its input.
        input: usize,
        /// From now on, or no longer.
        on: bool,
    },
    /// Put the devices that these bits of that clock enable register gate into their reset state (RCC_xxxRSTR).
    Reset {
        /// An index of [`System::clock_enables`].
        register: usize,
        /// The bits.
        bits: u32,
    },
    /// Fill flash from an offset on with ones.
    EraseFlash {
        /// The first byte, counted from the flash's start.
        offset: u32,
        /// How many bytes.
        size: u32,
    },
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
    /// What the pins did, as far as it is kept.
    pub pins: Vec<PinChange>,
    /// Everything that the ITM took so far.
    pub traced: Vec<TracedItem>,
    /// What happened on wires that leave the chip; `None` unless somebody wants to know.
    pub wires: Option<Vec<WireEvent>>,
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
            trace_enabled: false,
            cycle_counter_enabled: false,
            cycle_counter: CycleCounter::default(),
            now: Tick(0),
            reset_requested: false,
            sent: Vec::new(),
            pins: Vec::new(),
            traced: Vec::new(),
            wires: None,
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
            pins: std::mem::take(&mut self.pins),
            traced: std::mem::take(&mut self.traced),
            wires: self.wires.take(),
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

    /// A pin's level changed now.
    pub fn note_pin(&mut self, device: usize, pin: usize, high: bool) {
        if self.pins.len() < MOST_PIN_CHANGES {
            self.pins.push(PinChange { device, pin: pin as u8, high, at: self.now });
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
            self.system.drive_line(*n, self.device, index, high);
        }
    }

    /// Pends the interrupt of that index once, whatever its level.
    pub fn pulse_line(&mut self, index: usize) {
        if let Some(n) = self.lines.get(index) {
            self.system.exceptions.set_pending(*n, true);
        }
    }

    /// Drives the device's output of that number: whatever the chip has wired to it learns of it at this instant.
    pub fn drive(&mut self, output: usize, high: bool) {
        self.system.signals.push_back(Signal { device: self.device, output, high });
    }

    /// Takes notice of what is wired to the input from now on, or no longer.
    pub fn listen(&mut self, input: usize, on: bool) {
        self.system.wishes.push_back(Wish::Listen { device: self.device, input, on });
    }

    /// Wishes for a transfer; the device learns of its end by `transferred`.
    pub fn transfer(&mut self, channel: usize, source: (u32, u32), target: (u32, u32)) {
        let transfer = Transfer { device: self.device, channel, source, target };
        self.system.wishes.push_back(Wish::Transfer(transfer));
    }

    /// Tells whoever drives the input that its request has been served.
    pub fn serve(&mut self, input: usize) {
        self.system.wishes.push_back(Wish::Served { device: self.device, input });
    }

    /// Drives the output high and low again.
    pub fn pulse(&mut self, output: usize) {
        self.drive(output, true);
        self.drive(output, false);
    }

    /// How many core cycles one cycle of a timer's clock lasts: the bus clock, doubled where the bus is divided (RM0008, figure 8).
    #[must_use]
    pub fn core_cycles_per_timer_clock(&self) -> u64 {
        (self.core_cycles_per_clock() / 2).max(1)
    }

    /// Sends a byte out of the chip, now.
    pub fn send(&mut self, byte: u8) {
        self.system.sent.push(SentByte { device: self.device, byte, at: self.system.now });
        self.system.attention |= byte == b'\n';
    }

    /// A stimulus port of the ITM takes a value.
    pub fn trace(&mut self, port: u32, size: u32, value: u32) {
        self.system.traced.push(TracedItem { port, size, value, at: self.system.now });
    }

    /// Notes what happens on a wire, for whoever wants to know.
    pub fn note_wire(&mut self, change: Change) {
        let (device, nanos) = (self.device, self.system.nanos_at(self.system.now));
        if let Some(wires) = &mut self.system.wires {
            wires.push(WireEvent { device, nanos, change });
        }
    }

    /// Sets the clock tree's outputs.
    pub fn set_clocks(&mut self, clocks: Clocks) {
        if self.system.clocks != clocks {
            if self.system.clocks.hclk != clocks.hclk {
                self.system.time = (self.system.nanos_at(self.system.now), self.system.now);
            }
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
