//! What it is: the conditions under which a block's operand codes are what they were the last time: a few sums of registers, or words of memory
//! that the block loads its pointers from, each in a range. Comparing takes a fraction of the time that evaluating the block does.
//! Source: our own; a code depends on an address's region and lowest two bits, and on which factors of a long multiply fit 16 bits.
//! Does not model: conditional instructions, divisions, addresses that are anything else: such blocks are evaluated whenever they run.
//! Tested by: `tests/operands.rs` and `tests/fidelity.rs`, which compare with codes evaluated each time.

use super::build::Build;
use super::{At, Entry, Kind, Linear, NO_REG, Need, Node, Value};
use crate::isa::Op;
use crate::timing::{CodeId, Region, SignatureId};
use crate::units::Addr;

/// What is compared, in terms of the block's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Term {
    /// `a + b * times`; `b` may be [`NO_REG`].
    Sum { a: u8, b: u8, times: u32 },
    /// The word at `a + offset`, which nothing in the block writes before it is loaded.
    Loaded { a: u8, offset: u32 },
}

/// A term plus a constant plus something between zero and `slack`, which is a multiple of `step`.
#[derive(Clone, Copy, Debug)]
struct Placed {
    term: Term,
    add: u32,
    slack: u32,
    step: u32,
}

/// What decides codes of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watched {
    /// The region of addresses, the least and the largest of which are so far above the term, and their lowest two bits if `aligned`.
    Addresses { term: Term, least: i32, largest: i32, aligned: bool },
    /// Whether the term plus this fits 16 bits.
    Factor { term: Term, add: u32, signed: bool },
}

/// How far from its term an address may lie: less than any region's size.
const FARTHEST: u32 = 1 << 15;
/// The most that one guard compares.
const MOST: usize = 8;
/// The most factors among that: what they are comes in all combinations, and to evaluate is then faster than to try many guards.
const MOST_FACTORS: usize = 2;
/// The most guards that one block has.
const MOST_OF_A_BLOCK: usize = 16;

/// What decides all of a block's codes.
#[derive(Clone, Debug)]
pub(in crate::timing) struct Recipe(Vec<Watched>);

impl Recipe {
    /// `None` if they depend on something that has no such form.
    pub(super) fn of<R: Fn(u32, u8) -> Option<u32>>(build: &Build<R>) -> Option<Self> {
        let mut recipe = Recipe(Vec::new());
        for need in &build.needs {
            recipe.add(build, need)?;
        }
        let factors = recipe.0.iter().filter(|watched| matches!(watched, Watched::Factor { .. })).count();
        (recipe.0.len() <= MOST && factors <= MOST_FACTORS).then_some(recipe)
    }

    fn add<R: Fn(u32, u8) -> Option<u32>>(&mut self, build: &Build<R>, need: &Need) -> Option<()> {
        if need.outcome.is_some() {
            return None;
        }
        match need.kind {
            Kind::Address { at, bytes } => {
                let placed = build.placed(at)?;
                let aligned = bytes > 1;
                let (least, slack) = (placed.add as i32, placed.slack);
                let near = least.unsigned_abs() <= FARTHEST && slack <= FARTHEST;
                if !near || (aligned && placed.step % u32::from(bytes) != 0) {
                    return None;
                }
                self.add_address(placed.term, least, least + slack as i32, aligned);
            }
            Kind::LongMultiply { factors, signed } => {
                for factor in factors {
                    if matches!(factor, Value::Linear(Linear { a: NO_REG, b: NO_REG, .. })) {
                        continue;
                    }
                    let placed = build.placed(factor).filter(|placed| placed.slack == 0)?;
                    let factor = Watched::Factor { term: placed.term, add: placed.add, signed };
                    if !self.0.contains(&factor) {
                        self.0.push(factor);
                    }
                }
            }
            Kind::Divide { .. } | Kind::OutcomeOnly { .. } => return None,
        }
        Some(())
    }

    fn add_address(&mut self, new: Term, from: i32, to: i32, is_aligned: bool) {
        for watched in &mut self.0 {
            if let Watched::Addresses { term, least, largest, aligned } = watched
                && *term == new
            {
                (*least, *largest, *aligned) = ((*least).min(from), (*largest).max(to), *aligned || is_aligned);
                return;
            }
        }
        self.0.push(Watched::Addresses { term: new, least: from, largest: to, aligned: is_aligned });
    }

    /// The ranges in which the terms are now; `None` if the addresses around one are not all in one region.
    fn ranges(&self, entry: &impl Entry) -> Option<Vec<Range>> {
        self.0.iter().map(|watched| watched.range(entry)).collect()
    }
}

impl<R: Fn(u32, u8) -> Option<u32>> Build<R> {
    fn placed(&self, value: Value) -> Option<Placed> {
        match value {
            Value::Linear(Linear { a, b, times, add }) if a != NO_REG => {
                Some(Placed { term: Term::Sum { a, b, times }, add, slack: 0, step: 4 })
            }
            Value::Linear(_) => None,
            Value::Node(at) => self.placed_node(at),
        }
    }

    fn placed_node(&self, at: At) -> Option<Placed> {
        match *self.nodes.get(usize::from(at))? {
            Node::Load { address, bytes: 4, first, last, .. } if first == last => match self.value(address) {
                Value::Linear(Linear { a, b: NO_REG, add: offset, .. }) if a != NO_REG => {
                    Some(Placed { term: Term::Loaded { a, offset }, add: 0, slack: 0, step: 4 })
                }
                _ => None,
            },
            Node::Apply { op: Op::Add, operands: [x, y, _] } => {
                let sum = |place: At, other: At| {
                    let placed = self.placed(self.value(place))?;
                    let (bound, step) = self.bound(other)?;
                    let slack = placed.slack.checked_add(bound)?;
                    Some(Placed { slack, step: placed.step.min(step), ..placed })
                };
                let moved = |place: At, by: At| {
                    let Some(Node::Const(by)) = self.nodes.get(usize::from(by)) else { return None };
                    let placed = self.placed(self.value(place))?;
                    Some(Placed { add: placed.add.wrapping_add(*by), ..placed })
                };
                moved(x, y).or_else(|| sum(x, y)).or_else(|| sum(y, x))
            }
            _ => None,
        }
    }

    /// The largest value that a node can have, and a power of two up to 4 that divides it whatever it is.
    fn bound(&self, at: At) -> Option<(u32, u32)> {
        let constant = |at: At| match self.nodes.get(usize::from(at)) {
            Some(Node::Const(value)) => Some(*value),
            _ => None,
        };
        match *self.nodes.get(usize::from(at))? {
            Node::Load { bytes: bytes @ (1 | 2), signed: false, .. } => Some(((1 << (8 * bytes)) - 1, 1)),
            Node::Apply { op, operands: [x, y, z] } => match op {
                Op::And => constant(y).map(|mask| (mask, 1 << mask.trailing_zeros().min(2))),
                Op::ShiftRight => constant(y).filter(|by| (1..32).contains(by)).map(|by| (u32::MAX >> by, 1)),
                Op::Extract => constant(z).filter(|width| (1..32).contains(width)).map(|width| ((1 << width) - 1, 1)),
                Op::ShiftLeft => {
                    let (by, (bound, step)) = (constant(y).filter(|by| *by < 16)?, self.bound(x)?);
                    Some((u32::try_from(u64::from(bound) << by).ok()?, (step << by).min(4)))
                }
                _ => None,
            },
            _ => None,
        }
    }
}

impl Watched {
    fn range(self, entry: &impl Entry) -> Option<Range> {
        match self {
            Watched::Addresses { term, least, largest, aligned } => {
                let value = term.value(entry)?;
                let (first, last) = Region::around(Addr(value.wrapping_add(least as u32)));
                // All offsets are below 64 KiB, so that neither sum can go around.
                let reach = largest.wrapping_sub(least) as u32;
                if last - first < reach || value.wrapping_add(largest as u32).wrapping_sub(first) > last - first {
                    return None;
                }
                let from = first.wrapping_sub(least as u32);
                let size = u64::from(last - first - reach) + 1;
                let (skip, turn) = if aligned { (value.wrapping_sub(from) & 3, 2) } else { (0, 0) };
                let count = size.saturating_sub(u64::from(skip)).div_ceil(1 << turn);
                Some(Range::new(term, turn, from.wrapping_add(skip), u32::try_from(count).ok()?))
            }
            Watched::Factor { term, add, signed } => {
                let value = term.value(entry)?.wrapping_add(add);
                let first = if signed { 0u32.wrapping_sub(0x8000) } else { 0 };
                let narrow = value.wrapping_sub(first) < 0x1_0000;
                let (first, count) = if narrow { (first, 0x1_0000) } else { (first.wrapping_add(0x1_0000), 0xffff_0000) };
                Some(Range::new(term, 0, first.wrapping_sub(add), count))
            }
        }
    }
}

impl Term {
    fn value(self, entry: &impl Entry) -> Option<u32> {
        match self {
            Term::Sum { a, b: NO_REG, .. } => Some(entry.reg(a)),
            Term::Sum { a, b, times } => Some(entry.reg(a).wrapping_add(entry.reg(b).wrapping_mul(times))),
            Term::Loaded { a, offset } => entry.word(entry.reg(a).wrapping_add(offset)),
        }
    }
}

/// `((a + b * times) - from) rotated right by turn < count`, or the same of the word at `a + offset`. Turned by two, every value whose lowest two bits are not those of `from` is far too large.
#[derive(Clone, Copy, Debug)]
struct Range {
    a: u8,
    b: u8,
    turn: u8,
    is_loaded: bool,
    /// The factor, or the offset.
    times: u32,
    from: u32,
    count: u32,
}

impl Range {
    fn new(term: Term, turn: u8, from: u32, count: u32) -> Self {
        match term {
            Term::Sum { a, b: NO_REG, .. } => Range { a, b: a, turn, is_loaded: false, times: 0, from, count },
            Term::Sum { a, b, times } => Range { a, b, turn, is_loaded: false, times, from, count },
            Term::Loaded { a, offset } => Range { a, b: a, turn, is_loaded: true, times: offset, from, count },
        }
    }

    #[inline(always)]
    fn holds(&self, entry: &impl Entry) -> bool {
        let value = if self.is_loaded {
            let Some(word) = entry.word(entry.reg(self.a).wrapping_add(self.times)) else { return false };
            word
        } else {
            entry.reg(self.a).wrapping_add(entry.reg(self.b).wrapping_mul(self.times))
        };
        value.wrapping_sub(self.from).rotate_right(u32::from(self.turn)) < self.count
    }
}

/// Ranges that lead to a signature: `first .. first + count` of [`Guards::ranges`].
#[derive(Clone, Copy, Debug)]
struct Guard {
    first: u32,
    count: u32,
    signature: SignatureId,
    /// The block's next guard.
    next: u32,
}

const NONE: u32 = u32::MAX;

/// The guards of all blocks.
#[derive(Debug, Default)]
pub(in crate::timing) struct Guards {
    /// The first guard of each block, by its number.
    heads: Vec<u32>,
    guards: Vec<Guard>,
    ranges: Vec<Range>,
}

impl Guards {
    /// The signature that a block has now, if one of its guards tells.
    #[inline]
    pub fn signature(&self, code: CodeId, entry: &impl Entry) -> Option<SignatureId> {
        let mut at = *self.heads.get(code.index())?;
        while let Some(guard) = self.guards.get(at as usize) {
            let ranges = self.ranges.get(guard.first as usize..(guard.first + guard.count) as usize)?;
            if ranges.iter().all(|range| range.holds(entry)) {
                return Some(guard.signature);
            }
            at = guard.next;
        }
        None
    }

    /// From now on that signature is known by what holds now.
    pub fn learn(&mut self, code: CodeId, recipe: &Recipe, entry: &impl Entry, signature: SignatureId) {
        if self.heads.len() <= code.index() {
            self.heads.resize(code.index() + 1, NONE);
        }
        let Some(ranges) = recipe.ranges(entry) else { return };
        let (mut at, mut last, mut count) = (self.heads[code.index()], NONE, 0);
        while let Some(guard) = self.guards.get(at as usize) {
            (last, at, count) = (at, guard.next, count + 1);
        }
        if count >= MOST_OF_A_BLOCK {
            return;
        }
        let (new, first) = (self.guards.len() as u32, self.ranges.len() as u32);
        self.guards.push(Guard { first, count: ranges.len() as u32, signature, next: NONE });
        self.ranges.extend(ranges);
        match self.guards.get_mut(last as usize) {
            Some(guard) => guard.next = new,
            None => self.heads[code.index()] = new,
        }
    }

    /// A block is not what it was.
    pub fn forget(&mut self, code: CodeId) {
        if let Some(head) = self.heads.get_mut(code.index()) {
            *head = NONE;
        }
    }

    /// Signatures are not what they were.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
