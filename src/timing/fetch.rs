//! What it is: the fetch unit of the Cortex-M3: aligned word requests ahead of decode, from flash by I-code or from SRAM by the system bus.
//! Source: ARM DDI 0337E section 1.4 (three-word prefetch), 14.4 (I-code and system bus fetches, the latter registered); Arm's note 103488664
//! on 32-bit instructions at halfword addresses (three words, always aligned, decoupled from decode). When room in the queue is seen, that
//! nothing is requested while a load waits for its successor, and the system bus's sharing, are calibrated (docs/accuracy.md).
//! Does not model: fetches from external memory (taken as SRAM).
//! Tested by: `tests/silicon.rs`.

use super::flash::{Flash, LONG_AGO, Time};

/// Words in the prefetch queue, those of the instruction in decode and those on their way included.
const QUEUE: u32 = 3;
/// Words whose arrival is remembered; more than the queue holds.
pub(super) const WINDOW: usize = 4;

/// The words fetched or on their way, and the bus they come by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fetch {
    /// Address of the oldest instruction in the queue: the one in decode or next to enter it.
    pub head: u32,
    /// Address of the next word to request.
    pub tail: u32,
    /// When each word may be decoded, by (address / 4) mod WINDOW.
    pub arrival: [Time; WINDOW],
    /// Earliest address phase of the next request that the bus allows.
    pub bus_free: Time,
    /// Earliest address phase of the next request that the queue allows.
    pub room: Time,
    /// The data cycle of a load whose successor comes too late to overlap it: no word is requested in it.
    pub paused: Time,
    /// For code in SRAM: the last fetch's address phase on the system bus.
    pub system_address: Time,
    /// For code in SRAM: earliest address phase that data accesses leave free.
    pub system_free: Time,
}

/// Whether code at that address comes by the system bus.
pub(super) const fn by_system_bus(addr: u32) -> bool {
    addr >= 0x2000_0000
}

impl Fetch {
    const fn slot(addr: u32) -> usize {
        (addr >> 2) as usize % WINDOW
    }

    /// Whether the word at `addr`, in sequence, has been requested.
    pub const fn holds(&self, addr: u32) -> bool {
        self.tail.wrapping_sub(addr & !3) as i32 > 0
    }

    /// When the word at `addr` may be decoded; it must have been requested.
    pub fn arrival(&self, addr: u32) -> Time {
        self.arrival[Self::slot(addr)]
    }

    /// One word request with its address phase at `at`: when the word may be decoded.
    fn request(&mut self, flash: &mut Flash, addr: u32, at: Time, sequential: bool) -> Time {
        if by_system_bus(addr) {
            // The system bus registers a fetch's address, so that it appears a cycle later, and does not overlap it with the data before.
            let address = (at + 1).max(self.system_free);
            self.system_address = address;
            self.bus_free = address + 1;
            address + 2
        } else {
            let data = flash.fetch(addr, at, sequential);
            self.bus_free = data;
            data + 1
        }
    }

    /// Issues the sequential requests that have their address phase before `until`.
    pub fn run(&mut self, flash: &mut Flash, until: Time) {
        while self.has_room() && self.slot_after_pause() < until {
            self.next_word(flash);
        }
    }

    /// The earliest address phase of the next sequential request.
    fn slot_after_pause(&mut self) -> Time {
        if self.bus_free.max(self.room) == self.paused {
            self.room = self.paused + 1;
        }
        self.bus_free.max(self.room)
    }

    /// Makes sure that the word at `addr`, in sequence, has been requested.
    pub fn require(&mut self, flash: &mut Flash, addr: u32) {
        while !self.holds(addr) {
            self.next_word(flash);
        }
    }

    fn next_word(&mut self, flash: &mut Flash) {
        let addr = self.tail;
        let at = self.slot_after_pause();
        let arrival = self.request(flash, addr, at, true);
        self.arrival[Self::slot(addr)] = arrival;
        self.tail = addr.wrapping_add(4);
    }

    const fn has_room(&self) -> bool {
        (self.tail.wrapping_sub(self.head & !3) as i32) < 4 * QUEUE as i32
    }

    /// The instruction at the head, in decode since `decoded`, leaves it in cycle `at`; `next` follows it in the queue. The room that it makes
    /// can be used at once, unless the queue has filled while decode held the instruction back: then the fetch unit sees it a cycle later.
    pub fn advance(&mut self, next: u32, decoded: Time, at: Time) {
        self.room = if self.has_room() {
            self.room.min(at)
        } else {
            let filled_meanwhile = decoded < at && self.bus_free >= decoded;
            at + Time::from(filled_meanwhile)
        };
        self.head = next;
    }

    /// When the bus could take a branch target's request at `at` or later.
    pub fn target_slot(&self, at: Time) -> Time {
        at.max(self.bus_free)
    }

    /// Asks for a branch target, ahead of the sequential words: when its first word may be decoded.
    pub fn ask_target(&mut self, flash: &mut Flash, target: u32, at: Time) -> Time {
        let at = self.target_slot(at);
        self.request(flash, target & !3, at, false)
    }

    /// A branch resolves: from `at` on a word still awaited on the wrong path no longer holds the bus.
    pub fn drop_wait(&mut self, at: Time) {
        self.bus_free = self.bus_free.min(at);
    }

    /// Control goes on at `target`, whose first word may be decoded at `arrival`.
    pub fn redirect(&mut self, target: u32, arrival: Time) {
        self.head = target;
        self.tail = (target & !3).wrapping_add(4);
        self.arrival = [LONG_AGO; WINDOW];
        self.arrival[Self::slot(target)] = arrival;
        self.room = LONG_AGO;
    }

    /// A data read holds the flash array from `begin` to `end`: fetches get nothing meanwhile, buffered or not.
    pub fn held_up(&mut self, begin: Time, end: Time) {
        if self.bus_free >= begin {
            let delay = end - begin + 1;
            self.arrival[Self::slot(self.tail.wrapping_sub(4))] += delay;
            self.bus_free += delay;
        }
        self.bus_free = self.bus_free.max(end);
    }

    /// When a data access of a program in SRAM may have its address phase, `at` or later: not over a fetch's address and data phase.
    pub fn data_slot(&self, at: Time) -> Time {
        if by_system_bus(self.tail) && self.system_address < at { at.max(self.system_address + 2) } else { at }
    }

    /// A data access takes the system bus: address phase at `address`, free again at `end`. It goes before a fetch.
    pub fn yield_system_bus(&mut self, address: Time, end: Time) {
        if !by_system_bus(self.tail) {
            return;
        }
        if self.system_address >= address {
            let delay = (end - self.system_address).max(0);
            self.arrival[Self::slot(self.tail.wrapping_sub(4))] += delay;
            self.system_address += delay;
            self.bus_free = self.bus_free.max(self.system_address);
        }
        self.system_free = self.system_free.max(end);
    }
}
