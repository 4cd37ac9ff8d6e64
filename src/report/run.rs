//! What it is: a run and its report: chip, firmware and scenario go in, [`RunReport`] comes out; every text output is a view of it.
//! Source: the project's report contract, schema 1; rows and parts sum to their totals.
//! Does not model: anything; it asks the machine and the observers.
//! Tested by: `tests/run.rs`.

mod fields;

use super::listening::ListeningSummary;
use super::{ChipSummary, FirmwareSummary, SCHEMA, Tool};
use crate::chip::{Chip, Placement};
use crate::finding::{Code, Exit, Finding, Result};
use crate::firmware::Image;
use crate::machine::semihosting::BKPT_AB;
use crate::machine::{Machine, Outcome, Overrides, Settings};
use crate::model::Plan;
use crate::observe::inference::{Inference, Watch};
use crate::observe::{energy, memory, serial};
use crate::report::map::{By, Kind, MemoryMap};
use crate::report::profile::export::{Recording, Stretch};
use crate::report::profile::{self, Outside, Profile, function_bounds};
use crate::scenario::{Host, Ports, Scenario, World, drive, vcd};
use crate::timing::{Cause, Details, Fidelity};
use crate::units::{Addr, Cycles, Hz, Tick};
pub use fields::*;

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
    /// After so many seconds of the chip's time, at 72 MHz.
    Seconds(f64),
}

impl Limit {
    pub(super) fn tick(self) -> Tick {
        match self {
            Limit::Cycles(cycles) => Tick(cycles),
            Limit::Seconds(seconds) => Tick((seconds * 72e6).min(1e18) as u64),
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
    drive: impl FnOnce(&mut Machine, &mut Option<Host>, &mut Ports, Tick) -> Result<Outcome>,
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
    /// A flag for each byte of SRAM: whether it no longer holds what it held at power-on.
    pub touched_sram: Vec<bool>,
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
    drive: impl FnOnce(&mut Machine, &mut Option<Host>, &mut Ports, Tick) -> Result<Outcome>,
) -> Result<Recorded> {
    let placement = request.chip.place(request.image)?;
    let settings = Settings { fidelity: request.fidelity, overrides: request.overrides };
    let mut machine = Machine::new(request.chip, &placement, settings)?;
    if let Some((scenario, _)) = &request.scenario {
        scenario.world.apply(&mut machine)?;
    }
    request.world.apply(&mut machine)?;
    let watch = Watch::on(&mut machine, request.image);
    if in_detail {
        machine.keep_details();
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
    let limit = request.limit.tick();
    let (ended, called) = request.world.injection.apply(&mut machine, request.image, (&mut host, &mut ports), limit)?;
    let outcome = match ended {
        Some(outcome) => outcome,
        None => drive(&mut machine, &mut host, &mut ports, limit)?,
    };
    ports.finish(&mut machine)?;
    drop(ports);
    // Whoever calls functions does not want the scenario's answers.
    let host = host.as_ref().map(|host| (host, input.as_slice())).filter(|_| called.is_empty());
    let mut report = Report { request, placement: &placement, machine: &machine, watch }.make(&outcome, host)?;
    report.calls = called;
    let (mut details, mut timeline) = (Details::default(), Vec::new());
    if in_detail {
        details = machine.prices().details();
        let outside = Outside { total: machine.prices().outside(), flash_busy: machine.prices().flash_busy() };
        let mut profile = Profile::new(request.image, &details, &outside, report.inference.as_ref());
        let mut episodes = Vec::new();
        if let Some(calls) = machine.calls() {
            profile = profile.with_calls(request.image, request.chip, calls);
            episodes = calls.episodes().to_vec();
        }
        timeline = profile::timeline(&machine, request.chip, watch, report.inference.as_ref(), &episodes);
        report.profile = Some(profile);
    }
    let wires = request.world.vcd.is_some().then(|| vcd(&machine, &request.chip.name)).transpose()?;
    Ok(Recorded { report, details, timeline, touched_sram: machine.touched_sram(), wires })
}

/// What a report is made from.
struct Report<'a> {
    request: &'a Request<'a>,
    placement: &'a Placement,
    machine: &'a Machine,
    watch: Watch,
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
        if let (Some((scenario, stimulus)), Some((host, input))) = (&self.request.scenario, host) {
            self.judge(&mut summary, scenario, stimulus, (host, input));
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
        let static_end = chip.sram.base.0.saturating_add(fixed as u32);
        let sram = memory::sram_use(self.machine, image, static_end, self.placement.initial_sp.0);
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
                free: chip.sram.size.0.saturating_sub(fixed).saturating_sub(sram.stack_peak),
            },
        }
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

impl InferenceSummary {
    /// Of a run's last inference; `None` where it made none. Layers get their names from the plan that the firmware executes.
    pub(super) fn of(chip: &Chip, machine: &Machine, watch: Watch, hclk: Hz, plan: Option<&Plan>) -> Option<Self> {
        let inferences = watch.inferences(machine.marks());
        let last = inferences.last()?;
        let enables = machine.clock_enables();
        let energy_uj = energy::microjoules(chip, hclk, enables, last.span.cycles).map(rounded);
        let mut layers = layers(last, plan, hclk);
        for layer in &mut layers {
            layer.energy_uj = energy::microjoules(chip, hclk, enables, Cycles(layer.cycles)).map(rounded);
        }
        let energy_assumes = energy::run_current_ma(chip, hclk, enables)
            .zip(chip.current.as_ref())
            .map(|(milliamperes, table)| format!("{milliamperes:.1} mA at {} mV, {hclk}: {}", table.millivolts, table.source));
        Some(Self {
            count: inferences.len() as u64,
            instructions: last.span.instructions,
            cycles: last.span.cycles.0,
            cycles_by_cause: Causes(last.span.causes),
            latency_us: rounded(hclk.micros(last.span.cycles)),
            label: None,
            label_name: None,
            expected_name: None,
            scores: Vec::new(),
            matches_reference: None,
            reference: None,
            energy_uj,
            energy_assumes: energy_uj.and(energy_assumes),
            layers,
            operators: plan.map_or_else(Vec::new, |plan| plan.layers.iter().map(|step| step.operator_index as u32).collect()),
        })
    }
}

/// One row for each of the model's operators that takes time, and one for what lies between them.
fn layers(inference: &Inference, plan: Option<&Plan>, hclk: Hz) -> Vec<LayerSummary> {
    let mut between = inference.span;
    let mut rows: Vec<LayerSummary> = Vec::new();
    for layer in &inference.layers {
        let planned = plan.and_then(|plan| plan.layers.get(layer.index as usize));
        between.cycles = between.cycles - layer.span.cycles;
        between.causes = between.causes.since(&layer.span.causes);
        between.instructions = between.instructions.saturating_sub(layer.span.instructions);
        let index = planned.and_then(|planned| u32::try_from(planned.operator_index).ok()).unwrap_or(layer.index);
        // An operator of several steps (PAD, CONCATENATION, hybrid layers) is one row, as it is one in the model.
        if let Some(row) = rows.last_mut().filter(|row| planned.is_some() && row.index == Some(index)) {
            row.instructions += layer.span.instructions;
            row.cycles += layer.span.cycles.0;
            row.cycles_by_cause.0.merge(&layer.span.causes);
            row.latency_us = rounded(hclk.micros(Cycles(row.cycles)));
            continue;
        }
        rows.push(LayerSummary {
            index: Some(index),
            op: planned.map_or_else(|| "?".to_owned(), |planned| planned.operator.clone()),
            name: planned.map_or_else(|| format!("layer {}", layer.index), |planned| shape(&planned.output_shape)),
            macs: planned.map(|planned| planned.macs),
            instructions: layer.span.instructions,
            cycles: layer.span.cycles.0,
            cycles_by_cause: Causes(layer.span.causes),
            latency_us: rounded(hclk.micros(layer.span.cycles)),
            energy_uj: None,
        });
    }
    if !rows.is_empty() {
        rows.push(LayerSummary {
            index: None,
            op: String::new(),
            name: "[between layers]".to_owned(),
            macs: None,
            instructions: between.instructions,
            cycles: between.cycles.0,
            cycles_by_cause: Causes(between.causes),
            latency_us: rounded(hclk.micros(between.cycles)),
            energy_uj: None,
        });
    }
    rows
}

impl OutcomeSummary {
    /// An end of that kind, with what is to be said of it; `fine` is the message where that is nothing.
    pub(super) fn new(kind: &'static str, finding: Option<&Finding>, fine: &str) -> Self {
        let message = match finding {
            Some(finding) => match &finding.location {
                Some(location) => format!("{} at {location}", finding.message),
                None => finding.message.clone(),
            },
            None => fine.to_owned(),
        };
        Self { kind, code: finding.map_or(Exit::Fine, |finding| finding.code.entry().exit) as u8, message }
    }
}

/// How a run ended: the contract's word, and what a user should know unless all is well.
pub(super) fn ending(outcome: &Outcome, machine: &Machine, image: &Image) -> (&'static str, Option<Finding>) {
    match outcome {
        Outcome::Finished => ("finished", None),
        Outcome::Fault { fault, pc, lockup } => {
            let how = if *lockup { "the core locked up" } else { fault.exception() };
            let message = format!("{how}: the firmware {}", fault.rule());
            let message = match fault {
                crate::machine::exceptions::Fault::PreciseBus(address) => format!("{message} (0x{address:08x})"),
                _ => message,
            };
            let finding = Finding::new(Code::FirmwareFault, message).at(place(image, *pc));
            let semihosting = machine.memory().read(*pc, 2) == Some(u32::from(BKPT_AB));
            let help = "This is a semihosting call, which only a debugger answers: --semihosting (docs/running.md).";
            ("fault", Some(if semihosting { finding.help(help) } else { finding }))
        }
        Outcome::Exit(0) => ("exit", None),
        Outcome::Exit(code) => {
            let message = format!("the firmware ended itself with code {}", code.cast_signed());
            ("exit", Some(Finding::new(Code::FirmwareExit, message)))
        }
        Outcome::Limit(pc) => {
            let message = format!("the limit of {} cycles was reached", crate::units::grouped(machine.now().0));
            ("limit", Some(Finding::new(Code::LimitReached, message).at(place(image, *pc))))
        }
        Outcome::Asleep(pc) => {
            let message = "the core sleeps and nothing that is enabled can wake it";
            ("asleep", Some(Finding::new(Code::AsleepForever, message).at(place(image, *pc))))
        }
    }
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

/// `1x41`.
fn shape(dimensions: &[u32]) -> String {
    dimensions.iter().map(u32::to_string).collect::<Vec<_>>().join("x")
}

/// Where an instruction stands: `main.c:12 in main, 0x08000123`.
pub fn place(image: &Image, pc: u32) -> String {
    let location = image.locate(image.linked_address(Addr(pc)));
    let line = match (&location.file, location.line) {
        (Some(file), Some(line)) => format!("{file}:{line} in "),
        (Some(file), None) => format!("{file} in "),
        _ => String::new(),
    };
    format!("{line}{}, {}", location.function, location.address)
}
