//! What it is: operators on float32 throughout.
//! Source: TensorFlow Lite's reference kernels. Where a hybrid layer follows, every sum is taken in their order and rounds as theirs; elsewhere
//! FULLY_CONNECTED computes in integers of one exponent per vector (`nn_float.c`), which is faster and differs in the last places, as float
//! sums in another order do. LOGISTIC and SOFTMAX are good to about 2^-23.
//! Does not model: in FULLY_CONNECTED by integers, subnormal numbers, which count as 0.
//! Tested by: `tests/model_kernels.rs`, within 1e-5 of the largest output; `tests/estimate.rs` (the original models).

use super::conv::{self, Convolution, Rest, Scratch};
use super::elementwise::{self, Dim};
use super::{Lowering, Operator, Type, Word, dense, hybrid, pool};
use crate::finding::Result;
use crate::model::ops::{Activation, Options, op};
use crate::model::plan::Kernel;

/// Bits of a weight; inputs get what a 64-bit sum leaves.
const WEIGHT_BITS: i32 = 29;

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

/// Integers in the order of floats.
fn ordered(x: f32) -> i32 {
    let bits = x.to_bits();
    (bits ^ ((bits >> 31) * 0x7fff_ffff)).cast_signed()
}

/// A fused activation's clamp, as places in the order of floats.
pub(super) fn bounds(l: &Lowering, activation: Activation) -> Result<[i32; 2]> {
    let (low, high) = match activation {
        Activation::None => (f32::NEG_INFINITY, f32::INFINITY),
        Activation::Relu => (0.0, f32::INFINITY),
        Activation::Relu6 => (0.0, 6.0),
        Activation::ReluN1To1 => (-1.0, 1.0),
        _ => return Err(l.unsupported("its fused activation is not a clamp.")),
    };
    Ok([ordered(low), ordered(high)])
}

/// The biases, zeros where there are none.
pub(super) fn biases(l: &Lowering, bias: Option<usize>, channels: usize) -> Result<Vec<f32>> {
    let Some(index) = bias else { return Ok(vec![0.0; channels]) };
    let bias = l.tensor(index)?;
    l.require_type(bias, Type::Float32, "bias")?;
    let biases = floats(l.constant(bias, "biases")?);
    if biases.len() != channels || biases.iter().any(|v| !v.is_finite()) {
        return Err(l.bad(format!("it has {} biases for {channels} outputs, or one that is not finite.", biases.len())));
    }
    Ok(biases)
}

/// A constant's floats, all finite.
fn weights_of(l: &Lowering, bytes: &[u8]) -> Result<Vec<f32>> {
    let weights = floats(bytes);
    if weights.iter().any(|v| !v.is_finite()) {
        return Err(l.bad("it has a weight that is not finite."));
    }
    Ok(weights)
}

/// Whether results must be the reference's to the bit: a hybrid layer that comes later rounds them to int8, and would make a step of a bit.
fn exactly(l: &Lowering) -> bool {
    l.model.operators.iter().skip(l.layer).any(|operator| hybrid::is(l.model, operator))
}

pub(super) fn fully_connected(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (input, _) = l.input(operator, 0)?;
    let (_, w) = l.input(operator, 1)?;
    let (output, y) = l.output(operator)?;
    l.require_type(y, Type::Float32, "output")?;
    l.require_type(w, Type::Float32, "weight matrix")?;
    let activation = match operator.options {
        Options::FullyConnected { activation, shuffled_weights: false, .. } => activation,
        _ => Activation::None,
    };
    let [low, high] = bounds(l, activation)?;
    let [rows, depth] = dense::shapes(l, operator)?;
    let depth = l.word(depth)?;
    let weights = weights_of(l, l.constant(w, "weights")?)?;
    let channels = l.word(w.elements() / u64::from(depth))?;
    let biases = biases(l, operator.input(2), channels as usize)?;
    if exactly(l) {
        // A 1x1 convolution of as many pixels.
        let rows = l.word(rows)?;
        let mut words = vec![Word::Tensor(input), Word::Tensor(output)];
        words.extend([1, 1, rows, depth, 1, rows, channels, 1, 1, 1, 1, 1, 1, 0, 0, 0, 4 * depth].map(Word::Value));
        words.push(l.blob_words(weights.iter().map(|w| w.to_bits().cast_signed())));
        words.push(l.blob_words(biases.iter().map(|bias| bias.to_bits().cast_signed())));
        words.extend([0, 0, low, high].map(Word::from));
        words.extend([Word::Value(0); 5]);
        l.emit(Kernel::ConvF32, words);
        return Ok(());
    }
    let bits = (62 - WEIGHT_BITS - i32::try_from(u64::from(depth).ilog2() + 1).unwrap_or(32)).min(WEIGHT_BITS);
    if bits < 20 {
        return Err(l.unsupported(format!("it sums {depth} products, more than 64-bit sums hold with precision.")));
    }
    let (mut words, mut constants) = (Vec::with_capacity(weights.len()), Vec::new());
    for (row, bias) in weights.chunks_exact(depth as usize).zip(biases) {
        let most = row.iter().fold(0f32, |most, w| most.max(w.abs()));
        // The least power of two above all of them.
        let exponent = if most > 0.0 { f64::from(most).log2().floor() as i32 + 1 } else { 0 };
        let unit = 2f64.powi(exponent - WEIGHT_BITS);
        words.extend(row.iter().map(|&w| (f64::from(w) / unit).round() as i32));
        words.resize(words.len().next_multiple_of(4), 0);
        constants.extend([exponent, bias.to_bits().cast_signed()]);
    }
    let mut descriptor = vec![Word::Tensor(input), Word::Tensor(output)];
    descriptor.extend([l.word(rows)?, depth, channels].map(Word::Value));
    descriptor.extend([l.blob_words(words), l.blob_words(constants), l.scratch(4 * u64::from(depth) + 12)]);
    descriptor.extend([bits, low, high].map(Word::from));
    l.emit(Kernel::FullyConnectedF32, descriptor);
    Ok(())
}

pub(super) fn logistic(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (input, x) = l.input(operator, 0)?;
    let (output, y) = l.output(operator)?;
    l.require_type(y, Type::Float32, "output")?;
    if x.elements() != y.elements() {
        return Err(l.bad(format!("it makes {} of {}.", y.shape_text(), x.shape_text())));
    }
    let count = l.word(y.elements())?;
    l.in_place(input, output);
    l.emit(Kernel::LogisticF32, vec![Word::Tensor(input), Word::Tensor(output), count.into()]);
    Ok(())
}

pub(super) fn convolution(l: &mut Lowering, operator: &Operator, c: &Convolution) -> Result<()> {
    let (input, _) = l.input(operator, 0)?;
    let (output, y) = l.output(operator)?;
    l.require_type(y, Type::Float32, "output")?;
    l.require_type(c.weights, Type::Float32, "filter")?;
    let rows = c.rows.concat();
    weights_of(l, &rows)?;
    let biases = biases(l, operator.input(2), c.rows.len())?;
    let [low, high] = bounds(l, c.activation)?;
    let rest = Rest {
        input: Word::Tensor(input),
        output: Word::Tensor(output),
        taps: c.multiplier as usize,
        row_bytes: c.row_bytes(),
        weights: l.blob(rows),
        constants: l.blob_words(biases.iter().map(|bias| bias.to_bits().cast_signed())),
        range: [0, 0, low, high].map(Word::from),
        scratch: Scratch::NONE,
    };
    let words = conv::words(l, c, rest)?;
    l.emit(Kernel::ConvF32, words);
    Ok(())
}

pub(super) fn pool(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (input, x) = l.input(operator, 0)?;
    let (output, y) = l.output(operator)?;
    let Options::Pool { window, filter_h, filter_w, activation } = operator.options else {
        return Err(l.bad("its options are missing."));
    };
    l.require_type(y, Type::Float32, "output")?;
    let place = conv::place(l, x, y, &window, [filter_h, filter_w])?;
    if place.input[2] != place.output[2] {
        return Err(l.bad(format!("it makes {} of {}; channels must stay.", y.shape_text(), x.shape_text())));
    }
    let words = pool::words([input, output], &place, &window, [filter_h, filter_w], bounds(l, activation)?);
    l.emit(if operator.code.is(op::MAX_POOL_2D) { Kernel::MaxPoolF32 } else { Kernel::AveragePoolF32 }, words);
    Ok(())
}

pub(super) fn softmax(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (input, x) = l.input(operator, 0)?;
    let (output, y) = l.output(operator)?;
    let Options::Softmax { beta } = operator.options else { return Err(l.bad("its options are missing.")) };
    l.require_type(y, Type::Float32, "output")?;
    let depth = u64::from(x.shape.last().copied().unwrap_or(0));
    if depth == 0 || x.elements() != y.elements() || !(beta.is_finite() && beta > 0.0) {
        return Err(l.bad(format!("it makes {} of {}, with a beta of {beta}.", y.shape_text(), x.shape_text())));
    }
    l.in_place(input, output);
    let mut words = vec![Word::Tensor(input), Word::Tensor(output)];
    words.extend([l.word(x.elements() / depth)?, l.word(depth)?, beta.to_bits()].map(Word::Value));
    l.emit(Kernel::SoftmaxF32, words);
    Ok(())
}

pub(super) fn relu(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (input, x) = l.input(operator, 0)?;
    let (output, y) = l.output(operator)?;
    l.require_type(y, Type::Float32, "output")?;
    if x.elements() != y.elements() {
        return Err(l.bad(format!("it makes {} of {}.", y.shape_text(), x.shape_text())));
    }
    let activation = match &operator.code {
        code if code.is(op::RELU6) => Activation::Relu6,
        code if code.is(op::RELU_N1_TO_1) => Activation::ReluN1To1,
        _ => Activation::Relu,
    };
    let mut words = vec![Word::Tensor(input), Word::Tensor(output), l.word(y.elements())?.into()];
    words.extend(bounds(l, activation)?.map(Word::from));
    l.in_place(input, output);
    l.emit(Kernel::ClampF32, words);
    Ok(())
}

/// ADD and its kin, once their dimensions are known.
pub(super) fn binary(l: &mut Lowering, operator: &Operator, dims: [Dim<2>; 4], activation: Activation) -> Result<()> {
    l.require_type(l.input(operator, 1)?.1, Type::Float32, "second operand")?;
    l.require_type(l.output(operator)?.1, Type::Float32, "output")?;
    // NN_ADD, ….
    let codes = [op::ADD, op::SUB, op::MUL, op::MAXIMUM, op::MINIMUM];
    let what = (0u32..).zip(codes).find(|(_, code)| operator.code.is(*code)).map_or(0, |(what, _)| what);
    let [low, high] = bounds(l, activation)?;
    let mut words = elementwise::operands(l, operator, dims)?;
    words.extend([what.into(), Word::from(low), high.into()]);
    l.emit(Kernel::BinaryF32, words);
    Ok(())
}

/// MEAN and its kin: tensors and dimensions as described, of `count` inputs per output.
pub(super) fn reduce(l: &mut Lowering, operator: &Operator, mut words: Vec<Word>, count: u64) -> Result<()> {
    // NN_SUM, NN_MAX, NN_MIN.
    let (what, divisor) = match &operator.code {
        code if code.is(op::REDUCE_MAX) => (1, 1.0),
        code if code.is(op::REDUCE_MIN) => (2, 1.0),
        code if code.is(op::MEAN) => (0, count as f32),
        _ => (0, 1.0f32),
    };
    words.extend([what, divisor.to_bits()].map(Word::Value));
    l.emit(Kernel::ReduceF32, words);
    Ok(())
}
