//! The committed firmware images: what their sources build, what the chip has room for, and what they do.
//!
//! Sources of the expectations: arm-none-eabi-gcc (the bytes), binutils (the size), QEMU's stm32vldiscovery (the behaviour: the same core, addresses
//! and interrupts, linked for its 8 KiB of SRAM), TFLite Micro's committed outputs (the numbers).
//! Does not model: time; QEMU has no cycle counter.
//! Where a tool is absent, the test that needs it says so and passes.

use object::{Object, ObjectSection, ObjectSegment, ObjectSymbol};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// The chip that an image is linked for, and its memories: ST's DS5319 and DS5792.
struct Chip {
    name: &'static str,
    flash: std::ops::Range<u64>,
    sram: std::ops::Range<u64>,
}

const C8: Chip = Chip { name: "stm32f103c8", flash: 0x0800_0000..0x0801_0000, sram: 0x2000_0000..0x2000_5000 };
const RC: Chip = Chip { name: "stm32f103rc", flash: 0x0800_0000..0x0804_0000, sram: 0x2000_0000..0x2000_c000 };

fn chip_of(image: &str) -> &'static Chip {
    if image == "emotion-2000.elf" { &RC } else { &C8 }
}
/// The symbols by which README.md lets tools find their way in a model image.
const FOR_TOOLS: &str = "nn_invoke nn_run_layer nn_model_plan nn_arena gp_buff g_buff_size g_buff_pos g_output \
                         th_load_tensor th_infer th_results th_timestamp th_printf th_getchar __stack_top __stack_limit";
/// The same of the image that listens, which has no serial protocol.
const FOR_LISTENERS: &str =
    "nn_invoke nn_run_layer nn_model_plan nn_arena gp_buff g_output g_window_end mfcc_frame __stack_top __stack_limit";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware-images")
}

/// Every committed ELF, named relative to the folder, in order.
fn images() -> Vec<String> {
    let mut names = Vec::new();
    for sub in ["", "tests/"] {
        for entry in fs::read_dir(folder().join(sub)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".elf") {
                names.push(format!("{sub}{name}"));
            }
        }
    }
    names.sort();
    assert!(names.len() > 15, "the committed images are missing: {names:?}");
    names
}

/// A tool's first line of `--version`, or None where it is not installed.
fn version(tool: &str) -> Option<String> {
    let output = Command::new(tool).arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.to_string())
}

/// The lines of SHA256SUMS: comments without their "# ", and (sum, file).
fn sums() -> (Vec<String>, Vec<(String, String)>) {
    let text = fs::read_to_string(folder().join("SHA256SUMS")).unwrap();
    let (comments, sums): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with('#'));
    let pair = |line: &str| line.split_once("  ").map(|(sum, file)| (sum.to_string(), file.to_string())).unwrap();
    (comments.iter().map(|c| c.trim_start_matches("# ").to_string()).collect(), sums.into_iter().map(pair).collect())
}

/// None when the tools that made the images are here, else why not.
fn other_toolchain() -> Option<String> {
    let recorded = sums().0;
    for (tool, wanted) in ["arm-none-eabi-gcc", "arm-none-eabi-ld"].iter().zip(&recorded) {
        match version(tool) {
            None => return Some(format!("{tool} is not installed")),
            Some(found) if found != *wanted => return Some(format!("the images are built by {wanted}, here is {found}")),
            Some(_) => {}
        }
    }
    version("make").is_none().then(|| "make is not installed".to_string())
}

/// A copy of the sources in a new temporary folder, built there; the folder is removed when this is dropped.
struct Build(PathBuf);

impl Build {
    /// `target` as the Makefile names it: `all`, or one ELF.
    fn new(name: &str, chip: &str, target: &str) -> Self {
        let to = std::env::temp_dir().join(format!("stm32sim-{name}-{}", std::process::id()));
        copy_sources(&folder(), &to);
        let build = Build(to);
        let output =
            Command::new("make").args(["-s", "-j2", &format!("CHIP={chip}"), target]).current_dir(&build.0).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        build
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn copy_sources(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if path.is_dir() {
            if name != "build" {
                copy_sources(&path, &to.join(name));
            }
        } else if path.extension().is_none_or(|e| e != "elf") {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

#[test]
fn sums_are_recorded_for_every_image() {
    let recorded = sums().1;
    let found: Vec<_> = images()
        .into_iter()
        .map(|name| (Sha256::digest(fs::read(folder().join(&name)).unwrap()).iter().map(|b| format!("{b:02x}")).collect(), name))
        .collect();
    assert_eq!(recorded, found, "run `make install` in firmware-images");
}

#[test]
fn a_rebuild_in_another_folder_gives_the_same_bytes() {
    if let Some(reason) = other_toolchain() {
        eprintln!("skipped: {reason}");
        return;
    }
    let build = Build::new("rebuild", "stm32f103c8", "all");
    for name in images() {
        let rebuilt = fs::read(build.0.join("build").join(chip_of(&name).name).join(&name)).unwrap();
        assert!(rebuilt == fs::read(folder().join(&name)).unwrap(), "{name} differs from what its sources build");
    }
}

#[test]
fn images_fit_the_chip_and_start_sanely() {
    let mut table = Vec::new();
    for name in images() {
        let Chip { flash: in_flash, sram: in_sram, .. } = chip_of(&name);
        let bytes = fs::read(folder().join(&name)).unwrap();
        // The runner has every kernel, with debug information.
        assert!(bytes.len() < 448 * 1024, "{name} is too large to commit");
        let elf = object::File::parse(&*bytes).unwrap();
        let find = |wanted: &str| elf.symbols().find(|s| s.name() == Ok(wanted));
        let symbol = |wanted: &str| find(wanted).map(|s| s.address());

        let (mut flash, mut sram) = (0, 0);
        for segment in elf.segments() {
            flash += segment.file_range().1;
            if in_sram.contains(&segment.address()) {
                sram = sram.max(segment.address() + segment.size() - in_sram.start);
            }
        }
        assert!(flash <= in_flash.end - in_flash.start, "{name}: {flash} bytes of flash");
        assert!(sram + 1024 <= in_sram.end - in_sram.start, "{name}: {sram} bytes of static data leave no room for a stack");
        assert_eq!(symbol("__stack_limit"), Some((in_sram.start + sram).next_multiple_of(8)), "{name}");
        // binutils counts the same: sections at a flash address and the initial values of .data; up to the last section in SRAM.
        if let Ok(output) = Command::new("arm-none-eabi-size").arg("-A").arg(folder().join(&name)).output() {
            let (mut flash_size, mut sram_size) = (0, 0);
            for line in String::from_utf8(output.stdout).unwrap().lines() {
                if let [section, size, address] = line.split_whitespace().collect::<Vec<_>>()[..]
                    && let (Ok(size), Ok(address)) = (size.parse::<u64>(), address.parse::<u64>())
                {
                    flash_size += if in_flash.contains(&address) || section == ".data" { size } else { 0 };
                    sram_size = sram_size.max(if in_sram.contains(&address) { address + size - in_sram.start } else { 0 });
                }
            }
            assert_eq!((flash, sram), (flash_size, sram_size), "{name}");
        }

        if !name.starts_with("tests/") {
            let size = |wanted: &str| find(wanted).map_or(0, |s| s.size());
            let stack = in_sram.end - symbol("__stack_limit").unwrap();
            let (image, model, arena) = (name.trim_end_matches(".elf"), size("nn_model_plan"), size("nn_arena"));
            table.push(format!("| {image} | {flash} | {model} | {sram} | {arena} | {stack} |"));
            let for_tools = if image == "keyword-live" { FOR_LISTENERS } else { FOR_TOOLS };
            for wanted in for_tools.split_whitespace().filter(|_| model != 0) {
                assert!(find(wanted).is_some(), "{name}: {wanted} is missing");
            }
        }

        let vectors = elf.section_by_name(".vectors").unwrap();
        assert_eq!(vectors.address(), in_flash.start, "{name}");
        let words: Vec<u64> =
            vectors.data().unwrap().chunks(4).map(|w| u64::from(u32::from_le_bytes(w.try_into().unwrap()))).collect();
        assert_eq!(words.len(), 76, "{name}: 16 exceptions and 60 interrupts");
        assert_eq!(words[0], in_sram.end, "{name}: the stack starts at the top");
        let reset = symbol("Reset_Handler").map(|a| a | 1);
        assert_eq!(Some(words[1]), reset, "{name}");
        for (position, &word) in words.iter().enumerate().skip(1) {
            if [7, 8, 9, 10, 13].contains(&position) {
                assert_eq!(word, 0, "{name}: exception {position} is reserved");
            } else {
                assert!(in_flash.contains(&word) && word & 1 == 1, "{name}: vector {position} is {word:#x}");
            }
        }
    }
    sizes_are_in_the_readme(&table.join("\n"));
}

/// README.md's table of sizes; `STM32SIM_BLESS=1 cargo test --release --test firmware_images` puts the present one there.
fn sizes_are_in_the_readme(table: &str) {
    let path = folder().join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let head = "left for the stack |\n| --- | --- | --- | --- | --- | --- |\n";
    let (before, rest) = readme.split_once(head).unwrap();
    let (shown, after) = rest.split_once("\n\n").unwrap();
    if std::env::var_os("STM32SIM_BLESS").is_some() {
        fs::write(&path, format!("{before}{head}{table}\n\n{after}")).unwrap();
    } else {
        assert_eq!(shown, table, "the table in README.md is not of these images");
    }
}

#[test]
fn debug_information_names_no_folder_of_the_building_machine() {
    for name in images() {
        let bytes = fs::read(folder().join(&name)).unwrap();
        let elf = object::File::parse(&*bytes).unwrap();
        assert!(elf.section_by_name(".debug_line").is_some(), "{name} has no line numbers");
        for section in
            elf.sections().filter(|s| s.name().is_ok_and(|n| n.starts_with(".debug_str") || n.starts_with(".debug_line")))
        {
            for string in section.data().unwrap().split(|&b| b == 0) {
                let absolute = string.len() > 3 && string[0] == b'/' && string[1..].iter().all(u8::is_ascii_graphic);
                assert!(!absolute, "{name}: {}", String::from_utf8_lossy(string));
            }
        }
    }
}

/// A program under QEMU with its serial line on our pipes, and QEMU's own log in a file.
struct Board {
    child: Child,
    received: Receiver<u8>,
    log: PathBuf,
}

impl Board {
    fn start(elf: &Path) -> Self {
        let log = elf.with_extension("qemu.log");
        let mut child = Command::new("qemu-system-arm")
            .args(["-M", "stm32vldiscovery", "-display", "none", "-monitor", "none", "-serial", "stdio", "-d", "int", "-D"])
            .arg(&log)
            // Files of the semihosting program: in the folder of the build.
            .args(["-semihosting-config", "enable=on,target=native"])
            .current_dir(elf.parent().unwrap())
            .arg("-kernel")
            .arg(elf)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (sender, received) = channel();
        let mut output = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            let mut byte = [0];
            while output.read_exact(&mut byte).is_ok() && sender.send(byte[0]).is_ok() {}
        });
        Board { child, received, log }
    }

    /// What comes until it ends with `mark`, or until `patience` has passed.
    fn until(&mut self, mark: &str, patience: Duration) -> String {
        let end = Instant::now() + patience;
        let mut text = Vec::new();
        while !text.ends_with(mark.as_bytes()) {
            match self.received.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(byte) => text.push(byte),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        String::from_utf8(text).unwrap()
    }

    fn send(&mut self, text: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(text.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    /// A command and the lines of its answer, without the m-ready that must end it.
    fn ask(&mut self, command: &str) -> Vec<String> {
        self.send(&format!("{command}%"));
        let answer = self.until("m-ready\r\n", Duration::from_secs(20));
        let mut lines: Vec<String> = answer.split_terminator("\r\n").map(str::to_string).collect();
        assert_eq!(lines.pop().as_deref(), Some("m-ready"), "{command}: {answer:?}");
        lines
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One image, or `programs`, linked for QEMU's board; None (and the reason on standard error) where a tool is missing.
fn for_qemu(name: &str, image: &str) -> Option<Build> {
    let missing = ["qemu-system-arm", "arm-none-eabi-gcc", "make"].into_iter().find(|tool| version(tool).is_none());
    if let Some(tool) = missing {
        eprintln!("skipped: {tool} is not installed");
        return None;
    }
    let target = if image == "programs" { image.to_string() } else { format!("build/stm32f100rb/{image}") };
    Some(Build::new(name, "stm32f100rb", &target))
}

impl Build {
    fn board(&self, image: &str) -> Board {
        Board::start(&self.0.join("build/stm32f100rb").join(image))
    }
}

#[test]
fn every_test_program_does_what_expected_toml_says() {
    let text = fs::read_to_string(folder().join("tests/expected.toml")).unwrap();
    let expected: toml::Table = text.parse().unwrap();
    let described: Vec<String> = expected.keys().map(|name| format!("tests/{name}.elf")).collect();
    let mut committed: Vec<String> = images().into_iter().filter(|name| name.starts_with("tests/")).collect();
    committed.retain(|name| !described.contains(name));
    assert!(committed.is_empty(), "not described: {committed:?}");

    let Some(build) = for_qemu("programs", "programs") else { return };
    for (name, entry) in &expected {
        if entry.get("not_qemu").is_some() {
            continue;
        }
        let mut wanted: String =
            entry["prints"].as_array().unwrap().iter().map(|l| format!("{}\r\n", l.as_str().unwrap())).collect();
        let ends = entry["ends"].as_str().unwrap();
        if ends.starts_with("exit ") {
            wanted += &format!("{ends}\r\n");
        }
        let mut board = build.board(&format!("tests/{name}.elf"));
        let mut got = board.until(&wanted, Duration::from_secs(10));
        got += &board.until("\0", Duration::from_millis(300)); // and nothing after it
        assert_eq!(got, wanted, "{name}");
        let log = fs::read_to_string(&board.log).unwrap();
        let fault = entry.get("qemu").map(|q| q.as_str().unwrap());
        assert_eq!(fault.is_some(), ends == "fault", "{name}");
        assert!(log.contains(fault.unwrap_or_default()), "{name}: {log}");
        assert_eq!(log.contains("nonsecure exception 3"), ends == "fault", "{name}: {log}");
    }
}

#[test]
fn hello_echoes() {
    let Some(build) = for_qemu("hello", "hello.elf") else { return };
    let mut board = build.board("hello.elf");
    // QEMU's clock registers read as 0: neither the crystal nor the PLL becomes ready, and the bounded waits end at 8 MHz.
    let greeting = "Hello from 8000000 Hz\r\necho [";
    assert_eq!(board.until(greeting, Duration::from_secs(20)), greeting);
    let mut time = || {
        board.send("some text%");
        let answer = board.until(" us\r\n", Duration::from_secs(10));
        board.until("echo [", Duration::from_secs(10));
        let us = answer.strip_prefix("some text] at ").and_then(|rest| rest.strip_suffix(" us\r\n"));
        Duration::from_micros(us.unwrap_or_else(|| panic!("{answer:?}")).parse().unwrap())
    };
    // The clock across sleep and several periods of SysTick (0.7 s each): QEMU runs it at 24 MHz in real time, three times what the
    // firmware believes.
    let (real, first) = (Instant::now(), time());
    std::thread::sleep(Duration::from_secs(2));
    let passed = time() - first;
    assert!(passed > Duration::from_secs(5) && passed < 3 * real.elapsed() + Duration::from_secs(1), "{passed:?}");
}

/// An int8 or uint8 array in a .npy file, as rows of bytes along its first dimension.
fn rows(file: &str) -> Vec<Vec<u8>> {
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(file)).unwrap();
    let array = npyz::NpyFile::new(&bytes[..]).unwrap();
    let width = array.shape()[1..].iter().product::<u64>() as usize;
    let values: Vec<u8> = if array.dtype().descr().contains("i1") {
        array.into_vec::<i8>().unwrap().into_iter().map(|v| v as u8).collect()
    } else {
        array.into_vec::<u8>().unwrap()
    };
    values.chunks(width).map(<[u8]>::to_vec).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// What `db print` and `output` print: eight bytes a line.
fn listing(prefix: &str, bytes: &[u8]) -> Vec<String> {
    let line = |chunk: &[u8]| chunk.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join("-");
    bytes.chunks(8).map(|chunk| format!("{prefix}{}", line(chunk))).collect()
}

/// The score that models/anomaly/preprocess.json defines: squared differences of the int8 values.
fn anomaly_score(input: &[u8], output: &[u8]) -> i64 {
    let difference = |(&a, &b): (&u8, &u8)| i64::from(a as i8) - i64::from(b as i8);
    input.iter().zip(output).map(difference).map(|d| d * d).sum()
}

fn anomaly_threshold() -> i64 {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/anomaly/preprocess.json");
    let preprocess: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    preprocess["int8"]["threshold"].as_i64().unwrap()
}

/// The decimal number after a prefix.
fn lap(line: &str) -> u64 {
    line.strip_prefix("m-lap-us-").unwrap().parse().unwrap()
}

#[test]
fn anomaly_carries_the_models_threshold() {
    let source = fs::read_to_string(folder().join("anomaly/main.c")).unwrap();
    assert!(source.contains(&format!("#define THRESHOLD {}u\n", anomaly_threshold())));
}

#[test]
fn anomaly_runs_a_sample_at_boot_and_agrees_with_tflite_micro_on_every_sample() {
    let Some(build) = for_qemu("anomaly", "anomaly.elf") else { return };
    let mut board = build.board("anomaly.elf");
    let (samples, goldens) = (rows("anomaly/samples.npy"), rows("anomaly/goldens_int8.npy"));

    let greeting = board.until("m-ready\r\n", Duration::from_secs(20));
    let lines: Vec<&str> = greeting.split_terminator("\r\n").collect();
    let label = if anomaly_score(&samples[0], &goldens[0]) > anomaly_threshold() { "attack" } else { "normal" };
    // QEMU has no cycle counter: it stays 0.
    assert_eq!(lines[0], format!("Inference Time: 0 us, Predicted Label: {label}"), "{greeting}");
    assert_eq!(lines[1], "m-timestamp-mode-performance");
    lap(lines[2]);
    assert_eq!(lines[3..], ["m-init-done", "m-ready"]);
    assert_eq!(board.ask("db print"), listing("m-buffer-", &samples[0]));

    for (row, (sample, golden)) in samples.iter().zip(&goldens).enumerate() {
        assert_eq!(board.ask("db load 41"), ["m-[Expecting 41 bytes]"]);
        let (first, rest) = sample.split_at(31);
        assert!(board.ask(&format!("db {}", hex(first))).is_empty());
        assert_eq!(board.ask(&format!("db {}", hex(rest))), ["m-load-done"]);
        // Three inferences of one load: the input must outlive them.
        let answer = board.ask("infer 2 1");
        assert_eq!(answer[..3], ["m-warmup-start-1", "m-warmup-done", "m-infer-start-2"]);
        assert!(lap(&answer[3]) <= lap(&answer[4]));
        let results = format!("m-results-[{}.000]", anomaly_score(sample, golden));
        assert_eq!(answer[5..], ["m-infer-done", &results], "sample {row}");
        assert_eq!(board.ask("output"), listing("m-output-", golden), "sample {row}");
    }
}

#[test]
fn the_serial_protocol_answers_as_published_and_survives_nonsense() {
    let Some(build) = for_qemu("protocol", "anomaly.elf") else { return };
    let mut board = build.board("anomaly.elf");
    board.until("m-ready\r\n", Duration::from_secs(20));

    assert_eq!(board.ask("name"), ["m-name-dut-[stm32f103]"]);
    let profile = board.ask("profile");
    assert!(profile[0].starts_with("m-profile-[") && profile[0].ends_with(']'), "{profile:?}");
    assert_eq!(profile[1], "m-model-[ad01]");
    let (before, after) = (board.ask("timestamp"), board.ask("timestamp"));
    assert!(lap(&before[0]) < lap(&after[0]), "{before:?} {after:?}");
    assert_eq!(board.ask("infer")[..3], ["m-warmup-start-10", "m-warmup-done", "m-infer-start-1"]);
    let results = board.ask("results");
    assert!(results.len() == 1 && results[0].starts_with("m-results-["), "{results:?}");
    assert_eq!(board.ask("frobnicate 3"), ["e-[Unknown command: frobnicate]"]);

    assert_eq!(board.ask("db load 3"), ["m-[Expecting 3 bytes]"]);
    assert!(board.ask("db 0aFF").is_empty());
    let long = "x".repeat(81);
    let refused = [
        "",
        " ",
        "db",
        "db load",
        "db load 0",
        "db load 42",
        "db load 4294967296",
        "db load -1",
        "db load 1x",
        "db 1",
        "db 0g",
        "db 0102",
        "db print 4",
        "db print 1 3",
        "db print 1 99999999999",
        "infer",
        "infer 0",
        "infer x",
        "infer 1 x",
        &long,
    ];
    for command in refused {
        let answer = board.ask(command);
        assert!(answer.len() == 1 && answer[0].starts_with("e-[") && answer[0].ends_with(']'), "{command}: {answer:?}");
    }
    // None of that has changed anything; line ends from a terminal do not count.
    assert_eq!(board.ask("\r\ndb 42\r\n"), ["m-load-done"]);
    assert_eq!(board.ask("db print"), ["m-buffer-0a-ff-42"]);
    assert_eq!(board.ask("db print 1 1"), ["m-buffer-ff"]);
    assert_eq!(board.ask("infer"), ["e-[The model takes 41 bytes, loaded are 3]"]);
}

#[test]
fn the_sample_in_each_image_is_row_0() {
    for (image, samples) in [
        ("anomaly", "anomaly/samples"),
        ("anomaly-float", "anomaly/samples_float32"),
        ("image", "image/samples"),
        ("keyword", "keyword/samples"),
        ("emotion", "emotion/emotion_samples"),
        ("emotion-2000", "emotion/emotion_2000_samples"),
    ] {
        let bytes = fs::read(folder().join(format!("{image}.elf"))).unwrap();
        let elf = object::File::parse(&*bytes).unwrap();
        let sample = elf.symbols().find(|s| s.name() == Ok("sample")).unwrap();
        let section = elf.section_by_index(sample.section_index().unwrap()).unwrap();
        let carried = section.data_range(sample.address(), sample.size()).unwrap().unwrap();
        assert_eq!(carried, first_row(samples), "{image}");
    }
}

/// The bytes of row 0 of an array of any type in a .npy file.
fn first_row(file: &str) -> Vec<u8> {
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(file).with_extension("npy")).unwrap();
    let array = npyz::NpyFile::new(&bytes[..]).unwrap();
    let rows = array.shape()[0] as usize;
    // The header ends with a line feed; the rest is data in C order.
    let data = &bytes[bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1..];
    data[..data.len() / rows].to_vec()
}
