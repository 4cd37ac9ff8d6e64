//! What it is: Reset and Clock Control: oscillators with their start-up times, the PLL, the prescalers, the RTC's clock, clock enable and
//! reset bits, why the chip was reset.
//! Source: RM0008 section 7.3 (registers); the start-up times are the chip description's.
//! Does not model: trimming, MCO, the USB clock. An oscillator fails only if a world file says so (`[crystal]`).
//! Tested by: `registers_conform`, the unit tests below, `firmware-images/tests/css`, and every image that sets its clock.

use super::script::Script;
use super::system::{APB1_ENABLES, APB2_ENABLES, Clocks, Ctx, Wish};
use super::{Partner, Peripheral, Register, Registers};
use crate::finding::{Code, Finding};
use crate::machine::exceptions::number;
use crate::units::{Cycles, Hz};

const CR: u32 = 0x00;
const CFGR: u32 = 0x04;
const CIR: u32 = 0x08;
const APB2RSTR: u32 = 0x0c;
const APB1RSTR: u32 = 0x10;
const AHBENR: u32 = 0x14;
const APB2ENR: u32 = 0x18;
const APB1ENR: u32 = 0x1c;
const BDCR: u32 = 0x20;
const CSR: u32 = 0x24;

const REGISTERS: &[Register] = &[
    Register::new(CR, "CR", 0x0000_0083, 0x010d_00f9).volatile(0x0202_ff02).not_modelled(0xf8),
    Register::new(CFGR, "CFGR", 0, 0x077f_fff3).volatile(0xc).not_modelled(0x0740_0000),
    Register::new(CIR, "CIR", 0, 0x0000_1f00).volatile(0xff),
    Register::new(APB2RSTR, "APB2RSTR", 0, 0x0038_fffd),
    Register::new(APB1RSTR, "APB1RSTR", 0, 0x3afe_c9ff),
    Register::new(AHBENR, "AHBENR", 0x14, 0x0000_0557),
    Register::new(APB2ENR, "APB2ENR", 0, 0x0038_fffd),
    Register::new(APB1ENR, "APB1ENR", 0, 0x3afe_c9ff),
    Register::new(BDCR, "BDCR", 0, 0x0001_8305).volatile(0x1_8307),
    Register::new(CSR, "CSR", 0x0c00_0000, 0x0000_0001).volatile(0xfc00_0002),
];

/// The internal oscillator (RM0008, 7.2.2).
const HSI: Hz = Hz(8_000_000);

/// An oscillator or the PLL: its enable and ready bits, its flag in CIR, and how long it takes to be ready.
#[derive(Clone)]
struct Source {
    register: u32,
    enable: u32,
    ready: u32,
    flag: u32,
    start_up_us: fn(&crate::chip::Clocks) -> u32,
}

/// The order is that of the events.
const SOURCES: &[Source] = &[
    Source { register: CR, enable: 1, ready: 1 << 1, flag: 1 << 2, start_up_us: |facts| facts.hsi_startup_us },
    Source { register: CR, enable: 1 << 16, ready: 1 << 17, flag: 1 << 3, start_up_us: |facts| facts.hse_startup_us },
    Source { register: CR, enable: 1 << 24, ready: 1 << 25, flag: 1 << 4, start_up_us: |facts| facts.pll_lock_us },
    Source { register: CSR, enable: 1, ready: 1 << 1, flag: 1 << 0, start_up_us: |facts| facts.lsi_startup_us },
    Source { register: BDCR, enable: 1, ready: 1 << 1, flag: 1 << 1, start_up_us: |facts| facts.lse_startup_us },
];
/// BDCR: the RTC runs; the domain's reset. CSR: removes the reset flags.
const RTCEN: u32 = 1 << 15;
const BDRST: u32 = 1 << 16;
const RMVF: u32 = 1 << 24;
const RESET_FLAGS: u32 = 0xfc00_0000;
/// The outputs: one resets the backup domain's devices, one breaks the outputs of TIM1 and TIM8.
const BACKUP_RESET: usize = 0;
const FAILURE: usize = 1;
/// CR: the clock security system is on. CIR: it has found the crystal dead, and what clears that.
const CSSON: u32 = 1 << 19;
const CSSF: u32 = 1 << 7;
const HSE_ON: u32 = 1 << 16;
const PLL_ON: u32 = 1 << 24;
/// CFGR: the PLL's source is the crystal.
const PLLSRC: u32 = 1 << 16;
/// The events behind those of the sources: the crystal fails.
const CRYSTAL_FAILS: u32 = 5;
/// The place of the crystal among the sources.
const HSE: usize = 1;
const HSI_READY: u32 = 1 << 1;
const HSE_READY: u32 = 1 << 17;
const PLL_READY: u32 = 1 << 25;

/// The device.
#[derive(Clone)]
pub struct Rcc {
    registers: Registers,
    /// When the crystal fails, and whether it has.
    script: Script,
    failed: bool,
}

impl Default for Rcc {
    fn default() -> Self {
        Self { registers: Registers::new(REGISTERS), script: Script::default(), failed: false }
    }
}

impl Rcc {
    /// The crystal is dead: what ran from it runs from the internal oscillator, and NMI says so (7.2.7).
    fn fail_crystal(&mut self, ctx: &mut Ctx<'_>) {
        self.failed = true;
        let (cr, cfgr) = (self.registers.get(CR), self.registers.get(CFGR));
        if cr & HSE_READY == 0 {
            return ctx.cancel(HSE as u32);
        }
        if cr & CSSON == 0 {
            return ctx.system.note("RCC.CR", "the crystal failed with CSSON 0: a chip would stand still, this one goes on");
        }
        let from_crystal = cfgr >> 2 & 3 == 1 || (cfgr >> 2 & 3 == 2 && cfgr & PLLSRC != 0);
        let pll = if cfgr & PLLSRC != 0 { PLL_ON | PLL_READY } else { 0 };
        self.registers.set(CR, (cr & !(HSE_ON | HSE_READY | pll)) | 1 | HSI_READY);
        if from_crystal {
            self.registers.set_bits(CFGR, 3, false);
        }
        self.registers.set_bits(CIR, CSSF, true);
        ctx.system.exceptions.set_level(number::NMI, true);
        ctx.pulse(FAILURE);
        self.update(ctx);
    }

    /// Starts what was switched on and stops what was switched off.
    fn switch_sources(&mut self, register: u32, ctx: &mut Ctx<'_>) {
        for (event, source) in SOURCES.iter().enumerate().filter(|(_, source)| source.register == register) {
            let (on, ready) =
                (self.registers.get(register) & source.enable != 0, self.registers.get(register) & source.ready != 0);
            if on && !ready && !(self.failed && event == HSE) {
                let cycles = ctx.system.cycles_of_nanos(u64::from((source.start_up_us)(&ctx.system.chip.clocks)) * 1000);
                ctx.schedule(event as u32, cycles.max(Cycles(1)));
            } else if !on {
                ctx.cancel(event as u32);
                self.registers.set_bits(register, source.ready, false);
            }
        }
    }

    /// The enable bits of what drives the system clock: they cannot be cleared (RM0008, 7.3.1).
    fn driving(&self) -> u32 {
        let cfgr = self.registers.get(CFGR);
        let from_hse = cfgr & 1 << 16 != 0;
        match cfgr >> 2 & 3 {
            0 => 1,
            1 => 1 << 16,
            _ => 1 << 24 | if from_hse { 1 << 16 } else { 1 },
        }
    }

    /// The PLL's output (RM0008, 7.3.2): PLLMUL codes 0 to 14 multiply by 2 to 16, 15 by 16 too.
    fn pll(&self, hse: Hz) -> Hz {
        let cfgr = self.registers.get(CFGR);
        let input = match (cfgr & 1 << 16 != 0, cfgr & 1 << 17 != 0) {
            (false, _) => HSI.0 / 2,
            (true, false) => hse.0,
            (true, true) => hse.0 / 2,
        };
        Hz(input.saturating_mul(((cfgr >> 18 & 0xf) + 2).min(16)))
    }

    /// What drives the RTC (7.3.9): nothing until it is enabled and its source is ready.
    fn rtc_clock(&self, ctx: &Ctx<'_>) -> Hz {
        let (control, facts) = (self.registers.get(BDCR), &ctx.system.chip.clocks);
        match control >> 8 & 3 {
            _ if control & RTCEN == 0 => Hz(0),
            1 if control & 2 != 0 => facts.lse,
            2 if self.registers.get(CSR) & 2 != 0 => facts.lsi,
            3 if self.registers.get(CR) & HSE_READY != 0 => Hz(ctx.system.hse.0 / 128),
            _ => Hz(0),
        }
    }

    /// The ready interrupts (7.3.3).
    fn refresh(&self, ctx: &mut Ctx<'_>) {
        let interrupts = self.registers.get(CIR);
        ctx.set_line(0, interrupts & interrupts >> 8 & 0x1f != 0);
    }

    /// BDCR is in the backup domain: DBP guards it, BDRST clears all of the domain, and no other reset does.
    fn write_backup(&mut self, value: u32, ctx: &mut Ctx<'_>) {
        if !ctx.system.backup_access {
            return ctx.system.note("RCC.BDCR", "written while PWR_CR.DBP is 0: lost");
        }
        if value & BDRST != 0 {
            self.registers.set(BDCR, BDRST);
            ctx.pulse(BACKUP_RESET);
        } else {
            // The source can be chosen once (7.3.9).
            let chosen = self.registers.get(BDCR) & 0x300;
            let value = if chosen != 0 { (value & !0x300) | chosen } else { value };
            self.registers.store(BDCR, value);
        }
        self.switch_sources(BDCR, ctx);
        ctx.system.backup_control = self.registers.get(BDCR);
    }

    /// Follows SW where the chosen source is ready, and gives the tree's outputs to the system.
    fn update(&mut self, ctx: &mut Ctx<'_>) {
        let (cr, cfgr) = (self.registers.get(CR), self.registers.get(CFGR));
        let ready = [HSI_READY, HSE_READY, PLL_READY];
        let wanted = cfgr & 3;
        if ready.get(wanted as usize).is_some_and(|bit| cr & bit != 0) {
            self.registers.set(CFGR, (cfgr & !0xc) | wanted << 2);
        }
        let sysclk = match self.registers.get(CFGR) >> 2 & 3 {
            0 => HSI,
            1 => ctx.system.hse,
            _ => self.pll(ctx.system.hse),
        };
        let hclk = Hz(sysclk.0 >> hpre_shift(cfgr >> 4 & 0xf));
        let pclk = |field: u32| Hz(hclk.0 >> ppre_shift(field & 7));
        let clocks = Clocks {
            sysclk,
            hclk,
            pclk1: pclk(cfgr >> 8),
            pclk2: pclk(cfgr >> 11),
            adc_divider: 2 * ((cfgr >> 14 & 3) + 1) as u8,
            rtc: self.rtc_clock(ctx),
            ..ctx.system.clocks
        };
        let limits = ctx.system.chip.clocks;
        for (what, is, limit) in [("SYSCLK", clocks.sysclk, limits.max_sysclk), ("PCLK1", clocks.pclk1, limits.max_apb1)] {
            if is > limit {
                ctx.system.find(Finding::new(Code::ClockOutOfRange, format!("{what} was set to {is}; the limit is {limit}")));
            }
        }
        ctx.set_clocks(clocks);
    }
}

/// HPRE: 0xxx not divided, then 2, 4, 8, 16, 64, 128, 256, 512.
fn hpre_shift(field: u32) -> u32 {
    match field {
        0..8 => 0,
        8..12 => field - 7,
        _ => field - 6,
    }
}

/// PPRE: 0xx not divided, then 2, 4, 8, 16.
fn ppre_shift(field: u32) -> u32 {
    field.saturating_sub(3)
}

impl Peripheral for Rcc {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        let value = if offset == CR { value | self.driving() } else { value };
        let before = self.registers.get(offset);
        if offset != BDCR {
            self.registers.store(offset, value);
        }
        match offset {
            CR => self.switch_sources(offset, ctx),
            CSR => {
                if value & RMVF != 0 {
                    self.registers.set_bits(CSR, RESET_FLAGS, false);
                }
                self.switch_sources(offset, ctx);
            }
            BDCR => self.write_backup(value, ctx),
            CIR => {
                self.registers.set_bits(CIR, value >> 16 & 0x9f, false);
                if value >> 16 & CSSF != 0 {
                    ctx.system.exceptions.set_level(number::NMI, false);
                }
                self.refresh(ctx);
            }
            APB2RSTR | APB1RSTR => {
                let register = if offset == APB2RSTR { APB2_ENABLES } else { APB1_ENABLES };
                let bits = value & !before;
                ctx.system.wishes.push_back(Wish::Reset { register, bits });
            }
            AHBENR | APB2ENR | APB1ENR => ctx.system.clock_enables[((offset - AHBENR) / 4) as usize] = self.registers.get(offset),
            _ => {}
        }
        self.update(ctx);
    }

    fn due(&mut self, event: u32, ctx: &mut Ctx<'_>) {
        if event == CRYSTAL_FAILS {
            if self.script.take_due(ctx).is_some() {
                self.fail_crystal(ctx);
            }
            return self.script.schedule(CRYSTAL_FAILS, ctx);
        }
        if let Some(source) = SOURCES.get(event as usize) {
            self.registers.set_bits(source.register, source.ready, true);
            if self.registers.get(CIR) >> 8 & source.flag != 0 {
                self.registers.set_bits(CIR, source.flag, true);
                self.refresh(ctx);
            }
            ctx.system.backup_control = self.registers.get(BDCR);
            self.update(ctx);
        }
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["BDRST", "CSS"]
    }

    fn works_in_stop(&self) -> bool {
        true
    }

    /// The internal oscillator drives everything, the others are off (5.3.5).
    fn left_stop(&mut self, ctx: &mut Ctx<'_>) {
        let cr = self.registers.get(CR);
        self.registers.set(CR, (cr & !0x0305_0000) | 3);
        self.registers.set_bits(CFGR, 3, false);
        (1..3).for_each(|event| ctx.cancel(event));
        self.update(ctx);
    }

    fn attach(&mut self, partner: Partner, ctx: &mut Ctx<'_>) {
        if let Partner::Script(script) = partner {
            self.script = script;
            self.script.schedule(CRYSTAL_FAILS, ctx);
        }
    }

    fn clocks_changed(&mut self, ctx: &mut Ctx<'_>) {
        self.script.schedule(CRYSTAL_FAILS, ctx);
    }

    fn restart(&mut self, _fresh: bool, ctx: &mut Ctx<'_>) -> bool {
        *self = Self { script: std::mem::take(&mut self.script), failed: self.failed, ..Self::default() };
        self.script.schedule(CRYSTAL_FAILS, ctx);
        self.registers.set(BDCR, ctx.system.backup_control);
        self.registers.set(CSR, ctx.system.reset_cause & RESET_FLAGS);
        self.switch_sources(BDCR, ctx);
        self.update(ctx);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peripherals::System;
    use crate::peripherals::system::Domain;
    use crate::units::Tick;

    #[test]
    fn hse_times_nine_is_72_mhz_after_the_start_up_times() {
        // RM0008 figure 8; HSE 2 ms and PLL 200 us from DS5319, here in cycles of the 8 MHz that run until the switch.
        let mut system = System::new(Hz(8_000_000));
        let mut rcc = Rcc::default();
        let mut ctx = Ctx { system: &mut system, device: 0, name: "RCC", lines: &[], domain: Domain::Core };
        rcc.write(CR, 0x0001_0083, &mut ctx);
        assert_eq!(ctx.system.next_due(), Tick(16_000));
        ctx.system.now = Tick(16_000);
        while let Some((_, _, event)) = ctx.system.take_due() {
            rcc.due(event, &mut ctx);
        }
        assert_ne!(rcc.peek(CR) & HSE_READY, 0);
        rcc.write(CFGR, 7 << 18 | 1 << 16 | 4 << 8, &mut ctx);
        rcc.write(CR, 0x0101_0083, &mut ctx);
        rcc.write(CFGR, 7 << 18 | 1 << 16 | 4 << 8 | 2, &mut ctx);
        assert_eq!(rcc.peek(CFGR) & 0xc, 0, "not before the PLL is ready");
        ctx.system.now = Tick(17_600);
        while let Some((_, _, event)) = ctx.system.take_due() {
            rcc.due(event, &mut ctx);
        }
        assert_eq!(rcc.peek(CFGR) & 0xc, 8);
        let clocks = ctx.system.clocks;
        assert_eq!((clocks.hclk, clocks.pclk1, clocks.pclk2), (Hz(72_000_000), Hz(36_000_000), Hz(72_000_000)));
        assert!(ctx.system.findings.is_empty());
    }

    #[test]
    fn prescaler_fields_follow_the_manual() {
        // RM0008, 7.3.2: HPRE 1000 /2 … 1011 /16, 1100 /64 … 1111 /512 (32 is missing); PPRE 100 /2 … 111 /16.
        assert_eq!([0, 8, 11, 12, 15].map(hpre_shift), [0, 1, 4, 6, 9]);
        assert_eq!([0, 3, 4, 7].map(ppre_shift), [0, 0, 1, 4]);
    }
}
