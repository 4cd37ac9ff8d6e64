//! What it is: a model's operators, and the plan of its arena, as text for people: at most 100 columns.
//! Source: [`super::graph`], [`crate::model::ArenaPlan`].
//! Does not model: inputs beyond the second (they are counted), scales of single slices.
//! Tested by: `tests/estimate.rs`.

use super::graph::{OperatorRow, TensorSummary};
use crate::model::ArenaPlan;
use crate::report::table::clipped;
use crate::units::grouped;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Padding, Style};

/// `int8 1x49x10x1`; without the type where it is the one `before`.
fn tensor(tensor: Option<&TensorSummary>, before: Option<&TensorSummary>) -> String {
    let Some(tensor) = tensor else { return String::new() };
    let shape = tensor.shape.iter().map(u32::to_string).collect::<Vec<_>>().join("x");
    let shape = if shape.is_empty() { "scalar" } else { &shape };
    match before {
        Some(before) if before.ty == tensor.ty => clipped(shape, 16),
        _ => clipped(&format!("{} {shape}", tensor.ty), 16),
    }
}

/// Scale and zero point: `0.0235, -12`, or how many scales there are.
fn quantisation(tensor: Option<&TensorSummary>) -> String {
    match tensor.map(|tensor| (tensor.scales.as_slice(), tensor.zero_points.first().copied().unwrap_or(0))) {
        None | Some(([], _)) => String::new(),
        Some(([scale], zero)) => format!("{scale:.4e}, {zero}"),
        Some((scales, _)) => format!("{} scales", scales.len()),
    }
}

/// The operators: what goes in, what comes out, and how the output is quantised. A type is named where it changes.
#[must_use]
pub fn operators_part(operators: &[OperatorRow]) -> String {
    let mut rows = Builder::default();
    rows.push_record(["#", "operator", "input", "second input", "output", "scale, zero", "parameters"]);
    for row in operators {
        let more = if row.inputs.len() > 2 { format!(" +{}", row.inputs.len() - 2) } else { String::new() };
        rows.push_record([
            row.index.to_string(),
            clipped(&row.op, 17),
            tensor(row.inputs.first(), None),
            format!("{}{more}", tensor(row.inputs.get(1), row.inputs.first())),
            tensor(row.outputs.first(), row.inputs.first()),
            quantisation(row.outputs.first()),
            grouped(row.parameters),
        ]);
    }
    let mut rows = rows.build();
    rows.with(Style::blank()).with(Padding::new(1, 0, 0, 0)).modify(Columns::last(), Alignment::right());
    format!("{rows}\n\n")
}

/// The arena: where each buffer lies, and from which to which operator it is in use.
#[must_use]
pub fn plan_part(plan: &ArenaPlan, operators: usize) -> String {
    let mut rows = Builder::default();
    rows.push_record(["arena: offset", "bytes", "layers", "holds"]);
    let mut buffers: Vec<_> = plan.buffers.iter().collect();
    buffers.sort_by_key(|buffer| (buffer.first, buffer.offset));
    for buffer in buffers {
        let tensors = buffer.name.split(", ").count();
        let place = if tensors > 1 { format!("{tensors} tensors in place: ") } else { String::new() };
        rows.push_record([
            grouped(u64::from(buffer.offset)),
            grouped(u64::from(buffer.bytes)),
            // What outlives the last operator: the model's inputs, outputs and variables.
            if buffer.last >= operators {
                format!("{} to end", buffer.first)
            } else {
                format!("{} to {}", buffer.first, buffer.last)
            },
            clipped(&format!("{place}{}", buffer.name), 60),
        ]);
    }
    let mut rows = rows.build();
    rows.with(Style::blank()).modify(Columns::new(..2), Alignment::right());
    format!(
        "{rows}\n  {} B in all; the most that live at once are {} B, in layer {}\n\n",
        grouped(u64::from(plan.bytes)),
        grouped(u64::from(plan.peak_live)),
        plan.peak_layer
    )
}
