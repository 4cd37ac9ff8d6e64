//! What it is: which block of the table of prices stands at an address, and what has to be done when it begins.
//! Source: our own; what needs doing is explained at each tag.
//! Does not model: anything of its own.
//! Tested by: `tests/machine.rs` (code in SRAM, rewritten code), `tests/fidelity.rs`.

use crate::finding::Result;
use crate::isa::{Base, Block, Class, Decoder, Flow, Insn, Mem};
use crate::machine::cpu::Memory;
use crate::timing::{Ahead, CodeId, Mixing, Prices};
use crate::units::Addr;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;

/// What has to be done about a block that begins: nothing, if none of these bits is set.
pub mod tag {
    /// Operand codes have to be evaluated.
    pub const EVALUATED: u8 = 1;
    /// They stay the same while the block loops to itself.
    pub const STABLE: u8 = 2;
    /// Its start is watched.
    pub const WATCHED: u8 = 4;
    /// It contains an instruction that this core does not have but the engine would execute, or an access of it is unaligned whatever the
    /// registers hold; or a debugger wants to stop in it.
    pub const FAULTY: u8 = 8;
    /// It only branches to itself.
    pub const SPINNING: u8 = 16;
    /// Control came to it by a call, a return or a jump out of a function, or the stack pointer was lowered on the way. Of a passage, not of a
    /// block; set only while somebody wants to know.
    pub const CROSSES: u8 = 32;
    /// It sends an event.
    pub const SENDS: u8 = 64;
    /// It lies in SRAM and may have been rewritten.
    pub const REWRITABLE: u8 = 128;
}

/// A window through which flash is seen: its own address, or the alias at 0.
struct Window {
    base: u32,
    bytes: u32,
    /// By half the offset: size and number of the block met first.
    blocks: Vec<(u32, u32)>,
}

/// See the module's description.
pub struct Blocks {
    decoder: Decoder,
    memory: Rc<Memory>,
    windows: [Window; 2],
    /// Blocks that begin where another size of block was met before, and those in SRAM: by address and size.
    others: HashMap<(u32, u32), CodeId, Mixing>,
    /// By number: the tag, and for blocks in SRAM the bytes that were decoded.
    known: Vec<(u8, Box<[u8]>)>,
    watched: HashSet<u32>,
    /// Where a debugger wants to stop.
    breaks: BTreeSet<u32>,
}

impl Blocks {
    pub fn new(memory: Rc<Memory>) -> Result<Self> {
        let (base, bytes) = memory.flash();
        let windows = [base, 0].map(|base| Window { base, bytes, blocks: Vec::new() });
        Ok(Self {
            decoder: Decoder::new()?,
            memory,
            windows,
            others: HashMap::default(),
            known: Vec::new(),
            watched: HashSet::new(),
            breaks: BTreeSet::new(),
        })
    }

    /// What has to be done when the block begins.
    pub fn tag(&self, code: CodeId) -> u8 {
        self.known.get(code.index()).map_or(0, |(tag, _)| *tag)
    }

    /// What begins with a block of that size and number.
    pub fn ahead(&self, prices: &Prices, code: CodeId, size: u32) -> Ahead {
        Ahead { size, code, signature: prices.fixed(code), tag: self.tag(code) }
    }

    /// From now on blocks that start at `pc` carry [`tag::WATCHED`].
    pub fn watch(&mut self, prices: &mut Prices, pc: u32) {
        if !self.watched.insert(pc) {
            return;
        }
        for (i, (tag, _)) in self.known.iter_mut().enumerate() {
            let code = CodeId::from_index(i);
            if prices.block(code).addr.0 == pc {
                *tag |= tag::WATCHED;
                prices.mark(code, tag::WATCHED);
            }
        }
    }

    /// Where a debugger wants to stop: from now on such blocks carry [`tag::FAULTY`].
    pub fn set_breaks(&mut self, prices: &mut Prices, breaks: BTreeSet<u32>) {
        self.breaks = breaks;
        for i in 0..self.known.len() {
            let code = CodeId::from_index(i);
            if self.has_break(prices.block(code)) {
                if let Some((tag, _)) = self.known.get_mut(i) {
                    *tag |= tag::FAULTY;
                }
                prices.mark(code, tag::FAULTY);
            }
        }
    }

    /// Whether a debugger wants to stop in a block.
    pub fn has_break(&self, block: &Block) -> bool {
        self.breaks.range(block.addr.0..block.end().0).next().is_some()
    }

    /// Flash from `address` on is not what it was: the blocks that lie there or have a literal there are not known any more. Whether there
    /// are any.
    pub fn forget_flash(&mut self, prices: &Prices, address: u32, size: u32) -> bool {
        let views: Vec<(u32, u32)> = self.windows.iter().map(|window| (window.base, window.bytes)).collect();
        let offset = |at: u32| views.iter().map(|(base, bytes)| (at.wrapping_sub(*base), bytes)).find(|(o, bytes)| o < bytes);
        let Some((start, _)) = offset(address) else { return false };
        let meets = |at: Addr, bytes: u32| {
            offset(at.0).is_some_and(|(begin, _)| begin < start.saturating_add(size) && start < begin.saturating_add(bytes))
        };
        let is_stale = |code: CodeId| {
            let block = prices.block(code);
            let literal = |insn: &Insn| match insn.mem {
                Some(Mem { base: Base::Literal(at), bytes, count, .. }) => meets(at, u32::from(bytes) * u32::from(count)),
                _ => false,
            };
            meets(block.addr, block.size) || block.insns.iter().any(literal)
        };
        let mut any = false;
        for known in self.windows.iter_mut().flat_map(|window| &mut window.blocks).filter(|(size, _)| *size != 0) {
            if is_stale(CodeId::from_index(known.1 as usize)) {
                *known = (0, 0);
                any = true;
            }
        }
        self.others.retain(|_, code| {
            let stale = is_stale(*code);
            any |= stale;
            !stale
        });
        any
    }

    fn slot(&self, pc: u32) -> Option<(usize, usize)> {
        let window = self.windows.iter().position(|window| pc.wrapping_sub(window.base) < window.bytes)?;
        Some((window, (pc.wrapping_sub(self.windows.get(window)?.base) / 2) as usize))
    }

    /// The number of a block that was met before and is still what it was.
    pub fn known(&self, pc: u32, size: u32) -> Option<CodeId> {
        if let Some((window, slot)) = self.slot(pc)
            && let Some((known, code)) = self.windows.get(window).and_then(|window| window.blocks.get(slot))
            && *known == size
        {
            return Some(CodeId::from_index(*code as usize));
        }
        let code = *self.others.get(&(pc, size))?;
        self.is_current(code, pc).then_some(code)
    }

    /// Whether a block at `pc` still has the bytes that were decoded.
    pub fn is_current(&self, code: CodeId, pc: u32) -> bool {
        self.known.get(code.index()).is_some_and(|(_, bytes)| bytes.is_empty() || self.memory.holds(pc, bytes))
    }

    /// Whether any block was in SRAM.
    #[must_use]
    pub fn any_in_sram(&self) -> bool {
        self.known.iter().any(|(_, bytes)| !bytes.is_empty())
    }

    /// The number of the block at an address; decodes it if it is new. Where code in SRAM was rewritten, the new block takes the old one's
    /// number, so that firmware that does that for ever does not fill the table; all that `prices` remembers is then forgotten.
    /// `before` is the block that ran before it.
    pub fn find(&mut self, prices: &mut Prices, pc: u32, size: u32, before: Option<CodeId>) -> CodeId {
        if let Some(code) = self.known(pc, size) {
            return code;
        }
        let bytes = self.memory.read_vec(pc, size as usize).unwrap_or_default();
        let block = self.decoder.decode_block_after(before.map(|before| prices.block(before)), Addr(pc), &bytes);
        let memory = Rc::clone(&self.memory);
        let rom = |address, bytes: u8| if memory.is_sram(address) { None } else { memory.read(address, u32::from(bytes)) };
        match self.others.get(&(pc, size)).copied() {
            Some(code) => {
                prices.replace(code, block, rom);
                let known = (self.describe(prices, code), bytes.into());
                if let Some(slot) = self.known.get_mut(code.index()) {
                    *slot = known;
                }
                code
            }
            None => self.add(prices, block, bytes),
        }
    }

    /// Some of a block's instructions as a block of its own: in an IT block, its conditions hold on.
    pub fn part(&mut self, prices: &mut Prices, code: CodeId, range: Range<usize>) -> Option<CodeId> {
        let whole = prices.block(code);
        let open_it = whole.open_it.filter(|_| range.end == whole.insns.len());
        let insns = whole.insns.get(range)?;
        let addr = insns.first()?.addr;
        let size = insns.last()?.end().0.wrapping_sub(addr.0);
        let part = Block { addr, size, insns: insns.into(), open_it };
        if let Some(known) = self.known(addr.0, size)
            && *prices.block(known) == part
        {
            return Some(known);
        }
        let bytes = self.memory.read_vec(addr.0, size as usize)?;
        Some(self.add(prices, part, bytes))
    }

    fn add(&mut self, prices: &mut Prices, block: Block, bytes: Vec<u8>) -> CodeId {
        let (pc, size) = (block.addr.0, block.size);
        let memory = Rc::clone(&self.memory);
        let code = prices.add(
            block,
            |address, bytes| {
                if memory.is_sram(address) { None } else { memory.read(address, u32::from(bytes)) }
            },
        );
        let rewritable = self.memory.is_sram(pc);
        self.known.push((self.describe(prices, code), if rewritable { bytes.into() } else { Box::default() }));
        let slot = self.slot(pc).and_then(|(window, slot)| {
            let window = self.windows.get_mut(window)?;
            window.blocks.resize(window.bytes as usize / 2, (0, 0));
            window.blocks.get_mut(slot)
        });
        match slot {
            Some(slot) if slot.0 == 0 || slot.0 == size => *slot = (size, code.index() as u32),
            _ => {
                self.others.insert((pc, size), code);
            }
        }
        code
    }

    fn describe(&self, prices: &Prices, code: CodeId) -> u8 {
        let (block, operands) = (prices.block(code), prices.operands(code));
        let has = |class: Class| block.insns.iter().any(|insn| insn.class == class);
        let spins = matches!(&block.insns[..], [insn] if insn.flow == Flow::Direct { target: insn.addr, conditional: false });
        let unaligned = operands.is_fixed()
            && operands.fixed().iter().zip(&block.insns).any(|(code, insn)| super::traps::is_split(insn, *code));
        [
            (tag::EVALUATED, !operands.is_fixed()),
            (tag::STABLE, operands.is_stable() && !operands.is_fixed()),
            (tag::WATCHED, self.watched.contains(&block.addr.0)),
            (tag::FAULTY, unaligned || has(Class::NotOnThisCore) || self.has_break(block)),
            (tag::SPINNING, spins),
            (tag::SENDS, has(Class::Sev)),
            (tag::REWRITABLE, self.memory.is_sram(block.addr.0)),
        ]
        .iter()
        .filter(|(_, holds)| *holds)
        .fold(0, |tag, (bit, _)| tag | bit)
    }
}
