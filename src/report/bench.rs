//! What it is: the results table of a benchmark: each scenario run and evaluated on its chip, and the verdicts on models beside them.
//! Source: [`super::run`] for costs (sample 0), [`super::eval`] for accuracy, [`super::fit`] for models that no built-in image carries.
//! Does not model: suites, sweeps and baselines; they are other commands' matter.
//! Tested by: `tests/bench.rs`.

use super::eval::{self, EvalSummary, Selection};
use super::fit::{ModelVerdict, Need, Rates, Yardstick};
use super::run::{Limit, OutcomeSummary, RunReport, ScenarioSummary, Stimulus};
use super::{ChipSummary, FirmwareSummary, SCHEMA, Tool};
use crate::chip::Chip;
use crate::finding::{Code, Exit, Finding, Result};
use crate::firmware::Image;
use crate::machine::Overrides;
use crate::scenario::Scenario;
use crate::timing::Fidelity;
use crate::units::Hz;
use serde::Serialize;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

/// How a benchmark is to be run.
pub struct Request<'a> {
    /// The scenarios, in the order of the table.
    pub scenarios: &'a [Scenario],
    /// Instead of each scenario's own chip.
    pub chip: Option<&'a Chip>,
    /// So many samples of each scenario, evenly spread; all without.
    pub samples: Option<usize>,
    /// A folder of models that get a verdict each.
    pub models: Option<&'a Path>,
    /// How many machines run at a time.
    pub jobs: NonZeroUsize,
    /// Price blocks from memory or anew.
    pub fidelity: Fidelity,
    /// When to give up on a sample.
    pub limit: Limit,
    /// What if the core ran at another clock.
    pub clock: Option<Hz>,
    /// What if flash had other settings, by the chip.
    pub overrides: &'a dyn Fn(&Chip) -> Overrides,
}

/// The report of a benchmark. Field names are the contract's.
#[derive(Clone, Debug, Serialize)]
pub struct BenchReport {
    /// Version of the schema.
    pub schema: u32,
    /// Who wrote it.
    pub tool: Tool,
    /// A report for each scenario.
    pub runs: Vec<BenchRun>,
    /// A verdict for each model of the folder, and for those known by their published sizes; absent without a folder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelVerdict>,
    /// By what the models that cannot run were judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models_basis: Option<Basis>,
}

/// By what the time of models that cannot run was estimated: measured in the same benchmark.
#[derive(Clone, Debug, Serialize)]
pub struct Basis {
    /// Cycles per multiply-accumulate, by operator.
    pub cycles_per_mac: BTreeMap<String, f64>,
    /// The core clock of estimates.
    pub hclk_hz: u32,
}

/// One scenario's row.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum BenchRun {
    /// It ran.
    Ran(Box<Ran>),
    /// The chip cannot hold the firmware.
    Refused(Box<Refused>),
}

/// A scenario that ran: the report of sample 0 and the rates over the samples.
#[derive(Clone, Debug, Serialize)]
pub struct Ran {
    /// The report of the run.
    #[serde(flatten)]
    pub report: RunReport,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelSummary>,
    /// The rates; absent when sample 0 already got no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eval: Option<EvalSummary>,
}

/// A scenario whose firmware the chip cannot hold.
#[derive(Clone, Debug, Serialize)]
pub struct Refused {
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
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelSummary>,
    /// Why.
    pub outcome: OutcomeSummary,
    /// Flash that the firmware needs.
    pub flash: Need,
    /// SRAM that its static data need.
    pub sram: Need,
    /// The refusal.
    pub findings: Vec<Finding>,
}

/// A scenario's model.
#[derive(Clone, Debug, Serialize)]
pub struct ModelSummary {
    /// The file's name.
    pub name: String,
    /// The file's size.
    pub bytes: u64,
    /// Multiply-accumulates of an inference.
    pub macs: u64,
    /// Measured; absent for a model without multiplications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cycles_per_mac: Option<f64>,
}

impl BenchReport {
    /// The process's exit code: the highest of the scenarios' rows. Verdicts on models are answers, not failures.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.runs.iter().map(BenchRun::exit_code).max().unwrap_or(Exit::Fine as u8)
    }
}

impl BenchRun {
    /// This row's exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            BenchRun::Ran(ran) => ran.report.outcome.code,
            BenchRun::Refused(refused) => refused.outcome.code,
        }
    }
}

/// Is told a scenario and its number of samples when its evaluation begins, then `None` for each sample done; from any thread.
pub type Progress<'a> = dyn Fn(Option<(&str, usize)>) + Sync + 'a;

/// Runs the benchmark.
///
/// # Errors
/// What is wrong with the request. What a scenario's firmware does, and what does not fit, is a row.
pub fn bench(request: &Request<'_>, progress: &Progress) -> Result<BenchReport> {
    let runs = request.scenarios.iter().map(|scenario| row(request, scenario, progress)).collect::<Result<Vec<BenchRun>>>()?;
    let (models, models_basis) = judge_models(request, &runs)?;
    Ok(BenchReport { schema: SCHEMA, tool: Tool::THIS, runs, models, models_basis })
}

fn row(request: &Request<'_>, scenario: &Scenario, progress: &Progress) -> Result<BenchRun> {
    let own;
    let chip = match request.chip {
        Some(chip) => chip,
        None => {
            own = Chip::find(&scenario.chip)?;
            &own
        }
    };
    let samples = request.samples.map_or(Samples::All, Samples::AtMost);
    let row = Row {
        chip,
        image: &scenario.image()?,
        scenario,
        sample: 0,
        samples,
        jobs: request.jobs,
        fidelity: request.fidelity,
        limit: request.limit,
        clock: request.clock,
        overrides: (request.overrides)(chip),
    };
    row.run(progress)
}

/// How many of a scenario's samples the rates are over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Samples {
    /// All that it has.
    #[default]
    All,
    /// So many, evenly spread, or all where it has fewer; none for costs alone.
    AtMost(usize),
}

/// What one row is made from.
#[derive(Debug)]
pub struct Row<'a> {
    /// On which chip.
    pub chip: &'a Chip,
    /// Which firmware.
    pub image: &'a Image,
    /// In which scenario.
    pub scenario: &'a Scenario,
    /// The sample whose costs are reported.
    pub sample: usize,
    /// What the rates are over.
    pub samples: Samples,
    /// How many machines run at a time.
    pub jobs: NonZeroUsize,
    /// Price blocks from memory or anew.
    pub fidelity: Fidelity,
    /// When to give up on a sample.
    pub limit: Limit,
    /// What if the core ran at another clock.
    pub clock: Option<Hz>,
    /// What if flash had other settings.
    pub overrides: Overrides,
}

impl Row<'_> {
    /// Runs it.
    ///
    /// # Errors
    /// What is wrong with the request. What the firmware does, and what does not fit, is a row.
    pub fn run(&self, progress: &Progress) -> Result<BenchRun> {
        let Row { chip, image, scenario, overrides, .. } = *self;
        let macs = scenario.model()?.map_or(0, |model| model.total_macs());
        let mut model = scenario.model_file()?.map(|(name, bytes)| ModelSummary { name, bytes, macs, cycles_per_mac: None });
        if let Err(failure) = chip.place(image) {
            let does_not_fit = matches!(failure.0.code, Code::FlashOverflow | Code::SramOverflow);
            return if does_not_fit { refused(chip, image, scenario, model, *failure.0) } else { Err(failure) };
        }
        let mut report = super::run::run(&super::run::Request {
            chip,
            image,
            scenario: Some((scenario, Stimulus::Sample(self.sample))),
            world: crate::scenario::World::default(),
            fidelity: self.fidelity,
            limit: self.limit,
            clock: self.clock,
            overrides,
            check_reads: false,
        })?;
        let answered = report.inference.as_ref().is_some_and(|inference| inference.matches_reference.is_some());
        if let (Some(model), Some(inference)) = (&mut model, &report.inference) {
            model.cycles_per_mac = (model.macs > 0).then(|| inference.cycles as f64 / model.macs as f64);
        }
        let mut rates = None;
        if answered && report.outcome.kind == "finished" && self.samples != Samples::AtMost(0) {
            let samples = match self.samples {
                Samples::All => None,
                Samples::AtMost(most) => Some(most.min(scenario.len())),
            };
            let evaluation = eval::Request {
                chip,
                image,
                scenario,
                selection: Selection { samples, shard: None },
                jobs: self.jobs,
                fidelity: self.fidelity,
                limit: self.limit,
                clock: self.clock,
                overrides,
            };
            progress(Some((&scenario.name, evaluation.selection.indices(scenario)?.len())));
            let evaluated = eval::eval(&evaluation, &|| progress(None))?;
            // What the other samples brought to light counts as if it had happened in this run.
            if report.outcome.code == Exit::Fine as u8 {
                report.outcome = evaluated.outcome;
            }
            for finding in evaluated.findings {
                if !report.findings.contains(&finding) {
                    report.findings.push(finding);
                }
            }
            rates = Some(evaluated.eval);
        }
        Ok(BenchRun::Ran(Box::new(Ran { report, model, eval: rates })))
    }
}

fn refused(chip: &Chip, image: &Image, scenario: &Scenario, model: Option<ModelSummary>, finding: Finding) -> Result<BenchRun> {
    // How much it would need: on a chip that holds anything.
    let roomy = Chip::find("virtual:flash=64M,sram=16M")?.place(image)?;
    Ok(BenchRun::Refused(Box::new(Refused {
        schema: SCHEMA,
        tool: Tool::THIS,
        chip: ChipSummary::of(chip),
        firmware: FirmwareSummary::of(image),
        scenario: ScenarioSummary { name: scenario.name.clone(), sample: None },
        model,
        outcome: OutcomeSummary::new("does-not-fit", Some(&finding), ""),
        flash: Need::of(roomy.flash_used.0, chip.flash.size),
        sram: Need::of(roomy.sram_static.0, chip.sram.size),
        findings: vec![finding],
    })))
}

/// Judges the models of the folder, if there is one: by running them, and by what the scenarios and they show about those that cannot run.
fn judge_models(request: &Request<'_>, runs: &[BenchRun]) -> Result<(Vec<ModelVerdict>, Option<Basis>)> {
    let Some(folder) = request.models else { return Ok((Vec::new(), None)) };
    let mut rates = Rates::default();
    for (run, scenario) in runs.iter().zip(request.scenarios) {
        let BenchRun::Ran(ran) = run else { continue };
        let Some(inference) = &ran.report.inference else { continue };
        if let Some(model) = scenario.model()? {
            rates.add_inference(&model, inference);
        }
        if let Some(forest) = scenario.forest()? {
            rates.add_forest(forest.trees(), inference);
        }
    }
    let c8 = Chip::find("stm32f103c8")?;
    let mut yardstick = Yardstick {
        chip: request.chip,
        rates,
        // The clock that every F103 reaches, and all built-in images set.
        hclk: request.clock.unwrap_or(Hz(72_000_000)),
        fidelity: request.fidelity,
        limit: request.limit,
        clock: request.clock,
        overrides: (request.overrides)(request.chip.unwrap_or(&c8)),
    };
    let mut models = yardstick.judge_folder(folder)?;
    models.extend(yardstick.judge_published());
    let basis = Basis { cycles_per_mac: yardstick.rates.by_operator(), hclk_hz: yardstick.hclk.0 };
    Ok((models, Some(basis)))
}
