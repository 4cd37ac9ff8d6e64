//! What it is: the inferences of a run, and each one's layers, from the entries and returns of watched functions.
//! Source: the runtime's own symbols (`nn_invoke`, `nn_run_layer` with the layer's index in R2) or MLPerf Tiny's `th_infer`.
//! Does not model: layers of runtimes without such symbols.
//! Tested by: `tests/run.rs` (layers and what lies between them sum to the inference).

use super::duty::calls;
use crate::firmware::Image;
use crate::machine::{Machine, Mark};
use crate::timing::CauseTotals;
use crate::units::{Cycles, Tick};

/// What passed between two marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// All cycles, sleep included.
    pub cycles: Cycles,
    /// The same by cause.
    pub causes: CauseTotals,
    /// Instructions.
    pub instructions: u64,
}

/// One layer of an inference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerSpan {
    /// Its index in the model's execution order.
    pub index: u32,
    /// What it cost.
    pub span: Span,
}

/// One inference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inference {
    /// What it cost as a whole.
    pub span: Span,
    /// Its layers in the order in which they ran.
    pub layers: Vec<LayerSpan>,
}

/// The functions whose calls are inferences, by preference, and the one whose calls are layers.
const INVOKE: &[&str] = &["nn_invoke", "th_infer"];
const LAYER: &str = "nn_run_layer";
/// Which argument of `LAYER` is the index.
const INDEX_ARGUMENT: usize = 2;

/// The watched functions' addresses in a firmware.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watch {
    invoke: Option<u32>,
    layer: Option<u32>,
}

impl Watch {
    /// Has the machine watch what the firmware has of the known functions.
    #[must_use]
    pub fn on(machine: &mut Machine, image: &Image) -> Self {
        let address = |name: &str| image.symbols.by_name(name).map(|symbol| symbol.address.0 & !1);
        let watch = Self { invoke: INVOKE.iter().find_map(|name| address(name)), layer: address(LAYER) };
        for function in [watch.invoke, watch.layer].into_iter().flatten() {
            machine.watch_function(function);
        }
        watch
    }

    /// When inferences (`None`) and layers (their index) began and ended, in the order in which they ended.
    #[must_use]
    pub fn stretches(&self, marks: &[Mark]) -> Vec<(Option<u32>, Tick, Tick)> {
        let mut open: Vec<&Mark> = Vec::new();
        let mut stretches = Vec::new();
        for mark in marks.iter().filter(|mark| [self.invoke, self.layer].contains(&Some(mark.function))) {
            match mark.arguments {
                Some(_) => open.push(mark),
                None => {
                    let Some(entry) = open.pop() else { continue };
                    let layer = (Some(mark.function) == self.layer && Some(mark.function) != self.invoke)
                        .then(|| entry.arguments.and_then(|arguments| arguments.get(INDEX_ARGUMENT).copied()).unwrap_or(0));
                    stretches.push((layer, entry.at, mark.at));
                }
            }
        }
        stretches
    }

    /// The inferences that have come to their end: entry and return.
    #[must_use]
    pub fn inference_calls<'a>(&self, marks: &'a [Mark]) -> Vec<(&'a Mark, &'a Mark)> {
        self.invoke.map(|function| calls(marks, function)).unwrap_or_default()
    }

    /// The inferences that have come to their end.
    #[must_use]
    pub fn inferences(&self, marks: &[Mark]) -> Vec<Inference> {
        let mut inferences = Vec::new();
        let mut entered: Option<&Mark> = None;
        let mut layer: Option<&Mark> = None;
        let mut layers = Vec::new();
        for mark in marks {
            let function = Some(mark.function);
            match (mark.arguments, function == self.invoke, function == self.layer) {
                (Some(_), true, _) => {
                    entered = Some(mark);
                    layers.clear();
                }
                (None, true, _) => {
                    if let Some(entry) = entered.take() {
                        inferences.push(Inference { span: span(entry, mark), layers: std::mem::take(&mut layers) });
                    }
                }
                (Some(_), _, true) => layer = Some(mark),
                (None, _, true) => {
                    if let Some(entry) = layer.take() {
                        let index = entry.arguments.and_then(|arguments| arguments.get(INDEX_ARGUMENT).copied()).unwrap_or(0);
                        layers.push(LayerSpan { index, span: span(entry, mark) });
                    }
                }
                _ => {}
            }
        }
        inferences
    }
}

fn span(from: &Mark, to: &Mark) -> Span {
    Span {
        cycles: to.at.since(from.at),
        causes: to.causes.since(&from.causes),
        instructions: to.instructions.saturating_sub(from.instructions),
    }
}
