//! What it is: the account of what runs: it knows the blocks, prices each when the next begins, and can say in the middle of one what time it is.
//! Source: DESIGN, "The cycle model"; prices are `timing`'s.
//! Does not model: anything; it charges a block only when it has run (the engine's block hook comes before: UNICORN, row 11).
//! Tested by: `tests/fidelity.rs`, `tests/operands.rs`, and the sums in every report.

mod blocks;
mod debug;
mod traps;
mod ways;

use super::calls::What;
use super::cpu::{Core, Memory, PAGE};
use super::exceptions::Fault;
use crate::finding::Result;
use crate::isa::{Class, Insn};
use crate::timing::{
    Ahead, Cause, CodeId, Entry, Fidelity, FrontState, NO_CODES, OperandCode, Prices, Region, Scratch, SignatureId, TimingConfig,
    Transition, arrival, exception_return, step_prefix,
};
use crate::units::{Addr, Cycles, Tick};
use blocks::{Blocks, tag};
use std::rc::Rc;
use traps::{Trap, Traps, address_of};
use ways::Ways;

/// Whether a block runs, and which.
#[derive(Clone, Copy)]
enum Phase {
    /// None does.
    Idle,
    /// The one that `prices` told of when the block before it ended, with the codes in `signature` if they had to be evaluated.
    Told,
    /// This one, of which `prices` expects nothing.
    Running(Running),
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
    /// The operand codes of the block in [`Phase::Told`], if they had to be evaluated.
    signature: SignatureId,
    /// Cycles from the instant at which the running block began to `deadline`, and that. So one subtraction counts the time and tells
    /// whether it is up.
    left: i64,
    deadline: i64,
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
    #[inline(always)]
    fn reg(&self, index: u8) -> u32 {
        self.core.quick(index)
    }
    #[inline(always)]
    fn word(&self, address: u32) -> Option<u32> {
        self.memory.sram_word(address)
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
            left: 0,
            deadline: 0,
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
        Tick((self.deadline - self.left) as u64)
    }

    /// From now on [`Tracker::in_time`] is about this instant.
    pub fn set_deadline(&mut self, deadline: Tick) {
        const FAR: u64 = 1 << 62;
        let now = self.now().0;
        self.deadline = deadline.0.min(now.saturating_add(FAR)).min(i64::MAX as u64) as i64;
        self.left = self.deadline - now as i64;
    }

    /// Whether the running block began before the deadline.
    #[inline(always)]
    #[must_use]
    pub fn in_time(&self) -> bool {
        self.left > 0
    }

    fn pass_time(&mut self, cycles: Cycles) {
        self.left -= cycles.0 as i64;
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
        match self.phase {
            Phase::Idle => None,
            Phase::Running(running) => Some(running),
            Phase::Told => self.prices.told().map(|(pc, ahead)| {
                let signature = if ahead.tag & tag::EVALUATED == 0 { ahead.signature } else { self.signature };
                Running { code: ahead.code, signature, pc, size: ahead.size }
            }),
        }
    }

    /// That block runs now, and it is not the one that `prices` told of.
    fn run(&mut self, running: Running) {
        self.phase = Phase::Running(running);
        self.prices.expect_nothing();
    }

    /// The block that runs, which then does not any more. `prices` still expects something of it.
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
            start: self.now(),
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
        self.cursor = Cursor::default();
        self.left = self.deadline - moment.start.0 as i64;
        self.previous = moment.previous;
        self.spinning = moment.spinning;
        self.event = moment.event;
        self.traps = moment.traps;
        self.barred = None;
        self.phase = Phase::Idle;
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

    /// A block begins (see [`arrival`]): if that is what was expected to come after the running one, and nothing has to be done about it,
    /// charges the running one. Otherwise nothing has happened, and it is [`Tracker::follow_any`]'s turn.
    #[inline(always)]
    pub fn follow(&mut self, arrival: u64) -> bool {
        let Some(cycles) = self.prices.follow(arrival) else { return false };
        self.left -= i64::from(cycles);
        true
    }

    /// The same whether or not something has to be done about the new one, which is returned: nothing, if that was only its operand codes,
    /// and they are what they were lately. Otherwise nothing has happened, and it is [`Tracker::step_to`]'s turn.
    #[inline]
    pub fn follow_any(&mut self, core: &Core<'_>, pc: u32, size: u32) -> Option<u8> {
        let (ahead, cycles) = self.prices.follow_any(arrival(pc, size))?;
        self.left -= i64::from(cycles);
        if ahead.tag & !(tag::EVALUATED | tag::STABLE) == 0
            && ahead.tag != 0
            && self.traps.is_empty()
            && let Some(signature) = self
                .prices
                .guarded(ahead.code, &AtEntry { core, memory: &self.memory })
                .or_else(|| self.evaluate_lately(core, ahead.code))
        {
            // If the block must not run now it is no loss.
            self.runs_with(signature);
            return Some(0);
        }
        Some(ahead.tag)
    }

    /// A block begins: charges the running one and returns what has to be done about the new one.
    pub fn step_to(&mut self, pc: u32, size: u32) -> u8 {
        let left = self.running().map(|running| running.code);
        let code = match self.blocks.known(pc, size) {
            Some(code) => code,
            None => {
                // Before it is looked for, since that may empty the table.
                self.settle(pc);
                let before = self.before();
                let code = self.blocks.find(&mut self.prices, pc, size, before);
                if let Some(ways) = &mut self.ways {
                    ways.forget(code);
                }
                code
            }
        };
        let mut fresh = self.blocks.ahead(&self.prices, code, size);
        fresh.tag |= self.crossing(left, pc);
        let mut ahead = fresh;
        if let Some(running) = self.take() {
            if running.code == code && ahead.tag & tag::STABLE != 0 {
                ahead = Ahead { signature: running.signature, tag: ahead.tag & !(tag::EVALUATED | tag::STABLE), ..ahead };
            }
            let resets = self.prices.resets();
            let cycles = self.prices.leave(running.code, running.signature, pc, Some(ahead));
            self.pass_time(cycles);
            self.previous = Some(running.code);
            if self.prices.resets() != resets {
                // The signature is forgotten.
                ahead = fresh;
            }
            if let Some((at, told)) = self.prices.told()
                && (at, told.code, told.size, told.tag) == (pc, code, size, ahead.tag & !(tag::EVALUATED | tag::STABLE))
            {
                // What has just run decides its codes.
                ahead = told;
            }
        }
        // What began behind nothing, or behind what is not remembered, was not told of.
        if self.prices.told().is_some_and(|told| told == (pc, ahead)) {
            self.phase = Phase::Told;
        } else {
            self.run(Running { code, signature: ahead.signature, pc, size });
        }
        ahead.tag
    }

    /// The running block has ended and control is at `next`: charges it.
    pub fn settle(&mut self, next: u32) {
        if let Some(running) = self.take() {
            let cycles = self.prices.leave(running.code, running.signature, next, None);
            self.pass_time(cycles);
            self.previous = Some(running.code);
        }
    }

    /// The block that has just begun will not run now.
    pub fn cancel(&mut self) {
        self.phase = Phase::Idle;
        self.prices.expect_nothing();
    }

    /// Does what `tag` asks for about the block that has just begun.
    pub fn begin(&mut self, core: &Core<'_>, tag: u8) -> Begin {
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
        if tag & tag::EVALUATED != 0 {
            self.evaluated_to(running);
        }
        if tag & tag::WATCHED != 0 { Begin::Watched } else { Begin::Go }
    }

    /// The running block's codes have been evaluated.
    fn evaluated_to(&mut self, running: Running) {
        if matches!(self.phase, Phase::Told) {
            self.runs_with(running.signature);
        } else {
            self.run(running);
        }
    }

    /// The block that `prices` told of runs with these codes, which were evaluated.
    #[inline]
    fn runs_with(&mut self, signature: SignatureId) {
        self.signature = signature;
        if !(self.traps.is_empty() && self.prices.decide(signature, tag::EVALUATED | tag::STABLE)) {
            self.prices.aim(signature);
        }
    }

    /// The block of the latest [`Begin::Barred`] begins, up to the instruction that must fault.
    pub fn begin_barred(&mut self) {
        match self.barred.take() {
            Some(barred) => self.run(barred),
            None => self.cancel(),
        }
    }

    /// Whether a SEV was executed since the last call.
    pub fn take_event(&mut self) -> bool {
        std::mem::take(&mut self.event)
    }

    /// What CCR now asks to be trapped.
    pub fn set_traps(&mut self, configuration: u32) {
        let traps = Traps::of(configuration);
        if self.traps.is_empty() && !traps.is_empty() {
            // What decides a block's cost does not tell whether it now faults.
            if let Some(running) = self.running() {
                self.run(running);
            }
            let blocks = &self.blocks;
            self.prices.retag(|code| blocks.tag(code), tag::CROSSES);
        }
        self.traps = traps;
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

    /// The same in one go, if the block ran with those codes lately. CCR traps nothing.
    fn evaluate_lately(&mut self, core: &Core<'_>, code: CodeId) -> Option<SignatureId> {
        let entry = AtEntry { core, memory: &self.memory };
        let (key, unresolved) = self.prices.operands(code).evaluate(&entry, &mut self.scratch);
        let signature = self.prices.recall(code, key?)?;
        self.unresolved += u64::from(unresolved);
        if unresolved == 0 {
            self.prices.guard(code, &entry, signature);
        }
        Some(signature)
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
        let Some(running) = self.running() else { return (self.now(), None) };
        let insns = &self.prices.block(running.code).insns;
        let codes = self.prices.codes_of(running.signature);
        let region = Region::of(Addr(address));
        let block = (self.now(), running.pc);
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
        let Some(at) = found else { return (self.now(), None) };
        let count = insns.get(at).and_then(|insn| insn.mem).map_or(1, |mem| mem.count);
        self.cursor = Cursor { block, next: at + 1, more: if again { cursor.more - 1 } else { count.saturating_sub(1) } };
        let signature = self.corrected(running, at, address);
        if signature != running.signature {
            self.run(Running { signature, ..running });
        }
        let elapsed = step_prefix(
            &self.prices.config(),
            &self.prices.block(running.code).insns,
            self.prices.state(),
            self.prices.codes_of(signature),
            at,
        );
        (self.now() + Cycles(u64::from(elapsed)), Some(at))
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
        let Some(running) = self.running() else { return self.prices.set_config(config) };
        let Some(at) = at else {
            self.prices.set_config(config);
            return self.run(running);
        };
        let insns = &self.prices.block(running.code).insns;
        let (rest, length) = (insns.get(at + 1).map(|insn| insn.addr.0), insns.len());
        let end = running.pc.wrapping_add(running.size);
        // Before what is charged can empty the table.
        let codes: Vec<OperandCode> = self.prices.codes_of(running.signature).iter().skip(at + 1).copied().collect();
        self.run_only(at + 1, rest.unwrap_or(end));
        self.prices.set_config(config);
        if let Some(rest) = rest
            && let Some(code) = self.blocks.part(&mut self.prices, running.code, at + 1..length)
        {
            let signature = self.prices.intern(&codes);
            self.run(Running { code, signature, pc: rest, size: end.wrapping_sub(rest) });
        }
    }

    /// The running block has executed only its first `count` instructions, and control is at `next`: charges those.
    pub fn run_only(&mut self, count: usize, next: u32) {
        let Some(running) = self.running() else { return };
        if count >= self.prices.block(running.code).insns.len() {
            return self.settle(next);
        }
        self.cancel();
        self.previous = Some(running.code);
        let codes: Vec<OperandCode> = self.prices.codes_of(running.signature).iter().take(count).copied().collect();
        let Some(part) = self.blocks.part(&mut self.prices, running.code, 0..count) else { return };
        let signature = self.prices.intern(&codes);
        let cycles = self.prices.leave(part, signature, next, None);
        self.pass_time(cycles);
    }

    /// The running block stopped on the instruction at `pc`, which has not taken effect.
    pub fn fault_at(&mut self, pc: u32) {
        let Some(running) = self.running() else { return };
        let count = self.prices.block(running.code).insns.iter().take_while(|insn| insn.addr.0 < pc).count();
        self.run_only(count, pc);
    }

    /// Time passes outside any block: exception sequences.
    pub fn pass(&mut self, transition: &Transition) {
        let cycles = self.prices.apply(transition);
        self.pass_time(cycles);
        self.previous = None;
    }

    /// Sleeps until `until`; returns for how long.
    pub fn sleep(&mut self, until: Tick) -> Cycles {
        self.pause(until, Cause::Sleep, What::Asleep)
    }

    /// Waits until `until` for a flash that is being programmed or erased; returns for how long.
    pub fn wait_for_flash(&mut self, until: Tick) -> Cycles {
        self.prices.set_state(exception_return().exit);
        self.previous = None;
        self.pause(until, Cause::FlashFetch, What::FlashBusy)
    }

    fn pause(&mut self, until: Tick, cause: Cause, what: What) -> Cycles {
        let begin = self.now();
        let pause = until.since(begin);
        self.prices.book(cause, pause);
        self.pass_time(pause);
        let end = self.now();
        if let Some(ways) = &mut self.ways {
            ways.calls.pause(what, begin, end);
        }
        pause
    }

    /// Flash was programmed or erased: what was decoded there is not what runs any more.
    pub fn forget_flash(&mut self, address: u32, size: u32) {
        if self.blocks.forget_flash(&self.prices, address, size) {
            self.cancel();
            self.prices.forget();
        }
    }
}
