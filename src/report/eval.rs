//! What it is: a data set through the device: every sample of a scenario, on as many machines as there are jobs, and what came of it.
//! Source: [`super::run`] for a single sample; [`super::metrics`] for the rates.
//! Does not model: firmware whose answers depend on earlier inputs: each sample meets the chip as it was when it had booted.
//! Tested by: `tests/eval.rs` (TFLite Micro's outputs, scikit-learn's rates, single runs' cycles).

use super::journal::Journal;
use super::metrics::{self, Answer, ClassSummary};
use super::run::{
    ClockSummary, LedgerRow, Limit, OutcomeSummary, ScenarioSummary, TimingModel, ending, place, raw_output, rounded,
};
use super::{ChipSummary, FirmwareSummary, SCHEMA, Tool};
use crate::chip::{Chip, Placement};
use crate::finding::{Code, Failure, Finding, Result};
use crate::firmware::Image;
use crate::machine::{Machine, Outcome, Overrides, Settings, Snapshot};
use crate::observe::inference::Watch;
use crate::scenario::{Host, Reference, Scenario};
use crate::timing::{Fidelity, MODEL_VERSION};
use crate::units::{Cycles, Hz, grouped};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// What is to be evaluated.
#[derive(Debug)]
pub struct Request<'a> {
    /// On which chip.
    pub chip: &'a Chip,
    /// Which firmware.
    pub image: &'a Image,
    /// In which scenario.
    pub scenario: &'a Scenario,
    /// Which of its samples.
    pub selection: Selection,
    /// How many machines run at a time.
    pub jobs: NonZeroUsize,
    /// Price blocks from memory or anew.
    pub fidelity: Fidelity,
    /// When to give up on a sample; counted from reset, as for a single run.
    pub limit: Limit,
    /// What if the core ran at another clock.
    pub clock: Option<Hz>,
    /// What if flash had other settings.
    pub overrides: Overrides,
}

/// Some of a scenario's samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// So many, evenly spread over the set, the first among them; all without.
    pub samples: Option<usize>,
    /// Of those, one part.
    pub shard: Option<Shard>,
}

/// One of several equal parts of a data set: every `count`-th sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Shard {
    /// From 1.
    pub index: usize,
    /// How many parts there are.
    pub count: usize,
}

impl Selection {
    /// The indices of the selected samples of a scenario, ascending.
    ///
    /// # Errors
    /// `sample-out-of-range` when there are fewer; `bad-usage` for a shard without a sample.
    pub fn indices(self, scenario: &Scenario) -> Result<Vec<usize>> {
        let (name, all) = (&scenario.name, scenario.len());
        let samples = self.samples.unwrap_or(all);
        if samples > all {
            let message = format!("{samples} samples were asked for; scenario '{name}' has {all}");
            return Err(Finding::new(Code::SampleOutOfRange, message).help("Without --samples all are evaluated.").into());
        }
        let (first, step) = self.shard.map_or((0, 1), |shard| (shard.index.saturating_sub(1), shard.count.max(1)));
        if first >= samples {
            let message = format!("shard {}/{step} is empty: there are only {samples} samples", first + 1);
            return Err(Finding::new(Code::BadUsage, message).help("Use at most as many shards as there are samples.").into());
        }
        Ok((first..samples).step_by(step).map(|nth| spread(nth, samples, all)).collect())
    }
}

/// The index of the n-th of so many samples of a set. Sets are often sorted by class: the first ones would say nothing about the rest.
pub(super) fn spread(nth: usize, samples: usize, set: usize) -> usize {
    (nth as u128 * set as u128 / samples.max(1) as u128) as usize
}

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

impl EvalReport {
    /// The process's exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.outcome.code
    }
}

/// What goes on beside an evaluation.
#[derive(Clone, Copy)]
pub struct Beside<'a> {
    /// Is called once for each sample that is done, from any thread.
    pub progress: &'a (dyn Fn() + Sync),
    /// Where finished samples are kept.
    pub journal: Option<&'a Path>,
    /// Whether to stop before the next sample.
    pub stop: &'a AtomicBool,
}

/// Evaluates the request. `progress` is called once for each sample that is done, from any thread.
///
/// # Errors
/// What is wrong with the request: firmware that does not fit, has no output, or does not come as far as taking an input. A sample that
/// fails is no error: it is reported, and the others go on.
pub fn eval(request: &Request<'_>, progress: &(dyn Fn() + Sync)) -> Result<EvalReport> {
    let stop = AtomicBool::new(false);
    eval_beside(request, &Beside { progress, journal: None, stop: &stop }).map(|(report, _)| report)
}

/// The same, with a journal from which a killed evaluation continues; the caller removes it when the report is written.
///
/// # Errors
/// As [`eval`], and what is wrong with the journal.
pub fn eval_beside(request: &Request<'_>, beside: &Beside<'_>) -> Result<(EvalReport, Option<Journal>)> {
    let samples = request.selection.indices(request.scenario)?;
    let placement = request.chip.place(request.image)?;
    if request.image.symbols.by_name(&request.scenario.output_symbol).is_none() {
        let (image, symbol) = (&request.image.name, &request.scenario.output_symbol);
        let message = format!("{image} has no object '{symbol}', where scenario '{}' looks for outputs", request.scenario.name);
        return Err(Finding::new(Code::BadScenarioFile, message)
            .help("Keep the symbol in the firmware, or name the right one as output.symbol in a scenario file of your own.")
            .into());
    }
    let (journal, kept) = match beside.journal {
        Some(path) => {
            let (journal, pieces) = Journal::open(path, &identity(request))?;
            let damaged = || Failure::new(Code::BadJournal, format!("{} holds a sample that is none", path.display()));
            let station = pieces.into_values().map(|piece| serde_json::from_value::<Kept>(piece).map_err(|_| damaged()));
            (Some(journal), station.collect::<Result<Vec<Kept>>>()?)
        }
        None => (None, Vec::new()),
    };
    let done: BTreeSet<usize> = kept.iter().map(|kept| kept.result.sample).collect();
    let todo: Vec<usize> = samples.iter().copied().filter(|sample| !done.contains(sample)).collect();
    let (boot, mut station) = work(request, &placement, &todo, beside, journal.as_ref())?;
    station.extend(kept.into_iter().map(|kept| (kept.result, kept.traces)));
    station.sort_by_key(|(result, _)| result.sample);
    let mut report = report(request, &boot, station);
    report.missing = samples.len().saturating_sub(report.results.len());
    Ok((report, journal))
}

/// A finished sample as it lies in a journal.
#[derive(Deserialize, Serialize)]
struct Kept {
    result: SampleResult,
    traces: Traces,
}

/// What makes two evaluations the same: every input and every option that a result depends on.
fn identity(request: &Request<'_>) -> String {
    let mut hash = Sha256::new();
    let Request { chip, image, scenario, selection, fidelity, limit, clock, overrides, .. } = request;
    hash.update(format!("{:?} {MODEL_VERSION} {chip:?} {} {selection:?} {fidelity:?}", Tool::THIS, image.sha256));
    hash.update(format!("{limit:?} {clock:?} {overrides:?} {} {:?}", scenario.name, scenario.decision));
    hash.update(scenario.samples.bytes());
    hash.update(&scenario.labels);
    hash.update(scenario.goldens.bytes());
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What one job has done.
pub(super) type Station = Vec<(SampleResult, Traces)>;

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
    fn count(&self, register: &str, what: &str) -> u64 {
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

/// The chip when it has booted: the same for every job.
#[derive(Clone, Debug)]
struct Boot {
    clock: ClockSummary,
    traces: Traces,
}

/// Lets the jobs take sample after sample. Results do not depend on which job takes which: every sample starts from the same state.
fn work(
    request: &Request<'_>,
    placement: &Placement,
    samples: &[usize],
    beside: &Beside<'_>,
    journal: Option<&Journal>,
) -> Result<(Boot, Station)> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let job = || {
        let done = (|| {
            let mut device = Device::boot(request, placement)?;
            let mut station = Station::new();
            while let Some(sample) = samples.get(next.fetch_add(1, Ordering::Relaxed))
                && !failed.load(Ordering::Relaxed)
                && !beside.stop.load(Ordering::Relaxed)
            {
                let (result, traces) = device.measure(*sample)?;
                let kept = Kept { result, traces };
                if let Some(journal) = journal {
                    let value = serde_json::to_value(&kept)
                        .map_err(|error| Failure::new(Code::Internal, format!("a sample cannot be written as JSON: {error}")))?;
                    journal.add(*sample, &value)?;
                }
                station.push((kept.result, kept.traces));
                (beside.progress)();
            }
            Ok((device.boot, station))
        })();
        failed.fetch_or(done.is_err(), Ordering::Relaxed);
        done
    };
    // Even without a sample left, one boots: what start-up leaves behind is part of the report.
    let jobs = request.jobs.get().min(samples.len()).max(1);
    let outcomes: Vec<Result<(Boot, Station)>> = thread::scope(|scope| {
        let jobs: Vec<_> = (0..jobs).map(|_| scope.spawn(job)).collect();
        let lost = || Failure::new(Code::Internal, "a job of the evaluation came to grief");
        jobs.into_iter().map(|job| job.join().unwrap_or_else(|_| Err(lost()))).collect()
    });
    let (mut boot, mut all) = (None, Station::new());
    for outcome in outcomes {
        let (booted, station) = outcome?;
        boot.get_or_insert(booted);
        all.extend(station);
    }
    boot.map(|boot| (boot, all)).ok_or_else(|| Failure::new(Code::Internal, "an evaluation without a job"))
}

/// A machine whose firmware has booted and waits for an input.
struct Device<'a> {
    request: &'a Request<'a>,
    machine: Machine,
    watch: Watch,
    host: Host,
    booted: Snapshot,
    boot: Boot,
}

impl<'a> Device<'a> {
    fn boot(request: &'a Request<'a>, placement: &Placement) -> Result<Self> {
        let settings = Settings { fidelity: request.fidelity, overrides: request.overrides };
        let mut machine = Machine::new(request.chip, placement, settings)?;
        request.scenario.world.apply(&mut machine)?;
        let watch = Watch::on(&mut machine, request.image);
        let mut host = Host::new(request.scenario, request.image)?;
        let outcome = machine.run(&mut host, request.limit.tick())?;
        if let Some(finding) = trouble(&outcome, &machine, request.image, &host, host.is_content()) {
            return Err(finding.into());
        }
        let booted = machine.snapshot()?;
        let clock = ClockSummary::of(&machine, request.clock, request.overrides);
        let traces = traces(&machine, request.image, &Traces::default());
        Ok(Self { request, machine, watch, host, booted, boot: Boot { clock, traces } })
    }

    /// Gives the booted firmware one sample.
    fn measure(&mut self, sample: usize) -> Result<(SampleResult, Traces)> {
        let (scenario, image) = (self.request.scenario, self.request.image);
        let (input, expected) = scenario.sample(sample)?;
        self.machine.rewind(&self.booted)?;
        let before = (self.machine.marks().len(), self.machine.unresolved());
        let mut host = self.host.clone();
        host.load(&input);
        let outcome = self.machine.run(&mut host, self.request.limit.tick())?;
        let failure = trouble(&outcome, &self.machine, image, &host, host.is_content() && host.has_answer());
        let mut result = SampleResult {
            sample,
            expected: usize::from(expected),
            label: None,
            scores: Vec::new(),
            matches_reference: None,
            instructions: None,
            cycles: None,
            failure,
        };
        if result.failure.is_none() {
            if let Some(output) = raw_output(&self.machine, image, scenario, &host) {
                let verdict = scenario.decision.judge((&scenario.samples, &input), (&scenario.goldens, &output));
                result.label = Some(verdict.label);
                result.scores = verdict.scores;
                result.matches_reference = scenario.matches_reference(sample, &output);
            }
            let inferences = self.watch.inferences(self.machine.marks().get(before.0..).unwrap_or_default());
            let span = inferences.last().map(|inference| inference.span);
            result.instructions = span.map(|span| span.instructions);
            result.cycles = span.map(|span| span.cycles.0);
        }
        let mut traces = traces(&self.machine, image, &self.boot.traces);
        traces.unresolved = self.machine.unresolved() - before.1;
        Ok((result, traces))
    }
}

/// Why a stretch of a run is of no use; nothing when the host has what it wanted.
fn trouble(outcome: &Outcome, machine: &Machine, image: &Image, host: &Host, content: bool) -> Option<Finding> {
    let ending = ending(outcome, machine, image).1;
    if matches!(outcome, Outcome::Fault { .. }) || (ending.is_none() && content) {
        return ending;
    }
    let stalled = host.stalled().help("stm32sim run with this scenario and sample shows how far the dialogue came.");
    Some(match ending {
        Some(ending) => {
            Finding { message: format!("{}: {}", stalled.message, ending.message), location: ending.location, ..stalled }
        }
        None => stalled,
    })
}

/// What the machine has recorded beyond what it had `since` then.
fn traces(machine: &Machine, image: &Image, since: &Traces) -> Traces {
    let findings = machine.findings().iter().map(|(finding, pc)| finding.clone().at(place(image, *pc)));
    let rows = machine.ledger().iter().map(|(key, count)| LedgerRow {
        register: key.register.clone(),
        what: key.what.clone(),
        count: count.saturating_sub(since.count(&key.register, &key.what)),
    });
    Traces {
        unresolved: machine.unresolved(),
        findings: findings.skip(since.findings.len()).collect(),
        not_modelled: rows.filter(|row| row.count > 0).collect(),
    }
}

fn report(request: &Request<'_>, boot: &Boot, station: Station) -> EvalReport {
    let clock = boot.clock.clone();
    let shard_traces = request.selection.shard.map(|_| ShardTraces {
        selected: request.selection.samples.unwrap_or(request.scenario.len()),
        set: request.scenario.len(),
        boot: boot.traces.clone(),
        samples: station
            .iter()
            .filter(|(_, traces)| *traces != Traces::default())
            .map(|(result, traces)| (result.sample, traces.clone()))
            .collect(),
    });
    let mut report = EvalReport {
        schema: SCHEMA,
        tool: Tool::THIS,
        chip: ChipSummary::of(request.chip),
        firmware: FirmwareSummary::of(request.image),
        scenario: ScenarioSummary { name: request.scenario.name.clone(), sample: None },
        shard: request.selection.shard,
        shard_traces,
        missing: 0,
        timing_model: TimingModel::new(request.fidelity, 0, clock.flash_wait_states),
        clock,
        outcome: OutcomeSummary::new("finished", None, ""),
        eval: summary(&request.scenario.classes, &request.scenario.reference, &[], Hz(0)),
        results: Vec::new(),
        findings: Vec::new(),
        not_modelled: Vec::new(),
    };
    report.fill(&request.scenario.classes, &request.scenario.reference, &boot.traces, station);
    report
}

impl EvalReport {
    /// What follows from the samples, which are in ascending order.
    pub(super) fn fill(&mut self, classes: &[String], reference: &Reference, boot: &Traces, station: Station) {
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

fn summary(classes: &[String], reference: &Reference, results: &[SampleResult], hclk: Hz) -> EvalSummary {
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
    let confusion = metrics::confusion(&answers, classes.len());
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
        accuracy: metrics::ratio(correct, samples).unwrap_or(0.0),
        auc: metrics::auc(&answers),
        reference: reference.clone(),
        agreeing,
        agreement: metrics::ratio(agreeing, samples).unwrap_or(0.0),
        classes: metrics::by_class(&confusion, classes),
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
