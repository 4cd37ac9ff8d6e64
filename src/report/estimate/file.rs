//! What it is: models in files, and folders of them: what is refused before it is read, and the survey of a folder.
//! Source: the command line contract ("bad input").
//! Does not model: other formats than .tflite: they are pointed to their converters.
//! Tested by: `tests/estimate.rs`.

use super::{EstimateReport, Request, estimate};
use crate::finding::{Code, Exit, Failure, Finding, Result};
use crate::model::{MAX_FILE_BYTES, Model};
use crate::report::run::OutcomeSummary;
use crate::report::{SCHEMA, Tool};
use crate::units::grouped;
use serde::Serialize;
use std::io::Read;
use std::path::{Path, PathBuf};

/// One file of a folder.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Surveyed {
    /// It is lowered: its report.
    Report(Box<EstimateReport>),
    /// It cannot be read or lowered.
    Refused(Refused),
}

/// A model without an estimate.
#[derive(Clone, Debug, Serialize)]
pub struct Refused {
    /// The file's name without folders.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Always of kind `refused`.
    pub outcome: OutcomeSummary,
    /// Why.
    pub findings: Vec<Finding>,
}

/// A folder of models.
#[derive(Clone, Debug, Serialize)]
pub struct Survey {
    /// Version of the schema.
    pub schema: u32,
    /// Who wrote it.
    pub tool: Tool,
    /// One entry for each .tflite, by name.
    pub runs: Vec<Surveyed>,
}

impl Survey {
    /// The process's exit code: 6 if any model does not fit, else the greatest of all.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let codes = self.runs.iter().map(|run| match run {
            Surveyed::Report(report) => report.outcome.code,
            Surveyed::Refused(refused) => refused.outcome.code,
        });
        codes.max().unwrap_or(Exit::Fine as u8)
    }
}

/// Reads the model in a file, as [`Model::read`] does, after a look at what the file is; `model.name` then has no folders.
///
/// # Errors
/// `file-unreadable` for folders and devices too, `flash-overflow` for what is larger than any flash; as [`Model::read`].
pub fn read(path: &Path) -> Result<Model> {
    let shown = path.display();
    let unreadable = |what: String| Failure::new(Code::FileUnreadable, what);
    let file = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => unreadable(format!("{shown} cannot be read: there is no such file")),
        _ => unreadable(format!("{shown} cannot be read: {error}")),
    })?;
    if file.is_dir() && path.join("saved_model.pb").is_file() {
        let message = format!("{shown} is a SavedModel of TensorFlow, not a .tflite file");
        return Err(Finding::new(Code::BadModel, message).help(SAVED_MODEL).into());
    }
    if file.is_dir() {
        return Err(unreadable(format!("{shown} is a folder, not a model")));
    }
    if !file.is_file() {
        return Err(unreadable(format!("{shown} cannot be read: it is a device or a pipe")));
    }
    for (ending, converter) in FOREIGN {
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(ending)) {
            let message = format!("{shown} is not a .tflite file, by its name");
            return Err(Finding::new(Code::BadModel, message).help(*converter).into());
        }
    }
    if file.len() > MAX_FILE_BYTES {
        // Too large to be read for nothing.
        let mut start = [0; 8];
        let began = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
        if began.is_ok() && start.ends_with(b"TFL3") {
            return Err(too_large(&shown.to_string(), "has", file.len(), MAX_FILE_BYTES, "largest virtual chip"));
        }
        return Err(Failure::new(Code::BadModel, format!("{shown}: not a .tflite model: bytes 4 to 7 should be \"TFL3\"")));
    }
    let mut model = Model::read(path)?;
    model.name = path.file_name().map_or_else(|| shown.to_string(), |name| name.to_string_lossy().into_owned());
    Ok(model)
}

/// Weights that lie in flash are more than a chip has.
pub(super) fn too_large(model: &str, what: &str, bytes: u64, most: u64, chip: &str) -> Failure {
    let over = grouped(bytes.saturating_sub(most));
    let message = format!("{model} {what} {} B, {over} more than the {} of flash of the {chip}", grouped(bytes), grouped(most));
    let help = "Weights lie in flash: a smaller model, or int8 in place of float32, is the way.";
    Finding::new(Code::FlashOverflow, message).help(help).into()
}

const SAVED_MODEL: &str = "Convert it in Python: tf.lite.TFLiteConverter.from_saved_model(FOLDER), with int8 quantisation.";
const KERAS: &str =
    "Convert it in Python: tf.lite.TFLiteConverter.from_keras_model(tf.keras.models.load_model(FILE)), with int8 quantisation.";
const TORCH: &str = "Convert it in Python: litert_torch (once ai_edge_torch), or torch.onnx.export and then onnx2tf.";

/// Other formats by the file's ending, and the way from them.
const FOREIGN: &[(&str, &str)] = &[
    ("onnx", "Convert it: onnx2tf -i model.onnx -oiqt writes full-integer .tflite files."),
    ("h5", KERAS),
    ("hdf5", KERAS),
    ("keras", KERAS),
    ("pb", SAVED_MODEL),
    ("pt", TORCH),
    ("pth", TORCH),
    ("pt2", TORCH),
    ("safetensors", TORCH),
    ("ckpt", "It holds weights without a network: load it in the program that made it, and convert the model there."),
    ("mlmodel", "Convert what it was made from: a Keras model, or an .onnx with onnx2tf -i model.onnx -oiqt."),
    ("pkl", "Of scikit-learn's forests, stm32sim embed FOREST.npy takes the tables; other models are trained anew in Keras."),
    ("tfl", "If it is a .tflite, call it so."),
];

/// Estimates every .tflite of a folder, in the order of their names; `progress` is told how many are done, of how many.
///
/// # Errors
/// `file-unreadable`; `bad-usage` where the folder holds none. What is wrong with one model is in its entry.
pub fn survey(folder: &Path, request: &Request<'_>, progress: &dyn Fn(usize, usize)) -> Result<Survey> {
    let shown = folder.display();
    let unreadable = |error: std::io::Error| Failure::new(Code::FileUnreadable, format!("{shown} cannot be read: {error}"));
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tflite")) {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(Failure::new(Code::BadUsage, format!("{shown} holds no .tflite file")));
    }
    let runs = paths.iter().enumerate().map(|(done, path)| {
        progress(done, paths.len());
        one(path, request)
    });
    let runs = runs.collect();
    progress(paths.len(), paths.len());
    Ok(Survey { schema: SCHEMA, tool: Tool::THIS, runs })
}

fn one(path: &Path, request: &Request<'_>) -> Surveyed {
    match read(path).and_then(|model| estimate(&model, request)) {
        Ok(report) => Surveyed::Report(Box::new(report)),
        Err(failure) => {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let mut finding = *failure.0;
            // A report names no folders.
            finding.message = finding.message.replace(&path.display().to_string(), &name);
            Surveyed::Refused(Refused {
                name,
                bytes: std::fs::metadata(path).map_or(0, |file| file.len()),
                outcome: OutcomeSummary::new("refused", Some(&finding), ""),
                findings: vec![finding],
            })
        }
    }
}
