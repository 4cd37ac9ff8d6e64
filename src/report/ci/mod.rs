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
use crate::finding::{Finding, Result};

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
    /// Whether it stops the build.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.remarks.iter().any(|remark| remark.level == Level::Error)
    }
}

/// The cases of a campaign, of a comparison, or of both.
///
/// # Errors
/// `internal`, if a row of the report is none.
pub fn cases(report: Option<&CampaignReport>, comparison: Option<&Comparison>) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    if let Some(report) = report {
        cases = cases_of(report.records()?);
        for (case, limits) in cases.iter_mut().zip(report.limits()) {
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
