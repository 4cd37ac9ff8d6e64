//! What it is: the price of every block that runs, remembered: (block, state at entry, operand codes, next block) -> (cycles by cause, state
//! at exit). A transition also remembers which ones followed it, so that a loop, once settled, costs a comparison with one expectation for
//! each block that runs.
//! Source: Schnarr and Larus, "Fast out-of-order processor simulation using memoization" (ASPLOS 1998); DESIGN, "The cycle model".
//! Does not model: anything of its own: `pipeline.rs` gives every price, once (memo) or each time (reference).
//! Tested by: `tests/fidelity.rs`: both ways give equal totals, per cause, on every image and on generated programs.

mod detail;

pub use detail::{Details, InsnCost};

use super::operands::Guards;
use super::{Cause, CauseCycles, Entry, FrontState, OperandCode, Operands, TimingConfig, Transition, step_block};
use crate::isa::Block;
use crate::units::{Addr, Cycles};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

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

/// What begins where a block ends, as far as whoever runs the blocks wants to be told again without looking it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// The block's size in bytes.
    pub size: u32,
    /// The block.
    pub code: CodeId,
    /// Its operand codes, if `tag` does not ask for them to be worked out.
    pub signature: SignatureId,
    /// Whatever else has to be known of it; zero where nothing needs doing.
    pub tag: u8,
}

/// One remembered transition: what is needed whenever it is taken, on one line of the cache. The rest is in [`Priced`].
#[repr(align(64))]
struct Edge {
    /// What begins behind it (see [`arrival`]), with [`BUSY`] if something has to be done about that.
    arrival: u64,
    /// How often it was taken.
    count: u64,
    cycles: u32,
    exit: u32,
    /// The transitions that came after this one, by [`slot`] of where they led. Choosing by address costs no branch that the host could
    /// predict wrong.
    then: [u32; 4],
    ahead: CodeId,
    ahead_signature: SignatureId,
    tag: u8,
    /// What `then` is about, if the codes of what begins have to be evaluated: the block running with these.
    runs_with: SignatureId,
    /// The same transition with a `then` about other codes. Such a copy only counts what comes after it.
    variant: u32,
}

/// What a transition is about.
struct Priced {
    code: CodeId,
    signature: SignatureId,
    causes: CauseCycles,
}

impl Edge {
    fn new(next: u32, cycles: u32, exit: u32, ahead: Ahead) -> Self {
        let mut edge = Edge {
            arrival: u64::from(next),
            count: 0,
            cycles,
            exit,
            then: [NONE; 4],
            ahead: ahead.code,
            ahead_signature: ahead.signature,
            tag: 0,
            runs_with: NO_CODES,
            variant: NONE,
        };
        edge.set_ahead(ahead);
        edge
    }

    fn next(&self) -> u32 {
        self.arrival as u32
    }

    fn ahead(&self) -> Ahead {
        let size = ((self.arrival & !BUSY) >> 32) as u32;
        Ahead { size, code: self.ahead, signature: self.ahead_signature, tag: self.tag }
    }

    fn set_tag(&mut self, tag: u8) {
        self.tag = tag;
        self.arrival = self.arrival & !BUSY | if tag == 0 { 0 } else { BUSY };
    }

    /// What begins behind it is this; nothing is known of what comes after that.
    fn set_ahead(&mut self, ahead: Ahead) {
        (self.ahead, self.ahead_signature) = (ahead.code, ahead.signature);
        self.arrival = arrival(self.next(), ahead.size);
        self.set_tag(ahead.tag);
        (self.then, self.runs_with, self.variant) = ([NONE; 4], NO_CODES, NONE);
    }
}

/// A place in [`Edge::then`] for an address: the golden ratio's fraction spreads neighbours.
#[inline(always)]
fn slot(pc: u32) -> usize {
    (pc.wrapping_mul(0x9e37_79b1) >> 30) as usize
}

/// A block's place and size as one number, to be compared at once.
#[inline(always)]
#[must_use]
pub const fn arrival(pc: u32, size: u32) -> u64 {
    pc as u64 | (size as u64) << 32
}

/// The bit that no size has: the block is not to be gone over lightly.
const BUSY: u64 = 1 << 63;

/// No transition.
const NONE: u32 = u32::MAX;
/// The size of a block that is not there: none was announced behind the transition.
const NOTHING: u32 = 0;

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

/// A hash for keys that nobody chooses with ill intent: multiply and fold, several times faster than the standard one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mixing;

/// See [`Mixing`].
#[derive(Debug)]
pub struct Mixer(u64);

impl BuildHasher for Mixing {
    type Hasher = Mixer;
    fn build_hasher(&self) -> Mixer {
        Mixer(0)
    }
}

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }
    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }
    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }
    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
    fn write_u64(&mut self, value: u64) {
        // The multiplier is the golden ratio's fraction, odd.
        self.0 = (self.0.rotate_left(23) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
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
    #[must_use]
    pub fn recall(&self, code: CodeId, key: u128) -> Option<SignatureId> {
        let lately = &self.codes[code.index()].lately;
        lately.iter().find(|(known, _)| *known == key).map(|(_, signature)| *signature)
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
        let found = self.edges.get(self.cursor as usize)?.then[slot(arrival as u32)];
        let edge = self.edges.get_mut(found as usize)?;
        if edge.arrival & !BUSY != arrival {
            return None;
        }
        edge.count += 1;
        self.cursor = found;
        Some((edge.ahead(), edge.cycles))
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
        if let Some(before) = self.edges.get_mut(self.cursor as usize)
            && before.ahead == code
        {
            before.then[slot(next)] = found;
        }
        let edge = &mut self.edges[found as usize];
        if edge.ahead() != ahead {
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
