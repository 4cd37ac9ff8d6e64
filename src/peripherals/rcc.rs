//! What it is: Reset and Clock Control: oscillators with their start-up times, the PLL, the prescalers, clock enable bits.
//! Source: RM0008 section 7.3 (registers); DS5319 tables 20 to 27 for the start-up times: HSE 2 ms, HSI 2 us, PLL 200 us.
//! Does not model: clock security, MCO, the RTC and USB clocks, resets by RSTR bits; oscillators never fail.
//! Tested by: `registers_conform`, the unit tests below, and every image that sets its clock.

use super::system::{Clocks, Ctx};
use super::{Peripheral, Register, Registers};
use crate::finding::{Code, Finding};
use crate::units::{Cycles, Hz};

const CR: u32 = 0x00;
const CFGR: u32 = 0x04;
const AHBENR: u32 = 0x14;
const APB2ENR: u32 = 0x18;
const APB1ENR: u32 = 0x1c;
const BDCR: u32 = 0x20;
const CSR: u32 = 0x24;

const REGISTERS: &[Register] = &[
    Register::new(CR, "CR", 0x0000_0083, 0x010d_00f9).volatile(0x0202_ff02).not_modelled(0x0008_00f8),
    Register::new(CFGR, "CFGR", 0, 0x077f_fff3).volatile(0xc).not_modelled(0x0740_0000),
    Register::new(0x08, "CIR", 0, 0x0000_1f00).volatile(0xff).not_modelled(0x0000_1f00),
    Register::new(0x0c, "APB2RSTR", 0, 0x0038_fffd).not_modelled(0x0038_fffd),
    Register::new(0x10, "APB1RSTR", 0, 0x3afe_c9ff).not_modelled(0x3afe_c9ff),
    Register::new(AHBENR, "AHBENR", 0x14, 0x0000_0557),
    Register::new(APB2ENR, "APB2ENR", 0, 0x0038_fffd),
    Register::new(APB1ENR, "APB1ENR", 0, 0x3afe_c9ff),
    Register::new(BDCR, "BDCR", 0, 0x0001_8305).volatile(0x2).not_modelled(0x0001_8304),
    Register::new(CSR, "CSR", 0x0c00_0000, 0x0100_0001).volatile(0x2),
];

/// The internal oscillator (RM0008, 7.2.2).
const HSI: Hz = Hz(8_000_000);

/// An oscillator or the PLL: its enable bit in CR, its event, and how long it takes to be ready.
#[derive(Clone)]
struct Source {
    register: u32,
    enable: u32,
    ready: u32,
    start_up_us: u64,
}

/// The order is that of the events.
const SOURCES: &[Source] = &[
    Source { register: CR, enable: 1, ready: 1 << 1, start_up_us: 2 },
    Source { register: CR, enable: 1 << 16, ready: 1 << 17, start_up_us: 2_000 },
    Source { register: CR, enable: 1 << 24, ready: 1 << 25, start_up_us: 200 },
    Source { register: CSR, enable: 1, ready: 1 << 1, start_up_us: 85 },
    Source { register: BDCR, enable: 1, ready: 1 << 1, start_up_us: 3_000_000 },
];
const HSI_READY: u32 = 1 << 1;
const HSE_READY: u32 = 1 << 17;
const PLL_READY: u32 = 1 << 25;

/// The device.
#[derive(Clone)]
pub struct Rcc {
    registers: Registers,
}

impl Default for Rcc {
    fn default() -> Self {
        Self { registers: Registers::new(REGISTERS) }
    }
}

impl Rcc {
    /// Starts what was switched on and stops what was switched off.
    fn switch_sources(&mut self, register: u32, ctx: &mut Ctx<'_>) {
        for (event, source) in SOURCES.iter().enumerate().filter(|(_, source)| source.register == register) {
            let (on, ready) =
                (self.registers.get(register) & source.enable != 0, self.registers.get(register) & source.ready != 0);
            if on && !ready {
                let cycles = u64::from(ctx.system.clocks.hclk.0) * source.start_up_us / 1_000_000;
                ctx.schedule(event as u32, Cycles(cycles.max(1)));
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
        let clocks = Clocks { sysclk, hclk, pclk1: pclk(cfgr >> 8), pclk2: pclk(cfgr >> 11), ..ctx.system.clocks };
        for (what, is, limit) in [("SYSCLK", clocks.sysclk, 72_000_000), ("PCLK1", clocks.pclk1, 36_000_000)] {
            if is.0 > limit {
                ctx.system
                    .find(Finding::new(Code::ClockOutOfRange, format!("{what} was set to {is}; the limit is {}", Hz(limit))));
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
        self.registers.store(offset, value);
        match offset {
            CR | BDCR | CSR => self.switch_sources(offset, ctx),
            AHBENR | APB2ENR | APB1ENR => ctx.system.clock_enables[((offset - AHBENR) / 4) as usize] = self.registers.get(offset),
            _ => {}
        }
        self.update(ctx);
    }

    fn due(&mut self, event: u32, ctx: &mut Ctx<'_>) {
        if let Some(source) = SOURCES.get(event as usize) {
            self.registers.set_bits(source.register, source.ready, true);
            self.update(ctx);
        }
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
