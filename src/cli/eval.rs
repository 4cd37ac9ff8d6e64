//! What it is: `stm32sim eval`: a scenario's samples through the device, several at a time.
//! Source: [`crate::report::eval`].
//! Does not model: anything.
//! Tested by: `tests/eval.rs`.

use super::conditions::Conditions;
use super::points::stop_on_interrupt;
use super::{Format, Output, progress};
use crate::chip::Chip;
use crate::finding::{Code, Failure, Finding, Result};
use crate::firmware::Image;
use crate::report::eval::{Beside, EvalReport, Request, Selection, Shard, eval_beside};
use crate::report::{eval_markdown, eval_table, rows};
use crate::scenario::Scenario;
use clap::Args;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(after_help = "Every sample meets the chip as it is when it has booted, so results depend neither on --jobs nor on \
--shard. Exit code 4 when an output differs from the reference's.

Examples:
  stm32sim eval --scenario anomaly
  stm32sim eval --scenario anomaly --samples 50 --format json
  stm32sim eval --scenario anomaly --format markdown
  stm32sim eval --scenario anomaly --shard 2/4 --jobs 2 --output part2.json --format json
  stm32sim eval --scenario anomaly --journal eval.jsonl --rows samples.jsonl
  stm32sim eval firmware.elf --scenario anomaly")]
pub(super) struct EvalArgs {
    /// The linked program: an ELF (.elf, .axf); without it the scenario's own runs
    firmware: Option<PathBuf>,
    /// A built-in scenario, or a file ending in .toml
    #[arg(long, value_name = "NAME|FILE")]
    scenario: String,
    /// Only N samples, evenly spread over all
    #[arg(long, value_name = "N", value_parser = count)]
    samples: Option<NonZeroUsize>,
    /// How many machines run at a time [default: the computer's processors]
    #[arg(long, value_name = "J", value_parser = count)]
    jobs: Option<NonZeroUsize>,
    /// Of those samples, only part K of N equal parts: every N-th, from the K-th on
    #[arg(long, value_name = "K/N", value_parser = shard)]
    shard: Option<Shard>,
    /// Keep finished samples in a file, from which the same command continues after a kill; removed at the end
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Also write one row a sample: JSON Lines, or CSV where the name ends in .csv
    #[arg(long, value_name = "FILE")]
    rows: Option<PathBuf>,
    #[command(flatten)]
    conditions: Conditions,
}

/// A number from 1.
pub(super) fn count(text: &str) -> std::result::Result<NonZeroUsize, String> {
    text.parse().map_err(|_| format!("'{text}' is no number from 1 on"))
}

/// `2/4`.
pub(super) fn shard(text: &str) -> std::result::Result<Shard, String> {
    let parsed =
        text.split_once('/').and_then(|(index, count)| Some(Shard { index: index.parse().ok()?, count: count.parse().ok()? }));
    match parsed {
        Some(shard) if (1..=shard.count).contains(&shard.index) => Ok(shard),
        _ => Err(format!("'{text}' is no part, as 2/4: the second of four")),
    }
}

/// As many jobs as asked for, or as the computer has processors.
pub(super) fn jobs(asked: Option<NonZeroUsize>) -> NonZeroUsize {
    asked.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
}

pub(super) fn run(args: &EvalArgs, output: &Output) -> Result<u8> {
    if output.format == Format::Html {
        return Err(unsupported(output));
    }
    let scenario = Scenario::find(&args.scenario)?;
    let image = match &args.firmware {
        Some(path) => Image::load(path)?,
        None => scenario.image()?,
    };
    let chip = Chip::find(args.conditions.chip.as_deref().unwrap_or(&scenario.chip))?;
    let request = Request {
        chip: &chip,
        image: &image,
        scenario: &scenario,
        selection: Selection { samples: args.samples.map(NonZeroUsize::get), shard: args.shard },
        jobs: jobs(args.jobs),
        fidelity: args.conditions.fidelity(),
        limit: args.conditions.limit,
        clock: args.conditions.clock,
        overrides: args.conditions.overrides(&chip),
    };
    let bar = progress::bar(output, &scenario.name, request.selection.indices(&scenario)?.len());
    let beside = Beside { progress: &|| bar.inc(1), journal: args.journal.as_deref(), stop: stop_on_interrupt() };
    let done = eval_beside(&request, &beside);
    bar.finish_and_clear();
    let (report, journal) = done?;
    print(&report, args.rows.as_deref(), output)?;
    if report.missing > 0 {
        let mut finding = Finding::new(Code::Interrupted, format!("stopped: {} samples were not run", report.missing));
        if let Some(journal) = &args.journal {
            finding = finding.help(format!("{} keeps what is done: the same command continues.", journal.display()));
        }
        return Err(finding.into());
    }
    if let Some(journal) = journal {
        journal.done();
    }
    Ok(report.exit_code())
}

fn unsupported(output: &Output) -> Failure {
    output.unsupported("eval", "table, json, markdown and csv")
}

/// Prints an evaluation's report, and writes its samples as rows if that is wanted.
pub(super) fn print(report: &EvalReport, rows: Option<&Path>, output: &Output) -> Result<()> {
    match output.format {
        Format::Json => output.json(report)?,
        Format::Csv => output.text(&rows::csv(&rows::of_samples(report)))?,
        Format::Markdown => output.text(&eval_markdown(report))?,
        Format::Html => return Err(unsupported(output)),
        Format::Table => output.report(&eval_table(report, output.verbose))?,
    }
    rows.map_or(Ok(()), |path| super::output::save(path, rows::text(path, &rows::of_samples(report)).as_bytes()))
}
