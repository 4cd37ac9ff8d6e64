//! What it is: a comparison as text for people: at most 100 columns, the verdict last.
//! Source: [`super::compare::Comparison`].
//! Does not model: anything; every number is the comparison's.
//! Tested by: `tests/baseline.rs`.

use super::compare::{Comparison, Moved, Row, Verdict};
use super::table::{clipped, wrapped};
use crate::units::grouped;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

/// So many parts that moved are shown of each kind.
const MOST_PARTS: usize = 5;

/// The comparison as text; `verbose` shows every part that moved, `saved` names the file that now holds the new results.
#[must_use]
pub fn table(comparison: &Comparison, verbose: bool, saved: Option<&str>) -> String {
    let most = if verbose { usize::MAX } else { MOST_PARTS };
    let mut text = String::new();
    for row in &comparison.rows {
        text.push_str(&format!(" {:8}{}\n", row.verdict.word(), clipped(&row.key, 90)));
        text.push_str(&details(row, most));
        for note in &row.notes {
            text.push_str(&format!("{}\n", wrapped(&format!("          {note}"))));
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(&verdict(comparison, saved));
    text
}

fn details(row: &Row, most: usize) -> String {
    if row.changes.is_empty() && row.layers.is_empty() && row.functions.is_empty() {
        return String::new();
    }
    let mut rows = Builder::default();
    for change in &row.changes {
        let [old, new, difference] = change.shown();
        let word = if change.verdict == Verdict::Changed { String::new() } else { change.verdict.word().to_owned() };
        rows.push_record([clipped(&change.metric, 40), old, new, difference, word]);
    }
    for (kind, parts) in [("layer", &row.layers), ("function", &row.functions), ("cause", &row.causes)] {
        for part in parts.iter().take(most) {
            rows.push_record(moved(kind, part));
        }
        if parts.len() > most {
            let more = format!("{} more {kind}s moved", parts.len() - most);
            rows.push_record([more, String::new(), String::new(), String::new(), String::new()]);
        }
    }
    let mut table = rows.build();
    table.with(Style::empty()).modify(Columns::new(1..4), Alignment::right());
    let lines: Vec<String> = table.to_string().lines().map(|line| format!("         {}\n", line.trim_end())).collect();
    lines.concat()
}

fn moved(kind: &str, part: &Moved) -> [String; 5] {
    let value = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), grouped);
    let by = part.by();
    let size = grouped(u64::try_from(by.abs()).unwrap_or(u64::MAX));
    let by = format!("{}{size}", if by < 0 { "-" } else { "+" });
    [clipped(&format!("{kind} {}", part.name), 40), value(part.old), value(part.new), by, String::new()]
}

fn verdict(comparison: &Comparison, saved: Option<&str>) -> String {
    let counts: Vec<String> = Verdict::COUNTED
        .iter()
        .map(|verdict| (comparison.count(*verdict), verdict.word().to_lowercase()))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let counts = if counts.is_empty() { "nothing to compare".to_owned() } else { counts.join(", ") };
    if let Some(file) = saved {
        return format!("{counts}: saved in {file}");
    }
    let bad = comparison.rows.iter().filter(|row| comparison.fails(row)).count();
    match bad {
        0 => format!("{counts}: no regression"),
        1 => format!("{counts}: 1 row fails"),
        bad => format!("{counts}: {bad} rows fail"),
    }
}
