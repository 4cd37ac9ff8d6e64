//! What it is: what a person has, a picture, a recording, a row of a table, a sentence, made into the tensor that a model takes.
//! Source: each kind's file says; the constants are those that training wrote (`models/*/preprocess.json`).
//! Does not model: preprocessing on the device: it is the host's work, as for the benchmark's own runner.
//! Tested by: `tests/inputs.rs` (what the training scripts computed).

pub(super) mod clip;
mod picture;
mod row;
mod sentence;

use super::Scenario;
use super::tensor::{Elements, Tensor};
use crate::finding::{Code, Failure, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::path::Path;

/// What a scenario takes besides tensors; `[input.raw]` of its description.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Raw {
    /// A picture: a .png.
    Picture {
        /// The training's constants.
        preprocess: String,
    },
    /// A recording: a .wav, or its samples as a .npy.
    Clip {
        /// The training's constants.
        preprocess: String,
    },
    /// A recording as it is: a .wav, at the rate at which the scenario plays it.
    Sound {
        /// The training's constants.
        preprocess: String,
    },
    /// A row of a table: a .csv, or the row itself.
    Row {
        /// The training's constants.
        preprocess: String,
    },
    /// A sentence: the text itself, or a .txt.
    Sentence {
        /// The training's constants.
        preprocess: String,
        /// One word a line.
        vocabulary: String,
    },
}

impl Raw {
    /// What to give, for messages.
    pub(super) const fn takes(&self) -> &'static str {
        match self {
            Raw::Picture { .. } => "a .png or a .npy file",
            Raw::Clip { .. } | Raw::Sound { .. } => "a .wav or a .npy file",
            Raw::Row { .. } => "a .csv file, a row of one in quotes, or a .npy file",
            Raw::Sentence { .. } => "a sentence in quotes, a .txt or a .npy file",
        }
    }
}

/// No file of a person's is larger.
const MOST_BYTES: u64 = 64 << 20;

impl Scenario {
    /// A user's own input as the firmware takes it: a .npy file, or what the scenario's `[input.raw]` says.
    ///
    /// # Errors
    /// `bad-input-tensor` where it is not what the scenario takes, `file-unreadable`, `file-empty`, `file-too-large`.
    pub fn input(&self, given: &str) -> Result<Vec<u8>> {
        if has_extension(given, "npy") {
            let array = Tensor::load(Path::new(given))?;
            if let Some(Raw::Clip { preprocess }) = &self.raw
                && let Some(input) = clip::read_array(given, &array, &self.constants(preprocess)?, &self.samples)
            {
                return input;
            }
            return array.as_one_of(&self.samples, given);
        }
        match &self.raw {
            Some(Raw::Picture { preprocess }) if has_extension(given, "png") => {
                picture::read(given, &read(given)?, &self.constants(preprocess)?, &self.samples)
            }
            Some(Raw::Clip { preprocess }) if has_extension(given, "wav") => {
                clip::read(given, &read(given)?, &self.constants(preprocess)?, &self.samples)
            }
            Some(Raw::Sound { preprocess }) if has_extension(given, "wav") => {
                let constants: clip::Constants = self.constants(preprocess)?;
                let (_, sound) = clip::sound(given, &read(given)?, Some(constants.rate() as usize))?;
                Ok(sound.into_iter().flat_map(i16::to_le_bytes).collect())
            }
            Some(Raw::Row { preprocess }) if row::is_one(given) => row::read(given, &self.constants(preprocess)?, &self.samples),
            Some(Raw::Sentence { preprocess, vocabulary }) => {
                let vocabulary = text(&self.files.display(vocabulary), self.files.read(vocabulary)?)?;
                sentence::read(given, &self.constants(preprocess)?, &vocabulary, &self.samples)
            }
            other => {
                let takes = other.as_ref().map_or("a .npy file", Raw::takes);
                Err(bad(given, format_args!("is not what scenario '{}' takes: {takes}", self.name)))
            }
        }
    }

    /// A JSON file of the scenario's.
    fn constants<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        serde_json::from_slice(&self.files.read(name)?)
            .map_err(|error| Failure::new(Code::BadScenarioFile, format!("{}: {error}", self.files.display(name))))
    }
}

/// A step and a zero point: real = step × (quantised − zero point).
#[derive(Clone, Copy, Debug, Deserialize)]
struct Step {
    scale: f64,
    zero_point: i32,
}

/// The quantisation of an int8 model, as the training writes it.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Int8 {
    input: Step,
}

fn has_extension(given: &str, extension: &str) -> bool {
    Path::new(given).extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// A user's file.
fn read(name: &str) -> Result<Vec<u8>> {
    let unreadable = |error: std::io::Error| Failure::new(Code::FileUnreadable, format!("{name} cannot be read: {error}"));
    let size = fs::metadata(name).map_err(unreadable)?.len();
    if size > MOST_BYTES {
        return Err(Failure::new(Code::FileTooLarge, format!("{name} has {size} bytes; the most is {MOST_BYTES}")));
    }
    let bytes = fs::read(name).map_err(unreadable)?;
    if bytes.is_empty() {
        return Err(Failure::new(Code::FileEmpty, format!("{name} is empty")));
    }
    Ok(bytes)
}

/// A file's bytes as text.
fn text(name: &str, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| bad(name, "is not text in UTF-8"))
}

fn bad(name: &str, what: impl std::fmt::Display) -> Failure {
    Failure::new(Code::BadInputTensor, format!("{name} {what}"))
}

/// Says that a scenario's own files do not belong together.
fn unfit(what: &str, samples: &Tensor) -> Failure {
    let message =
        format!("{what} do not give the scenario's input, {} of shape {:?}", samples.elements().name(), samples.shape());
    Failure::new(Code::BadScenarioFile, message)
}

/// Elements of one sample.
fn count(samples: &Tensor) -> usize {
    samples.row_bytes() / samples.elements().bytes()
}

/// A whole number as an int8, saturated: what quantisation ends with. `as` saturates, and takes NaN for 0.
fn int8(value: f64) -> u8 {
    (value as i8) as u8
}
