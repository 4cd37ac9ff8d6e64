//! What it is: an evaluation's page: verdict, rates by class, the confusion matrix, the samples that need looking at.
//! Source: [`EvalReport`].
//! Does not model: anything.
//! Tested by: `tests/html.rs`.

use super::parts::{findings, share};
use super::{escaped, page};
use crate::report::eval::{EvalReport, EvalSummary};
use crate::report::table::time;
use crate::units::{Hz, grouped};
use std::fmt::Write;

/// How many samples without an answer, or with another than the reference's, the page lists.
const MOST_LISTED: usize = 100;

/// The page.
#[must_use]
pub fn eval_page(report: &EvalReport) -> String {
    let eval = &report.eval;
    let title = format!("{} on {}, scenario {}", report.firmware.name, report.chip.name, report.scenario.name);
    let fine = report.outcome.code == 0;
    let mut body = format!(
        "<h1>{}</h1>\n<p class=\"verdict {}\"><span aria-hidden=\"true\">{}</span> accuracy {:.4} ({} of {}); {}</p>\n",
        escaped(&title),
        if fine { "fine" } else { "bad" },
        if fine { "✓" } else { "✗" },
        eval.accuracy,
        grouped(eval.correct),
        grouped(eval.samples),
        escaped(&report.outcome.message),
    );
    let _ = writeln!(
        body,
        "<p>{} of {} outputs {}{}{}</p>",
        grouped(eval.agreeing),
        grouped(eval.samples),
        escaped(&eval.reference.agreement()),
        eval.auc.map_or_else(String::new, |auc| format!(", AUC {auc:.5}")),
        eval.latency_us.map_or_else(String::new, |latency| {
            let clock = Hz(report.clock.hclk_hz);
            format!(", {} to {}, on average {} at {clock}", time(latency.min), time(latency.max), time(latency.mean))
        }),
    );
    body.push_str(&classes(eval));
    body.push_str(&matrix(eval));
    body.push_str(&odd(report));
    body.push_str(&findings(&report.findings));
    page(&title, &body, "")
}

fn classes(eval: &EvalSummary) -> String {
    let rate = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
    let mut text = String::from(
        "<section><h2>Classes</h2>\n<table><thead><tr><th>class</th><th class=\"n\">precision</th><th class=\"n\">recall</th>\
         <th class=\"n\">F1</th><th class=\"n\">support</th></tr></thead><tbody>\n",
    );
    for class in &eval.classes {
        let _ = writeln!(
            text,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            escaped(&class.name),
            rate(class.precision),
            rate(class.recall),
            rate(class.f1),
            grouped(class.support)
        );
    }
    text.push_str("</tbody></table></section>\n");
    text
}

/// Counts by true and by given class. A cell is the darker the larger its share of the row, and right answers are framed: neither says
/// anything that its number does not.
fn matrix(eval: &EvalSummary) -> String {
    let mut text = String::from(
        "<section><h2>Confusion matrix</h2>\n<div class=\"scroll\"><table class=\"matrix\"><thead><tr><th scope=\"col\">is \\ given</th>",
    );
    for class in &eval.classes {
        let _ = write!(text, "<th scope=\"col\" class=\"n\">{}</th>", escaped(&class.name));
    }
    text.push_str("</tr></thead><tbody>\n");
    for ((number, class), counts) in eval.classes.iter().enumerate().zip(&eval.confusion) {
        let whole: u64 = counts.iter().sum();
        let _ = write!(text, "<tr><th scope=\"row\">{}</th>", escaped(&class.name));
        for (given, count) in counts.iter().enumerate() {
            let step = if *count == 0 { 0 } else { (share(*count, whole) / 25.0).ceil() as u32 };
            let right = if given == number { " right" } else { "" };
            let _ = write!(text, "<td class=\"n m{step}{right}\">{}</td>", grouped(*count));
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody></table></div></section>\n");
    text
}

/// The samples that need looking at.
fn odd(report: &EvalReport) -> String {
    let odd: Vec<String> = report
        .results
        .iter()
        .filter_map(|result| match &result.failure {
            Some(finding) => Some(format!("sample {}: {}", result.sample, finding.message)),
            None if result.matches_reference == Some(true) => None,
            None => Some(format!("sample {}: the output differs from the reference", result.sample)),
        })
        .collect();
    if odd.is_empty() {
        return String::new();
    }
    let mut text = String::from("<section><h2>Samples to look at</h2>\n<ul>\n");
    for line in odd.iter().take(MOST_LISTED) {
        let _ = writeln!(text, "<li>{}</li>", escaped(line));
    }
    if odd.len() > MOST_LISTED {
        let _ = writeln!(text, "<li>[{} more]</li>", odd.len() - MOST_LISTED);
    }
    text.push_str("</ul></section>\n");
    text
}
