//! What it is: the symbol table: by name, and by address with every byte belonging to at most one symbol.
//! Source: System V ABI chapter 4 (symbols), "ELF for the Arm Architecture" section 5.5 (Thumb bit, mapping symbols).
//! Does not model: versions, weak overriding (the linker has decided), symbols of sections that are not loaded.
//! Tested by: the tests below and `tests/loader.rs`, against `arm-none-eabi-nm`.

use super::Section;
use super::demangle::{crate_of, demangle};
use crate::units::Addr;
use object::read::elf::ElfFile32;
use object::{LittleEndian, Object, ObjectSymbol, SymbolKind as Raw};
use std::collections::HashMap;

/// What a symbol names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SymbolKind {
    /// Code; its address has no Thumb bit here.
    Function,
    /// A variable or constant.
    Object,
    /// A place or a number that assembler source or the linker script named, as `_estack`.
    Label,
}

/// A named address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// The name as the source spells it: C++ and Rust names are decoded.
    pub name: String,
    /// The name as the linker knows it.
    pub linker_name: String,
    /// Where it is in memory when the program runs.
    pub address: Addr,
    /// How many bytes it covers; for assembler functions that do not say, up to the next symbol or the section's end.
    pub size: u32,
    /// What it names.
    pub kind: SymbolKind,
    /// Whether other files see it.
    pub global: bool,
}

impl Symbol {
    /// The crate of a Rust symbol: where the function is, or for `<T as Trait>::f` the type, or if that is no path the trait. `None`
    /// of other languages.
    #[must_use]
    pub fn crate_name(&self) -> Option<&str> {
        crate_of(&self.linker_name, &self.name)
    }
}

/// All symbols, and an index by address.
#[derive(Debug, Default)]
pub struct SymbolTable {
    symbols: Vec<Symbol>,
    by_name: HashMap<String, usize>,
    /// Disjoint stretches, ascending, each of one symbol.
    extents: Vec<Extent>,
    /// Where stretches of code and of data between instructions begin, ascending; `true` for data.
    mapping: Vec<(u32, bool)>,
}

/// A stretch of addresses that belongs to one symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    start: u32,
    /// One past the end; a `u64` so that the last byte of the address space can be covered.
    end: u64,
    symbol: usize,
}

/// Longer names than this are no names; limits keep a hostile file from taking all memory.
const MAX_NAME: usize = 4096;
const MAX_NAMES_TOTAL: usize = 64 << 20;

impl SymbolTable {
    /// Reads the table of a file. Damaged entries are skipped: a program can run without names.
    pub(super) fn read(file: &ElfFile32<'_, LittleEndian>, sections: &[Section]) -> Self {
        let (mut symbols, mut mapping) = (Vec::new(), Vec::new());
        let mut total = 0_usize;
        for entry in file.symbols() {
            let Ok(raw_name) = entry.name() else { continue };
            total = total.saturating_add(raw_name.len());
            if is_mapping(raw_name) && total <= MAX_NAMES_TOTAL {
                mapping.extend(u32::try_from(entry.address()).map(|at| (at & !1, raw_name.starts_with("$d"))));
            }
            if raw_name.is_empty() || raw_name.len() > MAX_NAME || is_mapping(raw_name) || entry.is_undefined() {
                continue;
            }
            if total > MAX_NAMES_TOTAL {
                break;
            }
            let kind = match entry.kind() {
                Raw::Text => SymbolKind::Function,
                Raw::Data => SymbolKind::Object,
                Raw::Unknown | Raw::Label => SymbolKind::Label,
                _ => continue,
            };
            let (Ok(value), Ok(size)) = (u32::try_from(entry.address()), u32::try_from(entry.size())) else { continue };
            symbols.push(Symbol {
                name: demangle(raw_name),
                linker_name: raw_name.to_owned(),
                address: if kind == SymbolKind::Function { Addr::from_thumb(value) } else { Addr(value) },
                size,
                kind,
                global: entry.is_global(),
            });
        }
        // Of two at one place the stretch between them is empty.
        mapping.sort_by_key(|(at, _)| *at);
        Self { mapping, ..Self::new(symbols, sections) }
    }

    /// Builds the indices. Of several symbols at one place the most telling wins, in a fixed order.
    pub(super) fn new(mut symbols: Vec<Symbol>, sections: &[Section]) -> Self {
        symbols.sort_by(|a, b| {
            let rank = |s: &Symbol| (s.address, s.size == 0, s.kind, !s.global);
            rank(a)
                .cmp(&rank(b))
                .then_with(|| a.linker_name.len().cmp(&b.linker_name.len()))
                .then_with(|| a.linker_name.cmp(&b.linker_name))
        });
        symbols.dedup();
        close_open_ends(&mut symbols, sections);

        let mut by_name = HashMap::with_capacity(symbols.len());
        for (i, symbol) in symbols.iter().enumerate() {
            let slot = by_name.entry(symbol.linker_name.clone()).or_insert(i);
            // A local name can occur in several files; the global one is meant.
            if symbol.global && !symbols.get(*slot).is_some_and(|held| held.global) {
                *slot = i;
            }
        }
        let extents = extents(&symbols);
        Self { symbols, by_name, extents, mapping: Vec::new() }
    }

    /// The symbol of that linker name; a global one if local ones share it.
    #[must_use]
    pub fn by_name(&self, linker_name: &str) -> Option<&Symbol> {
        self.by_name.get(linker_name).and_then(|i| self.symbols.get(*i))
    }

    /// The function or object that covers `address`, and how far into it that is.
    #[must_use]
    pub fn at(&self, address: Addr) -> Option<(&Symbol, u32)> {
        let after = self.extents.partition_point(|extent| extent.start <= address.0);
        let extent = self.extents.get(after.checked_sub(1)?)?;
        let symbol = self.symbols.get(extent.symbol)?;
        (u64::from(address.0) < extent.end).then_some((symbol, address.0.checked_sub(symbol.address.0)?))
    }

    /// Whether the file says that data stand at `address` (between instructions: literals, tables), and not code. Stripped files say nothing.
    #[must_use]
    pub fn is_data(&self, address: Addr) -> bool {
        let after = self.mapping.partition_point(|(at, _)| *at <= address.0);
        after.checked_sub(1).and_then(|at| self.mapping.get(at)).is_some_and(|(_, data)| *data)
    }

    /// Every symbol, by address.
    pub fn iter(&self) -> impl Iterator<Item = &Symbol> {
        self.symbols.iter()
    }

    /// Disjoint stretches `(start, size, symbol)` of functions and objects, by address: every byte at most once.
    pub fn extents(&self) -> impl Iterator<Item = (Addr, u32, &Symbol)> {
        self.extents.iter().filter_map(|extent| {
            let size = u32::try_from(extent.end.checked_sub(u64::from(extent.start))?).ok()?;
            Some((Addr(extent.start), size, self.symbols.get(extent.symbol)?))
        })
    }

    /// How many symbols there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.symbols.len()
    }

    /// Whether the file has none, as a stripped one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }
}

/// `$t`, `$d`, `$a` and `$t.name` mark what kind of bytes follow; they name nothing.
fn is_mapping(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next() == Some('$') && matches!(chars.next(), Some('a' | 'd' | 't' | 'x')) && matches!(chars.next(), None | Some('.'))
}

/// Assembler source often gives no size: such a function or object reaches to the next one, or to its section's end.
fn close_open_ends(symbols: &mut [Symbol], sections: &[Section]) {
    let starts: Vec<u32> = symbols.iter().filter(|s| s.kind != SymbolKind::Label).map(|s| s.address.0).collect();
    for symbol in symbols.iter_mut().filter(|s| s.kind != SymbolKind::Label && s.size == 0) {
        let at = symbol.address.0;
        // Inside the section: a label one past its end (`__data_end`) covers nothing.
        let Some(section) = sections.iter().find(|s| at.checked_sub(s.vma.0).is_some_and(|into| into < s.size)) else { continue };
        let section_end = u64::from(section.vma.0) + u64::from(section.size);
        let next = starts.get(starts.partition_point(|start| *start <= at)).map_or(section_end, |next| u64::from(*next));
        symbol.size = u32::try_from(next.min(section_end).saturating_sub(u64::from(at))).unwrap_or(0);
    }
}

/// Gives every byte to one symbol: the one that starts last before it and still covers it, as a nested symbol is more telling.
fn extents(symbols: &[Symbol]) -> Vec<Extent> {
    let mut out: Vec<Extent> = Vec::new();
    // Enclosing symbols that may continue after a nested one ends, the innermost last.
    let mut open: Vec<(u64, usize)> = Vec::new();
    let mut cursor = 0_u64;
    let mut previous_start = None;
    let push = |out: &mut Vec<Extent>, from: u64, to: u64, symbol: usize| {
        if let Ok(start) = u32::try_from(from)
            && from < to
        {
            out.push(Extent { start, end: to, symbol });
        }
    };
    for (i, symbol) in symbols.iter().enumerate().filter(|(_, s)| s.kind != SymbolKind::Label && s.size > 0) {
        let start = u64::from(symbol.address.0);
        let end = start + u64::from(symbol.size);
        while let Some(&(outer_end, outer)) = open.last() {
            let to = outer_end.min(start);
            push(&mut out, cursor, to, outer);
            cursor = cursor.max(to);
            if outer_end > start {
                break;
            }
            open.pop();
        }
        cursor = cursor.max(start);
        if previous_start == Some(start) {
            // The first at an address won the sort; an alias adds only what reaches beyond all that is open.
            if open.first().is_none_or(|(outermost, _)| *outermost < end) {
                open.insert(0, (end, i));
            }
        } else {
            // What this one covers to its end has nothing left to say; so ends stay sorted, the innermost last.
            while open.last().is_some_and(|(outer_end, _)| *outer_end <= end) {
                open.pop();
            }
            open.push((end, i));
        }
        previous_start = Some(start);
    }
    while let Some((end, i)) = open.pop() {
        push(&mut out, cursor, end, i);
        cursor = cursor.max(end);
    }
    out
}
