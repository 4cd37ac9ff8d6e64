//! What it is: `stm32sim profile`: where a run's cycles go.
//! Source: [`crate::report::run::profile`].
//! Does not model: anything.
//! Tested by: `tests/profile.rs`, `tests/bad_input.rs`.

use super::output::save;
use super::run::{RunArgs, save_wires};
use super::{Format, Output};
use crate::finding::{Code, Failure, Result};
use crate::report::html::run_page;
use crate::report::map::{By, MemoryMap};
use crate::report::markdown;
use crate::report::profile::export::Kind;
use crate::report::profile::{Annotated, Profile, ProfileDifference, Text, read};
use crate::report::run::{Recorded, Request, profile};
use clap::Args;
use std::path::{Path, PathBuf};

/// How many rows a table of the report shows unless asked for more.
const DEFAULT_TOP: usize = 12;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stm32sim profile --scenario keyword
  stm32sim profile firmware.elf --scenario anomaly --top 0
  stm32sim profile --scenario anomaly --annotate nn_fully_connected_s8
  stm32sim profile --scenario keyword --export flame.svg --export callgrind=callgrind.out.keyword
  stm32sim profile --scenario anomaly --format json --output old.json
  stm32sim profile --scenario anomaly --wait-states 0 --against old.json")]
pub(super) struct ProfileArgs {
    #[command(flatten)]
    run: RunArgs,
    /// How many rows each table shows; 0 for all
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// Show this function's instructions with what each cost
    #[arg(long, value_name = "FUNCTION")]
    annotate: Option<String>,
    /// Show what changed since an earlier report (--format json --output FILE)
    #[arg(long, value_name = "OLD.json", conflicts_with = "annotate")]
    against: Option<PathBuf>,
    /// Write the profile for another tool too: folded, speedscope, firefox, callgrind, pprof, trace, lcov or svg; may be repeated
    #[arg(long, value_name = "KIND=FILE")]
    export: Vec<String>,
}

pub(super) fn run(args: &ProfileArgs, output: &Output) -> Result<u8> {
    let page = output.format == Format::Html;
    let in_markdown = output.format == Format::Markdown;
    let part = args.annotate.is_some() || (page && args.against.is_some());
    if output.format == Format::Csv || (part && (page || in_markdown)) {
        return Err(
            output.unsupported("profile", "table and json, without --annotate markdown, and without that and --against html")
        );
    }
    // What can be wrong with the command line is, before anything runs.
    let exports = args.export.iter().map(|text| Kind::parse(text)).collect::<Result<Vec<_>>>()?;
    let old = args.against.as_deref().map(earlier).transpose()?;
    args.run.with_request("profile", |request| {
        let recorded = profile(request)?;
        save_wires(request, &recorded)?;
        if let Some(recording) = recorded.recording(request.image) {
            for (kind, file) in &exports {
                save(Path::new(file), &kind.write(&recording)?)?;
            }
        }
        let report = &recorded.report;
        let top = match args.top {
            Some(0) => None,
            Some(top) => Some(top),
            None if output.verbose => None,
            None => Some(DEFAULT_TOP),
        };
        let json = output.format == Format::Json;
        match (&args.annotate, &old, &report.profile) {
            (Some(name), _, _) => {
                let annotated = Annotated::new(request.image, &recorded.details, name)?;
                if json { output.json(&annotated)? } else { output.report(&annotated.text())? }
            }
            (None, Some(old), Some(new)) => {
                let difference = ProfileDifference::new(old, new);
                match output.format {
                    Format::Json => output.json(&difference)?,
                    Format::Markdown => output.text(&markdown::difference(&difference, top))?,
                    _ => output.report(&difference.text(top))?,
                }
            }
            _ if in_markdown => output.text(&markdown::profile(report, top))?,
            _ if json => output.json(report)?,
            _ if page => output.text(&html_page(request, &recorded)?)?,
            _ => output.report(&Text { top }.of(report))?,
        }
        Ok(report.exit_code())
    })
}

/// A run as a page.
pub(super) fn html_page(request: &Request<'_>, recorded: &Recorded) -> Result<String> {
    let placement = request.chip.place(request.image)?;
    let map = MemoryMap::new(request.image, request.chip, &placement, By::Symbol);
    Ok(run_page(recorded, &map))
}

/// The profile of an earlier report.
fn earlier(path: &Path) -> Result<Profile> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::new(Code::FileUnreadable, format!("{name} cannot be read: {error}")))?;
    read(&name, &text)
}
