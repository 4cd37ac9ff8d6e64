//! What it is: a line per stack, for flame graph tools: `main;work;multiply 1234`.
//! Source: the format of Brendan Gregg's stackcollapse scripts.
//! Does not model: places of calls; ways with the same names are one line.
//! Tested by: `tests/exports.rs`: the lines sum to the run's cycles.

use super::{Recording, stacks};
use std::collections::BTreeMap;

pub(super) fn write(recording: &Recording<'_>) -> String {
    let tree = &recording.profile.tree;
    let mut lines: BTreeMap<String, u64> = BTreeMap::new();
    for (places, cycles) in stacks(tree) {
        // A semicolon would end the name; C++ names have none, but who knows what a linker script says.
        let names: Vec<String> = places.iter().filter_map(|at| tree.get(*at)).map(|node| node.name.replace(';', ":")).collect();
        let names = if names.is_empty() { "[all]".to_owned() } else { names.join(";") };
        *lines.entry(names).or_default() += cycles;
    }
    lines.iter().map(|(names, cycles)| format!("{names} {cycles}\n")).collect()
}
