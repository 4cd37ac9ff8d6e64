//! What it is: operators on two tensors element by element, with broadcasting, and reductions along dimensions.
//! Source: TensorFlow Lite Micro's int8 kernels; `float.rs` for floats, `general.rs` and `rows.rs` for other integers.
//! Does not model: POW; int64.
//! Tested by: `tests/model_kernels.rs`.

use super::{Lowering, Operator, Tensor, Type, Word, float, general, rows};
use crate::finding::Result;
use crate::model::ops::{Activation, Options, op};
use crate::model::plan::Kernel;
use crate::model::quant::Multiplier;

const UNIT: Multiplier = Multiplier { mantissa: 0, exponent: 0 };

/// A dimension: extent and the steps of so many tensors along it.
pub(super) type Dim<const N: usize> = (u64, [u64; N]);

/// Joins neighbouring dimensions that all tensors walk through as one, and gives exactly four, outermost first.
fn four<const N: usize>(l: &Lowering, dims: &[Dim<N>]) -> Result<[Dim<N>; 4]> {
    let mut merged: Vec<Dim<N>> = Vec::new();
    for &(count, steps) in dims.iter().filter(|dim| dim.0 != 1) {
        match merged.last_mut() {
            Some(outer) if outer.1.iter().zip(&steps).all(|(&a, &b)| a == b * count) => *outer = (outer.0 * count, steps),
            _ => merged.push((count, steps)),
        }
    }
    if merged.len() > 4 {
        return Err(l.unsupported("it runs over more than four dimensions at once."));
    }
    let mut four = [(1, [0; N]); 4];
    let from = four.len() - merged.len();
    for (slot, dim) in four.iter_mut().skip(from).zip(merged) {
        *slot = dim;
    }
    Ok(four)
}

pub(super) fn binary(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((_, a), (_, b), (_, y)) = (l.input(operator, 0)?, l.input(operator, 1)?, l.output(operator)?);
    let activation = match operator.options {
        Options::Elementwise { activation } => activation,
        _ => Activation::None,
    };
    let dims = broadcast(l, [a, b], y)?;
    if matches!(a.ty, Type::Int16 | Type::Int32) {
        return general::binary(l, operator);
    }
    if a.ty == Type::Float32 {
        return float::binary(l, operator, dims, activation);
    }
    for (tensor, what) in [(a, "first operand"), (b, "second operand"), (y, "output")] {
        l.require_type(tensor, Type::Int8, what)?;
    }
    let (low, high) = l.bounds(activation, y)?;
    let ((a_scale, a_zero), (b_scale, b_zero), (y_scale, y_zero)) = (l.quantised(a)?, l.quantised(b)?, l.quantised(y)?);
    let (kernel, factors) = match &operator.code {
        code if code.is(op::MUL) => (Kernel::MulS8, [UNIT, UNIT, product_factor([a_scale, b_scale, y_scale])]),
        code if code.is(op::ADD) || code.is(op::SUB) => (Kernel::AddS8, sum_factors(l, [a_scale, b_scale, y_scale], 20)?),
        code => {
            if a.per_tensor() != y.per_tensor() || b.per_tensor() != y.per_tensor() {
                return Err(l.unsupported(
                    "its operands and its output differ in quantisation; the reference compares bytes as they are.",
                ));
            }
            (if code.is(op::MAXIMUM) { Kernel::MaximumS8 } else { Kernel::MinimumS8 }, [UNIT; 3])
        }
    };
    let mut words = operands(l, operator, dims)?;
    words.extend([a_zero, b_zero, y_zero].map(Word::from));
    words.extend(factors.iter().flat_map(|f| [Word::from(f.mantissa), f.shift_word().into()]));
    words.extend([Word::from(low), high.into(), u32::from(operator.code.is(op::SUB)).into()]);
    l.emit(kernel, words);
    Ok(())
}

/// What a product is multiplied by, of both operands' scales and the output's.
pub(super) fn product_factor(scales: [f32; 3]) -> Multiplier {
    let [a, b, y] = scales.map(f64::from);
    Multiplier::new(a * b / y)
}

/// Factors of ADD and SUB: to twice the coarser scale, so many bits up, so that both are at most one half; and from there to the output's.
pub(super) fn sum_factors(l: &Lowering, scales: [f32; 3], left: u32) -> Result<[Multiplier; 3]> {
    let [a, b, y] = scales.map(f64::from);
    let common = 2.0 * a.max(b);
    let factors = [a / common, b / common, common / (f64::from(1u32 << left) * y)];
    if factors[2] >= 1.0 {
        return Err(l.unsupported("its output is much finer than its operands; the reference refuses that."));
    }
    Ok(factors.map(Multiplier::new))
}

/// Four dimensions with the steps of the operands, 0 where one is repeated.
pub(super) fn broadcast<const N: usize>(l: &Lowering, operands: [&Tensor; N], y: &Tensor) -> Result<[Dim<N>; 4]> {
    let odd = || {
        let operands: Vec<String> = operands.iter().map(|tensor| tensor.shape_text()).collect();
        l.bad(format!("it makes {} of {}.", y.shape_text(), operands.join(" and ")))
    };
    // Shapes from the innermost dimension outwards; what one lacks or has once is repeated.
    let mut dims: Vec<Dim<N>> = Vec::new();
    let mut steps = [1u64; N];
    for back in 1..=y.shape.len() {
        let extent = |shape: &[u32]| shape.len().checked_sub(back).and_then(|d| shape.get(d)).copied().unwrap_or(1);
        let (count, own) = (extent(&y.shape), operands.map(|tensor| extent(&tensor.shape)));
        if own.iter().any(|&n| n != count && n != 1) || count == 0 {
            return Err(odd());
        }
        dims.push((u64::from(count), std::array::from_fn(|n| if own[n] == 1 { 0 } else { steps[n] })));
        steps = std::array::from_fn(|n| steps[n] * u64::from(own[n]));
    }
    if operands.iter().any(|tensor| tensor.shape.len() > y.shape.len()) {
        return Err(odd());
    }
    dims.reverse();
    four(l, &dims)
}

/// The beginning of a descriptor: operands and output, counts, steps. The output takes over an operand of its size.
pub(super) fn operands(l: &mut Lowering, operator: &Operator, dims: [Dim<2>; 4]) -> Result<Vec<Word>> {
    let ((first, a), (second, b), (output, y)) = (l.input(operator, 0)?, l.input(operator, 1)?, l.output(operator)?);
    if a.elements() == y.elements() && !a.is_constant() {
        l.in_place(first, output);
    } else if b.elements() == y.elements() && !b.is_constant() {
        l.in_place(second, output);
    }
    let mut words = vec![Word::Tensor(first), Word::Tensor(second), Word::Tensor(output)];
    for (count, _) in dims {
        words.push(l.word(count)?.into());
    }
    for n in 0..2 {
        for (_, steps) in dims {
            words.push(l.word(steps[n])?.into());
        }
    }
    Ok(words)
}

pub(super) fn reduce(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (input, x) = l.input(operator, 0)?;
    let (output, y) = l.output(operator)?;
    l.require_type(y, x.ty, "output")?;
    let axes = l.constant_i32(l.input(operator, 1)?.1, "dimensions")?;
    let rank = x.shape.len() as i64;
    let mut reduced = vec![false; x.shape.len()];
    for &axis in &axes {
        let axis = i64::from(axis) + if axis < 0 { rank } else { 0 };
        let Some(flag) = usize::try_from(axis).ok().and_then(|axis| reduced.get_mut(axis)) else {
            return Err(l.bad(format!("it reduces dimension {axis} of {rank}.")));
        };
        *flag = true;
    }
    let mut step = 1u64;
    let (mut kept, mut over): (Vec<Dim<1>>, Vec<Dim<1>>) = (Vec::new(), Vec::new());
    for (&count, &reduced) in x.shape.iter().zip(&reduced).rev() {
        if reduced { &mut over } else { &mut kept }.push((u64::from(count), [step]));
        step *= u64::from(count);
    }
    kept.reverse();
    over.reverse();
    let count: u64 = over.iter().map(|dim| dim.0).product();
    if kept.iter().map(|dim| dim.0).product::<u64>() != y.elements() || count == 0 {
        return Err(l.bad(format!("it makes {} of {}.", y.shape_text(), x.shape_text())));
    }
    let mut words = vec![Word::Tensor(input), Word::Tensor(output)];
    for dims in [four(l, &kept)?, four(l, &over)?] {
        for (count, _) in dims {
            words.push(l.word(count)?.into());
        }
        for (_, [step]) in dims {
            words.push(l.word(step)?.into());
        }
    }
    if x.ty == Type::Float32 {
        return float::reduce(l, operator, words, count);
    }
    if x.ty != Type::Int8 {
        return rows::reduce(l, operator, words, count);
    }
    let ((scale, zero), (out_scale, out_zero)) = (l.quantised(x)?, l.quantised(y)?);
    let mut factor = Multiplier::new(f64::from(scale) / f64::from(out_scale));
    let (what, start) = match &operator.code {
        code if code.is(op::REDUCE_MAX) || code.is(op::REDUCE_MIN) => {
            if (scale, zero) != (out_scale, out_zero) {
                return Err(
                    l.unsupported("its input and its output differ in quantisation; the reference compares bytes as they are.")
                );
            }
            if code.is(op::REDUCE_MAX) { (1u32, -128) } else { (2, 127) }
        }
        code => {
            let start = sum_start(l, zero, count)?;
            if code.is(op::MEAN) {
                factor = mean_factor(factor, count);
            }
            (0, start)
        }
    };
    words.extend([what.into(), Word::from(start), factor.mantissa.into(), factor.shift_word().into(), out_zero.into()]);
    l.emit(Kernel::ReduceS8, words);
    Ok(())
}

/// What a sum of so many inputs begins with: their zero points, taken off.
pub(super) fn sum_start(l: &Lowering, zero: i32, count: u64) -> Result<i32> {
    let start = -i64::from(zero) * i64::try_from(count).unwrap_or(i64::MAX);
    i32::try_from(start).map_err(|_| l.unsupported("it sums more than the reference's 32 bits hold."))
}

/// A sum's factor made a mean's: the reference divides the mantissa by the count, shifted up first as far as it goes.
pub(super) fn mean_factor(factor: Multiplier, count: u64) -> Multiplier {
    let shift = i32::try_from(count.ilog2()).unwrap_or(32).min(32).min(31 + factor.exponent).max(0);
    let mantissa = (i64::from(factor.mantissa) << shift) / i64::try_from(count).unwrap_or(i64::MAX);
    Multiplier { mantissa: i32::try_from(mantissa).unwrap_or(i32::MAX), exponent: factor.exponent - shift }
}
