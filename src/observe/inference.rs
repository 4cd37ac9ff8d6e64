//! What it is: the inferences of a run, and each one's layers, from the entries and returns of watched functions.
//! Source: the runtime's own symbols (`nn_invoke`, `nn_run_layer` with the layer's index in R2), MLPerf Tiny's `th_infer`, or TFLite Micro's
//! interpreter and kernels ([`super::tflm`]).
//! Does not model: layers of runtimes without such symbols.
//! Tested by: `tests/run.rs`, `tests/tflm.rs` (layers and what lies between them sum to the inference).

use super::duty::calls;
use super::tflm;
use crate::firmware::Image;
use crate::machine::{Machine, Mark};
use crate::timing::CauseTotals;
use crate::units::{Cycles, Tick};
use std::collections::BTreeMap;

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
    /// The function that computed it.
    pub function: u32,
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

/// How a firmware's layers are recognised.
#[derive(Clone, Debug, Default)]
enum Layers {
    /// Not at all.
    #[default]
    Unknown,
    /// They are calls of this function, which is told their index.
    Told(u32),
    /// They are calls of these functions (with their operators), in the model's order.
    Kernels(BTreeMap<u32, String>),
}

/// The watched functions' addresses in a firmware.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    invoke: Option<u32>,
    layers: Layers,
}

/// What the marks say, one by one.
enum Event<'a> {
    /// An inference begins.
    Begin,
    /// A layer of that index has come to its end.
    Layer(u32, &'a Mark, &'a Mark),
    /// The inference that began there has come to its end.
    End(&'a Mark, &'a Mark),
}

impl Watch {
    /// Has the machine watch what the firmware has of the known functions.
    #[must_use]
    pub fn on(machine: &mut Machine, image: &Image) -> Self {
        let address = |name: &str| image.symbols.by_name(name).map(|symbol| symbol.address.0 & !1);
        let interpreter = tflm::invoke(image);
        let layers = match (address(LAYER), interpreter) {
            (Some(function), _) => Layers::Told(function),
            (None, Some(_)) => Layers::Kernels(tflm::kernels(image)),
            (None, None) => Layers::Unknown,
        };
        let watch = Self { invoke: INVOKE.iter().find_map(|name| address(name)).or(interpreter), layers };
        let layers: Vec<u32> = match &watch.layers {
            Layers::Unknown => Vec::new(),
            Layers::Told(function) => vec![*function],
            Layers::Kernels(kernels) => kernels.keys().copied().collect(),
        };
        for function in watch.invoke.into_iter().chain(layers) {
            machine.watch_function(function);
        }
        watch
    }

    /// The operator that a function computes, where it is TFLite Micro's kernel.
    #[must_use]
    pub fn operator(&self, function: u32) -> Option<&str> {
        match &self.layers {
            Layers::Kernels(kernels) => kernels.get(&function).map(String::as_str),
            _ => None,
        }
    }

    fn watches(&self, function: u32) -> bool {
        let layer = match &self.layers {
            Layers::Unknown => false,
            Layers::Told(layer) => *layer == function,
            Layers::Kernels(kernels) => kernels.contains_key(&function),
        };
        layer || self.invoke == Some(function)
    }

    fn events<'a>(&self, marks: &'a [Mark]) -> Vec<Event<'a>> {
        let mut events = Vec::new();
        let mut entered: Option<&Mark> = None;
        // Kernels may call one another; and an inference one within itself.
        let (mut layer, mut depth, mut inner): (Option<&Mark>, usize, usize) = (None, 0, 0);
        let mut next = 0;
        // Others may watch functions of their own.
        for mark in marks.iter().filter(|mark| self.watches(mark.function)) {
            let invoke = Some(mark.function) == self.invoke;
            match (mark.arguments, invoke) {
                (Some(_), true) if entered.is_some() && depth > 0 => inner += 1,
                (None, true) if inner > 0 => inner -= 1,
                (Some(_), true) => {
                    (entered, layer, depth, next) = (Some(mark), None, 0, 0);
                    events.push(Event::Begin);
                }
                (None, true) => {
                    if let Some(entry) = entered.take() {
                        events.push(Event::End(entry, mark));
                    }
                }
                (Some(_), false) => {
                    if depth == 0 {
                        layer = Some(mark);
                    }
                    depth += 1;
                }
                (None, false) => {
                    depth = depth.saturating_sub(1);
                    if depth == 0
                        && let Some(entry) = layer.take()
                    {
                        let told = entry.arguments.and_then(|arguments| arguments.get(INDEX_ARGUMENT).copied()).unwrap_or(0);
                        match &self.layers {
                            Layers::Told(_) => events.push(Event::Layer(told, entry, mark)),
                            // Outside of an inference kernels are only prepared.
                            _ if entered.is_none() => {}
                            _ => {
                                events.push(Event::Layer(next, entry, mark));
                                next += 1;
                            }
                        }
                    }
                }
            }
        }
        events
    }

    /// When inferences (`None`) and layers (their index) began and ended, in the order in which they ended.
    #[must_use]
    pub fn stretches(&self, marks: &[Mark]) -> Vec<(Option<u32>, Tick, Tick)> {
        let stretch = |event| match event {
            Event::Begin => None,
            Event::Layer(index, from, to) => Some((Some(index), from.at, to.at)),
            Event::End(from, to) => Some((None, from.at, to.at)),
        };
        self.events(marks).into_iter().filter_map(stretch).collect()
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
        let mut layers = Vec::new();
        for event in self.events(marks) {
            match event {
                Event::Begin => layers.clear(),
                Event::Layer(index, from, to) => {
                    layers.push(LayerSpan { index, function: from.function, span: span(from, to) });
                }
                Event::End(from, to) => inferences.push(Inference { span: span(from, to), layers: std::mem::take(&mut layers) }),
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
