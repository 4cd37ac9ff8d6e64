//! What it is: what a device tells and asks of others: changed outputs, and what only the bus can do.
//! Source: DESIGN, "Peripherals never poll".
//! Does not model: anything of its own: the bus does it.
//! Tested by: every image that uses a trigger or DMA.

/// A device's output changed: a DMA request, a trigger, a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The device's number.
    pub device: usize,
    /// Which of its outputs, in the order in which it declares them.
    pub output: usize,
    /// Its level now.
    pub high: bool,
}

/// A read and a write that a DMA channel wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The controller's number.
    pub device: usize,
    /// Its channel, from 0.
    pub channel: usize,
    /// Where from, and how many bytes.
    pub source: (u32, u32),
    /// Where to, and how many bytes.
    pub target: (u32, u32),
}

/// Something that only the bus or the core can do for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Move data.
    Transfer(Transfer),
    /// Tell whoever drives this input that its request has been served.
    Served {
        /// The controller's number.
        device: usize,
        /// The input.
        input: usize,
    },
    /// Take notice of what drives this input, or no longer.
    Listen {
        /// The device's number.
        device: usize,
        /// Its input.
        input: usize,
        /// From now on, or no longer.
        on: bool,
    },
    /// Put the devices that these bits of that clock enable register gate into their reset state (RCC_xxxRSTR).
    Reset {
        /// An index of `System::clock_enables`.
        register: usize,
        /// The bits.
        bits: u32,
    },
    /// Fill flash from an offset on with ones.
    EraseFlash {
        /// The first byte, counted from the flash's start.
        offset: u32,
        /// How many bytes.
        size: u32,
    },
}
