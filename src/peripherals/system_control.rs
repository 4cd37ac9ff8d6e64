//! What it is: the registers of the NVIC and the System Control Block: the firmware's door to the exception model.
//! Source: ARMv7-M Architecture Reference Manual (DDI 0403), sections B3.2 and B3.4; PM0056 for CPUID and the priority bits.
//! Does not model: the MPU (its TYPE register reads 0: none), debug fault status.
//! Tested by: `registers_conform`, the unit tests below, `firmware-images/tests`.

use super::system::Ctx;
use super::{Peripheral, Register, Registers};
use crate::machine::exceptions::{Exceptions, Number, number};

const ISER: u32 = 0x100;
const ICER: u32 = 0x180;
const ISPR: u32 = 0x200;
const ICPR: u32 = 0x280;
const IABR: u32 = 0x300;
const IPR: u32 = 0x400;
const ICSR: u32 = 0xd04;
const VTOR: u32 = 0xd08;
const AIRCR: u32 = 0xd0c;
const SCR: u32 = 0xd10;
const CCR: u32 = 0xd14;
const SHPR1: u32 = 0xd18;
const SHCSR: u32 = 0xd24;
const CFSR: u32 = 0xd28;
const HFSR: u32 = 0xd2c;
const BFAR: u32 = 0xd38;
const STIR: u32 = 0xf00;

/// The contents of most of these live in [`Exceptions`]; what is `writable` here says what a write can reach.
const REGISTERS: &[Register] = &[
    Register::new(0x004, "ICTR", 1, 0),
    Register::new(ISER, "ISER", 0, 0).volatile(u32::MAX).array(8),
    Register::new(ICER, "ICER", 0, 0).volatile(u32::MAX).array(8),
    Register::new(ISPR, "ISPR", 0, 0).volatile(u32::MAX).array(8),
    Register::new(ICPR, "ICPR", 0, 0).volatile(u32::MAX).array(8),
    Register::new(IABR, "IABR", 0, 0).volatile(u32::MAX).array(8),
    Register::new(IPR, "IPR", 0, 0).volatile(u32::MAX).array(60),
    Register::new(0xd00, "CPUID", 0x411f_c231, 0),
    Register::new(ICSR, "ICSR", 0, 0).volatile(u32::MAX),
    Register::new(VTOR, "VTOR", 0, 0).volatile(u32::MAX),
    Register::new(AIRCR, "AIRCR", 0xfa05_0000, 0).volatile(u32::MAX),
    Register::new(SCR, "SCR", 0, 0).volatile(0x1e),
    Register::new(CCR, "CCR", 0x200, 0).volatile(0x31b),
    Register::new(SHPR1, "SHPR", 0, 0).volatile(u32::MAX).array(3),
    Register::new(SHCSR, "SHCSR", 0, 0).volatile(u32::MAX),
    Register::new(CFSR, "CFSR", 0, 0).volatile(u32::MAX),
    Register::new(HFSR, "HFSR", 0, 0).volatile(u32::MAX),
    Register::new(0xd30, "DFSR", 0, 0),
    Register::new(0xd34, "MMFAR", 0, u32::MAX),
    Register::new(BFAR, "BFAR", 0, 0).volatile(u32::MAX),
    Register::new(0xd3c, "AFSR", 0, 0),
    Register::new(0xd90, "MPU_TYPE", 0, 0),
    Register::new(STIR, "STIR", 0, 0),
];

/// SHCSR: the position of each handler's active and pending bit, and of its enable bit where it has one (B3.2.13).
const HANDLER_BITS: &[(Number, u32, Option<u32>, Option<u32>)] = &[
    (number::MEM_MANAGE, 0, Some(13), Some(16)),
    (number::BUS_FAULT, 1, Some(14), Some(17)),
    (number::USAGE_FAULT, 3, Some(12), Some(18)),
    (number::SV_CALL, 7, Some(15), None),
    (number::PEND_SV, 10, None, None),
    (number::SYS_TICK, 11, None, None),
];
/// What AIRCR takes a write for (B3.2.6), and what it reads instead.
const VECTKEY: u32 = 0x05fa;
const VECTKEYSTAT: u32 = 0xfa05;
const SYSRESETREQ: u32 = 1 << 2;
/// The CCR bits whose traps the engine does not have: unaligned and divide by zero (UNICORN, row 14).
const CCR_TRAPS: u32 = 0x18;

/// The device.
pub struct SystemControl {
    registers: Registers,
}

impl Default for SystemControl {
    fn default() -> Self {
        Self { registers: Registers::new(REGISTERS) }
    }
}

/// The register of the array at `first` that `offset` lies in: its index.
fn element(offset: u32, first: u32, count: u32) -> Option<u32> {
    offset.checked_sub(first).map(|bytes| bytes / 4).filter(|i| *i < count)
}

/// One bit for each of 32 interrupts, from the predicate.
fn interrupt_bits(i: u32, holds: impl Fn(Number) -> bool) -> u32 {
    (0..32).fold(0, |bits, bit| bits | u32::from(holds(interrupt(i * 32 + bit))) << bit)
}

fn interrupt(n: u32) -> Number {
    number::FIRST_INTERRUPT + n as Number
}

/// Applies `act` to each interrupt whose bit is set.
fn for_each_bit(i: u32, bits: u32, mut act: impl FnMut(Number)) {
    (0..32).filter(|bit| bits >> bit & 1 != 0).for_each(|bit| act(interrupt(i * 32 + bit)));
}

impl SystemControl {
    fn icsr(exceptions: &Exceptions) -> u32 {
        let pending = |n: Number| u32::from(exceptions.is_pending(n));
        let any_interrupt = (16..256).any(|n| exceptions.is_pending(n));
        let active = (1..256).find(|n| exceptions.is_active(*n)).map_or(0, u32::from);
        let next = exceptions.takeable(crate::machine::exceptions::Masks::default()).map_or(0, u32::from);
        active
            | u32::from(exceptions.nesting() <= 1) << 11
            | next << 12
            | u32::from(any_interrupt) << 22
            | pending(number::SYS_TICK) << 26
            | pending(number::PEND_SV) << 28
            | pending(number::NMI) << 31
    }

    fn shcsr(exceptions: &Exceptions) -> u32 {
        HANDLER_BITS.iter().fold(0, |bits, (n, active, pending, enable)| {
            bits | u32::from(exceptions.is_active(*n)) << active
                | pending.map_or(0, |bit| u32::from(exceptions.is_pending(*n)) << bit)
                | enable.map_or(0, |bit| u32::from(exceptions.is_enabled(*n)) << bit)
        })
    }

    fn priorities(exceptions: &Exceptions, first: Number) -> u32 {
        (0..4).fold(0, |word, i| word | u32::from(exceptions.priority(first + i)) << (8 * i))
    }

    fn set_priorities(exceptions: &mut Exceptions, first: Number, word: u32) {
        for i in 0..4 {
            exceptions.set_priority(first + i, (word >> (8 * i)) as u8);
        }
    }
}

impl Peripheral for SystemControl {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn read(&mut self, offset: u32, ctx: &mut Ctx<'_>) -> u32 {
        let exceptions = &ctx.system.exceptions;
        for first in [ISER, ICER] {
            if let Some(i) = element(offset, first, 8) {
                return interrupt_bits(i, |n| exceptions.is_enabled(n));
            }
        }
        for first in [ISPR, ICPR] {
            if let Some(i) = element(offset, first, 8) {
                return interrupt_bits(i, |n| exceptions.is_pending(n));
            }
        }
        if let Some(i) = element(offset, IABR, 8) {
            return interrupt_bits(i, |n| exceptions.is_active(n));
        }
        if let Some(i) = element(offset, IPR, 60) {
            return Self::priorities(exceptions, interrupt(i * 4));
        }
        if let Some(i) = element(offset, SHPR1, 3) {
            return Self::priorities(exceptions, 4 + i as Number * 4);
        }
        match offset {
            ICSR => Self::icsr(exceptions),
            VTOR => exceptions.vector_table,
            AIRCR => VECTKEYSTAT << 16 | u32::from(exceptions.priority_group) << 8,
            SCR => exceptions.system_control,
            CCR => exceptions.configuration,
            SHCSR => Self::shcsr(exceptions),
            CFSR => exceptions.fault_status,
            HFSR => exceptions.hard_fault_status,
            BFAR => exceptions.bus_fault_address,
            _ => self.registers.get(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        let exceptions = &mut ctx.system.exceptions;
        for (first, enabled) in [(ISER, true), (ICER, false)] {
            if let Some(i) = element(offset, first, 8) {
                return for_each_bit(i, value, |n| exceptions.set_enabled(n, enabled));
            }
        }
        for (first, pending) in [(ISPR, true), (ICPR, false)] {
            if let Some(i) = element(offset, first, 8) {
                return for_each_bit(i, value, |n| exceptions.set_pending(n, pending));
            }
        }
        if let Some(i) = element(offset, IPR, 60) {
            return Self::set_priorities(exceptions, interrupt(i * 4), value);
        }
        if let Some(i) = element(offset, SHPR1, 3) {
            return Self::set_priorities(exceptions, 4 + i as Number * 4, value);
        }
        match offset {
            ICSR => {
                for (bit, n, pending) in [
                    (31, number::NMI, true),
                    (28, number::PEND_SV, true),
                    (27, number::PEND_SV, false),
                    (26, number::SYS_TICK, true),
                    (25, number::SYS_TICK, false),
                ] {
                    if value >> bit & 1 != 0 {
                        exceptions.set_pending(n, pending);
                    }
                }
            }
            VTOR => exceptions.vector_table = value & 0x3fff_ff80,
            AIRCR if value >> 16 == VECTKEY => {
                exceptions.priority_group = (value >> 8 & 7) as u8;
                ctx.system.reset_requested |= value & SYSRESETREQ != 0;
                ctx.system.attention |= value & SYSRESETREQ != 0;
            }
            SCR => exceptions.system_control = value & 0x16,
            CCR => {
                exceptions.configuration = value & 0x31b;
                if value & CCR_TRAPS != 0 {
                    ctx.system.note("SCB.CCR", "UNALIGN_TRP or DIV_0_TRP set: the traps are not modelled");
                }
            }
            SHCSR => {
                for (n, active, pending, enable) in HANDLER_BITS {
                    exceptions.set_active(*n, value >> active & 1 != 0);
                    if let Some(bit) = pending {
                        exceptions.set_pending(*n, value >> bit & 1 != 0);
                    }
                    if let Some(bit) = enable {
                        exceptions.set_enabled(*n, value >> bit & 1 != 0);
                    }
                }
            }
            // Status bits are cleared by writing ones (B3.2.15, B3.2.16).
            CFSR => exceptions.fault_status &= !value,
            HFSR => exceptions.hard_fault_status &= !value,
            BFAR => exceptions.bus_fault_address = value,
            STIR => exceptions.set_pending(interrupt(value & 0xff), true),
            _ => {
                self.registers.store(offset, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peripherals::System;
    use crate::peripherals::system::Domain;
    use crate::units::Hz;

    #[test]
    fn enable_and_clear_enable_both_read_what_is_enabled() {
        // B3.4.4 and B3.4.5: ICER reads the same as ISER, not its complement.
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 0, name: "SCB", lines: &[], domain: Domain::Core };
        let mut scb = SystemControl::default();
        scb.write(ISER + 4, 1 << 5, &mut ctx);
        assert_eq!((scb.read(ISER + 4, &mut ctx), scb.read(ICER + 4, &mut ctx)), (1 << 5, 1 << 5));
        scb.write(ICER + 4, 1 << 5, &mut ctx);
        assert_eq!(scb.read(ISER + 4, &mut ctx), 0);
    }

    #[test]
    fn only_the_upper_four_priority_bits_exist() {
        // PM0056, 4.3.7.
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 0, name: "SCB", lines: &[], domain: Domain::Core };
        let mut scb = SystemControl::default();
        scb.write(IPR + 4, 0x1234_5678, &mut ctx);
        assert_eq!(scb.read(IPR + 4, &mut ctx), 0x1030_5070);
        assert_eq!(ctx.system.exceptions.priority(16 + 5), 0x50);
    }

    #[test]
    fn aircr_needs_its_key() {
        // B3.2.6.
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 0, name: "SCB", lines: &[], domain: Domain::Core };
        let mut scb = SystemControl::default();
        scb.write(AIRCR, SYSRESETREQ, &mut ctx);
        assert!(!ctx.system.reset_requested);
        scb.write(AIRCR, VECTKEY << 16 | 3 << 8 | SYSRESETREQ, &mut ctx);
        assert!(ctx.system.reset_requested);
        assert_eq!(scb.read(AIRCR, &mut ctx), 0xfa05_0300);
    }
}
