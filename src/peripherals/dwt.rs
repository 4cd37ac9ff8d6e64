//! What it is: the Data Watchpoint and Trace unit: its cycle counter, and the comparator that watches it.
//! Source: ARMv7-M Architecture Reference Manual (DDI 0403), section C1.8; DDI 0337E, 11.5 for the Cortex-M3's four comparators.
//! Does not model: comparators on addresses and data (their functions are in the ledger when they are set), the profiling counters, packets.
//! Tested by: `registers_conform`, `firmware-images/tests/cyccnt_midblock`, `cyccnt_sleep`, `debug_monitor`.

use super::system::Ctx;
use super::{Peripheral, Register, Registers};
use crate::finding::{Code, Finding};
use crate::machine::exceptions::number;
use crate::units::Cycles;

const CTRL: u32 = 0x0;
const CYCCNT: u32 = 0x4;
const PCSR: u32 = 0x1c;
const COMP0: u32 = 0x20;
const FUNCTION0: u32 = 0x28;
/// How far the registers of a comparator are from those of the next.
const COMPARATOR: u32 = 0x10;

macro_rules! comparator {
    ($base:literal, $comp:literal, $mask:literal, $function:literal, $bits:literal) => {
        [
            Register::new($base, $comp, 0, u32::MAX),
            Register::new($base + 4, $mask, 0, 0xf),
            Register::new($base + 8, $function, 0, $bits).volatile(MATCHED),
        ]
    };
}
const COMPARATORS: [[Register; 3]; 4] = [
    comparator!(0x20, "COMP0", "MASK0", "FUNCTION0", 0xaf),
    comparator!(0x30, "COMP1", "MASK1", "FUNCTION1", 0xf_fd2f),
    comparator!(0x40, "COMP2", "MASK2", "FUNCTION2", 0x2f),
    comparator!(0x50, "COMP3", "MASK3", "FUNCTION3", 0x2f),
];
const COUNTERS: [Register; 8] = [
    Register::new(CTRL, "CTRL", 0x4000_0000, 0x007f_1fff).not_modelled(0x007f_1ffe),
    Register::new(CYCCNT, "CYCCNT", 0, 0).volatile(u32::MAX),
    Register::new(0x08, "CPICNT", 0, 0xff).not_modelled(0xff),
    Register::new(0x0c, "EXCCNT", 0, 0xff).not_modelled(0xff),
    Register::new(0x10, "SLEEPCNT", 0, 0xff).not_modelled(0xff),
    Register::new(0x14, "LSUCNT", 0, 0xff).not_modelled(0xff),
    Register::new(0x18, "FOLDCNT", 0, 0xff).not_modelled(0xff),
    Register::new(PCSR, "PCSR", 0, 0).volatile(u32::MAX),
];
const REGISTERS: &[Register] = &{
    let mut all = [COUNTERS[0]; 8 + 3 * 4];
    let mut i = 0;
    while i < 8 {
        all[i] = COUNTERS[i];
        i += 1;
    }
    while i < 20 {
        all[i] = COMPARATORS[(i - 8) / 3][(i - 8) % 3];
        i += 1;
    }
    all
};

/// FUNCTION: what it does, of which 4 to 7 are debug events; the first comparator compares the cycle counter; it has matched.
const FUNCTION: u32 = 0xf;
const CYCMATCH: u32 = 1 << 7;
const MATCHED: u32 = 1 << 24;
/// DFSR: a comparator of this unit.
const DWTTRAP: u32 = 1 << 2;

/// The event: the cycle counter is about to reach the comparator.
const REACHED: u32 = 0;

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

impl Dwt {
    /// Waits for the cycle counter to reach the first comparator, if that is what it compares.
    fn watch_cycles(&mut self, ctx: &mut Ctx<'_>) {
        let function = self.registers.get(FUNCTION0);
        let runs = ctx.system.cycle_counter.is_running();
        if !runs || function & CYCMATCH == 0 || function & FUNCTION == 0 {
            return ctx.cancel(REACHED);
        }
        let left = self.registers.get(COMP0).wrapping_sub(ctx.system.cycle_counter.read(ctx.now()));
        ctx.schedule(REACHED, Cycles(if left == 0 { 1 << 32 } else { u64::from(left) }));
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
        match offset {
            CYCCNT => {
                if !ctx.system.cycle_counter.is_running() {
                    ctx.system.find(Finding::new(Code::CycleCounterOff, "DWT_CYCCNT was read while it does not count"));
                }
                ctx.system.cycle_counter.read(ctx.now())
            }
            PCSR => ctx.system.pc,
            _ => {
                let value = self.registers.get(offset);
                if offset >= FUNCTION0 && (offset - FUNCTION0).is_multiple_of(COMPARATOR) {
                    self.registers.set_bits(offset, MATCHED, false);
                }
                value
            }
        }
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        if offset == CYCCNT {
            let now = ctx.now();
            ctx.system.cycle_counter.write(value, now);
        } else {
            let stored = self.registers.store(offset, value);
            if offset >= FUNCTION0 && (offset - FUNCTION0).is_multiple_of(COMPARATOR) {
                let modelled = offset == FUNCTION0 && stored & CYCMATCH != 0;
                if stored & FUNCTION != 0 && !modelled {
                    let register = format!("{}.FUNCTION{}", ctx.name, (offset - FUNCTION0) / COMPARATOR);
                    ctx.system.note(register, format!("function {} on an address or on data", stored & FUNCTION));
                }
            }
            ctx.system.cycle_counter_enabled = self.registers.get(CTRL) & 1 != 0;
            ctx.system.update_cycle_counter();
        }
        self.watch_cycles(ctx);
    }

    /// The comparator's value may have moved away meanwhile: the counter stands still while the core sleeps.
    fn due(&mut self, _event: u32, ctx: &mut Ctx<'_>) {
        let function = self.registers.get(FUNCTION0);
        if self.registers.get(COMP0) == ctx.system.cycle_counter.read(ctx.now()) {
            self.registers.set_bits(FUNCTION0, MATCHED, true);
            if matches!(function & FUNCTION, 4..=7) && ctx.system.exceptions.is_enabled(number::DEBUG_MONITOR) {
                ctx.system.debug_fault |= DWTTRAP;
                ctx.system.exceptions.set_pending(number::DEBUG_MONITOR, true);
            }
        }
        self.watch_cycles(ctx);
    }
}
