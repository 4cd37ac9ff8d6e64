//! What it is: what an integer instruction computes, as far as an address, a divisor or a condition may depend on it.
//! Source: ARMv7-M Architecture Reference Manual (DDI 0403E): encodings A5.2 and A5.3, meanings A7.4 and A7.7.
//! Does not model: the Q flag, special registers; such an instruction has no [`Compute`], and what it writes is unknown.
//! Tested by: `tests/operands.rs`, which compares every value that a run depends on with the engine's own registers.

/// An operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A register's value; PC never appears here.
    Reg(u8),
    /// A constant.
    Const(u32),
    /// A register shifted by a constant: op is one of the shift operations.
    Shifted(u8, Op, u8),
    /// N, Z, C, V in bits 31 to 28, as before the instruction.
    Flags,
}

/// What is done with the operands `a`, `b`, `c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the formula says it all")]
pub enum Op {
    /// a
    Copy,
    /// !a
    Not,
    /// a + b
    Add,
    /// a - b
    Sub,
    /// b - a
    ReverseSub,
    /// a & b
    And,
    /// a | b
    Or,
    /// a ^ b
    Xor,
    /// a & !b
    AndNot,
    /// a | !b
    OrNot,
    /// a << b
    ShiftLeft,
    /// a >> b
    ShiftRight,
    /// a >> b, arithmetic
    ShiftRightSigned,
    /// a rotated right by b
    RotateRight,
    /// a * b
    Mul,
    /// c + a * b
    MulAdd,
    /// c - a * b
    MulSub,
    /// c bits of a from bit b, zero extended
    Extract,
    /// c bits of a from bit b, sign extended
    ExtractSigned,
    /// a's lower half under b's 16 bits
    InsertTop,
    /// leading zeros of a
    LeadingZeros,
    /// a / b, 0 where b is
    Divide,
    /// a / b, signed, rounded towards zero
    DivideSigned,
    /// a + b + C, with the flags in c
    AddCarry,
    /// a + !b + C, with the flags in c
    SubCarry,
    /// C over a >> 1, with the flags in b
    RotateExtend,
    /// a's bytes in reverse
    ReverseBytes,
    /// the bytes of each half of a in reverse
    ReverseHalves,
    /// the bytes of a's lower half in reverse, sign extended
    ReverseSigned,
    /// a's bits in reverse
    ReverseBits,
    /// a with c >> 8 bits from bit c & 0xff on replaced by b's lowest
    Insert,
    /// a, signed, or what is nearest to it in b bits, signed
    SaturateSigned,
    /// a, signed, or what is nearest to it in b bits, unsigned
    Saturate,
    /// the upper word of a * b
    MulHigh,
    /// the upper word of a * b, signed
    MulHighSigned,
}

impl Op {
    /// The result for given operands (DDI 0403E, A7.7; shift amounts as in A7.4.2).
    #[must_use]
    pub fn apply(self, a: u32, b: u32, c: u32) -> u32 {
        let amount = b & 0xff;
        match self {
            Op::Copy => a,
            Op::Not => !a,
            Op::Add => a.wrapping_add(b),
            Op::Sub => a.wrapping_sub(b),
            Op::ReverseSub => b.wrapping_sub(a),
            Op::And => a & b,
            Op::Or => a | b,
            Op::Xor => a ^ b,
            Op::AndNot => a & !b,
            Op::OrNot => a | !b,
            Op::ShiftLeft => a.checked_shl(amount).unwrap_or(0),
            Op::ShiftRight => a.checked_shr(amount).unwrap_or(0),
            Op::ShiftRightSigned => ((a as i32) >> amount.min(31)) as u32,
            Op::RotateRight => a.rotate_right(amount & 31),
            Op::Mul => a.wrapping_mul(b),
            Op::MulAdd => c.wrapping_add(a.wrapping_mul(b)),
            Op::MulSub => c.wrapping_sub(a.wrapping_mul(b)),
            Op::Extract => field(a, b, c),
            Op::ExtractSigned => {
                let unused = 32 - c.clamp(1, 32);
                ((field(a, b, c) << unused) as i32 >> unused) as u32
            }
            Op::InsertTop => (a & 0xffff) | b << 16,
            Op::LeadingZeros => a.leading_zeros(),
            Op::Divide => a.checked_div(b).unwrap_or(0),
            Op::DivideSigned if b == 0 => 0,
            Op::DivideSigned => (a as i32).wrapping_div(b as i32) as u32,
            Op::AddCarry => a.wrapping_add(b).wrapping_add(carry(c)),
            Op::SubCarry => a.wrapping_add(!b).wrapping_add(carry(c)),
            Op::RotateExtend => a >> 1 | carry(b) << 31,
            Op::ReverseBytes => a.swap_bytes(),
            Op::ReverseHalves => a.swap_bytes().rotate_right(16),
            Op::ReverseSigned => i32::from((a as u16).swap_bytes() as i16) as u32,
            Op::ReverseBits => a.reverse_bits(),
            Op::Insert => {
                let mask = field(u32::MAX, 0, c >> 8).checked_shl(c & 0xff).unwrap_or(0);
                (a & !mask) | (b.checked_shl(c & 0xff).unwrap_or(0) & mask)
            }
            Op::SaturateSigned => {
                let most = (1i64 << (b.clamp(1, 32) - 1)) - 1;
                i64::from(a as i32).clamp(-most - 1, most) as u32
            }
            Op::Saturate => i64::from(a as i32).clamp(0, (1i64 << b.min(31)) - 1) as u32,
            Op::MulHigh => ((u64::from(a) * u64::from(b)) >> 32) as u32,
            Op::MulHighSigned => ((i64::from(a as i32) * i64::from(b as i32)) >> 32) as u32,
        }
    }
}

/// The C of flags.
const fn carry(flags: u32) -> u32 {
    flags >> 29 & 1
}

fn field(a: u32, lsb: u32, width: u32) -> u32 {
    let mask = 1u32.checked_shl(width).map_or(u32::MAX, |bit| bit - 1);
    a.checked_shr(lsb).unwrap_or(0) & mask
}

/// Where C comes from if an operation that is no addition or subtraction sets the flags (V then stays).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carry {
    /// It stays.
    Kept,
    /// It becomes this: a constant that is a rotated byte has its top bit for it.
    Bit(bool),
    /// The last bit that shifting `a` by `by` shifts out; it stays if that is by nothing.
    Shift {
        /// The kind of shift.
        op: Op,
        /// What is shifted.
        a: Source,
        /// By how much.
        by: Source,
    },
}

/// A result and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Compute {
    /// The destination; `None` for a comparison, which only sets flags.
    pub destination: Option<u8>,
    /// What is done.
    pub op: Op,
    /// First operand.
    pub a: Source,
    /// Second operand.
    pub b: Source,
    /// Third operand.
    pub c: Source,
    /// A second result of `a` and `b`, and where it goes: the upper word of a long product.
    pub second: Option<(u8, Op)>,
    /// Whether what the two destinations held is added to both results, as one number of 64 bits.
    pub accumulate: bool,
    /// The carry.
    pub carry: Carry,
}

impl Compute {
    fn new(destination: u32, op: Op, a: Source, b: Source, c: Source) -> Self {
        let destination = Some(destination as u8 & 15);
        Compute { destination, op, a, b, c, second: None, accumulate: false, carry: Carry::Kept }
    }

    /// One operand.
    fn of(destination: u32, op: Op, a: Source) -> Self {
        Compute::new(destination, op, a, ZERO, ZERO)
    }

    /// Two operands; the flags are the third where the operation has a carry in.
    fn binary(destination: u32, op: Op, a: Source, b: Source) -> Self {
        let c = if matches!(op, Op::AddCarry | Op::SubCarry) { Source::Flags } else { ZERO };
        Compute::new(destination, op, a, b, c)
    }

    fn carrying(self, carry: Carry) -> Self {
        Compute { carry, ..self }
    }

    fn comparing(self) -> Self {
        Compute { destination: None, ..self }
    }
}

const ZERO: Source = Source::Const(0);

/// Reads operands; `pc` is what PC reads as.
#[derive(Clone, Copy)]
struct Reader {
    pc: u32,
}

/// What the integer instruction of those halfwords computes (the second is of no account in one of 16 bits).
pub(super) fn compute(first: u32, second: u32, size: u8, pc: u32) -> Option<Compute> {
    let reader = Reader { pc };
    if size == 2 { reader.narrow(first) } else { reader.wide(first, second) }
}

impl Reader {
    fn reg(self, r: u32) -> Source {
        if r & 15 == u32::from(super::PC) { Source::Const(self.pc) } else { Source::Reg(r as u8 & 15) }
    }

    /// A register shifted by a constant, and the carry (A7.4.2).
    fn shifted(self, r: u32, kind: u32, imm5: u32) -> (Source, Carry) {
        let (op, by) = match (kind & 3, imm5) {
            (0, 0) => return (self.reg(r), Carry::Kept),
            (0, by) => (Op::ShiftLeft, by),
            (1, 0) => (Op::ShiftRight, 32),
            (1, by) => (Op::ShiftRight, by),
            (2, 0) => (Op::ShiftRightSigned, 32),
            (2, by) => (Op::ShiftRightSigned, by),
            (_, 0) => (Op::RotateExtend, 1),
            (_, by) => (Op::RotateRight, by),
        };
        (Source::Shifted(r as u8 & 15, op, by as u8), Carry::Shift { op, a: self.reg(r), by: Source::Const(by) })
    }

    /// A5.2.
    fn narrow(self, h: u32) -> Option<Compute> {
        let (d, n, m) = (h & 7, h >> 3 & 7, h >> 6 & 7);
        let (high_d, imm8) = (h >> 8 & 7, Source::Const(h & 0xff));
        Some(match h >> 11 {
            kind @ 0..=2 => {
                let (source, carry) = self.shifted(n, kind, h >> 6 & 31);
                Compute::of(d, Op::Copy, source).carrying(carry)
            }
            3 => {
                let b = if h & 0x400 == 0 { self.reg(m) } else { Source::Const(m) };
                Compute::binary(d, if h & 0x200 == 0 { Op::Add } else { Op::Sub }, self.reg(n), b)
            }
            4 => Compute::of(high_d, Op::Copy, imm8),
            5 => Compute::binary(high_d, Op::Sub, self.reg(high_d), imm8).comparing(),
            6 => Compute::binary(high_d, Op::Add, self.reg(high_d), imm8),
            7 => Compute::binary(high_d, Op::Sub, self.reg(high_d), imm8),
            8 if h & 0x400 == 0 => self.narrow_registers(h >> 6 & 15, d, n),
            8 => {
                let (d, m) = (d | h >> 4 & 8, h >> 3 & 15);
                match h >> 8 & 3 {
                    0 => Compute::binary(d, Op::Add, self.reg(d), self.reg(m)),
                    1 => Compute::binary(d, Op::Sub, self.reg(d), self.reg(m)).comparing(),
                    2 => Compute::of(d, Op::Copy, self.reg(m)),
                    _ => return None,
                }
            }
            20 => Compute::of(high_d, Op::Copy, Source::Const((self.pc & !3).wrapping_add((h & 0xff) << 2))),
            21 => Compute::binary(high_d, Op::Add, Source::Reg(super::SP), Source::Const((h & 0xff) << 2)),
            22 | 23 => match h & 0xffc0 {
                0xb000 | 0xb040 => self.move_stack(Op::Add, h),
                0xb080 | 0xb0c0 => self.move_stack(Op::Sub, h),
                0xb200 => Compute::new(d, Op::ExtractSigned, self.reg(n), ZERO, Source::Const(16)),
                0xb240 => Compute::new(d, Op::ExtractSigned, self.reg(n), ZERO, Source::Const(8)),
                0xb280 => Compute::new(d, Op::Extract, self.reg(n), ZERO, Source::Const(16)),
                0xb2c0 => Compute::new(d, Op::Extract, self.reg(n), ZERO, Source::Const(8)),
                0xba00 => Compute::of(d, Op::ReverseBytes, self.reg(n)),
                0xba40 => Compute::of(d, Op::ReverseHalves, self.reg(n)),
                0xbac0 => Compute::of(d, Op::ReverseSigned, self.reg(n)),
                _ => return None,
            },
            _ => return None,
        })
    }

    fn move_stack(self, op: Op, h: u32) -> Compute {
        let sp = u32::from(super::SP);
        Compute::binary(sp, op, self.reg(sp), Source::Const((h & 0x7f) << 2))
    }

    /// A5.2.2.
    fn narrow_registers(self, opcode: u32, d: u32, m: u32) -> Compute {
        let (x, y) = (self.reg(d), self.reg(m));
        let shift = |op| Compute::binary(d, op, x, y).carrying(Carry::Shift { op, a: x, by: y });
        match opcode {
            0 => Compute::binary(d, Op::And, x, y),
            1 => Compute::binary(d, Op::Xor, x, y),
            2 => shift(Op::ShiftLeft),
            3 => shift(Op::ShiftRight),
            4 => shift(Op::ShiftRightSigned),
            5 => Compute::binary(d, Op::AddCarry, x, y),
            6 => Compute::binary(d, Op::SubCarry, x, y),
            7 => shift(Op::RotateRight),
            8 => Compute::binary(d, Op::And, x, y).comparing(),
            9 => Compute::binary(d, Op::ReverseSub, y, ZERO),
            10 => Compute::binary(d, Op::Sub, x, y).comparing(),
            11 => Compute::binary(d, Op::Add, x, y).comparing(),
            12 => Compute::binary(d, Op::Or, x, y),
            13 => Compute::binary(d, Op::Mul, x, y),
            14 => Compute::binary(d, Op::AndNot, x, y),
            _ => Compute::of(d, Op::Not, y),
        }
    }

    /// A5.3.
    fn wide(self, first: u32, second: u32) -> Option<Compute> {
        let (n, d, m) = (first & 15, second >> 8 & 15, second & 15);
        let imm5 = second >> 10 & 0x1c | second >> 6 & 3;
        let sets = first & 0x10 != 0;
        if first & 0xfa00 == 0xf000 && second & 0x8000 == 0 {
            let (value, carry) = expanded(first >> 10 & 1, second);
            return self.processing(first >> 5 & 15, sets, d, n, Source::Const(value), carry);
        }
        if first & 0xfa00 == 0xf200 && second & 0x8000 == 0 {
            return self.plain_immediate(first, second, imm5);
        }
        if first & 0xfe00 == 0xea00 {
            let (source, carry) = self.shifted(m, second >> 4 & 3, imm5);
            return self.processing(first >> 5 & 15, sets, d, n, source, carry);
        }
        if first & 0xff80 == 0xfa00 {
            return self.shift_or_extend(first, second);
        }
        let (x, y) = (self.reg(n), self.reg(m));
        Some(match (first & 0xfff0, second & 0xf0f0) {
            (0xfa90, 0xf080) => Compute::of(d, Op::ReverseBytes, y),
            (0xfa90, 0xf090) => Compute::of(d, Op::ReverseHalves, y),
            (0xfa90, 0xf0a0) => Compute::of(d, Op::ReverseBits, y),
            (0xfa90, 0xf0b0) => Compute::of(d, Op::ReverseSigned, y),
            (0xfab0, 0xf080) => Compute::of(d, Op::LeadingZeros, y),
            (0xfb00, 0xf000) => Compute::binary(d, Op::Mul, x, y),
            (0xfb00, other) if other & 0xf0 == 0 => Compute::new(d, Op::MulAdd, x, y, self.reg(second >> 12)),
            (0xfb00, other) if other & 0xf0 == 0x10 => Compute::new(d, Op::MulSub, x, y, self.reg(second >> 12)),
            (0xfb90, 0xf0f0) => Compute::binary(d, Op::DivideSigned, x, y),
            (0xfbb0, 0xf0f0) => Compute::binary(d, Op::Divide, x, y),
            (kind @ (0xfb80 | 0xfba0 | 0xfbc0 | 0xfbe0), other) if other & 0xf0 == 0 => {
                let high = if kind & 0x20 == 0 { Op::MulHighSigned } else { Op::MulHigh };
                let accumulate = kind & 0x40 != 0;
                Compute { second: Some((d as u8, high)), accumulate, ..Compute::binary(second >> 12, Op::Mul, x, y) }
            }
            _ => return None,
        })
    }

    /// Modified immediates and shifted registers (A5.3.1, A5.3.11).
    fn processing(self, opcode: u32, sets: bool, d: u32, n: u32, b: Source, carry: Carry) -> Option<Compute> {
        let a = self.reg(n);
        let compares = d == 15 && sets;
        let make = |op| Compute::binary(d, op, a, b).carrying(carry);
        Some(match opcode {
            0 if compares => make(Op::And).comparing(),
            0 => make(Op::And),
            1 => make(Op::AndNot),
            2 if n == 15 => Compute::of(d, Op::Copy, b).carrying(carry),
            2 => make(Op::Or),
            3 if n == 15 => Compute::of(d, Op::Not, b).carrying(carry),
            3 => make(Op::OrNot),
            4 if compares => make(Op::Xor).comparing(),
            4 => make(Op::Xor),
            8 if compares => make(Op::Add).comparing(),
            8 => make(Op::Add),
            10 => make(Op::AddCarry),
            11 => make(Op::SubCarry),
            13 if compares => make(Op::Sub).comparing(),
            13 => make(Op::Sub),
            14 => make(Op::ReverseSub),
            _ => return None,
        })
    }

    /// Plain binary immediates (A5.3.3).
    fn plain_immediate(self, first: u32, second: u32, imm5: u32) -> Option<Compute> {
        let (n, d, low) = (first & 15, second >> 8 & 15, second & 31);
        let imm12 = (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xff;
        let base = if n == 15 { Source::Const(self.pc & !3) } else { self.reg(n) };
        let a = self.reg(n);
        // Saturation of a register shifted left, or right where bit 5 says so; by nothing to the right is an M4's SSAT16.
        let saturated = || match (first & 0x20 != 0, imm5) {
            (true, 0) => None,
            (right, by) => Some(self.shifted(n, if right { 2 } else { 0 }, by).0),
        };
        Some(match first >> 4 & 0x1f {
            0x00 => Compute::binary(d, Op::Add, base, Source::Const(imm12)),
            0x0a => Compute::binary(d, Op::Sub, base, Source::Const(imm12)),
            0x04 => Compute::of(d, Op::Copy, Source::Const(n << 12 | imm12)),
            0x0c => Compute::binary(d, Op::InsertTop, self.reg(d), Source::Const(n << 12 | imm12)),
            0x10 | 0x12 => Compute::binary(d, Op::SaturateSigned, saturated()?, Source::Const(low + 1)),
            0x18 | 0x1a => Compute::binary(d, Op::Saturate, saturated()?, Source::Const(low)),
            0x14 => Compute::new(d, Op::ExtractSigned, a, Source::Const(imm5), Source::Const(low + 1)),
            0x1c => Compute::new(d, Op::Extract, a, Source::Const(imm5), Source::Const(low + 1)),
            0x16 => {
                let width = (low + 1).checked_sub(imm5).filter(|width| *width > 0)?;
                let b = if n == 15 { ZERO } else { a };
                Compute::new(d, Op::Insert, self.reg(d), b, Source::Const(width << 8 | imm5))
            }
            _ => return None,
        })
    }

    /// Shifts by a register, and extends of a rotated one (A5.3.12).
    fn shift_or_extend(self, first: u32, second: u32) -> Option<Compute> {
        let (n, d, m) = (first & 15, second >> 8 & 15, second & 15);
        if second & 0xf0f0 == 0xf000 {
            let op = match first >> 5 & 3 {
                0 => Op::ShiftLeft,
                1 => Op::ShiftRight,
                2 => Op::ShiftRightSigned,
                _ => Op::RotateRight,
            };
            let (a, by) = (self.reg(n), self.reg(m));
            return Some(Compute::binary(d, op, a, by).carrying(Carry::Shift { op, a, by }));
        }
        let (op, width) = match (first, second & 0xf080) {
            (0xfa0f, 0xf080) => (Op::ExtractSigned, 16),
            (0xfa1f, 0xf080) => (Op::Extract, 16),
            (0xfa4f, 0xf080) => (Op::ExtractSigned, 8),
            (0xfa5f, 0xf080) => (Op::Extract, 8),
            _ => return None,
        };
        let a = match second >> 4 & 3 {
            0 => self.reg(m),
            bytes => Source::Shifted(m as u8, Op::RotateRight, 8 * bytes as u8),
        };
        Some(Compute::new(d, op, a, ZERO, Source::Const(width)))
    }
}

/// A modified immediate constant and its carry (A5.3.2).
fn expanded(i: u32, second: u32) -> (u32, Carry) {
    let (imm3, byte) = (second >> 12 & 7, second & 0xff);
    match (i << 3 | imm3, byte) {
        (0, byte) => (byte, Carry::Kept),
        (1, byte) => (byte * 0x0001_0001, Carry::Kept),
        (2, byte) => (byte * 0x0100_0100, Carry::Kept),
        (3, byte) => (byte * 0x0101_0101, Carry::Kept),
        (top, byte) => {
            let value = (byte | 0x80).rotate_right(top << 1 | byte >> 7);
            (value, Carry::Bit(value >> 31 != 0))
        }
    }
}

/// The carry in bit 29 of flags whose others are `before`'s: what a shift of `a` by `by` shifts out (A7.4.2).
#[must_use]
pub fn shift_carry(op: Op, a: u32, by: u32, before: u32) -> u32 {
    let by = by & 0xff;
    let bit = |at: u32| a.checked_shr(at).unwrap_or(0) & 1;
    let out = match (op, by) {
        (_, 0) => carry(before),
        (Op::ShiftLeft, by) => 32u32.checked_sub(by).map_or(0, bit),
        (Op::ShiftRight, by) => bit(by - 1),
        (Op::ShiftRightSigned, by) => bit(by.min(32) - 1),
        (Op::RotateExtend, _) => bit(0),
        (_, by) => bit((by - 1) & 31),
    };
    (before & !(1 << 29)) | out << 29
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_follow_the_manual() {
        // DDI 0403E, A7.4.2 and A7.7: shifts by 32 and more give 0, or the sign; UBFX, SBFX and CLZ by their pseudocode.
        assert_eq!(Op::ShiftLeft.apply(1, 32, 0), 0);
        assert_eq!(Op::ShiftRightSigned.apply(0x8000_0000, 40, 0), u32::MAX);
        assert_eq!(Op::Extract.apply(0xabcd_1234, 4, 8), 0x23);
        assert_eq!(Op::Extract.apply(0xabcd_1234, 0, 32), 0xabcd_1234);
        assert_eq!(Op::ExtractSigned.apply(0x0000_00f0, 4, 4), u32::MAX);
        assert_eq!(Op::InsertTop.apply(0xffff_1111, 0x2000, 0), 0x2000_1111);
        assert_eq!(Op::LeadingZeros.apply(0, 0, 0), 32);
        // A7.7.127: the one signed quotient that does not fit wraps; B3.2.8: without the trap a division by zero gives zero.
        assert_eq!(Op::DivideSigned.apply(0x8000_0000, u32::MAX, 0), 0x8000_0000);
        assert_eq!((Op::Divide.apply(7, 0, 0), Op::DivideSigned.apply(7, 0, 0)), (0, 0));
        assert_eq!((Op::MulHigh.apply(u32::MAX, 2, 0), Op::MulHighSigned.apply(u32::MAX, 2, 0)), (1, u32::MAX));
    }
    #[test]
    fn carries_follow_the_manual() {
        // A7.4.2: LSL_C, LSR_C, ASR_C, ROR_C, RRX_C; a shift by nothing keeps the carry.
        let c = |op, a, by| shift_carry(op, a, by, 0) >> 29;
        assert_eq!((c(Op::ShiftLeft, 1, 32), c(Op::ShiftLeft, 1, 33), c(Op::ShiftLeft, 1 << 31, 1)), (1, 0, 1));
        assert_eq!((c(Op::ShiftRight, 1 << 31, 32), c(Op::ShiftRight, u32::MAX, 33), c(Op::ShiftRight, 2, 2)), (1, 0, 1));
        assert_eq!(
            (c(Op::ShiftRightSigned, 1 << 31, 200), c(Op::RotateRight, 1 << 31, 32), c(Op::RotateExtend, 1, 1)),
            (1, 1, 1)
        );
        assert_eq!(shift_carry(Op::ShiftLeft, 0, 0, 0xf000_0000), 0xf000_0000);
        assert_eq!(Op::RotateExtend.apply(3, 1 << 29, 0), 0x8000_0001);
        assert_eq!((Op::AddCarry.apply(1, 2, 1 << 29), Op::SubCarry.apply(5, 2, 0)), (4, 2));
    }

    #[test]
    fn encodings_are_read_as_the_manual_has_them() {
        // A5.3.2, table 5-11, and A7.7's encodings: mov.w r0, #0x00ff00ff; movs.w r0, #0x80000000; bfi r1, r2, #4, #8; ssat r0, #8, r1, asr #3.
        let of = |first, second| compute(first, second, 4, 0).unwrap();
        assert_eq!(of(0xf04f, 0x10ff).a, Source::Const(0x00ff_00ff));
        let rotated = of(0xf05f, 0x4000);
        assert_eq!((rotated.a, rotated.carry), (Source::Const(0x8000_0000), Carry::Bit(true)));
        assert_eq!(of(0xf362, 0x110b).c, Source::Const(8 << 8 | 4));
        assert_eq!(of(0xf321, 0x00c7).a, Source::Shifted(1, Op::ShiftRightSigned, 3));
        assert_eq!(Op::Insert.apply(0xffff_ffff, 0x12, 8 << 8 | 4), 0xffff_f12f);
        assert_eq!((Op::SaturateSigned.apply(200, 8, 0), Op::SaturateSigned.apply(-200i32 as u32, 8, 0)), (127, -128i32 as u32));
        assert_eq!((Op::Saturate.apply(300, 8, 0), Op::Saturate.apply(u32::MAX, 8, 0)), (255, 0));
        assert_eq!((Op::ReverseHalves.apply(0x1122_3344, 0, 0), Op::ReverseSigned.apply(0x80, 0, 0)), (0x2211_4433, 0xffff_8000));
    }
}
