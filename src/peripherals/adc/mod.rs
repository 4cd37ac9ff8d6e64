//! What it is: an analogue-to-digital converter: single, scan, continuous and discontinuous sequences, injected channels, triggers, DMA,
//! watchdog, calibration, timed by sample times and ADCCLK; two of them together in the dual modes (`dual`).
//! Source: RM0008 sections 11.3 to 11.11 (function) and 11.12 (registers); DS5319 table 46 for the calibration's 83 cycles.
//! Does not model: the converter's errors; what it converts comes from [`super::analog`].
//! Tested by: `registers_conform`, the unit tests in `tests`, `firmware-images/tests/adc_scan`, `adc_timer_dma`, `adc_dual`, `adc_injected`.

mod dual;
#[cfg(test)]
mod tests;

use super::system::Ctx;
use super::{Peripheral, Register, Registers};
use crate::finding::{Code, Finding};
use crate::units::{Cycles, Hz};

const SR: u32 = 0x00;
const CR1: u32 = 0x04;
const CR2: u32 = 0x08;
const SMPR1: u32 = 0x0c;
const SMPR2: u32 = 0x10;
const JOFR1: u32 = 0x14;
const HTR: u32 = 0x24;
const LTR: u32 = 0x28;
const SQR1: u32 = 0x2c;
const SQR2: u32 = 0x30;
const SQR3: u32 = 0x34;
const JSQR: u32 = 0x38;
const JDR1: u32 = 0x3c;
const DR: u32 = 0x4c;

macro_rules! registers {
    ($control:literal) => {
        &[
            Register::new(SR, "SR", 0, 0).clear_by_zero(0x1f),
            Register::new(CR1, "CR1", 0, $control),
            Register::new(CR2, "CR2", 0, 0x00fe_f90f).volatile(0x0060_000c),
            Register::new(SMPR1, "SMPR1", 0, 0x00ff_ffff),
            Register::new(SMPR2, "SMPR2", 0, 0x3fff_ffff),
            Register::new(JOFR1, "JOFR", 0, 0xfff).array(4),
            Register::new(HTR, "HTR", 0xfff, 0xfff),
            Register::new(LTR, "LTR", 0, 0xfff),
            Register::new(SQR1, "SQR1", 0, 0x00ff_ffff),
            Register::new(SQR2, "SQR2", 0, 0x3fff_ffff),
            Register::new(SQR3, "SQR3", 0, 0x3fff_ffff),
            Register::new(JSQR, "JSQR", 0, 0x003f_ffff),
            Register::new(JDR1, "JDR", 0, 0).array(4).volatile(0xffff),
            Register::new(DR, "DR", 0, 0).volatile(u32::MAX),
        ]
    };
}
/// Only the first converter can lead another (11.12.2, DUALMOD).
const MASTER: &[Register] = registers!(0x00cf_ffff);
const OTHERS: &[Register] = registers!(0x00c0_ffff);

/// SR: watchdog, end of conversion, of the injected ones, their start, start.
const AWD: u32 = 1 << 0;
const EOC: u32 = 1 << 1;
const JEOC: u32 = 1 << 2;
const JSTRT: u32 = 1 << 3;
const STRT: u32 = 1 << 4;
/// CR1: interrupt enables, scan, watchdog on one channel, injected after regular, discontinuous, dual mode, watchdog enables.
const EOCIE: u32 = 1 << 5;
const AWDIE: u32 = 1 << 6;
const JEOCIE: u32 = 1 << 7;
const SCAN: u32 = 1 << 8;
const AWDSGL: u32 = 1 << 9;
const JAUTO: u32 = 1 << 10;
const DISCEN: u32 = 1 << 11;
const JDISCEN: u32 = 1 << 12;
const DUALMOD: u32 = 0xf << 16;
const JAWDEN: u32 = 1 << 22;
const AWDEN: u32 = 1 << 23;
/// CR2: on, continuous, calibration and its reset, DMA, left-aligned, triggers.
const ADON: u32 = 1 << 0;
const CONT: u32 = 1 << 1;
const CAL: u32 = 1 << 2;
const RSTCAL: u32 = 1 << 3;
const DMA: u32 = 1 << 8;
const ALIGN: u32 = 1 << 11;
const JEXTTRIG: u32 = 1 << 15;
const EXTTRIG: u32 = 1 << 20;
const JSWSTART: u32 = 1 << 21;
const SWSTART: u32 = 1 << 22;
/// The trigger that is the register bit (EXTSEL and JEXTSEL 111).
const SOFTWARE: u32 = 7;

/// Sample times in half cycles of ADCCLK (11.12.4), and the conversion proper: 12.5 cycles.
const SAMPLE_HALVES: [u64; 8] = [3, 15, 27, 57, 83, 111, 143, 479];
const CONVERSION_HALVES: u64 = 25;
/// The calibration, and (not in the manual) its reset.
const CALIBRATION_HALVES: u64 = 166;
const CALIBRATION_RESET_HALVES: u64 = 8;

/// The events: a conversion is done, the calibration or its reset is; the second converter of an interleaved pair begins, and begins anew.
const CONVERTED: u32 = 0;
const CALIBRATED: u32 = 1;
const DELAYED: u32 = 2;
const AGAIN: u32 = 3;
/// The outputs: the DMA request; what the master starts in the slave; the other's regular conversions have to wait.
const OUTPUTS: &[&str] = &["", "REGULAR", "INJECTED", "HOLD"];
const REQUEST: usize = 0;

/// What is being converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Conversion {
    injected: bool,
    /// The place in its sequence.
    rank: u32,
    /// How many of this trigger's are left after this one.
    left: u32,
}

/// What it is to the other converter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Master,
    Slave,
    Alone,
}

/// The device.
#[derive(Clone)]
pub struct Adc {
    registers: Registers,
    role: Role,
    /// The next injected trigger of the alternate mode is the slave's.
    alternate: bool,
    /// The second of an interleaved pair is to follow.
    pairing: bool,
    now: Option<Conversion>,
    /// A regular sequence that an injected one has interrupted.
    waiting: Option<Conversion>,
    /// The next rank in discontinuous mode, of the regular and the injected sequence.
    next: [u32; 2],
}

impl Adc {
    fn new(registers: &'static [Register], role: Role) -> Self {
        Self {
            registers: Registers::new(registers),
            role,
            alternate: false,
            pairing: false,
            now: None,
            waiting: None,
            next: [0; 2],
        }
    }

    /// ADC1, which may lead ADC2.
    pub fn master() -> Self {
        Self::new(MASTER, Role::Master)
    }

    /// ADC2.
    pub fn slave() -> Self {
        Self::new(OTHERS, Role::Slave)
    }

    /// ADC3.
    pub fn alone() -> Self {
        Self::new(OTHERS, Role::Alone)
    }

    fn has(&self, offset: u32, bits: u32) -> bool {
        self.registers.get(offset) & bits != 0
    }

    fn cycles(&self, halves: u64, ctx: &Ctx<'_>) -> Cycles {
        // The divider is even, so that a half cycle is whole bus cycles.
        Cycles(halves * u64::from(ctx.system.clocks.adc_divider) / 2 * ctx.core_cycles_per_clock())
    }

    /// How long the sequence is: in scan mode what SQR1 or JSQR says.
    fn length(&self, injected: bool) -> u32 {
        match (self.has(CR1, SCAN), injected) {
            (false, _) => 1,
            (true, false) => (self.registers.get(SQR1) >> 20 & 0xf) + 1,
            (true, true) => (self.registers.get(JSQR) >> 20 & 3) + 1,
        }
    }

    /// The channel at a rank. Injected sequences are right-justified in JSQR (11.12.12).
    fn channel(&self, conversion: Conversion) -> u32 {
        let rank = conversion.rank;
        if conversion.injected {
            let length = (self.registers.get(JSQR) >> 20 & 3) + 1;
            return self.registers.get(JSQR) >> (5 * (4 - length + rank).min(3)) & 0x1f;
        }
        let (register, at) = match rank {
            0..6 => (SQR3, rank),
            6..12 => (SQR2, rank - 6),
            _ => (SQR1, rank - 12),
        };
        self.registers.get(register) >> (5 * at) & 0x1f
    }

    fn begin(&mut self, conversion: Conversion, ctx: &mut Ctx<'_>) {
        let channel = self.channel(conversion);
        let sample = if channel < 10 {
            self.registers.get(SMPR2) >> (3 * channel)
        } else {
            self.registers.get(SMPR1) >> (3 * (channel - 10))
        };
        let halves = SAMPLE_HALVES[(sample & 7) as usize] + CONVERSION_HALVES;
        let clock = Hz(ctx.clock().0 / u32::from(ctx.system.clocks.adc_divider.max(1)));
        let limit = ctx.system.chip.clocks.max_adc;
        if clock > limit {
            let message = format!("{} converts at {clock}; the limit is {limit}", ctx.name);
            ctx.system.find(Finding::new(Code::ClockOutOfRange, message));
        }
        self.now = Some(conversion);
        let duration = self.cycles(halves, ctx);
        ctx.schedule(CONVERTED, duration);
    }

    /// A trigger has come.
    fn start(&mut self, injected: bool, ctx: &mut Ctx<'_>) {
        if self.has(CR2, ADON) && !self.is_led_elsewhere(injected, ctx) {
            self.begin_sequence(injected, ctx);
        }
    }

    /// The converter begins a sequence.
    fn begin_sequence(&mut self, injected: bool, ctx: &mut Ctx<'_>) {
        let length = self.length(injected);
        let discontinuous = self.has(CR1, if injected { JDISCEN } else { DISCEN });
        let group = usize::from(injected);
        let (rank, left) = if discontinuous {
            let rank = if self.next[group] < length { self.next[group] } else { 0 };
            // Injected ones go one by one.
            let count = if injected { 1 } else { (self.registers.get(CR1) >> 13 & 7) + 1 };
            (rank, count.min(length - rank) - 1)
        } else {
            (0, length - 1)
        };
        let conversion = Conversion { injected, rank, left };
        self.registers.set_bits(SR, if injected { JSTRT } else { STRT }, true);
        match self.now {
            // An injected trigger interrupts what is regular, which is then done again (11.3.9).
            Some(now) if injected && !now.injected => {
                self.waiting = Some(now);
                self.hold_other(true, ctx);
                self.begin(conversion, ctx);
            }
            Some(_) => {}
            None => self.begin(conversion, ctx),
        }
    }

    /// Whether the analogue watchdog guards a conversion.
    fn is_guarded(&self, conversion: Conversion) -> bool {
        let enabled = self.has(CR1, if conversion.injected { JAWDEN } else { AWDEN });
        enabled && (!self.has(CR1, AWDSGL) || self.registers.get(CR1) & 0x1f == self.channel(conversion))
    }

    fn convert(&mut self, conversion: Conversion, ctx: &mut Ctx<'_>) {
        let channel = self.channel(conversion);
        let halves = self.cycles(CONVERSION_HALVES, ctx);
        // The input is held from the end of the sample time on.
        let at = crate::units::Tick(ctx.now().since(crate::units::Tick(halves.0)).0);
        let nanos = ctx.system.nanos_at(at);
        let sample = ctx.system.analog.convert(channel as u8, nanos).unwrap_or_else(|| {
            let what = format!("channel {channel} converted with nothing connected to it: 0");
            ctx.system.note(format!("{}.DR", ctx.name), what);
            0
        });
        let value = i32::from(sample);
        if self.is_guarded(conversion) {
            let (low, high) = (self.registers.get(LTR) as i32, self.registers.get(HTR) as i32);
            if value < low || value > high {
                self.registers.set_bits(SR, AWD, true);
            }
        }
        let left = self.has(CR2, ALIGN);
        if conversion.injected {
            let offset = self.registers.get(JOFR1 + 4 * conversion.rank.min(3)) as i32;
            let signed = value - offset;
            let stored = if left { signed << 3 } else { signed };
            self.registers.set(JDR1 + 4 * conversion.rank.min(3), stored as u32 & 0xffff);
        } else {
            let stored = if left { value << 4 } else { value } as u32;
            self.registers.set(DR, stored);
            if self.role == Role::Slave {
                ctx.system.adc_slave = stored as u16;
            }
            if self.has(CR2, DMA) {
                ctx.drive(REQUEST, true);
            }
        }
    }

    /// A conversion is done: what comes next.
    fn go_on(&mut self, done: Conversion, ctx: &mut Ctx<'_>) {
        let rank = done.rank + 1;
        self.next[usize::from(done.injected)] = rank;
        if done.left > 0 {
            return self.begin(Conversion { rank, left: done.left - 1, ..done }, ctx);
        }
        let discontinuous = self.has(CR1, if done.injected { JDISCEN } else { DISCEN });
        if !discontinuous || rank >= self.length(done.injected) {
            self.next[usize::from(done.injected)] = 0;
            self.registers.set_bits(SR, if done.injected { EOC | JEOC } else { EOC }, true);
        }
        if done.injected {
            self.hold_other(false, ctx);
            if let Some(waiting) = self.waiting.take() {
                return self.begin(waiting, ctx);
            }
            if self.has(CR1, JAUTO) && self.has(CR2, CONT) {
                self.begin_sequence(false, ctx);
            }
        } else if self.has(CR1, JAUTO) {
            self.begin_sequence(true, ctx);
        } else if self.has(CR2, CONT) && !discontinuous {
            self.begin_sequence(false, ctx);
        }
    }

    fn refresh(&mut self, ctx: &mut Ctx<'_>) {
        let (flags, enables) = (self.registers.get(SR), self.registers.get(CR1));
        let asked = [(EOC, EOCIE), (AWD, AWDIE), (JEOC, JEOCIE)];
        ctx.set_line(0, asked.iter().any(|(flag, enable)| flags & flag != 0 && enables & enable != 0));
    }

    fn write_control(&mut self, value: u32, ctx: &mut Ctx<'_>) {
        let before = self.registers.get(CR2);
        let after = self.registers.store(CR2, value & !(CAL | RSTCAL | SWSTART | JSWSTART) | before & (CAL | RSTCAL));
        let selected = [after >> 17 & 7, after >> 12 & 7];
        let external = [after & EXTTRIG != 0, after & JEXTTRIG != 0];
        for group in 0..2 {
            for trigger in 0..8 {
                ctx.listen(8 * group + trigger, external[group] && selected[group] == trigger as u32);
            }
        }
        if after & ADON == 0 {
            (self.now, self.waiting, self.pairing) = (None, None, false);
            [CONVERTED, DELAYED, AGAIN].into_iter().for_each(|event| ctx.cancel(event));
            return;
        }
        for (bit, halves) in [(RSTCAL, CALIBRATION_RESET_HALVES), (CAL, CALIBRATION_HALVES)] {
            if value & bit != 0 {
                self.registers.set_bits(CR2, bit, true);
                let duration = self.cycles(halves, ctx);
                ctx.schedule(CALIBRATED, duration);
            }
        }
        if value & SWSTART != 0 && external[0] && selected[0] == SOFTWARE {
            self.start(false, ctx);
        }
        if value & JSWSTART != 0 && external[1] && selected[1] == SOFTWARE {
            self.start(true, ctx);
        }
        // ADON written again while it is set and nothing else changes (11.3.1): a start by hand.
        let unchanged = (before ^ value) & 0x00ff_ff0f == 0;
        if before & ADON != 0 && unchanged && value & (SWSTART | JSWSTART | CAL | RSTCAL) == 0 {
            self.start(false, ctx);
        }
    }
}

impl Peripheral for Adc {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    /// The DMA request, which a channel may or may not listen to, and what concerns the other converter.
    fn outputs(&self) -> &'static [&'static str] {
        OUTPUTS
    }

    fn read(&mut self, offset: u32, ctx: &mut Ctx<'_>) -> u32 {
        if offset == DR {
            self.registers.set_bits(SR, EOC, false);
            ctx.drive(REQUEST, false);
            self.refresh(ctx);
            return self.both_data(ctx);
        }
        self.registers.get(offset)
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        if offset == CR2 {
            self.write_control(value, ctx);
        } else {
            self.registers.store(offset, value);
            if offset == CR1 && self.role == Role::Master {
                ctx.system.adc_mode = self.registers.get(CR1) >> 16 & 0xf;
            }
        }
        self.refresh(ctx);
    }

    fn restart(&mut self, fresh: bool, ctx: &mut Ctx<'_>) -> bool {
        if self.role == Role::Master {
            ctx.system.adc_mode = 0;
        }
        fresh
    }

    fn due(&mut self, event: u32, ctx: &mut Ctx<'_>) {
        match event {
            CONVERTED => {
                if let Some(done) = self.now.take() {
                    self.convert(done, ctx);
                    self.go_on(done, ctx);
                }
            }
            CALIBRATED => self.registers.set_bits(CR2, CAL | RSTCAL, false),
            _ => self.interleave(event, ctx),
        }
        self.refresh(ctx);
    }

    /// Inputs 0 to 7 are what EXTSEL chooses from, 8 to 15 what JEXTSEL does; behind them comes what the other converter wants.
    fn input(&mut self, input: usize, high: bool, ctx: &mut Ctx<'_>) {
        if input >= 16 {
            return self.led(input, high, ctx);
        }
        let control = self.registers.get(CR2);
        let (injected, trigger) = (input >= 8, (input % 8) as u32);
        let (enabled, selected) =
            if injected { (control & JEXTTRIG != 0, control >> 12 & 7) } else { (control & EXTTRIG != 0, control >> 17 & 7) };
        if high && enabled && selected == trigger && trigger != SOFTWARE {
            self.start(injected, ctx);
            self.refresh(ctx);
        }
    }
}
