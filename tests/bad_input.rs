//! What it is: every bad input gets one sentence that names it and what is wrong, the right exit code, and nothing else.
//! Source: the exit codes of the project's contract; the files are crafted byte by byte from the ELF specification.
//! Does not model: firmware that is well-formed and misbehaves.
//! Tested by: running the real program.

mod support;

use support::{Elf, FLASH, Load, SRAM, Scratch, stm32sim};

/// The commands that take a firmware file: each must refuse every file below in the same words.
const COMMANDS: &[&[&str]] = &[&["map"], &["run"], &["run", "--scenario", "anomaly"], &["eval", "--scenario", "anomaly"]];

/// A refusal: a file and what must be said about it.
struct Case {
    file: &'static str,
    bytes: Vec<u8>,
    args: &'static [&'static str],
    exit: i32,
    code: &'static str,
    says: &'static str,
}

fn case(file: &'static str, bytes: Vec<u8>, code: &'static str, says: &'static str) -> Case {
    Case { file, bytes, args: &[], exit: 2, code, says }
}

/// The good program with single bytes of its file changed.
fn patched(changes: &[(usize, u8)]) -> Vec<u8> {
    let mut bytes = Elf::good().bytes();
    for (at, value) in changes {
        bytes[*at] = *value;
    }
    bytes
}

fn built_for(cpu: &'static str, tags: &[(u8, u8)]) -> Vec<u8> {
    Elf { attributes: Some((cpu, tags.to_vec())), ..Elf::good() }.bytes()
}

fn changed(change: impl Fn(&mut Elf)) -> Vec<u8> {
    let mut elf = Elf::good();
    change(&mut elf);
    elf.bytes()
}

fn linked_in_sram_only() -> Vec<u8> {
    let code = Elf::good().loads[0].data.clone();
    Elf { loads: vec![Elf::flash(SRAM, code)], ..Elf::good() }.bytes()
}

fn with_load(load: Load) -> Vec<u8> {
    changed(|elf| elf.loads.push(load.clone()))
}

/// A line of Intel HEX: count, address, type, data, and the checksum that makes the sum of all bytes zero.
fn record(kind: u8, address: u16, data: &[u8]) -> String {
    let mut bytes = vec![data.len() as u8];
    bytes.extend(address.to_be_bytes());
    bytes.push(kind);
    bytes.extend(data);
    bytes.push(bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte)));
    format!(":{}\n", bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>())
}

const HEX_END: &str = ":00000001FF\n";

/// Intel HEX for the upper half of the address, with these records and the end record.
fn hex(high: u16, records: &[String]) -> Vec<u8> {
    format!("{}{}{HEX_END}", record(4, 0, &high.to_be_bytes()), records.concat()).into_bytes()
}

fn other_formats() -> Vec<Case> {
    let code = Elf::good().loads[0].data.clone();
    let good = || record(0, 0, &code);
    let text = |lines: &str| lines.as_bytes().to_vec();
    let whole = hex(0x0800, &[good()]);
    vec![
        case("no-end.hex", text(":020000040800F2\n"), "bad-hex-file", "line 1: the file ends here without an end record"),
        case("half.hex", whole[..whole.len() / 2 + 1].to_vec(), "bad-hex-file", "line 2: the record announces 16 bytes"),
        case("odd.hex", text(":02000004080\n"), "bad-hex-file", "line 1: it has half a byte"),
        case("sum.hex", text(":020000040800F3\n"), "bad-hex-file", "line 1: the checksum is F3 and should be F2"),
        case("letter.hex", text(":020000040800F2\n:0000000G\n"), "bad-hex-file", "line 2: column 8 is no hexadecimal byte"),
        case("words.hex", text(":020000040800F2\nhello\n"), "bad-hex-file", "line 2: a record begins with a colon"),
        case("type.hex", record(6, 0, &[]).into_bytes(), "bad-hex-file", "there is no record of type 6"),
        case("shape.hex", record(4, 0, &[8]).into_bytes(), "bad-hex-file", "a record of type 4 cannot have 1 bytes"),
        case("nothing.hex", text(HEX_END), "bad-hex-file", "has no data records"),
        case("twice.hex", hex(0x0800, &[good(), record(0, 8, &[0])]), "bad-hex-file", "line 3: the byte at 0x08000008"),
        case(
            "joined.hex",
            [whole.clone(), whole].concat(),
            "bad-hex-file",
            "line 4: there is more behind the end record of line 3",
        ),
        case("wrap.hex", hex(0xffff, &[record(0, 0xffff, &[0, 0])]), "bad-hex-file", "beyond the end of the address space"),
        case("sram.hex", hex(0x2000, &[good()]), "elf-not-in-flash", "linked at 0x20000000"),
        case("outside.hex", hex(0x0800, &[good(), record(4, 0, &[0x60, 0]), good()]), "elf-outside-memory", "0x60000000"),
        case("behind.hex", hex(0x0801, &[good()]), "flash-overflow", "16 B more than the 65 536 B"),
        case("empty.bin", Vec::new(), "file-empty", "is empty"),
        case("short.bin", vec![0, 0x50, 0], "bad-vector-table", "cannot boot"),
        case("text.bin", text("hello, world\n"), "bad-vector-table", "initial stack pointer is 0x6c6c6568"),
        case("large.bin", [code, vec![0; 65_536]].concat(), "flash-overflow", "16 B more than the 65 536 B"),
    ]
    .into_iter()
    .map(|case| Case { exit: if case.code == "flash-overflow" { 6 } else { case.exit }, ..case })
    .collect()
}

fn cases() -> Vec<Case> {
    let good = Elf::good().bytes();
    let half = good[..good.len() / 2].to_vec();
    let headers_only = good[..60].to_vec();
    // EI_CLASS 2 and EM_X86_64 (62); EM_386 (3); EI_DATA 2 with the machine's bytes swapped.
    let x86_64 = patched(&[(4, 2), (18, 62)]);
    let big_endian = patched(&[(5, 2), (18, 0), (19, 40)]);
    let vectors = |stack: u32, reset: u32| {
        changed(|elf| {
            elf.loads[0].data[..4].copy_from_slice(&stack.to_le_bytes());
            elf.loads[0].data[4..8].copy_from_slice(&reset.to_le_bytes());
        })
    };
    let far_segment =
        Load { section: ".far", lma: 0x6000_0000, vma: 0x6000_0000, data: vec![0; 64], mem_size: 64, executable: false };
    let sram_loaded =
        Load { section: ".fast", lma: SRAM + 64, vma: SRAM + 64, data: vec![0; 64], mem_size: 64, executable: true };
    let mut all = vec![
        case("empty.elf", Vec::new(), "file-empty", "is empty"),
        case("text.elf", b"hello, world\n".to_vec(), "not-an-elf", "is not an ELF file"),
        case("library.a", b"!<arch>\nrest".to_vec(), "not-an-elf", "archive of object files"),
        case("x86.elf", patched(&[(18, 3)]), "elf-wrong-machine", "an ELF for x86, not for Arm"),
        case("x86-64.elf", x86_64, "elf-wrong-machine", "a 64-bit ELF for x86-64"),
        case("big.elf", big_endian, "elf-wrong-machine", "a big-endian Arm ELF"),
        case("magic.elf", good[..4].to_vec(), "elf-truncated", "file ends at byte 4"),
        case("three.elf", good[..3].to_vec(), "elf-truncated", "file ends at byte 3"),
        case("headers.elf", headers_only, "elf-truncated", "program headers"),
        case("half.elf", half, "elf-truncated", "truncated ELF"),
        case("short.elf", good[..good.len() - 1].to_vec(), "elf-truncated", "section table"),
        case("object.elf", Elf { kind: 1, ..Elf::good() }.bytes(), "elf-not-executable", "relocatable object file"),
        case("shared.elf", Elf { kind: 3, ..Elf::good() }.bytes(), "elf-not-executable", "shared object"),
        case("empty-program.elf", changed(|elf| elf.loads.clear()), "elf-not-executable", "no loadable segments"),
        case(
            "m4f.elf",
            built_for("Cortex-M4", &[(6, 13), (7, b'M'), (10, 6), (28, 1)]),
            "elf-wrong-core",
            "Armv7E-M (Cortex-M4)",
        ),
        case("m33.elf", built_for("Cortex-M33", &[(6, 17), (7, b'M')]), "elf-wrong-core", "Armv8 or later (Cortex-M33)"),
        case("a9.elf", built_for("Cortex-A9", &[(6, 10), (7, b'A'), (8, 1)]), "elf-wrong-core", "application or real-time core"),
        case("arm7.elf", built_for("ARM7TDMI", &[(6, 2), (8, 1)]), "elf-wrong-core", "32-bit Arm set"),
        case("hard.elf", Elf { flags: 0x0500_0400, ..Elf::good() }.bytes(), "elf-wrong-core", "floating-point unit"),
        case("sram-only.elf", linked_in_sram_only(), "elf-not-in-flash", "linked at 0x20000000"),
        case("outside.elf", with_load(far_segment), "elf-outside-memory", "0x60000000"),
        case("sram-code.elf", with_load(sram_loaded), "elf-outside-memory", "0x20000040"),
        case("damaged.elf", changed(|elf| elf.loads[0].mem_size = 4), "elf-damaged", "impossible sizes"),
        case("no-stack.elf", vectors(0, FLASH + 9), "bad-vector-table", "initial stack pointer is 0x00000000"),
        case("flash-stack.elf", vectors(FLASH, FLASH + 9), "bad-vector-table", "initial stack pointer is 0x08000000"),
        case("arm-reset.elf", vectors(SRAM + 0x5000, FLASH + 8), "bad-vector-table", "without the Thumb bit"),
        case("far-reset.elf", vectors(SRAM + 0x5000, FLASH + 0x4001), "bad-vector-table", "no code in flash"),
        case(
            "behind-loader.elf",
            changed(|elf| {
                elf.loads[0].lma += 0x2000;
                elf.loads[0].vma += 0x2000;
                elf.loads[1].lma += 0x2000;
            }),
            "bad-vector-table",
            "its lowest byte is at 0x08002000",
        ),
    ];
    all.extend(other_formats());
    // 64 KiB and 20 bytes on a chip of 64 KiB; 16 bytes above 20 KiB of SRAM; a stack that starts where the C8 has no SRAM.
    all.push(Case {
        exit: 6,
        ..case("big-flash.elf", Elf::of_flash_size(65_556).bytes(), "flash-overflow", "20 B more than the 65 536 B")
    });
    let big_bss = changed(|elf| elf.loads[2].mem_size = 20 * 1024 + 12);
    all.push(Case { exit: 6, ..case("big-sram.elf", big_bss, "sram-overflow", "16 B beyond its 20 480 B") });
    let tall_stack = vectors(SRAM + 0x1_0000, FLASH + 9);
    all.push(Case { exit: 6, ..case("tall-stack.elf", tall_stack, "sram-overflow", "45 056 B beyond its 20 480 B") });
    let unknown_chip = |args| Case { args, ..case("good.elf", Elf::good().bytes(), "unknown-chip", "no chip is called") };
    all.push(unknown_chip(&["--chip", "stm32f103c9"]));
    all.push(unknown_chip(&["--chip", "stm32f407vg"]));
    all
}

/// The words of a refusal: nothing on standard output, `error[code]: sentence` and one line of help on standard error.
fn assert_refused(args: &[&str], exit: i32, code: &str, says: &str) {
    let ran = stm32sim(args);
    assert_eq!(ran.out, "", "{args:?} wrote to standard output");
    assert_eq!(ran.code, exit, "{args:?}: {}", ran.err);
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(lines.len(), 2, "{args:?}: {}", ran.err);
    assert!(lines[0].starts_with(&format!("error[{code}]: ")), "{args:?}: {}", ran.err);
    assert!(lines[0].contains(says), "{args:?}: {}", ran.err);
    assert!(lines[1].starts_with("  help: ") && lines[1].ends_with('.'), "{args:?}: {}", ran.err);
}

#[test]
fn the_good_program_is_accepted() {
    let scratch = Scratch::new("good");
    let file = scratch.file("good.elf", &Elf::good().bytes());
    let ran = stm32sim(&["map", &file]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    // As large as the chip: 64 KiB of flash, and nothing more.
    let full = scratch.file("full.elf", &Elf::of_flash_size(65_536).bytes());
    assert_eq!(stm32sim(&["map", &full]).code, 0);
}

#[test]
fn bad_firmware_is_refused_by_name() {
    let scratch = Scratch::new("bad");
    for case in cases() {
        let file = scratch.file(case.file, &case.bytes);
        for command in COMMANDS {
            let output = scratch.0.join("report");
            let args: Vec<&str> = command
                .iter()
                .copied()
                .chain([file.as_str()])
                .chain(case.args.iter().copied())
                .chain(["--output", output.to_str().unwrap()])
                .collect();
            assert_refused(&args, case.exit, case.code, case.says);
            if case.args.is_empty() {
                assert!(stm32sim(&args).err.contains(case.file), "{}: not named", case.file);
            }
            assert!(!output.exists(), "{}: a report was written", case.file);
        }
    }
    let left: Vec<_> = std::fs::read_dir(&scratch.0).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(
        left.iter().all(|name| [".elf", ".hex", ".bin", ".a"].iter().any(|end| name.to_string_lossy().ends_with(end))),
        "{left:?}"
    );
}

#[test]
fn files_and_addresses_that_do_not_go_together_are_refused() {
    let scratch = Scratch::new("together");
    let elf = scratch.file("good.elf", &Elf::good().bytes());
    let bare = scratch.file("bare.bin", &Elf::good().loads[0].data);
    let at = |address: &str| format!("{bare}@{address}");
    let refused = |args: &[&str], code: &str, says: &str| assert_refused(&[&["run"], args].concat(), 2, code, says);
    refused(&[&elf, "--base", "0x08000000"], "bad-usage", "good.elf cannot be put at 0x08000000");
    refused(&[&elf, "--load", &bare], "firmware-overlap", "both claim the flash at 0x08000000");
    refused(&[&elf, "--load", &at("0x0000000C")], "firmware-overlap", "both claim the flash at 0x0800000c");
    refused(&["--load", &at("0x08002000")], "bad-vector-table", "its lowest byte is at 0x08002000");
    refused(&[&elf, "--load", &at("0x20000000")], "elf-outside-memory", "0x20000000");
    refused(&["--load", &at("0xfffffff8")], "elf-outside-memory", "beyond the end of the address space");
    refused(&[&elf, "--load", &scratch.0.join("none.hex").display().to_string()], "file-unreadable", "none.hex");
    for wrong in [&["run", &bare, "--base", "flash"][..], &["run", "--load", &at("0x1ffffffff")], &["run", "--base", "0"]] {
        let ran = stm32sim(wrong);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{wrong:?}: {}", ran.err);
        assert!(ran.err.contains("--help"), "{}", ran.err);
    }
}

#[test]
fn what_is_no_file_is_refused() {
    let scratch = Scratch::new("paths");
    let missing = scratch.0.join("missing.elf").to_str().unwrap().to_owned();
    let folder = scratch.0.to_str().unwrap().to_owned();
    for command in COMMANDS {
        let with = |file: &str, code: &str, says: &str| {
            let args: Vec<&str> = command.iter().copied().chain([file]).collect();
            assert_refused(&args, 2, code, says);
        };
        with(&missing, "file-unreadable", "missing.elf cannot be read: there is no such file");
        with(&folder, "file-unreadable", "is a folder");
        if cfg!(unix) {
            with("/dev/zero", "file-unreadable", "a device or a pipe");
        }
    }
}

#[test]
fn a_huge_file_is_refused_unread() {
    let scratch = Scratch::new("huge");
    let file = scratch.file("huge.elf", b"\x7fELF");
    // A hole of 10 GiB takes no space, and reading it would take long and all memory.
    let made = std::fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(10 << 30);
    if made.is_err() {
        eprintln!("skipped: this file system has no sparse files");
        return;
    }
    for command in COMMANDS {
        let args: Vec<&str> = command.iter().copied().chain([file.as_str()]).collect();
        assert_refused(&args, 2, "file-too-large", "10737418240 bytes");
    }
}

#[test]
fn bad_chip_files_are_refused_with_line_and_column() {
    let scratch = Scratch::new("chips");
    let good = scratch.file("good.elf", &Elf::good().bytes());
    let cases: [(&str, &[u8], &str, &str); 5] = [
        (
            "key.toml",
            b"extends = \"stm32f103x8\"\n[sram]\nsice = 1\n",
            "bad-chip-file",
            "line 3, column 1: unknown key \"sice\"; did you mean \"size\"?",
        ),
        ("base.toml", b"extends = \"stm32f103x7\"\n", "bad-chip-file", "line 1, column 11"),
        ("syntax.toml", b"[flash\n", "bad-chip-file", "line 1, column 7"),
        ("little.toml", b"name = \"mine\"\n", "bad-chip-file", "does not say flash.base"),
        ("binary.toml", b"\xff\xfe\x00", "file-unreadable", "binary.toml"),
    ];
    for (name, text, code, says) in cases {
        let file = scratch.file(name, text);
        assert_refused(&["map", &good, "--chip", &file], 2, code, says);
    }
    let missing = scratch.0.join("none.toml").to_str().unwrap().to_owned();
    assert_refused(&["map", &good, "--chip", &missing], 2, "file-unreadable", "none.toml");
}

#[test]
fn the_nearest_name_is_offered() {
    let scratch = Scratch::new("near");
    let good = scratch.file("good.elf", &Elf::good().bytes());
    let ran = stm32sim(&["map", &good, "--chip", "stm23f103rb"]);
    assert!(ran.err.contains("Did you mean stm32f103rb?"), "{}", ran.err);
    let ran = stm32sim(&["explain", "flash-overflo"]);
    assert!(ran.code == 2 && ran.err.contains("Did you mean flash-overflow?"), "{}", ran.err);
}

#[test]
fn wrong_usage_is_exit_code_2() {
    for args in [&["map"][..], &["no-such-command"], &["map", "a", "--format", "xml"], &["map", "a", "--quiet", "--verbose"], &[]]
    {
        let ran = stm32sim(args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}");
        assert!(ran.err.contains("--help"), "{args:?}: {}", ran.err);
    }
}

#[test]
fn scenarios_and_inputs_are_checked() {
    let scratch = Scratch::new("scenarios");
    assert_refused(&["run", "--scenario", "anomoly"], 2, "unknown-scenario", "no scenario named 'anomoly'");
    assert!(stm32sim(&["run", "--scenario", "anomoly"]).err.contains("Did you mean 'anomaly'?"));
    assert_refused(&["run", "--scenario", "anomaly", "--sample", "400"], 2, "sample-out-of-range", "it has 400");
    assert_refused(&["run"], 2, "bad-usage", "needs a firmware file");
    // NEP 1: magic, version 1.0, header length, header, data.
    let npy = |descr: &str, shape: &str, data: &[u8]| {
        let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
        while !(header.len() + 11).is_multiple_of(64) {
            header.push(' ');
        }
        header.push('\n');
        [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
    };
    for (name, bytes, code, says) in [
        ("empty.npy", Vec::new(), "file-empty", "empty.npy is empty"),
        ("text.npy", b"1,2,3\n".to_vec(), "bad-input-tensor", "is not a .npy file"),
        ("shape.npy", npy("|i1", "(40,)", &[0; 40]), "bad-input-tensor", "the scenario takes int8 of shape [41]"),
        ("type.npy", npy("<f4", "(41,)", &[0; 164]), "bad-input-tensor", "is float32 of shape [41]"),
        ("double.npy", npy("<f8", "(41,)", &[0; 328]), "bad-input-tensor", "elements of type <f8"),
        ("short.npy", npy("|i1", "(41,)", &[0; 40]), "bad-input-tensor", "needs 41"),
    ] {
        let file = scratch.file(name, &bytes);
        assert_refused(&["run", "--scenario", "anomaly", "--input", &file], 2, code, says);
    }
    let missing = scratch.0.join("none.npy").to_str().unwrap().to_owned();
    assert_refused(&["run", "--scenario", "anomaly", "--input", &missing], 2, "file-unreadable", "none.npy cannot be read");
    let file = scratch.file("mine.toml", b"name = \"x\"\n\nnome = 2\n");
    assert_refused(&["run", "--scenario", &file], 2, "bad-scenario-file", "nome");
    assert!(stm32sim(&["run", "--scenario", &file]).err.contains("mine.toml: line 3, column 1"));
}
