//! What it is: results on file: written so that a diff is read with ease, merged so that no row is lost.
//! Source: [`super::record`]; the file is a report of `bench`, schema 1, without what is not compared.
//! Does not model: history; that is the version control's matter.
//! Tested by: `tests/baseline.rs`.

use super::record::{Document, Record};
use super::{SCHEMA, Tool};
use crate::finding::{Code, Failure, Finding, Result};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct File<'a> {
    schema: u32,
    tool: Tool,
    runs: &'a [Record],
}

/// The file's text: one line for each layer and the like.
///
/// # Errors
/// `internal`, if it cannot be written as JSON.
pub fn text(records: &[Record]) -> Result<String> {
    let text = serde_json::to_string_pretty(&File { schema: SCHEMA, tool: Tool::THIS, runs: records })
        .map_err(|error| Failure::new(Code::Internal, format!("the baseline cannot be written as JSON: {error}")))?;
    Ok(flat_leaves(&text))
}

/// Pretty-printed JSON with each innermost object or list on one line. In such text a line ends with an opening bracket only where a
/// container opens: a string ends with its quote.
#[must_use]
pub fn flat_leaves(pretty: &str) -> String {
    let lines: Vec<&str> = pretty.lines().collect();
    let opens = |line: &str| line.ends_with('{') || line.ends_with('[');
    let closes = |line: &str| matches!(line.trim_start().trim_end_matches(','), "}" | "]");
    let mut out = String::with_capacity(pretty.len());
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let rest = lines.get(at + 1..).unwrap_or_default();
        let end = rest.iter().position(|line| opens(line) || closes(line));
        match end {
            Some(end) if opens(line) && rest.get(end).is_some_and(|line| closes(line)) => {
                let inner = rest.get(..end).unwrap_or_default();
                out.push_str(line);
                out.push_str(&inner.iter().map(|line| line.trim_start()).collect::<Vec<_>>().join(" "));
                out.push_str(rest.get(end).map_or("", |line| line.trim_start()));
                at += end + 2;
            }
            _ => {
                out.push_str(line);
                at += 1;
            }
        }
        out.push('\n');
    }
    out
}

/// The old rows with the new ones in their places, and what is new at the end. `prune` leaves out old rows that have no new one.
///
/// # Errors
/// `baseline-other-model` when an old row that stays was counted by another timing model than the new ones.
pub fn merged(old: Option<&Document>, new: &[Record], prune: bool) -> Result<Vec<Record>> {
    let mut fresh: BTreeMap<String, &Record> = new.iter().map(|record| (record.key(), record)).collect();
    let model = new.iter().find_map(|record| record.timing_model.as_ref());
    let mut rows = Vec::new();
    for record in old.iter().flat_map(|old| &old.records) {
        let key = record.key();
        match fresh.remove(&key) {
            Some(record) => rows.push(record.clone()),
            None if prune => {}
            None => {
                if let (Some(own), Some(model)) = (&record.timing_model, model)
                    && own != model
                {
                    let path = old.map_or("the baseline", |old| old.path.as_str());
                    let message =
                        format!("{path} holds {key}, counted by {} version {}, and it was not run anew", own.name, own.version);
                    return Err(Finding::new(Code::BaselineOtherModel, message)
                        .help("Run all of its rows (stm32sim check --baseline FILE --update), or drop what was not run with --prune.")
                        .into());
                }
                rows.push(record.clone());
            }
        }
    }
    rows.extend(new.iter().filter(|record| fresh.contains_key(&record.key())).cloned());
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::flat_leaves;

    #[test]
    fn leaves_lie_on_one_line_and_the_content_stays() {
        let value = serde_json::json!({"a": {"b": 1, "c": "x {"}, "d": [], "e": [[1, 2], [3]], "f": {"g": {"h": "]"}}});
        let pretty = serde_json::to_string_pretty(&value).expect("JSON");
        let flat = flat_leaves(&pretty);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&flat).expect("still JSON"), value);
        assert!(flat.contains("\"a\": {\"b\": 1, \"c\": \"x {\"},\n"), "{flat}");
    }
}
