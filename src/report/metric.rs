//! What it is: the quantities of a result by name, what they count, and which way is better.
//! Source: the project's report contract; docs/ci.md lists the names.
//! Does not model: units other than the report's own (cycles, bytes, microseconds, microjoules, fractions).
//! Tested by: the tests of [`super::bounds`]; `tests/baseline.rs`, `tests/suite.rs`.

use super::record::{Record, layer_names};
use crate::finding::{Code, Finding, Result, nearest};
use crate::units::grouped;
use std::fmt;

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Less of it.
    Lower,
    /// More of it.
    Higher,
    /// It is shown, but nobody is judged by it.
    Neither,
}

/// What a number counts, which decides how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Cycles or instructions: K is 1000.
    Count,
    /// Bytes: K is 1024.
    Bytes,
    /// Microseconds.
    Micros,
    /// Microjoules.
    Microjoules,
    /// From 0 to 1.
    Fraction,
}

/// A quantity that every result may have.
#[derive(Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Which way is better.
    pub better: Better,
    /// What it counts.
    pub unit: Unit,
    /// What it is.
    pub meaning: &'static str,
    of: fn(&Record) -> Option<f64>,
}

macro_rules! metrics {
    ($($name:literal, $better:ident, $unit:ident, $meaning:literal, $of:expr;)*) => {
        /// All of them, in the order in which they are shown.
        pub const METRICS: &[Metric] = &[$(Metric {
            name: $name, better: Better::$better, unit: Unit::$unit, meaning: $meaning, of: $of,
        },)*];
    };
}

metrics! {
    "cycles", Lower, Count, "of the inference; of the whole run where there is none",
        |record| record.inference.as_ref().map(|i| i.cycles).or(record.totals.as_ref().map(|t| t.cycles)).map(|n| n as f64);
    "cycles_max", Lower, Count, "of the slowest sample's inference",
        |record| record.eval.as_ref()?.cycles.as_ref().map(|cycles| cycles.max as f64);
    "total_cycles", Lower, Count, "of the whole run, start-up and serial traffic included",
        |record| record.totals.as_ref().map(|totals| totals.cycles as f64);
    "instructions", Neither, Count, "of the inference; of the whole run where there is none",
        |record| record.inference.as_ref().map(|i| i.instructions).or(record.totals.as_ref().map(|t| t.instructions)).map(|n| n as f64);
    "latency_us", Lower, Micros, "of the inference", |record| record.inference.as_ref().map(|inference| inference.latency_us);
    "energy_uj", Lower, Microjoules, "of the inference", |record| record.inference.as_ref()?.energy_uj;
    "answer_us", Lower, Micros, "from the end of the word to the label, where the firmware listens",
        |record| record.listening.as_ref().map(|listening| listening.latency_ms * 1e3);
    "features_equal", Higher, Fraction, "features that the firmware makes as the host does",
        |record| record.listening.as_ref().map(|listening| listening.features.equal as f64 / listening.features.count.max(1) as f64);
    "listening_awake", Lower, Fraction, "of the time before the first inference, where the firmware listens",
        |record| record.listening.as_ref()?.listening.as_ref().map(|duty| duty.awake_percent / 100.0);
    "listening_uj", Lower, Microjoules, "a second of that",
        |record| record.listening.as_ref()?.listening.as_ref()?.energy_mj_per_second.map(|energy| energy * 1e3);
    "detecting_awake", Lower, Fraction, "of the time from one inference to the next",
        |record| record.listening.as_ref()?.detecting.as_ref().map(|duty| duty.awake_percent / 100.0);
    "detecting_uj", Lower, Microjoules, "a second of that",
        |record| record.listening.as_ref()?.detecting.as_ref()?.energy_mj_per_second.map(|energy| energy * 1e3);
    "flash_used", Lower, Bytes, "of the program", |record| record.memory.as_ref().map(|memory| memory.flash.used as f64);
    "sram_static", Lower, Bytes, "reserved at link time", |record| record.memory.as_ref().map(|memory| memory.sram.fixed as f64);
    "stack_peak", Lower, Bytes, "the stack at its deepest", |record| record.memory.as_ref().map(|memory| memory.sram.stack_peak as f64);
    "sram_peak", Lower, Bytes, "both of these together", |record| record.sram_peak().map(|bytes| bytes as f64);
    "arena", Neither, Bytes, "the tensor arena; part of sram_static", |record| record.memory.as_ref()?.sram.arena.map(|n| n as f64);
    "accuracy", Higher, Fraction, "samples that got the true class", |record| record.eval.as_ref().map(|eval| eval.accuracy);
    "auc", Higher, Fraction, "area under the ROC curve", |record| record.eval.as_ref()?.auc;
    "agreement", Higher, Fraction, "outputs equal to the reference's", |record| record.eval.as_ref().map(|eval| eval.agreement);
}

impl Metric {
    /// Its value in a result; `None` where the result has none.
    #[must_use]
    pub fn of(&self, record: &Record) -> Option<f64> {
        (self.of)(record)
    }

    /// The metric with that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Metric> {
        METRICS.iter().find(|metric| metric.name == name)
    }
}

impl Unit {
    /// A number as people read it.
    #[must_use]
    pub fn shown(self, value: f64) -> String {
        match self {
            Unit::Count => grouped_signed(value),
            Unit::Bytes => format!("{} B", grouped_signed(value)),
            Unit::Micros => format!("{value:.3} us"),
            Unit::Microjoules => format!("{value:.3} uJ"),
            Unit::Fraction => format!("{value:.4}"),
        }
    }

    /// What K means of it.
    pub(super) fn kilo(self) -> f64 {
        if self == Unit::Bytes { 1024.0 } else { 1000.0 }
    }
}

fn grouped_signed(value: f64) -> String {
    if value.fract() != 0.0 {
        return value.to_string();
    }
    format!("{}{}", if value < 0.0 { "-" } else { "" }, grouped(value.abs() as u64))
}

/// A quantity that a limit or a tolerance names: a metric of every result, or a layer's or a function's cycles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// By its name in [`METRICS`].
    Metric(&'static str),
    /// `layer."conv1".cycles`: by short name, index or the model's own name.
    Layer(String),
    /// `function."dot".cycles`.
    Function(String),
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Quantity::Metric(name) => f.write_str(name),
            Quantity::Layer(name) => write!(f, "layer.\"{name}\".cycles"),
            Quantity::Function(name) => write!(f, "function.\"{name}\".cycles"),
        }
    }
}

impl Quantity {
    /// `cycles`, `layer."conv1".cycles`.
    ///
    /// # Errors
    /// A message with the nearest name.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        for (prefix, make) in [("layer.", Quantity::Layer as fn(String) -> Quantity), ("function.", Quantity::Function)] {
            let Some(rest) = text.strip_prefix(prefix) else { continue };
            let Some(name) = rest.strip_suffix(".cycles") else {
                return Err(format!("'{text}' should end in .cycles, as {prefix}\"name\".cycles"));
            };
            let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
            return Ok(make(name.to_owned()));
        }
        match Metric::by_name(text) {
            Some(metric) => Ok(Quantity::Metric(metric.name)),
            None => {
                let near = nearest(text, METRICS.iter().map(|metric| metric.name));
                let near = near.map_or_else(String::new, |near| format!("; did you mean '{near}'?"));
                Err(format!("there is no metric '{text}'{near}"))
            }
        }
    }

    /// What it counts.
    #[must_use]
    pub fn unit(&self) -> Unit {
        match self {
            Quantity::Metric(name) => Metric::by_name(name).map_or(Unit::Count, |metric| metric.unit),
            _ => Unit::Count,
        }
    }

    /// Its value in a result.
    ///
    /// # Errors
    /// `unknown-metric` when the result has nothing of that name, with the nearest.
    pub fn of(&self, record: &Record) -> Result<f64> {
        let names: Vec<String>;
        let (found, kind) = match self {
            Quantity::Metric(name) => {
                let found = Metric::by_name(name).and_then(|metric| metric.of(record));
                names = METRICS.iter().filter(|m| m.of(record).is_some()).map(|m| m.name.to_owned()).collect();
                (found, "value of")
            }
            Quantity::Layer(name) => {
                let layers = record.inference.as_ref().map_or(&[][..], |inference| inference.layers.as_slice());
                names = layer_names(layers);
                let by_index = name.parse::<u32>().ok();
                let at = names
                    .iter()
                    .position(|short| short == name)
                    .or_else(|| layers.iter().position(|layer| layer.index.is_some() && layer.index == by_index))
                    .or_else(|| layers.iter().position(|layer| layer.name == *name));
                (at.and_then(|at| layers.get(at)).map(|layer| layer.cycles as f64), "layer")
            }
            Quantity::Function(name) => {
                names = record.functions.iter().map(|function| function.name.clone()).collect();
                let found = record.functions.iter().find(|function| function.name == *name);
                (found.map(|function| function.cycles as f64), "function")
            }
        };
        found.ok_or_else(|| {
            let wanted = match self {
                Quantity::Metric(name) => (*name).to_owned(),
                Quantity::Layer(name) | Quantity::Function(name) => name.clone(),
            };
            let near = nearest(&wanted, names.iter().map(String::as_str));
            let near = near.map_or_else(String::new, |near| format!("; did you mean '{near}'?"));
            let message = format!("{} has no {kind} '{wanted}'{near}", record.key());
            let help = if names.is_empty() {
                "The run has none at all; stm32sim run shows what it has.".to_owned()
            } else {
                format!("It has {}.", some(&names))
            };
            Finding::new(Code::UnknownMetric, message).help(help).into()
        })
    }
}

/// At most a dozen of the names.
fn some(names: &[String]) -> String {
    let shown = names.iter().take(12).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > 12 { format!("{shown} and {} more", names.len() - 12) } else { shown }
}
