//! What it is: how much SRAM a run used: the stack's deepest point, the arena's touched bytes.
//! Source: SRAM starts with a known pattern (its content is undefined at power-on), and what differs at the end was written.
//! Does not model: a written byte that happens to equal the pattern; the deepest word of a stack is missed only if all of its bytes do.
//! Tested by: `tests/run.rs` (against the frame sizes that the compiler reports), `tests/heap.rs`.

use crate::firmware::{Image, Symbol, SymbolKind};
use crate::machine::Machine;

/// A run's use of SRAM, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SramUse {
    /// The tensor arena and how much of it was written, where the firmware has one that is known by name.
    pub arena: Option<(u64, u64)>,
    /// From the initial stack pointer down to the deepest byte written.
    pub stack_peak: u64,
    /// The stack lies within the static data, as armlink places it, and is counted there too. Start-up code clears it, so the deepest byte is
    /// the deepest that is not zero.
    pub stack_within: bool,
    /// How far the break went, where the heap begins behind the static data and its functions are known.
    pub heap_peak: Option<u64>,
}

/// Names under which firmware keeps its tensor arena.
const ARENAS: &[&str] = &["nn_arena", "tensor_arena", "_ZL12tensor_arena", "g_arena"];

/// The tensor arena: known by its name, or the largest variable that is called one.
fn arena(image: &Image, sram: u32) -> Option<&Symbol> {
    let objects = || image.symbols.iter().filter(|symbol| symbol.kind == SymbolKind::Object && symbol.address.0 >= sram);
    let named = ARENAS.iter().find_map(|name| image.symbols.by_name(name));
    named.or_else(|| {
        objects().filter(|symbol| symbol.linker_name.to_lowercase().contains("arena")).max_by_key(|symbol| symbol.size)
    })
}

/// The stack's use where it lies among static data: down to the deepest byte that is not zero, but not into the variables below it.
fn used_within(machine: &Machine, image: &Image, (base, initial_sp): (u32, u32)) -> u64 {
    let ends =
        image.symbols.iter().filter(|symbol| symbol.kind == SymbolKind::Object && (base..initial_sp).contains(&symbol.address.0));
    let below = ends.map(|symbol| symbol.address.0.saturating_add(symbol.size)).filter(|end| *end < initial_sp).max();
    // Without symbols nothing tells variables from stack.
    let Some(floor) = below else { return 0 };
    let bytes = machine.memory().read_vec(floor, initial_sp.saturating_sub(floor) as usize).unwrap_or_default();
    bytes.iter().position(|byte| *byte != 0).map_or(0, |unused| (bytes.len() - unused) as u64)
}

/// What the run has used. `between` is the first address above the program's static data, and the stack's start.
#[must_use]
pub fn sram_use(machine: &Machine, image: &Image, between: (u32, u32)) -> SramUse {
    let (static_end, initial_sp) = between;
    let touched = machine.touched_sram();
    let (base, size) = machine.memory().sram();
    let index = |address: u32| address.saturating_sub(base) as usize;
    let written =
        |from: u32, to: u32| touched.get(index(from)..index(to)).map_or(0, |bytes| bytes.iter().filter(|b| **b).count());
    let arena = arena(image, base)
        .map(|symbol| (u64::from(symbol.size), written(symbol.address.0, symbol.address.0.saturating_add(symbol.size)) as u64));
    // A heap that grows behind the static data is no stack.
    let grown = machine
        .heap()
        .and_then(|heap| heap.grown)
        .filter(|(first, top)| *first >= static_end && *first <= *top && *top <= base.saturating_add(size));
    let floor = grown.map_or(static_end, |(_, top)| top.max(static_end));
    let lowest = touched.get(index(floor)..index(initial_sp)).and_then(|bytes| bytes.iter().position(|touched| *touched));
    let stack_peak = lowest.map_or(0, |offset| u64::from(initial_sp.saturating_sub(floor)).saturating_sub(offset as u64));
    let stack_within = base < initial_sp && initial_sp <= static_end;
    let stack_peak = if stack_within { used_within(machine, image, (base, initial_sp)) } else { stack_peak };
    SramUse {
        arena,
        stack_within,
        stack_peak: stack_peak.next_multiple_of(4),
        heap_peak: grown.map(|(first, top)| u64::from(top - first)),
    }
}
