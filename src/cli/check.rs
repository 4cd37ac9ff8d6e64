//! What it is: `stm32sim check`: run again what a baseline or a suite holds, compare, and say what became worse.
//! Source: [`crate::report::campaign`], [`crate::report::compare`], [`crate::report::baseline`].
//! Does not model: anything.
//! Tested by: `tests/baseline.rs`, `tests/suite.rs`.

use super::points::{Emit, Points, tolerance};
use super::{Format, Output, output};
use crate::finding::{Code, Finding, Result};
use crate::report::baseline::{merged, text};
use crate::report::bounds::{Tolerance, Tolerances};
use crate::report::campaign::CampaignReport;
use crate::report::ci;
use crate::report::compare::{Comparison, Strictness, compare_with};
use crate::report::metric::Quantity;
use crate::report::record::Document;
use crate::report::{View, campaign_table, compare_table};
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(
    after_help = "Without --suite and --scenario, what the baseline holds is run. Results are deterministic, so by default nothing \
is tolerated. Exit code 3 when a row became worse, broke a limit, or is in the baseline and no longer run; 5 when firmware faulted; the \
highest counts.

Examples:
  stm32sim check --baseline baseline.json
  stm32sim check --suite stm32sim.toml --github --emit junit=results.xml
  stm32sim check --baseline baseline.json --tolerance 1% --tolerance stack_peak=16
  stm32sim check --baseline baseline.json --update"
)]
pub(super) struct CheckArgs {
    /// The results to compare with; made by bench --save-baseline [default: the suite's]
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    #[command(flatten)]
    points: Points,
    #[command(flatten)]
    judge: Judge,
    /// Save the new results in the baseline's place, after showing what changes
    #[arg(long)]
    update: bool,
    /// With --update: drop the baseline's rows that were not run
    #[arg(long, requires = "update")]
    prune: bool,
    #[command(flatten)]
    emit: Emit,
}

/// How far results may move.
#[derive(Debug, Args)]
pub(super) struct Judge {
    /// What is no regression: 1% of every metric, or cycles=1%, stack_peak=16 of one; may be repeated
    #[arg(long, value_name = "[METRIC=]SLACK", value_parser = tolerance)]
    tolerance: Vec<(Option<Quantity>, Tolerance)>,
    /// Fail on any change: what is better, new or gone, too
    #[arg(long)]
    exact: bool,
}

impl Judge {
    /// The options' tolerances, after those given.
    pub(super) fn tolerances(&self, mut first: Tolerances) -> Tolerances {
        first.0.extend(self.tolerance.iter().cloned());
        first
    }

    /// How strict to be: as strict as `least`, or exact.
    pub(super) fn strictness(&self, least: Strictness) -> Strictness {
        if self.exact { Strictness::Exact } else { least }
    }
}

/// Both parts of the outcome.
#[derive(Serialize)]
struct CheckReport<'a> {
    #[serde(flatten)]
    report: &'a CampaignReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<&'a Comparison>,
}

pub(super) fn run(args: &CheckArgs, output: &Output) -> Result<u8> {
    if !matches!(output.format, Format::Table | Format::Json | Format::Markdown) {
        return Err(output.unsupported("check", "table, json and markdown"));
    }
    if args.points.shard.is_some() {
        return Err(Finding::new(Code::BadUsage, "check compares whole results, not a part of them")
            .help("Run the parts with bench --shard, join them with merge, then compare.")
            .into());
    }
    let given = args.baseline.as_deref().map(|path| known(path, args.update)).transpose()?;
    let chosen = args.points.choose(given.as_ref().filter(|given| !given.records.is_empty()))?;
    let path = args.baseline.clone().or_else(|| chosen.suite.as_ref().and_then(|suite| suite.baseline.clone()));
    let old = match (given, &path) {
        (Some(given), _) => Some(given),
        (None, Some(path)) => Some(known(path, args.update)?),
        (None, None) => None,
    };
    if path.is_none() && chosen.suite.is_none() {
        return Err(Finding::new(Code::BadUsage, "there is nothing to check against")
            .help("Give --baseline FILE (made by stm32sim bench --save-baseline FILE), or --suite FILE with limits.")
            .into());
    }
    if path.is_none() && args.update {
        return Err(Finding::new(Code::BadUsage, "--update has nowhere to save the results")
            .help("Give --baseline FILE, or baseline = \"FILE\" in the suite.")
            .into());
    }
    let (report, journal) = args.points.run(&chosen.points, output)?;
    let records = report.records()?;
    let new = Document { path: "this run".to_owned(), records };
    let comparison = match &old {
        Some(old) => {
            let own = |key: &str| chosen.suite.as_ref().map_or_else(Tolerances::default, |suite| suite.tolerances(key));
            // With --update another timing model is what is being recorded, not a mistake.
            let before = if args.update { same_model(old, &new) } else { old.clone() };
            // What was not asked for, or not come to when the user stopped it, is not gone.
            let all = args.points.scenario.is_empty() && report.missing == 0;
            let before = if all { before } else { asked_for(before, &new) };
            let strictness = args.judge.strictness(Strictness::Gone);
            Some(compare_with(&before, &new, &|key| args.judge.tolerances(own(key)), strictness)?)
        }
        None => None,
    };
    let cases = ci::cases(Some(&report), comparison.as_ref())?;
    let saved = match &path {
        Some(path) if args.update && report.missing == 0 => Some(save(path, old.as_ref(), &new, args.prune)),
        _ => None,
    };
    // The difference is shown even where it cannot be saved.
    let file = match (&saved, &path) {
        (Some(Ok(())), Some(path)) => Some(path.display().to_string()),
        _ => None,
    };
    let view = View { sweep: !args.points.sweep.is_empty(), within_us: None, saved: None };
    match output.format {
        Format::Json => output.json(&CheckReport { report: &report, comparison: comparison.as_ref() })?,
        Format::Markdown => output.text(&ci::markdown::markdown(&cases))?,
        _ => {
            let limits = report.limits().iter().any(|limits| !limits.is_empty());
            let mut shown = String::new();
            if limits || comparison.is_none() || output.verbose {
                shown.push_str(&campaign_table(&report, view)?);
                shown.push('\n');
            }
            if let Some(comparison) = &comparison {
                shown.push_str(&format!("\n{}", compare_table(comparison, output.verbose, file.as_deref())));
            }
            output.report(shown.trim_start_matches('\n'))?;
        }
    }
    args.emit.write(&cases, output)?;
    args.points.interrupted(report.missing)?;
    saved.unwrap_or(Ok(()))?;
    let mut exit = report.exit_code()?;
    if let (Some(comparison), false) = (&comparison, args.update) {
        exit = exit.max(comparison.exit_code());
    }
    if let Some(journal) = journal {
        journal.done();
    }
    Ok(exit)
}

/// Puts the new results into the baseline. What broke is no baseline for anything.
fn save(path: &Path, old: Option<&Document>, new: &Document, prune: bool) -> Result<()> {
    if let Some(failed) = new.records.iter().find(|record| !record.is_fine()) {
        let message = format!("{} was left as it is: {} failed: {}", path.display(), failed.key(), failed.outcome.message);
        return Err(Finding::new(failed.trouble(), message).help("Repair the run first, or leave it out.").into());
    }
    output::save(path, text(&merged(old, &new.records, prune)?)?.as_bytes())
}

/// A baseline on file; with `--update` it may be missing, or be something that can only be written to: everything is new then.
fn known(path: &Path, update: bool) -> Result<Document> {
    if update && !path.is_file() {
        return Ok(Document { path: path.display().to_string(), records: Vec::new() });
    }
    Document::load(path)
}

/// The old rows without those that another timing model counted.
fn same_model(old: &Document, new: &Document) -> Document {
    let model = new.records.iter().find_map(|record| record.timing_model.clone());
    let mut kept = old.clone();
    kept.records.retain(|record| record.timing_model.is_none() || model.is_none() || record.timing_model == model);
    kept
}

/// The old rows without those that have no new one.
fn asked_for(mut old: Document, new: &Document) -> Document {
    let keys: std::collections::BTreeSet<String> = new.records.iter().map(|record| record.key()).collect();
    old.records.retain(|record| keys.contains(&record.key()));
    old
}
