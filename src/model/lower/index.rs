//! What it is: operators that take data from where numbers say: resizing of pictures, GATHER in batches, GATHER_ND, EMBEDDING_LOOKUP,
//! DYNAMIC_UPDATE_SLICE.
//! Source: TensorFlow Lite's operators; where each pixel of a resized picture comes from is worked out here, in the reference's arithmetic.
//! Does not model: sizes that are computed at run time.
//! Tested by: `tests/operators.rs`.

use super::general::{one_of, type_number};
use super::moves::{axis, same_numbers};
use super::{Lowering, Operator, Type, Word};
use crate::finding::Result;
use crate::model::ops::{Options, op};
use crate::model::plan::Kernel;

pub(super) fn resize(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((input, x), (output, y)) = (l.input(operator, 0)?, l.output(operator)?);
    same_numbers(l, x, y)?;
    let Options::Resize { align_corners, half_pixel_centres } = operator.options else {
        return Err(l.bad("its options are missing."));
    };
    let odd = || l.bad(format!("it makes {} of {}.", y.shape_text(), x.shape_text()));
    let ([n, h, w, c], [yn, oh, ow, yc]) = match (x.shape.as_slice().try_into(), y.shape.as_slice().try_into()) {
        (Ok(from), Ok(to)) => (from, to),
        _ => return Err(odd()),
    };
    if n != yn
        || c != yc
        || [h, w, oh, ow].iter().any(|&size: &u32| size == 0 || size > 1 << 14)
        || (half_pixel_centres && align_corners)
    {
        return Err(odd());
    }
    let bilinear = operator.code.is(op::RESIZE_BILINEAR);
    if bilinear {
        one_of(l, x, &[Type::Int8, Type::Float32])?;
    }
    let table = |size: u32, out: u32| -> Vec<i32> {
        let whole = |index: u32| nearest(index, size, out, align_corners, half_pixel_centres);
        let between = |index: u32| match x.ty {
            Type::Float32 => between_floats(index, size, out, align_corners, half_pixel_centres),
            _ => between_integers(index, size, out, align_corners, half_pixel_centres),
        };
        (0..out).flat_map(|index| if bilinear { between(index).to_vec() } else { vec![whole(index)] }).collect()
    };
    let (rows, columns) = (l.blob_words(table(h, oh)), l.blob_words(table(w, ow)));
    let kind = type_number(l, x)?;
    let run = if bilinear { u64::from(c) } else { u64::from(c) * x.ty.bytes().unwrap_or(1) };
    let mut words = vec![Word::Tensor(input), Word::Tensor(output)];
    words.extend([n, h, w, oh, ow, l.word(run)?].map(Word::Value));
    words.extend([rows, columns, kind.into()]);
    l.emit(if bilinear { Kernel::ResizeBilinear } else { Kernel::ResizeNearest }, words);
    Ok(())
}

/// How far an input's pixel is for one of the output's, in float32 as the reference has it.
fn scale(size: u32, out: u32, align_corners: bool) -> f32 {
    if align_corners && out > 1 { (size - 1) as f32 / (out - 1) as f32 } else { size as f32 / out as f32 }
}

fn nearest(index: u32, size: u32, out: u32, align_corners: bool, half_pixel_centres: bool) -> i32 {
    let at = (index as f32 + if half_pixel_centres { 0.5 } else { 0.0 }) * scale(size, out, align_corners);
    let place = if align_corners { at.round() } else { at.floor() } as i32;
    place.clamp(0, size.cast_signed() - 1)
}

/// The pixels below and above, and the share of the upper one.
fn between_floats(index: u32, size: u32, out: u32, align_corners: bool, half_pixel_centres: bool) -> [i32; 3] {
    let scale = scale(size, out, align_corners);
    let at = if half_pixel_centres { (index as f32 + 0.5) * scale - 0.5 } else { index as f32 * scale };
    let lower = (at.floor() as i32).max(0);
    let upper = (at.ceil() as i32).min(size.cast_signed() - 1);
    [lower.min(upper.max(0)), upper.max(0), (at - lower as f32).to_bits().cast_signed()]
}

/// The same in integers of 1024ths.
fn between_integers(index: u32, size: u32, out: u32, align_corners: bool, half_pixel_centres: bool) -> [i32; 3] {
    let (index, size, out) = (index.cast_signed(), size.cast_signed(), out.cast_signed());
    let scale =
        if align_corners && out > 1 { (1024 * (size - 1) + (out - 1) / 2) / (out - 1) } else { (1024 * size + out / 2) / out };
    let at = if half_pixel_centres { index * scale + scale / 2 - 512 } else { index * scale };
    let lower = (at / 1024).max(0);
    let upper = ((at + 1023) / 1024).min(size - 1).max(0);
    [lower.min(size - 1), upper, at - 1024 * lower]
}

/// GATHER whose indices come in batches.
pub(super) fn gather_batches(l: &mut Lowering, operator: &Operator, along: i32, batch_dims: i32) -> Result<()> {
    let ((input, x), (indices, i), (output, y)) = (l.input(operator, 0)?, l.input(operator, 1)?, l.output(operator)?);
    same_numbers(l, x, y)?;
    l.require_type(i, Type::Int32, "list of indices")?;
    let along = axis(l, along, x.shape.len())?;
    let rank = i.shape.len();
    let batch = if batch_dims < 0 { i64::from(batch_dims) + rank as i64 } else { i64::from(batch_dims) };
    let odd = || l.bad(format!("it makes {} of {} and {}.", y.shape_text(), x.shape_text(), i.shape_text()));
    let batch = usize::try_from(batch).ok().filter(|&b| b <= along && b <= rank).ok_or_else(odd)?;
    let product = |dims: &[u32]| dims.iter().map(|&d| u64::from(d)).product::<u64>();
    let (batches, outer) = (product(&x.shape[..batch]), product(&x.shape[batch..along]));
    let (entries, run) = (u64::from(x.shape[along]), product(&x.shape[along + 1..]) * x.ty.bytes().unwrap_or(1));
    let count = product(&i.shape[batch..]);
    if entries == 0 || x.shape[..batch] != i.shape[..batch] || batches * outer * count * run != y.bytes() {
        return Err(odd());
    }
    let mut words = vec![Word::Tensor(input), Word::Tensor(indices), Word::Tensor(output)];
    for n in [batches, outer, entries, run, count] {
        words.push(l.word(n)?.into());
    }
    l.emit(Kernel::GatherBatches, words);
    Ok(())
}

/// EMBEDDING_LOOKUP: rows of a table; the indices come first.
pub(super) fn embedding_lookup(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((indices, i), (input, x), (output, y)) = (l.input(operator, 0)?, l.input(operator, 1)?, l.output(operator)?);
    if x.ty != y.ty {
        return Err(l.unsupported("its table is quantised and its output is not. Convert with full integer quantisation."));
    }
    same_numbers(l, x, y)?;
    l.require_type(i, Type::Int32, "list of indices")?;
    let entries = u64::from(x.shape.first().copied().unwrap_or(0));
    let run = x.bytes().checked_div(entries).unwrap_or(0);
    if entries == 0 || run * i.elements() != y.bytes() {
        return Err(l.bad(format!("it makes {} of {} and {}.", y.shape_text(), x.shape_text(), i.shape_text())));
    }
    let mut words = vec![Word::Tensor(input), Word::Tensor(indices), Word::Tensor(output), 1u32.into()];
    words.extend([l.word(entries)?, l.word(run)?, l.word(i.elements())?].map(Word::Value));
    l.emit(Kernel::Gather, words);
    Ok(())
}

pub(super) fn gather_nd(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((input, x), (indices, i), (output, y)) = (l.input(operator, 0)?, l.input(operator, 1)?, l.output(operator)?);
    same_numbers(l, x, y)?;
    l.require_type(i, Type::Int32, "list of indices")?;
    let depth = i.shape.last().map_or(0, |&n| n as usize);
    let odd = || l.bad(format!("it makes {} of {} and {}.", y.shape_text(), x.shape_text(), i.shape_text()));
    if depth == 0 || depth > x.shape.len() || x.shape.contains(&0) {
        return Err(odd());
    }
    if depth > 4 {
        return Err(l.unsupported("it takes tuples of more than four indices."));
    }
    let steps = super::moves::strides(x);
    let run = steps.get(depth - 1).copied().unwrap_or(1);
    let count = i.elements() / depth as u64;
    if count * run != y.bytes() {
        return Err(odd());
    }
    let mut words = vec![Word::Tensor(input), Word::Tensor(indices), Word::Tensor(output)];
    words.extend([l.word(count)?, depth as u32, l.word(run)?].map(Word::Value));
    let indexed = |list: Vec<u64>, rest: u64| list.into_iter().take(depth).chain(std::iter::repeat(rest)).take(4);
    for n in indexed(x.shape.iter().map(|&n| u64::from(n)).collect(), 1).chain(indexed(steps, 0)) {
        words.push(l.word(n)?.into());
    }
    l.emit(Kernel::GatherNd, words);
    Ok(())
}

pub(super) fn update_slice(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((input, x), (update, u), (start, s), (output, y)) =
        (l.input(operator, 0)?, l.input(operator, 1)?, l.input(operator, 2)?, l.output(operator)?);
    same_numbers(l, x, y)?;
    same_numbers(l, u, y)?;
    l.require_type(s, Type::Int32, "list of first indices")?;
    let rank = x.shape.len();
    let fits = x.shape == y.shape
        && u.shape.len() == rank
        && s.elements() == rank as u64
        && u.shape.iter().zip(&x.shape).all(|(a, b)| *a <= *b && *a > 0);
    if !fits || rank > 6 {
        return Err(l.bad(format!("it puts {} into {}.", u.shape_text(), x.shape_text())));
    }
    l.in_place(input, output);
    let mut words = vec![Word::Tensor(input), Word::Tensor(update), Word::Tensor(start), Word::Tensor(output)];
    words.extend([l.word(x.bytes())?, l.word(x.ty.bytes().unwrap_or(1))?, rank as u32].map(Word::Value));
    for shape in [&x.shape, &u.shape] {
        words.extend(std::iter::repeat_n(Word::Value(1), 6 - rank));
        words.extend(shape.iter().map(|&n| Word::Value(n)));
    }
    l.emit(Kernel::UpdateSlice, words);
    Ok(())
}
