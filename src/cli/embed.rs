//! What it is: `stm32sim embed`: a model as a C header that firmware includes.
//! Source: [`crate::model::header`], [`crate::model::raw_header`].
//! Does not model: languages other than C and C++.
//! Tested by: `tests/embed.rs`.

use super::{Format, Output};
use crate::finding::{Exit, Result};
use crate::model::{Model, header, raw_header};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "The lowered model (the default) is what the runtime in firmware-images/runtime executes; its arena, plan and
input sizes are in the header. The raw one is the file byte by byte, for TensorFlow Lite Micro and other interpreters.
Without --output the header goes to standard output.

Examples:
  stm32sim embed model.tflite -o model_data.h
  stm32sim embed model.tflite --raw -o model_tflite.h"
)]
pub(super) struct EmbedArgs {
    /// The model: a .tflite
    model: PathBuf,
    /// The file's own bytes instead of the lowered model
    #[arg(long)]
    raw: bool,
}

pub(super) fn run(args: &EmbedArgs, output: &Output) -> Result<Exit> {
    if output.format != Format::Table {
        return Err(output.unsupported("embed", "C only; leave --format away"));
    }
    let model = Model::read(&args.model)?;
    let name = args.model.file_stem().map_or_else(|| "model".into(), |stem| stem.to_string_lossy().into_owned());
    let text = if args.raw { raw_header(&name, model.file_bytes()) } else { header(&name, &model.lower()?) };
    output.text(&text)?;
    Ok(Exit::Fine)
}
