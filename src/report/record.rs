//! What it is: one result as it is kept and compared: what was run, under which conditions, what it cost. Read from any report.
//! Source: the project's report contract, schema 1, of which it takes the fields that can be compared.
//! Does not model: what is only for reading: serial output, scores, findings, memory maps.
//! Tested by: `tests/baseline.rs`.

use super::run::{ClockSummary, ScenarioSummary};
use super::{ChipSummary, FirmwareSummary, SCHEMA};
use crate::finding::{Code, Failure, Finding, Result};
use crate::units::Hz;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

/// No report that is compared is larger.
const MOST_BYTES: u64 = 1 << 30;

/// One result.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Record {
    /// The name that a suite gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Conditions that were given from outside, as `clock: 24MHz`; a sweep's coordinates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub point: BTreeMap<String, String>,
    /// The chip.
    pub chip: ChipSummary,
    /// The firmware.
    pub firmware: FirmwareSummary,
    /// The scenario; absent for firmware that ran alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<ScenarioSummary>,
    /// The model, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelName>,
    /// Clocks and flash settings; absent where nothing ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockSummary>,
    /// How cycles were counted; absent where nothing ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing_model: Option<Model>,
    /// How it ended.
    pub outcome: Outcome,
    /// The whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
    /// The inference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inference: Option<Inference>,
    /// What came of speaking to it, where the firmware listens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listening: Option<Listening>,
    /// Use of the memories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// Rates over the samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eval: Option<Eval>,
    /// Cycles by function, where a profile was taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<Function>,
}

/// What came of speaking to firmware that listens.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Listening {
    /// From the word's end to the label.
    pub latency_ms: f64,
    /// The firmware's features against the host's.
    pub features: Features,
    /// Before the first inference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listening: Option<Duty>,
    /// From one inference to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detecting: Option<Duty>,
}

/// Features against others.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Features {
    /// How many there are.
    pub count: u64,
    /// How many are equal.
    pub equal: u64,
}

/// How busy the core was.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Duty {
    /// The part of the time that it was awake, in percent.
    pub awake_percent: f64,
    /// Energy a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_mj_per_second: Option<f64>,
}

/// A model's name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ModelName {
    /// The file's name without folders.
    pub name: String,
}

/// Which timing model it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Outcome {
    /// The contract's word.
    pub kind: String,
    /// The exit code that it leads to.
    pub code: u8,
    /// In a sentence.
    pub message: String,
}

/// A whole run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Totals {
    /// Instructions executed.
    pub instructions: u64,
    /// Core cycles.
    pub cycles: u64,
}

/// One inference.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Inference {
    /// Instructions.
    pub instructions: u64,
    /// Cycles.
    pub cycles: u64,
    /// Its cycles by cause.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cycles_by_cause: BTreeMap<String, u64>,
    /// Time at the core clock.
    pub latency_us: f64,
    /// Energy, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_uj: Option<f64>,
    /// Layer by layer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Layer>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Layer {
    /// Its index; absent for what lies between layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// The operator.
    pub op: String,
    /// Its name in the model.
    pub name: String,
    /// Instructions.
    pub instructions: u64,
    /// Cycles.
    pub cycles: u64,
}

/// One function.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Cycles in itself.
    pub cycles: u64,
}

/// Use of the memories, in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Memory {
    /// Flash.
    pub flash: Flash,
    /// SRAM.
    pub sram: Sram,
}

/// Bytes of flash.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Flash {
    /// The program's.
    pub used: u64,
    /// The rest.
    pub free: u64,
    /// Of what is used, the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<u64>,
}

/// Bytes of SRAM.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Sram {
    /// Reserved at link time.
    #[serde(rename = "static")]
    pub fixed: u64,
    /// The tensor arena.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arena: Option<u64>,
    /// The stack at its deepest.
    pub stack_peak: u64,
    /// Never used.
    pub free: u64,
}

/// Rates over the samples.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Eval {
    /// How many samples.
    pub samples: u64,
    /// How many of them got the true class, as a fraction.
    pub accuracy: f64,
    /// Area under the ROC curve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auc: Option<f64>,
    /// How many outputs equal the reference's, as a fraction.
    pub agreement: f64,
    /// Cycles over the samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycles: Option<Spread>,
}

/// The range over the samples.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Spread {
    /// The least.
    pub min: u64,
    /// The mean.
    pub mean: u64,
    /// The most.
    pub max: u64,
}

impl Record {
    /// What was run, without the conditions: the suite's name for it, else the scenario's, the model's or the firmware's.
    #[must_use]
    pub fn subject(&self) -> String {
        let subject = self.name.as_ref().or(self.scenario.as_ref().map(|scenario| &scenario.name));
        let subject = subject.or(self.model.as_ref().map(|model| &model.name)).unwrap_or(&self.firmware.name).clone();
        match self.scenario.as_ref().and_then(|scenario| scenario.sample) {
            Some(sample) if sample > 0 => format!("{subject}#{sample}"),
            _ => subject,
        }
    }

    /// What two results must have in common to be compared: `anomaly@stm32f103c8` or `anomaly@stm32f103c8,clock=24MHz`.
    #[must_use]
    pub fn key(&self) -> String {
        let mut key = format!("{}@{}", self.subject(), self.chip.name);
        for (axis, value) in self.conditions().iter().filter(|(axis, _)| *axis != "chip" && *axis != "scenario") {
            key.push_str(&format!(",{axis}={value}"));
        }
        key
    }

    /// The conditions that were given from outside; those of a single run are taken from its clock.
    #[must_use]
    pub fn conditions(&self) -> BTreeMap<String, String> {
        match &self.clock {
            Some(clock) if self.point.is_empty() && clock.what_if => BTreeMap::from([
                ("clock".to_owned(), Hz(clock.hclk_hz).to_string().replace(' ', "")),
                ("wait-states".to_owned(), clock.flash_wait_states.to_string()),
                ("prefetch".to_owned(), if clock.prefetch { "on" } else { "off" }.to_owned()),
            ]),
            _ => self.point.clone(),
        }
    }

    /// SRAM in use at most, in bytes.
    #[must_use]
    pub fn sram_peak(&self) -> Option<u64> {
        self.memory.as_ref().map(|memory| memory.sram.fixed.saturating_add(memory.sram.stack_peak))
    }

    /// What kind of trouble a run that is not fine is in.
    #[must_use]
    pub fn trouble(&self) -> Code {
        match (self.outcome.kind.as_str(), self.outcome.code) {
            ("does-not-fit", _) => Code::FlashOverflow,
            (_, 5) => Code::FirmwareFault,
            (_, 3) => Code::LimitReached,
            _ => Code::ExpectationFailed,
        }
    }

    /// Whether it ran and did what it should.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.outcome.code == 0
    }
}

/// Short names of a run's layers, in their order: `conv1`, `dense2`; `[between layers]` keeps its own.
#[must_use]
pub fn layer_names(layers: &[Layer]) -> Vec<String> {
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    let name = |layer: &Layer| {
        if layer.index.is_none() {
            return layer.name.clone();
        }
        let short = match layer.op.as_str() {
            "CONV_2D" => "conv".to_owned(),
            "DEPTHWISE_CONV_2D" => "depthwise".to_owned(),
            "FULLY_CONNECTED" => "dense".to_owned(),
            "AVERAGE_POOL_2D" | "MAX_POOL_2D" => "pool".to_owned(),
            "UNIDIRECTIONAL_SEQUENCE_LSTM" => "lstm".to_owned(),
            "" | "?" => "layer".to_owned(),
            other => other.to_lowercase().replace('_', "-"),
        };
        let count = counted.entry(short.clone()).or_insert(0);
        *count += 1;
        format!("{short}{count}")
    };
    layers.iter().map(name).collect()
}

/// Results that were read from a file.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file, for messages.
    pub path: String,
    /// In the file's order; no two have the same key.
    pub records: Vec<Record>,
}

#[derive(Deserialize)]
struct Head {
    schema: Option<u64>,
    tool: Option<ToolName>,
    runs: Option<IgnoredAny>,
    shard: Option<IgnoredAny>,
    outcome: Option<IgnoredAny>,
    totals: Option<IgnoredAny>,
    inference: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct ToolName {
    name: String,
    version: String,
}

#[derive(Deserialize)]
struct Runs {
    runs: Vec<Record>,
}

impl Document {
    /// Reads a report of `run`, `estimate` or `bench`, or a baseline.
    ///
    /// # Errors
    /// `file-…` when it cannot be read; `bad-baseline` and `baseline-newer` when it is not what it should be.
    pub fn load(path: &Path) -> Result<Document> {
        Self::parse(&path.display().to_string(), &read_text(path)?)
    }

    /// Reads one from memory; `path` names it in messages.
    ///
    /// # Errors
    /// As [`Document::load`], except for reading.
    pub fn parse(path: &str, text: &str) -> Result<Document> {
        let head = head(path, text)?;
        if head.shard.is_some() {
            return Err(bad(format!("{path} is one part of a result"))
                .help("Join the parts first: stm32sim merge PART1 PART2 … -o ALL.json.")
                .into());
        }
        let records = if head.runs.is_some() {
            serde_json::from_str::<Runs>(text).map_err(|error| unlike(path, &error))?.runs
        } else if head.outcome.is_some() && (head.totals.is_some() || head.inference.is_some()) {
            vec![serde_json::from_str(text).map_err(|error| unlike(path, &error))?]
        } else {
            return Err(bad(format!("{path} is a report of this program, but of nothing that ran")).into());
        };
        let mut keys = BTreeSet::new();
        for record in &records {
            let key = record.key();
            if !keys.insert(key.clone()) {
                return Err(bad(format!("{path} has two rows for {key}"))
                    .help("Remove one, or give the suite's runs different names.")
                    .into());
            }
        }
        Ok(Document { path: path.to_owned(), records })
    }
}

/// A file's text, checked for what every report must be.
///
/// # Errors
/// `file-…` and `bad-baseline`.
pub fn read_text(path: &Path) -> Result<String> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| Failure::new(Code::FileUnreadable, format!("{shown} cannot be read: {error}"));
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Failure::new(Code::FileTooLarge, format!("{shown} has more than {MOST_BYTES} bytes")));
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Failure::new(Code::FileEmpty, format!("{shown} is empty")));
    }
    String::from_utf8(bytes).map_err(|_| bad(format!("{shown} is not text in UTF-8")).into())
}

fn head(path: &str, text: &str) -> Result<Head> {
    let head: Head = serde_json::from_str(text).map_err(|error| unlike(path, &error))?;
    let foreign = || bad(format!("{path} is JSON, but no report of stm32sim"));
    let (Some(schema), Some(tool)) = (head.schema, &head.tool) else { return Err(foreign().into()) };
    if tool.name != env!("CARGO_PKG_NAME") {
        return Err(foreign().into());
    }
    if schema > u64::from(SCHEMA) {
        let message = format!("{path} has schema {schema}, of stm32sim {}; this version reads up to {SCHEMA}", tool.version);
        return Err(Failure::new(Code::BaselineNewer, message));
    }
    Ok(head)
}

fn bad(message: String) -> Finding {
    Finding::new(Code::BadBaseline, message)
}

/// What serde found wrong, in our words.
fn unlike(path: &str, error: &serde_json::Error) -> Failure {
    let place = format!("line {}, column {}", error.line(), error.column());
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    if error.is_eof() {
        return bad(format!("{path} is cut short: it ends at {place} in the middle of something"))
            .help("The step that wrote or copied it did not finish; make it again.")
            .into();
    }
    bad(format!("{path}: {place}: {what}")).into()
}
