//! What it is: the account of what runs: it knows the blocks, prices each when the next begins, and can say in the middle of one what time it is.
//! Source: DESIGN, "The cycle model"; prices are `timing`'s.
//! Does not model: anything; it charges a block only when it has run (the engine's block hook comes before: UNICORN, row 11).
//! Tested by: `tests/fidelity.rs`, `tests/operands.rs`, and the sums in every report.

mod blocks;
mod traps;
mod ways;

use super::cpu::{Core, Memory, PAGE};
use super::exceptions::Fault;
use crate::finding::Result;
use crate::isa::{Class, Insn};
use crate::timing::{
    Ahead, CodeId, Entry, Fidelity, FrontState, NO_CODES, OperandCode, Prices, Region, Scratch, SignatureId, TimingConfig,
    Transition, step_prefix,
};
use crate::units::{Addr, Cycles, Tick};
use blocks::{Blocks, tag};
use std::rc::Rc;
use traps::{Trap, Traps, address_of};
use ways::Ways;

/// Whether a block runs, and which.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// None does.
    Idle,
    /// The one that `prices` told of when the block before it ended.
    Told,
    /// The one in `running`.
    Running,
}

/// A block that runs.
#[derive(Clone, Copy)]
struct Running {
    code: CodeId,
    signature: SignatureId,
    pc: u32,
    size: u32,
}

/// How far the running block's accesses to devices have come.
#[derive(Clone, Copy, Default)]
struct Cursor {
    /// When the block began that this is about, and where it stands: for another it starts anew.
    block: (Tick, u32),
    /// The first instruction that can make the next one.
    next: usize,
    /// How many the instruction before may still make.
    more: u8,
}

/// The account of time as it was between two blocks.
#[derive(Clone, Copy)]
pub struct Moment {
    start: Tick,
    previous: Option<CodeId>,
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
    prices: Prices,
    blocks: Blocks,
    memory: Rc<Memory>,
    phase: Phase,
    /// The operand codes of the running block.
    signature: SignatureId,
    /// When the running block began.
    start: Tick,
    /// The running block in [`Phase::Running`].
    running: Running,
    cursor: Cursor,
    /// The block before, where `prices` does not remember it.
    previous: Option<CodeId>,
    scratch: Scratch,
    codes: Vec<OperandCode>,
    unresolved: u64,
    /// A block that only branches to itself may run.
    spinning: bool,
    /// A SEV was executed since somebody asked.
    event: bool,
    /// The block of the latest [`Begin::Barred`].
    barred: Option<Running>,
    traps: Traps,
    /// Who calls whom, if somebody wants to know.
    ways: Option<Box<Ways>>,
}

/// The core and the memories at a block's entry.
struct AtEntry<'a> {
    core: &'a Core<'a>,
    memory: &'a Memory,
}

impl Entry for AtEntry<'_> {
    fn regs(&self, wanted: u16, values: &mut [u32; 16]) {
        self.core.gprs(wanted, values);
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
        Ok(Self {
            prices: Prices::new(fidelity, config),
            blocks: Blocks::new(Rc::clone(&memory))?,
            memory,
            phase: Phase::Idle,
            signature: NO_CODES,
            start: Tick(0),
            running: Running { code: CodeId::from_index(0), signature: NO_CODES, pc: 0, size: 0 },
            cursor: Cursor::default(),
            previous: None,
            scratch: Scratch::default(),
            codes: Vec::new(),
            unresolved: 0,
            spinning: false,
            event: false,
            barred: None,
            traps: Traps::default(),
            ways: None,
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

    /// See [`Prices::keep_details`].
    pub fn keep_details(&mut self) {
        self.prices.keep_details();
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

    /// The block that runs, if one does.
    fn running(&self) -> Option<Running> {
        let signature = self.signature;
        match self.phase {
            Phase::Idle => None,
            Phase::Told => self.prices.told().map(|(pc, ahead)| Running { code: ahead.code, signature, pc, size: ahead.size }),
            Phase::Running => Some(Running { signature, ..self.running }),
        }
    }

    /// That block runs now, or none.
    fn run(&mut self, running: Option<Running>) {
        self.phase = match running {
            Some(running) => {
                (self.running, self.signature) = (running, running.signature);
                Phase::Running
            }
            None => Phase::Idle,
        };
    }

    /// The block that runs, which then does not any more.
    fn take(&mut self) -> Option<Running> {
        let running = self.running();
        self.phase = Phase::Idle;
        running
    }

    /// The block before the running one, if nothing has come in between.
    fn before(&self) -> Option<CodeId> {
        self.prices.before().map(|(code, _)| code).or(self.previous)
    }

    /// The address of the running block or the one before, for messages.
    #[must_use]
    pub fn pc(&self) -> u32 {
        let code = self.running().map(|running| running.code).or_else(|| self.before());
        code.map_or(0, |code| self.prices.block(code).addr.0)
    }

    /// Control has arrived at `pc` and nothing has run there: charges what ran before, and says which instruction led here.
    pub fn arrive(&mut self, pc: u32) -> u32 {
        match self.running() {
            // The engine has announced a block there.
            Some(running) if running.pc == pc => self.cancel(),
            _ => self.settle(pc),
        }
        let last = self.before().and_then(|before| self.prices.block(before).insns.last());
        last.map_or(pc, |insn| insn.addr.0)
    }

    /// The address that the instruction at `pc` of the running block accesses first on the 1 KiB page at `page`.
    #[must_use]
    pub fn faulting_address(&self, pc: u32, page: u32, reg: impl Fn(u8) -> u32) -> u32 {
        let insns = self.running().map(|running| &self.prices.block(running.code).insns);
        let insn = insns.and_then(|insns| insns.iter().find(|insn| insn.addr.0 == pc));
        let Some(Addr(address)) = insn.and_then(|insn| address_of(insn, reg)) else { return page };
        if address & !(PAGE - 1) == page { address } else { page }
    }

    /// The instant and the front end between two blocks, to come back to.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment {
            start: self.start,
            previous: self.before(),
            spinning: self.spinning,
            event: self.event,
            traps: self.traps,
            config: self.prices.config(),
            front: self.prices.state(),
        }
    }

    /// Back to that instant. What has been counted stays, and so does what is known of blocks.
    pub fn rewind(&mut self, moment: &Moment) {
        self.phase = Phase::Idle;
        self.cursor = Cursor::default();
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
        self.blocks.any_in_sram()
    }

    /// From now on a block that starts at `pc` is [`Begin::Watched`].
    pub fn watch(&mut self, pc: u32) {
        self.blocks.watch(&mut self.prices, pc);
    }

    /// Whether blocks that only branch to themselves may run: an interrupt may be what the firmware waits for.
    pub fn let_spin(&mut self, allowed: bool) {
        self.spinning = allowed;
    }

    /// The address of an instruction of the running block.
    #[must_use]
    pub fn pc_of(&self, at: Option<usize>) -> u32 {
        let insn = at.zip(self.running()).and_then(|(at, running)| self.prices.block(running.code).insns.get(at));
        insn.map_or(self.pc(), |insn| insn.addr.0)
    }

    /// The kind of the running block's last instruction, if control is right behind it.
    #[must_use]
    pub fn ended_with(&self, pc: u32) -> Option<Class> {
        let last = self.prices.block(self.running()?.code).insns.last()?;
        (last.end().0 == pc).then_some(last.class)
    }

    /// A block of `size` bytes begins at `pc`: if that is what was expected to come after the running one, charges that one and returns what
    /// has to be done about the new one. Otherwise nothing has happened, and it is [`Tracker::step_to`]'s turn.
    #[inline]
    pub fn follow(&mut self, pc: u32, size: u32) -> Option<u8> {
        let (signature, tag, cycles) = self.prices.follow(self.signature, pc, size)?;
        self.start += cycles;
        self.signature = signature;
        self.phase = Phase::Told;
        Some(tag)
    }

    /// A block begins: charges the running one and returns what has to be done about the new one.
    pub fn step_to(&mut self, pc: u32, size: u32) -> u8 {
        let left = self.running().map(|running| running.code);
        let code = match self.blocks.known(pc, size) {
            Some(code) => code,
            None => {
                // Before it is looked for, since that may empty the table.
                self.settle(pc);
                let code = self.blocks.find(&mut self.prices, pc, size);
                if let Some(ways) = &mut self.ways {
                    ways.forget(code);
                }
                code
            }
        };
        let mut ahead = self.blocks.ahead(&self.prices, code, size);
        if let Some(running) = self.take() {
            if running.code == code && ahead.tag & tag::STABLE != 0 {
                ahead = Ahead { signature: running.signature, tag: ahead.tag & !(tag::EVALUATED | tag::STABLE), ..ahead };
            }
            ahead.tag |= self.crossing(left, pc);
            self.start += self.prices.leave(running.code, running.signature, pc, Some(ahead));
            self.previous = Some(running.code);
        } else {
            ahead.tag |= self.crossing(left, pc);
        }
        self.run(Some(Running { code, signature: ahead.signature, pc, size }));
        ahead.tag
    }

    /// The running block has ended and control is at `next`: charges it.
    pub fn settle(&mut self, next: u32) {
        if let Some(running) = self.take() {
            self.start += self.prices.leave(running.code, running.signature, next, None);
            self.previous = Some(running.code);
        }
    }

    /// The block that has just begun will not run now.
    pub fn cancel(&mut self) {
        self.run(None);
        self.prices.expect_nothing();
    }

    /// Does what `tag` asks for about the block that has just begun.
    pub fn begin(&mut self, core: &Core<'_>, tag: u8) -> Begin {
        if tag & !(tag::EVALUATED | tag::STABLE) == 0
            && self.traps.is_empty()
            && let Some(code) = self.running_code()
        {
            // The usual case.
            let (signature, trap) = self.evaluate(core, code);
            if trap.is_none() {
                self.signature = signature;
                return Begin::Go;
            }
        }
        self.begin_unusual(core, tag)
    }

    #[inline]
    fn running_code(&self) -> Option<CodeId> {
        match self.phase {
            Phase::Idle => None,
            Phase::Told => self.prices.told().map(|(_, ahead)| ahead.code),
            Phase::Running => Some(self.running.code),
        }
    }

    #[inline(never)]
    fn begin_unusual(&mut self, core: &Core<'_>, tag: u8) -> Begin {
        let Some(mut running) = self.running() else { return Begin::Go };
        if tag & tag::SPINNING != 0 && !self.spinning {
            self.cancel();
            return Begin::Stuck;
        }
        if tag & tag::REWRITABLE != 0 && !self.blocks.is_current(running.code, running.pc) {
            self.cancel();
            let tag = self.step_to(running.pc, running.size);
            return self.begin(core, tag);
        }
        // A WFE ends its block, so the block's SEV comes before it.
        self.event |= tag & tag::SENDS != 0;
        let mut trap = None;
        if tag & tag::EVALUATED != 0 {
            (running.signature, trap) = self.evaluate(core, running.code);
        } else if tag & tag::FAULTY != 0 {
            trap = self.traps.first(self.prices.block(running.code), self.prices.codes_of(running.signature), None);
        }
        if tag & tag::FAULTY != 0
            && let Some(foreign) = traps::foreign(self.prices.block(running.code), &self.memory)
            && trap.is_none_or(|(earlier, _)| foreign.0 < earlier)
        {
            trap = Some(foreign);
        }
        if let Some((at, fault)) = trap {
            self.cancel();
            self.barred = Some(running);
            return Begin::Barred(self.prices.block(running.code).insns.get(at).map_or(running.pc, |insn| insn.addr.0), fault);
        }
        self.signature = running.signature;
        if tag & tag::WATCHED != 0 { Begin::Watched } else { Begin::Go }
    }

    /// The block of the latest [`Begin::Barred`] begins, up to the instruction that must fault.
    pub fn begin_barred(&mut self) {
        let barred = self.barred.take();
        self.run(barred);
        self.prices.expect_nothing();
    }

    /// Whether a SEV was executed since the last call.
    pub fn take_event(&mut self) -> bool {
        std::mem::take(&mut self.event)
    }

    /// What CCR now asks to be trapped.
    pub fn set_traps(&mut self, configuration: u32) {
        self.traps = Traps::of(configuration);
    }

    /// The operand codes of a block that is about to run, and its first instruction that faults because of its operands.
    #[inline]
    fn evaluate(&mut self, core: &Core<'_>, code: CodeId) -> (SignatureId, Option<Trap>) {
        let entry = AtEntry { core, memory: &self.memory };
        let (key, unresolved) = self.prices.operands(code).evaluate(&entry, &mut self.scratch);
        self.unresolved += u64::from(unresolved);
        // What was learnt does not fault, as long as CCR traps nothing.
        match key.filter(|_| self.traps.is_empty()).and_then(|key| self.prices.recall(code, key)) {
            Some(signature) => (signature, None),
            None => self.evaluated(code, key),
        }
    }

    #[inline(never)]
    fn evaluated(&mut self, code: CodeId, key: Option<u128>) -> (SignatureId, Option<Trap>) {
        let operands = self.prices.operands(code);
        operands.codes(&self.scratch, &mut self.codes);
        let trap = self.traps.first(self.prices.block(code), &self.codes, Some((operands, &self.scratch)));
        let signature = self.prices.intern(&self.codes);
        if let (Some(key), None) = (key, trap) {
            self.prices.learn(code, key, signature);
        }
        (signature, trap)
    }

    /// Whether the instruction at `pc` of the running block, whose turn it is, faults for its operands. If not, what stands before it is
    /// charged and the rest of the block is known as a block of its own.
    pub fn check(&mut self, pc: u32, reg: impl Fn(u8) -> u32) -> Option<Fault> {
        let running = self.running()?;
        let insns = &self.prices.block(running.code).insns;
        let at = insns.iter().position(|insn| insn.addr.0 == pc)?;
        if let Some(fault) = self.traps.fault_of(insns.get(at)?, reg) {
            return Some(fault);
        }
        let length = insns.len();
        self.run_only(at, pc);
        self.blocks.part(&mut self.prices, running.code, at..length);
        None
    }

    /// When the running block's next access to a device at `address` happens, and which instruction makes it.
    pub fn instant_of_access(&mut self, address: u32, size: u32, store: bool) -> (Tick, Option<usize>) {
        let Some(running) = self.running() else { return (self.start, None) };
        let insns = &self.prices.block(running.code).insns;
        let codes = self.prices.codes_of(running.signature);
        let region = Region::of(Addr(address));
        let block = (self.start, running.pc);
        let cursor = if self.cursor.block == block { self.cursor } else { Cursor { block, ..Cursor::default() } };
        let matches = |i: usize| {
            insns.get(i).is_some_and(|insn| {
                let wide = insn.mem.is_some_and(|mem| u32::from(mem.bytes) >= size);
                wide && stores(insn) == store && insn.class != Class::Preload
            })
        };
        let again = cursor.more > 0 && cursor.next > 0;
        let found = if again {
            Some(cursor.next - 1)
        } else {
            let candidates = || (cursor.next..insns.len()).filter(|i| matches(*i));
            candidates().find(|i| codes.get(*i).is_some_and(|code| code.region() == region)).or_else(|| candidates().next())
        };
        let Some(at) = found else { return (self.start, None) };
        let count = insns.get(at).and_then(|insn| insn.mem).map_or(1, |mem| mem.count);
        self.cursor = Cursor { block, next: at + 1, more: if again { cursor.more - 1 } else { count.saturating_sub(1) } };
        let signature = self.corrected(running, at, address);
        self.signature = signature;
        let elapsed = step_prefix(
            &self.prices.config(),
            &self.prices.block(running.code).insns,
            self.prices.state(),
            self.prices.codes_of(signature),
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
        if let (Some(running), Some(at)) = (self.running(), at) {
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
        let Some(running) = self.take() else { return };
        if count >= self.prices.block(running.code).insns.len() {
            self.run(Some(running));
            return self.settle(next);
        }
        self.previous = Some(running.code);
        let Some(part) = self.blocks.part(&mut self.prices, running.code, 0..count) else { return };
        let signature = self.part_of(running.signature, 0, count);
        self.start += self.prices.leave(part, signature, next, None);
    }

    /// The rest of `running` from instruction `from` on, which stands at `pc`, runs now.
    fn resume_at(&mut self, running: Running, from: usize, pc: u32) {
        let length = self.prices.block(running.code).insns.len();
        let Some(code) = self.blocks.part(&mut self.prices, running.code, from..length) else { return };
        let size = running.pc.wrapping_add(running.size).wrapping_sub(pc);
        let signature = self.part_of(running.signature, from, usize::MAX);
        self.run(Some(Running { code, signature, pc, size }));
        self.prices.expect_nothing();
    }

    /// The signature of some of a block's instructions.
    fn part_of(&mut self, signature: SignatureId, from: usize, count: usize) -> SignatureId {
        let codes: Vec<OperandCode> = self.prices.codes_of(signature).iter().skip(from).take(count).copied().collect();
        self.prices.intern(&codes)
    }

    /// The running block stopped on the instruction at `pc`, which has not taken effect.
    pub fn fault_at(&mut self, pc: u32) {
        let Some(running) = self.running() else { return };
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
        let begin = self.start;
        self.start += asleep;
        if let Some(ways) = &mut self.ways {
            ways.calls.sleep(begin, self.start);
        }
        asleep
    }
}
