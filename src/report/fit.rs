//! What it is: the verdict on a model that no built-in image carries: can an F103 hold it, by how much not, can the runtime execute it.
//! Source: the model compiler ([`Model::lower`]) for what it can lower, the file's tensors for what it cannot; what an image takes beside its
//! model is that of the built-in images.
//! Does not model: the code of kernels that no built-in image has; the exact size is the linker's, once firmware is built.
//! Tested by: `tests/bench.rs` (published sizes of the original benchmark's models).

use crate::chip::Chip;
use crate::finding::{Code, Failure, Finding, Result};
use crate::model::ops::OpCode;
use crate::model::{Model, Operator, Type};
use crate::units::{Bytes, Cycles, Hz, grouped};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What firmware takes beside its model, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Overhead {
    /// Flash for code and constants.
    pub flash: u64,
    /// SRAM for everything but the arena, the stack's deepest point included.
    pub sram: u64,
}

/// What multiplies: an operator's name, and whether in floating point.
type Work = (String, bool);

/// Cycles per multiply-accumulate, by operator and arithmetic, as measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rates {
    /// Cycles and multiply-accumulates.
    sums: BTreeMap<Work, (u64, u64)>,
}

impl Rates {
    /// Adds what an operator of a model was measured to take; one without multiplications says nothing.
    pub fn add(&mut self, model: &Model, operator: &Operator, cycles: u64) {
        let (work, macs) = work(model, operator);
        if macs > 0 {
            let sum = self.sums.entry(work).or_insert((0, 0));
            *sum = (sum.0 + cycles, sum.1 + macs);
        }
    }

    /// The rate of everything that was measured: `CONV_2D`, `CONV_2D in float32`.
    #[must_use]
    pub fn by_operator(&self) -> BTreeMap<String, f64> {
        let name = |(operator, float): &Work| if *float { format!("{operator} in float32") } else { operator.clone() };
        self.sums.iter().map(|(work, (cycles, macs))| (name(work), *cycles as f64 / *macs as f64)).collect()
    }

    /// The cycles of so many multiply-accumulates of an operator; one that was not measured gets the rate of all in its arithmetic.
    fn cycles(&self, (operator, float): &Work, macs: u64) -> Option<f64> {
        let alike = self.sums.iter().filter(|(work, _)| work.1 == *float);
        let all = || alike.fold((0, 0), |all, (_, sum)| (all.0 + sum.0, all.1 + sum.1));
        let (cycles, of) = self.sums.get(&(operator.clone(), *float)).copied().unwrap_or_else(all);
        (of > 0).then(|| macs as f64 * cycles as f64 / of as f64)
    }

    /// What all of that takes; as if in int8 where its arithmetic was not measured. `None` when nothing multiplies, or nothing was measured.
    fn estimate(&self, macs: &[(Work, u64)], hclk: Hz) -> Option<Estimate> {
        let macs = || macs.iter().filter(|(_, macs)| *macs > 0);
        macs().next()?;
        let as_is: Option<f64> = macs().map(|(work, macs)| self.cycles(work, *macs)).sum();
        let in_int8 = || macs().map(|((operator, _), macs)| self.cycles(&(operator.clone(), false), *macs)).sum::<Option<f64>>();
        let cycles = as_is.or_else(in_int8)?.round() as u64;
        let latency_us = super::run::rounded(hclk.micros(Cycles(cycles)));
        Some(Estimate { cycles, latency_us, as_int8: as_is.is_none() })
    }
}

/// What an operator is, and how often it multiplies.
fn work(model: &Model, operator: &Operator) -> (Work, u64) {
    let input = operator.input(0).and_then(|input| model.tensors.get(input));
    let float = input.is_some_and(|tensor| tensor.ty == Type::Float32);
    ((operator.code.name(), float), model.macs(operator))
}

/// By what models are judged.
#[derive(Clone, Debug)]
pub struct Yardstick {
    /// The chips to try, in order; if none holds the model, the verdict is about the last.
    pub chips: Vec<Chip>,
    /// What firmware takes beside its model.
    pub overhead: Overhead,
    /// For estimates.
    pub rates: Rates,
    /// The models that scenarios run: the scenario's name, the file's bytes.
    pub carried: Vec<(String, Vec<u8>)>,
    /// The core clock of estimates.
    pub hclk: Hz,
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
    /// Whether the runtime could execute it there.
    pub runs: bool,
    /// Need of flash.
    pub flash: Need,
    /// Need of SRAM; absent where nothing is known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sram: Option<Need>,
    /// What an inference would take by the measured cycles per multiply-accumulate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// The verdict in words.
    pub verdict: String,
    /// Why the runtime cannot execute it, in the model compiler's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsupported: Option<Finding>,
}

/// Need of a memory: at least so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// Bytes needed.
    pub needed: u64,
    /// How many of them the chip lacks.
    pub short: u64,
}

impl Need {
    fn of(needed: u64, size: Bytes) -> Self {
        Self { needed, short: needed.saturating_sub(size.0) }
    }
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

/// What a verdict starts from.
#[derive(Default)]
struct Facts {
    name: String,
    bytes: u64,
    /// Operators and multiply-accumulates; empty where they are not known.
    macs: Vec<(Work, u64)>,
    flash: u64,
    sram: Option<u64>,
    /// It is lowered: its needs are known to the byte, but for what firmware takes beside it. Else they are the least it can do with.
    lowered: bool,
    unsupported: Option<Finding>,
    /// The file is damaged or none of its kind.
    unsound: bool,
    /// It relies on what only a full interpreter does: control flow, custom operators.
    nowhere: bool,
    /// The scenario whose model it is.
    scenario: Option<String>,
    /// What is to be added to the verdict.
    note: &'static str,
}

impl Yardstick {
    /// Judges the models in a folder, in the order of their names.
    ///
    /// # Errors
    /// `file-unreadable` for the folder; `bad-usage` when it holds no .tflite. A file that is no sound model gets its row.
    pub fn judge_folder(&self, folder: &Path) -> Result<Vec<ModelVerdict>> {
        let shown = folder.display();
        let unreadable = |error: std::io::Error| Failure::new(Code::FileUnreadable, format!("{shown} cannot be read: {error}"));
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tflite")) {
                names.extend(path.file_name().map(std::ffi::OsStr::to_os_string));
            }
        }
        names.sort();
        if names.is_empty() {
            return Err(Finding::new(Code::BadUsage, format!("{shown} holds no .tflite file"))
                .help("Give the folder that the models lie in.")
                .into());
        }
        Ok(names.iter().map(|name| self.judge_file(&folder.join(name), &name.to_string_lossy())).collect())
    }

    fn judge_file(&self, path: &Path, name: &str) -> ModelVerdict {
        let known = Facts { name: name.to_owned(), bytes: fs::metadata(path).map_or(0, |file| file.len()), ..Facts::default() };
        let model = match Model::read(path) {
            Ok(mut model) => {
                model.name = name.to_owned();
                model
            }
            Err(failure) => {
                // A report names no folders.
                let message = failure.0.message.replace(&path.display().to_string(), name);
                let unsupported = Some(Finding { message, ..*failure.0 });
                return self.judge(Facts { flash: known.bytes, unsupported, unsound: true, ..known });
            }
        };
        // What lies in other subgraphs (the body of a loop) is not read, so nothing is known of the sum.
        let counted = if model.subgraphs > 1 { &[][..] } else { &model.operators };
        let macs = counted.iter().map(|operator| work(&model, operator)).collect();
        let least = model.footprint();
        self.judge(match model.lower() {
            Ok(plan) => Facts {
                macs,
                flash: plan.bytes.len() as u64,
                sram: Some(u64::from(plan.arena_bytes())),
                lowered: true,
                scenario: self.carried.iter().find(|(_, bytes)| bytes == model.file_bytes()).map(|(name, _)| name.clone()),
                ..known
            },
            Err(failure) => Facts {
                macs,
                flash: least.constants,
                sram: Some(least.live),
                nowhere: model.subgraphs > 1 || model.operators.iter().any(|operator| matches!(operator.code, OpCode::Custom(_))),
                unsupported: Some(*failure.0),
                ..known
            },
        })
    }

    /// The two models of the original benchmark that never were .tflite files, by what its authors published.
    #[must_use]
    pub fn judge_published(&self) -> Vec<ModelVerdict> {
        let facts = |&(name, bytes, macs, note): &(&str, u64, u64, &'static str)| Facts {
            name: name.to_owned(),
            bytes,
            macs: vec![(("FULLY_CONNECTED".to_owned(), false), macs)],
            flash: bytes,
            note,
            ..Facts::default()
        };
        PUBLISHED.iter().map(|published| self.judge(facts(published))).collect()
    }

    fn judge(&self, facts: Facts) -> ModelVerdict {
        let beside = if facts.lowered { self.overhead } else { Overhead::default() };
        let needs = |chip: &Chip| {
            let flash = Need::of(facts.flash.saturating_add(beside.flash), chip.flash.size);
            (flash, facts.sram.map(|sram| Need::of(sram.saturating_add(beside.sram), chip.sram.size)))
        };
        let holds = |chip: &&Chip| {
            let (flash, sram) = needs(chip);
            flash.short == 0 && sram.is_none_or(|sram| sram.short == 0)
        };
        let chosen = self.chips.iter().find(holds).or(self.chips.last());
        let fits = !facts.unsound && !facts.nowhere && chosen.is_some_and(|chip| holds(&chip));
        let (flash, sram) = chosen.map_or_else(|| (Need { needed: facts.flash, short: 0 }, None), needs);
        let chip = chosen.map_or_else(String::new, |chip| chip.name.clone());
        let macs = facts.macs.iter().fold(0, |sum: u64, (_, macs)| sum.saturating_add(*macs));
        let estimate = self.rates.estimate(&facts.macs, self.hclk);
        let mut verdict = match (fits, self.chips.len()) {
            _ if facts.unsound => "is no sound model".to_owned(),
            _ if facts.nowhere => "runs on no microcontroller".to_owned(),
            (true, _) if facts.lowered && facts.scenario.is_some() => {
                format!("lowered, fits the {chip}, runs in scenario '{}'", facts.scenario.as_deref().unwrap_or_default())
            }
            (true, _) if facts.lowered => format!("lowered, fits the {chip}, not run: no built-in image carries it"),
            (true, _) => format!("the {chip} would hold it"),
            (false, 1) => format!("does not fit the {chip}"),
            (false, _) => format!("fits no F103, not even the {chip}"),
        };
        let short: Vec<String> = [("flash", Some(flash)), ("SRAM", sram)]
            .into_iter()
            .filter_map(|(memory, need)| {
                need.filter(|need| need.short > 0).map(|need| format!("{memory} short by {} B", grouped(need.short)))
            })
            .collect();
        if !short.is_empty() && !facts.unsound {
            verdict.push_str(&format!(": {}", short.join(", ")));
        }
        if let Some(finding) = &facts.unsupported {
            let said = finding.message.strip_prefix(&format!("{}: ", facts.name)).unwrap_or(&finding.message);
            let but = if facts.unsound || (facts.nowhere && short.is_empty()) { ": " } else { "; cannot run: " };
            verdict.push_str(&format!("{but}{}", said.trim_end_matches('.')));
        }
        verdict.push_str(facts.note);
        ModelVerdict {
            name: facts.name,
            bytes: facts.bytes,
            macs: (macs > 0).then_some(macs),
            chip,
            fits,
            runs: facts.lowered && fits,
            flash,
            sram,
            estimate,
            verdict,
            unsupported: facts.unsupported,
        }
    }
}

/// BERT-base: 12 layers of 768 features, 3 072 between, 28 tokens. Per layer and token four projections of 768 x 768 and two of 768 x 3 072;
/// per layer attention weights and their sum, 28 x 28 x 768 each (Devlin et al., 2019, and Vaswani et al., 2017).
const BERT_MACS: u64 = 12 * (28 * (4 * 768 * 768 + 2 * 768 * 3072) + 2 * 28 * 28 * 768);

/// Name, published bytes, multiply-accumulates in matrix products (0: none), what else to say.
const PUBLISHED: &[(&str, u64, u64, &str)] = &[
    (
        "random forest, 100 trees",
        16_000_000,
        0,
        " (16 MB, pickled by scikit-learn; a forest that fits is a matter of training it so)",
    ),
    ("ParsBERT, 12 x 768, 28 tokens", 162_000_000, BERT_MACS, " (162 MB)"),
];
