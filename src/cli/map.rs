//! What it is: `stm32sim map`: what fills flash and SRAM, and what a second file changes.
//! Source: [`crate::report::map`].
//! Does not model: anything.
//! Tested by: `tests/map.rs`, `tests/cli.rs`, `tests/bad_input.rs`.

use super::{ChipArg, Format, Output};
use crate::chip::{Bank, Chip};
use crate::finding::{Exit, Result};
use crate::firmware::Image;
use crate::report::html::map_page;
use crate::report::map::{By, MapReport, table, table_of_difference};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// How many rows per region a table shows unless asked for more.
const DEFAULT_TOP: usize = 15;

#[derive(Debug, Args)]
pub(super) struct MapArgs {
    /// The linked program: an ELF (.elf, .axf)
    firmware: PathBuf,
    /// Another one: show what changed from the first to this
    other: Option<PathBuf>,
    #[command(flatten)]
    chip: ChipArg,
    /// Only this memory
    #[arg(long, value_enum)]
    region: Option<RegionArg>,
    /// How many rows a table shows per memory; 0 for all
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// One row per symbol or per section
    #[arg(long, value_enum, default_value_t = ByArg::Symbol)]
    by: ByArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RegionArg {
    Flash,
    Sram,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ByArg {
    Symbol,
    Section,
}

pub(super) fn run(args: &MapArgs, output: &Output) -> Result<Exit> {
    if output.format == Format::Markdown || (output.format == Format::Html && args.other.is_some()) {
        return Err(output.unsupported("map", "table and json, and of one file html"));
    }
    let chip = Chip::find(&args.chip.chip)?;
    let by = match args.by {
        ByArg::Symbol => By::Symbol,
        ByArg::Section => By::Section,
    };
    let map = |path: &PathBuf| -> Result<MapReport> {
        let mut report = MapReport::new(&Image::load(path)?, &chip, by)?;
        if let Some(region) = args.region {
            report.map = report.map.only(match region {
                RegionArg::Flash => Bank::Flash,
                RegionArg::Sram => Bank::Sram,
            });
        }
        Ok(report)
    };
    let mut report = map(&args.firmware)?;
    if let Some(other) = &args.other {
        report = report.with_other(map(other)?);
    }
    let top = match args.top {
        Some(0) => None,
        Some(top) => Some(top),
        None if output.verbose => None,
        None => Some(DEFAULT_TOP),
    };
    match output.format {
        Format::Json => output.json(&report)?,
        Format::Html => output.text(&map_page(&report))?,
        _ if report.other.is_some() => output.report(&table_of_difference(&report, top))?,
        _ => output.report(&table(&report, top))?,
    }
    Ok(Exit::Fine)
}
