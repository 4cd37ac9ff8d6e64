//! What it is: what sets a model's needs and what would change its cost, in numbers.
//! Source: the plan, and further runs: at other clocks, with the model in SRAM, of the same graph as int8; each line says which.
//! Does not model: other kernels; accuracy.
//! Tested by: `tests/advice.rs`, `tests/estimate.rs` (the what-if runs say the same).

use super::ChipRow;
use super::input::Inputs;
use super::measure::{Conditions, Measured, measure};
use super::runner::{Needs, Runner};
use super::strips::peak;
use crate::chip::Chip;
use crate::finding::Result;
use crate::machine::Overrides;
use crate::model::{Model, Plan};
use crate::report::run::InferenceSummary;
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

/// What was run, and how.
pub(super) struct Base<'a> {
    pub model: &'a Model,
    pub chip: &'a Chip,
    pub plan: &'a Plan,
    pub inputs: &'a [Vec<u8>],
    pub conditions: &'a Conditions,
    pub measured: &'a Measured,
}

/// What sets the needs, by the plan.
pub(super) fn of_plan(model: &Model, plan: &Plan, needs: &Needs) -> Vec<Advice> {
    let mut advice = Vec::new();
    if !plan.layers.is_empty() {
        let peak = peak(model, plan);
        let mut text = format!(
            "{} sets the peak of activations: {} B live at once, {} of them scratch, in an arena of {} B",
            model.layer_name(peak.layer),
            grouped(peak.live),
            grouped(peak.scratch),
            grouped(needs.arena)
        );
        if let Some(then) = peak.in_strips {
            text.push_str(&format!(
                "; computing it in row strips, the output in its input's place, would need {}",
                grouped(then)
            ));
        }
        if let Some((next, bytes)) = peak.next {
            text.push_str(&format!(", and {} would set the peak with {}", model.layer_name(next), grouped(bytes)));
        }
        advice.push(Advice { text, from: "plan" });
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

/// What lower clocks with fewer wait states, the model in SRAM, and int8 in place of floats would change: each from a run.
pub(super) fn of_runs(base: &Base) -> Result<Vec<Advice>> {
    let Some(inference) = &base.measured.inference else { return Ok(Vec::new()) };
    let mut advice = Vec::new();
    for (clock, wait_states) in LOWER_CLOCKS {
        advice.extend(at_clock(base, inference, *clock, *wait_states)?);
    }
    advice.extend(in_sram(base, inference)?);
    advice.extend(as_int8(base, inference)?);
    Ok(advice.into_iter().map(|text| Advice { text, from: "run" }).collect())
}

/// In per cent of the old.
fn change(new: f64, old: f64) -> f64 {
    if old > 0.0 { (new / old - 1.0) * 100.0 } else { 0.0 }
}

fn at_clock(base: &Base, old: &InferenceSummary, clock: Hz, wait_states: u8) -> Result<Option<String>> {
    let overrides = Overrides { wait_states: Some(wait_states), ..base.conditions.overrides };
    let what_if = Conditions { clock: Some(clock), overrides, ..*base.conditions };
    let run = measure(Runner::load()?, base.chip, base.plan, base.inputs, &what_if)?;
    Ok(run.inference.filter(|_| run.kind == "finished").map(|new| {
        let mut text = format!(
            "at {clock} with {wait_states} wait state{}: {:+.0} % cycles, {:+.0} % time ({})",
            if wait_states == 1 { "" } else { "s" },
            change(new.cycles as f64, old.cycles as f64),
            change(new.latency_us, old.latency_us),
            time(new.latency_us)
        );
        if let (Some(new), Some(old)) = (new.energy_uj, old.energy_uj) {
            text.push_str(&format!(", {:+.0} % energy", change(new, old)));
        }
        text
    }))
}

/// The plan in SRAM: on the chip, or where it has no room for that on one with the same core, flash and clock, and so much SRAM.
fn in_sram(base: &Base, old: &InferenceSummary) -> Result<Option<String>> {
    let needs = Runner::load()?.needs(base.plan);
    let needed = needs.sram().saturating_add(needs.plan.saturating_add(8));
    let larger;
    let (chip, remark) = if needed <= base.chip.sram.size.0 {
        (base.chip, format!("the {} has the {} B of SRAM that this takes", base.chip.name, grouped(needed)))
    } else {
        let (flash, sram) = (base.chip.flash.size.0.div_ceil(1024), needed.div_ceil(1024));
        let Ok(found) = Chip::find(&format!("virtual:flash={flash}K,sram={sram}K")) else { return Ok(None) };
        larger = found;
        (&larger, format!("run on a virtual chip with {sram} KiB of SRAM, as the {} lacks room", base.chip.name))
    };
    let run = measure(Runner::load()?, chip, base.plan, base.inputs, &Conditions { plan_in_sram: true, ..*base.conditions })?;
    Ok(run.inference.filter(|_| run.kind == "finished").map(|new| {
        let change = change(new.cycles as f64, old.cycles as f64);
        let verb = if change > 0.0 { "cost" } else { "save" };
        format!(
            "weights in SRAM instead of flash would {verb} {:.1} % of the cycles ({}); {remark}",
            change.abs(),
            time(new.latency_us)
        )
    }))
}

/// The same graph as int8, where it computes with floats.
fn as_int8(base: &Base, old: &InferenceSummary) -> Result<Option<String>> {
    let Some(model) = base.model.as_int8() else { return Ok(None) };
    // What the runtime has no int8 kernel for gives no advice.
    let Ok(plan) = model.lower() else { return Ok(None) };
    let (was, needs) = (Runner::load()?.needs(base.plan), Runner::load()?.needs(&plan));
    if !needs.on(base.chip).fits {
        return Ok(None);
    }
    let inputs = Inputs::Random { seed: 1 }.bytes(&model, &plan)?;
    let run = measure(Runner::load()?, base.chip, &plan, &inputs, base.conditions)?;
    Ok(run.inference.filter(|new| run.kind == "finished" && new.cycles > 0).map(|new| {
        let times = old.cycles as f64 / new.cycles as f64;
        format!(
            "int8 instead of float32: about {} ({}), {} B of activations instead of {} and a model of {} instead of {}; the same \
             graph with made-up scales, which says nothing about accuracy",
            if times >= 1.0 { format!("{times:.1} times faster") } else { format!("{:.1} times slower", 1.0 / times) },
            time(new.latency_us),
            grouped(needs.arena),
            grouped(was.arena),
            grouped(needs.plan),
            grouped(was.plan)
        )
    }))
}

/// The first of the chips, smallest first, that keeps half of both memories for the rest of a program.
pub(super) fn best(chips: &[ChipRow], needs: &Needs) -> Option<String> {
    let half = |needed: u64, size: u64| needed.saturating_mul(2) <= size;
    let chip = chips.iter().find(|chip| half(needs.flash(), chip.flash_bytes) && half(needs.sram(), chip.sram_bytes));
    chip.map(|chip| chip.name.clone())
}

/// Which chip to take.
pub(super) fn of_chips(cheapest: Option<&str>, best: Option<&str>) -> Option<Advice> {
    let text = match (cheapest?, best) {
        (cheapest, Some(best)) if cheapest == best => {
            format!(
                "the smallest chip that holds it, and so the cheapest, is the {cheapest}, and half of both its memories stays free"
            )
        }
        (cheapest, Some(best)) => format!(
            "the smallest chip that holds it, and so the cheapest, is the {cheapest}; the smallest with half of both its memories to spare \
             is the {best}; all are equally fast"
        ),
        (cheapest, None) => format!(
            "the smallest chip that holds it, and so the cheapest, is the {cheapest}; none has half of both its memories to spare"
        ),
    };
    Some(Advice { text, from: "plan" })
}
