//! What it is: what a run cost, instruction by instruction, and how often control passed from which instruction to where.
//! Source: the table of prices: each transition's count times its block stepped once more, so that a run pays nothing for it.
//! Does not model: whose fault a wait is: the cycles in which an instruction waits for the one before it are its own.
//! Tested by: `tests/profile.rs`: the instructions' cycles sum to the blocks' and to the run's total, per cause.

use super::{Code, CodeId, Fidelity, Prices, SignatureId};
use crate::isa::Insn;
use crate::timing::{CauseTotals, FrontState, TimingConfig, step_each};
use crate::units::Addr;
use std::collections::BTreeMap;

/// What one instruction has cost.
#[derive(Clone, Copy, Debug)]
pub struct InsnCost {
    /// The instruction, as it was when it was last priced.
    pub insn: Insn,
    /// How often it was executed, or skipped by its condition.
    pub executions: u64,
    /// Its cycles.
    pub causes: CauseTotals,
}

/// What a run has cost in detail.
#[derive(Clone, Debug, Default)]
pub struct Details {
    /// By address.
    pub insns: BTreeMap<u32, InsnCost>,
    /// How often control passed from the last instruction of a block (its address) to where (another).
    pub passages: BTreeMap<(u32, u32), u64>,
}

/// A block's execution, as far as its price depends on it.
pub(super) struct Execution {
    pub config: TimingConfig,
    pub state: FrontState,
    pub signature: SignatureId,
    pub next: u32,
}

impl Details {
    fn add(&mut self, prices: &Prices, code: &Code, execution: &Execution, times: u64) {
        if times == 0 {
            return;
        }
        let insns = &code.block.insns;
        let operands = prices.codes_of(execution.signature);
        step_each(&execution.config, insns, execution.state, operands, Addr(execution.next), |at, cycles| {
            let Some(insn) = insns.get(at) else { return };
            let cost = self.insns.entry(insn.addr.0).or_insert_with(|| InsnCost {
                insn: *insn,
                executions: 0,
                causes: CauseTotals::default(),
            });
            cost.insn = *insn;
            cost.executions += times;
            cost.causes.add(cycles, times);
        });
        if let Some(last) = insns.last() {
            *self.passages.entry((last.addr.0, execution.next)).or_default() += times;
        }
    }
}

impl Prices {
    /// From now on details are kept of transitions that are forgotten, too. Costs nothing while the table does not overflow, except in
    /// [`Fidelity::Reference`], where nothing else keeps them.
    pub fn keep_details(&mut self) {
        self.kept.get_or_insert_default();
    }

    /// What every instruction has cost so far. Complete if [`Prices::keep_details`] was called before the run.
    #[must_use]
    pub fn details(&self) -> Details {
        let mut details = self.kept.as_deref().cloned().unwrap_or_default();
        self.add_remembered(&mut details);
        details
    }

    fn add_remembered(&self, details: &mut Details) {
        for ((code, state, signature, next), edge) in &self.index {
            let (Some(code), Some((config, state)), Some(edge)) =
                (self.codes.get(code.index()), self.states.get(*state as usize), self.edges.get(*edge as usize))
            else {
                continue;
            };
            let execution = Execution { config: *config, state: *state, signature: *signature, next: *next };
            details.add(self, code, &execution, edge.count);
        }
    }

    /// All transitions are about to be forgotten.
    pub(super) fn keep_remembered(&mut self) {
        if let Some(mut kept) = self.kept.take() {
            self.add_remembered(&mut kept);
            self.kept = Some(kept);
        }
    }

    /// An execution that no transition remembers.
    pub(super) fn keep_one(&mut self, code: CodeId, execution: &Execution) {
        if let Some(mut kept) = self.kept.take() {
            if let Some(code) = self.codes.get(code.index()) {
                kept.add(self, code, execution, 1);
            }
            self.kept = Some(kept);
        }
    }

    /// Whether the table loses details now and then.
    #[must_use]
    pub fn loses_details(&self) -> bool {
        self.kept.is_none() && (self.resets > 0 || self.fidelity == Fidelity::Reference)
    }
}
