//! What it is: functions of one number: on float32; on int16; conversions from one integer type and scale to another; the tables of those int8
//! functions that `map.rs` does not have.
//! Source: TensorFlow Lite Micro's kernels; the int8 ones evaluated for every byte.
//! Does not model: int64, uint8 other than in QUANTIZE and DEQUANTIZE.
//! Tested by: `tests/operators.rs`: all bytes, and int16 over its whole range.

use super::general::{factor_words, one_of, type_number};
use super::map::{self, table};
use super::{Lowering, Operator, Type, Word, range, recurrent};
use crate::finding::Result;
use crate::model::ops::{Activation, Options, op};
use crate::model::plan::Kernel;
use crate::model::quant::{self, Multiplier};

/// NN_ABS and so on, in the runtime's order.
const PLAIN: [u32; 10] =
    [op::ABS, op::NEG, op::SQUARE, op::SQRT, op::RSQRT, op::FLOOR, op::CEIL, op::ROUND, op::HARD_SWISH, op::LEAKY_RELU];
/// NN_EXP and so on.
const SERIES: [u32; 6] = [op::EXP, op::LOG, op::SIN, op::COS, op::TANH, op::ELU];

fn number(operator: &Operator, list: &[u32]) -> Option<u32> {
    (0u32..).zip(list).find(|(_, code)| operator.code.is(**code)).map(|(number, _)| number)
}

fn alpha(l: &Lowering, operator: &Operator) -> Result<f32> {
    match operator.options {
        Options::LeakyRelu { alpha } if alpha.is_finite() => Ok(alpha),
        _ if operator.code.is(op::LEAKY_RELU) => Err(l.bad("its slope is missing.")),
        _ => Ok(0.0),
    }
}

/// Tensors of one size, and the count of their elements.
fn ends(l: &Lowering, operator: &Operator) -> Result<(usize, usize, u32)> {
    let ((input, x), (output, y)) = (l.input(operator, 0)?, l.output(operator)?);
    if x.elements() != y.elements() {
        return Err(l.bad(format!("it makes {} of {}.", y.shape_text(), x.shape_text())));
    }
    Ok((input, output, l.word(y.elements())?))
}

/// ABS, NEG, SQUARE, SQRT, RSQRT, FLOOR, CEIL, ROUND, HARD_SWISH, LEAKY_RELU, EXP, LOG, SIN, COS, TANH, ELU of any type that has a kernel.
pub(super) fn function(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((_, x), (_, y)) = (l.input(operator, 0)?, l.output(operator)?);
    l.require_type(y, x.ty, "output")?;
    let int8 = [op::ABS, op::RSQRT, op::HARD_SWISH, op::LEAKY_RELU, op::ELU].iter().any(|code| operator.code.is(*code));
    let int16 = [op::ABS, op::LEAKY_RELU].iter().any(|code| operator.code.is(*code));
    let types: &[Type] = match (int8, int16) {
        (true, true) => &[Type::Int8, Type::Int16, Type::Float32],
        (true, false) => &[Type::Int8, Type::Float32],
        _ => &[Type::Float32],
    };
    one_of(l, x, types)?;
    match x.ty {
        Type::Float32 => float(l, operator),
        Type::Int16 => short(l, operator),
        _ => byte(l, operator),
    }
}

fn float(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (input, output, count) = ends(l, operator)?;
    let alpha = alpha(l, operator)?;
    let (kernel, what) = match (number(operator, &PLAIN), number(operator, &SERIES)) {
        (Some(what), _) => (Kernel::UnaryF32, what),
        (_, what) => (Kernel::SeriesF32, what.unwrap_or(0)),
    };
    l.in_place(input, output);
    l.emit(
        kernel,
        vec![Word::Tensor(input), Word::Tensor(output), count.into(), what.into(), alpha.to_bits().into(), 0u32.into()],
    );
    Ok(())
}

/// From one scale to another.
fn ratio(scale: f32, out_scale: f32) -> Multiplier {
    Multiplier::new(f64::from(scale) / f64::from(out_scale))
}

/// The two slopes of LEAKY_RELU, and the sign of the second.
fn slopes(l: &Lowering, operator: &Operator, scale: f32, out_scale: f32) -> Result<(Multiplier, Multiplier, i32)> {
    let alpha = alpha(l, operator)?;
    let below = f64::from(scale) * f64::from(alpha) / f64::from(out_scale);
    Ok((ratio(scale, out_scale), Multiplier::new(below.abs()), if below < 0.0 { -1 } else { 1 }))
}

fn byte(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((_, x), (_, y)) = (l.input(operator, 0)?, l.output(operator)?);
    let ((scale, zero), (out_scale, out_zero)) = (l.quantised(x)?, l.quantised(y)?);
    let entries = match &operator.code {
        code if code.is(op::ABS) => {
            let factor = ratio(scale, out_scale);
            table(-128, 127, |x| factor.apply((x - zero).abs()).saturating_add(out_zero))
        }
        code if code.is(op::RSQRT) => {
            let factor = Multiplier::new(1.0 / f64::from(scale.sqrt() * out_scale));
            // What lies below zero has no root; the reference refuses to go on there.
            table(-128, 127, |x| match x - zero {
                ..=0 => 127,
                x => {
                    let (mantissa, right) = quant::inverse_root(x);
                    let root = Multiplier { mantissa, exponent: 20 - right }.apply(1);
                    Multiplier { mantissa: factor.mantissa, exponent: factor.exponent - 20 }.apply(root).saturating_add(out_zero)
                }
            })
        }
        code if code.is(op::LEAKY_RELU) => {
            let (above, below, sign) = slopes(l, operator, scale, out_scale)?;
            let of = |x: i32| if x >= 0 { above.apply(x) } else { sign * below.apply(x) };
            table(-128, 127, |x| of(x - zero).saturating_add(out_zero))
        }
        code if code.is(op::HARD_SWISH) => hard_swish(l, (scale, zero), (out_scale, out_zero))?,
        _ => {
            let inverse = 1.0 / out_scale;
            let elu = |x: f32| if x < 0.0 { f64::from(x).exp() as f32 - 1.0 } else { x };
            table(-128, 127, |x| ((elu(scale * (x - zero) as f32) * inverse).round() + out_zero as f32) as i32)
        }
    };
    map::emit(l, operator, &entries)
}

/// The reference's arithmetic in 16 bits.
fn hard_swish(l: &Lowering, (scale, zero): (f32, i32), (out_scale, out_zero): (f32, i32)) -> Result<[u8; 256]> {
    let fine = (1.0f32 / 128.0) * scale;
    let output = Multiplier::new(f64::from(fine / out_scale));
    let relu = Multiplier::new(f64::from(fine / (3.0f32 / 32768.0)));
    if output.exponent > 0 || relu.exponent > 15 {
        return Err(
            l.unsupported(format!("an input scale of {scale} is too coarse for its output's; the reference refuses that."))
        );
    }
    let half = |m: Multiplier| i32::from(i16::try_from((i64::from(m.mantissa) + (1 << 15)) >> 16).unwrap_or(i16::MAX));
    let (output_half, relu_half) = (half(output), half(relu));
    let rounded = |a: i32, b: i32| ((a * b + (1 << 14)) >> 15).clamp(-32768, 32767);
    let saturated = |x: i32, up: i32| (i64::from(x) << up).clamp(-32768, 32767) as i32;
    Ok(table(-128, 127, |x| {
        let x = i32::from(((x - zero) * 128) as i16);
        let level = rounded(x, output_half);
        let mut gate = x;
        if relu.exponent > 0 {
            gate = saturated(gate, relu.exponent - 1);
        }
        gate = rounded(gate, relu_half);
        if relu.exponent > 0 {
            gate = saturated(gate, 1);
        }
        if relu.exponent < 0 {
            gate = quant::rounding_shift(gate, relu.exponent.unsigned_abs());
        }
        gate = (gate + (1 << 15)) >> 1;
        // This product is rounded towards zero.
        let product = gate * level / (1 << 15);
        quant::rounding_shift(product, output.exponent.unsigned_abs()) + out_zero
    }))
}

fn short(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((_, x), (_, y)) = (l.input(operator, 0)?, l.output(operator)?);
    let ((scale, zero), (out_scale, out_zero)) = (l.quantised(x)?, l.quantised(y)?);
    let (above, below, signs) = if operator.code.is(op::ABS) {
        let factor = ratio(scale, out_scale);
        (factor, factor, [-1, 1])
    } else {
        let (above, below, sign) = slopes(l, operator, scale, out_scale)?;
        (above, below, [1, sign])
    };
    rescale(l, operator, [zero, out_zero], (above, below, signs), (-32768, 32767))
}

/// RELU and RELU6 on int16.
pub(super) fn relu(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((_, x), (_, y)) = (l.input(operator, 0)?, l.output(operator)?);
    l.require_type(y, Type::Int16, "output")?;
    let ((scale, zero), (out_scale, out_zero)) = (l.quantised(x)?, l.quantised(y)?);
    let activation = match &operator.code {
        code if code.is(op::RELU6) => Activation::Relu6,
        code if code.is(op::RELU_N1_TO_1) => Activation::ReluN1To1,
        _ => Activation::Relu,
    };
    let clamp = l.bounds(activation, y)?;
    let factor = ratio(scale, out_scale);
    rescale(l, operator, [zero, out_zero], (factor, factor, [1, 1]), clamp)
}

/// QUANTIZE from one integer type to another.
pub(super) fn requantise(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((_, x), (_, y)) = (l.input(operator, 0)?, l.output(operator)?);
    let integers = [Type::Int8, Type::UInt8, Type::Int16, Type::Int32];
    one_of(l, x, &integers)?;
    one_of(l, y, &integers)?;
    let ((scale, zero), (out_scale, out_zero)) = (l.quantised(x)?, l.quantised(y)?);
    let factor = ratio(scale, out_scale);
    rescale(l, operator, [zero, out_zero], (factor, factor, [1, 1]), range(y.ty).unwrap_or((i32::MIN, i32::MAX)))
}

fn rescale(
    l: &mut Lowering,
    operator: &Operator,
    zeros: [i32; 2],
    (above, below, signs): (Multiplier, Multiplier, [i32; 2]),
    (low, high): (i32, i32),
) -> Result<()> {
    let (input, output, count) = ends(l, operator)?;
    let kinds = [type_number(l, l.tensor(input)?)?, type_number(l, l.tensor(output)?)?];
    if l.tensor(input)?.bytes() == l.tensor(output)?.bytes() {
        l.in_place(input, output);
    }
    let mut words = vec![Word::Tensor(input), Word::Tensor(output), count.into()];
    words.extend(kinds.map(Word::Value));
    words.extend(zeros.map(Word::from));
    words.extend(factor_words(&[above, below]));
    words.extend(signs.into_iter().chain([low, high]).map(Word::from));
    l.emit(Kernel::Rescale, words);
    Ok(())
}

/// LOGISTIC and TANH on int16.
pub(super) fn sigmoid(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((_, x), (_, y)) = (l.input(operator, 0)?, l.output(operator)?);
    l.require_type(y, Type::Int16, "output")?;
    let ((scale, zero), (out_scale, out_zero)) = (l.quantised(x)?, l.quantised(y)?);
    if zero != 0 || out_zero != 0 || (out_scale * 32768.0 - 1.0).abs() > 1e-3 {
        return Err(l.bad(format!("its output has scale {out_scale}; the format fixes 1/32768 and zero points of 0.")));
    }
    let tanh = operator.code.is(op::TANH);
    // Powers of two near 2^-12 need no multiplier but 3: the table goes to 10.7 where 8 would be the end.
    let power = f64::from(scale).log2();
    let (rounded, is_power) = (power.round(), (power - power.round()).abs() < 1e-3);
    let left = 12 + rounded as i32;
    let (multiplier, shift) = if is_power && (left == 0 || (tanh && left == 1)) {
        (3 << left, 0u32)
    } else {
        let (mut multiplier, mut shift) = (f64::from(scale) * 4096.0 * 3.0, 0);
        while multiplier <= 32767.0 / 2.0 && shift <= 30 {
            shift += 1;
            multiplier *= 2.0;
        }
        if multiplier > 32767.0 || shift > 30 {
            return Err(l.unsupported(format!("an input scale of {scale} is beyond the reference's fixed-point format.")));
        }
        (multiplier as i32, shift)
    };
    let (input, output, count) = ends(l, operator)?;
    l.in_place(input, output);
    let table = l.blob(recurrent::sigmoid_table());
    let words = vec![
        Word::Tensor(input),
        Word::Tensor(output),
        count.into(),
        u32::from(tanh).into(),
        multiplier.into(),
        shift.into(),
        table,
    ];
    l.emit(Kernel::SigmoidS16, words);
    Ok(())
}

/// LOGICAL_NOT, and CAST to truth values.
pub(super) fn truth(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((_, x), (_, y)) = (l.input(operator, 0)?, l.output(operator)?);
    let not = operator.code.is(op::LOGICAL_NOT);
    if not {
        l.require_type(x, Type::Bool, "input")?;
    }
    l.require_type(y, Type::Bool, "output")?;
    let kind = type_number(l, x)?;
    let (input, output, count) = ends(l, operator)?;
    // NN_NOT follows the plain functions.
    let what = if not { PLAIN.len() as u32 } else { 0 };
    l.in_place(input, output);
    l.emit(Kernel::Truth, vec![Word::Tensor(input), Word::Tensor(output), count.into(), what.into(), 0u32.into(), kind.into()]);
    Ok(())
}
