//! What it is: results as plain rows of columns, for DuckDB, pandas, polars and spreadsheets: JSON Lines or CSV, one row a result.
//! Source: jsonlines.org; RFC 4180 for CSV.
//! Does not model: nested values: layers and functions are in the report itself.
//! Tested by: `tests/campaign.rs` (a second reader), `tests/suite.rs`.

use super::metric::METRICS;
use super::record::Record;
use serde_json::{Map, Value, json};

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
