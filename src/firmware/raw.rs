//! What it is: bare bytes for an address, which the user or a convention gives, and firmware that is put together from several files.
//! Source: `objcopy -O binary` writes such files; flash begins at 0x08000000 (RM0008, section 3.3).
//! Does not model: symbols; of two files' symbols with one name, the one at the lower address is found by it.
//! Tested by: `tests/loader_formats.rs` (against `arm-none-eabi-objcopy`), `tests/bad_input.rs`.

use super::{BuildAttributes, Image, Segment, SymbolTable, digest, elf, file_name, hex, read_bounded};
use crate::finding::{Code, Failure, Finding, Result};
use crate::units::Addr;
use std::path::{Path, PathBuf};

/// Where bare bytes go if nobody says otherwise: the beginning of flash.
pub const FLASH_BASE: Addr = Addr(0x0800_0000);

/// A firmware file as a user names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// Where its first byte goes: only for files that carry no addresses of their own.
    pub base: Option<Addr>,
}

impl Source {
    /// `FILE` or `FILE@ADDRESS`.
    ///
    /// # Errors
    /// What is wrong with the address, in words.
    pub fn parse(text: &str) -> std::result::Result<Source, String> {
        match text.rsplit_once('@') {
            Some((path, address)) if !path.is_empty() && address.starts_with(|c: char| c.is_ascii_digit()) => {
                Ok(Source { path: path.into(), base: Some(parse_address(address)?) })
            }
            _ => Ok(Source { path: text.into(), base: None }),
        }
    }

    /// Reads the file: an ELF or Intel HEX by its content, bare bytes if it ends in `.bin` or an address was given.
    fn load(&self) -> Result<Image> {
        let shown = self.path.display().to_string();
        let bytes = read_bounded(&self.path, &shown)?;
        let bare = self.path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("bin"));
        let addressed = bytes.starts_with(b"\x7fELF") || hex::looks_like(&bytes);
        if addressed || bytes.is_empty() || (self.base.is_none() && !bare) {
            if let (Some(base), false) = (self.base, bytes.is_empty()) {
                return Err(Finding::new(
                    Code::BadUsage,
                    format!("{shown} cannot be put at {base}: it carries its own addresses"),
                )
                .help("Leave the address away; it is for raw binaries.")
                .into());
            }
            return Image::parse(&shown, &bytes);
        }
        let base = self.base.unwrap_or(FLASH_BASE);
        if u64::from(base.0) + bytes.len() as u64 > 1 << 32 {
            let says = format!("{shown} has {} bytes: from {base} they reach beyond the end of the address space", bytes.len());
            return Err(Failure::new(Code::ElfOutsideMemory, says));
        }
        let mut image = Image::without_names(&shown, &bytes, vec![segment(base, bytes.clone())], base);
        if base != FLASH_BASE {
            image.name = format!("{}@{base}", image.name);
        }
        Ok(image)
    }
}

/// `0x08002000` or a decimal number.
///
/// # Errors
/// That it is none, in words.
pub fn parse_address(text: &str) -> std::result::Result<Addr, String> {
    let digits = text.replace('_', "");
    let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    value.map(Addr).map_err(|_| format!("'{text}' is no address of 32 bits, as 0x08002000"))
}

/// Bytes in flash, of which nothing else is known.
pub(super) fn segment(address: Addr, data: Vec<u8>) -> Segment {
    let mem_size = u32::try_from(data.len()).unwrap_or(u32::MAX);
    Segment { lma: address, vma: address, data, mem_size, executable: true, writable: false }
}

impl Image {
    /// Reads firmware that consists of several files, as a boot loader and an application. Reports name them all.
    ///
    /// # Errors
    /// As [`Image::load`] for each; `firmware-overlap` if two of them claim the same byte; `bad-usage` if there is none.
    pub fn load_all(sources: &[Source]) -> Result<Image> {
        let mut images = sources.iter().map(Source::load);
        let mut whole = images.next().unwrap_or_else(|| Err(Failure::new(Code::BadUsage, "no firmware file is given")))?;
        images.try_for_each(|image| whole.join(image?))?;
        Ok(whole)
    }

    /// The format by the first bytes; an ELF is what remains, so that its errors say what the file is instead.
    pub(super) fn parse_any(path: &str, bytes: &[u8]) -> Result<Image> {
        if hex::looks_like(bytes) {
            let contents = hex::parse(path, bytes)?;
            let entry = contents.entry.or(contents.segments.first().map(|s| s.lma)).unwrap_or(FLASH_BASE);
            return Ok(Self::without_names(path, bytes, contents.segments, entry));
        }
        let parsed = elf::parse(path, bytes)?;
        Ok(Image {
            path: path.to_owned(),
            name: file_name(path),
            sha256: digest(bytes),
            entry: parsed.entry,
            segments: parsed.segments,
            sections: parsed.sections,
            symbols: parsed.symbols,
            attributes: parsed.attributes,
            toolchain: parsed.toolchain,
            lines: vec![parsed.lines],
        })
    }

    /// A program of which only the bytes are known.
    fn without_names(path: &str, bytes: &[u8], segments: Vec<Segment>, entry: Addr) -> Image {
        Image {
            path: path.to_owned(),
            name: file_name(path),
            sha256: digest(bytes),
            entry,
            segments,
            sections: Vec::new(),
            symbols: SymbolTable::default(),
            attributes: BuildAttributes::default(),
            toolchain: None,
            lines: Vec::new(),
        }
    }

    /// Adds another file's program. The core boots from whatever lies first in flash.
    fn join(&mut self, other: Image) -> Result<()> {
        let carrying = |segment: &&Segment| !segment.data.is_empty();
        let owns = self.segments.iter().filter(carrying);
        for (own, theirs) in owns.flat_map(|own| other.segments.iter().filter(carrying).map(move |theirs| (own, theirs))) {
            let ((a, a_end), (b, b_end)) = (programmed(own), programmed(theirs));
            if a < b_end && b < a_end {
                let at = Addr(u32::try_from(a.max(b)).unwrap_or(u32::MAX));
                let says = format!("{} and {} both claim the flash at {at}", self.path, other.path);
                return Err(Failure::new(Code::FirmwareOverlap, says));
            }
        }
        self.path = format!("{} and {}", self.path, other.path);
        self.name = format!("{} + {}", self.name, other.name);
        self.sha256 = digest(format!("{}{}", self.sha256, other.sha256).as_bytes());
        self.segments.extend(other.segments);
        self.sections.extend(other.sections);
        self.sections.sort_by(|a, b| (a.vma, a.size, &a.name).cmp(&(b.vma, b.size, &b.name)));
        let symbols = self.symbols.iter().chain(other.symbols.iter()).cloned().collect();
        self.symbols = SymbolTable::new(symbols, &self.sections);
        if self.attributes == BuildAttributes::default() {
            self.attributes = other.attributes;
        }
        if self.toolchain.is_none() {
            self.toolchain = other.toolchain;
        }
        self.lines.extend(other.lines);
        Ok(())
    }
}

/// From where to where a segment's bytes are programmed; flash's alias at 0 counts as flash.
fn programmed(segment: &Segment) -> (u64, u64) {
    let at = u64::from(segment.lma.0);
    let start = if at < u64::from(FLASH_BASE.0) { at + u64::from(FLASH_BASE.0) } else { at };
    (start, start + segment.data.len() as u64)
}

/// Whether a path is one that [`Image::load`] takes for a bare binary.
pub(super) fn load_one(path: &Path) -> Result<Image> {
    Source { path: path.to_owned(), base: None }.load()
}
