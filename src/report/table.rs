//! What it is: a run's report as text for people: at most 100 columns, the verdict last.
//! Source: [`super::run::RunReport`].
//! Does not model: anything; every number is the report's.
//! Tested by: `tests/run.rs` (width, last line, numbers).

use super::listening;
use super::run::{Causes, EnergySummary, InferenceSummary, RunReport};
use crate::timing::Cause;
use crate::units::{Hz, grouped};
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Padding, Style};

/// The report as text; `verbose` adds the whole serial text and every register that is not modelled.
#[must_use]
pub fn table(report: &RunReport, verbose: bool) -> String {
    let mut text = head(report);
    if let Some(inference) = &report.inference {
        text.push_str(&inference_part(report, inference));
    }
    if let Some(listening) = &report.listening {
        text.push_str(&listening::part(listening));
    }
    text.push_str(&causes_part(report));
    text.push_str(&memory_part(report));
    if verbose {
        text.push_str(&details_part(report));
    }
    text.push_str(&serial_part(report, verbose));
    text.push_str(&ledger_part(report, verbose));
    for finding in &report.findings {
        text.push_str(&wrapped(&format!("{finding}")));
        text.push('\n');
    }
    if !report.findings.is_empty() {
        text.push('\n');
    }
    text.push_str(&verdict(report));
    text
}

pub(super) fn head(report: &RunReport) -> String {
    let clock = &report.clock;
    let scenario = report.scenario.as_ref().map_or_else(String::new, |scenario| match scenario.sample {
        Some(sample) => format!(", scenario {} (sample {sample})", scenario.name),
        None => format!(", scenario {} (own input)", scenario.name),
    });
    format!(
        "{} on {}{scenario}\n{}, {} flash wait state{}, prefetch {}{}\n\n",
        report.firmware.name,
        report.chip.name,
        Hz(clock.hclk_hz),
        clock.flash_wait_states,
        if clock.flash_wait_states == 1 { "" } else { "s" },
        if clock.prefetch { "on" } else { "off" },
        if clock.what_if { " (what if: not as the firmware sets it)" } else { "" },
    )
}

/// `1 234 us` or `12.3 ms`.
pub(super) fn time(us: f64) -> String {
    match us {
        us if us >= 1e6 => format!("{:.3} s", us / 1e6),
        us if us >= 1e4 => format!("{:.2} ms", us / 1e3),
        us => format!("{us:.1} us"),
    }
}

pub(super) fn percent(part: u64, whole: u64) -> String {
    format!("{:.1} %", if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 })
}

fn inference_part(report: &RunReport, inference: &InferenceSummary) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<12} {value}\n"));
    if let Some(label) = &inference.label_name {
        let expected = match &inference.expected_name {
            Some(expected) if expected == label => " (right)".to_owned(),
            Some(expected) => format!(" (the sample is {expected})"),
            None => String::new(),
        };
        line("label", format!("{label}{expected}, by {}", scores(inference)));
    }
    if let (Some(matches), Some(reference)) = (inference.matches_reference, &inference.reference) {
        let agreement = reference.agreement();
        line("output", if matches { agreement } else { format!("NOT {agreement}") });
    }
    line(
        "inference",
        format!(
            "{} cycles = {} at {}, {} instructions",
            grouped(inference.cycles),
            time(inference.latency_us),
            Hz(report.clock.hclk_hz),
            grouped(inference.instructions)
        ),
    );
    if let Some(bound) = report.timing_model.error_bound_percent {
        line("accuracy", format!("cycles within {bound} % of silicon (docs/accuracy.md)"));
    }
    if let (Some(energy), Some(assumes)) = (inference.energy_uj, &inference.energy_assumes) {
        line("energy", format!("{energy:.1} uJ, an estimate from typical currents:"));
        text.push_str(&format!("  {:<12} {}\n", "", clipped(assumes, 84)));
    }
    text.push('\n');
    text.push_str(&layers_part(inference));
    text
}

/// An inference's layers, a row each.
pub(super) fn layers_part(inference: &InferenceSummary) -> String {
    if inference.layers.is_empty() {
        return String::new();
    }
    let mut rows = Builder::default();
    rows.push_record(["#", "layer", "output", "MACs", "instructions", "cycles", "share", "per MAC", "time"]);
    for layer in &inference.layers {
        let per_mac = layer.macs.filter(|macs| *macs > 0).map(|macs| format!("{:.2}", layer.cycles as f64 / macs as f64));
        rows.push_record([
            layer.index.map(|index| index.to_string()).unwrap_or_default(),
            clipped(if layer.index.is_some() { &layer.op } else { &layer.name }, 17),
            clipped(if layer.index.is_some() { &layer.name } else { "" }, 12),
            layer.macs.map(grouped).unwrap_or_default(),
            grouped(layer.instructions),
            grouped(layer.cycles),
            percent(layer.cycles, inference.cycles),
            per_mac.unwrap_or_default(),
            time(layer.latency_us),
        ]);
    }
    let mut rows = rows.build();
    // Two spaces between columns, not three: the largest numbers of a C8's models just fit 100 columns.
    rows.with(Style::blank()).with(Padding::new(1, 0, 0, 0)).modify(Columns::new(3..), Alignment::right());
    format!("{rows}\n\n")
}

fn scores(inference: &InferenceSummary) -> String {
    match inference.scores.as_slice() {
        [one] => format!("score {one}"),
        all => {
            let best = inference.label.and_then(|label| all.get(label)).copied().unwrap_or_default();
            format!("score {best} of {}", all.len())
        }
    }
}

/// Where the cycles went: of the inference if there is one, and of the run.
fn causes_part(report: &RunReport) -> String {
    let mut rows = Builder::default();
    let inference = report.inference.as_ref().map(|inference| (&inference.cycles_by_cause, inference.cycles));
    let mut header = vec!["cycles by cause".to_owned()];
    if inference.is_some() {
        header.extend(["inference".to_owned(), "share".to_owned()]);
    }
    header.extend(["whole run".to_owned(), "share".to_owned()]);
    rows.push_record(header);
    let columns = |causes: &Causes, whole: u64, cause: Cause| [grouped(causes.0.of(cause)), percent(causes.0.of(cause), whole)];
    for cause in Cause::ALL {
        let mut row = vec![cause.name().replace('_', " ")];
        if let Some((causes, whole)) = inference {
            row.extend(columns(causes, whole, cause));
        }
        row.extend(columns(&report.cycles_by_cause, report.totals.cycles, cause));
        rows.push_record(row);
    }
    let mut total = vec!["total".to_owned()];
    if let Some((_, whole)) = inference {
        total.extend([grouped(whole), String::new()]);
    }
    total.extend([grouped(report.totals.cycles), time(report.totals.time_us)]);
    rows.push_record(total);
    let mut rows = rows.build();
    rows.with(Style::blank()).modify(Columns::new(1..), Alignment::right());
    format!("{rows}\n\n")
}

fn memory_part(report: &RunReport) -> String {
    let (flash, sram) = (&report.memory.flash, &report.memory.sram);
    let model = flash.model.map_or_else(String::new, |model| format!(", of which model {}", grouped(model)));
    let arena = match (sram.arena, sram.arena_touched) {
        (Some(arena), Some(touched)) => format!(" (arena {}, {} written)", grouped(arena), grouped(touched)),
        _ => String::new(),
    };
    let grown = sram.heap_peak.map_or_else(String::new, |heap| format!(", heap {}", grouped(heap)));
    let heap = report.memory.heap.as_ref().map_or_else(String::new, |heap| {
        format!(
            "  heap   {:>7} B allocated at most, {} at the end; {} allocations, {} freed, {} failed\n",
            grouped(heap.peak),
            grouped(heap.live),
            grouped(heap.allocations),
            grouped(heap.frees),
            grouped(heap.failures)
        )
    });
    format!(
        "  flash  {:>7} of {:>7} B used{model}; {} B free\n  SRAM   {:>7} of {:>7} B static{arena}, stack peak {}{grown}; {} B free\n{heap}\n",
        grouped(flash.used),
        grouped(flash.size),
        grouped(flash.free),
        grouped(sram.fixed),
        grouped(sram.size),
        grouped(sram.stack_peak),
        grouped(sram.free),
    )
}

/// What the code can do to the stack, and where the energy went.
fn details_part(report: &RunReport) -> String {
    let mut text = report.stack.as_ref().map(|bound| format!("{}\n", super::stack::lines(bound))).unwrap_or_default();
    text.push_str(&report.energy.as_ref().map(energy_part).unwrap_or_default());
    text
}

/// Energy by mode, and what it assumes.
pub(super) fn energy_part(energy: &EnergySummary) -> String {
    let mut rows = Builder::default();
    rows.push_record(["energy by mode", "clock", "cycles", "time", "current", "energy"]);
    for row in &energy.modes {
        rows.push_record([
            row.mode.to_owned(),
            Hz(row.hclk_hz).to_string(),
            grouped(row.cycles),
            time(row.time_us),
            format!("{:.3} mA", row.current_ma),
            format!("{:.1} uJ", row.energy_uj),
        ]);
    }
    rows.push_record(["total", "", "", "", "", &format!("{:.1} uJ", energy.total_uj)].map(str::to_owned));
    let mut rows = rows.build();
    rows.with(Style::blank()).modify(Columns::new(1..), Alignment::right());
    let mut text = format!("{rows}\n");
    for sentence in &energy.assumes {
        text.push_str(&wrapped(&format!("  assumes: {sentence}")));
        text.push('\n');
    }
    text.push('\n');
    text
}

/// How many lines of a port's text the table shows.
const SERIAL_LINES: usize = 4;

fn serial_part(report: &RunReport, verbose: bool) -> String {
    let mut text = String::new();
    for call in &report.calls {
        let arguments = call.arguments.iter().map(|value| format!("0x{value:x}")).collect::<Vec<_>>().join(", ");
        let (cycles, instructions) = (grouped(call.cycles), grouped(call.instructions));
        let what = format!("{}({arguments}) returned 0x{:x}", call.function, call.returned);
        text.push_str(&format!("  {what} after {cycles} cycles, {instructions} instructions\n"));
    }
    for port in &report.uart {
        let lines: Vec<&str> = port.text.lines().collect();
        let shown = if verbose { lines.len() } else { lines.len().min(SERIAL_LINES) };
        for line in lines.iter().take(shown) {
            text.push_str(&format!("  {} | {}\n", port.port, clipped(&printable(line), 84)));
        }
        if shown < lines.len() {
            text.push_str(&format!("  {} | … {} more lines (--verbose shows them)\n", port.port, lines.len() - shown));
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn ledger_part(report: &RunReport, verbose: bool) -> String {
    if report.not_modelled.is_empty() {
        return String::new();
    }
    let mut text = String::from("  not modelled, and used by the firmware:\n");
    let shown = if verbose { report.not_modelled.len() } else { report.not_modelled.len().min(8) };
    for row in report.not_modelled.iter().take(shown) {
        text.push_str(&format!("    {} {}, {} times\n", row.register, row.what, grouped(row.count)));
    }
    if shown < report.not_modelled.len() {
        text.push_str(&format!("    … {} more (--verbose shows them)\n", report.not_modelled.len() - shown));
    }
    text.push('\n');
    text
}

/// Control characters of the firmware must not reach the terminal.
pub(super) fn printable(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The text cut to a width, with a mark where it was cut.
pub(super) fn clipped(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// Broken at spaces to at most 100 columns, continuation lines indented.
pub(super) fn wrapped(text: &str) -> String {
    wrapped_to(text, 100)
}

/// The same to at most `columns`, which are at least 10.
pub(super) fn wrapped_to(text: &str, columns: usize) -> String {
    let longest = columns.saturating_sub(4);
    let mut out = String::new();
    for line in text.lines() {
        let mut column = 0;
        let mut words = line.split(' ').peekable();
        while let Some(word) = words.next() {
            // Digits in groups are one number.
            let mut word = word.to_owned();
            while word.ends_with(|c: char| c.is_ascii_digit())
                && let Some(group) = words.next_if(|next| next.starts_with(|c: char| c.is_ascii_digit()))
            {
                word = format!("{word} {group}");
            }
            let mut width = word.chars().count();
            // A word that fits no line, as some tensors' names are, is cut.
            if width > longest {
                word = clipped(&word, longest);
                width = longest;
            }
            if column > 0 && column + 1 + width > columns {
                out.push_str("\n    ");
                column = 4;
            } else if column > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(&word);
            column += width.max(1);
        }
        out.push('\n');
    }
    out.trim_end().to_owned()
}

pub(super) fn verdict(report: &RunReport) -> String {
    let fits = format!("fits the {}", report.chip.name);
    let outcome = &report.outcome;
    match (&report.inference, outcome.kind, outcome.code) {
        (Some(inference), "finished", 0) => {
            let label = inference.label_name.as_ref().map_or_else(String::new, |label| format!("{label}: "));
            format!("{label}{} per inference at {}, {fits}", time(inference.latency_us), Hz(report.clock.hclk_hz))
        }
        (_, kind, _) => wrapped(&format!("{kind}: {}", outcome.message)),
    }
}
