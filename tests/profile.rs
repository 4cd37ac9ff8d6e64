//! What it is: `stm32sim profile`: sums, counts, exports.
//! Source: totals are the run's own; instruction counts per function follow from the calls that the source makes (named at each test).
//! Does not model: the cycle model's truth; `tests/silicon.rs` is about that.
//! Tested by: running the real program.

mod support;

use serde_json::Value;
use support::{committed_images, stm32sim};

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
}

#[test]
fn parts_sum_to_the_total_on_every_image() {
    for image in committed_images() {
        let path = image.to_str().expect("a path");
        assert_sums(&json(&["profile", path, "--limit", "20ms", "--chip", "stm32f103ze"]), path);
    }
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
