//! What it is: what the tool needs to know of one Thumb-2 instruction of a Cortex-M3: class, registers, memory form, control flow, condition.
//! Source: ARMv7-M Architecture Reference Manual (ARM DDI 0403E), chapters A5 to A7; decoding goes through capstone's detail mode.
//! Does not model: semantics. Instructions that only a Cortex-M4 or an A-profile core has are named `NotOnThisCore`, not described.
//! Tested by: `tests/isa.rs`, against GNU objdump's reading of an assembly file that covers the ARMv7-M instruction set.

mod classes;
mod decode;
mod regs;
mod stack;
mod value;

pub use decode::Decoder;
pub use regs::{LR, PC, RegSet, SP};
pub use stack::{SpStep, sp_dip};
pub use value::{Carry, Compute, Op, Source, shift_carry};

use crate::units::Addr;

/// What kind of instruction it is, as far as its cost goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Data processing: arithmetic, logic, moves, shifts, bit fields, extends, saturation, REV, CLZ; also address computation from PC.
    Alu,
    /// MUL: 32-bit product.
    Mul,
    /// MLA, MLS.
    Mla,
    /// UMULL, SMULL, UMLAL, SMLAL.
    LongMul {
        /// SMULL, SMLAL.
        signed: bool,
        /// UMLAL, SMLAL.
        accumulate: bool,
    },
    /// UDIV, SDIV.
    Div {
        /// SDIV.
        signed: bool,
    },
    /// LDR and its narrower and unprivileged forms, also with PC as destination.
    Load,
    /// STR and its narrower and unprivileged forms.
    Store,
    /// LDM, LDMDB, POP.
    LoadMultiple,
    /// STM, STMDB, PUSH.
    StoreMultiple,
    /// LDRD.
    LoadDouble,
    /// STRD.
    StoreDouble,
    /// LDREX, LDREXB, LDREXH.
    LoadExclusive,
    /// STREX, STREXB, STREXH.
    StoreExclusive,
    /// CLREX.
    ClearExclusive,
    /// PLD, PLI: hints without effect on this core.
    Preload,
    /// B, BL, CBZ, CBNZ: the target is in the instruction.
    Branch,
    /// BX, BLX: the target is in a register.
    BranchRegister,
    /// TBB, TBH.
    TableBranch,
    /// NOP, YIELD, DBG and unallocated hints.
    Nop,
    /// IT.
    It,
    /// MRS.
    Mrs,
    /// MSR.
    Msr,
    /// CPSIE, CPSID.
    Cps,
    /// DMB, DSB.
    DataBarrier,
    /// ISB.
    InstructionBarrier,
    /// SVC.
    Svc,
    /// BKPT.
    Bkpt,
    /// UDF: permanently undefined.
    Udf,
    /// WFI.
    Wfi,
    /// WFE.
    Wfe,
    /// SEV.
    Sev,
    /// A defined instruction of another core: DSP and floating-point extensions, coprocessors, A-profile system instructions. A Cortex-M3
    /// takes a UsageFault (UNDEFINSTR or NOCP).
    NotOnThisCore,
    /// Not an instruction.
    Undefined,
}

impl Class {
    /// Its name in an instruction mix.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Class::Alu => "data processing",
            Class::Mul => "multiply",
            Class::Mla => "multiply and accumulate",
            Class::LongMul { .. } => "long multiply",
            Class::Div { .. } => "divide",
            Class::Load => "load",
            Class::Store => "store",
            Class::LoadMultiple => "load multiple",
            Class::StoreMultiple => "store multiple",
            Class::LoadDouble => "load double",
            Class::StoreDouble => "store double",
            Class::LoadExclusive | Class::StoreExclusive | Class::ClearExclusive => "exclusive access",
            Class::Preload => "preload",
            Class::Branch => "branch",
            Class::BranchRegister => "branch to register",
            Class::TableBranch => "table branch",
            Class::Nop => "nop",
            Class::It => "it",
            Class::Mrs | Class::Msr | Class::Cps => "special register",
            Class::DataBarrier | Class::InstructionBarrier => "barrier",
            Class::Svc | Class::Bkpt | Class::Udf => "exception",
            Class::Wfi | Class::Wfe | Class::Sev => "wait or event",
            Class::NotOnThisCore | Class::Undefined => "undefined",
        }
    }
}

/// The sixteen conditions, in their encoding's order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are the architecture's")]
pub enum Cond {
    Eq,
    Ne,
    Cs,
    Cc,
    Mi,
    Pl,
    Vs,
    Vc,
    Hi,
    Ls,
    Ge,
    Lt,
    Gt,
    Le,
    #[default]
    Al,
}

impl Cond {
    /// The condition with that encoding; 15 is read as always, as the core does inside an IT block.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        match bits & 15 {
            0 => Cond::Eq,
            1 => Cond::Ne,
            2 => Cond::Cs,
            3 => Cond::Cc,
            4 => Cond::Mi,
            5 => Cond::Pl,
            6 => Cond::Vs,
            7 => Cond::Vc,
            8 => Cond::Hi,
            9 => Cond::Ls,
            10 => Cond::Ge,
            11 => Cond::Lt,
            12 => Cond::Gt,
            13 => Cond::Le,
            _ => Cond::Al,
        }
    }

    /// Whether it holds for the flags N, Z, C, V in bits 31 to 28 of `apsr` (DDI 0403E, A7.3.1).
    #[must_use]
    pub const fn holds(self, apsr: u32) -> bool {
        let (n, z, c, v) = (apsr >> 31 & 1 != 0, apsr >> 30 & 1 != 0, apsr >> 29 & 1 != 0, apsr >> 28 & 1 != 0);
        match self {
            Cond::Eq => z,
            Cond::Ne => !z,
            Cond::Cs => c,
            Cond::Cc => !c,
            Cond::Mi => n,
            Cond::Pl => !n,
            Cond::Vs => v,
            Cond::Vc => !v,
            Cond::Hi => c && !z,
            Cond::Ls => !c || z,
            Cond::Ge => n == v,
            Cond::Lt => n != v,
            Cond::Gt => !z && n == v,
            Cond::Le => z || n != v,
            Cond::Al => true,
        }
    }
}

/// An IT instruction's operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ItMask {
    /// The condition of the first instruction.
    pub first: Cond,
    /// The mask field: 4 bits, the lowest set bit ends the block.
    pub mask: u8,
}

impl ItMask {
    /// How many instructions it covers: 1 to 4.
    #[must_use]
    pub const fn len(self) -> u8 {
        4u8.saturating_sub(self.mask.trailing_zeros() as u8)
    }

    /// Never: an IT covers at least one instruction.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        false
    }

    /// The condition of the `index`th instruction that it covers (DDI 0403E, A7.7.38).
    #[must_use]
    pub const fn condition(self, index: u8) -> Cond {
        if index == 0 || index > 3 {
            return self.first;
        }
        let low = (self.mask >> (4 - index)) & 1;
        Cond::from_bits((self.first as u32 & !1) | low as u32)
    }
}

/// Where a memory access's address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Base {
    /// A register's value; `PC` only for a table branch, and then the instruction's address plus 4.
    Reg(u8),
    /// PC-relative and so known when decoded: the address of the access itself, any offset included.
    Literal(Addr),
}

/// When the base register is updated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Writeback {
    /// Never.
    None,
    /// The access uses the updated base: `[r0, #4]!`, PUSH.
    Pre,
    /// The access uses the old base: `[r0], #4`, LDMIA `!`, POP.
    Post,
}

/// How an instruction forms the address of its lowest access, and what it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mem {
    /// Base register or literal address.
    pub base: Base,
    /// Index register and its left shift.
    pub index: Option<(u8, u8)>,
    /// What is added to base (and index) to form the lowest address accessed: zero when post-indexed, negative for PUSH and LDMDB.
    pub offset: i32,
    /// Base update.
    pub writeback: Writeback,
    /// Bytes of one element: 1, 2 or 4.
    pub bytes: u8,
    /// Elements moved: 1 except for LDRD, STRD (2) and the multiple forms.
    pub count: u8,
}

impl Mem {
    /// The lowest address accessed, given the values of the base and index registers (ignored where the form has none).
    #[must_use]
    pub const fn address(&self, base: u32, index: u32) -> Addr {
        match self.base {
            Base::Literal(addr) => addr,
            Base::Reg(_) => {
                let scaled = match self.index {
                    Some((_, shift)) => index.wrapping_shl(shift as u32),
                    None => 0,
                };
                Addr(base.wrapping_add(scaled).wrapping_add(self.offset as u32))
            }
        }
    }
}

/// Where control goes after an instruction that does not fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flow {
    /// To the next address.
    Sequential,
    /// A branch to a known target: B, CBZ, CBNZ.
    Direct {
        /// Where to.
        target: Addr,
        /// By its own condition field or CBZ/CBNZ; a B in an IT block is unconditional here, [`Insn::cond`] says the rest.
        conditional: bool,
    },
    /// BL.
    Call {
        /// Where to.
        target: Addr,
    },
    /// BX, BLX, or PC written by a data-processing instruction.
    Indirect {
        /// BLX.
        call: bool,
    },
    /// PC loaded from memory: LDR PC, POP, LDM.
    LoadPc,
    /// TBB, TBH.
    Table,
}

/// One instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Insn {
    /// Its address.
    pub addr: Addr,
    /// 2 or 4 bytes.
    pub size: u8,
    /// Kind.
    pub class: Class,
    /// Registers read, base and index included.
    pub reads: RegSet,
    /// Registers written, an updated base included.
    pub writes: RegSet,
    /// Registers that its address is formed from.
    pub address_regs: RegSet,
    /// For a long multiply its two factors' registers, for a divide dividend and divisor; else (0, 0).
    pub operand_regs: (u8, u8),
    /// Whether it reads N, Z, C or V, by its condition or as data.
    pub reads_flags: bool,
    /// Whether it writes any of N, Z, C, V.
    pub writes_flags: bool,
    /// Its memory access, if it has one.
    pub mem: Option<Mem>,
    /// Control flow.
    pub flow: Flow,
    /// Its condition: from the IT block it is in, or a conditional branch's own; CBZ and CBNZ have `Al`.
    pub cond: Cond,
    /// Whether it stands inside an IT block.
    pub in_it: bool,
    /// For an IT: its operands.
    pub it: Option<ItMask>,
    /// What it computes, where that is an integer operation.
    pub compute: Option<Compute>,
    /// What is added to the base register when the access updates it.
    pub base_step: i32,
    /// Whether a load extends the sign.
    pub signed_load: bool,
    /// The register that a single load or store moves.
    pub transfer: Option<u8>,
    /// The registers that LDRD or STRD moves, in the order of their addresses.
    pub pair: Option<(u8, u8)>,
    /// The registers that a multiple load or store moves, in the order of their addresses.
    pub list: RegSet,
}

impl Insn {
    /// The address of the next instruction in sequence.
    #[must_use]
    pub const fn end(&self) -> Addr {
        self.addr.offset(self.size as u32)
    }

    /// Whether it is a return by the procedure call standard: BX LR, or POP or LDR of PC from the stack.
    #[must_use]
    pub fn is_return(&self) -> bool {
        match self.flow {
            Flow::Indirect { call: false } => self.class == Class::BranchRegister && self.reads.contains(LR),
            Flow::LoadPc => self.mem.is_some_and(|m| m.base == Base::Reg(SP) && m.writeback == Writeback::Post),
            _ => false,
        }
    }

    /// Whether it can end a basic block.
    #[must_use]
    pub fn changes_flow(&self) -> bool {
        self.flow != Flow::Sequential
    }

    /// Whether the instruction itself decides at run time if it branches (B with a condition, CBZ, CBNZ, any branch in an IT block).
    #[must_use]
    pub fn is_conditional_branch(&self) -> bool {
        match self.flow {
            Flow::Sequential => false,
            Flow::Direct { conditional, .. } => conditional || self.cond != Cond::Al,
            _ => self.cond != Cond::Al,
        }
    }
}

/// A run of instructions, in address order and without gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The first instruction's address.
    pub addr: Addr,
    /// Bytes covered by whole instructions.
    pub size: u32,
    /// The instructions.
    pub insns: Box<[Insn]>,
    /// An IT block that goes on behind it, and how many of its instructions have come already.
    pub open_it: Option<(ItMask, u8)>,
}

impl Block {
    /// The address behind its last instruction.
    #[must_use]
    pub const fn end(&self) -> Addr {
        self.addr.offset(self.size)
    }
}
