//! What it is: scenarios: what is fed to a firmware, over which line, what it should answer, and what the answer means.
//! Source: TOML files, `models/<name>/scenario.toml`; the built-in ones are part of the program.
//! Does not model: how the firmware computes; stimuli other than one input tensor.
//! Tested by: the unit tests below, `tests/bad_input.rs`, `tests/run.rs`.

mod builtin;
mod decision;
mod dialogue;
mod file;
mod host;
mod inject;
mod input;
mod ports;
mod speaker;
mod tensor;
mod vcd;
mod world;

pub use builtin::names;
pub use decision::{Decision, Verdict};
pub use dialogue::Dialogue;
pub use host::Host;
pub use inject::{Called, Injection};
pub use ports::{Connected, Ports, Whither, Wiring, drive};
pub use speaker::{Heard, Speaker};
pub use tensor::{Elements, Tensor};
pub use vcd::vcd;
pub use world::World;

use crate::finding::{Code, Failure, Finding, Result, nearest};
use crate::firmware::Image;
use crate::model::{Forest, Model, Plan};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A scenario, read and checked.
#[derive(Debug)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// What it is about, in a line.
    pub title: String,
    /// The chip that it is meant for.
    pub chip: String,
    /// The inputs: the first dimension counts samples.
    pub samples: Tensor,
    /// The class of each sample.
    pub labels: Vec<u8>,
    /// The classes' names.
    pub classes: Vec<String>,
    /// The object in the firmware that holds the raw output after an inference.
    pub output_symbol: String,
    /// The reference outputs, one row a sample.
    pub goldens: Tensor,
    /// Where those come from.
    pub reference: Reference,
    /// How an output becomes a class.
    pub decision: Decision,
    /// What is connected to the chip's pins.
    pub world: World,
    /// How the firmware gets its inputs.
    protocol: host::Protocol,
    files: Box<dyn Files>,
    raw: Option<input::Raw>,
    firmware: String,
    model: Option<String>,
}

/// Who computed the reference outputs, and how near to them is right.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Reference {
    /// Usually TFLite Micro.
    pub by: String,
    /// What must agree.
    #[serde(default, skip_serializing_if = "Agreement::is_output")]
    pub agreement: Agreement,
    /// How far a float output may be from it, as a part of its largest magnitude; without it, not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
}

/// What of an inference must agree with the reference's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// The raw output.
    #[default]
    Output,
    /// The class alone: where the firmware makes its own input, as from a microphone, that is not the reference's to the bit.
    Class,
}

impl Agreement {
    /// Whether it is the raw output that must agree.
    #[must_use]
    pub fn is_output(&self) -> bool {
        *self == Agreement::Output
    }
}

impl Reference {
    /// What agreement means: "equal to TFLite Micro's to the bit".
    #[must_use]
    pub fn agreement(&self) -> String {
        match (self.agreement, self.tolerance) {
            (Agreement::Class, _) => format!("of the same class as {}'s", self.by),
            (_, None) => format!("equal to {}'s to the bit", self.by),
            (_, Some(tolerance)) => format!("within {tolerance:e} of {}'s", self.by),
        }
    }
}

/// Whether a model's file is a forest's table.
fn is_forest(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy"))
}

/// Where a scenario's files come from: its folder, or the program itself.
trait Files: std::fmt::Debug + Send + Sync {
    /// The content of a file named in the scenario.
    fn read(&self, name: &str) -> Result<Vec<u8>>;
    /// What the file is called in messages.
    fn display(&self, name: &str) -> String;
}

impl Scenario {
    /// A built-in scenario by name, or a file ending in `.toml`.
    ///
    /// # Errors
    /// `unknown-scenario` with the nearest name; `bad-scenario-file` with line and column; what is wrong with a file that it names.
    pub fn find(spec: &str) -> Result<Self> {
        if Path::new(spec).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml")) {
            return file::read(Path::new(spec));
        }
        match builtin::find(spec) {
            Some(files) => file::parse(Box::new(files), files.description),
            None => {
                let mut finding = Finding::new(Code::UnknownScenario, format!("there is no scenario named '{spec}'"));
                if let Some(near) = nearest(spec, names()) {
                    finding = finding.help(format!("Did you mean '{near}'? stm32sim scenarios lists them."));
                }
                Err(finding.into())
            }
        }
    }

    /// How many samples it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.rows()
    }

    /// Whether it has none; a checked scenario never is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The built-in firmware.
    ///
    /// # Errors
    /// As [`Image::parse`].
    pub fn image(&self) -> Result<Image> {
        Image::parse(&self.files.display(&self.firmware), &self.files.read(&self.firmware)?)
    }

    /// The network that the firmware executes, if the scenario names one.
    ///
    /// # Errors
    /// As [`Model::parse`].
    pub fn model(&self) -> Result<Option<Model>> {
        let network = self.model.as_ref().filter(|name| !is_forest(name));
        network.map(|name| Model::parse(&self.files.display(name), self.files.read(name)?)).transpose()
    }

    /// What the firmware executes, lowered, if the scenario names it: a network, or a forest.
    ///
    /// # Errors
    /// As [`Model::parse`] and [`Model::lower`], or those of [`Forest`].
    pub fn plan(&self) -> Result<Option<Plan>> {
        match self.forest()? {
            Some(forest) => forest.lower().map(Some),
            None => self.model()?.map(|model| model.lower()).transpose(),
        }
    }

    /// The forest that the firmware executes, if the scenario names one.
    ///
    /// # Errors
    /// As [`Forest::parse`].
    pub fn forest(&self) -> Result<Option<Forest>> {
        let features = u32::try_from(self.samples.row_bytes()).ok();
        let forest = self.model.as_ref().filter(|name| is_forest(name));
        forest.map(|name| Forest::parse(&self.files.display(name), &self.files.read(name)?, features)).transpose()
    }

    /// The model's file name without folders and its size in bytes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn model_file(&self) -> Result<Option<(String, u64)>> {
        let describe = |name: &String| {
            let last = name.rsplit('/').next().unwrap_or(name);
            Ok((last.to_owned(), self.files.read(name)?.len() as u64))
        };
        self.model.as_ref().map(describe).transpose()
    }

    /// The input bytes of sample `index`, and its class.
    ///
    /// # Errors
    /// `sample-out-of-range`.
    pub fn sample(&self, index: usize) -> Result<(Vec<u8>, u8)> {
        self.samples.row(index).zip(self.labels.get(index).copied()).ok_or_else(|| {
            let message = format!("scenario '{}' has no sample {index}; it has {}, counted from 0", self.name, self.len());
            Failure::new(Code::SampleOutOfRange, message)
        })
    }

    /// Whether a raw output is the reference's for sample `index`: to the bit, within the tolerance, or in its class; `None` where there is no
    /// such sample.
    #[must_use]
    pub fn matches_reference(&self, index: usize, output: &[u8]) -> Option<bool> {
        let golden = self.goldens.row(index)?;
        if self.reference.agreement == Agreement::Class {
            let class = |output: &[u8]| self.decision.judge((&self.samples, &[]), (&self.goldens, output)).label;
            return Some(class(&golden) == class(output));
        }
        let close = |tolerance| decision::close(self.goldens.elements(), &golden, output, tolerance);
        Some(golden == output || self.reference.tolerance.is_some_and(close))
    }
}
