//! What it is: what an instruction does to the stack pointer, and how far below its last value a run of instructions takes it.
//! Source: ARMv7-M Architecture Reference Manual (DDI 0403E), A7.7 (PUSH, POP, ADD and SUB of SP, STMDB, LDMIA).
//! Does not model: MSR to MSP or PSP; a conditional change is taken to happen.
//! Tested by: the unit test below; `tests/profile.rs` against the compiler's frame sizes and the memory that a run has touched.

use super::{Base, Insn, Op, SP, Source, Writeback};

/// What becomes of the stack pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpStep {
    /// Nothing.
    Stays,
    /// So much is added.
    By(i32),
    /// It is set to what cannot be told from the instruction.
    Set,
}

impl Insn {
    /// What the instruction does to the stack pointer.
    #[must_use]
    pub fn sp_step(&self) -> SpStep {
        if !self.writes.contains(SP) {
            return SpStep::Stays;
        }
        if let Some(mem) = self.mem
            && mem.base == Base::Reg(SP)
            && mem.writeback != Writeback::None
        {
            return SpStep::By(self.base_step);
        }
        match self.compute.map(|compute| (compute.op, compute.a, compute.b)) {
            Some((Op::Add, Source::Reg(SP), Source::Const(by))) => SpStep::By(by as i32),
            Some((Op::Sub, Source::Reg(SP), Source::Const(by))) => SpStep::By((by as i32).wrapping_neg()),
            _ => SpStep::Set,
        }
    }
}

/// How far the stack pointer gets, relative to its value behind the last instruction; `None` if it never is below where it began.
#[must_use]
pub fn sp_dip(insns: &[Insn]) -> Option<u32> {
    let (mut now, mut lowest, mut falls) = (0i32, 0i32, false);
    for insn in insns {
        match insn.sp_step() {
            SpStep::Stays => {}
            SpStep::By(by) => {
                now = now.saturating_add(by);
                falls |= now < 0;
                lowest = lowest.min(now);
            }
            SpStep::Set => (now, lowest, falls) = (0, 0, true),
        }
    }
    falls.then(|| now.saturating_sub(lowest).max(0) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Decoder;
    use crate::units::Addr;

    #[test]
    fn the_stack_pointers_way_is_known() {
        let decoder = Decoder::new().unwrap();
        let dip = |halves: &[u16]| {
            let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
            sp_dip(&decoder.decode_block(Addr(0x0800_0000), &bytes).insns)
        };
        // push {r4, lr}; sub sp, #16
        assert_eq!(dip(&[0xb510, 0xb084]), Some(0));
        // push {r4, lr}; add sp, #4; add sp, #4
        assert_eq!(dip(&[0xb510, 0xb001, 0xb001]), Some(8));
        // push.w {r4-r8, lr}; sub.w sp, sp, #1024
        assert_eq!(dip(&[0xe92d, 0x41f0, 0xf5ad, 0x6d80]), Some(0));
        // add sp, #16; pop {r4, pc}
        assert_eq!(dip(&[0xb004, 0xbd10]), None);
        // mov sp, r7
        assert_eq!(dip(&[0x46bd]), Some(0));
        // adds r0, #1
        assert_eq!(dip(&[0x3001]), None);
    }
}
