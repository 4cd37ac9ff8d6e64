//! What it is: the timers: counting, update, compare, PWM, capture, one pulse, master and slave, external clock, encoder, DMA bursts.
//! Source: RM0008 chapters 14 (TIM1, TIM8), 15 (TIM2 to TIM5), 16 (TIM9 to TIM14), 17 (TIM6, TIM7); each kind's registers in `registers`.
//! Does not model: input filters, and what `inputs` and `outputs` say they do not.
//! Tested by: `registers_conform`, the unit tests below and in `counter`, `firmware-images/tests/tim_*`.

mod counter;
mod inputs;
mod outputs;
mod registers;
#[cfg(test)]
mod tests;
mod writes;

use super::system::Ctx;
use super::{FIRST_PIN_INPUT as PINS, Peripheral, Registers};
use crate::units::{Cycles, Tick};
use counter::{Counter, Mode};
use registers::*;

/// What other devices may be wired to: the trigger output, the references of the compare channels, the DMA requests, the pins.
const OUTPUTS: &[&str] = &[
    "TRGO", "CC1", "CC2", "CC3", "CC4", "UP", "CH1", "CH2", "CH3", "CH4", "TRIG", "COM", "OC1", "OC2", "OC3", "OC4", "OC1N",
    "OC2N", "OC3N",
];
const TRGO: usize = 0;
const CC: usize = 1;
const UP: usize = 5;
const CH: usize = 6;
const TRIG: usize = 10;
const COM: usize = 11;
const OC: usize = 12;
const OCN: usize = 16;
/// The inputs: four internal triggers, four channels' pins, the external trigger's pin, the break input's.
const ETR: usize = PINS + 4;
const BREAK: usize = PINS + 5;
/// The clock security system has found the crystal dead: a break, too.
const CLOCK_FAILURE: usize = PINS + 6;

/// Something that the counter does is due; a channel's dead time is over.
const DUE: u32 = 0;
const DEAD: u32 = 1;

/// The device. Between two visits its counter stands in `counter` as it was at `since`.
#[derive(Clone)]
pub struct Timer {
    registers: Registers,
    channels: usize,
    /// The counter, and when it took this value (in the future where it has just been enabled).
    counter: Counter,
    since: Tick,
    /// Core cycles a clock of the timer.
    ratio: u64,
    /// What is in force of PSC, RCR and CCR.
    prescaler: u32,
    repetitions: u32,
    compare: [u32; 4],
    /// Clocks that the prescaler has counted while the clock is external.
    prescaled: u32,
    reference: [bool; 4],
    /// CCMR1, CCMR2 and CCER as they are in force.
    in_force: [u32; 3],
    /// Channels whose pins are both inactive for their dead time, and those that the external trigger has cleared.
    dead: [bool; 3],
    cleared: [bool; 4],
    /// The external trigger is active, and how many of its edges the divider has swallowed.
    clearing: bool,
    external_edges: u32,
    /// What the pins were last said to show.
    shown: [(Option<bool>, Option<bool>); 4],
    /// BDTR has been written: its LOCK stays.
    lock_written: bool,
    /// The pins that it takes notice of.
    listening: u32,
    /// Levels of the inputs.
    inputs: [bool; 10],
    /// Captures that the input prescaler has swallowed.
    swallowed: [u32; 4],
    /// Who listens to which output.
    listened: u32,
    /// Accesses to DMAR since the burst began.
    burst: u32,
    /// DMA requests that are up.
    requests: u32,
    /// The slave gate is open.
    gate: bool,
}

impl Timer {
    fn new(registers: &'static [super::Register], channels: usize) -> Self {
        Self {
            registers: Registers::new(registers),
            channels,
            counter: Counter { mode: Mode::Up, down: false, value: 0, reload: 0xffff },
            since: Tick(0),
            ratio: 1,
            prescaler: 0,
            repetitions: 0,
            compare: [0; 4],
            prescaled: 0,
            reference: [false; 4],
            in_force: [0; 3],
            dead: [false; 3],
            cleared: [false; 4],
            clearing: false,
            external_edges: 0,
            shown: [(None, None); 4],
            lock_written: false,
            listening: 0,
            inputs: [false; 10],
            swallowed: [0; 4],
            listened: 0,
            burst: 0,
            requests: 0,
            gate: false,
        }
    }

    /// TIM1 and TIM8.
    pub fn advanced() -> Self {
        Self::new(ADVANCED, 4)
    }

    /// TIM2 to TIM5.
    pub fn general() -> Self {
        Self::new(GENERAL, 4)
    }

    /// TIM9 and TIM12.
    pub fn two_channels() -> Self {
        Self::new(TWO_CHANNELS, 2)
    }

    /// TIM10, TIM11, TIM13 and TIM14.
    pub fn one_channel() -> Self {
        Self::new(ONE_CHANNEL, 1)
    }

    /// TIM6 and TIM7.
    pub fn basic() -> Self {
        Self::new(BASIC, 0)
    }

    fn has(&self, offset: u32, bits: u32) -> bool {
        self.registers.get(offset) & bits != 0
    }

    /// The slave mode: 0 none, 1 to 3 encoder, 4 reset, 5 gated, 6 trigger, 7 external clock.
    fn slave_mode(&self) -> u32 {
        self.registers.get(SMCR) & 7
    }

    /// Whether the timer's own clock drives the counter.
    fn runs(&self) -> bool {
        let external = matches!(self.slave_mode(), 1..=3 | 7) || self.has(SMCR, ECE);
        self.has(CR1, CEN) && !external && !self.counter.is_blocked() && (self.slave_mode() != 5 || self.gate)
    }

    /// Core cycles a count.
    fn period(&self) -> u64 {
        (u64::from(self.prescaler) + 1) * self.ratio
    }

    /// CCMRx's byte for a channel.
    fn mode_of(&self, channel: usize) -> u32 {
        let register = if channel < 2 { CCMR1 } else { CCMR2 };
        self.registers.get(register) >> (channel % 2 * 8) & 0xff
    }

    fn is_output(&self, channel: usize) -> bool {
        self.mode_of(channel) & 3 == 0
    }

    /// Brings the counter to the present instant, with all that happens on the way.
    fn sync(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.now();
        if !self.runs() {
            self.since = now;
            return;
        }
        let cycle = self.counter.cycle() * (u64::from(self.registers.get(RCR)) + 1);
        let available = now.since(self.since).0 / self.period();
        if available > 4 * cycle && self.is_steady() {
            // Whole cycles change nothing.
            self.since += Cycles((available / cycle - 2) * cycle * self.period());
        }
        while self.runs() {
            let available = now.since(self.since).0 / self.period();
            if available == 0 {
                break;
            }
            let counts = available.min(self.counter.to_wrap());
            self.since += Cycles(counts * self.period());
            self.count(counts, ctx);
        }
    }

    /// Nothing that is buffered waits for an update.
    fn is_steady(&self) -> bool {
        self.prescaler == self.registers.get(PSC)
            && self.counter.reload == self.registers.get(ARR)
            && (0..self.channels).all(|i| self.compare[i] == self.registers.get(CCR1 + 4 * i as u32))
            && !self.has(CR1, OPM)
            && self.counter.value <= self.counter.reload
    }

    /// The counter counts, at most to its next wrap.
    fn count(&mut self, counts: u64, ctx: &mut Ctx<'_>) {
        let center = self.registers.get(CR1) & CMS;
        let mut met = [false; 4];
        for (channel, met) in met.iter_mut().enumerate().take(self.channels) {
            // Centre-aligned modes 1 to 3: flags on the way down, up, both.
            let heard = match center >> 5 {
                1 => self.counter.down,
                2 => !self.counter.down,
                _ => true,
            };
            *met = heard
                && self.is_output(channel)
                && self.counter.to_value(self.compare[channel]).is_some_and(|distance| distance <= counts);
        }
        let wrapped = self.counter.advance(counts);
        for channel in (0..self.channels).filter(|channel| met[*channel]) {
            self.compared(channel, ctx);
        }
        if wrapped {
            if self.repetitions > 0 {
                self.repetitions -= 1;
            } else {
                self.update(true, ctx);
            }
        }
        self.refer(ctx);
    }

    /// A compare or capture: flag, DMA request, and the trigger output if that is what it is.
    fn channel_event(&mut self, channel: usize, ctx: &mut Ctx<'_>) {
        self.registers.set_bits(SR, CC1IF << channel, true);
        if self.has(DIER, CC1IF << channel << 8) && !self.has(CR2, CCDS) {
            self.request(CH + channel, ctx);
        }
        if channel == 0 && self.master_mode() == 3 {
            ctx.pulse(TRGO);
        }
    }

    /// CR2.MMS.
    fn master_mode(&self) -> u32 {
        self.registers.get(CR2) >> 4 & 7
    }

    fn request(&mut self, output: usize, ctx: &mut Ctx<'_>) {
        self.requests |= 1 << output;
        ctx.drive(output, true);
    }

    /// An update event: what is buffered comes into force. `wrapped`: by the counter itself, not by UG or the slave controller.
    fn update(&mut self, wrapped: bool, ctx: &mut Ctx<'_>) {
        if self.has(CR1, UDIS) {
            return;
        }
        self.prescaler = self.registers.get(PSC);
        self.counter.reload = self.registers.get(ARR);
        if self.counter.mode == Mode::Down && wrapped {
            self.counter.value = self.counter.reload;
        }
        self.repetitions = self.registers.get(RCR);
        for channel in 0..self.channels {
            self.compare[channel] = self.registers.get(CCR1 + 4 * channel as u32);
            // With CCDS the channels ask for their DMA here.
            if self.has(CR2, CCDS) && self.has(DIER, CC1IF << channel << 8) {
                self.request(CH + channel, ctx);
            }
        }
        self.update_outputs();
        self.drive_all_pins(ctx);
        if wrapped || !self.has(CR1, URS) {
            self.registers.set_bits(SR, UIF, true);
            if self.has(DIER, UIF << 8) {
                self.request(UP, ctx);
            }
        }
        if wrapped && self.has(CR1, OPM) {
            self.enable(false, ctx);
        }
        if self.master_mode() == 2 {
            ctx.pulse(TRGO);
        }
    }

    /// Starts or stops counting; CNT_EN follows CEN by one clock (14.3.2).
    fn enable(&mut self, on: bool, ctx: &mut Ctx<'_>) {
        let was = self.has(CR1, CEN);
        self.registers.set_bits(CR1, CEN, on);
        if on && !was {
            self.since = ctx.now() + Cycles(self.ratio);
        }
        if on != was && self.master_mode() == 1 {
            ctx.drive(TRGO, on);
        }
    }

    /// UG: the counter and its prescaler start anew.
    fn reinitialise(&mut self, ctx: &mut Ctx<'_>) {
        self.update(false, ctx);
        self.counter.value = if self.counter.mode == Mode::Down { self.counter.reload } else { 0 };
        if self.counter.mode == Mode::Center {
            self.counter.down = false;
        }
        self.prescaled = 0;
        self.since = ctx.now();
        if self.master_mode() == 0 {
            ctx.pulse(TRGO);
        }
        self.refer(ctx);
    }

    /// Drives the interrupt lines and asks for the next visit.
    fn refresh(&mut self, ctx: &mut Ctx<'_>) {
        let active = self.registers.get(SR) & self.registers.get(DIER) & 0xff;
        if ctx.lines.len() >= 4 {
            let lines = [BIF, UIF, TIF | COMIF, 0x1e];
            for (index, bits) in lines.into_iter().enumerate() {
                ctx.set_line(index, active & bits != 0);
            }
        } else {
            ctx.set_line(0, active != 0);
        }
        let Some(counts) = self.next_event() else { return ctx.cancel(DUE) };
        let at = self.since + Cycles(counts.saturating_mul(self.period()));
        ctx.schedule(DUE, at.since(ctx.now()).max(Cycles(1)));
    }

    /// Counts until something happens that somebody would notice without looking.
    fn next_event(&self) -> Option<u64> {
        if !self.runs() {
            return None;
        }
        let enabled = self.registers.get(DIER);
        let compare_bits = 0x1e1e;
        let trigger = self.listened & 1 << TRGO != 0;
        let pins = self.listened >> OC & 0xf | self.listened >> OCN & 7;
        let references =
            self.listened >> CC & 0xf | pins | if trigger && self.master_mode() >= 4 { 1 << (self.master_mode() - 4) } else { 0 };
        let wrap = enabled & (UIF | UIF << 8) != 0
            || references != 0
            || (trigger && (self.master_mode() == 2 || (self.master_mode() == 1 && self.has(CR1, OPM))));
        let compares = (0..self.channels).filter(|channel| {
            let own = (CC1IF | CC1IF << 8) << channel;
            self.is_output(*channel)
                && (enabled & own & compare_bits != 0
                    || references & 1 << channel != 0
                    || (trigger && *channel == 0 && self.master_mode() == 3))
        });
        let to_wrap = self.counter.to_wrap();
        // What is not met before the wrap is looked for again behind it.
        let nearest = compares.map(|channel| self.counter.to_value(self.compare[channel]).unwrap_or(to_wrap)).min();
        match (nearest, wrap) {
            (Some(counts), true) => Some(counts.min(to_wrap)),
            (Some(counts), false) => Some(counts),
            (None, true) => Some(to_wrap),
            (None, false) => None,
        }
    }
}

impl Peripheral for Timer {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn outputs(&self) -> &'static [&'static str] {
        OUTPUTS
    }

    fn read(&mut self, offset: u32, ctx: &mut Ctx<'_>) -> u32 {
        self.sync(ctx);
        let value = match offset {
            CNT => self.counter.value,
            CR1 if self.counter.mode == Mode::Center => {
                (self.registers.get(CR1) & !DIR) | if self.counter.down { DIR } else { 0 }
            }
            DMAR if self.burst_register() != DMAR => {
                let offset = self.burst_register();
                self.burst += 1;
                self.registers.get(offset)
            }
            CCR1..BDTR => {
                let channel = ((offset - CCR1) / 4) as usize;
                if !self.is_output(channel) {
                    self.registers.set_bits(SR, CC1IF << channel, false);
                }
                self.registers.get(offset)
            }
            _ => self.registers.get(offset),
        };
        self.refresh(ctx);
        value
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        self.sync(ctx);
        self.store(offset, value, ctx);
        self.refresh(ctx);
    }

    fn due(&mut self, event: u32, ctx: &mut Ctx<'_>) {
        self.sync(ctx);
        if event >= DEAD {
            self.revive((event - DEAD) as usize, ctx);
        }
        self.refresh(ctx);
    }

    fn input(&mut self, input: usize, high: bool, ctx: &mut Ctx<'_>) {
        self.sync(ctx);
        if input == CLOCK_FAILURE && high {
            self.break_if_enabled(ctx);
            return self.refresh(ctx);
        }
        let before = [0, 1, 2, 3].map(|i| self.level(i));
        let Some(level) = self.inputs.get_mut(input) else { return };
        let was = std::mem::replace(level, high);
        if was == high {
            return;
        }
        let trigger = (self.registers.get(SMCR) >> 4 & 7) as usize;
        if input < PINS {
            if trigger == input && self.uses_trigger() {
                self.triggered(high, ctx);
            }
        } else if input == ETR {
            self.external_trigger(high, ctx);
        } else if input == BREAK {
            self.look_for_break(ctx);
        } else {
            for (i, was) in before.into_iter().enumerate() {
                self.edge(i, was, ctx);
            }
        }
        self.refresh(ctx);
    }

    fn served(&mut self, output: usize, ctx: &mut Ctx<'_>) {
        let more = self.burst > 0 && self.burst <= self.registers.get(DCR) >> 8 & 0x1f;
        if !more {
            self.burst = 0;
            self.requests &= !(1 << output);
            ctx.drive(output, false);
        }
    }

    fn listened(&mut self, output: usize, on: bool, ctx: &mut Ctx<'_>) {
        self.sync(ctx);
        self.listened = (self.listened & !(1 << output)) | u32::from(on) << output;
        if output >= OC {
            // Whoever begins to listen learns what the pins show now.
            let channel = (output - OC) % 4;
            self.shown[channel] = (None, None);
            self.drive_pins(channel, ctx);
        }
        self.refresh(ctx);
    }

    fn clocks_changed(&mut self, ctx: &mut Ctx<'_>) {
        // The clock's old rate holds up to now.
        self.sync(ctx);
        self.ratio = ctx.core_cycles_per_timer_clock();
        self.refresh(ctx);
    }

    fn stood_still(&mut self, asleep: Cycles, _ctx: &mut Ctx<'_>) {
        self.since += asleep;
    }

    fn restart(&mut self, fresh: bool, ctx: &mut Ctx<'_>) -> bool {
        self.ratio = ctx.core_cycles_per_timer_clock();
        self.since = ctx.now();
        fresh
    }
}
