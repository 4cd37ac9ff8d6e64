//! What it is: what runs along rows or other dimensions: SOFTMAX with int16 results, LOG_SOFTMAX, L2_NORMALIZATION, ARG_MAX and ARG_MIN, CUMSUM,
//! reductions of other types than int8 and float32.
//! Source: TensorFlow Lite Micro's kernels; the tables of its int16 SOFTMAX.
//! Does not model: int64.
//! Tested by: `tests/operators.rs`.

use super::elementwise::{mean_factor, sum_start};
use super::general::{factor_words, one_of, type_number};
use super::moves::axis;
use super::{Lowering, Operator, Type, Word, range};
use crate::finding::Result;
use crate::model::ops::{Activation, Options, op};
use crate::model::plan::Kernel;
use crate::model::quant::Multiplier;

/// Tensors of one shape, as rows of the last dimension.
fn rows(l: &Lowering, operator: &Operator) -> Result<(usize, usize, u32, u32)> {
    let ((input, x), (output, y)) = (l.input(operator, 0)?, l.output(operator)?);
    let depth = u64::from(x.shape.last().copied().unwrap_or(0));
    if depth == 0 || x.elements() != y.elements() {
        return Err(l.bad(format!("it makes {} of {}.", y.shape_text(), x.shape_text())));
    }
    Ok((input, output, l.word(x.elements() / depth)?, l.word(depth)?))
}

/// The factor of differences to the greatest input, to five integer bits; differences below the second count as minus infinity.
fn difference(l: &Lowering, scale: f32, beta: f32) -> Result<(Multiplier, i32)> {
    let real = (f64::from(beta) * f64::from(scale) * f64::from(1 << 26)).min(2f64.powi(31) - 1.0);
    let factor = Multiplier::new(real);
    if !(real > 1.0 && (0..=31).contains(&factor.exponent)) {
        return Err(
            l.unsupported(format!("an input scale of {scale} with beta {beta} is beyond the reference's fixed-point format."))
        );
    }
    Ok((factor, -(31.0 * 2f64.powi(26) / 2f64.powi(factor.exponent)).floor() as i32))
}

/// SOFTMAX on int16, or from int8 to int16.
pub(super) fn softmax(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((_, x), (_, y)) = (l.input(operator, 0)?, l.output(operator)?);
    let Options::Softmax { beta } = operator.options else { return Err(l.bad("its options are missing.")) };
    let ((scale, zero), (out_scale, out_zero)) = (l.quantised(x)?, l.quantised(y)?);
    l.require_type(y, Type::Int16, "output")?;
    let (unit, offset) = if x.ty == Type::Int16 { (1.0 / 32768.0, 0) } else { (1.0 / 65536.0, -32768) };
    if out_zero != offset || (out_scale - unit).abs() > 1e-3 * unit || (x.ty == Type::Int16 && zero != 0) {
        return Err(
            l.bad(format!("its output has scale {out_scale} and zero point {out_zero}; the format fixes {unit} and {offset}."))
        );
    }
    let (input, output, rows, depth) = rows(l, operator)?;
    let mut words = vec![Word::Tensor(input), Word::Tensor(output), rows.into(), depth.into()];
    if x.ty == Type::Int16 {
        let factor = Multiplier::new(f64::from(scale) * f64::from(beta) / (10.0 / 65535.0));
        let exponential = halves(&table(10.0 / 65535.0, 32767, 2.0 / 65535.0, |x| f64::from(x).exp() as f32));
        let inverse = halves(&table(1.0 / 65535.0, -32768, 2.0 / 65535.0, |x| 1.0 / (1.0 + x)));
        words.extend(factor_words(&[factor, factor]));
        words.extend([0.into(), l.blob(exponential), l.blob(inverse)]);
        l.emit(Kernel::SoftmaxS16, words);
    } else {
        let (factor, least) = difference(l, scale, beta)?;
        words.extend(factor_words(&[factor, factor]));
        words.extend([Word::from(least), 0u32.into(), 0u32.into()]);
        l.emit(Kernel::SoftmaxS8S16, words);
    }
    Ok(())
}

fn halves(table: &[i16]) -> Vec<u8> {
    table.iter().flat_map(|entry| entry.to_le_bytes()).collect()
}

/// 513 nodes of a function over int16, each moved by half of what interpolation errs in the middle; in float32, as the reference computes it.
fn table(scale: f32, zero: i32, out_scale: f32, function: impl Fn(f32) -> f32) -> Vec<i16> {
    let (low, high) = (scale * (-32768 - zero) as f32, scale * (32767 - zero) as f32);
    let (out_low, out_high) = (out_scale * -32768.0, out_scale * 32767.0);
    let step = (high - low) / 512.0;
    let unit = 65536.0 / (out_high - out_low);
    let clamped = |x: f32| x.clamp(-32768.0, 32767.0) as i16;
    let mut table: Vec<i16> = (0..512)
        .map(|i| {
            let at = low + i as f32 * step;
            let (here, middle) = (function(at), function(at + step / 2.0));
            let next = function(low + (i + 1) as f32 * step);
            let node = (here * unit).round();
            let interpolated = ((next * unit + node) / 2.0).round();
            clamped(node - ((interpolated - (middle * unit).round()) / 2.0).round())
        })
        .collect();
    table.push(clamped((function(high) * unit).round()));
    table
}

pub(super) fn log_softmax(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((_, x), (_, y)) = (l.input(operator, 0)?, l.output(operator)?);
    one_of(l, x, &[Type::Int8, Type::Float32])?;
    l.require_type(y, x.ty, "output")?;
    let (input, output, rows, depth) = rows(l, operator)?;
    l.in_place(input, output);
    let mut words = vec![Word::Tensor(input), Word::Tensor(output), rows.into(), depth.into()];
    if x.ty == Type::Float32 {
        words.extend([0; 7].map(Word::from));
        l.emit(Kernel::LogSoftmaxF32, words);
        return Ok(());
    }
    let ((scale, _), (out_scale, out_zero)) = (l.quantised(x)?, l.quantised(y)?);
    if out_scale != 16.0 / 256.0 || out_zero != 127 {
        return Err(l.bad(format!("its output has scale {out_scale} and zero point {out_zero}; the format fixes 1/16 and 127.")));
    }
    let (factor, least) = difference(l, scale, 1.0)?;
    // The way back: the reference divides a power of two by the multiplier.
    let power = if factor.exponent == 0 { -(2f64.powi(31)) } else { 2f64.powi(31 - factor.exponent) };
    let back = Multiplier::new((power / f64::from(factor.mantissa)).abs());
    words.extend(factor_words(&[factor, back]));
    words.extend([Word::from(least), 0u32.into(), 0u32.into()]);
    l.emit(Kernel::LogSoftmaxS8, words);
    Ok(())
}

pub(super) fn l2_normalization(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((_, x), (_, y)) = (l.input(operator, 0)?, l.output(operator)?);
    one_of(l, x, &[Type::Int8, Type::Float32])?;
    l.require_type(y, x.ty, "output")?;
    let (input, output, rows, depth) = rows(l, operator)?;
    let zero = if x.ty == Type::Int8 {
        let (out_scale, out_zero) = l.quantised(y)?;
        if out_scale != 1.0 / 128.0 || out_zero != 0 {
            return Err(
                l.bad(format!("its output has scale {out_scale} and zero point {out_zero}; the format fixes 1/128 and 0."))
            );
        }
        l.quantised(x)?.1
    } else {
        0
    };
    l.in_place(input, output);
    let words = vec![Word::Tensor(input), Word::Tensor(output), rows.into(), depth.into(), zero.into()];
    l.emit(if x.ty == Type::Int8 { Kernel::L2NormS8 } else { Kernel::L2NormF32 }, words);
    Ok(())
}

/// A dimension of the input as so many outer and inner ones around it.
fn along(l: &Lowering, operator: &Operator) -> Result<[u32; 3]> {
    let (_, x) = l.input(operator, 0)?;
    let along = l.constant_i32(l.input(operator, 1)?.1, "dimension")?;
    let along = axis(l, along.first().copied().unwrap_or(0), x.shape.len())?;
    let product = |dims: &[u32]| dims.iter().map(|&d| u64::from(d)).product::<u64>();
    let parts = [product(&x.shape[..along]), u64::from(x.shape[along]), product(&x.shape[along + 1..])];
    if parts.contains(&0) {
        return Err(l.bad(format!("it runs over {}.", x.shape_text())));
    }
    Ok([l.word(parts[0])?, l.word(parts[1])?, l.word(parts[2])?])
}

/// ARG_MAX and ARG_MIN.
pub(super) fn arg(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((input, x), (output, y)) = (l.input(operator, 0)?, l.output(operator)?);
    one_of(l, x, &[Type::Int8, Type::Int16, Type::Int32, Type::Float32])?;
    l.require_type(y, Type::Int32, "output")?;
    let parts = along(l, operator)?;
    if y.elements() != u64::from(parts[0]) * u64::from(parts[2]) {
        return Err(l.bad(format!("it makes {} of {}.", y.shape_text(), x.shape_text())));
    }
    let mut words = vec![Word::Tensor(input), Word::Tensor(output)];
    words.extend(parts.map(Word::Value));
    words.extend([type_number(l, x)?, u32::from(operator.code.is(op::ARG_MAX))].map(Word::Value));
    words.extend([0; 6].map(Word::from));
    l.emit(Kernel::Arg, words);
    Ok(())
}

pub(super) fn cumsum(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((input, x), (output, y)) = (l.input(operator, 0)?, l.output(operator)?);
    one_of(l, x, &[Type::Int8, Type::Int32, Type::Float32])?;
    l.require_type(y, x.ty, "output")?;
    let Options::Cumulative { exclusive, reverse } = operator.options else { return Err(l.bad("its options are missing.")) };
    if x.shape != y.shape {
        return Err(l.bad(format!("it makes {} of {}.", y.shape_text(), x.shape_text())));
    }
    let parts = along(l, operator)?;
    let (mut zeros, mut factors) = ([0; 2], [Multiplier::ONE; 2]);
    if x.ty == Type::Int8 {
        let ((scale, zero), (out_scale, out_zero)) = (l.quantised(x)?, l.quantised(y)?);
        zeros = [zero, out_zero];
        let common = 2.0 * f64::from(scale);
        factors = [f64::from(scale) / common, common / (f64::from(1 << 20) * f64::from(out_scale))].map(Multiplier::new);
    }
    l.in_place(input, output);
    let mut words = vec![Word::Tensor(input), Word::Tensor(output)];
    words.extend(parts.map(Word::Value));
    words.extend([type_number(l, x)?, u32::from(exclusive) + 2 * u32::from(reverse)].map(Word::Value));
    words.extend(zeros.map(Word::from));
    words.extend(factor_words(&factors));
    l.emit(Kernel::Cumulate, words);
    Ok(())
}

/// SUM, MEAN, REDUCE_MAX and REDUCE_MIN of int16 and int32, REDUCE_ALL: tensors and dimensions as described, of `count` inputs per output.
pub(super) fn reduce(l: &mut Lowering, operator: &Operator, mut words: Vec<Word>, count: u64) -> Result<()> {
    let ((_, x), (_, y)) = (l.input(operator, 0)?, l.output(operator)?);
    let all = operator.code.is(op::REDUCE_ALL);
    one_of(l, x, if all { &[Type::Bool] } else { &[Type::Int8, Type::Int16, Type::Int32, Type::Float32] })?;
    let (mut low, mut high) = range(x.ty).unwrap_or((0, 1));
    let (what, mut start) = match &operator.code {
        _ if all => (3u32, 1),
        code if code.is(op::REDUCE_MAX) => (1, low),
        code if code.is(op::REDUCE_MIN) => (2, high),
        _ => (0, 0),
    };
    let (mut factor, mut zero) = (Multiplier::ONE, 0);
    if what == 0 && x.ty == Type::Int16 {
        let ((scale, in_zero), (out_scale, out_zero)) = (l.quantised(x)?, l.quantised(y)?);
        factor = Multiplier::new(f64::from(scale) / f64::from(out_scale));
        start = sum_start(l, in_zero, count)?;
        zero = out_zero;
        if operator.code.is(op::MEAN) {
            factor = mean_factor(factor, count);
        }
        (low, high) = l.bounds(Activation::None, y)?;
    } else if operator.code.is(op::MEAN) {
        return Err(l.unsupported("it takes the mean of whole numbers without a scale; the reference has no kernel for that."));
    } else if what != 0 && !all && x.per_tensor() != y.per_tensor() {
        return Err(l.unsupported("its input and its output differ in quantisation; the reference compares numbers as they are."));
    }
    words.extend([what, type_number(l, x)?].map(Word::Value));
    words.push(start.into());
    words.extend(factor_words(&[factor]));
    words.extend([zero, low, high].map(Word::from));
    l.emit(Kernel::ReduceGeneral, words);
    Ok(())
}
