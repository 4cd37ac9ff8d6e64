//! What it is: `stm32sim bench`: the results table over scenarios, and verdicts on models.
//! Source: [`crate::report::bench`].
//! Does not model: anything.
//! Tested by: `tests/bench.rs`.

use super::conditions::Conditions;
use super::eval::{count, jobs};
use super::{Format, Output, progress};
use crate::chip::Chip;
use crate::finding::Result;
use crate::report::bench::{Request, bench};
use crate::report::bench_table;
use crate::scenario::{Scenario, names};
use clap::Args;
use std::num::NonZeroUsize;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "Each scenario runs on its own chip unless --chip names one for all. Costs are those of sample 0, accuracy is over \
the samples. The exit code is the highest of the scenarios' (4: an output differs from the reference's; 6: one does not fit); verdicts \
on --models change nothing about it.

Examples:
  stm32sim bench
  stm32sim bench --scenario anomaly --samples 20 --format json
  stm32sim bench --models my-models/
  stm32sim bench --models my-models/ --chip virtual:flash=4M,sram=256K"
)]
pub(super) struct BenchArgs {
    /// Only this scenario: a built-in one, or a file ending in .toml; may be repeated [default: all built-in ones]
    #[arg(long, value_name = "NAME|FILE")]
    scenario: Vec<String>,
    /// A folder of .tflite models: each is run, or gets a verdict on why not; so do the original benchmark's two that never were one
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Accuracy over at most N samples of each scenario, evenly spread over all
    #[arg(long, value_name = "N", value_parser = count)]
    samples: Option<NonZeroUsize>,
    /// How many machines run at a time [default: the computer's processors]
    #[arg(long, value_name = "J", value_parser = count)]
    jobs: Option<NonZeroUsize>,
    #[command(flatten)]
    conditions: Conditions,
}

pub(super) fn run(args: &BenchArgs, output: &Output) -> Result<u8> {
    if !matches!(output.format, Format::Table | Format::Json) {
        return Err(output.unsupported("bench", "table and json"));
    }
    let wanted: Vec<&str> =
        if args.scenario.is_empty() { names().collect() } else { args.scenario.iter().map(String::as_str).collect() };
    let scenarios = wanted.into_iter().map(Scenario::find).collect::<Result<Vec<Scenario>>>()?;
    let chip = args.conditions.chip.as_deref().map(Chip::find).transpose()?;
    let bar = progress::bar(output, "", 0);
    let report = bench(
        &Request {
            scenarios: &scenarios,
            chip: chip.as_ref(),
            samples: args.samples.map(NonZeroUsize::get),
            models: args.models.as_deref(),
            jobs: jobs(args.jobs),
            fidelity: args.conditions.fidelity(),
            limit: args.conditions.limit,
            clock: args.conditions.clock,
            overrides: &|chip| args.conditions.overrides(chip),
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
    match output.format {
        Format::Json => output.json(&report)?,
        _ => output.report(&bench_table(&report))?,
    }
    Ok(report.exit_code())
}
