//! What it is: BATCH_MATMUL and SVDF.
//! Source: TensorFlow Lite Micro's kernels.
//! Does not model: hybrid types.
//! Tested by: `tests/operators.rs`; SVDF over several inferences.

use super::general::{factor_words, one_of, type_number};
use super::wide::short;
use super::{Lowering, Operator, Tensor, Type, Word, float};
use crate::finding::Result;
use crate::model::ops::{Activation, Options};
use crate::model::plan::Kernel;
use crate::model::quant::Multiplier;

/// BATCH_MATMUL.
pub(super) fn batch_matmul(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((first, a), (second, b), (output, y)) = (l.input(operator, 0)?, l.input(operator, 1)?, l.output(operator)?);
    let Options::BatchMatMul { adj_x, adj_y } = operator.options else { return Err(l.bad("its options are missing.")) };
    one_of(l, a, &[Type::Int8, Type::Int16, Type::Float32])?;
    l.require_type(b, a.ty, "second matrix")?;
    l.require_type(y, a.ty, "output")?;
    let odd = || l.bad(format!("it makes {} of {} and {}.", y.shape_text(), a.shape_text(), b.shape_text()));
    // Two dimensions of batches and two of the matrix, filled up with 1 in front.
    let four = |tensor: &Tensor| -> Option<[u64; 4]> {
        let rank = tensor.shape.len();
        let mut shape = [1; 4];
        let slots = shape.iter_mut().skip(4usize.checked_sub(rank)?);
        slots.zip(&tensor.shape).for_each(|(slot, &n)| *slot = u64::from(n));
        (rank >= 2 && !shape.contains(&0)).then_some(shape)
    };
    let (sa, sb, sy) = (four(a).ok_or_else(odd)?, four(b).ok_or_else(odd)?, four(y).ok_or_else(odd)?);
    let (rows, depth) = if adj_x { (sa[3], sa[2]) } else { (sa[2], sa[3]) };
    let (columns, other) = if adj_y { (sb[2], sb[3]) } else { (sb[3], sb[2]) };
    let batches = |s: &[u64; 4], d: usize| s[d] == sy[d] || s[d] == 1;
    if depth != other || [rows, columns] != [sy[2], sy[3]] || !(0..2).all(|d| batches(&sa, d) && batches(&sb, d)) {
        return Err(odd());
    }
    let mut words = vec![Word::Tensor(first), Word::Tensor(second), Word::Tensor(output)];
    words.extend([l.word(sy[0])?, l.word(sy[1])?].map(Word::Value));
    for s in [&sa, &sb] {
        let matrix = s[2] * s[3];
        let steps = [if s[0] == 1 { 0 } else { s[1] * matrix }, if s[1] == 1 { 0 } else { matrix }];
        words.extend([l.word(steps[0])?, l.word(steps[1])?].map(Word::Value));
    }
    words.extend([l.word(rows)?, l.word(columns)?, l.word(depth)?].map(Word::Value));
    let steps = [if adj_x { [1, rows] } else { [depth, 1] }, if adj_y { [depth, 1] } else { [1, columns] }];
    for step in steps.into_iter().flatten() {
        words.push(l.word(step)?.into());
    }
    words.push(type_number(l, a)?.into());
    if a.ty == Type::Float32 {
        words.extend([0; 7].map(Word::from));
    } else {
        let ((a_scale, a_zero), (b_scale, b_zero), (y_scale, y_zero)) = (l.quantised(a)?, l.quantised(b)?, l.quantised(y)?);
        // The reference multiplies the two scales in float32.
        let factor = Multiplier::new(f64::from(a_scale * b_scale) / f64::from(y_scale));
        words.extend([a_zero, b_zero, y_zero].map(Word::from));
        words.extend(if a.ty == Type::Int16 { short(factor).map(Word::from).to_vec() } else { factor_words(&[factor]) });
        let (low, high) = l.bounds(Activation::None, y)?;
        words.extend([low, high].map(Word::from));
    }
    l.emit(Kernel::MatMul, words);
    Ok(())
}

/// SVDF.
pub(super) fn svdf(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let ((input, x), (_, w), (_, t)) = (l.input(operator, 0)?, l.input(operator, 1)?, l.input(operator, 2)?);
    let ((state, s), (output, y)) = (l.input(operator, 4)?, l.output(operator)?);
    let Options::Svdf { rank, activation } = operator.options else { return Err(l.bad("its options are missing.")) };
    one_of(l, x, &[Type::Int8, Type::Float32])?;
    l.require_type(w, x.ty, "feature weights")?;
    l.require_type(y, x.ty, "output")?;
    one_of(l, s, if x.ty == Type::Float32 { &[Type::Float32] } else { &[Type::Int8, Type::Int16] })?;
    l.require_type(t, s.ty, "time weights")?;
    if !s.is_variable {
        return Err(l.bad("its state is not a variable."));
    }
    let ([batches, inputs], [filters, depth], [rows, memory]) =
        match (<[u32; 2]>::try_from(&*x.shape), <[u32; 2]>::try_from(&*w.shape), <[u32; 2]>::try_from(&*t.shape)) {
            (Ok(x), Ok(w), Ok(t)) => (x, w, t),
            _ => return Err(l.bad("its input and its weights should have two dimensions each.")),
        };
    let units = filters / rank;
    let sound = inputs == depth
        && rows == filters
        && units * rank == filters
        && [batches, inputs, filters, memory].iter().all(|&n| n > 0)
        && s.elements() == u64::from(batches) * u64::from(filters) * u64::from(memory)
        && y.elements() == u64::from(batches) * u64::from(units);
    if !sound {
        return Err(l.bad(format!(
            "it makes {} of {} with weights {} and {}.",
            y.shape_text(),
            x.shape_text(),
            w.shape_text(),
            t.shape_text()
        )));
    }
    let (feature, time) = (l.constant(w, "feature weights")?.to_vec(), l.constant(t, "time weights")?.to_vec());
    let biases: Vec<i32> = match operator.input(3) {
        None => vec![0; units as usize],
        Some(index) if x.ty == Type::Float32 => {
            float::biases(l, Some(index), units as usize)?.iter().map(|bias| bias.to_bits().cast_signed()).collect()
        }
        Some(index) => l.constant_i32(l.tensor(index)?, "biases")?,
    };
    if biases.len() != units as usize {
        return Err(l.bad(format!("it has {units} units and {} biases.", biases.len())));
    }
    let mut zeros = [0; 3];
    let mut factors = [Multiplier::ONE; 2];
    // The int8 reference ignores the fused activation.
    let clamp = if x.ty == Type::Float32 {
        float::bounds(l, activation)?
    } else {
        let quantised = [l.quantised(x)?, l.quantised(s)?, l.quantised(y)?];
        zeros = quantised.map(|(_, zero)| zero);
        let [x_scale, s_scale, y_scale] = quantised.map(|(scale, _)| scale);
        let ((w_scale, _), (t_scale, _)) = (l.quantised(w)?, l.quantised(t)?);
        factors = [x_scale * w_scale / s_scale, s_scale * t_scale / y_scale].map(|factor| Multiplier::new(f64::from(factor)));
        [-128, 127]
    };
    l.keep(state)?;
    let mut words = vec![Word::Tensor(input), Word::Tensor(output), Word::Tensor(state)];
    words.extend([l.blob(feature), l.blob(time), l.blob_words(biases)]);
    words.extend([batches, inputs, filters, memory, rank, type_number(l, s)?].map(Word::Value));
    words.extend(zeros.map(Word::from));
    words.extend(factor_words(&factors));
    words.extend(clamp.map(Word::from));
    l.emit(if x.ty == Type::Float32 { Kernel::SvdfF32 } else { Kernel::Svdf }, words);
    Ok(())
}
