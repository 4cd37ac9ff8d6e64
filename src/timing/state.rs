//! What it is: what of the front end and of the instruction before outlives a block: the memo's key.
//! Source: the states are those of pipeline.rs, fetch.rs and flash.rs; lines are relative to the program counter's line, times to now.
//! Does not model: history that can no longer change a cycle: it is cut off, so that loops return to the same state.
//! Tested by: the unit tests in `mod.rs` (loops reach a fixed point; packing loses nothing that counts).

use super::Cause;
use super::config::TimingConfig;
use super::fetch::{Fetch, WINDOW};
use super::flash::{Buffer, Flash, LONG_AGO, NO_LINE, Time};
use super::pipeline::{Behind, Core};
use crate::isa::RegSet;

/// Times before this count as this.
const FLOOR: Time = -48;
/// Relative line number of an empty block.
const NO_DELTA: i32 = i32::MIN;

/// The core's front end between two blocks. Small, and equal whenever nothing that could cost a cycle differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrontState {
    lines: [i32; 2],
    filled: [i8; 2],
    flash_busy: i8,
    reading_ahead: bool,
    /// When the line behind the last one fetched is read ahead, and that line; `i8::MIN` when it is not.
    planned: i8,
    planned_line: i32,
    /// Words requested from the program counter's word on.
    words: u8,
    arrival: [i8; WINDOW],
    bus_free: i8,
    room: i8,
    system_address: i8,
    system_free: i8,
    decode_free: i8,
    load: i8,
    store: i8,
    store_to_load: i8,
    store_index: i8,
    waits: u8,
    waits_on_flash: bool,
    refill: u8,
    written: u16,
}

impl FrontState {
    /// After reset: nothing fetched, nothing buffered, nothing in flight.
    #[must_use]
    pub const fn reset() -> Self {
        Self {
            lines: [NO_DELTA; 2],
            filled: [FLOOR as i8; 2],
            flash_busy: FLOOR as i8,
            reading_ahead: false,
            planned: i8::MIN,
            planned_line: NO_DELTA,
            words: 0,
            arrival: [FLOOR as i8; WINDOW],
            bus_free: 0,
            room: FLOOR as i8,
            system_address: FLOOR as i8,
            system_free: FLOOR as i8,
            decode_free: 0,
            load: i8::MIN,
            store: i8::MIN,
            store_to_load: i8::MIN,
            store_index: FLOOR as i8,
            waits: 0,
            waits_on_flash: false,
            refill: 2,
            written: 0,
        }
    }

    /// Behind an exception sequence: the first word of the code there has arrived, so that its first instruction executes next.
    pub(super) const fn entered() -> Self {
        let mut state = Self::reset();
        state.words = 1;
        state.arrival = [-1; WINDOW];
        state.decode_free = -1;
        state.refill = 0;
        state
    }

    /// A core that goes on at `pc` from this state, at time zero.
    pub(super) fn resume(&self, config: &TimingConfig, pc: u32) -> Core {
        let line = |delta: i32| if delta == NO_DELTA { NO_LINE } else { (pc >> 3).wrapping_add(delta as u32) };
        let block = |index: usize| Buffer { line: line(self.lines[index]), filled: Time::from(self.filled[index]) };
        let mut flash = Flash::new(config);
        flash.blocks = [block(0), block(1)];
        flash.busy = Time::from(self.flash_busy);
        flash.reading_ahead = self.reading_ahead;
        flash.planned = (self.planned != i8::MIN).then(|| (line(self.planned_line), Time::from(self.planned)));
        let word = pc & !3;
        let mut arrival = [LONG_AGO; WINDOW];
        for (index, time) in self.arrival.iter().enumerate() {
            arrival[((word >> 2) as usize + index) % WINDOW] = Time::from(*time);
        }
        let fetch = Fetch {
            head: pc,
            tail: word.wrapping_add(4 * u32::from(self.words)),
            arrival,
            bus_free: Time::from(self.bus_free),
            room: Time::from(self.room),
            paused: LONG_AGO,
            system_address: Time::from(self.system_address),
            system_free: Time::from(self.system_free),
        };
        let event = |time: i8| if time == i8::MIN { LONG_AGO } else { Time::from(time) };
        let behind = Behind {
            decode_free: Time::from(self.decode_free),
            load: event(self.load),
            waits: (self.waits, if self.waits_on_flash { Cause::FlashData } else { Cause::Bus }),
            store: event(self.store),
            store_to_load: event(self.store_to_load),
            store_index: Time::from(self.store_index),
            written: RegSet(self.written),
            refill: self.refill,
            folds: false,
            decoded: LONG_AGO,
        };
        Core::new(*config, flash, fetch, behind)
    }

    /// What outlives `core`, which goes on at `pc`.
    pub(super) fn of(mut core: Core, pc: u32) -> Self {
        let now = core.free;
        // Requests before decode was free have been made, except behind a branch, where the queue has been refilling since.
        let refilling = core.behind.refill > 0;
        let settled = if refilling { core.behind.decode_free.min(core.fetch.bus_free) } else { core.behind.decode_free };
        let floor = (settled - now).max(FLOOR);
        core.flash.settle(floor + now);
        let rel = |time: Time, floor: Time| (time - now).clamp(floor, 127) as i8;
        let event = |time: Time| if time == LONG_AGO || time - now < -1 { i8::MIN } else { rel(time, FLOOR) };
        let line = |line: u32| if line == NO_LINE { NO_DELTA } else { line.wrapping_sub(pc >> 3) as i32 };
        let word = pc & !3;
        let words = (core.fetch.tail.wrapping_sub(word) / 4).min(WINDOW as u32) as u8;
        let mut arrival = [floor as i8; WINDOW];
        for (index, time) in arrival.iter_mut().enumerate().take(usize::from(words)) {
            *time = rel(core.fetch.arrival[((word >> 2) as usize + index) % WINDOW], floor);
        }
        let load = event(core.behind.load);
        Self {
            lines: core.flash.blocks.map(|block| line(block.line)),
            filled: core.flash.blocks.map(|block| if block.line == NO_LINE { floor as i8 } else { rel(block.filled, floor - 1) }),
            flash_busy: rel(core.flash.busy, floor - 1),
            reading_ahead: core.flash.reading_ahead && core.flash.busy - now >= floor,
            planned: core.flash.planned.map_or(i8::MIN, |(_, at)| rel(at, floor)),
            planned_line: core.flash.planned.map_or(NO_DELTA, |(planned, _)| line(planned)),
            words,
            arrival,
            // Before decode was free, or since: that decides whether the queue filled while decode was held up.
            bus_free: if core.fetch.bus_free < settled { (floor - 1) as i8 } else { rel(core.fetch.bus_free, floor) },
            room: rel(core.fetch.room, floor),
            system_address: rel(core.fetch.system_address, floor),
            system_free: rel(core.fetch.system_free, floor),
            decode_free: rel(core.behind.decode_free, FLOOR),
            load,
            store: event(core.behind.store),
            store_to_load: event(core.behind.store_to_load),
            store_index: rel(core.behind.store_index, FLOOR.max(-1)),
            waits: if load == i8::MIN { 0 } else { core.behind.waits.0 },
            waits_on_flash: load != i8::MIN && core.behind.waits.0 > 0 && core.behind.waits.1 == Cause::FlashData,
            refill: core.behind.refill,
            written: if core.behind.refill == 0 { core.behind.written.0 } else { 0 },
        }
    }
}

impl Default for FrontState {
    fn default() -> Self {
        Self::reset()
    }
}
