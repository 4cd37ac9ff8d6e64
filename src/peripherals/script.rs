//! What it is: the other end of a serial line or bus that speaks of its own accord: a sender on a serial line, a master on SPI or I2C.
//! Source: our own stanzas `[[partner]]` with `kind = "script"`; RM0008, 27.3.3 for what can be wrong with a character.
//! Does not model: answers that depend on what the chip says.
//! Tested by: `firmware-images/tests/usart_errors`, `slaves`.

use super::system::Ctx;
use crate::units::{Cycles, Hz};
use std::collections::VecDeque;

/// What is wrong with characters on a serial line (RM0008, 27.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFault {
    /// The stop bit is low.
    Frame,
    /// All is low for longer than a character.
    Break,
    /// The parity bit is the wrong one.
    Parity,
    /// The samples of a bit differ.
    Noise,
}

/// Something that the other end does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// When, in nanoseconds since power-on; not before the step before it is over.
    pub at_nanos: u64,
    /// The I2C address, 7 bits.
    pub address: u8,
    /// The bytes that it sends.
    pub send: Vec<u8>,
    /// How many bytes it reads then, on I2C.
    pub read: usize,
    /// What is wrong with what it sends, on a serial line.
    pub fault: Option<LineFault>,
}

/// See the module's description. What a master reads stands in the run's output, as what the device has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Bits a second of a master's clock.
    pub rate: Hz,
    /// What is to come, in the order of time.
    pub steps: VecDeque<Step>,
}

impl Default for Script {
    fn default() -> Self {
        Self { rate: Hz(100_000), steps: VecDeque::new() }
    }
}

impl Script {
    /// The next step, if its time has come.
    pub fn take_due(&mut self, ctx: &Ctx<'_>) -> Option<Step> {
        let now = ctx.system.nanos_at(ctx.now());
        let due = self.steps.front().is_some_and(|step| u128::from(step.at_nanos) <= now);
        if due { self.steps.pop_front() } else { None }
    }

    /// Asks for a visit when the next step's time comes.
    pub fn schedule(&self, event: u32, ctx: &mut Ctx<'_>) {
        ctx.cancel(event);
        if let Some(step) = self.steps.front() {
            let left = u128::from(step.at_nanos).saturating_sub(ctx.system.nanos_at(ctx.now()));
            let delay = ctx.system.cycles_of_nanos(u64::try_from(left).unwrap_or(u64::MAX));
            ctx.schedule(event, delay);
        }
    }

    /// How long so many bits of the master's clock are.
    #[must_use]
    pub fn bits(&self, count: u64, ctx: &Ctx<'_>) -> Cycles {
        Cycles((count * u64::from(ctx.system.clocks.hclk.0)).div_ceil(u64::from(self.rate.0.max(1))))
    }
}
