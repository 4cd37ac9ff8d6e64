//! What it is: `stm32sim run`: load, feed, execute, report.
//! Source: [`crate::report::run`].
//! Does not model: anything.
//! Tested by: `tests/run.rs`, `tests/bad_input.rs`.

use super::{Format, Output};
use crate::chip::Chip;
use crate::finding::{Code, Failure, Result};
use crate::firmware::Image;
use crate::machine::Overrides;
use crate::report::run::{Limit, Request, Stimulus, run as execute};
use crate::report::run_table;
use crate::scenario::Scenario;
use crate::timing::Fidelity;
use crate::units::Hz;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stm32sim run --scenario anomaly
  stm32sim run --scenario anomaly --sample 7 --format json
  stm32sim run firmware.elf --limit 2s
  stm32sim run firmware.elf --scenario anomaly --clock 24MHz --wait-states 0")]
pub(super) struct RunArgs {
    /// The linked program: an ELF (.elf, .axf); without it the scenario's own runs
    firmware: Option<PathBuf>,
    /// A built-in scenario, or a file ending in .toml
    #[arg(long, value_name = "NAME|FILE")]
    scenario: Option<String>,
    /// A chip's name, virtual:flash=4M,sram=256K, or a chip file ending in .toml [default: the scenario's, or stm32f103c8]
    #[arg(long, value_name = "CHIP")]
    chip: Option<String>,
    /// Which of the scenario's samples to send, counted from 0 [default: 0]
    #[arg(long, value_name = "N", conflicts_with = "input", requires = "scenario")]
    sample: Option<usize>,
    /// An input of your own, as a .npy file
    #[arg(long, value_name = "FILE.npy", requires = "scenario")]
    input: Option<PathBuf>,
    /// When to give up: seconds of the chip's time (10s, 500ms) or cycles (1000000)
    #[arg(long, value_name = "LIMIT", default_value = "10s", value_parser = limit)]
    limit: Limit,
    /// What if: give times for another core clock, with the wait states that it needs
    #[arg(long, value_name = "HZ", value_parser = clock)]
    clock: Option<Hz>,
    /// What if: flash wait states other than the firmware's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=2))]
    wait_states: Option<u8>,
    /// What if: the prefetch buffer on or off
    #[arg(long, value_enum, value_name = "STATE")]
    prefetch: Option<Switch>,
    /// Price each block from memory, or step through it every time
    #[arg(long, value_enum, default_value_t = FidelityArg::Memo)]
    fidelity: FidelityArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FidelityArg {
    Memo,
    Reference,
}

/// `10s`, `500ms`, `20us`, `1000000`, `2000000cycles`.
fn limit(text: &str) -> std::result::Result<Limit, String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.replace('_', "").parse().map_err(|_| format!("'{text}' does not begin with a number"))?;
    match unit.trim() {
        "s" => Ok(Limit::Seconds(number)),
        "ms" => Ok(Limit::Seconds(number / 1e3)),
        "us" => Ok(Limit::Seconds(number / 1e6)),
        "" | "cycles" => Ok(Limit::Cycles(number as u64)),
        other => Err(format!("'{other}' is no unit; s, ms, us and cycles are")),
    }
}

/// `72MHz`, `8000000`.
fn clock(text: &str) -> std::result::Result<Hz, String> {
    let lower = text.to_ascii_lowercase();
    let (number, factor) =
        match lower.strip_suffix("mhz").map(|n| (n, 1e6)).or_else(|| lower.strip_suffix("khz").map(|n| (n, 1e3))) {
            Some(found) => found,
            None => (lower.strip_suffix("hz").unwrap_or(&lower), 1.0),
        };
    let hz = number.trim().parse::<f64>().map_err(|_| format!("'{text}' is no frequency, as 72MHz"))? * factor;
    if (1.0..=72e6).contains(&hz) { Ok(Hz(hz as u32)) } else { Err(format!("{text} is outside of 1 Hz to 72 MHz")) }
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
    let spec = args.chip.as_deref().or(scenario.as_ref().map(|scenario| scenario.chip.as_str())).unwrap_or("stm32f103c8");
    let chip = Chip::find(spec)?;
    let stimulus = match (&scenario, &args.input) {
        (Some(scenario), Some(path)) => Stimulus::Input(scenario.input(path)?),
        _ => Stimulus::Sample(args.sample.unwrap_or(0)),
    };
    let overrides = Overrides {
        wait_states: args.wait_states.or_else(|| args.clock.and_then(|clock| chip.wait_states_for(clock))),
        prefetch: args.prefetch.map(|switch| matches!(switch, Switch::On)),
    };
    let report = execute(&Request {
        chip: &chip,
        image: &image,
        scenario: scenario.as_ref().map(|scenario| (scenario, stimulus)),
        fidelity: match args.fidelity {
            FidelityArg::Memo => Fidelity::Memo,
            FidelityArg::Reference => Fidelity::Reference,
        },
        limit: args.limit,
        clock: args.clock,
        overrides,
    })?;
    match output.format {
        Format::Json => output.json(&report)?,
        _ => output.report(&run_table(&report, output.verbose))?,
    }
    Ok(report.exit_code())
}
