//! What it is: a benchmark's report as text for people: at most 100 columns, the verdict last.
//! Source: [`super::bench::BenchReport`].
//! Does not model: anything; every number is the report's.
//! Tested by: `tests/bench.rs` (width, last line, numbers).

use super::bench::{BenchReport, BenchRun, ModelSummary, Ran};
use super::table::{clipped, time, wrapped};
use crate::units::{Hz, grouped};
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

/// The report as text.
#[must_use]
pub fn table(report: &BenchReport) -> String {
    let mut text = fit_part(report);
    text.push_str(&cost_part(report));
    text.push_str(&models_part(report));
    text.push_str(&notes_part(report));
    text.push_str(&verdict(report));
    text
}

/// `f103c8`: the family goes without saying.
fn chip(name: &str) -> String {
    if name.starts_with("virtual:") { "virtual".to_owned() } else { clipped(name.strip_prefix("stm32").unwrap_or(name), 10) }
}

fn model_columns(model: Option<&ModelSummary>) -> [String; 2] {
    let name = |model: &ModelSummary| clipped(model.name.trim_end_matches(".tflite"), 20);
    [model.map(name).unwrap_or_default(), model.map(|model| grouped(model.bytes)).unwrap_or_default()]
}

fn right_from(rows: Builder, column: usize) -> String {
    let mut rows = rows.build();
    rows.with(Style::blank()).modify(Columns::new(column..), Alignment::right());
    format!("{rows}\n\n")
}

/// What each scenario takes of its chip.
fn fit_part(report: &BenchReport) -> String {
    let mut rows = Builder::default();
    rows.push_record(["use case", "model", "bytes", "chip", "flash", "free", "SRAM", "free", "fits"]);
    for run in &report.runs {
        let cells = match run {
            BenchRun::Ran(ran) => {
                let (flash, sram) = (&ran.report.memory.flash, &ran.report.memory.sram);
                let peak = sram.fixed + sram.stack_peak;
                [grouped(flash.used), grouped(flash.free), grouped(peak), grouped(sram.free), "yes".to_owned()]
            }
            BenchRun::Refused(refused) => {
                let free = |short: u64| if short > 0 { format!("-{}", grouped(short)) } else { String::new() };
                let (flash, sram) = (refused.flash, refused.sram);
                [grouped(flash.needed), free(flash.short), grouped(sram.needed), free(sram.short), "NO".to_owned()]
            }
        };
        let (scenario, model, on) = match run {
            BenchRun::Ran(ran) => (ran.report.scenario.as_ref().map(|s| s.name.as_str()), &ran.model, &ran.report.chip),
            BenchRun::Refused(refused) => (Some(refused.scenario.name.as_str()), &refused.model, &refused.chip),
        };
        let [name, bytes] = model_columns(model.as_ref());
        rows.push_record([clipped(scenario.unwrap_or_default(), 15), name, bytes, chip(&on.name)].into_iter().chain(cells));
    }
    right_from(rows, 4)
}

/// What each scenario that ran costs, and how well it does.
fn cost_part(report: &BenchReport) -> String {
    let ran: Vec<&Ran> = ran(report).collect();
    let Some(first) = ran.first() else { return String::new() };
    let mut rows = Builder::default();
    rows.push_record(["use case", "accuracy", "AUC", "cycles", "per MAC", "latency", "energy", "reference"]);
    for ran in &ran {
        let inference = ran.report.inference.as_ref();
        let eval = ran.eval.as_ref();
        let accuracy = |eval: &super::eval::EvalSummary| format!("{:.4} ({}/{})", eval.accuracy, eval.correct, eval.samples);
        rows.push_record([
            clipped(ran.report.scenario.as_ref().map_or("", |scenario| scenario.name.as_str()), 15),
            eval.map(accuracy).unwrap_or_default(),
            eval.and_then(|eval| eval.auc).map(|auc| format!("{auc:.4}")).unwrap_or_default(),
            inference.map(|inference| grouped(inference.cycles)).unwrap_or_default(),
            ran.model.as_ref().and_then(|model| model.cycles_per_mac).map(|per| format!("{per:.2}")).unwrap_or_default(),
            inference.map(|inference| time(inference.latency_us)).unwrap_or_default(),
            inference.and_then(|inference| inference.energy_uj).map(energy).unwrap_or_default(),
            eval.map(|eval| format!("{}/{}", eval.agreeing, eval.samples)).unwrap_or_default(),
        ]);
    }
    let clock = Hz(first.report.clock.hclk_hz);
    let mut text = right_from(rows, 1);
    text.push_str(&indented(&format!(
        "  Latency at {clock}; cycles, latency and energy are sample 0's (stm32sim run), accuracy is over the samples, the last column how many \
         outputs are the reference's."
    )));
    let mut assumed: Vec<&str> = ran
        .iter()
        .filter_map(|ran| ran.report.inference.as_ref()?.energy_assumes.as_deref())
        .map(|assumes| assumes.split_once(": ").map_or(assumes, |(_, source)| source))
        .collect();
    assumed.sort_unstable();
    assumed.dedup();
    for source in assumed {
        text.push_str(&indented(&format!("  Energy is an estimate from typical run currents: {source}.")));
    }
    if ran.iter().any(|ran| ran.report.chip.name.starts_with("virtual:")) {
        text.push_str("  A virtual chip is a what-if: nobody makes it.\n");
    }
    text.push('\n');
    text
}

/// `91.0 uJ` or `12.35 mJ`.
fn energy(uj: f64) -> String {
    if uj >= 10_000.0 { format!("{:.2} mJ", uj / 1e3) } else { format!("{uj:.1} uJ") }
}

/// `6.125 M`: three digits after the point are enough for a count of operations.
fn short(count: u64) -> String {
    match count {
        count if count >= 1_000_000_000 => format!("{:.3} G", count as f64 / 1e9),
        count if count >= 1_000_000 => format!("{:.3} M", count as f64 / 1e6),
        count => grouped(count),
    }
}

/// Bytes; in MB where single ones say nothing.
fn size(bytes: u64) -> String {
    if bytes >= 10_000_000 { format!("{:.1} MB", bytes as f64 / 1e6) } else { grouped(bytes) }
}

/// Models beside the scenarios.
fn models_part(report: &BenchReport) -> String {
    let Some(basis) = &report.models_basis else { return String::new() };
    let mut rows = Builder::default();
    rows.push_record(["model", "bytes", "MACs", "flash", "SRAM", "latency", "energy", "chip"]);
    for model in &report.models {
        let mark = |as_int8: bool| if as_int8 { "*" } else { " " };
        let measured = model.inference.map(|inference| format!("{} ", time(inference.latency_us)));
        let what_if = model.what_if.map(|inference| format!("({})", time(inference.latency_us)));
        let estimate = model.estimate.map(|estimate| format!("~{}{}", time(estimate.latency_us), mark(estimate.as_int8)));
        rows.push_record([
            clipped(model.name.trim_end_matches(".tflite"), 26),
            size(model.bytes),
            model.macs.map(short).unwrap_or_default(),
            size(model.flash.needed),
            model.sram.map(|sram| size(sram.needed)).unwrap_or_default(),
            measured.or(what_if).or(estimate).unwrap_or_default(),
            model.inference.and_then(|inference| inference.energy_uj).map(energy).unwrap_or_default(),
            if model.fits { chip(&model.chip) } else { "none".to_owned() },
        ]);
    }
    let mut rows = rows.build();
    rows.with(Style::empty()).modify(Columns::new(1..), Alignment::right());
    let mut text = format!("{rows}\n\n");
    for model in &report.models {
        text.push_str(&indented(&format!("  {}: {}.", model.name, model.verdict)));
    }
    let rates: Vec<String> = basis.cycles_per_mac.iter().map(|(operator, rate)| format!("{operator} {rate:.2}")).collect();
    text.push_str(&indented(&format!(
        "\n  What could be lowered ran in the built-in runner image (stm32sim estimate gives its layers); (…) is the latency on a chip that \
         nobody makes, large enough for it, by running it there. Of the rest, flash and SRAM are the least possible (constants; activations \
         that live at once), and ~ marks an estimate at {} by the cycles per MAC measured here ({}; others take the mean), of a forest by \
         the cycles per tree of scenario anomaly-forest; ~…* is as if in int8.",
        Hz(basis.hclk_hz),
        if rates.is_empty() { "none".to_owned() } else { rates.join(", ") },
    )));
    text.push('\n');
    text
}

/// What went wrong, scenario by scenario.
fn notes_part(report: &BenchReport) -> String {
    let mut text = String::new();
    for run in &report.runs {
        let (name, findings) = match run {
            BenchRun::Ran(ran) => (ran.report.scenario.as_ref().map_or("", |s| s.name.as_str()), &ran.report.findings),
            BenchRun::Refused(refused) => (refused.scenario.name.as_str(), &refused.findings),
        };
        for finding in findings {
            text.push_str(&wrapped(&format!("{name}: {finding}")));
            text.push_str("\n\n");
        }
    }
    text
}

fn ran(report: &BenchReport) -> impl Iterator<Item = &Ran> {
    report.runs.iter().filter_map(|run| match run {
        BenchRun::Ran(ran) => Some(&**ran),
        BenchRun::Refused(_) => None,
    })
}

/// Broken at spaces to at most 100 columns, every line but an empty one indented.
fn indented(text: &str) -> String {
    format!("{}\n", wrapped(text))
}

fn verdict(report: &BenchReport) -> String {
    let all = report.runs.len();
    let fit = ran(report).count();
    let well = report.runs.iter().filter(|run| run.exit_code() == 0).count();
    let scenarios = format!("{fit} of {all} scenario{} fit{}", if all == 1 { "" } else { "s" }, if fit == 1 { "s" } else { "" });
    let outputs = match well {
        well if well == fit => ", every output as the reference's".to_owned(),
        well => format!(", {well} of them with every output as the reference's"),
    };
    let models = report.models_basis.as_ref().map_or_else(String::new, |_| {
        let running = report.models.iter().filter(|model| model.ran).count();
        format!("; {running} of {} models beside them ran", report.models.len())
    });
    wrapped(&format!("{scenarios}{}{models}", if fit == 0 { String::new() } else { outputs }))
}
