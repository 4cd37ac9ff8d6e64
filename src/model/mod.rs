//! What it is: .tflite models: read and checked ([`Model`]), planned and lowered to what the firmware's runtime executes ([`Plan`]).
//! Source: the TensorFlow Lite file format; the arithmetic of TensorFlow Lite Micro, which the lowered model reproduces to the bit.
//! Does not model: training, conversion, several subgraphs, control flow, custom operators: they are refused by name.
//! Tested by: `tests/model.rs`, `tests/model_kernels.rs` (goldens computed by TensorFlow Lite Micro).

mod arena;
mod embed;
mod footprint;
mod forest;
mod lower;
pub mod ops;
mod options;
mod plan;
pub mod quant;
mod reader;
#[rustfmt::skip]
mod schema;
mod what_if;

pub use arena::{ArenaPlan, Placement};
pub use embed::{header, raw_header};
pub use footprint::Footprint;
pub use forest::Forest;
pub use lower::LOWERED;
pub use plan::{Kernel, Plan, PlanIo, PlanLayer};

use crate::finding::{Code, Failure, Result};
use ops::{OpCode, Options, op};
use std::ops::Range;
use std::path::Path;

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Type {
    Float32,
    Float16,
    Int32,
    UInt8,
    Int64,
    Bool,
    Int16,
    Int8,
    Int4,
    /// A type that only the format names, with its number there.
    Other(u8),
}

impl Type {
    fn by_number(number: i8) -> Self {
        match number {
            0 => Self::Float32,
            1 => Self::Float16,
            2 => Self::Int32,
            3 => Self::UInt8,
            4 => Self::Int64,
            6 => Self::Bool,
            7 => Self::Int16,
            9 => Self::Int8,
            17 => Self::Int4,
            other => Self::Other(other.unsigned_abs()),
        }
    }

    /// Bytes of one element; `None` where the format packs elements or the size is not fixed.
    #[must_use]
    pub fn bytes(self) -> Option<u64> {
        match self {
            Self::Float32 | Self::Int32 => Some(4),
            Self::Float16 | Self::Int16 => Some(2),
            Self::UInt8 | Self::Bool | Self::Int8 => Some(1),
            Self::Int64 => Some(8),
            Self::Int4 | Self::Other(_) => None,
        }
    }

    /// The name that NumPy and TensorFlow give it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Float16 => "float16",
            Self::Int32 => "int32",
            Self::UInt8 => "uint8",
            Self::Int64 => "int64",
            Self::Bool => "bool",
            Self::Int16 => "int16",
            Self::Int8 => "int8",
            Self::Int4 => "int4",
            Self::Other(5) => "string",
            Self::Other(8) => "complex64",
            Self::Other(10) => "float64",
            Self::Other(13) => "resource",
            Self::Other(14) => "variant",
            Self::Other(_) => "a type unknown here",
        }
    }
}

/// real = scale × (quantised − zero point), per tensor or per slice along `axis`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantisation {
    /// One scale, or one per slice.
    pub scales: Vec<f32>,
    /// One zero point, or one per slice.
    pub zero_points: Vec<i32>,
    /// The dimension along which the slices lie.
    pub axis: usize,
}

/// One tensor of the model.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// As the converter named it; not unique.
    pub name: String,
    /// Elements along each dimension; empty for a scalar.
    pub shape: Vec<u32>,
    /// Type of the elements.
    pub ty: Type,
    /// Present when the elements are quantised.
    pub quantisation: Option<Quantisation>,
    /// The dimensions that the model leaves open; `shape` has a size in their place.
    pub open: Vec<usize>,
    /// Keeps its value from one inference to the next.
    pub is_variable: bool,
    /// Where a constant's bytes lie in the file.
    data: Option<Range<usize>>,
}

impl Tensor {
    /// Number of elements; the reader has checked that it fits.
    #[must_use]
    pub fn elements(&self) -> u64 {
        self.shape.iter().map(|&d| u64::from(d)).product()
    }

    /// Bytes of all elements (packed types: rounded up).
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self.ty {
            Type::Int4 => self.elements().div_ceil(2),
            ty => self.elements() * ty.bytes().unwrap_or(1),
        }
    }

    /// Whether the model carries its value.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        self.data.is_some()
    }

    /// Shape as people write it: `1x49x10x1`.
    #[must_use]
    pub fn shape_text(&self) -> String {
        if self.shape.is_empty() {
            return "scalar".to_owned();
        }
        self.shape.iter().map(u32::to_string).collect::<Vec<_>>().join("x")
    }

    /// Scale and zero point of a tensor that is quantised as a whole.
    #[must_use]
    pub fn per_tensor(&self) -> Option<(f32, i32)> {
        let q = self.quantisation.as_ref()?;
        match (q.scales.as_slice(), q.zero_points.as_slice()) {
            ([scale], [zero]) => Some((*scale, *zero)),
            ([scale], []) => Some((*scale, 0)),
            _ => None,
        }
    }
}

/// One operator, in execution order.
#[derive(Clone, Debug)]
pub struct Operator {
    /// What it computes.
    pub code: OpCode,
    /// Indices of its input tensors; `None` where an optional one is absent.
    pub inputs: Vec<Option<usize>>,
    /// Indices of its output tensors.
    pub outputs: Vec<usize>,
    /// Indices of tensors that only describe the quantisation of inner results (LSTM).
    pub intermediates: Vec<usize>,
    /// Its options.
    pub options: Options,
}

impl Operator {
    /// The tensor that is its `index`-th input, if present.
    #[must_use]
    pub fn input(&self, index: usize) -> Option<usize> {
        self.inputs.get(index).copied().flatten()
    }
}

/// A model as its file describes it.
#[derive(Clone, Debug)]
pub struct Model {
    /// What messages call it: the file's name.
    pub name: String,
    /// The file's free text.
    pub description: String,
    /// All tensors of the main subgraph.
    pub tensors: Vec<Tensor>,
    /// Its operators, in execution order.
    pub operators: Vec<Operator>,
    /// Tensors that the caller fills.
    pub inputs: Vec<usize>,
    /// Tensors that the caller reads.
    pub outputs: Vec<usize>,
    /// Number of subgraphs in the file; only the first is read.
    pub subgraphs: usize,
    /// What variables hold at the beginning: their names, and where the bytes lie in the file.
    initial: Vec<(String, Range<usize>)>,
    /// Names of the custom operators that any subgraph may use.
    pub custom_operators: Vec<String>,
    bytes: Vec<u8>,
}

/// Named in generated headers.
const VERSION_OF_TOOL: &str = env!("CARGO_PKG_VERSION");
/// The most that a virtual chip's flash can have; the limit keeps memory bounded.
pub const MAX_FILE_BYTES: u64 = 128 << 20;

/// A file's bytes, if it is not larger than any model.
fn read_file(path: &Path) -> Result<Vec<u8>> {
    let shown = path.display();
    let unreadable = |error| Failure::new(Code::FileUnreadable, format!("{shown} cannot be read: {error}."));
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_FILE_BYTES {
        let message = format!("{shown} has {size} bytes; a model may have {MAX_FILE_BYTES}.");
        return Err(Failure::new(Code::FileTooLarge, message));
    }
    std::fs::read(path).map_err(unreadable)
}

impl Model {
    /// Reads and checks the model in a file.
    ///
    /// # Errors
    /// `file-unreadable`, `file-empty`, `file-too-large`; `bad-model` for anything that is not a sound .tflite.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&path.display().to_string(), read_file(path)?)
    }

    /// Reads and checks a model in memory; `name` is what messages call it.
    ///
    /// # Errors
    /// As [`Model::read`], without those of the file system.
    pub fn parse(name: &str, bytes: Vec<u8>) -> Result<Self> {
        reader::read(name, bytes)
    }

    /// A constant tensor's bytes, little-endian, in the order of its shape.
    #[must_use]
    pub fn data(&self, tensor: &Tensor) -> Option<&[u8]> {
        self.bytes.get(tensor.data.clone()?)
    }

    /// What a variable holds at the beginning.
    fn initial(&self, name: &str) -> Option<&[u8]> {
        let (_, range) = self.initial.iter().find(|(own, _)| own == name)?;
        self.bytes.get(range.clone())
    }

    /// How many graphs the first one does not call.
    #[must_use]
    pub fn further_graphs(&self) -> usize {
        let called = self.operators.iter().filter(|operator| operator.code.is(op::CALL_ONCE)).count();
        self.subgraphs.saturating_sub(1 + called)
    }

    /// The file itself.
    #[must_use]
    pub fn file_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of constant elements: weights, biases, tables. Shared ones count once per tensor.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        let mut seen = std::collections::BTreeSet::new();
        self.operators
            .iter()
            .flat_map(|operator| operator.inputs.iter().flatten())
            .filter(|index| seen.insert(**index))
            .filter_map(|index| self.tensors.get(*index))
            .filter(|tensor| tensor.is_constant())
            .map(Tensor::elements)
            .sum()
    }

    /// Multiply-accumulates of one operator, padding included; 0 for operators that have none.
    #[must_use]
    pub fn macs(&self, operator: &Operator) -> u64 {
        let dims = |index: Option<usize>| index.and_then(|i| self.tensors.get(i)).map_or(&[][..], |t| t.shape.as_slice());
        let count = |dims: &[u32]| dims.iter().map(|&d| u64::from(d)).product::<u64>();
        let output = count(dims(operator.outputs.first().copied()));
        let weights = dims(operator.input(1));
        let OpCode::Builtin(code) = operator.code else { return 0 };
        match code {
            op::CONV_2D | op::FULLY_CONNECTED => output.saturating_mul(count(weights.get(1..).unwrap_or(&[]))),
            op::DEPTHWISE_CONV_2D => output.saturating_mul(count(weights.get(1..3).unwrap_or(&[]))),
            op::TRANSPOSE_CONV => {
                let input = count(dims(operator.input(2)));
                input.saturating_mul(count(weights.get(..3).unwrap_or(&[])))
            }
            op::UNIDIRECTIONAL_SEQUENCE_LSTM => {
                // Batch, time, features: eight matrices of (cells x features or cells) per step.
                let (x, cells) = (dims(operator.input(0)), dims(operator.input(5)).first().copied().unwrap_or(0));
                let steps = count(x.get(..2).unwrap_or(&[]));
                let features = u64::from(x.last().copied().unwrap_or(0)) + u64::from(cells);
                steps.saturating_mul(4).saturating_mul(u64::from(cells)).saturating_mul(features)
            }
            op::BATCH_MATMUL => {
                let inner = dims(operator.input(0)).last().copied().unwrap_or(0);
                output.saturating_mul(u64::from(inner))
            }
            _ => 0,
        }
    }

    /// Multiply-accumulates of one inference.
    #[must_use]
    pub fn total_macs(&self) -> u64 {
        self.operators.iter().map(|operator| self.macs(operator)).fold(0, u64::saturating_add)
    }

    /// Lowers the model for the firmware's runtime.
    ///
    /// # Errors
    /// `model-unsupported` naming the layer and the way out; `bad-model` where operators and tensors contradict each other.
    pub fn lower(&self) -> Result<Plan> {
        lower::lower(self)
    }

    /// What messages call layer `index`: `layer 3 (CONV_2D)`.
    #[must_use]
    pub fn layer_name(&self, index: usize) -> String {
        match self.operators.get(index) {
            Some(operator) => format!("layer {index} ({})", operator.code.name()),
            None => format!("layer {index}"),
        }
    }

    fn bad(&self, message: impl AsRef<str>) -> Failure {
        Failure::new(Code::BadModel, format!("{}: {}", self.name, message.as_ref()))
    }

    fn unsupported(&self, layer: usize, what: impl AsRef<str>) -> Failure {
        Failure::new(Code::ModelUnsupported, format!("{}: {}: {}", self.name, self.layer_name(layer), what.as_ref()))
    }
}
