//! What it is: `stm32sim merge`: the parts that `eval --shard` and `bench --shard` made, joined to one result.
//! Source: [`crate::report::merge`].
//! Does not model: anything.
//! Tested by: `tests/campaign.rs`.

use super::Output;
use super::bench::{Also, exit_code, print, within};
use super::points::Emit;
use crate::finding::{Code, Failure, Result};
use crate::report::merge::{Whole, merge};
use crate::report::record::read_text;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "The result is to the byte what one run without --shard gives. Parts may come in any order; a part that is \
missing, there twice, or of something else is refused.

Examples:
  stm32sim merge part-*.json --format json --output all.json
  stm32sim merge part-*.json --format markdown --html results.html
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
    /// Of bench: also write the results as a page that is one file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Of bench: name the smallest chip whose inference takes at most so long, as 100ms
    #[arg(long, value_name = "TIME", value_parser = within)]
    within: Option<f64>,
    #[command(flatten)]
    emit: Emit,
}

pub(super) fn run(args: &MergeArgs, output: &Output) -> Result<u8> {
    let part = |path: &PathBuf| Ok((path.display().to_string(), read_text(path)?));
    let parts = args.parts.iter().map(part).collect::<Result<Vec<_>>>()?;
    match merge(&parts)? {
        Whole::Eval(report) => {
            let files = [&args.save_baseline, &args.plot, &args.html];
            if files.iter().any(|file| file.is_some()) || args.emit.wanted() || args.within.is_some() {
                return Err(Failure::new(
                    Code::BadUsage,
                    "these are parts of eval; of bench's options only --rows goes with them",
                ));
            }
            super::eval::print(&report, args.rows.as_deref(), output)?;
            Ok(report.exit_code())
        }
        Whole::Campaign(report) => {
            let also = Also {
                save_baseline: args.save_baseline.as_deref(),
                rows: args.rows.as_deref(),
                plot: args.plot.as_deref(),
                html: args.html.as_deref(),
                within: args.within,
                emit: &args.emit,
            };
            print(&report, report.runs.len() > 1, &also, output)?;
            exit_code(&report, args.within)
        }
    }
}
