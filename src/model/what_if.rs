//! What it is: the graph of a model with float activations as if it had been converted to int8, to see what that would cost.
//! Source: the int8 types and fixed scales of TensorFlow Lite's quantisation specification.
//! Does not model: what it would compute: scales are made up, so only sizes and times mean anything. That a converter would quantise it.
//! Tested by: `tests/advice.rs` (cycles and bytes of a model that the converter made as int8 and as float32).

use super::ops::op;
use super::{Model, Operator, Quantisation, Type};

/// Of activations: with weights of any usual size, requantising is by a factor that real models have.
const SCALE: f32 = 1.0 / 16.0;

impl Model {
    /// The same graph with int8 activations and weights and int32 biases; `None` where nothing in it is a float.
    #[must_use]
    pub fn as_int8(&self) -> Option<Model> {
        let mut model = self.clone();
        let is_float = |index: usize| self.tensors.get(index).is_some_and(|tensor| tensor.ty == Type::Float32);
        if !self.operators.iter().flat_map(|operator| &operator.outputs).any(|&index| is_float(index)) {
            return None;
        }
        let biases: std::collections::BTreeSet<usize> = self.operators.iter().filter_map(bias).collect();
        for index in (0..self.tensors.len()).filter(|&index| is_float(index)) {
            model.quantise(index, biases.contains(&index));
        }
        // What the format fixes.
        for operator in &self.operators {
            let (scale, zero) = match () {
                () if operator.code.is(op::SOFTMAX) || operator.code.is(op::LOGISTIC) => (1.0 / 256.0, -128),
                () if operator.code.is(op::TANH) => (1.0 / 128.0, 0),
                () => continue,
            };
            for &output in &operator.outputs {
                if let Some(tensor) = model.tensors.get_mut(output).filter(|tensor| tensor.ty == Type::Int8) {
                    tensor.quantisation = Some(Quantisation { scales: vec![scale], zero_points: vec![zero], axis: 0 });
                }
            }
        }
        Some(model)
    }

    fn quantise(&mut self, index: usize, bias: bool) {
        let Some(tensor) = self.tensors.get(index) else { return };
        let floats: Option<Vec<f32>> = self.data(tensor).map(|bytes| {
            let (floats, _) = bytes.as_chunks::<4>();
            floats.iter().map(|float| f32::from_le_bytes(*float)).collect()
        });
        let (mut ty, mut scale) = (Type::Int8, SCALE);
        let data = floats.map(|floats| {
            let start = self.bytes.len();
            if bias {
                // Their values do not change a cycle.
                ty = Type::Int32;
                self.bytes.resize(start + 4 * floats.len(), 0);
            } else {
                let most = floats.iter().filter(|float| float.is_finite()).fold(0.0f32, |most, float| most.max(float.abs()));
                scale = if most > 0.0 { most / 127.0 } else { SCALE };
                self.bytes
                    .extend(floats.iter().map(|float| ((float / scale).round().clamp(-127.0, 127.0) as i8).cast_unsigned()));
            }
            start..self.bytes.len()
        });
        if let Some(tensor) = self.tensors.get_mut(index) {
            tensor.ty = ty;
            tensor.quantisation = Some(Quantisation { scales: vec![scale], zero_points: vec![0], axis: 0 });
            tensor.data = data;
        }
    }
}

/// The tensor that an operator adds to its sums, as int32 when quantised.
fn bias(operator: &Operator) -> Option<usize> {
    let adds = [op::CONV_2D, op::DEPTHWISE_CONV_2D, op::FULLY_CONNECTED].iter().any(|&code| operator.code.is(code));
    operator.input(2).filter(|_| adds)
}
