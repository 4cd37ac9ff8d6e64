//! What it is: a model lowered for the device: the binary that the firmware's runtime executes from flash, with what a report says of it.
//! Source: our own format, version 2; its C side is `firmware-images/runtime/nn_plan.h`.
//! Does not model: anything at run time: every offset, multiplier and layout is fixed here.
//! Tested by: `tests/model.rs`, `tests/model_kernels.rs`.
//!
//! Little-endian words: the header ([`HEADER_WORDS`]), one offset per layer to its descriptor, one (arena offset, bytes) pair per input and
//! output, one offset per layer that resets what the model keeps between inferences, then descriptors, weights, tables. A descriptor's first word is its kernel's number; the rest is the C structure of that kernel.

use super::Type;
use super::arena::ArenaPlan;
use super::ops::OpCode;
use serde::Serialize;

/// "NNP1", little-endian.
pub const MAGIC: u32 = u32::from_le_bytes(*b"NNP1");
/// Format version: raised with every change that an older runtime would misread.
pub const VERSION: u32 = 2;
/// Words before the layer table. The last of them counts the resets.
pub const HEADER_WORDS: usize = 8;
/// A descriptor's address words name arena bytes, or plan bytes when this bit is set.
pub const IN_PLAN: u32 = 1 << 31;

macro_rules! kernels {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $symbol:literal;)*) => {
        /// The runtime's kernels. The number is the plan's, the symbol the C function.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum Kernel { $($(#[$doc])* $variant = $number,)* }

        impl Kernel {
            /// All of them.
            pub const ALL: &[Kernel] = &[$(Kernel::$variant,)*];

            /// The C function.
            #[must_use]
            pub fn symbol(self) -> &'static str {
                match self { $(Kernel::$variant => $symbol,)* }
            }
        }
    };
}

kernels! {
    /// A box of bytes, moved.
    Copy = 0, "nn_copy";
    /// A function of one byte, by table.
    MapS8 = 1, "nn_map_s8";
    /// Fully connected, int8.
    FullyConnectedS8 = 2, "nn_fully_connected_s8";
    /// Convolution from packed tiles, int8.
    ConvS8 = 3, "nn_conv_s8";
    /// Convolution of any shape, int8.
    ConvGenericS8 = 4, "nn_conv_generic_s8";
    /// Depthwise 3x3 convolution, int8.
    Depthwise3x3S8 = 5, "nn_depthwise_3x3_s8";
    /// Depthwise convolution of any shape, int8.
    DepthwiseGenericS8 = 6, "nn_depthwise_generic_s8";
    /// Average pooling, int8.
    AveragePoolS8 = 7, "nn_average_pool_s8";
    /// Maximum pooling, int8.
    MaxPoolS8 = 8, "nn_max_pool_s8";
    /// Softmax, int8.
    SoftmaxS8 = 9, "nn_softmax_s8";
    /// The same bytes over and over.
    Fill = 10, "nn_fill";
    /// Entries of a table, by index.
    Gather = 11, "nn_gather";
    /// Conversion between number types.
    Cast = 12, "nn_cast";
    /// A sequence of LSTM cells, int8 with int16 cells.
    LstmS8 = 13, "nn_lstm_s8";
    /// Sum or difference, int8.
    AddS8 = 14, "nn_add_s8";
    /// Product, int8.
    MulS8 = 15, "nn_mul_s8";
    /// Greater of two, int8.
    MaximumS8 = 16, "nn_maximum_s8";
    /// Lesser of two, int8.
    MinimumS8 = 17, "nn_minimum_s8";
    /// Mean, sum, maximum or minimum along dimensions, int8.
    ReduceS8 = 18, "nn_reduce_s8";
    /// Fully connected, float32.
    FullyConnectedF32 = 19, "nn_fully_connected_f32";
    /// Logistic function, float32.
    LogisticF32 = 20, "nn_logistic_f32";
    /// Decision forest on int8 features.
    ForestS8 = 21, "nn_forest_s8";
    /// Float32 to int8 with a scale found at run time.
    QuantiseF32 = 22, "nn_quantise_f32";
    /// Convolution from packed tiles, int8 weights on float32.
    ConvHybrid = 23, "nn_conv_hybrid";
    /// Convolution of any shape, depthwise too, int8 weights on float32.
    ConvGenericHybrid = 24, "nn_conv_generic_hybrid";
    /// Fully connected, int8 weights on float32.
    FullyConnectedHybrid = 25, "nn_fully_connected_hybrid";
    /// Convolution of any shape, depthwise too, float32.
    ConvF32 = 26, "nn_conv_f32";
    /// Sum, difference, product, greater or lesser of two, float32.
    BinaryF32 = 27, "nn_binary_f32";
    /// RELU and its kin, float32.
    ClampF32 = 28, "nn_clamp_f32";
    /// Average pooling, float32.
    AveragePoolF32 = 29, "nn_average_pool_f32";
    /// Maximum pooling, float32.
    MaxPoolF32 = 30, "nn_max_pool_f32";
    /// Mean, sum, maximum or minimum along dimensions, float32.
    ReduceF32 = 31, "nn_reduce_f32";
    /// Softmax, float32.
    SoftmaxF32 = 32, "nn_softmax_f32";
    /// Arithmetic of two operands, PRELU too: int8, int16, int32.
    BinaryGeneral = 40, "nn_binary_general";
    /// Quotient, floored quotient and remainder, squared difference, PRELU: float32.
    BinaryMoreF32 = 41, "nn_binary_more_f32";
    /// Comparisons, AND and OR.
    Compare = 42, "nn_compare";
    /// One of two, by a truth value.
    Select = 43, "nn_select";
    /// Functions of one float32 that need no series.
    UnaryF32 = 44, "nn_unary_f32";
    /// Functions of one float32 by series.
    SeriesF32 = 45, "nn_series_f32";
    /// From one integer type and scale to another.
    Rescale = 46, "nn_rescale";
    /// Logistic function and hyperbolic tangent, int16.
    SigmoidS16 = 47, "nn_sigmoid_s16";
    /// Truth values: of numbers, and the other way round.
    Truth = 48, "nn_truth";
    /// Convolution of any shape, depthwise and fully connected too, int16 activations.
    ConvS16 = 49, "nn_conv_s16";
    /// Transposed convolution, int8 and int16.
    TransposeConv = 50, "nn_transpose_conv";
    /// Transposed convolution, float32.
    TransposeConvF32 = 51, "nn_transpose_conv_f32";
    /// Average and maximum pooling, int16.
    PoolS16 = 52, "nn_pool_s16";
    /// Root of the mean square of a window, float32.
    L2PoolF32 = 53, "nn_l2_pool_f32";
    /// Softmax, int16.
    SoftmaxS16 = 54, "nn_softmax_s16";
    /// Softmax of int8 to int16.
    SoftmaxS8S16 = 55, "nn_softmax_s8_s16";
    /// Logarithm of softmax, int8.
    LogSoftmaxS8 = 56, "nn_log_softmax_s8";
    /// Logarithm of softmax, float32.
    LogSoftmaxF32 = 57, "nn_log_softmax_f32";
    /// Products of matrices in batches: int8, int16, float32.
    MatMul = 58, "nn_matmul";
    /// Filters with a memory, int8.
    Svdf = 59, "nn_svdf";
    /// Filters with a memory, float32.
    SvdfF32 = 60, "nn_svdf_f32";
    /// Reductions of int16, int32 and truth values.
    ReduceGeneral = 61, "nn_reduce_general";
    /// Where the greatest or the least is.
    Arg = 62, "nn_arg";
    /// Running sums.
    Cumulate = 63, "nn_cumulate";
    /// Vectors of length one, int8.
    L2NormS8 = 64, "nn_l2_norm_s8";
    /// Vectors of length one, float32.
    L2NormF32 = 65, "nn_l2_norm_f32";
    /// Pictures of another size by their nearest pixels.
    ResizeNearest = 66, "nn_resize_nearest";
    /// Pictures of another size, interpolated: int8, float32.
    ResizeBilinear = 67, "nn_resize_bilinear";
    /// Entries by tuples of indices.
    GatherNd = 68, "nn_gather_nd";
    /// A box written over.
    UpdateSlice = 69, "nn_update_slice";
    /// Sums of several: int8, float32.
    AddN = 70, "nn_add_n";
    /// Entries of tables, each table by indices of its own.
    GatherBatches = 71, "nn_gather_batches";
    /// A sequence of LSTM cells, float32.
    LstmF32 = 72, "nn_lstm_f32";
}

/// One layer of the plan, in execution order.
#[derive(Clone, Debug, Serialize)]
pub struct PlanLayer {
    /// Operator of the model that it executes, by index.
    pub operator_index: usize,
    /// That operator's name.
    pub operator: String,
    /// What executes it.
    pub kernel: Kernel,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Bytes of descriptor, weights and tables that only this layer uses.
    pub plan_bytes: u32,
    /// Shape of its first output.
    pub output_shape: Vec<u32>,
}

/// A graph input or output.
#[derive(Clone, Debug, Serialize)]
pub struct PlanIo {
    /// The tensor's name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<u32>,
    /// Its type, by NumPy's name.
    pub ty: &'static str,
    /// Number of elements.
    pub elements: u64,
    /// Size in bytes.
    pub bytes: u32,
    /// From the arena's start.
    pub arena_offset: u32,
    /// Quantisation scale (0 where the tensor is not quantised).
    pub scale: f32,
    /// Quantisation zero point.
    pub zero_point: i32,
}

/// A lowered model.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// What the firmware links: see the module's text. A multiple of eight bytes.
    #[serde(skip)]
    pub bytes: Vec<u8>,
    /// Layers, in execution order. Operators that lowering did away with (RESHAPE) have none.
    pub layers: Vec<PlanLayer>,
    /// What sets the state that the model keeps between inferences; for most models nothing.
    pub resets: Vec<Kernel>,
    /// Activation memory.
    pub arena: ArenaPlan,
    /// What the caller fills. Inputs keep their value through an inference.
    pub inputs: Vec<PlanIo>,
    /// What the caller reads.
    pub outputs: Vec<PlanIo>,
}

impl Plan {
    /// Bytes of SRAM that the arena needs.
    #[must_use]
    pub fn arena_bytes(&self) -> u32 {
        self.arena.bytes
    }

    /// The kernels that the plan needs, in order, each once.
    #[must_use]
    pub fn kernels(&self) -> Vec<Kernel> {
        let set: std::collections::BTreeSet<Kernel> =
            self.layers.iter().map(|layer| layer.kernel).chain(self.resets.iter().copied()).collect();
        set.into_iter().collect()
    }
}

/// A word of a descriptor, resolved when the arena has been planned.
#[derive(Clone, Copy, Debug)]
pub(super) enum Word {
    /// A number.
    Value(u32),
    /// Address of a tensor: its place in the arena, or in the plan if it is constant.
    Tensor(usize),
    /// Address of a scratch buffer, by request number.
    Buffer(usize),
    /// Address of something in the plan, by blob number.
    Blob(usize),
    /// How many times four pixels a tile takes, by its number.
    Quads(usize),
}

impl From<u32> for Word {
    fn from(value: u32) -> Self {
        Word::Value(value)
    }
}

impl From<i32> for Word {
    fn from(value: i32) -> Self {
        Word::Value(value.cast_unsigned())
    }
}

/// A layer as lowered, addresses still symbolic.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub operator_index: usize,
    pub kernel: Kernel,
    pub words: Vec<Word>,
    pub blobs: Vec<usize>,
}

/// Weights and tables of the plan under construction: equal contents are stored once.
#[derive(Default)]
pub(super) struct Blobs {
    contents: Vec<Vec<u8>>,
    known: std::collections::BTreeMap<Vec<u8>, usize>,
}

impl Blobs {
    /// Adds bytes and gives their number.
    pub fn add(&mut self, bytes: Vec<u8>) -> usize {
        if let Some(&known) = self.known.get(&bytes) {
            return known;
        }
        let index = self.contents.len();
        self.known.insert(bytes.clone(), index);
        self.contents.push(bytes);
        index
    }

    /// Adds words and gives their number.
    pub fn add_words(&mut self, words: impl IntoIterator<Item = i32>) -> usize {
        self.add(words.into_iter().flat_map(i32::to_le_bytes).collect())
    }
}

/// Where the symbolic addresses of drafts lead.
pub(super) struct Addresses<'a> {
    /// Arena offset of a tensor, or `None` if it is constant.
    pub tensor: &'a dyn Fn(usize) -> Option<u32>,
    /// Blob of a constant tensor.
    pub constant: &'a dyn Fn(usize) -> Option<usize>,
    /// Arena offset of a scratch request.
    pub buffer: &'a dyn Fn(usize) -> Option<u32>,
    /// A tile's size.
    pub quads: &'a dyn Fn(usize) -> Option<u32>,
}

/// Writes the binary; gives it and each layer's own bytes. `None` when an address has no target or the plan passes 2 GiB.
pub(super) fn assemble(
    drafts: &[Draft],
    resets: &[Draft],
    blobs: &Blobs,
    addresses: &Addresses,
    arena_bytes: u32,
    inputs: &[PlanIo],
    outputs: &[PlanIo],
) -> Option<(Vec<u8>, Vec<u32>)> {
    let tables = HEADER_WORDS + drafts.len() + resets.len() + 2 * (inputs.len() + outputs.len());
    let mut descriptor_at = Vec::new();
    let mut position = tables;
    for draft in drafts.iter().chain(resets) {
        descriptor_at.push(u32::try_from(4 * position).ok()?);
        position += 1 + draft.words.len();
    }
    let mut blob_at = Vec::new();
    let mut end = 4 * position;
    for blob in &blobs.contents {
        end = end.next_multiple_of(4);
        blob_at.push(u32::try_from(end).ok().filter(|&at| at < IN_PLAN)?);
        end += blob.len();
    }
    // Kernels may read the word after the last weight.
    let size = (end + 4).next_multiple_of(8);
    let mut out = Vec::with_capacity(size);
    let mut put = |word: u32| out.extend_from_slice(&word.to_le_bytes());
    let count = |n: usize| u32::try_from(n).ok();
    put(MAGIC);
    put(VERSION);
    put(u32::try_from(size).ok()?);
    put(arena_bytes);
    put(count(drafts.len())?);
    put(count(inputs.len())?);
    put(count(outputs.len())?);
    put(count(resets.len())?);
    let (layers_at, resets_at) = descriptor_at.split_at_checked(drafts.len())?;
    layers_at.iter().for_each(|&at| put(at));
    for io in inputs.iter().chain(outputs) {
        put(io.arena_offset);
        put(io.bytes);
    }
    resets_at.iter().for_each(|&at| put(at));
    for draft in drafts.iter().chain(resets) {
        put(draft.kernel as u32);
        for &word in &draft.words {
            put(match word {
                Word::Value(value) => value,
                Word::Blob(index) => blob_at.get(index)? | IN_PLAN,
                Word::Buffer(index) => (addresses.buffer)(index)?,
                Word::Quads(index) => (addresses.quads)(index)?,
                Word::Tensor(index) => match (addresses.constant)(index) {
                    Some(blob) => blob_at.get(blob)? | IN_PLAN,
                    None => (addresses.tensor)(index)?,
                },
            });
        }
    }
    for (blob, &at) in blobs.contents.iter().zip(&blob_at) {
        out.resize(at as usize, 0);
        out.extend_from_slice(blob);
    }
    out.resize(size, 0);
    let own = drafts.iter().map(|draft| {
        let data: usize = draft.blobs.iter().filter_map(|&blob| blobs.contents.get(blob)).map(Vec::len).sum();
        u32::try_from(data + 4 * (2 + draft.words.len())).unwrap_or(u32::MAX)
    });
    Some((out, own.collect()))
}

/// The description of one graph input or output.
pub(super) fn io(tensor: &super::Tensor, arena_offset: u32) -> Option<PlanIo> {
    let (scale, zero_point) = tensor.per_tensor().unwrap_or((0.0, 0));
    Some(PlanIo {
        name: tensor.name.clone(),
        shape: tensor.shape.clone(),
        ty: tensor.ty.name(),
        elements: tensor.elements(),
        bytes: u32::try_from(tensor.bytes()).ok()?,
        arena_offset,
        scale,
        zero_point,
    })
}

/// Whether the plan's tensors can have this type at all.
pub(super) fn storable(ty: Type) -> bool {
    matches!(ty, Type::Float32 | Type::Int32 | Type::Int16 | Type::Int8 | Type::UInt8 | Type::Bool)
}

/// How reports name an operator.
pub(super) fn operator_name(code: &OpCode) -> String {
    code.name()
}
