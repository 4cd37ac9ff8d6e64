//! What it is: the cycle model of the STM32F103: Cortex-M3 pipeline, fetch unit, flash interface, buses and exceptions, as pure functions
//! from a block of instructions and the front end's state to cycles by cause and the state behind it.
//! Source: the modules' own headers; the calibration and its errors are in docs/accuracy.md.
//! Does not model: DMA's bus cycles, the ETM, external memory.
//! Tested by: `tests/silicon.rs` against published measurements; the unit tests here for sums and fixed points.

mod accuracy;
mod bus;
mod config;
mod exception;
mod fetch;
mod flash;
mod memo;
mod operands;
mod pipeline;
mod signature;
mod state;
mod totals;

pub use config::TimingConfig;
pub use exception::{Handler, exception_entry, exception_return, late_arrival, tail_chain};
pub use memo::{Ahead, BlockCost, CodeId, Details, Fidelity, InsnCost, Mixing, NO_CODES, Prices, SignatureId, arrival};
pub use operands::{Entry, Operands, Scratch};
pub use signature::{Need, OperandCode, OperandNeed, Region, operand_need, static_code};
pub use state::FrontState;
pub use totals::CauseTotals;

use crate::isa::Insn;
use crate::units::Addr;

/// The version of the model: it changes whenever a cycle count can.
pub const MODEL_VERSION: u32 = 3;

/// The model's error against published measurements on silicon (docs/accuracy.md), in percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracy {
    /// Measurements compared with.
    pub rows: u32,
    /// Mean absolute error.
    pub mean: f64,
    /// Median absolute error.
    pub median: f64,
    /// Largest absolute error.
    pub worst: f64,
    /// The absolute error that 95 % of the measurements keep: what a report prints.
    pub bound: f64,
}

/// How accurate the model is at that many wait states.
#[must_use]
pub const fn accuracy(wait_states: u8) -> Accuracy {
    if wait_states == 0 { accuracy::ZERO_WAIT } else { accuracy::WITH_WAITS }
}

/// Why a cycle passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Cause {
    /// An instruction's first cycle in execute.
    Issue,
    /// Data cycles and address dependencies of loads and stores.
    LoadStore,
    /// Further cycles of multiplies and divides.
    MultiplyDivide,
    /// Pipeline refill behind a taken branch, as far as memory is not to blame.
    Branch,
    /// Waiting for an instruction from flash.
    FlashFetch,
    /// Waiting for data from flash.
    FlashData,
    /// Waiting for a bus: peripherals, the write buffer, code in SRAM.
    Bus,
    /// Exception entry, chaining and return.
    Exception,
    /// Asleep.
    Sleep,
}

impl Cause {
    /// All, in the order of [`CauseCycles`]'s array.
    pub const ALL: [Cause; 9] = [
        Cause::Issue,
        Cause::LoadStore,
        Cause::MultiplyDivide,
        Cause::Branch,
        Cause::FlashFetch,
        Cause::FlashData,
        Cause::Bus,
        Cause::Exception,
        Cause::Sleep,
    ];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Cause::Issue => "issue",
            Cause::LoadStore => "load_store",
            Cause::MultiplyDivide => "multiply_divide",
            Cause::Branch => "branch",
            Cause::FlashFetch => "flash_fetch",
            Cause::FlashData => "flash_data",
            Cause::Bus => "bus",
            Cause::Exception => "exception",
            Cause::Sleep => "sleep",
        }
    }
}

/// Cycles by cause, in the order of [`Cause::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CauseCycles(pub [u32; 9]);

impl CauseCycles {
    /// Adds cycles of one cause.
    pub fn add(&mut self, cause: Cause, cycles: u32) {
        if let Some(slot) = self.0.get_mut(cause as usize) {
            *slot = slot.saturating_add(cycles);
        }
    }

    /// The cycles of one cause.
    #[must_use]
    pub fn of(&self, cause: Cause) -> u32 {
        self.0.get(cause as usize).copied().unwrap_or(0)
    }

    /// All cycles.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.0.iter().fold(0, |sum, cycles| sum.saturating_add(*cycles))
    }
}

/// What a block costs from one state, and the state behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Cycles by cause; their sum is what the block takes.
    pub cycles: CauseCycles,
    /// The front end's state behind it, for the block at `next`.
    pub exit: FrontState,
}

/// Steps `insns`, a whole block or a part of one, entered in `entry`; `operands[i]` belongs to `insns[i]` (missing ones count as
/// [`static_code`]); `next` is where control goes behind the last one. A part is needed where the configuration changes inside a block.
#[must_use]
pub fn step_block(config: &TimingConfig, insns: &[Insn], entry: FrontState, operands: &[OperandCode], next: Addr) -> Transition {
    let Some(first) = insns.first() else { return Transition { cycles: CauseCycles::default(), exit: entry } };
    let mut core = entry.resume(config, first.addr.0);
    for (index, insn) in insns.iter().enumerate() {
        let code = operands.get(index).copied().unwrap_or_else(|| static_code(insn));
        let follows = insns.get(index + 1).map_or(next, |after| after.addr);
        core.step(insn, code, follows.0);
    }
    Transition { cycles: core.causes, exit: FrontState::of(core, next.0) }
}

/// As [`step_block`], and tells the cycles of each instruction by its position.
pub fn step_each(
    config: &TimingConfig,
    insns: &[Insn],
    entry: FrontState,
    operands: &[OperandCode],
    next: Addr,
    mut each: impl FnMut(usize, &CauseCycles),
) {
    let Some(first) = insns.first() else { return };
    let mut core = entry.resume(config, first.addr.0);
    for (index, insn) in insns.iter().enumerate() {
        let code = operands.get(index).copied().unwrap_or_else(|| static_code(insn));
        let follows = insns.get(index + 1).map_or(next, |after| after.addr);
        core.step(insn, code, follows.0);
        each(index, &std::mem::take(&mut core.causes));
    }
}

/// Cycles from the block's start until instruction `index` begins its first cycle in execute, where it sends out its address: what a
/// counter that it reads has advanced by.
#[must_use]
pub fn step_prefix(config: &TimingConfig, insns: &[Insn], entry: FrontState, operands: &[OperandCode], index: usize) -> u32 {
    let Some(first) = insns.first() else { return 0 };
    let mut core = entry.resume(config, first.addr.0);
    let mut start = 0;
    for (at, insn) in insns.iter().enumerate().take(index.saturating_add(1)) {
        let code = operands.get(at).copied().unwrap_or_else(|| static_code(insn));
        let follows = insns.get(at + 1).map_or(insn.end(), |after| after.addr);
        start = core.step(insn, code, follows.0);
    }
    start.max(0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::{Class, Decoder};
    use proptest::prelude::*;
    use std::collections::HashSet;

    /// Halfwords that make up loops of every kind: narrow and wide data processing, loads, stores, multiples, multiplies, divides, IT.
    const PIECES: [&[u16]; 16] = [
        &[0xbf00],
        &[0xf3af, 0x8000],
        &[0x1889],
        &[0xeb01, 0x0202],
        &[0x6808],
        &[0xf8d1, 0x0004],
        &[0x6048],
        &[0xf841, 0x0022],
        &[0xc906],
        &[0xb403],
        &[0xfb01, 0x2203],
        &[0xfba2, 0x0103],
        &[0xfbb1, 0xf0f2],
        &[0xbf08, 0x2001],
        &[0xe9d2, 0x0102],
        &[0x4a01],
    ];

    fn program(choices: &[u8]) -> Vec<u8> {
        choices
            .iter()
            .flat_map(|choice| PIECES[usize::from(*choice) % PIECES.len()])
            .flat_map(|half| half.to_le_bytes())
            .collect()
    }

    proptest! {
        /// A block may be stepped in parts: the states between lose nothing. An IT that folds does so only beside the instruction before it.
        #[test]
        fn parts_cost_what_the_whole_does(
            choices in prop::collection::vec(any::<u8>(), 2..40),
            codes in prop::collection::vec(any::<u8>(), 80),
            at in any::<prop::sample::Index>(),
            wait_states in 0u8..3,
            prefetch in any::<bool>(),
            base in prop::sample::select(vec![0x0800_0000u32, 0x0800_0002, 0x0800_0006, 0x2000_0100]),
        ) {
            let block = Decoder::new().unwrap().decode_block(Addr(base), &program(&choices));
            let config = TimingConfig { prefetch, ..TimingConfig::with_wait_states(wait_states) };
            let codes: Vec<OperandCode> = codes.into_iter().map(|code| OperandCode(code & 0x37)).collect();
            let split = at.index(block.insns.len());
            let split = (split + usize::from(block.insns[split].class == Class::It)).min(block.insns.len() - 1);
            let whole = step_block(&config, &block.insns, FrontState::reset(), &codes, block.end());
            let first = step_block(&config, &block.insns[..split], FrontState::reset(), &codes, block.insns[split].addr);
            let second = step_block(&config, &block.insns[split..], first.exit, &codes[split..], block.end());
            prop_assert_eq!(whole.cycles.total(), first.cycles.total() + second.cycles.total());
            prop_assert_eq!(whole.exit, second.exit);
            let prefix = step_prefix(&config, &block.insns, FrontState::reset(), &codes, split);
            prop_assert!(prefix >= first.cycles.total() && prefix <= whole.cycles.total());
        }

        /// A loop settles: after a few passes it repeats a state that it has been in, whatever it is made of.
        #[test]
        fn loops_settle(
            choices in prop::collection::vec(any::<u8>(), 1..40),
            codes in prop::collection::vec(any::<u8>(), 80),
            wait_states in 0u8..3,
            offset in 0u32..4,
        ) {
            let base = 0x0800_0000 + 2 * offset;
            let mut bytes = program(&choices);
            let back = -(bytes.len() as i32) - 4;
            bytes.extend((0xe000 | (back / 2) as u16 & 0x7ff).to_le_bytes());
            let block = Decoder::new().unwrap().decode_block(Addr(base), &bytes);
            let codes: Vec<OperandCode> = codes.into_iter().map(|code| OperandCode(code & 0x37)).collect();
            let config = TimingConfig::with_wait_states(wait_states);
            let (mut state, mut seen) = (FrontState::reset(), HashSet::new());
            while seen.insert(state) {
                state = step_block(&config, &block.insns, state, &codes, block.addr).exit;
                prop_assert!(seen.len() <= 8);
            }
        }
    }
}
