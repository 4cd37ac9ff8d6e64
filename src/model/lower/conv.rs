//! What it is: CONV_2D and DEPTHWISE_CONV_2D.
//! Source: TensorFlow Lite Micro's int8 kernels; SAME padding puts the odd row or column of padding last.
//! Does not model: groups, 4-bit weights, int16 activations.
//! Tested by: `tests/model_kernels.rs`.

use super::{Lowering, Operator, Type, Word, dense};
use crate::finding::Result;
use crate::model::Tensor;
use crate::model::ops::{Activation, Options, Padding, Window};
use crate::model::plan::Kernel;

/// Bytes of scratch that a convolution's tile may take; more pixels per tile spread the cost of fetching weights further.
const TILE_BYTES: usize = 4096;
/// An input that with its border takes no more than this is copied, rather than asked at every window where it ends.
const BORDERED_BYTES: u64 = 2048;
/// Above this for four pixels, a tile no longer suits a device with 20 KiB.
const QUAD_BYTES: usize = 8192;
/// Above this, a depthwise layer's planes are not copied.
const PLANES_BYTES: usize = 8192;
/// NN_PLANE_PITCH of the runtime.
const PLANE_PITCH: u32 = 14;

/// A window's place on a map, checked against the output's shape.
pub(super) struct Place {
    pub batches: u32,
    pub input: [u32; 3],
    pub output: [u32; 3],
    pub pad_top: i32,
    pub pad_left: i32,
}

/// Shapes as batches, height, width, channels; padding as the reference computes it.
pub(super) fn place(l: &Lowering, x: &Tensor, y: &Tensor, window: &Window, kernel: [u32; 2]) -> Result<Place> {
    let ([batches, h, w, c], [out_batches, oh, ow, oc]) = (four(l, x)?, four(l, y)?);
    let along = |size: u32, out: u32, kernel: u32, stride: u32, dilation: u32| -> Option<i32> {
        let reach = u64::from(kernel.checked_sub(1)?) * u64::from(dilation) + 1;
        let size = u64::from(size);
        let expected = match window.padding {
            Padding::Same => size.div_ceil(u64::from(stride)),
            Padding::Valid => (size + 1).checked_sub(reach)?.div_ceil(u64::from(stride)),
        };
        let covered = (u64::from(out).checked_sub(1)?) * u64::from(stride) + reach;
        (expected == u64::from(out)).then_some(())?;
        let total = if window.padding == Padding::Same { covered.saturating_sub(size) } else { 0 };
        i32::try_from(total / 2).ok().filter(|_| size < 1 << 15 && covered < 1 << 16)
    };
    let pads = (
        along(h, oh, kernel[0], window.stride_h, window.dilation_h),
        along(w, ow, kernel[1], window.stride_w, window.dilation_w),
    );
    match pads {
        (Some(pad_top), Some(pad_left)) if batches == out_batches => {
            Ok(Place { batches, input: [h, w, c], output: [oh, ow, oc], pad_top, pad_left })
        }
        _ => Err(l.bad(format!(
            "it makes {} of {} with a window of {}x{}, which does not fit its strides and padding.",
            y.shape_text(),
            x.shape_text(),
            kernel[0],
            kernel[1]
        ))),
    }
}

fn four(l: &Lowering, tensor: &Tensor) -> Result<[u32; 4]> {
    <[u32; 4]>::try_from(tensor.shape.as_slice()).ok().filter(|shape| shape.iter().all(|&dim| dim > 0)).ok_or_else(|| {
        l.bad(format!("'{}' has the shape {}; batch, height, width and channels are expected.", tensor.name, tensor.shape_text()))
    })
}

/// What both operators have in common once their weights are sorted into rows, one per output channel.
struct Convolution<'a> {
    window: Window,
    activation: Activation,
    kernel: [u32; 2],
    rows: Vec<Vec<u8>>,
    weights: &'a Tensor,
    /// Depthwise: outputs per input channel; else 0.
    multiplier: u32,
}

pub(super) fn conv(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (_, x) = l.input(operator, 0)?;
    let (_, w) = l.input(operator, 1)?;
    let Options::Conv { window, activation } = operator.options else { return Err(l.bad("its options are missing.")) };
    let [channels, h, width, depth] = four(l, w)?;
    if x.shape.last() != Some(&depth) {
        let has = x.shape.last().copied().unwrap_or(0);
        return Err(l.unsupported(format!(
            "its weights take {depth} channels and its input has {has}: grouped convolutions have no kernel."
        )));
    }
    l.require_type(w, Type::Int8, "filter")?;
    let taps = h as usize * width as usize * depth as usize;
    let rows: Vec<Vec<u8>> = l.constant(w, "weights")?.chunks_exact(taps.max(1)).map(<[u8]>::to_vec).collect();
    debug_assert_eq!(rows.len(), channels as usize);
    emit(l, operator, &Convolution { window, activation, kernel: [h, width], rows, weights: w, multiplier: 0 })
}

pub(super) fn depthwise(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (_, x) = l.input(operator, 0)?;
    let (_, w) = l.input(operator, 1)?;
    let Options::DepthwiseConv { window, activation, .. } = operator.options else {
        return Err(l.bad("its options are missing."));
    };
    let [one, h, width, channels] = four(l, w)?;
    let inputs = x.shape.last().copied().unwrap_or(0);
    if one != 1 || inputs == 0 || channels % inputs != 0 {
        return Err(l.bad(format!("it has filters of {} for {inputs} input channels.", w.shape_text())));
    }
    l.require_type(w, Type::Int8, "filter")?;
    let data = l.constant(w, "weights")?;
    let rows = (0..channels as usize).map(|c| data.iter().skip(c).step_by(channels as usize).copied().collect()).collect();
    let multiplier = channels / inputs;
    emit(l, operator, &Convolution { window, activation, kernel: [h, width], rows, weights: w, multiplier })
}

fn emit(l: &mut Lowering, operator: &Operator, c: &Convolution) -> Result<()> {
    let (input, x) = l.input(operator, 0)?;
    let (output, y) = l.output(operator)?;
    l.require_type(x, Type::Int8, "input")?;
    l.require_type(y, Type::Int8, "output")?;
    let place = place(l, x, y, &c.window, c.kernel)?;
    if place.output[2] as usize != c.rows.len() {
        return Err(l.bad(format!("it has {} filters and {} output channels.", c.rows.len(), place.output[2])));
    }
    let sums: Vec<i64> = c.rows.iter().map(|row| row.iter().map(|&w| i64::from(w.cast_signed())).sum()).collect();
    let constants = l.channel_constants(x, c.weights, operator.input(2), y, &sums)?;
    let (low, high) = l.bounds(c.activation, y)?;
    let (_, zero) = l.quantised(y)?;
    let (_, in_zero) = l.quantised(x)?;
    let pixels = place.output[0] as usize * place.output[1] as usize;
    let pointwise = c.kernel == [1, 1] && c.window.stride_h == 1 && c.window.stride_w == 1;
    let covers =
        place.output[..2] == [1, 1] && c.kernel == place.input[..2] && c.window.dilation_h == 1 && c.window.dilation_w == 1;
    if c.multiplier == 0 && ((pointwise && pixels <= 2) || covers) {
        // A matrix times a few vectors: weights that are used once or twice are better left in flash.
        let rows = u64::from(place.batches) * if covers { 1 } else { pixels as u64 };
        return dense::emit(
            l,
            operator,
            rows,
            &c.rows.concat(),
            c.rows.first().map_or(1, Vec::len),
            constants,
            [zero, low, high],
        );
    }
    // The fast kernels requantise by factors below a quarter only.
    let usual = constants.iter().all(|constant| constant[2] >= 0);
    let choice = if usual { choose(c, &place, pixels) } else { Choice::Generic };
    let (row_bytes, taps, tile_quads) = match choice {
        Choice::Quads { taps, quads } => (taps.next_multiple_of(4), taps, quads),
        Choice::Planes { columns, .. } => (9, 1, columns as usize),
        Choice::Generic => (c.rows.first().map_or(0, Vec::len), c.multiplier as usize, 0),
    };
    let mut weights = Vec::with_capacity(c.rows.len() * row_bytes);
    for row in &c.rows {
        weights.extend_from_slice(row);
        weights.resize(weights.len() + row_bytes - row.len(), 0);
    }
    let (tile, staged) = match choice {
        Choice::Quads { taps, quads } => (l.scratch((taps * 8 * quads) as u64), l.scratch(row_bytes as u64)),
        Choice::Planes { bytes, .. } => (l.scratch(bytes as u64), 0u32.into()),
        Choice::Generic => (0u32.into(), 0u32.into()),
    };
    let same_place = place.output[..2] == place.input[..2];
    match choice {
        Choice::Quads { .. } if pointwise && place.output[2] <= place.input[2] => _ = l.in_place(input, output),
        Choice::Planes { .. } if same_place && c.window.stride_h == 1 && c.window.stride_w == 1 => _ = l.in_place(input, output),
        _ => {}
    }
    let kernel = match (choice, c.multiplier) {
        (Choice::Quads { .. }, _) => Kernel::ConvS8,
        (Choice::Planes { .. }, _) => Kernel::Depthwise3x3S8,
        (Choice::Generic, 0) => Kernel::ConvGenericS8,
        (Choice::Generic, _) => Kernel::DepthwiseGenericS8,
    };
    let [in_h, in_w, in_c] = place.input;
    let [out_h, out_w, out_c] = place.output;
    let mut words = vec![Word::Tensor(input), Word::Tensor(output)];
    words.extend([place.batches, in_h, in_w, in_c, out_h, out_w, out_c, c.kernel[0], c.kernel[1]].map(Word::Value));
    words.extend([c.window.stride_h, c.window.stride_w, c.window.dilation_h, c.window.dilation_w].map(Word::Value));
    words.extend([Word::from(place.pad_top), place.pad_left.into()]);
    words.extend([l.word(taps as u64)?, l.word(row_bytes as u64)?].map(Word::Value));
    words.push(l.blob(weights));
    words.push(l.blob_words(constants.into_iter().flatten()));
    words.extend([Word::from(in_zero), zero.into(), low.into(), high.into()]);
    words.extend([l.word(tile_quads as u64)?.into(), tile, staged]);
    let along = |d: usize, stride: u32, dilation: u32| {
        u64::from(place.output[d] - 1) * u64::from(stride) + u64::from(c.kernel[d] - 1) * u64::from(dilation) + 1
    };
    let (high_side, wide_side) =
        (along(0, c.window.stride_h, c.window.dilation_h), along(1, c.window.stride_w, c.window.dilation_w));
    let overhangs = c.window.padding == Padding::Same && (high_side > u64::from(in_h) || wide_side > u64::from(in_w));
    let bordered = high_side.saturating_mul(wide_side).saturating_mul(u64::from(in_c));
    if matches!(choice, Choice::Quads { .. }) && overhangs && bordered <= BORDERED_BYTES {
        words.extend([1u32.into(), l.scratch(bordered)]);
    } else {
        words.extend([Word::Value(0), Word::Value(0)]);
    }
    l.emit(kernel, words);
    Ok(())
}

/// How a convolution is executed.
#[derive(Clone, Copy)]
enum Choice {
    /// Four pixels at a time from a packed tile of `quads` times four.
    Quads { taps: usize, quads: usize },
    /// Depthwise 3x3 on paired copies of each channel's plane, in blocks of so many output columns.
    Planes { columns: u32, bytes: usize },
    /// Plain loops.
    Generic,
}

fn choose(c: &Convolution, place: &Place, pixels: usize) -> Choice {
    // Two products of packed halves must not carry into each other: only a pair of weights of -128 could make them.
    let packable = c.rows.iter().all(|row| row.iter().all(|&w| w.cast_signed() > -128));
    if !packable {
        return Choice::Generic;
    }
    if c.multiplier == 0 {
        let taps = c.rows.first().map_or(0, Vec::len).next_multiple_of(2);
        if taps == 0 || taps * 8 > QUAD_BYTES {
            return Choice::Generic;
        }
        let total = pixels.div_ceil(4);
        let most = (TILE_BYTES / (taps * 8)).clamp(1, total);
        let tiles = total.div_ceil(most);
        return Choice::Quads { taps, quads: total.div_ceil(tiles) };
    }
    let undilated = c.window.dilation_h == 1 && c.window.dilation_w == 1;
    if c.multiplier == 1 && c.kernel == [3, 3] && undilated && (1..=PLANE_PITCH - 3).contains(&c.window.stride_w) {
        let columns = ((PLANE_PITCH - 3) / c.window.stride_w + 1).min(place.output[1]);
        let rows = (place.output[0].div_ceil(2) - 1) * c.window.stride_h + 3;
        let bytes = place.output[1].div_ceil(columns) as usize * rows as usize * PLANE_PITCH as usize * 4;
        if bytes <= PLANES_BYTES {
            return Choice::Planes { columns, bytes };
        }
    }
    Choice::Generic
}
