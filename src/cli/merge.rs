//! What it is: `stm32sim merge`: the parts that `eval --shard` and `bench --shard` made, joined to one result.
//! Source: [`crate::report::merge`].
//! Does not model: anything.
//! Tested by: `tests/campaign.rs`.

use super::bench::{save_baseline, within};
use super::points::{Emit, save_plot, save_rows};
use super::{Format, Output};
use crate::finding::{Code, Failure, Result};
use crate::report::merge::{Whole, merge};
use crate::report::record::read_text;
use crate::report::{View, campaign_table, ci, eval_table};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "The result is to the byte what one run without --shard gives. Parts may come in any order; a part that is \
missing, there twice, or of something else is refused.

Examples:
  stm32sim merge part-*.json --format json --output all.json
  stm32sim merge part-*.json --save-baseline baseline.json"
)]
pub(super) struct MergeArgs {
    /// The parts, as --format json --output FILE wrote them
    #[arg(required = true)]
    parts: Vec<PathBuf>,
    /// Of bench: keep the results to compare with later
    #[arg(long, value_name = "FILE")]
    save_baseline: Option<PathBuf>,
    /// Of bench: also write one row a run with all metrics: JSON Lines, or CSV where the name ends in .csv
    #[arg(long, value_name = "FILE")]
    rows: Option<PathBuf>,
    /// Of bench: also draw latency against SRAM, as SVG
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Of bench: name the smallest chip whose inference takes at most so long, as 100ms
    #[arg(long, value_name = "TIME", value_parser = within)]
    within: Option<f64>,
    #[command(flatten)]
    emit: Emit,
}

pub(super) fn run(args: &MergeArgs, output: &Output) -> Result<u8> {
    if !matches!(output.format, Format::Table | Format::Json) {
        return Err(output.unsupported("merge", "table and json"));
    }
    let part = |path: &PathBuf| Ok((path.display().to_string(), read_text(path)?));
    let parts = args.parts.iter().map(part).collect::<Result<Vec<_>>>()?;
    match merge(&parts)? {
        Whole::Eval(report) => {
            let of_bench = args.save_baseline.is_some() || args.plot.is_some() || args.emit.wanted() || args.within.is_some();
            if of_bench {
                return Err(Failure::new(
                    Code::BadUsage,
                    "these are parts of eval; of bench's options only --rows goes with them",
                ));
            }
            match output.format {
                Format::Json => output.json(&report)?,
                _ => output.report(&eval_table(&report, output.verbose))?,
            }
            if let Some(path) = &args.rows {
                super::eval::save_samples(path, &report)?;
            }
            Ok(report.exit_code())
        }
        Whole::Campaign(report) => {
            let records = report.records()?;
            match output.format {
                Format::Json => output.json(&report)?,
                _ => output.report(&campaign_table(&report, View { sweep: records.len() > 1, within_us: args.within })?)?,
            }
            if let Some(path) = &args.save_baseline {
                save_baseline(path, &records)?;
            }
            if let Some(path) = &args.rows {
                save_rows(path, &records)?;
            }
            if let Some(path) = &args.plot {
                save_plot(path, &records)?;
            }
            args.emit.write(&ci::cases(Some(&report), None)?, output)?;
            report.exit_code()
        }
    }
}
