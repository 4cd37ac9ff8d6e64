//! What it is: one model run on several inputs: what an inference costs at least and at most, and how many outputs are the expected ones.
//! Source: [`estimate`], once for each input.
//! Does not model: anything of its own.
//! Tested by: `tests/estimate.rs`, against runs of the single inputs.

use super::{EstimateReport, Inputs, Request, estimate};
use crate::finding::Result;
use crate::model::Model;
use serde::Serialize;

/// What several inputs came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SamplesSummary {
    /// How many inputs.
    pub count: u32,
    /// The fewest cycles of an inference.
    pub least_cycles: u64,
    /// The most.
    pub most_cycles: u64,
    /// How many outputs are the expected ones, if some are expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matching: Option<u32>,
}

/// Estimates one model with `count` inputs: the one that is asked for and the rows, or the seeds, behind it. The report is that of the first,
/// or of the first that did not end well, with [`EstimateReport::samples`].
///
/// # Errors
/// As of [`estimate`].
pub fn estimate_samples(model: &Model, request: &Request<'_>, count: u32) -> Result<EstimateReport> {
    let first = estimate(model, request)?;
    let Some(inference) = first.inference.as_ref().filter(|_| count > 1) else { return Ok(first) };
    let matches = |report: &EstimateReport| report.inference.as_ref().and_then(|inference| inference.matches_reference);
    let mut summary = SamplesSummary {
        count,
        least_cycles: inference.cycles,
        most_cycles: inference.cycles,
        matching: matches(&first).map(u32::from),
    };
    let mut shown = first;
    for further in 1..count {
        let mut request = Request { advice: false, ..request.clone() };
        match &mut request.inputs {
            Inputs::Random { seed } => *seed = seed.wrapping_add(u64::from(further)),
            Inputs::Files { sample, .. } => *sample = sample.saturating_add(further as usize),
            Inputs::Bytes(_) => {}
        }
        let report = estimate(model, &request)?;
        if let Some(inference) = &report.inference {
            summary.least_cycles = summary.least_cycles.min(inference.cycles);
            summary.most_cycles = summary.most_cycles.max(inference.cycles);
        }
        summary.matching = summary.matching.map(|so_far| so_far + u32::from(matches(&report) == Some(true)));
        if shown.exit_code() == 0 && report.exit_code() != 0 {
            shown = report;
        }
    }
    shown.samples = Some(summary);
    Ok(shown)
}
