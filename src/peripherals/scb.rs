//! What it is: the System Control Block's registers, the firmware's door to the exception model, and the debug control registers behind it.
//! Source: ARMv7-M Architecture Reference Manual (DDI 0403), sections B3.2 and C1.6; PM0056 section 4.4 for CPUID.
//! Does not model: the MPU (its TYPE register reads 0: none), halting debug, steps of the debug monitor, vector catches.
//! Tested by: `registers_conform`, the unit tests below, `firmware-images/tests` (`debug_monitor` for DEMCR and DFSR).

use super::nvic::{priorities, set_priorities};
use super::system::Ctx;
use super::{Peripheral, Register, Registers};
use crate::machine::exceptions::{Exceptions, Masks, Number, number};

const ICSR: u32 = 0x04;
const VTOR: u32 = 0x08;
const AIRCR: u32 = 0x0c;
const SCR: u32 = 0x10;
const CCR: u32 = 0x14;
const SHPR: u32 = 0x18;
const SHCSR: u32 = 0x24;
const CFSR: u32 = 0x28;
const HFSR: u32 = 0x2c;
const DFSR: u32 = 0x30;
const BFAR: u32 = 0x38;
const DEMCR: u32 = 0xfc;
const STIR: u32 = 0x200;

/// The contents of most of these live in [`Exceptions`].
const REGISTERS: &[Register] = &[
    Register::new(0x00, "CPUID", 0x411f_c231, 0),
    Register::new(ICSR, "ICSR", 0, 0).volatile(u32::MAX),
    Register::new(VTOR, "VTOR", 0, 0).volatile(u32::MAX),
    Register::new(AIRCR, "AIRCR", 0xfa05_0000, 0).volatile(u32::MAX),
    Register::new(SCR, "SCR", 0, 0).volatile(0x1e),
    Register::new(CCR, "CCR", 0x200, 0).volatile(0x31b),
    Register::new(SHPR, "SHPR", 0, 0).volatile(u32::MAX).array(3),
    Register::new(SHCSR, "SHCSR", 0, 0).volatile(u32::MAX),
    Register::new(CFSR, "CFSR", 0, 0).volatile(u32::MAX),
    Register::new(HFSR, "HFSR", 0, 0).volatile(u32::MAX),
    Register::new(DFSR, "DFSR", 0, 0).volatile(0x1f),
    Register::new(0x34, "MMFAR", 0, u32::MAX),
    Register::new(BFAR, "BFAR", 0, 0).volatile(u32::MAX),
    Register::new(0x3c, "AFSR", 0, 0),
    Register::new(0x90, "MPU_TYPE", 0, 0),
    Register::new(0xf0, "DHCSR", 0, 0),
    Register::new(0xf4, "DCRSR", 0, 0),
    Register::new(0xf8, "DCRDR", 0, u32::MAX).not_modelled(u32::MAX),
    Register::new(DEMCR, "DEMCR", 0, 0x010d_07f1).not_modelled(0x0004_07f1).volatile(0x0002_0000),
    Register::new(STIR, "STIR", 0, 0),
];

/// SHCSR: the position of each handler's active and pending bit, and of its enable bit where it has one (B3.2.13).
const HANDLER_BITS: &[(Number, u32, Option<u32>, Option<u32>)] = &[
    (number::MEM_MANAGE, 0, Some(13), Some(16)),
    (number::BUS_FAULT, 1, Some(14), Some(17)),
    (number::USAGE_FAULT, 3, Some(12), Some(18)),
    (number::SV_CALL, 7, Some(15), None),
    (number::DEBUG_MONITOR, 8, None, None),
    (number::PEND_SV, 10, None, None),
    (number::SYS_TICK, 11, None, None),
];
/// What AIRCR takes a write for (B3.2.6), and what it reads instead.
const VECTKEY: u32 = 0x05fa;
const VECTKEYSTAT: u32 = 0xfa05;
const SYSRESETREQ: u32 = 1 << 2;
/// DEMCR: the trace units, DWT among them, are on.
const TRCENA: u32 = 1 << 24;
/// DEMCR: the debug monitor is enabled, and pending.
const MON_EN: u32 = 1 << 16;
const MON_PEND: u32 = 1 << 17;

/// The device.
#[derive(Clone)]
pub struct Scb {
    registers: Registers,
}

impl Default for Scb {
    fn default() -> Self {
        Self { registers: Registers::new(REGISTERS) }
    }
}

/// Which system handler's four priorities an offset holds: the first of them.
fn handler_priorities(offset: u32) -> Option<Number> {
    (SHPR..SHPR + 12).contains(&offset).then(|| 4 + (offset - SHPR) as Number)
}

impl Scb {
    fn icsr(exceptions: &Exceptions) -> u32 {
        let pending = |n: Number| u32::from(exceptions.is_pending(n));
        let any_interrupt = (16..256).any(|n| exceptions.is_pending(n));
        let active = (1..256).find(|n| exceptions.is_active(*n)).map_or(0, u32::from);
        let next = exceptions.takeable(Masks::default()).map_or(0, u32::from);
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

    fn write_icsr(exceptions: &mut Exceptions, value: u32) {
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

    fn write_shcsr(exceptions: &mut Exceptions, value: u32) {
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
}

impl Peripheral for Scb {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn read(&mut self, offset: u32, ctx: &mut Ctx<'_>) -> u32 {
        let exceptions = &ctx.system.exceptions;
        if let Some(first) = handler_priorities(offset) {
            return priorities(exceptions, first);
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
            DFSR => ctx.system.debug_fault,
            DEMCR => {
                let pending = exceptions.is_pending(number::DEBUG_MONITOR);
                self.registers.get(DEMCR) & !MON_PEND | if pending { MON_PEND } else { 0 }
            }
            _ => self.registers.get(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        let system = &mut *ctx.system;
        let exceptions = &mut system.exceptions;
        if let Some(first) = handler_priorities(offset) {
            return set_priorities(exceptions, first, value);
        }
        match offset {
            ICSR => Self::write_icsr(exceptions, value),
            VTOR => exceptions.vector_table = value & 0x3fff_ff80,
            AIRCR if value >> 16 == VECTKEY => {
                exceptions.priority_group = (value >> 8 & 7) as u8;
                if value & SYSRESETREQ != 0 {
                    system.request_reset(super::system::reset_flag::SOFTWARE);
                }
            }
            SCR => exceptions.system_control = value & 0x16,
            CCR => exceptions.configuration = value & 0x31b,
            SHCSR => Self::write_shcsr(exceptions, value),
            // Status bits are cleared by writing ones (B3.2.15, B3.2.16).
            CFSR => exceptions.fault_status &= !value,
            HFSR => exceptions.hard_fault_status &= !value,
            BFAR => exceptions.bus_fault_address = value,
            STIR => exceptions.set_pending(number::FIRST_INTERRUPT + (value & 0xff) as Number, true),
            DFSR => system.debug_fault &= !value,
            DEMCR => {
                exceptions.set_enabled(number::DEBUG_MONITOR, value & MON_EN != 0);
                exceptions.set_pending(number::DEBUG_MONITOR, value & MON_PEND != 0);
                system.trace_enabled = self.registers.store(DEMCR, value) & TRCENA != 0;
                system.update_cycle_counter();
            }
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
    fn aircr_needs_its_key() {
        // B3.2.6.
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 0, name: "SCB", lines: &[], domain: Domain::Core };
        let mut scb = Scb::default();
        scb.write(AIRCR, SYSRESETREQ, &mut ctx);
        assert!(!ctx.system.reset_requested);
        scb.write(AIRCR, VECTKEY << 16 | 3 << 8 | SYSRESETREQ, &mut ctx);
        assert!(ctx.system.reset_requested);
        assert_eq!(scb.read(AIRCR, &mut ctx), 0xfa05_0300);
    }
}
