//! `stm32sim estimate` on models that are unusual: sizes left open, several graphs, constants outside of the FlatBuffer, hundreds of megabytes,
//! files of other formats; and how much of the runtime counts.
//!
//! Sources of the expectations: the files of tests/operators/make_bad.py, each with one change; GNU ld, which links the runtime for one model with
//! `--gc-sections`; the operating system, which limits a process's memory.
//! Does not model: outputs; `tests/operators.rs` compares them.

mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use support::{Scratch, stm32sim};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn unusual(name: &str) -> String {
    root().join(format!("tests/operators/bad/{name}.tflite")).to_str().unwrap().to_owned()
}

fn json(args: &[&str]) -> Value {
    let ran = stm32sim(&[args, &["--format", "json"]].concat());
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{args:?}: {error}: {}{}", ran.out, ran.err))
}

fn codes(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn what_a_model_leaves_open_is_said() {
    assert_eq!(codes(&json(&["estimate", &unusual("plain")])), Vec::<&str>::new());
    let open = json(&["estimate", &unusual("open_shape")]);
    assert_eq!(codes(&open), ["open-shape"]);
    assert!(open["findings"][0]["message"].as_str().unwrap().contains("leaves dimension 1 open"), "{open}");
    let two = json(&["estimate", &unusual("two_graphs")]);
    assert_eq!((codes(&two), &two["outputs"]), (vec!["more-graphs"], &json(&["estimate", &unusual("plain")])["outputs"]));
    // Without a size there is nothing to estimate.
    let ran = stm32sim(&["estimate", &unusual("minus_one")]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.starts_with("error[model-unsupported]: ") && ran.err.contains("no fixed size"), "{}", ran.err);
}

#[test]
fn constants_behind_the_flatbuffer_are_read() {
    let (inside, behind) = (json(&["estimate", &unusual("plain")]), json(&["estimate", &unusual("constants_behind")]));
    assert_eq!((&inside["outputs"], &inside["inference"]["cycles"]), (&behind["outputs"], &behind["inference"]["cycles"]));
}

/// Runs with no more than so many KiB of address space.
fn within(kib: u32, args: &[&str]) -> std::process::Output {
    let command = format!("ulimit -v {kib}; exec \"$0\" \"$@\"");
    Command::new("sh").args(["-c", &command, env!("CARGO_BIN_EXE_stm32sim")]).args(args).output().unwrap()
}

#[test]
fn large_models_get_their_verdict_in_seconds_and_in_bounded_memory() {
    let scratch = Scratch::new("large");
    let small = std::fs::read(unusual("hundred_mebibytes")).unwrap();
    let file = |name: &str, bytes: u64| {
        let path = scratch.file(name, &small);
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(bytes).map(|()| path)
    };
    // 100 MiB of weights: read, and found too large before anything is lowered. More than any chip can have: not read at all.
    let (Ok(large), Ok(huge)) = (file("large.tflite", 4096 + (100 << 20)), file("huge.tflite", 700 << 20)) else {
        eprintln!("skipped: this file system has no sparse files");
        return;
    };
    for (model, kib) in [(&large, 400 << 10), (&huge, 200 << 10)] {
        let start = Instant::now();
        let ran = within(kib, &["estimate", model]);
        let error = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(6), "{model}: {error}");
        assert!(error.starts_with("error[flash-overflow]: ") && error.lines().count() == 2, "{error}");
        assert!(start.elapsed().as_secs() < 5, "{model} took {:?}", start.elapsed());
    }
    // Cut short by a byte, its weights lie beyond the end.
    let cut = file("cut.tflite", 4095 + (100 << 20)).unwrap();
    let ran = within(400 << 10, &["estimate", &cut]);
    assert!(
        String::from_utf8_lossy(&ran.stderr).contains("beyond the end of the file"),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let ran = within(200 << 10, &["embed", &huge, "-o", "-"]);
    assert!(
        String::from_utf8_lossy(&ran.stderr).starts_with("error[file-too-large]: "),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

#[test]
fn other_formats_are_pointed_to_their_converters() {
    let scratch = Scratch::new("formats");
    for (name, way) in [
        ("model.onnx", "onnx2tf"),
        ("model.h5", "from_keras_model"),
        ("model.keras", "from_keras_model"),
        ("model.pt", "onnx2tf"),
        ("model.pth", "onnx2tf"),
        ("model.safetensors", "onnx2tf"),
        ("frozen.pb", "from_saved_model"),
        ("model.ckpt", "in the program that made it"),
        ("model.mlmodel", "onnx2tf"),
        ("forest.pkl", "stm32sim embed"),
    ] {
        let ran = stm32sim(&["estimate", &scratch.file(name, b"anything")]);
        assert_eq!(ran.code, 2, "{name}");
        assert!(ran.err.starts_with("error[bad-model]: ") && ran.err.contains(way), "{name}: {}", ran.err);
    }
    // A SavedModel is a folder.
    let folder = scratch.0.join("saved");
    std::fs::create_dir_all(folder.join("variables")).unwrap();
    std::fs::write(folder.join("saved_model.pb"), b"anything").unwrap();
    let ran = stm32sim(&["estimate", folder.to_str().unwrap()]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("SavedModel") && ran.err.contains("from_saved_model"), "{}", ran.err);
}

#[test]
fn a_folder_gives_one_table_and_no_progress_in_a_pipe() {
    let folder = root().join("tests/operators/bad");
    let ran = stm32sim(&["estimate", folder.to_str().unwrap()]);
    assert_eq!((ran.code, ran.err.as_str()), (2, ""), "{}", ran.err);
    for name in ["plain", "open_shape", "two_graphs", "constants_behind", "minus_one", "hundred_mebibytes"] {
        assert!(ran.out.contains(name), "{name}: {}", ran.out);
    }
    assert!(
        ran.out.lines().last().unwrap().starts_with("6 models: 4 fit and ran at 72 MHz, random input, 2 did not"),
        "{}",
        ran.out
    );
}

/// Compiles and links the runner for one model alone, as the images' Makefile does, and gives text + data of GNU size.
fn linked(scratch: &Scratch, model: &str) -> Option<u64> {
    let images = root().join("firmware-images");
    let own = scratch.0.join(Path::new(model).file_stem()?);
    std::fs::create_dir_all(&own).ok()?;
    let header = own.join("nn_all.h");
    assert_eq!(stm32sim(&["embed", model, "-o", header.to_str()?]).code, 0);
    let machine = ["-mcpu=cortex-m3", "-mthumb", "-mfloat-abi=soft"];
    let mut objects = Vec::new();
    let mut compile = |source: PathBuf, optimise: &str| -> Option<()> {
        let object = own.join(source.file_name()?).with_extension("o");
        let built = Command::new("arm-none-eabi-gcc")
            .args(machine)
            .args([
                "-std=c99",
                "-fno-common",
                "-ffunction-sections",
                "-fdata-sections",
                "-fno-tree-loop-distribute-patterns",
                optimise,
            ])
            .arg("-I")
            .arg(&own)
            .arg("-I")
            .arg(images.join("platform"))
            .arg("-I")
            .arg(images.join("runtime"))
            .arg("-c")
            .arg(&source)
            .arg("-o")
            .arg(&object)
            .output()
            .map_err(|error| eprintln!("skipped: arm-none-eabi-gcc: {error}"))
            .ok()?;
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        objects.push(object);
        Some(())
    };
    compile(images.join("runner/main.c"), "-Os")?;
    for name in ["startup", "clock"] {
        compile(images.join(format!("platform/{name}.c")), "-Os")?;
    }
    compile(images.join("platform/mem.c"), "-O2")?;
    for entry in std::fs::read_dir(images.join("runtime")).ok()? {
        let source = entry.ok()?.path();
        if source.extension().is_some_and(|extension| extension == "c") {
            compile(source, "-O2")?;
        }
    }
    let elf = own.join("runner.elf");
    let built = Command::new("arm-none-eabi-gcc")
        .args(machine)
        .args(["-nostdlib", "-Wl,--gc-sections", "-Wl,--build-id=none", "-Wl,-z,max-page-size=16"])
        .arg(format!("-L{}", images.join("platform").display()))
        .arg("-Tstm32f103c8.ld")
        .args(&objects)
        .args(["-lgcc", "-o"])
        .arg(&elf)
        .arg(images.join("runner/runner.ld"))
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let size = Command::new("arm-none-eabi-size").arg(&elf).output().unwrap();
    let line = String::from_utf8_lossy(&size.stdout).lines().nth(1)?.to_owned();
    let numbers: Vec<u64> = line.split_whitespace().take(2).filter_map(|number| number.parse().ok()).collect();
    Some(numbers.iter().sum())
}

#[test]
fn only_what_a_linker_takes_of_the_runtime_counts() {
    let scratch = Scratch::new("linked");
    let kernel = |name: &str| root().join(format!("tests/kernels/{name}.tflite")).to_str().unwrap().to_owned();
    let models = [
        root().join("models/image/image_int8.tflite").to_str().unwrap().to_owned(),
        kernel("lstm_plain"),
        kernel("float_softmax"),
    ];
    let mut runtimes = Vec::new();
    for model in models {
        let Some(linked) = linked(&scratch, &model) else { return };
        let report = json(&["estimate", &model]);
        let counted = report["fit"]["needs"]["runtime"].as_u64().unwrap();
        // The paddings differ, and of the compiler's own library whole objects are linked for one function.
        let off = counted.abs_diff(linked);
        assert!(off <= 32 + linked / 20, "{model}: {counted} B are counted, GNU ld takes {linked}");
        runtimes.push(counted);
    }
    assert!(runtimes.iter().all(|bytes| *bytes < 16 << 10), "{runtimes:?}");
}
