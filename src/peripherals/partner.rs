//! What it is: what can be connected to a serial bus of the chip from outside: an echo, a device with a file of registers, or a script.
//! Source: the usual I2C and SPI sensor or memory: the first byte of a write selects a register, which then counts up.
//! Does not model: any device in particular; clock stretching, busy times, SPI's chip select (a register file takes each transfer for
//! a new one after [`Partner::end`]).
//! Tested by: the unit tests below, `firmware-images/tests/spi_i2c`, `spi_crc`.

use super::script::Script;

/// See the module's description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Partner {
    /// It speaks of its own accord, and does not answer.
    Script(Script),
    /// Sends back what it gets: on SPI at once (MISO is wired to MOSI), on I2C what was written last.
    Echo {
        /// The I2C address, 7 bits; of no meaning on SPI.
        address: u8,
        /// What was written and not read back.
        held: Vec<u8>,
    },
    /// Registers behind a pointer.
    Registers {
        /// The I2C address, 7 bits; of no meaning on SPI.
        address: u8,
        /// The registers' contents.
        memory: Vec<u8>,
        /// The register that the next byte is for.
        pointer: usize,
        /// The next byte written selects the register.
        selecting: bool,
    },
}

impl Partner {
    /// An echo with that I2C address.
    #[must_use]
    pub fn echo(address: u8) -> Self {
        Partner::Echo { address, held: Vec::new() }
    }

    /// Registers with that I2C address and content.
    #[must_use]
    pub fn registers(address: u8, memory: Vec<u8>) -> Self {
        Partner::Registers { address, memory, pointer: 0, selecting: true }
    }

    /// Whether it answers to that I2C address.
    #[must_use]
    pub fn answers(&self, wanted: u8) -> bool {
        match self {
            Partner::Echo { address, .. } | Partner::Registers { address, .. } => *address == wanted,
            Partner::Script(_) => false,
        }
    }

    /// A transfer begins.
    pub fn begin(&mut self, reading: bool) {
        match self {
            Partner::Echo { held, .. } if !reading => held.clear(),
            Partner::Registers { selecting, .. } => *selecting = !reading,
            Partner::Echo { .. } | Partner::Script(_) => {}
        }
    }

    /// It is written a byte; whether it acknowledges.
    pub fn write(&mut self, byte: u8) -> bool {
        match self {
            Partner::Echo { held, .. } => held.push(byte),
            Partner::Script(_) => return false,
            Partner::Registers { memory, pointer, selecting, .. } => {
                if std::mem::take(selecting) {
                    *pointer = usize::from(byte);
                } else if let Some(register) = memory.get_mut(*pointer) {
                    *register = byte;
                    *pointer += 1;
                }
            }
        }
        true
    }

    /// It is read a byte; an open bus reads ones.
    pub fn read(&mut self) -> u8 {
        match self {
            Partner::Script(_) => 0xff,
            Partner::Echo { held, .. } if held.is_empty() => 0xff,
            Partner::Echo { held, .. } => held.remove(0),
            Partner::Registers { memory, pointer, .. } => {
                let byte = memory.get(*pointer).copied().unwrap_or(0xff);
                *pointer += 1;
                byte
            }
        }
    }

    /// A byte goes out on SPI and one comes in.
    pub fn exchange(&mut self, byte: u16) -> u16 {
        match self {
            Partner::Echo { .. } => byte,
            Partner::Script(_) => 0xffff,
            Partner::Registers { selecting: true, .. } => {
                self.write(byte as u8);
                0xff
            }
            // The upper bit of a register number asks for reading, as with most sensors on SPI.
            Partner::Registers { pointer, memory, .. } if *pointer & 0x80 != 0 => {
                let read = memory.get(*pointer & 0x7f).copied().unwrap_or(0xff);
                *pointer += 1;
                u16::from(read)
            }
            Partner::Registers { .. } => {
                self.write(byte as u8);
                0xff
            }
        }
    }

    /// A transfer is over.
    pub fn end(&mut self) {
        if let Partner::Registers { selecting, .. } = self {
            *selecting = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_is_selected_and_counts_up() {
        // UM10204, 3.1.10, "combined format": write the pointer, then read on from there.
        let mut partner = Partner::registers(0x48, vec![1, 2, 3, 4]);
        partner.begin(false);
        assert!(partner.write(1) && partner.write(9));
        partner.end();
        partner.begin(false);
        partner.write(1);
        partner.begin(true);
        assert_eq!([partner.read(), partner.read(), partner.read(), partner.read()], [9, 3, 4, 0xff]);
    }
}
