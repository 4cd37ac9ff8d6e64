//! What it is: the cycle counter of the Data Watchpoint and Trace unit.
//! Source: ARMv7-M Architecture Reference Manual (DDI 0403), section C1.8.
//! Does not model: comparators and the profiling counters.
//! Tested by: `registers_conform`, `firmware-images/tests/cyccnt_midblock`.

use super::system::Ctx;
use super::{Peripheral, Register, Registers};
use crate::finding::{Code, Finding};

const CTRL: u32 = 0x0;
const CYCCNT: u32 = 0x4;

const REGISTERS: &[Register] = &[
    Register::new(CTRL, "CTRL", 0x4000_0000, 0x007f_1fff).not_modelled(0x007f_1ffe),
    Register::new(CYCCNT, "CYCCNT", 0, 0).volatile(u32::MAX),
    Register::new(0x08, "CPICNT", 0, 0xff).not_modelled(0xff),
    Register::new(0x0c, "EXCCNT", 0, 0xff).not_modelled(0xff),
    Register::new(0x10, "SLEEPCNT", 0, 0xff).not_modelled(0xff),
    Register::new(0x14, "LSUCNT", 0, 0xff).not_modelled(0xff),
    Register::new(0x18, "FOLDCNT", 0, 0xff).not_modelled(0xff),
    Register::new(0x1c, "PCSR", 0, 0),
    Register::new(0x20, "COMP0", 0, u32::MAX).not_modelled(u32::MAX),
    Register::new(0x24, "MASK0", 0, 0x1f).not_modelled(0x1f),
    Register::new(0x28, "FUNCTION0", 0, 0xf_ffff).not_modelled(0xf_ffff),
];

/// The device.
#[derive(Clone)]
pub struct Dwt {
    registers: Registers,
}

impl Default for Dwt {
    fn default() -> Self {
        Self { registers: Registers::new(REGISTERS) }
    }
}

impl Peripheral for Dwt {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn read(&mut self, offset: u32, ctx: &mut Ctx<'_>) -> u32 {
        if offset != CYCCNT {
            return self.registers.get(offset);
        }
        if !ctx.system.cycle_counter.is_running() {
            ctx.system.find(Finding::new(Code::CycleCounterOff, "DWT_CYCCNT was read while it does not count"));
        }
        ctx.system.cycle_counter.read(ctx.now())
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        if offset == CYCCNT {
            let now = ctx.now();
            ctx.system.cycle_counter.write(value, now);
        } else {
            self.registers.store(offset, value);
            ctx.system.cycle_counter_enabled = self.registers.get(CTRL) & 1 != 0;
            ctx.system.update_cycle_counter();
        }
    }
}
