//! What it is: operators that only move data, as copies of boxes: SLICE, SPLIT, PACK, UNPACK, BROADCAST_TO, REVERSE_V2, MIRROR_PAD, the shuffles
//! between space, depth and batches; fills and shapes.
//! Source: TensorFlow Lite's operators.
//! Does not model: sizes and places that are computed at run time.
//! Tested by: `tests/operators.rs`.

use super::moves::{Box, axis, copy, same_numbers, strides};
use super::{Lowering, Operator, Tensor, Type, Word};
use crate::finding::Result;
use crate::model::ops::{Options, op};
use crate::model::plan::Kernel;

fn element(tensor: &Tensor) -> u64 {
    tensor.ty.bytes().unwrap_or(1)
}

/// The dimensions of a copy of a box of one tensor to one of the same extent in another.
fn area(extent: &[u64], from: &[u64], to: &[u64]) -> Vec<(u64, i64, i64)> {
    extent.iter().zip(from.iter().zip(to)).map(|(&count, (&a, &b))| (count, a as i64, b as i64)).collect()
}

fn dims(shape: &[u32]) -> Vec<u64> {
    shape.iter().map(|&n| u64::from(n)).collect()
}

/// Copies a box of the input, from a corner of it, to all of the output.
fn cut(l: &mut Lowering, input: usize, output: usize, corner: &[u64]) -> Result<()> {
    let (x, y) = (l.tensor(input)?, l.tensor(output)?);
    let (from, to) = (strides(x), strides(y));
    let inside = x.shape.len() == y.shape.len()
        && corner.len() == x.shape.len()
        && corner.iter().zip(x.shape.iter().zip(&y.shape)).all(|(at, (&size, &count))| at + u64::from(count) <= u64::from(size));
    if !inside {
        return Err(l.bad(format!("it cuts {} out of {}, which does not go.", y.shape_text(), x.shape_text())));
    }
    let input_offset = corner.iter().zip(&from).map(|(at, step)| at * step).sum();
    copy(l, input, output, Box { dims: area(&dims(&y.shape), &from, &to), input_offset, output_offset: 0 }, element(x))
}

pub(super) fn slice(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((input, x), (output, y)) = (l.input(operator, 0)?, l.output(operator)?);
    same_numbers(l, x, y)?;
    let begin = l.constant_i32(l.input(operator, 1)?.1, "first indices")?;
    let corner: Option<Vec<u64>> = begin.iter().map(|&at| u64::try_from(at).ok()).collect();
    let corner = corner.ok_or_else(|| l.bad("it begins before its input does."))?;
    cut(l, input, output, &corner)
}

/// SPLIT and SPLIT_V: the outputs lie one after the other along a dimension.
pub(super) fn split(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let even = operator.code.is(op::SPLIT);
    let (input, x) = l.input(operator, usize::from(even))?;
    let along = l.constant_i32(l.input(operator, if even { 0 } else { 2 })?.1, "axis")?;
    let along = axis(l, along.first().copied().unwrap_or(0), x.shape.len())?;
    let mut corner = vec![0; x.shape.len()];
    for &output in &operator.outputs {
        let y = l.tensor(output)?;
        same_numbers(l, x, y)?;
        cut(l, input, output, &corner)?;
        if let (Some(at), Some(&count)) = (corner.get_mut(along), y.shape.get(along)) {
            *at += u64::from(count);
        }
    }
    Ok(())
}

/// PACK and UNPACK: one tensor has a dimension more, along which the others lie.
pub(super) fn pack(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let packs = operator.code.is(op::PACK);
    let Options::Pack { axis: along } = operator.options else { return Err(l.bad("its options are missing.")) };
    let (whole, w) = if packs { l.output(operator)? } else { l.input(operator, 0)? };
    let along = axis(l, along, w.shape.len())?;
    let parts: Vec<usize> = if packs { operator.inputs.iter().flatten().copied().collect() } else { operator.outputs.clone() };
    let mut rest = w.shape.clone();
    if rest.remove(along) as usize != parts.len() {
        return Err(l.bad(format!("it has {} parts of {}.", parts.len(), w.shape_text())));
    }
    let outer: u64 = w.shape.iter().take(along).map(|&n| u64::from(n)).product();
    let size = element(w);
    let run: u64 = rest.iter().skip(along).map(|&n| u64::from(n)).product::<u64>() * size;
    let step = (run * parts.len() as u64) as i64;
    for (at, &part) in (0u64..).zip(&parts) {
        let p = l.tensor(part)?;
        same_numbers(l, p, w)?;
        if p.shape != rest {
            return Err(l.bad(format!("'{}' is no part of {}.", p.name, w.shape_text())));
        }
        let (own, shared) = ((outer, run as i64, step), (outer, step, run as i64));
        let bytes = (run / size, size as i64, size as i64);
        let (from, to, dims) = if packs { (part, whole, own) } else { (whole, part, shared) };
        let (input_offset, output_offset) = if packs { (0, at * run) } else { (at * run, 0) };
        copy(l, from, to, Box { dims: vec![dims, bytes], input_offset, output_offset }, size)?;
    }
    Ok(())
}

/// BROADCAST_TO.
pub(super) fn broadcast_to(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((input, x), (output, y)) = (l.input(operator, 0)?, l.output(operator)?);
    same_numbers(l, x, y)?;
    let missing = y.shape.len().checked_sub(x.shape.len()).ok_or_else(|| l.bad("it takes dimensions away."))?;
    let (own, to) = (strides(x), strides(y));
    let mut dims = Vec::new();
    for (d, (&count, &step)) in y.shape.iter().zip(&to).enumerate() {
        let from = d.checked_sub(missing).and_then(|d| Some((*x.shape.get(d)?, *own.get(d)?)));
        let from = match from {
            None | Some((1, _)) => 0,
            Some((size, step)) if size == count => step,
            Some(_) => return Err(l.bad(format!("it makes {} of {}.", y.shape_text(), x.shape_text()))),
        };
        dims.push((u64::from(count), from as i64, step as i64));
    }
    copy(l, input, output, Box { dims, ..Box::default() }, element(x))
}

/// FILL: one value everywhere.
pub(super) fn fill(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((input, x), (output, y)) = (l.input(operator, 1)?, l.output(operator)?);
    if x.elements() != 1 || x.ty != y.ty {
        return Err(l.bad(format!("it fills {} with {}.", y.shape_text(), x.shape_text())));
    }
    let size = element(x);
    copy(l, input, output, Box { dims: vec![(y.elements(), 0, size as i64)], ..Box::default() }, size)
}

/// ZEROS_LIKE.
pub(super) fn zeros(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (output, y) = l.output(operator)?;
    let bytes = l.word(y.bytes())?;
    l.emit(Kernel::Fill, vec![Word::Tensor(output), bytes.into(), 0u32.into()]);
    Ok(())
}

/// SHAPE and RANK: known here.
pub(super) fn shape(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((_, x), (output, y)) = (l.input(operator, 0)?, l.output(operator)?);
    l.require_type(y, Type::Int32, "output")?;
    let values: Vec<i32> =
        if operator.code.is(op::RANK) { vec![x.shape.len() as i32] } else { x.shape.iter().map(|&n| n.cast_signed()).collect() };
    if y.elements() != values.len() as u64 {
        return Err(l.bad(format!("it makes {} of {} dimensions.", y.shape_text(), x.shape.len())));
    }
    let bytes = l.word(y.bytes())?;
    let from = l.blob_words(values);
    l.emit(Kernel::Copy, whole_copy(from, Word::Tensor(output), 0, bytes));
    Ok(())
}

/// The words of a copy of so many bytes.
pub(super) fn whole_copy(from: Word, to: Word, output_offset: u32, bytes: u32) -> Vec<Word> {
    let mut words = vec![from, to, 0u32.into(), output_offset.into(), bytes.into()];
    words.extend([1u32, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0].map(Word::Value));
    words
}

/// BROADCAST_ARGS: the greater of both lists' numbers, aligned at their ends; 1 where one has none.
pub(super) fn broadcast_args(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((first, a), (second, b), (output, y)) = (l.input(operator, 0)?, l.input(operator, 1)?, l.output(operator)?);
    for tensor in [a, b, y] {
        l.require_type(tensor, Type::Int32, "list")?;
    }
    let (count, bytes) = (l.word(y.elements())?, l.word(y.bytes())?);
    let scratch = l.scratch(y.bytes());
    for (list, tensor, to) in [(first, a, Word::Tensor(output)), (second, b, scratch)] {
        let own = l.word(tensor.bytes())?;
        let before = bytes.checked_sub(own).ok_or_else(|| l.bad("its output is shorter than an input."))?;
        l.emit(Kernel::Fill, vec![to, bytes.into(), 1u32.into()]);
        l.emit(Kernel::Copy, whole_copy(Word::Tensor(list), to, before, own));
    }
    // NN_MAXIMUM of int32.
    let mut words = vec![Word::Tensor(output), scratch, Word::Tensor(output)];
    words.extend([1, 1, 1, count, 0, 0, 0, 1, 0, 0, 0, 1, 3, 1].map(Word::Value));
    words.extend([0; 9].map(Word::from));
    words.extend([Word::from(i32::MIN), i32::MAX.into(), 0u32.into()]);
    l.emit(Kernel::BinaryGeneral, words);
    Ok(())
}

/// REVERSE_V2.
pub(super) fn reverse(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((input, x), (output, y)) = (l.input(operator, 0)?, l.output(operator)?);
    same_numbers(l, x, y)?;
    if x.shape != y.shape {
        return Err(l.bad(format!("it makes {} of {}.", y.shape_text(), x.shape_text())));
    }
    let steps = strides(x);
    let mut dims = area(&dims(&x.shape), &steps, &steps);
    let mut input_offset = 0;
    for along in l.constant_i32(l.input(operator, 1)?.1, "dimensions")? {
        let along = axis(l, along, x.shape.len())?;
        if let (Some(dim), Some(&step)) = (dims.get_mut(along), steps.get(along))
            && dim.1 > 0
        {
            input_offset += step * dim.0.saturating_sub(1);
            dim.1 = -dim.1;
        }
    }
    copy(l, input, output, Box { dims, input_offset, output_offset: 0 }, element(x))
}

/// MIRROR_PAD: along each dimension what comes before, the input itself, and what comes after.
pub(super) fn mirror_pad(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((input, x), (output, y)) = (l.input(operator, 0)?, l.output(operator)?);
    same_numbers(l, x, y)?;
    let Options::MirrorPad { symmetric } = operator.options else { return Err(l.bad("its options are missing.")) };
    let pads = l.constant_i32(l.input(operator, 1)?.1, "paddings")?;
    let (pairs, _) = pads.as_chunks::<2>();
    // The edge itself is repeated or not.
    let edge = u32::from(!symmetric);
    let fits = pairs.len() == x.shape.len()
        && y.shape.len() == x.shape.len()
        && pairs.iter().zip(x.shape.iter().zip(&y.shape)).all(|(&[before, after], (&size, &out))| {
            let most = i64::from(size) - i64::from(edge);
            (0..=most.max(0)).contains(&i64::from(before))
                && (0..=most.max(0)).contains(&i64::from(after))
                && i64::from(before) + i64::from(after) + i64::from(size) == i64::from(out)
        });
    if !fits || x.shape.len() > 4 {
        return Err(l.bad(format!("it makes {} of {}, which its paddings do not.", y.shape_text(), x.shape_text())));
    }
    // Of each part of a dimension: count, first input, whether backwards, first output.
    let mut boxes: Vec<Vec<(u32, u32, bool, u32)>> = vec![Vec::new()];
    for (&[before, after], &size) in pairs.iter().zip(&x.shape) {
        let (before, after) = (before.unsigned_abs(), after.unsigned_abs());
        let parts = [
            (before, (before + edge).saturating_sub(1), true, 0),
            (size, 0, false, before),
            (after, size.saturating_sub(1 + edge), true, before + size),
        ];
        let parts: Vec<_> = parts.into_iter().filter(|part| part.0 > 0).collect();
        boxes =
            boxes.iter().flat_map(|outer| parts.iter().map(move |part| outer.iter().copied().chain([*part]).collect())).collect();
    }
    let (from, to) = (strides(x), strides(y));
    for parts in boxes {
        let mut area = Box::default();
        for (&(count, first, backwards, start), (&a, &b)) in parts.iter().zip(from.iter().zip(&to)) {
            area.input_offset += u64::from(first) * a;
            area.output_offset += u64::from(start) * b;
            area.dims.push((u64::from(count), if backwards { -(a as i64) } else { a as i64 }, b as i64));
        }
        copy(l, input, output, area, element(x))?;
    }
    Ok(())
}

/// DEPTH_TO_SPACE and SPACE_TO_DEPTH: blocks of pixels and the channels of one pixel.
pub(super) fn blocks(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((input, x), (output, y)) = (l.input(operator, 0)?, l.output(operator)?);
    same_numbers(l, x, y)?;
    let Options::BlockSize(block) = operator.options else { return Err(l.bad("its options are missing.")) };
    let to_depth = operator.code.is(op::SPACE_TO_DEPTH);
    // The picture with few channels, and the one with many.
    let (fine, coarse) = if to_depth { (x, y) } else { (y, x) };
    let odd = || l.bad(format!("it makes {} of {} with blocks of {block}.", y.shape_text(), x.shape_text()));
    let ([n, h, w, c], [cn, ch, cw, cc]) = (four(fine).ok_or_else(odd)?, four(coarse).ok_or_else(odd)?);
    let block = u64::try_from(block).ok().filter(|&b| b > 0 && b < 1 << 15).ok_or_else(odd)?;
    if n != cn || h != ch * block || w != cw * block || cc != c * block * block {
        return Err(odd());
    }
    let size = element(x);
    let (row, run) = ((w * c * size) as i64, block * c * size);
    // Rows of blocks, rows within one, blocks in a row; then a block's row in one piece.
    let mut dims = vec![
        (n * ch, row * block as i64, row * block as i64),
        (block, row, run as i64),
        (cw, run as i64, (run * block) as i64),
        (run / size, size as i64, size as i64),
    ];
    if !to_depth {
        dims.iter_mut().for_each(|dim| *dim = (dim.0, dim.2, dim.1));
    }
    copy(l, input, output, Box { dims, ..Box::default() }, size)
}

fn four(tensor: &Tensor) -> Option<[u64; 4]> {
    <[u64; 4]>::try_from(dims(&tensor.shape)).ok().filter(|shape| shape.iter().all(|&n| n > 0 && n < 1 << 20))
}

/// BATCH_TO_SPACE_ND and SPACE_TO_BATCH_ND: pixels of a picture and batches of pictures, cropped or padded.
pub(super) fn batches(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((input, x), (output, y)) = (l.input(operator, 0)?, l.output(operator)?);
    same_numbers(l, x, y)?;
    let to_space = operator.code.is(op::BATCH_TO_SPACE_ND);
    let block = l.constant_i32(l.input(operator, 1)?.1, "block sizes")?;
    let edges = l.constant_i32(l.input(operator, 2)?.1, "edges")?;
    let (edges, _) = edges.as_chunks::<2>();
    // The large picture, and the many small ones.
    let (large, small) = if to_space { (y, x) } else { (x, y) };
    let count: u64 = block.iter().map(|&b| u64::try_from(b).unwrap_or(0)).product();
    let spatial = block.len();
    let odd = || l.bad(format!("it makes {} of {}, which its blocks do not.", y.shape_text(), x.shape_text()));
    let (big, little) = (dims(&large.shape), dims(&small.shape));
    let sound = (1..=2).contains(&spatial)
        && edges.len() == spatial
        && big.len() == little.len()
        && big.len() > spatial
        && (1..=256).contains(&count)
        && big[0].checked_mul(count) == Some(little[0])
        && big[spatial + 1..] == little[spatial + 1..]
        && block.iter().zip(edges).enumerate().all(|(d, (&b, &[before, after]))| {
            b > 0
                && before >= 0
                && after >= 0
                && i128::from(big[d + 1]) + i128::from(before) + i128::from(after) == i128::from(little[d + 1]) * i128::from(b)
        });
    if !sound {
        return Err(odd());
    }
    let size = element(x);
    if !to_space {
        let zero = if matches!(y.ty, Type::Float32 | Type::Int32) {
            0
        } else {
            y.per_tensor().map_or(0, |(_, zero)| zero.cast_unsigned())
        };
        let pattern = match size {
            1 => (zero & 0xff) * 0x0101_0101,
            2 => (zero & 0xffff) * 0x0001_0001,
            _ => zero,
        };
        let bytes = l.word(y.bytes())?;
        l.emit(Kernel::Fill, vec![Word::Tensor(output), bytes.into(), pattern.into()]);
    }
    let (own, other) = (strides(large), strides(small));
    for n in 0..count {
        // Which pixel of each block.
        let mut place = n;
        let mut dims = vec![(big[0], own[0] as i64, other[0] as i64)];
        let (mut at_large, mut at_small) = (0u64, n * big[0] * other[0]);
        let mut within = vec![0u64; spatial];
        for d in (0..spatial).rev() {
            let b = u64::from(block[d].unsigned_abs());
            within[d] = place % b;
            place /= b;
        }
        for d in 0..spatial {
            let (b, before) = (i64::from(block[d]), i64::from(edges[d][0]));
            let shift = within[d] as i64 - before;
            // Small pictures' rows whose pixel lies in the large one: 0 <= row * b + shift < size.
            let first = (-shift).max(0).unsigned_abs().div_ceil(b.unsigned_abs());
            let end = (big[d + 1] as i64 - shift).max(0).unsigned_abs().div_ceil(b.unsigned_abs()).min(little[d + 1]);
            dims.push((end.saturating_sub(first), own[d + 1] as i64 * b, other[d + 1] as i64));
            at_large += (first as i64 * b + shift).max(0).unsigned_abs() * own[d + 1];
            at_small += first * other[d + 1];
        }
        let rest: u64 = big[spatial + 1..].iter().product();
        dims.push((rest, size as i64, size as i64));
        let (mut input_offset, mut output_offset) = (at_large, at_small);
        if to_space {
            dims.iter_mut().for_each(|dim| *dim = (dim.0, dim.2, dim.1));
            (input_offset, output_offset) = (at_small, at_large);
        }
        copy(l, input, output, Box { dims, input_offset, output_offset }, size)?;
    }
    Ok(())
}
