//! What it is: what a model is fed for an estimate, and what it answers: random bytes or .npy files in, numbers out.
//! Source: the plan's inputs and outputs; SplitMix64 (Steele, Lea, Flood, 2014) for the random bytes.
//! Does not model: data that look like a task's: a model's cycles hardly depend on them, its answer does.
//! Tested by: `tests/estimate.rs`.

use crate::finding::{Code, Failure, Finding, Result};
use crate::model::ops::op;
use crate::model::{Model, Plan, PlanIo};
use crate::scenario::Tensor;
use serde::Serialize;
use std::path::PathBuf;

/// What the model is fed.
#[derive(Clone, Debug)]
pub enum Inputs {
    /// Random numbers: integers over their type's whole range, floats from -1 to 1, indices inside of their table.
    Random {
        /// The same seed gives the same numbers.
        seed: u64,
    },
    /// A .npy file for each input, in the model's order.
    Files {
        /// The files.
        paths: Vec<PathBuf>,
        /// Which row, where a file holds many.
        sample: usize,
    },
    /// The bytes of each input, in the model's order.
    Bytes(Vec<Vec<u8>>),
}

/// What the model was fed, for the report.
#[derive(Clone, Debug, Serialize)]
pub struct InputSummary {
    /// `random`, `file` or `bytes`.
    pub kind: &'static str,
    /// Of random numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Of a file of many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<usize>,
}

impl Inputs {
    pub(super) fn summary(&self) -> InputSummary {
        match self {
            Self::Random { seed } => InputSummary { kind: "random", seed: Some(*seed), sample: None },
            Self::Files { sample, .. } => InputSummary { kind: "file", seed: None, sample: Some(*sample) },
            Self::Bytes(_) => InputSummary { kind: "bytes", seed: None, sample: None },
        }
    }

    /// The bytes of each input.
    pub(super) fn bytes(&self, model: &Model, plan: &Plan) -> Result<Vec<Vec<u8>>> {
        match self {
            Self::Random { seed } => {
                let mut random = SplitMix(*seed);
                let bound = index_bound(model);
                Ok(plan.inputs.iter().map(|input| random.tensor(input, bound)).collect())
            }
            Self::Files { paths, sample } => {
                counted(paths.len(), model, plan)?;
                paths.iter().zip(&plan.inputs).map(|(path, input)| row(path, input, *sample)).collect()
            }
            Self::Bytes(tensors) => {
                counted(tensors.len(), model, plan)?;
                for (bytes, input) in tensors.iter().zip(&plan.inputs) {
                    if bytes.len() != input.bytes as usize {
                        let message = format!("input {} has {} B; {} were given", input.name, input.bytes, bytes.len());
                        return Err(Failure::new(Code::BadInputTensor, message));
                    }
                }
                Ok(tensors.clone())
            }
        }
    }
}

fn counted(given: usize, model: &Model, plan: &Plan) -> Result<()> {
    if given == plan.inputs.len() {
        return Ok(());
    }
    let message = format!("{} has {} inputs; {given} were given", model.name, plan.inputs.len());
    Err(Finding::new(Code::BadInputTensor, message).help("Give --input once for each input.").into())
}

/// The bytes of one tensor in a .npy file: of its shape, or a row of many.
pub(super) fn row(path: &std::path::Path, tensor: &PlanIo, sample: usize) -> Result<Vec<u8>> {
    let file = Tensor::load(path)?;
    let name = path.display();
    // Dimensions of 1 carry nothing: (41,), (1, 41) and (1, 1, 41) hold the same tensor.
    let plain = |shape: &[u64]| shape.iter().copied().filter(|n| *n != 1).collect::<Vec<u64>>();
    let wanted = plain(&tensor.shape.iter().map(|n| u64::from(*n)).collect::<Vec<_>>());
    let found: Vec<u64> = file.shape().iter().map(|n| *n as u64).collect();
    let one = plain(&found) == wanted;
    let many = found.split_first().is_some_and(|(_, rest)| plain(rest) == wanted);
    if file.elements().name() != tensor.ty || !(one || many) {
        let shape: Vec<String> = tensor.shape.iter().map(u32::to_string).collect();
        let message = format!(
            "{name} is {} of shape {found:?}; the model takes {} of shape [{}], or rows of it",
            file.elements().name(),
            tensor.ty,
            shape.join(", ")
        );
        return Err(Failure::new(Code::BadInputTensor, message));
    }
    if one && sample == 0 {
        return Ok(file.bytes().to_vec());
    }
    let rows = if one { 1 } else { file.rows() };
    let message = || format!("{name} has no sample {sample}; it has {rows}, counted from 0");
    file.row(sample).filter(|_| !one).ok_or_else(|| Failure::new(Code::SampleOutOfRange, message()))
}

/// How many entries the smallest table has that the model looks up in: random indices must lie inside of it.
fn index_bound(model: &Model) -> Option<u32> {
    let tables = model.operators.iter().filter(|operator| operator.code.is(op::GATHER) || operator.code.is(op::EMBEDDING_LOOKUP));
    tables
        .flat_map(|operator| [operator.input(0), operator.input(1)])
        .flatten()
        .filter_map(|index| model.tensors.get(index))
        .filter(|tensor| tensor.shape.len() > 1)
        .filter_map(|tensor| tensor.shape.first().copied())
        .filter(|entries| *entries > 1)
        .min()
}

struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn tensor(&mut self, tensor: &PlanIo, bound: Option<u32>) -> Vec<u8> {
        let below = |random: u64| (random % u64::from(bound.unwrap_or(128).clamp(1, 128))) as u8;
        let mut bytes = Vec::with_capacity(tensor.bytes as usize);
        for _ in 0..tensor.elements {
            let random = self.next();
            match tensor.ty {
                // Where indices are looked up, anything may become one.
                "float32" if bound.is_some() => bytes.extend(f32::from(below(random)).to_le_bytes()),
                "float32" => bytes.extend(((random >> 40) as f32 / (1_u32 << 23) as f32 - 1.0).to_le_bytes()),
                "int32" => bytes.extend(i32::from(below(random)).to_le_bytes()),
                "bool" => bytes.push((random & 1) as u8),
                "int16" if bound.is_some() => bytes.extend(i16::from(below(random)).to_le_bytes()),
                "int16" => bytes.extend((random as i16).to_le_bytes()),
                _ if bound.is_some() => bytes.push(below(random)),
                _ => bytes.push(random as u8),
            }
        }
        bytes.resize(tensor.bytes as usize, 0);
        bytes
    }
}

/// One output of the model.
#[derive(Clone, Debug, Serialize)]
pub struct OutputTensor {
    /// The tensor's name.
    pub name: String,
    /// Its type, by NumPy's name.
    #[serde(rename = "type")]
    pub ty: &'static str,
    /// Its shape.
    pub shape: Vec<u32>,
    /// real = scale × (value − zero point); absent where it is not quantised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<f32>,
    /// See `scale`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zero_point: Option<i32>,
    /// Its raw values; absent in an output of more than 4096.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Values>,
    /// Its raw bytes.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

/// Raw values of a tensor.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Values {
    /// Of any integer type.
    Integers(Vec<i32>),
    /// Of float32.
    Floats(Vec<f32>),
}

/// How far a float output may be from what is expected, as a part of the largest expected magnitude. Integers must be equal.
pub const FLOAT_TOLERANCE: f64 = 1e-5;

/// More values than this are not worth printing.
const MOST_VALUES: u64 = 4096;

impl OutputTensor {
    /// Whether it is what was expected: integers to the bit, floats within `FLOAT_TOLERANCE`.
    #[must_use]
    pub fn agrees(&self, expected: &[u8]) -> bool {
        if self.ty != "float32" || self.bytes.len() != expected.len() {
            return self.bytes == expected;
        }
        let floats = |bytes: &[u8]| -> Vec<f64> {
            bytes.as_chunks::<4>().0.iter().map(|word| f64::from(f32::from_le_bytes(*word))).collect()
        };
        let (ours, expected) = (floats(&self.bytes), floats(expected));
        let largest = expected.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
        // Not a number agrees with nothing.
        ours.iter().zip(&expected).all(|(a, b)| a == b || (a - b).abs() <= FLOAT_TOLERANCE * largest)
    }

    pub(super) fn new(io: &PlanIo, bytes: Vec<u8>) -> Self {
        let words = || bytes.as_chunks::<4>().0.iter();
        let values = match io.ty {
            "float32" => Some(Values::Floats(words().map(|word| f32::from_le_bytes(*word)).collect())),
            "int32" => Some(Values::Integers(words().map(|word| i32::from_le_bytes(*word)).collect())),
            "int16" => {
                let halves = bytes.as_chunks::<2>().0.iter();
                Some(Values::Integers(halves.map(|half| i32::from(i16::from_le_bytes(*half))).collect()))
            }
            "int8" => Some(Values::Integers(bytes.iter().map(|byte| i32::from(*byte as i8)).collect())),
            _ => Some(Values::Integers(bytes.iter().map(|byte| i32::from(*byte)).collect())),
        };
        let quantised = io.scale != 0.0;
        Self {
            name: io.name.clone(),
            ty: io.ty,
            shape: io.shape.clone(),
            scale: quantised.then_some(io.scale),
            zero_point: quantised.then_some(io.zero_point),
            values: values.filter(|_| io.elements <= MOST_VALUES),
            bytes,
        }
    }
}
