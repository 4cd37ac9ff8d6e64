//! What it is: the numbers in the advice of `stm32sim estimate`.
//! Source: a byte array into which rows are put one by one (row strips); firmware that arm-none-eabi-gcc builds with the model in flash and in SRAM;
//! the project's anomaly detector, which TensorFlow's converter made both as float32 and as int8; the data sheets' sizes of the chips.
//! Does not model: accuracy after quantisation.
//! Tested by: running the real program.

#[allow(dead_code)]
mod kernels;
mod support;

use kernels::Golden;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use stm32sim::model::Model;
use stm32sim::model::ops::{Options, Padding};
use support::{Scratch, stm32sim};

fn in_root(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name).display().to_string()
}

fn report(args: &[&str]) -> Value {
    let ran = stm32sim(&[args, &["--format", "json"]].concat());
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{args:?}: {error}: {}{}", ran.out, ran.err))
}

fn advice(report: &Value) -> Vec<String> {
    report["advice"].as_array().expect("advice").iter().map(|line| line["text"].as_str().expect("text").to_owned()).collect()
}

/// The number behind some words, its groups of three digits joined.
fn after(text: &str, words: &str) -> Option<f64> {
    let (_, rest) = text.split_once(words)?;
    let number: String =
        rest.chars().take_while(|c| c.is_ascii_digit() || [' ', '.', '\u{a0}', '\u{202f}'].contains(c)).collect();
    number.chars().filter(|c| !c.is_whitespace()).collect::<String>().trim_end_matches('.').parse().ok()
}

/// The least bytes that hold input and output of a layer together, when the output's rows are written one by one over rows of input that no later
/// row of output sees: tried, byte by byte.
fn together(model: &Model, layer: usize) -> usize {
    let operator = &model.operators[layer];
    let (x, y) = (&model.tensors[operator.inputs[0].unwrap()], &model.tensors[operator.outputs[0]]);
    let (window, height) = match operator.options {
        Options::Conv { window, .. } | Options::DepthwiseConv { window, .. } => {
            (window, model.tensors[operator.inputs[1].unwrap()].shape[1] as i64)
        }
        Options::Pool { window, filter_h, .. } => (window, i64::from(filter_h)),
        ref other => panic!("no window: {other:?}"),
    };
    let (rows_in, rows_out) = (x.shape[1] as usize, y.shape[1] as usize);
    let (row_in, row_out) = (x.bytes() as usize / rows_in, y.bytes() as usize / rows_out);
    let (stride, dilation) = (i64::from(window.stride_h), i64::from(window.dilation_h));
    let covered = (rows_out as i64 - 1) * stride + (height - 1) * dilation + 1;
    let above = if window.padding == Padding::Same { (covered - rows_in as i64).max(0) / 2 } else { 0 };
    let sees = |out: usize| {
        (0..height).map(move |tap| out as i64 * stride - above + tap * dilation).filter(|row| (0..rows_in as i64).contains(row))
    };
    let works = |behind: usize| {
        let mut holds = vec![None; behind + x.bytes() as usize + y.bytes() as usize];
        for row in 0..rows_in {
            holds[behind + row * row_in..][..row_in].fill(Some(row as i64));
        }
        (0..rows_out).all(|out| {
            let needed: Vec<i64> = (out..rows_out).flat_map(sees).collect();
            let place = &mut holds[out * row_out..][..row_out];
            let free = place.iter().all(|held: &Option<i64>| held.is_none_or(|row| !needed.contains(&row)));
            place.fill(None);
            free
        })
    };
    let behind = (0..=y.bytes() as usize).find(|behind| works(*behind)).expect("behind the whole output, everything works");
    (behind + x.bytes() as usize).max(y.bytes() as usize).next_multiple_of(8)
}

#[test]
fn row_strips_need_what_rows_in_one_place_need() {
    let mut seen = 0;
    for golden in Golden::all() {
        let path = golden.model.display().to_string();
        let report = report(&["estimate", &path, "--chip", "virtual:flash=1M,sram=128K"]);
        let Some(first) = advice(&report).into_iter().find(|line| line.contains("sets the peak")) else { continue };
        let Some(then) = after(&first, "in its input's place, would need ") else { continue };
        let arena = &report["arena"];
        let layer = arena["peak_layer"].as_u64().unwrap();
        let buffers = arena["buffers"].as_array().unwrap().iter().filter(|buffer| {
            let scratch = buffer["name"].as_str().unwrap().starts_with("scratch");
            let (start, end) = (buffer["first"].as_u64().unwrap(), buffer["last"].as_u64().unwrap());
            !scratch && ((start < layer && end == layer) || (start == layer && end > layer))
        });
        let apart: u64 = buffers.map(|buffer| buffer["bytes"].as_u64().unwrap()).sum();
        let rest = arena["peak_live"].as_u64().unwrap() - apart;
        let expected = rest as usize + together(&Model::read(&golden.model).unwrap(), layer as usize);
        assert_eq!(then, expected as f64, "{}: {first}", golden.name);
        seen += 1;
    }
    assert!(seen >= 2, "{seen} models have a layer that strips would help");
}

#[test]
fn weights_in_sram_save_what_firmware_built_so_saves() {
    let tflite = in_root("models/image/image_int8.tflite");
    let estimated = report(&["estimate", &tflite]);
    let line = advice(&estimated).into_iter().find(|line| line.starts_with("weights in SRAM")).expect("an int8 model that fits");
    let saves = after(&line, "would save ").expect("SRAM has no wait states");
    assert!(line.contains("the stm32f103c8 has the "), "{line}");
    // A model that SRAM cannot hold is run as if it could.
    let keyword = advice(&report(&["estimate", &in_root("models/keyword/keyword_int8.tflite")]));
    assert!(
        keyword
            .iter()
            .any(|line| line.contains("on a virtual chip with 43 KiB of SRAM") || line.contains("on a virtual chip with 44 KiB")),
        "{keyword:?}"
    );

    let scratch = Scratch::new("advice-sram");
    let header = stm32sim(&["embed", &tflite]).out;
    let mut cycles = Vec::new();
    for (place, text) in
        [("flash", header.clone()), ("sram", header.replace("const uint32_t nn_model_plan[", "uint32_t nn_model_plan["))]
    {
        let folder = scratch.0.join(place);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("model_data.h"), text).unwrap();
        let made = Command::new("make")
            .args([
                "-C",
                &in_root("examples/embed-gcc"),
                &format!("BUILD={}", folder.display()),
                "MODEL=/dev/null",
                "STM32SIM=true",
            ])
            .args(["-o", &folder.join("model_data.h").display().to_string()])
            .output();
        let Ok(made) = made else {
            eprintln!("skipped: make is not installed");
            return;
        };
        if !made.status.success() && Command::new("arm-none-eabi-gcc").arg("--version").output().is_err() {
            eprintln!("skipped: arm-none-eabi-gcc is not installed");
            return;
        }
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let elf = folder.join("firmware.elf").display().to_string();
        let run = report(&["run", &elf, "--chip", "stm32f103c8", "--clock", "72MHz", "--wait-states", "2"]);
        cycles.push(run["inference"]["cycles"].as_f64().unwrap());
    }
    let really = (1.0 - cycles[1] / cycles[0]) * 100.0;
    // Another program: its code lies elsewhere in flash, which is worth a per cent.
    assert!((really - saves).abs() < 1.5, "{really:.1} % in firmware, {saves:.1} % in advice");
}

#[test]
fn int8_is_as_much_faster_as_the_converters_int8_is() {
    let float = report(&["estimate", &in_root("models/anomaly/anomaly_float32.tflite")]);
    let int8 = report(&["estimate", &in_root("models/anomaly/anomaly_int8.tflite")]);
    let line = advice(&float).into_iter().find(|line| line.starts_with("int8 instead of float32")).expect("a float model");
    let times = after(&line, "about ").expect("a number");
    let really = float["inference"]["cycles"].as_f64().unwrap() / int8["inference"]["cycles"].as_f64().unwrap();
    assert!((times / really - 1.0).abs() < 0.1, "{really:.1} times between the converter's models; {line}");
    for (words, part) in [("), ", "arena"), (" and a model of ", "plan")] {
        let bytes = int8["fit"]["needs"][part].as_f64().unwrap();
        let said = after(&line, words).expect("a number");
        assert!((said / bytes - 1.0).abs() < 0.1, "{part}: {bytes} in the converter's model; {line}");
    }
    assert!(!advice(&int8).iter().any(|line| line.contains("float32")), "there is no float in it");
}

#[test]
fn the_cheapest_and_the_best_chip_are_the_first_of_the_data_sheets_sizes() {
    // Flash and SRAM in KiB: the F103's data sheets (DS5319, DS5792, DS6826 and the low-density one), table 2 of each.
    let sizes = [
        ("x4", 16, 6),
        ("x6", 32, 10),
        ("x8", 64, 20),
        ("xb", 128, 20),
        ("xc", 256, 48),
        ("xd", 384, 64),
        ("xe", 512, 64),
        ("xf", 768, 96),
        ("xg", 1024, 96),
    ];
    for model in
        ["models/image/image_int8.tflite", "models/keyword/keyword_int8.tflite", "models/emotion/emotion_2000_int8.tflite"]
    {
        let report = report(&["estimate", &in_root(model)]);
        let (flash, sram) =
            (report["fit"]["flash"]["needed"].as_u64().unwrap(), report["fit"]["sram"]["needed"].as_u64().unwrap());
        let first = |share: u64| {
            sizes
                .iter()
                .find(|(_, f, s)| flash * share <= f * 1024 && sram * share <= s * 1024)
                .map(|(name, ..)| format!("stm32f103{name}"))
        };
        let (cheapest, best) = (first(1), first(2));
        assert_eq!((report["smallest"].as_str(), report["best"].as_str()), (cheapest.as_deref(), best.as_deref()), "{model}");
        let line = advice(&report).into_iter().find(|line| line.starts_with("the smallest chip")).expect("a chip that holds it");
        assert!(line.contains(&cheapest.unwrap()) && line.contains(&best.unwrap()), "{line}");
    }
}

#[test]
fn markdown_says_the_same_as_json() {
    let tflite = in_root("models/image/image_int8.tflite");
    let ran = stm32sim(&["estimate", &tflite, "--format", "markdown"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let plain: String = ran.out.chars().filter(|c| *c != '\\').collect();
    let json = report(&["estimate", &tflite]);
    for line in json["advice"].as_array().unwrap() {
        assert!(plain.contains(line["text"].as_str().unwrap()), "{line} in {plain}");
    }
    for layer in json["inference"]["layers"].as_array().unwrap() {
        assert!(plain.contains(&format!("| {} |", layer["cycles"])), "{layer} in {plain}");
    }
    assert!(plain.starts_with("**fits the stm32f103c8: "), "{plain}");
    let ran = stm32sim(&["estimate", &tflite, "--format", "csv"]);
    assert!(ran.code == 2 && ran.err.contains("It knows table, json and markdown."), "{}", ran.err);
}
