//! What it is: cases as JUnit XML, which nearly every build server shows: a test suite for each run, its metrics as properties.
//! Source: the schema that Jenkins' xUnit plug-in publishes (`junit-10.xsd`): properties belong to suites, times have three decimals.
//! Does not model: how long the host took: times are the chip's, which are the same everywhere.
//! Tested by: `tests/ci_outputs.rs` (that schema; PyPI's `junitparser`).

use super::super::metric::METRICS;
use super::super::xml::escaped;
use super::{Case, Level, text_of};

/// The document.
#[must_use]
pub fn junit(cases: &[Case]) -> String {
    let failures = cases.iter().filter(|case| case.fails() && !broke(case)).count();
    let errors = cases.iter().filter(|case| broke(case)).count();
    let seconds: f64 = cases.iter().map(time).sum();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"stm32sim\" tests=\"{}\" failures=\"{failures}\" \
         errors=\"{errors}\" time=\"{seconds:.3}\">\n",
        cases.len()
    );
    for case in cases {
        text.push_str(&testsuite(case));
    }
    text.push_str("</testsuites>\n");
    text
}

/// Whether the run itself failed, which JUnit calls an error, not a failure.
fn broke(case: &Case) -> bool {
    case.record.as_ref().is_some_and(|record| !record.is_fine())
}

/// An inference on the chip, in seconds.
fn time(case: &Case) -> f64 {
    case.record.as_ref().and_then(|record| record.inference.as_ref()).map_or(0.0, |inference| inference.latency_us / 1e6)
}

fn testsuite(case: &Case) -> String {
    let (key, seconds) = (escaped(&case.key), time(case));
    let (failures, errors) = match (case.fails(), broke(case)) {
        (_, true) => (0, 1),
        (fails, false) => (u8::from(fails), 0),
    };
    let mut text = format!(
        "<testsuite name=\"{key}\" tests=\"1\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"0\" time=\"{seconds:.3}\">\n"
    );
    if let Some(record) = &case.record {
        text.push_str("<properties>\n");
        for metric in METRICS {
            if let Some(value) = metric.of(record) {
                text.push_str(&format!("<property name=\"{}\" value=\"{value}\"/>\n", metric.name));
            }
        }
        text.push_str("</properties>\n");
    }
    let chip = case.record.as_ref().map_or("stm32sim", |record| record.chip.name.as_str());
    text.push_str(&format!(
        "<testcase classname=\"stm32sim.{}\" name=\"{key}\" time=\"{seconds:.3}\">\n",
        escaped(&chip.replace('.', "_"))
    ));
    let element = if broke(case) { "error" } else { "failure" };
    for remark in case.remarks.iter().filter(|remark| remark.level == Level::Error) {
        let finding = &remark.finding;
        text.push_str(&format!(
            "<{element} type=\"{}\" message=\"{}\">{}</{element}>\n",
            finding.code.entry().name,
            escaped(&finding.message),
            escaped(&text_of(remark))
        ));
    }
    let notes: Vec<String> = case.remarks.iter().filter(|remark| remark.level != Level::Error).map(text_of).collect();
    if !notes.is_empty() {
        text.push_str(&format!("<system-out>{}</system-out>\n", escaped(&notes.join("\n"))));
    }
    text.push_str("</testcase>\n</testsuite>\n");
    text
}
