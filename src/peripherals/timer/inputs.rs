//! What it is: what a timer makes of its inputs: captures, the slave controller, external clocks, the encoder, clearing of references.
//! Source: RM0008 sections 14.3.4 (clock selection), 14.3.6 and 14.3.7 (capture), 14.3.11 (OCxREF clearing), 14.3.16 (encoder), 14.3.18.
//! Does not model: input filters; the cycles that synchronising an input takes.
//! Tested by: the unit tests of the parent module, `firmware-images/tests/tim_chain`, `tim_pins`.

use super::*;

impl Timer {
    /// One clock from outside.
    pub(super) fn clock(&mut self, ctx: &mut Ctx<'_>) {
        if !self.has(CR1, CEN) || self.counter.is_blocked() {
            return;
        }
        self.prescaled += 1;
        if self.prescaled > self.prescaler {
            self.prescaled = 0;
            self.count(1, ctx);
        }
    }

    /// The level of a channel's input, after the exclusive-or that CR2.TI1S asks for.
    pub(super) fn level(&self, input: usize) -> bool {
        if input == 0 && self.has(CR2, 1 << 7) {
            self.inputs[PINS] ^ self.inputs[PINS + 1] ^ self.inputs[PINS + 2]
        } else {
            self.inputs.get(PINS + input).copied().unwrap_or(false)
        }
    }

    pub(super) fn is_inverted(&self, channel: usize) -> bool {
        self.has(CCER, 2 << (4 * channel))
    }

    /// A channel's input has changed: captures, and what the slave controller makes of it.
    pub(super) fn edge(&mut self, input: usize, was: bool, ctx: &mut Ctx<'_>) {
        let is = self.level(input);
        if was == is {
            return;
        }
        for channel in 0..self.channels {
            let source = match self.mode_of(channel) & 3 {
                1 => channel,
                2 => channel ^ 1,
                _ => continue,
            };
            if source == input && is != self.is_inverted(channel) && self.has(CCER, 1 << (4 * channel)) {
                self.capture(channel, ctx);
            }
        }
        let trigger = self.registers.get(SMCR) >> 4 & 7;
        match self.slave_mode() {
            mode @ 1..=3 => {
                // Encoder: 1 counts TI2's edges, 2 TI1's, 3 both; the direction is what the other phase says (table 81).
                let other = self.level(input ^ 1);
                let counts = input < 2 && (mode == 3 || (mode == 1) == (input == 1));
                if counts {
                    let up = (is != other) == (input == 0);
                    (self.counter.mode, self.counter.down) = if up { (Mode::Up, false) } else { (Mode::Down, true) };
                    self.registers.set_bits(CR1, DIR, !up);
                    self.clock(ctx);
                }
            }
            0 if !self.uses_trigger() => {}
            _ => match (trigger, input) {
                (4, 0) => self.triggered(true, ctx),
                (5, 0) | (6, 1) => self.triggered(is != self.is_inverted(input), ctx),
                _ => {}
            },
        }
    }

    pub(super) fn capture(&mut self, channel: usize, ctx: &mut Ctx<'_>) {
        let every = 1 << (self.mode_of(channel) >> 2 & 3);
        self.swallowed[channel] += 1;
        if self.swallowed[channel] < every {
            return;
        }
        self.swallowed[channel] = 0;
        self.registers.set(CCR1 + 4 * channel as u32, self.counter.value);
        if self.has(SR, CC1IF << channel) {
            self.registers.set_bits(SR, CC1OF << channel, true);
        }
        self.channel_event(channel, ctx);
    }

    /// The trigger input of the slave controller has become active or inactive.
    pub(super) fn triggered(&mut self, active: bool, ctx: &mut Ctx<'_>) {
        let mode = self.slave_mode();
        self.gate = active;
        if mode == 5 {
            self.since = ctx.now();
        }
        if !active && mode != 5 {
            return;
        }
        for channel in 0..self.channels {
            if self.mode_of(channel) & 3 == 3 && self.has(CCER, 1 << (4 * channel)) {
                self.capture(channel, ctx);
            }
        }
        if self.preloads() && self.has(CR2, CCUS) {
            self.commutate(ctx);
        }
        match mode {
            4 => self.reinitialise(ctx),
            6 => self.enable(true, ctx),
            7 => self.clock(ctx),
            _ => {}
        }
        if mode != 0 {
            self.registers.set_bits(SR, TIF, true);
            if self.has(DIER, TIF << 8) {
                self.request(TRIG, ctx);
            }
        }
    }

    /// Whether the trigger input of the slave controller does anything.
    pub(super) fn uses_trigger(&self) -> bool {
        let captures = (0..self.channels).any(|channel| self.mode_of(channel) & 3 == 3);
        self.slave_mode() != 0 || captures || (self.preloads() && self.has(CR2, CCUS))
    }

    /// The external trigger's pin has changed: behind its polarity comes a divider, and behind that whatever uses it.
    pub(super) fn external_trigger(&mut self, high: bool, ctx: &mut Ctx<'_>) {
        let active = high != self.has(SMCR, ETP);
        self.clear_references(active, ctx);
        let control = self.registers.get(SMCR);
        let divider = control >> 12 & 3;
        if divider != 0 {
            if !active {
                return;
            }
            self.external_edges = (self.external_edges + 1) & ((1 << divider) - 1);
            if self.external_edges != 0 {
                return;
            }
        }
        if control & ECE != 0 {
            if active {
                self.clock(ctx);
            }
        } else if control >> 4 & 7 == 7 && self.uses_trigger() {
            self.triggered(active, ctx);
        }
    }

    /// A level at the external trigger pulls the references down of the channels that ask for it, until the next update (14.3.11).
    fn clear_references(&mut self, active: bool, ctx: &mut Ctx<'_>) {
        self.clearing = active;
        for channel in (0..self.channels).filter(|_| active) {
            if self.is_output(channel) && self.mode_of(channel) & OCCE != 0 {
                self.cleared[channel] = true;
                self.set_reference(channel, false, ctx);
            }
        }
    }
}
