//! What it is: the cost of taking, chaining and leaving exceptions, and the front end's state behind each.
//! Source: ARM DDI 0337E section 5.3 to 5.7 (12 cycles to enter, 6 to tail-chain, late arrival) and Arm's support note that the TRM's 12
//! cycles for the return are 10; stacking on the system bus overlaps vector and handler fetch on I-code, so LATENCY lengthens that half.
//! Does not model: the interrupted instruction's abandoned cycles (multi-cycle instructions restart or go on by EPSR.ICI).
//! Tested by: the unit tests below (the TRM's figures at zero wait states).

use super::config::TimingConfig;
use super::fetch::by_system_bus;
use super::signature::Region;
use super::state::FrontState;
use super::{Cause, CauseCycles, Transition};
use crate::units::Addr;

/// Where an exception sequence reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handler {
    /// The vector's own address (VTOR plus four times the exception number).
    pub vector: Addr,
    /// The handler's first instruction.
    pub entry: Addr,
}

/// Cycles that flash adds to a read: none for what does not come from flash.
fn flash_wait(config: &TimingConfig, addr: Addr) -> u32 {
    if Region::of(addr) == Region::Flash { u32::from(config.wait_states.min(2)) } else { 0 }
}

/// A sequence of `cycles` cycles that ends with the first instruction of what follows ready to execute.
fn sequence(cycles: u32, waits: u32) -> Transition {
    let mut causes = CauseCycles::default();
    causes.add(Cause::Exception, cycles);
    causes.add(Cause::FlashFetch, waits);
    Transition { cycles: causes, exit: FrontState::entered() }
}

/// From the interrupt's recognition to the handler's first instruction in execute: 12 cycles, and the flash's wait states once for the
/// vector and once for the handler. A vector table in SRAM shares the system bus with stacking: its read comes after it, two cycles.
#[must_use]
pub fn exception_entry(config: &TimingConfig, handler: Handler) -> Transition {
    let shared = if by_system_bus(handler.vector.0) { 2 } else { 0 };
    sequence(12 + shared, flash_wait(config, handler.vector) + flash_wait(config, handler.entry))
}

/// From a return that finds another exception pending to that one's first instruction: 6 cycles, no stacking.
#[must_use]
pub fn tail_chain(config: &TimingConfig, handler: Handler) -> Transition {
    sequence(6, flash_wait(config, handler.vector) + flash_wait(config, handler.entry))
}

/// A more urgent exception that arrives `elapsed` cycles into another's entry takes it over without stacking again: what is still to pay
/// from then on. Once the first handler is being fetched (6 cycles before the end) only vector and handler fetch remain to be done again.
#[must_use]
pub fn late_arrival(config: &TimingConfig, handler: Handler, elapsed: u32) -> Transition {
    let remaining = 12u32.saturating_sub(elapsed).max(6);
    sequence(remaining, flash_wait(config, handler.vector) + flash_wait(config, handler.entry))
}

/// From the EXC_RETURN branch in execute to the interrupted program's next instruction: 10 cycles; the fetch there goes beside
/// unstacking and is done before it.
#[must_use]
pub fn exception_return() -> Transition {
    sequence(10, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANDLER: Handler = Handler { vector: Addr(0x0800_003c), entry: Addr(0x0800_1000) };

    /// DDI 0337E 5.3.1, 5.5 and Arm's support note.
    #[test]
    fn zero_wait_states_give_the_manuals_figures() {
        let config = TimingConfig::with_wait_states(0);
        assert_eq!(exception_entry(&config, HANDLER).cycles.total(), 12);
        assert_eq!(tail_chain(&config, HANDLER).cycles.total(), 6);
        assert_eq!(exception_return().cycles.total(), 10);
        assert_eq!(late_arrival(&config, HANDLER, 3).cycles.total(), 9);
        assert_eq!(late_arrival(&config, HANDLER, 11).cycles.total(), 6);
    }

    #[test]
    fn wait_states_lengthen_the_fetch_half() {
        let config = TimingConfig::with_wait_states(2);
        assert_eq!(exception_entry(&config, HANDLER).cycles.total(), 16);
        let in_sram = Handler { vector: Addr(0x2000_003c), entry: Addr(0x2000_1000) };
        assert_eq!(exception_entry(&config, in_sram).cycles.total(), 14);
    }
}
