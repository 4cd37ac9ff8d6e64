//! What it is: what can be asked of a machine and done to it from outside, between two stretches of a run.
//! Source: our own.
//! Does not model: anything of its own; it passes on to the parts.
//! Tested by: whoever asks: the observers, the reports, `tests/machine.rs`, `tests/heap.rs`, `tests/energy.rs`, `tests/exports.rs`.

use super::calls::Calls;
use super::cpu::Memory;
use super::heap::{HEAP_FUNCTIONS, Heap, HeapCall};
use super::run::{Machine, power_on_fill};
use super::soc::{Mark, SleepMode};
use crate::finding::Finding;
use crate::peripherals::Partner;
use crate::peripherals::analog::{Conversion, Source};
use crate::peripherals::system::{Clocks, LedgerKey, SentByte, TracedItem, WireEvent};
use crate::timing::{Prices, TimingConfig};
use crate::units::{Hz, Tick};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

impl Machine {
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

    /// Connects a partner to a device's serial bus or line (SPI, I2C, USART).
    pub fn attach(&mut self, device: usize, partner: Partner) {
        let soc = self.cpu.world_mut();
        soc.bus.attach(device, partner, &mut soc.system);
    }

    /// Connects a memory of that many bytes at an address outside of the chip; whether the chip has a place for it there.
    pub fn fit_memory(&mut self, base: u32, size: u32) -> bool {
        self.cpu.world_mut().bus.fit(base, size)
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

    /// What the firmware wrote to a stimulus port of the ITM, each value in as many bytes as it was written in.
    #[must_use]
    pub fn itm_output(&self, port: u32) -> Vec<u8> {
        let items = self.cpu.world().system.traced.iter().filter(|item| item.port == port);
        items.flat_map(|item| item.value.to_le_bytes().into_iter().take(item.size as usize)).collect()
    }

    /// Everything that the firmware wrote to the ITM.
    #[must_use]
    pub fn traced(&self) -> &[TracedItem] {
        &self.cpu.world().system.traced
    }

    /// The stimulus ports that something was written to.
    #[must_use]
    pub fn itm_ports(&self) -> BTreeSet<u32> {
        self.cpu.world().system.traced.iter().map(|item| item.port).collect()
    }

    /// From now on everything is noted that happens on wires that leave the chip.
    pub fn record_wires(&mut self) {
        self.cpu.world_mut().system.records_wires = true;
    }

    /// What has happened on them: all of it if it was to be noted, else the first changes of port pins.
    #[must_use]
    pub fn wires(&self) -> &[WireEvent] {
        &self.cpu.world().system.wires
    }

    /// Whether the core sleeps and nothing in the chip will wake it: the world outside is looked at for the last time.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.idle
    }

    /// Whether a USART's receiver is on: CR1.UE and CR1.RE (RM0008, 27.6.4).
    #[must_use]
    pub fn can_receive(&self, device: usize) -> bool {
        const UE_RE: u32 = 1 << 13 | 1 << 2;
        let registers = self.cpu.world().bus.registers_of(device);
        let control = registers.iter().find(|(name, _)| name == "CR1");
        control.and_then(|(_, address)| self.cpu.world().peek(*address)).is_some_and(|value| value & UE_RE == UE_RE)
    }

    /// How many handlers are nested.
    #[must_use]
    pub fn nesting(&self) -> usize {
        self.cpu.world().system.exceptions.nesting()
    }

    /// The exceptions that are pending or active, and which of it.
    #[must_use]
    pub fn exceptions(&self) -> Vec<(u16, Vec<&'static str>)> {
        let exceptions = &self.cpu.world().system.exceptions;
        let state = |n: u16| {
            let states = [
                ("active", exceptions.is_active(n)),
                ("pending", exceptions.is_pending(n)),
                ("enabled", exceptions.is_enabled(n)),
            ];
            states.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name).collect::<Vec<_>>()
        };
        let concerned = |n: &u16| exceptions.is_active(*n) || exceptions.is_pending(*n);
        (1..256).filter(concerned).map(|n| (n, state(n))).collect()
    }

    /// Follows the heap from now on, given where the firmware has a function of that linker name. To be called before the run.
    pub fn watch_heap(&mut self, address: impl Fn(&str) -> Option<u32>) {
        let known: Vec<(u32, HeapCall)> =
            HEAP_FUNCTIONS.iter().filter_map(|(name, call)| Some((address(name)?, *call))).collect();
        for (function, call) in known {
            self.cpu.world_mut().watch_heap(function & !1, call);
        }
    }

    /// What was allocated so far; `None` where no function of the heap is known.
    #[must_use]
    pub fn heap(&self) -> Option<&Heap> {
        let heap = &self.cpu.world().heap;
        heap.is_watched().then_some(heap)
    }

    /// Cycles by how the core slept (`None`: it did not) and by its clock. They sum to the run's.
    #[must_use]
    pub fn modes(&self) -> BTreeMap<(Option<SleepMode>, Hz), u64> {
        self.cpu.world().modes()
    }
}
