//! What it is: hybrid layers ("dynamic range": int8 weights on float32 activations): CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED.
//! Source: TensorFlow Lite's reference kernels (TensorFlow Lite Micro refuses such models): activations are brought to int8 by a scale that is
//! found at run time, sums are integers, outputs floats; in which order factors are multiplied is each operator's own, and kept.
//! Does not model: dilation; uint8 and 4-bit weights.
//! Tested by: `tests/model_kernels.rs`, `tests/estimate.rs` (TensorFlow Lite's outputs for the original models).

use super::conv::{self, Choice, Convolution, Rest, Scratch};
use super::{Lowering, Operator, Tensor, Type, Word, dense, float};
use crate::finding::Result;
use crate::model::Model;
use crate::model::ops::{Activation, Options, op};
use crate::model::plan::Kernel;

/// Whether the operator multiplies floats by int8 weights.
pub(super) fn is(model: &Model, operator: &Operator) -> bool {
    let ty = |n: usize| operator.input(n).and_then(|tensor| model.tensors.get(tensor)).map(|tensor| tensor.ty);
    [op::CONV_2D, op::DEPTHWISE_CONV_2D, op::FULLY_CONNECTED].iter().any(|&code| operator.code.is(code))
        && ty(0) == Some(Type::Float32)
        && ty(1) == Some(Type::Int8)
}

/// nn_hybrid_channel: per output channel, the sum of its weights, their scale, the bias.
fn channels(l: &Lowering, weights: &Tensor, bias: Option<usize>, sums: &[i64]) -> Result<Vec<i32>> {
    let q = weights.quantisation.as_ref().ok_or_else(|| l.bad(format!("the weights '{}' have no scale.", weights.name)))?;
    if q.zero_points.iter().any(|&zero| zero != 0) {
        return Err(l.unsupported("its weights have a zero point; int8 weights are symmetric. Convert again."));
    }
    if q.scales.len() != 1 && q.scales.len() != sums.len() {
        return Err(l.bad(format!("it has {} output channels and {} scales.", sums.len(), q.scales.len())));
    }
    let biases = float::biases(l, bias, sums.len())?;
    let mut words = Vec::with_capacity(3 * sums.len());
    for (channel, (&sum, bias)) in sums.iter().zip(biases).enumerate() {
        let scale = q.scales.get(if q.scales.len() == 1 { 0 } else { channel }).copied().unwrap_or(0.0);
        words.extend([sum as i32, scale.to_bits().cast_signed(), bias.to_bits().cast_signed()]);
    }
    Ok(words)
}

fn per_tensor(weights: &Tensor) -> bool {
    weights.quantisation.as_ref().is_some_and(|q| q.scales.len() == 1)
}

/// Emits the step that brings `vectors` times `count` floats to int8; gives the addresses of these and of their scales.
fn quantise(l: &mut Lowering, operator: &Operator, vectors: u64, count: u64, symmetric: bool) -> Result<[Word; 2]> {
    let (input, _) = l.input(operator, 0)?;
    // Dot products read up to three bytes beyond the end.
    let at = [l.scratch(vectors * count + 3), l.scratch(8 * vectors)];
    let mut words = vec![Word::Tensor(input), at[0], at[1]];
    words.extend([l.word(vectors)?, l.word(count)?, u32::from(symmetric)].map(Word::Value));
    l.emit(Kernel::QuantiseF32, words);
    Ok(at)
}

/// nn_hybrid.
fn hybrid(l: &Lowering, scales: Word, scale_first: bool, activation: Activation) -> Result<[Word; 4]> {
    let [low, high] = float::bounds(l, activation)?;
    Ok([scales, u32::from(scale_first).into(), low.into(), high.into()])
}

/// A matrix of `depth` columns times vectors that are int8 already, `rows_per_scale` with one scale each.
struct Product<'a> {
    rows: u64,
    rows_per_scale: u64,
    depth: usize,
    weights: &'a [u8],
    channels: Vec<i32>,
    quantised: Word,
    hybrid: [Word; 4],
}

fn product(l: &mut Lowering, operator: &Operator, p: Product) -> Result<()> {
    let (input, _) = l.input(operator, 0)?;
    let (output, _) = l.output(operator)?;
    let count = p.channels.len() / 3;
    // What is missing to a multiple of four channels is filled up with zeros.
    let mut weights = p.weights.to_vec();
    weights.resize(count.next_multiple_of(4) * p.depth, 0);
    l.in_place(input, output);
    let mut words = vec![p.quantised, Word::Tensor(output)];
    words.extend([l.word(p.rows)?, l.word(p.depth as u64)?, l.word(count as u64)?, l.word(p.rows_per_scale)?].map(Word::Value));
    words.push(l.blob(dense::interleave(&weights, p.depth)));
    words.push(l.blob_words(p.channels));
    words.extend(p.hybrid);
    l.emit(Kernel::FullyConnectedHybrid, words);
    Ok(())
}

pub(super) fn fully_connected(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (_, w) = l.input(operator, 1)?;
    let (_, y) = l.output(operator)?;
    l.require_type(y, Type::Float32, "output")?;
    let Options::FullyConnected { activation, shuffled_weights: false, asymmetric_inputs } = operator.options else {
        return Err(l.unsupported("its options are missing, or its weights are in the shuffled layout; convert again."));
    };
    let [rows, depth] = dense::shapes(l, operator)?;
    let weights = l.constant(w, "weights")?;
    let sums: Vec<i64> =
        weights.chunks_exact(depth as usize).map(|row| row.iter().map(|&w| i64::from(w.cast_signed())).sum()).collect();
    let channels = channels(l, w, operator.input(2), &sums)?;
    let [quantised, scales] = quantise(l, operator, rows, depth, !asymmetric_inputs)?;
    let hybrid = hybrid(l, scales, true, activation)?;
    product(l, operator, Product { rows, rows_per_scale: 1, depth: depth as usize, weights, channels, quantised, hybrid })
}

pub(super) fn convolution(l: &mut Lowering, operator: &Operator, c: &Convolution) -> Result<()> {
    let (input, x) = l.input(operator, 0)?;
    let (output, y) = l.output(operator)?;
    l.require_type(y, Type::Float32, "output")?;
    if c.window.dilation_h != 1 || c.window.dilation_w != 1 {
        return Err(l.unsupported("it is dilated, with int8 weights on floats; the reference's own kernel leaves dilation out."));
    }
    let depthwise = c.multiplier != 0;
    if depthwise && per_tensor(c.weights) && c.rows.len() > 1 {
        return Err(l.unsupported("its filters have one scale for all; the reference wants one per channel. Convert again."));
    }
    let sums = c.sums();
    let channels = channels(l, c.weights, operator.input(2), &sums)?;
    let batches = u64::from(c.place.batches);
    let each = x.elements().checked_div(batches).unwrap_or(0);
    // One scale for all filters: the reference takes inputs symmetrically and multiplies both scales first, as it does in depthwise layers.
    let symmetric = per_tensor(c.weights) && !depthwise;
    let [quantised, scales] = quantise(l, operator, batches, each, symmetric)?;
    let hybrid = hybrid(l, scales, symmetric || depthwise, c.activation)?;
    if let Some(rows) = c.as_product() {
        let (weights, depth) = (c.rows.concat(), c.row_bytes());
        let rows_per_scale = rows.checked_div(batches).unwrap_or(1);
        return product(l, operator, Product { rows, rows_per_scale, depth, weights: &weights, channels, quantised, hybrid });
    }
    let choice = conv::choose(c);
    let (kernel, row_bytes, taps, scratch) = match choice {
        Choice::Quads { taps, quads } => {
            (Kernel::ConvHybrid, taps.next_multiple_of(4), taps, conv::tiles(l, c, taps, quads, true))
        }
        _ => (Kernel::ConvGenericHybrid, c.row_bytes(), c.multiplier as usize, Scratch::NONE),
    };
    let quads = if let Choice::Quads { quads, .. } = choice { quads } else { 0 };
    let sums = l.scratch(16 * quads as u64);
    // The float inputs are not needed any more.
    l.in_place(input, output);
    let rest = Rest {
        input: quantised,
        output: Word::Tensor(output),
        taps,
        row_bytes,
        weights: l.blob(c.padded(row_bytes)),
        constants: l.blob_words(channels),
        range: [Word::Value(0); 4],
        scratch,
    };
    let mut words = conv::words(l, c, rest)?;
    words.extend(hybrid);
    words.push(sums);
    l.emit(kernel, words);
    Ok(())
}
