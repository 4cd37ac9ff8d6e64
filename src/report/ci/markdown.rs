//! What it is: cases as Markdown, for a comment that is kept up to date on a pull request, and for a step's summary.
//! Source: GitHub Flavored Markdown: tables, details.
//! Does not model: posting it; docs/ci.md shows how.
//! Tested by: `tests/ci_outputs.rs` (a Markdown reader of another make).

use super::super::campaign_table::cells_of;
use super::super::compare::{Moved, Verdict};
use super::super::markdown::escaped as cell;
use super::{Case, Level};
use crate::units::grouped;

/// A line that a bot finds its own comment by.
pub const MARKER: &str = "<!-- stm32sim report -->";

/// So many parts that moved are named of each case.
const MOST_PARTS: usize = 5;

/// The text.
#[must_use]
pub fn markdown(cases: &[Case]) -> String {
    let failing = cases.iter().filter(|case| case.fails()).count();
    let verdict = match failing {
        0 => format!("all {} runs are fine", cases.len()),
        failing => format!("**{failing} of {} runs fail**", cases.len()),
    };
    let mut text = format!("{MARKER}\n### stm32sim: {verdict}\n\n");
    text.push_str(&standings(cases));
    let moved: Vec<&Case> = cases.iter().filter(|case| case.row.as_ref().is_some_and(|row| !row.changes.is_empty())).collect();
    if !moved.is_empty() {
        text.push_str("| run | metric | before | now | change | |\n|---|---|--:|--:|--:|---|\n");
        for case in &moved {
            for change in case.row.iter().flat_map(|row| &row.changes) {
                let [old, new, difference] = change.shown();
                let word = if change.verdict == Verdict::Changed { "" } else { change.verdict.word() };
                text.push_str(&format!(
                    "| {} | {} | {old} | {new} | {difference} | {word} |\n",
                    cell(&case.key),
                    cell(&change.metric)
                ));
            }
        }
        text.push('\n');
    }
    for case in &moved {
        let Some(row) = &case.row else { continue };
        let parts = [("layer", &row.layers), ("function", &row.functions), ("cause", &row.causes)];
        if parts.iter().all(|(_, parts)| parts.is_empty()) {
            continue;
        }
        text.push_str(&format!("<details><summary>What moved in {}</summary>\n\n", html(&case.key)));
        text.push_str("| part | before | now | cycles |\n|---|--:|--:|--:|\n");
        for (kind, parts) in parts {
            for part in parts.iter().take(MOST_PARTS) {
                text.push_str(&moved_row(kind, part));
            }
        }
        text.push_str("\n</details>\n\n");
    }
    for remark in cases.iter().flat_map(|case| &case.remarks) {
        let mark = match remark.level {
            Level::Error => "**error**",
            Level::Warning => "warning",
            Level::Note => "note",
        };
        text.push_str(&format!("* {mark} `{}`: {}\n", remark.finding.code.entry().name, cell(&remark.finding.message)));
    }
    if cases.iter().any(|case| case.record.is_some()) {
        text.push_str("\n<details><summary>All results</summary>\n\n");
        text.push_str("| run | cycles | latency | energy | flash | SRAM | accuracy | |\n|---|--:|--:|--:|--:|--:|--:|---|\n");
        for case in cases {
            let Some(record) = &case.record else { continue };
            let word = case.row.as_ref().map_or("", |row| row.verdict.word());
            text.push_str(&format!("| {} | {} | {word} |\n", cell(&case.key), cells_of(record).join(" | ")));
        }
        text.push_str("\n</details>\n");
    }
    text
}

/// How many rows stand how, and the names of those that only one side has.
fn standings(cases: &[Case]) -> String {
    let mut parts = Vec::new();
    for verdict in Verdict::COUNTED {
        let of: Vec<String> = cases
            .iter()
            .filter(|case| case.row.as_ref().is_some_and(|row| row.verdict == verdict))
            .map(|case| cell(&case.key))
            .collect();
        let word = verdict.word().to_lowercase();
        match (of.len(), verdict) {
            (0, _) => {}
            (count, Verdict::New | Verdict::Gone) => parts.push(format!("{count} {word} ({})", of.join(", "))),
            (count, _) => parts.push(format!("{count} {word}")),
        }
    }
    if parts.is_empty() { String::new() } else { format!("Against the baseline: {}.\n\n", parts.join(", ")) }
}

fn moved_row(kind: &str, part: &Moved) -> String {
    let value = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), grouped);
    format!("| {kind} {} | {} | {} | {:+} |\n", cell(&part.name), value(part.old), value(part.new), part.by())
}

fn html(text: &str) -> String {
    super::super::xml::escaped(text)
}
