//! What it is: `stm32sim profile`: sums, counts, exports.
//! Source: totals are the run's own; instruction counts per function follow from the calls that the source makes (named at each test).
//! Does not model: the cycle model's truth; `tests/silicon.rs` is about that.
//! Tested by: running the real program.

mod support;

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use support::{Scratch, committed_images, stm32sim};

fn json(args: &[&str]) -> Value {
    let run = stm32sim(&[args, &["--format", "json"]].concat());
    assert_eq!(run.err, "", "{args:?}");
    serde_json::from_str(&run.out).expect("a JSON document")
}

fn integer(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no integer"))
}

/// The cycles of a `cycles_by_cause` object.
fn causes(value: &Value) -> u64 {
    value.as_object().expect("an object").values().map(integer).sum()
}

/// Every list of a profile sums to the run's totals, by cause too.
fn assert_sums(report: &Value, what: &str) {
    let (profile, totals) = (&report["profile"], &report["totals"]);
    for field in ["cycles", "instructions"] {
        assert_eq!(profile[field], totals[field], "{what}: {field}");
    }
    assert_eq!(profile["cycles_by_cause"], report["cycles_by_cause"], "{what}");
    for list in ["functions", "lines", "mix"] {
        let rows = profile[list].as_array().expect(list);
        for field in ["cycles", "instructions"] {
            let sum: u64 = rows.iter().map(|row| integer(&row[field])).sum();
            assert_eq!(sum, integer(&totals[field]), "{what}: {list} {field}");
        }
        for (cause, cycles) in report["cycles_by_cause"].as_object().expect("causes") {
            let sum: u64 = rows.iter().map(|row| integer(&row["cycles_by_cause"][cause])).sum();
            assert_eq!(sum, integer(cycles), "{what}: {list} {cause}");
        }
        for row in rows {
            assert_eq!(causes(&row["cycles_by_cause"]), integer(&row["cycles"]), "{what}: {row}");
        }
    }
    assert_eq!(causes(&report["cycles_by_cause"]), integer(&totals["cycles"]), "{what}");
    let memory = |name: &str, parts: &[&str]| {
        let row = &report["memory"][name];
        let sum: u64 = parts.iter().filter_map(|part| row[part].as_u64()).sum();
        // A stack that has overrun everything leaves nothing free.
        assert!(sum == integer(&row["size"]) || row["free"] == 0, "{what}: {row}");
    };
    memory("flash", &["used", "free"]);
    memory("sram", &["static", "stack_peak", "heap_peak", "free"]);
    let modes = report["energy"]["modes"].as_array().into_iter().flatten();
    if !report["energy"].is_null() {
        assert_eq!(modes.map(|mode| integer(&mode["cycles"])).sum::<u64>(), integer(&totals["cycles"]), "{what}: energy by mode");
    }
    if !report["inference"].is_null() {
        for field in ["cycles", "instructions"] {
            let layers = report["inference"]["layers"].as_array().expect("layers").iter();
            let sum: u64 = layers.map(|layer| integer(&layer[field])).sum();
            assert!(sum == integer(&report["inference"][field]) || sum == 0, "{what}: layers' {field}");
        }
    }
}

#[test]
fn parts_sum_to_the_total_on_every_image() {
    for image in committed_images() {
        let path = image.to_str().expect("a path");
        assert_sums(&json(&["profile", path, "--limit", "20ms", "--chip", "stm32f103ze"]), path);
    }
}

/// The tree of calls and the flat profile are counted in different ways: by time stamps at calls and returns, and by the blocks' prices.
fn assert_tree(report: &Value, what: &str) {
    let profile = &report["profile"];
    let tree = profile["tree"].as_array().expect("tree");
    assert_eq!(tree[0]["total"], profile["cycles"], "{what}");
    let is_exception =
        |name: &str| name.starts_with('[') && !["[all]", "[asleep]", "[flash busy]", "[no symbol]"].contains(&name);
    let mut by_calls: BTreeMap<String, u64> = BTreeMap::new();
    for node in tree {
        let name = node["name"].as_str().expect("name");
        let name = if is_exception(name) { "[exception entry and return]" } else { name };
        // newlib's subtraction runs on into its addition within a block; such a block's time is the first one's in the tree.
        let name = if name == "__subsf3" { "__addsf3" } else { name };
        *by_calls.entry(name.to_owned()).or_default() += integer(&node["own"]);
    }
    by_calls.retain(|_, cycles| *cycles > 0);
    let mut flat: BTreeMap<String, u64> = BTreeMap::new();
    for row in profile["functions"].as_array().expect("functions") {
        let name = row["name"].as_str().expect("name");
        *flat.entry(if name == "__subsf3" { "__addsf3" } else { name }.to_owned()).or_default() += integer(&row["cycles"]);
    }
    flat.retain(|_, cycles| *cycles > 0);
    assert_eq!(by_calls, flat, "{what}");
}

#[test]
fn the_tree_of_calls_agrees_with_the_flat_profile_on_every_image() {
    for image in committed_images() {
        let path = image.to_str().expect("a path");
        assert_tree(&json(&["profile", path, "--limit", "20ms", "--chip", "stm32f103ze"]), path);
    }
    for scenario in ["anomaly", "keyword", "image", "emotion"] {
        assert_tree(&json(&["profile", "--scenario", scenario]), scenario);
    }
}

#[test]
fn the_stacks_depth_is_what_the_memory_shows() {
    // The run's own figure comes from SRAM that no longer holds what it held at power-on. Firmware of one stack, and that does not overflow.
    for image in committed_images() {
        let path = image.to_str().expect("a path");
        let report = json(&["profile", path, "--limit", "20ms", "--chip", "stm32f103ze"]);
        let stacks = report["profile"]["stacks"].as_array().expect("stacks");
        // Nor firmware that writes to the free SRAM right behind its data: from the memory alone that cannot be told from a stack.
        // Nor one whose thread moves to a stack of its own by MSR: the profile sees only stacks that exceptions switch to (docs/profile.md).
        let apart = ["stack_overflow", "unwritten", "privilege"];
        if stacks.len() == 1 && !apart.iter().any(|name| path.contains(name)) {
            assert_eq!(stacks[0]["bytes"], report["memory"]["sram"]["stack_peak"], "{path}: {stacks:?}");
        }
    }
}

#[test]
fn the_deepest_point_is_named() {
    let report = json(&["profile", "--scenario", "keyword"]);
    let stack = &report["profile"]["stacks"][0];
    let chain: Vec<&str> = stack["chain"].as_array().expect("chain").iter().filter_map(Value::as_str).collect();
    assert_eq!(chain.first(), Some(&"Reset_Handler"));
    assert!(chain.contains(&"nn_invoke"), "{chain:?}");
    // From the source: firmware-images/tests/stack_overflow.c recurses in `deeper` until it is below its stack's room.
    let overflow = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware-images/tests/stack_overflow.elf");
    let report = json(&["profile", overflow.to_str().expect("a path")]);
    let stack = &report["profile"]["stacks"][0];
    assert!(stack["margin"].as_i64().expect("margin") < 0, "{stack}");
    assert!(stack["chain"].as_array().expect("chain").iter().filter(|name| *name == "deeper").count() > 100);
}

#[test]
fn threads_that_a_handler_switches_keep_their_calls() {
    // firmware-images/tests/svc_pendsv.c: two tasks on process stacks, switched by PendSV.
    let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware-images/tests/svc_pendsv.elf");
    let report = json(&["profile", image.to_str().expect("a path")]);
    let stacks = report["profile"]["stacks"].as_array().expect("stacks");
    assert_eq!(stacks.iter().filter(|stack| stack["kind"] == "process").count(), 2, "{stacks:?}");
    for stack in stacks.iter().filter(|stack| stack["kind"] == "process") {
        assert_eq!(stack["chain"][0], "thread", "{stack}");
        assert_eq!(stack["below"], "stacks", "{stack}");
    }
}

#[test]
fn an_interrupts_latency_is_the_manuals() {
    // 12 cycles at zero wait states (DDI 0337E, 5.5.1) and, at two, both fetches' waits more; pending to the first instruction adds what is
    // left of the block that runs. Nothing else is active in this image while it sleeps.
    let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware-images/tests/cyccnt_sleep.elf");
    let report = json(&["profile", image.to_str().expect("a path")]);
    let interrupts = report["profile"]["interrupts"].as_array().expect("interrupts");
    assert_eq!(interrupts[0]["name"], "SysTick");
    assert_eq!(interrupts[0]["latency"]["max"], 16, "12 + 2 + 2");
}

#[test]
fn a_scenarios_layers_sum_to_its_inference() {
    let report = json(&["profile", "--scenario", "keyword"]);
    assert_sums(&report, "keyword");
    let layers = report["profile"]["layers"].as_array().expect("layers");
    let sum: u64 = layers.iter().map(|layer| integer(&layer["cycles"])).sum();
    assert_eq!(sum, integer(&report["inference"]["cycles"]));
}

#[test]
fn both_ways_to_price_give_the_same_profile() {
    let memo = json(&["profile", "--scenario", "anomaly"]);
    let reference = json(&["profile", "--scenario", "anomaly", "--fidelity", "reference"]);
    assert_sums(&reference, "reference");
    assert_eq!(memo["profile"], reference["profile"]);
}

#[test]
fn calls_are_counted() {
    // The model has eleven layers that run (models/keyword/model.tflite), the scenario two inferences: one at boot, one that is asked for.
    let report = json(&["profile", "--scenario", "keyword"]);
    let functions = report["profile"]["functions"].as_array().expect("functions");
    let calls = |name: &str| {
        functions.iter().find(|row| row["name"] == name).and_then(|row| row["calls"].as_u64()).unwrap_or_else(|| panic!("{name}"))
    };
    assert_eq!(calls("nn_invoke"), integer(&report["inference"]["count"]));
    let layers = report["inference"]["layers"].as_array().expect("layers").len() as u64 - 1;
    assert_eq!(calls("nn_run_layer"), calls("nn_invoke") * layers);
}

#[test]
fn a_table_fits_a_hundred_columns_and_ends_with_the_verdict() {
    let run = stm32sim(&["profile", "--scenario", "anomaly"]);
    assert_eq!(run.code, 0);
    for line in run.out.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    assert!(run.out.trim_end().ends_with("fits the stm32f103c8"), "{}", run.out);
}

#[test]
fn an_annotated_function_sums_to_its_row() {
    let report = json(&["profile", "--scenario", "keyword"]);
    let row = report["profile"]["functions"]
        .as_array()
        .expect("functions")
        .iter()
        .find(|row| row["name"] == "nn_average_pool_s8")
        .expect("a row")
        .clone();
    let annotated = json(&["profile", "--scenario", "keyword", "--annotate", "nn_average_pool_s8"]);
    let insns = annotated["insns"].as_array().expect("instructions");
    assert_eq!(insns.iter().map(|insn| integer(&insn["cycles"])).sum::<u64>(), integer(&row["cycles"]));
    assert_eq!(insns.iter().map(|insn| integer(&insn["executions"])).sum::<u64>(), integer(&row["instructions"]));
    let slip = stm32sim(&["profile", "--scenario", "keyword", "--annotate", "nn_average_pool_s"]);
    assert_eq!(slip.code, 2);
    assert!(slip.err.contains("nn_average_pool_s8"), "{}", slip.err);
}

#[test]
fn two_profiles_differ_by_what_their_parts_differ_by() {
    let scratch = Scratch::new("against");
    let old = scratch.0.join("old.json");
    let old = old.to_str().expect("a path");
    let before = stm32sim(&["profile", "--scenario", "anomaly", "--format", "json", "--output", old]);
    assert_eq!(before.code, 0, "{}", before.err);
    let same = json(&["profile", "--scenario", "anomaly", "--against", old]);
    assert_eq!(same["cycles"]["delta"], 0);
    assert_eq!(same["functions"].as_array().map(Vec::len), Some(0), "{same}");
    let faster = json(&["profile", "--scenario", "anomaly", "--wait-states", "0", "--against", old]);
    let delta = faster["cycles"]["delta"].as_i64().expect("a change");
    assert!(delta < 0);
    for list in ["functions", "lines"] {
        let rows = faster[list].as_array().expect(list);
        assert_eq!(rows.iter().map(|row| row["delta"].as_i64().expect("a change")).sum::<i64>(), delta, "{list}");
    }
    for (content, name) in [("{}", "none.json"), ("[", "half.json"), ("{\"profile\": {\"cycles\": 1}}", "part.json")] {
        let file = scratch.file(name, content.as_bytes());
        let run = stm32sim(&["profile", "--scenario", "anomaly", "--against", &file]);
        assert_eq!(run.code, 2);
        assert!(run.err.starts_with("error[bad-report]"), "{}", run.err);
    }
}
