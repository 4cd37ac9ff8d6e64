//! `stm32sim estimate`: any .tflite on the emulated chip, by the built-in runner.
//!
//! Sources of the expectations: TensorFlow Lite Micro (the goldens of models/ and tests/kernels, computed with the pinned wheel), the chips' data
//! sheets (sizes), the table of the original benchmark's models (MACs, which row can run where), the command line contract.
//! Does not model: accuracy over a data set.

#[allow(dead_code)]
mod kernels;
mod support;

use kernels::Golden;
use serde_json::Value;
use std::path::{Path, PathBuf};
use stm32sim::chip::Chip;
use stm32sim::finding::Code;
use stm32sim::machine::Overrides;
use stm32sim::model::Model;
use stm32sim::report::estimate::{EstimateReport, Inputs, Request, Target, estimate, read};
use stm32sim::report::run::Limit;
use stm32sim::timing::Fidelity;
use support::{Ran, Scratch, stm32sim};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn in_models(name: &str) -> String {
    root().join("models").join(name).to_str().unwrap().to_owned()
}

fn request<'a>(chip: &'a Chip, inputs: Inputs) -> Request<'a> {
    Request {
        target: Target::One(chip),
        inputs,
        expected: None,
        advice: false,
        fidelity: Fidelity::Memo,
        limit: Limit::Seconds(10.0),
        clock: None,
        overrides: Overrides::default(),
    }
}

fn json(args: &[&str]) -> (Ran, Value) {
    let ran = stm32sim(&[args, &["--format", "json"]].concat());
    let value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{args:?}: {error}: {}{}", ran.out, ran.err));
    (ran, value)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// One sentence and its help on standard error, nothing on standard output.
fn refused(args: &[&str], exit: i32, code: &str, says: &str) {
    let ran = stm32sim(args);
    assert_eq!((ran.code, ran.out.as_str()), (exit, ""), "{args:?}: {}", ran.err);
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(lines.len(), 2, "{args:?}: {}", ran.err);
    assert!(lines[0].starts_with(&format!("error[{code}]: ")) && lines[0].contains(says), "{args:?}: {}", ran.err);
    assert!(lines[1].starts_with("  help: ") && lines[1].ends_with('.'), "{args:?}: {}", ran.err);
}

#[test]
fn outputs_are_tflite_micros_on_samples_of_the_projects_models() {
    for (model, samples, goldens) in [
        ("anomaly/anomaly_int8.tflite", "anomaly/samples.npy", "anomaly/goldens_int8.npy"),
        ("image/image_int8.tflite", "image/samples.npy", "image/goldens_int8.npy"),
        ("emotion/emotion_int8.tflite", "emotion/emotion_samples.npy", "emotion/emotion_goldens_int8.npy"),
    ] {
        let files = [in_models(model), in_models(samples), in_models(goldens)];
        for sample in ["0", "1", "17", "99"] {
            let args = ["estimate", &files[0], "--input", &files[1], "--expect", &files[2], "--sample", sample];
            let (ran, report) = json(&args);
            assert_eq!(ran.code, 0, "{model} {sample}: {}", ran.err);
            assert_eq!(report["inference"]["matches_reference"], true, "{model} {sample}");
        }
        // A comparison that cannot fail would show nothing.
        let scratch = Scratch::new("other");
        let golden = std::fs::read(&files[2]).unwrap();
        let mut wrong = golden.clone();
        wrong.iter_mut().skip(128).for_each(|byte| *byte ^= 1);
        let wrong = scratch.file("wrong.npy", &wrong);
        let (ran, report) = json(&["estimate", &files[0], "--input", &files[1], "--expect", &wrong]);
        assert_eq!((ran.code, &report["inference"]["matches_reference"]), (4, &Value::from(false)), "{model}");
    }
}

#[test]
fn outputs_are_tflite_micros_for_every_golden_set_of_the_kernels() {
    let chip = Chip::find("virtual:flash=1M,sram=128K").unwrap();
    let mut wrong = Vec::new();
    let goldens = Golden::all();
    assert!(goldens.len() >= 30, "the golden sets are missing: {}", goldens.len());
    for golden in goldens {
        let model = read(&golden.model).unwrap();
        let (width, mut outputs) = (golden.inputs.len() / golden.samples, Vec::new());
        let sizes: Vec<usize> = model.lower().unwrap().inputs.iter().map(|input| input.bytes as usize).collect();
        for sample in golden.inputs.chunks_exact(width) {
            let mut rest = sample;
            let mut inputs = Vec::new();
            for size in &sizes {
                let (own, others) = rest.split_at(*size);
                inputs.push(own.to_vec());
                rest = others;
            }
            let report = estimate(&model, &request(&chip, Inputs::Bytes(inputs))).unwrap();
            assert_eq!(report.outcome.kind, "finished", "{}: {}", golden.name, report.outcome.message);
            outputs.extend(report.outputs.iter().flat_map(|output| output.bytes.clone()));
        }
        if let Err(reason) = golden.compare(&outputs) {
            wrong.push(format!("{}: {reason}", golden.name));
        }
    }
    assert!(wrong.is_empty(), "{} golden sets differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// TensorFlow Lite's outputs (tests/originals/make_goldens.py) for the original benchmark's models with floats, within 1e-5 of the largest.
#[test]
fn the_original_float_models_give_tensorflow_lites_outputs() {
    let Some(data) = std::env::var_os("STM32SIM_DATA") else {
        eprintln!("skipped: STM32SIM_DATA does not name a folder with original-models/");
        return;
    };
    let roomy = "virtual:flash=4M,sram=256K";
    for (name, chip, samples) in [
        ("autoencoder_model", "stm32f103c8", 5),
        ("speech_commands_model_float32", "stm32f103xf", 3),
        ("cifar10_mobilenetv2", roomy, 1),
        ("cifar10_mobilenetv2_finetuned", roomy, 1),
    ] {
        let model = Path::new(&data).join("original-models").join(name).with_extension("tflite");
        let model = model.to_str().unwrap();
        let file = |end: &str| root().join(format!("tests/originals/{name}.{end}.npy")).to_str().unwrap().to_owned();
        for sample in 0..samples {
            let (inputs, outputs, sample) = (file("in"), file("out"), sample.to_string());
            let (ran, report) =
                json(&["estimate", model, "--chip", chip, "--input", &inputs, "--expect", &outputs, "--sample", &sample]);
            assert_eq!((ran.code, &report["inference"]["matches_reference"]), (0, &Value::from(true)), "{name} {sample}");
            // Each layer is an operator of the model, once.
            let layers = report["inference"]["layers"].as_array().unwrap();
            let indices: Vec<u64> = layers.iter().filter_map(|layer| layer["index"].as_u64()).collect();
            assert!(indices.windows(2).all(|pair| pair[0] < pair[1]), "{name}: {indices:?}");
            let macs: u64 = layers.iter().filter_map(|layer| layer["macs"].as_u64()).sum();
            assert_eq!(macs, number(&report["model"]["macs"]), "{name}");
        }
    }
    // A comparison that cannot fail would show nothing: another sample's outputs.
    let model = Path::new(&data).join("original-models/speech_commands_model_float32.tflite");
    let file =
        |end: &str| root().join(format!("tests/originals/speech_commands_model_float32.{end}.npy")).to_str().unwrap().to_owned();
    let golden = std::fs::read(file("out")).unwrap();
    let scratch = Scratch::new("floats");
    let mut turned = golden[..golden.len() - 48].to_vec();
    turned.splice(128..128, golden[golden.len() - 48..].iter().copied());
    let wrong = scratch.file("wrong.npy", &turned);
    let args = ["estimate", model.to_str().unwrap(), "--chip", "stm32f103xg", "--input", &file("in"), "--expect", &wrong];
    assert_eq!(json(&args).0.code, 4);
}

#[test]
fn sums_hold_and_a_repetition_gives_the_same_bytes() {
    let model = in_models("image/image_int8.tflite");
    let (ran, report) = json(&["estimate", &model]);
    assert_eq!(ran.code, 0);
    assert_eq!(ran.out, stm32sim(&["estimate", &model, "--format", "json"]).out);
    assert_eq!((&report["schema"], &report["input"]["kind"], &report["input"]["seed"]), (&1.into(), &"random".into(), &1.into()));
    let inference = &report["inference"];
    let layers = inference["layers"].as_array().unwrap();
    let sum = |key: &str| layers.iter().map(|layer| number(&layer[key])).sum::<u64>();
    assert_eq!((sum("cycles"), sum("instructions")), (number(&inference["cycles"]), number(&inference["instructions"])));
    for layer in layers.iter().chain([inference]) {
        let causes: u64 = layer["cycles_by_cause"].as_object().unwrap().values().map(number).sum();
        assert_eq!(causes, number(&layer["cycles"]), "{layer}");
    }
    // The CNN of the original benchmark has 73 504 MACs by its authors' own count.
    let macs: u64 = layers.iter().filter_map(|layer| layer["macs"].as_u64()).sum();
    assert_eq!((macs, number(&report["model"]["macs"])), (73_504, 73_504));

    let (memory, needs) = (&report["memory"], &report["fit"]["needs"]);
    let (flash, sram) = (&memory["flash"], &memory["sram"]);
    assert_eq!(number(&flash["used"]) + number(&flash["free"]), number(&flash["size"]));
    assert_eq!(number(&flash["used"]), number(&needs["runtime"]) + number(&needs["plan"]));
    assert_eq!(number(&sram["static"]) + number(&sram["stack_peak"]) + number(&sram["free"]), number(&sram["size"]));
    assert_eq!(number(&sram["static"]), number(&needs["static"]) + number(&needs["arena"]));
    let stack = number(&sram["stack_peak"]);
    assert!((64..=512).contains(&stack), "{stack} B of stack");
}

#[test]
fn random_input_follows_its_seed() {
    let model = in_models("anomaly/anomaly_int8.tflite");
    let outputs = |seed: &str| json(&["estimate", &model, "--seed", seed]).1["outputs"].clone();
    assert_eq!(outputs("7"), outputs("7"));
    assert_ne!(outputs("7"), outputs("8"));
}

#[test]
fn the_chips_size_changes_nothing_but_the_fit() {
    // RM0008: all sizes have the same core, flash interface and clock tree.
    let model = in_models("image/image_int8.tflite");
    let on = |chip: &str| json(&["estimate", &model, "--chip", chip]).1;
    let small = on("stm32f103c8");
    for chip in ["stm32f103c6", "stm32f103zg", "virtual:flash=4M,sram=256K"] {
        let other = on(chip);
        assert_eq!(other["inference"]["cycles"], small["inference"]["cycles"], "{chip}");
        assert_eq!(other["outputs"], small["outputs"], "{chip}");
    }
    let (memo, reference) = (&small, json(&["estimate", &model, "--fidelity", "reference"]).1);
    assert_eq!(memo["inference"]["cycles"], reference["inference"]["cycles"]);
}

#[test]
fn what_does_not_fit_is_told_by_how_much() {
    let model = in_models("image/image_int8.tflite");
    let (ran, report) = json(&["estimate", &model, "--chip", "virtual:flash=8K,sram=6K"]);
    assert_eq!((ran.code, report["outcome"]["kind"].as_str(), number(&report["outcome"]["code"])), (6, Some("does-not-fit"), 6));
    assert!(report.get("inference").is_none() && report.get("memory").is_none());
    for (memory, size) in [("flash", 8 << 10), ("sram", 6 << 10)] {
        let room = &report["fit"][memory];
        assert_eq!((number(&room["size"]), number(&room["needed"])), (size, size + number(&room["short"])), "{memory}");
    }
    let codes: Vec<&Value> = report["findings"].as_array().unwrap().iter().map(|finding| &finding["code"]).collect();
    assert_eq!(codes, ["flash-overflow", "sram-overflow"]);

    // Just enough is enough, and one KiB less is not.
    let kib = |memory: &str| number(&report["fit"][memory]["needed"]).div_ceil(1024);
    let chip = |flash: u64, sram: u64| format!("virtual:flash={flash}K,sram={sram}K");
    let code = |spec: &str| stm32sim(&["estimate", &model, "--chip", spec]).code;
    assert_eq!(code(&chip(kib("flash"), kib("sram"))), 0);
    assert_eq!(code(&chip(kib("flash") - 1, kib("sram"))), 6);
    assert_eq!(code(&chip(kib("flash"), kib("sram") - 1)), 6);
}

#[test]
fn all_chips_are_tried_and_the_smallest_runs_it() {
    let model = in_models("image/image_int8.tflite");
    let (ran, report) = json(&["estimate", &model, "--all-chips"]);
    assert_eq!(ran.code, 0);
    let chips = report["chips"].as_array().unwrap();
    assert_eq!(chips.len(), 9);
    for chip in chips {
        let alone = stm32sim(&["estimate", &model, "--chip", chip["name"].as_str().unwrap()]);
        assert_eq!(alone.code == 0, chip["fits"] == true, "{chip}");
    }
    assert_eq!(report["chip"]["name"], report["smallest"]);
    assert_eq!(chips.iter().find(|chip| chip["fits"] == true).unwrap()["name"], report["smallest"]);
}

#[test]
fn advice_is_what_the_runs_say() {
    let model = in_models("anomaly/anomaly_int8.tflite");
    let (_, report) = json(&["estimate", &model]);
    let advice: Vec<String> = report["advice"].as_array().unwrap().iter().map(|line| line["text"].to_string()).collect();
    let base = number(&report["inference"]["cycles"]) as f64;
    for (clock, name) in [("48MHz", "at 48 MHz with 1 wait state"), ("24MHz", "at 24 MHz with 0 wait states")] {
        let (_, slow) = json(&["estimate", &model, "--clock", clock]);
        let change = (number(&slow["inference"]["cycles"]) as f64 / base - 1.0) * 100.0;
        assert!(change < 0.0, "fewer wait states take fewer cycles");
        let line = advice.iter().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{advice:?}"));
        assert!(line.contains(&format!("{change:+.0} % cycles")), "{line}");
        assert!(slow.get("advice").is_none_or(|lines| lines.as_array().unwrap().iter().all(|line| line["from"] == "plan")));
    }
}

#[test]
fn tables_are_at_most_100_columns_wide_and_end_with_a_verdict() {
    let (image, emotion) = (in_models("image/image_int8.tflite"), in_models("emotion/emotion_int8.tflite"));
    let folder = in_models("image");
    let runs: [(&[&str], i32, &str); 5] = [
        (&["estimate", &image], 0, "fits the stm32f103c8: "),
        (&["estimate", &image, "--all-chips"], 0, "fits the stm32f103x6: "),
        (&["estimate", &image, "--chip", "stm32f103c4"], 6, "does not fit the stm32f103c4: SRAM short by "),
        (&["estimate", &emotion], 0, "fits the stm32f103c8: "),
        (&["estimate", &folder], 0, "1 model: 1 fit and ran at 72 MHz, random input, 0 did not"),
    ];
    for (args, code, verdict) in runs {
        let ran = stm32sim(args);
        assert_eq!((ran.code, ran.err.as_str()), (code, ""), "{args:?}");
        let wide = ran.out.lines().find(|line| line.chars().count() > 100);
        assert_eq!(wide, None, "{args:?}");
        let last = ran.out.lines().last().unwrap();
        assert!(last.starts_with(verdict), "{args:?}: {last}");
        assert_eq!(stm32sim(&[args, &["--quiet"]].concat()).out.trim_end(), last);
    }
    assert!(stm32sim(&["estimate", &image]).out.contains("random input (seed 1)"));
    let virtual_chip = stm32sim(&["estimate", &image, "--chip", "virtual:flash=4M,sram=256K"]).out;
    assert!(virtual_chip.lines().next().unwrap().ends_with("(what if)"), "{virtual_chip}");
    assert!(stm32sim(&["estimate", "--help"]).out.contains("stm32sim estimate model.tflite --all-chips"));
}

#[test]
fn files_that_are_no_models_get_one_sentence() {
    let scratch = Scratch::new("estimate");
    let good = std::fs::read(in_models("image/image_int8.tflite")).unwrap();
    let mut renamed = good.clone();
    renamed[4..8].copy_from_slice(b"XFL3");
    for (name, bytes, code, says) in [
        ("empty.tflite", &[][..], "file-empty", "empty.tflite is empty"),
        ("four.tflite", &good[..4], "bad-model", "four.tflite"),
        ("half.tflite", &good[..good.len() / 2], "bad-model", "half.tflite"),
        ("other.tflite", &renamed, "bad-model", "should be \"TFL3\""),
        ("model.onnx", &good, "bad-model", "is not a .tflite"),
    ] {
        refused(&["estimate", &scratch.file(name, bytes)], 2, code, says);
    }
    let missing = scratch.0.join("missing.tflite").to_str().unwrap().to_owned();
    refused(&["estimate", &missing], 2, "file-unreadable", "there is no such file");
    let folder = scratch.0.join("empty");
    std::fs::create_dir(&folder).unwrap();
    refused(&["estimate", folder.to_str().unwrap()], 2, "bad-usage", "holds no .tflite file");
    if cfg!(unix) {
        refused(&["estimate", "/dev/zero"], 2, "file-unreadable", "a device or a pipe");
    }
    // Holes of 10 GiB take no space.
    let (zeros, model) = (scratch.file("zeros.tflite", b""), scratch.file("model.tflite", b"\x1c\0\0\0TFL3"));
    let grow = |file: &str| std::fs::OpenOptions::new().write(true).open(file).unwrap().set_len(10 << 30);
    match (grow(&zeros), grow(&model)) {
        (Ok(()), Ok(())) => {
            refused(&["estimate", &zeros], 2, "bad-model", "should be \"TFL3\"");
            refused(&["estimate", &model], 6, "flash-overflow", "10 737 418 240 B");
        }
        _ => eprintln!("skipped: this file system has no sparse files"),
    }
}

#[test]
fn every_damaged_model_is_refused_calmly() {
    let mut seen = 0;
    for entry in std::fs::read_dir(root().join("tests/kernels/damaged")).unwrap() {
        let path = entry.unwrap().path();
        let ran = stm32sim(&["estimate", path.to_str().unwrap()]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}: {}", path.display(), ran.err);
        let known = ["error[bad-model]: ", "error[model-unsupported]: "].iter().any(|start| ran.err.starts_with(start));
        assert!(known && ran.err.lines().count() == 2, "{}: {}", path.display(), ran.err);
        seen += 1;
    }
    assert!(seen >= 20, "{seen} damaged models");
}

#[test]
fn inputs_are_checked() {
    let scratch = Scratch::new("inputs");
    let model = in_models("image/image_int8.tflite");
    let (samples, other) = (in_models("image/samples.npy"), in_models("anomaly/samples.npy"));
    let with = |rest: &[&str], code: &str, says: &str| refused(&[&["estimate", &model], rest].concat(), 2, code, says);
    with(&["--input", &other], "bad-input-tensor", "the model takes int8 of shape [1, 16, 16, 3], or rows of it");
    with(&["--input", &samples, "--sample", "200"], "sample-out-of-range", "it has 200, counted from 0");
    with(&["--input", &samples, "--input", &samples], "bad-input-tensor", "has 1 inputs; 2 were given");
    with(&["--input", &scratch.file("text.npy", b"1,2,3\n")], "bad-input-tensor", "is not a .npy file");
    refused(&["estimate", &in_models("image"), "--input", &samples], 2, "bad-usage", "not with a folder");

    let chip = Chip::find("stm32f103c8").unwrap();
    let model = Model::read(Path::new(&model)).unwrap();
    let failure = estimate(&model, &request(&chip, Inputs::Bytes(vec![vec![0; 5]]))).unwrap_err();
    assert_eq!(failure.0.code, Code::BadInputTensor);
}

#[test]
fn operators_and_the_arena_are_listed() {
    // What the training scripts wrote of the same models: the quantisation that the converter chose.
    for (name, file, written) in [
        ("keyword", "keyword/keyword_int8.tflite", "keyword/preprocess.json"),
        ("image", "image/image_int8.tflite", "image/preprocess.json"),
    ] {
        let written: Value = serde_json::from_slice(&std::fs::read(in_models(written)).unwrap()).unwrap();
        let find = |end: &str, field: &str| find(&written, end, field).unwrap_or_else(|| panic!("{name}: {end}.{field}"));
        let (_, report) = json(&["estimate", &in_models(file)]);
        let operators = report["operators"].as_array().unwrap();
        assert_eq!(operators.len() as u64, number(&report["model"]["operators"]));
        let (first, last) = (&operators[0]["inputs"][0], &operators.last().unwrap()["outputs"][0]);
        for (tensor, end) in [(first, "input"), (last, "output")] {
            assert_eq!(tensor["type"], "int8");
            assert!((tensor["scales"][0].as_f64().unwrap() - find(end, "scale").as_f64().unwrap()).abs() < 1e-6, "{name} {end}");
            assert_eq!(tensor["zero_points"][0], *find(end, "zero_point"), "{name} {end}");
        }
        let sum = |field: &str| operators.iter().map(|operator| number(&operator[field])).sum::<u64>();
        assert_eq!((sum("macs"), sum("parameters")), (number(&report["model"]["macs"]), number(&report["model"]["parameters"])));

        // The plan is sound whatever it is: what lives at the same time lies apart, and all of it in the arena.
        let buffers = report["arena"]["buffers"].as_array().unwrap();
        let of = |buffer: &Value, field: &str| number(&buffer[field]);
        for (index, a) in buffers.iter().enumerate() {
            assert!(of(a, "offset") + of(a, "bytes") <= of(&report["arena"], "bytes"));
            for b in &buffers[index + 1..] {
                let together = of(a, "first") <= of(b, "last") && of(b, "first") <= of(a, "last");
                let apart =
                    of(a, "offset") + of(a, "bytes") <= of(b, "offset") || of(b, "offset") + of(b, "bytes") <= of(a, "offset");
                assert!(!together || apart, "{name}: {a} {b}");
            }
        }
        assert_eq!(report["arena"]["bytes"], report["fit"]["needs"]["arena"]);
        let table = stm32sim(&["estimate", "--verbose", &in_models(file)]).out;
        assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
        assert!(table.contains("B in all; the most that live at once are") && table.contains(" 0 to end "), "{table}");
    }
}

/// The field of the object called `name`, wherever in a document.
fn find<'v>(value: &'v Value, name: &str, field: &str) -> Option<&'v Value> {
    let object = value.as_object()?;
    object.get(name).and_then(|inner| inner.get(field)).or_else(|| object.values().find_map(|inner| find(inner, name, field)))
}

/// The folder of the original benchmark's models; `None`, with a word, where it is not given.
fn originals() -> Option<PathBuf> {
    match std::env::var_os("STM32SIM_DATA") {
        Some(data) => Some(Path::new(&data).join("original-models")),
        None => {
            eprintln!("skipped: STM32SIM_DATA does not name the folder with original-models/");
            None
        }
    }
}

#[test]
fn the_original_models_run_or_get_a_verdict_with_its_reason() {
    let Some(folder) = originals() else { return };
    let chip = Chip::find("stm32f103c8").unwrap();
    let report = |name: &str| -> Result<EstimateReport, String> {
        let model = read(&folder.join(name)).map_err(|failure| failure.to_string())?;
        estimate(&model, &request(&chip, Inputs::Random { seed: 1 })).map_err(|failure| failure.to_string())
    };
    // The MACs are those of the benchmark's own table.
    for (name, macs) in [("speech_commands_model.tflite", 2_656_768), ("cifar10_tinyml.tflite", 73_504)] {
        let report = report(name).unwrap();
        assert_eq!((report.outcome.kind, report.model.macs), ("finished", macs), "{name}");
        assert!(report.inference.is_some_and(|inference| inference.cycles > macs), "{name}: more than a MAC a cycle");
    }
    // The same table: the LSTMs carry Flex operators in a loop; no C8 holds the others.
    for name in ["lstm_emotion_model.tflite", "lstm_emotion_model_enhanced.tflite"] {
        let message = report(name).map(|_| ()).unwrap_err();
        assert!(
            message.contains("layer ") && message.contains("WHILE") && message.contains("FlexTensorList"),
            "{name}: {message}"
        );
        // What it is made of can be said all the same.
        let ran = stm32sim(&["estimate", "--verbose", folder.join(name).to_str().unwrap()]);
        assert_eq!(ran.code, 2);
        assert!(ran.out.contains("FlexTensorListRe…") && ran.out.contains(" 12x16 +1"), "{}", ran.out);
        assert!(ran.out.lines().all(|line| line.chars().count() <= 100), "{}", ran.out);
    }
    for (name, reason) in [
        ("cifar10_mobilenetv2.tflite", "flash short"),
        ("cifar10_mobilenetv2_finetuned.tflite", "flash short"),
        ("speech_commands_model_float32.tflite", "SRAM short"),
    ] {
        let report = report(name).unwrap();
        assert!(!report.fit.fits && report.fit.short_text().contains(reason), "{name}: {:?}", report.fit);
    }
    assert_eq!(report("autoencoder_model.tflite").unwrap().outcome.kind, "finished");
    let folder = folder.to_str().unwrap();
    let (_, survey) = json(&["estimate", folder]);
    assert_eq!(survey["runs"].as_array().unwrap().len(), 8);
    assert!(!survey.to_string().contains(folder), "a report names no folders");
    let table = stm32sim(&["estimate", folder]).out;
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
}

#[test]
fn several_samples_come_to_what_each_comes_to() {
    // The goldens are TensorFlow Lite Micro's; the cycles of each sample are those of a run of its own.
    let (model, samples) = (in_models("anomaly/anomaly_int8.tflite"), in_models("anomaly/samples.npy"));
    let expected = in_models("anomaly/goldens_int8.npy");
    let base = ["estimate", &model, "--input", &samples, "--expect", &expected];
    let (ran, all) = json(&[&base[..], &["--sample", "3", "--samples", "4"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let single = |sample: &str| number(&json(&[&base[..], &["--sample", sample]].concat()).1["inference"]["cycles"]);
    let cycles = ["3", "4", "5", "6"].map(single);
    assert_eq!(number(&all["samples"]["least_cycles"]), *cycles.iter().min().unwrap());
    assert_eq!(number(&all["samples"]["most_cycles"]), *cycles.iter().max().unwrap());
    assert_eq!((number(&all["samples"]["count"]), number(&all["samples"]["matching"])), (4, 4));
    // One that differs is what is shown.
    let wrong = in_models("anomaly/samples.npy");
    let (ran, _) = json(&["estimate", &model, "--input", &samples, "--expect", &wrong, "--samples", "2"]);
    assert_ne!(ran.code, 0);
}
