//! What it is: Callgrind's profile format, for KCachegrind and callgrind_annotate: cycles by instruction and line, calls with their totals.
//! Source: Valgrind's manual, "Callgrind Format Specification", version 1.
//! Does not model: causes: the format wants every event's total at each call, and by way of calling only cycles are known.
//! Tested by: `tests/exports.rs`, with callgrind_annotate where it is installed.

use super::super::{ASLEEP, CallNode, FLASH_BUSY};
use super::Recording;
use crate::units::Addr;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

/// A function: its address, or a name for what has none.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Function(Option<u32>, String);

impl Function {
    fn of(node: &CallNode) -> Self {
        Self(node.address, node.name.clone())
    }
}

/// What a function called from one place.
#[derive(Clone, Copy, Default)]
struct Called {
    calls: u64,
    cycles: u64,
}

/// Names that occur often are numbered: `(1) name` the first time, `(1)` from then on.
#[derive(Default)]
struct Names(HashMap<String, usize>);

impl Names {
    fn of(&mut self, name: &str) -> String {
        let next = self.0.len() + 1;
        match self.0.get(name) {
            Some(number) => format!("({number})"),
            None => {
                self.0.insert(name.to_owned(), next);
                format!("({next}) {name}")
            }
        }
    }
}

pub(super) fn write(recording: &Recording<'_>) -> String {
    let (image, tree) = (recording.image, &recording.profile.tree);
    // What each function cost itself, by address; what has no address costs at zero.
    let mut own: BTreeMap<Function, BTreeMap<u32, u64>> = BTreeMap::new();
    for (address, cost) in &recording.details.insns {
        let place = image.locate(Addr(*address));
        let start = image.symbols.at(image.linked_address(Addr(*address))).map(|(symbol, _)| symbol.address.0);
        *own.entry(Function(start, place.function)).or_default().entry(*address).or_default() += cost.causes.total();
    }
    // What it called from where.
    let mut called: BTreeMap<Function, BTreeMap<(u32, Function), Called>> = BTreeMap::new();
    for node in tree.iter().skip(1) {
        if node.address.is_none() && node.name.starts_with('[') && node.name != crate::firmware::Location::NO_SYMBOL {
            *own.entry(Function::of(node)).or_default().entry(0).or_default() += node.own;
        }
        let Some(above) = tree.get(node.parent).filter(|_| node.parent != 0) else { continue };
        // The call is the instruction before the address it returns to; four bytes, unless it is a BLX of two.
        let place = node.from.map_or(above.address.unwrap_or(0), |from| call_before(recording, from));
        let row = called.entry(Function::of(above)).or_default().entry((place, Function::of(node))).or_default();
        row.calls += if [ASLEEP, FLASH_BUSY].contains(&node.name.as_str()) { 1 } else { node.calls.max(1) };
        row.cycles += node.total;
    }
    let (mut files, mut functions) = (Names::default(), Names::default());
    let mut text = format!(
        "# callgrind format\nversion: 1\ncreator: {}-{}\ncmd: {}\npart: 1\ndesc: I1 cache: \ndesc: D1 cache: \ndesc: LL cache: \n\
         positions: instr line\nevent: Cycles : core cycles\nevents: Cycles\nsummary: {}\n",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION"),
        image.name,
        recording.profile.cycles
    );
    let keys: std::collections::BTreeSet<&Function> = own.keys().chain(called.keys()).collect();
    for function in keys {
        let place = |address: u32| {
            let place = image.locate(Addr(address));
            (place.file.unwrap_or_else(|| "???".to_owned()), place.line.unwrap_or(0))
        };
        let (file, _) = function.0.map_or(("???".to_owned(), 0), place);
        let _ = write!(text, "\nfl={}\nfn={}\n", files.of(&file), functions.of(&function.1));
        let mut present = file.clone();
        for (address, cycles) in own.get(function).into_iter().flatten() {
            let (inner, line) = place(*address);
            if inner != present {
                let _ = writeln!(text, "{}={}", if inner == file { "fe" } else { "fi" }, files.of(&inner));
                present = inner;
            }
            let _ = writeln!(text, "0x{address:x} {line} {cycles}");
        }
        if present != file {
            let _ = writeln!(text, "fe={}", files.of(&file));
        }
        for ((from, callee), row) in called.get(function).into_iter().flatten() {
            let (callee_file, callee_line) = callee.0.map_or(("???".to_owned(), 0), place);
            let _ = writeln!(text, "cfi={}\ncfn={}", files.of(&callee_file), functions.of(&callee.1));
            let _ = writeln!(text, "calls={} 0x{:x} {callee_line}", row.calls, callee.0.unwrap_or(0));
            let _ = writeln!(text, "0x{from:x} {} {}", place(*from).1, row.cycles);
        }
    }
    let _ = write!(text, "\ntotals: {}\n", recording.profile.cycles);
    text
}

/// The call that returns to `from`.
fn call_before(recording: &Recording<'_>, from: u32) -> u32 {
    let wide = from.wrapping_sub(4);
    if recording.details.insns.contains_key(&wide) { wide } else { from.wrapping_sub(2) }
}
