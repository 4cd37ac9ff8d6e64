//! What it is: a compiled program as it lies in its file: segments, sections, symbols, source lines and build attributes.
//! Source: System V ABI (ELF), "ELF for the Arm Architecture" (IHI 0044), DWARF 2 to 5 (through gimli and addr2line); Intel HEX; raw bytes.
//! Does not model: Motorola S-records and UF2; relocatable objects and shared libraries are refused.
//! Tested by: the unit tests of its parts, `tests/loader.rs` and `tests/loader_formats.rs` (binutils, mutations), `tests/bad_input.rs`.

mod attributes;
mod compose;
mod demangle;
mod elf;
mod hex;
mod lines;
mod raw;
mod symbols;
mod units;

pub use attributes::BuildAttributes;
pub use lines::Location;
pub use raw::{FLASH_BASE, Source, parse_address};
pub use symbols::{Symbol, SymbolKind, SymbolTable};

use crate::finding::{Code, Failure, Finding, Result};
use crate::units::Addr;
use lines::Lines;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The largest firmware file that is read. The largest F103 holds 1 MiB of code; the rest is debug information.
pub const MAX_FILE_BYTES: u64 = 64 << 20;

/// What the program headers say of one loadable segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where its bytes are programmed (physical address): flash, for everything that must survive a reset.
    pub lma: Addr,
    /// Where the program expects it when it runs (virtual address): flash for code, SRAM for `.data` and `.bss`.
    pub vma: Addr,
    /// The bytes that the file carries, programmed at `lma`.
    pub data: Vec<u8>,
    /// Its size in memory at `vma`; what exceeds `data` is zero-initialised by start-up code.
    pub mem_size: u32,
    /// Whether it holds instructions.
    pub executable: bool,
    /// Whether the program may write it.
    pub writable: bool,
}

/// What an allocated section is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SectionKind {
    /// Instructions.
    Code,
    /// Constants.
    ReadOnly,
    /// Initialised variables: in SRAM when the program runs, their initial values in flash.
    Data,
    /// Zero-initialised or reserved: no bytes in the file.
    Zero,
}

/// An allocated section: a named part of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The linker's name for it, as `.text`.
    pub name: String,
    /// Where the program expects it.
    pub vma: Addr,
    /// Where its bytes are programmed; `None` when the file carries none.
    pub lma: Option<Addr>,
    /// Its size in bytes.
    pub size: u32,
    /// What it is for.
    pub kind: SectionKind,
}

/// A loaded firmware file. Nothing in it depends on a chip; [`crate::chip`] decides where it fits.
#[derive(Debug)]
pub struct Image {
    /// The file as the user named it: for messages, never for reports.
    pub path: String,
    /// The file's own name without folders (with its address if it was given one; several joined by ` + `): for reports.
    pub name: String,
    /// SHA-256 of the whole file, in lower-case hexadecimal; of several files, that of their sums one after the other.
    pub sha256: String,
    /// The ELF entry point, without the Thumb bit. The chip does not use it: it boots from the vector table.
    pub entry: Addr,
    /// Loadable segments, in the file's order; at least one.
    pub segments: Vec<Segment>,
    /// Allocated sections, by address; empty in a file stripped of its section headers.
    pub sections: Vec<Section>,
    /// Functions, objects and linker labels.
    pub symbols: SymbolTable,
    /// What the compiler said about the target.
    pub attributes: BuildAttributes,
    /// What the compilers wrote into `.comment` about themselves; absent in a stripped file.
    pub toolchain: Option<String>,
    lines: Vec<Lines>,
}

impl Image {
    /// Reads and checks a firmware file: an ELF, Intel HEX, or, if its name ends in `.bin`, bare bytes for the beginning of flash.
    ///
    /// # Errors
    /// `file-…` when it cannot be read, `not-an-elf` and `elf-…` when it is not a program for a Cortex-M3, `bad-hex-file`.
    pub fn load(path: &Path) -> Result<Image> {
        raw::load_one(path)
    }

    /// Checks firmware that is already in memory: an ELF or Intel HEX. `path` names it in messages.
    ///
    /// # Errors
    /// As [`Image::load`], except for reading.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<Image> {
        Self::parse_any(path, bytes)
    }

    /// Where `pc` is in the source. Total: an address that nothing describes is `[no symbol]`. An address in the other of
    /// flash's two windows (0 and 0x08000000) than the program was linked for is understood.
    #[must_use]
    pub fn locate(&self, pc: Addr) -> Location {
        let pc = Addr::from_thumb(pc.0);
        let linked = self.linked_address(pc);
        let symbol = self.symbols.at(linked);
        let source = self.lines.iter().find_map(|lines| lines.find(linked));
        Location {
            address: pc,
            function: symbol.map_or_else(|| Location::NO_SYMBOL.to_owned(), |(symbol, _)| symbol.name.clone()),
            offset: symbol.map_or(0, |(_, offset)| offset),
            inlined: source.as_ref().and_then(|source| source.inlined.clone()),
            file: source.as_ref().and_then(|source| source.file.clone()),
            line: source.and_then(|source| source.line),
        }
    }

    /// The compile unit that the function or variable at `address` (no Thumb bit: variables lie at odd ones) comes from, as `src/main.c`; `None` where no debug information
    /// says it.
    #[must_use]
    pub fn unit_at(&self, address: Addr) -> Option<&str> {
        let linked = self.linked_address(address);
        self.lines.iter().find_map(|lines| lines.unit(linked))
    }

    /// The address that symbols and lines use for what lies at `address`: the same, or its twin in the other flash window.
    #[must_use]
    pub fn linked_address(&self, address: Addr) -> Addr {
        const FLASH_WINDOW: u32 = 0x0800_0000;
        let loaded = |a: Addr| self.segments.iter().any(|s| a.0.checked_sub(s.vma.0).is_some_and(|offset| offset < s.mem_size));
        let twin = Addr(address.0 ^ FLASH_WINDOW);
        if twin.0 < 2 * FLASH_WINDOW && !loaded(address) && loaded(twin) { twin } else { address }
    }
}

/// SHA-256 in lower-case hexadecimal.
fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A path's last part.
fn file_name(path: &str) -> String {
    path.rsplit(['/', '\\']).next().unwrap_or(path).to_owned()
}

/// Reads a file whose size is checked first, so that a device or a disk image given by mistake does no harm.
fn read_bounded(path: &Path, shown: &str) -> Result<Vec<u8>> {
    let unreadable = |why: &dyn std::fmt::Display| Failure::new(Code::FileUnreadable, format!("{shown} cannot be read: {why}"));
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(&reason(&error)))?;
    if metadata.is_dir() {
        return Err(Finding::new(Code::FileUnreadable, format!("{shown} is a folder, not a firmware file"))
            .help("Name the firmware file in it.")
            .into());
    }
    if !metadata.is_file() {
        return Err(unreadable(&"it is a device or a pipe"));
    }
    let too_large = |size: u64| {
        Failure::new(
            Code::FileTooLarge,
            format!("{shown} has {size} bytes; a firmware file of more than {MAX_FILE_BYTES} bytes is refused"),
        )
    };
    if metadata.len() > MAX_FILE_BYTES {
        return Err(too_large(metadata.len()));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(&reason(&error)))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}

/// The operating system's reason in the same words on every system, for the usual ones.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
