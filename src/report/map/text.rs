//! What it is: the memory map as text for people: bars, the largest rows, the difference of two files, a verdict.
//! Source: [`super::MapReport`].
//! Does not model: anything; every number is the report's.
//! Tested by: `tests/map.rs`, `tests/cli.rs` (width, last line).

use super::{Change, MapReport, Row};
use crate::chip::Bank;
use crate::units::grouped;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

const BAR: usize = 24;
const NAME: usize = 36;

fn region(bank: Bank) -> &'static str {
    match bank {
        Bank::Flash => "flash",
        Bank::Sram => "SRAM",
    }
}

/// The map with its largest `top` rows per region (all of them with `None`); the rest is summed up, so that the parts make the whole.
#[must_use]
pub fn table(report: &MapReport, top: Option<usize>) -> String {
    let mut text = format!("{} on {}\n\n", report.firmware.name, report.chip.name);
    for part in &report.map.regions {
        text.push_str(&format!(
            "  {:5}  {}  {:>9} of {} B used, {:>9} B free ({:.1} %)\n",
            region(part.name),
            bar(part.used, part.size),
            grouped(part.used),
            grouped(part.size),
            grouped(part.free),
            percent(part.used, part.size),
        ));
    }
    let mut table = Builder::default();
    table.push_record(["region", "kind", "name", "section", "address", "bytes"]);
    for part in &report.map.regions {
        let mut rows: Vec<&Row> = report.map.rows.iter().filter(|row| row.region == part.name).collect();
        rows.sort_by(|a, b| (b.size, a.address).cmp(&(a.size, b.address)));
        let shown = top.unwrap_or(rows.len()).min(rows.len());
        let (largest, rest) = rows.split_at(shown);
        for row in largest {
            table.push_record([
                region(row.region).to_owned(),
                kind(row),
                shortened(&row.name, NAME),
                shortened(row.section.as_deref().unwrap_or(""), 12),
                row.address.to_string(),
                grouped(row.size),
            ]);
        }
        if !rest.is_empty() {
            let bytes: u64 = rest.iter().map(|row| row.size).sum();
            let name = format!("[{} smaller rows]", rest.len());
            table.push_record([region(part.name).to_owned(), String::new(), name, String::new(), String::new(), grouped(bytes)]);
        }
    }
    let mut table = table.build();
    table.with(Style::blank()).modify(Columns::new(5..=5), Alignment::right());
    format!("{text}\n{table}\n\n{}", verdict(report))
}

/// What a second file changes.
#[must_use]
pub fn table_of_difference(report: &MapReport, top: Option<usize>) -> String {
    let Some(other) = &report.other else { return table(report, top) };
    let mut text = format!("{} -> {} on {}\n\n", report.firmware.name, other.firmware.name, report.chip.name);
    for change in &other.difference.regions {
        text.push_str(&format!(
            "  {:5}  {:>9} -> {:>9} B  {:>9}\n",
            region(change.region),
            grouped(change.old.unwrap_or(0)),
            grouped(change.new.unwrap_or(0)),
            signed(change.delta)
        ));
    }
    let mut table = Builder::default();
    table.push_record(["region", "name", "", "before", "after", "change"]);
    let shown = top.unwrap_or(usize::MAX).min(other.difference.rows.len());
    let (largest, rest) = other.difference.rows.split_at(shown);
    for change in largest {
        table.push_record([
            region(change.region).to_owned(),
            shortened(change.name.as_deref().unwrap_or(""), NAME),
            word(change).to_owned(),
            change.old.map(grouped).unwrap_or_default(),
            change.new.map(grouped).unwrap_or_default(),
            signed(change.delta),
        ]);
    }
    if !rest.is_empty() {
        let sum = rest.iter().map(|change| change.delta).sum();
        let name = format!("[{} smaller changes]", rest.len());
        table.push_record([String::new(), name, String::new(), String::new(), String::new(), signed(sum)]);
    }
    let mut table = table.build();
    table.with(Style::blank()).modify(Columns::new(3..=5), Alignment::right());
    let verdict: Vec<String> =
        other.difference.regions.iter().map(|change| format!("{} {} B", region(change.region), signed(change.delta))).collect();
    let body = if other.difference.rows.is_empty() { "no row changed".to_owned() } else { table.to_string() };
    format!("{text}\n{body}\n\n{}: {}", other.firmware.name, verdict.join(", "))
}

fn verdict(report: &MapReport) -> String {
    let parts: Vec<String> = report
        .map
        .regions
        .iter()
        .map(|part| {
            let rest = if part.name == Bank::Sram { " for stack and heap" } else { "" };
            format!("{} B of {} free{rest}", grouped(part.free), region(part.name))
        })
        .collect();
    format!("{} fits the {}: {}", report.firmware.name, report.chip.name, parts.join(", "))
}

fn kind(row: &Row) -> String {
    // The JSON's own word, so that both formats can be searched for the same.
    serde_json::to_value(row.kind).ok().and_then(|value| value.as_str().map(|word| word.replace('-', " "))).unwrap_or_default()
}

fn word(change: &Change) -> &'static str {
    match (change.old, change.new) {
        (None, _) => "new",
        (_, None) => "gone",
        _ if change.delta > 0 => "grew",
        _ => "shrank",
    }
}

fn signed(delta: i64) -> String {
    let sign = if delta < 0 { "-" } else { "+" };
    if delta == 0 { "0".to_owned() } else { format!("{sign}{}", grouped(delta.unsigned_abs())) }
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// Filled in proportion; anything but nothing shows at least one block, anything but everything leaves at least one free.
fn bar(used: u64, size: u64) -> String {
    let exact = usize::try_from(used.saturating_mul(BAR as u64).checked_div(size).unwrap_or(0)).unwrap_or(BAR);
    let filled = match used {
        0 => 0,
        used if used == size => BAR,
        _ => exact.clamp(1, BAR - 1),
    };
    "█".repeat(filled) + &"░".repeat(BAR - filled)
}

/// The text, or its beginning and an ellipsis.
fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        text.to_owned()
    } else {
        text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
    }
}
