//! What it is: faults that an instruction raises for its operands and that the engine does not raise.
//! Source: ARMv7-M Architecture Reference Manual (DDI 0403), A3.2.1 (unaligned accesses), B3.2.8 (CCR's traps), A5.3.18 (coprocessors).
//! Does not model: unaligned LDM, STM, LDRD and STRD whose address is not to be had when their block begins, while CCR traps nothing.
//! Tested by: `tests/machine.rs`: `traps_handled`, `fault_divide`, `fault_unaligned`, `v7em`.

use crate::isa::{Base, Block, Class, Insn, PC};
use crate::machine::cpu::Memory;
use crate::machine::exceptions::{CCR_DIV_0_TRP, CCR_UNALIGN_TRP, Fault};
use crate::timing::{OperandCode, Operands, Scratch};
use crate::units::Addr;

/// What CCR asks to be trapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traps {
    unaligned: bool,
    divide: bool,
}

/// An instruction of a block, by its position, and the fault that it raises; `None` if that is not known before it is its turn.
pub type Trap = (usize, Option<Fault>);

impl Traps {
    /// What that value of CCR asks for.
    pub fn of(configuration: u32) -> Self {
        Self { unaligned: configuration & CCR_UNALIGN_TRP != 0, divide: configuration & CCR_DIV_0_TRP != 0 }
    }

    /// Whether it asks for nothing.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// How an instruction may fault for its operands, and whether it is worth a stop to find out: unaligned accesses fault always or when
    /// they are trapped, divisions by zero when they are.
    fn may(self, insn: &Insn) -> Option<(Fault, bool)> {
        use Class::{LoadDouble, LoadExclusive, LoadMultiple, Preload, StoreDouble, StoreExclusive, StoreMultiple};
        let always =
            matches!(insn.class, LoadDouble | LoadExclusive | LoadMultiple | StoreDouble | StoreExclusive | StoreMultiple);
        if insn.mem.is_some() && insn.class != Preload && (always || self.unaligned) {
            Some((Fault::Unaligned, self.unaligned))
        } else if self.divide && matches!(insn.class, Class::Div { .. }) {
            Some((Fault::DivideByZero, true))
        } else {
            None
        }
    }

    /// The first instruction of a block that faults, or may fault, for its operands. `values` are those that its codes were just evaluated
    /// from; a block without any has none.
    pub fn first(self, block: &Block, codes: &[OperandCode], values: Option<(&Operands, &Scratch)>) -> Option<Trap> {
        block.insns.iter().zip(codes).enumerate().find_map(|(at, (insn, code))| {
            let (fault, certain) = self.may(insn)?;
            let resolved = values.is_none_or(|(operands, scratch)| operands.is_resolved(at, scratch));
            let faults = match fault {
                Fault::DivideByZero => {
                    values.is_some_and(|(operands, scratch)| operands.divides_by_zero(at, scratch) == Some(true))
                }
                _ => is_split(insn, *code),
            };
            match (resolved, faults) {
                (true, true) => Some((at, Some(fault))),
                (false, _) if certain => Some((at, None)),
                _ => None,
            }
        })
    }

    /// The fault that an instruction raises for its operands, by the registers when it is its turn.
    pub fn fault_of(self, insn: &Insn, reg: impl Fn(u8) -> u32) -> Option<Fault> {
        let (fault, _) = self.may(insn)?;
        let faults = match insn.mem {
            Some(mem) => address_of(insn, &reg).is_some_and(|address| is_split(insn, OperandCode::address(address, mem.bytes))),
            None => reg(insn.operand_regs.1) == 0,
        };
        faults.then_some(fault)
    }
}

/// The first instruction of a block that this core does not have, though the engine would execute it.
pub fn foreign(block: &Block, memory: &Memory) -> Option<Trap> {
    let (at, insn) = block.insns.iter().enumerate().find(|(_, insn)| insn.class == Class::NotOnThisCore)?;
    let coprocessor = memory.read(insn.addr.0, 2).is_some_and(|first| first & 0xec00 == 0xec00);
    Some((at, Some(if coprocessor { Fault::NoCoprocessor } else { Fault::Undefined })))
}

/// Whether an instruction's access is split because it is unaligned (bits 4 and 5 of its code; with bit 7 it is not made at all).
pub fn is_split(insn: &Insn, code: OperandCode) -> bool {
    insn.mem.is_some() && code.0 & 0x30 != 0 && code.0 & 0x80 == 0
}

/// The lowest address that an instruction accesses, by the registers.
pub fn address_of(insn: &Insn, reg: impl Fn(u8) -> u32) -> Option<Addr> {
    let mem = insn.mem?;
    let base = match mem.base {
        Base::Reg(PC) => insn.addr.0.wrapping_add(4),
        Base::Reg(r) => reg(r),
        Base::Literal(address) => address.0,
    };
    Some(mem.address(base, mem.index.map_or(0, |(r, _)| reg(r))))
}
