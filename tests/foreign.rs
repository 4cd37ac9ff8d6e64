//! What it is: how firmware that others wrote differs from ours: where it keeps its stack, where it is linked, what it is connected to.
//! Source: programs of docs/compatibility.md, reduced to what showed the difference; the expectations are the manuals' that a test names.
//! Does not model: the programs themselves.
//! Tested by: running the real program.

mod support;

use serde_json::Value;
use support::{Scratch, stm32sim};

fn json(args: &[&str]) -> (Value, String) {
    let run = stm32sim(&[args, &["--format", "json"]].concat());
    (serde_json::from_str(&run.out).unwrap_or_else(|e| panic!("{e}: {}{}", run.out, run.err)), run.err)
}

fn image(name: &str) -> String {
    format!("{}/firmware-images/tests/{name}.elf", env!("CARGO_MANIFEST_DIR"))
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// `b .`, twice.
const SPIN: u32 = 0xe7fe_e7fe;

#[test]
fn seconds_are_the_chips() {
    let scratch = Scratch::new("seconds");
    // DDI 0403, B1.5.5: stack pointer, reset handler. Out of reset the clock is HSI, 8 MHz (RM0008, 7.2.2).
    let slow = scratch.file("slow.bin", &words(&[0x2000_5000, 0x0800_0009, SPIN]));
    for (firmware, hz) in [(slow, 8_000_000), (image("spin_forever"), 72_000_000)] {
        let (report, _) = json(&["run", &firmware, "--limit", "300ms"]);
        assert_eq!((&report["outcome"]["kind"], &report["clock"]["hclk_hz"]), (&Value::from("limit"), &Value::from(hz)));
        let micros = report["totals"]["time_us"].as_f64().expect("a time");
        assert!((300_000.0..300_002.0).contains(&micros), "{micros} us at {hz} Hz");
    }
}

#[test]
fn a_stack_pointer_is_a_multiple_of_four() {
    // DDI 0403, B1.5.5, TakeReset: SP_main = MemA[vectortable, 4] AND 0xFFFFFFFC.
    let scratch = Scratch::new("odd-stack");
    let mut changed = std::fs::read(image("heap")).expect("the image");
    let table = changed.windows(4).position(|word| word == 0x2000_5000_u32.to_le_bytes()).expect("the vector table");
    changed[table] = 3;
    let changed = scratch.file("heap.elf", &changed);
    let ((of_changed, _), (of_original, _)) = (json(&["run", &changed]), json(&["run", &image("heap")]));
    for part in ["totals", "uart", "outcome", "memory"] {
        assert_eq!(of_changed[part], of_original[part], "{part}");
    }
}

#[test]
fn a_program_in_sram_is_started_as_by_a_debugger() {
    // Vectors at the start of SRAM, found there by SVC: ARM DUI 0471, SYS_EXIT with ADP_Stopped_ApplicationExit ends the run with code 0.
    let mut table = vec![0_u32; 16];
    (table[0], table[1], table[11]) = (0x2000_1000, 0x2000_004d, 0x2000_0041);
    // movs r0, #0x18; ldr r1, [pc, #4]; bkpt 0xab; b .; .word 0x20026; svc 0; b .
    table.extend([0x4901_2018, 0xe7fe_beab, 0x0002_0026, 0xe7fe_df00]);
    let scratch = Scratch::new("in-sram");
    let bytes = scratch.file("ram.bin", &words(&table));
    let (report, _) = json(&["run", &bytes, "--base", "0x20000000", "--semihosting", "--limit", "1ms"]);
    assert_eq!(report["outcome"]["kind"], "exit", "{}", report["outcome"]);
    assert_eq!(report["memory"]["flash"]["used"], 0);
    assert_eq!(report["memory"]["sram"]["static"], 80);
}

#[test]
fn memory_outside_of_the_chip() {
    let scratch = Scratch::new("fsmc");
    let world = |text: &str| scratch.file("world.toml", text.as_bytes());
    let connected = world("[[memory]]\nat = 0x68000000\nsize = 4096\n");
    let (report, _) = json(&["run", &image("fsmc"), "--chip", "stm32f103xe", "--world", &connected]);
    assert_eq!(report["uart"][0]["text"], "passed\r\nexit 0\r\n", "{report}");
    let noted = |report: &Value| -> Vec<String> {
        let rows = report["not_modelled"].as_array().expect("the ledger").iter();
        rows.map(|row| row["register"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(noted(&report), ["FSMC.NE1", "FSMC.NE1", "FSMC.NE4"]);
    // Nothing connected: what was stored does not come back, and the report says why.
    let (report, _) = json(&["run", &image("fsmc"), "--chip", "stm32f103xe"]);
    assert!(report["uart"][0]["text"].as_str().expect("text").contains("not words[0] == 0x11223344u"), "{report}");
    assert!(noted(&report).contains(&"FSMC.NE3".to_owned()));
    // RM0008, 21.4.1: 64 MiB for each select, four of them; no FSMC below high density (2.3, table 3).
    for (chip, text) in [
        ("stm32f103xe", "[[memory]]\nat = 0x67fffff0\nsize = 32\n"),
        ("stm32f103xe", "[[memory]]\nat = 0x70000000\nsize = 32\n"),
        ("stm32f103x8", "[[memory]]\nat = 0x68000000\nsize = 32\n"),
    ] {
        let run = stm32sim(&["run", &image("fsmc"), "--chip", chip, "--world", &world(text)]);
        assert_eq!(run.code, 2, "{}", run.err);
        assert!(run.err.contains("64 MiB at each of 0x60000000"), "{}", run.err);
    }
}

#[test]
fn an_address_that_refuses_says_what_it_may_be() {
    let scratch = Scratch::new("behind");
    // ldr r0, [pc, #4]; ldr r0, [r0]; b .: a load from the address in the last word.
    let load = |address| words(&[0x2000_1000, 0x0800_0009, 0x6800_4801, SPIN, address]);
    for (address, help) in [
        (0x0801_0000, "behind this chip's flash"),
        (0x2000_5000, "behind this chip's SRAM"),
        (0x6000_0000, "external memory behind FSMC"),
    ] {
        let file = scratch.file("load.bin", &load(address));
        let (report, _) = json(&["run", &file, "--chip", "stm32f103c8"]);
        let finding = &report["findings"][0];
        assert!(finding["help"].as_str().expect("help").contains(help), "{address:#x}: {finding}");
    }
    // ldr r0, [pc, #4]; str r0, [r0]; b .: PM0075, 2.3.1: flash is read-only until it is unlocked.
    for (address, help) in [(0x28, "null pointer"), (0x0800_0800, "FLASH_CR unlocked")] {
        let file = scratch.file("store.bin", &words(&[0x2000_1000, 0x0800_0009, 0x6000_4801, SPIN, address]));
        let (report, _) = json(&["run", &file, "--chip", "stm32f103c8"]);
        let finding = &report["findings"][0];
        assert!(finding["message"].as_str().expect("a message").contains("stored to flash"), "{address:#x}: {finding}");
        assert!(finding["help"].as_str().expect("help").contains(help), "{address:#x}: {finding}");
    }
}

#[test]
fn a_stack_among_variables_is_measured() {
    let (path, name) = (image("stack_within"), "own_stack");
    let Some(symbols) = support::binutils("nm", &["-S", &path]) else { return };
    let line = symbols.lines().find(|line| line.ends_with(name)).expect("the symbol");
    let numbers: Vec<u32> = line.split(' ').take(2).map(|number| u32::from_str_radix(number, 16).expect("hexadecimal")).collect();
    let scratch = Scratch::new("stack-within");
    let mut changed = std::fs::read(&path).expect("the image");
    let table = changed.windows(4).position(|word| word == 0x2000_5000_u32.to_le_bytes()).expect("the vector table");
    changed[table..table + 4].copy_from_slice(&(numbers[0] + numbers[1]).to_le_bytes());
    let changed = scratch.file("within.elf", &changed);
    let ((within, _), (above, _)) = (json(&["run", &changed]), json(&["run", &path]));
    assert_eq!(within["uart"], above["uart"]);
    // The same program with its stack at the end of SRAM is the oracle, where every byte that was written counts.
    let peak = |report: &Value| report["memory"]["sram"]["stack_peak"].as_u64().expect("a number");
    assert!(peak(&within) <= peak(&above) && peak(&within) + 16 > peak(&above), "{} and {}", peak(&within), peak(&above));
    let sram = &within["memory"]["sram"];
    assert_eq!(sram["static"].as_u64().expect("static") + sram["free"].as_u64().expect("free"), 20_480);
}

#[test]
fn a_program_is_not_refused_for_the_name_of_its_core() {
    // IHI 0045: Tag_CPU_arch (6), 10 for Armv7 and 13 for Armv7E-M. The latter stands in programs for a Cortex-M3 where one assembler file names
    // another core; what counts is the instructions.
    let scratch = Scratch::new("named-m4");
    for (name, kind) in [("exit_code", "asleep"), ("v7em", "fault")] {
        let mut bytes = std::fs::read(image(name)).expect("the image");
        let tags = b"7-M\0\x06\x0a\x07M";
        let at = bytes.windows(tags.len()).position(|window| window == tags).expect("the attributes");
        bytes[at + 5] = 13;
        let (report, _) = json(&["run", &scratch.file("m4.elf", &bytes)]);
        assert_eq!(report["outcome"]["kind"], kind, "{name}: {}", report["outcome"]);
    }
}
