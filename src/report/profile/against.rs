//! What it is: what changed between two profiles: by function, line and layer, the largest change first.
//! Source: an earlier report in JSON, and this one.
//! Does not model: functions that were renamed: they are gone and new.
//! Tested by: `tests/profile.rs`: the changes of each list sum to the change of the whole.

use super::Profile;
use crate::finding::{Code, Failure, Result};
use crate::report::table::clipped;
use crate::units::grouped;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

/// What changed from an earlier profile to this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileDifference {
    /// All cycles, before and after.
    pub cycles: Changed,
    /// By function.
    pub functions: Vec<Changed>,
    /// By source line.
    pub lines: Vec<Changed>,
    /// By layer of the inference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Changed>,
}

/// Cycles before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Of what.
    pub name: String,
    /// Before; absent for what is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<u64>,
    /// After; absent for what is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<u64>,
    /// After minus before.
    pub delta: i64,
}

impl Changed {
    fn of(name: String, old: Option<u64>, new: Option<u64>) -> Self {
        let signed = |cycles: Option<u64>| i64::try_from(cycles.unwrap_or(0)).unwrap_or(i64::MAX);
        Self { name, old, new, delta: signed(new).saturating_sub(signed(old)) }
    }
}

/// The profile in the text of an earlier report.
///
/// # Errors
/// `bad-report`.
pub fn read(name: &str, text: &str) -> Result<Profile> {
    let bad = |why: String| Failure::new(Code::BadReport, format!("{name} is no report with a profile: {why}"));
    let value: Value = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
    let profile = value.get("profile").cloned().ok_or_else(|| bad("it has no field 'profile'".to_owned()))?;
    serde_json::from_value(profile).map_err(|error| bad(error.to_string()))
}

/// Rows that differ, the largest difference first.
fn changes(old: BTreeMap<String, u64>, mut new: BTreeMap<String, u64>) -> Vec<Changed> {
    let mut rows: Vec<Changed> = old
        .into_iter()
        .map(|(name, cycles)| {
            let after = new.remove(&name);
            Changed::of(name, Some(cycles), after)
        })
        .collect();
    rows.extend(new.into_iter().map(|(name, cycles)| Changed::of(name, None, Some(cycles))));
    rows.retain(|row| row.delta != 0);
    rows.sort_by(|a, b| b.delta.unsigned_abs().cmp(&a.delta.unsigned_abs()).then_with(|| a.name.cmp(&b.name)));
    rows
}

fn summed(rows: impl Iterator<Item = (String, u64)>) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for (name, cycles) in rows {
        *sums.entry(name).or_insert(0) += cycles;
    }
    sums
}

fn functions(profile: &Profile) -> BTreeMap<String, u64> {
    summed(profile.functions.iter().map(|row| {
        let file = row.file.as_ref().map(|file| format!(" ({file})")).unwrap_or_default();
        (format!("{}{file}", row.name), row.cycles)
    }))
}

fn lines(profile: &Profile) -> BTreeMap<String, u64> {
    summed(profile.lines.iter().map(|row| {
        let line = row.line.map(|line| format!(":{line}")).unwrap_or_default();
        (format!("{}{line} in {}", row.file, row.function), row.cycles)
    }))
}

fn layers(profile: &Profile) -> BTreeMap<String, u64> {
    summed(profile.layers.iter().map(|row| {
        let index = row.index.map(|index| format!("{index:>2} ")).unwrap_or_default();
        (format!("{index}{}", row.name), row.cycles)
    }))
}

impl ProfileDifference {
    /// From `old` to `new`.
    #[must_use]
    pub fn new(old: &Profile, new: &Profile) -> Self {
        Self {
            cycles: Changed::of("all".to_owned(), Some(old.cycles), Some(new.cycles)),
            functions: changes(functions(old), functions(new)),
            lines: changes(lines(old), lines(new)),
            layers: changes(layers(old), layers(new)),
        }
    }

    /// As text, with at most `top` rows a table.
    #[must_use]
    pub fn text(&self, top: Option<usize>) -> String {
        let mut text = String::new();
        for (title, rows) in [("function", &self.functions), ("line", &self.lines), ("layer", &self.layers)] {
            if rows.is_empty() {
                continue;
            }
            let (most, rest) = rows.split_at(top.unwrap_or(rows.len()).min(rows.len()));
            let mut table = Builder::default();
            table.push_record([title, "before", "after", "change"]);
            for row in most {
                let number = |cycles: Option<u64>, none: &str| cycles.map_or_else(|| none.to_owned(), grouped);
                table.push_record([clipped(&row.name, 52), number(row.old, "new"), number(row.new, "gone"), signed(row.delta)]);
            }
            if !rest.is_empty() {
                let delta = rest.iter().map(|row| row.delta).sum();
                table.push_record([format!("[{} smaller changes]", rest.len()), String::new(), String::new(), signed(delta)]);
            }
            let mut table = table.build();
            table.with(Style::empty()).modify(Columns::new(1..), Alignment::right());
            text.push_str(&format!("{table}\n\n"));
        }
        let (old, new) = (self.cycles.old.unwrap_or(0), self.cycles.new.unwrap_or(0));
        let share = if old == 0 { 0.0 } else { self.cycles.delta as f64 * 100.0 / old as f64 };
        text.push_str(&format!(
            "{} cycles before, {} after: {} ({share:+.2} %)",
            grouped(old),
            grouped(new),
            signed(self.cycles.delta)
        ));
        text
    }
}

fn signed(delta: i64) -> String {
    match delta {
        0 => "0".to_owned(),
        delta => format!("{}{}", if delta < 0 { "-" } else { "+" }, grouped(delta.unsigned_abs())),
    }
}
