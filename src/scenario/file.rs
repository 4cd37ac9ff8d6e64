//! What it is: `scenario.toml` read and checked; errors say file, line and column.
//! Source: the format is this project's; `models/anomaly/scenario.toml` is an example.
//! Does not model: includes, variables.
//! Tested by: the unit tests below, `tests/bad_input.rs`.

use super::host::Protocol;
use super::input::{Raw, clip};
use super::speaker::{ListenFile, Play};
use super::tensor::{Elements, Tensor};
use super::world::{AdcFile, MemoryFile, PartnerFile, PinFile, WorldFile};
use super::{Agreement, Decision, Files, Reference, Scenario};
use crate::finding::{Code, Failure, Result};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    #[serde(default)]
    memory: Vec<MemoryFile>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "protocol", rename_all = "kebab-case", deny_unknown_fields)]
enum HostFile {
    MlperfTiny { uart: String, model: Option<String> },
    Listen(ListenFile),
}

/// A .npy, or recordings of the same length.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum SamplesFile {
    Tensor(String),
    Recordings(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InputFile {
    samples: SamplesFile,
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
    #[serde(default)]
    agreement: Agreement,
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
    let wrong = |what: String| Failure::new(Code::BadScenarioFile, format!("{display}: {what}"));
    let located = |failure: Failure| match failure.0.code {
        Code::BadScenarioFile => wrong(failure.0.message),
        _ => failure,
    };
    let protocol = protocol(file.host, files.as_ref()).map_err(located)?;
    let (samples_name, samples) = match &file.input.samples {
        SamplesFile::Tensor(name) => (name.as_str(), tensor(name)?),
        SamplesFile::Recordings(names) => {
            ("its list of recordings", recordings(names, &protocol, files.as_ref()).map_err(located)?)
        }
    };
    let labels = tensor(&file.input.labels)?;
    let goldens = tensor(&file.output.goldens)?;
    if samples.rows() == 0 {
        return Err(wrong(format!("{samples_name} holds no sample")));
    }
    for (name, rows) in [(&file.input.labels, labels.rows()), (&file.output.goldens, goldens.rows())] {
        if rows != samples.rows() {
            return Err(wrong(format!("{name} has {rows} rows and {samples_name} has {}", samples.rows())));
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
    if matches!(protocol, Protocol::Listen(_)) && samples.elements() != Elements::Int16 {
        return Err(wrong(format!("what is played to firmware that listens is int16, not {}", samples.elements().name())));
    }
    let world = WorldFile { adc: file.adc, partner: file.partner, pin: file.pin, memory: file.memory, ..WorldFile::default() }
        .check(&display, |name| files.read(name))?;
    Ok(Scenario {
        name: file.name,
        title: file.title,
        chip: file.chip,
        labels: labels.bytes().to_vec(),
        samples,
        classes: file.input.classes,
        output_symbol: file.output.symbol,
        goldens,
        reference: Reference { by: file.output.reference, agreement: file.output.agreement, tolerance: file.output.tolerance },
        decision: file.decision,
        world,
        protocol,
        raw: file.input.raw,
        firmware: file.firmware,
        model: file.model,
        files,
    })
}

/// What `[host]` says, checked.
fn protocol(host: HostFile, files: &dyn Files) -> Result<Protocol> {
    match host {
        HostFile::MlperfTiny { uart, model } => Ok(Protocol::MlperfTiny { uart, model }),
        HostFile::Listen(file) => {
            let wrong = |what: String| Failure::new(Code::BadScenarioFile, what);
            if file.channel > 17 {
                return Err(wrong(format!("channel {} of the ADC: channels are 0 to 17", file.channel)));
            }
            let constants: clip::Constants = serde_json::from_slice(&files.read(&file.preprocess)?)
                .map_err(|error| wrong(format!("{}: {error}", files.display(&file.preprocess))))?;
            if constants.span().is_none() {
                return Err(wrong(format!("{}: its constants contradict each other", files.display(&file.preprocess))));
            }
            Ok(Protocol::Listen(Play { file, constants: Arc::new(constants) }))
        }
    }
}

/// Recordings as a tensor: int16, a row each.
fn recordings(names: &[String], protocol: &Protocol, files: &dyn Files) -> Result<Tensor> {
    let wrong = |what: String| Failure::new(Code::BadScenarioFile, what);
    let Protocol::Listen(play) = protocol else {
        return Err(wrong("recordings are for firmware that listens: protocol = \"listen\"".to_owned()));
    };
    let (mut bytes, mut length) = (Vec::new(), None);
    for name in names {
        let (_, sound) = clip::sound(&files.display(name), &files.read(name)?, Some(play.constants.rate() as usize))?;
        if *length.get_or_insert(sound.len()) != sound.len() {
            return Err(wrong(format!("{name} is not as long as the recordings before it")));
        }
        bytes.extend(sound.into_iter().flat_map(i16::to_le_bytes));
    }
    Ok(Tensor::new(Elements::Int16, vec![names.len(), length.unwrap_or(0)], bytes))
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
