//! What it is: what sets a model's needs and what would change its cost, in numbers.
//! Source: the plan, and further runs at other clocks; each line says which.
//! Does not model: other kernels or other models than the one at hand.
//! Tested by: `tests/estimate.rs` (the what-if runs say the same).

use super::measure::{Conditions, Measured, measure};
use super::runner::{Needs, Runner};
use crate::chip::Chip;
use crate::finding::Result;
use crate::machine::Overrides;
use crate::model::{Model, Plan};
use crate::report::table::time;
use crate::units::{Hz, grouped};
use serde::Serialize;

/// Something that would change the result, or sets it.
#[derive(Clone, Debug, Serialize)]
pub struct Advice {
    /// In a sentence with its numbers.
    pub text: String,
    /// `plan` or `run`: where the numbers come from.
    pub from: &'static str,
}

/// What sets the needs, by the plan.
pub(super) fn of_plan(model: &Model, plan: &Plan, needs: &Needs) -> Vec<Advice> {
    let mut advice = Vec::new();
    if !plan.layers.is_empty() {
        advice.push(Advice {
            text: format!(
                "{} sets the peak of activations: {} B live at once, scratch included, in an arena of {} B",
                model.layer_name(plan.arena.peak_layer),
                grouped(u64::from(plan.arena.peak_live)),
                grouped(needs.arena)
            ),
            from: "plan",
        });
    }
    if let Some(layer) = plan.layers.iter().max_by_key(|layer| layer.plan_bytes).filter(|_| plan.layers.len() > 1) {
        advice.push(Advice {
            text: format!(
                "{} has the largest weights: {} of the model's {} B of flash",
                model.layer_name(layer.operator_index),
                grouped(u64::from(layer.plan_bytes)),
                grouped(needs.plan)
            ),
            from: "plan",
        });
    }
    advice
}

/// The highest clocks that need fewer wait states (PM0075, section 3.1).
const LOWER_CLOCKS: &[(Hz, u8)] = &[(Hz(48_000_000), 1), (Hz(24_000_000), 0)];

/// What waiting for flash costs, and what a lower clock with fewer wait states would change: each from a run.
pub(super) fn of_clocks(
    chip: &Chip,
    plan: &Plan,
    inputs: &[Vec<u8>],
    conditions: &Conditions,
    at_72: &Measured,
) -> Result<Vec<Advice>> {
    let mut advice = Vec::new();
    let Some(base) = &at_72.inference else { return Ok(advice) };
    for (clock, wait_states) in LOWER_CLOCKS {
        let overrides = Overrides { wait_states: Some(*wait_states), ..conditions.overrides };
        let what_if = Conditions { clock: Some(*clock), overrides, ..*conditions };
        let run = measure(Runner::load()?, chip, plan, inputs, &what_if)?;
        let Some(inference) = run.inference.filter(|_| run.kind == "finished") else { continue };
        let change = |new: f64, old: f64| if old > 0.0 { (new / old - 1.0) * 100.0 } else { 0.0 };
        let mut text = format!(
            "at {clock} with {wait_states} wait state{}: {:+.0} % cycles, {:+.0} % time ({})",
            if *wait_states == 1 { "" } else { "s" },
            change(inference.cycles as f64, base.cycles as f64),
            change(inference.latency_us, base.latency_us),
            time(inference.latency_us)
        );
        if let (Some(new), Some(old)) = (inference.energy_uj, base.energy_uj) {
            text.push_str(&format!(", {:+.0} % energy", change(new, old)));
        }
        advice.push(Advice { text, from: "run" });
    }
    Ok(advice)
}
