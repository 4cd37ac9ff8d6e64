//! What it is: the cost of taking, chaining and leaving exceptions, and the front end's state behind each.
//! Source: ARM DDI 0337E section 5.3 to 5.7 (12 cycles to enter, 6 to tail-chain, late arrival); Arm's support article 103489845: 12 cycles
//! to enter, nine of stacking on the system bus beside six of vector and handler fetch on I-code, so that LATENCY lengthens that half, and
//! 10 cycles between the return instruction and the next one (the TRM's 12 is a misprint).
//! Does not model: the interrupted instruction's abandoned cycles (multi-cycle instructions restart or go on by EPSR.ICI); an exception that
//! arrives while a return is unstacking waits for its end.
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

/// The whole sequence when a more urgent exception, whose handler this is, arrives `elapsed` cycles into another's sequence, `overtaken`: what is
/// stacked stays, vector and handler are fetched anew, which takes the 6 cycles of a tail-chain (5.6).
#[must_use]
pub fn late_arrival(config: &TimingConfig, handler: Handler, overtaken: &Transition, elapsed: u32) -> Transition {
    let cycles = overtaken.cycles.of(Cause::Exception).max(elapsed.saturating_add(6));
    sequence(cycles, flash_wait(config, handler.vector) + flash_wait(config, handler.entry))
}

/// Behind the EXC_RETURN branch, whose own first cycle is its block's, to the interrupted program's next instruction: 10 cycles; the fetch
/// there goes beside unstacking and is done before it, and the branch's refill is never waited for.
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
        let entry = exception_entry(&config, HANDLER);
        assert_eq!(late_arrival(&config, HANDLER, &entry, 3).cycles.total(), 12);
        assert_eq!(late_arrival(&config, HANDLER, &entry, 11).cycles.total(), 17);
        assert_eq!(late_arrival(&config, HANDLER, &tail_chain(&config, HANDLER), 2).cycles.total(), 8);
    }

    #[test]
    fn wait_states_lengthen_the_fetch_half() {
        let config = TimingConfig::with_wait_states(2);
        assert_eq!(exception_entry(&config, HANDLER).cycles.total(), 16);
        let in_sram = Handler { vector: Addr(0x2000_003c), entry: Addr(0x2000_1000) };
        assert_eq!(exception_entry(&config, in_sram).cycles.total(), 14);
    }
}
