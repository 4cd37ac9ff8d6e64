//! What it is: the form of what the program prints: width, verdict, JSON, files, closed pipes.
//! Source: the command line contract.
//! Does not model: the content, which the library's tests look at.
//! Tested by: running the real program.

mod support;

use serde_json::Value;
use std::io::Read;
use std::process::{Command, Stdio};
use support::{Elf, Scratch, stm32sim};

#[test]
fn tables_are_at_most_100_columns_wide_and_end_with_a_verdict() {
    let scratch = Scratch::new("tables");
    let mut elf = Elf::good();
    let long = "a_function_with_a_name_that_is_so_long_that_no_table_of_a_hundred_columns_can_hold_it_in_full";
    elf.symbols.push((long, elf.symbols[0].1 + 2, 2, true));
    elf.loads[0].section = ".text.of_a_section_with_a_long_name";
    elf.loads[0].data.extend([0x55; 40]);
    elf.loads[0].mem_size += 40;
    elf.loads[1].lma += 40;
    let file = scratch.file("a-file-with-a-long-name-as-build-systems-make-them.elf", &elf.bytes());
    let runs: [(&[&str], &str); 6] = [
        (&["map", &file], "fits the stm32f103c8"),
        (&["map", &file, "--by", "section", "--region", "sram"], "fits the stm32f103c8"),
        (&["map", &file, &file], "flash 0 B, SRAM 0 B"),
        (&["chips"], "9 sizes built in"),
        (&["chips", "stm32f103ze"], "DMA channels with"),
        (&["explain", "flash-overflow"], "exit code where it ends a command: 6"),
    ];
    for (args, verdict) in runs {
        let ran = stm32sim(args);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args:?}");
        for line in ran.out.lines() {
            let text = line.trim_end();
            // A sentence may hold a file's name, which is as long as it is; explanations are prose that terminals wrap.
            let prose = text.contains(verdict) || text.contains("as-build-systems-make-them") || args[0] == "explain";
            assert!(text.chars().count() <= 100 || prose, "{args:?}: {text}");
        }
        assert!(ran.out.lines().last().unwrap().contains(verdict), "{args:?}: {}", ran.out);
        let quiet = stm32sim(&[args, &["--quiet"]].concat());
        assert_eq!(quiet.out.lines().collect::<Vec<_>>(), [ran.out.lines().last().unwrap()], "{args:?}");
    }
}

#[test]
fn json_has_the_fields_of_the_contract() {
    let scratch = Scratch::new("json");
    let file = scratch.file("good.elf", &Elf::good().bytes());
    let ran = stm32sim(&["map", &file, "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["schema"], 1);
    assert_eq!((&report["chip"]["name"], &report["chip"]["flash_bytes"]), (&Value::from("stm32f103c8"), &Value::from(65_536)));
    assert_eq!(report["firmware"]["name"], "good.elf");
    for region in report["map"]["regions"].as_array().unwrap() {
        assert_eq!(region["used"].as_u64().unwrap() + region["free"].as_u64().unwrap(), region["size"].as_u64().unwrap());
    }
    for row in report["map"]["rows"].as_array().unwrap() {
        assert!(["region", "kind", "name", "address", "size"].iter().all(|key| !row[key].is_null()), "{row}");
    }
    assert!(report.get("other").is_none());
    // The same input gives the same bytes, and no path of this machine is in them.
    assert_eq!(stm32sim(&["map", &file, "--format", "json"]).out, ran.out);
    assert!(!ran.out.contains(scratch.0.to_str().unwrap()));

    let chips: Value = serde_json::from_str(&stm32sim(&["chips", "--format", "json"]).out).unwrap();
    assert_eq!(chips["chips"].as_array().unwrap().len(), 9);
    let explained: Value = serde_json::from_str(&stm32sim(&["explain", "flash-overflow", "--format", "json"]).out).unwrap();
    assert_eq!(explained["exit_code"], 6);
}

#[test]
fn sha256_is_that_of_the_file() {
    let scratch = Scratch::new("sha");
    let file = scratch.file("good.elf", &Elf::good().bytes());
    let report: Value = serde_json::from_str(&stm32sim(&["map", &file, "--format", "json"]).out).unwrap();
    let Ok(output) = Command::new("sha256sum").arg(&file).output() else {
        return eprintln!("skipped: sha256sum is not installed");
    };
    assert_eq!(report["firmware"]["sha256"].as_str().unwrap(), &String::from_utf8(output.stdout).unwrap()[..64]);
}

#[test]
fn output_goes_to_a_file_whole_or_not_at_all() {
    let scratch = Scratch::new("output");
    let file = scratch.file("good.elf", &Elf::good().bytes());
    let report = scratch.file("report.json", b"old");
    let ran = stm32sim(&["map", &file, "--format", "json", "--output", &report]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""));
    assert_eq!(std::fs::read_to_string(&report).unwrap(), stm32sim(&["map", &file, "--format", "json"]).out);
    let names: Vec<_> = std::fs::read_dir(&scratch.0).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names.len(), 2, "something was left behind: {names:?}");

    for bad in [scratch.0.join("no/such/folder/report"), scratch.0.clone()] {
        let ran = stm32sim(&["map", &file, "--output", bad.to_str().unwrap()]);
        assert_eq!(ran.code, 2);
        assert!(ran.err.starts_with("error[output-unwritable]: "), "{}", ran.err);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_stm32sim"))
        .args(["chips", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_device_is_an_error() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_stm32sim")).arg("chips").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error[output-unwritable]: "));
    let ran = stm32sim(&["chips", "--output", "/dev/full"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
}

#[test]
fn colour_is_only_where_it_is_asked_for() {
    let plain = stm32sim(&["map", "missing.elf"]);
    assert!(plain.err.starts_with("error[file-unreadable]: "), "{}", plain.err);
    let coloured = stm32sim(&["map", "missing.elf", "--color", "always"]);
    assert!(coloured.err.starts_with("\x1b[1;31merror[file-unreadable]\x1b[0m: "), "{}", coloured.err);
}

#[test]
fn formats_that_a_command_lacks_are_refused() {
    let ran = stm32sim(&["chips", "--format", "html"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("cannot be printed as html"), "{}", ran.err);
}

#[test]
fn every_finding_can_be_explained() {
    let list = stm32sim(&["explain"]).out;
    let codes: Vec<&str> =
        list.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(codes.len(), stm32sim::finding::CATALOGUE.len());
    for code in codes {
        assert_eq!(stm32sim(&["explain", code]).code, 0, "{code}");
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    for args in [&["--help"][..], &["--version"], &["map", "--help"], &["chips", "--help"]] {
        let ran = stm32sim(args);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args:?}");
        assert!(ran.out.contains("stm32sim"), "{args:?}");
    }
}
