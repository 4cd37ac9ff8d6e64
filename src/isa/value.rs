//! What it is: what an integer instruction computes, as far as an address, a divisor or a condition may depend on it.
//! Source: ARMv7-M Architecture Reference Manual (DDI 0403E), A7.7; operands come from capstone.
//! Does not model: carries into ADC, SBC and RRX, the carry out of shifts and logical operations, saturation, bit-field insertion:
//! such an instruction has no [`Compute`], and what it writes is unknown.
//! Tested by: `tests/operands.rs`, which compares every value that a run depends on with the engine's own registers.

use capstone::arch::arm::{ArmInsn, ArmOperand, ArmOperandType, ArmShift};

/// An operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A register's value; PC never appears here.
    Reg(u8),
    /// A constant.
    Const(u32),
    /// A register shifted by a constant: op is one of the shift operations.
    Shifted(u8, Op, u8),
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
            Op::MulHigh => ((u64::from(a) * u64::from(b)) >> 32) as u32,
            Op::MulHighSigned => ((i64::from(a as i32) * i64::from(b as i32)) >> 32) as u32,
        }
    }
}

fn field(a: u32, lsb: u32, width: u32) -> u32 {
    let mask = 1u32.checked_shl(width).map_or(u32::MAX, |bit| bit - 1);
    a.checked_shr(lsb).unwrap_or(0) & mask
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
}

/// What the instruction of that capstone number computes from those operands; `pc` is what PC reads as.
pub(super) fn compute(id: u32, operands: &[ArmOperand], pc: u32) -> Option<Compute> {
    use ArmInsn::*;
    let of = |candidates: &[ArmInsn]| candidates.iter().any(|candidate| *candidate as u32 == id);
    let source = |position: usize| operands.get(position).and_then(|operand| source(operand, pc));
    let zero = Source::Const(0);
    let destination = match operands.first().map(|operand| &operand.op_type) {
        Some(ArmOperandType::Reg(reg)) => super::decode::number(*reg),
        _ => None,
    };
    let make = |op, a, b, c| Some(Compute { destination, op, a, b, c, second: None });

    let comparison = [(ARM_INS_CMP, Op::Sub), (ARM_INS_CMN, Op::Add), (ARM_INS_TST, Op::And), (ARM_INS_TEQ, Op::Xor)];
    if let Some((_, op)) = comparison.iter().find(|(insn, _)| of(&[*insn])) {
        return Some(Compute { destination: None, op: *op, a: source(0)?, b: source(1)?, c: zero, second: None });
    }
    if of(&[ARM_INS_MOV, ARM_INS_MOVS, ARM_INS_MOVW]) {
        return make(Op::Copy, source(1)?, zero, zero);
    }
    if of(&[ARM_INS_MVN]) {
        return make(Op::Not, source(1)?, zero, zero);
    }
    if of(&[ARM_INS_MOVT]) {
        return make(Op::InsertTop, source(0)?, source(1)?, zero);
    }
    if of(&[ARM_INS_CLZ]) {
        return make(Op::LeadingZeros, source(1)?, zero, zero);
    }
    if of(&[ARM_INS_ADR]) {
        let Source::Const(offset) = source(1)? else { return None };
        return make(Op::Copy, Source::Const((pc & !3).wrapping_add(offset)), zero, zero);
    }
    let extend = [
        (ARM_INS_UXTB, Op::Extract, 8),
        (ARM_INS_UXTH, Op::Extract, 16),
        (ARM_INS_SXTB, Op::ExtractSigned, 8),
        (ARM_INS_SXTH, Op::ExtractSigned, 16),
    ];
    if let Some((_, op, width)) = extend.iter().find(|(insn, _, _)| of(&[*insn])) {
        // A rotated extend shows as a shift on the operand.
        let Source::Reg(reg) = source(1)? else { return None };
        return make(*op, Source::Reg(reg), zero, Source::Const(*width));
    }
    if of(&[ARM_INS_UBFX]) {
        return make(Op::Extract, source(1)?, source(2)?, source(3)?);
    }
    if of(&[ARM_INS_SBFX]) {
        return make(Op::ExtractSigned, source(1)?, source(2)?, source(3)?);
    }
    if of(&[ARM_INS_MLA]) {
        return make(Op::MulAdd, source(1)?, source(2)?, source(3)?);
    }
    if of(&[ARM_INS_MLS]) {
        return make(Op::MulSub, source(1)?, source(2)?, source(3)?);
    }
    if let Some((_, op)) =
        [(ARM_INS_UMULL, Op::MulHigh), (ARM_INS_SMULL, Op::MulHighSigned)].iter().find(|(insn, _)| of(&[*insn]))
    {
        let Source::Reg(high) = source(1)? else { return None };
        return Some(Compute { destination, op: Op::Mul, a: source(2)?, b: source(3)?, c: zero, second: Some((high, *op)) });
    }
    let binary = [
        (ARM_INS_UDIV, Op::Divide),
        (ARM_INS_SDIV, Op::DivideSigned),
        (ARM_INS_ADD, Op::Add),
        (ARM_INS_ADDW, Op::Add),
        (ARM_INS_SUB, Op::Sub),
        (ARM_INS_SUBS, Op::Sub),
        (ARM_INS_SUBW, Op::Sub),
        (ARM_INS_RSB, Op::ReverseSub),
        (ARM_INS_AND, Op::And),
        (ARM_INS_ORR, Op::Or),
        (ARM_INS_EOR, Op::Xor),
        (ARM_INS_BIC, Op::AndNot),
        (ARM_INS_ORN, Op::OrNot),
        (ARM_INS_LSL, Op::ShiftLeft),
        (ARM_INS_LSR, Op::ShiftRight),
        (ARM_INS_ASR, Op::ShiftRightSigned),
        (ARM_INS_ROR, Op::RotateRight),
        (ARM_INS_MUL, Op::Mul),
    ];
    let (_, op) = binary.iter().find(|(insn, _)| of(&[*insn]))?;
    match operands.len() {
        // `adds r0, #3` stands for `adds r0, r0, #3`; a shift by a constant may stand on its register: `lsl r0, r1 {shifted}`.
        2 => match (op, source(1)?) {
            (Op::ShiftLeft | Op::ShiftRight | Op::ShiftRightSigned | Op::RotateRight, shifted @ Source::Shifted(..)) => {
                make(Op::Copy, shifted, zero, zero)
            }
            (op, b) => make(*op, source(0)?, b, zero),
        },
        3 => make(*op, source(1)?, source(2)?, zero),
        _ => None,
    }
}

fn source(operand: &ArmOperand, pc: u32) -> Option<Source> {
    match operand.op_type {
        ArmOperandType::Imm(value) => Some(Source::Const(value as u32)),
        ArmOperandType::Reg(reg) => {
            let reg = super::decode::number(reg)?;
            if reg == super::PC {
                return matches!(operand.shift, ArmShift::Invalid).then_some(Source::Const(pc));
            }
            match operand.shift {
                ArmShift::Invalid => Some(Source::Reg(reg)),
                ArmShift::Lsl(amount) => Some(Source::Shifted(reg, Op::ShiftLeft, amount as u8)),
                ArmShift::Lsr(amount) => Some(Source::Shifted(reg, Op::ShiftRight, amount as u8)),
                ArmShift::Asr(amount) => Some(Source::Shifted(reg, Op::ShiftRightSigned, amount as u8)),
                ArmShift::Ror(amount) => Some(Source::Shifted(reg, Op::RotateRight, amount as u8)),
                _ => None,
            }
        }
        _ => None,
    }
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
}
