//! What it is: an estimate as text for people: at most 100 columns, the verdict last.
//! Source: [`super::EstimateReport`].
//! Does not model: anything; every number is the report's.
//! Tested by: `tests/estimate.rs` (width, last line, numbers).

use super::graph_table::{operators_part, plan_part};
use super::{EstimateReport, Survey, Surveyed};
use crate::finding::Exit;
use crate::report::run::InferenceSummary;
use crate::report::table::{clipped, layers_part, percent, time, wrapped};
use crate::timing::Cause;
use crate::units::{Hz, grouped};
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

/// The report as text; `all_chips` adds the row of each chip, `verbose` what the model is made of and the plan of its arena.
#[must_use]
pub fn table(report: &EstimateReport, all_chips: bool, verbose: bool) -> String {
    let mut text = head(report);
    if verbose {
        text.push_str(&operators_part(&report.operators));
        text.push_str(&plan_part(&report.arena, report.model.operators));
    }
    if let Some(inference) = &report.inference {
        text.push_str(&inference_part(report, inference));
        text.push_str(&layers_part(inference));
        text.push_str(&causes_part(inference));
    }
    text.push_str(&memory_part(report));
    if all_chips {
        text.push_str(&chips_part(report));
    }
    for advice in &report.advice {
        text.push_str(&wrapped(&format!("  {} (from {})", advice.text, if advice.from == "run" { "a run" } else { "the plan" })));
        text.push('\n');
    }
    if !report.advice.is_empty() {
        text.push('\n');
    }
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

fn head(report: &EstimateReport) -> String {
    let model = &report.model;
    let mut text = format!(
        "{} on {}{}\n{} operators, {} parameters, {} MACs, a file of {} B\n",
        clipped(&model.name, 60),
        clipped(&report.chip.name, 36),
        if report.what_if_chip { " (what if)" } else { "" },
        model.operators,
        grouped(model.parameters),
        grouped(model.macs),
        grouped(model.bytes)
    );
    if let (Some(clock), Some(input)) = (&report.clock, &report.input) {
        let input = match (input.seed, input.sample) {
            (Some(seed), _) => format!("random input (seed {seed})"),
            (_, Some(sample)) => format!("sample {sample} of the input given"),
            _ => "the input given".to_owned(),
        };
        text.push_str(&format!(
            "{}, {} flash wait state{}, prefetch {}{}; {input}\n",
            Hz(clock.hclk_hz),
            clock.flash_wait_states,
            if clock.flash_wait_states == 1 { "" } else { "s" },
            if clock.prefetch { "on" } else { "off" },
            if clock.what_if { " (what if)" } else { "" },
        ));
    }
    text.push('\n');
    text
}

fn inference_part(report: &EstimateReport, inference: &InferenceSummary) -> String {
    let hclk = Hz(report.clock.as_ref().map_or(0, |clock| clock.hclk_hz));
    let mut text = String::new();
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<12} {value}\n"));
    if let Some(matches) = inference.matches_reference {
        line("output", if matches { "the one expected, to the bit" } else { "DIFFERENT from the one expected" }.to_owned());
    }
    let per_mac = report.cycles_per_mac.map_or_else(String::new, |cycles| format!(", {cycles:.2} cycles per MAC"));
    line(
        "inference",
        format!(
            "{} cycles = {} at {hclk}, {} instructions{per_mac}",
            grouped(inference.cycles),
            time(inference.latency_us),
            grouped(inference.instructions)
        ),
    );
    if let Some(samples) = &report.samples {
        let matching = samples.matching.map_or_else(String::new, |matching| format!(", {matching} outputs as expected"));
        let (least, most) = (grouped(samples.least_cycles), grouped(samples.most_cycles));
        line("inputs", format!("{}: {least} to {most} cycles{matching}", samples.count));
    }
    if let (Some(energy), Some(assumes)) = (inference.energy_uj, &inference.energy_assumes) {
        line("energy", format!("{energy:.1} uJ, an estimate from typical currents:"));
        text.push_str(&format!("  {:<12} {}\n", "", clipped(assumes, 84)));
    }
    text.push('\n');
    text
}

/// Where each layer's cycles went, in per cent.
fn causes_part(inference: &InferenceSummary) -> String {
    let causes: Vec<Cause> = Cause::ALL.iter().copied().filter(|cause| inference.cycles_by_cause.0.of(*cause) > 0).collect();
    let mut rows = Builder::default();
    let names = causes.iter().map(|cause| cause.name().replace("multiply_divide", "mul, div").replace('_', " "));
    rows.push_record(["#".to_owned(), "cycles by cause".to_owned()].into_iter().chain(names));
    for layer in &inference.layers {
        let shares = causes.iter().map(|cause| percent(layer.cycles_by_cause.0.of(*cause), layer.cycles));
        let name = clipped(if layer.index.is_some() { &layer.op } else { &layer.name }, 17);
        let index = layer.index.map(|index| index.to_string()).unwrap_or_default();
        rows.push_record([index, name].into_iter().chain(shares));
    }
    let shares = causes.iter().map(|cause| percent(inference.cycles_by_cause.0.of(*cause), inference.cycles));
    rows.push_record([String::new(), "inference".to_owned()].into_iter().chain(shares));
    let mut rows = rows.build();
    rows.with(Style::blank()).modify(Columns::new(2..), Alignment::right());
    format!("{rows}\n\n")
}

fn memory_part(report: &EstimateReport) -> String {
    let (fit, needs) = (&report.fit, &report.fit.needs);
    let rest = |size: u64, needed: u64| match size.checked_sub(needed) {
        Some(free) => format!("{} B free", grouped(free)),
        None => format!("{} B SHORT", grouped(needed.saturating_sub(size))),
    };
    let stack = match &report.memory {
        Some(memory) => format!("stack {} ({} used)", grouped(needs.stack), grouped(memory.sram.stack_peak)),
        None => format!("stack {}", grouped(needs.stack)),
    };
    format!(
        "  flash  {:>9} of {:>9} B: runtime {}, model {}; {}\n  SRAM   {:>9} of {:>9} B: activations {}, static {}, {stack}; {}\n\n",
        grouped(fit.flash.needed),
        grouped(fit.flash.size),
        grouped(needs.runtime),
        grouped(needs.plan),
        rest(fit.flash.size, fit.flash.needed),
        grouped(fit.sram.needed),
        grouped(fit.sram.size),
        grouped(needs.arena),
        grouped(needs.fixed),
        rest(fit.sram.size, fit.sram.needed),
    )
}

fn chips_part(report: &EstimateReport) -> String {
    let mut rows = Builder::default();
    rows.push_record(["chip", "flash", "SRAM", "fits", "flash short by", "SRAM short by", "inference"]);
    let short = |short: Option<u64>| short.map(|short| format!("{} B", grouped(short))).unwrap_or_default();
    let inference = report.inference.as_ref().map(|inference| time(inference.latency_us)).unwrap_or_default();
    for chip in &report.chips {
        rows.push_record([
            chip.name.clone(),
            format!("{} KiB", chip.flash_bytes >> 10),
            format!("{} KiB", chip.sram_bytes >> 10),
            if chip.fits { "yes" } else { "no" }.to_owned(),
            short(chip.flash_short),
            short(chip.sram_short),
            if chip.fits { inference.clone() } else { String::new() },
        ]);
    }
    let mut rows = rows.build();
    rows.with(Style::blank()).modify(Columns::new(1..3), Alignment::right()).modify(Columns::new(4..), Alignment::right());
    format!("{rows}\n  Core, flash and clock are the same on all sizes, and so is an inference's time.\n\n")
}

/// The last line: whether it fits, how long an inference takes.
#[must_use]
pub fn verdict(report: &EstimateReport) -> String {
    let chip = &report.chip.name;
    let sizes = (report.chip.flash_bytes, report.chip.sram_bytes);
    let other = match report.chips.iter().find(|row| row.fits) {
        Some(row) if (row.flash_bytes, row.sram_bytes) == sizes => String::new(),
        Some(row) if report.fit.fits => format!("; the smallest is {}", row.name),
        Some(row) => format!("; {} holds it", row.name),
        None => "; no F103 holds it".to_owned(),
    };
    match (&report.inference, report.outcome.kind) {
        _ if !report.fit.fits => format!("does not fit the {chip}: {}{other}", report.fit.short_text()),
        (Some(inference), "finished") if report.outcome.code == 0 => {
            let hclk = Hz(report.clock.as_ref().map_or(0, |clock| clock.hclk_hz));
            format!("fits the {chip}: {} per inference at {hclk}{other}", time(inference.latency_us))
        }
        (_, kind) => format!("{kind}: {}", report.outcome.message),
    }
}

/// A folder's models, a row each, with the reasons of those that were refused below.
#[must_use]
pub fn survey_table(survey: &Survey) -> String {
    let mut rows = Builder::default();
    rows.push_record(["model", "file, B", "flash, B", "SRAM, B", "MACs", "inference", "verdict"]);
    let mut reasons = String::new();
    let (mut run, mut not) = (0, 0);
    for entry in &survey.runs {
        match entry {
            Surveyed::Report(report) => {
                let inference = report.inference.as_ref().filter(|_| report.outcome.kind == "finished");
                let size = report.chip.name.strip_prefix("stm32").unwrap_or(&report.chip.name);
                let verdict = match inference {
                    Some(_) => format!("fits {}", clipped(size, 10)),
                    None if report.fit.fits => report.outcome.kind.to_owned(),
                    None => "does not fit".to_owned(),
                };
                if inference.is_some() {
                    run += 1;
                } else {
                    not += 1;
                    reasons.push_str(&wrapped(&format!("  {}: {}", report.model.name, self::verdict(report))));
                    reasons.push('\n');
                }
                rows.push_record([
                    clipped(report.model.name.trim_end_matches(".tflite"), 24),
                    grouped(report.model.bytes),
                    grouped(report.fit.flash.needed),
                    grouped(report.fit.sram.needed),
                    grouped(report.model.macs),
                    inference.map(|inference| time(inference.latency_us)).unwrap_or_default(),
                    verdict,
                ]);
            }
            Surveyed::Refused(refused) => {
                not += 1;
                let verdict = if refused.outcome.code == Exit::DoesNotFit as u8 { "does not fit" } else { "cannot run" };
                let blank = String::new;
                let name = clipped(refused.name.trim_end_matches(".tflite"), 24);
                rows.push_record([name, grouped(refused.bytes), blank(), blank(), blank(), blank(), verdict.to_owned()]);
                for finding in &refused.findings {
                    reasons.push_str(&wrapped(&format!("  {}", finding.message)));
                    reasons.push_str(&format!("\n{}\n", wrapped(&format!("    help: {}", finding.help))));
                }
            }
        }
    }
    let mut rows = rows.build();
    rows.with(Style::blank()).modify(Columns::new(1..6), Alignment::right());
    let on = survey.runs.iter().find_map(|run| match run {
        Surveyed::Report(report) => report.clock.as_ref().map(|clock| format!(" at {}, random input", Hz(clock.hclk_hz))),
        Surveyed::Refused(_) => None,
    });
    let reasons = if reasons.is_empty() { String::new() } else { format!("{reasons}\n") };
    let count = survey.runs.len();
    let plural = if count == 1 { "" } else { "s" };
    format!("{rows}\n\n{reasons}{count} model{plural}: {run} fit and ran{}, {not} did not", on.unwrap_or_default())
}
