//! What it is: `stm32sim map`: what fills flash and SRAM, and what a second file changes.
//! Source: [`crate::report::map`].
//! Does not model: anything.
//! Tested by: `tests/map.rs`, `tests/cli.rs`, `tests/bad_input.rs`.

use super::{Format, Output};
use crate::chip::{Bank, Chip};
use crate::finding::{Exit, Result};
use crate::firmware::Image;
use crate::machine::Overrides;
use crate::report::html::map_page;
use crate::report::map::{By, MapReport, Overlaid, csv, markdown, table, table_of_difference};
use crate::report::run::{Limit, Request, Stimulus, profile};
use crate::report::stack::StackBound;
use crate::scenario::{Scenario, World};
use crate::timing::Fidelity;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// How many rows per region a table shows unless asked for more.
const DEFAULT_TOP: usize = 15;

/// When a run gives up, in seconds of the chip's time, as `stm32sim run` does.
const RUN_SECONDS: f64 = 10.0;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stm32sim map firmware.elf --by unit
  stm32sim map old.elf new.elf --by unit --format markdown
  stm32sim map firmware.elf --run anomaly
  stm32sim map old.elf new.elf --format html --output map.html
  stm32sim map firmware.elf --region sram --format csv")]
pub(super) struct MapArgs {
    /// The linked program: an ELF (.elf, .axf)
    firmware: PathBuf,
    /// Another one: show what changed from the first to this
    other: Option<PathBuf>,
    /// A chip's name, virtual:flash=4M,sram=256K, or a chip file ending in .toml [default: --run's scenario's, or stm32f103c8]
    #[arg(long, value_name = "CHIP")]
    chip: Option<String>,
    /// Only this memory
    #[arg(long, value_enum)]
    region: Option<RegionArg>,
    /// How many rows a table shows per memory; 0 for all
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// What rows are of
    #[arg(long, value_enum, default_value_t = ByArg::Symbol)]
    by: ByArg,
    /// Run this scenario's sample 0, and show how many bytes of each row it executed, read, wrote, or never touched
    #[arg(long, value_name = "SCENARIO", conflicts_with = "other")]
    run: Option<String>,
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
    /// Compile units, by debug information
    Unit,
    /// Rust crates; of other languages, compile units
    Crate,
}

pub(super) fn run(args: &MapArgs, output: &Output) -> Result<Exit> {
    let scenario = args.run.as_deref().map(Scenario::find).transpose()?;
    let own = scenario.as_ref().map(|scenario| scenario.chip.as_str());
    let chip = Chip::find(args.chip.as_deref().or(own).unwrap_or("stm32f103c8"))?;
    let by = match args.by {
        ByArg::Symbol => By::Symbol,
        ByArg::Section => By::Section,
        ByArg::Unit => By::Unit,
        ByArg::Crate => By::Crate,
    };
    let map = |path: &PathBuf| -> Result<MapReport> {
        let image = Image::load(path)?;
        let mut report = MapReport::new(&image, &chip, by)?;
        if let Some(scenario) = &scenario {
            let recorded = profile(&Request {
                chip: &chip,
                image: &image,
                scenario: Some((scenario, Stimulus::Sample(0))),
                world: World::default(),
                fidelity: Fidelity::Memo,
                limit: Limit::Seconds(RUN_SECONDS),
                clock: None,
                overrides: Overrides::default(),
                check_reads: true,
            })?;
            report.map = report.map.with_use(&chip, &recorded.details, &recorded.touched.clone().unwrap_or_default());
            report.stack = StackBound::with_functions(&image, &chip.place(&image)?, &recorded.details.passages);
            report.run = Some(Overlaid { scenario: scenario.name.clone(), outcome: recorded.report.outcome.message.clone() });
        }
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
        Format::Csv => output.text(&csv(&report))?,
        Format::Markdown => output.text(&markdown(&report, top))?,
        Format::Html => output.text(&map_page(&report))?,
        _ if report.other.is_some() => output.report(&table_of_difference(&report, top))?,
        _ => output.report(&table(&report, top))?,
    }
    Ok(Exit::Fine)
}
