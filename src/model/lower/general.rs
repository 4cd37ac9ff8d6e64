//! What it is: operators on two or more tensors with broadcasting whose types and functions share a general kernel: arithmetic on int16 and
//! int32, DIV and its kin, PRELU, SQUARED_DIFFERENCE, comparisons, logic, SELECT, ADD_N.
//! Source: TensorFlow Lite Micro's kernels, each with its own scales.
//! Does not model: int64; what division by zero gives.
//! Tested by: `tests/operators.rs`.

use super::elementwise::{self, broadcast, product_factor, sum_factors};
use super::{Lowering, Operator, Tensor, Type, Word, float};
use crate::finding::Result;
use crate::model::ops::{Activation, Options, op};
use crate::model::plan::Kernel;
use crate::model::quant::Multiplier;

const UNIT: Multiplier = Multiplier { mantissa: 0, exponent: 0 };

/// NN_F32 and so on.
pub(super) fn type_number(l: &Lowering, tensor: &Tensor) -> Result<u32> {
    Ok(match tensor.ty {
        Type::Float32 => 0,
        Type::Int32 => 1,
        Type::Int16 => 2,
        Type::Int8 => 3,
        Type::UInt8 | Type::Bool => 4,
        _ => return Err(l.unsupported(format!("'{}' is {}, for which there is no kernel.", tensor.name, tensor.ty.name()))),
    })
}

/// Refuses types that the operator's kernel does not take, by name.
pub(super) fn one_of(l: &Lowering, tensor: &Tensor, types: &[Type]) -> Result<()> {
    if types.contains(&tensor.ty) {
        return Ok(());
    }
    let names: Vec<&str> = types.iter().map(|ty| ty.name()).collect();
    Err(l.unsupported(format!(
        "'{}' is {}; the runtime's kernel takes {}, as TensorFlow Lite Micro's does.",
        tensor.name,
        tensor.ty.name(),
        names.join(", ")
    )))
}

pub(super) fn factor_words(factors: &[Multiplier]) -> Vec<Word> {
    factors.iter().flat_map(|f| [Word::from(f.mantissa), f.shift_word().into()]).collect()
}

/// The number of the function in nn_plan.h and nn_general.h.
fn function(operator: &Operator) -> u32 {
    let codes = [
        op::ADD,
        op::SUB,
        op::MUL,
        op::MAXIMUM,
        op::MINIMUM,
        op::SQUARED_DIFFERENCE,
        op::DIV,
        op::FLOOR_DIV,
        op::FLOOR_MOD,
        op::PRELU,
        op::LOGICAL_AND,
        op::LOGICAL_OR,
        op::EQUAL,
        op::NOT_EQUAL,
        op::GREATER,
        op::GREATER_EQUAL,
        op::LESS,
        op::LESS_EQUAL,
    ];
    (0u32..).zip(codes).find(|(_, code)| operator.code.is(*code)).map_or(0, |(what, _)| what)
}

/// Arithmetic of two operands.
pub(super) fn binary(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((_, a), (_, b), (_, y)) = (l.input(operator, 0)?, l.input(operator, 1)?, l.output(operator)?);
    let activation = match operator.options {
        Options::Elementwise { activation } => activation,
        _ => Activation::None,
    };
    let dims = broadcast(l, [a, b], y)?;
    let prelu = operator.code.is(op::PRELU);
    let float_only = operator.code.is(op::FLOOR_DIV) || operator.code.is(op::FLOOR_MOD);
    let types: &[Type] = match &operator.code {
        _ if float_only => &[Type::Float32],
        code if code.is(op::PRELU) => &[Type::Int8, Type::Int16, Type::Float32],
        code if code.is(op::DIV) => &[Type::Int8, Type::Int32, Type::Float32],
        _ => &[Type::Int8, Type::Int16, Type::Int32, Type::Float32],
    };
    one_of(l, a, types)?;
    l.require_type(b, if prelu && a.ty == Type::Int16 { Type::Int8 } else { a.ty }, "second operand")?;
    l.require_type(y, a.ty, "output")?;
    let mut zeros = [0; 3];
    let mut factors = [UNIT; 3];
    let mut left = 0;
    let (low, high) = match a.ty {
        Type::Float32 => float::bounds(l, activation)?.into(),
        // Not quantised: the clamp is one of whole numbers.
        Type::Int32 => match activation {
            Activation::None => (i32::MIN, i32::MAX),
            Activation::Relu => (0, i32::MAX),
            Activation::Relu6 => (0, 6),
            Activation::ReluN1To1 => (-1, 1),
            _ => return Err(l.unsupported("its fused activation is not a clamp.")),
        },
        _ => l.bounds(activation, y)?,
    };
    if matches!(a.ty, Type::Int8 | Type::Int16) {
        let quantised = [l.quantised(a)?, l.quantised(b)?, l.quantised(y)?];
        zeros = quantised.map(|(_, zero)| zero);
        let scales = quantised.map(|(scale, _)| scale);
        let [a_scale, b_scale, y_scale] = scales;
        let short = a.ty == Type::Int8;
        match &operator.code {
            code if code.is(op::ADD) || code.is(op::SUB) => {
                left = if short { 20 } else { 15 };
                factors = sum_factors(l, scales, left)?;
            }
            code if code.is(op::MUL) => factors[2] = product_factor(scales),
            code if code.is(op::DIV) => factors[2] = Multiplier::new(f64::from(a_scale / (b_scale * y_scale))),
            code if code.is(op::PRELU) => {
                factors[0] = Multiplier::new(f64::from(a_scale) / f64::from(y_scale));
                factors[1] = product_factor(scales);
            }
            code if code.is(op::SQUARED_DIFFERENCE) => {
                left = if short { 7 } else { 0 };
                let common = 2.0 * f64::from(a_scale.max(b_scale));
                // The reference multiplies this one in float32.
                let fine = f64::from((1u32 << (2 * left)) as f32 * y_scale);
                factors = [f64::from(a_scale) / common, f64::from(b_scale) / common, common * common / fine].map(Multiplier::new);
            }
            _ => same_quantisation(l, [a, b, y])?,
        }
    }
    let kind = type_number(l, a)?;
    let mut words = elementwise::operands(l, operator, dims)?;
    words.extend([function(operator), kind].map(Word::Value));
    words.extend(zeros.map(Word::from));
    words.extend(factor_words(&factors));
    words.extend([Word::from(low), high.into(), left.into()]);
    l.emit(if a.ty == Type::Float32 { Kernel::BinaryMoreF32 } else { Kernel::BinaryGeneral }, words);
    Ok(())
}

fn same_quantisation(l: &Lowering, tensors: [&Tensor; 3]) -> Result<()> {
    if tensors.iter().all(|tensor| tensor.per_tensor() == tensors[0].per_tensor()) {
        return Ok(());
    }
    Err(l.unsupported("its operands and its output differ in quantisation; the reference compares bytes as they are."))
}

/// Comparisons, and LOGICAL_AND and LOGICAL_OR.
pub(super) fn compare(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((_, a), (_, b), (_, y)) = (l.input(operator, 0)?, l.input(operator, 1)?, l.output(operator)?);
    let dims = broadcast(l, [a, b], y)?;
    let logical = operator.code.is(op::LOGICAL_AND) || operator.code.is(op::LOGICAL_OR);
    let equality = operator.code.is(op::EQUAL) || operator.code.is(op::NOT_EQUAL);
    let types: &[Type] = match (logical, equality) {
        (true, _) => &[Type::Bool],
        (_, true) => &[Type::Int8, Type::Int16, Type::Int32, Type::Float32, Type::Bool],
        _ => &[Type::Int8, Type::Int16, Type::Int32, Type::Float32],
    };
    one_of(l, a, types)?;
    l.require_type(b, a.ty, "second operand")?;
    l.require_type(y, Type::Bool, "output")?;
    let (mut zeros, mut factors, mut left) = ([0; 3], [UNIT; 3], 0);
    if a.ty == Type::Int8 && a.quantisation.is_some() {
        let ((a_scale, a_zero), (b_scale, b_zero)) = (l.quantised(a)?, l.quantised(b)?);
        if a_scale >= 1.0 || b_scale >= 1.0 {
            return Err(l.unsupported("its operands have a scale of 1 or more; the reference refuses that."));
        }
        (zeros, left) = ([a_zero, b_zero, 0], 8);
        factors = [Multiplier::new(f64::from(a_scale)), Multiplier::new(f64::from(b_scale)), UNIT];
    }
    let kind = type_number(l, a)?;
    let mut words = elementwise::operands(l, operator, dims)?;
    words.extend([function(operator), kind].map(Word::Value));
    words.extend(zeros.map(Word::from));
    words.extend(factor_words(&factors));
    words.extend([Word::from(0), 1.into(), left.into()]);
    l.emit(Kernel::Compare, words);
    Ok(())
}

/// SELECT_V2.
pub(super) fn select(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let inputs = [l.input(operator, 0)?, l.input(operator, 1)?, l.input(operator, 2)?];
    let (output, y) = l.output(operator)?;
    let [(_, c), (_, a), (_, b)] = inputs;
    l.require_type(c, Type::Bool, "condition")?;
    if a.ty != y.ty || b.ty != y.ty || a.per_tensor() != y.per_tensor() || b.per_tensor() != y.per_tensor() {
        return Err(l.unsupported("what it selects from differs in type or quantisation from what it makes."));
    }
    let dims = broadcast(l, [c, a, b], y)?;
    let mut words: Vec<Word> = inputs.iter().map(|(index, _)| Word::Tensor(*index)).collect();
    words.push(Word::Tensor(output));
    for (count, _) in dims {
        words.push(l.word(count)?.into());
    }
    for n in 0..3 {
        for (_, steps) in dims {
            words.push(l.word(steps[n])?.into());
        }
    }
    words.push(l.word(y.ty.bytes().unwrap_or(1))?.into());
    l.emit(Kernel::Select, words);
    Ok(())
}

/// ADD_N.
pub(super) fn add_n(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (_, first) = l.input(operator, 0)?;
    let (output, y) = l.output(operator)?;
    one_of(l, first, &[Type::Int8, Type::Float32])?;
    let mut list = Vec::new();
    for n in 0..operator.inputs.len() {
        let (index, x) = l.input(operator, n)?;
        if x.ty != y.ty || x.shape != y.shape || x.per_tensor() != first.per_tensor() {
            return Err(l.unsupported("its inputs differ in type, shape or quantisation."));
        }
        list.push(Word::Tensor(index));
    }
    let (mut zeros, mut factors) = ([0; 2], [UNIT; 2]);
    if first.ty == Type::Int8 {
        let ((scale, zero), (out_scale, out_zero)) = (l.quantised(first)?, l.quantised(y)?);
        zeros = [zero, out_zero];
        let common = 2.0 * f64::from(scale);
        factors = [f64::from(scale) / common, common / (f64::from(1 << 20) * f64::from(out_scale))].map(Multiplier::new);
    }
    let kind = type_number(l, y)?;
    let (count, inputs) = (l.word(y.elements())?, l.word(list.len() as u64)?);
    let mut words = vec![Word::Tensor(output), count.into(), inputs.into(), kind.into()];
    words.extend(zeros.map(Word::from));
    words.extend(factor_words(&factors));
    words.extend(list);
    l.emit(Kernel::AddN, words);
    Ok(())
}
