//! What it is: how a block's instructions become expressions over what is known at its entry.
//! Source: our own; the instructions' meanings are [`crate::isa::Compute`]'s.
//! Does not model: what [`super::Operands`] does not.
//! Tested by: `tests/operands.rs`.

use super::{Kind, LARGEST_STEP, Linear, NO_REG, Need, Node, Store, Value};
use crate::isa::{Base, Class, Compute, Cond, Insn, Op, PC, SP, Source, Writeback};
use crate::timing::{OperandCode, OperandNeed, operand_need, static_code};
use crate::units::Addr;

/// The graph while it grows: which node each register and the flags hold after the instructions seen so far.
pub(super) struct Build<R> {
    rom: R,
    pub(super) fixed: Vec<OperandCode>,
    pub(super) nodes: Vec<Node>,
    regs: [usize; 16],
    flags: usize,
    pub(super) needs: Vec<Need>,
    pub(super) stores: Vec<Store>,
}

const UNKNOWN: usize = 0;
const ENTRY_FLAGS: usize = 1;

impl<R: Fn(u32, u8) -> Option<u32>> Build<R> {
    pub(super) fn new(rom: R) -> Self {
        let mut nodes = vec![Node::Unknown, Node::EntryFlags];
        let mut regs = [UNKNOWN; 16];
        for r in 0..15u8 {
            regs[r as usize] = nodes.len();
            nodes.push(Node::Reg(r));
        }
        Build { rom, fixed: Vec::new(), nodes, regs, flags: ENTRY_FLAGS, needs: Vec::new(), stores: Vec::new() }
    }

    fn push(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn constant(&mut self, value: u32) -> usize {
        self.push(Node::Const(value))
    }

    fn source(&mut self, source: Source) -> usize {
        match source {
            Source::Const(value) => self.constant(value),
            Source::Reg(r) => self.regs[r as usize & 15],
            Source::Shifted(r, op, amount) => {
                let (a, b) = (self.regs[r as usize & 15], self.constant(u32::from(amount)));
                self.apply(op, [a, b, b])
            }
        }
    }

    /// An operation, folded when it adds constants so that a moving pointer stays `register + constant`.
    fn apply(&mut self, op: Op, operands: [usize; 3]) -> usize {
        let [a, b, _] = operands.map(|o| self.nodes[o]);
        match (op, a, b) {
            (Op::Copy, ..) => operands[0],
            (Op::Add | Op::Sub, Node::Const(x), Node::Const(y)) => self.constant(op.apply(x, y, 0)),
            (Op::Add | Op::Sub, Node::Apply { op: Op::Add, operands: [base, k, _] }, Node::Const(y))
                if matches!(self.nodes[k], Node::Const(_)) =>
            {
                let Node::Const(x) = self.nodes[k] else { return UNKNOWN };
                let k = self.constant(op.apply(x, y, 0));
                self.push(Node::Apply { op: Op::Add, operands: [base, k, k] })
            }
            (Op::Sub, _, Node::Const(y)) => {
                let k = self.constant(y.wrapping_neg());
                self.push(Node::Apply { op: Op::Add, operands: [operands[0], k, k] })
            }
            _ if operands.contains(&UNKNOWN) => UNKNOWN,
            _ => self.push(Node::Apply { op, operands }),
        }
    }

    /// Writes a register, only if the instruction's condition holds.
    fn set(&mut self, r: u8, value: usize, insn: &Insn, flags: usize) {
        let slot = r as usize & 15;
        self.regs[slot] = if insn.in_it && insn.cond != Cond::Al {
            let otherwise = self.regs[slot];
            self.push(Node::Select { flags, cond: insn.cond, then: value, otherwise })
        } else {
            value
        };
    }

    pub(super) fn insn(&mut self, i: usize, insn: &Insn) {
        // The flags as they are before the instruction decide whether it executes.
        let flags = self.flags;
        let address = insn.mem.map(|_| self.address(insn));
        let need = operand_need(insn);
        let outcome = (need.condition != Cond::Al).then_some((flags, need.condition));
        let regs = |(a, b): (u8, u8)| [a, b].map(|r| self.value(self.regs[r as usize & 15]));
        let mut code = static_code(insn);
        let kind = match (need.operand, address) {
            (OperandNeed::Address(mem), Some(node)) => match self.nodes[node] {
                Node::Const(at) => {
                    code = OperandCode::address(Addr(at), mem.bytes);
                    None
                }
                _ if self.is_on_stack(node) => None,
                _ => Some(Kind::Address { at: self.value(node), bytes: mem.bytes }),
            },
            (OperandNeed::LongMultiply { factors, signed }, _) => Some(Kind::LongMultiply { factors: regs(factors), signed }),
            (OperandNeed::Divide { registers, signed }, _) => Some(Kind::Divide { operands: regs(registers), signed }),
            _ => None,
        };
        self.fixed.push(code);
        if let Some(kind) = kind.or(outcome.map(|_| Kind::OutcomeOnly { code })) {
            self.needs.push(Need { insn: i, outcome, kind });
        }
        self.effects(insn, address, flags);
    }

    fn value(&self, node: usize) -> Value {
        self.linear(node).map_or(Value::Node(node), Value::Linear)
    }

    /// Addresses relative to the stack pointer are taken to be aligned and in SRAM.
    fn is_on_stack(&self, address: usize) -> bool {
        match self.nodes[address] {
            Node::Reg(SP) => true,
            Node::Apply { op: Op::Add, operands: [base, k, _] } => {
                self.nodes[base] == Node::Reg(SP) && matches!(self.nodes[k], Node::Const(_))
            }
            _ => false,
        }
    }

    fn address(&mut self, insn: &Insn) -> usize {
        let Some(mem) = insn.mem else { return UNKNOWN };
        let base = match mem.base {
            Base::Literal(addr) => return self.constant(addr.0),
            Base::Reg(PC) => self.constant(insn.addr.0.wrapping_add(4)),
            Base::Reg(r) => self.regs[r as usize & 15],
        };
        let base = match mem.index {
            Some((r, shift)) => {
                let scaled = self.source(if shift == 0 { Source::Reg(r) } else { Source::Shifted(r, Op::ShiftLeft, shift) });
                self.apply(Op::Add, [base, scaled, scaled])
            }
            None => base,
        };
        let offset = self.constant(mem.offset as u32);
        if mem.offset == 0 { base } else { self.apply(Op::Add, [base, offset, offset]) }
    }

    /// A load; from a known place in flash it is a constant.
    fn load(&mut self, address: usize, bytes: u8, signed: bool) -> usize {
        if let (Node::Const(at), 4) = (self.nodes[address], bytes)
            && let Some(word) = (self.rom)(at, 4)
        {
            return self.constant(word);
        }
        let after = self.stores.len();
        self.push(Node::Load { address, bytes, signed, after })
    }

    fn effects(&mut self, insn: &Insn, address: Option<usize>, flags: usize) {
        let mut written = insn.writes;
        if let (Some(mem), Some(address)) = (insn.mem, address) {
            if matches!(insn.class, Class::Store | Class::StoreMultiple | Class::StoreDouble | Class::StoreExclusive) {
                let bytes = u32::from(mem.bytes) * u32::from(mem.count);
                let word = (insn.class == Class::Store && bytes == 4 && !insn.in_it).then_some(insn.transfer).flatten();
                let word = word.map(|r| self.regs[r as usize & 15]);
                self.stores.push(Store { address, bytes, word });
            }
            if insn.class == Class::Load
                && let Some(r) = insn.transfer.filter(|r| *r != PC)
            {
                let value = self.load(address, mem.bytes, insn.signed_load);
                self.set(r, value, insn, flags);
                written = written.without(r);
            }
            if let (Base::Reg(r), true) = (mem.base, mem.writeback != Writeback::None)
                && insn.transfer != Some(r)
            {
                let (base, step) = (self.regs[r as usize & 15], self.constant(insn.base_step as u32));
                let value = self.apply(Op::Add, [base, step, step]);
                self.set(r, value, insn, flags);
                written = written.without(r);
            }
        }
        if let Some(Compute { destination, op, a, b, c, second }) = insn.compute {
            let operands = [self.source(a), self.source(b), self.source(c)];
            let [a, b, _] = operands;
            let value = self.apply(op, operands);
            if insn.writes_flags {
                let known = ![a, b].contains(&UNKNOWN);
                let new = match op {
                    Op::Add | Op::Sub | Op::ReverseSub if known => self.push(Node::Flags { op, a, b }),
                    Op::Add | Op::Sub | Op::ReverseSub => UNKNOWN,
                    _ if value == UNKNOWN => UNKNOWN,
                    _ => self.push(Node::Flags { op: Op::Copy, a: value, b: value }),
                };
                self.flags = if insn.in_it && insn.cond != Cond::Al {
                    self.push(Node::Select { flags, cond: insn.cond, then: new, otherwise: flags })
                } else {
                    new
                };
            }
            let second = second.map(|(r, op)| (r, self.apply(op, operands)));
            for (r, value) in destination.map(|r| (r, value)).into_iter().chain(second).filter(|(r, _)| *r != PC) {
                self.set(r, value, insn, flags);
                written = written.without(r);
            }
        } else if insn.writes_flags {
            self.flags = UNKNOWN;
        }
        for r in written.iter() {
            self.regs[r as usize & 15] = UNKNOWN;
        }
    }

    /// A node as a sum of registers at the block's entry, if it is one.
    pub(super) fn linear(&self, node: usize) -> Option<Linear> {
        match self.nodes[node] {
            Node::Const(value) => Some(Linear { add: value, ..Linear::ZERO }),
            Node::Reg(r) => Some(Linear { a: r, ..Linear::ZERO }),
            Node::Apply { op: Op::Add, operands: [x, y, _] } => self.linear(x)?.plus(self.linear(y)?),
            Node::Apply { op: Op::ShiftLeft, operands: [x, y, _] } => match (self.linear(x)?, self.nodes[y]) {
                (Linear { a, b: NO_REG, add, .. }, Node::Const(shift @ 0..32)) => {
                    Some(Linear { a: NO_REG, b: a, shift: shift as u8, add: add << shift })
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// By how much a register has moved at the block's end, if by a constant.
    fn step(&self, r: u8) -> Option<u32> {
        if r == NO_REG {
            return Some(0);
        }
        match self.linear(self.regs[usize::from(r & 15)])? {
            Linear { a, b: NO_REG, add, .. } if a == r => Some(add),
            _ => None,
        }
    }

    /// See [`Operands::is_stable`].
    pub(super) fn is_stable(&self) -> bool {
        self.needs.iter().all(|need| {
            let Kind::Address { at: Value::Linear(Linear { a, b, shift, .. }), bytes } = need.kind else { return false };
            let step = self.step(a).zip(self.step(b)).map(|(a, b)| a.wrapping_add(b << shift) as i32);
            let keeps_alignment = |step: i32| step.unsigned_abs() <= LARGEST_STEP && step % i32::from(bytes.max(1)) == 0;
            need.outcome.is_none() && step.is_some_and(keeps_alignment)
        })
    }
}
