//! What it is: AVERAGE_POOL_2D, MAX_POOL_2D and SOFTMAX.
//! Source: TensorFlow Lite Micro's int8 kernels.
//! Does not model: int16 results of softmax.
//! Tested by: `tests/model_kernels.rs`.

use super::{Lowering, Operator, Type, Word, conv};
use crate::finding::Result;
use crate::model::ops::{Options, Window, op};
use crate::model::plan::Kernel;
use crate::model::quant::Multiplier;

pub(super) fn pool(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (input, x) = l.input(operator, 0)?;
    let (output, y) = l.output(operator)?;
    let Options::Pool { window, filter_h, filter_w, activation } = operator.options else {
        return Err(l.bad("its options are missing."));
    };
    l.require_type(x, Type::Int8, "input")?;
    l.require_type(y, Type::Int8, "output")?;
    let place = conv::place(l, x, y, &window, [filter_h, filter_w])?;
    if place.input[2] != place.output[2] || x.per_tensor() != y.per_tensor() {
        return Err(l.bad(format!("it makes {} of {}; channels and quantisation must stay.", y.shape_text(), x.shape_text())));
    }
    let (low, high) = l.bounds(activation, y)?;
    let words = words([input, output], &place, &window, [filter_h, filter_w], [low, high]);
    l.emit(if operator.code.is(op::MAX_POOL_2D) { Kernel::MaxPoolS8 } else { Kernel::AveragePoolS8 }, words);
    Ok(())
}

/// The descriptor of a pooling layer, of whatever type: tensors, where the window moves, its size, the clamp.
pub(super) fn words(tensors: [usize; 2], place: &conv::Place, window: &Window, filter: [u32; 2], clamp: [i32; 2]) -> Vec<Word> {
    let [in_h, in_w, channels] = place.input;
    let mut words = tensors.map(Word::Tensor).to_vec();
    words.extend([place.batches, in_h, in_w, channels, place.output[0], place.output[1]].map(Word::Value));
    words.extend([filter[0], filter[1], window.stride_h, window.stride_w].map(Word::Value));
    words.extend([place.pad_top, place.pad_left].map(Word::from));
    words.extend(clamp.map(Word::from));
    words
}

pub(super) fn softmax(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (input, x) = l.input(operator, 0)?;
    let (output, y) = l.output(operator)?;
    let Options::Softmax { beta } = operator.options else { return Err(l.bad("its options are missing.")) };
    l.require_type(x, Type::Int8, "input")?;
    l.require_type(y, Type::Int8, "output")?;
    let (scale, _) = l.quantised(x)?;
    let (out_scale, out_zero) = l.quantised(y)?;
    if out_scale != 1.0 / 256.0 || out_zero != -128 {
        return Err(
            l.bad(format!("its output has scale {out_scale} and zero point {out_zero}; the format fixes 1/256 and -128."))
        );
    }
    let depth = u64::from(x.shape.last().copied().unwrap_or(0));
    if depth == 0 || x.elements() != y.elements() {
        return Err(l.bad(format!("it makes {} of {}.", y.shape_text(), x.shape_text())));
    }
    // Differences to the maximum are taken to five integer bits; what would not fit counts as minus infinity.
    let factor = (f64::from(beta) * f64::from(scale) * f64::from(1 << 26)).min(2f64.powi(31) - 1.0);
    let multiplier = Multiplier::new(factor);
    let left = u32::try_from(multiplier.exponent).ok().filter(|left| *left <= 31 && factor > 1.0);
    let left = left.ok_or_else(|| {
        l.unsupported(format!("an input scale of {scale} with beta {beta} is beyond the reference's fixed-point format."))
    })?;
    let least = -(31.0 * 2f64.powi(26) / 2f64.powi(multiplier.exponent)).floor() as i32;
    l.in_place(input, output);
    let mut words = vec![Word::Tensor(input), Word::Tensor(output)];
    words.extend([l.word(x.elements() / depth)?, l.word(depth)?].map(Word::Value));
    words.extend([Word::from(multiplier.mantissa), left.into(), least.into()]);
    l.emit(Kernel::SoftmaxS8, words);
    Ok(())
}
