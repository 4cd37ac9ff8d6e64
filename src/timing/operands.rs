//! What it is: for each block of code, the run-time values that its cost depends on (addresses, multiply and divide operands, outcomes of
//! conditional instructions), as expressions over what is known when the block is entered. So a block is looked at once, not each
//! instruction as it runs.
//! Source: our own; the instructions' meanings are [`crate::isa::Compute`]'s, what is needed is [`operand_need`]'s.
//! Does not model: values that come from a device, a carry, or a store that may have hit the load: such an access is taken to be an
//! aligned one of SRAM and counted as unresolved.
//! Tested by: `tests/operands.rs`, which compares every code with the one that the engine's own registers give, instruction by instruction.

use super::{OperandCode, OperandNeed, operand_need, static_code};
use crate::isa::{Base, Block, Class, Compute, Cond, Insn, Op, PC, SP, Source, Writeback};
use crate::units::Addr;

/// What is known when a block is entered.
pub trait Entry {
    /// R0 to R12, SP, LR.
    fn reg(&self, index: u8) -> u32;
    /// N, Z, C, V in bits 31 to 28.
    fn flags(&self) -> u32;
    /// Memory, where reading has no side effect: zero-extended little-endian value of 1, 2 or 4 bytes.
    fn load(&self, address: u32, bytes: u8) -> Option<u32>;
}

/// A node of the block's expression graph; operands stand before their users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Unknown,
    Const(u32),
    Reg(u8),
    EntryFlags,
    Apply { op: Op, operands: [usize; 3] },
    /// The flags of an operation, with the bits that are known in the low nibble.
    Flags { op: Op, a: usize, b: usize },
    /// A load; the block's first `after` stores precede it.
    Load { address: usize, bytes: u8, signed: bool, after: usize },
    Select { flags: usize, cond: Cond, then: usize, otherwise: usize },
}

/// What one instruction needs.
#[derive(Clone, Copy, Debug)]
struct Need {
    insn: usize,
    /// For an instruction in an IT block: the flags that decide.
    outcome: Option<(usize, Cond)>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Address { node: usize, bytes: u8 },
    LongMultiply { factors: [usize; 2], signed: bool },
    Divide { operands: [usize; 2], signed: bool },
    OutcomeOnly { code: OperandCode },
}

impl Kind {
    /// The nodes that it depends on.
    fn nodes(self) -> impl Iterator<Item = usize> {
        let [a, b] = match self {
            Kind::Address { node, .. } => [Some(node), None],
            Kind::LongMultiply { factors: [a, b], .. } | Kind::Divide { operands: [a, b], .. } => [Some(a), Some(b)],
            Kind::OutcomeOnly { .. } => [None, None],
        };
        a.into_iter().chain(b)
    }
}

/// A store of the block: where, how much, and the value if it is one word.
#[derive(Clone, Copy, Debug)]
struct Store {
    address: usize,
    bytes: u32,
    word: Option<usize>,
}

/// A block's operand codes: those that never change, and the expressions for the others.
#[derive(Debug)]
pub struct Operands {
    /// One code an instruction; where an expression decides, the code that stands in for an unresolved value.
    fixed: Box<[OperandCode]>,
    nodes: Vec<Node>,
    needs: Vec<Need>,
    stores: Vec<Store>,
    /// Nodes that the needs depend on, operands first.
    order: Vec<usize>,
    stable: bool,
}

/// Scratch space for evaluation, kept between calls.
#[derive(Debug, Default)]
pub struct Scratch {
    values: Vec<Option<u32>>,
}

impl Operands {
    /// Looks at a block once. `rom` reads what cannot change while the block's code stays as it is: flash.
    #[must_use]
    pub fn of(block: &Block, rom: impl Fn(u32, u8) -> Option<u32>) -> Self {
        let mut build = Build::new(rom);
        for (i, insn) in block.insns.iter().enumerate() {
            build.insn(i, insn);
        }
        let stable = build.is_stable();
        let Build { fixed, nodes, needs, stores, .. } = build;
        let mut operands =
            Operands { fixed: fixed.into_boxed_slice(), nodes, needs, stores, order: Vec::new(), stable };
        operands.order = operands.reachable();
        operands
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

    /// Whether the codes stay as they are while the block loops to itself: every address is a register that moves by a constant which
    /// keeps its alignment. (A pointer that walks out of one memory into another without an access in between is not seen.)
    #[must_use]
    pub fn is_stable(&self) -> bool {
        self.stable
    }

    /// Evaluates the codes for one execution of the block into `codes`; returns how many values could not be had.
    pub fn evaluate(&self, entry: &impl Entry, scratch: &mut Scratch, codes: &mut Vec<OperandCode>) -> u32 {
        codes.clear();
        codes.extend_from_slice(&self.fixed);
        let values = &mut scratch.values;
        values.clear();
        values.resize(self.nodes.len(), None);
        for &i in &self.order {
            values[i] = self.node(self.nodes[i], values, entry);
        }
        let mut unresolved = 0;
        for need in &self.needs {
            let passes = match need.outcome {
                None => Some(true),
                Some((flags, cond)) => values[flags].and_then(|flags| holds(cond, flags)),
            };
            let pair = |[a, b]: [usize; 2]| values[a].zip(values[b]);
            let code = match (passes, need.kind) {
                (Some(false), _) => Some(OperandCode::FAILED),
                (None, _) => None,
                (_, Kind::OutcomeOnly { code }) => Some(code),
                (_, Kind::Address { node, bytes }) => values[node].map(|address| OperandCode::address(Addr(address), bytes)),
                (_, Kind::LongMultiply { factors, signed }) => pair(factors).map(|pair| OperandCode::long_multiply(signed, pair)),
                (_, Kind::Divide { operands, signed }) => pair(operands).map(|(n, d)| OperandCode::divide(signed, n, d)),
            };
            match code {
                Some(code) => codes[need.insn] = code,
                None => unresolved += 1,
            }
        }
        unresolved
    }

    fn node(&self, node: Node, values: &[Option<u32>], entry: &impl Entry) -> Option<u32> {
        match node {
            Node::Unknown => None,
            Node::Const(value) => Some(value),
            Node::Reg(r) => Some(entry.reg(r)),
            Node::EntryFlags => Some((entry.flags() & 0xf000_0000) | 0xf),
            Node::Apply { op, operands: [a, b, c] } => Some(op.apply(values[a]?, values[b]?, values[c]?)),
            Node::Flags { op, a, b } => Some(flags(op, values[a]?, values[b]?)),
            Node::Load { address, bytes, signed, after } => {
                let address = values[address]?;
                let loaded = self.forwarded(address, bytes, after, values, entry)?;
                let unused = 32 - 8 * u32::from(bytes);
                Some(if signed { ((loaded << unused) as i32 >> unused) as u32 } else { loaded })
            }
            Node::Select { flags, cond, then, otherwise } => values[if holds(cond, values[flags]?)? { then } else { otherwise }],
        }
    }

    /// What a load sees: the last store before it that hits, or memory as it was at the block's entry.
    fn forwarded(&self, address: u32, bytes: u8, after: usize, values: &[Option<u32>], entry: &impl Entry) -> Option<u32> {
        for store in self.stores.get(..after)?.iter().rev() {
            let at = values[store.address]?;
            if at == address && bytes == 4 && store.bytes == 4 {
                return values[store.word?];
            }
            if at < address.wrapping_add(u32::from(bytes)) && address < at.wrapping_add(store.bytes) {
                return None;
            }
        }
        entry.load(address, bytes)
    }

    /// The nodes that the needs depend on, operands first.
    fn reachable(&self) -> Vec<usize> {
        let mut wanted = vec![false; self.nodes.len()];
        let mark = |i: usize, wanted: &mut Vec<bool>| wanted[i] = true;
        for need in &self.needs {
            need.outcome.map(|(flags, _)| flags).into_iter().chain(need.kind.nodes()).for_each(|i| mark(i, &mut wanted));
        }
        for i in (0..self.nodes.len()).rev() {
            if !wanted[i] {
                continue;
            }
            match self.nodes[i] {
                Node::Apply { operands, .. } => operands.iter().for_each(|o| mark(*o, &mut wanted)),
                Node::Flags { a, b, .. } => {
                    mark(a, &mut wanted);
                    mark(b, &mut wanted);
                }
                Node::Load { address, after, .. } => {
                    mark(address, &mut wanted);
                    for store in self.stores.iter().take(after) {
                        mark(store.address, &mut wanted);
                        if let Some(word) = store.word {
                            mark(word, &mut wanted);
                        }
                    }
                }
                Node::Select { flags, then, otherwise, .. } => {
                    for o in [flags, then, otherwise] {
                        mark(o, &mut wanted);
                    }
                }
                Node::Unknown | Node::Const(_) | Node::Reg(_) | Node::EntryFlags => {}
            }
        }
        (0..self.nodes.len()).filter(|i| wanted[*i]).collect()
    }
}

/// N, Z, C, V of an operation in the upper nibble, and which of them are known in the lower.
fn flags(op: Op, a: u32, b: u32) -> u32 {
    let result = op.apply(a, b, 0);
    let nz = (result & 1 << 31) | u32::from(result == 0) << 30;
    let (carry, overflow) = match op {
        Op::Sub => (a >= b, ((a ^ b) & (a ^ result)) >> 31 != 0),
        Op::ReverseSub => (b >= a, ((a ^ b) & (b ^ result)) >> 31 != 0),
        Op::Add => (result < a, (!(a ^ b) & (a ^ result)) >> 31 != 0),
        _ => return nz | 0xc,
    };
    nz | u32::from(carry) << 29 | u32::from(overflow) << 28 | 0xf
}

/// Whether a condition holds, if the flags that it tests are known.
fn holds(cond: Cond, flags: u32) -> Option<bool> {
    let tested = match cond {
        Cond::Eq | Cond::Ne => 0b0100,
        Cond::Cs | Cond::Cc => 0b0010,
        Cond::Mi | Cond::Pl => 0b1000,
        Cond::Vs | Cond::Vc => 0b0001,
        Cond::Hi | Cond::Ls => 0b0110,
        Cond::Ge | Cond::Lt => 0b1001,
        Cond::Gt | Cond::Le => 0b1101,
        Cond::Al => 0,
    };
    (flags & tested == tested).then(|| cond.holds(flags))
}

/// The graph while it grows: which node each register and the flags hold after the instructions seen so far.
struct Build<R> {
    rom: R,
    fixed: Vec<OperandCode>,
    nodes: Vec<Node>,
    regs: [usize; 16],
    flags: usize,
    needs: Vec<Need>,
    stores: Vec<Store>,
}

const UNKNOWN: usize = 0;
const ENTRY_FLAGS: usize = 1;

impl<R: Fn(u32, u8) -> Option<u32>> Build<R> {
    fn new(rom: R) -> Self {
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
            (Op::Add | Op::Sub, Node::Apply { op: Op::Add, operands: [base, k, _] }, Node::Const(y)) if matches!(self.nodes[k], Node::Const(_)) => {
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

    fn insn(&mut self, i: usize, insn: &Insn) {
        // The flags as they are before the instruction decide whether it executes.
        let flags = self.flags;
        let address = insn.mem.map(|_| self.address(insn));
        let need = operand_need(insn);
        let outcome = (need.condition != Cond::Al).then_some((flags, need.condition));
        let regs = |(a, b): (u8, u8)| [self.regs[a as usize & 15], self.regs[b as usize & 15]];
        let mut code = static_code(insn);
        let kind = match (need.operand, address) {
            (OperandNeed::Address(mem), Some(node)) => match self.nodes[node] {
                Node::Const(at) => {
                    code = OperandCode::address(Addr(at), mem.bytes);
                    None
                }
                _ if self.is_on_stack(node) => None,
                _ => Some(Kind::Address { node, bytes: mem.bytes }),
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
        if let Some(Compute { destination, op, a, b, c }) = insn.compute {
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
            if let Some(r) = destination.filter(|r| *r != PC) {
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

    /// See [`Operands::is_stable`].
    fn is_stable(&self) -> bool {
        let step = |r: u8| match self.nodes[self.regs[r as usize & 15]] {
            Node::Reg(same) if same == r => Some(0),
            Node::Apply { op: Op::Add, operands: [base, k, _] } if self.nodes[base] == Node::Reg(r) => match self.nodes[k] {
                Node::Const(step) => Some(step as i32),
                _ => None,
            },
            _ => None,
        };
        self.needs.iter().all(|need| {
            let Kind::Address { node, bytes } = need.kind else { return false };
            let base = match self.nodes[node] {
                Node::Apply { op: Op::Add, operands: [base, k, _] } if matches!(self.nodes[k], Node::Const(_)) => base,
                _ => node,
            };
            let Node::Reg(r) = self.nodes[base] else { return false };
            need.outcome.is_none() && step(r).is_some_and(|step| step % i32::from(bytes.max(1)) == 0)
        })
    }
}
