//! What it is: `stm32sim eval`, and the rewinding of machines under it: the whole data set through the device.
//! Source: TFLite Micro's outputs (`models/*/goldens_*.npy`); scikit-learn's rates for the same samples (`models/anomaly/report.json`); single
//! runs of `stm32sim run`, whose cycles every sample must have.
//! Does not model: how good the models are; their cards say that.
//! Tested by: running the real program.

mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use stm32sim::chip::Chip;
use stm32sim::firmware::Image;
use stm32sim::machine::{Machine, Outcome, Settings};
use stm32sim::units::Tick;
use support::{Scratch, stm32sim};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn json(args: &[&str]) -> (Value, i32) {
    let run = stm32sim(&[args, &["--format", "json"]].concat());
    assert_eq!(run.err, "", "{args:?}");
    (serde_json::from_str(&run.out).expect("a JSON document"), run.code)
}

fn refused(args: &[&str], exit: i32, code: &str, says: &str) {
    let run = stm32sim(args);
    assert_eq!((run.code, run.out.as_str()), (exit, ""), "{args:?}: {}", run.err);
    assert!(run.err.starts_with(&format!("error[{code}]: ")) && run.err.contains(says), "{args:?}: {}", run.err);
}

/// Every sample of a scenario through the device: each output must be TFLite Micro's to the bit.
fn agrees_everywhere(scenario: &str) -> Value {
    let (report, exit) = json(&["eval", "--scenario", scenario]);
    let odd: Vec<&Value> =
        report["results"].as_array().expect("results").iter().filter(|result| result["matches_reference"] != true).collect();
    assert!(odd.is_empty(), "{scenario}: {odd:?}");
    assert_eq!((exit, &report["eval"]["agreement"]), (0, &Value::from(1.0)), "{scenario}");
    assert_eq!(report["eval"]["samples"].as_u64(), report["results"].as_array().map(|results| results.len() as u64));
    report
}

#[test]
fn all_anomaly_samples_agree_with_tflite_micro_and_the_rates_with_scikit_learn() {
    let report = agrees_everywhere("anomaly");
    let eval = &report["eval"];
    assert_eq!(eval["samples"], 400);
    // What scikit-learn computed from TFLite Micro's outputs, rounded to five digits.
    let published = std::fs::read_to_string(root().join("models/anomaly/report.json")).expect("committed");
    let published: Value = serde_json::from_str(&published).expect("JSON");
    let published = &published["int8_samples"];
    let attack = &eval["classes"][1];
    assert_eq!(attack["name"], "attack");
    for (name, value) in [
        ("auc", &eval["auc"]),
        ("accuracy", &eval["accuracy"]),
        ("precision", &attack["precision"]),
        ("recall", &attack["recall"]),
        ("f1", &attack["f1"]),
    ] {
        let (ours, theirs) = (value.as_f64().expect(name), published[name].as_f64().expect(name));
        assert!((ours - theirs).abs() <= 0.5e-5 + 1e-12, "{name}: {ours}, published {theirs}");
    }
    let of = |name: &str| published["confusion"][name].clone();
    assert_eq!(eval["confusion"], Value::from(vec![vec![of("tn"), of("fp")], vec![of("fn"), of("tp")]]));
}

#[test]
fn all_forest_samples_agree_with_scikit_learn() {
    let report = agrees_everywhere("anomaly-forest");
    let eval = &report["eval"];
    assert_eq!((eval["samples"].as_u64(), eval["reference"]["by"].as_str()), (Some(400), Some("scikit-learn")));
    // What models/anomaly/check.py finds with NumPy, rounded to five digits (CARD.md).
    let near = |name: &str, theirs: f64| (eval[name].as_f64().expect(name) - theirs).abs() <= 0.5e-5 + 1e-12;
    assert!(near("accuracy", 0.985) && near("auc", 0.99506), "{eval}");
}

#[test]
#[ignore = "200 inputs of 768 bytes over the serial line: half a minute"]
fn all_image_samples_agree_and_are_as_often_right_as_the_training_script_found() {
    let report = agrees_everywhere("image");
    let published = std::fs::read_to_string(root().join("models/image/report.json")).expect("committed");
    let published: Value = serde_json::from_str(&published).expect("JSON");
    let (ours, theirs) = (report["eval"]["accuracy"].as_f64(), published["int8_samples_accuracy"].as_f64());
    assert!((ours.expect("a rate") - theirs.expect("a rate")).abs() <= 0.5e-5 + 1e-12, "{ours:?}, published {theirs:?}");
    let wide = stm32sim(&["eval", "--scenario", "image", "--samples", "10"]).out;
    assert!(wide.lines().all(|line| line.chars().count() <= 100), "{wide}");
}

#[test]
fn each_sample_costs_what_a_run_of_its_own_costs() {
    let (report, _) = json(&["eval", "--scenario", "anomaly", "--samples", "12", "--jobs", "2"]);
    let results = report["results"].as_array().expect("results");
    // Twelve of 400, evenly spread.
    let samples: Vec<u64> = results.iter().map(|result| result["sample"].as_u64().expect("an index")).collect();
    assert_eq!(samples, [0, 33, 66, 100, 133, 166, 200, 233, 266, 300, 333, 366]);
    for at in [0, 1, 4, 11] {
        let sample = samples[at];
        let (run, _) = json(&["run", "--scenario", "anomaly", "--sample", &sample.to_string()]);
        let (alone, among) = (&run["inference"], &results[at]);
        for field in ["cycles", "instructions", "label", "scores", "matches_reference"] {
            assert_eq!(alone[field], among[field], "sample {sample}: {field}");
        }
        assert_eq!(run["clock"], report["clock"]);
    }
    let cycles: Vec<u64> = results.iter().map(|result| result["cycles"].as_u64().expect("cycles")).collect();
    assert_eq!(report["eval"]["cycles"]["min"].as_u64(), cycles.iter().min().copied());
    assert_eq!(report["eval"]["cycles"]["max"].as_u64(), cycles.iter().max().copied());
}

#[test]
fn jobs_and_shards_change_nothing() {
    let whole = stm32sim(&["eval", "--scenario", "anomaly", "--samples", "13", "--jobs", "1", "--format", "json"]);
    let jobs = stm32sim(&["eval", "--scenario", "anomaly", "--samples", "13", "--jobs", "3", "--format", "json"]);
    assert_eq!((whole.code, &whole.out), (0, &jobs.out));
    let whole: Value = serde_json::from_str(&whole.out).expect("JSON");
    let mut parts = Vec::new();
    for shard in ["1/3", "2/3", "3/3"] {
        let (part, exit) = json(&["eval", "--scenario", "anomaly", "--samples", "13", "--shard", shard]);
        assert_eq!((exit, part["shard"]["count"].as_u64()), (0, Some(3)));
        parts.extend(part["results"].as_array().expect("results").clone());
    }
    parts.sort_by_key(|result| result["sample"].as_u64());
    assert_eq!(Value::from(parts), whole["results"]);
}

#[test]
fn rates_are_printed_as_markdown_and_samples_as_csv() {
    let args = ["eval", "--scenario", "anomaly", "--samples", "5", "--format"];
    let markdown = stm32sim(&[&args[..], &["markdown"]].concat());
    assert!(markdown.code == 0 && markdown.out.starts_with("| class | precision |"), "{}", markdown.out);
    assert!(markdown.out.contains("\nanomaly on stm32f103c8: accuracy "), "{}", markdown.out);
    let csv = stm32sim(&[&args[..], &["csv"]].concat());
    assert_eq!((csv.code, csv.out.lines().count()), (0, 6), "{}", csv.out);
}

#[test]
fn tables_are_narrow_and_end_with_a_verdict() {
    let run = stm32sim(&["eval", "--scenario", "anomaly", "--samples", "5"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "no progress bar in a pipe");
    for line in run.out.lines() {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
        assert_eq!(line.trim_end(), line);
    }
    let verdict = run.out.lines().last().expect("a last line");
    assert!(verdict.starts_with("accuracy ") && verdict.contains("of 5)") && verdict.ends_with("at 72 MHz"), "{verdict}");
}

/// The anomaly scenario in a folder of its own, with changes to its files.
fn scenario_of_ones_own(scratch: &Scratch, change: impl Fn(&str, &mut Vec<u8>)) -> PathBuf {
    let models = root().join("models/anomaly");
    for name in ["scenario.toml", "anomaly_int8.tflite", "samples.npy", "labels.npy", "goldens_int8.npy", "anomaly.elf"] {
        let from = if name.ends_with(".elf") { root().join("firmware-images").join(name) } else { models.join(name) };
        let mut bytes = std::fs::read(from).expect("committed");
        if name == "scenario.toml" {
            bytes = String::from_utf8(bytes).expect("text").replace("../../firmware-images/", "").into_bytes();
        }
        change(name, &mut bytes);
        scratch.file(name, &bytes);
    }
    scratch.0.join("scenario.toml")
}

#[test]
fn another_output_than_the_references_is_exit_code_4_and_named() {
    let scratch = Scratch::new("eval-differs");
    // The last byte of number 100 of 400 reference outputs of 41 bytes; of four samples, spread evenly, it is the second.
    let file = scenario_of_ones_own(&scratch, |name, bytes| {
        if name == "goldens_int8.npy" {
            let at = bytes.len() - 299 * 41 - 1;
            bytes[at] ^= 1;
        }
    });
    let file = file.to_str().expect("a path");
    let (report, exit) = json(&["eval", "--scenario", file, "--samples", "4"]);
    assert_eq!((exit, report["outcome"]["code"].as_u64()), (4, Some(4)));
    assert_eq!((report["eval"]["agreeing"].as_u64(), &report["eval"]["agreement"]), (Some(3), &Value::from(0.75)));
    assert_eq!(report["results"][1]["matches_reference"], false);
    let table = stm32sim(&["eval", "--scenario", file, "--samples", "4"]);
    assert_eq!(table.code, 4);
    assert!(
        table.out.trim_end().ends_with("1 of 4 outputs differ from the reference; the first is sample 100's"),
        "{}",
        table.out
    );
}

#[test]
fn samples_without_an_answer_are_reported_and_counted() {
    // The firmware has booted and named its model after some 1.6 million cycles; an input takes it 1.8 million more.
    let (report, exit) = json(&["eval", "--scenario", "anomaly", "--samples", "3", "--limit", "2500000"]);
    assert_eq!(exit, 4);
    assert_eq!((report["eval"]["failed"].as_u64(), &report["eval"]["accuracy"]), (Some(3), &Value::from(0.0)));
    assert!(report["eval"].get("cycles").is_none() && report["eval"].get("auc").is_none());
    let failure = &report["results"][2]["failure"];
    assert_eq!(failure["code"], "scenario-stalled");
    assert!(failure["message"].as_str().is_some_and(|message| message.contains("limit of 2 500")), "{failure}");
}

#[test]
fn what_cannot_be_evaluated_is_refused() {
    let anomaly = ["eval", "--scenario", "anomaly"];
    let with = |rest: &[&str], exit, code, says| refused(&[&anomaly[..], rest].concat(), exit, code, says);
    with(&["--samples", "401"], 2, "sample-out-of-range", "401 samples were asked for; scenario 'anomaly' has 400");
    with(&["--samples", "3", "--shard", "4/9"], 2, "bad-usage", "shard 4/9 is empty: there are only 3 samples");
    with(&["--format", "html"], 2, "bad-usage", "eval cannot be printed as html");
    with(&["--chip", "virtual:flash=8K,sram=20K"], 6, "flash-overflow", "more than the 8 192 B");
    // Firmware that never gets as far as taking an input ends the evaluation.
    with(&["--limit", "1000"], 4, "scenario-stalled", "did not say 'm-ready' on USART1 after boot");
    let hello = root().join("firmware-images/hello.elf").display().to_string();
    with(&[&hello], 2, "bad-scenario-file", "hello.elf has no object 'g_output'");
    refused(&["eval", "--scenario", "anomoly"], 2, "unknown-scenario", "no scenario named 'anomoly'");
    for wrong in
        [["--samples", "0"], ["--jobs", "0"], ["--jobs", "two"], ["--shard", "3/2"], ["--shard", "0/2"], ["--shard", "1"]]
    {
        let run = stm32sim(&[&anomaly[..], &wrong[..]].concat());
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{wrong:?}");
        assert!(run.err.contains(wrong[0]), "{wrong:?}: {}", run.err);
    }
    let scratch = Scratch::new("eval-refused");
    let file = scenario_of_ones_own(&scratch, |name, bytes| {
        if name == "scenario.toml" {
            *bytes = String::from_utf8(bytes.clone()).expect("text").replace("g_output", "main").into_bytes();
        }
    });
    let file = file.to_str().expect("a path");
    let image = root().join("firmware-images/tests/fault_undef.elf").display().to_string();
    refused(&["eval", &image, "--scenario", file], 5, "firmware-fault", "UsageFault");
    let classes = scenario_of_ones_own(&scratch, |name, bytes| {
        if name == "scenario.toml" {
            *bytes = String::from_utf8(bytes.clone()).expect("text").replace("\"attack\"]", "\"attack\", \"more\"]").into_bytes();
        }
    });
    let classes = classes.to_str().expect("a path");
    refused(&["eval", "--scenario", classes], 2, "bad-scenario-file", "between 2 classes and 3 have a name");
}

#[test]
fn a_rewound_machine_does_what_it_did_before() {
    let chip = Chip::find("stm32f103c8").expect("built in");
    let (middle, end) = (Tick(40_000), Tick(700_000));
    for name in ["it_block", "nested_irq", "self_modifying", "sram_code", "svc_pendsv", "systick_1khz", "cyccnt_midblock"] {
        let image = Image::load(&root().join(format!("firmware-images/tests/{name}.elf"))).expect("committed");
        let placement = chip.place(&image).expect("fits");
        let machine = || Machine::new(&chip, &placement, Settings::default()).expect("an engine");
        let sum = |machine: &Machine| machine.prices().totals();
        // What a run leaves: how it ended, when, what was sent, and SRAM.
        let traces = |machine: &Machine, outcome: Outcome| {
            let (base, size) = machine.memory().sram();
            (outcome, machine.now(), machine.sent().to_vec(), machine.memory().read_vec(base, size as usize))
        };
        let mut straight = machine();
        let outcome = straight.run(&mut (), end).expect("runs");
        let expected = traces(&straight, outcome);
        let mut tried = machine();
        tried.run(&mut (), middle).expect("runs");
        let snapshot = tried.snapshot().expect("a snapshot");
        let before = sum(&tried);
        let outcome = tried.run(&mut (), end).expect("runs");
        assert!(traces(&tried, outcome) == expected, "{name}: stopping in the middle changes what follows");
        let once = sum(&tried);
        tried.rewind(&snapshot).expect("rewinds");
        let outcome = tried.run(&mut (), end).expect("runs");
        assert!(traces(&tried, outcome) == expected, "{name}: differs after rewinding");
        let twice = sum(&tried);
        assert_eq!(once, sum(&straight), "{name}: cycles by cause and instructions");
        assert_eq!((twice.0.since(&once.0), twice.1 - once.1), (once.0.since(&before.0), once.1 - before.1), "{name}");
    }
}
