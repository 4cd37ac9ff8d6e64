//! What it is: an inference's cost, layer by layer.
//! Source: the marks of watched functions ([`crate::observe::inference`]); names from the plan or the model.
//! Does not model: anything.
//! Tested by: `tests/run.rs`, `tests/tflm.rs`.

use super::rounded;
use super::summary::{Causes, InferenceSummary, LayerSummary};
use crate::chip::Chip;
use crate::machine::Machine;
use crate::model::Plan;
use crate::observe::energy;
use crate::observe::inference::{Inference, Watch};
use crate::units::{Cycles, Hz};

impl InferenceSummary {
    /// Of a run's last inference; `None` where it made none. Layers get their names from the plan that the firmware executes.
    pub(in crate::report) fn of(chip: &Chip, machine: &Machine, watch: Watch, hclk: Hz, plan: Option<&Plan>) -> Option<Self> {
        let inferences = watch.inferences(machine.marks());
        let last = inferences.last()?;
        let enables = machine.clock_enables();
        let energy_uj = energy::microjoules(chip, hclk, enables, last.span.cycles).map(rounded);
        let mut layers = layers(last, plan, hclk);
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

/// One row for each of the model's operators that takes time, and one for what lies between them.
fn layers(inference: &Inference, plan: Option<&Plan>, hclk: Hz) -> Vec<LayerSummary> {
    let mut between = inference.span;
    let mut rows: Vec<LayerSummary> = Vec::new();
    for layer in &inference.layers {
        let planned = plan.and_then(|plan| plan.layers.get(layer.index as usize));
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
        rows.push(LayerSummary {
            index: Some(index),
            op: planned.map_or_else(|| "?".to_owned(), |planned| planned.operator.clone()),
            name: planned.map_or_else(|| format!("layer {}", layer.index), |planned| shape(&planned.output_shape)),
            macs: planned.map(|planned| planned.macs),
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
