//! What it is: FULLY_CONNECTED.
//! Source: TensorFlow Lite Micro's int8 kernel, per tensor and per channel.
//! Does not model: shuffled weights, 4-bit weights. Int16 activations are `wide.rs`'s matter.
//! Tested by: `tests/model_kernels.rs`.

use super::{Lowering, Operator, Type, Word};
use crate::finding::Result;
use crate::model::ops::{Activation, Options};
use crate::model::plan::Kernel;

/// Output channels that the kernel computes together.
const BLOCK: usize = 4;
/// Inputs that the kernel takes together at most: each takes six bytes of scratch.
const CHUNK: usize = 256;

pub(super) fn fully_connected(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (_, x) = l.input(operator, 0)?;
    let (_, w) = l.input(operator, 1)?;
    let (_, y) = l.output(operator)?;
    let activation = match operator.options {
        Options::FullyConnected { activation, shuffled_weights: false, .. } => activation,
        Options::FullyConnected { .. } => return Err(l.unsupported("its weights are in the shuffled layout; convert again.")),
        _ => Activation::None,
    };
    let [rows, depth] = shapes(l, operator)?;
    let depth = depth as usize;
    l.require_type(x, Type::Int8, "input")?;
    l.require_type(w, Type::Int8, "weight matrix")?;
    l.require_type(y, Type::Int8, "output")?;
    let weights = l.constant(w, "weights")?;
    let sums: Vec<i64> = weights.chunks_exact(depth).map(|row| row.iter().map(|&w| i64::from(w.cast_signed())).sum()).collect();
    let constants = l.channel_constants(x, w, operator.input(2), y, &sums)?;
    let (low, high) = l.bounds(activation, y)?;
    let (_, zero) = l.quantised(y)?;
    emit(l, operator, rows, weights, depth, constants, [zero, low, high])
}

/// How many vectors the operator takes, and how many inputs each has; its weights and its output fit that.
pub(super) fn shapes(l: &Lowering, operator: &Operator) -> Result<[u64; 2]> {
    let ((_, x), (_, w), (_, y)) = (l.input(operator, 0)?, l.input(operator, 1)?, l.output(operator)?);
    let [channels, depth] = *w.shape.as_slice() else {
        return Err(l.bad(format!("its weights have the shape {}; two dimensions are expected.", w.shape_text())));
    };
    let (channels, depth) = (u64::from(channels), u64::from(depth));
    let rows = x.elements().checked_div(depth).unwrap_or(0);
    if depth == 0 || channels == 0 || rows * depth != x.elements() || rows.checked_mul(channels) != Some(y.elements()) {
        return Err(l.bad(format!("it makes {} of {} with weights {}.", y.shape_text(), x.shape_text(), w.shape_text())));
    }
    Ok([rows, depth])
}

/// Adds the layer: `rows` vectors of `depth` inputs times the weights, row by row, with each channel's constants and the output's
/// zero point and clamp.
pub(super) fn emit(
    l: &mut Lowering,
    operator: &Operator,
    rows: u64,
    weights: &[u8],
    depth: usize,
    constants: Vec<[i32; 3]>,
    clamp: [i32; 3],
) -> Result<()> {
    let (input, _) = l.input(operator, 0)?;
    let (output, _) = l.output(operator)?;
    let (in_blocks, chunk) = (constants.len() / BLOCK * BLOCK, chunk(depth));
    if !depth.is_multiple_of(4) && in_blocks < constants.len() {
        l.reads_beyond(input);
    }
    let mut words = vec![Word::Tensor(input), Word::Tensor(output)];
    words.extend([l.word(rows)?, l.word(depth as u64)?, l.word(constants.len() as u64)?].map(Word::Value));
    words.push(l.blob(in_order(weights, depth, chunk)));
    words.push(l.blob_words(constants.into_iter().flatten()));
    words.extend(clamp.map(Word::from));
    words.push(l.word(chunk as u64)?.into());
    let sums = if chunk < depth { in_blocks } else { BLOCK };
    words.extend([l.scratch(chunk.div_ceil(2) as u64 * 12), l.scratch(sums as u64 * 4)]);
    l.emit(Kernel::FullyConnectedS8, words);
    Ok(())
}

/// Inputs that are taken together: all, or as evenly as even numbers allow.
fn chunk(depth: usize) -> usize {
    let chunks = depth.div_ceil(CHUNK).max(1);
    if chunks == 1 { depth } else { depth.div_ceil(chunks).next_multiple_of(2) }
}

/// The weights in the order in which the kernel reads them: chunk by chunk, block by block of four channels, a byte without sign for each of
/// them at each input, and where a chunk's inputs are odd in number, one more that does not count; then the rows that make no block.
fn in_order(weights: &[u8], depth: usize, chunk: usize) -> Vec<u8> {
    let rows: Vec<&[u8]> = weights.chunks_exact(depth).collect();
    let (blocks, rest) = rows.as_chunks::<BLOCK>();
    let mut out = Vec::with_capacity(rows.len() * depth.next_multiple_of(4));
    for first in (0..depth).step_by(chunk.max(1)) {
        let inputs = chunk.min(depth - first).next_multiple_of(2);
        for block in blocks {
            let at = |input: usize| block.map(|row| row.get(input).map_or(0x80, |w| w ^ 0x80));
            out.extend((first..first + inputs).flat_map(at));
        }
    }
    for row in rest {
        out.extend_from_slice(row);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    out
}

/// Rows in blocks of four channels, word by word: four inputs' weights of the first channel, of the second, …; the rest row by row.
/// Rows are filled up with zeros to whole words, so that what the kernel reads beyond the input does not count.
pub(super) fn interleave(weights: &[u8], depth: usize) -> Vec<u8> {
    let rows: Vec<&[u8]> = weights.chunks_exact(depth).collect();
    let mut out = Vec::with_capacity(rows.len() * depth.next_multiple_of(4));
    let word = |row: &[u8], at: usize| -> [u8; 4] { std::array::from_fn(|i| row.get(at + i).copied().unwrap_or(0)) };
    let (blocks, rest) = rows.as_chunks::<BLOCK>();
    for block in blocks {
        for at in (0..depth).step_by(4) {
            block.iter().for_each(|row| out.extend(word(row, at)));
        }
    }
    for row in rest {
        (0..depth).step_by(4).for_each(|at| out.extend(word(row, at)));
    }
    out
}
