//! What it is: what the layer that sets the peak of activations consists of, and what it would need if its output took its input's place row
//! by row.
//! Source: the plan's buffers; shapes and windows of the model. A row of output may take the place of rows of input that no later row of output
//! sees.
//! Does not model: scratch that would become smaller with it; layers that are cut into strips together.
//! Tested by: `tests/advice.rs` (every row is put into a byte array, and nothing that is still needed is overwritten).

use crate::model::ops::{Options, Padding};
use crate::model::{Model, Operator, Plan, Tensor};

/// Bytes that live while one layer runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Peak {
    /// The layer, by index.
    pub layer: usize,
    /// All of them.
    pub live: u64,
    /// The kernel's scratch.
    pub scratch: u64,
    /// The least that would live with output and input in one place; absent where it is no less.
    pub in_strips: Option<u64>,
    /// The layer that would then set the peak, and its bytes, where that is another one.
    pub next: Option<(usize, u64)>,
}

/// The layer that sets the plan's peak.
pub(super) fn peak(model: &Model, plan: &Plan) -> Peak {
    let (layer, live) = (plan.arena.peak_layer, u64::from(plan.arena.peak_live));
    let at = |layer: usize| plan.arena.buffers.iter().filter(move |buffer| buffer.first <= layer && layer <= buffer.last);
    let scratch = at(layer).filter(|buffer| is_scratch(&buffer.name)).map(|buffer| u64::from(buffer.bytes)).sum();
    // The buffers of this layer alone: one that it is the last to read, and one that it is the first to write.
    let mut own = at(layer).filter(|buffer| !is_scratch(&buffer.name));
    let read = own.clone().find(|buffer| buffer.last == layer && buffer.first < layer);
    let written = own.find(|buffer| buffer.first == layer && buffer.last > layer);
    let shared = model.operators.get(layer).and_then(|operator| shared_bytes(model, operator));
    let in_strips = match (read, written, shared) {
        (Some(read), Some(written), Some(shared)) => {
            let apart = u64::from(read.bytes).saturating_add(u64::from(written.bytes));
            live.checked_sub(apart).map(|rest| rest.saturating_add(shared)).filter(|then| *then < live)
        }
        _ => None,
    };
    let others = (0..model.operators.len()).filter(|other| *other != layer);
    let sums = others.map(|other| (other, at(other).map(|buffer| u64::from(buffer.bytes)).sum::<u64>()));
    let next = sums.max_by_key(|(other, bytes)| (*bytes, std::cmp::Reverse(*other)));
    Peak { layer, live, scratch, in_strips, next: next.filter(|(_, bytes)| in_strips.is_some_and(|then| *bytes > then)) }
}

fn is_scratch(name: &str) -> bool {
    name.starts_with("scratch of ")
}

/// Bytes of input and output together, the output's rows in the place of input rows that are not needed any more: the input lies so far behind
/// the output's beginning that no row of output reaches the first row of input that it, or a later one, still sees.
fn shared_bytes(model: &Model, operator: &Operator) -> Option<u64> {
    let tensor = |index: Option<usize>| index.and_then(|index| model.tensors.get(index));
    let (x, y) = (tensor(operator.input(0))?, tensor(operator.outputs.first().copied())?);
    let (window, height) = match operator.options {
        Options::Conv { window, .. } | Options::DepthwiseConv { window, .. } => {
            (window, tensor(operator.input(1))?.shape.get(1).copied()?)
        }
        Options::Pool { window, filter_h, .. } => (window, filter_h),
        _ => return None,
    };
    let (rows_in, row_in) = rows(x)?;
    let (rows_out, row_out) = rows(y)?;
    let stride = u64::from(window.stride_h);
    let reach = u64::from(height.checked_sub(1)?).checked_mul(u64::from(window.dilation_h))?.checked_add(1)?;
    let covered = rows_out.checked_sub(1)?.checked_mul(stride)?.checked_add(reach)?;
    let above = if window.padding == Padding::Same { covered.saturating_sub(rows_in) / 2 } else { 0 };
    let behind = |row: u64| {
        let first_seen = (row * stride).saturating_sub(above).min(rows_in);
        ((row + 1) * row_out).saturating_sub(first_seen * row_in)
    };
    let distance = (0..rows_out).map(behind).max()?;
    distance.checked_add(x.bytes())?.max(y.bytes()).checked_next_multiple_of(8)
}

/// Rows of a map, and bytes of each; one batch only.
fn rows(tensor: &Tensor) -> Option<(u64, u64)> {
    let [1, rows, ..] = *tensor.shape.as_slice() else { return None };
    Some((u64::from(rows), tensor.bytes().checked_div(u64::from(rows))?))
}
