//! What it is: an estimate as Markdown.
//! Source: [`crate::report::estimate::EstimateReport`].
//! Does not model: what a model is made of (`--verbose`).
//! Tested by: `tests/advice.rs` (every sentence of advice and the numbers of the JSON report are in it).

use super::{escaped, percent, row, table};
use crate::report::estimate::{EstimateReport, Room, verdict};
use crate::report::table::time;

/// A model's estimate.
#[must_use]
pub fn estimate(report: &EstimateReport) -> String {
    let model = &report.model;
    let mut text = format!(
        "**{}**\n\n{}: {} operators, {} parameters, {} MACs, a file of {} B{}\n\n",
        escaped(&verdict(report)),
        escaped(&model.name),
        model.operators,
        model.parameters,
        model.macs,
        model.bytes,
        if report.input.as_ref().is_some_and(|input| input.seed.is_some()) { "; random input" } else { "" },
    );
    text.push_str(&layers(report));
    text.push_str(&memories(report));
    for advice in &report.advice {
        let from = if advice.from == "run" { "a run" } else { "the plan" };
        text.push_str(&format!("- {} (from {from})\n", escaped(&advice.text)));
    }
    for finding in &report.findings {
        text.push_str(&format!("- {}\n", escaped(&finding.message)));
    }
    text
}

fn layers(report: &EstimateReport) -> String {
    let Some(inference) = &report.inference else { return String::new() };
    let mut rows = vec![["#", "layer", "output", "MACs", "instructions", "cycles", "share", "time"].map(str::to_owned).to_vec()];
    for layer in &inference.layers {
        let known = layer.index.is_some();
        rows.push(row([
            &layer.index.map(|index| index.to_string()).unwrap_or_default(),
            if known { &layer.op } else { &layer.name },
            if known { &layer.name } else { &"" },
            &layer.macs.map(|macs| macs.to_string()).unwrap_or_default(),
            &layer.instructions,
            &layer.cycles,
            &percent(layer.cycles, inference.cycles),
            &time(layer.latency_us),
        ]));
    }
    rows.push(row([
        &"",
        &"inference",
        &"",
        &report.model.macs,
        &inference.instructions,
        &inference.cycles,
        &"100.0 %",
        &time(inference.latency_us),
    ]));
    format!("{}\n", table(&rows, 3))
}

fn memories(report: &EstimateReport) -> String {
    let needs = &report.fit.needs;
    let line = |name: &str, room: &Room, parts: String| {
        vec![name.to_owned(), room.size.to_string(), room.needed.to_string(), room.short.unwrap_or(0).to_string(), parts]
    };
    let rows = vec![
        ["memory", "bytes", "needed", "short by", "of which"].map(str::to_owned).to_vec(),
        line("flash", &report.fit.flash, format!("runtime {}, model {}", needs.runtime, needs.plan)),
        line("SRAM", &report.fit.sram, format!("activations {}, static {}, stack {}", needs.arena, needs.fixed, needs.stack)),
    ];
    format!("{}\n", table(&rows, 1))
}
