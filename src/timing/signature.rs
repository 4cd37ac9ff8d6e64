//! What it is: the run-time facts that an instruction's cost depends on, one byte per instruction, and which of them it needs.
//! Source: ARM DDI 0337E section 18.2 (long multiply and divide, unaligned accesses); RM0008 section 3.3 (memory map).
//! Does not model: unmapped addresses (they fault before they cost anything); the values loaded.
//! Tested by: the unit tests below and every row of `tests/silicon.rs`.

use crate::isa::{Base, Class, Cond, Insn, Mem, PC, SP};
use crate::units::Addr;

/// What answers a data access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Region {
    /// SRAM at 0x20000000.
    Sram = 0,
    /// Flash or system memory, at its own address or at the boot alias: by the D-code bus.
    Flash = 1,
    /// A peripheral on APB1.
    Apb1 = 2,
    /// A peripheral on APB2.
    Apb2 = 3,
    /// A peripheral on AHB: DMA, RCC, flash interface, CRC.
    Ahb = 4,
    /// The private peripheral bus: NVIC, SysTick, DWT.
    System = 5,
    /// The bit-band alias of SRAM.
    BitBandSram = 6,
    /// The bit-band alias of the peripherals, taken to be on APB2, where the ports are.
    BitBandPeripheral = 7,
}

impl Region {
    /// Where each begins that does not reach to the end of the one before: RM0008, section 3.3.
    const MAP: [(u32, Region); 11] = [
        (0, Region::Flash),
        (0x2000_0000, Region::Sram),
        (0x2200_0000, Region::BitBandSram),
        (0x2400_0000, Region::Sram),
        (0x4000_0000, Region::Apb1),
        (0x4001_0000, Region::Apb2),
        (0x4001_8000, Region::Ahb),
        (0x4200_0000, Region::BitBandPeripheral),
        (0x4400_0000, Region::Ahb),
        (0xe000_0000, Region::System),
        (0xe010_0000, Region::Ahb),
    ];

    /// The region that an address lies in.
    #[must_use]
    pub const fn of(addr: Addr) -> Self {
        Self::MAP[Self::place(addr)].1
    }

    /// The first and the last of the addresses around this one that lie in its region.
    #[must_use]
    pub const fn around(addr: Addr) -> (u32, u32) {
        let place = Self::place(addr);
        let last = if place + 1 < Self::MAP.len() { Self::MAP[place + 1].0 - 1 } else { u32::MAX };
        (Self::MAP[place].0, last)
    }

    const fn place(addr: Addr) -> usize {
        let mut place = Self::MAP.len() - 1;
        while Self::MAP[place].0 > addr.0 {
            place -= 1;
        }
        place
    }

    const fn from_bits(bits: u8) -> Self {
        match bits & 7 {
            0 => Region::Sram,
            1 => Region::Flash,
            2 => Region::Apb1,
            3 => Region::Apb2,
            4 => Region::Ahb,
            5 => Region::System,
            6 => Region::BitBandSram,
            _ => Region::BitBandPeripheral,
        }
    }
}

/// What has to be known at run time to price an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Need {
    /// Whether its IT condition held; `Al` when that does not change its cost.
    pub condition: Cond,
    /// What else.
    pub operand: OperandNeed,
}

/// The run-time operands that an instruction's cost depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperandNeed {
    /// None: use [`static_code`].
    Nothing,
    /// The address of its access, by [`OperandCode::address`].
    Address(Mem),
    /// Both factors, by [`OperandCode::long_multiply`].
    LongMultiply {
        /// The registers of the factors.
        factors: (u8, u8),
        /// Whether they are signed.
        signed: bool,
    },
    /// Dividend and divisor, by [`OperandCode::divide`].
    Divide {
        /// Dividend's and divisor's registers.
        registers: (u8, u8),
        /// Whether they are signed.
        signed: bool,
    },
}

/// The run-time facts of one instruction in one byte. Zero is right wherever [`operand_need`] says that nothing is needed, except for
/// PC-relative accesses, which [`static_code`] knows.
///
/// Bits 0 to 2: region of the access, or the long multiply's extra cycles; bits 0 to 3: the divide's cycles. Bits 4 and 5: extra accesses
/// of an unaligned one. Bit 7: the IT condition failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OperandCode(pub u8);

impl OperandCode {
    /// The instruction is in an IT block and its condition does not hold: one cycle, no access, no branch.
    pub const FAILED: OperandCode = OperandCode(0x80);

    /// For an access whose lowest address is `addr`. A word at an odd address takes three accesses (byte, halfword, byte), an unaligned
    /// halfword or a word at mod 4 = 2 two (DDI 0337E, 18.2; only single loads and stores may be unaligned).
    #[must_use]
    pub const fn address(addr: Addr, bytes: u8) -> Self {
        let extra = match (bytes, addr.0 & 3) {
            (4, 1 | 3) => 2,
            (4, 2) | (2, 1 | 3) => 1,
            _ => 0,
        };
        OperandCode(Region::of(addr) as u8 | extra << 4)
    }

    /// For UMULL, SMULL, UMLAL, SMLAL with these factors: one cycle more for each that does not fit 16 bits (18.2: early termination by
    /// the size of the source values, three to five cycles).
    #[must_use]
    pub const fn long_multiply(signed: bool, factors: (u32, u32)) -> Self {
        const fn wide(signed: bool, value: u32) -> u8 {
            let magnitude = if signed && value >> 31 != 0 {
                !value << 1
            } else if signed {
                value << 1
            } else {
                value
            };
            (magnitude >> 16 != 0) as u8
        }
        OperandCode(wide(signed, factors.0) + wide(signed, factors.1))
    }

    /// For UDIV, SDIV: 2 when the quotient is zero or the divisor is, else one cycle per four quotient bits more (18.2: 2 to 12 cycles by
    /// the difference of the operands' leading zeros).
    #[must_use]
    pub const fn divide(signed: bool, dividend: u32, divisor: u32) -> Self {
        let (n, d) =
            if signed { ((dividend as i32).unsigned_abs(), (divisor as i32).unsigned_abs()) } else { (dividend, divisor) };
        if d == 0 || n < d {
            return OperandCode(2);
        }
        let quotient_bits = d.leading_zeros() - n.leading_zeros() + 1;
        OperandCode((4 + quotient_bits.div_ceil(4)) as u8)
    }

    pub(super) const fn failed(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// What answers the instruction's access.
    #[must_use]
    pub const fn region(self) -> Region {
        Region::from_bits(self.0)
    }

    pub(super) const fn extra_accesses(self) -> u32 {
        (self.0 >> 4 & 3) as u32
    }

    pub(super) const fn cycles(self) -> u32 {
        (self.0 & 15) as u32
    }
}

/// What must be read at run time to price `insn`. Accesses based on SP are taken to be aligned and in SRAM, those based on PC are known.
#[must_use]
pub fn operand_need(insn: &Insn) -> Need {
    let operand = match (insn.class, insn.mem) {
        (Class::LongMul { signed, .. }, _) => OperandNeed::LongMultiply { factors: insn.operand_regs, signed },
        (Class::Div { signed }, _) => OperandNeed::Divide { registers: insn.operand_regs, signed },
        (Class::Preload, _) => OperandNeed::Nothing,
        (_, Some(mem)) if !matches!(mem.base, Base::Literal(_) | Base::Reg(SP) | Base::Reg(PC)) => OperandNeed::Address(mem),
        _ => OperandNeed::Nothing,
    };
    // A failed one-cycle instruction costs what it costs when it passes, and a branch's outcome is known from where control went.
    let costs_more = matches!(
        insn.class,
        Class::Mla
            | Class::LongMul { .. }
            | Class::Div { .. }
            | Class::Mrs
            | Class::Msr
            | Class::Cps
            | Class::DataBarrier
            | Class::InstructionBarrier
    ) || insn.mem.is_some();
    let by_flow = insn.changes_flow();
    let condition = if insn.in_it && costs_more && !by_flow { insn.cond } else { Cond::Al };
    Need { condition, operand }
}

/// The code of an instruction that needs no operand at run time, its condition taken to hold.
#[must_use]
pub fn static_code(insn: &Insn) -> OperandCode {
    match insn.mem {
        Some(mem) => match mem.base {
            Base::Literal(addr) => OperandCode::address(addr, mem.bytes),
            Base::Reg(PC) => OperandCode(Region::of(insn.addr) as u8),
            Base::Reg(_) => OperandCode(Region::Sram as u8),
        },
        None => OperandCode(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DDI 0337E table 18-1 gives the ranges: UMULL 3 to 5, so 0 to 2 more than the least; UDIV 2 to 12.
    #[test]
    fn ranges_are_the_manuals() {
        assert_eq!(OperandCode::long_multiply(false, (3, 4)).cycles(), 0);
        assert_eq!(OperandCode::long_multiply(false, (0x1_0000, 4)).cycles(), 1);
        assert_eq!(OperandCode::long_multiply(false, (u32::MAX, u32::MAX)).cycles(), 2);
        assert_eq!(OperandCode::long_multiply(true, (u32::MAX, 0xffff_8000)).cycles(), 0);
        assert_eq!(OperandCode::long_multiply(true, (0x8000, 0xffff_7fff)).cycles(), 2);
        assert_eq!(OperandCode::divide(false, 1, 2).cycles(), 2);
        assert_eq!(OperandCode::divide(false, 7, 0).cycles(), 2);
        assert_eq!(OperandCode::divide(false, u32::MAX, 1).cycles(), 12);
        assert_eq!(OperandCode::divide(true, i32::MIN as u32, u32::MAX).cycles(), 12);
    }

    /// RM0008 section 3.3, table 3.
    #[test]
    fn regions_follow_the_memory_map() {
        assert_eq!(Region::of(Addr(0x0800_1000)), Region::Flash);
        assert_eq!(Region::of(Addr(0x0000_1000)), Region::Flash);
        assert_eq!(Region::of(Addr(0x2000_4fff)), Region::Sram);
        assert_eq!(Region::of(Addr(0x4001_0800)), Region::Apb2);
        assert_eq!(Region::of(Addr(0x4000_4400)), Region::Apb1);
        assert_eq!(Region::of(Addr(0x4002_1000)), Region::Ahb);
        assert_eq!(Region::of(Addr(0xe000_1004)), Region::System);
        assert_eq!(Region::of(Addr(0x4221_0198)), Region::BitBandPeripheral);
        assert_eq!(OperandCode::address(Addr(0x2000_0003), 4).extra_accesses(), 2);
        assert_eq!(OperandCode::address(Addr(0x2000_0002), 4).extra_accesses(), 1);
        assert_eq!(OperandCode::address(Addr(0x2000_0001), 2).extra_accesses(), 1);
        assert_eq!(OperandCode::address(Addr(0x2000_0003), 1).extra_accesses(), 0);
    }
}
