//! What it is: one run and its conditions: what a suite names, what a sweep spans, what repeats a result on file.
//! Source: the project's command line contract, "Options that mean the same everywhere".
//! Does not model: whether it can be run; [`super::run()`] finds that out.
//! Tested by: `tests/suite.rs`, `tests/baseline.rs`.

use crate::chip::Chip;
use crate::machine::Overrides;
use crate::report::bench::Samples;
use crate::report::bounds::Limit;
use crate::report::record::Record;
use crate::units::Hz;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What one run runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A scenario, with its own firmware or another.
    Scenario {
        /// Its name or file.
        spec: String,
        /// Instead of its own.
        firmware: Option<PathBuf>,
    },
    /// Firmware alone.
    Firmware(PathBuf),
    /// A model in the built-in runner.
    Model(PathBuf),
}

/// One run and its conditions.
#[derive(Clone, Debug)]
pub struct Point {
    /// The name that a suite gives it.
    pub name: Option<String>,
    /// What is run.
    pub subject: Subject,
    /// On which chip; without, the scenario's, or the C8.
    pub chip: Option<String>,
    /// What if the core ran at another clock.
    pub clock: Option<Hz>,
    /// What if flash had other wait states.
    pub wait_states: Option<u8>,
    /// What if the prefetch buffer were on or off.
    pub prefetch: Option<bool>,
    /// The sample whose costs are reported.
    pub sample: usize,
    /// What the rates are over.
    pub samples: Samples,
    /// What the result must keep.
    pub limits: Vec<Limit>,
    /// A sweep's coordinates that are no condition above: `opt: app-O2`.
    pub axes: BTreeMap<String, String>,
}

impl Point {
    /// A scenario as it is.
    #[must_use]
    pub fn scenario(spec: &str) -> Self {
        Self {
            name: None,
            subject: Subject::Scenario { spec: spec.to_owned(), firmware: None },
            chip: None,
            clock: None,
            wait_states: None,
            prefetch: None,
            sample: 0,
            samples: Samples::All,
            limits: Vec::new(),
            axes: BTreeMap::new(),
        }
    }

    /// The point of a result on file: what is run to repeat it. Its scenario must be built in.
    #[must_use]
    pub fn of(record: &Record) -> Option<Self> {
        let scenario = record.scenario.as_ref()?;
        let conditions = record.conditions();
        let mut point = Self::scenario(&scenario.name);
        point.name.clone_from(&record.name);
        point.chip = Some(record.chip.name.clone());
        point.sample = scenario.sample.unwrap_or(0);
        point.samples =
            Samples::AtMost(record.eval.as_ref().map_or(0, |eval| usize::try_from(eval.samples).unwrap_or(usize::MAX)));
        for (axis, value) in conditions {
            match axis.as_str() {
                "clock" => point.clock = value.parse().ok(),
                "wait-states" => point.wait_states = value.parse().ok(),
                "prefetch" => point.prefetch = Some(value == "on"),
                "chip" | "scenario" => {}
                _ => return None,
            }
        }
        Some(point)
    }

    /// By axis, as they stand in a result's key.
    pub(super) fn conditions(&self) -> BTreeMap<String, String> {
        let mut all = self.axes.clone();
        let given = [
            ("clock", self.clock.map(|clock| clock.to_string().replace(' ', ""))),
            ("wait-states", self.wait_states.map(|states| states.to_string())),
            ("prefetch", self.prefetch.map(|on| if on { "on" } else { "off" }.to_owned())),
        ];
        all.extend(given.into_iter().filter_map(|(axis, value)| Some((axis.to_owned(), value?))));
        all
    }

    /// Flash settings that replace the firmware's own on that chip.
    pub(super) fn overrides(&self, chip: &Chip) -> Overrides {
        let wait_states = self.wait_states.or_else(|| self.clock.and_then(|clock| chip.wait_states_for(clock)));
        Overrides { wait_states, prefetch: self.prefetch }
    }
}
