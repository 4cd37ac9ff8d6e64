//! What it is: the report of an evaluation, and what follows from its samples: rates, ranges, the verdict.
//! Source: the project's report contract, schema 1; [`super::super::rates`] for the rates.
//! Does not model: running anything.
//! Tested by: `tests/eval.rs`, `tests/campaign.rs` (parts merged).

use super::Shard;
use crate::finding::{Code, Finding};
use crate::report::rates::{self, Answer, ClassSummary};
use crate::report::run::{ClockSummary, LedgerRow, OutcomeSummary, ScenarioSummary, TimingModel, rounded};
use crate::report::{ChipSummary, FirmwareSummary, Tool};
use crate::scenario::Reference;
use crate::units::{Cycles, Hz, grouped};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The report of an evaluation. Field names are the contract's; a field that does not apply is absent.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct EvalReport {
    /// Version of the schema.
    pub schema: u32,
    /// Who wrote it.
    pub tool: Tool,
    /// The chip.
    pub chip: ChipSummary,
    /// The firmware.
    pub firmware: FirmwareSummary,
    /// The scenario.
    pub scenario: ScenarioSummary,
    /// Which part of the samples, if only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// What each sample of a part left behind beside its result: what a merge must count once, and attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard_traces: Option<ShardTraces>,
    /// How many samples were not run because the user stopped it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missing: usize,
    /// Clocks and flash settings after boot.
    pub clock: ClockSummary,
    /// How cycles were counted.
    pub timing_model: TimingModel,
    /// How it ended.
    pub outcome: OutcomeSummary,
    /// The rates.
    pub eval: EvalSummary,
    /// Sample by sample.
    pub results: Vec<SampleResult>,
    /// What a user should know.
    pub findings: Vec<Finding>,
    /// What the firmware used that is not modelled.
    pub not_modelled: Vec<LedgerRow>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// What a part is a part of, and what the stretches of its work left behind.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct ShardTraces {
    /// How many samples all parts have together.
    pub selected: usize,
    /// How many the scenario has.
    pub set: usize,
    /// Start-up, which is the same for every part.
    pub boot: Traces,
    /// By sample, where anything was.
    pub samples: BTreeMap<usize, Traces>,
}

/// The rates. A sample that got no answer counts as wrong and as not agreeing; the matrix and the rates by class are over the answered.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct EvalSummary {
    /// How many samples.
    pub samples: u64,
    /// How many of them got no answer.
    pub failed: u64,
    /// How many got the true class.
    pub correct: u64,
    /// The same as a fraction.
    pub accuracy: f64,
    /// Area under the ROC curve, for two classes decided by one score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auc: Option<f64>,
    /// Whose outputs the reference's are, and how near is right.
    pub reference: Reference,
    /// How many raw outputs equal the reference's.
    pub agreeing: u64,
    /// The same as a fraction.
    pub agreement: f64,
    /// Class by class.
    pub classes: Vec<ClassSummary>,
    /// How often each true class (row) was given each class (column).
    pub confusion: Vec<Vec<u64>>,
    /// Cycles of an inference; absent where the firmware's inferences cannot be told apart from the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cycles: Option<Spread<u64>>,
    /// The same as time at the core clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<Spread<f64>>,
}

/// The range of a quantity over the samples.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Spread<T> {
    /// The least.
    pub min: T,
    /// The mean; of integers, rounded.
    pub mean: T,
    /// The most.
    pub max: T,
}

/// What came of one sample.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct SampleResult {
    /// Its index in the scenario.
    pub sample: usize,
    /// Its true class.
    pub expected: usize,
    /// The class that it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<usize>,
    /// What that was decided by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<f64>,
    /// Whether the raw output equals the reference's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches_reference: Option<bool>,
    /// Instructions of the inference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<u64>,
    /// Its cycles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cycles: Option<u64>,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Finding>,
}

/// What one job has done.
pub(in crate::report) type Station = Vec<(SampleResult, Traces)>;

/// What a stretch of a run leaves behind beside its result.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Traces {
    /// Operand values that could not be had and were assumed.
    pub unresolved: u64,
    /// What a user should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// What was used that is not modelled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_modelled: Vec<LedgerRow>,
}

impl Traces {
    /// How often that was used.
    pub(super) fn count(&self, register: &str, what: &str) -> u64 {
        let row = self.not_modelled.iter().find(|row| row.register == register && row.what == what);
        row.map_or(0, |row| row.count)
    }

    /// These and what came after them.
    fn add(&mut self, later: &Traces) {
        self.unresolved = self.unresolved.saturating_add(later.unresolved);
        for finding in &later.findings {
            if !self.findings.contains(finding) {
                self.findings.push(finding.clone());
            }
        }
        for row in &later.not_modelled {
            match self.not_modelled.iter_mut().find(|own| own.register == row.register && own.what == row.what) {
                Some(own) => own.count = own.count.saturating_add(row.count),
                None => self.not_modelled.push(row.clone()),
            }
        }
    }
}

impl EvalReport {
    /// The process's exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.outcome.code
    }

    /// What follows from the samples, which are in ascending order.
    pub(in crate::report) fn fill(&mut self, classes: &[String], reference: &Reference, boot: &Traces, station: Station) {
        let mut all = boot.clone();
        let mut results = Vec::with_capacity(station.len());
        for (result, traces) in station {
            all.add(&traces);
            results.push(result);
        }
        all.not_modelled.sort_by(|a, b| (&a.register, &a.what).cmp(&(&b.register, &b.what)));
        self.eval = summary(classes, reference, &results, Hz(self.clock.hclk_hz));
        let finding = verdict(&results, &self.eval);
        let fine = "the device answered every sample as the reference does";
        self.outcome = OutcomeSummary::new("finished", finding.as_ref(), fine);
        all.findings.extend(finding);
        self.timing_model.unresolved_operands = all.unresolved;
        self.findings = all.findings;
        self.not_modelled = all.not_modelled;
        self.results = results;
    }
}

/// The rates over samples.
pub(super) fn summary(classes: &[String], reference: &Reference, results: &[SampleResult], hclk: Hz) -> EvalSummary {
    let two_classes = classes.len() == 2;
    let answers: Vec<Answer> = results
        .iter()
        .filter_map(|result| {
            let score = match result.scores.as_slice() {
                [one] if two_classes => Some(*one),
                _ => None,
            };
            Some(Answer { expected: result.expected, given: result.label?, score })
        })
        .collect();
    let samples = results.len() as u64;
    let correct = answers.iter().filter(|answer| answer.given == answer.expected).count() as u64;
    let agreeing = results.iter().filter(|result| result.matches_reference == Some(true)).count() as u64;
    let confusion = rates::confusion(&answers, classes.len());
    let cycles: Vec<u64> = results.iter().filter_map(|result| result.cycles).collect();
    let micros = |cycles: f64| rounded(cycles * hclk.micros(Cycles(1)));
    let spread = |cycles: &[u64]| -> Option<(Spread<u64>, Spread<f64>)> {
        let (min, max) = (*cycles.iter().min()?, *cycles.iter().max()?);
        let mean = cycles.iter().map(|cycles| *cycles as f64).sum::<f64>() / cycles.len() as f64;
        let latency = Spread { min: micros(min as f64), mean: micros(mean), max: micros(max as f64) };
        Some((Spread { min, mean: mean.round() as u64, max }, latency))
    };
    let (cycles, latency_us) = spread(&cycles).unzip();
    EvalSummary {
        samples,
        failed: results.iter().filter(|result| result.failure.is_some()).count() as u64,
        correct,
        accuracy: rates::ratio(correct, samples).unwrap_or(0.0),
        auc: rates::auc(&answers),
        reference: reference.clone(),
        agreeing,
        agreement: rates::ratio(agreeing, samples).unwrap_or(0.0),
        classes: rates::by_class(&confusion, classes),
        confusion,
        cycles,
        latency_us,
    }
}

/// The finding that decides the exit code: the first sample without an answer, else the first whose output is not the reference's.
fn verdict(results: &[SampleResult], eval: &EvalSummary) -> Option<Finding> {
    let samples = grouped(eval.samples);
    let failed = results.iter().find_map(|result| result.failure.as_ref().map(|finding| (result.sample, finding)));
    if let Some((sample, finding)) = failed {
        let message =
            format!("{} of {samples} samples got no answer; sample {sample}: {}", grouped(eval.failed), finding.message);
        return Some(Finding { message, ..finding.clone() });
    }
    let differing = results.iter().find(|result| result.matches_reference != Some(true))?;
    let message = format!(
        "{} of {samples} outputs differ from the reference; the first is sample {}'s",
        grouped(eval.samples - eval.agreeing),
        differing.sample
    );
    let help = format!("stm32sim run --scenario NAME --sample {} shows that sample.", differing.sample);
    Some(Finding::new(Code::ExpectationFailed, message).help(help))
}
