//! What it is: which passages from block to block are calls, returns or jumps out of a function, so that only those cost anything when somebody
//! wants to know who called whom, and what the account of time tells [`Calls`] about them.
//! Source: the last instruction of the block that is left, and the functions' bounds.
//! Does not model: anything.
//! Tested by: `tests/profile.rs`.

use super::{Tracker, tag};
use crate::isa::{Flow, sp_dip};
use crate::machine::calls::Calls;
use crate::machine::cpu::Core;
use crate::machine::exceptions::Number;
use crate::timing::{CodeId, Prices, Transition};
use crate::units::Tick;

/// How control leaves a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// On its way through a function, as far as its last instruction tells.
    Onward,
    /// By a call.
    Call,
    /// By a return, or by a jump to where a register or memory says.
    Elsewhere,
}

/// What has to be known of a block when it is left.
#[derive(Clone, Copy)]
struct Exit {
    kind: Kind,
    /// The address behind it.
    end: u32,
    /// The function that its last instruction is part of.
    function: (u32, u32),
    /// It began in another one.
    runs_on: bool,
    /// How far above its lowest value the stack pointer ends, if the block lowers it.
    dip: Option<u32>,
}

/// The calls, and how each block is left.
pub struct Ways {
    pub calls: Calls,
    exits: Vec<Option<Exit>>,
}

impl Ways {
    pub fn new(calls: Calls) -> Self {
        Self { calls, exits: Vec::new() }
    }

    fn exit(&mut self, prices: &Prices, code: CodeId) -> Exit {
        if let Some(Some(known)) = self.exits.get(code.index()) {
            return *known;
        }
        let block = prices.block(code);
        let last = block.insns.last();
        let kind = match last.map(|insn| insn.flow) {
            Some(Flow::Call { .. } | Flow::Indirect { call: true }) => Kind::Call,
            Some(Flow::Indirect { call: false } | Flow::LoadPc) => Kind::Elsewhere,
            _ => Kind::Onward,
        };
        let (_, start, end) = self.calls.function(last.map_or(block.addr.0, |insn| insn.addr.0));
        let runs_on = !(start..end).contains(&block.addr.0);
        let exit = Exit { kind, end: block.end().0, function: (start, end), runs_on, dip: sp_dip(&block.insns) };
        if self.exits.len() <= code.index() {
            self.exits.resize(code.index() + 1, None);
        }
        if let Some(slot) = self.exits.get_mut(code.index()) {
            *slot = Some(exit);
        }
        exit
    }

    /// Whether something has to be noted when a block is left for `next`.
    pub fn crosses(&mut self, prices: &Prices, left: CodeId, next: u32) -> bool {
        let exit = self.exit(prices, left);
        exit.dip.is_some()
            || (exit.kind != Kind::Onward && next != exit.end)
            || exit.runs_on
            || !(exit.function.0..exit.function.1).contains(&next)
    }

    /// Other code stands in that block's place.
    pub fn forget(&mut self, code: CodeId) {
        if let Some(slot) = self.exits.get_mut(code.index()) {
            *slot = None;
        }
    }
}

impl Tracker {
    /// From now on it is noted who calls whom; control is at `pc`, the stack pointer at `sp`.
    pub fn trace_calls(&mut self, functions: Vec<(u32, u32)>, sp: u32, pc: u32) {
        let mut calls = Calls::new(functions, sp);
        calls.arrive(pc, self.now());
        self.ways = Some(Box::new(Ways::new(calls)));
    }

    /// Who called whom, up to now.
    pub fn finish_calls(&mut self) -> Option<&Calls> {
        let now = self.now();
        let ways = self.ways.as_deref_mut()?;
        ways.calls.finish(now);
        Some(&ways.calls)
    }

    /// [`tag::CROSSES`] if leaving that block for `next` has to be noted.
    pub(super) fn crossing(&mut self, left: Option<CodeId>, next: u32) -> u8 {
        let (Some(ways), Some(left)) = (&mut self.ways, left) else { return 0 };
        if ways.crosses(&self.prices, left, next) { tag::CROSSES } else { 0 }
    }

    /// Does what [`tag::CROSSES`] asks for about the block at `pc` that has just begun, and returns what is left to do.
    #[inline]
    pub fn crossed(&mut self, core: &Core<'_>, pc: u32, tag: u8) -> u8 {
        if tag & tag::CROSSES != 0 {
            self.cross(core, pc);
        }
        tag & !tag::CROSSES
    }

    #[inline(never)]
    fn cross(&mut self, core: &Core<'_>, pc: u32) {
        let (left, now) = (self.before(), self.now());
        let (Some(ways), Some(left)) = (self.ways.as_deref_mut(), left) else { return };
        let exit = ways.exit(&self.prices, left);
        if let Some(dip) = exit.dip {
            ways.calls.descend(core.gpr(13).wrapping_sub(dip));
        }
        match exit.kind {
            Kind::Call if pc != exit.end => ways.calls.call(pc, exit.end, now),
            Kind::Elsewhere if pc != exit.end => ways.calls.jump(pc, now),
            _ if exit.runs_on || !(exit.function.0..exit.function.1).contains(&pc) => ways.calls.jump(pc, now),
            _ => {}
        }
    }

    /// The block that ran last ended with the stack pointer at `sp`, and no other follows it.
    pub fn ended_at(&mut self, sp: u32) {
        if let (Some(left), Some(ways)) = (self.before(), self.ways.as_deref_mut())
            && let Some(dip) = ways.exit(&self.prices, left).dip
        {
            ways.calls.descend(sp.wrapping_sub(dip));
        }
    }

    fn with_calls(&mut self, act: impl FnOnce(&mut Calls, Tick)) {
        let now = self.now();
        if let Some(ways) = self.ways.as_deref_mut() {
            act(&mut ways.calls, now);
        }
    }

    /// An exception is taken with the stack pointer at `sp`: time passes for its entry, then its handler begins at `entry`.
    pub fn enter_exception(&mut self, transition: &Transition, n: Number, sp: u32, pended: Option<Tick>, entry: u32) {
        self.ended_at(sp);
        self.with_calls(|calls, now| calls.interrupt(n, sp, pended, now));
        self.pass(transition);
        self.with_calls(|calls, now| calls.handle(entry, false, now));
    }

    /// A handler returns and another exception follows straight on.
    pub fn chain_exception(&mut self, transition: &Transition, n: Number, pended: Option<Tick>, entry: u32) {
        self.with_calls(|calls, now| {
            calls.leave(now);
            calls.chain(n, pended, now);
        });
        self.pass(transition);
        self.with_calls(|calls, now| calls.handle(entry, true, now));
    }

    /// A handler returns to what it interrupted, or to another thread, at `pc` with the stack pointer at `sp`.
    pub fn leave_exception(&mut self, transition: &Transition, (pc, sp): (u32, u32), process: bool) {
        self.with_calls(Calls::leave);
        self.pass(transition);
        self.with_calls(|calls, now| {
            calls.resume(sp, process, now);
            calls.arrive(pc, now);
        });
    }

    /// The core was reset and is at `pc`.
    pub fn restart(&mut self, sp: u32, pc: u32) {
        self.with_calls(|calls, now| {
            calls.finish(now);
            calls.reset(sp);
            calls.arrive(pc, now);
        });
    }
}
