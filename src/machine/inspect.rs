//! What it is: registers, memories and devices as a debugger reads and writes them: without side effects where it only reads.
//! Source: ARMv7-M Architecture Reference Manual (DDI 0403), section C1.6 for which registers a debugger sees.
//! Does not model: anything of its own. A device is read in a copy of it, so that reading clears no flag.
//! Tested by: `tests/gdb.rs`.

use super::cpu::Special;
use super::run::Machine;
use std::rc::Rc;

/// A register of the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Register {
    /// R0 to R12, 13 the current stack pointer, 14 LR.
    General(u8),
    /// Any other.
    Special(Special),
}

/// A register of a device, as a debugger lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRegister {
    /// Its name without the device's.
    pub name: String,
    /// Its address.
    pub address: u32,
    /// What the firmware would read there now.
    pub value: u32,
}

impl Machine {
    /// Reads a register of the core.
    #[must_use]
    pub fn register(&self, register: Register) -> u32 {
        match register {
            Register::General(index) => self.cpu.gpr(index),
            Register::Special(special) => self.cpu.special(special),
        }
    }

    /// Writes a register of the core. The stack pointers that are not in use are written too.
    pub fn set_register(&mut self, register: Register, value: u32) {
        if self.register(register) == value {
            return;
        }
        self.leave_block();
        match register {
            Register::General(index) => self.cpu.set_gpr(index, value),
            Register::Special(special) => {
                if special == Special::Pc {
                    self.asleep = None;
                    self.cpu.world_mut().tracker.jumped();
                }
                self.cpu.set_special(special, value);
            }
        }
    }

    /// Memory and devices from `address` on, as far as there is something to read; no side effects.
    #[must_use]
    pub fn inspect(&self, address: u32, size: usize) -> Vec<u8> {
        if let Some(bytes) = self.memory().read_vec(address, size) {
            return bytes;
        }
        let mut bytes = Vec::new();
        let mut word: Option<(u32, u32)> = None;
        while bytes.len() < size {
            let Some(at) = u32::try_from(bytes.len()).ok().and_then(|offset| address.checked_add(offset)) else { break };
            if let Some(byte) = self.memory().read(at, 1) {
                bytes.push(byte as u8);
                continue;
            }
            let base = at & !3;
            let value = match word.filter(|(known, _)| *known == base) {
                Some((_, value)) => value,
                None => match self.cpu.world().peek(base) {
                    Some(value) => value,
                    None => break,
                },
            };
            word = Some((base, value));
            bytes.push((value >> ((at & 3) * 8)) as u8);
        }
        bytes
    }

    /// Writes memory, flash too, or a device's register with all that follows from it. `None`, and nothing done, where there is neither.
    pub fn alter(&mut self, address: u32, bytes: &[u8]) -> Option<()> {
        self.leave_block();
        if self.memory().write(address, bytes).is_some() {
            let size = u32::try_from(bytes.len()).ok()?;
            if !self.memory().is_sram(address) {
                self.cpu.world_mut().system.changed_flash.push((address, size));
                self.stall();
            }
            self.cpu.forget_code(address, size.max(4));
            return Some(());
        }
        self.cpu.world().peek(address & !3)?;
        let value = bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
        if !matches!(bytes.len(), 1 | 2 | 4) || !address.is_multiple_of(bytes.len() as u32) {
            return None;
        }
        self.cpu.world_mut().poke(address, bytes.len() as u32, value);
        Some(())
    }

    /// The devices' names, in the order of their addresses.
    #[must_use]
    pub fn devices(&self) -> Vec<String> {
        self.cpu.world().bus.names()
    }

    /// The registers of the device of that number.
    #[must_use]
    pub fn device_registers(&self, device: usize) -> Vec<DeviceRegister> {
        let registers = self.cpu.world().bus.registers_of(device);
        let value = |address| self.cpu.world().peek(address).unwrap_or(0);
        registers.into_iter().map(|(name, address)| DeviceRegister { name, address, value: value(address) }).collect()
    }

    /// Resets the chip as its reset pin would; memories and time stay.
    pub fn reset(&mut self) {
        self.leave_block();
        let system = &mut self.cpu.world_mut().system;
        system.request_reset(0);
        system.reset_requested = false;
        system.attention = false;
        self.system_reset();
    }
}

impl super::soc::Soc {
    /// What the firmware would read at a word's address now, without what that does; `None` where nothing answers.
    #[must_use]
    pub fn peek(&self, address: u32) -> Option<u32> {
        let mut system = self.system.clone();
        system.now = self.tracker.now();
        self.bus.peek(address, &mut system, self.memory())
    }

    /// The debugger writes to a device, between two blocks.
    pub fn poke(&mut self, address: u32, size: u32, value: u32) {
        self.system.now = self.tracker.now();
        let memory = Rc::clone(self.shared_memory());
        self.bus.write(address, size, value, &mut self.system, &memory);
        self.bus.settle(&mut self.system, &memory);
        self.wrote(None);
    }
}
