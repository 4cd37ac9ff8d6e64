//! What it is: what a function does to the stack: how deep it gets by itself, and what it calls how deep.
//! Source: its instructions, followed from its first one along every branch (DDI 0403E, A7.7).
//! Does not model: which branches are taken; a switch table of a form that GCC and LLVM do not write.
//! Tested by: `tests/stack.rs`, against the compiler's own figures (`-fstack-usage`).

use crate::firmware::{Image, SymbolKind};
use crate::isa::{Base, Block, Class, Cond, Decoder, Flow, Insn, Op, PC, SP, Source, SpStep};
use crate::units::Addr;
use std::collections::{BTreeMap, BTreeSet};

/// What a call site calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The code at that address.
    Known(u32),
    /// What a register or a variable says.
    Indirect,
}

/// A call, or a jump out of the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Site {
    /// The instruction's address.
    pub at: u32,
    /// How deep the stack is there, in bytes from the function's entry.
    pub depth: u32,
    /// Where to.
    pub target: Target,
}

/// What a function does to the stack.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    /// The deepest that it gets by itself.
    pub depth: u32,
    /// Its calls, by address.
    pub sites: Vec<Site>,
    /// It takes as much as a register says.
    pub dynamic: bool,
}

/// No instruction is looked at more often than this: code that pushes in a loop has no bound.
const MOST_VISITS: u8 = 8;
/// Instructions are decoded so many bytes at a time.
const CHUNK: u32 = 32;
/// Entries of a switch table.
const MOST_ENTRIES: u32 = 4096;

/// Reads a firmware's code.
pub(super) struct Code<'a> {
    image: &'a Image,
    decoder: Decoder,
    /// Functions, by address: first address and the one behind the last.
    functions: Vec<(u32, u32)>,
    /// Where a run went from an instruction.
    seen: BTreeMap<u32, BTreeSet<u32>>,
}

impl<'a> Code<'a> {
    pub fn new(image: &'a Image, seen: BTreeMap<u32, BTreeSet<u32>>) -> Option<Self> {
        let mut functions: Vec<(u32, u32)> = Vec::new();
        for (start, size, symbol) in image.symbols.extents().filter(|(.., symbol)| symbol.kind == SymbolKind::Function) {
            match functions.last_mut() {
                // A function that another symbol's stretch divides is one function.
                Some((begin, end)) if *begin == symbol.address.0 => *end = start.0.saturating_add(size),
                _ => functions.push((start.0, start.0.saturating_add(size))),
            }
        }
        Some(Self { image, decoder: Decoder::new().ok()?, functions, seen })
    }

    /// Where a run went from an instruction.
    pub fn seen(&self, at: u32) -> BTreeSet<u32> {
        self.seen.get(&at).cloned().unwrap_or_default()
    }

    /// The functions' first addresses.
    pub fn functions(&self) -> impl Iterator<Item = u32> + '_ {
        self.functions.iter().map(|(start, _)| *start)
    }

    /// The bounds of the function that holds an address, or of the gap between two.
    pub fn bounds(&self, address: u32) -> (u32, u32) {
        let after = self.functions.partition_point(|(start, _)| *start <= address);
        match after.checked_sub(1).and_then(|at| self.functions.get(at)) {
            Some((start, end)) if address < *end => (*start, *end),
            before => {
                let next = self.functions.get(after).map_or(u32::MAX, |(start, _)| *start);
                (before.map_or(0, |(_, end)| *end), next)
            }
        }
    }

    fn bytes(&self, address: u32, most: u32) -> &'a [u8] {
        let found = self.image.segments.iter().find_map(|segment| {
            let offset = address.checked_sub(segment.vma.0)? as usize;
            segment.data.get(offset..).filter(|rest| !rest.is_empty())
        });
        let found = found.unwrap_or_default();
        found.get(..most as usize).unwrap_or(found)
    }

    fn word(&self, address: u32) -> Option<u32> {
        Some(u32::from_le_bytes(self.bytes(address, 4).try_into().ok()?))
    }

    /// What the code does that begins at an address.
    pub fn frame(&self, entry: u32) -> Frame {
        let bounds = self.bounds(entry);
        let mut walk = Walk { code: self, bounds, frame: Frame::default(), seen: BTreeMap::new(), work: vec![(entry, 0)] };
        while let Some((address, depth)) = walk.work.pop() {
            walk.follow(address, depth);
        }
        walk.frame.sites.sort_unstable_by_key(|site| (site.at, std::cmp::Reverse(site.depth)));
        walk.frame.sites.dedup_by_key(|site| site.at);
        walk.frame
    }
}

struct Walk<'a, 'b> {
    code: &'b Code<'a>,
    bounds: (u32, u32),
    frame: Frame,
    /// By address: the deepest that it was met at, and how often it was looked at.
    seen: BTreeMap<u32, (u32, u8)>,
    work: Vec<(u32, u32)>,
}

impl Walk<'_, '_> {
    /// Whether that instruction was looked at with so deep a stack already.
    fn known(&mut self, address: u32, depth: u32) -> bool {
        let (deepest, visits) = self.seen.entry(address).or_insert((0, 0));
        let known = *visits > 0 && (*deepest >= depth || *visits >= MOST_VISITS);
        *deepest = depth.max(*deepest);
        *visits = visits.saturating_add(1);
        known
    }

    /// From an address on, to where control goes elsewhere for good.
    fn follow(&mut self, mut address: u32, mut depth: u32) {
        let mut before: Option<Block> = None;
        // Registers that hold a constant, for frames too large for an instruction.
        let mut constants = [None; 16];
        loop {
            if !(self.bounds.0..self.bounds.1).contains(&address) {
                // It runs on into what stands behind it.
                return self.leave(address.wrapping_sub(2), depth, Target::Known(address));
            }
            if self.code.image.symbols.is_data(Addr(address)) {
                return;
            }
            let bytes = self.code.bytes(address, CHUNK.min(self.bounds.1 - address));
            let block = self.code.decoder.decode_block_after(before.as_ref(), Addr(address), bytes);
            if block.insns.is_empty() {
                return;
            }
            for insn in &block.insns {
                if self.known(insn.addr.0, depth) || !self.step(insn, &mut depth, &mut constants) {
                    return;
                }
            }
            address = block.end().0;
            before = Some(block);
        }
    }

    /// A jump to where a register or a variable says: within the function as far as a run has shown it, else out of it.
    fn jump(&mut self, at: u32, depth: u32) {
        let seen = self.code.seen(at);
        let (start, end) = self.bounds;
        let within: Vec<u32> = seen.iter().copied().filter(|target| (start..end).contains(target) && *target != start).collect();
        if within.is_empty() || within.len() < seen.len() {
            self.leave(at, depth, Target::Indirect);
        }
        self.work.extend(within.into_iter().map(|target| (target, depth)));
    }

    fn leave(&mut self, at: u32, depth: u32, target: Target) {
        self.frame.sites.push(Site { at, depth, target });
    }

    /// Takes one instruction; whether control can go on behind it.
    fn step(&mut self, insn: &Insn, depth: &mut u32, constants: &mut [Option<u32>; 16]) -> bool {
        if matches!(insn.class, Class::Undefined | Class::Udf) || self.code.image.symbols.is_data(insn.addr) {
            return false;
        }
        let certain = insn.cond == Cond::Al;
        self.stack(insn, certain, depth, constants);
        for register in insn.writes.iter() {
            if let Some(slot) = constants.get_mut(usize::from(register)) {
                *slot = None;
            }
        }
        if certain && let Some((register, value)) = self.constant(insn) {
            constants[usize::from(register & 15)] = Some(value);
        }
        match insn.flow {
            Flow::Sequential => true,
            Flow::Direct { target, conditional } => {
                if (self.bounds.0..self.bounds.1).contains(&target.0) {
                    self.work.push((target.0, *depth));
                } else {
                    self.leave(insn.addr.0, *depth, Target::Known(target.0));
                }
                conditional || !certain
            }
            Flow::Call { target } => {
                self.leave(insn.addr.0, *depth, Target::Known(target.0));
                constants.fill(None);
                true
            }
            Flow::Indirect { call: true } => {
                self.leave(insn.addr.0, *depth, Target::Indirect);
                constants.fill(None);
                true
            }
            _ if insn.is_return() => !certain,
            Flow::LoadPc => {
                let literal = match insn.mem.map(|mem| mem.base) {
                    Some(Base::Literal(at)) => self.code.word(at.0),
                    _ => None,
                };
                match literal {
                    Some(target) => self.leave(insn.addr.0, *depth, Target::Known(target & !1)),
                    None => self.jump(insn.addr.0, *depth),
                }
                !certain
            }
            Flow::Indirect { call: false } => {
                self.jump(insn.addr.0, *depth);
                !certain
            }
            Flow::Table => {
                self.table(insn, *depth);
                false
            }
        }
    }

    /// The register that the instruction gives a constant, and that.
    fn constant(&self, insn: &Insn) -> Option<(u8, u32)> {
        let register = insn.writes.iter().next().filter(|register| *register != PC && *register != SP)?;
        if let Some((Op::Copy, Source::Const(value))) = insn.compute.map(|compute| (compute.op, compute.a)) {
            return Some((register, value));
        }
        match insn.mem.map(|mem| mem.base) {
            Some(Base::Literal(at)) if insn.class == Class::Load => Some((register, self.code.word(at.0)?)),
            _ => None,
        }
    }

    /// What the instruction does to the stack pointer. What only may be given back is taken to stay.
    fn stack(&mut self, insn: &Insn, certain: bool, depth: &mut u32, constants: &[Option<u32>; 16]) {
        let by = match insn.sp_step() {
            SpStep::Stays => return,
            SpStep::By(by) => Some(by),
            SpStep::Set => match insn.compute.map(|compute| (compute.op, compute.a, compute.b)) {
                Some((op @ (Op::Add | Op::Sub), Source::Reg(SP), Source::Reg(register))) => {
                    let value = constants.get(usize::from(register)).copied().flatten().map(|value| value as i32);
                    self.frame.dynamic |= value.is_none() && op == Op::Sub;
                    value.map(|value| if op == Op::Sub { value.wrapping_neg() } else { value })
                }
                // Back to what a register has kept.
                _ => None,
            },
        };
        match by {
            Some(by) if by < 0 => *depth = depth.saturating_add(by.unsigned_abs()),
            Some(by) if certain => *depth = depth.saturating_sub(by.unsigned_abs()),
            _ => {}
        }
        self.frame.depth = self.frame.depth.max(*depth);
    }

    /// TBB and TBH: compilers write the table behind the instruction and the code behind the table, so the table ends where the first of its
    /// targets begins.
    fn table(&mut self, insn: &Insn, depth: u32) {
        let width = insn.mem.map_or(1, |mem| u32::from(mem.bytes));
        let start = insn.addr.0.wrapping_add(4);
        let mut end = self.bounds.1;
        for entry in 0..MOST_ENTRIES {
            let at = start.wrapping_add(entry * width);
            if at.wrapping_add(width) > end {
                break;
            }
            let half = match (self.code.bytes(at, width), width) {
                ([low, high], 2) => u32::from(u16::from_le_bytes([*low, *high])),
                ([byte], 1) => u32::from(*byte),
                _ => break,
            };
            let target = start.wrapping_add(half * 2);
            if half == 0 || !(self.bounds.0..self.bounds.1).contains(&target) {
                break;
            }
            end = end.min(target);
            self.work.push((target, depth));
        }
    }
}
