//! What it is: a model, and nothing else, becomes a report: does a chip hold it, and what does an inference cost there, by running it.
//! Source: the model compiler's plan, run by the built-in image [`runner`] on the emulated chip.
//! Does not model: what a user's own firmware adds; accuracy; a model that the runtime cannot execute is refused, not guessed at.
//! Tested by: `tests/estimate.rs` (outputs against TFLite Micro's).

mod input;
mod measure;
mod runner;
mod table;

pub use input::{InputSummary, Inputs, OutputTensor, Values};
pub use runner::{Fit, LEAST_STACK, Needs, Room};
pub use table::{survey_table, table};

use super::run::{Causes, ClockSummary, InferenceSummary, Limit, MemorySummary, OutcomeSummary, TimingModel, Totals};
use super::{ChipSummary, FirmwareSummary, SCHEMA, Tool};
use crate::chip::Chip;
use crate::finding::{Code, Exit, Failure, Finding, Result};
use crate::machine::Overrides;
use crate::model::{Model, Plan};
use crate::timing::Fidelity;
use crate::units::{Hz, grouped};
use measure::{Conditions, Measured};
use runner::Runner;
use serde::Serialize;
use std::path::{Path, PathBuf};

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
    /// The chip; with all of them, the smallest that holds the model, or the largest.
    pub chip: ChipSummary,
    /// The model.
    pub model: ModelSummary,
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

/// Something that would change the result, or sets it.
#[derive(Clone, Debug, Serialize)]
pub struct Advice {
    /// In a sentence with its numbers.
    pub text: String,
    /// `plan` or `run`: where the numbers come from.
    pub from: &'static str,
}

/// One file of a folder.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Surveyed {
    /// It is lowered: its report.
    Report(Box<EstimateReport>),
    /// It cannot be read or lowered.
    Refused(Refused),
}

/// A model without an estimate.
#[derive(Clone, Debug, Serialize)]
pub struct Refused {
    /// The file's name without folders.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Always of kind `refused`.
    pub outcome: OutcomeSummary,
    /// Why.
    pub findings: Vec<Finding>,
}

/// A folder of models.
#[derive(Clone, Debug, Serialize)]
pub struct Survey {
    /// Version of the schema.
    pub schema: u32,
    /// Who wrote it.
    pub tool: Tool,
    /// One entry for each .tflite, by name.
    pub runs: Vec<Surveyed>,
}

impl EstimateReport {
    /// The process's exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.outcome.code
    }
}

impl Survey {
    /// The process's exit code: 6 if any model does not fit, else the greatest of all.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let codes = self.runs.iter().map(|run| match run {
            Surveyed::Report(report) => report.outcome.code,
            Surveyed::Refused(refused) => refused.outcome.code,
        });
        codes.max().unwrap_or(Exit::Fine as u8)
    }
}

/// Reads the model in a file, as [`Model::read`] does, after a look at what the file is; `model.name` then has no folders.
///
/// # Errors
/// `file-unreadable` for folders and devices too; as [`Model::read`].
pub fn read(path: &Path) -> Result<Model> {
    let shown = path.display();
    let unreadable = |what: String| Failure::new(Code::FileUnreadable, what);
    let file = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => unreadable(format!("{shown} cannot be read: there is no such file")),
        _ => unreadable(format!("{shown} cannot be read: {error}")),
    })?;
    if file.is_dir() {
        return Err(unreadable(format!("{shown} is a folder, not a model")));
    }
    if !file.is_file() {
        return Err(unreadable(format!("{shown} cannot be read: it is a device or a pipe")));
    }
    for (ending, converter) in FOREIGN {
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(ending)) {
            let message = format!("{shown} is not a .tflite file, by its name");
            return Err(Finding::new(Code::BadModel, message).help(*converter).into());
        }
    }
    let mut model = Model::read(path)?;
    model.name = path.file_name().map_or_else(|| shown.to_string(), |name| name.to_string_lossy().into_owned());
    Ok(model)
}

/// Other formats by the file's ending, and the way from them.
const FOREIGN: &[(&str, &str)] = &[
    ("onnx", "Convert it: onnx2tf -i model.onnx -oiqt writes full-integer .tflite files."),
    ("h5", "Convert it in Python: tf.lite.TFLiteConverter.from_keras_model, with int8 quantisation."),
    ("keras", "Convert it in Python: tf.lite.TFLiteConverter.from_keras_model, with int8 quantisation."),
    ("pb", "Convert it in Python: tf.lite.TFLiteConverter.from_saved_model, with int8 quantisation."),
    ("pt", "Convert it in Python: ai_edge_torch, or torch.onnx.export and then onnx2tf."),
    ("pth", "Convert it in Python: ai_edge_torch, or torch.onnx.export and then onnx2tf."),
];

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
        chip: ChipSummary::of(chip),
        model: ModelSummary::of(model),
        firmware: FirmwareSummary::of(&runner.image),
        fit: needs.on(chip),
        input: None,
        clock: None,
        timing_model: None,
        outcome: OutcomeSummary::new("finished", None, "the model ran"),
        totals: None,
        cycles_by_cause: None,
        inference: None,
        cycles_per_mac: None,
        memory: None,
        outputs: Vec::new(),
        chips: Vec::new(),
        smallest: None,
        advice: plan_advice(model, &plan, &needs),
        findings: Vec::new(),
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
        };
        let measured = measure::measure(runner, chip, &plan, &inputs, &conditions)?;
        if request.advice && measured.finished() && request.clock.is_none() && request.overrides == Overrides::default() {
            report.advice.extend(clock_advice(chip, &plan, &inputs, &conditions, &measured)?);
        }
        report.fill(measured, request, expected.as_deref());
    } else {
        report.findings = report.fit.findings(&model.name, chip);
        report.outcome = OutcomeSummary::new("does-not-fit", report.findings.first(), "");
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
    Ok(report)
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
        self.findings = measured.findings;
        self.outputs = measured.outputs;
        self.fit.needs.stack = measured.stack.max(LEAST_STACK);
        self.fit.sram.needed = self.fit.needs.sram();
        let mut end = measured.end;
        if let (Some(inference), Some(expected)) = (&mut self.inference, expected) {
            let same = self.outputs.first().is_some_and(|output| output.bytes == expected);
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

/// Lowers the model. Where that cannot be, the help adds what its weights alone would need, if no chip that is asked for has it.
fn lower(model: &Model, target: Target<'_>, largest: Option<&Chip>) -> Result<Plan> {
    model.lower().map_err(|failure| {
        let mut finding = *failure.0;
        let chip = match target {
            Target::One(chip) => Some(chip),
            Target::All => largest,
        };
        let weights = constants(model);
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

/// What sets the needs, by the plan.
fn plan_advice(model: &Model, plan: &Plan, needs: &Needs) -> Vec<Advice> {
    let mut advice = Vec::new();
    if !plan.layers.is_empty() {
        advice.push(Advice {
            text: format!(
                "{} sets the peak of activations: {} B live at once, scratch included, in an arena of {} B",
                model.layer_name(plan.arena.peak_layer),
                grouped(u64::from(plan.arena.peak_live)),
                grouped(needs.arena)
            ),
            from: "plan",
        });
    }
    if let Some(layer) = plan.layers.iter().max_by_key(|layer| layer.plan_bytes).filter(|_| plan.layers.len() > 1) {
        advice.push(Advice {
            text: format!(
                "{} has the largest weights: {} of the model's {} B of flash",
                model.layer_name(layer.operator_index),
                grouped(u64::from(layer.plan_bytes)),
                grouped(needs.plan)
            ),
            from: "plan",
        });
    }
    advice
}

/// The highest clocks that need fewer wait states (PM0075, section 3.1).
const LOWER_CLOCKS: &[(Hz, u8)] = &[(Hz(48_000_000), 1), (Hz(24_000_000), 0)];

/// What waiting for flash costs, and what a lower clock with fewer wait states would change: each from a run.
fn clock_advice(chip: &Chip, plan: &Plan, inputs: &[Vec<u8>], conditions: &Conditions, at_72: &Measured) -> Result<Vec<Advice>> {
    let mut advice = Vec::new();
    let Some(base) = &at_72.inference else { return Ok(advice) };
    for (clock, wait_states) in LOWER_CLOCKS {
        let overrides = Overrides { wait_states: Some(*wait_states), ..conditions.overrides };
        let what_if = Conditions { clock: Some(*clock), overrides, ..*conditions };
        let run = measure::measure(Runner::load()?, chip, plan, inputs, &what_if)?;
        let Some(inference) = run.inference.filter(|_| run.kind == "finished") else { continue };
        let change = |new: f64, old: f64| if old > 0.0 { (new / old - 1.0) * 100.0 } else { 0.0 };
        let mut text = format!(
            "at {clock} with {wait_states} wait state{}: {:+.0} % cycles, {:+.0} % time ({})",
            if *wait_states == 1 { "" } else { "s" },
            change(inference.cycles as f64, base.cycles as f64),
            change(inference.latency_us, base.latency_us),
            super::table::time(inference.latency_us)
        );
        if let (Some(new), Some(old)) = (inference.energy_uj, base.energy_uj) {
            text.push_str(&format!(", {:+.0} % energy", change(new, old)));
        }
        advice.push(Advice { text, from: "run" });
    }
    Ok(advice)
}

/// Estimates every .tflite of a folder, in the order of their names.
///
/// # Errors
/// `file-unreadable`; `bad-usage` where the folder holds none. What is wrong with one model is in its entry.
pub fn survey(folder: &Path, request: &Request<'_>) -> Result<Survey> {
    let shown = folder.display();
    let unreadable = |error: std::io::Error| Failure::new(Code::FileUnreadable, format!("{shown} cannot be read: {error}"));
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tflite")) {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(Failure::new(Code::BadUsage, format!("{shown} holds no .tflite file")));
    }
    let runs = paths.iter().map(|path| match read(path).and_then(|model| estimate(&model, request)) {
        Ok(report) => Surveyed::Report(Box::new(report)),
        Err(failure) => {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let mut finding = *failure.0;
            // A report names no folders.
            finding.message = finding.message.replace(&path.display().to_string(), &name);
            Surveyed::Refused(Refused {
                name,
                bytes: std::fs::metadata(path).map_or(0, |file| file.len()),
                outcome: OutcomeSummary::new("refused", Some(&finding), ""),
                findings: vec![finding],
            })
        }
    });
    Ok(Survey { schema: SCHEMA, tool: Tool::THIS, runs: runs.collect() })
}
