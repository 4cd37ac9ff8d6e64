//! What it is: every built-in scenario on the emulated chip, sample by sample, against what TFLite Micro and the training scripts computed.
//! Source: `models/*/goldens_*.npy` (TFLite Micro's outputs), `labels.npy`, each folder's `preprocess.json` (classes, rules).
//! Does not model: cycles; `tests/run.rs` and the committed baseline are about those.
//! Tested by: running the real machine, in this process. The whole data sets are run by `make test-full`.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use stm32sim::chip::Chip;
use stm32sim::machine::Overrides;
use stm32sim::model::{Model, header};
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

/// What the firmware must say about a sample: its label, and the text between the brackets of m-results-[…].
fn expected(scenario: &Scenario, sample: usize) -> (String, String) {
    let golden: Vec<i32> =
        scenario.goldens.row(sample).expect("a golden").into_iter().map(|byte| i32::from(byte as i8)).collect();
    match scenario.name.as_str() {
        // preprocess.json: the sum of squared differences in int8 steps against a threshold.
        "anomaly" => {
            let input = scenario.sample(sample).expect("a sample").0;
            let score: i32 = input.iter().zip(&golden).map(|(a, b)| (i32::from(*a as i8) - b).pow(2)).sum();
            let threshold = json("anomaly/preprocess.json")["int8"]["threshold"].as_i64().expect("a number");
            let label = if i64::from(score) > threshold { "attack" } else { "normal" };
            (label.to_owned(), format!("{score}.000"))
        }
        // preprocess.json: the first largest output; probability = (output - zero_point) * scale, here with three decimals.
        folder => {
            let preprocess = json(&format!("{folder}/preprocess.json"));
            let output = &preprocess["int8"]["output"];
            let scale = output["scale"].as_f64().expect("a scale");
            let zero_point = output["zero_point"].as_i64().expect("a zero point");
            let best = golden.iter().position(|value| Some(value) == golden.iter().max()).expect("outputs");
            let label = preprocess["classes"][best].as_str().expect("a class").to_owned();
            let thousandths = |value: &i32| ((f64::from(*value) - zero_point as f64) * scale * 1000.0 + 0.5).floor() as u32;
            let results: Vec<String> = golden.iter().map(|value| format!("0.{:03}", thousandths(value))).collect();
            (label, results.join(","))
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
        return wrong(format!("the output is not TFLite Micro's: {inference:?}"));
    }
    let (label, results) = expected(scenario, sample);
    if inference.label_name.as_ref() != Some(&label) {
        return wrong(format!("{:?} instead of {label}", inference.label_name));
    }
    let said = &report.uart[0].text;
    if !said.contains(&format!("m-results-[{results}]\r\n")) {
        return wrong(format!("the firmware says {said}, not {results}"));
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
fn images_carry_what_the_model_compiler_writes() {
    for (image, model) in
        [("anomaly", "anomaly/anomaly_int8"), ("image", "image/image_int8"), ("keyword", "keyword/keyword_int8")]
    {
        let model = root().join("models").join(model).with_extension("tflite");
        let stem = model.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = header(&stem, &Model::read(&model).and_then(|model| model.lower()).expect("a sound model"));
        let path = root().join("firmware-images").join(image).join("model_data.h");
        if std::env::var_os("STM32SIM_BLESS").is_some() {
            std::fs::write(&path, text).expect("writable");
        } else {
            let written = std::fs::read_to_string(&path).expect("committed");
            assert!(
                written == text,
                "{image}/model_data.h is not what the compiler writes now: STM32SIM_BLESS=1 cargo test --release --test \
                 scenarios, then `make install` in firmware-images"
            );
        }
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
