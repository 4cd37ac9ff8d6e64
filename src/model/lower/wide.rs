//! What it is: layers with weights on int16 activations (CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED); TRANSPOSE_CONV; windows of int16, and
//! L2_POOL_2D.
//! Source: TensorFlow Lite Micro's 16x8 kernels: sums of 64 bits, multipliers of 16; of 32 bits and 32, where biases are int32.
//! Does not model: zero points of int16 (the format fixes them at 0); biases of int16.
//! Tested by: `tests/operators.rs`.

use super::conv::{self, Convolution};
use super::general::{one_of, type_number};
use super::{Lowering, Operator, Tensor, Type, Word, dense, float};
use crate::finding::Result;
use crate::model::ops::{Activation, Options, op};
use crate::model::plan::Kernel;
use crate::model::quant::Multiplier;

/// A multiplier of 16 bits, and the whole shift to the right.
pub(super) fn short(factor: Multiplier) -> [i32; 2] {
    let mantissa = if factor.mantissa < 0x7fff_0000 { (factor.mantissa + (1 << 15)) >> 16 } else { 0x7fff };
    [mantissa, (15 - factor.exponent).clamp(1, 62)]
}

/// Each channel's bias and factor, and whether sums are wide. `sums` takes the input's zero point off.
fn constants(
    l: &Lowering,
    tensors: [&Tensor; 3],
    bias: Option<usize>,
    sums: &[i64],
    always_wide: bool,
) -> Result<(Vec<i32>, bool)> {
    let [x, w, y] = tensors;
    let ((scale, zero), (out_scale, _)) = (l.quantised(x)?, l.quantised(y)?);
    let q = w.quantisation.as_ref().ok_or_else(|| l.bad(format!("the weights '{}' have no scale.", w.name)))?;
    if q.zero_points.iter().any(|&zero| zero != 0) {
        return Err(l.unsupported("its weights have a zero point; int8 weights are symmetric. Convert again."));
    }
    let bias = bias.map(|index| l.tensor(index)).transpose()?;
    let wide = x.ty == Type::Int16 && (always_wide || bias.is_none_or(|bias| bias.ty == Type::Int64));
    let biases: Vec<i64> = match bias {
        None => vec![0; sums.len()],
        Some(bias) => match (bias.ty, l.constant(bias, "biases")?) {
            (Type::Int32, data) => data.as_chunks::<4>().0.iter().map(|b| i64::from(i32::from_le_bytes(*b))).collect(),
            (Type::Int64, data) => data.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b)).collect(),
            _ => return Err(l.unsupported(format!("its biases are {}; int32 or int64 is expected.", bias.ty.name()))),
        },
    };
    let per_channel = q.scales.len() > 1;
    if biases.len() != sums.len() || (per_channel && q.scales.len() != sums.len()) {
        return Err(l.bad(format!(
            "it has {} output channels, {} biases and {} scales.",
            sums.len(),
            biases.len(),
            q.scales.len()
        )));
    }
    let mut words = Vec::new();
    for (channel, (bias, sum)) in biases.iter().zip(sums).enumerate() {
        let own = q.scales.get(if per_channel { channel } else { 0 }).copied().unwrap_or(0.0);
        let factor = if per_channel || l.always_per_channel() {
            f64::from(scale) * f64::from(own) / f64::from(out_scale)
        } else {
            f64::from(scale * own) / f64::from(out_scale)
        };
        let factor = Multiplier::new(factor);
        let bias = bias.wrapping_sub(if x.ty == Type::Int16 { i64::from(zero).wrapping_mul(*sum) } else { 0 }).cast_unsigned();
        words.extend([(bias as u32).cast_signed(), ((bias >> 32) as u32).cast_signed()]);
        words.extend(if wide { short(factor) } else { [factor.mantissa, factor.shift_word()] });
    }
    Ok((words, wide))
}

/// Where the layer's window moves, as nn_general_conv_layer has it.
struct Geometry {
    batches: u32,
    input: [u32; 3],
    output: [u32; 3],
    kernel: [u32; 2],
    stride: [u32; 2],
    dilation: [u32; 2],
    pads: [i32; 2],
    depth: u32,
    multiplier: u32,
}

impl Geometry {
    fn words(&self) -> Vec<Word> {
        let mut words = vec![Word::Value(self.batches)];
        words.extend(self.input.into_iter().chain(self.output).chain(self.kernel).map(Word::Value));
        words.extend(self.stride.into_iter().chain(self.dilation).map(Word::Value));
        words.extend(self.pads.map(Word::from));
        words.extend([self.depth, self.multiplier].map(Word::Value));
        words
    }
}

/// What the words of nn_general_conv_layer end with.
fn ending(l: &Lowering, x: &Tensor, y: &Tensor, wide: bool, activation: Activation) -> Result<Vec<Word>> {
    let (low, high) = l.bounds(activation, y)?;
    let ((_, in_zero), (_, zero)) = (l.quantised(x)?, l.quantised(y)?);
    let mut words = vec![Word::Value(type_number(l, x)?), u32::from(wide).into()];
    words.extend([in_zero, zero, low, high].map(Word::from));
    Ok(words)
}

fn symmetric(l: &Lowering, tensors: [&Tensor; 2]) -> Result<()> {
    for tensor in tensors {
        l.require_type(tensor, Type::Int16, "input or output")?;
        if l.quantised(tensor)?.1 != 0 {
            return Err(l.bad(format!("'{}' is int16 with a zero point; the format fixes 0.", tensor.name)));
        }
    }
    Ok(())
}

/// CONV_2D and DEPTHWISE_CONV_2D on int16.
pub(super) fn convolution(l: &mut Lowering, operator: &Operator, c: &Convolution) -> Result<()> {
    let ((input, x), (output, y)) = (l.input(operator, 0)?, l.output(operator)?);
    symmetric(l, [x, y])?;
    let depthwise = c.multiplier != 0;
    let (constants, wide) = constants(l, [x, c.weights, y], operator.input(2), &vec![0; c.rows.len()], depthwise)?;
    let place = &c.place;
    let geometry = Geometry {
        batches: place.batches,
        input: place.input,
        output: place.output,
        kernel: c.kernel,
        stride: [c.window.stride_h, c.window.stride_w],
        dilation: [c.window.dilation_h, c.window.dilation_w],
        pads: [place.pad_top, place.pad_left],
        depth: if depthwise { 1 } else { place.input[2] },
        multiplier: c.multiplier,
    };
    let mut words = vec![Word::Tensor(input), Word::Tensor(output)];
    words.extend(geometry.words());
    words.extend([l.blob(c.rows.concat()), l.blob_words(constants)]);
    words.extend(ending(l, x, y, wide, c.activation)?);
    l.emit(Kernel::ConvS16, words);
    Ok(())
}

/// FULLY_CONNECTED on int16: a 1x1 convolution of as many pixels as there are vectors.
pub(super) fn fully_connected(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((input, x), (_, w), (output, y)) = (l.input(operator, 0)?, l.input(operator, 1)?, l.output(operator)?);
    let activation = match operator.options {
        Options::FullyConnected { activation, shuffled_weights: false, .. } => activation,
        Options::FullyConnected { .. } => return Err(l.unsupported("its weights are in the shuffled layout; convert again.")),
        _ => Activation::None,
    };
    symmetric(l, [x, y])?;
    l.require_type(w, Type::Int8, "weight matrix")?;
    let [rows, depth] = dense::shapes(l, operator)?;
    let (rows, depth) = (l.word(rows)?, l.word(depth)?);
    let channels = l.word(w.elements() / u64::from(depth))?;
    let (constants, wide) = constants(l, [x, w, y], operator.input(2), &vec![0; channels as usize], false)?;
    let geometry = Geometry {
        batches: 1,
        input: [1, rows, depth],
        output: [1, rows, channels],
        kernel: [1, 1],
        stride: [1, 1],
        dilation: [1, 1],
        pads: [0, 0],
        depth,
        multiplier: 0,
    };
    let weights = l.constant(w, "weights")?.to_vec();
    let mut words = vec![Word::Tensor(input), Word::Tensor(output)];
    words.extend(geometry.words());
    words.extend([l.blob(weights), l.blob_words(constants)]);
    words.extend(ending(l, x, y, wide, activation)?);
    l.emit(Kernel::ConvS16, words);
    Ok(())
}

/// TRANSPOSE_CONV: a convolution from its output to its input, so to speak; and so is its padding.
pub(super) fn transpose_conv(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((_, w), (input, x), (output, y)) = (l.input(operator, 1)?, l.input(operator, 2)?, l.output(operator)?);
    let Options::TransposeConv { window, activation } = operator.options else {
        return Err(l.bad("its options are missing."));
    };
    one_of(l, x, &[Type::Int8, Type::Int16, Type::Float32])?;
    l.require_type(y, x.ty, "output")?;
    l.require_type(w, if x.ty == Type::Float32 { Type::Float32 } else { Type::Int8 }, "filter")?;
    let [channels, kernel_h, kernel_w, depth] = *w.shape.as_slice() else {
        return Err(l.bad(format!("it has filters of {}.", w.shape_text())));
    };
    let place = conv::place(l, y, x, &window, [kernel_h, kernel_w])?;
    if place.input[2] != channels || place.output[2] != depth {
        return Err(l.bad(format!("it makes {} of {} with filters of {}.", y.shape_text(), x.shape_text(), w.shape_text())));
    }
    let geometry = Geometry {
        batches: place.batches,
        input: place.output,
        output: place.input,
        kernel: [kernel_h, kernel_w],
        stride: [window.stride_h, window.stride_w],
        dilation: [1, 1],
        pads: [place.pad_top, place.pad_left],
        depth,
        multiplier: 0,
    };
    let mut words = vec![Word::Tensor(input), Word::Tensor(output)];
    words.extend(geometry.words());
    let weights = l.constant(w, "weights")?.to_vec();
    if x.ty == Type::Float32 {
        let biases = float::biases(l, operator.input(3), channels as usize)?;
        words.extend([l.blob(weights), l.blob_words(biases.iter().map(|bias| bias.to_bits().cast_signed()))]);
        words.extend([0u32, 0].map(Word::Value));
        words.extend([0, 0].map(Word::from));
        words.extend(float::bounds(l, activation)?.map(Word::from));
        l.emit(Kernel::TransposeConvF32, words);
        return Ok(());
    }
    if x.ty == Type::Int16 {
        symmetric(l, [x, y])?;
    }
    let (constants, wide) = constants(l, [x, w, y], operator.input(3), &vec![0; channels as usize], x.ty == Type::Int16)?;
    words.extend([l.blob(weights), l.blob_words(constants)]);
    words.extend(ending(l, x, y, wide, activation)?);
    l.emit(Kernel::TransposeConv, words);
    Ok(())
}

/// AVERAGE_POOL_2D and MAX_POOL_2D on int16, L2_POOL_2D.
pub(super) fn pool(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((input, x), (output, y)) = (l.input(operator, 0)?, l.output(operator)?);
    let Options::Pool { window, filter_h, filter_w, activation } = operator.options else {
        return Err(l.bad("its options are missing."));
    };
    let root = operator.code.is(op::L2_POOL_2D);
    let ty = if root { Type::Float32 } else { Type::Int16 };
    l.require_type(x, ty, "input")?;
    l.require_type(y, ty, "output")?;
    let place = conv::place(l, x, y, &window, [filter_h, filter_w])?;
    if place.input[2] != place.output[2] || x.per_tensor() != y.per_tensor() {
        return Err(l.bad(format!("it makes {} of {}; channels and quantisation must stay.", y.shape_text(), x.shape_text())));
    }
    let clamp = if root { float::bounds(l, activation)? } else { l.bounds(activation, y)?.into() };
    let mut words = super::pool::words([input, output], &place, &window, [filter_h, filter_w], clamp);
    // NN_SUM, NN_MAX.
    words.push(u32::from(operator.code.is(op::MAX_POOL_2D)).into());
    l.emit(if root { Kernel::L2PoolF32 } else { Kernel::PoolS16 }, words);
    Ok(())
}
