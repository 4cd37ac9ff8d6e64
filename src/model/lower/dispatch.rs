//! What it is: which function lowers which operator, by its number and the type of what it takes.
//! Source: the submodules.
//! Does not model: operators without a row here: [`super::refusal`] says so before anything is lowered.
//! Tested by: `tests/operators.rs`: every operator of [`LOWERED`] has golden sets.

use super::{
    Lowering, conv, dense, elementwise, float, general, hybrid, index, map, moves, pool, products, recurrent, rows, shapes,
    unary, variables, wide,
};
use crate::finding::Result;
use crate::model::ops::{OpCode, op};
use crate::model::{Operator, Type};

macro_rules! rows {
    ($($name:ident),* $(,)?) => {
        /// The operators with a row in `lower_operator`.
        pub const LOWERED: &[u32] = &[$(op::$name),*];
    };
}

rows! {
    ABS, ADD, ADD_N, ARG_MAX, ARG_MIN, ASSIGN_VARIABLE, AVERAGE_POOL_2D, BATCH_MATMUL, BATCH_TO_SPACE_ND, BROADCAST_ARGS, BROADCAST_TO, CALL_ONCE, CAST, CEIL,
    CONCATENATION, CONV_2D, COS, CUMSUM, DEPTHWISE_CONV_2D, DEPTH_TO_SPACE, DEQUANTIZE, DIV, DYNAMIC_UPDATE_SLICE, ELU, EMBEDDING_LOOKUP,
    EQUAL, EXP, EXPAND_DIMS, FILL, FLOOR, FLOOR_DIV, FLOOR_MOD, FULLY_CONNECTED, GATHER, GATHER_ND, GREATER, GREATER_EQUAL, HARD_SWISH,
    L2_NORMALIZATION, L2_POOL_2D, LEAKY_RELU, LESS, LESS_EQUAL, LOG, LOGICAL_AND, LOGICAL_NOT, LOGICAL_OR, LOGISTIC, LOG_SOFTMAX, MAXIMUM,
    MAX_POOL_2D, MEAN, MINIMUM, MIRROR_PAD, MUL, NEG, NOT_EQUAL, PACK, PAD, PADV2, PRELU, QUANTIZE, RANK, READ_VARIABLE, REDUCE_ALL, REDUCE_MAX, REDUCE_MIN,
    RELU, RELU6, RELU_N1_TO_1, RESHAPE, RESIZE_BILINEAR, RESIZE_NEAREST_NEIGHBOR, REVERSE_V2, ROUND, RSQRT, SELECT_V2, SHAPE, SIN, SLICE,
    SOFTMAX, SPACE_TO_BATCH_ND, SPACE_TO_DEPTH, SPLIT, SPLIT_V, SQRT, SQUARE, SQUARED_DIFFERENCE, SQUEEZE, STRIDED_SLICE, SUB, SUM, SVDF,
    TANH, TRANSPOSE, TRANSPOSE_CONV, UNIDIRECTIONAL_SEQUENCE_LSTM, UNPACK, VAR_HANDLE, ZEROS_LIKE,
}

pub(super) fn lower_operator(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let code = match &operator.code {
        OpCode::Builtin(code) => *code,
        OpCode::Custom(_) => return Err(l.unsupported("custom operators have no kernel.")),
    };
    let ty = |tensor: Result<(usize, &crate::model::Tensor)>| tensor.map_or(Type::Other(0), |(_, tensor)| tensor.ty);
    let (from, to) = (ty(l.input(operator, 0)), ty(l.output(operator)));
    let (is_float, is_short) = (from == Type::Float32, from == Type::Int16);
    match code {
        op::FULLY_CONNECTED if hybrid::is(l.model, operator) => hybrid::fully_connected(l, operator),
        op::FULLY_CONNECTED if is_float => float::fully_connected(l, operator),
        op::FULLY_CONNECTED if is_short => wide::fully_connected(l, operator),
        op::FULLY_CONNECTED => dense::fully_connected(l, operator),
        op::CONV_2D | op::DEPTHWISE_CONV_2D => conv::convolution(l, operator),
        op::TRANSPOSE_CONV => wide::transpose_conv(l, operator),
        op::BATCH_MATMUL => products::batch_matmul(l, operator),
        op::SVDF => products::svdf(l, operator),
        op::UNIDIRECTIONAL_SEQUENCE_LSTM => recurrent::lstm(l, operator),
        op::AVERAGE_POOL_2D | op::MAX_POOL_2D if is_float => float::pool(l, operator),
        op::AVERAGE_POOL_2D | op::MAX_POOL_2D if is_short => wide::pool(l, operator),
        op::AVERAGE_POOL_2D | op::MAX_POOL_2D => pool::pool(l, operator),
        op::L2_POOL_2D => wide::pool(l, operator),
        op::SOFTMAX if is_float => float::softmax(l, operator),
        op::SOFTMAX if to == Type::Int16 => rows::softmax(l, operator),
        op::SOFTMAX => pool::softmax(l, operator),
        op::LOG_SOFTMAX => rows::log_softmax(l, operator),
        op::L2_NORMALIZATION => rows::l2_normalization(l, operator),
        op::ARG_MAX | op::ARG_MIN => rows::arg(l, operator),
        op::CUMSUM => rows::cumsum(l, operator),
        op::ADD | op::SUB | op::MUL | op::MAXIMUM | op::MINIMUM => elementwise::binary(l, operator),
        op::DIV | op::FLOOR_DIV | op::FLOOR_MOD | op::SQUARED_DIFFERENCE | op::PRELU => general::binary(l, operator),
        op::EQUAL | op::NOT_EQUAL | op::GREATER | op::GREATER_EQUAL | op::LESS | op::LESS_EQUAL => general::compare(l, operator),
        op::LOGICAL_AND | op::LOGICAL_OR => general::compare(l, operator),
        op::SELECT_V2 => general::select(l, operator),
        op::ADD_N => general::add_n(l, operator),
        op::MEAN | op::SUM | op::REDUCE_MAX | op::REDUCE_MIN | op::REDUCE_ALL => elementwise::reduce(l, operator),
        op::RELU | op::RELU6 | op::RELU_N1_TO_1 if is_float => float::relu(l, operator),
        op::RELU | op::RELU6 | op::RELU_N1_TO_1 if is_short => unary::relu(l, operator),
        op::RELU | op::RELU6 | op::RELU_N1_TO_1 => map::relu(l, operator),
        op::LOGISTIC if is_float => float::logistic(l, operator),
        op::TANH if is_float => unary::function(l, operator),
        op::LOGISTIC | op::TANH if is_short => unary::sigmoid(l, operator),
        op::LOGISTIC | op::TANH => map::sigmoid(l, operator),
        op::ABS | op::NEG | op::SQUARE | op::SQRT | op::RSQRT | op::FLOOR | op::CEIL | op::ROUND => unary::function(l, operator),
        op::EXP | op::LOG | op::SIN | op::COS | op::ELU | op::HARD_SWISH | op::LEAKY_RELU => unary::function(l, operator),
        op::LOGICAL_NOT => unary::truth(l, operator),
        op::CAST | op::DEQUANTIZE => moves::cast(l, operator),
        op::QUANTIZE => map::quantize(l, operator),
        op::CONCATENATION => moves::concatenation(l, operator),
        op::PAD | op::PADV2 => moves::pad(l, operator),
        op::STRIDED_SLICE => moves::strided_slice(l, operator),
        op::TRANSPOSE => moves::transpose(l, operator),
        op::SLICE => shapes::slice(l, operator),
        op::SPLIT | op::SPLIT_V => shapes::split(l, operator),
        op::PACK | op::UNPACK => shapes::pack(l, operator),
        op::BROADCAST_TO => shapes::broadcast_to(l, operator),
        op::BROADCAST_ARGS => shapes::broadcast_args(l, operator),
        op::FILL => shapes::fill(l, operator),
        op::ZEROS_LIKE => shapes::zeros(l, operator),
        op::SHAPE | op::RANK => shapes::shape(l, operator),
        op::REVERSE_V2 => shapes::reverse(l, operator),
        op::MIRROR_PAD => shapes::mirror_pad(l, operator),
        op::DEPTH_TO_SPACE | op::SPACE_TO_DEPTH => shapes::blocks(l, operator),
        op::BATCH_TO_SPACE_ND | op::SPACE_TO_BATCH_ND => shapes::batches(l, operator),
        op::GATHER => moves::gather(l, operator),
        op::GATHER_ND => index::gather_nd(l, operator),
        op::EMBEDDING_LOOKUP => index::embedding_lookup(l, operator),
        op::RESIZE_BILINEAR | op::RESIZE_NEAREST_NEIGHBOR => index::resize(l, operator),
        // What it assigns is known here, and stands in the plan.
        op::CALL_ONCE => Ok(()),
        op::VAR_HANDLE => variables::handle(l, operator),
        op::READ_VARIABLE => variables::read(l, operator),
        op::ASSIGN_VARIABLE => variables::assign(l, operator),
        op::DYNAMIC_UPDATE_SLICE => index::update_slice(l, operator),
        op::RESHAPE | op::SQUEEZE | op::EXPAND_DIMS => l.rename(operator),
        _ => {
            Err(l.unsupported("the runtime has no kernel for this operator. Replace the layer or leave the step to the caller."))
        }
    }
}
