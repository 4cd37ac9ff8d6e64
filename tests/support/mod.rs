//! What it is: a small writer of ELF files, so that tests can craft good and bad firmware without a toolchain.
//! Source: System V ABI chapters 4 and 5; "ELF for the Arm Architecture" (IHI 0044); IHI 0045 for the attributes.
//! Does not model: relocations, debug information.
//! Tested by: `tests/loader.rs`, which reads its output with binutils where they are installed.
#![allow(dead_code)] // Every test binary uses its own part of it.

pub mod tools;

/// Where flash and SRAM of the STM32F103 begin.
pub const FLASH: u32 = 0x0800_0000;
pub const SRAM: u32 = 0x2000_0000;

/// A loadable segment, and the section that covers it.
#[derive(Clone)]
pub struct Load {
    pub section: &'static str,
    pub lma: u32,
    pub vma: u32,
    pub data: Vec<u8>,
    pub mem_size: u32,
    pub executable: bool,
}

/// A symbol: name, address (with the Thumb bit, for functions), size, whether it is a function.
pub type Named = (&'static str, u32, u32, bool);

/// What the file is made of. Public fields, so that a test changes what it is about.
#[derive(Clone)]
pub struct Elf {
    pub kind: u16,
    pub machine: u16,
    pub flags: u32,
    pub entry: u32,
    pub loads: Vec<Load>,
    pub symbols: Vec<Named>,
    /// `Tag_CPU_name`, then tag and value pairs, all below 128.
    pub attributes: Option<(&'static str, Vec<(u8, u8)>)>,
}

/// `movs r0, #0` and an endless loop.
const LOOP: [u8; 4] = [0x00, 0x20, 0xfe, 0xe7];

impl Elf {
    /// A program that boots on a C8 and spins: vector table, eight bytes of code, four of `.data`, sixteen of `.bss`.
    pub fn good() -> Elf {
        let mut flash = Vec::new();
        flash.extend((SRAM + 0x5000).to_le_bytes());
        flash.extend((FLASH + 0x09).to_le_bytes());
        flash.extend(LOOP);
        flash.extend(LOOP);
        let data = Load { section: ".data", lma: FLASH + 16, vma: SRAM, data: vec![1, 2, 3, 4], mem_size: 4, executable: false };
        let bss = Load { section: ".bss", lma: SRAM + 4, vma: SRAM + 4, data: Vec::new(), mem_size: 16, executable: false };
        Elf {
            kind: 2,
            machine: 40,
            flags: 0x0500_0200,
            entry: FLASH + 9,
            loads: vec![Self::flash(FLASH, flash), data, bss],
            symbols: vec![
                ("Reset_Handler", FLASH + 9, 4, true),
                ("main", FLASH + 13, 4, true),
                ("counter", SRAM, 4, false),
                ("buffer", SRAM + 4, 16, false),
            ],
            attributes: Some(("Cortex-M3", vec![(6, 10), (7, b'M'), (9, 2)])),
        }
    }

    /// Code at an address.
    pub fn flash(address: u32, data: Vec<u8>) -> Load {
        let mem_size = data.len() as u32;
        Load { section: ".text", lma: address, vma: address, data, mem_size, executable: true }
    }

    /// The good program with so much more code that its flash part has this size.
    pub fn of_flash_size(size: u32) -> Elf {
        let mut elf = Elf::good();
        elf.loads[0].data.resize(size as usize - 4, 0);
        elf.loads[0].mem_size = size - 4;
        elf.loads[1].lma = FLASH + size - 4;
        elf
    }

    /// The file's bytes: header, program headers, contents, section headers.
    pub fn bytes(&self) -> Vec<u8> {
        let mut names = b"\0".to_vec();
        let mut name = |text: &str| {
            let at = names.len() as u32;
            names.extend(text.as_bytes());
            names.push(0);
            at
        };
        // name, type, flags, address, offset, size, link, info, alignment, entry size
        let mut sections = vec![[0_u32; 10]];
        let mut body = Vec::new();
        let start = 52 + 32 * self.loads.len() as u32;
        let mut headers = Vec::new();
        for load in &self.loads {
            let offset = start + body.len() as u32;
            let permissions = if load.executable { 5 } else { 6 };
            for word in [1, offset, load.vma, load.lma, load.data.len() as u32, load.mem_size, permissions, 4] {
                headers.extend(word.to_le_bytes());
            }
            let (kind, flags) = if load.data.is_empty() { (8, 3) } else { (1, if load.executable { 6 } else { 3 }) };
            sections.push([name(load.section), kind, flags, load.vma, offset, load.mem_size, 0, 0, 4, 0]);
            body.extend(&load.data);
        }
        if let Some((cpu, pairs)) = &self.attributes {
            let contents = attribute_section(cpu, pairs);
            sections.push([
                name(".ARM.attributes"),
                0x7000_0003,
                0,
                0,
                start + body.len() as u32,
                contents.len() as u32,
                0,
                0,
                1,
                0,
            ]);
            body.extend(contents);
        }
        let (symbols, strings) = symbol_sections(&self.symbols, &self.loads);
        let link = sections.len() as u32 + 1;
        sections.push([name(".symtab"), 2, 0, 0, start + body.len() as u32, symbols.len() as u32, link, 1, 4, 16]);
        body.extend(symbols);
        sections.push([name(".strtab"), 3, 0, 0, start + body.len() as u32, strings.len() as u32, 0, 0, 1, 0]);
        body.extend(strings);
        let own = name(".shstrtab");
        sections.push([own, 3, 0, 0, start + body.len() as u32, names.len() as u32, 0, 0, 1, 0]);
        body.extend(names);

        let mut file = vec![0x7f, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        file.extend(self.kind.to_le_bytes());
        file.extend(self.machine.to_le_bytes());
        for word in [1, self.entry, 52, start + body.len() as u32, self.flags] {
            file.extend(word.to_le_bytes());
        }
        for half in [52, 32, self.loads.len() as u16, 40, sections.len() as u16, sections.len() as u16 - 1] {
            file.extend(half.to_le_bytes());
        }
        file.extend(headers);
        file.extend(body);
        file.extend(sections.iter().flatten().flat_map(|word| word.to_le_bytes()));
        file
    }
}

fn attribute_section(cpu: &str, pairs: &[(u8, u8)]) -> Vec<u8> {
    let mut tags = vec![5];
    tags.extend(cpu.as_bytes());
    tags.push(0);
    tags.extend(pairs.iter().flat_map(|(tag, value)| [*tag, *value]));
    let mut file = vec![1];
    file.extend((tags.len() as u32 + 5).to_le_bytes());
    file.extend(tags);
    let mut section = b"A".to_vec();
    section.extend((file.len() as u32 + 4 + 6).to_le_bytes());
    section.extend(b"aeabi\0");
    section.extend(file);
    section
}

fn symbol_sections(symbols: &[Named], loads: &[Load]) -> (Vec<u8>, Vec<u8>) {
    let mut table = vec![0; 16];
    let mut strings = b"\0".to_vec();
    for (name, address, size, function) in symbols {
        let inside = |load: &Load| address.checked_sub(load.vma).is_some_and(|into| into < load.mem_size);
        let section = loads.iter().position(inside).map_or(0xfff1, |index| index as u16 + 1);
        for word in [strings.len() as u32, *address, *size] {
            table.extend(word.to_le_bytes());
        }
        table.extend([if *function { 0x12 } else { 0x11 }, 0]);
        table.extend(section.to_le_bytes());
        strings.extend(name.as_bytes());
        strings.push(0);
    }
    (table, strings)
}

/// A folder of the test's own that is removed afterwards.
pub struct Scratch(pub std::path::PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Scratch {
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Scratch(folder)
    }

    /// Writes a file in it, and gives its path as text.
    pub fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a run of the tool printed and how it ended.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs the tool.
pub fn stm32sim(args: &[&str]) -> Ran {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_stm32sim")).args(args).output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The firmware images that the project carries, if any.
pub fn committed_images() -> Vec<std::path::PathBuf> {
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware-images")];
    let mut images = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "build") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "elf") {
                images.push(path);
            }
        }
    }
    images.sort();
    images
}

/// Runs a tool of binutils for Arm; `None` where it is not installed.
pub fn binutils(tool: &str, args: &[&str]) -> Option<String> {
    let output = std::process::Command::new(format!("arm-none-eabi-{tool}")).args(args).output().ok()?;
    assert!(output.status.success(), "arm-none-eabi-{tool} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}
