//! What it is: what a debugger asks of the account of time: where it wants to stop, the block that is held, the instant of an instruction.
//! Source: our own.
//! Does not model: anything of its own.
//! Tested by: `tests/gdb.rs`: cycles with breakpoints equal those without.

use super::traps::address_of;
use super::{Phase, Tracker, stores};
use crate::isa::Insn;
use crate::machine::soc::{Hold, Holding};
use crate::timing::step_prefix;
use crate::units::{Cycles, Tick};
use std::collections::BTreeSet;

impl Tracker {
    /// Where a debugger wants to stop.
    pub fn set_breaks(&mut self, breaks: BTreeSet<u32>) {
        self.blocks.set_breaks(&mut self.prices, breaks);
    }

    /// Whether it wants to stop in the running block.
    pub fn has_break(&self) -> bool {
        self.running().is_some_and(|running| self.blocks.has_break(self.prices.block(running.code)))
    }

    /// Whether the block of the latest [`super::Begin::Barred`] is to be held.
    pub fn barred_is_wanted(&self, holding: Holding) -> bool {
        holding.hold == Hold::Always
            || holding.guarded
            || self.barred.is_some_and(|barred| self.blocks.has_break(self.prices.block(barred.code)))
    }

    /// The running block will be run in parts: what the engine then announces is not to be taken for what comes behind it.
    pub fn hold(&mut self) {
        if let Some(running) = self.running() {
            self.run(running);
        }
    }

    /// The running block's instructions; none, if no block runs.
    #[must_use]
    pub fn insns(&self) -> &[Insn] {
        self.running().map_or(&[], |running| &self.prices.block(running.code).insns)
    }

    /// What the running block's instruction at `pc` accesses, by the registers: the lowest address, how many bytes, whether it stores.
    #[must_use]
    pub fn accesses(&self, pc: u32, reg: impl Fn(u8) -> u32) -> Option<(u32, u32, bool)> {
        let insn = self.insns().iter().find(|insn| insn.addr.0 == pc)?;
        let (mem, address) = (insn.mem?, address_of(insn, reg)?);
        Some((address.0, u32::from(mem.bytes) * u32::from(mem.count), stores(insn)))
    }

    /// Control was put elsewhere: what runs next does not follow what ran last.
    pub fn jumped(&mut self) {
        self.cancel();
        self.previous = None;
    }

    /// When the running block's instruction at `pc` begins.
    #[must_use]
    pub fn instant_of(&self, pc: u32) -> Tick {
        let Phase::Running(running) = self.phase else { return self.now() };
        let insns = &self.prices.block(running.code).insns;
        let Some(at) = insns.iter().position(|insn| insn.addr.0 == pc) else { return self.now() };
        let codes = self.prices.codes_of(running.signature);
        let elapsed = step_prefix(&self.prices.config(), insns, self.prices.state(), codes, at);
        self.now() + Cycles(u64::from(elapsed))
    }
}
