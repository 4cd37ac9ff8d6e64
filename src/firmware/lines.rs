//! What it is: from an address to the source: function, file and line.
//! Source: DWARF 2 to 5, read by gimli and addr2line; names from the ELF symbol table.
//! Does not model: compressed or split debug information (such a file has no lines); variables and types.
//! Tested by: `tests/loader.rs` (against `arm-none-eabi-addr2line`; damaged debug information).

use super::demangle::demangle;
use super::units::Units;
use crate::units::Addr;
use gimli::{EndianArcSlice, LittleEndian as Little};
use object::read::elf::ElfFile32;
use object::{LittleEndian, Object, ObjectSection};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

pub(super) type Reader = EndianArcSlice<Little>;

/// Where an address is in the program. Prints as `function (file:line)` with what is known.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Location {
    /// The address that was asked for.
    pub address: Addr,
    /// The function (or object) that covers it, or `[no symbol]`.
    pub function: String,
    /// How far into the function the address is.
    pub offset: u32,
    /// The innermost function that the compiler inlined here, if any; file and line are then in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inlined: Option<String>,
    /// The source file, with its folder, as `src/main.c`; never an absolute path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in it, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

impl Location {
    /// The function's name where no symbol covers the address.
    pub const NO_SYMBOL: &'static str = "[no symbol]";
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.function)?;
        if let Some(inlined) = &self.inlined {
            write!(f, " / {inlined}")?;
        }
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, " ({file}:{line})"),
            (Some(file), None) => write!(f, " ({file}, {})", self.address),
            _ => write!(f, " ({})", self.address),
        }
    }
}

/// What the line table says of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Source {
    pub inlined: Option<String>,
    pub file: Option<String>,
    pub line: Option<u32>,
}

/// The line tables, parsed as far as anybody asked. Locked, because parsing is lazy and a run may ask from several threads.
pub(super) struct Lines {
    context: Option<Mutex<addr2line::Context<Reader>>>,
    dwarf: Option<Arc<gimli::Dwarf<Reader>>>,
    units: OnceLock<Units>,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.context.is_some() { "Lines" } else { "Lines(none)" })
    }
}

impl Lines {
    /// Finds the debug sections. Damaged ones are treated as absent: a program can run without them.
    pub(super) fn read(file: &ElfFile32<'_, LittleEndian>) -> Self {
        let load = |id: gimli::SectionId| -> Result<Reader, gimli::Error> {
            let data = file.section_by_name(id.name()).and_then(|section| section.data().ok()).unwrap_or_default();
            Ok(Reader::new(Arc::from(data), Little))
        };
        if file.section_by_name(".debug_line").is_none() {
            return Self { context: None, dwarf: None, units: OnceLock::new() };
        }
        let dwarf = gimli::Dwarf::load(load).ok().map(Arc::new);
        let context = dwarf.clone().and_then(|dwarf| addr2line::Context::from_arc_dwarf(dwarf).ok());
        Self { context: context.map(Mutex::new), dwarf, units: OnceLock::new() }
    }

    /// The compile unit of the function or variable at an address, if debug information says it.
    pub(super) fn unit(&self, address: Addr) -> Option<&str> {
        let dwarf = self.dwarf.as_ref()?;
        self.units.get_or_init(|| Units::read(dwarf)).at(address)
    }

    /// The innermost source position of an address, if the tables know it.
    pub(super) fn find(&self, address: Addr) -> Option<Source> {
        // A panic while the lock was held would leave a parsed prefix, which is as good as any.
        let context = self.context.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        let probe = u64::from(address.0);
        let mut frames = context.find_frames(probe).skip_all_loads().ok()?;
        let inner = frames.next().ok()??;
        let is_inlined = matches!(frames.next(), Ok(Some(_)));
        let location = inner.location.as_ref();
        Some(Source {
            inlined: inner
                .function
                .as_ref()
                .filter(|_| is_inlined)
                .and_then(|function| function.raw_name().ok().map(|name| demangle(name.as_ref()))),
            file: location.and_then(|location| location.file).map(short_path),
            line: location.and_then(|location| location.line).filter(|line| *line > 0),
        })
    }
}

/// A path's last two parts: enough to tell files apart, and the same wherever the firmware was built.
pub(super) fn short_path(path: &str) -> String {
    let mut parts =
        path.rsplit(['/', '\\']).filter(|part| !part.is_empty() && *part != "." && *part != ".." && !part.ends_with(':'));
    let (name, folder) = (parts.next().unwrap_or("?"), parts.next());
    match folder {
        Some(folder) => format!("{folder}/{name}"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_keep_their_last_two_parts() {
        assert_eq!(short_path("/home/someone/project/src/main.c"), "src/main.c");
        assert_eq!(short_path("main.c"), "main.c");
        assert_eq!(short_path(r"C:\work\Core\Src\main.c"), "Src/main.c");
        assert_eq!(short_path("/build/../main.c"), "build/main.c");
        assert_eq!(short_path(""), "?");
    }

    #[test]
    fn a_location_prints_what_is_known() {
        let mut location = Location {
            address: Addr(0x0800_0100),
            function: "main".to_owned(),
            offset: 2,
            inlined: None,
            file: Some("src/main.c".to_owned()),
            line: Some(7),
        };
        assert_eq!(location.to_string(), "main (src/main.c:7)");
        location.file = None;
        assert_eq!(location.to_string(), "main (0x08000100)");
    }
}
