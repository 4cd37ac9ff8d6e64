//! What it is: the core's debug control (DEMCR) and the cycle counter of its Data Watchpoint and Trace unit.
//! Source: ARMv7-M Architecture Reference Manual (DDI 0403), sections C1.6 and C1.8.
//! Does not model: comparators, the profiling counters, halting debug.
//! Tested by: `registers_conform`, `firmware-images/tests/cyccnt_midblock`.

use super::system::Ctx;
use super::{Peripheral, Register, Registers};
use crate::finding::{Code, Finding};

const DEMCR: u32 = 0xc;

const DEBUG_REGISTERS: &[Register] = &[
    Register::new(0x0, "DHCSR", 0, 0),
    Register::new(0x4, "DCRSR", 0, 0),
    Register::new(0x8, "DCRDR", 0, u32::MAX).not_modelled(u32::MAX),
    Register::new(DEMCR, "DEMCR", 0, 0x010f_07f1).not_modelled(0x000f_07f1),
];
const TRCENA: u32 = 1 << 24;

const CTRL: u32 = 0x0;
const CYCCNT: u32 = 0x4;

const DWT_REGISTERS: &[Register] = &[
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

/// DEMCR and its neighbours.
pub struct CoreDebug {
    registers: Registers,
}

impl Default for CoreDebug {
    fn default() -> Self {
        Self { registers: Registers::new(DEBUG_REGISTERS) }
    }
}

/// Lets the cycle counter run when both its own bit and TRCENA say so.
fn update_counter(ctx: &mut Ctx<'_>) {
    let (running, now) = (ctx.system.trace_enabled && ctx.system.cycle_counter_enabled, ctx.now());
    ctx.system.cycle_counter.run(running, now);
}

impl Peripheral for CoreDebug {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        self.registers.store(offset, value);
        ctx.system.trace_enabled = self.registers.get(DEMCR) & TRCENA != 0;
        update_counter(ctx);
    }
}

/// The DWT.
pub struct Dwt {
    registers: Registers,
}

impl Default for Dwt {
    fn default() -> Self {
        Self { registers: Registers::new(DWT_REGISTERS) }
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
            update_counter(ctx);
        }
    }
}
