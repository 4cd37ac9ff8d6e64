//! What it is: results in the forms that build servers read: one neutral list of cases, and a file here for each form.
//! Source: [`super::campaign`] for runs and limits, [`super::compare`] for comparisons.
//! Does not model: sending anything anywhere; files and standard output are all.
//! Tested by: `tests/ci_outputs.rs` (each against its schema or a reader of another make).

pub mod annotations;
pub mod badge;
pub mod gitlab;
pub mod junit;
pub mod markdown;
pub mod sarif;

use super::campaign::CampaignReport;
use super::campaign_table::shown;
use super::compare::{Comparison, Row, Verdict};
use super::record::Record;
use crate::finding::{Blame, Exit, Finding, Result};
use serde::Deserialize;

/// How a case came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// It stops the build.
    Error,
    /// It should be looked at.
    Warning,
    /// It is good to know.
    Note,
}

/// One thing to say about a case.
#[derive(Clone, Debug)]
pub struct Remark {
    /// How bad it is.
    pub level: Level,
    /// What it is.
    pub finding: Finding,
}

/// One row of what was run.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its key.
    pub key: String,
    /// Its subject alone.
    pub subject: String,
    /// The result, where there is one.
    pub record: Option<Record>,
    /// How it stands against the baseline, where there is one.
    pub row: Option<Row>,
    /// What is to be said of it.
    pub remarks: Vec<Remark>,
}

impl Case {
    /// What the run itself brought to light. The outcome of a run that failed names the place in words; its finding has it by itself.
    fn add(&mut self, findings: Vec<Finding>) {
        let ended = self.record.as_ref().filter(|record| !record.is_fine()).map(|record| record.outcome.message.clone());
        for finding in findings {
            match self.remarks.first_mut() {
                Some(failure) if ended.as_ref().is_some_and(|ended| ended.starts_with(&finding.message)) => {
                    failure.finding = Finding { message: failure.finding.message.clone(), ..finding };
                }
                _ if finding.code.entry().exit != Exit::Fine => {}
                _ => {
                    let level = if finding.blame == Blame::Firmware { Level::Warning } else { Level::Note };
                    let at = finding.location.as_ref().map_or_else(String::new, |place| format!(" at {place}"));
                    let message = format!("{}: {}{at}", self.key, finding.message);
                    self.remarks.push(Remark { level, finding: Finding { message, ..finding } });
                }
            }
        }
    }

    /// Whether it stops the build.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.remarks.iter().any(|remark| remark.level == Level::Error)
    }
}

/// What a run's report holds of findings.
#[derive(Default, Deserialize)]
struct Found {
    #[serde(default)]
    findings: Vec<Finding>,
}

/// A remark in two lines: its message has the place already.
pub(super) fn text_of(remark: &Remark) -> String {
    let Finding { code, message, help, .. } = &remark.finding;
    format!("[{}] {message}\n  help: {help}", code.entry().name)
}

/// A file and a line in it.
pub(super) type Place = (String, usize);

/// Where in the firmware's source a remark belongs: `src/main.c:12 in main, 0x08000120`, as far as debug information tells; else the
/// firmware itself.
pub(super) fn place_of(case: &Case, remark: &Remark) -> Place {
    let source = remark.finding.location.as_deref().and_then(|location| {
        let (file, rest) = location.split_once(':')?;
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        // An address or a chip file's place is no line of source.
        (!file.contains([' ', ','])).then_some((file, digits.parse().ok()?))
    });
    let (file, line) =
        source.unwrap_or_else(|| (case.record.as_ref().map_or(case.subject.as_str(), |record| record.firmware.name.as_str()), 1));
    (file.to_owned(), line)
}

/// The cases of a campaign, of a comparison, or of both.
///
/// # Errors
/// `internal`, if a row of the report is none.
pub fn cases(report: Option<&CampaignReport>, comparison: Option<&Comparison>) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    if let Some(report) = report {
        cases = cases_of(report.records()?);
        for ((case, limits), run) in cases.iter_mut().zip(report.limits()).zip(&report.runs) {
            case.add(Found::deserialize(run).unwrap_or_default().findings);
            for held in &limits {
                if let Some(finding) = held.finding(&case.key, &shown(held)) {
                    case.remarks.push(Remark { level: Level::Error, finding });
                }
            }
        }
    }
    if let Some(comparison) = comparison {
        for row in &comparison.rows {
            let level = match row.verdict {
                _ if comparison.fails(row) => Some(Level::Error),
                Verdict::Noted | Verdict::Gone => Some(Level::Warning),
                _ => None,
            };
            let at = match cases.iter().position(|case| case.key == row.key) {
                Some(at) => at,
                None => {
                    let subject = row.key.split('@').next().unwrap_or(&row.key).to_owned();
                    cases.push(Case { key: row.key.clone(), subject, record: None, row: None, remarks: Vec::new() });
                    cases.len() - 1
                }
            };
            let Some(case) = cases.get_mut(at) else { continue };
            // A run that failed has said so already.
            if let Some(level) = level
                && !(row.verdict == Verdict::Failed && case.fails())
            {
                case.remarks.push(Remark { level, finding: row.finding() });
            }
            case.row = Some(row.clone());
        }
    }
    Ok(cases)
}

/// The cases of results that nothing is asked of but that they ran.
#[must_use]
pub fn cases_of(records: Vec<Record>) -> Vec<Case> {
    let case = |record: Record| {
        let key = record.key();
        let failure = Finding::new(record.trouble(), format!("{key}: {}", record.outcome.message));
        let remarks = if record.is_fine() { Vec::new() } else { vec![Remark { level: Level::Error, finding: failure }] };
        Case { key, subject: record.subject(), record: Some(record), row: None, remarks }
    };
    records.into_iter().map(case).collect()
}
