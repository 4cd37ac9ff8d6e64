//! What it is: the price of every block that runs, remembered: (block, state at entry, operand codes, next block) -> (cycles by cause, state
//! at exit). A loop settles on a fixed point, so that the usual block costs one comparison.
//! Source: Schnarr and Larus, "Fast out-of-order processor simulation using memoization" (ASPLOS 1998); DESIGN, "The cycle model".
//! Does not model: anything of its own: `pipeline.rs` gives every price, once (memo) or each time (reference).
//! Tested by: `tests/fidelity.rs`: both ways give equal totals, per cause, on every image and on generated programs.

use super::{Cause, CauseCycles, FrontState, OperandCode, Operands, TimingConfig, Transition, step_block};
use crate::isa::Block;
use crate::units::{Addr, Cycles};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Whether prices are remembered or worked out each time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fidelity {
    /// Remembered; equal to `Reference` by test.
    #[default]
    Memo,
    /// Worked out instruction by instruction for every block that runs.
    Reference,
}

/// Cycles by cause over a whole run, in the order of [`Cause::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CauseTotals(pub [u64; 9]);

impl CauseTotals {
    /// Adds a block's cycles, `times` over.
    pub fn add(&mut self, cycles: &CauseCycles, times: u64) {
        for (total, cycles) in self.0.iter_mut().zip(cycles.0) {
            *total += u64::from(cycles) * times;
        }
    }

    /// Adds other totals.
    pub fn merge(&mut self, other: &CauseTotals) {
        for (total, other) in self.0.iter_mut().zip(other.0) {
            *total += other;
        }
    }

    /// What was added since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &CauseTotals) -> CauseTotals {
        let mut difference = *self;
        for (now, then) in difference.0.iter_mut().zip(earlier.0) {
            *now = now.saturating_sub(then);
        }
        difference
    }

    /// The cycles of one cause.
    #[must_use]
    pub fn of(&self, cause: Cause) -> u64 {
        self.0.get(cause as usize).copied().unwrap_or(0)
    }

    /// All cycles.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// A block known to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CodeId(u32);

impl CodeId {
    /// The block's place in the order in which blocks were met.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// The block at that place.
    #[must_use]
    pub fn from_index(index: usize) -> Self {
        CodeId(index as u32)
    }
}

/// A sequence of operand codes known to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SignatureId(u32);

/// What a block is made of, and what it has cost so far.
struct Code {
    block: Block,
    operands: Operands,
    fixed: SignatureId,
    /// The signature of its latest execution.
    latest: SignatureId,
    edges: Vec<Edge>,
    /// The edge that was taken last: a loop takes it again.
    recent: usize,
    /// What was counted of edges that were forgotten.
    settled: Settled,
}

/// Counts that belong to no remembered transition any more.
#[derive(Clone, Copy, Default)]
struct Settled {
    causes: CauseTotals,
    executions: u64,
    instructions: u64,
}

impl Code {
    fn of(block: Block, operands: Operands, fixed: SignatureId) -> Self {
        Self { block, operands, fixed, latest: fixed, edges: Vec::new(), recent: 0, settled: Settled::default() }
    }

    /// Counts executions that no edge counts.
    fn settle(&mut self, causes: &CauseCycles, times: u64) {
        self.settled.causes.add(causes, times);
        self.settled.executions += times;
        self.settled.instructions += times * self.block.insns.len() as u64;
    }

    /// Forgets the edges, keeping what they have counted; returns how many there were.
    fn forget_edges(&mut self) -> usize {
        let edges = std::mem::take(&mut self.edges);
        for edge in &edges {
            self.settle(&edge.causes, edge.count);
        }
        self.recent = 0;
        edges.len()
    }
}

/// One remembered transition.
struct Edge {
    state: u32,
    signature: SignatureId,
    next: u32,
    exit: u32,
    cycles: u32,
    count: u64,
    causes: CauseCycles,
}

/// How many transitions are kept before the table starts anew, unless [`Prices::limit_table`] says otherwise; each takes some 100 bytes.
/// Firmware that never settles costs time, not memory.
const MOST_EDGES: usize = 200_000;

/// The prices of all blocks of a run, and what they add up to.
pub struct Prices {
    fidelity: Fidelity,
    config: TimingConfig,
    codes: Vec<Code>,
    edges: usize,
    most_edges: usize,
    /// The distinct states met, each with the settings it was met under.
    states: Vec<(TimingConfig, FrontState)>,
    state_ids: HashMap<(TimingConfig, FrontState), u32>,
    state: u32,
    signatures: Vec<Box<[OperandCode]>>,
    signature_ids: HashMap<Box<[OperandCode]>, SignatureId>,
    /// Cycles that belong to no block: exceptions and sleep.
    outside: CauseTotals,
    resets: u32,
}

/// What a block has cost in a run.
#[derive(Clone, Debug)]
pub struct BlockCost<'a> {
    /// The block.
    pub block: &'a Block,
    /// How often it ran.
    pub executions: u64,
    /// Instructions executed: executions times the block's, unless it lies in SRAM and was rewritten.
    pub instructions: u64,
    /// Cycles by cause, over all executions.
    pub causes: CauseTotals,
}

impl Prices {
    /// An empty table; the core starts from reset.
    #[must_use]
    pub fn new(fidelity: Fidelity, config: TimingConfig) -> Self {
        let mut prices = Self {
            fidelity,
            config,
            codes: Vec::new(),
            edges: 0,
            most_edges: MOST_EDGES,
            states: Vec::new(),
            state_ids: HashMap::new(),
            state: 0,
            signatures: Vec::new(),
            signature_ids: HashMap::new(),
            outside: CauseTotals::default(),
            resets: 0,
        };
        prices.state = prices.intern_state(FrontState::reset());
        prices
    }

    fn intern_state(&mut self, state: FrontState) -> u32 {
        let key = (self.config, state);
        if let Some(id) = self.state_ids.get(&key) {
            return *id;
        }
        let id = self.states.len() as u32;
        self.states.push(key);
        self.state_ids.insert(key, id);
        id
    }

    /// The number of a sequence of codes.
    pub fn intern(&mut self, codes: &[OperandCode]) -> SignatureId {
        if let Some(id) = self.signature_ids.get(codes) {
            return *id;
        }
        let id = SignatureId(self.signatures.len() as u32);
        self.signatures.push(codes.into());
        self.signature_ids.insert(codes.into(), id);
        id
    }

    /// The codes that a block ran with most recently.
    #[must_use]
    pub fn latest(&self, code: CodeId) -> SignatureId {
        self.codes[code.index()].latest
    }

    /// The block runs with these codes now.
    pub fn set_latest(&mut self, code: CodeId, signature: SignatureId) {
        self.codes[code.index()].latest = signature;
    }

    /// The codes behind a number.
    #[must_use]
    pub fn codes_of(&self, signature: SignatureId) -> &[OperandCode] {
        &self.signatures[signature.0 as usize]
    }

    /// Adds a block; `rom` reads flash (see [`Operands::of`]).
    pub fn add(&mut self, block: Block, rom: impl Fn(u32, u8) -> Option<u32>) -> CodeId {
        let operands = Operands::of(&block, rom);
        let fixed = self.intern(operands.fixed());
        self.codes.push(Code::of(block, operands, fixed));
        CodeId(self.codes.len() as u32 - 1)
    }

    /// Puts another block in the place of one whose code was rewritten; what that has cost stays with the place.
    pub fn replace(&mut self, code: CodeId, block: Block, rom: impl Fn(u32, u8) -> Option<u32>) {
        let operands = Operands::of(&block, rom);
        let fixed = self.intern(operands.fixed());
        let old = &mut self.codes[code.index()];
        self.edges -= old.forget_edges();
        let settled = old.settled;
        *old = Code { settled, ..Code::of(block, operands, fixed) };
    }

    /// How many transitions may be remembered.
    pub fn limit_table(&mut self, most: usize) {
        self.most_edges = most;
    }

    /// A block of the table.
    #[must_use]
    pub fn block(&self, code: CodeId) -> &Block {
        &self.codes[code.index()].block
    }

    /// A block's operand expressions.
    #[must_use]
    pub fn operands(&self, code: CodeId) -> &Operands {
        &self.codes[code.index()].operands
    }

    /// The codes of a block that needs nothing evaluated.
    #[must_use]
    pub fn fixed(&self, code: CodeId) -> SignatureId {
        self.codes[code.index()].fixed
    }

    /// Settings in force.
    #[must_use]
    pub fn config(&self) -> TimingConfig {
        self.config
    }

    /// From now on other settings hold; what the front end has fetched stays.
    pub fn set_config(&mut self, config: TimingConfig) {
        let state = self.state();
        self.config = config;
        self.state = self.intern_state(state);
    }

    /// Goes back to settings and a front end that were in force once; what has been counted stays.
    pub fn rewind(&mut self, config: TimingConfig, state: FrontState) {
        self.config = config;
        self.state = self.intern_state(state);
    }

    /// The front end between two blocks.
    #[must_use]
    pub fn state(&self) -> FrontState {
        self.states[self.state as usize].1
    }

    /// Sets the front end's state, as an exception does.
    pub fn set_state(&mut self, state: FrontState) {
        self.state = self.intern_state(state);
    }

    /// Books cycles that belong to no block.
    pub fn book(&mut self, cause: Cause, cycles: Cycles) {
        self.outside.0[cause as usize] += cycles.0;
    }

    /// Books a sequence that belongs to no block, and takes over the state behind it.
    pub fn apply(&mut self, transition: &Transition) -> Cycles {
        self.outside.add(&transition.cycles, 1);
        self.set_state(transition.exit);
        Cycles(u64::from(transition.cycles.total()))
    }

    /// Prices one execution of a block that has just ended and was followed by `next`.
    #[inline]
    pub fn leave(&mut self, code: CodeId, signature: SignatureId, next: u32) -> Cycles {
        let state = self.state;
        let entry = &mut self.codes[code.index()];
        if let Some(edge) = entry.edges.get_mut(entry.recent)
            && edge.next == next
            && edge.state == state
            && edge.signature == signature
        {
            edge.count += 1;
            self.state = edge.exit;
            return Cycles(u64::from(edge.cycles));
        }
        self.leave_slowly(code, signature, next)
    }

    fn leave_slowly(&mut self, code: CodeId, signature: SignatureId, next: u32) -> Cycles {
        let state = self.state;
        let entry = &mut self.codes[code.index()];
        if let Some(i) = entry.edges.iter().position(|e| e.next == next && e.state == state && e.signature == signature) {
            entry.recent = i;
            let edge = &mut entry.edges[i];
            edge.count += 1;
            self.state = edge.exit;
            return Cycles(u64::from(edge.cycles));
        }
        let codes = &self.signatures[signature.0 as usize];
        let Transition { cycles: causes, exit } =
            step_block(&self.config, &entry.block.insns, self.states[state as usize].1, codes, Addr(next));
        let cycles = u64::from(causes.total());
        if self.fidelity == Fidelity::Reference {
            entry.settle(&causes, 1);
            self.set_state(exit);
            return Cycles(cycles);
        }
        if self.edges >= self.most_edges {
            return self.start_anew(code, &causes, exit);
        }
        self.edges += 1;
        let exit = self.intern_state(exit);
        let entry = &mut self.codes[code.index()];
        entry.recent = entry.edges.len();
        entry.edges.push(Edge { state, signature, next, exit, cycles: cycles as u32, count: 1, causes });
        self.state = exit;
        Cycles(cycles)
    }

    /// The table is full: settles what was counted and forgets every transition and state.
    fn start_anew(&mut self, code: CodeId, causes: &CauseCycles, exit: FrontState) -> Cycles {
        for entry in &mut self.codes {
            entry.forget_edges();
        }
        self.codes[code.index()].settle(causes, 1);
        self.edges = 0;
        self.resets += 1;
        self.states.clear();
        self.state_ids.clear();
        self.state = self.intern_state(exit);
        Cycles(u64::from(causes.total()))
    }

    /// What every block has cost so far, in the order in which they were first met.
    pub fn costs(&self) -> impl Iterator<Item = BlockCost<'_>> {
        self.codes.iter().map(|code| {
            let Settled { mut causes, mut executions, mut instructions } = code.settled;
            for edge in &code.edges {
                causes.add(&edge.causes, edge.count);
                executions += edge.count;
                instructions += edge.count * code.block.insns.len() as u64;
            }
            BlockCost { block: &code.block, executions, instructions, causes }
        })
    }

    /// Cycles by cause and instructions executed so far, blocks and what lies outside them together.
    #[must_use]
    pub fn totals(&self) -> (CauseTotals, u64) {
        let mut causes = self.outside;
        let mut instructions = 0;
        for cost in self.costs() {
            causes.merge(&cost.causes);
            instructions += cost.instructions;
        }
        (causes, instructions)
    }

    /// Cycles that belong to no block.
    #[must_use]
    pub fn outside(&self) -> CauseTotals {
        self.outside
    }

    /// How many blocks, transitions and states the table holds, and how often it was full.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize, usize, u32) {
        (self.codes.len(), self.edges, self.states.len(), self.resets)
    }
}
