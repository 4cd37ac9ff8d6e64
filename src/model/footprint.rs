//! What it is: what a model needs at the very least, whatever executes it: the bytes of its constants, and of the activations that live at once.
//! Source: the file's tensors; an activation lives from the operator that writes it to the last that reads it.
//! Does not model: code, scratch buffers, padding, subgraphs other than the first: real needs are larger.
//! Tested by: `tests/bench.rs` (published figures of the original benchmark's models).

use super::Model;
use super::ops::op;
use std::collections::BTreeSet;

/// The least that a model needs, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Weights, biases, tables: what operators read from the file. Constants that share their bytes count once.
    pub constants: u64,
    /// Activations that live at once, at worst.
    pub live: u64,
}

impl Model {
    /// See [`Footprint`].
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        let mut read = BTreeSet::new();
        let tensors = self.operators.iter().flat_map(|operator| operator.inputs.iter().flatten());
        let constants = tensors
            .filter_map(|index| self.tensors.get(*index))
            .filter_map(|tensor| tensor.data.as_ref().map(|range| (range.start, tensor.bytes())))
            .filter(|(start, _)| read.insert(*start))
            .fold(0, |sum: u64, (_, bytes)| sum.saturating_add(bytes));
        Footprint { constants, live: self.live() }
    }

    fn live(&self) -> u64 {
        // For each activation: the operator that writes it (0 for inputs) and the last that reads it.
        let mut lives: Vec<Option<(usize, usize)>> = vec![None; self.tensors.len()];
        let mut touch = |tensor: usize, at: usize| {
            if self.tensors.get(tensor).is_some_and(|tensor| !tensor.is_constant())
                && let Some(life) = lives.get_mut(tensor)
            {
                *life = Some(life.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
            }
        };
        self.inputs.iter().for_each(|input| touch(*input, 0));
        for (at, operator) in self.operators.iter().enumerate() {
            operator.inputs.iter().flatten().for_each(|input| touch(*input, at));
            // A reshaped tensor is the old one under another name.
            if ![op::RESHAPE, op::SQUEEZE, op::EXPAND_DIMS].iter().any(|same| operator.code.is(*same)) {
                operator.outputs.iter().for_each(|output| touch(*output, at));
            }
        }
        let lives: Vec<((usize, usize), u64)> =
            self.tensors.iter().zip(lives).filter_map(|(tensor, life)| Some((life?, tensor.bytes()))).collect();
        let at = |layer: usize| {
            let alive = lives.iter().filter(|((first, last), _)| (*first..=*last).contains(&layer));
            alive.fold(0, |sum: u64, (_, bytes)| sum.saturating_add(*bytes))
        };
        (0..self.operators.len()).map(at).max().unwrap_or(0)
    }
}
