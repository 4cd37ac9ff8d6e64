//! What it is: `stm32sim bench`: the results table over scenarios, suites and sweeps, and verdicts on models.
//! Source: [`crate::report::bench`]; [`crate::report::campaign`] for suites, sweeps and parts.
//! Does not model: anything.
//! Tested by: `tests/bench.rs`, `tests/suite.rs`, `tests/campaign.rs`.

use super::eval::jobs;
use super::points::{Emit, Points, save_plot, save_rows};
use super::{Format, Output, output, progress};
use crate::chip::Chip;
use crate::finding::{Code, Finding, Result};
use crate::report::baseline::{merged, text};
use crate::report::bench::{BenchReport, Request, bench};
use crate::report::campaign::CampaignReport;
use crate::report::record::{Document, Record};
use crate::report::{View, bench_export, bench_table, campaign_table, ci, html, rows, sweep};
use crate::scenario::{Scenario, names};
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(
    after_help = "Each scenario runs on its own chip unless --chip names one for all. Costs are those of sample 0, accuracy is over \
the samples. The exit code is the highest of the runs' (3: a limit is broken; 4: an output differs from the reference's; 5: firmware \
faulted; 6: it does not fit); verdicts on --models change nothing about it.

Examples:
  stm32sim bench
  stm32sim bench --scenario anomaly --samples 20 --format json
  stm32sim bench --models my-models/ --chip virtual:flash=4M,sram=256K
  stm32sim bench --save-baseline baseline.json
  stm32sim bench --format markdown --html results.html
  stm32sim bench --suite stm32sim.toml --emit junit=results.xml
  stm32sim bench --scenario anomaly --sweep clock=8,24,48,72MHz --rows sweep.csv --plot sweep.svg
  stm32sim bench --scenario keyword --samples 0 --sweep chip=all --within 200ms"
)]
pub(super) struct BenchArgs {
    #[command(flatten)]
    points: Points,
    /// A folder of .tflite models: each is run, or gets a verdict on why not; so do the original benchmark's two that never were one
    #[arg(long, value_name = "DIR", conflicts_with_all = ["suite", "sweep", "shard", "journal"])]
    models: Option<PathBuf>,
    /// Keep the results to compare with later; rows that the file has already and that were not run stay
    #[arg(long, value_name = "FILE")]
    save_baseline: Option<PathBuf>,
    /// Also write one row a run with all metrics: JSON Lines, or CSV where the name ends in .csv
    #[arg(long, value_name = "FILE")]
    rows: Option<PathBuf>,
    /// Also write the results as a page that is one file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Also draw latency against SRAM, as SVG
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Name the smallest chip whose inference takes at most so long, as 100ms; exit code 3 if none is fast enough
    #[arg(long, value_name = "TIME", value_parser = within)]
    within: Option<f64>,
    #[command(flatten)]
    emit: Emit,
}

/// `100ms` in microseconds.
pub(super) fn within(text: &str) -> std::result::Result<f64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit.trim() {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        other => return Err(format!("'{other}' is no unit of time; us, ms and s are")),
    };
    number.parse::<f64>().map(|number| number * factor).map_err(|_| format!("'{text}' is no time, as 100ms"))
}

pub(super) fn run(args: &BenchArgs, output: &Output) -> Result<u8> {
    if args.plain() { table(args, output) } else { campaign(args, output) }
}

impl BenchArgs {
    /// Whether it is the benchmark of scenarios alone, without anything that many runs or a baseline (which names functions) need.
    fn plain(&self) -> bool {
        let points = &self.points;
        points.suite.is_none()
            && points.sweep.is_empty()
            && points.limits.is_empty()
            && points.shard.is_none()
            && points.journal.is_none()
            && points.samples != Some(0)
            && self.within.is_none()
            && (self.models.is_some() || self.save_baseline.is_none())
    }
}

/// Runs, and their limits, however many.
fn campaign(args: &BenchArgs, output: &Output) -> Result<u8> {
    let partial = [(&args.save_baseline, "--save-baseline"), (&args.plot, "--plot"), (&args.html, "--html")];
    if let Some((_, option)) = partial.iter().find(|(given, _)| given.is_some() && args.points.shard.is_some()) {
        return Err(Finding::new(Code::BadUsage, format!("{option} needs all runs, and --shard is a part of them"))
            .help("Give it to stm32sim merge, which joins the parts.")
            .into());
    }
    let chosen = args.points.choose(None)?;
    let (report, journal) = args.points.run(&chosen.points, output)?;
    let swept = chosen.points.len() > 1 && (!args.points.sweep.is_empty() || args.points.suite.is_some());
    print(&report, swept, &args.also(), output)?;
    args.points.interrupted(report.missing)?;
    if let Some(journal) = journal {
        journal.done();
    }
    exit_code(&report, args.within)
}

/// What is wanted of runs besides their report.
pub(super) struct Also<'a> {
    pub(super) save_baseline: Option<&'a Path>,
    pub(super) rows: Option<&'a Path>,
    pub(super) plot: Option<&'a Path>,
    pub(super) html: Option<&'a Path>,
    pub(super) within: Option<f64>,
    pub(super) emit: &'a Emit,
}

impl BenchArgs {
    fn also(&self) -> Also<'_> {
        Also {
            save_baseline: self.save_baseline.as_deref(),
            rows: self.rows.as_deref(),
            plot: self.plot.as_deref(),
            html: self.html.as_deref(),
            within: self.within,
            emit: &self.emit,
        }
    }
}

/// Prints the report of many runs, and writes what else was asked for.
pub(super) fn print(report: &CampaignReport, swept: bool, also: &Also<'_>, output: &Output) -> Result<()> {
    let records = report.records()?;
    let cases = ci::cases(Some(report), None)?;
    let saved = also.save_baseline.map(|path| save_baseline(path, &records));
    // The results are shown even where they cannot be saved.
    let file = match (&saved, also.save_baseline) {
        (Some(Ok(())), Some(path)) => Some(path.display().to_string()),
        _ => None,
    };
    let view = View { sweep: swept, within_us: also.within, saved: file.as_deref() };
    match output.format {
        Format::Json => output.json(report)?,
        Format::Markdown => output.text(&ci::markdown::markdown(&cases))?,
        Format::Csv => output.text(&rows::csv(&records.iter().map(rows::columns).collect::<Vec<_>>()))?,
        Format::Html => output.text(&html::campaign_page(report, &[])?)?,
        Format::Table => output.report(&campaign_table(report, view)?)?,
    }
    saved.unwrap_or(Ok(()))?;
    also.write(&records)?;
    if let Some(path) = also.html {
        output::save(path, html::campaign_page(report, &[])?.as_bytes())?;
    }
    also.emit.write(&cases, output)
}

impl Also<'_> {
    /// Rows and picture.
    fn write(&self, records: &[Record]) -> Result<()> {
        if let Some(path) = self.rows {
            save_rows(path, records)?;
        }
        self.plot.map_or(Ok(()), |path| save_plot(path, records))
    }
}

/// The highest of the runs' codes; of a search for the smallest chip, what came of that.
pub(super) fn exit_code(report: &CampaignReport, within: Option<f64>) -> Result<u8> {
    within.map_or_else(|| report.exit_code(), |within| sweep::exit_code(report, within))
}

/// Into the file's own rows, if it is there already.
fn save_baseline(path: &Path, records: &[Record]) -> Result<()> {
    if let Some(failed) = records.iter().find(|record| !record.is_fine()) {
        let message = format!("{} was not written: {} failed: {}", path.display(), failed.key(), failed.outcome.message);
        return Err(Finding::new(failed.trouble(), message).help("Repair that run first, or leave it out.").into());
    }
    // A device or a pipe has no rows of its own, and may have no end to read to.
    let old = if path.is_file() { Some(Document::load(path)?) } else { None };
    output::save(path, text(&merged(old.as_ref(), records, false)?)?.as_bytes())
}

/// The benchmark of scenarios, and verdicts on models.
fn table(args: &BenchArgs, output: &Output) -> Result<u8> {
    if output.format == Format::Csv && args.models.is_some() {
        return Err(output.unsupported("bench with --models", "table, json, markdown and html"));
    }
    let points = &args.points;
    let wanted: Vec<&str> =
        if points.scenario.is_empty() { names().collect() } else { points.scenario.iter().map(String::as_str).collect() };
    let scenarios = wanted.into_iter().map(Scenario::find).collect::<Result<Vec<Scenario>>>()?;
    let chip = points.conditions.chip.as_deref().map(Chip::find).transpose()?;
    let bar = progress::bar(output, "", 0);
    let report = bench(
        &Request {
            scenarios: &scenarios,
            chip: chip.as_ref(),
            samples: points.samples,
            models: args.models.as_deref(),
            jobs: jobs(points.jobs),
            fidelity: points.conditions.fidelity(),
            limit: points.conditions.limit,
            clock: points.conditions.clock,
            overrides: &|chip| points.conditions.overrides(chip),
        },
        &|step| match step {
            Some((scenario, samples)) => {
                bar.set_prefix(scenario.to_owned());
                bar.inc_length(samples as u64);
            }
            None => bar.inc(1),
        },
    );
    bar.finish_and_clear();
    let report = report?;
    let runs = runs(&report)?;
    let records = runs.records()?;
    let page = || html::campaign_page(&runs, &report.models);
    match output.format {
        Format::Json => output.json(&report)?,
        Format::Markdown => output.text(&bench_export::markdown(&report))?,
        Format::Csv => output.text(&rows::csv(&records.iter().map(rows::columns).collect::<Vec<_>>()))?,
        Format::Html => output.text(&page()?)?,
        Format::Table => output.report(&bench_table(&report))?,
    }
    if let Some(path) = &args.save_baseline {
        save_baseline(path, &records)?;
    }
    args.also().write(&records)?;
    if let Some(path) = &args.html {
        output::save(path, page()?.as_bytes())?;
    }
    args.emit.write(&ci::cases_of(records), output)?;
    Ok(report.exit_code())
}

/// The same runs as many runs are reported.
fn runs(report: &BenchReport) -> Result<CampaignReport> {
    let unwritten = |error| Finding::new(Code::Internal, format!("the report cannot be written as JSON: {error}"));
    let runs = report.runs.iter().map(serde_json::to_value).collect::<std::result::Result<_, _>>().map_err(unwritten)?;
    Ok(CampaignReport { schema: report.schema, tool: report.tool, shard: None, missing: 0, runs })
}
