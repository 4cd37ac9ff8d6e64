//! What it is: `scenario.toml` read and checked; errors say file, line and column.
//! Source: the format is this project's; `models/anomaly/scenario.toml` is an example.
//! Does not model: includes, variables.
//! Tested by: the unit tests below, `tests/bad_input.rs`.

use super::input::Raw;
use super::tensor::{Elements, Tensor};
use super::world::{AdcFile, PartnerFile, PinFile, WorldFile};
use super::{Decision, Files, Reference, Scenario};
use crate::finding::{Code, Failure, Result};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScenarioFile {
    name: String,
    title: String,
    chip: String,
    firmware: String,
    model: Option<String>,
    host: HostFile,
    input: InputFile,
    output: OutputFile,
    decision: Decision,
    #[serde(default)]
    adc: Vec<AdcFile>,
    #[serde(default)]
    partner: Vec<PartnerFile>,
    #[serde(default)]
    pin: Vec<PinFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HostFile {
    protocol: Protocol,
    uart: String,
    model: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Protocol {
    MlperfTiny,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InputFile {
    samples: String,
    labels: String,
    classes: Vec<String>,
    raw: Option<Raw>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OutputFile {
    symbol: String,
    goldens: String,
    #[serde(default = "tflite_micro")]
    reference: String,
    tolerance: Option<f64>,
}

fn tflite_micro() -> String {
    "TFLite Micro".to_owned()
}

/// A scenario's own folder.
#[derive(Debug)]
struct Folder(PathBuf);

/// No file of a scenario is larger.
const MOST_BYTES: u64 = 256 << 20;

impl Files for Folder {
    fn read(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.0.join(name);
        let unreadable =
            |error: std::io::Error| Failure::new(Code::FileUnreadable, format!("{} cannot be read: {error}", path.display()));
        let size = fs::metadata(&path).map_err(unreadable)?.len();
        if size > MOST_BYTES {
            return Err(Failure::new(
                Code::FileTooLarge,
                format!("{} has {size} bytes; the most is {MOST_BYTES}", path.display()),
            ));
        }
        fs::read(&path).map_err(unreadable)
    }

    fn display(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

pub(super) fn read(path: &Path) -> Result<Scenario> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = Folder(path.parent().map(Path::to_path_buf).unwrap_or_default());
    parse(Box::new(folder), &name)
}

/// Parses the description of that name among the files.
pub(super) fn parse(files: Box<dyn Files>, name: &str) -> Result<Scenario> {
    let display = files.display(name);
    let text = String::from_utf8(files.read(name)?)
        .map_err(|_| Failure::new(Code::BadScenarioFile, format!("{display} is not text in UTF-8")))?;
    let file: ScenarioFile = toml::from_str(&text).map_err(|error| {
        let place = error.span().map_or_else(String::new, |span| position(&text, span.start));
        Failure::new(Code::BadScenarioFile, format!("{display}:{place} {}", error.message()))
    })?;
    let tensor = |name: &str| Tensor::parse(&files.display(name), &files.read(name)?);
    let samples = tensor(&file.input.samples)?;
    let labels = tensor(&file.input.labels)?;
    let goldens = tensor(&file.output.goldens)?;
    let wrong = |what: String| Failure::new(Code::BadScenarioFile, format!("{display}: {what}"));
    if samples.rows() == 0 {
        return Err(wrong(format!("{} holds no sample", file.input.samples)));
    }
    for (name, rows) in [(&file.input.labels, labels.rows()), (&file.output.goldens, goldens.rows())] {
        if rows != samples.rows() {
            return Err(wrong(format!("{name} has {rows} rows and {} has {}", file.input.samples, samples.rows())));
        }
    }
    if labels.row_bytes() != 1 {
        return Err(wrong(format!("{} does not hold one byte a sample", file.input.labels)));
    }
    if let Some(label) = labels.bytes().iter().find(|label| usize::from(**label) >= file.input.classes.len()) {
        return Err(wrong(format!("{} holds class {label}; there are {} classes", file.input.labels, file.input.classes.len())));
    }
    if let Some(tolerance) = file.output.tolerance
        && (goldens.elements() != Elements::Float32 || !(0.0..=1.0).contains(&tolerance))
    {
        return Err(wrong(format!(
            "a tolerance is for float32 and from 0 to 1; here {tolerance} for {}",
            goldens.elements().name()
        )));
    }
    let outputs = goldens.row_bytes() / goldens.elements().bytes();
    let decided = match file.decision {
        Decision::Argmax => outputs,
        Decision::Reconstruction { .. } => 2,
        Decision::Threshold { .. } if outputs != 1 => {
            return Err(wrong(format!("its decision is by one output and {} holds {outputs} a sample", file.output.goldens)));
        }
        Decision::Threshold { .. } => 2,
    };
    if decided != file.input.classes.len() {
        return Err(wrong(format!("its decision is between {decided} classes and {} have a name", file.input.classes.len())));
    }
    let Protocol::MlperfTiny = file.host.protocol;
    let world = WorldFile { adc: file.adc, partner: file.partner, pin: file.pin }.check(&display, |name| files.read(name))?;
    Ok(Scenario {
        name: file.name,
        title: file.title,
        chip: file.chip,
        uart: file.host.uart,
        model_id: file.host.model,
        labels: labels.bytes().to_vec(),
        samples,
        classes: file.input.classes,
        output_symbol: file.output.symbol,
        goldens,
        reference: Reference { by: file.output.reference, tolerance: file.output.tolerance },
        decision: file.decision,
        world,
        raw: file.input.raw,
        firmware: file.firmware,
        model: file.model,
        files,
    })
}

/// Line and column of a byte, counted from one.
fn position(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!(" line {line}, column {column}:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct OneFile(&'static str);

    impl Files for OneFile {
        fn read(&self, name: &str) -> Result<Vec<u8>> {
            match name {
                "scenario.toml" => Ok(self.0.as_bytes().to_vec()),
                _ => Err(Failure::new(Code::FileUnreadable, format!("{name} cannot be read"))),
            }
        }
        fn display(&self, name: &str) -> String {
            name.to_owned()
        }
    }

    #[test]
    fn mistakes_are_located() {
        let failure = parse(Box::new(OneFile("name = 1\n")), "scenario.toml").expect_err("a number is no name");
        assert!(failure.0.message.starts_with("scenario.toml: line 1, column 8:"), "{}", failure.0.message);
        let failure = parse(Box::new(OneFile("name = \"x\"\n\nnome = 2\n")), "scenario.toml").expect_err("unknown key");
        assert!(failure.0.message.starts_with("scenario.toml: line 3, column 1: unknown field `nome`"), "{}", failure.0.message);
    }
}
