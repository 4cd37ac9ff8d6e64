//! What it is: a run and its report: chip, firmware and scenario go in, [`RunReport`] comes out; every text output is a view of it.
//! Source: the project's report contract, schema 1; rows and parts sum to their totals.
//! Does not model: anything; it asks the machine and the observers.
//! Tested by: `tests/run.rs`.

mod ending;
mod energy;
mod inference;
mod summary;

pub(super) use ending::ending;
pub use ending::place;
pub use summary::{
    Causes, ClockSummary, EnergySummary, FlashSummary, HeapSummary, InferenceSummary, LayerSummary, LedgerRow, MemorySummary,
    ModeEnergy, OutcomeSummary, RunReport, ScenarioSummary, SramSummary, TimingModel, Totals, UartText,
};

use super::listening::ListeningSummary;
use super::{ChipSummary, FirmwareSummary, SCHEMA, Tool};
use crate::chip::{Chip, Placement};
use crate::finding::{Code, Finding, Result};
use crate::firmware::Image;
use crate::machine::heap::FailedAllocation;
use crate::machine::{Deadline, Machine, Outcome, Overrides, Settings, Touched, UnwrittenRead};
use crate::observe::inference::Watch;
use crate::observe::{memory, serial};
use crate::report::map::{By, Kind, MemoryMap};
use crate::report::profile::export::{Recording, Stretch};
use crate::report::profile::{self, Outside, Profile, function_bounds};
use crate::report::stack::StackBound;
use crate::scenario::{Host, Ports, Scenario, World, drive, vcd};
use crate::timing::{Cause, Details, Fidelity};
use crate::units::{Addr, Cycles, Hz, Tick, grouped};
use std::collections::BTreeMap;

/// What is to be run.
#[derive(Debug)]
pub struct Request<'a> {
    /// On which chip.
    pub chip: &'a Chip,
    /// Which firmware.
    pub image: &'a Image,
    /// In which scenario, with which sample or input of the user's own.
    pub scenario: Option<(&'a Scenario, Stimulus)>,
    /// What is connected to the chip's pins besides what the scenario says.
    pub world: World,
    /// Price blocks from memory or anew.
    pub fidelity: Fidelity,
    /// When to give up.
    pub limit: Limit,
    /// What if the core ran at another clock.
    pub clock: Option<Hz>,
    /// What if flash had other settings.
    pub overrides: Overrides,
    /// Note which bytes are read and written, and report loads of SRAM that nothing has written: slow, with the same cycles.
    pub check_reads: bool,
}

/// What is fed to the firmware.
#[derive(Clone, Debug)]
pub enum Stimulus {
    /// A sample of the scenario.
    Sample(usize),
    /// A user's own bytes.
    Input(Vec<u8>),
}

/// When a run gives up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// After so many cycles.
    Cycles(u64),
    /// After so many seconds of the chip's time, whatever its clock.
    Seconds(f64),
}

impl Limit {
    pub(super) fn deadline(self) -> Deadline {
        match self {
            Limit::Cycles(cycles) => Deadline::At(Tick(cycles)),
            Limit::Seconds(seconds) => Deadline::After((seconds * 1e9).min(1e18) as u64),
        }
    }
}

/// Runs the request and reports.
///
/// # Errors
/// What is wrong with the request: firmware that does not fit, a sample that is not there. What the firmware does is no error.
pub fn run(request: &Request<'_>) -> Result<RunReport> {
    run_driven(request, drive).map(|recorded| recorded.report)
}

/// As [`run`], but somebody else drives the machine: a debugger. Given are the host and the ports that the machine is connected to, and the limit.
///
/// # Errors
/// As [`run`], and what the driver says.
pub fn run_driven(
    request: &Request<'_>,
    drive: impl FnOnce(&mut Machine, &mut Option<Host>, &mut Ports, Deadline) -> Result<Outcome>,
) -> Result<Recorded> {
    observe(request, false, drive)
}

/// As [`run`], and says where the cycles went.
///
/// # Errors
/// As [`run`].
pub fn profile(request: &Request<'_>) -> Result<Recorded> {
    observe(request, true, drive)
}

/// A run's report, and what its profile was made from.
pub struct Recorded {
    /// The report.
    pub report: RunReport,
    /// Instruction by instruction.
    pub details: Details,
    /// What happened when.
    pub timeline: Vec<Stretch>,
    /// Which bytes were read and written; with [`Request::check_reads`] only.
    pub touched: Option<Touched>,
    /// The recording of the wires as a Value Change Dump, if one was asked for.
    pub wires: Option<Vec<u8>>,
}

impl Recorded {
    /// What exports are made from; `None` of a run without a profile.
    #[must_use]
    pub fn recording<'a>(&'a self, image: &'a Image) -> Option<Recording<'a>> {
        let (profile, clock) = (self.report.profile.as_ref()?, Hz(self.report.clock.hclk_hz));
        Some(Recording { image, clock, profile, details: &self.details, timeline: &self.timeline })
    }
}

fn observe(
    request: &Request<'_>,
    in_detail: bool,
    drive: impl FnOnce(&mut Machine, &mut Option<Host>, &mut Ports, Deadline) -> Result<Outcome>,
) -> Result<Recorded> {
    let placement = request.chip.place(request.image)?;
    let settings = Settings { fidelity: request.fidelity, overrides: request.overrides, check_reads: request.check_reads };
    let mut machine = Machine::new(request.chip, &placement, settings)?;
    if let Some((scenario, _)) = &request.scenario {
        scenario.world.apply(&mut machine)?;
    }
    request.world.apply(&mut machine)?;
    let watch = Watch::on(&mut machine, request.image);
    machine.watch_heap(|name| request.image.symbols.by_name(name).map(|symbol| symbol.address.0));
    // Calls through pointers are what a run shows.
    machine.keep_details();
    if in_detail {
        machine.trace_calls(function_bounds(request.image));
    }
    let (mut host, input) = match &request.scenario {
        Some((scenario, stimulus)) => {
            let input = match stimulus {
                Stimulus::Sample(index) => scenario.sample(*index)?.0,
                Stimulus::Input(bytes) => bytes.clone(),
            };
            let mut host = Host::new(scenario, request.image)?;
            host.load(&input);
            if let Some(frame) = frame_function(&host, request.image) {
                machine.watch_function(frame);
            }
            (Some(host), input)
        }
        None => (None, Vec::new()),
    };
    let mut ports = request.world.wiring.open(&mut machine)?;
    let deadline = request.limit.deadline();
    let (ended, called) =
        request.world.injection.apply(&mut machine, request.image, (&mut host, &mut ports), deadline.latest())?;
    let outcome = match ended {
        Some(outcome) => outcome,
        None => drive(&mut machine, &mut host, &mut ports, deadline)?,
    };
    ports.finish(&mut machine)?;
    drop(ports);
    // Whoever calls functions does not want the scenario's answers.
    let host = host.as_ref().map(|host| (host, input.as_slice())).filter(|_| called.is_empty());
    let mut report = Report { request, placement: &placement, machine: &machine, watch: &watch }.make(&outcome, host)?;
    report.calls = called;
    let (details, mut timeline) = (machine.prices().details(), Vec::new());
    report.stack = StackBound::new(request.image, &placement, &details.passages);
    if in_detail {
        let outside = Outside { total: machine.prices().outside(), flash_busy: machine.prices().flash_busy() };
        let mut profile = Profile::new(request.image, &details, &outside, report.inference.as_ref());
        let mut episodes = Vec::new();
        if let Some(calls) = machine.calls() {
            profile = profile.with_calls(request.image, request.chip, calls);
            episodes = calls.episodes().to_vec();
        }
        timeline = profile::timeline(&machine, request.chip, &watch, report.inference.as_ref(), &episodes);
        report.profile = Some(profile);
    }
    let wires = request.world.vcd.is_some().then(|| vcd(&machine, &request.chip.name)).transpose()?;
    Ok(Recorded { report, details, timeline, touched: machine.memory().touched(), wires })
}

/// What a report is made from.
struct Report<'a> {
    request: &'a Request<'a>,
    placement: &'a Placement,
    machine: &'a Machine,
    watch: &'a Watch,
}

/// `1.25` of `1.2499`: enough digits for a latency, and the same on every machine.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

impl Report<'_> {
    /// The clock that times are given at.
    fn hclk(&self) -> Hz {
        Hz(ClockSummary::of(self.machine, self.request.clock, self.request.overrides).hclk_hz)
    }

    fn make(&self, outcome: &Outcome, host: Option<(&Host, &[u8])>) -> Result<RunReport> {
        let request = self.request;
        let (causes, instructions) = self.machine.prices().totals();
        let mut findings: Vec<Finding> =
            self.machine.findings().iter().map(|(finding, pc)| finding.clone().at(place(request.image, *pc))).collect();
        findings.extend(self.failed_allocations());
        findings.extend(self.unwritten_reads());
        let inference = self.inference(host)?;
        let outcome = self.outcome(outcome, host.map(|(host, _)| host), inference.as_ref(), &mut findings);
        let time_us = match request.clock {
            Some(clock) => clock.micros(Cycles(causes.total())),
            None => self.machine.micros(self.machine.now()),
        };
        Ok(RunReport {
            schema: SCHEMA,
            tool: Tool::THIS,
            chip: ChipSummary::of(request.chip),
            firmware: FirmwareSummary::of(request.image),
            scenario: request.scenario.as_ref().map(|(scenario, stimulus)| ScenarioSummary {
                name: scenario.name.clone(),
                sample: match stimulus {
                    Stimulus::Sample(index) => Some(*index),
                    Stimulus::Input(_) => None,
                },
            }),
            clock: ClockSummary::of(self.machine, request.clock, request.overrides),
            timing_model: TimingModel::new(request.fidelity, self.machine.unresolved(), self.machine.timing_config().wait_states),
            outcome,
            totals: Totals {
                instructions,
                cycles: causes.total(),
                sleep_cycles: causes.of(Cause::Sleep),
                time_us: rounded(time_us),
            },
            cycles_by_cause: Causes(causes),
            inference,
            listening: host.and_then(|(host, _)| self.listening(host)),
            memory: self.memory(),
            stack: None,
            energy: energy::energy(request.chip, self.machine, request.clock),
            uart: serial::texts(self.machine).into_iter().map(|(port, text)| UartText { port, text }).collect(),
            calls: Vec::new(),
            findings,
            not_modelled: self
                .machine
                .ledger()
                .iter()
                .map(|(key, count)| LedgerRow { register: key.register.clone(), what: key.what.clone(), count: *count })
                .collect(),
            profile: None,
        })
    }

    fn listening(&self, host: &Host) -> Option<ListeningSummary> {
        let frame = frame_function(host, self.request.image);
        ListeningSummary::of(self.request.chip, self.machine, self.watch, host.speaker()?, frame)
    }

    fn inference(&self, host: Option<(&Host, &[u8])>) -> Result<Option<InferenceSummary>> {
        let plan = match &self.request.scenario {
            Some((scenario, _)) => scenario.plan()?,
            None => None,
        };
        let summary = InferenceSummary::of(self.request.chip, self.machine, self.watch, self.hclk(), plan.as_ref());
        let Some(mut summary) = summary else { return Ok(None) };
        if let (Some((scenario, stimulus)), Some(host)) = (&self.request.scenario, host) {
            self.judge(&mut summary, scenario, stimulus, host);
        }
        Ok(Some(summary))
    }

    /// Compares the raw output with the reference and says what it means.
    fn judge(&self, summary: &mut InferenceSummary, scenario: &Scenario, stimulus: &Stimulus, (host, input): (&Host, &[u8])) {
        let Some(output) = raw_output(self.machine, self.request.image, scenario, host) else { return };
        let verdict = scenario.decision.judge((&scenario.samples, input), (&scenario.goldens, &output));
        let name = |label: usize| scenario.classes.get(label).cloned();
        summary.label_name = name(verdict.label);
        summary.label = Some(verdict.label);
        summary.scores = verdict.scores;
        if let Stimulus::Sample(index) = stimulus {
            summary.matches_reference = scenario.matches_reference(*index, &output);
            summary.reference = Some(scenario.reference.clone());
            summary.expected_name = scenario.labels.get(*index).and_then(|label| name(usize::from(*label)));
        }
    }

    fn memory(&self) -> MemorySummary {
        let (chip, image) = (self.request.chip, self.request.image);
        let map = MemoryMap::new(image, chip, self.placement, By::Symbol);
        let model: u64 = map.rows.iter().filter(|row| row.kind == Kind::Model).map(|row| row.size).sum();
        let used = self.placement.flash_used.0;
        let fixed = self.placement.sram_static.0;
        let static_end = static_end(image, chip, fixed);
        let sram = memory::sram_use(self.machine, image, (static_end, self.placement.initial_sp.0));
        MemorySummary {
            flash: FlashSummary {
                size: chip.flash.size.0,
                used,
                free: chip.flash.size.0.saturating_sub(used),
                model: (model > 0).then_some(model),
            },
            sram: SramSummary {
                size: chip.sram.size.0,
                fixed,
                arena: sram.arena.map(|(size, _)| size),
                arena_touched: sram.arena.map(|(_, touched)| touched),
                stack_peak: sram.stack_peak,
                heap_peak: sram.heap_peak,
                free: {
                    let stack = if sram.stack_within { 0 } else { sram.stack_peak };
                    chip.sram.size.0.saturating_sub(fixed + stack + sram.heap_peak.unwrap_or(0))
                },
            },
            heap: self.machine.heap().filter(|heap| heap.allocations + heap.failures > 0).map(|heap| HeapSummary {
                peak: heap.peak,
                live: heap.live,
                allocations: heap.allocations,
                frees: heap.frees,
                failures: heap.failures,
            }),
        }
    }

    /// Allocations that got nothing, by the place that asked.
    fn failed_allocations(&self) -> Vec<Finding> {
        let mut places: BTreeMap<u32, (FailedAllocation, u64)> = BTreeMap::new();
        for failed in self.machine.heap().map(|heap| heap.failed.as_slice()).unwrap_or_default() {
            places.entry(failed.returned_to).or_insert((*failed, 0)).1 += 1;
        }
        let finding = |(failed, times): &(FailedAllocation, u64)| {
            let again = if *times > 1 { format!(", and {} times more", times - 1) } else { String::new() };
            let (bytes, live) = (grouped(failed.bytes), grouped(failed.live));
            let message = format!("an allocation of {bytes} B got nothing while {live} B were allocated{again}");
            // The address behind the call is the next line's.
            Finding::new(Code::AllocationFailed, message).at(place(self.request.image, failed.returned_to.wrapping_sub(2)))
        };
        places.values().map(finding).collect()
    }

    /// Loads of SRAM that nothing had written, by instruction.
    fn unwritten_reads(&self) -> Vec<Finding> {
        const MOST: usize = 20;
        let image = self.request.image;
        let Some(touched) = self.machine.memory().touched() else { return Vec::new() };
        let reads = &touched.unwritten;
        let finding = |(pc, read): (&u32, &UnwrittenRead)| {
            let object = match image.symbols.at(Addr(read.address)) {
                Some((symbol, 0)) => format!(" ({})", symbol.name),
                Some((symbol, into)) => format!(" ({} + {into})", symbol.name),
                None => String::new(),
            };
            let times = if read.count == 1 { String::new() } else { format!(", {} times so or elsewhere", grouped(read.count)) };
            let message =
                format!("{} B at 0x{:08x}{object} were read before anything was written there{times}", read.bytes, read.address);
            Finding::new(Code::UninitialisedRead, message).at(place(image, *pc))
        };
        let mut findings: Vec<Finding> = reads.iter().take(MOST).map(finding).collect();
        if reads.len() > MOST {
            let message = format!("{} more instructions read what nothing had written", reads.len() - MOST);
            findings.push(Finding::new(Code::UninitialisedRead, message));
        }
        findings
    }

    /// How it ended, in a sentence and an exit code; adds the finding that says what to do.
    fn outcome(
        &self,
        outcome: &Outcome,
        host: Option<&Host>,
        inference: Option<&InferenceSummary>,
        findings: &mut Vec<Finding>,
    ) -> OutcomeSummary {
        let finished = matches!(outcome, Outcome::Finished);
        let (kind, mut finding) = ending(outcome, self.machine, self.request.image);
        if let Some(host) = host
            && (!finished || !host.has_answer())
            && !matches!(outcome, Outcome::Fault { .. })
        {
            findings.extend(finding.take());
            finding = Some(host.stalled());
        }
        let mismatch = inference.is_some_and(|inference| inference.matches_reference == Some(false));
        if finished && finding.is_none() && mismatch {
            finding = Some(Finding::new(Code::ExpectationFailed, "the output differs from the reference"));
        }
        let fine =
            if kind == "exit" { "the firmware ended itself with code 0" } else { "the firmware did what the scenario asked" };
        let summary = OutcomeSummary::new(kind, finding.as_ref(), fine);
        findings.extend(finding);
        summary
    }
}

/// The first address above the static data. Sections stand one behind the other, with gaps for alignment; what begins further up, as a stack
/// with a section of its own, is not among them.
fn static_end(image: &Image, chip: &Chip, fixed: u64) -> u32 {
    const GAP: u32 = 64;
    let base = chip.sram.base.0;
    let mut parts: Vec<(u32, u32)> =
        image.sections.iter().filter(|section| section.vma.0 >= base).map(|section| (section.vma.0, section.size)).collect();
    parts.sort_unstable();
    let behind = |end: u32, (start, size): &(u32, u32)| {
        if *start <= end.saturating_add(GAP) { end.max(start.saturating_add(*size)) } else { end }
    };
    let end = parts.iter().fold(base, behind);
    end.max(base.saturating_add(fixed as u32)).min(base.saturating_add(chip.sram.size.0 as u32))
}

/// The address of the function that makes a frame of features, where the firmware listens and has it.
fn frame_function(host: &Host, image: &Image) -> Option<u32> {
    let name = host.speaker()?.frame_function();
    image.symbols.by_name(name).map(|symbol| symbol.address.0 & !1)
}

/// The raw output that the answer was made from, or that the firmware holds; `None` where it has no object of the name that the scenario gives.
pub(super) fn raw_output(machine: &Machine, image: &Image, scenario: &Scenario, host: &Host) -> Option<Vec<u8>> {
    if let Some(output) = host.output() {
        return Some(output.to_vec());
    }
    let symbol = image.symbols.by_name(&scenario.output_symbol)?;
    machine.memory().read_vec(symbol.address.0, scenario.goldens.row_bytes())
}
