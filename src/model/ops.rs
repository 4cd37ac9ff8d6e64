//! What it is: the operators of the TensorFlow Lite format by number and name, and the options that lowering needs of each.
//! Source: the format's BuiltinOperator and ActivationFunctionType enumerations, as in TensorFlow 2.21.
//! Does not model: options of operators that nothing here lowers.
//! Tested by: `tests/model.rs` (the operator lists of the original models).

/// A builtin operator's number in the format, or a custom operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpCode {
    /// Numbered by the format.
    Builtin(u32),
    /// Named by whoever made the model (TensorFlow "Flex" operators among them).
    Custom(String),
}

macro_rules! builtins {
    ($($name:ident = $number:literal),* $(,)?) => {
        /// The format's numbers of the operators that the code names.
        #[allow(missing_docs)]
        pub mod op { $(pub const $name: u32 = $number;)* }
        const NAMES: &[(u32, &str)] = &[$(($number, stringify!($name))),*];
    };
}

builtins! {
    ADD = 0, AVERAGE_POOL_2D = 1, CONCATENATION = 2, CONV_2D = 3, DEPTHWISE_CONV_2D = 4, DEPTH_TO_SPACE = 5, DEQUANTIZE = 6,
    EMBEDDING_LOOKUP = 7, FLOOR = 8, FULLY_CONNECTED = 9, HASHTABLE_LOOKUP = 10, L2_NORMALIZATION = 11, L2_POOL_2D = 12,
    LOCAL_RESPONSE_NORMALIZATION = 13, LOGISTIC = 14, LSH_PROJECTION = 15, LSTM = 16, MAX_POOL_2D = 17, MUL = 18, RELU = 19,
    RELU_N1_TO_1 = 20, RELU6 = 21, RESHAPE = 22, RESIZE_BILINEAR = 23, RNN = 24, SOFTMAX = 25, SPACE_TO_DEPTH = 26, SVDF = 27,
    TANH = 28, CONCAT_EMBEDDINGS = 29, SKIP_GRAM = 30, CALL = 31, EMBEDDING_LOOKUP_SPARSE = 33, PAD = 34,
    UNIDIRECTIONAL_SEQUENCE_RNN = 35, GATHER = 36, BATCH_TO_SPACE_ND = 37, SPACE_TO_BATCH_ND = 38, TRANSPOSE = 39, MEAN = 40,
    SUB = 41, DIV = 42, SQUEEZE = 43, UNIDIRECTIONAL_SEQUENCE_LSTM = 44, STRIDED_SLICE = 45, BIDIRECTIONAL_SEQUENCE_RNN = 46,
    EXP = 47, TOPK_V2 = 48, SPLIT = 49, LOG_SOFTMAX = 50, DELEGATE = 51, BIDIRECTIONAL_SEQUENCE_LSTM = 52, CAST = 53, PRELU = 54,
    MAXIMUM = 55, ARG_MAX = 56, MINIMUM = 57, LESS = 58, NEG = 59, PADV2 = 60, GREATER = 61, GREATER_EQUAL = 62, LESS_EQUAL = 63,
    SELECT = 64, SLICE = 65, SIN = 66, TRANSPOSE_CONV = 67, SPARSE_TO_DENSE = 68, TILE = 69, EXPAND_DIMS = 70, EQUAL = 71,
    NOT_EQUAL = 72, LOG = 73, SUM = 74, SQRT = 75, RSQRT = 76, SHAPE = 77, POW = 78, ARG_MIN = 79, FAKE_QUANT = 80,
    REDUCE_PROD = 81, REDUCE_MAX = 82, PACK = 83, LOGICAL_OR = 84, ONE_HOT = 85, LOGICAL_AND = 86, LOGICAL_NOT = 87, UNPACK = 88,
    REDUCE_MIN = 89, FLOOR_DIV = 90, REDUCE_ANY = 91, SQUARE = 92, ZEROS_LIKE = 93, FILL = 94, FLOOR_MOD = 95, RANGE = 96,
    RESIZE_NEAREST_NEIGHBOR = 97, LEAKY_RELU = 98, SQUARED_DIFFERENCE = 99, MIRROR_PAD = 100, ABS = 101, SPLIT_V = 102,
    UNIQUE = 103, CEIL = 104, REVERSE_V2 = 105, ADD_N = 106, GATHER_ND = 107, COS = 108, WHERE = 109, RANK = 110, ELU = 111,
    REVERSE_SEQUENCE = 112, MATRIX_DIAG = 113, QUANTIZE = 114, MATRIX_SET_DIAG = 115, ROUND = 116, HARD_SWISH = 117, IF = 118,
    WHILE = 119, NON_MAX_SUPPRESSION_V4 = 120, NON_MAX_SUPPRESSION_V5 = 121, SCATTER_ND = 122, SELECT_V2 = 123, DENSIFY = 124,
    SEGMENT_SUM = 125, BATCH_MATMUL = 126, CUMSUM = 128, CALL_ONCE = 129, BROADCAST_TO = 130, RFFT2D = 131, CONV_3D = 132,
    IMAG = 133, REAL = 134, COMPLEX_ABS = 135, HASHTABLE = 136, HASHTABLE_FIND = 137, HASHTABLE_IMPORT = 138, HASHTABLE_SIZE = 139,
    REDUCE_ALL = 140, CONV_3D_TRANSPOSE = 141, VAR_HANDLE = 142, READ_VARIABLE = 143, ASSIGN_VARIABLE = 144, BROADCAST_ARGS = 145,
    RANDOM_STANDARD_NORMAL = 146, BUCKETIZE = 147, RANDOM_UNIFORM = 148, MULTINOMIAL = 149, GELU = 150, DYNAMIC_UPDATE_SLICE = 151,
    RELU_0_TO_1 = 152, UNSORTED_SEGMENT_PROD = 153, UNSORTED_SEGMENT_MAX = 154, UNSORTED_SEGMENT_SUM = 155, ATAN2 = 156,
    UNSORTED_SEGMENT_MIN = 157, SIGN = 158, BITCAST = 159, BITWISE_XOR = 160, RIGHT_SHIFT = 161,
}

impl OpCode {
    /// The operator's name as the format spells it; `BUILTIN_n` for a number without one here.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            OpCode::Builtin(number) => NAMES
                .iter()
                .find(|(known, _)| known == number)
                .map_or_else(|| format!("BUILTIN_{number}"), |(_, name)| (*name).to_owned()),
            OpCode::Custom(name) => name.clone(),
        }
    }

    /// Whether this is the builtin with that number.
    #[must_use]
    pub fn is(&self, number: u32) -> bool {
        *self == OpCode::Builtin(number)
    }
}

/// A clamp that some operators apply to their result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Activation {
    #[default]
    None,
    Relu,
    ReluN1To1,
    Relu6,
    Tanh,
    SignBit,
}

impl Activation {
    /// The activation with the format's number.
    #[must_use]
    pub fn by_number(number: i8) -> Option<Self> {
        Some(match number {
            0 => Self::None,
            1 => Self::Relu,
            2 => Self::ReluN1To1,
            3 => Self::Relu6,
            4 => Self::Tanh,
            5 => Self::SignBit,
            _ => return None,
        })
    }
}

/// How a window meets the edges of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// The output has ceil(input / stride) places; the input is padded by its zero point.
    Same,
    /// Only places where the whole window lies in the input.
    Valid,
}

/// A two-dimensional window's movement over its input, in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Window {
    pub padding: Padding,
    pub stride_h: u32,
    pub stride_w: u32,
    pub dilation_h: u32,
    pub dilation_w: u32,
}

/// The options of one operator, as far as lowering needs them.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Options {
    None,
    Conv {
        window: Window,
        activation: Activation,
    },
    DepthwiseConv {
        window: Window,
        multiplier: u32,
        activation: Activation,
    },
    TransposeConv {
        window: Window,
        activation: Activation,
    },
    Pool {
        window: Window,
        filter_h: u32,
        filter_w: u32,
        activation: Activation,
    },
    FullyConnected {
        activation: Activation,
        shuffled_weights: bool,
        /// Of a hybrid layer: how its input is brought to int8.
        asymmetric_inputs: bool,
    },
    Softmax {
        beta: f32,
    },
    Concatenation {
        axis: i32,
        activation: Activation,
    },
    Elementwise {
        activation: Activation,
    },
    Reduce {
        keep_dims: bool,
    },
    Gather {
        axis: i32,
        batch_dims: i32,
    },
    /// PACK and UNPACK.
    Pack {
        axis: i32,
    },
    LeakyRelu {
        alpha: f32,
    },
    Resize {
        align_corners: bool,
        half_pixel_centres: bool,
    },
    BlockSize(i32),
    MirrorPad {
        symmetric: bool,
    },
    BatchMatMul {
        adj_x: bool,
        adj_y: bool,
    },
    Svdf {
        rank: u32,
        activation: Activation,
    },
    /// The graph that it runs, by number.
    CallOnce {
        graph: u32,
    },
    /// The variable's name.
    VarHandle {
        name: String,
    },
    Cumulative {
        exclusive: bool,
        reverse: bool,
    },
    StridedSlice {
        begin_mask: u32,
        end_mask: u32,
        ellipsis_mask: u32,
        new_axis_mask: u32,
        shrink_axis_mask: u32,
        offset: bool,
    },
    Lstm {
        activation: Activation,
        cell_clip: f32,
        proj_clip: f32,
        time_major: bool,
    },
}
