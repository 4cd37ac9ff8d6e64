//! What it is: the options that choose what is run, many runs at a time, and where their results go besides the report.
//! Source: the command line contract; [`crate::report::suite`], [`crate::report::sweep`].
//! Does not model: what is done with the results; `bench` and `check` do.
//! Tested by: `tests/suite.rs`, `tests/campaign.rs`.

use super::conditions::Conditions;
use super::eval::{count, jobs, shard};
use super::{Output, progress};
use crate::finding::{Code, Failure, Finding, Result};
use crate::report::bench::Samples;
use crate::report::bounds::{Limit, Tolerance, Tolerances};
use crate::report::campaign::{self, CampaignReport, Point, Settings, Step};
use crate::report::ci::{self, Case};
use crate::report::eval::Shard;
use crate::report::journal::Journal;
use crate::report::metric::Quantity;
use crate::report::record::{Document, Record};
use crate::report::suite::{self, Suite};
use crate::report::sweep::{Axis, spread};
use crate::report::{plot, rows};
use crate::scenario::names;
use clap::Args;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// What is run.
#[derive(Debug, Args)]
pub(super) struct Points {
    /// Only this scenario: a built-in one, or a file ending in .toml; may be repeated [default: all built-in ones]
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) scenario: Vec<String>,
    /// What a suite names (stm32sim.toml): runs, limits, tolerances
    #[arg(long, value_name = "FILE", conflicts_with = "scenario")]
    pub(super) suite: Option<PathBuf>,
    /// Each run at each of the values: clock=8,24,48,72MHz, wait-states=0,1,2, prefetch=on,off, chip=all, scenario=…, opt=A.elf,B.elf,
    /// model=A.tflite; may be repeated
    #[arg(long, value_name = "AXIS=V,…", value_parser = Axis::parse)]
    pub(super) sweep: Vec<Axis>,
    /// Accuracy over at most N samples of each scenario, evenly spread; 0: costs alone
    #[arg(long, value_name = "N")]
    pub(super) samples: Option<usize>,
    /// A limit that every run must keep, as 'cycles <= 1.2M'; may be repeated
    #[arg(long = "require", value_name = "LIMIT", value_parser = limit)]
    pub(super) limits: Vec<Limit>,
    /// How many machines run at a time [default: the computer's processors]
    #[arg(long, value_name = "J", value_parser = count)]
    pub(super) jobs: Option<NonZeroUsize>,
    /// Only part K of N parts of the runs: every N-th, from the K-th on; merge joins the parts
    #[arg(long, value_name = "K/N", value_parser = shard)]
    pub(super) shard: Option<Shard>,
    /// Keep finished runs in a file, from which the same command continues after a kill; removed at the end
    #[arg(long, value_name = "FILE")]
    pub(super) journal: Option<PathBuf>,
    #[command(flatten)]
    pub(super) conditions: Conditions,
}

/// Where results go besides the report.
#[derive(Debug, Args)]
pub(super) struct Emit {
    /// Also write the results as KIND: junit, sarif, gitlab, markdown, badge or annotations, to a file or - for standard output; may be
    /// repeated
    #[arg(long, value_name = "KIND=FILE", value_parser = emit)]
    emit: Vec<(Kind, PathBuf)>,
    /// For GitHub Actions: annotations on standard output, and Markdown added to the step's summary
    #[arg(long)]
    github: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Junit,
    Sarif,
    Gitlab,
    Markdown,
    Badge,
    Annotations,
}

const KINDS: &[(&str, Kind)] = &[
    ("junit", Kind::Junit),
    ("sarif", Kind::Sarif),
    ("gitlab", Kind::Gitlab),
    ("markdown", Kind::Markdown),
    ("badge", Kind::Badge),
    ("annotations", Kind::Annotations),
];

fn emit(text: &str) -> std::result::Result<(Kind, PathBuf), String> {
    let (kind, file) = text.split_once('=').ok_or_else(|| format!("'{text}' is not as junit=FILE"))?;
    let known = KINDS.iter().find(|(name, _)| *name == kind);
    let (_, kind) = known.ok_or_else(|| {
        let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        format!("'{kind}' is none of {}", names.join(", "))
    })?;
    Ok((*kind, PathBuf::from(file)))
}

fn limit(text: &str) -> std::result::Result<Limit, String> {
    Limit::parse(text).map_err(|(what, _)| what)
}

/// As `--tolerance` takes them.
pub(super) fn tolerance(text: &str) -> std::result::Result<(Option<Quantity>, Tolerance), String> {
    Tolerances::parse(text)
}

impl Emit {
    /// Whether anything was asked for.
    pub(super) fn wanted(&self) -> bool {
        self.github || !self.emit.is_empty()
    }

    /// Writes what was asked for.
    pub(super) fn write(&self, cases: &[Case], output: &Output) -> Result<()> {
        for (kind, file) in &self.emit {
            let text = match kind {
                Kind::Junit => ci::junit::junit(cases),
                Kind::Sarif => pretty(&ci::sarif::sarif(cases))?,
                Kind::Gitlab => pretty(&ci::gitlab::gitlab(cases))?,
                Kind::Markdown => ci::markdown::markdown(cases),
                Kind::Badge => ci::badge::badge(cases),
                Kind::Annotations => ci::annotations::annotations(cases),
            };
            if file == Path::new("-") { output.print(&text)? } else { super::output::save(file, text.as_bytes())? }
        }
        if self.github {
            output.print(&ci::annotations::annotations(cases))?;
            if let Some(summary) = std::env::var_os("GITHUB_STEP_SUMMARY") {
                super::output::append(Path::new(&summary), ci::markdown::markdown(cases).as_bytes())?;
            }
        }
        Ok(())
    }
}

fn pretty(value: &serde_json::Value) -> Result<String> {
    serde_json::to_string_pretty(value)
        .map(|text| format!("{text}\n"))
        .map_err(|error| Failure::new(Code::Internal, format!("a report cannot be written as JSON: {error}")))
}

/// What has been chosen.
pub(super) struct Chosen {
    pub(super) points: Vec<Point>,
    pub(super) suite: Option<Suite>,
}

impl Points {
    /// The points; where neither a suite nor a scenario is named, those of `instead`.
    pub(super) fn choose(&self, instead: Option<&Document>) -> Result<Chosen> {
        let suite = self.suite.as_deref().map(suite::load).transpose()?;
        let mut points = match (&suite, instead) {
            (Some(suite), _) => suite.points.clone(),
            (None, Some(document)) if self.scenario.is_empty() => again(document)?,
            // Models and builds are swept without a scenario.
            (None, _) if self.scenario.is_empty() && self.sweeps(&["model", "scenario", "opt"]) => vec![Point::scenario("")],
            (None, _) if self.scenario.is_empty() => names().map(Point::scenario).collect(),
            (None, _) => self.scenario.iter().map(|spec| Point::scenario(spec)).collect(),
        };
        for point in &mut points {
            if let Some(chip) = &self.conditions.chip {
                point.chip = Some(chip.clone());
            }
            point.clock = self.conditions.clock.or(point.clock);
            point.wait_states = self.conditions.wait_states().or(point.wait_states);
            point.prefetch = self.conditions.prefetch().or(point.prefetch);
            if let Some(samples) = self.samples {
                point.samples = Samples::AtMost(samples);
            }
            point.limits.extend(self.limits.iter().cloned());
        }
        Ok(Chosen { points: spread(points, &self.sweep), suite })
    }

    fn sweeps(&self, axes: &[&str]) -> bool {
        self.sweep.iter().any(|axis| axes.contains(&axis.name()))
    }

    /// Runs them. Ctrl-C stops after what is under way.
    pub(super) fn run(&self, points: &[Point], output: &Output) -> Result<(CampaignReport, Option<Journal>)> {
        let settings = Settings { jobs: jobs(self.jobs), fidelity: self.conditions.fidelity(), limit: self.conditions.limit };
        let bar = progress::bar(output, "", 0);
        let shard = self.shard.map(|shard| (shard.index, shard.count));
        let report = campaign::run(points, &settings, shard, self.journal.as_deref(), stop_on_interrupt(), &|step| match step {
            Step::Begin(points) => bar.inc_length(points as u64),
            Step::Running(label) => bar.set_prefix(label.to_owned()),
            Step::Done => bar.inc(1),
        });
        bar.finish_and_clear();
        report
    }

    /// What is wrong when the user has stopped it; to be said after what was finished has been reported.
    pub(super) fn interrupted(&self, missing: usize) -> Result<()> {
        if missing == 0 {
            return Ok(());
        }
        let mut finding = Finding::new(Code::Interrupted, format!("stopped: {missing} runs were not made"));
        if let Some(journal) = &self.journal {
            finding = finding.help(format!("{} keeps what is done: the same command continues.", journal.display()));
        }
        Err(finding.into())
    }
}

/// The points of what is on file.
fn again(document: &Document) -> Result<Vec<Point>> {
    let point = |record: &Record| {
        let known = record.scenario.as_ref().is_some_and(|scenario| names().any(|name| name == scenario.name));
        let point = if known { Point::of(record) } else { None };
        point.ok_or_else(|| {
            let message =
                format!("{} has {}, which is no built-in scenario and cannot be repeated from it", document.path, record.key());
            Finding::new(Code::BadUsage, message).help("Name what made it: --suite FILE, or --scenario FILE.toml.").into()
        })
    };
    document.records.iter().map(point).collect()
}

/// A flag that Ctrl-C sets; the second Ctrl-C ends the process at once.
pub(super) fn stop_on_interrupt() -> &'static AtomicBool {
    static STOP: AtomicBool = AtomicBool::new(false);
    // Where no handler can be set, Ctrl-C ends the process, as without one.
    let _ = ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    &STOP
}

/// Writes results as plain rows: CSV where the file's name says so, else JSON Lines.
pub(super) fn save_rows(path: &Path, records: &[Record]) -> Result<()> {
    let columns: Vec<_> = records.iter().map(rows::columns).collect();
    super::output::save(path, rows::text(path, &columns).as_bytes())
}

/// Writes the picture of a sweep.
pub(super) fn save_plot(path: &Path, records: &[Record]) -> Result<()> {
    super::output::save(path, plot::svg(records).as_bytes())
}
