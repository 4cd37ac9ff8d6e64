//! What it is: LCOV's coverage: how often each source line ran, lines that never did included.
//! Source: lcov's man page geninfo(1), "FILES": SF, FN, FNDA, DA, LF, LH records.
//! Does not model: branches; lines of which the compiler left no code.
//! Tested by: `tests/exports.rs`, with genhtml where it is installed.

use super::Recording;
use crate::firmware::SymbolKind;
use crate::units::Addr;
use std::collections::BTreeMap;
use std::fmt::Write;

#[derive(Default)]
struct File {
    lines: BTreeMap<u32, u64>,
    /// By name: line and count.
    functions: BTreeMap<String, (u32, u64)>,
}

pub(super) fn write(recording: &Recording<'_>) -> String {
    let image = recording.image;
    let mut files: BTreeMap<String, File> = BTreeMap::new();
    for (start, size, symbol) in image.symbols.extents().filter(|(_, _, symbol)| symbol.kind == SymbolKind::Function) {
        let mut address = start.0;
        while address < start.0.saturating_add(size) {
            let place = image.locate(Addr(address));
            // The other window of flash is the same code.
            let count = [address, address ^ 0x0800_0000]
                .iter()
                .filter_map(|address| recording.details.insns.get(address))
                .map(|cost| cost.executions)
                .max()
                .unwrap_or(0);
            if let (Some(file), Some(line)) = (place.file, place.line) {
                let file = files.entry(file).or_default();
                let slot = file.lines.entry(line).or_default();
                *slot = (*slot).max(count);
                if address == symbol.address.0 {
                    file.functions.insert(symbol.name.clone(), (line, count));
                }
            }
            address = address.saturating_add(2);
        }
    }
    let mut text = String::new();
    for (name, file) in &files {
        let _ = writeln!(text, "TN:\nSF:{name}");
        for (function, (line, _)) in &file.functions {
            let _ = writeln!(text, "FN:{line},{function}");
        }
        for (function, (_, count)) in &file.functions {
            let _ = writeln!(text, "FNDA:{count},{function}");
        }
        let hit = file.functions.values().filter(|(_, count)| *count > 0).count();
        let _ = writeln!(text, "FNF:{}\nFNH:{hit}", file.functions.len());
        for (line, count) in &file.lines {
            let _ = writeln!(text, "DA:{line},{count}");
        }
        let hit = file.lines.values().filter(|count| **count > 0).count();
        let _ = writeln!(text, "LF:{}\nLH:{hit}\nend_of_record", file.lines.len());
    }
    text
}
