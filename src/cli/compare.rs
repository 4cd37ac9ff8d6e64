//! What it is: `stm32sim compare`: two reports side by side.
//! Source: [`crate::report::compare`].
//! Does not model: anything.
//! Tested by: `tests/baseline.rs`.

use super::check::Judge;
use super::points::Emit;
use super::{Format, Output};
use crate::finding::Result;
use crate::report::bounds::Tolerances;
use crate::report::ci;
use crate::report::compare::{Strictness, compare};
use crate::report::compare_table;
use crate::report::record::Document;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "Takes what run, estimate and bench write with --format json, and baselines. Exit code 3 when a row became worse; a row that only one of them has is shown, and fails with --exact.

Examples:
  stm32sim compare before.json after.json
  stm32sim compare before.json after.json --tolerance cycles=1% --format markdown"
)]
pub(super) struct CompareArgs {
    /// The report to compare with
    old: PathBuf,
    /// The report that is judged
    new: PathBuf,
    #[command(flatten)]
    judge: Judge,
    #[command(flatten)]
    emit: Emit,
}

pub(super) fn run(args: &CompareArgs, output: &Output) -> Result<u8> {
    if !matches!(output.format, Format::Table | Format::Json | Format::Markdown) {
        return Err(output.unsupported("compare", "table, json and markdown"));
    }
    let (old, new) = (Document::load(&args.old)?, Document::load(&args.new)?);
    let comparison =
        compare(&old, &new, &args.judge.tolerances(Tolerances::default()), args.judge.strictness(Strictness::Worse))?;
    let cases = ci::cases(None, Some(&comparison))?;
    match output.format {
        Format::Json => output.json(&comparison)?,
        Format::Markdown => output.text(&ci::markdown::markdown(&cases))?,
        _ => output.report(&compare_table(&comparison, output.verbose, None))?,
    }
    args.emit.write(&cases, output)?;
    Ok(comparison.exit_code())
}
