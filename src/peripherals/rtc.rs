//! What it is: the real-time clock: a prescaler and a 32-bit counter on LSE, LSI or HSE/128, with second, alarm and overflow.
//! Source: RM0008 section 18.3 (function) and 18.4 (registers).
//! Does not model: calibration; the shadow registers' delay (a read is always up to date).
//! Tested by: `registers_conform`, the unit test below, `firmware-images/tests/rtc_alarm`, `resets`.

use super::system::Ctx;
use super::{Peripheral, Register, Registers};
use crate::units::{Cycles, Tick};

const CRH: u32 = 0x00;
const CRL: u32 = 0x04;
const PRLH: u32 = 0x08;
const PRLL: u32 = 0x0c;
const DIVH: u32 = 0x10;
const DIVL: u32 = 0x14;
const CNTH: u32 = 0x18;
const CNTL: u32 = 0x1c;
const ALRH: u32 = 0x20;
const ALRL: u32 = 0x24;

const REGISTERS: &[Register] = &[
    Register::new(CRH, "CRH", 0, 0x7),
    Register::new(CRL, "CRL", 0x20, 0x10).clear_by_zero(0xf).volatile(0x20),
    Register::new(PRLH, "PRLH", 0, 0xf),
    Register::new(PRLL, "PRLL", 0x8000, 0xffff),
    Register::new(DIVH, "DIVH", 0, 0).volatile(0xf),
    Register::new(DIVL, "DIVL", 0x8000, 0).volatile(0xffff),
    Register::new(CNTH, "CNTH", 0, 0xffff).volatile(0xffff),
    Register::new(CNTL, "CNTL", 0, 0xffff).volatile(0xffff),
    Register::new(ALRH, "ALRH", 0xffff, 0xffff),
    Register::new(ALRL, "ALRL", 0xffff, 0xffff),
];

/// CRL: second, alarm, overflow, synchronised, configuration mode, the last write is done. CRH's enables stand at the first three.
const SECF: u32 = 1 << 0;
const ALRF: u32 = 1 << 1;
const OWF: u32 = 1 << 2;
const RSF: u32 = 1 << 3;
const CNF: u32 = 1 << 4;
const RTOFF: u32 = 1 << 5;
/// What a write takes, in cycles of the RTC's clock (18.3.4).
const WRITE_CYCLES: u64 = 3;

/// The event, and the output to EXTI line 17.
const DUE: u32 = 0;
const ALARM: usize = 0;

/// The device. What it counts stands in the registers and `phase` as it was at `since`.
#[derive(Clone)]
pub struct Rtc {
    registers: Registers,
    /// Cycles of its clock since the counter last changed.
    phase: u64,
    since: Tick,
    /// A part of a cycle, in core cycles times the clock's frequency.
    rest: u128,
    /// The clocks that `since` was counted with.
    rate: u32,
    core: u32,
    written: Tick,
}

impl Default for Rtc {
    fn default() -> Self {
        Self {
            registers: Registers::new(REGISTERS),
            phase: 0,
            since: Tick(0),
            rest: 0,
            rate: 0,
            core: 8_000_000,
            written: Tick(0),
        }
    }
}

impl Rtc {
    fn pair(&self, high: u32) -> u32 {
        self.registers.get(high) << 16 | self.registers.get(high + 4)
    }

    fn reload(&self) -> u64 {
        u64::from(self.pair(PRLH)) + 1
    }

    fn sync(&mut self, ctx: &mut Ctx<'_>) {
        let passed = ctx.now().since(self.since).0;
        self.since = ctx.now();
        if self.rate == 0 {
            return;
        }
        let total = self.rest + u128::from(passed) * u128::from(self.rate);
        let core = u128::from(self.core.max(1));
        let cycles = (total / core) as u64;
        self.rest = total % core;
        if cycles > 0 {
            self.registers.set_bits(CRL, RSF, true);
        }
        let phase = self.phase + cycles;
        let seconds = phase / self.reload();
        self.phase = phase % self.reload();
        if seconds > 0 {
            let (before, alarm) = (self.pair(CNTH), self.pair(ALRH));
            let after = u64::from(before) + seconds;
            self.registers.set(CNTH, (after >> 16) as u32 & 0xffff);
            self.registers.set(CNTL, after as u32 & 0xffff);
            let mut flags = SECF;
            if after > u64::from(u32::MAX) {
                flags |= OWF;
            }
            if u64::from(alarm.wrapping_sub(before)) <= seconds && alarm != before {
                flags |= ALRF;
                ctx.pulse(ALARM);
            }
            self.registers.set_bits(CRL, flags, true);
        }
        let left = self.reload() - 1 - self.phase;
        self.registers.set(DIVH, (left >> 16) as u32 & 0xf);
        self.registers.set(DIVL, left as u32 & 0xffff);
    }

    /// Core cycles until so many cycles of its clock have passed, counted from now.
    fn core_cycles(&self, cycles: u64) -> Cycles {
        let needed = (u128::from(cycles) * u128::from(self.core.max(1))).saturating_sub(self.rest);
        Cycles(needed.div_ceil(u128::from(self.rate.max(1))) as u64)
    }

    /// When a write that begins now has reached the registers: never while they have no clock.
    fn write_ends(&self, ctx: &Ctx<'_>) -> Tick {
        if self.rate == 0 { Tick::NEVER } else { ctx.now() + self.core_cycles(WRITE_CYCLES) }
    }

    fn refresh(&mut self, ctx: &mut Ctx<'_>) {
        let enabled = self.registers.get(CRH);
        ctx.set_line(0, self.registers.get(CRL) & enabled & 7 != 0);
        ctx.cancel(DUE);
        if self.rate == 0 {
            return;
        }
        let to_second = self.reload() - self.phase;
        let (count, alarm) = (self.pair(CNTH), self.pair(ALRH));
        let seconds = if enabled & SECF != 0 { 1 } else { u64::from(alarm.wrapping_sub(count).wrapping_sub(1)) + 1 };
        let cycles = to_second + (seconds - 1) * self.reload();
        // An alarm that nobody will live to see need not be waited for: it would keep a sleeping core from being asleep for ever.
        if enabled & (SECF | OWF) != 0 || alarm != u32::MAX {
            ctx.schedule(DUE, self.core_cycles(cycles));
        }
    }

    fn take_clocks(&mut self, ctx: &mut Ctx<'_>) {
        let clocks = ctx.system.clocks;
        self.rest = self.rest * u128::from(clocks.hclk.0) / u128::from(self.core.max(1));
        (self.rate, self.core) = (clocks.rtc.0, clocks.hclk.0);
        if self.written > ctx.now() {
            self.written = self.write_ends(ctx);
        }
        self.refresh(ctx);
    }
}

impl Peripheral for Rtc {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["ALARM"]
    }

    fn read(&mut self, offset: u32, ctx: &mut Ctx<'_>) -> u32 {
        self.sync(ctx);
        self.registers.set_bits(CRL, RTOFF, ctx.now() >= self.written);
        self.registers.get(offset)
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        self.sync(ctx);
        let configuring = self.registers.get(CRL) & CNF != 0;
        match offset {
            CRH => {
                self.registers.store(CRH, value);
            }
            CRL => {
                self.registers.store(CRL, value);
                if configuring && value & CNF == 0 {
                    self.written = self.write_ends(ctx);
                }
            }
            DIVH | DIVL => {}
            _ if !configuring || !ctx.system.backup_access => {
                let what = "written outside of the configuration mode or with PWR_CR.DBP 0: lost";
                ctx.system.note(format!("{}+0x{offset:02x}", ctx.name), what);
            }
            _ => {
                self.registers.store(offset, value);
                if matches!(offset, CNTH | CNTL | PRLH | PRLL) {
                    (self.phase, self.rest) = (0, 0);
                }
            }
        }
        self.refresh(ctx);
    }

    fn due(&mut self, _event: u32, ctx: &mut Ctx<'_>) {
        self.sync(ctx);
        self.refresh(ctx);
    }

    /// A backup domain reset (RCC_BDCR.BDRST).
    fn input(&mut self, _input: usize, high: bool, ctx: &mut Ctx<'_>) {
        if high {
            *self = Self { since: ctx.now(), rate: self.rate, core: self.core, ..Self::default() };
            self.refresh(ctx);
        }
    }

    fn clocks_changed(&mut self, ctx: &mut Ctx<'_>) {
        self.sync(ctx);
        self.take_clocks(ctx);
    }

    fn works_in_stop(&self) -> bool {
        true
    }

    /// The counter, the prescaler and the alarm outlast a reset; the interrupt enables do not (18.4.7).
    fn restart(&mut self, fresh: bool, ctx: &mut Ctx<'_>) -> bool {
        if fresh {
            self.since = ctx.now();
        }
        self.sync(ctx);
        self.registers.set(CRH, 0);
        self.registers.set(CRL, RTOFF);
        self.take_clocks(ctx);
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
    fn a_write_waits_for_the_clock() {
        // RM0008, 18.3.4 and 18.4.2: it takes at least three cycles of RTCCLK, and RTOFF is 0 until it has ended.
        let mut system = System::new(Hz(8_000_000));
        system.backup_access = true;
        let mut ctx = Ctx { system: &mut system, device: 0, name: "RTC", lines: &[19], domain: Domain::Apb1 };
        let mut rtc = Rtc::default();
        rtc.restart(true, &mut ctx);
        rtc.write(CRL, CNF, &mut ctx);
        rtc.write(PRLL, 62_499, &mut ctx);
        rtc.write(CRL, 0, &mut ctx);
        ctx.system.now = Tick(100_000_000);
        assert_eq!(rtc.read(CRL, &mut ctx) & RTOFF, 0, "there is no clock");
        // HSE / 128 of 8 MHz.
        ctx.system.clocks.rtc = Hz(62_500);
        rtc.clocks_changed(&mut ctx);
        ctx.system.now = Tick(100_000_000 + 3 * 128 - 1);
        assert_eq!(rtc.read(CRL, &mut ctx) & RTOFF, 0);
        ctx.system.now = Tick(100_000_000 + 3 * 128);
        assert_eq!(rtc.read(CRL, &mut ctx) & RTOFF, RTOFF);
    }

    #[test]
    fn seconds_are_seconds_of_its_own_clock() {
        // RM0008, 18.4.3: fTR_CLK = fRTCCLK / (PRL + 1); 32768 Hz and PRL 0x7fff make a second, here 8 000 000 core cycles.
        let mut system = System::new(Hz(8_000_000));
        system.clocks.rtc = Hz(32_768);
        system.backup_access = true;
        let mut ctx = Ctx { system: &mut system, device: 0, name: "RTC", lines: &[19], domain: Domain::Apb1 };
        let mut rtc = Rtc::default();
        rtc.restart(true, &mut ctx);
        rtc.write(CRL, CNF, &mut ctx);
        rtc.write(PRLL, 0x7fff, &mut ctx);
        rtc.write(ALRH, 0, &mut ctx);
        rtc.write(ALRL, 3, &mut ctx);
        rtc.write(CRL, 0, &mut ctx);
        rtc.write(CRH, ALRF, &mut ctx);
        assert_eq!(ctx.system.next_due(), Tick(24_000_000));
        ctx.system.now = Tick(15_999_999);
        assert_eq!(rtc.read(CNTL, &mut ctx), 1);
        ctx.system.now = Tick(24_000_000);
        let (_, _, event) = ctx.system.take_due().expect("due");
        rtc.due(event, &mut ctx);
        assert_eq!((rtc.read(CNTL, &mut ctx), rtc.peek(CRL) & (SECF | ALRF)), (3, SECF | ALRF));
        assert!(ctx.system.exceptions.is_pending(19));
    }
}
