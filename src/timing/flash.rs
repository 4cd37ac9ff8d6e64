//! What it is: the flash interface of the STM32F1: one 64-bit wide array, the prefetch buffer of two 8-byte blocks in front of the I-code
//! bus, and the D-code bus's unbuffered reads.
//! Source: PM0075 section 2.3 (64-bit reads, two-block prefetch buffer, D-code priority); RM0008 section 3.3.3. When a read begins and what
//! a data read costs beyond LATENCY is calibrated on published kernels (docs/accuracy.md): each constant here is the best of its neighbours.
//! Does not model: programming and erasing (the array stalls the core then), the option bytes' own timing.
//! Tested by: `tests/silicon.rs`.

use super::config::TimingConfig;

/// A point in time within one stretch of stepping, in cycles.
pub(super) type Time = i32;
/// Before anything that matters.
pub(super) const LONG_AGO: Time = -64;
/// The number of no line.
pub(super) const NO_LINE: u32 = u32::MAX;

/// What a data read takes beyond the array's access time.
const DATA_READ_OVERHEAD: Time = 1;

/// One 8-byte block of the prefetch buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buffer {
    /// The line (address / 8) that it holds or is being filled with.
    pub line: u32,
    /// The last cycle of the read that fills it.
    pub filled: Time,
}

impl Buffer {
    pub const EMPTY: Buffer = Buffer { line: NO_LINE, filled: LONG_AGO };
}

/// The array, its buffer and the read in flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flash {
    /// Extra cycles of a read.
    wait: Time,
    prefetch: bool,
    /// Direct-mapped: block 0 takes even lines, block 1 odd ones.
    pub blocks: [Buffer; 2],
    /// The last cycle of the latest read of the array.
    pub busy: Time,
    /// Whether that read is a read-ahead.
    pub reading_ahead: bool,
    /// The line to be read ahead next, and when.
    pub planned: Option<(u32, Time)>,
}

impl Flash {
    pub fn new(config: &TimingConfig) -> Self {
        Self {
            wait: Time::from(config.wait_states.min(2)),
            prefetch: config.prefetch,
            blocks: [Buffer::EMPTY; 2],
            busy: LONG_AGO,
            reading_ahead: false,
            planned: None,
        }
    }

    fn block(&mut self, line: u32) -> &mut Buffer {
        let [even, odd] = &mut self.blocks;
        if line & 1 == 0 { even } else { odd }
    }

    fn fill(&mut self, line: u32, earliest: Time, ahead: bool) {
        let filled = earliest.max(self.busy + 1) + self.wait;
        self.busy = filled;
        self.reading_ahead = ahead;
        *self.block(line) = Buffer { line, filled };
    }

    /// Begins the planned read-ahead if its time has come by `now`.
    pub fn settle(&mut self, now: Time) {
        if let Some((line, at)) = self.planned.filter(|(_, at)| *at <= now) {
            self.planned = None;
            if self.block(line).line != line {
                self.fill(line, at, true);
            }
        }
    }

    /// A word fetch with its address phase at `at`: the last cycle of its data phase. A line in the buffer answers in one cycle, one that
    /// is being read as soon as it is there, any other is read from the data phase on; a read-ahead in flight is given up for a branch's
    /// target. When the access would have been over without the buffer, the next line is read ahead.
    pub fn fetch(&mut self, addr: u32, at: Time, sequential: bool) -> Time {
        if self.wait == 0 {
            return at + 1;
        }
        let line = addr >> 3;
        let begin = at + 1;
        self.settle(begin);
        if self.block(line).line != line {
            if !sequential && self.reading_ahead && self.busy >= begin {
                let given_up = self.busy;
                for block in self.blocks.iter_mut().filter(|block| block.filled == given_up) {
                    *block = Buffer::EMPTY;
                }
                self.busy = begin - 1;
            }
            self.planned = None;
            self.fill(line, begin, false);
        }
        let end = self.block(line).filled.max(begin);
        let next = line.wrapping_add(1);
        if self.prefetch && self.block(next).line != next && self.planned.is_none_or(|(planned, _)| planned != next) {
            self.planned = Some((next, begin + self.wait));
        }
        end
    }

    /// A data read with its address phase at `at`: first and last cycle in which the array works for it. It waits for the read in flight.
    pub fn read(&mut self, at: Time) -> (Time, Time) {
        if self.wait == 0 {
            return (at + 1, at + 1);
        }
        self.settle(at);
        let begin = (at + 1).max(self.busy + 1);
        self.busy = begin + self.wait + DATA_READ_OVERHEAD;
        self.reading_ahead = false;
        (begin, self.busy)
    }
}
