//! What it is: `stm32sim.toml`: what a repository wants to be run, and what must hold; errors say file, line, column and the nearest key.
//! Source: the format is this project's; docs/ci.md describes it, `benches/stm32sim.toml` is an example.
//! Does not model: includes, variables, conditions.
//! Tested by: the tests below; `tests/suite.rs`, `tests/bad_input.rs`.

use super::bench::Samples;
use super::bounds::{Limit, Slack, Tolerance, Tolerances};
use super::campaign::{Point, Subject};
use super::metric::{Quantity, Unit};
use super::sweep::{Axis, spread};
use crate::finding::{Code, Failure, Result, nearest};
use crate::units::Hz;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// A suite, read and checked.
#[derive(Clone, Debug)]
pub struct Suite {
    /// What is run.
    pub points: Vec<Point>,
    /// The file with the results to compare with, if the suite names one.
    pub baseline: Option<PathBuf>,
    /// What is tolerated of every run.
    tolerances: Tolerances,
    /// What is tolerated of a run besides, by its subject.
    own: BTreeMap<String, Tolerances>,
}

impl Suite {
    /// What is tolerated of the result with that key: the suite's tolerances, then the run's own.
    #[must_use]
    pub fn tolerances(&self, key: &str) -> Tolerances {
        let subject = key.split(['@', '#']).next().unwrap_or(key);
        let mut all = self.tolerances.clone();
        all.0.extend(self.own.get(subject).iter().flat_map(|own| own.0.clone()));
        all
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    baseline: Option<String>,
    chip: Option<String>,
    samples: Option<usize>,
    #[serde(default)]
    limits: Vec<Spanned<String>>,
    tolerance: Option<Spanned<ToleranceFile>>,
    #[serde(default)]
    run: Vec<Spanned<RunFile>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RunFile {
    name: Option<String>,
    scenario: Option<String>,
    firmware: Option<String>,
    model: Option<String>,
    chip: Option<String>,
    clock: Option<Spanned<String>>,
    wait_states: Option<Spanned<u8>>,
    prefetch: Option<bool>,
    sample: Option<usize>,
    samples: Option<usize>,
    #[serde(default)]
    limits: Vec<Spanned<String>>,
    tolerance: Option<Spanned<ToleranceFile>>,
    #[serde(default)]
    sweep: BTreeMap<Spanned<String>, Vec<toml::Value>>,
}

/// `"1%"`, or a table of metrics. Read by hand: an untagged enumeration would lose the places of its keys, and let slips pass.
enum ToleranceFile {
    All(String),
    Each(Vec<(Spanned<String>, Spanned<BoundsFile>)>),
}

enum BoundsFile {
    Both(String),
    Two(TwoBounds),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TwoBounds {
    soft: Option<Spanned<String>>,
    hard: Option<Spanned<String>>,
}

impl<'de> Deserialize<'de> for ToleranceFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = ToleranceFile;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a tolerance, as \"1%\", or a table of them by metric")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Self::Value, E> {
                Ok(ToleranceFile::All(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
                let mut each = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    each.push(entry);
                }
                Ok(ToleranceFile::Each(each))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for BoundsFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = BoundsFile;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a tolerance, as \"1%\", or { soft = \"1%\", hard = \"5%\" }")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Self::Value, E> {
                Ok(BoundsFile::Both(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<Self::Value, A::Error> {
                TwoBounds::deserialize(MapAccessDeserializer::new(map)).map(BoundsFile::Two)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// The text of a suite, for messages.
struct Text<'a> {
    path: &'a str,
    text: &'a str,
}

impl Text<'_> {
    fn wrong(&self, at: usize, what: &str) -> Failure {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Failure::new(Code::BadSuite, format!("{}: line {line}, column {column}: {what}", self.path))
    }
}

/// Reads a suite. Files that it names lie beside it.
///
/// # Errors
/// `file-unreadable`; `bad-suite-file` with line and column.
pub fn load(path: &Path) -> Result<Suite> {
    let shown = path.display().to_string();
    let bytes =
        std::fs::read(path).map_err(|error| Failure::new(Code::FileUnreadable, format!("{shown} cannot be read: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|_| Failure::new(Code::BadSuite, format!("{shown} is not text in UTF-8")))?;
    parse(&shown, &text, path.parent().unwrap_or(Path::new("")))
}

/// Reads a suite from memory.
///
/// # Errors
/// As [`load`], except for reading.
pub fn parse(path: &str, text: &str, folder: &Path) -> Result<Suite> {
    let text = Text { path, text };
    let file: File = toml::from_str(text.text).map_err(|error| {
        let what = with_nearest(error.message());
        error.span().map_or_else(|| Failure::new(Code::BadSuite, format!("{path}: {what}")), |span| text.wrong(span.start, &what))
    })?;
    if file.run.is_empty() {
        return Err(Failure::new(Code::BadSuite, format!("{path} names nothing to run: it has no [[run]]")));
    }
    let limits = limits(&text, &file.limits)?;
    let tolerances = file.tolerance.as_ref().map_or_else(|| Ok(Tolerances::default()), |given| tolerances(&text, given))?;
    let mut suite = Suite {
        points: Vec::new(),
        baseline: file.baseline.as_ref().map(|name| folder.join(name)),
        tolerances,
        own: BTreeMap::new(),
    };
    for run in &file.run {
        let (span, run) = (run.span(), run.get_ref());
        let mut point = point(&text, folder, &span, run)?;
        point.chip = run.chip.as_ref().or(file.chip.as_ref()).map(|chip| chip_spec(folder, chip));
        point.samples = run.samples.or(file.samples).map_or(Samples::All, Samples::AtMost);
        point.limits.extend(limits.iter().cloned());
        point.limits.extend(self::limits(&text, &run.limits)?);
        if let Some(given) = &run.tolerance {
            let subject = run.name.clone().or_else(|| run.scenario.clone()).or_else(|| run.model.clone());
            let subject = subject.or_else(|| run.firmware.clone()).unwrap_or_default();
            let subject = subject.rsplit('/').next().unwrap_or_default().to_owned();
            suite.own.entry(subject).or_default().0.extend(self::tolerances(&text, given)?.0);
        }
        let mut axes = Vec::new();
        for (name, values) in &run.sweep {
            let values: Vec<String> = values.iter().map(plain).collect();
            let axis = Axis::of(name.get_ref(), &values, folder).map_err(|what| text.wrong(name.span().start, &what))?;
            axes.push(axis);
        }
        suite.points.extend(spread(vec![point], &axes));
    }
    Ok(suite)
}

/// A chip file lies beside the suite, too.
fn chip_spec(folder: &Path, chip: &str) -> String {
    if chip.ends_with(".toml") { folder.join(chip).display().to_string() } else { chip.to_owned() }
}

/// A value of a sweep as on the command line.
fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn point(text: &Text<'_>, folder: &Path, span: &Range<usize>, run: &RunFile) -> Result<Point> {
    let wrong = |what: &str| Err(text.wrong(span.start, what));
    let subject = match (&run.scenario, &run.firmware, &run.model) {
        (Some(scenario), firmware, None) => {
            let file = scenario.ends_with(".toml").then(|| folder.join(scenario).display().to_string());
            Subject::Scenario {
                spec: file.unwrap_or_else(|| scenario.clone()),
                firmware: firmware.as_ref().map(|file| folder.join(file)),
            }
        }
        (None, Some(firmware), None) => Subject::Firmware(folder.join(firmware)),
        (None, None, Some(model)) => Subject::Model(folder.join(model)),
        (None, None, None) if run.sweep.keys().any(|name| matches!(name.get_ref().as_str(), "scenario" | "opt" | "model")) => {
            Subject::Firmware(PathBuf::new())
        }
        (None, None, None) => return wrong("a run needs a scenario, a firmware file or a model"),
        _ => return wrong("a run has a scenario and firmware for it, or a model, not both"),
    };
    let mut point = Point::scenario("");
    point.subject = subject;
    point.name.clone_from(&run.name);
    point.sample = run.sample.unwrap_or(0);
    point.prefetch = run.prefetch;
    if let Some(clock) = &run.clock {
        let parsed = clock.get_ref().parse::<Hz>();
        match parsed {
            Ok(hz @ Hz(1..=72_000_000)) => point.clock = Some(hz),
            Ok(hz) => return Err(text.wrong(clock.span().start, &format!("{hz} is above 72 MHz"))),
            Err(why) => return Err(text.wrong(clock.span().start, why)),
        }
    }
    if let Some(states) = &run.wait_states {
        match *states.get_ref() {
            valid @ 0..=2 => point.wait_states = Some(valid),
            other => return Err(text.wrong(states.span().start, &format!("{other} wait states; 0, 1 and 2 are possible"))),
        }
    }
    if run.name.as_ref().is_some_and(|name| name.is_empty() || name.contains(['@', '#', ','])) {
        return wrong("a run's name must not be empty, nor have @, # or a comma in it");
    }
    Ok(point)
}

fn limits(text: &Text<'_>, given: &[Spanned<String>]) -> Result<Vec<Limit>> {
    // After the opening quote.
    let limit = |limit: &Spanned<String>| {
        Limit::parse(limit.get_ref()).map_err(|(what, at)| text.wrong(limit.span().start + 1 + at, &what))
    };
    given.iter().map(limit).collect()
}

fn tolerances(text: &Text<'_>, given: &Spanned<ToleranceFile>) -> Result<Tolerances> {
    let wrong = |at: usize| move |what: String| text.wrong(at, &what);
    let mut all = Tolerances::default();
    match given.get_ref() {
        ToleranceFile::All(slack) => all.0.push(Tolerances::parse(slack).map_err(wrong(given.span().start))?),
        ToleranceFile::Each(each) => {
            for (name, bounds) in each {
                let quantity = match name.get_ref().as_str() {
                    "all" => None,
                    metric => Some(Quantity::parse(metric).map_err(wrong(name.span().start))?),
                };
                let unit = quantity.as_ref().map_or(Unit::Count, Quantity::unit);
                let slack = |bound: &Spanned<String>| Slack::parse(bound.get_ref(), unit).map_err(wrong(bound.span().start));
                let tolerance = match bounds.get_ref() {
                    BoundsFile::Both(bound) => {
                        let slack = Slack::parse(bound, unit).map_err(wrong(bounds.span().start))?;
                        Tolerance { soft: slack, hard: slack }
                    }
                    BoundsFile::Two(TwoBounds { soft: None, hard: None }) => {
                        return Err(text.wrong(bounds.span().start, "a tolerance needs soft, hard or both"));
                    }
                    BoundsFile::Two(TwoBounds { soft, hard }) => {
                        let (soft, hard) = (soft.as_ref().map(slack).transpose()?, hard.as_ref().map(slack).transpose()?);
                        // A soft bound alone only points out; a hard one alone is silent up to it.
                        Tolerance {
                            soft: soft.or(hard).unwrap_or(Slack::NONE),
                            hard: hard.unwrap_or(Slack::Absolute(f64::INFINITY)),
                        }
                    }
                };
                all.0.push((quantity, tolerance));
            }
            // What is for all comes first, so that the others decide.
            all.0.sort_by_key(|(quantity, _)| quantity.is_some());
        }
    }
    Ok(all)
}

/// serde's message about a key that is none, with the nearest that is.
fn with_nearest(message: &str) -> String {
    let Some(rest) = message.strip_prefix("unknown field `") else { return message.to_owned() };
    let mut names = rest.split('`').step_by(2);
    let unknown = names.next().unwrap_or_default();
    let known: Vec<&str> = names.collect();
    match nearest(unknown, known.iter().copied().filter(|name| !name.is_empty())) {
        Some(near) => format!("there is no key '{unknown}'; did you mean '{near}'?"),
        None => format!("there is no key '{unknown}'; there are {}", known.join(", ").trim_end_matches(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_located() {
        for (text, says) in [
            ("[[run]]\nscenaro = \"anomaly\"\n", "line 2, column 1: there is no key 'scenaro'; did you mean 'scenario'?"),
            ("limit = []\n", "line 1, column 1: there is no key 'limit'; did you mean 'limits'?"),
            ("limits = [\"cicles <= 1\"]\n[[run]]\nscenario = \"anomaly\"\n", "line 1, column 12: there is no metric 'cicles'"),
            ("[[run]]\nscenario = \"anomaly\"\nlimits = [\"cycles <= 1x\"]\n", "line 3, column 21: 'x' is no unit"),
            ("[[run]]\nname = \"x\"\n", "line 1, column 1: a run needs a scenario"),
            ("[[run]]\nscenario = \"anomaly\"\nclock = \"99MHz\"\n", "line 3, column 9: 99 MHz is above 72 MHz"),
            (
                "[[run]]\nscenario = \"anomaly\"\nsweep = { clok = [\"8MHz\"] }\n",
                "line 3, column 11: there is no sweep over 'clok'",
            ),
            ("samples = 3\n", "names nothing to run"),
            (
                "[tolerance]\nall = \"1%\"\ncicles = \"1%\"\n[[run]]\nscenario = \"anomaly\"\n",
                "line 3, column 1: there is no metric 'cicles'; did you mean 'cycles'?",
            ),
            (
                "[tolerance]\ncycles = { sotf = \"1%\" }\n[[run]]\nscenario = \"anomaly\"\n",
                "line 2, column 12: there is no key 'sotf'; did you mean 'soft'?",
            ),
            ("[tolerance]\ncycles = {}\n[[run]]\nscenario = \"anomaly\"\n", "line 2, column 10: a tolerance needs soft, hard"),
            ("[tolerance]\ncycles = { hard = \"5x\" }\n[[run]]\nscenario = \"anomaly\"\n", "line 2, column 19: 'x' is no unit"),
            ("tolerance = 1\n[[run]]\nscenario = \"anomaly\"\n", "line 1, column 13: "),
        ] {
            let failure = parse("s.toml", text, Path::new("")).expect_err(text);
            assert!(failure.0.message.contains(says), "{text}: {}", failure.0.message);
        }
    }

    #[test]
    fn tolerances_are_soft_and_hard_and_a_runs_own_decide() {
        let text = "[tolerance]\nall = \"1%\"\ncycles = { soft = \"1%\", hard = \"5%\" }\n\
                    [[run]]\nscenario = \"anomaly\"\ntolerance = { cycles = \"0\" }\n[[run]]\nscenario = \"image\"\n";
        let suite = parse("s.toml", text, Path::new("")).expect("sound");
        let cycles = Quantity::Metric("cycles");
        assert_eq!(suite.tolerances("anomaly@stm32f103c8").of(&cycles).hard, Slack::Absolute(0.0));
        assert_eq!(suite.tolerances("image@stm32f103c8").of(&cycles).hard, Slack::Relative(0.05));
        assert_eq!(suite.tolerances("image@stm32f103c8").of(&Quantity::Metric("flash_used")).hard, Slack::Relative(0.01));
    }
}
