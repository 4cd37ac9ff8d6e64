//! What it is: a benchmark's report as Markdown for READMEs and wikis: one plain table of results, one of models.
//! Source: [`super::bench::BenchReport`].
//! Does not model: comments on pull requests; [`super::ci::markdown`] does.
//! Tested by: `tests/bench.rs` (a Markdown reader of another make).

use super::bench::{BenchReport, BenchRun};
use super::markdown::escaped as cell;
use super::table::time;
use crate::units::{Hz, grouped};

/// The report as Markdown.
#[must_use]
pub fn markdown(report: &BenchReport) -> String {
    let mut text = String::from(
        "| use case | model | chip | flash | SRAM | accuracy | cycles | cycles/MAC | latency | energy | reference |\n\
         |---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for run in &report.runs {
        let cells = match run {
            BenchRun::Ran(ran) => {
                let (inference, eval) = (ran.report.inference.as_ref(), ran.eval.as_ref());
                let memory = &ran.report.memory;
                [
                    cell(ran.report.scenario.as_ref().map_or("", |scenario| scenario.name.as_str())),
                    cell(ran.model.as_ref().map_or("", |model| model.name.as_str())),
                    cell(&ran.report.chip.name),
                    format!("{} B", grouped(memory.flash.used)),
                    format!("{} B", grouped(memory.sram.fixed.saturating_add(memory.sram.stack_peak))),
                    eval.map(|eval| format!("{:.4} ({}/{})", eval.accuracy, eval.correct, eval.samples)).unwrap_or_default(),
                    inference.map(|inference| grouped(inference.cycles)).unwrap_or_default(),
                    ran.model.as_ref().and_then(|m| m.cycles_per_mac).map(|per| format!("{per:.2}")).unwrap_or_default(),
                    inference.map(|inference| time(inference.latency_us)).unwrap_or_default(),
                    inference.and_then(|inference| inference.energy_uj).map(|uj| format!("{uj:.1} uJ")).unwrap_or_default(),
                    eval.map(|eval| format!("{}/{}", eval.agreeing, eval.samples)).unwrap_or_default(),
                ]
            }
            BenchRun::Refused(refused) => {
                let mut cells: [String; 11] = Default::default();
                cells[0] = cell(&refused.scenario.name);
                cells[1] = cell(refused.model.as_ref().map_or("", |model| model.name.as_str()));
                cells[2] = format!("{}: does not fit", cell(&refused.chip.name));
                cells[3] = format!("{} B", grouped(refused.flash.needed));
                cells[4] = format!("{} B", grouped(refused.sram.needed));
                cells
            }
        };
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    if let Some(clock) = report.runs.iter().find_map(|run| match run {
        BenchRun::Ran(ran) => Some(Hz(ran.report.clock.hclk_hz)),
        BenchRun::Refused(_) => None,
    }) {
        text.push_str(&format!(
            "\nLatency at {clock}; cycles, latency and energy of sample 0; energy is an estimate; the last column counts outputs equal to \
             the reference's.\n"
        ));
    }
    if !report.models.is_empty() {
        text.push_str("\n| model | bytes | flash | SRAM | latency | chip | verdict |\n|---|--:|--:|--:|--:|---|---|\n");
    }
    for model in &report.models {
        let latency = model.inference.map(|cost| time(cost.latency_us));
        text.push_str(&format!(
            "| {} | {} | {} B | {} | {} | {} | {} |\n",
            cell(&model.name),
            grouped(model.bytes),
            grouped(model.flash.needed),
            model.sram.map(|sram| format!("{} B", grouped(sram.needed))).unwrap_or_default(),
            latency.unwrap_or_default(),
            if model.fits { cell(&model.chip) } else { "none".to_owned() },
            cell(&model.verdict),
        ));
    }
    text
}
