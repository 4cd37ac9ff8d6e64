//! What it is: one inference of a plan on a chip, by the runner image: inputs put into the arena before reset, outputs read when it sleeps.
//! Source: `firmware-images/runner/main.c`.
//! Does not model: loading inputs over a line: that is a user's firmware's matter.
//! Tested by: `tests/estimate.rs`.

use super::input::OutputTensor;
use super::runner::Runner;
use crate::chip::Chip;
use crate::finding::{Code, Failure, Finding, Result};
use crate::machine::{Machine, Outcome, Overrides, Settings};
use crate::model::Plan;
use crate::observe::inference::Watch;
use crate::observe::memory;
use crate::report::run::{
    Causes, ClockSummary, FlashSummary, InferenceSummary, Limit, MemorySummary, SramSummary, TimingModel, Totals, ending, place,
    rounded,
};
use crate::timing::{Cause, Fidelity};
use crate::units::{Cycles, Hz, grouped};

/// Under which conditions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conditions {
    pub fidelity: Fidelity,
    pub limit: Limit,
    pub clock: Option<Hz>,
    pub overrides: Overrides,
    /// Whether the plan lies in SRAM, with the activations behind it.
    pub plan_in_sram: bool,
}

/// What a run gave.
pub(super) struct Measured {
    pub kind: &'static str,
    /// Why it is not what was hoped for.
    pub end: Option<Finding>,
    pub clock: ClockSummary,
    pub timing_model: TimingModel,
    pub totals: Totals,
    pub cycles_by_cause: Causes,
    pub inference: Option<InferenceSummary>,
    pub memory: MemorySummary,
    pub outputs: Vec<OutputTensor>,
    pub findings: Vec<Finding>,
    /// The stack's deepest point, in bytes.
    pub stack: u64,
}

impl Measured {
    pub fn finished(&self) -> bool {
        self.end.is_none()
    }
}

/// Runs the plan once. The caller has seen to it that it fits.
pub(super) fn measure(
    mut runner: Runner,
    chip: &Chip,
    plan: &Plan,
    inputs: &[Vec<u8>],
    conditions: &Conditions,
) -> Result<Measured> {
    let needs = runner.needs(plan);
    if conditions.plan_in_sram {
        runner.move_plan(plan);
    }
    runner.firmware(plan, chip)?;
    let image = &runner.image;
    let roomy = runner.roomy(chip, plan);
    let placement = roomy.place(image)?;
    let settings = Settings { fidelity: conditions.fidelity, overrides: conditions.overrides, check_reads: false };
    let mut machine = Machine::new(&roomy, &placement, settings)?;
    let watch = Watch::on(&mut machine, image);
    for (at, bytes) in runner.before_reset(plan) {
        let outside = || Failure::new(Code::Internal, "the lowered model lies outside of the memories");
        machine.memory().write(at, &bytes).ok_or_else(outside)?;
    }
    let in_arena = |offset: u32| runner.arena.0.saturating_add(offset);
    for (input, bytes) in plan.inputs.iter().zip(inputs) {
        let outside = || Failure::new(Code::Internal, format!("input {} lies outside of the arena", input.name));
        machine.memory().write(in_arena(input.arena_offset), bytes).ok_or_else(outside)?;
    }
    let outcome = machine.run_within(&mut (), conditions.limit.deadline())?;

    let clock = ClockSummary::of(&machine, conditions.clock, conditions.overrides);
    let hclk = Hz(clock.hclk_hz);
    let inference = InferenceSummary::of(chip, &machine, &watch, hclk, Some(plan));
    let (causes, instructions) = machine.prices().totals();
    let arena_end = in_arena(plan.arena_bytes());
    let sram = memory::sram_use(&machine, image, (arena_end, placement.initial_sp.0));
    let room = u64::from(placement.initial_sp.0.saturating_sub(arena_end));
    let (kind, end) = match &outcome {
        // The runner sleeps when it is done.
        Outcome::Asleep(_) => match machine.memory().read(runner.status(), 4) {
            Some(0) if inference.is_some() && sram.stack_peak >= room => ("fault", Some(met(chip, room))),
            Some(0) if inference.is_some() => ("finished", None),
            status => {
                let status = status.unwrap_or_default().cast_signed();
                let message = format!(
                    "the built-in runner refuses the lowered model with status {status}: was it built from older kernels?"
                );
                return Err(Failure::new(Code::Internal, message));
            }
        },
        other => ending(other, &machine, image),
    };
    let fixed = needs.fixed.saturating_add(needs.arena);
    let outputs = plan.outputs.iter().filter(|_| kind == "finished").filter_map(|output| {
        let bytes = machine.memory().read_vec(in_arena(output.arena_offset), output.bytes as usize)?;
        Some(OutputTensor::new(output, bytes))
    });
    let time_us = match conditions.clock {
        Some(clock) => clock.micros(Cycles(causes.total())),
        None => machine.micros(machine.now()),
    };
    Ok(Measured {
        kind,
        end,
        timing_model: TimingModel::new(conditions.fidelity, machine.unresolved(), machine.timing_config().wait_states),
        totals: Totals { instructions, cycles: causes.total(), sleep_cycles: causes.of(Cause::Sleep), time_us: rounded(time_us) },
        cycles_by_cause: Causes(causes),
        memory: MemorySummary {
            flash: FlashSummary {
                size: chip.flash.size.0,
                used: needs.flash(),
                free: chip.flash.size.0.saturating_sub(needs.flash()),
                model: Some(needs.plan),
            },
            sram: SramSummary {
                size: chip.sram.size.0,
                fixed,
                arena: Some(needs.arena),
                arena_touched: None,
                stack_peak: sram.stack_peak,
                heap_peak: None,
                free: chip.sram.size.0.saturating_sub(fixed).saturating_sub(sram.stack_peak),
            },
            heap: None,
        },
        outputs: outputs.collect(),
        findings: machine.findings().iter().map(|(finding, pc)| finding.clone().at(place(image, *pc))).collect(),
        stack: sram.stack_peak,
        clock,
        inference,
    })
}

/// The stack used all that was left for it: it may have run into the arena.
fn met(chip: &Chip, room: u64) -> Finding {
    let message =
        format!("the stack met the activations: the {} has {} B left for it, and it took all", chip.name, grouped(room));
    Finding::new(Code::SramOverflow, message)
}
