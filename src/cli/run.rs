//! What it is: `stm32sim run`: load, feed, execute, report.
//! Source: [`crate::report::run`].
//! Does not model: anything.
//! Tested by: `tests/run.rs`, `tests/bad_input.rs`.

use super::conditions::Conditions;
use super::{Format, Output};
use crate::chip::Chip;
use crate::finding::{Code, Failure, Result};
use crate::firmware::Image;
use crate::report::run::{Request, Stimulus, run as execute};
use crate::report::run_table;
use crate::scenario::{Scenario, World};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stm32sim run --scenario anomaly
  stm32sim run --scenario anomaly --sample 7 --format json
  stm32sim run --scenario image --input picture.png
  stm32sim run firmware.elf --limit 2s
  stm32sim run firmware.elf --adc 0=speech.wav --adc 1=1.65V --world board.toml
  stm32sim run firmware.elf --scenario anomaly --clock 24MHz --wait-states 0")]
pub(super) struct RunArgs {
    /// The linked program: an ELF (.elf, .axf); without it the scenario's own runs
    firmware: Option<PathBuf>,
    /// A built-in scenario, or a file ending in .toml
    #[arg(long, value_name = "NAME|FILE")]
    scenario: Option<String>,
    /// Which of the scenario's samples to send, counted from 0 [default: 0]
    #[arg(long, value_name = "N", conflicts_with = "input", requires = "scenario")]
    sample: Option<usize>,
    /// An input of your own: a .npy, or what the scenario takes: a .png, a .wav, a .csv (rows.csv:7) or a row, a sentence
    #[arg(long, value_name = "FILE|TEXT", requires = "scenario")]
    input: Option<String>,
    /// What an ADC channel converts: a 16-bit .wav, a voltage, a value; repeatable
    #[arg(long, value_name = "CHANNEL=WHAT")]
    adc: Vec<String>,
    /// A .toml with [[adc]], [[partner]] and [[pin]] stanzas: what is connected to the chip's pins
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    #[command(flatten)]
    conditions: Conditions,
}

pub(super) fn run(args: &RunArgs, output: &Output) -> Result<u8> {
    if !matches!(output.format, Format::Table | Format::Json) {
        return Err(output.unsupported("run", "table and json"));
    }
    let scenario = args.scenario.as_deref().map(Scenario::find).transpose()?;
    let image = match (&args.firmware, &scenario) {
        (Some(path), _) => Image::load(path)?,
        (None, Some(scenario)) => scenario.image()?,
        (None, None) => {
            return Err(Failure::new(Code::BadUsage, "run needs a firmware file, a --scenario, or both"));
        }
    };
    let spec =
        args.conditions.chip.as_deref().or(scenario.as_ref().map(|scenario| scenario.chip.as_str())).unwrap_or("stm32f103c8");
    let chip = Chip::find(spec)?;
    let stimulus = match (&scenario, &args.input) {
        (Some(scenario), Some(given)) => Stimulus::Input(scenario.input(given)?),
        _ => Stimulus::Sample(args.sample.unwrap_or(0)),
    };
    let mut world = args.world.as_deref().map(World::load).transpose()?.unwrap_or_default();
    args.adc.iter().try_for_each(|spec| world.connect(spec))?;
    let report = execute(&Request {
        chip: &chip,
        image: &image,
        scenario: scenario.as_ref().map(|scenario| (scenario, stimulus)),
        world,
        fidelity: args.conditions.fidelity(),
        limit: args.conditions.limit,
        clock: args.conditions.clock,
        overrides: args.conditions.overrides(&chip),
    })?;
    match output.format {
        Format::Json => output.json(&report)?,
        _ => output.report(&run_table(&report, output.verbose))?,
    }
    Ok(report.exit_code())
}
