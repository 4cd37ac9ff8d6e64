//! What it is: many runs as text for people: at most 100 columns; what a sweep shows, and the verdict, come last.
//! Source: [`super::campaign::CampaignReport`], [`super::sweep`].
//! Does not model: anything; every number is the report's.
//! Tested by: `tests/suite.rs`.

use super::bounds::Limit;
use super::campaign::{CampaignReport, Held};
use super::metric::Unit;
use super::record::Record;
use super::sweep::{cheapest, pareto};
use super::table::{clipped, time, wrapped};
use crate::finding::Result;
use crate::units::grouped;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

/// What a person wants to see of a campaign.
#[derive(Clone, Copy, Debug, Default)]
pub struct View<'a> {
    /// Whether the points are a sweep's, which have a Pareto front.
    pub sweep: bool,
    /// The latency that a chip must keep, in microseconds.
    pub within_us: Option<f64>,
    /// The file that now holds the results.
    pub saved: Option<&'a str>,
}

/// The report as text.
///
/// # Errors
/// `internal`, if a row of the report is none.
pub fn table(report: &CampaignReport, view: View<'_>) -> Result<String> {
    let (records, limits) = (report.records()?, report.limits());
    let front = pareto(&records);
    let heads = ["cycles", "latency", "energy", "flash", "SRAM", "accuracy", "limits"];
    let mut lines: Vec<Vec<String>> = Vec::with_capacity(records.len());
    for (record, limits) in records.iter().zip(&limits) {
        let mut cells = cells_of(record).to_vec();
        cells.push(limits_cell(limits));
        lines.push(cells);
    }
    // A column that no row fills is left out; the names get what the others leave of 100 columns, with three between each.
    let width = |at: usize| lines.iter().filter_map(|cells| cells.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let used: Vec<usize> = (0..heads.len()).filter(|at| width(*at) > 0).collect();
    let taken: usize = used.iter().map(|at| width(*at).max(heads.get(*at).map_or(0, |head| head.chars().count())) + 3).sum();
    let room = 96_usize.saturating_sub(taken).max(12);
    let shown_of = |cells: &[String]| used.iter().filter_map(|at| cells.get(*at).cloned()).collect::<Vec<String>>();
    let mut rows = Builder::default();
    let mut head = vec!["run".to_owned()];
    head.extend(used.iter().filter_map(|at| heads.get(*at)).map(|head| (*head).to_owned()));
    rows.push_record(head);
    for ((record, cells), front) in records.iter().zip(&lines).zip(&front) {
        let mark = if view.sweep && *front { " *" } else { "" };
        let mut row = vec![format!("{}{mark}", clipped(&record.key().replace("@stm32", "@"), room.saturating_sub(mark.len())))];
        row.extend(shown_of(cells));
        rows.push_record(row);
    }
    let mut rows = rows.build();
    rows.with(Style::blank()).modify(Columns::new(1..), Alignment::right());
    let mut text = format!("{rows}\n\n");
    for (record, limits) in records.iter().zip(&limits) {
        if !record.is_fine() {
            text.push_str(&format!("{}\n", wrapped(&format!("  {}: {}", record.key(), record.outcome.message))));
        }
        for held in limits {
            if let Some(finding) = held.finding(&record.key(), &shown(held)) {
                text.push_str(&format!("{}\n", wrapped(&format!("  {finding}"))));
            }
        }
    }
    if view.sweep && front.contains(&true) {
        text.push_str("  * on the Pareto front: no other point is as good in both latency and SRAM and better in one\n");
    }
    if let Some(within) = view.within_us {
        text.push_str(&match cheapest(&records, within) {
            Some(found) => {
                let latency = found.inference.as_ref().map_or(0.0, |inference| inference.latency_us);
                wrapped(&format!("  the smallest that runs it within {}: {} ({})", time(within), found.key(), time(latency)))
            }
            None => format!("  none runs it within {}", time(within)),
        });
        text.push('\n');
    }
    let fine = records.iter().filter(|record| record.is_fine()).count();
    let all = limits.iter().flatten().filter(|held| held.holds.is_some()).count();
    let kept = limits.iter().flatten().filter(|held| held.holds == Some(true)).count();
    let missing = if report.missing > 0 { format!(", {} not run", report.missing) } else { String::new() };
    let limits = if all > 0 { format!(", {kept} of {all} limits kept") } else { String::new() };
    let saved = view.saved.map_or_else(String::new, |file| format!("; saved in {file}"));
    text.push_str(&format!("\n{fine} of {} runs fine{limits}{missing}{saved}", records.len()));
    Ok(text)
}

/// The value that a limit was held against.
#[must_use]
pub fn shown(held: &Held) -> String {
    let unit = Limit::parse(&held.limit).map_or(Unit::Count, |limit| limit.quantity.unit());
    held.value.map_or_else(String::new, |value| unit.shown(value))
}

/// Cycles, latency, energy, flash, SRAM, accuracy; empty where there is none.
#[must_use]
pub fn cells_of(record: &Record) -> [String; 6] {
    if record.totals.is_none() {
        let word = record.outcome.kind.clone();
        return [word, String::new(), String::new(), String::new(), String::new(), String::new()];
    }
    let inference = record.inference.as_ref();
    let cycles = inference.map(|inference| inference.cycles).or(record.totals.as_ref().map(|totals| totals.cycles));
    let energy = |uj: f64| if uj < 10_000.0 { format!("{uj:.1} uJ") } else { format!("{:.2} mJ", uj / 1000.0) };
    [
        cycles.map(grouped).unwrap_or_default(),
        inference.map(|inference| time(inference.latency_us)).unwrap_or_default(),
        inference.and_then(|inference| inference.energy_uj).map(energy).unwrap_or_default(),
        record.memory.as_ref().map(|memory| grouped(memory.flash.used)).unwrap_or_default(),
        record.sram_peak().map(grouped).unwrap_or_default(),
        record.eval.as_ref().map(|eval| format!("{:.4}", eval.accuracy)).unwrap_or_default(),
    ]
}

fn limits_cell(limits: &[Held]) -> String {
    let broken = limits.iter().filter(|held| held.holds == Some(false)).count();
    match (limits.len(), broken) {
        (0, _) => String::new(),
        (_, 0) if limits.iter().all(|held| held.holds == Some(true)) => "kept".to_owned(),
        (_, 0) => "?".to_owned(),
        (_, broken) => format!("{broken} broken"),
    }
}
