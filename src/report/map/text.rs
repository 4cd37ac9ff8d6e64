//! What it is: the memory map as text for people: bars, the largest rows, the difference of two files, a verdict.
//! Source: [`super::MapReport`].
//! Does not model: anything; every number is the report's.
//! Tested by: `tests/map.rs`, `tests/cli.rs` (width, last line).

use super::{Change, Difference, MapReport, Row, Use};
use crate::chip::Bank;
use crate::units::grouped;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

const BAR: usize = 24;
const NAME: usize = 36;

pub(super) fn region(bank: Bank) -> &'static str {
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
    let columns = columns(report, top);
    let mut table = Builder::from_iter(columns.cells).build();
    table.with(Style::blank()).modify(Columns::new(columns.numbers..), Alignment::right());
    let note = match &report.run {
        Some(run) => format!(
            "Scenario {}, sample 0: {}.\nBytes that a run does several things with are in several columns.\n\n",
            run.scenario, run.outcome
        ),
        None => String::new(),
    };
    let stack = report.stack.as_ref().map(|bound| format!("{}\n", crate::report::stack::lines(bound))).unwrap_or_default();
    format!("{text}\n{table}\n\n{stack}{note}{}", verdict(report))
}

/// A table's cells, its head first; from column `numbers` on they are numbers.
pub(super) struct Cells {
    pub cells: Vec<Vec<String>>,
    pub numbers: usize,
}

/// The largest `top` rows, or groups, of each memory; the rest is summed up.
pub(super) fn columns(report: &MapReport, top: Option<usize>) -> Cells {
    let grouped_rows = !report.map.groups.is_empty();
    let mut head: Vec<&str> =
        if grouped_rows { vec!["region", "name"] } else { vec!["region", "kind", "name", "section", "address"] };
    let numbers = head.len();
    head.push("bytes");
    if report.run.is_some() {
        head.extend(["executed", "read", "written", "untouched"]);
    }
    let mut cells = vec![head.into_iter().map(str::to_owned).collect::<Vec<String>>()];
    for part in &report.map.regions {
        let mut rows: Vec<(Vec<String>, u64, Option<Use>)> = if grouped_rows {
            let groups = report.map.groups.iter().filter(|group| group.region == part.name);
            groups.map(|group| (vec![shortened(&group.name, NAME)], group.size, group.used)).collect()
        } else {
            let mut rows: Vec<&Row> = report.map.rows.iter().filter(|row| row.region == part.name).collect();
            rows.sort_by(|a, b| (b.size, a.address).cmp(&(a.size, b.address)));
            let cells = |row: &Row| {
                let section = shortened(row.section.as_deref().unwrap_or(""), 12);
                vec![kind(row), shortened(&row.name, NAME), section, row.address.to_string()]
            };
            rows.into_iter().map(|row| (cells(row), row.size, row.used)).collect()
        };
        let rest = rows.split_off(top.unwrap_or(rows.len()).min(rows.len()));
        if !rest.is_empty() {
            let mut words = vec![String::new(); numbers - 1];
            if let Some(name) = words.get_mut(usize::from(!grouped_rows)) {
                *name = format!("[{} smaller {}]", rest.len(), if grouped_rows { "ones" } else { "rows" });
            }
            let sum = rest.iter().fold(None, |sum, (.., used)| Use::sum(sum, *used));
            rows.push((words, rest.iter().map(|(_, size, _)| size).sum(), sum));
        }
        for (words, size, used) in rows {
            let mut row = vec![region(part.name).to_owned()];
            row.extend(words);
            row.push(grouped(size));
            if report.run.is_some() {
                let number = |value: Option<u64>| value.map(grouped).unwrap_or_default();
                row.push(number(used.map(|used| used.executed)));
                row.push(number(used.map(|used| used.read)));
                row.push(number(used.and_then(|used| used.written)));
                row.push(number(used.map(|used| used.untouched)));
            }
            cells.push(row);
        }
    }
    Cells { cells, numbers }
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
    let columns = columns_of_difference(&other.difference, top);
    let mut table = Builder::from_iter(columns.cells).build();
    table.with(Style::blank()).modify(Columns::new(columns.numbers..), Alignment::right());
    let verdict: Vec<String> =
        other.difference.regions.iter().map(|change| format!("{} {} B", region(change.region), signed(change.delta))).collect();
    let body = if other.difference.rows.is_empty() { "no row changed".to_owned() } else { table.to_string() };
    format!("{text}\n{body}\n\n{}: {}", other.firmware.name, verdict.join(", "))
}

/// The largest `top` changes; the rest is summed up.
pub(super) fn columns_of_difference(difference: &Difference, top: Option<usize>) -> Cells {
    let mut cells = vec![["region", "name", "", "before", "after", "change"].map(str::to_owned).to_vec()];
    let shown = top.unwrap_or(usize::MAX).min(difference.rows.len());
    let (largest, rest) = difference.rows.split_at(shown);
    cells.extend(largest.iter().map(|change| {
        vec![
            region(change.region).to_owned(),
            shortened(change.name.as_deref().unwrap_or(""), NAME),
            word(change).to_owned(),
            change.old.map(grouped).unwrap_or_default(),
            change.new.map(grouped).unwrap_or_default(),
            signed(change.delta),
        ]
    }));
    if !rest.is_empty() {
        let sum = rest.iter().map(|change| change.delta).sum();
        let name = format!("[{} smaller changes]", rest.len());
        cells.push(vec![String::new(), name, String::new(), String::new(), String::new(), signed(sum)]);
    }
    Cells { cells, numbers: 3 }
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
