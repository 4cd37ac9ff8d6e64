//! What it is: decode and execute of the Cortex-M3, stepped instruction by instruction; every cycle gets its cause here.
//! Source: ARM DDI 0337E chapter 18 and DDI 0337G section 3.3.1 (cycle counts, pipelining of loads and stores, branch costs); what these
//! leave open is calibrated (docs/accuracy.md).
//! Does not model: debug, trace, MPU; contention with DMA.
//! Tested by: `tests/silicon.rs`; the unit tests in `mod.rs`.

use super::bus;
use super::config::TimingConfig;
use super::fetch::{Fetch, by_system_bus};
use super::flash::{Flash, LONG_AGO, Time};
use super::signature::{OperandCode, Region};
use super::{Cause, CauseCycles};
use crate::isa::{Class, Cond, Flow, Insn, RegSet, Writeback};

/// What of an instruction's execution the next one's start depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Behind {
    /// When decode let go of it: its first cycle in execute.
    pub decode_free: Time,
    /// The last data cycle of a load that the next access may overlap with; `LONG_AGO` when it was no such load.
    pub load: Time,
    /// How many of a load's data cycles were waits, and on what.
    pub waits: (u8, Cause),
    /// The last cycle in which the write buffer is busy.
    pub store: Time,
    /// A store with a register offset reads its data a cycle late: nothing but a NOP starts before this.
    pub store_index: Time,
    /// Registers it wrote in its last cycle: an address formed from one of them comes a cycle late.
    pub written: RegSet,
    /// The least bubble of the branch just taken; zero when it was none.
    pub refill: u8,
    /// It was a 16-bit instruction other than a branch, so that an IT may fold into it.
    pub folds: bool,
    /// When it entered decode.
    pub decoded: Time,
}

/// One core in the middle of its work.
pub(super) struct Core {
    config: TimingConfig,
    pub flash: Flash,
    pub fetch: Fetch,
    pub behind: Behind,
    /// The first cycle that is not yet accounted for: execute is free for the next instruction.
    pub free: Time,
    pub causes: CauseCycles,
}

impl Core {
    pub fn new(config: TimingConfig, flash: Flash, fetch: Fetch, behind: Behind) -> Self {
        Self { config, flash, fetch, behind, free: 0, causes: CauseCycles::default() }
    }

    fn book(&mut self, cause: Cause, cycles: Time) {
        self.causes.add(cause, cycles.max(0) as u32);
        self.free += cycles.max(0);
    }

    /// Runs one instruction; `next` is where control goes. Returns its first cycle in execute.
    pub fn step(&mut self, insn: &Insn, code: OperandCode, next: u32) -> Time {
        let failed = code.failed();
        let decoded = self.decode(insn);
        if insn.class == Class::It && self.behind.folds && decoded <= self.behind.decoded {
            // IT folding: it goes through decode beside the 16-bit instruction before it.
            self.fetch.take(&mut self.flash, insn.end().0, self.behind.decoded.max(decoded));
            return self.behind.decode_free;
        }
        let decoded = decoded.max(self.behind.decode_free);
        self.fetch.take(&mut self.flash, insn.end().0, decoded);

        let access = if failed || insn.class == Class::Preload { None } else { insn.mem };
        let enter = self.wait_for_operands(insn, access.is_some(), decoded);
        let taken = self.is_taken(insn, failed, next);
        let target = self.speculate(insn, decoded, enter, taken);
        if !(taken && target.is_some()) {
            self.fetch.run(&mut self.flash, enter);
        }
        let before = self.behind;
        self.behind = Behind {
            decode_free: enter,
            load: LONG_AGO,
            waits: (0, Cause::Bus),
            store: if access.is_some() { LONG_AGO } else { before.store },
            store_index: LONG_AGO,
            written: if failed { RegSet::EMPTY } else { insn.writes },
            refill: 0,
            folds: insn.size == 2 && !insn.changes_flow(),
            decoded,
        };
        let last = match access {
            Some(mem) => {
                self.wait_for_write_buffer(insn, before.store);
                self.access(u32::from(mem.count) + code.extra_accesses(), code.region(), is_store(insn.class))
            }
            None => enter,
        };
        self.book(Cause::Issue, 1);
        self.execute(insn, code, failed, last);
        if taken {
            self.branch(insn, next, target, last);
        } else if insn.class == Class::InstructionBarrier && !failed {
            self.refetch(insn.end().0, self.free - 1);
        }
        enter
    }

    /// Fetches what is needed to decode `insn`: when it is there.
    fn decode(&mut self, insn: &Insn) -> Time {
        let last = insn.addr.0.wrapping_add(u32::from(insn.size)).wrapping_sub(2);
        self.fetch.require(&mut self.flash, last);
        self.fetch.arrival(insn.addr.0).max(self.fetch.arrival(last))
    }

    /// Waits in decode for the instruction before it, and books why: loads in flight, late addresses, missing words.
    fn wait_for_operands(&mut self, insn: &Insn, accesses: bool, decoded: Time) -> Time {
        let behind = self.behind;
        let late_address = insn.address_regs.meets(behind.written);
        let mut ready = behind.load + 1;
        if behind.load > LONG_AGO {
            let updates = insn.mem.is_some_and(|m| m.writeback != Writeback::None);
            let overlaps = match insn.class {
                Class::Nop => true,
                Class::Load | Class::LoadExclusive => accesses && !late_address && !updates,
                Class::Store | Class::StoreExclusive => accesses && !late_address,
                _ => false,
            };
            if overlaps {
                ready -= 1;
            }
        } else if accesses && late_address {
            ready = self.free + 1;
        }
        if insn.class != Class::Nop {
            ready = ready.max(behind.store_index);
        }
        let stall = (ready - self.free).max(0);
        let waited = stall.min(Time::from(behind.waits.0));
        self.book(behind.waits.1, waited);
        self.book(Cause::LoadStore, stall - waited);

        let missing = (decoded + 1 - self.free).max(0);
        let refill = missing.min(Time::from(behind.refill));
        self.book(Cause::Branch, refill);
        let cause = if by_system_bus(insn.addr.0) { Cause::Bus } else { Cause::FlashFetch };
        self.book(cause, missing - refill);
        self.free
    }

    fn is_taken(&self, insn: &Insn, failed: bool, next: u32) -> bool {
        insn.changes_flow() && !failed && (next != insn.end().0 || !(insn.is_conditional_branch() || insn.cond != Cond::Al))
    }

    /// A direct branch asks for its target while it is in decode, taken or not. When the word may be decoded, if it was asked for.
    fn speculate(&mut self, insn: &Insn, decoded: Time, enter: Time, taken: bool) -> Option<Time> {
        let (Flow::Direct { target, .. } | Flow::Call { target }) = insn.flow else { return None };
        let free = decoded.max(self.fetch.bus_free);
        if free > enter {
            if !taken {
                return None;
            }
            self.fetch.drop_wait(enter);
        }
        let arrival = self.fetch.ask_target(&mut self.flash, target.0, free.min(enter.max(decoded)));
        if !taken {
            self.fetch.drop_wait(enter.max(free + 1));
        }
        Some(arrival)
    }

    /// A load or store waits in execute until the write buffer is free; a load one cycle longer, since it is not pipelined with a store.
    fn wait_for_write_buffer(&mut self, insn: &Insn, store: Time) {
        if store == LONG_AGO {
            return;
        }
        let ready = if is_store(insn.class) { store } else { store + 1 };
        let stall = (ready - self.free).max(0);
        let unpipelined = stall.min(1);
        self.book(Cause::LoadStore, unpipelined);
        self.book(Cause::Bus, stall - unpipelined);
    }

    /// `count` accesses from now on, each one's address phase in the last data cycle of the one before: the last data cycle of all.
    fn access(&mut self, count: u32, region: Region, store: bool) -> Time {
        let mut last = self.free;
        for _ in 0..count.clamp(1, 18) {
            last = match region {
                Region::Flash => {
                    self.fetch.run(&mut self.flash, last);
                    let current = self.fetch.tail.wrapping_sub(4) >> 3;
                    let (begin, end) = self.flash.read(last, current);
                    if self.config.wait_states > 0 {
                        self.fetch.held_up(begin, end);
                    }
                    end
                }
                Region::System => last + 1,
                _ => {
                    let end = last + bus::data_cycles(&self.config, region, store);
                    self.fetch.run(&mut self.flash, last);
                    self.fetch.yield_system_bus(last, end);
                    end
                }
            };
        }
        let waits = (last - self.free - count.clamp(1, 18) as Time).clamp(0, 255);
        let cause = if region == Region::Flash { Cause::FlashData } else { Cause::Bus };
        self.behind.waits = (waits as u8, cause);
        last
    }

    /// Books the cycles in execute beyond the first, and notes what the next instruction has to know.
    fn execute(&mut self, insn: &Insn, code: OperandCode, failed: bool, last: Time) {
        if failed {
            return;
        }
        let (waits, wait_cause) = self.behind.waits;
        match insn.class {
            Class::Load | Class::LoadExclusive => {
                self.behind.load = last;
                return;
            }
            Class::Store | Class::StoreExclusive => {
                self.behind.store = last;
                self.book(Cause::LoadStore, code.extra_accesses() as Time);
                if insn.mem.is_some_and(|m| m.index.is_some()) {
                    self.behind.store_index = self.free + 1;
                }
            }
            Class::LoadMultiple | Class::LoadDouble => {
                let waits = Time::from(waits);
                self.book(Cause::LoadStore, last + 1 - self.free - waits);
                self.book(wait_cause, waits);
            }
            Class::StoreMultiple | Class::StoreDouble => {
                let waits = Time::from(waits);
                self.behind.store = last;
                self.book(Cause::LoadStore, last + 1 - self.free - waits);
                self.book(wait_cause, (waits - 1).max(0));
            }
            Class::Mla => self.book(Cause::MultiplyDivide, 1),
            Class::LongMul { accumulate, .. } => {
                self.book(Cause::MultiplyDivide, 2 + code.cycles() as Time + Time::from(accumulate));
            }
            Class::Div { .. } => self.book(Cause::MultiplyDivide, code.cycles().clamp(2, 12) as Time - 1),
            Class::Mrs | Class::Msr | Class::Cps => self.book(Cause::Issue, 1),
            Class::TableBranch => self.book(Cause::Branch, last + 2 - self.free),
            _ => {}
        }
        self.behind.waits = (0, Cause::Bus);
    }

    /// Control leaves the sequence.
    fn branch(&mut self, insn: &Insn, next: u32, target: Option<Time>, last: Time) {
        if let Some(arrival) = target {
            self.behind.refill = 1;
            self.behind.decode_free = self.free;
            self.fetch.redirect(next, arrival.max(self.free));
            return;
        }
        let asks = match insn.flow {
            Flow::LoadPc if insn.class == Class::Load => {
                self.settle_load(last);
                last
            }
            Flow::Table => self.free,
            _ => self.free - 1,
        };
        self.refetch(next, asks);
    }

    /// A load of PC is not overlapped by anything: its data cycles are booked at once.
    fn settle_load(&mut self, last: Time) {
        let waits = Time::from(self.behind.waits.0);
        self.book(self.behind.waits.1, waits);
        self.book(Cause::LoadStore, last + 1 - self.free);
        self.behind.load = LONG_AGO;
        self.behind.waits = (0, Cause::Bus);
    }

    /// Flushes the queue and asks for `next` in cycle `asks`.
    fn refetch(&mut self, next: u32, asks: Time) {
        self.fetch.run(&mut self.flash, asks);
        self.fetch.drop_wait(asks);
        let arrival = self.fetch.ask_target(&mut self.flash, next, asks);
        self.fetch.redirect(next, arrival.max(self.free));
        self.behind.refill = (asks + 3 - self.free).max(0) as u8;
        self.behind.decode_free = self.free;
    }
}

const fn is_store(class: Class) -> bool {
    matches!(class, Class::Store | Class::StoreMultiple | Class::StoreDouble | Class::StoreExclusive)
}
