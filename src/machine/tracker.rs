//! What it is: the account of what runs: it knows the blocks, prices each when the next begins, and can say in the middle of one what time it is.
//! Source: DESIGN, "The cycle model"; prices are `timing`'s.
//! Does not model: anything; it charges a block only when it has run (the engine's block hook comes before: UNICORN, row 11).
//! Tested by: `tests/fidelity.rs`, `tests/operands.rs`, and the sums in every report.

use super::cpu::{Core, Memory};
use crate::finding::Result;
use crate::isa::{Block, Class, Decoder, Flow, Insn};
use crate::timing::{
    CodeId, Entry, Fidelity, OperandCode, Prices, Region, Scratch, SignatureId, TimingConfig, Transition, step_prefix,
};
use crate::units::{Addr, Cycles, Tick};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// What the hot path has to know of a block.
#[derive(Clone, Copy)]
struct Traits {
    fixed: SignatureId,
    /// Something has to be done beyond pricing: bits of the constants below.
    flags: u8,
}

/// Operand codes have to be evaluated.
const EVALUATED: u8 = 1;
/// They stay the same while the block loops to itself.
const STABLE: u8 = 2;
/// Its start is watched.
const WATCHED: u8 = 4;
/// It lies in SRAM and may have been rewritten.
const REWRITABLE: u8 = 8;
/// It contains an instruction that this core does not have but the engine would execute.
const FOREIGN: u8 = 16;

/// It only branches to itself.
const SPINNING: u8 = 32;

/// The block that runs now.
#[derive(Clone, Copy)]
struct Running {
    code: CodeId,
    signature: SignatureId,
    pc: u32,
    size: u32,
    /// The first instruction that can make the next device access.
    cursor: usize,
    /// Accesses that the instruction before `cursor` may still make.
    more: u8,
}

/// What the hook has to do about a block that begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Nothing.
    Go,
    /// Its start is watched.
    Watched,
    /// It only branches to itself.
    Stuck,
    /// It must not run as it is: the instruction at this address is not on this core.
    Foreign(u32),
}

/// See the module's description.
pub struct Tracker {
    decoder: Decoder,
    prices: Prices,
    traits: Vec<Traits>,
    /// For blocks in flash by half their offset: size and number of the one met first; others are in `others`.
    flash: Vec<(u32, u32)>,
    others: HashMap<(u32, u32), CodeId>,
    memory: Rc<Memory>,
    flash_base: u32,
    running: Option<Running>,
    previous: Option<Running>,
    /// When the running block began.
    start: Tick,
    watched: HashSet<u32>,
    scratch: Scratch,
    codes: Vec<OperandCode>,
    unresolved: u64,
    /// A block that only branches to itself may run.
    spinning: bool,
}

/// The core and the memories at a block's entry.
struct AtEntry<'a> {
    core: &'a Core<'a>,
    memory: &'a Memory,
}

impl Entry for AtEntry<'_> {
    fn reg(&self, index: u8) -> u32 {
        self.core.gpr(index)
    }
    fn flags(&self) -> u32 {
        self.core.flags()
    }
    fn load(&self, address: u32, bytes: u8) -> Option<u32> {
        self.memory.read(address, u32::from(bytes))
    }
}

/// Whether an instruction writes memory.
fn stores(insn: &Insn) -> bool {
    matches!(insn.class, Class::Store | Class::StoreMultiple | Class::StoreDouble | Class::StoreExclusive)
}

impl Tracker {
    /// An empty account over those memories.
    pub fn new(memory: Rc<Memory>, fidelity: Fidelity, config: TimingConfig) -> Result<Self> {
        let (flash_base, flash_size) = memory.flash();
        Ok(Self {
            decoder: Decoder::new()?,
            prices: Prices::new(fidelity, config),
            traits: Vec::new(),
            flash: vec![(0, 0); flash_size as usize / 2],
            others: HashMap::new(),
            memory,
            flash_base,
            running: None,
            previous: None,
            start: Tick(0),
            watched: HashSet::new(),
            scratch: Scratch::default(),
            codes: Vec::new(),
            unresolved: 0,
            spinning: false,
        })
    }

    /// The instant at which the running block began, or the core stopped.
    #[must_use]
    pub fn now(&self) -> Tick {
        self.start
    }

    /// The prices so far.
    #[must_use]
    pub fn prices(&self) -> &Prices {
        &self.prices
    }

    /// How many operand values could not be had (see [`crate::timing::Operands`]).
    #[must_use]
    pub fn unresolved(&self) -> u64 {
        self.unresolved
    }

    /// The address of the running block, for messages.
    #[must_use]
    pub fn pc(&self) -> u32 {
        self.running.or(self.previous).map_or(0, |running| running.pc)
    }

    /// From now on a block that starts at `pc` is [`Begin::Watched`].
    pub fn watch(&mut self, pc: u32) {
        if self.watched.insert(pc) {
            for (i, traits) in self.traits.iter_mut().enumerate() {
                if self.prices.block(CodeId::from_index(i)).addr.0 == pc {
                    traits.flags |= WATCHED;
                }
            }
        }
    }

    /// Whether blocks that only branch to themselves may run: an interrupt may be what the firmware waits for.
    pub fn let_spin(&mut self, allowed: bool) {
        self.spinning = allowed;
    }

    /// The address of an instruction of the running block.
    #[must_use]
    pub fn pc_of(&self, at: Option<usize>) -> u32 {
        let insn = at.zip(self.running).and_then(|(at, running)| self.prices.block(running.code).insns.get(at));
        insn.map_or(self.pc(), |insn| insn.addr.0)
    }

    /// The running block has ended and control is at `next`: charges it.
    #[inline]
    pub fn settle(&mut self, next: u32) {
        if let Some(running) = self.running.take() {
            self.start += self.prices.leave(running.code, running.signature, next);
            self.previous = Some(running);
        }
    }

    /// A block begins.
    #[inline]
    pub fn begin(&mut self, core: &Core<'_>, pc: u32, size: u32) -> Begin {
        let code = self.find(pc, size);
        let Some(traits) = self.traits.get(code.index()).copied() else { return Begin::Go };
        if traits.flags == 0 {
            self.running = Some(Running { code, signature: traits.fixed, pc, size, cursor: 0, more: 0 });
            return Begin::Go;
        }
        self.begin_slowly(core, code, traits, pc, size)
    }

    fn begin_slowly(&mut self, core: &Core<'_>, code: CodeId, traits: Traits, pc: u32, size: u32) -> Begin {
        if traits.flags & FOREIGN != 0 {
            let foreign = self.prices.block(code).insns.iter().find(|insn| insn.class == Class::NotOnThisCore);
            return Begin::Foreign(foreign.map_or(pc, |insn| insn.addr.0));
        }
        if traits.flags & SPINNING != 0 && !self.spinning {
            return Begin::Stuck;
        }
        let mut signature = traits.fixed;
        if traits.flags & EVALUATED != 0 {
            signature = match self.previous {
                Some(previous) if previous.code == code && traits.flags & STABLE != 0 => previous.signature,
                _ => self.evaluate(core, code),
            };
        }
        self.running = Some(Running { code, signature, pc, size, cursor: 0, more: 0 });
        if traits.flags & WATCHED != 0 { Begin::Watched } else { Begin::Go }
    }

    fn evaluate(&mut self, core: &Core<'_>, code: CodeId) -> SignatureId {
        let entry = AtEntry { core, memory: &self.memory };
        self.unresolved += u64::from(self.prices.operands(code).evaluate(&entry, &mut self.scratch, &mut self.codes));
        self.prices.intern_for(code, &self.codes)
    }

    #[inline]
    fn find(&mut self, pc: u32, size: u32) -> CodeId {
        match self.flash.get((pc.wrapping_sub(self.flash_base) / 2) as usize) {
            Some((known, code)) if *known == size => CodeId::from_index(*code as usize),
            _ => self.find_slowly(pc, size),
        }
    }

    fn find_slowly(&mut self, pc: u32, size: u32) -> CodeId {
        if let Some(code) = self.others.get(&(pc, size)).copied()
            && !self.was_rewritten(code, pc, size)
        {
            return code;
        }
        let bytes = self.memory.read_vec(pc, size as usize).unwrap_or_default();
        let block = self.decoder.decode_block(Addr(pc), &bytes);
        let code = self.add(block);
        match self.flash.get_mut((pc.wrapping_sub(self.flash_base) / 2) as usize) {
            Some(slot) if slot.0 == 0 => *slot = (size, code.index() as u32),
            _ => {
                self.others.insert((pc, size), code);
            }
        }
        code
    }

    /// Whether a block in SRAM is no longer what was decoded.
    fn was_rewritten(&self, code: CodeId, pc: u32, size: u32) -> bool {
        if !self.memory.is_sram(pc) {
            return false;
        }
        let bytes = self.memory.read_vec(pc, size as usize).unwrap_or_default();
        self.decoder.decode_block(Addr(pc), &bytes) != *self.prices.block(code)
    }

    fn add(&mut self, block: Block) -> CodeId {
        let memory = Rc::clone(&self.memory);
        let mut flags = 0;
        if self.watched.contains(&block.addr.0) {
            flags |= WATCHED;
        }
        if memory.is_sram(block.addr.0) {
            flags |= REWRITABLE;
        }
        if block.insns.iter().any(|insn| insn.class == Class::NotOnThisCore) {
            flags |= FOREIGN;
        }
        if let [insn] = &block.insns[..]
            && insn.flow == (Flow::Direct { target: insn.addr, conditional: false })
        {
            flags |= SPINNING;
        }
        let code = self.prices.add(block, |address, bytes| {
            if memory.is_sram(address) { None } else { memory.read(address, u32::from(bytes)) }
        });
        let operands = self.prices.operands(code);
        if !operands.is_fixed() {
            flags |= EVALUATED | if operands.is_stable() { STABLE } else { 0 };
        }
        self.traits.push(Traits { fixed: self.prices.fixed(code), flags });
        code
    }

    /// What was decoded of flash from `address` on for `size` bytes is no longer so.
    pub fn forget(&mut self, address: u32, size: u32) {
        let first = (address.wrapping_sub(self.flash_base) / 2) as usize;
        // A block that begins before the range may reach into it; blocks do not cross 1 KiB boundaries (UNICORN, row 10).
        let from = first.saturating_sub(512);
        let until = (first + size as usize / 2).min(self.flash.len());
        for slot in self.flash.get_mut(from..until).into_iter().flatten() {
            *slot = (0, 0);
        }
        self.others.clear();
    }

    /// When the running block's next access to a device at `address` happens, and which instruction makes it.
    pub fn instant_of_access(&mut self, address: u32, size: u32, store: bool) -> (Tick, Option<usize>) {
        let Some(running) = self.running else { return (self.start, None) };
        let insns = &self.prices.block(running.code).insns;
        let codes = self.prices.codes_of(running.signature);
        let region = Region::of(Addr(address));
        let matches = |i: usize| {
            insns.get(i).is_some_and(|insn| {
                let wide = insn.mem.is_some_and(|mem| u32::from(mem.bytes) >= size);
                wide && stores(insn) == store && insn.class != Class::Preload
            })
        };
        let again = running.more > 0 && running.cursor > 0;
        let found = if again {
            Some(running.cursor - 1)
        } else {
            let candidates = || (running.cursor..insns.len()).filter(|i| matches(*i));
            candidates().find(|i| codes.get(*i).is_some_and(|code| code.region() == region)).or_else(|| candidates().next())
        };
        let Some(at) = found else { return (self.start, None) };
        let count = insns.get(at).and_then(|insn| insn.mem).map_or(1, |mem| mem.count);
        let signature = self.corrected(running, at, address);
        if let Some(running) = &mut self.running {
            running.more = if again { running.more - 1 } else { count.saturating_sub(1) };
            running.cursor = at + 1;
            running.signature = signature;
        }
        let running = self.running.unwrap_or(running);
        let elapsed = step_prefix(
            &self.prices.config(),
            &self.prices.block(running.code).insns,
            self.prices.state(),
            self.prices.codes_of(running.signature),
            at,
        );
        (self.start + Cycles(u64::from(elapsed)), Some(at))
    }

    /// The running block's signature with what the access showed: its address may not have been to be had at the block's entry.
    fn corrected(&mut self, running: Running, at: usize, address: u32) -> SignatureId {
        let bytes = self.prices.block(running.code).insns.get(at).and_then(|insn| insn.mem).map_or(4, |mem| mem.bytes);
        let true_code = OperandCode::address(Addr(address), bytes);
        let codes = self.prices.codes_of(running.signature);
        if codes.get(at).is_none_or(|code| code.region() == true_code.region()) {
            return running.signature;
        }
        self.codes.clear();
        self.codes.extend_from_slice(codes);
        if let Some(code) = self.codes.get_mut(at) {
            *code = true_code;
        }
        let codes = std::mem::take(&mut self.codes);
        let signature = self.prices.intern(&codes);
        self.codes = codes;
        signature
    }

    /// Other settings hold from behind instruction `at` of the running block on.
    pub fn set_config(&mut self, config: TimingConfig, at: Option<usize>) {
        if let (Some(running), Some(at)) = (self.running, at) {
            let insns = &self.prices.block(running.code).insns;
            let rest = insns.get(at + 1).map(|insn| insn.addr.0);
            self.run_only(at + 1, rest.unwrap_or(running.pc.wrapping_add(running.size)));
            self.prices.set_config(config);
            if let Some(rest) = rest {
                self.resume_at(running, at + 1, rest);
            }
        } else {
            self.prices.set_config(config);
        }
    }

    /// The running block has executed only its first `count` instructions, and control is at `next`: charges those.
    pub fn run_only(&mut self, count: usize, next: u32) {
        let Some(running) = self.running.take() else { return };
        self.previous = Some(running);
        let block = self.prices.block(running.code);
        if count >= block.insns.len() {
            self.running = Some(running);
            return self.settle(next);
        }
        let Some(end) = count.checked_sub(1).and_then(|last| block.insns.get(last)).map(Insn::end) else { return };
        let part = self.find(running.pc, end.0.wrapping_sub(running.pc));
        let signature = self.part_of(running.signature, 0, count);
        self.start += self.prices.leave(part, signature, next);
    }

    /// The rest of `running` from instruction `from` on, which stands at `pc`, runs now.
    fn resume_at(&mut self, running: Running, from: usize, pc: u32) {
        let size = running.pc.wrapping_add(running.size).wrapping_sub(pc);
        let (code, signature) = (self.find(pc, size), self.part_of(running.signature, from, usize::MAX));
        self.running = Some(Running { code, signature, pc, size, cursor: 0, more: 0 });
    }

    /// The signature of some of a block's instructions.
    fn part_of(&mut self, signature: SignatureId, from: usize, count: usize) -> SignatureId {
        let codes: Vec<OperandCode> = self.prices.codes_of(signature).iter().skip(from).take(count).copied().collect();
        self.prices.intern(&codes)
    }

    /// The running block stopped on the instruction at `pc`, which has not taken effect.
    pub fn fault_at(&mut self, pc: u32) {
        let Some(running) = self.running else { return };
        let count = self.prices.block(running.code).insns.iter().take_while(|insn| insn.addr.0 < pc).count();
        self.run_only(count, pc);
    }

    /// Time passes outside any block: exception sequences.
    pub fn pass(&mut self, transition: &Transition) {
        self.start += self.prices.apply(transition);
        self.previous = None;
    }

    /// Sleeps until `until`.
    pub fn sleep(&mut self, until: Tick) {
        let asleep = until.since(self.start);
        self.prices.book(crate::timing::Cause::Sleep, asleep);
        self.start += asleep;
        self.previous = None;
    }
}
