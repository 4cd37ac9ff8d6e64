//! What it is: what happens on the wires that leave the chip, as a logic analyser would see it.
//! Source: RM0008, 27.3.1 for a character on a serial line.
//! Does not model: pins of other devices than ports and timers; a pin that another alternate function drives shows as the device's own line.
//! Tested by: `tests/vcd.rs`.

use crate::units::Tick;

/// A change on a wire of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireEvent {
    /// The device's number.
    pub device: usize,
    /// When.
    pub at: Tick,
    /// The same in nanoseconds since power-on.
    pub nanos: u128,
    /// What.
    pub change: Change,
}

/// What happens on a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A pin of a port has this level from now on.
    Pin {
        /// Its number.
        pin: u32,
        /// Its level.
        high: bool,
    },
    /// A character begins on a serial line: a low start bit, these bits, the lowest first, and the stop bit.
    Character {
        /// Out of the chip, or into it.
        sent: bool,
        /// The bits.
        bits: u16,
        /// How many.
        count: u32,
        /// How long one lasts, in picoseconds.
        bit_picos: u64,
    },
}
