//! What it is: `stm32sim profile`: where a run's cycles go.
//! Source: [`crate::report::run::profile`].
//! Does not model: anything.
//! Tested by: `tests/profile.rs`, `tests/bad_input.rs`.

use super::run::RunArgs;
use super::{Format, Output};
use crate::finding::Result;
use crate::report::profile::Text;
use crate::report::run::profile;
use clap::Args;

/// How many rows a table of the report shows unless asked for more.
const DEFAULT_TOP: usize = 12;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stm32sim profile --scenario keyword
  stm32sim profile firmware.elf --scenario anomaly --top 0
  stm32sim profile --scenario anomaly --format json --output profile.json")]
pub(super) struct ProfileArgs {
    #[command(flatten)]
    run: RunArgs,
    /// How many rows each table shows; 0 for all
    #[arg(long, value_name = "N")]
    top: Option<usize>,
}

pub(super) fn run(args: &ProfileArgs, output: &Output) -> Result<u8> {
    if !matches!(output.format, Format::Table | Format::Json) {
        return Err(output.unsupported("profile", "table and json"));
    }
    args.run.with_request("profile", |request| {
        let report = profile(request)?;
        let top = match args.top {
            Some(0) => None,
            Some(top) => Some(top),
            None if output.verbose => None,
            None => Some(DEFAULT_TOP),
        };
        match output.format {
            Format::Json => output.json(&report)?,
            _ => output.report(&Text { top }.of(&report))?,
        }
        Ok(report.exit_code())
    })
}
