//! What it is: the account of what runs: it knows the blocks, prices each when the next begins, and can say in the middle of one what time it is.
//! Source: DESIGN, "The cycle model"; prices are `timing`'s.
//! Does not model: anything; it charges a block only when it has run (the engine's block hook comes before: UNICORN, row 11).
//! Tested by: `tests/fidelity.rs`, `tests/operands.rs`, and the sums in every report.

use super::cpu::{Core, Memory, PAGE};
use super::exceptions::{CCR_DIV_0_TRP, CCR_UNALIGN_TRP, Fault};
use crate::finding::Result;
use crate::isa::{Base, Block, Class, Decoder, Flow, Insn, PC};
use crate::timing::{
    CodeId, Entry, Fidelity, FrontState, OperandCode, Prices, Region, Scratch, SignatureId, TimingConfig, Transition, step_prefix,
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
/// It contains an instruction that this core does not have but the engine would execute.
const FOREIGN: u8 = 8;
/// It only branches to itself.
const SPINNING: u8 = 16;
/// It sends an event.
const SENDS: u8 = 64;
/// An access of it is unaligned whatever the registers hold.
const UNALIGNED: u8 = 32;

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

/// The account of time as it was between two blocks.
#[derive(Clone, Copy)]
pub struct Moment {
    start: Tick,
    previous: Option<Running>,
    spinning: bool,
    event: bool,
    traps: Traps,
    config: TimingConfig,
    front: FrontState,
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
    /// It must not run as it is: the instruction at this address raises this fault on the chip and not in the engine; `None` if it may
    /// raise one, which only its registers will tell when it is its turn.
    Barred(u32, Option<Fault>),
}

/// See the module's description.
pub struct Tracker {
    decoder: Decoder,
    prices: Prices,
    traits: Vec<Traits>,
    /// For blocks in flash by half their offset: size and number of the one met first; others are in `others`.
    flash: Vec<(u32, u32)>,
    others: HashMap<(u32, u32), CodeId>,
    /// The code of blocks in SRAM as it was decoded, by half their offset: it may be rewritten.
    rewritable: HashMap<(u32, u32), (CodeId, Box<[u8]>)>,
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
    /// A SEV was executed since somebody asked.
    event: bool,
    /// The block of the latest [`Begin::Barred`].
    barred: Option<Running>,
    /// What CCR asks to be trapped.
    traps: Traps,
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

/// What stands in flash.
fn constant(memory: &Memory, address: u32, bytes: u8) -> Option<u32> {
    if memory.is_sram(address) { None } else { memory.read(address, u32::from(bytes)) }
}

/// Whether an instruction writes memory.
fn stores(insn: &Insn) -> bool {
    matches!(insn.class, Class::Store | Class::StoreMultiple | Class::StoreDouble | Class::StoreExclusive)
}

/// Whether an access is split because it is unaligned (bits 4 and 5; bit 7 says that it is not made at all).
fn takes_more_accesses(code: OperandCode) -> bool {
    code.0 & 0x30 != 0 && code.0 & 0x80 == 0
}

/// The lowest address that an instruction accesses, by the registers.
fn address_of(insn: &Insn, reg: impl Fn(u8) -> u32) -> Option<Addr> {
    let mem = insn.mem?;
    let base = match mem.base {
        Base::Reg(PC) => insn.addr.0.wrapping_add(4),
        Base::Reg(r) => reg(r),
        Base::Literal(address) => address.0,
    };
    Some(mem.address(base, mem.index.map_or(0, |(r, _)| reg(r))))
}

/// An instruction of a block that faults, or perhaps.
type Trap = (usize, Option<Fault>);

/// What CCR asks to be trapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Traps {
    unaligned: bool,
    divide: bool,
}

/// Whether an instruction may fault for its operands, and how (DDI 0403, A3.2.1 and B3.2.8): unaligned accesses always or when they are
/// trapped, divisions by zero when they are.
fn may_trap(insn: &Insn, traps: Traps) -> Option<(Fault, bool)> {
    use Class::{LoadDouble, LoadExclusive, LoadMultiple, Preload, StoreDouble, StoreExclusive, StoreMultiple};
    let always = matches!(insn.class, LoadDouble | LoadExclusive | LoadMultiple | StoreDouble | StoreExclusive | StoreMultiple);
    if insn.mem.is_some() && insn.class != Preload && (always || traps.unaligned) {
        Some((Fault::Unaligned, traps.unaligned))
    } else if traps.divide && matches!(insn.class, Class::Div { .. }) {
        Some((Fault::DivideByZero, true))
    } else {
        None
    }
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
            rewritable: HashMap::new(),
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
            event: false,
            barred: None,
            traps: Traps::default(),
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

    /// How many transitions the table of prices may hold.
    pub fn limit_table(&mut self, most: usize) {
        self.prices.limit_table(most);
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

    /// Control has arrived at `pc` and nothing has run there: charges what ran before, and says which instruction led here.
    pub fn arrive(&mut self, pc: u32) -> u32 {
        match self.running {
            // The engine has announced a block there.
            Some(running) if running.pc == pc => self.running = None,
            _ => self.settle(pc),
        }
        let last = self.previous.and_then(|previous| self.prices.block(previous.code).insns.last());
        last.map_or(pc, |insn| insn.addr.0)
    }

    /// The address that the instruction at `pc` of the running block accesses first on the 1 KiB page at `page`.
    #[must_use]
    pub fn faulting_address(&self, pc: u32, page: u32, reg: impl Fn(u8) -> u32) -> u32 {
        let insns = self.running.map(|running| &self.prices.block(running.code).insns);
        let insn = insns.and_then(|insns| insns.iter().find(|insn| insn.addr.0 == pc));
        let Some(Addr(address)) = insn.and_then(|insn| address_of(insn, reg)) else { return page };
        if address & !(PAGE - 1) == page { address } else { page }
    }

    /// The instant and the front end between two blocks, to come back to.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment {
            start: self.start,
            previous: self.previous,
            spinning: self.spinning,
            event: self.event,
            traps: self.traps,
            config: self.prices.config(),
            front: self.prices.state(),
        }
    }

    /// Back to that instant. What has been counted stays, and so does what is known of blocks.
    pub fn rewind(&mut self, moment: &Moment) {
        self.running = None;
        self.start = moment.start;
        self.previous = moment.previous;
        self.spinning = moment.spinning;
        self.event = moment.event;
        self.traps = moment.traps;
        self.barred = None;
        self.prices.rewind(moment.config, moment.front);
    }

    /// Whether any block has run from SRAM.
    #[must_use]
    pub fn has_run_sram(&self) -> bool {
        !self.rewritable.is_empty()
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

    /// The kind of the running block's last instruction, if control is right behind it.
    #[must_use]
    pub fn ended_with(&self, pc: u32) -> Option<Class> {
        let last = self.prices.block(self.running?.code).insns.last()?;
        (last.end().0 == pc).then_some(last.class)
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
        if traits.flags & SPINNING != 0 && !self.spinning {
            return Begin::Stuck;
        }
        // A WFE ends its block, so the block's SEV comes before it.
        self.event |= traits.flags & SENDS != 0;
        let mut signature = traits.fixed;
        let mut trap = None;
        if traits.flags & EVALUATED != 0 {
            match self.previous {
                Some(previous) if previous.code == code && traits.flags & STABLE != 0 => signature = previous.signature,
                _ => (signature, trap) = self.evaluate(core, code),
            }
        } else if traits.flags & UNALIGNED != 0 {
            trap = self.first_trap(code, signature, false);
        }
        let running = Running { code, signature, pc, size, cursor: 0, more: 0 };
        if traits.flags & FOREIGN != 0
            && let Some((at, insn)) =
                self.prices.block(code).insns.iter().enumerate().find(|(_, insn)| insn.class == Class::NotOnThisCore)
            && trap.is_none_or(|(earlier, _)| at < earlier)
        {
            // DDI 0403, A5.3.18: the coprocessor space.
            let coprocessor = self.memory.read(insn.addr.0, 2).is_some_and(|first| first & 0xec00 == 0xec00);
            let fault = if coprocessor { Fault::NoCoprocessor } else { Fault::Undefined };
            trap = Some((at, Some(fault)));
        }
        if let Some((at, fault)) = trap {
            self.barred = Some(running);
            return Begin::Barred(self.prices.block(code).insns.get(at).map_or(pc, |insn| insn.addr.0), fault);
        }
        self.running = Some(running);
        if traits.flags & WATCHED != 0 { Begin::Watched } else { Begin::Go }
    }

    /// The block of the latest [`Begin::Barred`] begins, up to the instruction that must fault.
    pub fn begin_barred(&mut self) {
        self.running = self.barred.take();
    }

    /// Whether a SEV was executed since the last call.
    pub fn take_event(&mut self) -> bool {
        std::mem::take(&mut self.event)
    }

    /// What CCR now asks to be trapped.
    pub fn set_traps(&mut self, configuration: u32) {
        self.traps = Traps { unaligned: configuration & CCR_UNALIGN_TRP != 0, divide: configuration & CCR_DIV_0_TRP != 0 };
    }

    /// The operand codes of a block that is about to run, and its first instruction that faults because of its operands.
    fn evaluate(&mut self, core: &Core<'_>, code: CodeId) -> (SignatureId, Option<Trap>) {
        let entry = AtEntry { core, memory: &self.memory };
        let operands = self.prices.operands(code);
        self.unresolved += u64::from(operands.evaluate(&entry, &mut self.scratch, &mut self.codes));
        let latest = self.prices.latest(code);
        let same = *self.prices.codes_of(latest) == *self.codes;
        // What faults whatever CCR says has another code than what ran before.
        if same && self.traps == Traps::default() {
            return (latest, None);
        }
        let signature = self.prices.intern(&self.codes);
        let trap = self.first_trap(code, signature, true);
        if trap.is_none() {
            self.prices.set_latest(code, signature);
        }
        (signature, trap)
    }

    /// The first instruction of a block that faults, or may fault, for its operands; `evaluated` if they have just been.
    fn first_trap(&self, code: CodeId, signature: SignatureId, evaluated: bool) -> Option<Trap> {
        let (operands, codes) = (self.prices.operands(code), self.prices.codes_of(signature));
        self.prices.block(code).insns.iter().zip(codes).enumerate().find_map(|(at, (insn, code))| {
            let (fault, certain) = may_trap(insn, self.traps)?;
            let resolved = !evaluated || operands.is_resolved(at, &self.scratch);
            let traps = match fault {
                Fault::DivideByZero => evaluated && operands.divides_by_zero(at, &self.scratch) == Some(true),
                _ => takes_more_accesses(*code),
            };
            match (resolved, traps) {
                (true, true) => Some((at, Some(fault))),
                // Not worth the search where only what always faults is asked for.
                (false, _) if certain => Some((at, None)),
                _ => None,
            }
        })
    }

    /// Whether the instruction at `pc` of the running block, whose turn it is, faults for its operands. If not, what stands before it is
    /// charged and the rest of the block is known as a block of its own.
    pub fn check(&mut self, pc: u32, reg: impl Fn(u8) -> u32) -> Option<Fault> {
        let running = self.running?;
        let block = self.prices.block(running.code);
        let at = block.insns.iter().position(|insn| insn.addr.0 == pc)?;
        let insn = block.insns.get(at)?;
        let (fault, _) = may_trap(insn, self.traps)?;
        let traps = match insn.mem {
            Some(mem) => {
                address_of(insn, &reg).is_some_and(|address| takes_more_accesses(OperandCode::address(address, mem.bytes)))
            }
            None => reg(insn.operand_regs.1) == 0,
        };
        if traps {
            return Some(fault);
        }
        let length = block.insns.len();
        self.run_only(at, pc);
        self.part(running.code, at..length);
        None
    }

    /// Some of a block's instructions as a block of its own: in an IT block, its conditions hold on.
    fn part(&mut self, code: CodeId, range: std::ops::Range<usize>) -> Option<CodeId> {
        let insns = self.prices.block(code).insns.get(range)?;
        let addr = insns.first()?.addr;
        let size = insns.last()?.end().0.wrapping_sub(addr.0);
        let part = Block { addr, size, insns: insns.into() };
        if let Some(known) = self.known(addr.0, size)
            && *self.prices.block(known) == part
        {
            return Some(known);
        }
        let bytes = self.memory.read_vec(addr.0, size as usize)?;
        let code = self.add(part);
        self.remember(addr.0, size, code, bytes);
        Some(code)
    }

    #[inline]
    fn find(&mut self, pc: u32, size: u32) -> CodeId {
        match self.flash.get((pc.wrapping_sub(self.flash_base) / 2) as usize) {
            Some((known, code)) if *known == size => CodeId::from_index(*code as usize),
            _ => self.find_slowly(pc, size),
        }
    }

    fn find_slowly(&mut self, pc: u32, size: u32) -> CodeId {
        if let Some(code) = self.known(pc, size) {
            return code;
        }
        let bytes = self.memory.read_vec(pc, size as usize).unwrap_or_default();
        let block = self.decoder.decode_block(Addr(pc), &bytes);
        // A block in SRAM that was rewritten takes the old one's place, so that firmware that does that for ever does not fill the table.
        let code = match self.rewritable.get(&(pc, size)) {
            Some((code, _)) => {
                let code = *code;
                self.previous = self.previous.filter(|previous| previous.code != code);
                let (flags, memory) = (self.describe(&block), Rc::clone(&self.memory));
                self.prices.replace(code, block, |address, bytes| constant(&memory, address, bytes));
                self.complete(code, flags);
                code
            }
            None => self.add(block),
        };
        self.remember(pc, size, code, bytes);
        code
    }

    /// The number of a block that was met before and still is what it was.
    fn known(&self, pc: u32, size: u32) -> Option<CodeId> {
        if self.memory.is_sram(pc) {
            let (code, bytes) = self.rewritable.get(&(pc, size))?;
            return self.memory.holds(pc, bytes).then_some(*code);
        }
        match self.flash.get((pc.wrapping_sub(self.flash_base) / 2) as usize) {
            Some((known, code)) if *known == size => Some(CodeId::from_index(*code as usize)),
            _ => self.others.get(&(pc, size)).copied(),
        }
    }

    fn remember(&mut self, pc: u32, size: u32, code: CodeId, bytes: Vec<u8>) {
        if self.memory.is_sram(pc) {
            self.rewritable.insert((pc, size), (code, bytes.into()));
            return;
        }
        match self.flash.get_mut((pc.wrapping_sub(self.flash_base) / 2) as usize) {
            Some(slot) if slot.0 == 0 || slot.0 == size => *slot = (size, code.index() as u32),
            _ => {
                self.others.insert((pc, size), code);
            }
        }
    }

    fn add(&mut self, block: Block) -> CodeId {
        let flags = self.describe(&block);
        let memory = Rc::clone(&self.memory);
        let code = self.prices.add(block, |address, bytes| constant(&memory, address, bytes));
        self.complete(code, flags);
        code
    }

    /// The flags of a block that its instructions alone decide.
    fn describe(&self, block: &Block) -> u8 {
        let mut flags = 0;
        if self.watched.contains(&block.addr.0) {
            flags |= WATCHED;
        }
        if block.insns.iter().any(|insn| insn.class == Class::NotOnThisCore) {
            flags |= FOREIGN;
        }
        if block.insns.iter().any(|insn| insn.class == Class::Sev) {
            flags |= SENDS;
        }
        if let [insn] = &block.insns[..]
            && insn.flow == (Flow::Direct { target: insn.addr, conditional: false })
        {
            flags |= SPINNING;
        }
        flags
    }

    /// Adds the flags that depend on operands, and notes what the hot path has to know of a block.
    fn complete(&mut self, code: CodeId, mut flags: u8) {
        let operands = self.prices.operands(code);
        if !operands.is_fixed() {
            flags |= EVALUATED | if operands.is_stable() { STABLE } else { 0 };
        } else if operands
            .fixed()
            .iter()
            .zip(&self.prices.block(code).insns)
            .any(|(code, insn)| insn.mem.is_some() && takes_more_accesses(*code))
        {
            flags |= UNALIGNED;
        }
        let traits = Traits { fixed: self.prices.fixed(code), flags };
        match self.traits.get_mut(code.index()) {
            Some(slot) => *slot = traits,
            None => self.traits.push(traits),
        }
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
        let Some(part) = self.part(running.code, 0..count) else { return };
        let signature = self.part_of(running.signature, 0, count);
        self.start += self.prices.leave(part, signature, next);
    }

    /// The rest of `running` from instruction `from` on, which stands at `pc`, runs now.
    fn resume_at(&mut self, running: Running, from: usize, pc: u32) {
        let length = self.prices.block(running.code).insns.len();
        let Some(code) = self.part(running.code, from..length) else { return };
        let size = running.pc.wrapping_add(running.size).wrapping_sub(pc);
        let signature = self.part_of(running.signature, from, usize::MAX);
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

    /// Sleeps until `until`; returns for how long.
    pub fn sleep(&mut self, until: Tick) -> Cycles {
        let asleep = until.since(self.start);
        self.prices.book(crate::timing::Cause::Sleep, asleep);
        self.start += asleep;
        self.previous = None;
        asleep
    }
}
