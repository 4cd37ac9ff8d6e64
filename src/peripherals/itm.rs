//! What it is: the Instrumentation Trace Macrocell: 32 stimulus ports that firmware prints through, as a debug probe on SWO receives them.
//! Source: ARMv7-M Architecture Reference Manual (DDI 0403), section C1.7; Cortex-M3 TRM (DDI 0337E), 11.6 for the lock.
//! Does not model: timestamps, DWT packets, the speed of SWO (a port is always ready), TPR's privilege.
//! Tested by: `registers_conform`, the unit tests below, `firmware-images/tests/itm`.

use super::system::Ctx;
use super::{Peripheral, Register, Registers};

const STIM: u32 = 0x000;
const TER: u32 = 0xe00;
const TPR: u32 = 0xe40;
const TCR: u32 = 0xe80;
const LAR: u32 = 0xfb0;
const LSR: u32 = 0xfb4;
const PORTS: u32 = 32;

const REGISTERS: &[Register] = &[
    Register::new(STIM, "STIM", 0, 0).volatile(u32::MAX).array(PORTS),
    Register::new(TER, "TER", 0, u32::MAX),
    Register::new(TPR, "TPR", 0, 0xf).not_modelled(0xf),
    Register::new(TCR, "TCR", 0, 0x007f_0f1f).not_modelled(0x0000_0b1e),
    Register::new(LAR, "LAR", 0, 0),
    Register::new(LSR, "LSR", 3, 0).volatile(2),
];

/// TCR: the unit is on.
const ITMENA: u32 = 1;
/// What unlocks TER, TPR and TCR when it is written to LAR; anything else locks them.
const KEY: u32 = 0xc5ac_ce55;
/// LSR: they are locked.
const LOCKED: u32 = 2;

/// The device.
#[derive(Clone)]
pub struct Itm {
    registers: Registers,
}

impl Default for Itm {
    fn default() -> Self {
        Self { registers: Registers::new(REGISTERS) }
    }
}

impl Itm {
    /// The port that an offset is, if it and the unit are on.
    fn open_port(&self, offset: u32, ctx: &Ctx<'_>) -> Option<u32> {
        let port = offset / 4;
        let on = ctx.system.trace_enabled && self.registers.get(TCR) & ITMENA != 0;
        (port < PORTS && on && self.registers.get(TER) >> port & 1 != 0).then_some(port)
    }
}

impl Peripheral for Itm {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    /// A stimulus port reads 1 when it can take a value (C1.7.3).
    fn read(&mut self, offset: u32, ctx: &mut Ctx<'_>) -> u32 {
        match offset {
            0..=0x7c => u32::from(self.open_port(offset, ctx).is_some()),
            _ if !ctx.system.trace_enabled => 0,
            _ => self.registers.get(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        self.sized_write(offset, 4, value, ctx);
    }

    fn sized_write(&mut self, offset: u32, size: u32, value: u32, ctx: &mut Ctx<'_>) -> bool {
        if !ctx.system.trace_enabled {
            // Without TRCENA the unit is off (C1.7, DEMCR).
            return true;
        }
        match offset {
            0..=0x7f => {
                if let Some(port) = self.open_port(offset & !3, ctx) {
                    ctx.trace(port, size, value);
                }
            }
            LAR => self.registers.set_bits(LSR, LOCKED, value != KEY),
            TER | TPR | TCR if self.registers.get(LSR) & LOCKED != 0 => {}
            _ => {
                self.registers.store(offset, value);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peripherals::System;
    use crate::peripherals::system::Domain;
    use crate::units::Hz;

    #[test]
    fn a_port_opens_with_trcena_itmena_and_its_bit_and_behind_the_lock() {
        // DDI 0403, C1.7.3 to C1.7.6; CMSIS's ITM_SendChar tests the same bits.
        let mut system = System::new(Hz(8_000_000));
        system.trace_enabled = true;
        let mut ctx = Ctx { system: &mut system, device: 0, name: "ITM", lines: &[], domain: Domain::Core };
        let mut itm = Itm::default();
        itm.registers.set_bits(LSR, LOCKED, true);
        itm.write(TCR, ITMENA, &mut ctx);
        assert_eq!(itm.read(TCR, &mut ctx), 0, "locked");
        itm.write(LAR, KEY, &mut ctx);
        itm.write(TCR, ITMENA, &mut ctx);
        assert_eq!(itm.read(STIM, &mut ctx), 0, "its own bit is clear");
        itm.write(STIM, 7, &mut ctx);
        itm.write(TER, 1 << 31 | 1, &mut ctx);
        assert_eq!((itm.read(STIM, &mut ctx), itm.read(4, &mut ctx), itm.read(31 * 4, &mut ctx)), (1, 0, 1));
        itm.sized_write(STIM, 1, u32::from(b'a'), &mut ctx);
        itm.sized_write(31 * 4, 2, 0x1234, &mut ctx);
        ctx.system.trace_enabled = false;
        itm.sized_write(STIM, 1, u32::from(b'b'), &mut ctx);
        let seen: Vec<(u32, u32, u32)> = system.traced.iter().map(|item| (item.port, item.size, item.value)).collect();
        assert_eq!(seen, [(0, 1, u32::from(b'a')), (31, 2, 0x1234)]);
    }
}
