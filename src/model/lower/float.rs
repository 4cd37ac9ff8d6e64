//! What it is: FULLY_CONNECTED and LOGISTIC on float32.
//! Source: their definition; the device computes in integers of one exponent per vector (`nn_float.c`), and so differs from a float sum in
//! the last places, as float sums in another order do.
//! Does not model: hybrid models (int8 weights on float activations); subnormal numbers, which count as 0.
//! Tested by: `tests/model_kernels.rs`, within 1e-5 of the largest output.

use super::{Lowering, Operator, Type, Word};
use crate::finding::Result;
use crate::model::ops::{Activation, Options};
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

pub(super) fn fully_connected(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (input, x) = l.input(operator, 0)?;
    let (_, w) = l.input(operator, 1)?;
    let (output, y) = l.output(operator)?;
    l.require_type(y, Type::Float32, "output")?;
    if w.ty == Type::Int8 {
        return Err(l.unsupported(
            "its weights are int8 and its input float32 (a dynamic-range model), which the runtime does not mix. Convert with full integer \
             quantisation, which is smaller and several times faster, or without quantisation.",
        ));
    }
    l.require_type(w, Type::Float32, "weight matrix")?;
    let activation = match operator.options {
        Options::FullyConnected { activation, shuffled_weights: false } => activation,
        _ => Activation::None,
    };
    let (low, high) = match activation {
        Activation::None => (f32::NEG_INFINITY, f32::INFINITY),
        Activation::Relu => (0.0, f32::INFINITY),
        Activation::Relu6 => (0.0, 6.0),
        Activation::ReluN1To1 => (-1.0, 1.0),
        _ => return Err(l.unsupported("its fused activation is not a clamp.")),
    };
    let [channels, depth] = *w.shape.as_slice() else {
        return Err(l.bad(format!("its weights have the shape {}; two dimensions are expected.", w.shape_text())));
    };
    let rows = x.elements().checked_div(u64::from(depth)).unwrap_or(0);
    if depth == 0 || channels == 0 || rows * u64::from(depth) != x.elements() || rows * u64::from(channels) != y.elements() {
        return Err(l.bad(format!("it makes {} of {} with weights {}.", y.shape_text(), x.shape_text(), w.shape_text())));
    }
    let bits = (62 - WEIGHT_BITS - i32::try_from(u64::from(depth).ilog2() + 1).unwrap_or(32)).min(WEIGHT_BITS);
    if bits < 20 {
        return Err(l.unsupported(format!("it sums {depth} products, more than its 64-bit sums hold with precision.")));
    }
    let biases = match operator.input(2) {
        Some(index) => {
            let bias = l.tensor(index)?;
            l.require_type(bias, Type::Float32, "bias")?;
            floats(l.constant(bias, "biases")?)
        }
        None => vec![0.0; channels as usize],
    };
    let weights = floats(l.constant(w, "weights")?);
    if biases.len() != channels as usize || weights.iter().chain(&biases).any(|v| !v.is_finite()) {
        return Err(l.bad("its weights or biases are not finite, or not as many as its outputs."));
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
    descriptor.extend([bits, ordered(low), ordered(high)].map(Word::from));
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
