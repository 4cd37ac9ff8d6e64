//! What it is: how a block's instructions become expressions over what is known at its entry.
//! Source: our own; the instructions' meanings are [`crate::isa::Compute`]'s.
//! Does not model: what [`super::Operands`] does not.
//! Tested by: `tests/operands.rs`.

use super::{At, Kind, LARGEST_STEP, Linear, NO_REG, Need, Node, Store, Value};
use crate::isa::{Base, Carry, Class, Compute, Cond, Insn, LR, Mem, Op, PC, SP, Source, Writeback};
use crate::timing::{OperandCode, OperandNeed, operand_need, static_code};
use crate::units::Addr;
use std::collections::HashMap;

/// How many nodes a block may have; what lies beyond is unknown. The longest blocks that compilers make have some hundreds.
pub(super) const MOST_NODES: usize = 16_384;
/// How many stores a load may depend on.
const MOST_SEEN: usize = 64;

/// The graph while it grows: which node each register and the flags hold after the instructions seen so far.
pub(super) struct Build<R> {
    rom: R,
    pub(super) fixed: Vec<OperandCode>,
    pub(super) nodes: Vec<Node>,
    /// Each node as a sum of registers at the block's entry, if it is one.
    linear: Vec<Option<Linear>>,
    constants: HashMap<u32, At>,
    regs: [At; 16],
    flags: At,
    pub(super) needs: Vec<Need>,
    pub(super) stores: Vec<Store>,
    pub(super) seen: Vec<u16>,
}

const UNKNOWN: At = 0;
const ENTRY_FLAGS: At = 1;

/// Whether an instruction executes.
type Outcome = Option<(At, Cond)>;

impl<R: Fn(u32, u8) -> Option<u32>> Build<R> {
    pub(super) fn new(rom: R) -> Self {
        let mut build = Build {
            rom,
            fixed: Vec::new(),
            nodes: Vec::new(),
            linear: Vec::new(),
            constants: HashMap::new(),
            regs: [UNKNOWN; 16],
            flags: ENTRY_FLAGS,
            needs: Vec::new(),
            stores: Vec::new(),
            seen: Vec::new(),
        };
        build.push(Node::Unknown);
        build.push(Node::EntryFlags);
        for r in 0..=LR {
            build.regs[usize::from(r)] = build.push(Node::Reg(r));
        }
        build
    }

    fn node(&self, at: At) -> Node {
        self.nodes[usize::from(at)]
    }

    fn push(&mut self, node: Node) -> At {
        let at = self.nodes.len();
        if at >= MOST_NODES {
            return UNKNOWN;
        }
        let linear = self.linear_form(node);
        self.nodes.push(node);
        self.linear.push(linear);
        at as At
    }

    fn constant(&mut self, value: u32) -> At {
        if let Some(known) = self.constants.get(&value) {
            return *known;
        }
        let at = self.push(Node::Const(value));
        self.constants.insert(value, at);
        at
    }

    /// What a register holds.
    fn reg(&self, r: u8) -> At {
        self.regs[usize::from(r & 15)]
    }

    fn source(&mut self, source: Source) -> At {
        match source {
            Source::Const(value) => self.constant(value),
            Source::Reg(r) => self.reg(r),
            Source::Flags => self.flags,
            Source::Shifted(r, op, amount) => {
                let by = if op == Op::RotateExtend { self.flags } else { self.constant(u32::from(amount)) };
                self.apply(op, [self.reg(r), by, by])
            }
        }
    }

    /// An operation, folded when it adds constants so that a moving pointer stays `register + constant`.
    fn apply(&mut self, op: Op, operands: [At; 3]) -> At {
        let [a, b, c] = operands.map(|o| self.node(o));
        match (op, a, b, c) {
            (Op::Copy, ..) => operands[0],
            (_, Node::Const(x), Node::Const(y), Node::Const(z)) => self.constant(op.apply(x, y, z)),
            (Op::Add | Op::Sub, Node::Apply { op: Op::Add, operands: [base, k, _] }, Node::Const(y), _)
                if matches!(self.node(k), Node::Const(_)) =>
            {
                let Node::Const(x) = self.node(k) else { return UNKNOWN };
                let k = self.constant(op.apply(x, y, 0));
                self.push(Node::Apply { op: Op::Add, operands: [base, k, k] })
            }
            (Op::Sub, _, Node::Const(y), _) if operands[0] != UNKNOWN => {
                let k = self.constant(y.wrapping_neg());
                self.push(Node::Apply { op: Op::Add, operands: [operands[0], k, k] })
            }
            _ if operands.contains(&UNKNOWN) => UNKNOWN,
            _ => self.push(Node::Apply { op, operands }),
        }
    }

    /// What something is after an instruction that only executes if its condition holds.
    fn select(&mut self, outcome: Outcome, then: At, otherwise: At) -> At {
        match outcome {
            Some((flags, cond)) => self.push(Node::Select { flags, cond, then, otherwise }),
            None => then,
        }
    }

    /// Writes a register. The lowest bits of SP are always zero (DDI 0403E, B1.4.7).
    fn set(&mut self, r: u8, value: At, outcome: Outcome) {
        let stays_aligned = |l: &Linear| l.a == SP && l.b == NO_REG && l.add & 3 == 0;
        let value = if r != SP || self.linear[usize::from(value)].as_ref().is_some_and(stays_aligned) {
            value
        } else {
            let mask = self.constant(!3);
            self.apply(Op::And, [value, mask, mask])
        };
        let slot = usize::from(r & 15);
        self.regs[slot] = self.select(outcome, value, self.regs[slot]);
    }

    pub(super) fn insn(&mut self, i: usize, insn: &Insn) {
        // The flags as they are before the instruction decide whether it executes.
        let flags = self.flags;
        let address = insn.mem.map(|_| self.address(insn));
        let need = operand_need(insn);
        let outcome = (need.condition != Cond::Al).then_some((flags, need.condition));
        let regs = |(a, b): (u8, u8)| [a, b].map(|r| self.value(self.reg(r)));
        let mut code = static_code(insn);
        let kind = match (need.operand, address) {
            (OperandNeed::Address(mem), Some(node)) => match (self.node(node), self.on_stack(node)) {
                (Node::Const(at), _) => {
                    code = OperandCode::address(Addr(at), mem.bytes);
                    None
                }
                (_, Some(offset)) => {
                    code = stack_code(offset, mem);
                    None
                }
                _ => Some(Kind::Address { at: self.value(node), bytes: mem.bytes }),
            },
            // Of those based on SP only an indexed one may be unaligned by what the run brings.
            (OperandNeed::Nothing, Some(node)) if insn.mem.is_some_and(|mem| mem.base == Base::Reg(SP)) => match insn.mem {
                Some(mem) if mem.index.is_some() => Some(Kind::Address { at: self.value(node), bytes: mem.bytes }),
                Some(mem) => {
                    code = stack_code(mem.offset as u32, mem);
                    None
                }
                None => None,
            },
            (OperandNeed::LongMultiply { factors, signed }, _) => match self.widths(factors) {
                Some(representatives) => {
                    code = OperandCode::long_multiply(signed, representatives);
                    None
                }
                None => Some(Kind::LongMultiply { factors: regs(factors), signed }),
            },
            (OperandNeed::Divide { registers, signed }, _) => Some(Kind::Divide { operands: regs(registers), signed }),
            _ => None,
        };
        self.fixed.push(code);
        if let Some(kind) = kind.or(outcome.map(|_| Kind::OutcomeOnly { code })) {
            self.needs.push(Need { insn: i, outcome, kind });
        }
        self.effects(insn, address, flags);
    }

    pub(super) fn value(&self, node: At) -> Value {
        self.linear[usize::from(node)].map_or(Value::Node(node), Value::Linear)
    }

    /// The offset from the stack pointer, which is taken to point into SRAM, if an address is such a one.
    fn on_stack(&self, address: At) -> Option<u32> {
        match self.linear[usize::from(address)]? {
            Linear { a: SP, b: NO_REG, add, .. } => Some(add),
            _ => None,
        }
    }

    /// Values that fit 16 bits, signed and unsigned, just when those factors do, if that is certain: software that multiplies floats sets a
    /// bit above the fractions.
    fn widths(&self, factors: (u8, u8)) -> Option<(u32, u32)> {
        const NARROW: u32 = 0;
        const WIDE: u32 = 1 << 30;
        let width = |r: u8| match self.known_bits(self.reg(r), 0) {
            (zeros, _) if zeros >> 15 == u32::MAX >> 15 => Some(NARROW),
            (zeros, ones) if zeros >> 31 != 0 && ones >> 16 != 0 => Some(WIDE),
            _ => None,
        };
        Some((width(factors.0)?, width(factors.1)?))
    }

    /// The bits of a node that are zero whatever happens, and those that are one.
    fn known_bits(&self, at: At, depth: u32) -> (u32, u32) {
        /// Constants lie near.
        const DEEPEST: u32 = 6;
        if depth > DEEPEST {
            return (0, 0);
        }
        let of = |at: At| self.known_bits(at, depth + 1);
        match self.node(at) {
            Node::Const(value) => (!value, value),
            Node::Load { bytes: bytes @ (1 | 2), signed: false, .. } => (u32::MAX << (8 * bytes), 0),
            Node::Apply { op, operands: [a, b, c] } => match (op, of(a), of(b), self.node(b), self.node(c)) {
                (Op::Or, (x0, x1), (y0, y1), ..) => (x0 & y0, x1 | y1),
                (Op::And, (x0, x1), (y0, y1), ..) => (x0 | y0, x1 & y1),
                (Op::AndNot, (x0, x1), (y0, y1), ..) => (x0 | y1, x1 & y0),
                (Op::ShiftRight, (zeros, ones), _, Node::Const(by @ 1..32), _) => (zeros >> by | !(u32::MAX >> by), ones >> by),
                (Op::ShiftLeft, (zeros, ones), _, Node::Const(by @ 1..32), _) => (zeros << by | !(u32::MAX << by), ones << by),
                (Op::Extract, _, _, _, Node::Const(width @ 1..32)) => (u32::MAX << width, 0),
                _ => (0, 0),
            },
            _ => (0, 0),
        }
    }

    fn address(&mut self, insn: &Insn) -> At {
        let Some(mem) = insn.mem else { return UNKNOWN };
        let base = match mem.base {
            Base::Literal(addr) => return self.constant(addr.0),
            Base::Reg(PC) => self.constant(insn.addr.0.wrapping_add(4)),
            Base::Reg(r) => self.reg(r),
        };
        let base = match mem.index {
            Some((r, shift)) => {
                let scaled = self.source(if shift == 0 { Source::Reg(r) } else { Source::Shifted(r, Op::ShiftLeft, shift) });
                self.apply(Op::Add, [base, scaled, scaled])
            }
            None => base,
        };
        self.offset(base, mem.offset as u32)
    }

    fn offset(&mut self, base: At, offset: u32) -> At {
        if offset == 0 {
            return base;
        }
        let offset = self.constant(offset);
        self.apply(Op::Add, [base, offset, offset])
    }

    /// By how much the first address is above the second, if that is known now.
    fn distance(&self, from: At, to: At) -> Option<u32> {
        let (x, y) = (self.linear[usize::from(from)], self.linear[usize::from(to)]);
        if from == to && from != UNKNOWN {
            return Some(0);
        }
        let (x, y) = (x?, y?);
        (Linear { add: 0, ..x } == Linear { add: 0, ..y }).then(|| x.add.wrapping_sub(y.add))
    }

    /// A load; from a known place in flash it is a constant, and behind a store to just there it is what that stored.
    fn load(&mut self, address: At, bytes: u8, signed: bool) -> At {
        if address == UNKNOWN {
            return UNKNOWN;
        }
        let unused = 32 - 8 * u32::from(bytes);
        if let Node::Const(at) = self.node(address)
            && let Some(word) = (self.rom)(at, bytes)
        {
            return self.constant(if signed { ((word << unused) as i32 >> unused) as u32 } else { word });
        }
        let first = self.seen.len();
        for i in (0..self.stores.len()).rev() {
            let store = self.stores[i];
            let distance = self.distance(address, store.address);
            let covers =
                distance.is_some_and(|d| d <= 3 && d + u32::from(bytes) <= u32::from(store.bytes)) && store.outcome.is_none();
            if covers && self.seen.len() == first {
                let at = self.constant(8 * distance.unwrap_or(0));
                let width = self.constant(8 * u32::from(bytes));
                let op = if signed { Op::ExtractSigned } else { Op::Extract };
                return if bytes == 4 { store.value } else { self.apply(op, [store.value, at, width]) };
            }
            let misses = distance.is_some_and(|d| d >= u32::from(store.bytes) && d.wrapping_neg() >= u32::from(bytes));
            if !misses {
                self.seen.push(i as u16);
            }
            if covers || self.seen.len() - first > MOST_SEEN {
                break;
            }
        }
        let last = self.seen.len();
        if last - first > MOST_SEEN {
            self.seen.truncate(first);
            return UNKNOWN;
        }
        self.push(Node::Load { address, bytes, signed, first: first as u32, last: last as u32 })
    }

    fn store(&mut self, address: At, value: At, bytes: u8, outcome: Outcome) {
        if self.stores.len() < MOST_NODES {
            self.stores.push(Store { address, value, bytes, outcome });
        }
    }

    /// The registers that a load or store moves, with the offsets from its lowest address.
    fn moved(insn: &Insn) -> impl Iterator<Item = (u8, u32)> + use<R> {
        let exclusive = insn.class == Class::StoreExclusive;
        let pair = insn.pair.map(|(a, b)| [(a, 0), (b, 4)]).into_iter().flatten();
        let single = insn.transfer.filter(|_| !exclusive).map(|r| (r, 0));
        let offsets = (0u32..).step_by(4);
        single.into_iter().chain(pair).chain(insn.list.iter().zip(offsets).collect::<Vec<_>>())
    }

    /// The memory access of an instruction.
    fn access(&mut self, insn: &Insn, mem: Mem, address: At, outcome: Outcome) {
        match insn.class {
            Class::Store | Class::StoreMultiple | Class::StoreDouble => {
                for (r, offset) in Self::moved(insn) {
                    let (address, value) = (self.offset(address, offset), self.reg(r));
                    self.store(address, value, mem.bytes, outcome);
                }
            }
            // Whether it stores is not known before.
            Class::StoreExclusive => self.store(address, UNKNOWN, mem.bytes, outcome),
            _ => {}
        }
        let mut loaded = Vec::new();
        if matches!(insn.class, Class::Load | Class::LoadMultiple | Class::LoadDouble | Class::LoadExclusive) {
            for (r, offset) in Self::moved(insn).filter(|(r, _)| *r != PC) {
                let from = self.offset(address, offset);
                loaded.push((r, self.load(from, mem.bytes, insn.signed_load)));
            }
        }
        let exclusive = matches!(insn.class, Class::StoreExclusive);
        let (known, status) = (loaded.iter().map(|(r, _)| *r), insn.transfer.filter(|_| exclusive));
        let mut others = known.fold(insn.writes.without(PC), |others, r| others.without(r));
        if let (Base::Reg(r), true) = (mem.base, mem.writeback != Writeback::None)
            && others.contains(r)
        {
            let moved = self.offset(self.reg(r), insn.base_step as u32);
            self.set(r, moved, outcome);
            others = others.without(r);
        }
        for (r, value) in loaded {
            self.set(r, value, outcome);
        }
        debug_assert!(exclusive || others.0 == 0, "{insn:?}");
        for r in others.iter().chain(status) {
            self.set(r, UNKNOWN, outcome);
        }
    }

    /// The flags that an operation leaves.
    fn flags_of(&mut self, compute: &Compute, operands: [At; 3], value: At) -> At {
        if matches!(compute.op, Op::Add | Op::Sub | Op::ReverseSub | Op::AddCarry | Op::SubCarry) {
            return if operands.contains(&UNKNOWN) { UNKNOWN } else { self.push(Node::Flags { op: compute.op, operands }) };
        }
        let before = self.flags;
        let carry = match compute.carry {
            Carry::Kept => before,
            Carry::Bit(bit) => self.constant(u32::from(bit) << 29),
            Carry::Shift { op, a, by } => {
                let (a, by) = (self.source(a), self.source(by));
                self.push(Node::ShiftCarry { op, operands: [a, by, before] })
            }
        };
        self.push(Node::Logical { result: value, carry, before })
    }

    fn effects(&mut self, insn: &Insn, address: Option<At>, flags: At) {
        let outcome = (insn.in_it && insn.cond != Cond::Al).then_some((flags, insn.cond));
        if let (Some(mem), Some(address)) = (insn.mem, address) {
            return self.access(insn, mem, address, outcome);
        }
        let Some(compute) = insn.compute else {
            if insn.writes_flags {
                // MSR of APSR.
                let mask = self.constant(0xf000_0000);
                let from = insn.reads.iter().next().map_or(UNKNOWN, |r| self.reg(r));
                let new = self.apply(Op::And, [from, mask, mask]);
                self.flags = self.select(outcome, new, flags);
            }
            for r in insn.writes.without(PC).iter() {
                self.set(r, UNKNOWN, outcome);
            }
            return;
        };
        let operands = [compute.a, compute.b, compute.c].map(|source| self.source(source));
        let [a, b, _] = operands;
        let mut value = self.apply(compute.op, operands);
        let mut second = compute.second.map(|(r, op)| (r, self.apply(op, [a, b, b])));
        if let (true, Some(low), Some((r, high))) = (compute.accumulate, compute.destination, second) {
            let (to_low, to_high) = (self.reg(low), self.reg(r));
            let carry = self.push(Node::Flags { op: Op::Add, operands: [value, to_low, to_low] });
            value = self.apply(Op::Add, [value, to_low, to_low]);
            second = Some((r, self.apply(Op::AddCarry, [high, to_high, carry])));
        }
        if insn.writes_flags {
            let new = self.flags_of(&compute, operands, value);
            self.flags = self.select(outcome, new, flags);
        }
        for (r, value) in compute.destination.map(|r| (r, value)).into_iter().chain(second).filter(|(r, _)| *r != PC) {
            self.set(r, value, outcome);
        }
    }

    /// A node as a sum of registers at the block's entry, if it is one.
    fn linear_form(&self, node: Node) -> Option<Linear> {
        let of = |at: At| self.linear[usize::from(at)];
        match node {
            Node::Const(value) => Some(Linear { add: value, ..Linear::ZERO }),
            Node::Reg(r) => Some(Linear { a: r, ..Linear::ZERO }),
            Node::Apply { op: Op::Add, operands: [x, y, _] } => of(x)?.plus(of(y)?, 1),
            Node::Apply { op: Op::Sub, operands: [x, y, _] } => of(x)?.plus(of(y)?, u32::MAX),
            Node::Apply { op: Op::ShiftLeft, operands: [x, y, _] } => match self.node(y) {
                Node::Const(shift @ 0..32) => Linear::ZERO.plus(of(x)?, 1 << shift),
                _ => None,
            },
            _ => None,
        }
    }

    /// Keeps only the nodes that a need depends on, closely packed.
    pub(super) fn keep_what_is_needed(&mut self) {
        for i in 0..self.nodes.len() {
            if let Node::Apply { op, operands: [a, b, c] } = self.nodes[i]
                && let (Node::Const(b), c) = (self.node(b), self.node(c))
            {
                // Where the third operand is of no account it is another node's.
                let c = if let Node::Const(c @ 0..=0xffff) = c { Some(c as u16) } else { None };
                let uses_third = matches!(
                    op,
                    Op::MulAdd | Op::MulSub | Op::Extract | Op::ExtractSigned | Op::Insert | Op::AddCarry | Op::SubCarry
                );
                if !uses_third || c.is_some() {
                    self.nodes[i] = Node::ApplyConst { op, a, b, c: c.unwrap_or(0) };
                }
            }
        }
        let mut wanted = vec![false; self.nodes.len()];
        for need in &self.needs {
            let nodes = need.kind.values().filter_map(|value| if let Value::Node(node) = value { Some(node) } else { None });
            for node in nodes.chain(need.outcome.map(|(flags, _)| flags)) {
                wanted[usize::from(node)] = true;
            }
        }
        for i in (0..self.nodes.len()).rev() {
            if !wanted[i] {
                continue;
            }
            for operand in self.nodes[i].operands() {
                wanted[usize::from(*operand)] = true;
            }
            if let Node::Load { first, last, .. } = self.nodes[i] {
                for store in self.seen.get(first as usize..last as usize).unwrap_or_default() {
                    for node in self.stores[usize::from(*store)].nodes() {
                        wanted[usize::from(*node)] = true;
                    }
                }
            }
        }
        let mut places = vec![UNKNOWN; self.nodes.len()];
        let mut kept = Vec::new();
        for (i, node) in self.nodes.iter_mut().enumerate().filter(|(i, _)| wanted[*i]) {
            for operand in node.operands() {
                *operand = places[usize::from(*operand)];
            }
            places[i] = kept.len() as At;
            kept.push(*node);
        }
        self.nodes = kept;
        let place = |node: &mut At| *node = places[usize::from(*node)];
        self.stores.iter_mut().flat_map(Store::nodes).for_each(place);
        for need in &mut self.needs {
            if let Some((flags, _)) = &mut need.outcome {
                place(flags);
            }
            for value in need.kind.values_mut() {
                if let Value::Node(node) = value {
                    place(node);
                }
            }
        }
    }

    /// By how much a register has moved at the block's end, if by a constant.
    fn step(&self, r: u8) -> Option<u32> {
        if r == NO_REG {
            return Some(0);
        }
        match self.linear[usize::from(self.reg(r))]? {
            Linear { a, b: NO_REG, add, .. } if a == r => Some(add),
            _ => None,
        }
    }

    /// What each register holds at the block's end, if that is a sum of registers at its entry.
    pub(super) fn exits(&self) -> [Option<Linear>; 15] {
        std::array::from_fn(|r| self.linear[usize::from(self.regs[r])])
    }

    /// See `Operands::is_stable`.
    pub(super) fn is_stable(&self) -> bool {
        self.needs.iter().all(|need| {
            let Kind::Address { at: Value::Linear(Linear { a, b, times, .. }), bytes } = need.kind else { return false };
            let step = self.step(a).zip(self.step(b)).map(|(a, b)| a.wrapping_add(b.wrapping_mul(times)) as i32);
            let keeps_alignment = |step: i32| step.unsigned_abs() <= LARGEST_STEP && step % i32::from(bytes.max(1)) == 0;
            need.outcome.is_none() && step.is_some_and(keeps_alignment)
        })
    }
}

/// The code of an access at this offset from SP.
fn stack_code(offset: u32, mem: Mem) -> OperandCode {
    const SRAM: u32 = 0x2000_0000;
    OperandCode::address(Addr(SRAM | offset & 3), mem.bytes)
}
