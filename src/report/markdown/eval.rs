//! What it is: an evaluation as Markdown.
//! Source: [`EvalReport`].
//! Does not model: sample by sample results; `--rows` has them.
//! Tested by: `tests/markdown.rs`.

use super::run::findings;
use super::{escaped, row, table};
use crate::report::eval::EvalReport;
use crate::report::table::time;

/// An evaluation.
#[must_use]
pub fn eval(report: &EvalReport) -> String {
    let eval = &report.eval;
    let rate = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
    let mut text = format!(
        "**{} on {}, scenario {}**: accuracy {:.4} ({} of {}), {} of {} outputs {}; {}\n\n",
        escaped(&report.firmware.name),
        escaped(&report.chip.name),
        escaped(&report.scenario.name),
        eval.accuracy,
        eval.correct,
        eval.samples,
        eval.agreeing,
        eval.samples,
        escaped(&eval.reference.agreement()),
        escaped(&report.outcome.message),
    );
    let mut rows = vec![["class", "precision", "recall", "F1", "support"].map(str::to_owned).to_vec()];
    for class in &eval.classes {
        rows.push(row([&class.name, &rate(class.precision), &rate(class.recall), &rate(class.f1), &class.support]));
    }
    text.push_str(&format!("{}\n", table(&rows, 1)));
    let given = std::iter::once("is \\ given".to_owned()).chain(eval.classes.iter().map(|class| class.name.clone()));
    let mut rows = vec![given.collect::<Vec<_>>()];
    for (class, counts) in eval.classes.iter().zip(&eval.confusion) {
        rows.push(std::iter::once(class.name.clone()).chain(counts.iter().map(u64::to_string)).collect());
    }
    text.push_str(&format!("{}\n", table(&rows, 1)));
    let mut rows = vec![["", "least", "mean", "most"].map(str::to_owned).to_vec()];
    if let (Some(cycles), Some(latency)) = (eval.cycles, eval.latency_us) {
        rows.push(row([&"cycles", &cycles.min, &cycles.mean, &cycles.max]));
        rows.push(row([&"latency", &time(latency.min), &time(latency.mean), &time(latency.max)]));
        text.push_str(&format!("{}\n", table(&rows, 1)));
    }
    if let Some(auc) = eval.auc {
        text.push_str(&format!("AUC {auc:.5}\n\n"));
    }
    text.push_str(&findings(&report.findings));
    text
}
