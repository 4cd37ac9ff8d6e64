//! What it is: the core's 24-bit down counter.
//! Source: ARMv7-M Architecture Reference Manual (DDI 0403), section B3.3; PM0056 section 4.5 for the calibration value and the
//! reference clock HCLK/8.
//! Does not model: anything less.
//! Tested by: `registers_conform`, the unit tests below, `firmware-images/tests/systick_1khz`.

use super::system::Ctx;
use super::{Peripheral, Register, Registers};
use crate::units::{Cycles, Tick};

const CTRL: u32 = 0x0;
const LOAD: u32 = 0x4;
const VAL: u32 = 0x8;

const REGISTERS: &[Register] = &[
    Register::new(CTRL, "CTRL", 0, 0x7).volatile(1 << 16),
    Register::new(LOAD, "LOAD", 0, 0x00ff_ffff),
    Register::new(VAL, "VAL", 0, 0).volatile(0x00ff_ffff),
    Register::new(0xc, "CALIB", 0x4000_2328, 0),
];
const ENABLE: u32 = 1;
const TICKINT: u32 = 1 << 1;
const CLKSOURCE: u32 = 1 << 2;
const COUNTFLAG: u32 = 1 << 16;
const ZERO: u32 = 0;

/// The device. While it counts, its value is computed from when it was `start`.
#[derive(Clone)]
pub struct SysTick {
    registers: Registers,
    since: Tick,
    start: u32,
}

impl Default for SysTick {
    fn default() -> Self {
        Self { registers: Registers::new(REGISTERS), since: Tick(0), start: 0 }
    }
}

impl SysTick {
    fn divider(&self) -> u64 {
        if self.registers.get(CTRL) & CLKSOURCE != 0 { 1 } else { 8 }
    }

    fn enabled(&self) -> bool {
        self.registers.get(CTRL) & ENABLE != 0
    }

    /// The present count. From zero the next clock reloads, so a period is LOAD + 1.
    fn value(&self, now: Tick) -> u32 {
        if !self.enabled() {
            return self.start;
        }
        let passed = now.since(self.since).0 / self.divider();
        match u64::from(self.start).checked_sub(passed) {
            Some(value) => value as u32,
            None => {
                let load = u64::from(self.registers.get(LOAD));
                let beyond = (passed - u64::from(self.start) - 1) % (load + 1);
                (load - beyond) as u32
            }
        }
    }

    /// Counts on from `start` and asks to be called when the count reaches zero.
    fn restart(&mut self, start: u32, ctx: &mut Ctx<'_>) {
        self.start = start;
        self.since = ctx.now();
        ctx.cancel(ZERO);
        let load = self.registers.get(LOAD);
        if self.enabled() {
            let steps = if start > 0 { u64::from(start) } else { u64::from(load) + 1 };
            if start > 0 || load > 0 {
                ctx.schedule(ZERO, Cycles(steps * self.divider()));
            }
        }
    }
}

impl Peripheral for SysTick {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn read(&mut self, offset: u32, ctx: &mut Ctx<'_>) -> u32 {
        match offset {
            CTRL => {
                let value = self.registers.get(CTRL);
                self.registers.set_bits(CTRL, COUNTFLAG, false);
                value
            }
            VAL => self.value(ctx.now()),
            _ => self.registers.get(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        match offset {
            VAL => {
                self.registers.set_bits(CTRL, COUNTFLAG, false);
                self.restart(0, ctx);
            }
            CTRL => {
                let count = self.value(ctx.now());
                self.registers.store(CTRL, value);
                self.restart(count, ctx);
            }
            _ => {
                let count = self.value(ctx.now());
                self.registers.store(offset, value);
                self.restart(count, ctx);
            }
        }
    }

    fn stood_still(&mut self, asleep: Cycles, _ctx: &mut Ctx<'_>) {
        self.since += asleep;
    }

    fn due(&mut self, _event: u32, ctx: &mut Ctx<'_>) {
        self.registers.set_bits(CTRL, COUNTFLAG, true);
        if self.registers.get(CTRL) & TICKINT != 0
            && let Some(line) = ctx.lines.first()
        {
            ctx.system.exceptions.set_pending(*line, true);
        }
        self.restart(0, ctx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peripherals::System;
    use crate::peripherals::system::Domain;
    use crate::units::Hz;

    #[test]
    fn it_pends_every_load_plus_one_cycles() {
        // DDI 0403, B3.3.1: "a multi-shot timer, repeating every N+1 clock pulses"; writing VAL clears it and does not pend.
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 0, name: "STK", lines: &[15], domain: Domain::Core };
        let mut timer = SysTick::default();
        timer.write(LOAD, 999, &mut ctx);
        timer.write(VAL, 0, &mut ctx);
        timer.write(CTRL, ENABLE | TICKINT | CLKSOURCE, &mut ctx);
        assert!(!ctx.system.exceptions.is_pending(15));
        ctx.system.now = Tick(1);
        assert_eq!(timer.read(VAL, &mut ctx), 999);
        for period in 1..4 {
            assert_eq!(ctx.system.next_due(), Tick(period * 1000));
            ctx.system.now = Tick(period * 1000);
            let (_, _, event) = ctx.system.take_due().expect("due");
            timer.due(event, &mut ctx);
            assert!(ctx.system.exceptions.is_pending(15));
            ctx.system.exceptions.set_pending(15, false);
        }
        assert_ne!(timer.read(CTRL, &mut ctx) & COUNTFLAG, 0);
        assert_eq!(timer.read(CTRL, &mut ctx) & COUNTFLAG, 0, "reading clears it");
    }
}
