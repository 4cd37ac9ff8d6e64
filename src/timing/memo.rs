//! What it is: the price of every block that runs, remembered: (block, state at entry, operand codes, next block) -> (cycles by cause, state
//! at exit). A transition also remembers which ones followed it, so that a loop, once settled, costs a comparison with one expectation for
//! each block that runs.
//! Source: Schnarr and Larus, "Fast out-of-order processor simulation using memoization" (ASPLOS 1998); DESIGN, "The cycle model".
//! Does not model: anything of its own: `pipeline.rs` gives every price, once (memo) or each time (reference).
//! Tested by: `tests/fidelity.rs`: both ways give equal totals, per cause, on every image and on generated programs.

mod detail;
mod edge;
mod hash;

pub use detail::{Details, InsnCost};
pub use edge::{Ahead, arrival};
pub use hash::Mixing;

use super::operands::Guards;
use super::{Cause, CauseCycles, CauseTotals, Entry, FrontState, OperandCode, Operands, TimingConfig, Transition, step_block};
use crate::isa::Block;
use crate::units::{Addr, Cycles};
use edge::{BUSY, Edge, NONE, NOTHING, Priced, slot};
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

/// A sequence of operand codes known to the table: with `FIXED`, those that the block of that number always has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SignatureId(u32);

const FIXED: u32 = 1 << 31;

/// The codes of no block.
pub const NO_CODES: SignatureId = SignatureId(u32::MAX);

/// What a block is made of, and what it has cost so far.
struct Code {
    block: Block,
    operands: Operands,
    /// Signatures that it ran with lately, by their keys (see [`Operands::evaluate`]).
    lately: Vec<(u128, SignatureId)>,
    /// What was counted of transitions that were forgotten.
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
    /// Counts executions that no transition counts.
    fn settle(&mut self, causes: &CauseCycles, times: u64) {
        self.settled.causes.add(causes, times);
        self.settled.executions += times;
        self.settled.instructions += times * self.block.insns.len() as u64;
    }
}

/// How many transitions are kept before the table starts anew, unless [`Prices::limit_table`] says otherwise; each takes some 150 bytes
/// with its state and signature. Firmware that never settles costs time, not memory.
const MOST_EDGES: usize = 200_000;

/// The prices of all blocks of a run, and what they add up to.
pub struct Prices {
    fidelity: Fidelity,
    config: TimingConfig,
    codes: Vec<Code>,
    /// What tells a block's signature without evaluating it.
    guards: Guards,
    edges: Vec<Edge>,
    /// What each edge is about.
    priced: Vec<Priced>,
    /// The edges by block, state, signature and next block.
    index: HashMap<(CodeId, u32, SignatureId, u32), u32, Mixing>,
    most_edges: usize,
    /// The edge that was taken last, if what it told of runs: what is expected is behind it.
    cursor: u32,
    /// Else the edge that was taken last; `NONE` if something came in between.
    taken: u32,
    /// The distinct states met, each with the settings it was met under.
    states: Vec<(TimingConfig, FrontState)>,
    state_ids: HashMap<(TimingConfig, FrontState), u32, Mixing>,
    state: u32,
    /// The state, where none is remembered.
    front: FrontState,
    signatures: Vec<Box<[OperandCode]>>,
    signature_ids: HashMap<Box<[OperandCode]>, SignatureId, Mixing>,
    /// Cycles that belong to no block: exceptions, sleep, waiting for flash that is programmed.
    outside: CauseTotals,
    /// Of these, the last.
    flash_busy: u64,
    resets: u32,
    /// Details of what is remembered no more, if somebody wants them.
    kept: Option<Box<Details>>,
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
            guards: Guards::default(),
            edges: Vec::new(),
            priced: Vec::new(),
            index: HashMap::default(),
            most_edges: MOST_EDGES,
            cursor: NONE,
            taken: NONE,
            states: Vec::new(),
            state_ids: HashMap::default(),
            state: 0,
            front: FrontState::reset(),
            signatures: Vec::new(),
            signature_ids: HashMap::default(),
            outside: CauseTotals::default(),
            flash_busy: 0,
            resets: 0,
            kept: None,
        };
        prices.set_state(FrontState::reset());
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

    /// The signature of a block that is about to run, if what decides it is as it was lately.
    #[inline]
    pub fn guarded(&self, code: CodeId, entry: &impl Entry) -> Option<SignatureId> {
        self.guards.signature(code, entry)
    }

    /// From now on that is its signature whenever what decides it is as it is now.
    #[inline(never)]
    pub fn guard(&mut self, code: CodeId, entry: &impl Entry, signature: SignatureId) {
        if let Some(recipe) = self.codes[code.index()].operands.recipe() {
            self.guards.learn(code, recipe, entry, signature);
        }
    }

    /// The signature behind a key, if the block ran with it lately (see [`Operands::evaluate`]).
    pub fn recall(&mut self, code: CodeId, key: u128) -> Option<SignatureId> {
        let lately = &mut self.codes[code.index()].lately;
        let place = lately.iter().position(|(known, _)| *known == key)?;
        lately.swap(0, place);
        lately.first().map(|(_, signature)| *signature)
    }

    /// The block ran with this signature, whose key is this.
    pub fn learn(&mut self, code: CodeId, key: u128, signature: SignatureId) {
        const MOST: usize = 16;
        let lately = &mut self.codes[code.index()].lately;
        lately.truncate(MOST - 1);
        lately.insert(0, (key, signature));
    }

    /// The codes behind a number.
    #[must_use]
    pub fn codes_of(&self, signature: SignatureId) -> &[OperandCode] {
        if signature.0 & FIXED != 0 {
            self.codes[(signature.0 & !FIXED) as usize].operands.fixed()
        } else {
            &self.signatures[signature.0 as usize]
        }
    }

    /// Adds a block; `rom` reads flash (see [`Operands::of`]).
    pub fn add(&mut self, block: Block, rom: impl Fn(u32, u8) -> Option<u32>) -> CodeId {
        let code = CodeId(self.codes.len() as u32);
        let operands = Operands::of(&block, rom);
        self.codes.push(Code { block, operands, lately: Vec::new(), settled: Settled::default() });
        code
    }

    /// Puts another block in the place of one whose code was rewritten; what that has cost stays with the place.
    pub fn replace(&mut self, code: CodeId, block: Block, rom: impl Fn(u32, u8) -> Option<u32>) {
        self.forget();
        let operands = Operands::of(&block, rom);
        self.guards.forget(code);
        let old = &mut self.codes[code.index()];
        *old = Code { block, operands, lately: Vec::new(), settled: old.settled };
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
        SignatureId(code.0 | FIXED)
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
        self.set_state(state);
    }

    /// Goes back to settings and a front end that were in force once; what has been counted stays.
    pub fn rewind(&mut self, config: TimingConfig, state: FrontState) {
        self.config = config;
        self.set_state(state);
    }

    /// The front end between two blocks.
    #[must_use]
    pub fn state(&self) -> FrontState {
        match self.fidelity {
            Fidelity::Memo => self.states[self.state_id() as usize].1,
            Fidelity::Reference => self.front,
        }
    }

    /// The edge that was taken last; none if something came in between.
    fn last(&self) -> usize {
        (if self.cursor == NONE { self.taken } else { self.cursor }) as usize
    }

    /// The present state's number: what the edge taken last leads to, or what was set since.
    fn state_id(&self) -> u32 {
        self.edges.get(self.last()).map_or(self.state, |edge| edge.exit)
    }

    /// Sets the front end's state, as an exception does.
    pub fn set_state(&mut self, state: FrontState) {
        (self.cursor, self.taken) = (NONE, NONE);
        match self.fidelity {
            Fidelity::Memo => self.state = self.intern_state(state),
            Fidelity::Reference => self.front = state,
        }
    }

    /// It is not what was told that runs: nothing is expected of it, and it teaches nothing.
    pub fn expect_nothing(&mut self) {
        self.taken = self.last() as u32;
        self.cursor = NONE;
    }

    /// Books cycles that belong to no block.
    pub fn book(&mut self, cause: Cause, cycles: Cycles) {
        self.outside.0[cause as usize] += cycles.0;
        if cause == Cause::FlashFetch {
            self.flash_busy += cycles.0;
        }
    }

    /// Books a sequence that belongs to no block, and takes over the state behind it.
    pub fn apply(&mut self, transition: &Transition) -> Cycles {
        self.outside.add(&transition.cycles, 1);
        self.set_state(transition.exit);
        Cycles(u64::from(transition.cycles.total()))
    }

    /// The block that ran last, and its operand codes, if nothing has come in between.
    #[must_use]
    pub fn before(&self) -> Option<(CodeId, SignatureId)> {
        self.priced.get(self.last()).map(|priced| (priced.code, priced.signature))
    }

    /// What was said to begin behind the transition that was taken last: where, and what.
    #[must_use]
    pub fn told(&self) -> Option<(u32, Ahead)> {
        self.edges.get(self.last()).map(|edge| (edge.next(), edge.ahead()))
    }

    /// Prices one execution of the running block, which has just ended, if it did what it was expected to do and what begins now (see
    /// [`arrival`]) asks for nothing; says what it cost. Otherwise nothing has happened, and it is [`Prices::follow_any`]'s turn.
    #[inline(always)]
    pub fn follow(&mut self, arrival: u64) -> Option<u32> {
        let found = self.edges.get(self.cursor as usize)?.then[slot(arrival as u32)];
        let edge = self.edges.get_mut(found as usize)?;
        if edge.arrival != arrival {
            return None;
        }
        edge.count += 1;
        self.cursor = found;
        Some(edge.cycles)
    }

    /// The same whatever begins now; says what that is too, for [`Prices::aim`] if its codes are not known. Otherwise it is
    /// [`Prices::leave`]'s turn.
    #[inline]
    pub fn follow_any(&mut self, arrival: u64) -> Option<(Ahead, u32)> {
        let (then, place) = (self.edges.get(self.cursor as usize)?.then, slot(arrival as u32));
        let leads_there = |found: &u32| self.edges.get(*found as usize).is_some_and(|edge| edge.arrival & !BUSY == arrival);
        let found = [then[place], then[place ^ 1]].into_iter().find(leads_there)?;
        let edge = self.edges.get_mut(found as usize)?;
        edge.count += 1;
        self.cursor = found;
        Some((edge.ahead(), edge.cycles))
    }

    /// The block that was told of last runs with these codes, which had to be evaluated: if what ran before decides them, they are told with
    /// it from now on, and the tag loses `evaluated`. Whether that is so.
    #[inline]
    pub fn decide(&mut self, signature: SignatureId, evaluated: u8) -> bool {
        let Some(edge) = self.edges.get_mut(self.cursor as usize) else { return false };
        if edge.decides == Some(false) {
            return false;
        }
        let about = self.priced[self.cursor as usize].code;
        let decides = self.codes[about.index()].operands.decide(&self.codes[edge.ahead.index()].operands);
        edge.decides = Some(decides);
        if decides {
            edge.ahead_signature = signature;
            edge.decided |= edge.tag & evaluated;
            edge.set_tag(edge.tag & !evaluated);
        }
        decides
    }

    /// The block that was told of last runs with these codes.
    #[inline]
    pub fn aim(&mut self, signature: SignatureId) {
        let Some(edge) = self.edges.get_mut(self.cursor as usize) else { return };
        if edge.runs_with == NO_CODES {
            edge.runs_with = signature;
        }
        if edge.runs_with != signature {
            self.aim_at_variant(signature);
        }
    }

    #[inline(never)]
    fn aim_at_variant(&mut self, signature: SignatureId) {
        /// How far to look for one.
        const MOST: usize = 16;
        let first = self.cursor as usize;
        let mut at = self.edges[first].variant;
        for _ in 0..MOST {
            let Some(edge) = self.edges.get(at as usize) else { break };
            if edge.runs_with == signature {
                self.cursor = at;
                return;
            }
            at = edge.variant;
        }
        if at != NONE || self.edges.len() >= self.most_edges {
            return self.expect_nothing();
        }
        let edge = &mut self.edges[first];
        let mut variant = Edge::new(edge.next(), edge.cycles, edge.exit, edge.ahead());
        (variant.runs_with, variant.variant) = (signature, edge.variant);
        let Priced { code, signature, .. } = self.priced[first];
        self.cursor = self.edges.len() as u32;
        self.edges[first].variant = self.cursor;
        self.edges.push(variant);
        self.priced.push(Priced { code, signature, causes: CauseCycles::default() });
    }

    /// Prices one execution of a block that has just ended and was followed by `next`; what begins there is told again by
    /// [`Prices::follow_any`] the next time.
    pub fn leave(&mut self, code: CodeId, signature: SignatureId, next: u32, ahead: Option<Ahead>) -> Cycles {
        if self.fidelity == Fidelity::Reference {
            let Transition { cycles, exit } = self.step(code, signature, self.front, next);
            self.codes[code.index()].settle(&cycles, 1);
            self.keep_one(code, &detail::Execution { config: self.config, state: self.front, signature, next });
            self.front = exit;
            if self.signatures.len() >= self.most_edges {
                self.forget();
            }
            return Cycles(u64::from(cycles.total()));
        }
        let state = self.state_id();
        let key = (code, state, signature, next);
        let ahead = ahead.unwrap_or(Ahead { size: NOTHING, code, signature, tag: 0 });
        let found = match self.index.get(&key) {
            Some(found) => *found,
            None => {
                let Transition { cycles: causes, exit } = self.step(code, signature, self.states[state as usize].1, next);
                let cycles = causes.total();
                if self.edges.len() >= self.most_edges {
                    self.codes[code.index()].settle(&causes, 1);
                    let (config, state) = self.states[state as usize];
                    self.keep_one(code, &detail::Execution { config, state, signature, next });
                    self.forget();
                    self.set_state(exit);
                    return Cycles(u64::from(cycles));
                }
                let (exit, found) = (self.intern_state(exit), self.edges.len() as u32);
                self.edges.push(Edge::new(next, cycles, exit, ahead));
                self.priced.push(Priced { code, signature, causes });
                self.index.insert(key, found);
                found
            }
        };
        if let Some(before) = self.edges.get(self.cursor as usize)
            && before.ahead == code
        {
            let place = slot(next);
            let taken = self.edges.get(before.then[place] as usize).is_some_and(|edge| edge.next() != next);
            self.edges[self.cursor as usize].then[place ^ usize::from(taken)] = found;
        }
        let edge = &mut self.edges[found as usize];
        if edge.ahead() != ahead && !edge.has_decided(ahead) {
            // What begins there is another block now, or is to be treated in another way.
            edge.set_ahead(ahead);
        }
        edge.count += 1;
        self.cursor = found;
        Cycles(u64::from(edge.cycles))
    }

    fn step(&self, code: CodeId, signature: SignatureId, state: FrontState, next: u32) -> Transition {
        step_block(&self.config, &self.codes[code.index()].block.insns, state, self.codes_of(signature), Addr(next))
    }

    /// From now on more has to be known of a block when it begins.
    pub fn mark(&mut self, code: CodeId, tag: u8) {
        for edge in self.edges.iter_mut().filter(|edge| edge.ahead == code) {
            edge.set_tag(edge.tag | tag);
        }
    }

    /// From now on that has to be known of each block when it begins, and nothing is decided by what ran before.
    pub fn retag(&mut self, tag: impl Fn(CodeId) -> u8, kept: u8) {
        for edge in &mut self.edges {
            (edge.decides, edge.decided) = (Some(false), 0);
            edge.set_tag(edge.tag & kept | tag(edge.ahead));
        }
    }

    /// Settles what was counted and forgets every transition, state and signature. The present state stays.
    pub fn forget(&mut self) {
        let state = self.state();
        self.keep_remembered();
        for (edge, priced) in self.edges.drain(..).zip(self.priced.drain(..)) {
            self.codes[priced.code.index()].settle(&priced.causes, edge.count);
        }
        self.codes.iter_mut().for_each(|code| code.lately.clear());
        self.guards.clear();
        self.index.clear();
        self.states.clear();
        self.state_ids.clear();
        self.signatures.clear();
        self.signature_ids.clear();
        self.resets += 1;
        self.set_state(state);
    }

    /// What every block has cost so far, in the order in which they were first met.
    pub fn costs(&self) -> impl Iterator<Item = BlockCost<'_>> {
        let mut costs: Vec<Settled> = self.codes.iter().map(|code| code.settled).collect();
        for (edge, Priced { code, causes, .. }) in self.edges.iter().zip(&self.priced) {
            let cost = &mut costs[code.index()];
            cost.causes.add(causes, edge.count);
            cost.executions += edge.count;
            cost.instructions += edge.count * self.codes[code.index()].block.insns.len() as u64;
        }
        self.codes.iter().zip(costs).map(|(code, cost)| BlockCost {
            block: &code.block,
            executions: cost.executions,
            instructions: cost.instructions,
            causes: cost.causes,
        })
    }

    /// Cycles by cause and instructions executed so far, blocks and what lies outside them together.
    #[must_use]
    pub fn totals(&self) -> (CauseTotals, u64) {
        let mut causes = self.outside;
        let mut instructions = 0;
        for code in &self.codes {
            causes.merge(&code.settled.causes);
            instructions += code.settled.instructions;
        }
        for (edge, priced) in self.edges.iter().zip(&self.priced) {
            causes.add(&priced.causes, edge.count);
            instructions += edge.count * self.codes[priced.code.index()].block.insns.len() as u64;
        }
        (causes, instructions)
    }

    /// Of [`Prices::outside`], the cycles for which the core waited for a flash that was being programmed or erased; their cause is
    /// [`Cause::FlashFetch`], which exception sequences have, too.
    #[must_use]
    pub fn flash_busy(&self) -> u64 {
        self.flash_busy
    }

    /// Cycles that belong to no block.
    #[must_use]
    pub fn outside(&self) -> CauseTotals {
        self.outside
    }

    /// How often everything was forgotten, all signatures included.
    #[must_use]
    pub fn resets(&self) -> u32 {
        self.resets
    }

    /// How many blocks, transitions and states the table holds, and how often it was full or emptied because code was rewritten.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize, usize, u32) {
        (self.codes.len(), self.edges.len(), self.states.len(), self.resets)
    }
}
