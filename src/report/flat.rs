//! What it is: which functions a run's cycles went to: the flat profile that baselines keep, so that a regression has a name.
//! Source: the table of prices after the run (counters times prices), and the firmware's symbols.
//! Does not model: who called whom; a block that falls through into the next function counts for the one that it begins in.
//! Tested by: `tests/suite.rs` (a kernel that the compiler was told to build badly; the sum of all rows).

use super::record::Function;
use super::run::{Request, Stimulus};
use crate::finding::Result;
use crate::machine::{Environment, Machine, Settings};
use crate::scenario::Host;
use std::collections::BTreeMap;

/// What belongs to no instruction: exception entry and return, sleep.
pub const OUTSIDE: &str = "[exceptions and sleep]";

/// Runs the request and adds up its cycles by function, the dearest first. They sum to the run's cycles.
///
/// # Errors
/// As [`super::run::run`].
pub fn functions(request: &Request<'_>) -> Result<Vec<Function>> {
    let placement = request.chip.place(request.image)?;
    let settings = Settings { fidelity: request.fidelity, overrides: request.overrides };
    let mut machine = Machine::new(request.chip, &placement, settings)?;
    let mut host = match &request.scenario {
        Some((scenario, stimulus)) => {
            let input = match stimulus {
                Stimulus::Sample(index) => scenario.sample(*index)?.0,
                Stimulus::Input(bytes) => bytes.clone(),
            };
            let mut host = Host::new(&scenario.uart, scenario.model_id.as_deref());
            host.load(&input);
            Some(host)
        }
        None => None,
    };
    let environment: &mut dyn Environment = match &mut host {
        Some(host) => host,
        None => &mut (),
    };
    machine.run(environment, request.limit.tick())?;
    let mut cycles: BTreeMap<String, u64> = BTreeMap::new();
    for cost in machine.prices().costs() {
        let place = request.image.locate(request.image.linked_address(cost.block.addr));
        *cycles.entry(place.function).or_insert(0) += cost.causes.total();
    }
    cycles.insert(OUTSIDE.to_owned(), machine.prices().outside().total());
    let mut functions: Vec<Function> =
        cycles.into_iter().filter(|(_, cycles)| *cycles > 0).map(|(name, cycles)| Function { name, cycles }).collect();
    // Ties stay in the order of their names.
    functions.sort_by_key(|function| std::cmp::Reverse(function.cycles));
    Ok(functions)
}
