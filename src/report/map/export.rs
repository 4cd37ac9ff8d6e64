//! What it is: the memory map, or the difference of two, as Markdown and as comma-separated values.
//! Source: [`super::MapReport`].
//! Does not model: anything; every number is the report's.
//! Tested by: `tests/map_units.rs` (the sums of both formats; the table's form).

use super::text::{columns, columns_of_difference};
use super::{MapReport, Use};
use crate::report::markdown::{escaped, table};
use crate::report::rows;
use serde_json::{Map, Value, json};

/// Two Markdown tables: the memories, and their `top` largest rows or changes.
#[must_use]
pub fn markdown(report: &MapReport, top: Option<usize>) -> String {
    let mut regions = vec![["memory", "size", "used", "free"].map(str::to_owned).to_vec()];
    let (title, rows) = match &report.other {
        Some(other) => {
            regions = vec![["memory", "before", "after", "change"].map(str::to_owned).to_vec()];
            regions.extend(other.difference.regions.iter().map(|change| {
                let bytes = |size: Option<u64>| size.unwrap_or(0).to_string();
                vec![
                    super::text::region(change.region).to_owned(),
                    bytes(change.old),
                    bytes(change.new),
                    change.delta.to_string(),
                ]
            }));
            (format!("{} -> {}", report.firmware.name, other.firmware.name), columns_of_difference(&other.difference, top))
        }
        None => {
            regions.extend(report.map.regions.iter().map(|part| {
                let mut row = vec![super::text::region(part.name).to_owned()];
                row.extend([part.size, part.used, part.free].map(|bytes| bytes.to_string()));
                row
            }));
            (report.firmware.name.clone(), columns(report, top))
        }
    };
    format!(
        "**{} on {}**\n\n{}\n{}",
        escaped(&title),
        escaped(&report.chip.name),
        table(&regions, 1),
        table(&rows.cells, rows.numbers)
    )
}

/// All rows (all groups of a map by unit or crate, all changes of a comparison), a line each, with plain numbers.
#[must_use]
pub fn csv(report: &MapReport) -> String {
    let mut lines: Vec<Map<String, Value>> = Vec::new();
    let mut push = |value: Value| {
        if let Value::Object(row) = value {
            lines.push(row);
        }
    };
    let usage = |mut value: Value, used: Option<Use>| {
        if report.run.is_some()
            && let Value::Object(row) = &mut value
        {
            row.insert("executed".to_owned(), json!(used.map(|used| used.executed)));
            row.insert("read".to_owned(), json!(used.map(|used| used.read)));
            row.insert("written".to_owned(), json!(used.and_then(|used| used.written)));
            row.insert("untouched".to_owned(), json!(used.map(|used| used.untouched)));
        }
        value
    };
    match &report.other {
        Some(other) => {
            for change in &other.difference.rows {
                push(json!({
                    "region": change.region, "name": change.name, "old": change.old, "new": change.new, "delta": change.delta,
                }));
            }
        }
        None if report.map.groups.is_empty() => {
            for row in &report.map.rows {
                let cells = json!({
                    "region": row.region, "kind": row.kind, "name": row.name, "section": row.section, "address": row.address,
                    "size": row.size,
                });
                push(usage(cells, row.used));
            }
        }
        None => {
            for group in &report.map.groups {
                push(usage(json!({ "region": group.region, "name": group.name, "size": group.size }), group.used));
            }
        }
    }
    rows::csv(&lines)
}
