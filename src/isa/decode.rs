//! What it is: bytes to [`Insn`]s, through one reusable capstone handle in detail mode.
//! Source: DDI 0403E, A5 (encodings), A7.7 (instructions). Instruction identity and operands come from capstone; register sets, flag
//! writes and IT conditions are derived here, because capstone's own are wrong in places (SSAT, STREX, ADC, POP).
//! Does not model: unpredictable encodings beyond what capstone accepts.
//! Tested by: `tests/isa.rs` (GNU objdump as the oracle) and the property tests there (any bytes decode without panic).

use super::classes::classes;
use super::{Base, Block, Class, Cond, Flow, Insn, ItMask, LR, Mem, PC, RegSet, SP, Writeback, value};
use crate::finding::{Code, Failure, Result};
use crate::units::Addr;
use capstone::arch::arm::{ArmInsn, ArmOperand, ArmOperandType, ArmReg, ArmShift};
use capstone::prelude::*;

/// Decodes Thumb-2 code of a Cortex-M3. Make one and keep it: a handle is costly to make.
pub struct Decoder {
    capstone: Capstone,
    /// By capstone's instruction number.
    classes: Box<[Class]>,
}

impl Decoder {
    /// Opens capstone for Thumb code of the M profile.
    ///
    /// # Errors
    /// When capstone was built without Arm support or has no memory.
    pub fn new() -> Result<Self> {
        let capstone = Capstone::new()
            .arm()
            .mode(arch::arm::ArchMode::Thumb)
            .extra_mode([arch::arm::ArchExtraMode::MClass].into_iter())
            .detail(true)
            .build()
            .map_err(|error| Failure::new(Code::Internal, format!("the disassembler could not be opened: {error}")))?;
        Ok(Self { capstone, classes: classes() })
    }

    /// Decodes the instruction at the start of `bytes`, taken to stand outside any IT block. Total: what is no instruction is
    /// [`Class::Undefined`] with the size that its first halfword announces; fewer than two bytes give an undefined halfword.
    #[must_use]
    pub fn decode(&self, addr: Addr, bytes: &[u8]) -> Insn {
        let announced = if wide(halfword(bytes, 0)) { 4 } else { 2 };
        let blank = Insn {
            addr,
            size: if bytes.len() >= announced { announced as u8 } else { 2 },
            class: Class::Undefined,
            reads: RegSet::EMPTY,
            writes: RegSet::EMPTY,
            address_regs: RegSet::EMPTY,
            operand_regs: (0, 0),
            reads_flags: false,
            writes_flags: false,
            mem: None,
            flow: Flow::Sequential,
            cond: Cond::Al,
            in_it: false,
            it: None,
            compute: None,
            base_step: 0,
            signed_load: false,
            transfer: None,
            pair: None,
            list: RegSet::EMPTY,
        };
        let Some(bytes) = bytes.get(..announced) else { return blank };
        let Ok(insns) = self.capstone.disasm_count(bytes, u64::from(addr.0), 1) else { return blank };
        let Some(raw) = insns.first() else { return blank };
        let Ok(detail) = self.capstone.insn_detail(raw) else { return blank };
        let arch = detail.arch_detail();
        let Some(arm) = arch.arm() else { return blank };
        let operands: Vec<ArmOperand> = arm.operands().collect();
        let id = raw.id().0;
        let class = self.classes.get(id as usize).copied().unwrap_or(Class::NotOnThisCore);
        Describe {
            insn: blank,
            id,
            first: halfword(bytes, 0),
            second: halfword(bytes, 2),
            operands: &operands,
            writeback: arm.writeback(),
        }
        .describe(class)
    }

    /// Decodes all of `bytes`, which start outside any IT block. Bytes left over that are too few for the instruction they begin are
    /// not part of the block.
    #[must_use]
    pub fn decode_block(&self, addr: Addr, bytes: &[u8]) -> Block {
        self.decode_block_after(None, addr, bytes)
    }

    /// The same for what may stand in an IT block that `before` began, if that ends at `addr`: the engine splits blocks where its pages end.
    #[must_use]
    pub fn decode_block_after(&self, before: Option<&Block>, addr: Addr, bytes: &[u8]) -> Block {
        let mut insns = Vec::with_capacity(bytes.len() / 2);
        let mut at = 0usize;
        let mut it = before.filter(|before| before.end() == addr).and_then(|before| before.open_it);
        while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() >= 2) {
            if wide(halfword(rest, 0)) && rest.len() < 4 {
                break;
            }
            let mut insn = self.decode(addr.offset(at as u32), rest);
            if let Some((mask, index)) = it {
                insn.in_it = true;
                insn.cond = mask.condition(index);
                insn.reads_flags |= insn.cond != Cond::Al;
                insn.writes_flags = writes_flags(halfword(rest, 0), halfword(rest, 2), insn.size, true);
                it = (index + 1 < mask.len()).then_some((mask, index + 1));
            } else if let Some(mask) = insn.it {
                it = Some((mask, 0));
            }
            at += usize::from(insn.size);
            insns.push(insn);
        }
        Block { addr, size: at as u32, insns: insns.into_boxed_slice(), open_it: it }
    }

    /// One line of assembly per instruction, as capstone prints it, IT conditions included; `.short`/`.word` for what is no instruction.
    #[must_use]
    pub fn disassemble(&self, addr: Addr, bytes: &[u8]) -> Vec<(Addr, String)> {
        let mut lines = Vec::new();
        let mut at = 0usize;
        while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() >= 2) {
            if let Ok(insns) = self.capstone.disasm_all(rest, u64::from(addr.offset(at as u32).0)) {
                for insn in insns.iter() {
                    let text = format!("{} {}", insn.mnemonic().unwrap_or("?"), insn.op_str().unwrap_or(""));
                    lines.push((addr.offset(at as u32), text.trim_end().to_owned()));
                    at += insn.bytes().len();
                }
            }
            let Some(rest) = bytes.get(at..).filter(|rest| rest.len() >= 2) else { break };
            let (first, second) = (halfword(rest, 0), halfword(rest, 2));
            let place = addr.offset(at as u32);
            if wide(first) && rest.len() >= 4 {
                lines.push((place, format!(".word 0x{second:04x}{first:04x}")));
                at += 4;
            } else {
                lines.push((place, format!(".short 0x{first:04x}")));
                at += 2;
            }
        }
        lines
    }
}

/// The little-endian halfword at `at`; zero beyond the end.
fn halfword(bytes: &[u8], at: usize) -> u32 {
    match bytes.get(at..at + 2) {
        Some(&[low, high]) => u32::from(low) | u32::from(high) << 8,
        _ => 0,
    }
}

/// Whether a first halfword announces a second one (DDI 0403E, A5.1).
const fn wide(first: u32) -> bool {
    first >> 11 >= 0b11101
}

/// Whether an instruction writes any of N, Z, C, V, from its encoding (DDI 0403E, A5.2 and A5.3). In an IT block the 16-bit data-processing
/// instructions leave the flags alone, except for the compares.
fn writes_flags(first: u32, second: u32, size: u8, in_it: bool) -> bool {
    if size == 2 {
        return match first >> 10 {
            // shift, add, subtract, move, compare with immediate
            0b000000..=0b001111 => !in_it || first >> 11 == 0b00101,
            // data processing, registers: TST, CMP, CMN always
            0b010000 => !in_it || matches!(first >> 6 & 15, 8 | 10 | 11),
            // special data: CMP of high registers
            0b010001 => first >> 8 & 3 == 1,
            _ => false,
        };
    }
    let s = first & 0x10 != 0;
    let immediate = first & 0xfa00 == 0xf000 && second & 0x8000 == 0;
    let shifted = first & 0xfe00 == 0xea00;
    let register_shift = first & 0xff80 == 0xfa00 && second & 0xf0f0 == 0xf000;
    let msr_apsr = first & 0xffe0 == 0xf380 && second & 0xd800 == 0x8800 && second & 0xff < 4;
    (s && (immediate || shifted || register_shift)) || msr_apsr
}

/// One instruction on its way from capstone's view to ours.
struct Describe<'a> {
    insn: Insn,
    id: u32,
    first: u32,
    second: u32,
    operands: &'a [ArmOperand],
    writeback: bool,
}

impl Describe<'_> {
    fn describe(mut self, class: Class) -> Insn {
        self.insn.class = class;
        self.insn.writes_flags = writes_flags(self.first, self.second, self.insn.size, false);
        match class {
            Class::NotOnThisCore | Class::Undefined => self.insn.writes_flags = false,
            Class::Nop => self.insn.class = self.hint(),
            Class::It => {
                let first = Cond::from_bits(self.first >> 4);
                self.insn.it = Some(ItMask { first, mask: (self.first & 15) as u8 });
            }
            Class::Branch => self.branch(),
            Class::BranchRegister => {
                let call = self.id == ArmInsn::ARM_INS_BLX as u32;
                self.insn.reads = self.regs_from(0);
                self.insn.writes = if call { RegSet::of(LR) } else { RegSet::EMPTY };
                self.insn.flow = Flow::Indirect { call };
            }
            Class::Load | Class::LoadDouble | Class::LoadExclusive | Class::Preload | Class::TableBranch => {
                self.insn.writes = self.regs_from(0);
                self.memory();
            }
            Class::Store | Class::StoreDouble => {
                self.insn.reads = self.regs_from(0);
                self.memory();
            }
            Class::StoreExclusive => {
                self.insn.writes = self.regs_at(0);
                self.insn.reads = self.regs_from(1);
                self.memory();
            }
            Class::LoadMultiple | Class::StoreMultiple => self.multiple(),
            Class::Msr => self.insn.reads = self.regs_from(0),
            Class::Mrs => {
                self.insn.writes = self.regs_at(0);
                self.insn.reads_flags = self.second & 0xff < 4;
            }
            Class::Alu | Class::Mul | Class::Mla | Class::LongMul { .. } | Class::Div { .. } => {
                self.data_processing();
                self.insn.compute = value::compute(self.first, self.second, self.insn.size, self.insn.addr.0.wrapping_add(4));
            }
            _ => {}
        }
        if self.insn.writes.contains(PC) && self.insn.flow == Flow::Sequential {
            let loads = matches!(self.insn.class, Class::Load | Class::LoadMultiple);
            self.insn.flow = if loads { Flow::LoadPc } else { Flow::Indirect { call: false } };
        }
        self.insn
    }

    /// Which hint it is; capstone has one number for all (DDI 0403E, A5.2.5 and A5.3.4).
    fn hint(&self) -> Class {
        let number = if self.insn.size == 2 { self.first >> 4 & 15 } else { self.second & 0xff };
        match number {
            2 => Class::Wfe,
            3 => Class::Wfi,
            4 => Class::Sev,
            _ => Class::Nop,
        }
    }

    fn branch(&mut self) {
        let target = self
            .operands
            .iter()
            .find_map(|operand| match operand.op_type {
                ArmOperandType::Imm(target) => Some(Addr(target as u32)),
                _ => None,
            })
            .unwrap_or(self.insn.end());
        self.insn.reads = self.regs_from(0);
        let compare_and_branch = self.insn.size == 2 && self.first & 0xf500 == 0xb100;
        if self.id == ArmInsn::ARM_INS_BL as u32 {
            self.insn.writes = RegSet::of(LR);
            self.insn.flow = Flow::Call { target };
            return;
        }
        if self.insn.size == 2 && self.first >> 12 == 0b1101 {
            self.insn.cond = Cond::from_bits(self.first >> 8);
        } else if self.insn.size == 4 && self.second & 0xd000 == 0x8000 {
            self.insn.cond = Cond::from_bits(self.first >> 6);
        }
        self.insn.reads_flags = self.insn.cond != Cond::Al;
        self.insn.flow = Flow::Direct { target, conditional: compare_and_branch || self.insn.cond != Cond::Al };
    }

    fn data_processing(&mut self) {
        let id = self.id;
        let is = |candidates: &[ArmInsn]| candidates.iter().any(|&candidate| candidate as u32 == id);
        let compares = is(&[ArmInsn::ARM_INS_CMP, ArmInsn::ARM_INS_CMN, ArmInsn::ARM_INS_TST, ArmInsn::ARM_INS_TEQ]);
        self.insn.reads_flags = is(&[ArmInsn::ARM_INS_ADC, ArmInsn::ARM_INS_SBC, ArmInsn::ARM_INS_RRX]);
        if matches!(self.insn.class, Class::LongMul { .. } | Class::Div { .. }) {
            self.insn.operand_regs = ((self.first & 15) as u8, (self.second & 15) as u8);
        }
        if compares {
            self.insn.reads = self.regs_from(0);
            return;
        }
        if let Class::LongMul { accumulate, .. } = self.insn.class {
            self.insn.writes = self.regs_at(0).with(self.regs_at(1));
            self.insn.reads = self.regs_from(if accumulate { 0 } else { 2 });
            return;
        }
        // `adds r0, #3` and `lsls r0, r1`: a two-operand form reads its destination; a move, an extend and the like do not.
        let two_operand_arithmetic = self.operands.len() == 2
            && is(&[
                ArmInsn::ARM_INS_ADC,
                ArmInsn::ARM_INS_ADD,
                ArmInsn::ARM_INS_AND,
                ArmInsn::ARM_INS_ASR,
                ArmInsn::ARM_INS_BIC,
                ArmInsn::ARM_INS_EOR,
                ArmInsn::ARM_INS_LSL,
                ArmInsn::ARM_INS_LSR,
                ArmInsn::ARM_INS_ORR,
                ArmInsn::ARM_INS_ROR,
                ArmInsn::ARM_INS_SBC,
                ArmInsn::ARM_INS_SUB,
                ArmInsn::ARM_INS_MUL,
                ArmInsn::ARM_INS_RSB,
                ArmInsn::ARM_INS_ORN,
            ]);
        let keeps_part = is(&[ArmInsn::ARM_INS_BFI, ArmInsn::ARM_INS_BFC, ArmInsn::ARM_INS_MOVT]);
        self.insn.writes = self.regs_at(0);
        self.insn.reads = self.regs_from(usize::from(!(two_operand_arithmetic || keeps_part)));
    }

    /// Fills in a single or double access from its memory operand; the registers moved are already in `reads` or `writes`.
    fn memory(&mut self) {
        let Some((operand, mem)) = self.operands.iter().find_map(|operand| match operand.op_type {
            ArmOperandType::Mem(mem) => Some((operand, mem)),
            _ => None,
        }) else {
            return;
        };
        let position = self.operands.iter().position(|o| matches!(o.op_type, ArmOperandType::Mem(_))).unwrap_or(0);
        let after = self.operands.get(position + 1).and_then(|operand| match operand.op_type {
            ArmOperandType::Imm(offset) => Some(offset),
            _ => None,
        });
        let writeback = match (self.writeback, after) {
            (_, Some(_)) => Writeback::Post,
            (true, None) => Writeback::Pre,
            (false, None) => Writeback::None,
        };
        let index = number(mem.index()).map(|reg| {
            let shift = match operand.shift {
                ArmShift::Lsl(amount) => amount as u8,
                _ => 0,
            };
            (reg, shift)
        });
        let base = number(mem.base()).unwrap_or(PC);
        let literal = base == PC && self.insn.class != Class::TableBranch;
        let base_at = if literal {
            Base::Literal(Addr((self.insn.addr.0.wrapping_add(4) & !3).wrapping_add(mem.disp() as u32)))
        } else {
            Base::Reg(base)
        };
        let mut address_regs = index.map_or(RegSet::EMPTY, |(reg, _)| RegSet::of(reg));
        if !literal && base != PC {
            address_regs = address_regs.with(RegSet::of(base));
        }
        let pair = matches!(self.insn.class, Class::LoadDouble | Class::StoreDouble);
        self.insn.mem = Some(Mem {
            base: base_at,
            index,
            offset: if literal { 0 } else { mem.disp() },
            writeback,
            bytes: self.element_bytes(),
            count: 1 + u8::from(pair),
        });
        self.insn.address_regs = address_regs;
        self.insn.reads = self.insn.reads.with(address_regs);
        if writeback != Writeback::None {
            self.insn.writes = self.insn.writes.with(RegSet::of(base));
            self.insn.base_step = after.unwrap_or_else(|| mem.disp());
        }
        if pair {
            self.insn.pair = Some(((self.second >> 12) as u8 & 15, (self.second >> 8) as u8 & 15));
        } else {
            self.insn.transfer = self.operands.first().and_then(register);
        }
        use ArmInsn::{ARM_INS_LDRSB, ARM_INS_LDRSBT, ARM_INS_LDRSH, ARM_INS_LDRSHT};
        self.insn.signed_load =
            [ARM_INS_LDRSB, ARM_INS_LDRSBT, ARM_INS_LDRSH, ARM_INS_LDRSHT].iter().any(|&id| id as u32 == self.id);
        if self.insn.class == Class::TableBranch {
            self.insn.flow = Flow::Table;
        }
    }

    fn element_bytes(&self) -> u8 {
        use ArmInsn::*;
        let id = self.id;
        let is = |candidates: &[ArmInsn]| candidates.iter().any(|&candidate| candidate as u32 == id);
        if is(&[
            ARM_INS_LDRB,
            ARM_INS_LDRSB,
            ARM_INS_LDRBT,
            ARM_INS_LDRSBT,
            ARM_INS_STRB,
            ARM_INS_STRBT,
            ARM_INS_LDREXB,
            ARM_INS_STREXB,
            ARM_INS_TBB,
            ARM_INS_PLD,
            ARM_INS_PLI,
        ]) {
            1
        } else if is(&[
            ARM_INS_LDRH,
            ARM_INS_LDRSH,
            ARM_INS_LDRHT,
            ARM_INS_LDRSHT,
            ARM_INS_STRH,
            ARM_INS_STRHT,
            ARM_INS_LDREXH,
            ARM_INS_STREXH,
            ARM_INS_TBH,
        ]) {
            2
        } else {
            4
        }
    }

    /// LDM, STM, PUSH, POP.
    fn multiple(&mut self) {
        use ArmInsn::*;
        let stack = self.id == ARM_INS_PUSH as u32 || self.id == ARM_INS_POP as u32;
        let base = if stack { SP } else { self.operands.first().and_then(register).unwrap_or(SP) };
        let list = self.regs_from(usize::from(!stack));
        let count = list.0.count_ones() as u8;
        let down = [ARM_INS_PUSH, ARM_INS_LDMDB, ARM_INS_STMDB].iter().any(|&id| id as u32 == self.id);
        // W is bit 5 of the first halfword of a 32-bit form; a 16-bit LDM updates its base unless it loads it, a 16-bit STM always.
        let updates = if stack {
            true
        } else if self.insn.size == 4 {
            self.first & 0x20 != 0
        } else {
            self.insn.class == Class::StoreMultiple || !list.contains(base)
        };
        self.insn.mem = Some(Mem {
            base: Base::Reg(base),
            index: None,
            offset: if down { -4 * i32::from(count) } else { 0 },
            writeback: match (updates, down) {
                (false, _) => Writeback::None,
                (true, true) => Writeback::Pre,
                (true, false) => Writeback::Post,
            },
            bytes: 4,
            count,
        });
        let base_set = RegSet::of(base);
        self.insn.list = list;
        self.insn.address_regs = base_set;
        if self.insn.class == Class::LoadMultiple {
            self.insn.reads = base_set;
            self.insn.writes = list;
        } else {
            self.insn.reads = list.with(base_set);
        }
        if updates {
            self.insn.writes = self.insn.writes.with(base_set);
            self.insn.base_step = if down { -4 } else { 4 } * i32::from(count);
        }
    }

    /// The register operands from the `start`th operand on.
    fn regs_from(&self, start: usize) -> RegSet {
        let regs = self.operands.iter().skip(start).flat_map(|operand| [register(operand), shift_register(operand)]);
        regs.flatten().collect()
    }

    /// The register that is the `position`th operand.
    fn regs_at(&self, position: usize) -> RegSet {
        self.operands.get(position).and_then(register).into_iter().collect()
    }
}

fn register(operand: &ArmOperand) -> Option<u8> {
    match operand.op_type {
        ArmOperandType::Reg(reg) => number(reg),
        _ => None,
    }
}

fn shift_register(operand: &ArmOperand) -> Option<u8> {
    match operand.shift {
        ArmShift::AsrReg(reg) | ArmShift::LslReg(reg) | ArmShift::LsrReg(reg) | ArmShift::RorReg(reg) | ArmShift::RrxReg(reg) => {
            number(reg)
        }
        _ => None,
    }
}

/// The core register's number behind capstone's.
fn number(reg: RegId) -> Option<u8> {
    let reg = u32::from(reg.0);
    let first = ArmReg::ARM_REG_R0;
    match reg {
        ArmReg::ARM_REG_SP => Some(SP),
        ArmReg::ARM_REG_LR => Some(LR),
        ArmReg::ARM_REG_PC => Some(PC),
        _ if (first..first + 13).contains(&reg) => Some((reg - first) as u8),
        _ => None,
    }
}
