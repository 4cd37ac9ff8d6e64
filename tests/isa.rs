//! What it is: the decoder against GNU objdump's reading of the same bytes.
//! Source: `tests/isa/v7m.objdump`, made by GNU binutils from `tests/isa/v7m.s` as written at its top.
//! Does not model: encodings that the assembly file does not contain; the property test only asks that those do no harm.
//! Tested by: itself.

use proptest::prelude::*;
use stm32sim::isa::{Base, Block, Class, Cond, Decoder, Flow, LR, PC, RegSet, SP, Writeback};
use stm32sim::units::Addr;

/// One instruction as objdump prints it.
struct Line {
    addr: u32,
    bytes: Vec<u8>,
    mnemonic: String,
    operands: String,
}

fn lines() -> Vec<Line> {
    let text = include_str!("isa/v7m.objdump");
    let mut lines = Vec::new();
    for line in text.lines() {
        let Some((addr, rest)) = line.split_once(":\t") else { continue };
        let Ok(addr) = u32::from_str_radix(addr.trim(), 16) else { continue };
        let (code, text) = rest.split_once('\t').expect("objdump separates code and text by a tab");
        let bytes = code.split_whitespace().flat_map(|half| u16::from_str_radix(half, 16).expect("hex").to_le_bytes()).collect();
        let text = text.split('@').next().unwrap_or("").trim_end();
        let (mnemonic, operands) = text.split_once('\t').unwrap_or((text, ""));
        lines.push(Line { addr, bytes, mnemonic: mnemonic.to_owned(), operands: operands.to_owned() });
    }
    lines
}

fn decoded(lines: &[Line]) -> Block {
    let bytes: Vec<u8> = lines.iter().flat_map(|line| line.bytes.iter().copied()).collect();
    Decoder::new().expect("capstone opens").decode_block(Addr(0), &bytes)
}

fn register(name: &str) -> Option<u8> {
    match name.trim().trim_end_matches('!') {
        "sl" => Some(10),
        "fp" => Some(11),
        "ip" => Some(12),
        "sp" => Some(SP),
        "lr" => Some(LR),
        "pc" => Some(PC),
        other => other.strip_prefix('r').and_then(|number| number.parse().ok()),
    }
}

const CONDITIONS: [&str; 14] = ["eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le"];

/// The mnemonic without width and, when `conditional`, without its condition; and that condition.
fn base_and_condition(mnemonic: &str, conditional: bool) -> (&str, Cond) {
    let plain = mnemonic.trim_end_matches(".w").trim_end_matches(".n");
    if conditional && plain.len() > 2 {
        let (base, suffix) = plain.split_at(plain.len() - 2);
        if let Some(index) = CONDITIONS.iter().position(|name| *name == suffix) {
            return (base, Cond::from_bits(index as u32));
        }
    }
    (plain, Cond::Al)
}

/// What objdump's mnemonic says about class and flow.
fn class_of(base: &str) -> Option<Class> {
    Some(match base {
        "nop" | "yield" | "dbg" => Class::Nop,
        "mul" | "muls" => Class::Mul,
        "mla" | "mls" => Class::Mla,
        "umull" => Class::LongMul { signed: false, accumulate: false },
        "smull" => Class::LongMul { signed: true, accumulate: false },
        "umlal" => Class::LongMul { signed: false, accumulate: true },
        "smlal" => Class::LongMul { signed: true, accumulate: true },
        "udiv" => Class::Div { signed: false },
        "sdiv" => Class::Div { signed: true },
        "ldr" | "ldrb" | "ldrh" | "ldrsb" | "ldrsh" | "ldrt" => Class::Load,
        "str" | "strb" | "strh" => Class::Store,
        "ldmia" | "ldmdb" | "pop" => Class::LoadMultiple,
        "stmia" | "stmdb" | "push" => Class::StoreMultiple,
        "ldrd" => Class::LoadDouble,
        "strd" => Class::StoreDouble,
        "ldrex" | "ldrexb" => Class::LoadExclusive,
        "strex" | "strexh" => Class::StoreExclusive,
        "clrex" => Class::ClearExclusive,
        "pld" | "pli" => Class::Preload,
        "b" | "bl" | "cbz" | "cbnz" => Class::Branch,
        "bx" | "blx" => Class::BranchRegister,
        "tbb" | "tbh" => Class::TableBranch,
        "it" | "itt" | "ite" | "itte" => Class::It,
        "mrs" => Class::Mrs,
        "msr" => Class::Msr,
        "cpsid" | "cpsie" => Class::Cps,
        "dsb" | "dmb" => Class::DataBarrier,
        "isb" => Class::InstructionBarrier,
        "svc" => Class::Svc,
        "bkpt" => Class::Bkpt,
        "udf" => Class::Udf,
        "wfi" => Class::Wfi,
        "wfe" => Class::Wfe,
        "sev" => Class::Sev,
        "mov" | "movs" | "movw" | "movt" | "mvns" | "adds" | "add" | "sub" | "subs" | "addw" | "subw" | "adc" | "cmp" | "cmn"
        | "tst" | "teq" | "lsls" | "lsl" | "rrx" | "ror" | "rsbs" | "rsb" | "negs" | "orn" | "bic" | "ubfx" | "sbfx" | "bfi"
        | "bfc" | "sxtb" | "uxth" | "ssat" | "usat" | "rev" | "rev16" | "revsh" | "rbit" | "clz" => Class::Alu,
        _ => return None,
    })
}

/// The address after which the file holds what a Cortex-M3 lacks.
fn foreign_from(lines: &[Line]) -> u32 {
    lines.iter().find(|line| line.mnemonic == "smlad").expect("the file has a DSP part").addr
}

#[test]
fn boundaries_classes_and_conditions_are_objdumps() {
    let lines = lines();
    assert!(lines.len() > 170, "the golden file is complete");
    let foreign = foreign_from(&lines);
    let block = decoded(&lines);
    let mut conditional_from_it = 0;
    for (line, insn) in lines.iter().zip(&block.insns).filter(|(line, _)| line.addr < foreign) {
        assert_eq!((insn.addr.0, usize::from(insn.size)), (line.addr, line.bytes.len()), "{}", line.mnemonic);
        let branch = line.mnemonic.starts_with('b') && !line.mnemonic.starts_with("bl") && !line.mnemonic.starts_with("bx");
        let (base, condition) =
            base_and_condition(&line.mnemonic, conditional_from_it > 0 || (branch && class_of(&line.mnemonic).is_none()));
        let in_it = conditional_from_it > 0;
        assert_eq!(insn.class, class_of(base).unwrap_or_else(|| panic!("{}", line.mnemonic)), "{}", line.mnemonic);
        assert_eq!(insn.cond, condition, "{} at {:#x}", line.mnemonic, line.addr);
        assert_eq!(insn.in_it, in_it, "{} at {:#x}", line.mnemonic, line.addr);
        conditional_from_it -= i32::from(in_it);
        if base.starts_with("it") {
            conditional_from_it = base.len() as i32 - 1;
        }
    }
}

#[test]
fn flag_writes_are_objdumps_s_suffix() {
    let lines = lines();
    let foreign = foreign_from(&lines);
    for (line, insn) in lines.iter().zip(&decoded(&lines).insns).filter(|(line, _)| line.addr < foreign) {
        let (base, _) = base_and_condition(&line.mnemonic, insn.in_it);
        let compares = ["cmp", "cmn", "tst", "teq"].contains(&base);
        let s = base.ends_with('s')
            && insn.class != Class::Mla
            && !["mrs"].contains(&base)
            && matches!(insn.class, Class::Alu | Class::Mul);
        let apsr = base == "msr" && line.operands.starts_with("CPSR");
        assert_eq!(insn.writes_flags, compares || s || apsr, "{} {}", line.mnemonic, line.operands);
    }
}

#[test]
fn targets_are_objdumps() {
    let lines = lines();
    let foreign = foreign_from(&lines);
    let mut seen = 0;
    for (line, insn) in lines.iter().zip(&decoded(&lines).insns).filter(|(line, _)| line.addr < foreign) {
        let target = line.operands.split_once(" <").and_then(|(before, _)| before.rsplit([' ', '\t']).next());
        let target = target.and_then(|hex| u32::from_str_radix(hex, 16).ok());
        match insn.flow {
            Flow::Direct { target: ours, conditional } => {
                assert_eq!(Some(ours.0), target, "{}", line.mnemonic);
                let own =
                    line.mnemonic.starts_with("cb") || (line.mnemonic.starts_with('b') && insn.cond != Cond::Al && !insn.in_it);
                assert_eq!(conditional, own, "{}", line.mnemonic);
                seen += 1;
            }
            Flow::Call { target: ours } => {
                assert_eq!(Some(ours.0), target, "{}", line.mnemonic);
                seen += 1;
            }
            Flow::Table => assert!(line.mnemonic.starts_with("tb")),
            Flow::Indirect { call } => {
                assert_eq!(call, line.mnemonic.starts_with("blx"));
                let to_pc = line.operands.starts_with("pc") && ["mov", "add"].contains(&line.mnemonic.as_str());
                assert!(to_pc || line.mnemonic.starts_with("bx") || line.mnemonic.starts_with("blx"), "{}", line.mnemonic);
            }
            Flow::LoadPc => assert!(line.operands.contains("pc"), "{}", line.mnemonic),
            Flow::Sequential => {
                assert!(!line.mnemonic.starts_with("bl") && !line.mnemonic.starts_with("cb"), "{}", line.mnemonic)
            }
        }
    }
    assert!(seen >= 9);
}

/// Registers written and read, from objdump's operand text and the rules of the assembler's syntax (DDI 0403E, A7.7).
fn registers_by_text(base: &str, operands: &str) -> (RegSet, RegSet) {
    let in_text = |text: &str| -> Vec<u8> { text.split(['{', '}', '[', ']', ',', ' ', '!']).filter_map(register).collect() };
    let all = in_text(operands);
    let set = |regs: &[u8]| regs.iter().copied().collect::<RegSet>();
    let writeback = operands.contains("]!") || operands.contains("!, ") || operands.contains("], #");
    let inside: Vec<u8> = match operands.split_once('[') {
        Some((_, rest)) => in_text(rest.split(']').next().unwrap_or("")).into_iter().filter(|reg| *reg != PC).collect(),
        None => Vec::new(),
    };
    let updated = if writeback { set(&inside[..1.min(inside.len())]) } else { RegSet::EMPTY };
    match base {
        "push" => (RegSet::of(SP), set(&all).with(RegSet::of(SP))),
        "pop" => (set(&all).with(RegSet::of(SP)), RegSet::of(SP)),
        "ldmia" | "ldmdb" | "stmia" | "stmdb" => {
            let (address, list) = operands.split_once(", {").expect("a register list");
            let (address_set, list) = (set(&in_text(address)), set(&in_text(list)));
            let updated = if address.ends_with('!') { address_set } else { RegSet::EMPTY };
            if base.starts_with('l') { (list.with(updated), address_set) } else { (updated, list.with(address_set)) }
        }
        _ if base.starts_with("strex") => (RegSet::of(all[0]), set(&all[1..])),
        _ if base.starts_with("str") => (updated, set(&all)),
        _ if base.starts_with("ldr") => {
            let moved = if base == "ldrd" { 2 } else { 1 };
            (set(&all[..moved]).with(updated), set(&inside))
        }
        "tbb" | "tbh" | "pld" | "pli" => (RegSet::EMPTY, set(&inside)),
        "cmp" | "cmn" | "tst" | "teq" | "cbz" | "cbnz" | "bx" => (RegSet::EMPTY, set(&all)),
        "msr" => (RegSet::EMPTY, set(&all)),
        "blx" => (RegSet::of(LR), set(&all)),
        "bl" => (RegSet::of(LR), RegSet::EMPTY),
        "umull" | "smull" => (set(&all[..2]), set(&all[2..])),
        "umlal" | "smlal" => (set(&all[..2]), set(&all)),
        "bfi" | "bfc" | "movt" => (set(&all[..1]), set(&all)),
        _ if all.is_empty() => (RegSet::EMPTY, RegSet::EMPTY),
        // A two-operand form reads its destination, a move-like one does not.
        _ => {
            let move_like = base.starts_with("mov")
                || base.starts_with("mvn")
                || base == "negs"
                || ["sxtb", "uxth", "rev", "rev16", "revsh", "rbit", "clz", "rrx", "mrs"].contains(&base);
            let operands_given = operands.split(", ").count();
            let two_operand = operands_given == 2 && !move_like;
            (set(&all[..1]), set(&all[usize::from(!two_operand)..]))
        }
    }
}

#[test]
fn registers_are_objdumps() {
    let lines = lines();
    let foreign = foreign_from(&lines);
    for (line, insn) in lines.iter().zip(&decoded(&lines).insns).filter(|(line, _)| line.addr < foreign) {
        let (base, _) = base_and_condition(&line.mnemonic, insn.in_it || matches!(insn.flow, Flow::Direct { .. }));
        if ["b", "beq", "bne", "it", "itte", "ite"].contains(&base) {
            assert_eq!((insn.writes, insn.reads), (RegSet::EMPTY, RegSet::EMPTY));
            continue;
        }
        let (writes, reads) = registers_by_text(base, &line.operands);
        assert_eq!(insn.writes, writes, "written by {} {}", line.mnemonic, line.operands);
        assert_eq!(insn.reads, reads, "read by {} {}", line.mnemonic, line.operands);
    }
}

#[test]
fn memory_forms_are_objdumps() {
    let lines = lines();
    let foreign = foreign_from(&lines);
    let text = include_str!("isa/v7m.objdump");
    for (line, insn) in lines.iter().zip(&decoded(&lines).insns).filter(|(line, _)| line.addr < foreign) {
        let Some((_, rest)) = line.operands.split_once('[') else { continue };
        let mem = insn.mem.expect("an operand in brackets is a memory access");
        let (inside, after) = rest.split_once(']').expect("closed");
        let parts: Vec<&str> = inside.split(", ").collect();
        let number = |text: &str| text.trim_start_matches('#').parse::<i32>().ok();
        let literal = parts[0] == "pc" && insn.class != Class::TableBranch;
        if literal {
            // objdump's comment names the address: `@ 198 <c>`.
            let raw = text.lines().find(|l| l.trim_start().starts_with(&format!("{:x}:", line.addr))).expect("the line");
            let named =
                raw.split_once("@ ").and_then(|(_, c)| c.split(' ').next()).and_then(|hex| u32::from_str_radix(hex, 16).ok());
            assert_eq!(mem.base, Base::Literal(Addr(named.expect("an address in the comment"))), "{raw}");
        } else {
            assert_eq!(mem.base, Base::Reg(register(parts[0]).expect("a base register")));
            assert_eq!(mem.index.map(|(reg, _)| reg), parts.get(1).copied().and_then(register), "{inside}");
            let shift = parts.get(2).and_then(|shift| shift.strip_prefix("lsl ")).and_then(number).unwrap_or(0);
            assert_eq!(mem.index.map_or(0, |(_, shift)| i32::from(shift)), shift, "{inside}");
            assert_eq!(mem.offset, parts.get(1).copied().and_then(number).unwrap_or(0), "{inside}");
        }
        let writeback = match after {
            "!" => Writeback::Pre,
            after if after.starts_with(", #") => Writeback::Post,
            _ => Writeback::None,
        };
        assert_eq!(mem.writeback, writeback, "{}", line.operands);
    }
}

#[test]
fn multiple_forms_address_their_lowest_word() {
    let lines = lines();
    let block = decoded(&lines);
    let of = |text: &str| {
        let line = lines.iter().position(|l| format!("{} {}", l.mnemonic, l.operands) == text).expect("in the file");
        block.insns[line].mem.expect("accesses memory")
    };
    let push = of("push {r0, r1, lr}");
    assert_eq!((push.base, push.offset, push.count, push.writeback), (Base::Reg(SP), -12, 3, Writeback::Pre));
    let pop = of("pop {r0, r1, pc}");
    assert_eq!((pop.base, pop.offset, pop.count, pop.writeback), (Base::Reg(SP), 0, 3, Writeback::Post));
    let down = of("ldmdb r0, {r1, r2}");
    assert_eq!((down.base, down.offset, down.count, down.writeback), (Base::Reg(0), -8, 2, Writeback::None));
    let loads_base = of("ldmia r0, {r0, r1}");
    assert_eq!((loads_base.offset, loads_base.count, loads_base.writeback), (0, 2, Writeback::None));
    let double = of("ldrd r0, r1, [r2, #8]");
    assert_eq!((double.offset, double.count, double.bytes), (8, 2, 4));
}

/// What only a Cortex-M4 or an A-profile core has is known as such; what is nothing is undefined. The list is the assembly file's.
#[test]
fn foreign_instructions_are_recognised() {
    let lines = lines();
    let foreign = foreign_from(&lines);
    let decoder = Decoder::new().expect("capstone opens");
    for line in lines.iter().filter(|line| line.addr >= foreign) {
        let insn = decoder.decode(Addr(line.addr), &line.bytes);
        if ["udf", "ldrex"].contains(&line.mnemonic.as_str()) {
            continue;
        }
        assert!(matches!(insn.class, Class::NotOnThisCore | Class::Undefined), "{} is {:?}", line.mnemonic, insn.class);
    }
    for (mnemonic, count) in [("smlad", 1), ("usad8", 1), ("qadd", 1), ("vadd.f32", 1), ("vldr", 1), ("smulwb", 1)] {
        let found = lines.iter().filter(|line| line.mnemonic == mnemonic);
        let named = found.filter(|line| decoder.decode(Addr(line.addr), &line.bytes).class == Class::NotOnThisCore);
        assert_eq!(named.count(), count, "{mnemonic}");
    }
}

#[test]
fn listings_carry_conditions_and_data() {
    let decoder = Decoder::new().expect("capstone opens");
    let text = decoder.disassemble(Addr(0x0800_0000), &[0x08, 0xbf, 0x01, 0x20, 0xff, 0xff, 0xff, 0xff, 0x70, 0x47]);
    let text: Vec<_> = text.iter().map(|(addr, line)| format!("{addr} {line}")).collect();
    assert_eq!(text, ["0x08000000 it eq", "0x08000002 moveq r0, #1", "0x08000004 .word 0xffffffff", "0x08000008 bx lr"]);
}

proptest! {
    /// Any bytes decode: instructions are adjacent, cover what they say, and nothing panics.
    #[test]
    fn any_bytes_decode(bytes in proptest::collection::vec(any::<u8>(), 0..200), addr in any::<u32>()) {
        let decoder = Decoder::new().expect("capstone opens");
        let block = decoder.decode_block(Addr(addr & !1), &bytes);
        let mut at = addr & !1;
        for insn in &block.insns {
            prop_assert_eq!(insn.addr.0, at);
            prop_assert!(insn.size == 2 || insn.size == 4);
            at = at.wrapping_add(u32::from(insn.size));
        }
        prop_assert_eq!(block.end().0, at);
        prop_assert!(bytes.len() as u32 - block.size < 4);
        prop_assert!(decoder.disassemble(Addr(addr & !1), &bytes).len() * 2 <= bytes.len());
    }
}
