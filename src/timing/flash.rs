//! What it is: the flash interface of the STM32F1: one 64-bit wide array, the prefetch buffer of two 8-byte blocks in front of the I-code
//! bus, and the D-code bus's unbuffered reads.
//! Source: PM0075 section 2.3 (64-bit reads, two-block prefetch buffer, D-code priority); RM0008 section 3.3.3. When a read begins and
//! what a data read costs beyond LATENCY is calibrated: docs/accuracy.md says by which measurements.
//! Does not model: programming and erasing (the array stalls the core then), the option bytes' own timing.
//! Tested by: `tests/silicon.rs`.

use super::config::TimingConfig;

/// A point in time within one stretch of stepping, in cycles.
pub(super) type Time = i32;
/// Before anything that matters.
pub(super) const LONG_AGO: Time = -64;
/// The number of no line.
pub(super) const NO_LINE: u32 = u32::MAX;

/// The array, its buffer and the read in flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flash {
    /// Extra cycles of a read.
    wait: Time,
    prefetch: bool,
    /// The line (address / 8) in each block; block 0 takes even lines, block 1 odd ones.
    pub lines: [u32; 2],
    /// The last cycle of the read that filled each block.
    pub filled: [Time; 2],
    /// The last cycle of the latest read of the array.
    pub busy: Time,
}

impl Flash {
    pub fn new(config: &TimingConfig, lines: [u32; 2], filled: [Time; 2], busy: Time) -> Self {
        Self { wait: Time::from(config.wait_states.min(2)), prefetch: config.prefetch, lines, filled, busy }
    }

    /// A word fetch with its address phase at `at`: the last cycle of its data phase. A line in the buffer answers in one cycle. A
    /// sequential miss begins its read in the address phase, because the interface expects it; a branch's target in the data phase.
    pub fn fetch(&mut self, addr: u32, at: Time, sequential: bool) -> Time {
        if self.wait == 0 {
            return at + 1;
        }
        let line = addr >> 3;
        let block = (line & 1) as usize;
        if self.lines[block] != line {
            let begin = if sequential && self.prefetch { at } else { at + 1 };
            self.busy = begin.max(self.busy + 1) + self.wait;
            self.lines[block] = line;
            self.filled[block] = self.busy;
        }
        self.filled[block].max(at + 1)
    }

    /// A data read with its address phase at `at`: first and last cycle in which the array works for it. It waits for the read in flight
    /// and, when there are wait states, takes one cycle more than a fetch; the block that does not hold `current` is lost.
    pub fn read(&mut self, at: Time, current: u32) -> (Time, Time) {
        if self.wait == 0 {
            return (at + 1, at + 1);
        }
        let begin = (at + 1).max(self.busy + 1);
        self.busy = begin + self.wait + 1;
        for line in &mut self.lines {
            if *line != current {
                *line = NO_LINE;
            }
        }
        (begin, self.busy)
    }
}
