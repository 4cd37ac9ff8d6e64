//! What it is: an evaluation's report as text for people: at most 100 columns, the verdict last; and as Markdown.
//! Source: [`super::eval::EvalReport`].
//! Does not model: anything; every number is the report's.
//! Tested by: `tests/eval.rs` (width, last line, numbers).

use super::ci::markdown::cell;
use super::eval::{EvalReport, EvalSummary, Spread};
use super::table::{clipped, time, wrapped};
use crate::units::{Hz, grouped};
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

/// How many samples without an answer, or with another than the reference's, the table lists.
const LISTED: usize = 5;
/// The most classes whose confusion matrix still fits the width.
const MATRIX_CLASSES: usize = 12;

/// The report as text; `verbose` lists every sample that failed or differs.
#[must_use]
pub fn table(report: &EvalReport, verbose: bool) -> String {
    let eval = &report.eval;
    let mut text = head(report);
    text.push_str(&class_part(eval));
    text.push_str(&rates_part(report));
    text.push_str(&odd_part(report, if verbose { usize::MAX } else { LISTED }));
    for finding in &report.findings {
        text.push_str(&wrapped(&format!("{finding}")));
        text.push_str("\n\n");
    }
    text.push_str(&verdict(report));
    text
}

/// The report as Markdown: the rates by class, and what they come to.
#[must_use]
pub fn markdown(report: &EvalReport) -> String {
    let eval = &report.eval;
    let mut text = String::from("| class | precision | recall | F1 | support |\n|---|--:|--:|--:|--:|\n");
    for class in &eval.classes {
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            cell(&class.name),
            rate(class.precision),
            rate(class.recall),
            rate(class.f1),
            grouped(class.support)
        ));
    }
    text.push_str(&format!("\n{} on {}: {}.\n", cell(&report.scenario.name), cell(&report.chip.name), cell(&verdict(report))));
    text
}

fn head(report: &EvalReport) -> String {
    let clock = &report.clock;
    let shard = report.shard.map_or_else(String::new, |shard| format!(", shard {}/{}", shard.index, shard.count));
    format!(
        "{} on {}, scenario {}: {} samples{shard}\n{}, {} flash wait state{}, prefetch {}{}\n\n",
        report.firmware.name,
        report.chip.name,
        report.scenario.name,
        grouped(report.eval.samples),
        Hz(clock.hclk_hz),
        clock.flash_wait_states,
        if clock.flash_wait_states == 1 { "" } else { "s" },
        if clock.prefetch { "on" } else { "off" },
        if clock.what_if { " (what if: not as the firmware sets it)" } else { "" },
    )
}

/// `0.9877`, or a dash for a rate of nothing.
fn rate(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"))
}

fn class_part(eval: &EvalSummary) -> String {
    let mut rows = Builder::default();
    rows.push_record(["", "class", "precision", "recall", "F1", "support"]);
    for (number, class) in eval.classes.iter().enumerate() {
        rows.push_record([
            number.to_string(),
            clipped(&class.name, 24),
            rate(class.precision),
            rate(class.recall),
            rate(class.f1),
            grouped(class.support),
        ]);
    }
    let mut rows = rows.build();
    rows.with(Style::blank()).modify(Columns::new(2..), Alignment::right());
    format!("{rows}\n\n{}", matrix(eval))
}

fn matrix(eval: &EvalSummary) -> String {
    if eval.classes.len() > MATRIX_CLASSES {
        return format!("  The confusion matrix of {} classes is in --format json.\n\n", eval.classes.len());
    }
    let mut rows = Builder::default();
    let columns = (0..eval.classes.len()).map(|number| number.to_string());
    rows.push_record(["", "given:"].into_iter().map(str::to_owned).chain(columns));
    for ((number, class), counts) in eval.classes.iter().enumerate().zip(&eval.confusion) {
        let counts = counts.iter().map(|count| if *count == 0 { ".".to_owned() } else { count.to_string() });
        rows.push_record([number.to_string(), format!("is {}", clipped(&class.name, 17))].into_iter().chain(counts));
    }
    let mut rows = rows.build();
    rows.with(Style::blank()).modify(Columns::new(2..), Alignment::right());
    format!("{rows}\n\n")
}

fn rates_part(report: &EvalReport) -> String {
    let eval = &report.eval;
    let mut text = String::new();
    let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<12} {value}\n"));
    line("accuracy", format!("{:.4} ({} of {})", eval.accuracy, grouped(eval.correct), grouped(eval.samples)));
    if let Some(auc) = eval.auc {
        line("AUC", format!("{auc:.5}"));
    }
    let agreement = eval.reference.agreement();
    line("agreement", format!("{} of {} outputs {agreement}", grouped(eval.agreeing), grouped(eval.samples)));
    if let (Some(cycles), Some(latency)) = (eval.cycles, eval.latency_us) {
        line("cycles", spread(cycles, grouped));
        line("latency", format!("{}, at {}", spread(latency, time), Hz(report.clock.hclk_hz)));
    }
    text.push('\n');
    text
}

fn spread<T: Copy>(range: Spread<T>, show: impl Fn(T) -> String) -> String {
    format!("{} at least, {} on average, {} at most", show(range.min), show(range.mean), show(range.max))
}

/// The samples that need looking at.
fn odd_part(report: &EvalReport, most: usize) -> String {
    let odd: Vec<String> = report
        .results
        .iter()
        .filter_map(|result| match &result.failure {
            Some(finding) => Some(format!("  sample {}: {}", result.sample, finding.message)),
            None if result.matches_reference == Some(true) => None,
            None => Some(format!("  sample {}: the output differs from the reference", result.sample)),
        })
        .collect();
    if odd.is_empty() {
        return String::new();
    }
    let mut text: String = odd.iter().take(most).map(|line| format!("{}\n", clipped(line, 100))).collect();
    if odd.len() > most {
        text.push_str(&format!("  … {} more (--verbose shows them)\n", grouped((odd.len() - most) as u64)));
    }
    text.push('\n');
    text
}

fn verdict(report: &EvalReport) -> String {
    let eval = &report.eval;
    let accuracy = format!("accuracy {:.4} ({} of {})", eval.accuracy, grouped(eval.correct), grouped(eval.samples));
    if report.outcome.code != 0 {
        return wrapped(&format!("{accuracy}; {}", report.outcome.message));
    }
    let latency = eval
        .latency_us
        .map_or_else(String::new, |latency| format!(", {} per inference at {}", time(latency.mean), Hz(report.clock.hclk_hz)));
    format!("{accuracy}, every output as the reference's{latency}")
}
