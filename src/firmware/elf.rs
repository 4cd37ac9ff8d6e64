//! What it is: the ELF file's headers, checked one by one, so that every refusal names what is wrong with the file.
//! Source: System V ABI chapter 4 and 5; "ELF for the Arm Architecture" (IHI 0044) for machine, flags and attributes.
//! Does not model: dynamic linking, compressed sections, extended section numbering for programs (no firmware has it).
//! Tested by: the tests below, `tests/bad_input.rs`, `tests/loader.rs`.

use super::attributes::BuildAttributes;
use super::lines::Lines;
use super::symbols::SymbolTable;
use super::{Section, SectionKind, Segment};
use crate::finding::{Code, Failure, Finding, Result};
use crate::units::Addr;
use goblin::container::{Container, Ctx, Endian};
use goblin::elf::program_header::{PF_W, PF_X, PT_LOAD, ProgramHeader};
use goblin::elf::section_header::{SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE};
use goblin::elf::{Elf, Header, header};
use object::LittleEndian;
use object::elf as raw;
use object::read::elf::{ElfFile32, SectionHeader};
use object::{Object, ObjectSection};

/// More program headers than any linker writes for a microcontroller.
const MAX_SEGMENTS: usize = 256;

/// What [`parse`] finds in a file.
pub(super) struct Parsed {
    pub entry: Addr,
    pub segments: Vec<Segment>,
    pub sections: Vec<Section>,
    pub symbols: SymbolTable,
    pub attributes: BuildAttributes,
    pub toolchain: Option<String>,
    pub lines: Lines,
}

/// Checks the file from its first byte on and takes it apart.
pub(super) fn parse(path: &str, bytes: &[u8]) -> Result<Parsed> {
    check_identity(path, bytes)?;
    let header = Elf::parse_header(bytes).map_err(|_| truncated(path, bytes.len(), "its file header is not complete"))?;
    check_kind(path, &header)?;

    let segments = segments(path, bytes, &header)?;
    let file =
        ElfFile32::<LittleEndian>::parse(bytes).map_err(|error| match header.e_shoff.checked_add(table_bytes(&header)) {
            Some(end) if end <= bytes.len() as u64 => damaged(path, &error.to_string()),
            _ => truncated(path, bytes.len(), &format!("its section table should lie at byte {}", header.e_shoff)),
        })?;
    let sections = sections(path, &file)?;
    let mut segments = without_file_headers(segments, &sections);
    segments.extend(run_elsewhere(&segments, &sections));
    let attributes = BuildAttributes::read(&file, header.e_flags);
    if let Some(why) = attributes.unfit_for_cortex_m3() {
        return Err(Failure::new(Code::ElfWrongCore, format!("{path} is {why}; the STM32F103 is a Cortex-M3 without an FPU")));
    }
    let symbols = SymbolTable::read(&file, &sections);
    let lines = Lines::read(&file);
    Ok(Parsed {
        entry: Addr::from_thumb(low_half(header.e_entry)),
        segments: segments.into_iter().map(|(segment, _)| segment).collect(),
        sections,
        symbols,
        attributes,
        toolchain: toolchain(&file),
        lines,
    })
}

/// The compilers' names for themselves, each once, in the file's order: `.comment` is a row of strings that end in a zero byte.
fn toolchain(file: &ElfFile32<'_, LittleEndian>) -> Option<String> {
    let section = file.section_by_name(".comment")?;
    let mut names: Vec<String> = Vec::new();
    for name in section.data().ok()?.split(|byte| *byte == 0).filter(|name| !name.is_empty()).take(16) {
        let name: String = String::from_utf8_lossy(name).chars().filter(|c| !c.is_control()).take(120).collect();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    (!names.is_empty()).then(|| names.join("; "))
}

/// The identification bytes and the machine: the first twenty bytes.
fn check_identity(path: &str, bytes: &[u8]) -> Result<()> {
    if bytes.is_empty() {
        return Err(Failure::new(Code::FileEmpty, format!("{path} is empty")));
    }
    if !bytes.starts_with(header::ELFMAG) {
        if header::ELFMAG.starts_with(bytes) {
            return Err(truncated(path, bytes.len(), "its file header is not complete"));
        }
        let looks = match bytes {
            [b'S', b'0'..=b'9', ..] => "; it looks like Motorola S-records",
            [b'!', b'<', b'a', b'r', b'c', b'h', b'>', ..] => "; it is an archive of object files (a library)",
            [b'U', b'F', b'2', b'\n', ..] => "; it is a UF2 container",
            _ => "",
        };
        return Err(Failure::new(Code::NotAnElf, format!("{path} is not an ELF file{looks}")));
    }
    let (Some(&class), Some(&data)) = (bytes.get(header::EI_CLASS), bytes.get(header::EI_DATA)) else {
        return Err(truncated(path, bytes.len(), "its file header is not complete"));
    };
    let wrong = |what: String| Failure::new(Code::ElfWrongMachine, format!("{path} is {what}"));
    let big = data == header::ELFDATA2MSB;
    let machine = match bytes.get(18..20) {
        Some(&[a, b]) if big => u16::from_be_bytes([a, b]),
        Some(&[a, b]) => u16::from_le_bytes([a, b]),
        _ => return Err(truncated(path, bytes.len(), "its file header is not complete")),
    };
    if class == header::ELFCLASS64 {
        return Err(wrong(format!("a 64-bit ELF for {}; the STM32F103 is a 32-bit Arm", machine_name(machine))));
    }
    if class != header::ELFCLASS32 || (!big && data != header::ELFDATA2LSB) {
        return Err(damaged(path, "its identification bytes are not valid"));
    }
    if machine != header::EM_ARM {
        return Err(wrong(format!("an ELF for {}, not for Arm", machine_name(machine))));
    }
    if big {
        return Err(wrong("a big-endian Arm ELF; the STM32F103 is little-endian".to_owned()));
    }
    Ok(())
}

/// The kind of file: only a linked program can run.
fn check_kind(path: &str, elf: &Header) -> Result<()> {
    let what = match elf.e_type {
        header::ET_EXEC => return Ok(()),
        header::ET_REL => "a relocatable object file, not a linked program",
        header::ET_DYN => "a shared object or a position-independent program, which nothing on the chip relocates",
        header::ET_CORE => "a core dump",
        _ => "an ELF of an unknown kind",
    };
    Err(Finding::new(Code::ElfNotExecutable, format!("{path} is {what}"))
        .help("Give the linker's output for the whole program, linked at a fixed address.")
        .into())
}

/// The loadable segments, each with its offset in the file.
fn segments(path: &str, bytes: &[u8], elf: &Header) -> Result<Vec<(Segment, u32)>> {
    let count = usize::from(elf.e_phnum);
    if count > MAX_SEGMENTS {
        return Err(damaged(path, &format!("it claims {count} program headers")));
    }
    let ctx = Ctx::new(Container::Little, Endian::Little);
    let incomplete = || truncated(path, bytes.len(), &format!("its program headers should lie at byte {}", elf.e_phoff));
    let offset = usize::try_from(elf.e_phoff).map_err(|_| incomplete())?;
    if count > 0 && offset >= bytes.len() {
        return Err(incomplete());
    }
    let headers = ProgramHeader::parse(bytes, offset, count, ctx).map_err(|_| incomplete())?;

    let mut segments = Vec::new();
    let mut total = 0_u64;
    for header in headers.iter().filter(|header| header.p_type == PT_LOAD && header.p_memsz > 0) {
        let end = header.p_offset.checked_add(header.p_filesz).filter(|end| *end <= bytes.len() as u64);
        let Some(end) = end else {
            let why = format!("a segment should have {} bytes at byte {}", header.p_filesz, header.p_offset);
            return Err(truncated(path, bytes.len(), &why));
        };
        total = total.saturating_add(header.p_filesz);
        let beyond = |start: u64, size: u64| start.checked_add(size).is_none_or(|end| end > 1 << 32);
        if header.p_filesz > header.p_memsz
            || total > bytes.len() as u64
            || beyond(header.p_vaddr, header.p_memsz)
            || beyond(header.p_paddr, header.p_filesz)
        {
            return Err(damaged(path, &format!("the segment at 0x{:08x} has impossible sizes", header.p_vaddr)));
        }
        let data = usize::try_from(header.p_offset)
            .ok()
            .zip(usize::try_from(end).ok())
            .and_then(|(from, to)| bytes.get(from..to))
            .unwrap_or_default();
        segments.push((
            Segment {
                lma: Addr(low_half(header.p_paddr)),
                vma: Addr(low_half(header.p_vaddr)),
                data: data.to_vec(),
                mem_size: low_half(header.p_memsz),
                executable: header.p_flags & PF_X != 0,
                writable: header.p_flags & PF_W != 0,
            },
            low_half(header.p_offset),
        ));
    }
    if segments.is_empty() {
        return Err(Failure::new(Code::ElfNotExecutable, format!("{path} has no loadable segments")));
    }
    Ok(segments)
}

/// GNU ld without `--nmagic` lets the first segment begin with the file's own headers, page-aligned below the program. They are
/// not part of it (objcopy drops them too): such a segment begins with its first section.
fn without_file_headers(segments: Vec<(Segment, u32)>, sections: &[Section]) -> Vec<(Segment, u32)> {
    let trim = |(segment, offset): (Segment, u32)| {
        let first = sections.iter().filter_map(|section| section.vma.0.checked_sub(segment.vma.0)).min();
        match first {
            Some(skip) if offset == 0 && skip > 0 && (skip as usize) < segment.data.len() => (
                Segment {
                    lma: segment.lma.offset(skip),
                    vma: segment.vma.offset(skip),
                    data: segment.data.get(skip as usize..).unwrap_or_default().to_vec(),
                    mem_size: segment.mem_size.saturating_sub(skip),
                    ..segment
                },
                offset.saturating_add(skip),
            ),
            _ => (segment, offset),
        }
    };
    segments.into_iter().map(trim).collect()
}

/// armlink's program headers are load regions: all in flash. Variables that its start-up code copies or zeroes are elsewhere by their
/// sections alone; they become segments without bytes, as GNU ld has them for `.bss`.
fn run_elsewhere(segments: &[(Segment, u32)], sections: &[Section]) -> Vec<(Segment, u32)> {
    let covered = |section: &&Section| {
        segments.iter().any(|(segment, _)| section.vma.0.checked_sub(segment.vma.0).is_some_and(|into| into < segment.mem_size))
    };
    let reserved = |section: &Section| Segment {
        lma: section.vma,
        vma: section.vma,
        data: Vec::new(),
        mem_size: section.size,
        executable: section.kind == SectionKind::Code,
        writable: matches!(section.kind, SectionKind::Data | SectionKind::Zero),
    };
    sections.iter().filter(|section| !covered(section)).map(|section| (reserved(section), 0)).collect()
}

/// The allocated sections by address, with the load address that the program headers give them.
fn sections(path: &str, file: &ElfFile32<'_, LittleEndian>) -> Result<Vec<Section>> {
    let endian = LittleEndian;
    let table = file.elf_section_table();
    let loads: Vec<_> = file.elf_program_headers().iter().filter(|header| header.p_type.get(endian) == raw::PT_LOAD).collect();
    let mut sections = Vec::new();
    for header in table.iter() {
        let (flags, kind) = (header.sh_flags(endian).0, header.sh_type(endian));
        let (vma, size) = (header.sh_addr.get(endian), header.sh_size.get(endian));
        if flags & u64::from(SHF_ALLOC) == 0 || size == 0 {
            continue;
        }
        if vma.checked_add(size - 1).is_none() {
            return Err(damaged(path, &format!("the section at 0x{vma:08x} has an impossible size")));
        }
        let name = table.section_name(endian, header).unwrap_or_default();
        let zero = kind == raw::SHT_NOBITS;
        let offset = header.sh_offset.get(endian);
        // A section belongs to the segment that carries its bytes; its load address is as far into that segment as they are.
        let lma = loads.iter().filter(|_| !zero).find_map(|load| {
            let into = offset.checked_sub(load.p_offset.get(endian))?;
            let fits = into.checked_add(size)? <= load.p_filesz.get(endian);
            fits.then(|| Addr(load.p_paddr.get(endian).wrapping_add(into)))
        });
        sections.push(Section {
            name: String::from_utf8_lossy(name).chars().take(256).collect(),
            vma: Addr(vma),
            lma,
            size,
            kind: match () {
                () if zero => SectionKind::Zero,
                () if flags & u64::from(SHF_EXECINSTR) != 0 => SectionKind::Code,
                () if flags & u64::from(SHF_WRITE) != 0 => SectionKind::Data,
                () => SectionKind::ReadOnly,
            },
        });
    }
    sections.sort_by(|a, b| (a.vma, a.size, &a.name).cmp(&(b.vma, b.size, &b.name)));
    Ok(sections)
}

/// How long the section header table says it is.
fn table_bytes(elf: &Header) -> u64 {
    u64::from(elf.e_shnum) * u64::from(elf.e_shentsize)
}

/// A 32-bit ELF's field as goblin widens it.
fn low_half(value: u64) -> u32 {
    u32::try_from(value & 0xffff_ffff).unwrap_or_default()
}

fn truncated(path: &str, length: usize, why: &str) -> Failure {
    Failure::new(Code::ElfTruncated, format!("{path} is a truncated ELF: {why}, but the file ends at byte {length}"))
}

fn damaged(path: &str, why: &str) -> Failure {
    Failure::new(Code::ElfDamaged, format!("{path} is a damaged ELF: {why}"))
}

/// The processors that people mistake for a microcontroller's.
fn machine_name(machine: u16) -> String {
    match machine {
        header::EM_386 => "x86".to_owned(),
        header::EM_X86_64 => "x86-64".to_owned(),
        header::EM_AARCH64 => "AArch64".to_owned(),
        header::EM_ARM => "Arm".to_owned(),
        header::EM_RISCV => "RISC-V".to_owned(),
        header::EM_AVR => "AVR".to_owned(),
        header::EM_XTENSA => "Xtensa".to_owned(),
        header::EM_MIPS => "MIPS".to_owned(),
        header::EM_PPC => "PowerPC".to_owned(),
        other => format!("machine {other}"),
    }
}
