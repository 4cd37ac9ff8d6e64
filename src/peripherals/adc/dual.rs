//! What it is: the dual modes, in which ADC1 leads ADC2: simultaneous, interleaved, alternate trigger, and their combinations.
//! Source: RM0008 section 11.9 and 11.12.2 (DUALMOD).
//! Does not model: what overlapping samples of one channel do to each other.
//! Tested by: the unit tests in `tests`, `firmware-images/tests/adc_dual`.

use super::*;

/// The outputs to the other converter, and the inputs at which it hears them.
const REGULAR: usize = 1;
const INJECTED: usize = 2;
const HOLD: usize = 3;
const FROM_REGULAR: usize = 16;
const FROM_INJECTED: usize = 17;
/// Half cycles of ADCCLK between the two of an interleaved pair (11.9.3, 11.9.4).
const FAST_HALVES: u64 = 14;
const SLOW_HALVES: u64 = 28;

/// What the two do together with one kind of sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Together {
    Independent,
    Simultaneous,
    /// The second begins so many half cycles later; `true`: and both go on for ever.
    Interleaved(u64, bool),
    Alternate,
}

impl Adc {
    /// What DUALMOD says of regular or injected sequences; of the slave nothing, as the bits are the master's.
    fn together(&self, injected: bool) -> Together {
        if self.role != Role::Master {
            return Together::Independent;
        }
        match (self.registers.get(CR1) >> 16 & 0xf, injected) {
            (1 | 2 | 6, false) | (1 | 3 | 4 | 5, true) => Together::Simultaneous,
            (3 | 7, false) => Together::Interleaved(FAST_HALVES, false),
            (4 | 8, false) => Together::Interleaved(SLOW_HALVES, true),
            (2 | 9, true) => Together::Alternate,
            _ => Together::Independent,
        }
    }

    /// A trigger has come that concerns the slave: `true` if the master itself does not begin now.
    pub(super) fn is_led_elsewhere(&mut self, injected: bool, ctx: &mut Ctx<'_>) -> bool {
        let output = if injected { INJECTED } else { REGULAR };
        match self.together(injected) {
            Together::Independent => false,
            Together::Simultaneous => {
                ctx.pulse(output);
                false
            }
            Together::Interleaved(halves, _) => {
                // A trigger does not begin another pair while one is under way.
                if !self.pairing && self.now.is_none() && self.waiting.is_none() {
                    self.pairing = true;
                    ctx.pulse(output);
                    let delay = self.cycles(halves, ctx);
                    ctx.schedule(DELAYED, delay);
                }
                true
            }
            Together::Alternate => {
                let other = self.alternate;
                self.alternate = !other;
                if other {
                    ctx.pulse(output);
                }
                other
            }
        }
    }

    /// The second of an interleaved pair begins, or a slow pair begins anew.
    pub(super) fn interleave(&mut self, event: u32, ctx: &mut Ctx<'_>) {
        let Together::Interleaved(halves, endless) = self.together(false) else {
            self.pairing = false;
            return;
        };
        self.pairing = endless;
        let delay = self.cycles(halves, ctx);
        if event == AGAIN {
            ctx.pulse(REGULAR);
            return ctx.schedule(DELAYED, delay);
        }
        self.begin_sequence(false, ctx);
        if endless {
            ctx.schedule(AGAIN, delay);
        }
    }

    /// The master has started something in this converter, or the other's injected conversions keep its regular ones waiting.
    pub(super) fn led(&mut self, input: usize, high: bool, ctx: &mut Ctx<'_>) {
        match input {
            // The slave's trigger must be enabled, whichever it is (11.9).
            FROM_REGULAR if high && self.has(CR2, EXTTRIG) => self.start(false, ctx),
            FROM_INJECTED if high && self.has(CR2, JEXTTRIG) => self.start(true, ctx),
            FROM_REGULAR | FROM_INJECTED => {}
            _ if high => {
                if let Some(now) = self.now.filter(|now| !now.injected) {
                    (self.now, self.waiting) = (None, Some(now));
                    ctx.cancel(CONVERTED);
                }
            }
            _ => {
                if self.now.is_none()
                    && let Some(waiting) = self.waiting.take()
                {
                    self.begin(waiting, ctx);
                }
            }
        }
        self.refresh(ctx);
    }

    /// Injected conversions begin or end: in the mode that combines them by turns with simultaneous regular ones, both converters' regular ones
    /// wait (11.9.7).
    pub(super) fn hold_other(&mut self, on: bool, ctx: &mut Ctx<'_>) {
        if ctx.system.adc_mode == 2 && self.role != Role::Alone {
            ctx.drive(HOLD, on);
        }
    }

    /// The data register: in the dual modes the master's has the slave's data above its own (11.12.14).
    pub(super) fn both_data(&self, ctx: &Ctx<'_>) -> u32 {
        let dual = self.role == Role::Master && self.registers.get(CR1) & DUALMOD != 0;
        self.registers.get(DR) | if dual { u32::from(ctx.system.adc_slave) << 16 } else { 0 }
    }
}
