//! What it is: `stm32sim estimate`: does a model fit, what does it cost, without firmware of the user's own.
//! Source: [`crate::report::estimate`].
//! Does not model: anything.
//! Tested by: `tests/estimate.rs`.

use super::conditions::Conditions;
use super::{Format, Output, progress};
use crate::chip::Chip;
use crate::finding::{Code, Failure, Result};
use crate::report::estimate::{
    Inputs, Request, Target, estimate_samples, operators, operators_part, read, survey, survey_table, table,
};
use crate::report::markdown;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "The model is lowered, put into flash behind a built-in image with all kernels, and run once on the emulated chip.
A folder gives one row for each .tflite in it. Below the layers is what sets the needs and what would change them, in numbers from the plan or from
further runs: at lower clocks, with the model in SRAM, with floats as int8. docs/estimate.md lists the operators and types that the runtime executes.

Exit codes: 0 it fits and ran, 2 it cannot be read or lowered, 4 --expect differs, 6 it does not fit (of a folder: the greatest).

Examples:
  stm32sim estimate model.tflite
  stm32sim estimate model.tflite --verbose      (operators, shapes, quantisation; the plan of the arena)
  stm32sim estimate model.tflite --all-chips
  stm32sim estimate model.tflite --input samples.npy --sample 3 --expect outputs.npy
  stm32sim estimate model.tflite --input samples.npy --expect outputs.npy --samples 100
  stm32sim estimate model.tflite --chip virtual:flash=4M,sram=256K --limit 60s
  stm32sim estimate model.tflite --format markdown
  stm32sim estimate models/ --format json"
)]
pub(super) struct EstimateArgs {
    /// The model, a .tflite; or a folder of them
    model: PathBuf,
    /// Try all built-in chips, and run on the smallest that holds it
    #[arg(long, conflicts_with = "chip")]
    all_chips: bool,
    /// An input as a .npy file, alone or as rows; once for each input of the model [default: random numbers]
    #[arg(long, value_name = "FILE.npy")]
    input: Vec<PathBuf>,
    /// Which row of the files, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0, requires = "input")]
    sample: usize,
    /// How many inputs to run: rows from --sample on, or random ones with further seeds
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    samples: u32,
    /// What the first output should be, as a .npy file, alone or as rows; floats may differ by 1e-5 of the largest
    #[arg(long, value_name = "FILE.npy", requires = "input")]
    expect: Option<PathBuf>,
    /// The same seed gives the same random input
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "input")]
    seed: u64,
    #[command(flatten)]
    conditions: Conditions,
}

pub(super) fn run(args: &EstimateArgs, output: &Output) -> Result<u8> {
    // A SavedModel is a folder that is one model.
    let folder = args.model.is_dir() && !args.model.join("saved_model.pb").is_file();
    match output.format {
        Format::Table | Format::Json => {}
        Format::Markdown if !folder => {}
        _ if folder => return Err(output.unsupported("the estimate of a folder", "table and json")),
        _ => return Err(output.unsupported("estimate", "table, json and markdown")),
    }
    if folder && !args.input.is_empty() {
        return Err(Failure::new(Code::BadUsage, "--input goes with one model, not with a folder of them"));
    }
    if folder && args.samples > 1 {
        return Err(Failure::new(Code::BadUsage, "--samples goes with one model, not with a folder of them"));
    }
    let chip = Chip::find(args.conditions.chip.as_deref().unwrap_or("stm32f103c8"))?;
    let request = Request {
        target: if args.all_chips { Target::All } else { Target::One(&chip) },
        inputs: if args.input.is_empty() {
            Inputs::Random { seed: args.seed }
        } else {
            Inputs::Files { paths: args.input.clone(), sample: args.sample }
        },
        expected: args.expect.clone(),
        advice: !folder,
        fidelity: args.conditions.fidelity(),
        limit: args.conditions.limit,
        clock: args.conditions.clock,
        overrides: args.conditions.overrides(&chip),
    };
    if folder {
        // How many there are is known when the first is told of.
        let bar = std::cell::OnceCell::new();
        let survey = survey(&args.model, &request, &|done, all| {
            bar.get_or_init(|| progress::bar(output, "models", all)).set_position(done as u64);
        });
        if let Some(bar) = bar.get() {
            bar.finish_and_clear();
        }
        let survey = survey?;
        match output.format {
            Format::Json => output.json(&survey)?,
            _ => output.report(&survey_table(&survey))?,
        }
        return Ok(survey.exit_code());
    }
    let model = read(&args.model)?;
    let report = match estimate_samples(&model, &request, args.samples) {
        // What it is made of can be said of any model.
        Err(failure) if output.verbose && matches!(output.format, Format::Table) => {
            output.report(&operators_part(&operators(&model)))?;
            return Err(failure);
        }
        report => report?,
    };
    match output.format {
        Format::Json => output.json(&report)?,
        Format::Markdown => output.text(&markdown::estimate(&report))?,
        _ => output.report(&table(&report, args.all_chips, output.verbose))?,
    }
    Ok(report.exit_code())
}
