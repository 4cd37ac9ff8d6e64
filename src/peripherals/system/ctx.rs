//! What it is: one device's view of the world during one call: all that it can do to anything but itself.
//! Source: DESIGN, "Peripherals never poll"; RM0008, figure 8 for the clocks of timers.
//! Does not model: anything of its own.
//! Tested by: the unit test below and every image.

use super::{Change, Clocks, Domain, SentByte, Signal, System, TracedItem, Transfer, Wish};
use crate::machine::exceptions::Number;
use crate::units::{Cycles, Hz, Tick};

/// One device's view of the world during one call.
pub struct Ctx<'a> {
    /// What all devices share.
    pub system: &'a mut System,
    /// The device's number in the machine.
    pub device: usize,
    /// The device's name on the chip.
    pub name: &'a str,
    /// The exceptions that the device's interrupt lines are wired to.
    pub lines: &'a [Number],
    /// The bus that clocks it.
    pub domain: Domain,
}

impl Ctx<'_> {
    /// The core's present instant.
    #[must_use]
    pub fn now(&self) -> Tick {
        self.system.now
    }

    /// The device's own clock.
    #[must_use]
    pub fn clock(&self) -> Hz {
        match self.domain {
            Domain::Core => self.system.clocks.hclk,
            Domain::Apb1 => self.system.clocks.pclk1,
            Domain::Apb2 => self.system.clocks.pclk2,
        }
    }

    /// How many core cycles one cycle of the device's clock lasts; the bus prescalers are powers of two.
    #[must_use]
    pub fn core_cycles_per_clock(&self) -> u64 {
        u64::from(self.system.clocks.hclk.0 / self.clock().0.max(1)).max(1)
    }

    /// Calls the device's `due(event)` after `delay`; an earlier request for the same event is replaced.
    pub fn schedule(&mut self, event: u32, delay: Cycles) {
        self.cancel(event);
        let at = self.system.now + delay;
        self.system.schedule.insert((at, self.device, event));
    }

    /// Withdraws a request.
    pub fn cancel(&mut self, event: u32) {
        let device = self.device;
        self.system.schedule.retain(|(_, d, e)| !(*d == device && *e == event));
    }

    /// Drives the device's interrupt line of that index.
    pub fn set_line(&mut self, index: usize, high: bool) {
        if let Some(n) = self.lines.get(index) {
            self.system.drive_line(*n, self.device, index, high);
        }
    }

    /// Pends the interrupt of that index once, whatever its level.
    pub fn pulse_line(&mut self, index: usize) {
        if let Some(n) = self.lines.get(index) {
            self.system.exceptions.set_pending(*n, true);
        }
    }

    /// Drives the device's output of that number: whatever the chip has wired to it learns of it at this instant.
    pub fn drive(&mut self, output: usize, high: bool) {
        self.system.signals.push_back(Signal { device: self.device, output, high });
    }

    /// Takes notice of what is wired to the input from now on, or no longer.
    pub fn listen(&mut self, input: usize, on: bool) {
        self.system.wishes.push_back(Wish::Listen { device: self.device, input, on });
    }

    /// Wishes for a transfer; the device learns of its end by `transferred`.
    pub fn transfer(&mut self, channel: usize, source: (u32, u32), target: (u32, u32)) {
        let transfer = Transfer { device: self.device, channel, source, target };
        self.system.wishes.push_back(Wish::Transfer(transfer));
    }

    /// Tells whoever drives the input that its request has been served.
    pub fn serve(&mut self, input: usize) {
        self.system.wishes.push_back(Wish::Served { device: self.device, input });
    }

    /// Drives the output high and low again.
    pub fn pulse(&mut self, output: usize) {
        self.drive(output, true);
        self.drive(output, false);
    }

    /// How many core cycles one cycle of a timer's clock lasts: the bus clock, doubled where the bus is divided (RM0008, figure 8).
    #[must_use]
    pub fn core_cycles_per_timer_clock(&self) -> u64 {
        (self.core_cycles_per_clock() / 2).max(1)
    }

    /// Sends a byte out of the chip, now.
    pub fn send(&mut self, byte: u8) {
        self.system.sent.push(SentByte { device: self.device, byte, at: self.system.now });
        self.system.attention |= byte == b'\n';
    }

    /// A stimulus port of the ITM takes a value.
    pub fn trace(&mut self, port: u32, size: u32, value: u32) {
        self.system.traced.push(TracedItem { port, size, value, at: self.system.now });
    }

    /// Something happens on a wire of the device.
    pub fn note_wire(&mut self, change: Change) {
        self.system.note_wire(self.device, change);
    }

    /// Sets the clock tree's outputs.
    pub fn set_clocks(&mut self, clocks: Clocks) {
        if self.system.clocks != clocks {
            if self.system.clocks.hclk != clocks.hclk {
                self.system.time = (self.system.nanos_at(self.system.now), self.system.now);
            }
            self.system.clocks = clocks;
            self.system.clocks_changed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_in_order_of_time_and_only_when_its_time_has_come() {
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 3, name: "X", lines: &[], domain: Domain::Core };
        ctx.schedule(0, Cycles(20));
        ctx.schedule(1, Cycles(10));
        ctx.schedule(2, Cycles(15));
        ctx.cancel(2);
        assert_eq!(system.next_due(), Tick(10));
        assert_eq!(system.take_due(), None);
        system.now = Tick(25);
        assert_eq!(
            [system.take_due(), system.take_due(), system.take_due()],
            [Some((Tick(10), 3, 1)), Some((Tick(20), 3, 0)), None]
        );
    }
}
