//! What it is: which functions a run's cycles went to, as baselines keep it, so that a regression has a name.
//! Source: the run's profile.
//! Does not model: who called whom; functions of one name count as one.
//! Tested by: `tests/suite.rs` (a kernel that the compiler was told to build badly; the sum of all rows).

use super::record::Function;
use super::run::{Request, profile};
use crate::finding::Result;
use std::collections::BTreeMap;

/// Runs the request and adds up its cycles by function, the dearest first. They sum to the run's cycles.
///
/// # Errors
/// As [`super::run::run`].
pub fn functions(request: &Request<'_>) -> Result<Vec<Function>> {
    let mut cycles: BTreeMap<String, u64> = BTreeMap::new();
    let report = profile(request)?.report;
    for function in report.profile.map(|profile| profile.functions).unwrap_or_default() {
        *cycles.entry(function.name).or_insert(0) += function.cycles;
    }
    let mut functions: Vec<Function> =
        cycles.into_iter().filter(|(_, cycles)| *cycles > 0).map(|(name, cycles)| Function { name, cycles }).collect();
    // Ties stay in the order of their names.
    functions.sort_by_key(|function| std::cmp::Reverse(function.cycles));
    Ok(functions)
}
