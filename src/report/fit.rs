//! What it is: the verdict on a model beside the scenarios: by running it where the runtime can and a chip holds it, else by what stands in the
//! way and what it would take.
//! Source: [`super::estimate`] for what runs; the file's tensors, and cycles per multiply-accumulate measured in the same benchmark, for the rest.
//! Does not model: code and scratch memory of what cannot be lowered: its needs are the least possible, and are called so.
//! Tested by: `tests/bench.rs` (published figures of the original benchmark's models).

use super::estimate::{self, EstimateReport, Inputs, Surveyed, Target};
use super::run::{InferenceSummary, Limit};
use super::table::time;
use crate::chip::Chip;
use crate::finding::{Finding, Result};
use crate::machine::Overrides;
use crate::model::ops::OpCode;
use crate::model::{Model, Operator, Type};
use crate::timing::Fidelity;
use crate::units::{Bytes, Cycles, Hz, grouped};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// In which numbers an operator multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Arithmetic {
    Int8,
    /// Int8 weights on float32.
    Hybrid,
    Float32,
}

/// What multiplies: an operator's name, and in which numbers.
type Work = (String, Arithmetic);

/// Cycles per multiply-accumulate, by operator and arithmetic, as measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rates {
    /// Cycles and multiply-accumulates.
    sums: BTreeMap<Work, (u64, u64)>,
    /// Cycles of a forest's inference, and its trees.
    forest: Option<(u64, u64)>,
}

impl Rates {
    /// Adds what an operator was measured to take; one without multiplications says nothing.
    fn add(&mut self, model: &Model, operator: &Operator, cycles: u64) {
        let (work, macs) = work(model, operator);
        if macs > 0 {
            let sum = self.sums.entry(work).or_insert((0, 0));
            *sum = (sum.0 + cycles, sum.1 + macs);
        }
    }

    /// Adds an inference's layers, which are the model's operators.
    pub fn add_inference(&mut self, model: &Model, inference: &InferenceSummary) {
        for layer in &inference.layers {
            if let Some(operator) = layer.index.and_then(|index| model.operators.get(index as usize)) {
                self.add(model, operator, layer.cycles);
            }
        }
    }

    /// Adds what a forest's inference was measured to take.
    pub fn add_forest(&mut self, trees: usize, inference: &InferenceSummary) {
        self.forest = Some((inference.cycles, trees as u64)).filter(|(_, trees)| *trees > 0);
    }

    /// The rate of everything that was measured: `CONV_2D`, `CONV_2D in float32`.
    #[must_use]
    pub fn by_operator(&self) -> BTreeMap<String, f64> {
        let name = |(operator, arithmetic): &Work| match arithmetic {
            Arithmetic::Int8 => operator.clone(),
            Arithmetic::Hybrid => format!("{operator} hybrid"),
            Arithmetic::Float32 => format!("{operator} in float32"),
        };
        self.sums.iter().map(|(work, (cycles, macs))| (name(work), *cycles as f64 / *macs as f64)).collect()
    }

    /// The cycles of so many multiply-accumulates of an operator; one that was not measured gets the rate of all in its arithmetic.
    fn cycles(&self, (operator, arithmetic): &Work, macs: u64) -> Option<f64> {
        let alike = self.sums.iter().filter(|(work, _)| work.1 == *arithmetic);
        let all = || alike.fold((0, 0), |all, (_, sum)| (all.0 + sum.0, all.1 + sum.1));
        let (cycles, of) = self.sums.get(&(operator.clone(), *arithmetic)).copied().unwrap_or_else(all);
        (of > 0).then(|| macs as f64 * cycles as f64 / of as f64)
    }

    /// What all of that takes; as if in int8 where its arithmetic was not measured. `None` when nothing multiplies, or nothing was measured.
    fn estimate(&self, macs: &[(Work, u64)], hclk: Hz) -> Option<Estimate> {
        let macs = || macs.iter().filter(|(_, macs)| *macs > 0);
        macs().next()?;
        let as_is: Option<f64> = macs().map(|(work, macs)| self.cycles(work, *macs)).sum();
        let in_int8 =
            || macs().map(|((operator, _), macs)| self.cycles(&(operator.clone(), Arithmetic::Int8), *macs)).sum::<Option<f64>>();
        let cycles = as_is.or_else(in_int8)?.round() as u64;
        let latency_us = super::run::rounded(hclk.micros(Cycles(cycles)));
        Some(Estimate { cycles, latency_us, as_int8: as_is.is_none() })
    }
}

/// What an operator is, in which numbers, and how often it multiplies.
fn work(model: &Model, operator: &Operator) -> (Work, u64) {
    let input = operator.input(0).and_then(|input| model.tensors.get(input));
    let weights = operator.input(1).and_then(|weights| model.tensors.get(weights));
    let is = |tensor: Option<&crate::model::Tensor>, ty: Type| tensor.is_some_and(|tensor| tensor.ty == ty);
    let arithmetic = match is(input, Type::Float32) {
        true if is(weights, Type::Int8) => Arithmetic::Hybrid,
        true => Arithmetic::Float32,
        false => Arithmetic::Int8,
    };
    ((operator.code.name(), arithmetic), model.macs(operator))
}

/// By what models are judged.
#[derive(Clone, Debug)]
pub struct Yardstick<'a> {
    /// On this chip; else on the smallest built-in one that holds the model, or the largest.
    pub chip: Option<&'a Chip>,
    /// For what cannot run.
    pub rates: Rates,
    /// The core clock of estimates.
    pub hclk: Hz,
    /// Price blocks from memory or anew.
    pub fidelity: Fidelity,
    /// When to give up on a model.
    pub limit: Limit,
    /// What if the core ran at another clock.
    pub clock: Option<Hz>,
    /// What if flash had other settings.
    pub overrides: Overrides,
}

/// The verdict on one model.
#[derive(Clone, Debug, Serialize)]
pub struct ModelVerdict {
    /// The file's name without folders.
    pub name: String,
    /// The file's size; of a model that is not at hand, its published size.
    pub bytes: u64,
    /// Multiply-accumulates of an inference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub macs: Option<u64>,
    /// The chip that the verdict is about.
    pub chip: String,
    /// Whether that chip holds it.
    pub fits: bool,
    /// Whether it ran there.
    pub ran: bool,
    /// Need of flash: of a model that could be lowered with the runner image around it, of others the least.
    pub flash: Need,
    /// Need of SRAM, likewise; absent where nothing is known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sram: Option<Need>,
    /// What an inference costs, where it ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inference: Option<Cost>,
    /// What one costs on a chip as large as it would take, where none is: measured, on a what-if chip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what_if: Option<Cost>,
    /// What one would take by the measured cycles per multiply-accumulate, where it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// The verdict in words.
    pub verdict: String,
    /// Why it cannot be read or lowered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsupported: Option<Finding>,
}

/// Need of a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// Bytes needed.
    pub needed: u64,
    /// How many of them the chip lacks.
    pub short: u64,
}

impl Need {
    /// Of so many bytes on a memory of that size.
    #[must_use]
    pub fn of(needed: u64, size: Bytes) -> Self {
        Self { needed, short: needed.saturating_sub(size.0) }
    }
}

/// What an inference costs, measured: [`super::estimate`] gives the rest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// Cycles.
    pub cycles: u64,
    /// Time.
    pub latency_us: f64,
    /// Cycles per multiply-accumulate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cycles_per_mac: Option<f64>,
    /// Energy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy_uj: Option<f64>,
}

/// What an inference would take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Cycles.
    pub cycles: u64,
    /// Time.
    pub latency_us: f64,
    /// Its own arithmetic was not measured: this is what it would take in int8.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub as_int8: bool,
}

/// What is known of a model that cannot run.
#[derive(Default)]
struct Facts {
    name: String,
    bytes: u64,
    /// Operators and multiply-accumulates; empty where they are not known.
    macs: Vec<(Work, u64)>,
    flash: u64,
    sram: Option<u64>,
    unsupported: Option<Finding>,
    /// The file is damaged or none of its kind.
    unsound: bool,
    /// It relies on what only a full interpreter does: control flow, custom operators.
    nowhere: bool,
    /// What is to be added to the verdict.
    note: &'static str,
}

impl Yardstick<'_> {
    /// Judges the models in a folder, in the order of their names.
    ///
    /// # Errors
    /// `file-unreadable` for the folder; `bad-usage` when it holds no .tflite. A file that is no sound model gets its row.
    pub fn judge_folder(&mut self, folder: &Path) -> Result<Vec<ModelVerdict>> {
        let request = estimate::Request {
            target: self.chip.map_or(Target::All, Target::One),
            inputs: Inputs::Random { seed: 1 },
            expected: None,
            advice: false,
            fidelity: self.fidelity,
            limit: self.limit,
            clock: self.clock,
            overrides: self.overrides,
        };
        let survey = estimate::survey(folder, &request, &|_, _| ())?;
        let mut what_ifs = BTreeMap::new();
        for entry in &survey.runs {
            let Surveyed::Report(report) = entry else { continue };
            let name = &report.model.name;
            let model = estimate::read(&folder.join(name))?;
            let what_if = if report.fit.fits { None } else { what_if(&model, report, &request)? };
            if let Some(inference) = what_if.as_deref().unwrap_or(report).inference.as_ref() {
                self.rates.add_inference(&model, inference);
            }
            what_ifs.extend(what_if.map(|what_if| (name.clone(), what_if)));
        }
        let judge = |entry: &Surveyed| match entry {
            Surveyed::Report(report) => of_report(report, what_ifs.get(&report.model.name).map(|what_if| &**what_if)),
            Surveyed::Refused(refused) => {
                let finding = refused.findings.first().cloned();
                let known = Facts { name: refused.name.clone(), bytes: refused.bytes, unsupported: finding, ..Facts::default() };
                self.judge(match estimate::read(&folder.join(&refused.name)) {
                    Ok(model) => of_model(&model, known),
                    Err(_) => Facts { unsound: true, flash: known.bytes, ..known },
                })
            }
        };
        Ok(survey.runs.iter().map(judge).collect())
    }

    /// The two models of the original benchmark that never were .tflite files, by what its authors published.
    #[must_use]
    pub fn judge_published(&self) -> Vec<ModelVerdict> {
        let facts = |&(name, bytes, macs, sram, note): &(&str, u64, u64, Option<u64>, &'static str)| Facts {
            name: name.to_owned(),
            bytes,
            macs: vec![(("FULLY_CONNECTED".to_owned(), Arithmetic::Int8), macs)],
            flash: bytes,
            sram,
            note,
            ..Facts::default()
        };
        let mut verdicts: Vec<ModelVerdict> = PUBLISHED.iter().map(|published| self.judge(facts(published))).collect();
        if let (Some(forest), Some((cycles, trees))) = (verdicts.first_mut(), self.rates.forest) {
            // Deeper trees take longer, by a step for each level.
            let cycles = cycles.saturating_mul(FOREST_TREES).div_ceil(trees);
            let latency_us = super::run::rounded(self.hclk.micros(Cycles(cycles)));
            forest.estimate = Some(Estimate { cycles, latency_us, as_int8: false });
        }
        verdicts
    }

    /// The verdict on what cannot run.
    fn judge(&self, facts: Facts) -> ModelVerdict {
        let chips = self.chip.map_or_else(Chip::built_in, |chip| vec![chip.clone()]);
        let needs = |chip: &Chip| (Need::of(facts.flash, chip.flash.size), facts.sram.map(|sram| Need::of(sram, chip.sram.size)));
        let holds = |chip: &&Chip| {
            let (flash, sram) = needs(chip);
            flash.short == 0 && sram.is_none_or(|sram| sram.short == 0)
        };
        let chosen = chips.iter().find(holds).or(chips.last());
        let fits = !facts.unsound && !facts.nowhere && chosen.is_some_and(|chip| holds(&chip));
        let (flash, sram) = chosen.map_or((Need { needed: facts.flash, short: 0 }, None), needs);
        let chip = chosen.map_or_else(String::new, |chip| chip.name.clone());
        let macs = facts.macs.iter().fold(0, |sum: u64, (_, macs)| sum.saturating_add(*macs));
        let mut verdict = match self.chip {
            _ if facts.unsound => "no sound model".to_owned(),
            _ if facts.nowhere => "runs on no microcontroller".to_owned(),
            _ if fits => format!("cannot run, though the {chip} may hold it"),
            Some(_) => format!("does not fit the {chip}"),
            None => format!("fits no F103, not even the {chip}"),
        };
        let short: Vec<String> = [("flash", Some(flash)), ("SRAM", sram)]
            .into_iter()
            .filter_map(|(memory, need)| Some((memory, need.filter(|need| need.short > 0)?)))
            .map(|(memory, need)| format!("{memory} short by {} B", grouped(need.short)))
            .collect();
        if !facts.unsound && !facts.nowhere && !short.is_empty() {
            verdict.push_str(&format!(": {}; cannot run either", short.join(", ")));
        }
        match &facts.unsupported {
            Some(finding) => {
                let said = finding.message.strip_prefix(&format!("{}: ", facts.name)).unwrap_or(&finding.message);
                verdict.push_str(&format!(": {}", said.trim_end_matches('.')));
            }
            None => verdict = verdict.replace("; cannot run either", ""),
        }
        verdict.push_str(facts.note);
        ModelVerdict {
            name: facts.name,
            bytes: facts.bytes,
            macs: (macs > 0).then_some(macs),
            chip,
            fits,
            ran: false,
            flash,
            sram,
            inference: None,
            what_if: None,
            estimate: self.rates.estimate(&facts.macs, self.hclk),
            verdict,
            unsupported: facts.unsupported,
        }
    }
}

/// Runs a model that no built-in chip holds, or not the one that was asked for, on a chip that is as large as it takes. `None` where it is
/// one of a user's choice that a built-in one could replace, or where even that does not help.
fn what_if(model: &Model, report: &EstimateReport, request: &estimate::Request<'_>) -> Result<Option<Box<EstimateReport>>> {
    if report.smallest.is_some() {
        return Ok(None);
    }
    let kib = |bytes: u64| bytes.div_ceil(1024).next_power_of_two();
    let spec = format!("virtual:flash={}K,sram={}K", kib(report.fit.flash.needed), kib(report.fit.sram.needed));
    let Ok(chip) = Chip::find(&spec) else { return Ok(None) };
    let roomy = estimate::estimate(model, &estimate::Request { target: Target::One(&chip), ..request.clone() })?;
    Ok(Some(Box::new(roomy)).filter(|report| report.outcome.kind == "finished"))
}

fn cost(report: &EstimateReport) -> Option<Cost> {
    let inference = report.inference.as_ref().filter(|_| report.outcome.kind == "finished")?;
    Some(Cost {
        cycles: inference.cycles,
        latency_us: inference.latency_us,
        cycles_per_mac: report.cycles_per_mac,
        energy_uj: inference.energy_uj,
    })
}

/// The verdict on what could be lowered: the estimate's, and what a larger chip would make of it.
fn of_report(report: &EstimateReport, what_if: Option<&EstimateReport>) -> ModelVerdict {
    let need = |room: &estimate::Room| Need { needed: room.needed, short: room.short.unwrap_or(0) };
    let ran = report.outcome.kind == "finished" && report.inference.is_some();
    let chip = &report.chip.name;
    let verdict = match (report.fit.fits, &report.smallest) {
        (true, _) if ran => format!("runs on the {chip}"),
        (true, _) => format!("{}: {}", report.outcome.kind, report.outcome.message),
        (false, Some(smallest)) => format!("does not fit the {chip}: {}; the {smallest} holds it", report.fit.short_text()),
        (false, None) => {
            let larger = what_if.and_then(|what_if| what_if.inference.as_ref()).map(|inference| {
                format!("; were there one with enough of both, an inference would take {}", time(inference.latency_us))
            });
            format!("fits no F103; of the {chip}, {}{}", report.fit.short_text(), larger.unwrap_or_default())
        }
    };
    ModelVerdict {
        name: report.model.name.clone(),
        bytes: report.model.bytes,
        macs: Some(report.model.macs),
        chip: chip.clone(),
        fits: report.fit.fits,
        ran,
        flash: need(&report.fit.flash),
        sram: Some(need(&report.fit.sram)),
        inference: cost(report).filter(|_| ran),
        what_if: what_if.and_then(cost),
        estimate: None,
        verdict,
        unsupported: None,
    }
}

/// What a sound file says of a model that cannot be lowered.
fn of_model(model: &Model, known: Facts) -> Facts {
    let least = model.footprint();
    // What lies in other subgraphs (the body of a loop) is not read, so nothing is known of the sum.
    let counted = if model.subgraphs > 1 { &[][..] } else { &model.operators };
    Facts {
        macs: counted.iter().map(|operator| work(model, operator)).collect(),
        flash: least.constants,
        sram: Some(least.live),
        nowhere: model.subgraphs > 1 || model.operators.iter().any(|operator| matches!(operator.code, OpCode::Custom(_))),
        ..known
    }
}

/// BERT-base: 12 layers of 768 features, 3 072 between, 28 tokens. Per layer and token four projections of 768 x 768 and two of 768 x 3 072;
/// per layer attention weights and their sum, 28 x 28 x 768 each (Devlin et al., 2019, and Vaswani et al., 2017).
const BERT_MACS: u64 = 12 * (28 * (4 * 768 * 768 + 2 * 768 * 3072) + 2 * 28 * 28 * 768);

/// The least SRAM of it, in int8: the inner product of a layer turns 28 x 768 activations into 28 x 3 072 while both live.
const BERT_SRAM: u64 = 28 * (768 + 3072);

/// Of the published forest.
const FOREST_TREES: u64 = 100;

/// Name, published bytes, multiply-accumulates in matrix products (0: none), least SRAM where it follows from the sizes, what else to say.
const PUBLISHED: &[(&str, u64, u64, Option<u64>, &str)] = &[
    (
        "random forest, 100 trees",
        16_000_000,
        0,
        None,
        " (16 MB, pickled by scikit-learn); scenario anomaly-forest is a forest that fits the stm32f103c8",
    ),
    (
        "ParsBERT, 12 x 768, 28 tokens",
        162_000_000,
        BERT_MACS,
        Some(BERT_SRAM),
        " (162 MB); scenario emotion is a model for the same task that fits the stm32f103c8",
    ),
];
