//! What it is: the CRC calculation unit.
//! Source: RM0008 chapter 4: CRC-32 with the polynomial 0x4C11DB7, a word at a time, its upper bit first.
//! Does not model: the four cycles that a word takes, during which the bus would wait.
//! Tested by: `registers_conform`, the unit test below, `firmware-images/tests/crc_identity`.

use super::system::Ctx;
use super::{Peripheral, Register, Registers};

const DR: u32 = 0x0;
const CR: u32 = 0x8;

const REGISTERS: &[Register] =
    &[Register::new(DR, "DR", u32::MAX, 0).volatile(u32::MAX), Register::new(0x4, "IDR", 0, 0xff), Register::new(CR, "CR", 0, 0)];

/// The device.
#[derive(Clone)]
pub struct Crc {
    registers: Registers,
}

impl Default for Crc {
    fn default() -> Self {
        Self { registers: Registers::new(REGISTERS) }
    }
}

/// The remainder after one more word.
fn step(remainder: u32, word: u32) -> u32 {
    (0..32).fold(remainder ^ word, |crc, _| if crc & 1 << 31 != 0 { crc << 1 ^ 0x04c1_1db7 } else { crc << 1 })
}

impl Peripheral for Crc {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn write(&mut self, offset: u32, value: u32, _ctx: &mut Ctx<'_>) {
        match offset {
            DR => self.registers.set(DR, step(self.registers.get(DR), value)),
            CR if value & 1 != 0 => self.registers.set(DR, u32::MAX),
            _ => {
                self.registers.store(offset, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_crc_32_mpeg_2() {
        // The catalogue of parametrised CRC algorithms, CRC-32/MPEG-2: "123456789" has 0x0376e6e7, which holds the bitwise form below;
        // that one is the reference for whole words.
        let bitwise = |bytes: &[u8]| {
            bytes.iter().fold(u32::MAX, |crc, byte| {
                (0..8).rev().fold(crc, |crc, bit| {
                    let feedback = (crc >> 31) ^ u32::from(byte >> bit & 1);
                    crc << 1 ^ (feedback * 0x04c1_1db7)
                })
            })
        };
        assert_eq!(bitwise(b"123456789"), 0x0376_e6e7);
        let words = step(step(u32::MAX, 0x3132_3334), 0x3536_3738);
        assert_eq!(words, bitwise(b"12345678"));
    }
}
