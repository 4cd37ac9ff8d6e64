//! What it is: a model, and nothing else, becomes a report: does a chip hold it, and what does an inference cost there, by running it.
//! Source: the model compiler's plan, run by the built-in image `runner` on the emulated chip.
//! Does not model: what a user's own firmware adds; accuracy; a model that the runtime cannot execute is refused, not guessed at.
//! Tested by: `tests/estimate.rs` (outputs against TFLite Micro's).

mod advice;
mod file;
mod graph;
mod graph_table;
mod input;
mod linked;
mod measure;
mod runner;
mod samples;
mod strips;
mod table;

pub use advice::Advice;
pub use file::{Refused, Survey, Surveyed, read, survey};
pub use graph::{OperatorRow, TensorSummary, operators};
pub use graph_table::operators_part;
pub use input::{InputSummary, Inputs, OutputTensor, Values};
pub use runner::{Fit, LEAST_STACK, Needs, Room};
pub use table::{survey_table, table, verdict};

use super::run::{Causes, ClockSummary, InferenceSummary, Limit, MemorySummary, OutcomeSummary, TimingModel, Totals};
use super::{ChipSummary, FirmwareSummary, SCHEMA, Tool};
use crate::chip::Chip;
use crate::finding::{Code, Exit, Failure, Finding, Result};
use crate::machine::Overrides;
use crate::model::ops::OpCode;
use crate::model::{ArenaPlan, Model, Plan};
use crate::timing::Fidelity;
use crate::units::{Hz, grouped};
use file::too_large;
use measure::{Conditions, Measured};
use runner::Runner;
pub use samples::{SamplesSummary, estimate_samples};
use serde::Serialize;
use std::path::PathBuf;

/// On which chip.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// This one.
    One(&'a Chip),
    /// The smallest built-in one that holds the model, with a row for each of them.
    All,
}

/// What is to be estimated.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// On which chip.
    pub target: Target<'a>,
    /// What the model is fed.
    pub inputs: Inputs,
    /// A .npy file with what its first output should be.
    pub expected: Option<PathBuf>,
    /// Whether to run it at lower clocks too, for advice.
    pub advice: bool,
    /// Price blocks from memory or anew.
    pub fidelity: Fidelity,
    /// When to give up.
    pub limit: Limit,
    /// What if the core ran at another clock.
    pub clock: Option<Hz>,
    /// What if flash had other settings.
    pub overrides: Overrides,
}

/// The report of an estimate. Names shared with a run's report mean the same; a field that does not apply is absent.
#[derive(Clone, Debug, Serialize)]
pub struct EstimateReport {
    /// Version of the schema.
    pub schema: u32,
    /// Who wrote it.
    pub tool: Tool,
    /// Whether the chip is a what-if that ST does not make.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub what_if_chip: bool,
    /// The chip; with all of them, the smallest that holds the model, or the largest.
    pub chip: ChipSummary,
    /// The model.
    pub model: ModelSummary,
    /// Its operators.
    pub operators: Vec<OperatorRow>,
    /// Where its activations lie in the arena.
    pub arena: ArenaPlan,
    /// The image that ran it, without the model.
    pub firmware: FirmwareSummary,
    /// Whether the chip holds it.
    pub fit: Fit,
    /// What it was fed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<InputSummary>,
    /// Clocks and flash settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockSummary>,
    /// How cycles were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timing_model: Option<TimingModel>,
    /// How it ended; `does-not-fit` where nothing ran.
    pub outcome: OutcomeSummary,
    /// The whole run, start-up included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
    /// Its cycles by cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cycles_by_cause: Option<Causes>,
    /// The inference, layer by layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inference: Option<InferenceSummary>,
    /// The same with several inputs, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<SamplesSummary>,
    /// Cycles of the inference by multiply-accumulates of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cycles_per_mac: Option<f64>,
    /// Use of the memories: `flash.model` is the plan, `sram.arena` the activations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemorySummary>,
    /// What the model answered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OutputTensor>,
    /// Each built-in chip, smallest first.
    pub chips: Vec<ChipRow>,
    /// The first of `chips` that holds it; absent where none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smallest: Option<String>,
    /// The first of `chips` that holds it with half of both memories to spare; absent where none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best: Option<String>,
    /// What would change it, in numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub advice: Vec<Advice>,
    /// What a user should know.
    pub findings: Vec<Finding>,
}

/// The model.
#[derive(Clone, Debug, Serialize)]
pub struct ModelSummary {
    /// The file's name without folders.
    pub name: String,
    /// The file's size.
    pub bytes: u64,
    /// Its operators.
    pub operators: usize,
    /// Its constant elements.
    pub parameters: u64,
    /// Multiply-accumulates of an inference.
    pub macs: u64,
}

/// Whether one chip holds the model.
#[derive(Clone, Debug, Serialize)]
pub struct ChipRow {
    /// Its name.
    pub name: String,
    /// Its flash, in bytes.
    pub flash_bytes: u64,
    /// Its SRAM, in bytes.
    pub sram_bytes: u64,
    /// Whether it does.
    pub fits: bool,
    /// What it lacks of flash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flash_short: Option<u64>,
    /// What it lacks of SRAM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sram_short: Option<u64>,
}

impl EstimateReport {
    /// The process's exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.outcome.code
    }
}

/// Estimates one model.
///
/// # Errors
/// `model-unsupported` and `bad-model` in the model compiler's words; what is wrong with the inputs. A model that does not fit is no error:
/// the report says so.
pub fn estimate(model: &Model, request: &Request<'_>) -> Result<EstimateReport> {
    let chips = Chip::built_in();
    let largest = chips.iter().max_by_key(|chip| (chip.sram.size, chip.flash.size));
    let plan = lower(model, request.target, largest)?;
    let runner = Runner::load()?;
    let needs = runner.needs(&plan);
    let chip = match request.target {
        Target::One(chip) => chip,
        Target::All => chips
            .iter()
            .find(|chip| needs.on(chip).fits)
            .or(largest)
            .ok_or_else(|| Failure::new(Code::Internal, "no chips are built in"))?,
    };
    let mut report = EstimateReport {
        schema: SCHEMA,
        tool: Tool::THIS,
        what_if_chip: chip.is_virtual,
        chip: ChipSummary::of(chip),
        model: ModelSummary::of(model),
        operators: operators(model),
        arena: plan.arena.clone(),
        firmware: FirmwareSummary::of(&runner.image),
        fit: needs.on(chip),
        input: None,
        clock: None,
        timing_model: None,
        outcome: OutcomeSummary::new("finished", None, "the model ran"),
        totals: None,
        cycles_by_cause: None,
        inference: None,
        samples: None,
        cycles_per_mac: None,
        memory: None,
        outputs: Vec::new(),
        chips: Vec::new(),
        smallest: None,
        best: None,
        advice: advice::of_plan(model, &plan, &needs),
        findings: remarks(model),
    };
    let inputs = request.inputs.bytes(model, &plan)?;
    let expected = match (&request.expected, plan.outputs.first()) {
        (Some(path), Some(output)) => {
            let sample = if let Inputs::Files { sample, .. } = &request.inputs { *sample } else { 0 };
            Some(input::row(path, output, sample)?)
        }
        _ => None,
    };
    if report.fit.fits {
        let conditions = Conditions {
            fidelity: request.fidelity,
            limit: request.limit,
            clock: request.clock,
            overrides: request.overrides,
            plan_in_sram: false,
        };
        let measured = measure::measure(runner, chip, &plan, &inputs, &conditions)?;
        if request.advice && measured.finished() && request.clock.is_none() && request.overrides == Overrides::default() {
            let (plan, inputs, conditions, measured) = (&plan, inputs.as_slice(), &conditions, &measured);
            report.advice.extend(advice::of_runs(&advice::Base { model, chip, plan, inputs, conditions, measured })?);
        }
        report.fill(measured, request, expected.as_deref());
    } else {
        report.findings.extend(report.fit.findings(&model.name, chip));
        let reason = report.findings.iter().find(|finding| finding.code.entry().exit == Exit::DoesNotFit);
        report.outcome = OutcomeSummary::new("does-not-fit", reason, "");
    }
    let needs = report.fit.needs;
    report.chips = chips
        .iter()
        .map(|chip| {
            let fit = needs.on(chip);
            ChipRow {
                name: chip.name.clone(),
                flash_bytes: chip.flash.size.0,
                sram_bytes: chip.sram.size.0,
                fits: fit.fits,
                flash_short: fit.flash.short,
                sram_short: fit.sram.short,
            }
        })
        .collect();
    report.smallest = report.chips.iter().find(|row| row.fits).map(|row| row.name.clone());
    report.best = advice::best(&report.chips, &needs);
    report.advice.extend(advice::of_chips(report.smallest.as_deref(), report.best.as_deref()));
    Ok(report)
}

/// What the file leaves open. A batch of any size is usual, and one is what an estimate means.
fn remarks(model: &Model) -> Vec<Finding> {
    let mut findings = Vec::new();
    for tensor in model.inputs.iter().filter_map(|&input| model.tensors.get(input)) {
        let open: Vec<String> = tensor.open.iter().filter(|&&d| d > 0).map(usize::to_string).collect();
        if !open.is_empty() {
            let message = format!(
                "{}: its input {} of shape {} leaves dimension {} open; the estimate is of that shape",
                model.name,
                tensor.name,
                tensor.shape_text(),
                open.join(", ")
            );
            findings.push(Finding::new(Code::OpenShape, message));
        }
    }
    if model.further_graphs() > 0 {
        let message = format!("{}: it has {} graphs; the estimate is of the first", model.name, model.subgraphs);
        findings.push(Finding::new(Code::MoreGraphs, message));
    }
    findings
}

impl EstimateReport {
    fn fill(&mut self, measured: Measured, request: &Request<'_>, expected: Option<&[u8]>) {
        self.input = Some(request.inputs.summary());
        self.clock = Some(measured.clock);
        self.timing_model = Some(measured.timing_model);
        self.totals = Some(measured.totals);
        self.cycles_by_cause = Some(measured.cycles_by_cause);
        self.memory = Some(measured.memory);
        self.inference = measured.inference;
        self.findings.extend(measured.findings);
        self.outputs = measured.outputs;
        self.fit.needs.stack = measured.stack.max(LEAST_STACK);
        self.fit.sram.needed = self.fit.needs.sram();
        let mut end = measured.end;
        if let (Some(inference), Some(expected)) = (&mut self.inference, expected) {
            let same = self.outputs.first().is_some_and(|output| output.agrees(expected));
            inference.matches_reference = Some(same);
            if !same && end.is_none() {
                end = Some(Finding::new(Code::ExpectationFailed, "the output differs from the one expected"));
            }
        }
        if let Some(inference) = &self.inference {
            let macs = self.model.macs;
            self.cycles_per_mac = (macs > 0).then(|| super::run::rounded(inference.cycles as f64 / macs as f64));
        }
        self.outcome = OutcomeSummary::new(measured.kind, end.as_ref(), "the model ran");
        self.findings.extend(end);
    }
}

impl ModelSummary {
    fn of(model: &Model) -> Self {
        Self {
            name: model.name.clone(),
            bytes: model.file_bytes().len() as u64,
            operators: model.operators.len(),
            parameters: model.parameters(),
            macs: model.total_macs(),
        }
    }
}

/// Weights beyond this are not lowered for a chip that cannot hold them: lowering copies them.
const LARGE: u64 = 16 << 20;

/// Lowers the model. Where that cannot be, the help adds what else stands in the way: custom operators, weights that the chip does not hold.
fn lower(model: &Model, target: Target<'_>, largest: Option<&Chip>) -> Result<Plan> {
    let chip = match target {
        Target::One(chip) => Some(chip),
        Target::All => largest,
    };
    let weights = constants(model);
    if let Some(chip) = chip.filter(|chip| weights > chip.flash.size.0.max(LARGE)) {
        return Err(too_large(&model.name, "has weights of", weights, chip.flash.size.0, &chip.name));
    }
    model.lower().map_err(|failure| {
        let mut finding = *failure.0;
        let custom: std::collections::BTreeSet<String> =
            model.operators.iter().filter(|op| matches!(op.code, OpCode::Custom(_))).map(|op| op.code.name()).collect();
        if !custom.is_empty() {
            let names: Vec<String> = custom.into_iter().collect();
            finding.help = format!(
                "{} The model has custom operators: {}. Those called Flex… only TensorFlow itself executes; an LSTM is free of them when \
                 it is exported with tf_keras and a fixed batch size of 1.",
                finding.help,
                names.join(", ")
            );
        }
        if let Some(chip) = chip.filter(|chip| weights > chip.flash.size.0) {
            finding.help = format!(
                "{} Besides, its weights alone take {} B; the {} has {} of flash.",
                finding.help,
                grouped(weights),
                chip.name,
                chip.flash.size
            );
        }
        Failure(Box::new(finding))
    })
}

/// Bytes of everything that operators read from the file, each tensor once.
fn constants(model: &Model) -> u64 {
    let read: std::collections::BTreeSet<usize> =
        model.operators.iter().flat_map(|operator| operator.inputs.iter().flatten().copied()).collect();
    let tensors = read.into_iter().filter_map(|index| model.tensors.get(index));
    tensors.filter(|tensor| tensor.is_constant()).fold(0, |sum: u64, tensor| sum.saturating_add(tensor.bytes()))
}
