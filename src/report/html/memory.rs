//! What it is: the sections of a run's page about memory and energy.
//! Source: [`crate::report::run::RunReport`].
//! Does not model: anything.
//! Tested by: `tests/html.rs`.

use super::escaped;
use super::parts::{bar, share};
use crate::report::profile::Profile;
use crate::report::run::RunReport;
use crate::report::stack::lines;
use crate::report::table::time;
use crate::units::{Hz, grouped};
use std::fmt::Write;

pub(super) fn memory(report: &RunReport) -> String {
    let (flash, sram) = (&report.memory.flash, &report.memory.sram);
    let heap = sram.heap_peak.unwrap_or(0);
    let mut text = String::from("<section><h2>Memory</h2>\n");
    text.push_str(&bar("flash", flash.used, flash.size, "B"));
    text.push_str(&bar("SRAM", sram.fixed + sram.stack_peak + heap, sram.size, "B"));
    if let (Some(arena), Some(touched)) = (sram.arena, sram.arena_touched) {
        let _ =
            writeln!(text, "<p>The tensor arena reserves {} B; the run wrote {} B of it.</p>", grouped(arena), grouped(touched));
    }
    let grown = if heap > 0 { format!(", heap {} B", grouped(heap)) } else { String::new() };
    let _ = writeln!(text, "<p>SRAM: {} B static, stack at most {} B{grown}.</p>", grouped(sram.fixed), grouped(sram.stack_peak));
    if let Some(heap) = &report.memory.heap {
        let _ = writeln!(
            text,
            "<p>Heap: {} B allocated at most, {} B at the end; {} allocations, {} freed, {} failed.</p>",
            grouped(heap.peak),
            grouped(heap.live),
            grouped(heap.allocations),
            grouped(heap.frees),
            grouped(heap.failures)
        );
    }
    text.push_str("</section>\n");
    text
}

pub(super) fn stacks(report: &RunReport, profile: &Profile) -> String {
    let mut text = String::from("<section><h2>Stacks</h2>\n");
    for stack in &profile.stacks {
        let room = match (stack.margin, &stack.below) {
            (Some(margin), Some(below)) if margin < 0 => format!("{} B into {below}", grouped(margin.unsigned_abs())),
            (Some(margin), Some(below)) => format!("{} B above {below}", grouped(margin.unsigned_abs())),
            _ => String::new(),
        };
        let _ = writeln!(
            text,
            "<p>{} stack: {} B at its deepest, {} in {}</p>",
            escaped(&stack.kind),
            grouped(stack.bytes),
            escaped(&room),
            escaped(&stack.chain.join(" › "))
        );
    }
    if let Some(bound) = &report.stack {
        let _ = writeln!(text, "<pre class=\"wrap\">{}</pre>", escaped(&lines(bound)));
    }
    text.push_str("</section>\n");
    text
}

/// Energy by mode: a bar for each, beside its figures.
pub(super) fn energy(report: &RunReport) -> String {
    let Some(energy) = report.energy.as_ref().filter(|energy| !energy.modes.is_empty()) else { return String::new() };
    let mut text = String::from(
        "<section><h2>Energy by mode, whole run</h2>\n<table class=\"layers\"><thead><tr><th>mode</th><th class=\"n\">clock</th>\
         <th class=\"n\">time</th><th class=\"n\">current</th><th class=\"n\">energy</th><th>share</th></tr></thead><tbody>\n",
    );
    for row in &energy.modes {
        let part = share((row.energy_uj * 1000.0) as u64, (energy.total_uj * 1000.0) as u64).min(100.0);
        let _ = writeln!(
            text,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{:.3} mA</td><td class=\"n\">{:.1} µJ</td>\
             <td><span class=\"track\"><span class=\"fill\" style=\"width:{part:.2}%\"></span></span></td></tr>",
            escaped(row.mode),
            Hz(row.hclk_hz),
            time(row.time_us),
            row.current_ma,
            row.energy_uj,
        );
    }
    let _ = writeln!(
        text,
        "<tr><td>total</td><td></td><td></td><td></td><td class=\"n\">{:.1} µJ</td><td></td></tr>\n</tbody></table></section>",
        energy.total_uj
    );
    text
}
