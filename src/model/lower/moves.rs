//! What it is: operators that move data without computing, as copies of boxes; GATHER; conversions between number types.
//! Source: TensorFlow Lite's operators; where a box's edges lie is worked out here, so that the device only copies.
//! Does not model: indices, paddings and slices that are computed at run time.
//! Tested by: `tests/model_kernels.rs`.

use super::{Lowering, Operator, Type, Word, range};
use crate::finding::Result;
use crate::model::Tensor;
use crate::model::ops::{Options, op};
use crate::model::plan::Kernel;

/// What a copy runs over: extent, and steps in bytes on both sides, outermost first; the innermost steps by one element.
#[derive(Clone, Debug, Default)]
pub(super) struct Box {
    pub dims: Vec<(u64, i64, i64)>,
    pub input_offset: u64,
    pub output_offset: u64,
}

/// Bytes from one element to the next along each dimension.
pub(super) fn strides(tensor: &Tensor) -> Vec<u64> {
    let mut step = tensor.ty.bytes().unwrap_or(1);
    let mut strides: Vec<u64> = tensor
        .shape
        .iter()
        .rev()
        .map(|&dim| {
            let own = step;
            step *= u64::from(dim);
            own
        })
        .collect();
    strides.reverse();
    strides
}

/// Adds a copy of a box from the input to the output.
pub(super) fn copy(l: &mut Lowering, input: usize, output: usize, mut area: Box, element: u64) -> Result<()> {
    if area.dims.iter().any(|&(count, ..)| count == 0) {
        return Ok(());
    }
    // Neighbouring dimensions that lie as one in both become one; then whole runs of bytes.
    area.dims.retain(|&(count, ..)| count > 1);
    let mut merged: Vec<(u64, i64, i64)> = Vec::new();
    for (count, a, b) in area.dims {
        match merged.last_mut() {
            Some(outer) if outer.1 == a * count as i64 && outer.2 == b * count as i64 => *outer = (outer.0 * count, a, b),
            _ => merged.push((count, a, b)),
        }
    }
    let mut run = element;
    if let Some(&(count, a, b)) = merged.last()
        && a == element as i64
        && b == element as i64
    {
        run = element * count;
        merged.pop();
    }
    if merged.len() > 4 {
        return Err(l.unsupported("it moves data along more than four dimensions at once."));
    }
    merged.splice(0..0, vec![(1, 0, 0); 4 - merged.len()]);
    let fits = |n: i64| i32::try_from(n).map(Word::from).map_err(|_| l.bad("it moves data over more than 2 GiB."));
    let mut words = vec![Word::Tensor(input), Word::Tensor(output)];
    words.extend([l.word(area.input_offset)?, l.word(area.output_offset)?, l.word(run)?].map(Word::Value));
    for &(count, ..) in &merged {
        words.push(l.word(count)?.into());
    }
    for &(_, step, _) in &merged {
        words.push(fits(step)?);
    }
    for &(_, _, step) in &merged {
        words.push(fits(step)?);
    }
    l.emit(Kernel::Copy, words);
    Ok(())
}

/// A whole tensor into a corner of another one of the same rank.
fn copy_into(l: &mut Lowering, input: usize, output: usize, corner: &[u64]) -> Result<()> {
    let (x, y) = (l.tensor(input)?, l.tensor(output)?);
    let (from, to) = (strides(x), strides(y));
    let dims =
        x.shape.iter().zip(from.iter().zip(&to)).map(|(&count, (&a, &b))| (u64::from(count), a as i64, b as i64)).collect();
    let output_offset = corner.iter().zip(&to).map(|(at, step)| at * step).sum();
    copy(l, input, output, Box { dims, input_offset: 0, output_offset }, x.ty.bytes().unwrap_or(1))
}

pub(super) fn axis(l: &Lowering, axis: i32, rank: usize) -> Result<usize> {
    let resolved = if axis < 0 { i64::from(axis) + rank as i64 } else { i64::from(axis) };
    usize::try_from(resolved)
        .ok()
        .filter(|&a| a < rank)
        .ok_or_else(|| l.bad(format!("its axis {axis} is not one of {rank} dimensions.")))
}

pub(super) fn same_numbers(l: &Lowering, x: &Tensor, y: &Tensor) -> Result<()> {
    if x.ty != y.ty || (x.ty != Type::Float32 && x.ty != Type::Int32 && x.per_tensor() != y.per_tensor()) {
        return Err(l.unsupported(format!(
            "'{}' and '{}' differ in type or quantisation; the reference moves bytes as they are.",
            x.name, y.name
        )));
    }
    Ok(())
}

pub(super) fn concatenation(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (output, y) = l.output(operator)?;
    let Options::Concatenation { axis: along, activation: crate::model::ops::Activation::None } = operator.options else {
        return Err(l.unsupported("it has a fused activation."));
    };
    let along = axis(l, along, y.shape.len())?;
    let mut corner = vec![0u64; y.shape.len()];
    for n in 0..operator.inputs.len() {
        let (input, x) = l.input(operator, n)?;
        same_numbers(l, x, y)?;
        let fits = x.shape.len() == y.shape.len()
            && x.shape
                .iter()
                .zip(&y.shape)
                .enumerate()
                .all(|(d, (a, b))| if d == along { corner[d] + u64::from(*a) <= u64::from(*b) } else { a == b });
        if !fits {
            return Err(l.bad(format!("it cannot join {} into {}.", x.shape_text(), y.shape_text())));
        }
        copy_into(l, input, output, &corner)?;
        corner[along] += u64::from(x.shape[along]);
    }
    Ok(())
}

pub(super) fn pad(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (input, x) = l.input(operator, 0)?;
    let (output, y) = l.output(operator)?;
    same_numbers(l, x, y)?;
    let (_, table) = l.input(operator, 1)?;
    let pads = l.constant_i32(table, "paddings")?;
    let (pairs, _) = pads.as_chunks::<2>();
    let fits = pairs.len() == x.shape.len()
        && y.shape.len() == x.shape.len()
        && pairs.iter().zip(x.shape.iter().zip(&y.shape)).all(|(&[before, after], (&from, &to))| {
            before >= 0 && after >= 0 && i64::from(before) + i64::from(after) + i64::from(from) == i64::from(to)
        });
    if !fits {
        return Err(l.bad(format!("it makes {} of {}, which its paddings do not.", y.shape_text(), x.shape_text())));
    }
    let element = y.ty.bytes().unwrap_or(1);
    let value: u32 = match operator.input(2) {
        Some(index) => {
            let mut bytes = l.constant(l.tensor(index)?, "padding value")?.to_vec();
            bytes.resize(4, 0);
            bytes.iter().rev().fold(0, |word, &byte| (word << 8) | u32::from(byte))
        }
        None => {
            if y.ty == Type::Float32 {
                0
            } else {
                y.per_tensor().map_or(0, |(_, zero)| zero.cast_unsigned())
            }
        }
    };
    let pattern = match element {
        1 => (value & 0xff) * 0x0101_0101,
        2 => (value & 0xffff) * 0x0001_0001,
        _ => value,
    };
    let bytes = l.word(y.bytes())?;
    l.emit(Kernel::Fill, vec![Word::Tensor(output), bytes.into(), pattern.into()]);
    let corner: Vec<u64> = pairs.iter().map(|pair| u64::from(pair[0].unsigned_abs())).collect();
    copy_into(l, input, output, &corner)
}

pub(super) fn strided_slice(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (input, x) = l.input(operator, 0)?;
    let (output, y) = l.output(operator)?;
    same_numbers(l, x, y)?;
    let Options::StridedSlice { begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask, offset } = operator.options
    else {
        return Err(l.bad("its options are missing."));
    };
    if ellipsis_mask != 0 || new_axis_mask != 0 || offset {
        return Err(l.unsupported("it uses an ellipsis or a new axis."));
    }
    let list = |n: usize, what: &str| -> Result<Vec<i32>> { l.constant_i32(l.input(operator, n)?.1, what) };
    let (begin, end, steps) = (list(1, "first indices")?, list(2, "last indices")?, list(3, "steps")?);
    let rank = x.shape.len();
    if begin.len() != rank || end.len() != rank || steps.len() != rank || rank > 8 {
        return Err(l.unsupported("its indices do not name every dimension."));
    }
    let from = strides(x);
    let mut dims = Vec::new();
    let mut input_offset = 0;
    for d in 0..rank {
        let (size, step) = (i64::from(x.shape[d]), i64::from(steps[d]));
        if step == 0 || size == 0 {
            return Err(l.bad("it has a step of 0, or nothing to slice."));
        }
        let masked = |mask: u32| mask & (1 << d) != 0;
        let wrap = |index: i32| if index < 0 { i64::from(index) + size } else { i64::from(index) };
        let (lowest, highest) = if step > 0 { (0, size) } else { (-1, size - 1) };
        let first = match (masked(begin_mask), step > 0) {
            (true, true) => 0,
            (true, false) => size - 1,
            (false, _) => wrap(begin[d]).clamp(lowest, highest),
        };
        let count = if masked(shrink_axis_mask) {
            1
        } else {
            let last = match (masked(end_mask), step > 0) {
                (true, true) => size,
                (true, false) => -1,
                (false, _) => wrap(end[d]).clamp(lowest, highest),
            };
            let span = if step > 0 { last - first } else { first - last };
            span.max(0).unsigned_abs().div_ceil(step.unsigned_abs()) as i64
        };
        if count > 0 && !(0..size).contains(&first) {
            return Err(l.bad("its first index lies outside its input."));
        }
        dims.push((count.unsigned_abs(), from[d] as i64 * step, 0));
        input_offset += from[d] * first.max(0).unsigned_abs();
    }
    let mut to = x.ty.bytes().unwrap_or(1);
    for dim in dims.iter_mut().rev() {
        dim.2 = to as i64;
        to *= dim.0;
    }
    if to != y.bytes() {
        return Err(l.bad(format!("it makes {} of {}, which its indices do not.", y.shape_text(), x.shape_text())));
    }
    copy(l, input, output, Box { dims, input_offset, output_offset: 0 }, x.ty.bytes().unwrap_or(1))
}

pub(super) fn transpose(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (input, x) = l.input(operator, 0)?;
    let (output, y) = l.output(operator)?;
    same_numbers(l, x, y)?;
    let order = l.constant_i32(l.input(operator, 1)?.1, "order of dimensions")?;
    let (from, to) = (strides(x), strides(y));
    let dims: Option<Vec<(u64, i64, i64)>> = order
        .iter()
        .zip(y.shape.iter().zip(&to))
        .map(|(&d, (&count, &step))| {
            let d = usize::try_from(d).ok()?;
            (x.shape.get(d) == Some(&count)).then_some((u64::from(count), *from.get(d)? as i64, step as i64))
        })
        .collect();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    let proper = sorted.iter().enumerate().all(|(d, &o)| usize::try_from(o) == Ok(d))
        && order.len() == x.shape.len()
        && order.len() == y.shape.len();
    let Some(dims) = dims.filter(|_| proper) else {
        return Err(l.bad(format!("it makes {} of {}, which its order does not.", y.shape_text(), x.shape_text())));
    };
    copy(l, input, output, Box { dims, ..Box::default() }, x.ty.bytes().unwrap_or(1))
}

pub(super) fn gather(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (input, x) = l.input(operator, 0)?;
    let (indices, i) = l.input(operator, 1)?;
    let (output, y) = l.output(operator)?;
    same_numbers(l, x, y)?;
    l.require_type(i, Type::Int32, "list of indices")?;
    let (along, batch_dims) = match operator.options {
        Options::Gather { axis, batch_dims } => (axis, batch_dims),
        _ => (0, 0),
    };
    if batch_dims != 0 {
        return super::index::gather_batches(l, operator, along, batch_dims);
    }
    let along = axis(l, along, x.shape.len())?;
    let product = |dims: &[u32]| dims.iter().map(|&d| u64::from(d)).product::<u64>();
    let (outer, entries) = (product(&x.shape[..along]), u64::from(x.shape[along]));
    let run = product(&x.shape[along + 1..]) * x.ty.bytes().unwrap_or(1);
    if entries == 0 || outer * i.elements() * run != y.bytes() {
        return Err(l.bad(format!("it makes {} of {}.", y.shape_text(), x.shape_text())));
    }
    let mut words = vec![Word::Tensor(input), Word::Tensor(indices), Word::Tensor(output)];
    words.extend([l.word(outer)?, l.word(entries)?, l.word(run)?, l.word(i.elements())?].map(Word::Value));
    l.emit(Kernel::Gather, words);
    Ok(())
}

/// CAST, QUANTIZE from float, DEQUANTIZE.
pub(super) fn cast(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (input, x) = l.input(operator, 0)?;
    let (output, y) = l.output(operator)?;
    let number = |t: &Tensor| -> Result<u32> {
        match t.ty {
            Type::Float32 => Ok(0),
            Type::Int32 => Ok(1),
            Type::Int16 => Ok(2),
            Type::Int8 => Ok(3),
            Type::UInt8 | Type::Bool => Ok(4),
            _ => Err(l.unsupported(format!("'{}' is {}.", t.name, t.ty.name()))),
        }
    };
    if y.ty == Type::Bool {
        return super::unary::truth(l, operator);
    }
    let (from, to) = (number(x)?, number(y)?);
    if x.elements() != y.elements() {
        return Err(l.bad(format!("it makes {} of {}.", y.shape_text(), x.shape_text())));
    }
    let plain = operator.code.is(op::CAST);
    let integer = if x.ty == Type::Float32 { y } else { x };
    if !plain && (x.ty == Type::Float32) == (y.ty == Type::Float32) {
        return Err(l.unsupported("it converts between two quantised types other than int8; the runtime has no kernel for that."));
    }
    let (scale, zero) = if plain { (0.0, 0) } else { l.quantised(integer)? };
    let (low, high) = range(integer.ty).unwrap_or((i32::MIN, i32::MAX));
    let mut words = vec![Word::Tensor(input), Word::Tensor(output), l.word(y.elements())?.into(), from.into(), to.into()];
    words.push(scale.to_bits().into());
    words.extend([zero, low, high].map(Word::from));
    l.emit(Kernel::Cast, words);
    Ok(())
}
