//! What it is: `stm32sim run` and `scenarios` as a user meets them: reports, exit codes, references, determinism.
//! Source: the reference outputs are TFLite Micro's (`models/*/goldens_*.npy`); binutils for memory; the report contract for names and sums.
//! Does not model: the cycle model's truth; `tests/silicon.rs` is about that.
//! Tested by: running the real program.

mod support;

use serde_json::Value;
use std::path::Path;
use std::process::Command;
use support::stm32sim;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn json(args: &[&str]) -> (Value, i32) {
    let run = stm32sim(&[args, &["--format", "json"]].concat());
    assert_eq!(run.err, "", "{args:?}");
    (serde_json::from_str(&run.out).expect("a JSON document"), run.code)
}

fn number(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or_else(|| panic!("{path} is no integer"))
}

/// The cycles of a `cycles_by_cause` object.
fn sum(value: &Value) -> u64 {
    value.as_object().expect("an object").values().map(|cycles| cycles.as_u64().expect("an integer")).sum()
}

#[test]
fn the_anomaly_scenario_runs_and_agrees_with_the_reference() {
    let (report, exit) = json(&["run", "--scenario", "anomaly"]);
    assert_eq!(exit, 0);
    assert_eq!(report["inference"]["matches_reference"], true);
    // Row 0 of models/anomaly/samples.csv is a `teardrop.` attack.
    assert_eq!(report["inference"]["expected_name"], "attack");
    assert_eq!(report["outcome"]["kind"], "finished");
    assert_eq!(number(&report, "/clock/hclk_hz"), 72_000_000);
    assert_eq!(number(&report, "/clock/flash_wait_states"), 2);
}

#[test]
fn parts_sum_to_their_totals() {
    let (report, _) = json(&["run", "--scenario", "anomaly", "--sample", "3"]);
    assert_eq!(sum(&report["cycles_by_cause"]), number(&report, "/totals/cycles"));
    let inference = &report["inference"];
    assert_eq!(sum(&inference["cycles_by_cause"]), number(inference, "/cycles"));
    let layers = inference["layers"].as_array().expect("layers");
    assert_eq!(layers.last().expect("rows")["name"], "[between layers]");
    for (field, whole) in [("cycles", number(inference, "/cycles")), ("instructions", number(inference, "/instructions"))] {
        assert_eq!(layers.iter().map(|layer| layer[field].as_u64().expect(field)).sum::<u64>(), whole, "{field}");
    }
    for layer in layers {
        assert_eq!(sum(&layer["cycles_by_cause"]), layer["cycles"].as_u64().expect("cycles"));
    }
    let flash = &report["memory"]["flash"];
    assert_eq!(number(flash, "/used") + number(flash, "/free"), number(flash, "/size"));
    let sram = &report["memory"]["sram"];
    assert_eq!(number(sram, "/static") + number(sram, "/stack_peak") + number(sram, "/free"), number(sram, "/size"));
}

#[test]
fn the_firmwares_own_clock_agrees_with_the_simulators() {
    // The image measures nn_invoke with DWT_CYCCNT and prints microseconds; the simulator measures the same call from outside.
    let (report, _) = json(&["run", "--scenario", "anomaly"]);
    let text = report["uart"][0]["text"].as_str().expect("text");
    let printed: f64 = text
        .split("Inference Time: ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .and_then(|number| number.parse().ok())
        .expect("the boot line");
    let latency = report["inference"]["latency_us"].as_f64().expect("a number");
    // The boot sample is row 0 too; reading the counter and calling take a few cycles of 1/72 us.
    assert!((printed - latency).abs() <= 2.0, "printed {printed}, measured {latency}");
}

#[test]
fn two_runs_give_the_same_bytes() {
    let run = || stm32sim(&["run", "--scenario", "anomaly", "--sample", "11", "--format", "json"]).out;
    assert_eq!(run(), run());
}

#[test]
fn memo_and_reference_fidelity_report_the_same() {
    let report = |fidelity: &str| {
        let (mut report, _) = json(&["run", "--scenario", "anomaly", "--fidelity", fidelity]);
        report["timing_model"]["fidelity"] = Value::Null;
        report
    };
    assert_eq!(report("memo"), report("reference"));
}

#[test]
fn memory_is_what_binutils_says() {
    let elf = root().join("firmware-images/anomaly.elf");
    let Ok(size) = Command::new("arm-none-eabi-size").arg(&elf).output() else {
        eprintln!("skipped: arm-none-eabi-size is not installed");
        return;
    };
    let text = String::from_utf8_lossy(&size.stdout).into_owned();
    let columns: Vec<u64> =
        text.lines().nth(1).expect("a row").split_whitespace().filter_map(|column| column.parse().ok()).take(3).collect();
    let (report, _) = json(&["run", "--scenario", "anomaly"]);
    assert_eq!(number(&report, "/memory/flash/used"), columns[0] + columns[1], "text + data");
    assert_eq!(number(&report, "/memory/sram/static"), columns[1] + columns[2], "data + bss");
}

#[test]
fn what_if_settings_change_cycles_and_times_but_not_results() {
    let (as_set, _) = json(&["run", "--scenario", "anomaly"]);
    let (slow, _) = json(&["run", "--scenario", "anomaly", "--clock", "24MHz"]);
    assert_eq!(number(&slow, "/clock/flash_wait_states"), 0, "24 MHz needs none (PM0075, 3.1)");
    assert_eq!(slow["inference"]["matches_reference"], true);
    assert!(number(&slow, "/inference/cycles") < number(&as_set, "/inference/cycles"), "no wait states, fewer cycles");
    assert!(slow["inference"]["latency_us"].as_f64() > as_set["inference"]["latency_us"].as_f64(), "a third of the clock");
    assert_eq!(number(&slow, "/inference/instructions"), number(&as_set, "/inference/instructions"));
    let (no_prefetch, _) = json(&["run", "--scenario", "anomaly", "--prefetch", "off"]);
    assert!(number(&no_prefetch, "/inference/cycles") > number(&as_set, "/inference/cycles"));
}

#[test]
fn a_users_own_input_is_run() {
    let samples = std::fs::read(root().join("models/anomaly/samples.npy")).expect("committed");
    // NEP 1: the data are the last rows x 41 bytes; row 1 is made a file of its own.
    let data = &samples[samples.len() - 400 * 41..];
    let mut header = "{'descr': '|i1', 'fortran_order': False, 'shape': (1, 41), }".to_owned();
    while !(header.len() + 11).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(&data[41..82]);
    let scratch = support::Scratch::new("own-input");
    let path = scratch.file("row1.npy", &file);
    let (own, exit) = json(&["run", "--scenario", "anomaly", "--input", &path]);
    let (sample, _) = json(&["run", "--scenario", "anomaly", "--sample", "1"]);
    assert_eq!(exit, 0);
    assert_eq!(own["inference"]["scores"], sample["inference"]["scores"]);
    assert!(own["inference"].get("matches_reference").is_none(), "there is no reference for a user's input");
    assert!(own["scenario"].get("sample").is_none());
}

#[test]
fn firmware_alone_ends_as_it_ends() {
    let image = |name: &str| root().join("firmware-images/tests").join(name).display().to_string();
    // Function, file and line are in the sources; the rules and exit codes are the contract's.
    for (name, args, exit, kind, place) in [
        ("fault_undef.elf", &[][..], 5, "fault", "tests/fault_undef.c:6 in main"),
        ("fault_bus.elf", &[], 5, "fault", "tests/fault_bus.c:6 in main"),
        ("spin_forever.elf", &["--limit", "20ms"], 3, "limit", "tests/spin_forever.c"),
        // The WFI is an inline function of a header.
        ("sleep_forever.elf", &[], 0, "asleep", "in main"),
        ("v7em.elf", &[], 5, "fault", "tests/v7em.c:7 in main"),
    ] {
        let (report, code) = json(&[&["run", &image(name)], args].concat());
        assert_eq!((code, &report["outcome"]["kind"]), (exit, &Value::from(kind)), "{name}");
        let message = report["outcome"]["message"].as_str().expect("a message");
        assert!(message.contains(place), "{name}: {message}");
    }
    let (v7em, _) = json(&["run", &image("v7em.elf")]);
    assert_eq!(v7em["findings"][0]["code"], "built-for-m4");
}

#[test]
fn tables_are_narrow_and_end_with_a_verdict() {
    for args in [&["run", "--scenario", "anomaly"][..], &["scenarios"], &["run", "--scenario", "anomaly", "--verbose"]] {
        let run = stm32sim(args);
        assert_eq!(run.code, 0);
        for line in run.out.lines() {
            assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
            assert_eq!(line.trim_end(), line);
        }
    }
    let run = stm32sim(&["run", "--scenario", "anomaly"]);
    let verdict = run.out.lines().last().expect("a last line");
    assert!(verdict.starts_with("attack: ") && verdict.contains("us per inference at 72 MHz"), "{verdict}");
    assert_eq!(stm32sim(&["run", "--scenario", "anomaly", "--quiet"]).out.trim_end(), verdict);
}
