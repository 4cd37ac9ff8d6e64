//! What it is: the price of every block that runs, remembered: (block, state at entry, operand codes, next block) -> (cycles by cause, state
//! at exit). A transition also remembers which ones followed it, so that a loop, once settled, costs a comparison with one expectation for
//! each block that runs.
//! Source: Schnarr and Larus, "Fast out-of-order processor simulation using memoization" (ASPLOS 1998); DESIGN, "The cycle model".
//! Does not model: anything of its own: `pipeline.rs` gives every price, once (memo) or each time (reference).
//! Tested by: `tests/fidelity.rs`: both ways give equal totals, per cause, on every image and on generated programs.

mod detail;

pub use detail::{Details, InsnCost};

use super::{Cause, CauseCycles, FrontState, OperandCode, Operands, TimingConfig, Transition, step_block};
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

/// A sequence of operand codes known to the table: with [`FIXED`], those that the block of that number always has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SignatureId(u32);

const FIXED: u32 = 1 << 31;

/// The codes of no block.
pub const NO_CODES: SignatureId = SignatureId(u32::MAX);

/// What a block is made of, and what it has cost so far.
struct Code {
    block: Block,
    operands: Operands,
    /// Signatures that it ran with lately, by their keys (see [`Operands::evaluate`]), the latest first.
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

/// One remembered transition. The parts that cost time when they are spread over memory, on one line of the cache; its causes are kept
/// apart.
#[repr(align(64))]
struct Edge {
    next: u32,
    signature: SignatureId,
    cycles: u32,
    exit: u32,
    ahead: Ahead,
    /// The transitions that came after this one, the latest first.
    then: [u32; 2],
    count: u64,
    code: CodeId,
}

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
    edges: Vec<Edge>,
    /// The cycles of each edge.
    causes: Vec<CauseCycles>,
    /// The edges by block, state, signature and next block.
    index: HashMap<(CodeId, u32, SignatureId, u32), u32, Mixing>,
    most_edges: usize,
    /// The edge that is expected to be taken next.
    guess: u32,
    /// The edge that was taken last; `NONE` if something came in between.
    taken: u32,
    /// The distinct states met, each with the settings it was met under.
    states: Vec<(TimingConfig, FrontState)>,
    state_ids: HashMap<(TimingConfig, FrontState), u32>,
    state: u32,
    /// The state, where none is remembered.
    front: FrontState,
    signatures: Vec<Box<[OperandCode]>>,
    signature_ids: HashMap<Box<[OperandCode]>, SignatureId, Mixing>,
    /// Cycles that belong to no block: exceptions and sleep.
    outside: CauseTotals,
    resets: u32,
    /// Details of what is remembered no more, if somebody wants them.
    kept: Option<Box<Details>>,
}

/// A hash for keys that nobody chooses with ill intent: multiply and fold, several times faster than the standard one.
#[derive(Clone, Copy, Default)]
struct Mixing;

/// See [`Mixing`].
struct Mixer(u64);

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
            edges: Vec::new(),
            causes: Vec::new(),
            index: HashMap::default(),
            most_edges: MOST_EDGES,
            guess: NONE,
            taken: NONE,
            states: Vec::new(),
            state_ids: HashMap::new(),
            state: 0,
            front: FrontState::reset(),
            signatures: Vec::new(),
            signature_ids: HashMap::default(),
            outside: CauseTotals::default(),
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

    /// The signature behind a key, if the block ran with it lately (see [`Operands::evaluate`]).
    #[inline]
    pub fn recall(&mut self, code: CodeId, key: u128) -> Option<SignatureId> {
        let lately = &mut self.codes[code.index()].lately;
        if let Some((latest, signature)) = lately.first()
            && *latest == key
        {
            return Some(*signature);
        }
        let found = lately.iter().position(|(known, _)| *known == key)?;
        lately.swap(0, found);
        Some(lately[0].1)
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
        self.start_anew();
        let operands = Operands::of(&block, rom);
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

    /// The present state's number: what the edge taken last leads to, or what was set since.
    fn state_id(&self) -> u32 {
        self.edges.get(self.taken as usize).map_or(self.state, |edge| edge.exit)
    }

    /// Sets the front end's state, as an exception does.
    pub fn set_state(&mut self, state: FrontState) {
        (self.guess, self.taken) = (NONE, NONE);
        match self.fidelity {
            Fidelity::Memo => self.state = self.intern_state(state),
            Fidelity::Reference => self.front = state,
        }
    }

    /// What was expected next may not come: it is not what was told that runs.
    pub fn expect_nothing(&mut self) {
        self.guess = NONE;
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

    /// The block that ran last, and its operand codes, if nothing has come in between.
    #[must_use]
    pub fn before(&self) -> Option<(CodeId, SignatureId)> {
        self.edges.get(self.taken as usize).map(|edge| (edge.code, edge.signature))
    }

    /// The block that [`Prices::follow`] has told of last: where it is, and what was told.
    #[must_use]
    pub fn told(&self) -> Option<(u32, Ahead)> {
        self.edges.get(self.taken as usize).map(|edge| (edge.next, edge.ahead))
    }

    /// Prices one execution of the running block, which has just ended, if it did what it was expected to do: it ran with these operand
    /// codes, and a block of `size` bytes at `next` follows it. Says what begins and what the execution cost. Otherwise nothing has
    /// happened, and it is [`Prices::leave`]'s turn.
    #[inline]
    pub fn follow(&mut self, signature: SignatureId, next: u32, size: u32) -> Option<(SignatureId, u8, Cycles)> {
        let expected = |edge: &Edge| edge.next == next && edge.ahead.size == size && edge.signature == signature;
        if !self.edges.get(self.guess as usize).is_some_and(expected) {
            self.guess = self.other_guess(expected)?;
        }
        let edge = self.edges.get_mut(self.guess as usize)?;
        edge.count += 1;
        self.taken = self.guess;
        self.guess = edge.then[0];
        Some((edge.ahead.signature, edge.ahead.tag, Cycles(u64::from(edge.cycles))))
    }

    #[inline]
    fn other_guess(&self, expected: impl Fn(&Edge) -> bool) -> Option<u32> {
        // Without a first guess there is no second one: the running block is not the one that was told.
        self.edges.get(self.guess as usize)?;
        let other = self.edges.get(self.taken as usize)?.then[1];
        self.edges.get(other as usize).is_some_and(expected).then_some(other)
    }

    /// Prices one execution of a block that has just ended and was followed by `next`; what begins there is told again by
    /// [`Prices::follow`] the next time.
    pub fn leave(&mut self, code: CodeId, signature: SignatureId, next: u32, ahead: Option<Ahead>) -> Cycles {
        if self.fidelity == Fidelity::Reference {
            let Transition { cycles, exit } = self.step(code, signature, self.front, next);
            self.codes[code.index()].settle(&cycles, 1);
            self.keep_one(code, &detail::Execution { config: self.config, state: self.front, signature, next });
            self.front = exit;
            if self.signatures.len() >= self.most_edges {
                self.start_anew();
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
                    self.start_anew();
                    self.set_state(exit);
                    return Cycles(u64::from(cycles));
                }
                let (exit, found) = (self.intern_state(exit), self.edges.len() as u32);
                self.edges.push(Edge { next, signature, cycles, exit, ahead, then: [NONE; 2], count: 0, code });
                self.causes.push(causes);
                self.index.insert(key, found);
                found
            }
        };
        if let Some(before) = self.edges.get_mut(self.taken as usize)
            && before.ahead.code == code
            && before.ahead.size != NOTHING
            && before.then[0] != found
        {
            before.then = [found, before.then[0]];
        }
        let edge = &mut self.edges[found as usize];
        if edge.ahead != ahead {
            // What begins there is another block now, or is to be treated in another way.
            (edge.ahead, edge.then) = (ahead, [NONE; 2]);
        }
        edge.count += 1;
        self.taken = found;
        self.guess = edge.then[0];
        Cycles(u64::from(edge.cycles))
    }

    fn step(&self, code: CodeId, signature: SignatureId, state: FrontState, next: u32) -> Transition {
        step_block(&self.config, &self.codes[code.index()].block.insns, state, self.codes_of(signature), Addr(next))
    }

    /// From now on more has to be known of a block when it begins.
    pub fn mark(&mut self, code: CodeId, tag: u8) {
        for edge in self.edges.iter_mut().filter(|edge| edge.ahead.code == code) {
            edge.ahead.tag |= tag;
        }
    }

    /// Settles what was counted and forgets every transition, state and signature. The present state stays.
    fn start_anew(&mut self) {
        let state = self.state();
        self.keep_remembered();
        for (edge, causes) in self.edges.drain(..).zip(self.causes.drain(..)) {
            self.codes[edge.code.index()].settle(&causes, edge.count);
        }
        for code in &mut self.codes {
            code.lately.clear();
        }
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
        for (edge, causes) in self.edges.iter().zip(&self.causes) {
            let cost = &mut costs[edge.code.index()];
            cost.causes.add(causes, edge.count);
            cost.executions += edge.count;
            cost.instructions += edge.count * self.codes[edge.code.index()].block.insns.len() as u64;
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
        for (edge, cycles) in self.edges.iter().zip(&self.causes) {
            causes.add(cycles, edge.count);
            instructions += edge.count * self.codes[edge.code.index()].block.insns.len() as u64;
        }
        (causes, instructions)
    }

    /// Cycles that belong to no block.
    #[must_use]
    pub fn outside(&self) -> CauseTotals {
        self.outside
    }

    /// How many blocks, transitions and states the table holds, and how often it was full or emptied because code was rewritten.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize, usize, u32) {
        (self.codes.len(), self.edges.len(), self.states.len(), self.resets)
    }
}
