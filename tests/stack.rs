//! What it is: how deep the stack can get by the calls in the code.
//! Source: GCC's own figures for each function's frame (`-fstack-usage`), and the runs of every image, none of which may get deeper.
//! Does not model: other compilers.
//! Tested by: running the real program.

mod support;

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use support::{Scratch, committed_images, stm32sim};

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&stm32sim(&[args, &["--format", "json"]].concat()).out).expect("a JSON document")
}

fn image(name: &str) -> String {
    format!("{}/firmware-images/{name}.elf", env!("CARGO_MANIFEST_DIR"))
}

/// What the compiler says of the functions of these sources: bytes, and whether that is all.
fn compilers_figures(folder: &Path, sources: &[&str], options: &[&str]) -> Option<BTreeMap<String, (u64, String)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware-images");
    let mut figures = BTreeMap::new();
    for source in sources {
        let object = folder.join(format!("{}.o", source.replace('/', "_")));
        let status = Command::new("arm-none-eabi-gcc")
            .args(["-std=c99", "-g", "-mcpu=cortex-m3", "-mthumb", "-mfloat-abi=soft", "-fno-common", "-fstack-usage", "-w"])
            .args(["-ffunction-sections", "-fdata-sections", "-Iplatform", "-Iruntime"])
            .args(options)
            .args(["-c", source, "-o"])
            .arg(&object)
            .current_dir(&root)
            .status();
        let Ok(status) = status else {
            println!("skipped: arm-none-eabi-gcc is not installed");
            return None;
        };
        assert!(status.success(), "{source}");
        for line in std::fs::read_to_string(object.with_extension("su")).expect("the compiler's figures").lines() {
            // runtime/nn.c:12:5:nn_invoke	24	static
            let mut columns = line.split('\t');
            let name = columns.next().and_then(|place| place.rsplit(':').next()).expect("a name").to_owned();
            let bytes = columns.next().and_then(|bytes| bytes.parse().ok()).expect("bytes");
            figures.insert(name, (bytes, columns.next().unwrap_or_default().to_owned()));
        }
    }
    Some(figures)
}

#[test]
fn frames_are_the_compilers() {
    let scratch = Scratch::new("stack-usage");
    let runtime = ["nn", "nn_conv", "nn_dense", "nn_depthwise", "nn_softmax", "nn_pool", "nn_lstm", "nn_elementwise", "nn_map"];
    let runtime: Vec<String> = runtime.iter().map(|name| format!("runtime/{name}.c")).collect();
    let runtime: Vec<&str> = runtime.iter().map(String::as_str).collect();
    let Some(mut figures) = compilers_figures(&scratch.0, &runtime, &["-O2"]) else { return };
    let platform = ["platform/print.c", "platform/clock.c", "platform/time.c", "platform/uart.c", "platform/mlperf.c"];
    figures.extend(compilers_figures(&scratch.0, &platform, &["-Os"]).expect("a compiler"));
    let (mut compared, mut names) = (0, BTreeMap::new());
    for elf in ["keyword", "image", "emotion", "anomaly"] {
        let report = json(&["map", &image(elf)]);
        for function in report["stack"]["functions"].as_array().expect("functions") {
            let name = function["name"].as_str().expect("a name");
            let Some((bytes, kind)) = figures.get(name) else { continue };
            assert_eq!(kind, "static", "{name}");
            // GCC leaves out the four registers that a function with variable arguments pushes for them (`...` in platform.h and mlperf.h).
            let variable = if ["print", "th_printf"].contains(&name) { 16 } else { 0 };
            assert_eq!(function["frame"].as_u64(), Some(*bytes + variable), "{elf}: {name}");
            compared += 1;
            names.insert(name.to_owned(), *bytes);
        }
    }
    assert!(compared > 60 && names.len() > 30, "{compared} frames of {} functions", names.len());
    assert!(names.values().any(|bytes| *bytes > 100), "none is large");
}

#[test]
fn no_run_gets_deeper_than_the_code_can() {
    let mut bounded = 0;
    for path in committed_images() {
        let report = json(&["profile", path.to_str().expect("a path"), "--limit", "20ms", "--chip", "stm32f103ze"]);
        let (bound, stacks) = (&report["stack"], report["profile"]["stacks"].as_array().expect("stacks"));
        let main = stacks.iter().find(|stack| stack["kind"] == "main").expect("a main stack");
        let deepest = main["bytes"].as_u64().expect("bytes");
        if path.ends_with("privilege.elf") {
            // Its thread moves to a stack of its own by MSR, which the profile takes for the main one (docs/profile.md).
            continue;
        }
        if path.ends_with("stack_overflow.elf") {
            // It recurses without end, and that is what is said of it.
            assert!(bound["recursion"].to_string().contains("deeper"), "{bound}");
            assert_eq!(bound["bounded"], false);
            continue;
        }
        // With what the run showed of calls through pointers it holds for all of them.
        assert!(deepest <= bound["nested_bytes"].as_u64().expect("bytes"), "{}: {deepest} {bound}", path.display());
        bounded += u32::from(bound["bounded"] == true);
    }
    assert!(bounded > 20, "{bounded} images are wholly bounded");
}

#[test]
fn what_has_no_bound_is_named() {
    // nn_run_layer calls kernels by a table (firmware-images/runtime/nn.c).
    let report = json(&["run", "--scenario", "anomaly"]);
    let indirect = report["stack"]["indirect"].as_array().expect("indirect calls");
    let layer = indirect.iter().find(|call| call["function"] == "nn_run_layer").expect("nn_run_layer");
    // The model's operators are FULLY_CONNECTED and LOGISTIC.
    assert_eq!(layer["seen"], serde_json::json!(["nn_fully_connected_s8", "nn_map_s8"]));
    let text = stm32sim(&["run", "--scenario", "anomaly", "-v"]).out;
    assert!(text.contains("main stack by the code: at least"), "{text}");
    assert!(
        text.contains("no bound: nn_run_layer calls through a pointer; the run called nn_fully_connected_s8, nn_map_s8"),
        "{text}"
    );
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}
