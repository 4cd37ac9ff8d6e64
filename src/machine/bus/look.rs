//! What it is: what things on the bus are called, and what they hold, without side effects.
//! Source: our own.
//! Does not model: anything of its own.
//! Tested by: `tests/gdb.rs`, and every report that names a register.

use super::{Bus, bit_band};
use crate::machine::cpu::Memory;
use crate::peripherals::system::{Ctx, System};

impl Bus {
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

    /// The devices' names, in the order of their addresses.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.slots.iter().map(|slot| slot.name.clone()).collect()
    }

    /// The names and addresses of a device's registers.
    #[must_use]
    pub fn registers_of(&self, device: usize) -> Vec<(String, u32)> {
        let Some(slot) = self.slots.get(device) else { return Vec::new() };
        let declared = slot.device.as_ref().map_or(&[][..], |device| device.registers().declared());
        let mut registers = Vec::new();
        for register in declared {
            for i in 0..register.count {
                let name = if register.count == 1 { register.name.to_owned() } else { format!("{}[{i}]", register.name) };
                registers.push((name, slot.base.wrapping_add(register.offset).wrapping_add(4 * i)));
            }
        }
        registers
    }

    /// What the firmware would read from a word. `system` is a copy: reading may change it, and the device is one, too.
    pub fn peek(&self, address: u32, system: &mut System, memory: &Memory) -> Option<u32> {
        if let Some((word, bit)) = bit_band(address) {
            let value = if memory.is_sram(word) { memory.read(word, 4)? } else { self.peek(word, system, memory)? };
            return Some(value >> bit & 1);
        }
        let slot = self.slots.get(self.find(address)?)?;
        let gated =
            slot.gate.is_some_and(|(register, bit)| system.clock_enables.get(register).is_some_and(|enables| enables & bit == 0));
        let offset = address.checked_sub(slot.base)?;
        let mut device = match &slot.device {
            _ if gated => return Some(0),
            Some(device) if device.registers().find(offset).is_some() => device.duplicate(),
            _ => return Some(self.unmodelled.get(&address).copied().unwrap_or(0)),
        };
        let device_number = self.find(address)?;
        let mut ctx = Ctx { system, device: device_number, name: &slot.name, lines: &slot.lines, domain: slot.domain };
        Some(device.read(offset, &mut ctx))
    }
}
