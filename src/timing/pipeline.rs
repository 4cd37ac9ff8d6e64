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
    /// The last data cycle of a store, in which the next one's address can go out.
    pub store: Time,
    /// When a load's address can go out behind that store.
    pub store_to_load: Time,
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

    /// Runs one instruction; `next` is where control goes. Returns its first cycle in execute, or, for an access that has to wait for the
    /// bus, the cycle in which its address goes out.
    pub fn step(&mut self, insn: &Insn, code: OperandCode, next: u32) -> Time {
        let failed = code.failed();
        self.fetch.paused = self.late_behind_load(insn);
        let words = self.decode(insn);
        if insn.class == Class::It && self.behind.folds && words <= self.behind.decoded {
            // IT folding: it goes through decode beside the 16-bit instruction before it.
            let leaves = self.behind.decode_free - 1;
            self.fetch.advance(insn.end().0, leaves, leaves);
            self.fetch.run(&mut self.flash, self.behind.decode_free);
            return self.behind.decode_free;
        }
        let decoded = words.max(self.behind.decode_free);
        self.fetch.run(&mut self.flash, decoded);

        let access = if failed || insn.class == Class::Preload { None } else { insn.mem };
        let enter = self.wait_for_operands(insn, access.is_some(), decoded);
        let taken = Self::is_taken(insn, failed, next);
        let target = self.speculate(insn, decoded, enter, taken);
        let refills = taken && target.is_some();
        if !refills {
            self.fetch.run(&mut self.flash, enter - 1);
        }
        self.fetch.advance(insn.end().0, decoded, enter - 1);
        if !refills {
            self.fetch.run(&mut self.flash, enter);
        }
        let before = self.behind;
        self.behind = Behind {
            decode_free: enter,
            load: LONG_AGO,
            waits: (0, Cause::Bus),
            store: if access.is_some() { LONG_AGO } else { before.store },
            store_to_load: if access.is_some() { LONG_AGO } else { before.store_to_load },
            store_index: LONG_AGO,
            written: if failed { RegSet::EMPTY } else { insn.writes },
            refill: 0,
            folds: insn.size == 2 && !insn.changes_flow(),
            decoded,
        };
        let mut start = enter;
        let last = match access {
            Some(mem) => {
                self.wait_for_write_buffer(insn, &before);
                start = self.free;
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
        start
    }

    /// Whether an access in the cycle of a load's data can be this instruction's: loads that leave their base alone, and stores.
    fn overlaps_load(&self, insn: &Insn, failed: bool) -> bool {
        let updates = insn.mem.is_some_and(|m| m.writeback != Writeback::None);
        let late_address = insn.address_regs.meets(self.behind.written);
        match insn.class {
            Class::Nop => true,
            Class::Load | Class::LoadExclusive => !failed && !late_address && !updates,
            Class::Store | Class::StoreExclusive => !failed && !late_address,
            _ => false,
        }
    }

    /// The data cycle of the load before this instruction, if this one is not in decode by then: the fetch unit requests nothing in that cycle.
    fn late_behind_load(&self, insn: &Insn) -> Time {
        let end = insn.addr.0.wrapping_add(u32::from(insn.size)).wrapping_sub(2);
        let arrival = self.fetch.holds(end).then(|| self.fetch.arrival(insn.addr.0).max(self.fetch.arrival(end)));
        let in_time = arrival.is_some_and(|arrival| arrival.max(self.behind.decode_free) < self.behind.load);
        if in_time { LONG_AGO } else { self.behind.load }
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
            if self.overlaps_load(insn, !accesses && insn.mem.is_some()) {
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

    fn is_taken(insn: &Insn, failed: bool, next: u32) -> bool {
        insn.changes_flow() && !failed && (next != insn.end().0 || !(insn.is_conditional_branch() || insn.cond != Cond::Al))
    }

    /// A direct branch asks for its target from its first cycle in decode on, as soon as I-code is free, taken or not; one that is not
    /// taken asks no more once it has entered execute. When the word may be decoded, if it was asked for.
    fn speculate(&mut self, insn: &Insn, decoded: Time, enter: Time, taken: bool) -> Option<Time> {
        let (Flow::Direct { target, .. } | Flow::Call { target }) = insn.flow else { return None };
        let slot = self.fetch.target_slot(decoded);
        if slot > enter {
            if !taken {
                return None;
            }
            self.fetch.drop_wait(enter);
        }
        let arrival = self.fetch.ask_target(&mut self.flash, target.0, slot.min(enter));
        if !taken {
            self.fetch.drop_wait(enter.max(slot + 1));
        }
        Some(arrival)
    }

    /// A load or store waits in execute until the write buffer is free; a load is not pipelined with a store.
    fn wait_for_write_buffer(&mut self, insn: &Insn, before: &Behind) {
        let ready = if is_store(insn.class) { before.store } else { before.store_to_load };
        let stall = (ready - self.free).max(0);
        let unpipelined = stall.min(1);
        self.book(Cause::LoadStore, unpipelined);
        self.book(Cause::Bus, stall - unpipelined);
    }

    /// `count` accesses from now on, each one's address phase in the last data cycle of the one before: the last data cycle of all.
    fn access(&mut self, count: u32, region: Region, store: bool) -> Time {
        let count = count.clamp(1, 18);
        // Fetches older than the first access have been issued; those beside it are the next instruction's affair, which may be a branch.
        self.fetch.run(&mut self.flash, self.free);
        let mut last = self.free;
        let mut address = last;
        for _ in 0..count {
            address = last;
            last = match region {
                Region::Flash => {
                    let (begin, end) = self.flash.read(address);
                    if self.config.wait_states > 0 && !by_system_bus(self.fetch.tail) {
                        self.fetch.held_up(begin, end);
                    }
                    end
                }
                Region::System => address + 1,
                _ => {
                    address = self.fetch.data_slot(address);
                    let end = address + bus::data_cycles(&self.config, region, store);
                    self.fetch.yield_system_bus(address, if store { end } else { end + 1 });
                    end
                }
            };
        }
        if store {
            self.behind.store = last;
            self.behind.store_to_load = last.max(address + 2);
        }
        let waits = (last - self.free - count as Time).clamp(0, 255);
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
