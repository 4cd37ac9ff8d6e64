//! What it is: every built-in scenario on the emulated chip, sample by sample, against what TFLite Micro and the training scripts computed.
//! Source: `models/*/goldens_*.npy` (TFLite Micro's outputs), `labels.npy`, each folder's `preprocess.json` (classes, rules).
//! Does not model: cycles; `tests/run.rs` and the committed baseline are about those.
//! Tested by: running the real machine, in this process. The whole data sets are run by `make test-full`.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use stm32sim::chip::Chip;
use stm32sim::machine::Overrides;
use stm32sim::report::run::{Limit, Request, RunReport, Stimulus, run};
use stm32sim::scenario::{Scenario, names};
use stm32sim::timing::Fidelity;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// One sample through the scenario's own firmware on its own chip.
fn infer(scenario: &Scenario, sample: usize) -> RunReport {
    let chip = Chip::find(&scenario.chip).expect("a built-in chip");
    let image = scenario.image().expect("a built-in image");
    run(&Request {
        chip: &chip,
        image: &image,
        scenario: Some((scenario, Stimulus::Sample(sample))),
        world: Default::default(),
        fidelity: Fidelity::Memo,
        limit: Limit::Seconds(10.0),
        clock: None,
        overrides: Overrides::default(),
    })
    .expect("a sound request")
}

/// A file of `models/`, as JSON.
fn json(file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(root().join("models").join(file)).expect(file)).expect(file)
}

fn floats(bytes: &[u8]) -> Vec<f64> {
    bytes.chunks(4).map(|word| f64::from(f32::from_le_bytes(word.try_into().expect("four")))).collect()
}

/// What the firmware must say about a sample: its label, and the results between the brackets of m-results-[…], which may be off by `off`.
struct Expected {
    label: String,
    results: Vec<f64>,
    off: f64,
}

fn expected(scenario: &Scenario, sample: usize) -> Expected {
    let golden = scenario.goldens.row(sample).expect("a golden");
    let input = scenario.sample(sample).expect("a sample").0;
    let attack = |is: bool| if is { "attack" } else { "normal" }.to_owned();
    let folder = scenario.name.split('-').next().expect("a name");
    let preprocess = json(&format!("{folder}/preprocess.json"));
    match scenario.name.as_str() {
        // preprocess.json: the sum of squared differences in int8 steps against a threshold.
        "anomaly" => {
            let score: i32 = input.iter().zip(&golden).map(|(a, b)| (i32::from(*a as i8) - i32::from(*b as i8)).pow(2)).sum();
            let threshold = preprocess["int8"]["threshold"].as_i64().expect("a number");
            Expected { label: attack(i64::from(score) > threshold), results: vec![f64::from(score)], off: 0.0 }
        }
        // preprocess.json: the mean squared difference against a threshold; the image prints millionths, computed in float32 from outputs
        // that are within 1e-5 of the reference's. The samples' nearest score is 1.5 % away from the threshold.
        "anomaly-float" => {
            let (input, golden) = (floats(&input), floats(&golden));
            let score = input.iter().zip(&golden).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / 41.0;
            let threshold = preprocess["float32"]["threshold"].as_f64().expect("a number");
            Expected { label: attack(score > threshold), results: vec![score * 1e6], off: 0.001 + score * 1e6 * 1e-4 }
        }
        // forest.py: P(attack) by scikit-learn's predict_proba, against one half; the image prints it with three decimals. The table's leaves
        // are rounded to 16384ths.
        "anomaly-forest" => {
            let file = std::fs::read(root().join("models/anomaly/goldens_forest_probability.npy")).expect("committed");
            let all: Vec<f64> = npyz::NpyFile::new(&file[..]).expect("npy").into_vec().expect("float64");
            Expected { label: attack(all[sample] > 0.5), results: vec![all[sample]], off: 0.0005 + 0.5 / 16384.0 }
        }
        // preprocess.json: the first largest output; probability = (output - zero_point) * scale, printed with three decimals.
        _ => {
            let golden: Vec<i8> = golden.iter().map(|byte| *byte as i8).collect();
            let model = scenario.name.replace('-', "_");
            let output = preprocess.pointer(&format!("/models/{model}/output")).unwrap_or(&preprocess["int8"]["output"]);
            let scale = output["scale"].as_f64().expect("a scale");
            let zero_point = output["zero_point"].as_i64().expect("a zero point") as f64;
            let best = golden.iter().position(|value| Some(value) == golden.iter().max()).expect("outputs");
            let label = preprocess["classes"][best].as_str().expect("a class").to_owned();
            let results = golden.iter().map(|value| (f64::from(*value) - zero_point) * scale).collect();
            Expected { label, results, off: 0.0005 }
        }
    }
}

/// Runs one sample and checks everything that is known about it.
fn check(scenario: &Scenario, sample: usize) -> Result<(), String> {
    let report = infer(scenario, sample);
    let wrong = |what: String| Err(format!("{} {sample}: {what}", scenario.name));
    if report.exit_code() != 0 {
        return wrong(report.outcome.message);
    }
    let Some(inference) = &report.inference else { return wrong("no inference".to_owned()) };
    if inference.matches_reference != Some(true) {
        return wrong(format!("the output is not the reference's: {inference:?}"));
    }
    let Expected { label, results, off } = expected(scenario, sample);
    if inference.label_name.as_ref() != Some(&label) {
        return wrong(format!("{:?} instead of {label}", inference.label_name));
    }
    let said = &report.uart[0].text;
    // It says a label a window, the last one about the window that counts, and no probabilities.
    if scenario.name == "keyword-live" {
        return match said.trim_end().ends_with(&format!("Predicted Label: {label}")) {
            true => Ok(()),
            false => wrong(format!("it says {said}, not {label}")),
        };
    }
    let printed = said.rsplit("m-results-[").next().and_then(|rest| rest.split(']').next()).unwrap_or_default();
    let printed: Vec<f64> = printed.split(',').map(|number| number.parse().unwrap_or(f64::NAN)).collect();
    if printed.len() != results.len()
        || printed
            .iter()
            .zip(&results)
            .any(|(a, b)| (a - b).abs().partial_cmp(&(off + 1e-9)).is_none_or(std::cmp::Ordering::is_gt))
    {
        return wrong(format!("the firmware says {printed:?}, not {results:?}"));
    }
    // At boot it infers row 0.
    if sample == 0 && !said.contains(&format!("Predicted Label: {label}\r\n")) {
        return wrong(format!("at boot it says {said}, not {label}"));
    }
    let layers: u64 = inference.layers.iter().map(|layer| layer.instructions).sum();
    if inference.layers.len() < 2 || layers != inference.instructions {
        return wrong(format!("the layers have {layers} instructions of {}", inference.instructions));
    }
    Ok(())
}

/// Runs samples on two threads, and fails with all that is wrong.
fn check_all(name: &str, samples: impl Fn(&Scenario) -> Vec<usize>) {
    let chosen = samples(&Scenario::find(name).expect(name));
    let next = AtomicUsize::new(0);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let work = || {
            let scenario = Scenario::find(name).expect(name);
            let mut wrong = Vec::new();
            while let Some(sample) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                wrong.extend(check(&scenario, *sample).err());
            }
            wrong
        };
        let threads = [scope.spawn(work), scope.spawn(work)];
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(wrong.is_empty(), "{} of {} samples: {}", wrong.len(), chosen.len(), wrong.join("\n"));
}

#[test]
fn some_samples_of_every_scenario_agree_with_the_reference() {
    for name in names() {
        check_all(name, |scenario| (0..scenario.len()).step_by(scenario.len().div_ceil(5)).collect());
    }
}

#[test]
#[ignore = "every sample of every scenario: a minute or two"]
fn all_samples_of_every_scenario_agree_with_the_reference() {
    for name in names() {
        check_all(name, |scenario| (0..scenario.len()).collect());
    }
}

#[test]
fn classes_are_those_of_the_training_scripts() {
    for name in names() {
        let scenario = Scenario::find(name).expect(name);
        let folder = name.split('-').next().expect("a name");
        let classes = &json(&format!("{folder}/preprocess.json"))["classes"];
        assert_eq!(serde_json::to_value(&scenario.classes).expect("text"), *classes, "{name}");
    }
}
