//! What it is: the USB device's registers and packet memory. Nobody is on the other end: it stays unenumerated.
//! Source: RM0008 section 23.5.
//! Does not model: the bus: no reset, no packet and no frame ever comes, so that an endpoint's transfer never ends.
//! Tested by: `registers_conform`.

use super::system::Ctx;
use super::{Peripheral, Register, Registers};

const CNTR: u32 = 0x40;
const ISTR: u32 = 0x44;

const REGISTERS: &[Register] = &[
    Register::new(0x00, "EPR", 0, 0x070f).volatile(0xf0f0).array(8),
    Register::new(CNTR, "CNTR", 0x3, 0xff1f),
    Register::new(ISTR, "ISTR", 0, 0).clear_by_zero(0x7f00).volatile(0x801f),
    Register::new(0x48, "FNR", 0, 0).volatile(0xffff),
    Register::new(0x4c, "DADDR", 0, 0xff),
    Register::new(0x50, "BTABLE", 0, 0xfff8),
];

/// EPR: status bits toggle where a one is written, transfer flags clear where a zero is (23.5.2).
const TOGGLED: u32 = 0x7070;
const CLEARED: u32 = 0x8080;

/// The device.
#[derive(Clone)]
pub struct Usb {
    registers: Registers,
}

impl Default for Usb {
    fn default() -> Self {
        Self { registers: Registers::new(REGISTERS) }
    }
}

impl Peripheral for Usb {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["WAKEUP"]
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        if offset < CNTR {
            let old = self.registers.get(offset);
            self.registers.set(offset, (old ^ value) & TOGGLED | (old & value & CLEARED) | (value & 0x070f));
            return;
        }
        let before = self.registers.get(offset);
        self.registers.store(offset, value);
        if offset == CNTR && before & !value & 1 != 0 {
            ctx.system.note(format!("{}.CNTR", ctx.name), "the device was switched on; no host is on the bus");
        }
    }
}

/// 256 half-words, each at a word's address.
const MEMORY: &[Register] = &[Register::new(0x0, "WORD", 0, 0xffff).array(256)];

/// The packet memory, which it shares with CAN.
#[derive(Clone)]
pub struct UsbMemory {
    registers: Registers,
}

impl Default for UsbMemory {
    fn default() -> Self {
        Self { registers: Registers::new(MEMORY) }
    }
}

impl Peripheral for UsbMemory {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }
}
