//! What it is: UNIDIRECTIONAL_SEQUENCE_LSTM, fully int8 with int16 cells, or float32 throughout.
//! Source: TensorFlow Lite Micro's integer LSTM; its table is sigmoid(i/24) in 16 bits, each node raised by a sixteenth of the step squared
//! times the curvature, which halves the error of interpolating between nodes.
//! Does not model: peepholes, projection, coupled gates, layer normalisation; state kept from one inference to the next (each starts empty,
//! as Keras's stateless layers mean it).
//! Tested by: `tests/model_kernels.rs`.

use super::dense::interleave;
use super::{Lowering, Operator, Type, Word, float, general};
use crate::finding::Result;
use crate::model::ops::{Activation, Options};
use crate::model::plan::Kernel;
use crate::model::quant::Multiplier;

/// Scale of what goes into the gates' functions, and of what comes out.
const GATE_SCALE: f32 = 1.0 / 4096.0;
const OUT_SCALE: f64 = 1.0 / 32768.0;
/// Operand numbers of the gates' weights and biases, in the runtime's order: forget, input, cell, output.
const INPUT_WEIGHTS: [usize; 4] = [2, 1, 3, 4];
const RECURRENT_WEIGHTS: [usize; 4] = [6, 5, 7, 8];
const BIASES: [usize; 4] = [13, 12, 14, 15];
const HIDDEN: usize = 18;
const CELL: usize = 19;

pub(super) fn lstm(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (input, x) = l.input(operator, 0)?;
    let (output, y) = l.output(operator)?;
    let Options::Lstm { activation, cell_clip, proj_clip, time_major } = operator.options else {
        return Err(l.bad("its options are missing."));
    };
    if [9, 10, 11, 16, 17, 20, 21, 22, 23].iter().any(|&n| operator.input(n).is_some()) || proj_clip != 0.0 {
        return Err(
            l.unsupported("it has peepholes, a projection or layer normalisation; the plain LSTM layer of Keras has none.")
        );
    }
    if activation != Activation::Tanh {
        return Err(l.unsupported("its cells use another function than tanh."));
    }
    let real = x.ty == Type::Float32;
    general::one_of(l, x, &[Type::Int8, Type::Float32])?;
    l.require_type(y, x.ty, "output")?;
    let (_, hidden) = l.input(operator, HIDDEN)?;
    let (_, cell) = l.input(operator, CELL)?;
    l.require_type(hidden, x.ty, "hidden state")?;
    l.require_type(cell, if real { Type::Float32 } else { Type::Int16 }, "cell state")?;
    let ([a, b, inputs], [.., cells]) = (x.shape.as_slice(), y.shape.as_slice()) else {
        return Err(l.bad(format!("its input has the shape {}; batch, time and features are expected.", x.shape_text())));
    };
    let (batches, steps) = if time_major { (*b, *a) } else { (*a, *b) };
    if time_major && batches > 1 {
        return Err(l.unsupported("it takes time as the first dimension with several batches; export with batch size 1."));
    }
    let (inputs, cells) = (*inputs as usize, *cells as usize);
    let odd = format!("it makes {} of {}.", y.shape_text(), x.shape_text());
    let states = u64::from(batches) * cells as u64;
    if inputs == 0
        || cells == 0
        || y.elements() != u64::from(steps) * states
        || hidden.elements() != states
        || cell.elements() != states
    {
        return Err(l.bad(&odd));
    }
    if real {
        return float(l, operator, [batches, steps], [inputs, cells], cell_clip);
    }
    let (x_scale, x_zero) = l.quantised(x)?;
    let (h_scale, h_zero) = l.quantised(hidden)?;
    let (c_scale, c_zero) = l.quantised(cell)?;
    let power = f64::from(c_scale).log2();
    if c_zero != 0 || (power - power.round()).abs() > 1e-3 || !(-27.0..=0.0).contains(&power) {
        return Err(
            l.bad(format!("its cell state has scale {c_scale} and zero point {c_zero}; a power of two and 0 are expected."))
        );
    }

    // Weights: per cell, the four gates' rows side by side. Biases: per cell, the input parts, then the recurrent parts.
    let mut biases = vec![0i32; 8 * cells];
    let mut factors = Vec::new();
    let mut matrices = Vec::new();
    let parts = [(INPUT_WEIGHTS, inputs, x_scale, x_zero), (RECURRENT_WEIGHTS, cells, h_scale, h_zero)];
    for (part, (operands, depth, scale, zero)) in parts.into_iter().enumerate() {
        let mut rows = vec![Vec::new(); 4 * cells];
        for (gate, &operand) in operands.iter().enumerate() {
            let (_, w) = l.input(operator, operand)?;
            l.require_type(w, Type::Int8, "weights")?;
            if w.elements() != (cells * depth) as u64 || w.shape.len() != 2 {
                return Err(l.bad(&odd));
            }
            let Some((w_scale, 0)) = w.per_tensor() else {
                return Err(l.unsupported("a gate's weights are not quantised symmetrically as a whole; convert again."));
            };
            // The reference multiplies the two scales in float32.
            factors.push(Multiplier::new(f64::from(scale * w_scale) / f64::from(GATE_SCALE)));
            let bias = match operator.input(BIASES[gate]) {
                Some(index) if part == 0 => l.constant_i32(l.tensor(index)?, "biases")?,
                _ => Vec::new(),
            };
            for (cell, row) in l.constant(w, "weights")?.chunks_exact(depth).enumerate() {
                let sum: i64 = row.iter().map(|&w| i64::from(w.cast_signed())).sum();
                let bias = i64::from(bias.get(cell).copied().unwrap_or(0)) - i64::from(zero) * sum;
                if let (Some(slot), Some(place)) = (rows.get_mut(4 * cell + gate), biases.get_mut(8 * cell + 4 * part + gate)) {
                    *slot = row.to_vec();
                    *place = bias as i32;
                }
            }
        }
        matrices.push(l.blob(interleave(&rows.concat(), depth)));
    }
    let c_scale = f64::from(c_scale);
    let forget = Multiplier::new(OUT_SCALE * c_scale / c_scale);
    let enter = Multiplier::new(OUT_SCALE * OUT_SCALE / c_scale);
    let leave = Multiplier::new(OUT_SCALE * OUT_SCALE / f64::from(h_scale));
    factors.extend([forget, enter, leave]);
    let clip = (f64::from(cell_clip) / c_scale).clamp(-32768.0, 32767.0) as i32;

    l.reads_beyond(input);
    l.reads_beyond(output);
    let mut words = vec![Word::Tensor(input), Word::Tensor(output), batches.into(), steps.into()];
    words.extend([l.word(inputs as u64)?, l.word(cells as u64)?].map(Word::Value));
    words.extend(matrices);
    words.push(l.blob_words(biases));
    words.push(l.blob(sigmoid_table()));
    words.extend([l.scratch(2 * cells as u64), l.scratch(cells as u64 + 3)]);
    words.extend(factors.iter().flat_map(|f| [Word::from(f.mantissa), f.shift_word().into()]));
    words.extend([Word::from(if cell_clip > 0.0 { clip } else { 0 }), (12 + power.round() as i32).into(), h_zero.into()]);
    l.emit(Kernel::LstmS8, words);
    Ok(())
}

/// On float32: each gate's matrices as they are.
fn float(
    l: &mut Lowering,
    operator: &Operator,
    [batches, steps]: [u32; 2],
    [inputs, cells]: [usize; 2],
    clip: f32,
) -> Result<()> {
    let ((input, _), (output, _)) = (l.input(operator, 0)?, l.output(operator)?);
    let mut words = vec![Word::Tensor(input), Word::Tensor(output), batches.into(), steps.into()];
    words.extend([l.word(inputs as u64)?, l.word(cells as u64)?].map(Word::Value));
    for (operands, depth) in [(INPUT_WEIGHTS, inputs), (RECURRENT_WEIGHTS, cells)] {
        for operand in operands {
            let (_, w) = l.input(operator, operand)?;
            l.require_type(w, Type::Float32, "weights")?;
            if w.elements() != (cells * depth) as u64 {
                return Err(l.bad(format!("its weights '{}' have the shape {}.", w.name, w.shape_text())));
            }
            let weights = l.constant(w, "weights")?.to_vec();
            words.push(l.blob(weights));
        }
    }
    for bias in BIASES {
        let bias = float::biases(l, operator.input(bias), cells)?;
        words.push(l.blob_words(bias.iter().map(|bias| bias.to_bits().cast_signed())));
    }
    words.extend([l.scratch(8 * cells as u64), clip.to_bits().into()]);
    l.emit(Kernel::LstmF32, words);
    Ok(())
}

/// 256 nodes of sigmoid(i / 24) × 65536, as the module's text describes them.
pub(super) fn sigmoid_table() -> Vec<u8> {
    let node = |i: u32| -> u16 {
        if i == 255 {
            return u16::MAX;
        }
        let s = 1.0 / (1.0 + (-f64::from(i) / 24.0).exp());
        let curvature = s * (1.0 - s) * (1.0 - 2.0 * s);
        (65536.0 * (s - curvature / (16.0 * 24.0 * 24.0))).round() as u16
    };
    (0..256).flat_map(|i| node(i).to_le_bytes()).collect()
}
