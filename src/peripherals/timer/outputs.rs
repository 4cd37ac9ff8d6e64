//! What it is: a timer's outputs: the compare modes' references, and the pins behind polarity, enable, dead time, idle states and break.
//! Source: RM0008 sections 14.3.8 to 14.3.13, table 83 (TIM1, TIM8: output control bits), 15.4.9, table 87 (the others), 14.4.18 (BDTR).
//! Does not model: OCxFE; an output that is off leaves its pin low, whatever pulls it.
//! Tested by: the unit tests of the parent module, `firmware-images/tests/tim_pins`, `tim_break`.

use super::*;

/// BDTR: dead time; off-states in idle and run mode; break enabled, and active high; the next update enables the outputs; they are enabled.
const OSSI: u32 = 1 << 10;
const OSSR: u32 = 1 << 11;
const BKE: u32 = 1 << 12;
const BKP: u32 = 1 << 13;
const AOE: u32 = 1 << 14;
const MOE: u32 = 1 << 15;
const LOCK: u32 = 3 << 8;
const DEAD_TIME: u32 = 0xff;

/// A channel's byte of CCMRx: an output answers a trigger at once; an input's filter.
const OCFE: u32 = 1 << 2;
const IC_FILTER: u32 = 0xf0;

impl Timer {
    /// A channel's compare value was met.
    pub(super) fn compared(&mut self, channel: usize, ctx: &mut Ctx<'_>) {
        match self.output_mode(channel) {
            1 => self.set_reference(channel, true, ctx),
            2 => self.set_reference(channel, false, ctx),
            3 => self.set_reference(channel, !self.reference[channel], ctx),
            _ => {}
        }
        self.channel_event(channel, ctx);
    }

    /// OCxM as it is in force.
    fn output_mode(&self, channel: usize) -> u32 {
        self.in_force[channel / 2] >> (channel % 2 * 8 + 4) & 7
    }

    /// OCxREF where it follows from the counter: the PWM modes and the forced ones.
    pub(super) fn refer(&mut self, ctx: &mut Ctx<'_>) {
        for channel in 0..self.channels {
            if !self.is_output(channel) {
                continue;
            }
            let (value, compare) = (self.counter.value, self.compare[channel]);
            let active = if self.counter.down { value <= compare } else { value < compare };
            let level = match self.output_mode(channel) {
                4 => false,
                5 => true,
                6 => active,
                7 => !active,
                _ => continue,
            };
            self.set_reference(channel, level && !self.cleared[channel], ctx);
        }
    }

    pub(super) fn set_reference(&mut self, channel: usize, level: bool, ctx: &mut Ctx<'_>) {
        if std::mem::replace(&mut self.reference[channel], level) == level {
            return;
        }
        ctx.drive(CC + channel, level);
        if self.master_mode() == 4 + channel as u32 {
            ctx.drive(TRGO, level);
        }
        let dead = self.dead_time();
        if channel < 3 && dead.0 > 0 && self.is_complementary(channel) && self.is_traced(channel) {
            self.dead[channel] = true;
            ctx.schedule(DEAD + channel as u32, dead);
        }
        self.drive_pins(channel, ctx);
    }

    /// The dead time of a channel is over.
    pub(super) fn revive(&mut self, channel: usize, ctx: &mut Ctx<'_>) {
        if let Some(dead) = self.dead.get_mut(channel) {
            *dead = false;
            self.drive_pins(channel, ctx);
        }
    }

    /// BDTR.DTG in core cycles (14.4.18): steps of one, two, eight or sixteen cycles of the dead-time clock, which CR1.CKD divides.
    fn dead_time(&self) -> Cycles {
        let field = u64::from(self.registers.get(BDTR) & DEAD_TIME);
        let steps = match field >> 5 {
            0..4 => field,
            4 | 5 => (64 + (field & 0x3f)) * 2,
            6 => (32 + (field & 0x1f)) * 8,
            _ => (32 + (field & 0x1f)) * 16,
        };
        Cycles(steps * (self.ratio << (self.registers.get(CR1) >> 8 & 3).min(2)))
    }

    fn is_complementary(&self, channel: usize) -> bool {
        self.in_force[2] >> (4 * channel) & 5 == 5
    }

    /// Whether anybody notices what the channel's pins do.
    fn is_traced(&self, channel: usize) -> bool {
        self.listened & (1 << (OC + channel) | if channel < 3 { 1 << (OCN + channel) } else { 0 }) != 0
    }

    fn is_advanced(&self) -> bool {
        self.registers.find(BDTR).is_some()
    }

    /// The levels of a channel's pin and of its complement's.
    fn levels(&self, channel: usize) -> (bool, bool) {
        let control = self.in_force[2] >> (4 * channel);
        let [on, inverted, other_on, other_inverted] = [0, 1, 2, 3].map(|bit| control >> bit & 1 != 0);
        // For an input these bits say what it captures.
        if !self.is_output(channel) {
            return (false, false);
        }
        let reference = self.reference[channel];
        if !self.is_advanced() {
            return (on && reference != inverted, false);
        }
        let main = self.registers.get(BDTR);
        // The fourth channel has no complement.
        let other_on = other_on && channel < 3;
        if main & MOE == 0 {
            let idle = self.registers.get(CR2) >> (8 + 2 * channel);
            let driven = main & OSSI != 0 && (on || other_on);
            return (driven && idle & 1 != 0, driven && channel < 3 && idle & 2 != 0);
        }
        match (on, other_on) {
            (false, false) => (false, false),
            (true, true) if self.dead[channel] => (inverted, other_inverted),
            (true, true) => (reference != inverted, reference == other_inverted),
            (true, false) => (reference != inverted, channel < 3 && main & OSSR != 0 && other_inverted),
            (false, true) => (main & OSSR != 0 && inverted, reference != other_inverted),
        }
    }

    /// Tells whoever listens what a channel's pins show now.
    pub(super) fn drive_pins(&mut self, channel: usize, ctx: &mut Ctx<'_>) {
        if !self.is_traced(channel) {
            return;
        }
        let (main, other) = self.levels(channel);
        let shown = std::mem::replace(&mut self.shown[channel], (Some(main), Some(other)));
        if shown.0 != Some(main) {
            ctx.drive(OC + channel, main);
        }
        if channel < 3 && shown.1 != Some(other) {
            ctx.drive(OCN + channel, other);
        }
    }

    pub(super) fn drive_all_pins(&mut self, ctx: &mut Ctx<'_>) {
        (0..self.channels).for_each(|channel| self.drive_pins(channel, ctx));
    }

    /// Whether modes and enables of the outputs wait for a commutation (CR2.CCPC).
    pub(super) fn preloads(&self) -> bool {
        self.is_advanced() && self.has(CR2, CCPC)
    }

    /// What the registers say comes into force, unless it waits for a commutation. The fourth channel never waits.
    pub(super) fn take_over(&mut self, commutates: bool) {
        let said = [CCMR1, CCMR2, CCER].map(|register| self.registers.get(register));
        let waits = if self.preloads() && !commutates { [0xffff, 0x00ff, 0x0fff] } else { [0; 3] };
        for ((in_force, said), waits) in self.in_force.iter_mut().zip(said).zip(waits) {
            *in_force = (*in_force & waits) | (said & !waits);
        }
    }

    /// COM: what waited comes into force (14.3.14).
    pub(super) fn commutate(&mut self, ctx: &mut Ctx<'_>) {
        self.take_over(true);
        self.registers.set_bits(SR, COMIF, true);
        if self.has(DIER, COMIF << 8) {
            self.request(COM, ctx);
        }
        self.refer(ctx);
        self.drive_all_pins(ctx);
    }

    /// Whether the break input is active, and counts.
    fn is_broken(&self) -> bool {
        let main = self.registers.get(BDTR);
        main & BKE != 0 && self.inputs[BREAK] == (main & BKP != 0)
    }

    /// The break input is looked at: while it is active the outputs cannot be enabled (14.3.12).
    pub(super) fn look_for_break(&mut self, ctx: &mut Ctx<'_>) {
        if self.is_broken() {
            self.break_outputs(ctx);
        }
    }

    /// The crystal has failed: a break, if breaks are enabled at all (14.3.12).
    pub(super) fn break_if_enabled(&mut self, ctx: &mut Ctx<'_>) {
        if self.has(BDTR, BKE) {
            self.break_outputs(ctx);
        }
    }

    pub(super) fn break_outputs(&mut self, ctx: &mut Ctx<'_>) {
        self.registers.set_bits(BDTR, MOE, false);
        self.registers.set_bits(SR, BIF, true);
        self.drive_all_pins(ctx);
    }

    /// An update ends what a level at the external trigger had cleared, and enables the outputs if BDTR.AOE says so.
    pub(super) fn update_outputs(&mut self) {
        if !self.clearing {
            self.cleared = [false; 4];
        }
        if self.has(BDTR, AOE) && !self.is_broken() {
            self.registers.set_bits(BDTR, MOE, true);
        }
    }

    /// The bits of a register that BDTR.LOCK protects (14.4.18).
    pub(super) fn locked(&self, offset: u32) -> u32 {
        let level = (self.registers.get(BDTR) & LOCK) >> 8;
        let outputs = (0..4).filter(|channel| self.is_output(*channel));
        match offset {
            BDTR => {
                let first = if level >= 1 { DEAD_TIME | BKE | BKP | AOE } else { 0 };
                let second = if level >= 2 { OSSR | OSSI } else { 0 };
                first | second | if self.lock_written { LOCK } else { 0 }
            }
            CR2 if level >= 1 => 0x7f00,
            CCER if level >= 2 => outputs.fold(0, |bits, channel| bits | 0xa << (4 * channel)),
            CCMR1 | CCMR2 if level >= 3 => {
                let first = if offset == CCMR1 { 0 } else { 2 };
                outputs.filter(|channel| channel / 2 * 2 == first).fold(0, |bits, channel| bits | 0x78 << (8 * (channel % 2)))
            }
            _ => 0,
        }
    }

    /// The firmware writes one of the registers that concern the outputs.
    pub(super) fn store_outputs(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        let kept = self.locked(offset);
        self.registers.store(offset, (value & !kept) | (self.registers.get(offset) & kept));
        for channel in (0..self.channels).filter(|channel| offset == if *channel < 2 { CCMR1 } else { CCMR2 }) {
            let (output, mode) = (self.is_output(channel), self.mode_of(channel));
            if output && mode & OCFE != 0 {
                ctx.system.note(format!("{}.CCMR{}", ctx.name, channel / 2 + 1), format!("OC{}FE set", channel + 1));
            } else if !output && mode & IC_FILTER != 0 {
                ctx.system.note(format!("{}.CCMR{}", ctx.name, channel / 2 + 1), format!("IC{}F set", channel + 1));
            }
        }
        if offset == BDTR {
            self.lock_written = true;
            self.look_for_break(ctx);
        }
        self.take_over(false);
        self.refer(ctx);
        self.drive_all_pins(ctx);
        // A channel that captures takes notice of its pin, and so do the slave controller and the break input.
        self.listen_to_pins(ctx);
    }

    /// Takes notice of the pins that matter.
    pub(super) fn listen_to_pins(&mut self, ctx: &mut Ctx<'_>) {
        let control = self.registers.get(SMCR);
        let source = |channel: usize| match self.mode_of(channel) & 3 {
            1 => Some(channel),
            2 => Some(channel ^ 1),
            _ => None,
        };
        let captured = (0..self.channels).filter(|channel| self.has(CCER, 1 << (4 * channel))).filter_map(source);
        let mut wanted = captured.fold(0u32, |bits, channel| bits | 1 << channel);
        let external = control & ECE != 0 || (control >> 4 & 7 == 7 && self.uses_trigger());
        let clears = (0..self.channels).any(|channel| self.is_output(channel) && self.mode_of(channel) & OCCE != 0);
        wanted |= u32::from(external || clears) << 4 | u32::from(self.has(BDTR, BKE)) << 5;
        wanted |= match (self.slave_mode(), control >> 4 & 7) {
            (1..=3, _) => 3,
            (1.., 4 | 5) => 1,
            (1.., 6) => 2,
            _ => 0,
        };
        // With CR2.TI1S the first input is the exclusive-or of three pins.
        wanted |= if wanted & 1 != 0 && self.has(CR2, 1 << 7) { 7 } else { 0 };
        let changed = std::mem::replace(&mut self.listening, wanted) ^ wanted;
        for place in (0..6).filter(|place| changed >> place & 1 != 0) {
            ctx.listen(PINS + place, wanted >> place & 1 != 0);
        }
    }
}
