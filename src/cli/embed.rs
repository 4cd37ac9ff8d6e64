//! What it is: `stm32sim embed`: a model as a C header that firmware includes.
//! Source: [`crate::model::header`], [`crate::model::raw_header`].
//! Does not model: languages other than C and C++.
//! Tested by: `tests/embed.rs`.

use super::{Format, Output};
use crate::finding::{Code, Exit, Failure, Result};
use crate::model::{Forest, Model, header, raw_header};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "The lowered model (the default) is what the runtime in firmware-images/runtime executes; its arena, plan and
input sizes are in the header. The raw one is the file byte by byte, for TensorFlow Lite Micro and other interpreters.
Without --output the header goes to standard output.

Examples:
  stm32sim embed model.tflite -o model_data.h
  stm32sim embed model.tflite --raw -o model_tflite.h
  stm32sim embed forest.npy --features 41 -o model_data.h     a decision forest, as models/anomaly/forest.py writes it"
)]
pub(super) struct EmbedArgs {
    /// The model: a .tflite, or a decision forest's table as .npy
    model: PathBuf,
    /// The file's own bytes instead of the lowered model
    #[arg(long)]
    raw: bool,
    /// How many int8 features a forest's input has (its table names only those that it asks for)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    features: Option<u32>,
}

pub(super) fn run(args: &EmbedArgs, output: &Output) -> Result<Exit> {
    if output.format != Format::Table {
        return Err(output.unsupported("embed", "C only; leave --format away"));
    }
    let forest = args.model.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy"));
    if (forest && args.raw) || (!forest && args.features.is_some()) {
        return Err(Failure::new(Code::BadUsage, "--raw is for a .tflite, --features for a forest's table (.npy)"));
    }
    let name = args.model.file_stem().map_or_else(|| "model".into(), |stem| stem.to_string_lossy().into_owned());
    let text = if forest {
        header(&name, &Forest::read(&args.model, args.features)?.lower()?)
    } else {
        let model = Model::read(&args.model)?;
        if args.raw { raw_header(&name, model.file_bytes()) } else { header(&name, &model.lower()?) }
    };
    output.text(&text)?;
    Ok(Exit::Fine)
}
