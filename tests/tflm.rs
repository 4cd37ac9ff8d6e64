//! What it is: layers of TFLite Micro firmware, recognised without a rebuild.
//! Source: `firmware-images/tests/interpreter.c`, which has the symbols of TFLite Micro's kernels (names checked with `c++filt`) and calls four of
//! them; and a real TFLite Micro firmware, where `STM32SIM_TFLM` names one, whose operators are those of the model that `STM32SIM_TFLM_MODEL` names.
//! Does not model: TFLite Micro's speed.
//! Tested by: running the real program.

mod support;

use serde_json::Value;
use std::path::Path;
use stm32sim::model::Model;
use support::{binutils, stm32sim};

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&stm32sim(&[args, &["--format", "json"]].concat()).out).expect("a JSON document")
}

fn sums(report: &Value) {
    let inference = &report["inference"];
    let layers = inference["layers"].as_array().expect("layers");
    for field in ["cycles", "instructions"] {
        let sum: u64 = layers.iter().map(|layer| layer[field].as_u64().expect(field)).sum();
        assert_eq!(sum, inference[field].as_u64().expect(field), "{field}");
    }
}

fn operators(report: &Value) -> Vec<String> {
    let layers = report["inference"]["layers"].as_array().expect("layers").iter();
    layers.filter(|layer| !layer["index"].is_null()).map(|layer| layer["op"].as_str().expect("op").to_owned()).collect()
}

#[test]
fn kernels_are_layers_by_their_symbols() {
    let path = format!("{}/firmware-images/tests/interpreter.elf", env!("CARGO_MANIFEST_DIR"));
    let report = json(&["profile", &path]);
    // The order in which the source's table names them; the shared function under one of them is part of it, and preparation is none.
    assert_eq!(operators(&report), ["CONV_2D", "CONV_2D", "FULLY_CONNECTED", "MY_FILTER"]);
    assert_eq!(report["inference"]["count"], 2);
    sums(&report);
    let layers = report["inference"]["layers"].as_array().expect("layers");
    let cycles = |at: usize| layers[at]["cycles"].as_f64().expect("cycles");
    // 400, 210 and 50 additions.
    assert!(cycles(0) == cycles(1) && (cycles(0) / cycles(2) - 400.0 / 210.0).abs() < 0.1 && cycles(2) > 3.0 * cycles(3));
    // The names are what a C++ compiler makes of the signatures.
    if let Some(symbols) = binutils("nm", &["-C", &path]) {
        for name in ["tflite::(anonymous namespace)::ConvEval", "tflite::ops::micro::fully_connected::Eval", "MyFilterEval"] {
            assert!(symbols.contains(&format!(" {name}(TfLiteContext*, TfLiteNode*)")), "{name} in {symbols}");
        }
        for name in ["tflite::MicroInterpreter::Invoke()", "tflite::MicroInterpreterGraph::InvokeSubgraph(int)"] {
            assert!(symbols.contains(&format!(" T {name}")), "{name} in {symbols}");
        }
    }
    // The time line has them too: twice four.
    let scratch = support::Scratch::new("tflm");
    let trace = scratch.0.join("t.trace.json");
    stm32sim(&["profile", &path, "--export", trace.to_str().expect("a path")]);
    let trace: Value = serde_json::from_str(&std::fs::read_to_string(trace).expect("a trace")).expect("JSON");
    let events = trace["traceEvents"].as_array().expect("events").iter();
    let names: Vec<&str> = events.filter(|event| event["cat"] == "layers").filter_map(|event| event["name"].as_str()).collect();
    assert_eq!(names.len(), 8, "{names:?}");
    assert!(names[2].starts_with("2 FULLY_CONNECTED"), "{names:?}");
}

#[test]
fn a_real_firmwares_layers_are_its_models() {
    let (Some(firmware), Some(model)) = (std::env::var_os("STM32SIM_TFLM"), std::env::var_os("STM32SIM_TFLM_MODEL")) else {
        println!("skipped: STM32SIM_TFLM and STM32SIM_TFLM_MODEL do not name a TFLite Micro firmware and its model");
        return;
    };
    let model = Model::read(Path::new(&model)).expect("a model");
    let firmware = firmware.to_str().expect("a path").to_owned();
    let report = json(&["run", &firmware, "--chip", "stm32f103ze", "--limit", "1000s"]);
    sums(&report);
    let expected: Vec<String> = model.operators.iter().map(|operator| operator.code.name()).collect();
    assert_eq!(operators(&report), expected);
    let layers = report["inference"]["layers"].as_array().expect("layers");
    for (layer, operator) in layers.iter().zip(&model.operators) {
        assert_eq!(layer["macs"], model.macs(operator), "{layer}");
    }
    // Almost nothing lies between the operators: the interpreter's loop.
    let between = layers.last().expect("layers")["cycles"].as_f64().expect("cycles");
    assert!(between < 0.01 * report["inference"]["cycles"].as_f64().expect("cycles"), "{between}");
}
