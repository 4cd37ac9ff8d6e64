//! What it is: runs the loops of `loops.elf` on the engine, instruction by instruction, and prices their traces; collects the published
//! kernels' figures; makes the accuracy document and the constants that the crate includes.
//! Source: `loops.toml` and `published.toml`, where every figure's source stands.
//! Does not model: peripherals; their addresses are plain memory here, which is enough for what the loops do with them.
//! Tested by: `tests/silicon.rs`.

use serde::Deserialize;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::rc::Rc;
use stm32sim::isa::{Class, Decoder, Insn, PC};
use stm32sim::timing::{
    FrontState, MODEL_VERSION, OperandCode, OperandNeed, TimingConfig, operand_need, static_code, step_block, step_prefix,
};
use stm32sim::units::Addr;
use unicorn_engine::{Arch, Mode, Prot, RegisterARM, Unicorn};

/// One row of `loops.toml`.
#[derive(Debug, Deserialize)]
pub struct LoopRow {
    pub name: String,
    pub what: String,
    pub wait_states: u8,
    pub measure: String,
    #[serde(default)]
    pub overhead: u32,
    #[serde(default)]
    pub passes: u32,
    pub measured: f64,
    pub tolerance_percent: f64,
    pub source: String,
}

#[derive(Deserialize)]
struct Loops {
    row: Vec<LoopRow>,
}

#[derive(Deserialize)]
struct Published {
    model_version: u32,
    set: Vec<KernelSet>,
}

/// One publication.
#[derive(Deserialize)]
pub struct KernelSet {
    pub name: String,
    pub figures: String,
    pub conditions: String,
    #[serde(default)]
    pub left_out: Vec<String>,
    /// It took no part in choosing the rules: the rules were chosen on the other sets and then checked on this one.
    #[serde(default)]
    pub held_out: bool,
    /// Kernel, wait states, measured, modelled.
    pub rows: Vec<(String, u8, f64, Vec<f64>)>,
}

/// Percent by which `modelled` is above `measured`.
pub fn error(modelled: f64, measured: f64) -> f64 {
    (modelled / measured - 1.0) * 100.0
}

/// What ran, and what each instruction's cost depends on.
struct Trace {
    steps: Vec<(Insn, OperandCode)>,
}

struct Recorder {
    decoder: Decoder,
    known: HashMap<u32, Insn>,
    steps: Vec<(Insn, OperandCode)>,
}

#[path = "../support/registers.rs"]
mod registers;
use registers::REGISTERS;

/// The loops' image and labels.
pub struct Bench {
    segments: Vec<(u32, Vec<u8>)>,
    labels: HashMap<String, u32>,
    pub rows: Vec<LoopRow>,
}

impl Bench {
    pub fn open() -> Self {
        let bytes = include_bytes!("loops.elf");
        let elf = goblin::elf::Elf::parse(bytes).expect("loops.elf is an ELF");
        let segments = elf.program_headers.iter().filter(|header| header.p_filesz > 0).map(|header| {
            let from = header.p_offset as usize;
            (header.p_vaddr as u32, bytes[from..from + header.p_filesz as usize].to_vec())
        });
        let labels = elf
            .syms
            .iter()
            .filter_map(|sym| elf.strtab.get_at(sym.st_name).map(|name| (name.to_owned(), sym.st_value as u32 & !1)));
        let rows = toml::from_str::<Loops>(include_str!("loops.toml")).expect("loops.toml is valid").row;
        Self { segments: segments.collect(), labels: labels.collect(), rows }
    }

    fn label(&self, kind: &str, name: &str) -> u32 {
        *self.labels.get(&format!("{kind}_{name}")).unwrap_or_else(|| panic!("loops.s has no {kind}_{name}"))
    }

    /// Runs the loop and records at most `limit` instructions. The loops hold no IT block, multiply or divide.
    fn trace(&self, name: &str, limit: usize) -> Trace {
        let mut engine = Unicorn::new(Arch::ARM, Mode::THUMB).expect("the engine opens");
        engine.ctl_set_cpu_model(unicorn_engine::ArmCpuModel::CORTEX_M3 as i32).expect("it knows the core");
        for (base, size) in
            [(0x0800_0000, 0x1_0000), (0x2000_0000, 0x5000), (0x4001_0000, 0x1000), (0x4221_0000, 0x1000), (0xe000_1000, 0x1000)]
        {
            engine.mem_map(base, size, Prot::ALL).expect("maps");
        }
        for (address, bytes) in &self.segments {
            engine.mem_write(u64::from(*address), bytes).expect("loads");
        }
        engine.reg_write(RegisterARM::SP, 0x2000_5000).expect("sets the stack pointer");
        let recorder = Recorder { decoder: Decoder::new().expect("capstone opens"), known: HashMap::new(), steps: Vec::new() };
        let recorder = Rc::new(RefCell::new(recorder));
        let stop = self.label("stop", name);
        let shared = Rc::clone(&recorder);
        engine
            .add_code_hook(1, 0, move |engine, address, size| {
                let mut recorder = shared.borrow_mut();
                if address as u32 == stop || recorder.steps.len() == limit {
                    engine.emu_stop().expect("stops");
                    return;
                }
                let mut bytes = vec![0; size as usize];
                engine.mem_read(address, &mut bytes).expect("reads code");
                let Recorder { decoder, known, steps } = &mut *recorder;
                let insn = *known.entry(address as u32).or_insert_with(|| decoder.decode(Addr(address as u32), &bytes));
                assert!(insn.class != Class::It && insn.class != Class::Undefined);
                let register = |reg: u8| engine.reg_read(REGISTERS[usize::from(reg)]).expect("reads a register") as u32;
                let code = match operand_need(&insn).operand {
                    OperandNeed::Nothing => static_code(&insn),
                    OperandNeed::Address(mem) => {
                        let base =
                            insn.address_regs.iter().find(|reg| mem.base == stm32sim::isa::Base::Reg(*reg)).map_or(0, register);
                        let index = mem.index.map_or(0, |(reg, _)| register(reg));
                        OperandCode::address(mem.address(base, index), mem.bytes)
                    }
                    other => panic!("the loops hold no such instruction: {other:?}"),
                };
                steps.push((insn, code));
            })
            .expect("hooks");
        let start = self.label("start", name) | 1;
        let _ = engine.emu_start(u64::from(start), 0xffff_fff0, 0, 0);
        drop(engine);
        let recorder = Rc::into_inner(recorder).expect("the engine is gone").into_inner();
        assert!(recorder.steps.len() > 10, "{name} did not run");
        Trace { steps: recorder.steps }
    }

    /// The modelled counterpart of a row's figure, at the given wait states.
    pub fn model(&self, row: &LoopRow, config: &TimingConfig) -> f64 {
        let iterates = row.measure == "iteration";
        let trace = self.trace(&row.name, if iterates { 2_000 } else { 30_000 });
        let (from, to) = (self.label("from", &row.name), self.label("to", &row.name));
        let mut state = FrontState::reset();
        let mut now = 0u64;
        let (mut arrivals, mut end) = (Vec::new(), None);
        let mut at = 0;
        while at < trace.steps.len() {
            let length =
                trace.steps[at..].iter().position(|(insn, _)| insn.changes_flow()).map_or(trace.steps.len() - at, |n| n + 1);
            let (insns, codes): (Vec<Insn>, Vec<OperandCode>) = trace.steps[at..at + length].iter().copied().unzip();
            for (index, insn) in insns.iter().enumerate() {
                let starts = || now + u64::from(step_prefix(config, &insns, state, &codes, index));
                if insn.addr.0 == from {
                    arrivals.push(starts());
                }
                if insn.addr.0 == to {
                    end = Some(starts());
                }
            }
            at += length;
            let next = trace.steps.get(at).map_or_else(|| insns[length - 1].end(), |(insn, _)| insn.addr);
            let transition = step_block(config, &insns, state, &codes, next);
            now += u64::from(transition.cycles.total());
            state = transition.exit;
        }
        if iterates {
            let last = arrivals.len() - 1;
            (arrivals[last] - arrivals[last - 32]) as f64 / 32.0
        } else {
            let span = end.expect("the loop ends") - arrivals[0] - u64::from(row.overhead);
            span as f64 / f64::from(row.passes)
        }
    }
}

/// The published kernels, checked against the model's version.
pub fn published() -> Vec<KernelSet> {
    let data: Published = toml::from_str(include_str!("published.toml")).expect("published.toml is valid");
    assert_eq!(
        data.model_version, MODEL_VERSION,
        "published.toml was computed with another version of the model: compute it anew"
    );
    data.set
}

/// Errors in percent of the kernels that count, at zero wait states or at some.
pub fn errors(sets: &[KernelSet], waits: bool) -> Vec<f64> {
    let mut errors = Vec::new();
    for set in sets {
        for (kernel, wait_states, measured, modelled) in &set.rows {
            if (*wait_states > 0) == waits && !set.left_out.contains(kernel) {
                errors.push(error(modelled.iter().sum::<f64>() / modelled.len() as f64, *measured));
            }
        }
    }
    errors
}

/// Rows, and mean, median, worst and 95th percentile of the absolute error, the last rounded up to a tenth.
pub struct Summary {
    pub rows: usize,
    pub mean: f64,
    pub median: f64,
    pub worst: f64,
    pub bound: f64,
}

pub fn summary(errors: &[f64]) -> Summary {
    let mut sizes: Vec<f64> = errors.iter().map(|error| error.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let rank = (sizes.len() * 95).div_ceil(100) - 1;
    Summary {
        rows: sizes.len(),
        mean: sizes.iter().sum::<f64>() / sizes.len() as f64,
        median: (sizes[(sizes.len() - 1) / 2] + sizes[sizes.len() / 2]) / 2.0,
        worst: sizes[sizes.len() - 1],
        bound: (sizes[rank] * 10.0).ceil() / 10.0,
    }
}

/// `src/timing/accuracy.rs`.
pub fn constants(sets: &[KernelSet]) -> String {
    let mut out = String::from(
        "//! What it is: how far the cycle model is from published measurements. Made by `cargo run --release --example accuracy -- write`.\n\
         //! Source: `tests/silicon/published.toml`; the table behind it is docs/accuracy.md.\n\
         //! Does not model: code unlike the published kernels (heavy peripheral access, code in SRAM, DMA).\n\
         //! Tested by: `tests/silicon.rs`, which makes this file again and compares.\n\n",
    );
    for (name, doc, waits) in [("ZERO_WAIT", "No wait states.", false), ("WITH_WAITS", "One or two wait states.", true)] {
        let Summary { rows, mean, median, worst, bound } = summary(&errors(sets, waits));
        let _ = writeln!(
            out,
            "/// {doc} Rows; mean, median, worst absolute error and the one that 95 % of the rows keep, in percent.\n\
             pub(super) const {name}: super::Accuracy = super::Accuracy {{ rows: {rows}, mean: {mean:.2}, median: {median:.2}, worst: {worst:.2}, bound: {bound:.1} }};"
        );
    }
    out
}

/// The loops' part of the document, one line per row.
pub fn loop_table(bench: &Bench) -> String {
    let mut out = String::from(
        "| loop | wait states | measured | modelled | error | accepted | modelled at 0, 1, 2 wait states | source |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in &bench.rows {
        let at = |wait_states| bench.model(row, &TimingConfig::with_wait_states(wait_states));
        let modelled = at(row.wait_states);
        let all: Vec<String> = (0..3).map(|wait_states| format!("{}", at(wait_states))).collect();
        let _ = writeln!(
            out,
            "| {} | {} | {} | {modelled} | {:+.1} % | {} % | {} | {} |",
            row.what,
            row.wait_states,
            row.measured,
            error(modelled, row.measured),
            row.tolerance_percent,
            all.join(", "),
            row.source
        );
    }
    out
}

/// The kernels' part of the document.
pub fn kernel_tables(sets: &[KernelSet]) -> String {
    let mut out = String::new();
    for set in sets {
        let held_out = if set.held_out { " Held out." } else { "" };
        let _ = writeln!(out, "### {}\n\nFigures: {}. Conditions: {}.{held_out}\n", set.name, set.figures, set.conditions);
        out.push_str("| kernel | wait states | measured | modelled | error |\n| --- | --- | --- | --- | --- |\n");
        for (kernel, wait_states, measured, modelled) in &set.rows {
            let mean = modelled.iter().sum::<f64>() / modelled.len() as f64;
            let shown: Vec<String> = modelled.iter().map(f64::to_string).collect();
            let _ = writeln!(
                out,
                "| {kernel} | {wait_states} | {measured} | {} | {:+.2} % |",
                shown.join(" or "),
                error(mean, *measured)
            );
        }
        out.push('\n');
    }
    out
}

/// `docs/accuracy.md`.
pub fn document(bench: &Bench, sets: &[KernelSet]) -> String {
    let mut out = String::from(include_str!("accuracy_head.md"));
    out.push_str("\n| kernels at | rows | mean | median | worst | 95 % are within |\n| --- | --- | --- | --- | --- | --- |\n");
    for (name, waits) in [("0 wait states", false), ("1 and 2 wait states", true)] {
        let Summary { rows, mean, median, worst, bound } = summary(&errors(sets, waits));
        let _ = writeln!(out, "| {name} | {rows} | {mean:.2} % | {median:.2} % | {worst:.2} % | {bound:.1} % |");
    }
    let _ = writeln!(out, "\n## Small loops\n\nErrors beyond the accepted one fail a test.\n\n{}", loop_table(bench));
    let _ = writeln!(out, "## Kernels\n\n{}{}", kernel_tables(sets), include_str!("accuracy_tail.md").trim_end());
    out
}

/// Registers that a trace can need; here so that the table above cannot lose one unnoticed.
const _: () = assert!(REGISTERS.len() == PC as usize + 1);
