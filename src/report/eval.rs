//! What it is: a data set through the device: every sample of a scenario, on as many machines as there are jobs, and what came of it.
//! Source: [`super::run`] for a single sample; [`super::metrics`] for the rates.
//! Does not model: firmware whose answers depend on earlier inputs: each sample meets the chip as it was when it had booted.
//! Tested by: `tests/eval.rs` (TFLite Micro's outputs, scikit-learn's rates, single runs' cycles).

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
use crate::timing::Fidelity;
use crate::units::{Cycles, Hz, grouped};
use serde::Serialize;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
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
    /// So many from the first on; all without.
    pub samples: Option<usize>,
    /// Of those, one part.
    pub shard: Option<Shard>,
}

/// One of several equal parts of a data set: every `count`-th sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
        Ok((first..samples).step_by(step).collect())
    }
}

/// The report of an evaluation. Field names are the contract's; a field that does not apply is absent.
#[derive(Clone, Debug, Serialize)]
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

/// The rates. A sample that got no answer counts as wrong and as not agreeing; the matrix and the rates by class are over the answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread<T> {
    /// The least.
    pub min: T,
    /// The mean; of integers, rounded.
    pub mean: T,
    /// The most.
    pub max: T,
}

/// What came of one sample.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SampleResult {
    /// Its index in the scenario.
    pub sample: usize,
    /// Its true class.
    pub expected: usize,
    /// The class that it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<usize>,
    /// What that was decided by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
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

/// Evaluates the request. `progress` is called once for each sample that is done, from any thread.
///
/// # Errors
/// What is wrong with the request: firmware that does not fit, has no output, or does not come as far as taking an input. A sample that
/// fails is no error: it is reported, and the others go on.
pub fn eval(request: &Request<'_>, progress: &(dyn Fn() + Sync)) -> Result<EvalReport> {
    let samples = request.selection.indices(request.scenario)?;
    let placement = request.chip.place(request.image)?;
    if request.image.symbols.by_name(&request.scenario.output_symbol).is_none() {
        let (image, symbol) = (&request.image.name, &request.scenario.output_symbol);
        let message = format!("{image} has no object '{symbol}', where scenario '{}' looks for outputs", request.scenario.name);
        return Err(Finding::new(Code::BadScenarioFile, message)
            .help("Keep the symbol in the firmware, or name the right one as output.symbol in a scenario file of your own.")
            .into());
    }
    let (boot, stations) = work(request, &placement, &samples, progress)?;
    Ok(report(request, &boot, stations))
}

/// What one job has done.
type Station = Vec<(SampleResult, Traces)>;

/// What a stretch of a run leaves behind beside its result.
#[derive(Clone, Debug, Default)]
struct Traces {
    unresolved: u64,
    findings: Vec<Finding>,
    ledger: BTreeMap<(String, String), u64>,
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
    progress: &(dyn Fn() + Sync),
) -> Result<(Boot, Station)> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let job = || {
        let done = (|| {
            let mut device = Device::boot(request, placement)?;
            let mut station = Station::new();
            while let Some(sample) = samples.get(next.fetch_add(1, Ordering::Relaxed))
                && !failed.load(Ordering::Relaxed)
            {
                station.push(device.measure(*sample)?);
                progress();
            }
            Ok((device.boot, station))
        })();
        failed.fetch_or(done.is_err(), Ordering::Relaxed);
        done
    };
    let jobs = request.jobs.get().min(samples.len());
    let outcomes: Vec<Result<(Boot, Station)>> = thread::scope(|scope| {
        let jobs: Vec<_> = (0..jobs).map(|_| scope.spawn(job)).collect();
        let lost = || Failure::new(Code::Internal, "a job of the evaluation came to grief");
        jobs.into_iter().map(|job| job.join().unwrap_or_else(|_| Err(lost()))).collect()
    });
    let mut boot = None;
    let mut all = Station::new();
    for outcome in outcomes {
        let (booted, station) = outcome?;
        boot.get_or_insert(booted);
        all.extend(station);
    }
    all.sort_by_key(|(result, _)| result.sample);
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
        let mut host = Host::new(&request.scenario.uart, request.scenario.model_id.as_deref());
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
        let failure = trouble(&outcome, &self.machine, image, &host, host.is_content() && host.results().is_some());
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
            if let Some(output) = raw_output(&self.machine, image, scenario) {
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
    let counted = machine.ledger().iter().map(|(key, count)| ((key.register.clone(), key.what.clone()), *count));
    Traces {
        unresolved: machine.unresolved(),
        findings: findings.skip(since.findings.len()).collect(),
        ledger: counted
            .map(|(key, count)| {
                let earlier = since.ledger.get(&key).copied().unwrap_or(0);
                (key, count.saturating_sub(earlier))
            })
            .filter(|(_, count)| *count > 0)
            .collect(),
    }
}

fn report(request: &Request<'_>, boot: &Boot, station: Station) -> EvalReport {
    let Boot { clock, traces: mut all } = boot.clone();
    let mut results = Vec::with_capacity(station.len());
    for (result, traces) in station {
        all.unresolved += traces.unresolved;
        for finding in traces.findings {
            if !all.findings.contains(&finding) {
                all.findings.push(finding);
            }
        }
        for (key, count) in traces.ledger {
            *all.ledger.entry(key).or_insert(0) += count;
        }
        results.push(result);
    }
    let eval = summary(request.scenario, &results, Hz(clock.hclk_hz));
    let finding = verdict(&results, &eval);
    let fine = "the device answered every sample as the reference does";
    let outcome = OutcomeSummary::new("finished", finding.as_ref(), fine);
    all.findings.extend(finding);
    EvalReport {
        schema: SCHEMA,
        tool: Tool::THIS,
        chip: ChipSummary::of(request.chip),
        firmware: FirmwareSummary::of(request.image),
        scenario: ScenarioSummary { name: request.scenario.name.clone(), sample: None },
        shard: request.selection.shard,
        timing_model: TimingModel::new(request.fidelity, all.unresolved, clock.flash_wait_states),
        clock,
        outcome,
        eval,
        results,
        findings: all.findings,
        not_modelled: all.ledger.into_iter().map(|((register, what), count)| LedgerRow { register, what, count }).collect(),
    }
}

fn summary(scenario: &Scenario, results: &[SampleResult], hclk: Hz) -> EvalSummary {
    let two_classes = scenario.classes.len() == 2;
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
    let confusion = metrics::confusion(&answers, scenario.classes.len());
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
        reference: scenario.reference.clone(),
        agreeing,
        agreement: metrics::ratio(agreeing, samples).unwrap_or(0.0),
        classes: metrics::by_class(&confusion, &scenario.classes),
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
