//! What it is: CONV_2D and DEPTHWISE_CONV_2D.
//! Source: TensorFlow Lite Micro's int8 kernels; SAME padding puts the odd row or column of padding last. Floats are `float.rs`'s and
//! `hybrid.rs`'s matter.
//! Does not model: groups, 4-bit weights. Int16 activations are `wide.rs`'s matter.
//! Tested by: `tests/model_kernels.rs`.

use super::stretch::Tile;
use super::{Lowering, Operator, Type, Word, dense, float, hybrid, wide};
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
pub(super) struct Convolution<'a> {
    pub window: Window,
    pub activation: Activation,
    pub kernel: [u32; 2],
    /// Bytes of each output channel's weights, in the order of the window.
    pub rows: Vec<Vec<u8>>,
    pub weights: &'a Tensor,
    /// Depthwise: outputs per input channel; else 0.
    pub multiplier: u32,
    pub place: Place,
}

impl Convolution<'_> {
    /// Outputs in one plane.
    pub fn pixels(&self) -> usize {
        self.place.output[0] as usize * self.place.output[1] as usize
    }

    /// Whether each output sees one input place only.
    pub fn pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.window.stride_h == 1 && self.window.stride_w == 1
    }

    /// A matrix times a few vectors, and how many: weights that are used once or twice are better left in flash.
    pub fn as_product(&self) -> Option<u64> {
        let place = &self.place;
        let covers = place.output[..2] == [1, 1]
            && self.kernel == place.input[..2]
            && self.window.dilation_h == 1
            && self.window.dilation_w == 1;
        let few = covers || (self.pointwise() && self.pixels() <= 2);
        (self.multiplier == 0 && few).then_some(u64::from(place.batches) * if covers { 1 } else { self.pixels() as u64 })
    }

    /// Sums of the int8 weights, channel by channel.
    pub fn sums(&self) -> Vec<i64> {
        self.rows.iter().map(|row| row.iter().map(|&w| i64::from(w.cast_signed())).sum()).collect()
    }

    /// How many weights each channel has.
    pub fn row_bytes(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }

    /// The rows one after the other, each filled up with zeros to that many bytes.
    pub fn padded(&self, row_bytes: usize) -> Vec<u8> {
        let mut weights = Vec::with_capacity(self.rows.len() * row_bytes);
        for row in &self.rows {
            weights.extend_from_slice(row);
            weights.resize(weights.len() + row_bytes.saturating_sub(row.len()), 0);
        }
        weights
    }
}

/// CONV_2D and DEPTHWISE_CONV_2D of any types that have a kernel.
pub(super) fn convolution(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (_, x) = l.input(operator, 0)?;
    let (_, w) = l.input(operator, 1)?;
    let c = read(l, operator)?;
    match (x.ty, w.ty) {
        (Type::Float32, Type::Int8) => hybrid::convolution(l, operator, &c),
        (Type::Float32, _) => float::convolution(l, operator, &c),
        (Type::Int16, _) => wide::convolution(l, operator, &c),
        _ => emit(l, operator, &c),
    }
}

fn read<'m>(l: &Lowering<'m>, operator: &Operator) -> Result<Convolution<'m>> {
    let (_, x) = l.input(operator, 0)?;
    let (_, w) = l.input(operator, 1)?;
    let (_, y) = l.output(operator)?;
    let [first, h, width, last] = four(l, w)?;
    let inputs = x.shape.last().copied().unwrap_or(0);
    let element = if x.ty == Type::Float32 && w.ty == Type::Float32 { 4 } else { 1 };
    if element == 1 {
        l.require_type(w, Type::Int8, "filter")?;
    }
    let data = l.constant(w, "weights")?;
    let (window, activation, rows, multiplier): (_, _, Vec<Vec<u8>>, _) = match operator.options {
        Options::Conv { window, activation } => {
            if inputs != last {
                return Err(l.unsupported(format!(
                    "its weights take {last} channels and its input has {inputs}: grouped convolutions have no kernel."
                )));
            }
            let row = h as usize * width as usize * last as usize * element;
            let rows: Vec<Vec<u8>> = data.chunks_exact(row.max(1)).map(<[u8]>::to_vec).collect();
            debug_assert_eq!(rows.len(), first as usize);
            (window, activation, rows, 0)
        }
        Options::DepthwiseConv { window, activation, .. } => {
            if first != 1 || inputs == 0 || last % inputs != 0 {
                return Err(l.bad(format!("it has filters of {} for {inputs} input channels.", w.shape_text())));
            }
            let channels = last as usize;
            let of = |c: usize| data.chunks_exact(element).skip(c).step_by(channels).flatten().copied().collect();
            (window, activation, (0..channels).map(of).collect(), last / inputs)
        }
        _ => return Err(l.bad("its options are missing.")),
    };
    let place = place(l, x, y, &window, [h, width])?;
    if place.output[2] as usize != rows.len() {
        return Err(l.bad(format!("it has {} filters and {} output channels.", rows.len(), place.output[2])));
    }
    Ok(Convolution { window, activation, kernel: [h, width], rows, weights: w, multiplier, place })
}

/// What a descriptor of nn_conv_layer holds beside the geometry.
pub(super) struct Rest {
    pub input: Word,
    pub output: Word,
    pub taps: usize,
    pub row_bytes: usize,
    pub weights: Word,
    pub constants: Word,
    /// Zero points of input and output, clamp.
    pub range: [Word; 4],
    pub scratch: Scratch,
}

/// The packed tile and what belongs to it.
pub(super) struct Scratch {
    /// Pixels of a tile by four; depthwise: output columns per block.
    pub quads: Word,
    pub tile: Word,
    pub staged: Word,
    pub bordered: Option<Word>,
}

impl Scratch {
    pub const NONE: Scratch = Scratch { quads: Word::Value(0), tile: Word::Value(0), staged: Word::Value(0), bordered: None };
}

/// The descriptor's words.
pub(super) fn words(l: &Lowering, c: &Convolution, rest: Rest) -> Result<Vec<Word>> {
    let place = &c.place;
    let mut words = vec![rest.input, rest.output];
    words.push(place.batches.into());
    words.extend(place.input.into_iter().chain(place.output).chain(c.kernel).map(Word::Value));
    words.extend([c.window.stride_h, c.window.stride_w, c.window.dilation_h, c.window.dilation_w].map(Word::Value));
    words.extend([Word::from(place.pad_top), place.pad_left.into()]);
    words.extend([l.word(rest.taps as u64)?, l.word(rest.row_bytes as u64)?].map(Word::Value));
    words.extend([rest.weights, rest.constants]);
    words.extend(rest.range);
    words.extend([rest.scratch.quads, rest.scratch.tile, rest.scratch.staged]);
    words.extend([u32::from(rest.scratch.bordered.is_some()).into(), rest.scratch.bordered.unwrap_or(Word::Value(0))]);
    Ok(words)
}

/// Scratch memory for packed tiles of so many taps and four pixels each. With `fixed`, tiles stay as large as that.
pub(super) fn tiles(l: &mut Lowering, c: &Convolution, taps: usize, quads: usize, fixed: bool) -> Scratch {
    let [in_h, in_w, in_c] = c.place.input;
    let along = |d: usize, stride: u32, dilation: u32| {
        u64::from(c.place.output[d] - 1) * u64::from(stride) + u64::from(c.kernel[d] - 1) * u64::from(dilation) + 1
    };
    let (high_side, wide_side) =
        (along(0, c.window.stride_h, c.window.dilation_h), along(1, c.window.stride_w, c.window.dilation_w));
    let overhangs = c.window.padding == Padding::Same && (high_side > u64::from(in_h) || wide_side > u64::from(in_w));
    let bordered = high_side.saturating_mul(wide_side).saturating_mul(u64::from(in_c));
    let (tile, staged) = (l.scratch((taps * 8 * quads) as u64), l.scratch(taps.next_multiple_of(4) as u64));
    let bordered = (overhangs && bordered <= BORDERED_BYTES).then(|| l.scratch(bordered));
    let quads = match tile {
        Word::Buffer(scratch) if !fixed => {
            l.tiles.push(Tile { scratch, bytes: taps as u64 * 8, total: c.pixels().div_ceil(4), quads });
            Word::Quads(l.tiles.len() - 1)
        }
        _ => Word::Value(u32::try_from(quads).unwrap_or(1)),
    };
    Scratch { quads, tile, staged, bordered }
}

fn emit(l: &mut Lowering, operator: &Operator, c: &Convolution) -> Result<()> {
    let (input, x) = l.input(operator, 0)?;
    let (output, y) = l.output(operator)?;
    l.require_type(x, Type::Int8, "input")?;
    l.require_type(y, Type::Int8, "output")?;
    let place = &c.place;
    let constants = l.channel_constants(x, c.weights, operator.input(2), y, &c.sums())?;
    let (low, high) = l.bounds(c.activation, y)?;
    let (_, zero) = l.quantised(y)?;
    let (_, in_zero) = l.quantised(x)?;
    if let Some(rows) = c.as_product() {
        return dense::emit(l, operator, rows, &c.rows.concat(), c.row_bytes().max(1), constants, [zero, low, high]);
    }
    // The fast kernels requantise by factors below a quarter only, and above what leaves nothing of any sum.
    let usual = constants.iter().all(|constant| (0..=20).contains(&constant[2]));
    let choice = if usual { choose(c) } else { Choice::Generic };
    let (row_bytes, taps, scratch) = match choice {
        Choice::Quads { taps, quads } => (taps.next_multiple_of(4), taps, tiles(l, c, taps, quads, false)),
        Choice::Planes { columns, bytes } => {
            (9, 1, Scratch { quads: columns.into(), tile: l.scratch(bytes as u64), ..Scratch::NONE })
        }
        Choice::Generic => (c.row_bytes(), c.multiplier as usize, Scratch::NONE),
    };
    let same_place = place.output[..2] == place.input[..2];
    match choice {
        Choice::Quads { .. } if c.pointwise() && place.output[2] <= place.input[2] => _ = l.in_place(input, output),
        Choice::Planes { .. } if same_place && c.window.stride_h == 1 && c.window.stride_w == 1 => _ = l.in_place(input, output),
        _ => {}
    }
    let kernel = match (choice, c.multiplier) {
        (Choice::Quads { .. }, _) => Kernel::ConvS8,
        (Choice::Planes { .. }, _) => Kernel::Depthwise3x3S8,
        (Choice::Generic, 0) => Kernel::ConvGenericS8,
        (Choice::Generic, _) => Kernel::DepthwiseGenericS8,
    };
    let rest = Rest {
        input: Word::Tensor(input),
        output: Word::Tensor(output),
        taps,
        row_bytes,
        weights: l.blob(c.padded(row_bytes)),
        constants: l.blob_words(constants.into_iter().flatten()),
        range: [in_zero, zero, low, high].map(Word::from),
        scratch,
    };
    let words = words(l, c, rest)?;
    l.emit(kernel, words);
    Ok(())
}

/// How a convolution is executed.
#[derive(Clone, Copy)]
pub(super) enum Choice {
    /// Four pixels at a time from a packed tile of `quads` times four.
    Quads { taps: usize, quads: usize },
    /// Depthwise 3x3 on paired copies of each channel's plane, in blocks of so many output columns.
    Planes { columns: u32, bytes: usize },
    /// Plain loops.
    Generic,
}

pub(super) fn choose(c: &Convolution) -> Choice {
    let (place, pixels) = (&c.place, c.pixels());
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
