//! What it is: the scenarios that are part of the program, with their firmware, models, samples and reference outputs.
//! Source: `models/` and `firmware-images/` at build time.
//! Does not model: anything.
//! Tested by: `tests/run.rs`, which runs each.

use super::Files;
use crate::finding::{Code, Failure, Result};

/// One scenario's files, by the names that its `scenario.toml` uses.
#[derive(Clone, Copy, Debug)]
pub(super) struct BuiltIn {
    name: &'static str,
    /// Its description among the files.
    pub(super) description: &'static str,
    files: &'static [(&'static str, &'static [u8])],
}

macro_rules! built_in {
    ($($name:literal: $folder:literal, $description:literal, $($file:literal),+;)*) => {
        const BUILT_IN: &[BuiltIn] = &[$(BuiltIn {
            name: $name,
            description: $description,
            files: &[
                ($description, include_bytes!(concat!("../../models/", $folder, "/", $description))),
                $(($file, include_bytes!(concat!("../../models/", $folder, "/", $file)))),+
            ],
        }),*];
    };
}

// Name, folder in `models/`, description, and what the description names.
built_in! {
    "anomaly": "anomaly", "scenario.toml", "../../firmware-images/anomaly.elf", "anomaly_int8.tflite", "samples.npy", "labels.npy",
        "goldens_int8.npy", "preprocess.json";
    "image": "image", "scenario.toml", "../../firmware-images/image.elf", "image_int8.tflite", "samples.npy", "labels.npy",
        "goldens_int8.npy", "preprocess.json";
    "keyword": "keyword", "scenario.toml", "../../firmware-images/keyword.elf", "keyword_int8.tflite", "samples.npy", "labels.npy",
        "goldens_int8.npy", "preprocess.json";
    "keyword-live": "keyword", "live.toml", "../../firmware-images/keyword-live.elf", "keyword_int8.tflite", "sample_000_left.wav",
        "sample_001_stop.wav", "sample_002_yes.wav", "sample_003_go.wav", "live_labels.npy", "live_goldens_int8.npy", "preprocess.json";
    "emotion": "emotion", "scenario.toml", "../../firmware-images/emotion.elf", "emotion_int8.tflite", "emotion_samples.npy",
        "labels.npy", "emotion_goldens_int8.npy", "preprocess.json", "emotion_vocabulary.txt";
    "emotion-2000": "emotion", "vocabulary-2000.toml", "../../firmware-images/emotion-2000.elf", "emotion_2000_int8.tflite",
        "emotion_2000_samples.npy", "labels.npy", "emotion_2000_goldens_int8.npy", "preprocess.json", "emotion_2000_vocabulary.txt";
    "anomaly-float": "anomaly", "float.toml", "../../firmware-images/anomaly-float.elf", "anomaly_float32.tflite",
        "samples_float32.npy", "labels.npy", "goldens_float32.npy", "preprocess.json";
    "anomaly-forest": "anomaly", "forest.toml", "../../firmware-images/anomaly-forest.elf", "forest.npy", "samples.npy", "labels.npy",
        "goldens_forest.npy", "preprocess.json";
}

/// The names of the built-in scenarios.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|scenario| scenario.name)
}

pub(super) fn find(name: &str) -> Option<BuiltIn> {
    BUILT_IN.iter().find(|scenario| scenario.name.eq_ignore_ascii_case(name)).copied()
}

impl Files for BuiltIn {
    fn read(&self, name: &str) -> Result<Vec<u8>> {
        let found = self.files.iter().find(|(file, _)| *file == name).map(|(_, bytes)| bytes.to_vec());
        found.ok_or_else(|| Failure::new(Code::Internal, format!("{name} is not part of the built-in scenario '{}'", self.name)))
    }

    fn display(&self, name: &str) -> String {
        name.rsplit('/').next().unwrap_or(name).to_owned()
    }
}
