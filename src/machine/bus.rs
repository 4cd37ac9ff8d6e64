//! What it is: the address decoder between the core and the devices: who answers where, clock gating, access widths, bit-band aliases, and
//! the ledger of what nobody models.
//! Source: RM0008 section 3.3 (memory map), 2.1 (bridges widen narrow accesses); DDI 0337 section 3.4 (bit-banding).
//! Does not model: bus errors at reserved addresses between devices; those read 0 and are noted.
//! Tested by: the unit tests below and every image.

mod look;
mod outside;
mod wires;

use super::cpu::Memory;
use super::exceptions::{Number, number};
use crate::chip::{self, Chip};
use crate::finding::{Code, Finding};
use crate::peripherals::system::{AHB_ENABLES, APB1_ENABLES, APB2_ENABLES, Clocks, Ctx, Domain, System, Transfer, Wish};
use crate::peripherals::{self, Partner, Peripheral};
use crate::units::Cycles;
use std::collections::{BTreeMap, BTreeSet};
use wires::{End, Wires, wires};

/// One device where the chip has it.
struct Slot {
    name: String,
    kind: String,
    base: u32,
    size: u32,
    /// `None` for a kind that is not modelled.
    device: Option<Box<dyn Peripheral>>,
    lines: Vec<Number>,
    domain: Domain,
    /// The clock enable register (an index of [`System::clock_enables`]) and bit.
    gate: Option<(usize, u32)>,
}

/// All devices of a chip.
pub struct Bus {
    /// In the order of their bases.
    slots: Vec<Slot>,
    /// What was written where nobody models it: it reads back.
    unmodelled: BTreeMap<u32, u32>,
    wires: Wires,
    /// The same from the other side: for each device and input, the devices and outputs that are or may be wired to it.
    drivers: BTreeMap<(usize, usize), Vec<(usize, usize)>>,
    /// The devices and inputs that take notice.
    listeners: BTreeSet<(usize, usize)>,
    /// The clocks that the devices know of.
    clocks: Clocks,
}

/// How many signals may follow from one another at one instant; more can only be devices that trigger each other in a ring.
const MOST_SIGNALS: usize = 10_000;

/// The state of every device of a bus.
pub struct BusState {
    devices: Vec<Option<Box<dyn Peripheral>>>,
    unmodelled: BTreeMap<u32, u32>,
    listeners: BTreeSet<(usize, usize)>,
    clocks: Clocks,
}

/// The bit-band aliases: alias base, target base.
const BIT_BANDS: [(u32, u32); 2] = [(0x2200_0000, 0x2000_0000), (0x4200_0000, 0x4000_0000)];
const BIT_BAND_SIZE: u32 = 0x0200_0000;

/// The word and bit that a bit-band alias stands for.
fn bit_band(address: u32) -> Option<(u32, u32)> {
    BIT_BANDS.iter().find_map(|(alias, target)| {
        let offset = address.wrapping_sub(*alias);
        (offset < BIT_BAND_SIZE).then(|| {
            let byte = target + offset / 32;
            (byte & !3, (byte & 3) * 8 + offset / 4 % 8)
        })
    })
}

impl Bus {
    /// The chip's devices, reset.
    #[must_use]
    pub fn new(chip: &Chip) -> Self {
        let mut slots: Vec<Slot> = chip
            .peripherals
            .iter()
            .map(|slot| {
                let (domain, enables) = match slot.bus {
                    chip::Bus::Core => (Domain::Core, None),
                    chip::Bus::Ahb => (Domain::Core, Some(AHB_ENABLES)),
                    chip::Bus::Apb1 => (Domain::Apb1, Some(APB1_ENABLES)),
                    chip::Bus::Apb2 => (Domain::Apb2, Some(APB2_ENABLES)),
                };
                let interrupts = slot.interrupts.iter().map(|position| number::FIRST_INTERRUPT + position);
                Slot {
                    name: slot.name.clone(),
                    kind: slot.kind.clone(),
                    base: slot.window.base.0,
                    size: slot.window.size.0 as u32,
                    device: peripherals::create(&slot.kind),
                    // SysTick's line is an exception of the core, not an interrupt of the chip.
                    lines: if slot.kind == "systick" { vec![number::SYS_TICK] } else { interrupts.collect() },
                    domain,
                    gate: enables.zip(slot.enable).map(|(register, bit)| (register, 1 << bit)),
                }
            })
            .collect();
        slots.sort_by_key(|slot| slot.base);
        let wires = wires(chip, &slots);
        let mut drivers: BTreeMap<(usize, usize), Vec<(usize, usize)>> = BTreeMap::new();
        for (device, outputs) in wires.iter().enumerate() {
            for (output, ends) in outputs.iter().enumerate() {
                ends.iter().for_each(|end| drivers.entry((end.device, end.input)).or_default().push((device, output)));
            }
        }
        Self { slots, unmodelled: BTreeMap::new(), wires, drivers, listeners: BTreeSet::new(), clocks: Clocks::RESET }
    }

    /// Power has come on.
    pub fn start(&mut self, system: &mut System, memory: &Memory) {
        for i in 0..self.slots.len() {
            self.with(i, system, |device, ctx| {
                device.restart(true, ctx);
            });
        }
        self.settle(system, memory);
    }

    /// The slot that an address lies in.
    fn find(&self, address: u32) -> Option<usize> {
        let after = self.slots.partition_point(|slot| slot.base <= address);
        let slot = self.slots.get(after.checked_sub(1)?)?;
        (address - slot.base < slot.size).then(|| after - 1)
    }

    /// A load by the core.
    pub fn read(&mut self, address: u32, size: u32, system: &mut System, memory: &Memory) -> u32 {
        if let Some((word, bit)) = bit_band(address) {
            let value = if memory.is_sram(word) { memory.read(word, 4).unwrap_or(0) } else { self.read(word, 4, system, memory) };
            return value >> bit & 1;
        }
        if let Some(value) = self.outside(address, size, None, system) {
            return value;
        }
        let word = self.read_word(address & !3, system);
        let shifted = word >> ((address & 3) * 8);
        if size >= 4 { shifted } else { shifted & ((1 << (size * 8)) - 1) }
    }

    /// A store by the core.
    pub fn write(&mut self, address: u32, size: u32, value: u32, system: &mut System, memory: &Memory) {
        if let Some((word, bit)) = bit_band(address) {
            let (mask, set) = (1 << bit, (value & 1) << bit);
            if memory.is_sram(word) {
                let old = memory.read(word, 4).unwrap_or(0);
                memory.write(word, &((old & !mask) | set).to_le_bytes());
            } else {
                let old = self.read(word, 4, system, memory);
                self.write_word(word, (old & !mask) | set, system);
            }
            return;
        }
        if self.outside(address, size, Some(value), system).is_some() {
            return;
        }
        let word = address & !3;
        if size < 4 && self.takes_narrow(address, size, value, system) {
            return;
        }
        let widened =
            match size {
                4.. => value,
                // The bridges repeat a narrow value over the whole word (RM0008, 2.1); the core's own bus and AHB write only its bytes.
                _ if self.find(word).and_then(|i| self.slots.get(i)).is_some_and(|slot| slot.domain != Domain::Core) => {
                    if size == 1 { (value & 0xff) * 0x0101_0101 } else { (value & 0xffff) * 0x0001_0001 }
                }
                _ => {
                    let (shift, mask) = ((address & 3) * 8, if size == 1 { 0xff } else { 0xffff });
                    (self.read_word(word, system) & !(mask << shift)) | (value & mask) << shift
                }
            };
        self.write_word(word, widened, system);
    }

    /// Whether a device took a narrow write as it is.
    fn takes_narrow(&mut self, address: u32, size: u32, value: u32, system: &mut System) -> bool {
        let Some((i, offset)) = self.find(address & !3).zip(Some(address)) else { return false };
        let Some(slot) = self.slots.get_mut(i).filter(|slot| slot.gate.is_none()) else { return false };
        let Some(device) = slot.device.as_mut() else { return false };
        let mut ctx = Ctx { system, device: i, name: &slot.name, lines: &slot.lines, domain: slot.domain };
        let mask = if size == 1 { 0xff } else { 0xffff };
        device.sized_write(offset.wrapping_sub(slot.base), size, value & mask, &mut ctx)
    }

    /// The device at `address` if it is clocked. An unclocked one is a finding.
    fn clocked(&self, address: u32, system: &mut System) -> Option<(usize, u32)> {
        let i = self.find(address)?;
        let slot = self.slots.get(i)?;
        if let Some((register, bit)) = slot.gate
            && system.clock_enables.get(register).is_some_and(|enables| enables & bit == 0)
        {
            let message = format!("{} was accessed while its clock is off", slot.name);
            system.find(Finding::new(Code::UnclockedPeripheral, message));
            return None;
        }
        Some((i, address - slot.base))
    }

    fn read_word(&mut self, address: u32, system: &mut System) -> u32 {
        let mapped = self.find(address).is_some();
        let known = self.clocked(address, system).and_then(|(i, offset)| {
            let slot = self.slots.get_mut(i)?;
            let device = slot.device.as_mut()?;
            device.registers().find(offset)?;
            let mut ctx = Ctx { system, device: i, name: &slot.name, lines: &slot.lines, domain: slot.domain };
            Some(device.read(offset, &mut ctx))
        });
        match known {
            Some(value) => value,
            None if mapped && self.clocked(address, system).is_none() => 0,
            None => {
                system.note(self.describe(address), "read");
                self.unmodelled.get(&address).copied().unwrap_or(0)
            }
        }
    }

    fn write_word(&mut self, address: u32, value: u32, system: &mut System) {
        let mapped = self.find(address).is_some();
        let clocked = self.clocked(address, system);
        if mapped && clocked.is_none() {
            return;
        }
        let register = clocked.and_then(|(i, offset)| {
            self.slots.get(i)?.device.as_ref()?.registers().find(offset).map(|register| (i, offset, register))
        });
        let Some((i, offset, register)) = register else {
            system.note(self.describe(address), "written");
            self.unmodelled.insert(address, value);
            return;
        };
        let Some(slot) = self.slots.get_mut(i) else { return };
        let Some(device) = slot.device.as_mut() else { return };
        let changed = (value ^ device.peek(offset)) & register.not_modelled;
        if changed & value != 0 {
            let name = format!("{}.{}", slot.name, register.name);
            system.note(name, format!("bits 0x{:x} set", changed & value));
        }
        let mut ctx = Ctx { system, device: i, name: &slot.name, lines: &slot.lines, domain: slot.domain };
        device.write(offset, value, &mut ctx);
    }

    /// Every device as after a reset; the backup domain stays.
    pub fn reset(&mut self, system: &mut System, memory: &Memory) {
        self.clocks = system.clocks;
        for i in 0..self.slots.len() {
            self.restart(i, system);
        }
        self.unmodelled.clear();
        self.settle(system, memory);
    }

    fn restart(&mut self, i: usize, system: &mut System) {
        let mut kept = false;
        self.with(i, system, |device, ctx| kept = device.restart(false, ctx));
        if kept {
            return;
        }
        if let Some(slot) = self.slots.get_mut(i) {
            slot.device = peripherals::create(&slot.kind);
        }
        system.forget(i);
        // It listens to nobody any more, and has forgotten who listens to it.
        let inputs: Vec<usize> = self.listeners.iter().filter(|(device, _)| *device == i).map(|(_, input)| *input).collect();
        for input in inputs {
            self.fulfil_listen(i, input, false, system);
        }
        self.with(i, system, |device, ctx| {
            device.restart(true, ctx);
        });
        let listened: Vec<usize> = self.wires.get(i).map_or_else(Vec::new, |outputs| {
            outputs.iter().enumerate().filter(|(_, ends)| self.is_heard(ends)).map(|(output, _)| output).collect()
        });
        for output in listened {
            self.with(i, system, |device, ctx| device.listened(output, true, ctx));
        }
    }

    /// Passes on what devices have signalled and does what they wished for, until there is nothing more.
    pub fn settle(&mut self, system: &mut System, memory: &Memory) {
        let mut left = MOST_SIGNALS;
        loop {
            if self.clocks != system.clocks {
                self.clocks = system.clocks;
                for i in 0..self.slots.len() {
                    self.with(i, system, |device, ctx| device.clocks_changed(ctx));
                }
            }
            if let Some(signal) = system.signals.pop_front() {
                left = left.saturating_sub(1);
                if left == 0 {
                    system.signals.clear();
                    system.note("the chip", "devices that trigger each other in a ring were stopped");
                }
                let targets = self.wires.get(signal.device).and_then(|outputs| outputs.get(signal.output)).map_or(0, Vec::len);
                for at in 0..targets {
                    let end = self.wires[signal.device][signal.output].get(at).copied();
                    if let Some(end) = end.filter(|end| end.is_connected(system.remap)) {
                        self.with(end.device, system, |device, ctx| device.input(end.input, signal.high, ctx));
                    }
                }
            } else if let Some(wish) = system.wishes.pop_front() {
                self.fulfil(wish, system, memory);
            } else {
                return;
            }
        }
    }

    fn fulfil(&mut self, wish: Wish, system: &mut System, memory: &Memory) {
        match wish {
            Wish::Transfer(transfer) => {
                let done = self.transfer(&transfer, system, memory);
                // What the accesses led to comes before the controller goes on.
                self.settle(system, memory);
                self.with(transfer.device, system, |device, ctx| device.transferred(transfer.channel, done.is_none(), ctx));
            }
            Wish::Served { device, input } => {
                for (source, output) in self.drivers_of(device, input) {
                    self.with(source, system, |device, ctx| device.served(output, ctx));
                }
            }
            Wish::Listen { device, input, on } => self.fulfil_listen(device, input, on, system),
            Wish::Reset { register, bits } => {
                for i in 0..self.slots.len() {
                    let gate = self.slots.get(i).and_then(|slot| slot.gate);
                    if gate.is_some_and(|(r, bit)| r == register && bits & bit != 0) {
                        self.restart(i, system);
                    }
                }
            }
            Wish::EraseFlash { offset, size } => {
                let (base, length) = memory.flash();
                let size = size.min(length.saturating_sub(offset));
                memory.write(base.wrapping_add(offset), &vec![0xff; size as usize]);
                system.changed_flash.push((base.wrapping_add(offset), size));
            }
        }
    }

    fn fulfil_listen(&mut self, device: usize, input: usize, on: bool, system: &mut System) {
        let changed = if on { self.listeners.insert((device, input)) } else { self.listeners.remove(&(device, input)) };
        for (source, output) in if changed { self.drivers_of(device, input) } else { Vec::new() } {
            let ends = self.wires.get(source).and_then(|outputs| outputs.get(output));
            let any = ends.is_some_and(|ends| self.is_heard(ends));
            self.with(source, system, |device, ctx| device.listened(output, any, ctx));
        }
    }

    /// Whether anybody at these ends takes notice.
    fn is_heard(&self, ends: &[End]) -> bool {
        ends.iter().any(|end| self.listeners.contains(&(end.device, end.input)))
    }

    /// The devices and outputs that an input is or may be wired to.
    fn drivers_of(&self, device: usize, input: usize) -> Vec<(usize, usize)> {
        self.drivers.get(&(device, input)).cloned().unwrap_or_default()
    }

    /// `None` where there is no device.
    fn answers(&self, address: u32, system: &System) -> Option<()> {
        (self.find(address & !3).is_some() || self.reaches(address, system)).then_some(())
    }

    /// Moves data for a DMA channel; `None` where there is neither memory nor device.
    fn transfer(&mut self, transfer: &Transfer, system: &mut System, memory: &Memory) -> Option<()> {
        let (from, width) = transfer.source;
        let value = match memory.read(from, width) {
            Some(value) => value,
            None => {
                self.answers(from, system)?;
                self.read(from, width, system, memory)
            }
        };
        let (to, width) = transfer.target;
        // What is wider in the target is filled with zeros, what is narrower loses its upper part (RM0008, table 76).
        if memory.is_sram(to) {
            return memory.write(to, value.to_le_bytes().get(..width as usize)?);
        }
        self.answers(to, system)?;
        self.write(to, width, value, system, memory);
        Some(())
    }

    /// The state of every device, to come back to.
    #[must_use]
    pub fn state(&self) -> BusState {
        let devices = self.slots.iter().map(|slot| slot.device.as_ref().map(|device| device.duplicate())).collect();
        BusState { devices, unmodelled: self.unmodelled.clone(), listeners: self.listeners.clone(), clocks: self.clocks }
    }

    /// Every device as it was then.
    pub fn set_state(&mut self, state: &BusState) {
        for (slot, device) in self.slots.iter_mut().zip(&state.devices) {
            slot.device = device.as_ref().map(|device| device.duplicate());
        }
        self.unmodelled.clone_from(&state.unmodelled);
        self.listeners.clone_from(&state.listeners);
        self.clocks = state.clocks;
    }

    /// Delivers everything that is due, each as of the instant it was due at: the machine looks only between blocks, and what a device
    /// does next must not drift by that.
    pub fn deliver_due(&mut self, system: &mut System, memory: &Memory) {
        let now = system.now;
        while let Some((at, device, event)) = system.take_due() {
            system.now = at;
            self.with(device, system, |device, ctx| device.due(event, ctx));
            self.settle(system, memory);
            system.note_pended();
            system.now = now;
        }
    }

    /// Bytes arrive on a device's serial line.
    pub fn receive(&mut self, device: usize, bytes: &[u8], system: &mut System, memory: &Memory) {
        self.with(device, system, |device, ctx| device.receive(bytes, ctx));
        self.settle(system, memory);
        system.note_pended();
    }

    /// Whether a device wakes or resets the core without an interrupt that is to be enabled in the NVIC.
    #[must_use]
    pub fn may_wake_by_itself(&self, device: usize) -> bool {
        self.slots.get(device).is_some_and(|slot| matches!(slot.kind.as_str(), "systick" | "iwdg" | "wwdg"))
    }

    /// Whether any device is set to make events, which WFE waits for.
    #[must_use]
    pub fn makes_events(&self) -> bool {
        self.slots.iter().filter_map(|slot| slot.device.as_ref()).any(|device| device.makes_events())
    }

    /// Whether a device goes on in stop mode.
    #[must_use]
    pub fn works_in_stop(&self, device: usize) -> bool {
        self.slots.get(device).and_then(|slot| slot.device.as_ref()).is_some_and(|device| device.works_in_stop())
    }

    /// In stop mode so much time has passed for those that go on.
    pub fn stood_still(&mut self, asleep: Cycles, system: &mut System) {
        system.postpone(|device| !self.works_in_stop(device), asleep);
        for i in (0..self.slots.len()).filter(|i| !self.works_in_stop(*i)).collect::<Vec<_>>() {
            self.with(i, system, |device, ctx| device.stood_still(asleep, ctx));
        }
    }

    /// Stop mode is over.
    pub fn left_stop(&mut self, system: &mut System, memory: &Memory) {
        for i in 0..self.slots.len() {
            self.with(i, system, |device, ctx| device.left_stop(ctx));
        }
        self.settle(system, memory);
    }

    /// The world outside drives a pin of a device, or lets go of it.
    pub fn pin(&mut self, device: usize, pin: u32, level: Option<bool>, system: &mut System, memory: &Memory) {
        self.with(device, system, |device, ctx| device.pin(pin, level, ctx));
        self.settle(system, memory);
        system.note_pended();
    }

    /// Something is connected to a device.
    pub fn attach(&mut self, device: usize, partner: Partner, system: &mut System) {
        self.with(device, system, |device, ctx| device.attach(partner, ctx));
    }

    /// The core stores to the memory that the device of that kind guards: what is to stand there afterwards, or `None` for a bus error.
    pub fn guarded_store(&mut self, kind: &str, access: (u32, u32, u32), old: u32, system: &mut System) -> Option<u32> {
        let (address, size, value) = access;
        let i = self.slots.iter().position(|slot| slot.kind == kind)?;
        let mut stored = None;
        self.with(i, system, |device, ctx| stored = device.guarded_store(address, size, value, old, ctx));
        stored
    }

    fn with(&mut self, i: usize, system: &mut System, act: impl FnOnce(&mut dyn Peripheral, &mut Ctx<'_>)) {
        if let Some(slot) = self.slots.get_mut(i)
            && let Some(device) = slot.device.as_mut()
        {
            let mut ctx = Ctx { system, device: i, name: &slot.name, lines: &slot.lines, domain: slot.domain };
            act(device.as_mut(), &mut ctx);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_band_aliases_name_one_bit_each() {
        // DDI 0337, 3.4: the examples given there.
        assert_eq!(bit_band(0x2200_0000), Some((0x2000_0000, 0)));
        assert_eq!(bit_band(0x2200_001c), Some((0x2000_0000, 7)));
        assert_eq!(bit_band(0x23ff_ffe0), Some((0x200f_fffc, 24)));
        assert_eq!(bit_band(0x23ff_fffc), Some((0x200f_fffc, 31)));
        // The formula given there: alias base + byte offset x 32 + bit x 4, for bit 7 of USART1_SR.
        assert_eq!(bit_band(0x4200_0000 + 0x1_3800 * 32 + 7 * 4), Some((0x4001_3800, 7)));
        assert_eq!(bit_band(0x4001_3800), None);
    }
}
