//! What it is: what the firmware's writes to a timer do.
//! Source: RM0008 sections 14.4 and 15.4; 15.4.18 for DMA bursts.
//! Does not model: see the parent module.
//! Tested by: the unit tests of the parent module, `firmware-images/tests/tim_*`.

use super::*;

impl Timer {
    /// Takes CR1's counting mode over into the counter.
    pub(super) fn set_mode(&mut self) {
        let cr1 = self.registers.get(CR1);
        let center = cr1 & CMS != 0;
        let down = cr1 & DIR != 0;
        if center {
            if self.counter.mode != Mode::Center {
                self.counter.down = false;
            }
            self.counter.mode = Mode::Center;
        } else {
            (self.counter.mode, self.counter.down) = (if down { Mode::Down } else { Mode::Up }, down);
        }
    }

    /// The events that EGR asks for.
    pub(super) fn generate(&mut self, value: u32, ctx: &mut Ctx<'_>) {
        if value & 1 != 0 {
            self.reinitialise(ctx);
        }
        for channel in (0..self.channels).filter(|channel| value & CC1IF << channel != 0) {
            if self.is_output(channel) {
                self.channel_event(channel, ctx);
            } else {
                self.capture(channel, ctx);
            }
        }
        if value & COMIF != 0 && self.registers.find(BDTR).is_some() {
            self.commutate(ctx);
        }
        if value & TIF != 0 && self.registers.find(SMCR).is_some() {
            self.registers.set_bits(SR, TIF, true);
            if self.has(DIER, TIF << 8) {
                self.request(TRIG, ctx);
            }
        }
        if value & BIF != 0 && self.registers.find(BDTR).is_some() {
            self.break_outputs(ctx);
        }
    }

    /// The register that an access to DMAR is for (15.4.18).
    pub(super) fn burst_register(&self) -> u32 {
        ((self.registers.get(DCR) & 0x1f) + self.burst) * 4
    }

    pub(super) fn store(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        match offset {
            CR1 => {
                let was = self.has(CR1, CEN);
                self.registers.store(CR1, (value & !CEN) | u32::from(was));
                self.set_mode();
                self.enable(value & CEN != 0, ctx);
            }
            CNT => {
                self.counter.value = value & 0xffff;
                self.since = self.since.max(ctx.now());
            }
            ARR => {
                self.registers.store(ARR, value);
                if !self.has(CR1, ARPE) {
                    let blocked = self.counter.is_blocked();
                    self.counter.reload = value & 0xffff;
                    if blocked {
                        self.since = ctx.now();
                    }
                }
            }
            CCR1..BDTR => {
                let channel = ((offset - CCR1) / 4) as usize;
                if self.is_output(channel) {
                    self.registers.store(offset, value);
                    if self.mode_of(channel) & 8 == 0 {
                        self.compare[channel] = value & 0xffff;
                    }
                    self.refer(ctx);
                }
            }
            EGR => self.generate(value, ctx),
            DMAR if self.burst_register() != DMAR => {
                let offset = self.burst_register();
                self.burst += 1;
                self.store(offset, value, ctx);
            }
            SMCR => {
                self.registers.store(SMCR, value);
                let trigger = value >> 4 & 7;
                for input in 0..4 {
                    ctx.listen(input, self.uses_trigger() && trigger == input as u32);
                }
                self.listen_to_pins(ctx);
                self.gate = self.inputs.get(trigger as usize).copied().unwrap_or(false) && trigger < 4;
                if matches!(trigger, 5 | 6) {
                    self.gate = self.level(trigger as usize - 5) != self.is_inverted(trigger as usize - 5);
                }
                self.since = self.since.max(ctx.now());
            }
            SR => {
                self.registers.store(SR, value);
                // The break flag stays while the input is active (14.4.5).
                self.look_for_break(ctx);
            }
            _ => self.store_outputs(offset, value, ctx),
        }
    }
}
