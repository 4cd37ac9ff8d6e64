//! What it is: what a model is made of, operator by operator: shapes, types, quantisation, parameters, multiply-accumulates.
//! Source: the .tflite file, as [`crate::model::Model`] has read it; it need not be one that the runtime executes.
//! Does not model: the names that a converter gave; subgraphs beyond the first.
//! Tested by: `tests/estimate.rs` (against the table of the original benchmark's models and the cards of ours).

use crate::model::ops::OpCode;
use crate::model::{Model, Tensor};
use serde::Serialize;

/// One operator of the model, in the order of execution.
#[derive(Clone, Debug, Serialize)]
pub struct OperatorRow {
    /// Its place, counted from 0.
    pub index: usize,
    /// TensorFlow Lite's name of it; a custom operator's own.
    pub op: String,
    /// Its inputs, constants among them; those that are left out do not count.
    pub inputs: Vec<TensorSummary>,
    /// Its outputs.
    pub outputs: Vec<TensorSummary>,
    /// Constant elements that it reads.
    pub parameters: u64,
    /// Multiply-accumulates, padding included; 0 of operators that have none.
    pub macs: u64,
}

/// One tensor.
#[derive(Clone, Debug, Serialize)]
pub struct TensorSummary {
    /// As the converter named it.
    pub name: String,
    /// Elements along each dimension; empty for a scalar.
    pub shape: Vec<u32>,
    /// NumPy's name of the elements' type.
    #[serde(rename = "type")]
    pub ty: &'static str,
    /// Whether the model carries its value.
    pub constant: bool,
    /// real = scale × (quantised − zero point): one scale, or one for each slice along `axis`. Empty where nothing is quantised.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scales: Vec<f32>,
    /// One zero point, or one for each slice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zero_points: Vec<i32>,
    /// The dimension along which the slices lie, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub axis: Option<usize>,
}

impl TensorSummary {
    fn of(tensor: &Tensor) -> Self {
        let quantisation = tensor.quantisation.clone();
        let axis = quantisation.as_ref().filter(|q| q.scales.len() > 1).map(|q| q.axis);
        let (scales, zero_points) = quantisation.map(|q| (q.scales, q.zero_points)).unwrap_or_default();
        Self {
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
            ty: tensor.ty.name(),
            constant: tensor.is_constant(),
            scales,
            zero_points,
            axis,
        }
    }
}

/// The operators of a model.
#[must_use]
pub fn operators(model: &Model) -> Vec<OperatorRow> {
    let tensor = |&index: &usize| model.tensors.get(index).map(TensorSummary::of);
    let row = |(index, operator): (usize, &crate::model::Operator)| {
        let inputs: Vec<usize> = operator.inputs.iter().flatten().copied().collect();
        let constants = inputs.iter().filter_map(|&input| model.tensors.get(input)).filter(|tensor| tensor.is_constant());
        OperatorRow {
            index,
            op: match &operator.code {
                OpCode::Custom(name) => name.clone(),
                builtin @ OpCode::Builtin(_) => builtin.name(),
            },
            parameters: constants.map(Tensor::elements).fold(0, u64::saturating_add),
            macs: model.macs(operator),
            inputs: inputs.iter().filter_map(tensor).collect(),
            outputs: operator.outputs.iter().filter_map(tensor).collect(),
        }
    };
    model.operators.iter().enumerate().map(row).collect()
}
