//! What it is: for each block of code, the run-time values that its cost depends on (addresses, multiply and divide operands, outcomes of
//! conditional instructions), as expressions over what is known when the block is entered. So a block is looked at once, not each
//! instruction as it runs.
//! Source: our own; the instructions' meanings are [`crate::isa::Compute`]'s, what is needed is `operand_need`'s.
//! Does not model: values that come from a device, a special register or a STREX, which are not known before the block runs: an access that
//! depends on one is taken to be an aligned one of SRAM and counted as unresolved. Graphs beyond [`build::MOST_NODES`] end the same way.
//! Tested by: `tests/operands.rs`, which compares every code with the one that the engine's own registers give, instruction by instruction.

mod build;
mod guard;

use super::{OperandCode, Region};
use crate::isa::{Block, Cond, Op, shift_carry};
use crate::units::Addr;
use build::Build;
pub(super) use guard::{Guards, Recipe};

/// What is known when a block is entered.
pub trait Entry {
    /// R0 to R12, SP, LR: those whose bits are set in `wanted`, each to its place.
    fn regs(&self, wanted: u16, values: &mut [u32; 16]);
    /// One of these registers.
    fn reg(&self, index: u8) -> u32;
    /// The word of SRAM at that address.
    fn word(&self, address: u32) -> Option<u32>;
    /// N, Z, C, V in bits 31 to 28.
    fn flags(&self) -> u32;
    /// Memory, where reading has no side effect: zero-extended little-endian value of 1, 2 or 4 bytes.
    fn load(&self, address: u32, bytes: u8) -> Option<u32>;
}

/// A node's place in its graph.
type At = u16;

/// A node of the block's expression graph; operands stand before their users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Unknown,
    Const(u32),
    Reg(u8),
    EntryFlags,
    Apply {
        op: Op,
        operands: [At; 3],
    },
    /// An operation whose last operands are constants.
    ApplyConst {
        op: Op,
        a: At,
        b: u32,
        c: u16,
    },
    /// The flags of an addition or subtraction.
    Flags {
        op: Op,
        operands: [At; 3],
    },
    /// The flags of another operation's result, with the carry of other flags, and the overflow as it was.
    Logical {
        result: At,
        carry: At,
        before: At,
    },
    /// Flags with the carry out of a shift.
    ShiftCarry {
        op: Op,
        operands: [At; 3],
    },
    /// A load that may see those of the stores before it: `first..last` in [`Operands::seen`].
    Load {
        address: At,
        bytes: u8,
        signed: bool,
        first: u32,
        last: u32,
    },
    Select {
        flags: At,
        cond: Cond,
        then: At,
        otherwise: At,
    },
}

impl Node {
    /// The nodes that it is made of, those of a load's stores excepted, each to be replaced.
    fn operands(&mut self) -> impl Iterator<Item = &mut At> {
        let [a, b, c] = match self {
            Node::Unknown | Node::Const(_) | Node::Reg(_) | Node::EntryFlags => [None, None, None],
            Node::Apply { operands: [a, b, c], .. }
            | Node::Flags { operands: [a, b, c], .. }
            | Node::ShiftCarry { operands: [a, b, c], .. } => [Some(a), Some(b), Some(c)],
            Node::ApplyConst { a, .. } => [Some(a), None, None],
            Node::Logical { result, carry, before } => [Some(result), Some(carry), Some(before)],
            Node::Load { address, .. } => [Some(address), None, None],
            Node::Select { flags, then, otherwise, .. } => [Some(flags), Some(then), Some(otherwise)],
        };
        [a, b, c].into_iter().flatten()
    }
}

/// What one instruction needs.
#[derive(Clone, Copy, Debug)]
struct Need {
    insn: usize,
    /// For an instruction in an IT block: the flags that decide.
    outcome: Option<(At, Cond)>,
    kind: Kind,
}

/// What an instruction's cost depends on.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Address { at: Value, bytes: u8 },
    LongMultiply { factors: [Value; 2], signed: bool },
    Divide { operands: [Value; 2], signed: bool },
    OutcomeOnly { code: OperandCode },
}

impl Kind {
    /// The values that it depends on, each to be replaced.
    fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        let [a, b] = match self {
            Kind::Address { at, .. } => [Some(at), None],
            Kind::LongMultiply { factors: [a, b], .. } | Kind::Divide { operands: [a, b], .. } => [Some(a), Some(b)],
            Kind::OutcomeOnly { .. } => [None, None],
        };
        a.into_iter().chain(b)
    }

    /// The values that it depends on.
    fn values(self) -> impl Iterator<Item = Value> {
        let [a, b] = match self {
            Kind::Address { at, .. } => [Some(at), None],
            Kind::LongMultiply { factors: [a, b], .. } | Kind::Divide { operands: [a, b], .. } => [Some(a), Some(b)],
            Kind::OutcomeOnly { .. } => [None, None],
        };
        a.into_iter().chain(b)
    }
}

/// Where a value comes from: most are sums of registers at the block's entry and need no graph.
#[derive(Clone, Copy, Debug)]
enum Value {
    Linear(Linear),
    Node(At),
}

/// `a + b * times + add`, with registers as at the block's entry; [`NO_REG`] is zero. Of two registers with a factor of one the lower is `a`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Linear {
    a: u8,
    b: u8,
    times: u32,
    add: u32,
}

/// Addresses that differ by constants: what they have in common, and the least and the largest constant.
#[derive(Clone, Copy, Debug)]
struct Spread {
    common: Linear,
    least: i32,
    largest: i32,
}

impl Spread {
    /// Adds an address to those that have the same in common, if there are any.
    fn add(spreads: &mut Vec<Spread>, at: Linear) {
        let (common, add) = (Linear { add: 0, ..at }, at.add as i32);
        match spreads.iter_mut().find(|spread| spread.common == common) {
            Some(spread) => (spread.least, spread.largest) = (spread.least.min(add), spread.largest.max(add)),
            None => spreads.push(Spread { common, least: add, largest: add }),
        }
    }

    /// What decides the codes of all these addresses: region and alignment. `None` if they do not lie in one region.
    #[inline]
    fn class(&self, regs: &[u32; 16]) -> Option<u8> {
        let common = self.common.of(regs);
        let region = Region::of(Addr(common.wrapping_add(self.least as u32)));
        let same = self.least == self.largest || region == Region::of(Addr(common.wrapping_add(self.largest as u32)));
        same.then_some((region as u8) << 2 | (common & 3) as u8)
    }
}

/// In the place of a register: zero. (PC is never read as one.)
const NO_REG: u8 = 15;
/// How far a pointer may move in one turn of a loop to count as still in the same memory.
const LARGEST_STEP: u32 = 4096;

impl Linear {
    const ZERO: Linear = Linear { a: NO_REG, b: NO_REG, times: 0, add: 0 };

    /// The sum of registers with factors, if it has this form.
    fn of_terms(terms: impl IntoIterator<Item = (u8, u32)>, add: u32) -> Option<Linear> {
        let mut sum = [(NO_REG, 0u32); 2];
        for (register, times) in terms.into_iter().filter(|(register, _)| *register != NO_REG) {
            let place = sum.iter().position(|(known, _)| *known == register).or_else(|| {
                // A register whose factors have come to nothing makes room.
                sum.iter().position(|(_, times)| *times == 0)
            })?;
            sum[place] = (register, if sum[place].0 == register { sum[place].1.wrapping_add(times) } else { times });
        }
        sum = sum.map(|(register, times)| if times == 0 { (NO_REG, 0) } else { (register, times) });
        sum.sort_by_key(|(register, times)| (*register == NO_REG, *times != 1, *register));
        match sum {
            [(NO_REG, _), _] => Some(Linear { add, ..Linear::ZERO }),
            [(a, 1), (b, times)] => Some(Linear { a, b, times, add }),
            [(b, times), (NO_REG, _)] => Some(Linear { a: NO_REG, b, times, add }),
            _ => None,
        }
    }

    fn terms(self) -> [(u8, u32); 2] {
        [(self.a, 1), (self.b, self.times)]
    }

    /// This and so many times the other.
    fn plus(self, other: Linear, times: u32) -> Option<Linear> {
        let others = other.terms().map(|(register, factor)| (register, factor.wrapping_mul(times)));
        let add = self.add.wrapping_add(other.add.wrapping_mul(times));
        Linear::of_terms(self.terms().into_iter().chain(others), add)
    }

    #[inline]
    fn of(self, regs: &[u32; 16]) -> u32 {
        let [a, b] = [self.a, self.b].map(|r| regs[usize::from(r & 15)]);
        a.wrapping_add(b.wrapping_mul(self.times)).wrapping_add(self.add)
    }

    /// The registers in it, as a mask.
    fn registers(self) -> u16 {
        (1 << self.a | 1 << self.b) & !(1 << NO_REG)
    }
}

/// A store of one byte, halfword or word, and the flags that decide whether it happens.
#[derive(Clone, Copy, Debug)]
struct Store {
    address: At,
    value: At,
    bytes: u8,
    outcome: Option<(At, Cond)>,
}

impl Store {
    fn nodes(&mut self) -> impl Iterator<Item = &mut At> {
        [&mut self.address, &mut self.value].into_iter().chain(self.outcome.as_mut().map(|(flags, _)| flags))
    }
}

/// A block's operand codes: those that never change, and the expressions for the others.
#[derive(Debug)]
pub struct Operands {
    /// One code an instruction; where an expression decides, the code that stands in for an unresolved value.
    fixed: Box<[OperandCode]>,
    /// The nodes that the needs depend on.
    nodes: Box<[Node]>,
    needs: Vec<Need>,
    stores: Vec<Store>,
    /// For each load the stores that it may see, the latest first.
    seen: Vec<u16>,
    /// The registers that are read at the block's entry.
    reads: u16,
    /// The addresses among the needs that are sums of registers, by what they have in common.
    bases: Vec<Spread>,
    /// The needs that are something else.
    others: Vec<Need>,
    stable: bool,
    recipe: Option<Recipe>,
    /// What R0 to LR hold at the block's end, where that is a sum of registers at its entry.
    exits: [Option<Linear>; 15],
}

/// Scratch space for evaluation, kept between calls.
#[derive(Debug, Default)]
pub struct Scratch {
    values: Vec<Option<u32>>,
    regs: [u32; 16],
}

impl Scratch {
    #[inline]
    fn value(&self, value: Value) -> Option<u32> {
        match value {
            Value::Linear(linear) => Some(linear.of(&self.regs)),
            Value::Node(node) => self.values[usize::from(node)],
        }
    }
}

impl Operands {
    /// Looks at a block once. `rom` reads what cannot change while the block's code stays as it is: flash.
    #[must_use]
    pub fn of(block: &Block, rom: impl Fn(u32, u8) -> Option<u32>) -> Self {
        let mut build = Build::new(rom);
        for (i, insn) in block.insns.iter().enumerate() {
            build.insn(i, insn);
        }
        let (stable, recipe, exits) = (build.is_stable(), Recipe::of(&build), build.exits());
        build.keep_what_is_needed();
        let Build { fixed, nodes, needs, stores, seen, .. } = build;
        let mut operands = Operands {
            fixed: fixed.into_boxed_slice(),
            nodes: nodes.into_boxed_slice(),
            needs,
            stores,
            seen,
            reads: 0,
            bases: Vec::new(),
            others: Vec::new(),
            stable,
            recipe,
            exits,
        };
        for need in &operands.needs {
            match need.kind {
                Kind::Address { at: Value::Linear(at), .. } if need.outcome.is_none() => Spread::add(&mut operands.bases, at),
                _ => operands.others.push(*need),
            }
        }
        let read = operands.nodes.iter().map(|node| match *node {
            Node::Reg(r) => 1 << r,
            _ => 0,
        });
        let summed = operands.needs.iter().flat_map(|need| need.kind.values()).map(|value| match value {
            Value::Linear(linear) => linear.registers(),
            Value::Node(_) => 0,
        });
        operands.reads = read.chain(summed).fold(0, |reads, registers: u16| reads | registers);
        operands
    }

    /// What decides the codes, if it can be compared without evaluating them.
    pub(super) fn recipe(&self) -> Option<&Recipe> {
        self.recipe.as_ref()
    }

    /// The codes without anything evaluated: final where [`Operands::is_fixed`].
    #[must_use]
    pub fn fixed(&self) -> &[OperandCode] {
        &self.fixed
    }

    /// Whether nothing has to be evaluated at all.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.needs.is_empty()
    }

    /// Whether the codes stay as they are while the block loops to itself: every address is a sum of registers that moves by a constant
    /// which keeps its alignment. (A pointer that walks out of one memory into another without an access in between is not seen.)
    #[must_use]
    pub fn is_stable(&self) -> bool {
        self.stable
    }

    /// Whether this block's codes decide those of one that runs right behind it: whatever that accesses is near what this one accesses,
    /// and as aligned. (What [`Operands::is_stable`] does not see is not seen here.)
    #[must_use]
    pub fn decide(&self, next: &Operands) -> bool {
        next.needs.iter().all(|need| {
            let Kind::Address { at: Value::Linear(at), bytes } = need.kind else { return false };
            let Some(at) = self.at_exit(at).filter(|_| need.outcome.is_none()) else { return false };
            self.needs.iter().any(|known| match known.kind {
                Kind::Address { at: Value::Linear(seen), bytes: seen_bytes } if known.outcome.is_none() => {
                    let step = at.add.wrapping_sub(seen.add) as i32;
                    let near = step.unsigned_abs() <= LARGEST_STEP && step % i32::from(bytes.max(1)) == 0;
                    near && Linear { add: 0, ..at } == Linear { add: 0, ..seen } && seen_bytes >= bytes
                }
                _ => false,
            })
        })
    }

    /// A sum of registers at this block's end, in terms of its entry.
    fn at_exit(&self, sum: Linear) -> Option<Linear> {
        sum.terms().into_iter().try_fold(Linear { add: sum.add, ..Linear::ZERO }, |so_far, (register, times)| {
            if register == NO_REG { Some(so_far) } else { so_far.plus((*self.exits.get(usize::from(register))?)?, times) }
        })
    }

    /// Evaluates everything for one execution of the block. The codes are then [`Operands::codes`]; the key tells whether they are those of
    /// another execution of the same block, and is `None` where none can. Also returns how many values could not be had.
    #[inline]
    pub fn evaluate(&self, entry: &impl Entry, scratch: &mut Scratch) -> (Option<u128>, u32) {
        let Scratch { values, regs } = scratch;
        entry.regs(self.reads, regs);
        regs[usize::from(NO_REG)] = 0;
        if values.len() < self.nodes.len() {
            values.resize(self.nodes.len(), None);
        }
        for (i, node) in self.nodes.iter().enumerate() {
            values[i] = self.node(node, values, regs, entry);
        }
        let (mut key, mut unresolved, mut fits) = (0, 0, self.bases.len() + self.others.len() <= 16);
        for base in &self.bases {
            match base.class(regs) {
                Some(class) => key = key << 8 | u128::from(class),
                None => fits = false,
            }
        }
        for need in &self.others {
            let code = self.code(need, scratch);
            unresolved += u32::from(code.is_none());
            key = key << 8 | u128::from(code.unwrap_or(self.fixed[need.insn]).0);
        }
        (fits.then_some(key), unresolved)
    }

    /// The codes that [`Operands::evaluate`] has just found.
    pub fn codes(&self, scratch: &Scratch, codes: &mut Vec<OperandCode>) {
        codes.clear();
        codes.extend_from_slice(&self.fixed);
        for need in &self.needs {
            if let Some(code) = self.code(need, scratch) {
                codes[need.insn] = code;
            }
        }
    }

    /// The code that one instruction needs, if all that it depends on could be had.
    #[inline]
    fn code(&self, need: &Need, scratch: &Scratch) -> Option<OperandCode> {
        if need.outcome.is_some() && !self.passes(need, scratch)? {
            return Some(OperandCode::FAILED);
        }
        let pair = |[a, b]: [Value; 2]| scratch.value(a).zip(scratch.value(b));
        match need.kind {
            Kind::OutcomeOnly { code } => Some(code),
            Kind::Address { at, bytes } => scratch.value(at).map(|address| OperandCode::address(Addr(address), bytes)),
            Kind::LongMultiply { factors, signed } => pair(factors).map(|pair| OperandCode::long_multiply(signed, pair)),
            Kind::Divide { operands, signed } => pair(operands).map(|(n, d)| OperandCode::divide(signed, n, d)),
        }
    }

    /// Whether instruction `at` divides by zero, by the values that [`Operands::evaluate`] has just left in `scratch`; `None` where that could
    /// not be had.
    #[must_use]
    pub fn divides_by_zero(&self, at: usize, scratch: &Scratch) -> Option<bool> {
        let need = self.needs.iter().find(|need| need.insn == at)?;
        let Kind::Divide { operands: [_, divisor], .. } = need.kind else { return Some(false) };
        if self.passes(need, scratch)? { Some(scratch.value(divisor)? == 0) } else { Some(false) }
    }

    /// Whether everything that the cost of instruction `at` depends on could be had.
    #[must_use]
    pub fn is_resolved(&self, at: usize, scratch: &Scratch) -> bool {
        let Some(need) = self.needs.iter().find(|need| need.insn == at) else { return true };
        self.code(need, scratch).is_some()
    }

    /// Whether an instruction's condition holds, if that is known.
    fn passes(&self, need: &Need, scratch: &Scratch) -> Option<bool> {
        match need.outcome {
            None => Some(true),
            Some((flags, cond)) => Some(cond.holds(scratch.values.get(usize::from(flags)).copied().flatten()?)),
        }
    }

    #[inline]
    fn node(&self, node: &Node, values: &[Option<u32>], regs: &[u32; 16], entry: &impl Entry) -> Option<u32> {
        let at = |node: At| values[usize::from(node)];
        match *node {
            Node::Unknown => None,
            Node::Const(value) => Some(value),
            Node::Reg(r) => Some(regs[usize::from(r & 15)]),
            Node::EntryFlags => Some(entry.flags() & 0xf000_0000),
            Node::Apply { op, operands: [a, b, c] } => Some(op.apply(at(a)?, at(b)?, at(c)?)),
            Node::ApplyConst { op, a, b, c } => Some(op.apply(at(a)?, b, u32::from(c))),
            Node::Flags { op, operands: [a, b, c] } => Some(flags(op, at(a)?, at(b)?, at(c)?)),
            Node::Logical { result, carry, before } => {
                Some(sign_and_zero(at(result)?) | at(carry)? & 1 << 29 | at(before)? & 1 << 28)
            }
            Node::ShiftCarry { op, operands: [a, by, before] } => Some(shift_carry(op, at(a)?, at(by)?, at(before)?)),
            Node::Load { address, bytes, signed, first, last } => {
                let address = at(address)?;
                let seen = self.seen.get(first as usize..last as usize)?;
                let loaded = if seen.is_empty() {
                    entry.load(address, bytes)?
                } else {
                    self.forwarded(address, bytes, seen, values, entry)?
                };
                let unused = 32 - 8 * u32::from(bytes);
                Some(if signed { ((loaded << unused) as i32 >> unused) as u32 } else { loaded })
            }
            Node::Select { flags, cond, then, otherwise } => at(if cond.holds(at(flags)?) { then } else { otherwise }),
        }
    }

    /// What a load sees: of each byte the last store before it that hits, or memory as it was at the block's entry.
    #[inline(never)]
    fn forwarded(&self, address: u32, bytes: u8, seen: &[u16], values: &[Option<u32>], entry: &impl Entry) -> Option<u32> {
        let at = |node: At| values[usize::from(node)];
        let all = (1u8 << bytes) - 1;
        let (mut missing, mut loaded) = (all, 0);
        for store in seen {
            let store = self.stores.get(usize::from(*store))?;
            let to = at(store.address)?;
            // A store through the bit-band alias changes a byte elsewhere.
            let hits = |byte: u32| address.wrapping_add(byte).wrapping_sub(to) < u32::from(store.bytes);
            let aliased = Region::of(Addr(to)) == Region::BitBandSram
                && (0x2000_0000 | to >> 5 & 0xf_ffff).wrapping_sub(address) < u32::from(bytes);
            let hit = (0..u32::from(bytes)).filter(|byte| missing >> byte & 1 != 0 && hits(*byte));
            let hit = hit.fold(0, |hit, byte| hit | 1u8 << byte);
            if (hit == 0 && !aliased)
                || store.outcome.map_or(Some(true), |(flags, cond)| at(flags).map(|f| cond.holds(f))) == Some(false)
            {
                continue;
            }
            if aliased || (store.outcome.is_some_and(|(flags, _)| at(flags).is_none())) {
                return None;
            }
            let value = at(store.value)?;
            for byte in (0..u32::from(bytes)).filter(|byte| hit >> byte & 1 != 0) {
                let place = address.wrapping_add(byte).wrapping_sub(to);
                loaded |= (value >> (8 * place) & 0xff) << (8 * byte);
            }
            missing &= !hit;
            if missing == 0 {
                return Some(loaded);
            }
        }
        let before = entry.load(address, bytes)?;
        let kept =
            (0..u32::from(bytes)).filter(|byte| missing >> byte & 1 != 0).fold(0, |mask, byte| mask | 0xffu32 << (8 * byte));
        Some(loaded | before & kept)
    }
}

/// N and Z of a result.
fn sign_and_zero(result: u32) -> u32 {
    (result & 1 << 31) | u32::from(result == 0) << 30
}

/// N, Z, C, V of an addition or subtraction: AddWithCarry of DDI 0403E, A2.2.1.
fn flags(op: Op, a: u32, b: u32, c: u32) -> u32 {
    let carry_in = c >> 29 & 1;
    let (x, y, carry) = match op {
        Op::Add => (a, b, 0),
        Op::Sub => (a, !b, 1),
        Op::ReverseSub => (b, !a, 1),
        Op::AddCarry => (a, b, carry_in),
        _ => (a, !b, carry_in),
    };
    let sum = u64::from(x) + u64::from(y) + u64::from(carry);
    let result = sum as u32;
    let overflow = (!(x ^ y) & (x ^ result)) >> 31;
    sign_and_zero(result) | ((sum >> 32) as u32) << 29 | overflow << 28
}
