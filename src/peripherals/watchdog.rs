//! What it is: the two watchdogs: the independent one on LSI, the window watchdog on PCLK1.
//! Source: RM0008 chapters 19 (IWDG) and 20 (WWDG).
//! Does not model: the delay with which IWDG's registers follow a write (PVU and RVU are always 0).
//! Tested by: `registers_conform`, the unit tests below, `firmware-images/tests/resets`.

use super::system::{Ctx, reset_flag};
use super::{Peripheral, Register, Registers};
use crate::units::{Cycles, Tick};

const KR: u32 = 0x0;
const PR: u32 = 0x4;
const RLR: u32 = 0x8;

const INDEPENDENT: &[Register] = &[
    Register::new(KR, "KR", 0, 0),
    Register::new(PR, "PR", 0, 0x7).volatile(0x7),
    Register::new(RLR, "RLR", 0xfff, 0xfff).volatile(0xfff),
    Register::new(0xc, "SR", 0, 0),
];
const START: u32 = 0xcccc;
const RELOAD: u32 = 0xaaaa;
const UNLOCK: u32 = 0x5555;
const EXPIRED: u32 = 0;

/// The independent watchdog.
#[derive(Clone)]
pub struct Iwdg {
    registers: Registers,
    running: bool,
    unlocked: bool,
}

impl Default for Iwdg {
    fn default() -> Self {
        Self { registers: Registers::new(INDEPENDENT), running: false, unlocked: false }
    }
}

impl Iwdg {
    fn reload(&self, ctx: &mut Ctx<'_>) {
        if self.running {
            let divider = 4u64 << self.registers.get(PR).min(6);
            let periods = (u64::from(self.registers.get(RLR)) + 1) * divider;
            let nanos = periods * 1_000_000_000 / u64::from(ctx.system.chip.clocks.lsi.0.max(1));
            let delay = ctx.system.cycles_of_nanos(nanos);
            ctx.schedule(EXPIRED, delay);
        }
    }
}

impl Peripheral for Iwdg {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        match (offset, value & 0xffff) {
            (KR, START) => {
                self.running = true;
                self.reload(ctx);
                self.unlocked = false;
            }
            (KR, RELOAD) => {
                self.reload(ctx);
                self.unlocked = false;
            }
            (KR, key) => self.unlocked = key == UNLOCK,
            (PR | RLR, _) if self.unlocked => {
                self.registers.store(offset, value);
            }
            _ => {}
        }
    }

    fn due(&mut self, _event: u32, ctx: &mut Ctx<'_>) {
        ctx.system.request_reset(reset_flag::INDEPENDENT_WATCHDOG);
    }

    fn works_in_stop(&self) -> bool {
        true
    }
}

const CR: u32 = 0x0;
const CFR: u32 = 0x4;
const SR: u32 = 0x8;

const WINDOW: &[Register] = &[
    Register::new(CR, "CR", 0x7f, 0xff).volatile(0xff),
    Register::new(CFR, "CFR", 0x7f, 0x3ff),
    Register::new(SR, "SR", 0, 0).clear_by_zero(0x1),
];
/// CR: running. CFR: early wake-up interrupt.
const WDGA: u32 = 1 << 7;
const EWI: u32 = 1 << 9;
/// The events: the counter reaches 0x40, and 0x3f.
const EARLY: u32 = 0;
const LATE: u32 = 1;

/// The window watchdog.
#[derive(Clone)]
pub struct Wwdg {
    registers: Registers,
    /// When the counter had the value that stands in CR.
    since: Tick,
}

impl Default for Wwdg {
    fn default() -> Self {
        Self { registers: Registers::new(WINDOW), since: Tick(0) }
    }
}

impl Wwdg {
    /// Core cycles a count (20.4).
    fn period(&self, ctx: &Ctx<'_>) -> u64 {
        (4096 * ctx.core_cycles_per_clock()) << (self.registers.get(CFR) >> 7 & 3)
    }

    fn count(&self, ctx: &Ctx<'_>) -> u32 {
        let control = self.registers.get(CR);
        if control & WDGA == 0 {
            return control & 0x7f;
        }
        let passed = ctx.now().since(self.since).0 / self.period(ctx);
        (u64::from(control & 0x7f).saturating_sub(passed)) as u32
    }

    fn plan(&self, ctx: &mut Ctx<'_>) {
        let control = self.registers.get(CR);
        if control & WDGA == 0 {
            return;
        }
        let count = u64::from(control & 0x7f);
        let (now, period) = (ctx.now(), self.period(ctx));
        for (event, value) in [(EARLY, 0x40), (LATE, 0x3f)] {
            let at = self.since + Cycles(count.saturating_sub(value) * period);
            if at > now || event == LATE {
                ctx.schedule(event, at.since(now));
            }
        }
    }
}

impl Peripheral for Wwdg {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn read(&mut self, offset: u32, ctx: &mut Ctx<'_>) -> u32 {
        if offset == CR { (self.registers.get(CR) & WDGA) | self.count(ctx) } else { self.registers.get(offset) }
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        match offset {
            CR => {
                let running = self.registers.get(CR) & WDGA != 0;
                if running && self.count(ctx) > self.registers.get(CFR) & 0x7f {
                    return ctx.system.request_reset(reset_flag::WINDOW_WATCHDOG);
                }
                // Once it runs only a reset stops it.
                self.registers.store(CR, value | if running { WDGA } else { 0 });
                self.since = ctx.now();
                if value & 0x40 == 0 && self.registers.get(CR) & WDGA != 0 {
                    return ctx.system.request_reset(reset_flag::WINDOW_WATCHDOG);
                }
                self.plan(ctx);
            }
            _ => {
                let count = self.count(ctx);
                self.registers.store(offset, value);
                if offset == CFR {
                    let running = self.registers.get(CR) & WDGA;
                    self.registers.set(CR, running | count);
                    self.since = ctx.now();
                    self.plan(ctx);
                }
                ctx.set_line(0, self.registers.get(SR) & 1 != 0 && self.registers.get(CFR) & EWI != 0);
            }
        }
    }

    fn due(&mut self, event: u32, ctx: &mut Ctx<'_>) {
        if event == EARLY {
            self.registers.set_bits(SR, 1, true);
            ctx.set_line(0, self.registers.get(CFR) & EWI != 0);
        } else {
            ctx.system.request_reset(reset_flag::WINDOW_WATCHDOG);
        }
    }

    fn clocks_changed(&mut self, ctx: &mut Ctx<'_>) {
        self.plan(ctx);
    }

    fn stood_still(&mut self, asleep: Cycles, _ctx: &mut Ctx<'_>) {
        self.since += asleep;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peripherals::System;
    use crate::peripherals::system::Domain;
    use crate::units::Hz;

    #[test]
    fn the_independent_one_expires_by_lsi() {
        // RM0008, table 96: prescaler /4 and reload 0xfff make 409.6 ms at 40 kHz.
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 0, name: "IWDG", lines: &[], domain: Domain::Apb1 };
        let mut iwdg = Iwdg::default();
        iwdg.write(RLR, 5, &mut ctx);
        assert_eq!(iwdg.peek(RLR), 0xfff, "locked");
        iwdg.write(KR, START, &mut ctx);
        assert_eq!(ctx.system.next_due(), Tick(8_000_000 * 4096 / 10_000));
        iwdg.due(EXPIRED, &mut ctx);
        assert!(ctx.system.reset_requested && ctx.system.reset_cause & reset_flag::INDEPENDENT_WATCHDOG != 0);
    }

    #[test]
    fn the_window_watchdog_expires_in_the_time_of_the_manuals_table() {
        // RM0008, 20.4: at PCLK1 = 36 MHz and WDGTB 0, T = 0x40 lasts 113 us and 0x7f 7.28 ms.
        let mut system = System::new(Hz(8_000_000));
        system.clocks.hclk = Hz(72_000_000);
        system.clocks.pclk1 = Hz(36_000_000);
        let mut ctx = Ctx { system: &mut system, device: 0, name: "WWDG", lines: &[16], domain: Domain::Apb1 };
        let mut wwdg = Wwdg::default();
        wwdg.write(CR, WDGA | 0x7f, &mut ctx);
        let late = 64 * 4096 * 2;
        assert_eq!(late, 524_288); // 7.2818 ms at 72 MHz
        assert_eq!(ctx.system.next_due(), Tick(late - 8192), "the early interrupt comes one count before");
        ctx.system.now = Tick(8192 * 3);
        assert_eq!(wwdg.read(CR, &mut ctx), WDGA | 0x7c);
        wwdg.write(CFR, 0x50, &mut ctx);
        wwdg.write(CR, WDGA | 0x7f, &mut ctx);
        assert!(ctx.system.reset_requested, "refreshed before the window opened");
    }
}
