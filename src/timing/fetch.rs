//! What it is: the fetch unit of the Cortex-M3: aligned word requests ahead of decode, from flash by I-code or from SRAM by the system bus.
//! Source: ARM DDI 0337E section 1.4 (three-word prefetch), 14.4 (I-code and system bus fetches, the latter registered); Arm's note on
//! 32-bit instructions at halfword addresses (a fetch is always an aligned word).
//! Does not model: fetches from external memory (taken as SRAM).
//! Tested by: `tests/silicon.rs`.

use super::flash::{Flash, LONG_AGO, Time};

/// Words that may be requested beyond the one that decode is working through.
const AHEAD: u32 = 2;
/// Words whose arrival is remembered; more than can be ahead.
pub(super) const WINDOW: usize = 4;

/// The words fetched or on their way, and the bus they come by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fetch {
    /// Address of the next halfword that decode takes.
    pub head: u32,
    /// Address of the next word to request.
    pub tail: u32,
    /// When each word may be decoded, by (address / 4) mod WINDOW.
    pub arrival: [Time; WINDOW],
    /// Earliest address phase of the next request.
    pub bus_free: Time,
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
    fn slot(addr: u32) -> usize {
        (addr >> 2) as usize % WINDOW
    }

    /// When the word at `addr` may be decoded; it must have been requested.
    pub fn arrival(&self, addr: u32) -> Time {
        self.arrival[Self::slot(addr)]
    }

    /// One word request with its address phase at `at`: when the word may be decoded.
    fn request(&mut self, flash: &mut Flash, addr: u32, at: Time, sequential: bool) -> Time {
        if by_system_bus(addr) {
            // The system bus registers a fetch's address: it appears a cycle later, and only when no data access holds the bus.
            let address = (at + 1).max(self.system_free);
            self.system_address = address;
            self.bus_free = address;
            address + 2
        } else {
            let data = flash.fetch(addr, at, sequential);
            self.bus_free = data;
            data + 1
        }
    }

    /// Issues the sequential requests that have their address phase before `until`.
    pub fn run(&mut self, flash: &mut Flash, until: Time) {
        while self.has_room() && self.bus_free < until {
            self.next_word(flash);
        }
    }

    /// Makes sure that the word at `addr`, in sequence, has been requested.
    pub fn require(&mut self, flash: &mut Flash, addr: u32) {
        while self.tail.wrapping_sub(addr & !3) as i32 <= 0 {
            self.next_word(flash);
        }
    }

    fn next_word(&mut self, flash: &mut Flash) {
        let addr = self.tail;
        let arrival = self.request(flash, addr, self.bus_free, true);
        self.arrival[Self::slot(addr)] = arrival;
        self.tail = addr.wrapping_add(4);
    }

    fn has_room(&self) -> bool {
        let first_whole = self.head.wrapping_add(3) & !3;
        self.tail.wrapping_sub(first_whole) as i32 <= 4 * (AHEAD as i32 - 1)
    }

    /// Decode takes the instruction that ends at `end` in cycle `at`; room that this makes can be used from that cycle on.
    pub fn take(&mut self, flash: &mut Flash, end: u32, at: Time) {
        self.run(flash, at);
        if !self.has_room() {
            self.bus_free = self.bus_free.max(at);
        }
        self.head = end;
    }

    /// Asks for a branch target ahead of the sequential words, at `at` or as soon as the bus is free: when its first word may be decoded.
    pub fn ask_target(&mut self, flash: &mut Flash, target: u32, at: Time) -> Time {
        let at = at.max(self.bus_free);
        self.request(flash, target & !3, at, false)
    }

    /// The branch resolves at `at`: a word still awaited on the wrong path no longer holds the bus.
    pub fn drop_wait(&mut self, at: Time) {
        self.bus_free = self.bus_free.min(at);
    }

    /// Control goes on at `target`, whose first word may be decoded at `arrival`.
    pub fn redirect(&mut self, target: u32, arrival: Time) {
        self.head = target;
        self.tail = (target & !3).wrapping_add(4);
        self.arrival = [LONG_AGO; WINDOW];
        self.arrival[Self::slot(target)] = arrival;
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

    /// A data access takes the system bus: address phase at `address`, last data cycle `end`. It goes before a fetch.
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
