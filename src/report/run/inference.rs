//! What it is: an inference's cost, layer by layer.
//! Source: the marks of watched functions ([`crate::observe::inference`]); names from the plan or the model.
//! Does not model: anything.
//! Tested by: `tests/run.rs`, `tests/tflm.rs`.

use super::rounded;
use super::summary::{Causes, InferenceSummary, LayerSummary};
use crate::chip::Chip;
use crate::machine::Machine;
use crate::model::{Model, Plan};
use crate::observe::inference::{Inference, LayerSpan, Watch};
use crate::observe::{energy, tflm};
use crate::units::{Cycles, Hz};

impl InferenceSummary {
    /// Of a run's last inference; `None` where it made none. Layers get their names from the plan that the firmware executes; TFLite Micro's
    /// from the model in its flash, and where there is none, from its kernels.
    pub(in crate::report) fn of(chip: &Chip, machine: &Machine, watch: &Watch, hclk: Hz, plan: Option<&Plan>) -> Option<Self> {
        let inferences = watch.inferences(machine.marks());
        let last = inferences.last()?;
        let enables = machine.clock_enables();
        let energy_uj = energy::microjoules(chip, hclk, enables, last.span.cycles).map(rounded);
        let interpreted = last.layers.iter().any(|layer| watch.operator(layer.function).is_some());
        let (plan, model) = if interpreted {
            let (base, size) = machine.memory().flash();
            let flash = machine.memory().read_vec(base, size as usize).unwrap_or_default();
            (None, tflm::model(&flash, last.layers.len()))
        } else {
            (plan, None)
        };
        let mut layers = layers(last, &Names { plan, model: model.as_ref(), watch }, hclk);
        for layer in &mut layers {
            layer.energy_uj = energy::microjoules(chip, hclk, enables, Cycles(layer.cycles)).map(rounded);
        }
        let energy_assumes = energy::run_current_ma(chip, hclk, enables)
            .zip(chip.current.as_ref())
            .map(|(milliamperes, table)| format!("{milliamperes:.1} mA at {} mV, {hclk}: {}", table.millivolts, table.source));
        Some(Self {
            count: inferences.len() as u64,
            instructions: last.span.instructions,
            cycles: last.span.cycles.0,
            cycles_by_cause: Causes(last.span.causes),
            latency_us: rounded(hclk.micros(last.span.cycles)),
            label: None,
            label_name: None,
            expected_name: None,
            scores: Vec::new(),
            matches_reference: None,
            reference: None,
            energy_uj,
            energy_assumes: energy_uj.and(energy_assumes),
            layers,
            operators: plan.map_or_else(Vec::new, |plan| plan.layers.iter().map(|step| step.operator_index as u32).collect()),
        })
    }
}

/// What layers are called.
struct Names<'a> {
    plan: Option<&'a Plan>,
    model: Option<&'a Model>,
    watch: &'a Watch,
}

impl Names<'_> {
    /// A layer's operator, output and multiplications, as far as they are known.
    fn of(&self, layer: &LayerSpan) -> (String, String, Option<u64>) {
        let index = layer.index as usize;
        if let Some(planned) = self.plan.and_then(|plan| plan.layers.get(index)) {
            return (planned.operator.clone(), shape(&planned.output_shape), Some(planned.macs));
        }
        let of_model = self.model.and_then(|model| Some((model, model.operators.get(index)?)));
        if let Some((model, operator)) = of_model {
            let output = operator.outputs.first().and_then(|output| model.tensors.get(*output));
            return (
                operator.code.name(),
                output.map(|tensor| shape(&tensor.shape)).unwrap_or_default(),
                Some(model.macs(operator)),
            );
        }
        let operator = self.watch.operator(layer.function).unwrap_or("?");
        (operator.to_owned(), format!("layer {index}"), None)
    }
}

/// One row for each of the model's operators that takes time, and one for what lies between them.
fn layers(inference: &Inference, names: &Names<'_>, hclk: Hz) -> Vec<LayerSummary> {
    let mut between = inference.span;
    let mut rows: Vec<LayerSummary> = Vec::new();
    for layer in &inference.layers {
        let planned = names.plan.and_then(|plan| plan.layers.get(layer.index as usize));
        between.cycles = between.cycles - layer.span.cycles;
        between.causes = between.causes.since(&layer.span.causes);
        between.instructions = between.instructions.saturating_sub(layer.span.instructions);
        let index = planned.and_then(|planned| u32::try_from(planned.operator_index).ok()).unwrap_or(layer.index);
        // An operator of several steps (PAD, CONCATENATION, hybrid layers) is one row, as it is one in the model.
        if let Some(row) = rows.last_mut().filter(|row| planned.is_some() && row.index == Some(index)) {
            row.instructions += layer.span.instructions;
            row.cycles += layer.span.cycles.0;
            row.cycles_by_cause.0.merge(&layer.span.causes);
            row.latency_us = rounded(hclk.micros(Cycles(row.cycles)));
            continue;
        }
        let (op, name, macs) = names.of(layer);
        rows.push(LayerSummary {
            index: Some(index),
            op,
            name,
            macs,
            instructions: layer.span.instructions,
            cycles: layer.span.cycles.0,
            cycles_by_cause: Causes(layer.span.causes),
            latency_us: rounded(hclk.micros(layer.span.cycles)),
            energy_uj: None,
        });
    }
    if !rows.is_empty() {
        rows.push(LayerSummary {
            index: None,
            op: String::new(),
            name: "[between layers]".to_owned(),
            macs: None,
            instructions: between.instructions,
            cycles: between.cycles.0,
            cycles_by_cause: Causes(between.causes),
            latency_us: rounded(hclk.micros(between.cycles)),
            energy_uj: None,
        });
    }
    rows
}

/// `1x41`.
fn shape(dimensions: &[u32]) -> String {
    dimensions.iter().map(u32::to_string).collect::<Vec<_>>().join("x")
}
