//! What it is: one run under many conditions: the axes of a sweep, the points they span, which of the results nobody beats, the smallest
//! chip that is fast enough.
//! Source: [`super::campaign`]; a result is on the Pareto front when no other is at least as good in both latency and SRAM and better in one.
//! Does not model: prices: within the family a chip with less flash, then less SRAM, is taken as the cheaper one.
//! Tested by: the tests below; `tests/suite.rs`.

use super::campaign::{CampaignReport, Point, Subject};
use super::record::Record;
use crate::chip::Chip;
use crate::finding::{Exit, Result, nearest};
use crate::units::Hz;
use std::path::{Path, PathBuf};

/// The axes by name.
pub const AXES: &[&str] = &["clock", "wait-states", "prefetch", "chip", "scenario", "opt", "model"];

/// One axis and its values.
#[derive(Clone, Debug, PartialEq)]
pub enum Axis {
    /// Core clocks.
    Clock(Vec<Hz>),
    /// Flash wait states.
    WaitStates(Vec<u8>),
    /// Prefetch buffer on or off.
    Prefetch(Vec<bool>),
    /// Chips.
    Chip(Vec<String>),
    /// Scenarios.
    Scenario(Vec<String>),
    /// The same firmware, built in different ways.
    Opt(Vec<PathBuf>),
    /// Models, in the built-in runner.
    Model(Vec<PathBuf>),
}

impl Axis {
    /// `clock=8,24,48,72MHz`, `chip=all`, `opt=app-Os.elf,app-O2.elf`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        let Some((name, values)) = text.split_once('=') else {
            return Err(format!("'{text}' is no sweep, as clock=8,24,48,72MHz"));
        };
        Self::of(name.trim(), &split(values), Path::new(""))
    }

    /// The axis of that name; files lie in `folder`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(name: &str, values: &[String], folder: &Path) -> std::result::Result<Self, String> {
        if values.is_empty() {
            return Err(format!("the sweep over {name} has no values"));
        }
        let files = || values.iter().map(|value| folder.join(value)).collect();
        match name {
            "clock" => clocks(values).map(Axis::Clock),
            "wait-states" => {
                let states = |value: &String| match value.parse() {
                    Ok(states @ 0..=2_u8) => Ok(states),
                    _ => Err(format!("'{value}' is no number of wait states; 0, 1 and 2 are")),
                };
                values.iter().map(states).collect::<std::result::Result<_, _>>().map(Axis::WaitStates)
            }
            "prefetch" => {
                let state = |value: &String| match value.as_str() {
                    "on" => Ok(true),
                    "off" => Ok(false),
                    _ => Err(format!("'{value}' is no state of the prefetch buffer; on and off are")),
                };
                values.iter().map(state).collect::<std::result::Result<_, _>>().map(Axis::Prefetch)
            }
            "chip" if *values == ["all"] => Ok(Axis::Chip(Chip::built_in().into_iter().map(|chip| chip.name).collect())),
            "chip" => Ok(Axis::Chip(values.to_vec())),
            "scenario" => Ok(Axis::Scenario(values.to_vec())),
            "opt" => Ok(Axis::Opt(files())),
            "model" => Ok(Axis::Model(files())),
            other => {
                let near = nearest(other, AXES.iter().copied());
                let near =
                    near.map_or_else(|| format!("there are {}", AXES.join(", ")), |near| format!("did you mean '{near}'?"));
                Err(format!("there is no sweep over '{other}'; {near}"))
            }
        }
    }

    /// The point at each of the values.
    fn spread(&self, point: &Point) -> Vec<Point> {
        let with = |change: &dyn Fn(&mut Point)| {
            let mut point = point.clone();
            change(&mut point);
            point
        };
        match self {
            Axis::Clock(values) => values.iter().map(|value| with(&|point| point.clock = Some(*value))).collect(),
            Axis::WaitStates(values) => values.iter().map(|value| with(&|point| point.wait_states = Some(*value))).collect(),
            Axis::Prefetch(values) => values.iter().map(|value| with(&|point| point.prefetch = Some(*value))).collect(),
            Axis::Chip(values) => values.iter().map(|value| with(&|point| point.chip = Some(value.clone()))).collect(),
            Axis::Scenario(values) => {
                // Builds that are swept, too, may have been put in place before.
                let firmware = match &point.subject {
                    Subject::Scenario { firmware, .. } => firmware.clone(),
                    Subject::Firmware(file) if *file != Path::new("") => Some(file.clone()),
                    _ => None,
                };
                let subject = |spec: &String| Subject::Scenario { spec: spec.clone(), firmware: firmware.clone() };
                values.iter().map(|value| with(&|point| point.subject = subject(value))).collect()
            }
            Axis::Opt(files) => {
                let build = |(file, name): (&PathBuf, String)| {
                    with(&|point| {
                        point.axes.insert("opt".to_owned(), name.clone());
                        point.subject = match &point.subject {
                            Subject::Scenario { spec, .. } if !spec.is_empty() => {
                                Subject::Scenario { spec: spec.clone(), firmware: Some(file.clone()) }
                            }
                            _ => Subject::Firmware(file.clone()),
                        };
                    })
                };
                files.iter().zip(names(files)).map(build).collect()
            }
            Axis::Model(files) => {
                let model = |(file, name): (&PathBuf, String)| {
                    with(&|point| {
                        point.subject = Subject::Model(file.clone());
                        // The file's name is the result's; of two of one name, the folder tells them apart.
                        if name.contains('/') {
                            point.axes.insert("model".to_owned(), name.clone());
                        }
                    })
                };
                files.iter().zip(names(files)).map(model).collect()
            }
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Axis::Clock(_) => "clock",
            Axis::WaitStates(_) => "wait-states",
            Axis::Prefetch(_) => "prefetch",
            Axis::Chip(_) => "chip",
            Axis::Scenario(_) => "scenario",
            Axis::Opt(_) => "opt",
            Axis::Model(_) => "model",
        }
    }
}

/// Every combination, the last axis changing fastest.
#[must_use]
pub fn spread(points: Vec<Point>, axes: &[Axis]) -> Vec<Point> {
    axes.iter().fold(points, |points, axis| points.iter().flat_map(|point| axis.spread(point)).collect())
}

/// What tells files apart: their names without extension, with as many folders as that takes: `O2/app`, `Os/app`.
fn names(files: &[PathBuf]) -> Vec<String> {
    let name = |file: &PathBuf, folders: usize| {
        let file = file.with_extension("");
        let parts: Vec<_> = file.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
        parts.get(parts.len().saturating_sub(folders + 1)..).unwrap_or_default().join("/")
    };
    let deepest = files.iter().map(|file| file.components().count()).max().unwrap_or(0);
    let all = |folders: usize| files.iter().map(|file| name(file, folders)).collect::<Vec<_>>();
    let apart = |names: &Vec<String>| names.iter().collect::<std::collections::BTreeSet<_>>().len() == names.len();
    // The same file twice is found out later.
    (0..deepest).map(all).find(apart).unwrap_or_else(|| all(0))
}

/// At commas, except those within `virtual:flash=4M,sram=256K`.
fn split(values: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in values.split(',').map(str::trim) {
        match parts.last_mut() {
            Some(last) if last.starts_with("virtual:") && part.contains('=') && !part.contains(':') => {
                last.push(',');
                last.push_str(part);
            }
            _ => parts.push(part.to_owned()),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// A unit that only the last value has is that of all.
fn clocks(values: &[String]) -> std::result::Result<Vec<Hz>, String> {
    let unit = values.last().map_or("", |last| last.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.'));
    let clock = |value: &String| {
        let bare = value.chars().all(|c| c.is_ascii_digit() || c == '.');
        let text = if bare { format!("{value}{unit}") } else { value.clone() };
        match text.parse() {
            Ok(clock @ Hz(1..=72_000_000)) => Ok(clock),
            Ok(clock) => Err(format!("{clock} is above 72 MHz")),
            Err(why) => Err(format!("'{text}': {why}")),
        }
    };
    values.iter().map(clock).collect()
}

/// A result's place in the plane of latency and SRAM.
fn place(record: &Record) -> Option<(f64, u64)> {
    Some((record.inference.as_ref()?.latency_us, record.sram_peak()?))
}

/// Which of the results are on the Pareto front of latency against SRAM: among those of one subject, none is as good in both and better
/// in one.
#[must_use]
pub fn pareto(records: &[Record]) -> Vec<bool> {
    let better = |other: &Record, than: &Record| match (place(other), place(than)) {
        (Some(other_place), Some(than_place)) => {
            other.is_fine() && (other_place.0 <= than_place.0 && other_place.1 <= than_place.1) && other_place != than_place
        }
        _ => false,
    };
    let on_front = |record: &Record| {
        record.is_fine()
            && place(record).is_some()
            && !records.iter().any(|other| same_task(other, record) && better(other, record))
    };
    records.iter().map(on_front).collect()
}

/// Whether two results do the same: models of one sweep compete, scenarios do not.
fn same_task(a: &Record, b: &Record) -> bool {
    match (&a.scenario, &b.scenario) {
        (None, None) => a.name == b.name,
        (a, b) => a == b,
    }
}

/// The cheapest real chip whose result keeps the latency: the one with the least flash, then the least SRAM, then the least latency.
#[must_use]
pub fn cheapest(records: &[Record], within_us: f64) -> Option<&Record> {
    let fast = |record: &&Record| {
        let latency = record.inference.as_ref().map(|inference| inference.latency_us);
        record.is_fine() && !record.chip.name.starts_with("virtual:") && latency.is_some_and(|us| us <= within_us)
    };
    let latency = |record: &Record| record.inference.as_ref().map_or(f64::INFINITY, |inference| inference.latency_us);
    records.iter().filter(fast).min_by(|a, b| {
        let size = |record: &Record| (record.chip.flash_bytes, record.chip.sram_bytes);
        size(a).cmp(&size(b)).then(latency(a).total_cmp(&latency(b)))
    })
}

/// The exit code of a search for the cheapest: a chip that is too small or too slow is then an answer, no failure. 3 where none is fast
/// enough, 6 where none holds it.
///
/// # Errors
/// `internal`, if a row of the report is none.
pub fn exit_code(report: &CampaignReport, within_us: f64) -> Result<u8> {
    let records = report.records()?;
    let (too_small, ran): (Vec<Record>, Vec<Record>) =
        records.into_iter().partition(|record| record.outcome.code == Exit::DoesNotFit as u8);
    if ran.is_empty() && !too_small.is_empty() {
        return Ok(Exit::DoesNotFit as u8);
    }
    let slow = if cheapest(&ran, within_us).is_none() { Exit::Regression as u8 } else { Exit::Fine as u8 };
    let failed = ran.iter().map(|record| record.outcome.code).max().unwrap_or(0);
    Ok(slow.max(failed).max(report.limits_code()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_of_one_name_are_told_apart_by_their_folders() {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(names(&paths(&["b/app-Os.elf", "app-O2.elf"])), ["app-Os", "app-O2"]);
        assert_eq!(names(&paths(&["b/Os/app.elf", "b/O2/app.elf"])), ["Os/app", "O2/app"]);
        assert_eq!(names(&paths(&["Os/b/app.elf", "O2/b/app.elf"])), ["Os/b/app", "O2/b/app"]);
        assert_eq!(names(&paths(&["app.elf", "app.elf"])), ["app", "app"]);
    }

    #[test]
    fn axes_are_read() {
        assert_eq!(Axis::parse("clock=8,24,48,72MHz"), Ok(Axis::Clock([8, 24, 48, 72].map(|mhz| Hz(mhz * 1_000_000)).to_vec())));
        assert_eq!(Axis::parse("clock=500kHz,8MHz"), Ok(Axis::Clock(vec![Hz(500_000), Hz(8_000_000)])));
        assert_eq!(
            Axis::parse("chip=stm32f103c8,virtual:flash=4M,sram=256K"),
            Ok(Axis::Chip(vec!["stm32f103c8".to_owned(), "virtual:flash=4M,sram=256K".to_owned()]))
        );
        for (text, says) in [
            ("clock=100MHz", "above 72 MHz"),
            ("wait-states=0,3", "'3' is no number of wait states"),
            ("clok=8MHz", "did you mean 'clock'?"),
            ("chip=", "has no values"),
            ("72MHz", "is no sweep"),
        ] {
            assert!(Axis::parse(text).expect_err(text).contains(says), "{text}");
        }
    }

    #[test]
    fn axes_span_every_combination() {
        let axes = [Axis::WaitStates(vec![0, 2]), Axis::Prefetch(vec![true, false])];
        let points = spread(vec![Point::scenario("anomaly")], &axes);
        let found: Vec<_> = points.iter().map(|point| (point.wait_states, point.prefetch)).collect();
        assert_eq!(found, [(Some(0), Some(true)), (Some(0), Some(false)), (Some(2), Some(true)), (Some(2), Some(false))]);
    }
}
