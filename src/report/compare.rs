//! What it is: two sets of results side by side: what is new, gone, better, worse and equal, and which layer and function moved.
//! Source: [`super::record`] for results, [`super::metric`] for what is compared and how far it may move.
//! Does not model: noise: results are deterministic, so the default tolerance is none.
//! Tested by: `tests/baseline.rs`.

use super::bounds::Tolerances;
use super::metric::{Better, METRICS, Metric, Quantity, Unit};
use super::record::{Document, Function, Layer, Record, layer_names};
use super::{SCHEMA, Tool};
use crate::finding::{Code, Exit, Finding, Result};
use serde::Serialize;
use std::collections::BTreeMap;

/// How a row or a value stands against the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The run itself failed.
    Failed,
    /// Worse by more than is tolerated.
    Worse,
    /// Worse, and so much that it is pointed out; but tolerated.
    Noted,
    /// Better.
    Better,
    /// Only in the new results.
    New,
    /// Only in the old ones.
    Gone,
    /// Not the same, but within the tolerance, or of no concern.
    Changed,
    /// The same.
    Equal,
}

/// One value that is not the same.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// Of what.
    pub metric: String,
    /// What it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<f64>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<f64>,
    /// The difference in percent of the old value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
    /// How it stands.
    pub verdict: Verdict,
    #[serde(skip)]
    unit: Unit,
}

/// A part of a run whose cycles are not the same.
#[derive(Clone, Debug, Serialize)]
pub struct Moved {
    /// Its name.
    pub name: String,
    /// Cycles that it took; absent where it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<u64>,
    /// Cycles that it takes; absent where it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<u64>,
}

impl Moved {
    /// By how many cycles.
    #[must_use]
    pub fn by(&self) -> i128 {
        i128::from(self.new.unwrap_or(0)) - i128::from(self.old.unwrap_or(0))
    }
}

/// One row of a comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What is compared.
    pub key: String,
    /// How it stands.
    pub verdict: Verdict,
    /// The exit code of the new run.
    #[serde(skip_serializing_if = "is_zero")]
    pub code: u8,
    /// What is not the same, in the order of the metrics.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Layers that moved, the farthest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Moved>,
    /// Functions that moved, the farthest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<Moved>,
    /// Causes of cycles that moved, the farthest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Moved>,
    /// What else is different.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

fn is_zero(code: &u8) -> bool {
    *code == 0
}

/// What fails a comparison besides a row that is worse or whose run failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// Nothing.
    #[default]
    Worse,
    /// A row that is gone, too: what is no longer run is no longer guarded.
    Gone,
    /// Any change at all.
    Exact,
}

/// A comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Version of the schema.
    pub schema: u32,
    /// Who made it.
    pub tool: Tool,
    /// Whether any change fails, not only one for the worse.
    pub exact: bool,
    /// Whether a row that is gone fails.
    pub gone_fails: bool,
    /// In the order of the old results, then what is new.
    pub rows: Vec<Row>,
}

impl Comparison {
    /// How many rows stand so.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.rows.iter().filter(|row| row.verdict == verdict).count()
    }

    /// Whether a row fails the comparison.
    #[must_use]
    pub fn fails(&self, row: &Row) -> bool {
        match row.verdict {
            Verdict::Worse | Verdict::Failed => true,
            Verdict::Gone => self.gone_fails,
            Verdict::Equal => false,
            _ => self.exact,
        }
    }

    /// The process's exit code: 3 for what fails, or the worst of what the runs themselves came to.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let of = |row: &Row| {
            let own = if self.fails(row) && row.verdict != Verdict::Failed { Exit::Regression as u8 } else { 0 };
            row.code.max(own)
        };
        self.rows.iter().map(of).max().unwrap_or(0)
    }
}

/// Compares.
///
/// # Errors
/// `baseline-other-model` when cycles were counted by two versions of the timing model.
pub fn compare(old: &Document, new: &Document, tolerances: &Tolerances, strictness: Strictness) -> Result<Comparison> {
    compare_with(old, new, &|_| tolerances.clone(), strictness)
}

/// The same with tolerances that depend on the row.
///
/// # Errors
/// As [`compare`].
pub fn compare_with(
    old: &Document,
    new: &Document,
    tolerances: &dyn Fn(&str) -> Tolerances,
    strictness: Strictness,
) -> Result<Comparison> {
    let mut fresh: BTreeMap<String, &Record> = new.records.iter().map(|record| (record.key(), record)).collect();
    let mut rows = Vec::new();
    for before in &old.records {
        let key = before.key();
        match fresh.remove(&key) {
            Some(after) => {
                same_model((&old.path, before), (&new.path, after), &key)?;
                rows.push(row(&key, before, after, &tolerances(&key)));
            }
            None => {
                let note = match strictness {
                    Strictness::Worse => Vec::new(),
                    _ => vec!["nothing guards it any more; if that is meant, drop it: --update --prune".to_owned()],
                };
                rows.push(single(key, Verdict::Gone, 0, note));
            }
        }
    }
    for record in &new.records {
        let key = record.key();
        if fresh.contains_key(&key) {
            let failed = !record.is_fine();
            let notes = if failed { vec![record.outcome.message.clone()] } else { Vec::new() };
            rows.push(single(key, if failed { Verdict::Failed } else { Verdict::New }, record.outcome.code, notes));
        }
    }
    let (exact, gone_fails) = (strictness == Strictness::Exact, strictness != Strictness::Worse);
    Ok(Comparison { schema: SCHEMA, tool: Tool::THIS, exact, gone_fails, rows })
}

fn single(key: String, verdict: Verdict, code: u8, notes: Vec<String>) -> Row {
    Row { key, verdict, code, changes: Vec::new(), layers: Vec::new(), functions: Vec::new(), causes: Vec::new(), notes }
}

fn same_model(old: (&str, &Record), new: (&str, &Record), key: &str) -> Result<()> {
    match (&old.1.timing_model, &new.1.timing_model) {
        (Some(before), Some(after)) if before != after => {
            let message = format!(
                "{key}: {} was counted by {} version {}, {} by {} version {}",
                old.0, before.name, before.version, new.0, after.name, after.version
            );
            Err(Finding::new(Code::BaselineOtherModel, message).into())
        }
        _ => Ok(()),
    }
}

fn row(key: &str, old: &Record, new: &Record, tolerances: &Tolerances) -> Row {
    let mut notes = Vec::new();
    if old.firmware.toolchain != new.firmware.toolchain {
        let name = |toolchain: &Option<String>| toolchain.clone().unwrap_or_else(|| "unknown".to_owned());
        notes.push(format!("built by {}, before by {}", name(&new.firmware.toolchain), name(&old.firmware.toolchain)));
    }
    if let (Some(before), Some(after)) = (&old.clock, &new.clock)
        && before != after
    {
        notes.push(format!(
            "runs at {} Hz with {} wait states, before at {} Hz with {}",
            after.hclk_hz, after.flash_wait_states, before.hclk_hz, before.flash_wait_states
        ));
    }
    let samples = |record: &Record| record.eval.as_ref().map(|eval| eval.samples);
    let comparable = samples(old) == samples(new);
    if !comparable {
        let count = |record| samples(record).map_or_else(|| "none".to_owned(), |samples| samples.to_string());
        notes.push(format!("rates are over {} samples, before over {}: not compared", count(new), count(old)));
    }
    let mut quantities: Vec<Quantity> = METRICS.iter().map(|metric| Quantity::Metric(metric.name)).collect();
    quantities.extend(tolerances.0.iter().filter_map(|(quantity, _)| match quantity {
        Some(quantity @ (Quantity::Layer(_) | Quantity::Function(_))) => Some(quantity.clone()),
        _ => None,
    }));
    quantities.dedup();
    let of_samples = |quantity: &Quantity| {
        matches!(quantity, Quantity::Metric("accuracy" | "auc" | "agreement" | "cycles_max")) && !comparable
    };
    let changes: Vec<Change> = quantities
        .iter()
        .filter(|quantity| !of_samples(quantity))
        .filter_map(|quantity| change(quantity, old, new, tolerances))
        .collect();
    let (before, after) = (old.inference.as_ref(), new.inference.as_ref());
    let mut verdict = changes.iter().map(|change| change.verdict).min().unwrap_or(Verdict::Equal);
    if !new.is_fine() {
        verdict = Verdict::Failed;
        notes.push(new.outcome.message.clone());
    } else if !old.is_fine() {
        notes.push(format!("before: {}", old.outcome.message));
    }
    let causes = |record: Option<&super::record::Inference>| {
        record.map_or_else(Vec::new, |i| i.cycles_by_cause.iter().map(|(cause, cycles)| (cause.clone(), *cycles)).collect())
    };
    let layers = |record: Option<&super::record::Inference>| record.map_or_else(Vec::new, |i| named_layers(&i.layers));
    let functions = |record: &Record| -> Vec<(String, u64)> {
        record.functions.iter().map(|Function { name, cycles }| (name.clone(), *cycles)).collect()
    };
    let profiled = !old.functions.is_empty() && !new.functions.is_empty();
    let row = Row {
        key: key.to_owned(),
        verdict,
        code: new.outcome.code,
        changes,
        layers: moved(&layers(before), &layers(after)),
        functions: if profiled { moved(&functions(old), &functions(new)) } else { Vec::new() },
        causes: moved(&causes(before), &causes(after)),
        notes,
    };
    // Layers can move without the sum: that is a change, too.
    match row.verdict {
        Verdict::Equal if !(row.layers.is_empty() && row.functions.is_empty() && row.causes.is_empty()) => {
            Row { verdict: Verdict::Changed, ..row }
        }
        _ => row,
    }
}

/// `conv1 CONV_2D 16x16x8` and its cycles.
fn named_layers(layers: &[Layer]) -> Vec<(String, u64)> {
    let named = |(short, layer): (String, &Layer)| match layer.index {
        Some(_) => (format!("{short} {} {}", layer.op, layer.name), layer.cycles),
        None => (short, layer.cycles),
    };
    layer_names(layers).into_iter().zip(layers).map(named).collect()
}

/// What is not the same in two lists of names, of which each name counts once.
fn moved(old: &[(String, u64)], new: &[(String, u64)]) -> Vec<Moved> {
    let mut parts: BTreeMap<&str, (Option<u64>, Option<u64>)> = BTreeMap::new();
    for (name, cycles) in old {
        let sum = &mut parts.entry(name).or_default().0;
        *sum = Some(sum.unwrap_or(0).saturating_add(*cycles));
    }
    for (name, cycles) in new {
        let sum = &mut parts.entry(name).or_default().1;
        *sum = Some(sum.unwrap_or(0).saturating_add(*cycles));
    }
    let mut moved: Vec<Moved> = parts
        .into_iter()
        .filter(|(_, (old, new))| old != new)
        .map(|(name, (old, new))| Moved { name: name.to_owned(), old, new })
        .collect();
    moved.sort_by_key(|part| std::cmp::Reverse(part.by().abs()));
    moved
}

/// `None` where both are the same.
fn change(quantity: &Quantity, old: &Record, new: &Record, tolerances: &Tolerances) -> Option<Change> {
    let (before, after) = (quantity.of(old).ok(), quantity.of(new).ok());
    if before == after {
        return None;
    }
    let better = match quantity {
        Quantity::Metric(name) => Metric::by_name(name).map_or(Better::Neither, |metric| metric.better),
        _ => Better::Lower,
    };
    let verdict = match (before, after, better) {
        (Some(before), Some(after), Better::Lower | Better::Higher) => {
            let worse_by = if better == Better::Lower { after - before } else { before - after };
            let tolerance = tolerances.of(quantity);
            if worse_by < 0.0 {
                if tolerance.soft.allows(before, -worse_by) { Verdict::Changed } else { Verdict::Better }
            } else if !tolerance.hard.allows(before, worse_by) {
                Verdict::Worse
            } else if !tolerance.soft.allows(before, worse_by) {
                Verdict::Noted
            } else {
                Verdict::Changed
            }
        }
        _ => Verdict::Changed,
    };
    let percent = before.zip(after).filter(|(before, _)| *before != 0.0).map(|(before, after)| {
        let percent = (after - before) / before * 100.0;
        (percent * 1e4).round() / 1e4
    });
    Some(Change { metric: quantity.to_string(), old: before, new: after, percent, verdict, unit: quantity.unit() })
}

impl Change {
    /// Old, new and difference as people read them.
    #[must_use]
    pub fn shown(&self) -> [String; 3] {
        let value = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| self.unit.shown(value));
        let difference = match (self.old, self.new) {
            (Some(old), Some(new)) => {
                let sign = if new > old { "+" } else { "" };
                let percent = self.percent.map_or_else(String::new, |percent| format!(" ({percent:+.2} %)"));
                format!("{sign}{}{percent}", self.unit.shown(new - old))
            }
            _ => String::new(),
        };
        [value(self.old), value(self.new), difference]
    }
}

impl Verdict {
    /// All of them, in the order in which they are counted for people.
    pub const COUNTED: [Verdict; 8] = [
        Verdict::Failed,
        Verdict::Worse,
        Verdict::Noted,
        Verdict::Better,
        Verdict::Changed,
        Verdict::Equal,
        Verdict::New,
        Verdict::Gone,
    ];

    /// As a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Failed => "FAILED",
            Verdict::Worse => "WORSE",
            Verdict::Noted => "noted",
            Verdict::Better => "better",
            Verdict::New => "new",
            Verdict::Gone => "gone",
            Verdict::Changed => "changed",
            Verdict::Equal => "equal",
        }
    }
}

impl Row {
    /// What a person should know of it in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self.verdict {
            Verdict::New => format!("{}: new", self.key),
            Verdict::Gone => format!("{}: no longer there", self.key),
            Verdict::Equal => format!("{}: equal", self.key),
            Verdict::Failed => format!("{}: {}", self.key, self.notes.last().map_or("failed", String::as_str)),
            verdict => {
                let judged = self.changes.iter().filter(|change| change.verdict == verdict);
                let parts: Vec<String> = judged
                    .map(|change| {
                        let [old, new, difference] = change.shown();
                        format!("{} {old} -> {new}, {difference}", change.metric)
                    })
                    .collect();
                let mut text = format!("{} is {}: {}", self.key, verdict.word().to_lowercase(), parts.join("; "));
                let first = |moved: &[Moved]| moved.iter().find(|part| part.by() > 0).or(moved.first()).cloned();
                if let Some(layer) = first(&self.layers) {
                    text.push_str(&format!("; layer {} {:+} cycles", layer.name, layer.by()));
                }
                if let Some(function) = first(&self.functions) {
                    text.push_str(&format!("; function {} {:+} cycles", function.name, function.by()));
                }
                text
            }
        }
    }

    /// The finding that a bad row is.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let finding = Finding::new(Code::Regression, self.sentence());
        match self.verdict {
            Verdict::Gone => finding.help("Nothing guards it any more. If that is meant: stm32sim check --update --prune."),
            _ => finding,
        }
    }
}
