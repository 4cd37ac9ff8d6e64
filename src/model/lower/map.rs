//! What it is: operators that compute each output byte from one input byte: 256 entries, computed here, replace the arithmetic.
//! Source: TensorFlow Lite Micro's int8 kernels, evaluated for every byte.
//! Does not model: the same operators on other types.
//! Tested by: `tests/model_kernels.rs`, all 256 values of each.

use super::{Lowering, Operator, Type, Word};
use crate::finding::Result;
use crate::model::ops::{Activation, op};
use crate::model::plan::Kernel;
use crate::model::quant::{self, Multiplier};

pub(super) fn sigmoid(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (_, x) = l.input(operator, 0)?;
    let (_, y) = l.output(operator)?;
    l.require_type(x, Type::Int8, "input")?;
    l.require_type(y, Type::Int8, "output")?;
    let (scale, zero) = l.quantised(x)?;
    let (out_scale, out_zero) = l.quantised(y)?;
    let tanh = operator.code.is(op::TANH);
    // The format fixes these; the reference relies on them without looking at the scale.
    let (unit, offset) = if tanh { (1.0 / 128.0, 0) } else { (1.0 / 256.0, -128) };
    if out_zero != offset || (out_scale - unit).abs() > f32::EPSILON {
        return Err(
            l.bad(format!("its output has scale {out_scale} and zero point {out_zero}; the format fixes {unit} and {offset}."))
        );
    }
    let table = quant::sigmoid_table(tanh, scale, zero).ok_or_else(|| {
        l.unsupported(format!("an input scale of {scale} is beyond what the reference's fixed-point format takes."))
    })?;
    emit(l, operator, &table)
}

/// Builds the table of a function of the byte's signed value; results are clamped.
pub(super) fn table(low: i32, high: i32, function: impl Fn(i32) -> i32) -> [u8; 256] {
    let mut table = [0u8; 256];
    for (byte, entry) in (0u8..=255).zip(table.iter_mut()) {
        *entry = (function(i32::from(byte.cast_signed())).clamp(low, high) as i8).cast_unsigned();
    }
    table
}

/// QUANTIZE: from float, or from one int8 scale to another.
pub(super) fn quantize(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (_, x) = l.input(operator, 0)?;
    let (_, y) = l.output(operator)?;
    if (x.ty, y.ty) != (Type::Int8, Type::Int8) {
        if x.ty != Type::Float32 {
            return super::unary::requantise(l, operator);
        }
        return super::moves::cast(l, operator);
    }
    let (scale, zero) = l.quantised(x)?;
    let (out_scale, out_zero) = l.quantised(y)?;
    let factor = Multiplier::new(f64::from(scale) / f64::from(out_scale));
    emit(l, operator, &table(-128, 127, |x| factor.apply(x - zero).saturating_add(out_zero)))
}

/// RELU and its kin as layers of their own.
pub(super) fn relu(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (_, x) = l.input(operator, 0)?;
    let (_, y) = l.output(operator)?;
    l.require_type(x, Type::Int8, "input")?;
    l.require_type(y, Type::Int8, "output")?;
    let (scale, zero) = l.quantised(x)?;
    let (out_scale, out_zero) = l.quantised(y)?;
    // For RELU6 and RELU_N1_TO_1 the reference forgets to rescale where input and output differ; TensorFlow Lite itself does it like this.
    let activation = match &operator.code {
        code if code.is(op::RELU6) => Activation::Relu6,
        code if code.is(op::RELU_N1_TO_1) => Activation::ReluN1To1,
        _ => Activation::Relu,
    };
    let (low, high) = l.bounds(activation, y)?;
    let factor = Multiplier::new(f64::from(scale) / f64::from(out_scale));
    emit(l, operator, &table(low, high, |x| factor.apply(x - zero).saturating_add(out_zero)))
}

/// Adds a layer that maps each byte through the table (by its unsigned value).
pub(super) fn emit(l: &mut Lowering, operator: &Operator, table: &[u8; 256]) -> Result<()> {
    let (input, x) = l.input(operator, 0)?;
    let (output, y) = l.output(operator)?;
    if x.elements() != y.elements() {
        return Err(l.bad(format!("it makes {} of {}.", y.shape_text(), x.shape_text())));
    }
    let count = l.word(y.elements())?;
    l.in_place(input, output);
    let table = l.blob(table.to_vec());
    l.emit(Kernel::MapS8, vec![Word::Tensor(input), Word::Tensor(output), count.into(), table]);
    Ok(())
}
