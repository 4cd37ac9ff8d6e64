//! What it is: a run, a profile, and what changed between two profiles, as Markdown.
//! Source: [`crate::report::run::RunReport`].
//! Does not model: serial output.
//! Tested by: `tests/markdown.rs`.

use super::{escaped, percent, row, table};
use crate::finding::Finding;
use crate::report::profile::{Changed, Profile, ProfileDifference};
use crate::report::run::{Causes, RunReport};
use crate::report::table::{time, verdict};
use crate::timing::Cause;
use crate::units::Hz;

/// A run.
#[must_use]
pub fn run(report: &RunReport) -> String {
    let mut text = head(report);
    text.push_str(&layers(report));
    text.push_str(&causes(report));
    text.push_str(&memory(report));
    text.push_str(&energy(report));
    text.push_str(&notes(report));
    text
}

/// A profile, with at most `top` rows a table.
#[must_use]
pub fn profile(report: &RunReport, top: Option<usize>) -> String {
    let mut text = head(report);
    if let Some(profile) = &report.profile {
        text.push_str(&functions(profile, top));
        text.push_str(&lines(profile, top));
        text.push_str(&layers(report));
        text.push_str(&mix(profile));
        text.push_str(&interrupts(profile));
        text.push_str(&stacks(report, profile));
    }
    text.push_str(&energy(report));
    text.push_str(&notes(report));
    text
}

/// What changed between two profiles.
#[must_use]
pub fn difference(difference: &ProfileDifference, top: Option<usize>) -> String {
    let number = |cycles: Option<u64>, none: &str| cycles.map_or_else(|| none.to_owned(), |cycles| cycles.to_string());
    let line =
        |row: &Changed| vec![row.name.clone(), number(row.old, "new"), number(row.new, "gone"), format!("{:+}", row.delta)];
    let mut text = String::new();
    for (title, rows) in [("function", &difference.functions), ("line", &difference.lines), ("layer", &difference.layers)] {
        if !rows.is_empty() {
            let head = [title, "cycles before", "after", "change"].map(str::to_owned).to_vec();
            let shown = rows.iter().take(top.unwrap_or(usize::MAX)).map(line);
            text.push_str(&format!("{}\n", table(&std::iter::once(head).chain(shown).collect::<Vec<_>>(), 1)));
        }
    }
    let all = &difference.cycles;
    format!("{text}{} cycles before, {} after: {:+}\n", number(all.old, "0"), number(all.new, "0"), all.delta)
}

fn head(report: &RunReport) -> String {
    let scenario = report.scenario.as_ref().map_or_else(String::new, |scenario| match scenario.sample {
        Some(sample) => format!(", scenario {} (sample {sample})", scenario.name),
        None => format!(", scenario {} (own input)", scenario.name),
    });
    let verdict = verdict(report).split_whitespace().collect::<Vec<_>>().join(" ");
    let clock = &report.clock;
    format!(
        "**{} on {}{}**: {}\n\n{}, {} flash wait states, prefetch {}; {} cycles, {} instructions in the whole run\n\n",
        escaped(&report.firmware.name),
        escaped(&report.chip.name),
        escaped(&scenario),
        escaped(&verdict),
        Hz(clock.hclk_hz),
        clock.flash_wait_states,
        if clock.prefetch { "on" } else { "off" },
        report.totals.cycles,
        report.totals.instructions,
    )
}

fn layers(report: &RunReport) -> String {
    let Some(inference) = report.inference.as_ref().filter(|inference| !inference.layers.is_empty()) else {
        return String::new();
    };
    let mut rows =
        vec![["#", "layer", "output", "MACs", "instructions", "cycles", "share", "time", "energy"].map(str::to_owned).to_vec()];
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
            &layer.energy_uj.map(|energy| format!("{energy:.1} uJ")).unwrap_or_default(),
        ]));
    }
    format!("{}\n", table(&rows, 3))
}

fn causes(report: &RunReport) -> String {
    let inference = report.inference.as_ref();
    let mut rows = vec![["cycles by cause", "inference", "whole run", "share"].map(str::to_owned).to_vec()];
    let own = |causes: Option<&Causes>, cause| causes.map(|causes| causes.0.of(cause).to_string()).unwrap_or_default();
    for cause in Cause::ALL {
        let cycles = report.cycles_by_cause.0.of(cause);
        rows.push(row([
            &cause.name().replace('_', " "),
            &own(inference.map(|inference| &inference.cycles_by_cause), cause),
            &cycles,
            &percent(cycles, report.totals.cycles),
        ]));
    }
    let whole = inference.map(|inference| inference.cycles.to_string()).unwrap_or_default();
    rows.push(row([&"total", &whole, &report.totals.cycles, &time(report.totals.time_us)]));
    format!("{}\n", table(&rows, 1))
}

fn memory(report: &RunReport) -> String {
    let (flash, sram) = (&report.memory.flash, &report.memory.sram);
    let mut rows = vec![["memory", "bytes"].map(str::to_owned).to_vec()];
    rows.push(row([&"flash used", &flash.used]));
    rows.extend(flash.model.map(|model| row([&"of which model", &model])));
    rows.push(row([&"flash free", &flash.free]));
    rows.push(row([&"SRAM static", &sram.fixed]));
    if let (Some(arena), Some(touched)) = (sram.arena, sram.arena_touched) {
        rows.push(row([&"of which arena", &arena]));
        rows.push(row([&"of which written", &touched]));
    }
    rows.push(row([&"stack peak", &sram.stack_peak]));
    rows.extend(report.stack.as_ref().map(|bound| {
        let least = if bound.bounded { "stack at most, by the code" } else { "stack at least at worst, by the code" };
        row([&least, &bound.bytes])
    }));
    rows.extend(sram.heap_peak.map(|heap| row([&"heap, grown", &heap])));
    rows.extend(report.memory.heap.as_ref().map(|heap| row([&"heap, allocated at most", &heap.peak])));
    rows.push(row([&"SRAM free", &sram.free]));
    format!("{}\n", table(&rows, 1))
}

fn energy(report: &RunReport) -> String {
    let Some(energy) = &report.energy else { return String::new() };
    let mut rows = vec![["energy by mode", "clock", "cycles", "time", "current", "energy"].map(str::to_owned).to_vec()];
    for mode in &energy.modes {
        rows.push(row([
            &mode.mode,
            &Hz(mode.hclk_hz),
            &mode.cycles,
            &time(mode.time_us),
            &format!("{:.3} mA", mode.current_ma),
            &format!("{:.1} uJ", mode.energy_uj),
        ]));
    }
    rows.push(row([&"total", &"", &"", &"", &"", &format!("{:.1} uJ", energy.total_uj)]));
    let assumes: String = energy.assumes.iter().map(|sentence| format!("* assumes: {}\n", escaped(sentence))).collect();
    format!("{}\n{assumes}\n", table(&rows, 1))
}

/// Findings, and what is not modelled.
fn notes(report: &RunReport) -> String {
    let mut text = findings(&report.findings);
    for row in &report.not_modelled {
        text.push_str(&format!("* not modelled: {} {}, {} times\n", escaped(&row.register), escaped(&row.what), row.count));
    }
    text
}

pub(super) fn findings(findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let place = finding.location.as_ref().map(|place| format!(" ({})", escaped(place))).unwrap_or_default();
        format!("* **{}**: {}{place}. {}\n", finding.code.entry().name, escaped(&finding.message), escaped(&finding.help))
    };
    findings.iter().map(line).collect()
}

/// Rows of costs: leading cells, instructions, cycles, share, and the dearest causes in words.
fn costs(head: &[&str], rows: Vec<(Vec<String>, u64, u64, &Causes)>, top: Option<usize>, whole: u64) -> String {
    let columns = ["instructions", "cycles", "share", "mostly"];
    let mut cells = vec![head.iter().chain(&columns).map(|name| (*name).to_owned()).collect::<Vec<_>>()];
    let shown = top.unwrap_or(rows.len()).min(rows.len());
    for (names, instructions, cycles, causes) in rows.iter().take(shown) {
        let mut dearest: Vec<(Cause, u64)> = Cause::ALL.into_iter().map(|cause| (cause, causes.0.of(cause))).collect();
        dearest.sort_by_key(|(_, cycles)| std::cmp::Reverse(*cycles));
        let parts = dearest.iter().take(2).filter(|(_, part)| *part > 0);
        let mostly: Vec<String> =
            parts.map(|(cause, part)| format!("{} {}", cause.name().replace('_', " "), percent(*part, *cycles))).collect();
        let numbers = [instructions.to_string(), cycles.to_string(), percent(*cycles, whole), mostly.join(", ")];
        cells.push(names.iter().cloned().chain(numbers).collect());
    }
    if shown < rows.len() {
        let rest = rows.get(shown..).unwrap_or_default();
        let mut names = vec![String::new(); head.len()];
        if let Some(first) = names.first_mut() {
            *first = format!("[{} more]", rest.len());
        }
        let cycles = rest.iter().map(|row| row.2).sum::<u64>();
        let numbers =
            [rest.iter().map(|row| row.1).sum::<u64>().to_string(), cycles.to_string(), percent(cycles, whole), String::new()];
        cells.push(names.into_iter().chain(numbers).collect());
    }
    format!("{}\n", table(&cells, head.len()))
}

fn functions(profile: &Profile, top: Option<usize>) -> String {
    let rows = profile.functions.iter().map(|row| {
        let calls = row.calls.map(|calls| calls.to_string()).unwrap_or_default();
        (vec![row.name.clone(), calls], row.instructions, row.cycles, &row.cycles_by_cause)
    });
    costs(&["function", "calls"], rows.collect(), top, profile.cycles)
}

fn lines(profile: &Profile, top: Option<usize>) -> String {
    let rows = profile.lines.iter().map(|row| {
        let place = row.line.map_or_else(|| row.file.clone(), |line| format!("{}:{line}", row.file));
        (vec![place, row.function.clone()], row.instructions, row.cycles, &row.cycles_by_cause)
    });
    costs(&["line", "in"], rows.collect(), top, profile.cycles)
}

fn mix(profile: &Profile) -> String {
    let rows = profile.mix.iter().map(|row| (vec![row.kind.clone()], row.instructions, row.cycles, &row.cycles_by_cause));
    costs(&["kind of instruction"], rows.collect(), None, profile.cycles)
}

fn interrupts(profile: &Profile) -> String {
    if profile.interrupts.is_empty() {
        return String::new();
    }
    let head = ["interrupt", "taken", "chained", "cycles", "worst latency", "worst duration"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for interrupt in &profile.interrupts {
        let worst =
            |range: &Option<crate::report::profile::Range>| range.as_ref().map(|range| range.max.to_string()).unwrap_or_default();
        rows.push(row([
            &interrupt.name,
            &interrupt.count,
            &interrupt.chained,
            &interrupt.cycles,
            &worst(&interrupt.latency),
            &worst(&interrupt.duration),
        ]));
    }
    format!("{}\n", table(&rows, 1))
}

fn stacks(report: &RunReport, profile: &Profile) -> String {
    let mut rows = vec![["stack", "bytes", "margin", "deepest in"].map(str::to_owned).to_vec()];
    for stack in &profile.stacks {
        let margin = stack.margin.map(|margin| margin.to_string()).unwrap_or_default();
        rows.push(row([&stack.kind, &stack.bytes, &margin, &stack.chain.join(" > ")]));
    }
    if let Some(bound) = &report.stack {
        let chain: Vec<&str> = bound.program.chain.iter().map(|step| step.function.as_str()).collect();
        let name = if bound.bounded { "main, at most by the code" } else { "main, at least at worst by the code" };
        rows.push(row([&name, &bound.bytes, &"", &chain.join(" > ")]));
    }
    format!("{}\n", table(&rows, 1))
}
