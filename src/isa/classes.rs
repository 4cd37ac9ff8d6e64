//! What it is: the instructions that a Cortex-M3 has, by capstone's numbers, and the class of each.
//! Source: DDI 0403E, A7.7, without the DSP and floating-point extensions.
//! Does not model: operands; encodings that capstone reads as another instruction (hints are told apart in `decode.rs`).
//! Tested by: `tests/isa.rs`, with what the assembly file there contains, and the instructions of other cores at its end.

use super::Class;
use capstone::arch::arm::ArmInsn;

/// The allow list of what a Cortex-M3 has, as a table by capstone's instruction number; everything else is `NotOnThisCore`.
pub(super) fn classes() -> Box<[Class]> {
    use ArmInsn::*;
    use Class::*;
    let rows: &[(Class, &[ArmInsn])] = &[
        (
            Alu,
            &[
                ARM_INS_ADC,
                ARM_INS_ADD,
                ARM_INS_ADDW,
                ARM_INS_ADR,
                ARM_INS_AND,
                ARM_INS_ASR,
                ARM_INS_BFC,
                ARM_INS_BFI,
                ARM_INS_BIC,
                ARM_INS_CLZ,
                ARM_INS_CMN,
                ARM_INS_CMP,
                ARM_INS_EOR,
                ARM_INS_LSL,
                ARM_INS_LSR,
                ARM_INS_MOV,
                ARM_INS_MOVS,
                ARM_INS_MOVT,
                ARM_INS_MOVW,
                ARM_INS_MVN,
                ARM_INS_ORN,
                ARM_INS_ORR,
                ARM_INS_RBIT,
                ARM_INS_REV,
                ARM_INS_REV16,
                ARM_INS_REVSH,
                ARM_INS_ROR,
                ARM_INS_RRX,
                ARM_INS_RSB,
                ARM_INS_SBC,
                ARM_INS_SBFX,
                ARM_INS_SSAT,
                ARM_INS_SUB,
                ARM_INS_SUBS,
                ARM_INS_SUBW,
                ARM_INS_SXTB,
                ARM_INS_SXTH,
                ARM_INS_TEQ,
                ARM_INS_TST,
                ARM_INS_UBFX,
                ARM_INS_USAT,
                ARM_INS_UXTB,
                ARM_INS_UXTH,
            ],
        ),
        (Mul, &[ARM_INS_MUL]),
        (Mla, &[ARM_INS_MLA, ARM_INS_MLS]),
        (LongMul { signed: false, accumulate: false }, &[ARM_INS_UMULL]),
        (LongMul { signed: true, accumulate: false }, &[ARM_INS_SMULL]),
        (LongMul { signed: false, accumulate: true }, &[ARM_INS_UMLAL]),
        (LongMul { signed: true, accumulate: true }, &[ARM_INS_SMLAL]),
        (Div { signed: false }, &[ARM_INS_UDIV]),
        (Div { signed: true }, &[ARM_INS_SDIV]),
        (
            Load,
            &[
                ARM_INS_LDR,
                ARM_INS_LDRB,
                ARM_INS_LDRH,
                ARM_INS_LDRSB,
                ARM_INS_LDRSH,
                ARM_INS_LDRT,
                ARM_INS_LDRBT,
                ARM_INS_LDRHT,
                ARM_INS_LDRSBT,
                ARM_INS_LDRSHT,
            ],
        ),
        (Store, &[ARM_INS_STR, ARM_INS_STRB, ARM_INS_STRH, ARM_INS_STRT, ARM_INS_STRBT, ARM_INS_STRHT]),
        (LoadMultiple, &[ARM_INS_LDM, ARM_INS_LDMDB, ARM_INS_POP]),
        (StoreMultiple, &[ARM_INS_STM, ARM_INS_STMDB, ARM_INS_PUSH]),
        (LoadDouble, &[ARM_INS_LDRD]),
        (StoreDouble, &[ARM_INS_STRD]),
        (LoadExclusive, &[ARM_INS_LDREX, ARM_INS_LDREXB, ARM_INS_LDREXH]),
        (StoreExclusive, &[ARM_INS_STREX, ARM_INS_STREXB, ARM_INS_STREXH]),
        (ClearExclusive, &[ARM_INS_CLREX]),
        (Preload, &[ARM_INS_PLD, ARM_INS_PLI]),
        (Branch, &[ARM_INS_B, ARM_INS_BL, ARM_INS_CBZ, ARM_INS_CBNZ]),
        (BranchRegister, &[ARM_INS_BX, ARM_INS_BLX]),
        (TableBranch, &[ARM_INS_TBB, ARM_INS_TBH]),
        (Nop, &[ARM_INS_NOP, ARM_INS_HINT, ARM_INS_YIELD, ARM_INS_DBG]),
        (It, &[ARM_INS_IT]),
        (Mrs, &[ARM_INS_MRS]),
        (Msr, &[ARM_INS_MSR]),
        (Cps, &[ARM_INS_CPS]),
        (DataBarrier, &[ARM_INS_DMB, ARM_INS_DSB]),
        (InstructionBarrier, &[ARM_INS_ISB]),
        (Svc, &[ARM_INS_SVC]),
        (Bkpt, &[ARM_INS_BKPT]),
        (Udf, &[ARM_INS_UDF]),
        (Wfi, &[ARM_INS_WFI]),
        (Wfe, &[ARM_INS_WFE]),
        (Sev, &[ARM_INS_SEV]),
    ];
    let mut table = vec![NotOnThisCore; ARM_INS_ENDING as usize];
    for (class, ids) in rows {
        for id in *ids {
            if let Some(slot) = table.get_mut(*id as usize) {
                *slot = *class;
            }
        }
    }
    table.into_boxed_slice()
}
