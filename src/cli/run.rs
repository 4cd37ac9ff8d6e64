//! What it is: `stm32sim run`: load, feed, execute, report.
//! Source: [`crate::report::run`].
//! Does not model: anything.
//! Tested by: `tests/run.rs`, `tests/bad_input.rs`.

use super::conditions::Conditions;
use super::profile::html_page;
use super::{Format, Output};
use crate::chip::Chip;
use crate::finding::{Code, Failure, Result};
use crate::firmware::Image;
use crate::report::run::{Request, Stimulus, profile, run as execute};
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
    pub(super) firmware: Option<PathBuf>,
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

impl RunArgs {
    /// Does something with what these options of `command` ask to be run.
    pub(super) fn with_request<T>(&self, command: &str, act: impl FnOnce(&Request<'_>) -> Result<T>) -> Result<T> {
        let scenario = self.scenario.as_deref().map(Scenario::find).transpose()?;
        let image = match (&self.firmware, &scenario) {
            (Some(path), _) => Image::load(path)?,
            (None, Some(scenario)) => scenario.image()?,
            (None, None) => {
                return Err(Failure::new(Code::BadUsage, format!("{command} needs a firmware file, a --scenario, or both")));
            }
        };
        let own = scenario.as_ref().map(|scenario| scenario.chip.as_str());
        let chip = Chip::find(self.conditions.chip.as_deref().or(own).unwrap_or("stm32f103c8"))?;
        let stimulus = match (&scenario, &self.input) {
            (Some(scenario), Some(given)) => Stimulus::Input(scenario.input(given)?),
            _ => Stimulus::Sample(self.sample.unwrap_or(0)),
        };
        let mut world = self.world.as_deref().map(World::load).transpose()?.unwrap_or_default();
        self.adc.iter().try_for_each(|spec| world.connect(spec))?;
        act(&Request {
            chip: &chip,
            image: &image,
            scenario: scenario.as_ref().map(|scenario| (scenario, stimulus)),
            world,
            fidelity: self.conditions.fidelity(),
            limit: self.conditions.limit,
            clock: self.conditions.clock,
            overrides: self.conditions.overrides(&chip),
        })
    }
}

pub(super) fn run(args: &RunArgs, output: &Output) -> Result<u8> {
    if matches!(output.format, Format::Markdown | Format::Csv) {
        return Err(output.unsupported("run", "table, json and html"));
    }
    args.with_request("run", |request| {
        if output.format == Format::Html {
            let recorded = profile(request)?;
            output.text(&html_page(request, &recorded)?)?;
            return Ok(recorded.report.exit_code());
        }
        let report = execute(request)?;
        match output.format {
            Format::Json => output.json(&report)?,
            _ => output.report(&run_table(&report, output.verbose))?,
        }
        Ok(report.exit_code())
    })
}
