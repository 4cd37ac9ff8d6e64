//! What it is: the heap as a run reports it.
//! Source: `firmware-images/tests/heap.c`, which counts its own allocations and prints what it counted (QEMU runs it too).
//! Does not model: an allocator of somebody else's.
//! Tested by: running the real program.

mod support;

use serde_json::Value;
use support::stm32sim;

fn image(name: &str) -> String {
    format!("{}/firmware-images/tests/{name}.elf", env!("CARGO_MANIFEST_DIR"))
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&stm32sim(&[args, &["--format", "json"]].concat()).out).expect("a JSON document")
}

#[test]
fn the_heap_is_what_the_firmware_counts_itself() {
    let report = json(&["run", &image("heap")]);
    let text = report["uart"][0]["text"].as_str().expect("text");
    let printed = |name: &str| -> u64 {
        let mut words = text.split_whitespace();
        words.find(|word| *word == name);
        words.next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{name} in {text}"))
    };
    let heap = &report["memory"]["heap"];
    for (field, name) in [("peak", "peak"), ("live", "live"), ("failures", "failed")] {
        assert_eq!(heap[field], printed(name), "{field}");
    }
    // From the source: malloc, calloc, realloc and malloc succeed; two frees and what realloc frees.
    assert_eq!((&heap["allocations"], &heap["frees"]), (&Value::from(4), &Value::from(3)));
    let sram = &report["memory"]["sram"];
    assert_eq!(sram["heap_peak"], printed("grown"));
    let part = |name: &str| sram[name].as_u64().expect(name);
    assert_eq!(part("static") + part("stack_peak") + part("heap_peak") + part("free"), part("size"));
    // The stack's depth by its pointer: a heap that grows towards it is no stack.
    let profile = json(&["profile", &image("heap")]);
    assert_eq!(profile["profile"]["stacks"][0]["bytes"], sram["stack_peak"]);
}

#[test]
fn an_allocation_that_fails_is_told_with_its_place() {
    let report = json(&["run", &image("heap")]);
    let findings = report["findings"].as_array().expect("findings");
    let failed: Vec<&Value> = findings.iter().filter(|finding| finding["code"] == "allocation-failed").collect();
    assert_eq!(failed.len(), 1);
    assert!(failed[0]["message"].as_str().expect("message").contains("100 000 B"), "{}", failed[0]);
    // The line that asks for 100000 bytes.
    let source = std::fs::read_to_string(image("heap").replace(".elf", ".c")).expect("the source");
    let line = 1 + source.lines().position(|line| line.contains("100000), 100000")).expect("the call");
    let location = failed[0]["location"].as_str().expect("location");
    assert!(location.contains(&format!("heap.c:{line} in main")), "{location}, not line {line}");
}

#[test]
fn firmware_without_a_heap_has_none() {
    let report = json(&["run", "--scenario", "anomaly"]);
    assert!(report["memory"]["heap"].is_null() && report["memory"]["sram"]["heap_peak"].is_null());
}
