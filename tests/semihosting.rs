//! What it is: semihosting as a user meets it: console, command line, exit codes, the folder, and calls with wild pointers.
//! Source: Arm's semihosting specification for the services; `firmware-images/tests/semihosting.c` agrees with QEMU (`tests/firmware_images.rs`).
//! Does not model: debuggers that are not the simulator.
//! Tested by: running the real program.

mod support;

use serde_json::Value;
use support::{FLASH, SRAM, Scratch, stm32sim};

/// One step of a program.
enum Step {
    /// A 16-bit instruction.
    Code(u16),
    /// `ldr rN, =value`.
    Load(u16, u32),
}

use Step::{Code, Load};

const BKPT: u16 = 0xbeab;

/// A raw binary: vector table, the steps, `b .`; literals at 0x80, data at 0x100.
fn program(steps: &[Step], data: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = [SRAM + 0x5000, FLASH + 9].iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut literals = Vec::new();
    for step in steps {
        let code = match step {
            Code(code) => *code,
            Load(register, value) => {
                let at = 0x80 + 4 * literals.len();
                literals.push(*value);
                // The literal is counted in words from the next word boundary behind the next instruction.
                0x4800 | register << 8 | ((at - ((bytes.len() + 4) & !3)) / 4) as u16
            }
        };
        bytes.extend(code.to_le_bytes());
    }
    bytes.extend(0xe7fe_u16.to_le_bytes());
    assert!(bytes.len() <= 0x80);
    bytes.resize(0x80, 0);
    bytes.extend(literals.iter().flat_map(|word| word.to_le_bytes()));
    bytes.resize(0x100, 0);
    bytes.extend(data);
    bytes
}

fn call(service: u16, argument: u32) -> Vec<u8> {
    program(&[Load(1, argument), Code(0x2000 | service), Code(BKPT)], b"hi\n\0")
}

fn run(file: &str, args: &[&str]) -> (Value, i32) {
    let ran = stm32sim(&[&["run", file, "--limit", "1ms", "--format", "json"], args].concat());
    assert_eq!(ran.err, "", "{args:?}");
    (serde_json::from_str(&ran.out).expect("a JSON document"), ran.code)
}

#[test]
fn exit_codes_are_the_firmwares() {
    let scratch = Scratch::new("sh-exit");
    let words = |a: u32, b: u32| [a.to_le_bytes(), b.to_le_bytes()].concat();
    let extended = |a, b| program(&[Load(1, FLASH + 0x100), Code(0x2020), Code(BKPT)], &words(a, b));
    for (bytes, code, says) in [
        (call(0x18, 0x20026), 0, "code 0"),
        (call(0x18, 0x20023), 4, "code 1"),
        (extended(0x20026, 0), 0, "code 0"),
        (extended(0x20026, 7), 4, "code 7"),
        (extended(0x20024, 0), 4, "code 1"),
    ] {
        let (report, exit) = run(&scratch.file("exit.bin", &bytes), &["--semihosting"]);
        assert_eq!((report["outcome"]["kind"].as_str(), exit), (Some("exit"), code), "{report}");
        assert!(report["outcome"]["message"].as_str().unwrap().contains(says), "{report}");
    }
}

#[test]
fn the_console_is_in_the_report_and_only_a_debugger_answers() {
    let scratch = Scratch::new("sh-console");
    let file = scratch.file("print.bin", &call(0x04, FLASH + 0x100));
    let (report, _) = run(&file, &["--semihosting"]);
    assert_eq!(report["uart"], serde_json::json!([{"port": "semihosting", "text": "hi\n"}]));
    // SYS_WRITE to the handle of ":tt", opened as "w".
    let block = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let data = [block(&[FLASH + 0x118, 4, 3]), block(&[1, FLASH + 0x11c, 3]), b":tt\0ho\n\0".to_vec()].concat();
    let steps = [Load(1, FLASH + 0x100), Code(0x2001), Code(BKPT), Load(1, FLASH + 0x10c), Code(0x2005), Code(BKPT)];
    let (report, _) = run(&scratch.file("handle.bin", &program(&steps, &data)), &["--semihosting"]);
    assert_eq!(report["uart"], serde_json::json!([{"port": "semihosting", "text": "ho\n"}]));

    let (report, exit) = run(&file, &[]);
    assert_eq!((report["outcome"]["kind"].as_str(), exit), (Some("fault"), 5));
    assert!(report["findings"].to_string().contains("--semihosting"), "{report}");
}

#[test]
fn the_command_line_arrives() {
    let scratch = Scratch::new("sh-args");
    let (block, buffer) = (SRAM, SRAM + 0x100);
    // str r3,[r2]; movs r3,#64; str r3,[r2,#4]; mov r1,r2
    let mut steps = vec![Load(2, block), Load(3, buffer), Code(0x6013), Code(0x2340), Code(0x6053), Code(0x4611)];
    steps.extend([Code(0x2015), Code(BKPT), Load(1, buffer), Code(0x2004), Code(BKPT)]);
    // SYS_EXIT_EXTENDED with the length as its code: ldr r3,[r2,#4]; str r3,[r2,#4] leaves it; the reason goes before it.
    steps.extend([Load(3, 0x20026), Code(0x6013), Code(0x4611), Code(0x2020), Code(BKPT)]);
    let file = scratch.file("args.bin", &program(&steps, &[]));
    let (report, exit) = run(&file, &["--semihosting-args", "-v once"]);
    assert_eq!(report["uart"][0]["text"], "-v once");
    assert!(report["outcome"]["message"].as_str().unwrap().contains("code 7"), "{report}");
    assert_eq!(exit, 4);
}

#[test]
fn files_stay_in_their_folder_and_runs_repeat() {
    let scratch = Scratch::new("sh-files");
    let elf = format!("{}/firmware-images/tests/semihosting.elf", env!("CARGO_MANIFEST_DIR"));
    let folder = scratch.0.to_str().unwrap();
    let wanted = ["--semihosting-dir", folder, "--limit", "100ms", "--format", "json"];
    let [first, second] = [(), ()].map(|()| stm32sim(&[&["run", &elf], &wanted[..]].concat()));
    assert_eq!((first.code, first.err.as_str()), (0, ""));
    assert!(first.out.contains("open 1 write 0"), "{}", first.out);
    assert_eq!(first.out, second.out);
    assert_eq!(std::fs::read_dir(&scratch.0).unwrap().count(), 0, "the program removes its file");
    let none = stm32sim(&["run", &elf, "--semihosting", "--limit", "100ms"]);
    assert!(none.out.contains("open 0"), "{}", none.out);
    let missing = stm32sim(&["run", &elf, "--semihosting-dir", &format!("{folder}/none")]);
    assert!(missing.code == 2 && missing.err.contains("error[file-unreadable]"), "{}", missing.err);
}

#[test]
fn wild_arguments_do_no_harm() {
    let scratch = Scratch::new("sh-wild");
    let folder = scratch.0.join("files");
    std::fs::create_dir(&folder).unwrap();
    for service in (0..=0x32).chain([0x40, 0xff]) {
        for argument in [0, FLASH + 0x100, FLASH + 0xfffe, SRAM, SRAM + 0x4ffe, 0x4000_0000, u32::MAX] {
            let file = scratch.file("wild.bin", &call(service, argument));
            let ran = stm32sim(&["run", &file, "--limit", "100us", "--semihosting-dir", folder.to_str().unwrap()]);
            assert!([0, 3, 4].contains(&ran.code), "{service:#x} {argument:#x}: {} {}", ran.code, ran.err);
        }
    }
}
