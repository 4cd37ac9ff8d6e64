//! What it is: a data set through the device: every sample of a scenario, on as many machines as there are jobs, and what came of it.
//! Source: [`super::run`] for a single sample; [`super::rates`] for the rates.
//! Does not model: firmware whose answers depend on earlier inputs: each sample meets the chip as it was when it had booted.
//! Tested by: `tests/eval.rs` (TFLite Micro's outputs, scikit-learn's rates, single runs' cycles).

mod report;

use super::journal::Journal;
use super::run::{ClockSummary, LedgerRow, Limit, OutcomeSummary, ScenarioSummary, TimingModel, ending, place, raw_output};
use super::{ChipSummary, FirmwareSummary, SCHEMA, Tool};
use crate::chip::{Chip, Placement};
use crate::finding::{Code, Failure, Finding, Result};
use crate::firmware::Image;
use crate::machine::{Machine, Outcome, Overrides, Settings, Snapshot};
use crate::observe::inference::Watch;
use crate::scenario::{Host, Scenario};
use crate::timing::{Fidelity, MODEL_VERSION};
use crate::units::Hz;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

pub(super) use report::Station;
use report::summary;
pub use report::{EvalReport, EvalSummary, SampleResult, ShardTraces, Spread, Traces};

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
        let settings = Settings { fidelity: request.fidelity, overrides: request.overrides, check_reads: false };
        let mut machine = Machine::new(request.chip, placement, settings)?;
        request.scenario.world.apply(&mut machine)?;
        let watch = Watch::on(&mut machine, request.image);
        let mut host = Host::new(request.scenario, request.image)?;
        let outcome = machine.run_within(&mut host, request.limit.deadline())?;
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
        let outcome = self.machine.run_within(&mut host, self.request.limit.deadline())?;
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
