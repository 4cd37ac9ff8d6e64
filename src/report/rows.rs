//! What it is: results as plain rows of columns, for DuckDB, pandas, polars and spreadsheets: JSON Lines or CSV, one row a result.
//! Source: jsonlines.org; RFC 4180 for CSV.
//! Does not model: nested values: layers and functions are in the report itself.
//! Tested by: `tests/campaign.rs` (a second reader), `tests/suite.rs`.

use super::eval::{EvalReport, SampleResult};
use super::metric::METRICS;
use super::record::Record;
use super::run::rounded;
use crate::units::{Cycles, Hz};
use serde_json::{Map, Value, json};
use std::path::Path;

/// A result's columns, in a fixed order; a column without a value is null.
#[must_use]
pub fn columns(record: &Record) -> Map<String, Value> {
    let scenario = record.scenario.as_ref();
    let mut row = Map::new();
    row.insert("key".to_owned(), json!(record.key()));
    row.insert("name".to_owned(), json!(record.subject()));
    row.insert("scenario".to_owned(), json!(scenario.map(|scenario| &scenario.name)));
    row.insert("firmware".to_owned(), json!(record.firmware.name));
    row.insert("chip".to_owned(), json!(record.chip.name));
    row.insert("hclk_hz".to_owned(), json!(record.clock.as_ref().map(|clock| clock.hclk_hz)));
    row.insert("flash_wait_states".to_owned(), json!(record.clock.as_ref().map(|clock| clock.flash_wait_states)));
    row.insert("prefetch".to_owned(), json!(record.clock.as_ref().map(|clock| clock.prefetch)));
    row.insert("build".to_owned(), json!(record.point.get("opt")));
    row.insert("outcome".to_owned(), json!(record.outcome.kind));
    for metric in METRICS {
        let value = match metric.of(record) {
            // A count stays a whole number.
            Some(value) if value.fract() == 0.0 && (0.0..9e15).contains(&value) && is_whole(metric.unit) => json!(value as u64),
            other => json!(other),
        };
        row.insert(metric.name.to_owned(), value);
    }
    row
}

fn is_whole(unit: super::metric::Unit) -> bool {
    matches!(unit, super::metric::Unit::Count | super::metric::Unit::Bytes)
}

/// An evaluation's samples, a row each.
#[must_use]
pub fn of_samples(report: &EvalReport) -> Vec<Map<String, Value>> {
    let class = |index: usize| report.eval.classes.get(index).map(|class| class.name.as_str());
    let hclk = Hz(report.clock.hclk_hz);
    let row = |result: &SampleResult| {
        let fields = [
            ("scenario", json!(report.scenario.name)),
            ("firmware", json!(report.firmware.name)),
            ("chip", json!(report.chip.name)),
            ("hclk_hz", json!(report.clock.hclk_hz)),
            ("flash_wait_states", json!(report.clock.flash_wait_states)),
            ("sample", json!(result.sample)),
            ("expected", json!(class(result.expected))),
            ("label", json!(result.label.and_then(class))),
            ("correct", json!(result.label == Some(result.expected))),
            ("matches_reference", json!(result.matches_reference)),
            ("instructions", json!(result.instructions)),
            ("cycles", json!(result.cycles)),
            ("latency_us", json!(result.cycles.map(|cycles| rounded(hclk.micros(Cycles(cycles)))))),
            ("failure", json!(result.failure.as_ref().map(|finding| finding.code.entry().name))),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    };
    report.results.iter().map(row).collect()
}

/// Rows for a file: CSV where its name says so, else JSON Lines.
#[must_use]
pub fn text(path: &Path, rows: &[Map<String, Value>]) -> String {
    let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    if is_csv { csv(rows) } else { json_lines(rows) }
}

/// One line of JSON each.
#[must_use]
pub fn json_lines<'a>(rows: impl IntoIterator<Item = &'a Map<String, Value>>) -> String {
    rows.into_iter().map(|row| format!("{}\n", Value::Object(row.clone()))).collect()
}

/// A line of names, then one of values each. All rows have the same columns.
#[must_use]
pub fn csv(rows: &[Map<String, Value>]) -> String {
    let mut text = String::new();
    if let Some(first) = rows.first() {
        text.push_str(&first.keys().map(String::as_str).collect::<Vec<_>>().join(","));
        text.push_str("\r\n");
    }
    for row in rows {
        let cells: Vec<String> = row.values().map(cell).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}
