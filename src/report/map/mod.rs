//! What it is: the memory map: every byte of flash and SRAM in exactly one row, and the difference of two such maps.
//! Source: the image's sections and symbols, laid into the chip by its load (flash) and run addresses (SRAM).
//! Does not model: stack and heap at run time, which live in what is `[free]` here; object files.
//! Tested by: the tests below; `tests/map.rs` against `arm-none-eabi-size`, `nm` and `readelf`.

mod difference;
mod export;
mod overlay;
mod text;

use super::{ChipSummary, FirmwareSummary, SCHEMA, Tool};
use crate::chip::{Bank, Chip, Placement};
use crate::finding::Result;
use crate::firmware::{Image, Section, SectionKind, Symbol, SymbolKind};
use crate::report::stack::StackBound;
use crate::units::Addr;
pub use difference::{Change, Difference};
pub use export::{csv, markdown};
pub use overlay::Use;
use serde::Serialize;
use std::collections::BTreeMap;
pub use text::{table, table_of_difference};

/// Gaps between symbols up to this size that hold nothing are alignment.
const MAX_PADDING: u64 = 15;

/// What a row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The vector table.
    Vectors,
    /// Instructions.
    Code,
    /// Constants.
    Constant,
    /// A model: constants that carry the `.tflite` identifier or are named as a model.
    Model,
    /// In flash, the initial values of variables.
    Initial,
    /// In SRAM, variables that start with a value.
    Data,
    /// In SRAM, variables that start as zero, and reservations.
    Zero,
    /// In SRAM, a tensor arena, by its name.
    Arena,
    /// Alignment between two things.
    Padding,
    /// Bytes of a section that no symbol names, as string literals.
    NoSymbol,
    /// Nothing.
    Free,
}

/// A stretch of memory with one owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Which memory.
    pub region: Bank,
    /// What it holds.
    pub kind: Kind,
    /// Its symbol, or `[padding]`, `[no symbol]`, `[vector table]`, `[free]`.
    pub name: String,
    /// The section it lies in; absent for what lies in none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// Where it starts.
    pub address: Addr,
    /// How many bytes.
    pub size: u64,
    /// What a run did with them; absent without a run, and of what is free.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub used: Option<Use>,
}

/// A memory and how full it is: `used + free = size`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Region {
    /// Which memory.
    pub name: Bank,
    /// The chip's.
    pub size: u64,
    /// What the program occupies at link time, padding included.
    pub used: u64,
    /// The rest; of SRAM, what stack and heap share.
    pub free: u64,
}

/// What lies where. The rows of a region sum to its size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemoryMap {
    /// Flash, then SRAM.
    pub regions: Vec<Region>,
    /// By region and address.
    pub rows: Vec<Row>,
    /// Of a map by unit or crate: the rows of each name together, the largest first in each region. They too sum to the region.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
}

/// How finely a map is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// One row per symbol.
    Symbol,
    /// One row per section.
    Section,
    /// Rows of compile units, from debug information; what none names is `[no unit]`.
    Unit,
    /// Rows of Rust crates; of what is not Rust, compile units.
    Crate,
}

/// All rows of one name in one memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Which memory.
    pub region: Bank,
    /// The rows' name.
    pub name: String,
    /// Their bytes.
    pub size: u64,
    /// What a run did with them.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub used: Option<Use>,
}

/// The map as a document: `stm32sim map --format json`.
#[derive(Debug, Serialize)]
pub struct MapReport {
    /// The schema of the project's reports.
    pub schema: u32,
    /// Who wrote it.
    pub tool: Tool,
    /// The chip that the firmware was laid into.
    pub chip: ChipSummary,
    /// The firmware.
    pub firmware: FirmwareSummary,
    /// What lies where.
    pub map: MemoryMap,
    /// How deep the stack can get, by the code; every function's own part too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<StackBound>,
    /// With a run: its scenario, and how it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Overlaid>,
    /// With a second file: that file, and what it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<Other>,
}

/// The run that a map was overlaid with.
#[derive(Debug, Serialize)]
pub struct Overlaid {
    /// The scenario, of which sample 0 was run.
    pub scenario: String,
    /// How it ended.
    pub outcome: String,
}

/// The second file of a comparison.
#[derive(Debug, Serialize)]
pub struct Other {
    /// The file.
    pub firmware: FirmwareSummary,
    /// What lies where in it; for the page only.
    #[serde(skip)]
    pub map: MemoryMap,
    /// From the first file to this one.
    pub difference: Difference,
}

impl MapReport {
    /// Lays the firmware into the chip and maps it.
    ///
    /// # Errors
    /// Those of [`Chip::place`]: it does not fit, or the chip cannot boot from it.
    pub fn new(image: &Image, chip: &Chip, by: By) -> Result<MapReport> {
        let placement = chip.place(image)?;
        Ok(MapReport {
            schema: SCHEMA,
            tool: Tool::THIS,
            chip: ChipSummary::of(chip),
            firmware: FirmwareSummary::of(image),
            map: MemoryMap::new(image, chip, &placement, by),
            stack: StackBound::with_functions(image, &placement, &BTreeMap::new()),
            run: None,
            other: None,
        })
    }

    /// The same report with a comparison to what another file makes of the chip.
    #[must_use]
    pub fn with_other(mut self, other: MapReport) -> MapReport {
        let difference = Difference::new(&self.map, &other.map);
        self.other = Some(Other { firmware: other.firmware, map: other.map, difference });
        self
    }
}

impl MemoryMap {
    /// Maps a placed image.
    #[must_use]
    pub fn new(image: &Image, chip: &Chip, placement: &Placement, by: By) -> MemoryMap {
        let mut regions = Vec::new();
        let mut rows = Vec::new();
        for (bank, memory) in [(Bank::Flash, chip.flash), (Bank::Sram, chip.sram)] {
            let mut builder = Builder { image, chip, flash: &placement.flash, bank, base: memory.base, by, rows: Vec::new() };
            builder.fill(memory.size.0);
            let free = builder.rows.iter().filter(|row| row.kind == Kind::Free).map(|row| row.size).sum();
            regions.push(Region { name: bank, size: memory.size.0, used: memory.size.0.saturating_sub(free), free });
            rows.append(&mut builder.rows);
        }
        let groups = if matches!(by, By::Unit | By::Crate) { groups(&rows) } else { Vec::new() };
        MemoryMap { regions, rows, groups }
    }

    /// Only one region's rows.
    #[must_use]
    pub fn only(mut self, region: Bank) -> MemoryMap {
        self.regions.retain(|found| found.name == region);
        self.rows.retain(|row| row.region == region);
        self.groups.retain(|group| group.region == region);
        self
    }

    /// How many bytes of a region are of a kind.
    #[must_use]
    pub fn bytes_of(&self, region: Bank, kind: Kind) -> u64 {
        self.rows.iter().filter(|row| row.region == region && row.kind == kind).map(|row| row.size).sum()
    }
}

fn groups(rows: &[Row]) -> Vec<Group> {
    let mut sums: BTreeMap<(Bank, &str), (u64, Option<Use>)> = BTreeMap::new();
    for row in rows {
        let (size, used) = sums.entry((row.region, &row.name)).or_default();
        *size += row.size;
        *used = Use::sum(*used, row.used);
    }
    let mut groups: Vec<Group> =
        sums.into_iter().map(|((region, name), (size, used))| Group { region, name: name.to_owned(), size, used }).collect();
    groups.sort_by(|a, b| (a.region, b.size, &a.name).cmp(&(b.region, a.size, &b.name)));
    groups
}

/// The name of what no unit, or crate, is known for.
const NO_UNIT: &str = "[no unit]";

/// A part of a region that one section, or bare bytes of a segment, occupies.
struct Piece<'a> {
    /// Offset in the region.
    start: u64,
    end: u64,
    /// The run address of its first byte, by which symbols know it.
    vma: Addr,
    section: Option<&'a Section>,
}

/// Fills one region from its first byte to its last.
struct Builder<'a> {
    image: &'a Image,
    chip: &'a Chip,
    flash: &'a [u8],
    bank: Bank,
    base: Addr,
    by: By,
    rows: Vec<Row>,
}

impl<'a> Builder<'a> {
    fn fill(&mut self, size: u64) {
        let mut cursor = 0;
        for mut piece in self.pieces() {
            // Sections that overlap, as overlays do: the first keeps its bytes.
            if piece.start < cursor {
                piece.vma = piece.vma.offset(u32::try_from(cursor - piece.start).unwrap_or(0));
                piece.start = cursor;
            }
            piece.end = piece.end.min(size);
            if piece.start >= piece.end {
                continue;
            }
            self.gap(cursor, piece.start);
            match self.by {
                By::Section => {
                    let kind = self.kind(&piece, None);
                    let name = piece.section.map_or("[no section]".to_owned(), |section| section.name.clone());
                    self.push(piece.start, piece.end, kind, name, piece.section);
                }
                By::Symbol | By::Unit | By::Crate => self.symbols(&piece),
            }
            cursor = piece.end;
        }
        if cursor < size {
            self.push(cursor, size, Kind::Free, "[free]".to_owned(), None);
        }
    }

    /// What occupies the region, by start: sections, and bytes that segments carry outside every section.
    fn pieces(&self) -> Vec<Piece<'a>> {
        let here = |address: Addr| self.chip.bank_of(address).filter(|(bank, _)| *bank == self.bank).map(|(_, offset)| offset);
        let mut pieces = Vec::new();
        for section in &self.image.sections {
            let address = match self.bank {
                Bank::Flash => section.lma,
                Bank::Sram => Some(section.vma),
            };
            if let Some(start) = address.and_then(here) {
                pieces.push(Piece { start, end: start + u64::from(section.size), vma: section.vma, section: Some(section) });
            }
        }
        pieces.sort_by_key(|piece| (piece.start, piece.end));
        let mut bare = Vec::new();
        for segment in &self.image.segments {
            let (address, size) = match self.bank {
                Bank::Flash => (segment.lma, segment.data.len() as u64),
                Bank::Sram => (segment.vma, u64::from(segment.mem_size)),
            };
            let Some(start) = here(address) else { continue };
            let end = start + size;
            let mut cursor = start;
            for piece in &pieces {
                let next = piece.start.clamp(cursor, end.max(cursor));
                if cursor < next {
                    bare.push((cursor, next, segment.vma.offset(u32::try_from(cursor - start).unwrap_or(0))));
                }
                cursor = cursor.max(piece.end);
            }
            if cursor < end {
                bare.push((cursor, end, segment.vma.offset(u32::try_from(cursor - start).unwrap_or(0))));
            }
        }
        pieces.extend(bare.into_iter().map(|(start, end, vma)| Piece { start, end, vma, section: None }));
        pieces.sort_by_key(|piece| (piece.start, piece.end));
        pieces
    }

    /// Between two pieces: alignment if it is short, else nothing.
    fn gap(&mut self, from: u64, to: u64) {
        match to.saturating_sub(from) {
            0 => {}
            1..=MAX_PADDING => self.push(from, to, Kind::Padding, "[padding]".to_owned(), None),
            _ => self.push(from, to, Kind::Free, "[free]".to_owned(), None),
        }
    }

    /// A piece, symbol by symbol.
    fn symbols(&mut self, piece: &Piece<'_>) {
        let first = u64::from(piece.vma.0);
        let last = first + (piece.end - piece.start);
        let mut cursor = first;
        let image = self.image;
        for (start, size, symbol) in image.symbols.extents() {
            let (from, to) = (u64::from(start.0).max(cursor), (u64::from(start.0) + u64::from(size)).min(last));
            if from >= to {
                continue;
            }
            self.unnamed(piece, cursor - first, from - first);
            let kind = self.kind(piece, Some((symbol, from - first)));
            self.push(piece.start + (from - first), piece.start + (to - first), kind, self.name(symbol), piece.section);
            cursor = to;
        }
        self.unnamed(piece, cursor - first, last - first);
    }

    /// What a symbol's row is called.
    fn name(&self, symbol: &Symbol) -> String {
        let unit = || self.image.unit_at(symbol.address).unwrap_or(NO_UNIT);
        match self.by {
            By::Symbol | By::Section => symbol.name.clone(),
            By::Unit => unit().to_owned(),
            By::Crate => symbol.crate_name().unwrap_or_else(unit).to_owned(),
        }
    }

    /// Bytes of a piece without a symbol: the vector table, alignment, or things that have no name.
    fn unnamed(&mut self, piece: &Piece<'_>, from: u64, to: u64) {
        if from >= to {
            return;
        }
        let (start, end) = (piece.start + from, piece.start + to);
        if self.bank == Bank::Flash && start == 0 {
            let lines = self.chip.interrupts.last().map_or(0, |line| u64::from(line.position) + 1);
            // A table of its own section is whole; one in front of code ends with the chip's last interrupt.
            let own_section = piece.section.is_some_and(|section| section.name.contains("vector"));
            let table = if own_section { end } else { end.min((16 + lines) * 4) };
            self.push(0, table, Kind::Vectors, "[vector table]".to_owned(), piece.section);
            return self.unnamed(piece, table - piece.start, to);
        }
        let padding = to - from <= MAX_PADDING && self.is_blank(piece, start, end);
        let unnamed = if self.by == By::Symbol { "[no symbol]" } else { NO_UNIT };
        let (kind, name) = if padding { (Kind::Padding, "[padding]") } else { (Kind::NoSymbol, unnamed) };
        self.push(start, end, kind, name.to_owned(), piece.section);
    }

    /// Whether bytes are what linkers and assemblers align with: zero, 0xff, or the NOP 0xbf00.
    fn is_blank(&self, piece: &Piece<'_>, start: u64, end: u64) -> bool {
        if self.bank == Bank::Sram {
            return piece.section.is_none_or(|section| matches!(section.kind, SectionKind::Zero | SectionKind::Data));
        }
        let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let bytes = range.and_then(|(start, end)| self.flash.get(start..end)).unwrap_or_default();
        bytes.iter().all(|byte| *byte == 0)
            || bytes.iter().all(|byte| *byte == 0xff)
            || bytes.chunks(2).all(|pair| pair == [0x00, 0xbf])
    }

    /// What a symbol of a piece, or the whole piece, holds.
    fn kind(&self, piece: &Piece<'_>, symbol: Option<(&Symbol, u64)>) -> Kind {
        let section = piece.section.map(|section| section.kind);
        let offset = piece.start + symbol.map_or(0, |(_, into)| into);
        let name = symbol.map_or(String::new(), |(symbol, _)| symbol.linker_name.to_lowercase());
        match self.bank {
            Bank::Flash => {
                let vectors = piece.start == 0 && piece.section.is_some_and(|section| section.name.contains("vector"));
                let object = symbol.is_some_and(|(symbol, _)| symbol.kind == SymbolKind::Object);
                match section {
                    _ if vectors || (offset == 0 && object) => Kind::Vectors,
                    Some(SectionKind::Data) => Kind::Initial,
                    Some(SectionKind::ReadOnly | SectionKind::Code)
                        if object && (self.is_tflite(offset) || name.contains("model")) =>
                    {
                        Kind::Model
                    }
                    Some(SectionKind::Code) if !object => Kind::Code,
                    Some(_) => Kind::Constant,
                    None => Kind::NoSymbol,
                }
            }
            Bank::Sram if name.contains("arena") => Kind::Arena,
            Bank::Sram => match section {
                Some(SectionKind::Code) => Kind::Code,
                Some(SectionKind::Data | SectionKind::ReadOnly) => Kind::Data,
                Some(SectionKind::Zero) => Kind::Zero,
                None => Kind::NoSymbol,
            },
        }
    }

    /// Whether a `.tflite` file starts here: its identifier follows the first word.
    fn is_tflite(&self, offset: u64) -> bool {
        usize::try_from(offset).ok().and_then(|at| self.flash.get(at.checked_add(4)?..at.checked_add(8)?)) == Some(b"TFL3")
    }

    fn push(&mut self, start: u64, end: u64, kind: Kind, name: String, section: Option<&Section>) {
        if start >= end {
            return;
        }
        // Neighbours of one unit are one row.
        let joins = |row: &&mut Row| {
            matches!(self.by, By::Unit | By::Crate)
                && (row.kind, row.name.as_str(), row.section.as_ref()) == (kind, &name, section.map(|section| &section.name))
        };
        match self.rows.last_mut().filter(joins) {
            Some(row) => row.size += end - start,
            None => self.rows.push(Row {
                region: self.bank,
                kind,
                name,
                section: section.map(|section| section.name.clone()),
                address: self.base.offset(u32::try_from(start).unwrap_or(0)),
                size: end - start,
                used: None,
            }),
        }
    }
}
