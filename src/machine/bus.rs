//! What it is: the address decoder between the core and the devices: who answers where, clock gating, access widths, bit-band aliases, and
//! the ledger of what nobody models.
//! Source: RM0008 section 3.3 (memory map), 2.1 (bridges widen narrow accesses); DDI 0337 section 3.4 (bit-banding).
//! Does not model: bus errors at reserved addresses between devices; those read 0 and are noted.
//! Tested by: the unit tests below and every image.

use super::cpu::Memory;
use super::exceptions::{Number, number};
use crate::chip::{self, Chip};
use crate::finding::{Code, Finding};
use crate::peripherals::system::{AHB_ENABLES, APB1_ENABLES, APB2_ENABLES, Ctx, Domain, System};
use crate::peripherals::{self, Peripheral};
use std::collections::BTreeMap;

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
}

/// The state of every device of a bus.
pub struct BusState {
    devices: Vec<Option<Box<dyn Peripheral>>>,
    unmodelled: BTreeMap<u32, u32>,
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
        Self { slots, unmodelled: BTreeMap::new() }
    }

    /// The slot that an address lies in.
    fn find(&self, address: u32) -> Option<usize> {
        let after = self.slots.partition_point(|slot| slot.base <= address);
        let slot = self.slots.get(after.checked_sub(1)?)?;
        (address - slot.base < slot.size).then(|| after - 1)
    }

    /// The number of the device of that name.
    #[must_use]
    pub fn number_of(&self, name: &str) -> Option<usize> {
        self.slots.iter().position(|slot| slot.name.eq_ignore_ascii_case(name))
    }

    /// The name of the device of that number.
    #[must_use]
    pub fn name_of(&self, device: usize) -> &str {
        self.slots.get(device).map_or("?", |slot| &slot.name)
    }

    /// What an address is called: device and register, device and offset, or the bare address.
    #[must_use]
    pub fn describe(&self, address: u32) -> String {
        let Some(slot) = self.find(address & !3).and_then(|i| self.slots.get(i)) else {
            return format!("0x{address:08x}");
        };
        let offset = (address & !3) - slot.base;
        match slot.device.as_ref().and_then(|device| device.registers().find(offset).map(|r| (r, offset))) {
            Some((register, _)) if register.count == 1 => format!("{}.{}", slot.name, register.name),
            Some((register, offset)) => format!("{}.{}[{}]", slot.name, register.name, (offset - register.offset) / 4),
            None => format!("{}+0x{offset:02x}", slot.name),
        }
    }

    /// A load by the core.
    pub fn read(&mut self, address: u32, size: u32, system: &mut System, memory: &Memory) -> u32 {
        if let Some((word, bit)) = bit_band(address) {
            let value = if memory.is_sram(word) { memory.read(word, 4).unwrap_or(0) } else { self.read(word, 4, system, memory) };
            return value >> bit & 1;
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
        let word = address & !3;
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

    /// Every device as after power-on.
    pub fn reset(&mut self) {
        for slot in &mut self.slots {
            slot.device = peripherals::create(&slot.kind);
        }
        self.unmodelled.clear();
    }

    /// The state of every device, to come back to.
    #[must_use]
    pub fn state(&self) -> BusState {
        let devices = self.slots.iter().map(|slot| slot.device.as_ref().map(|device| device.duplicate())).collect();
        BusState { devices, unmodelled: self.unmodelled.clone() }
    }

    /// Every device as it was then.
    pub fn set_state(&mut self, state: &BusState) {
        for (slot, device) in self.slots.iter_mut().zip(&state.devices) {
            slot.device = device.as_ref().map(|device| device.duplicate());
        }
        self.unmodelled.clone_from(&state.unmodelled);
    }

    /// Delivers everything that is due, each as of the instant it was due at: the machine looks only between blocks, and what a device
    /// does next must not drift by that.
    pub fn deliver_due(&mut self, system: &mut System) {
        let now = system.now;
        while let Some((at, device, event)) = system.take_due() {
            system.now = at;
            self.with(device, system, |device, ctx| device.due(event, ctx));
            system.note_pended();
            system.now = now;
        }
    }

    /// Bytes arrive on a device's serial line.
    pub fn receive(&mut self, device: usize, bytes: &[u8], system: &mut System) {
        self.with(device, system, |device, ctx| device.receive(bytes, ctx));
        system.note_pended();
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
