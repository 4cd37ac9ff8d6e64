//! What it is: `stm32sim embed` as a user meets it: headers that a compiler takes, and refusals that leave nothing behind.
//! Source: arm-none-eabi-gcc and objcopy, which turn the raw header back into the file; the damaged files of `tests/kernels`.
//! Does not model: what the lowered model computes; `tests/model_kernels.rs` and `tests/scenarios.rs` are about that.
//! Tested by: running the real program.

mod support;

use std::path::Path;
use std::process::Command;
use support::{Scratch, stm32sim};

fn model(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name).display().to_string()
}

#[test]
fn the_raw_header_compiles_to_the_files_bytes() {
    let scratch = Scratch::new("embed-raw");
    let path = |name: &str| scratch.0.join(name).to_str().expect("a path").to_owned();
    let tflite = model("models/anomaly/anomaly_int8.tflite");
    let ran = stm32sim(&["embed", &tflite, "--raw", "-o", &path("model_tflite.h")]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""));
    let source = scratch.file("model.c", b"#include \"model_tflite.h\"\n");
    let compiled = Command::new("arm-none-eabi-gcc")
        .args(["-mcpu=cortex-m3", "-mthumb", "-Wall", "-Wextra", "-Werror", "-c", &source, "-o", &path("model.o")])
        .status();
    let Ok(compiled) = compiled else {
        eprintln!("skipped: arm-none-eabi-gcc is not installed");
        return;
    };
    assert!(compiled.success());
    let copied = Command::new("arm-none-eabi-objcopy")
        .args(["-O", "binary", "-j", ".rodata", &path("model.o"), &path("model.bin")])
        .status();
    assert!(copied.expect("belongs to gcc").success());
    assert!(std::fs::read(path("model.bin")).expect("written") == std::fs::read(&tflite).expect("committed"));
}

#[test]
fn the_lowered_header_goes_to_standard_output_or_a_file() {
    let scratch = Scratch::new("embed");
    let tflite = model("models/image/image_int8.tflite");
    let printed = stm32sim(&["embed", &tflite]);
    assert_eq!((printed.code, printed.err.as_str()), (0, ""));
    let file = scratch.0.join("model_data.h");
    assert_eq!(stm32sim(&["embed", &tflite, "--quiet", "--output", file.to_str().expect("a path")]).code, 0);
    assert!(std::fs::read_to_string(&file).expect("written") == printed.out);
    // It belongs to the runtime, and defines the plan at the size that it says.
    let source = scratch
        .file("model.c", b"#include \"model_data.h\"\n_Static_assert(sizeof nn_model_plan == NN_MODEL_PLAN_BYTES, \"\");\n");
    let object = scratch.0.join("model.o");
    let compiled = Command::new("arm-none-eabi-gcc")
        .args(["-std=c99", "-mcpu=cortex-m3", "-mthumb", "-Wall", "-Wextra", "-Werror", "-I", &model("firmware-images/runtime")])
        .args(["-c", &source, "-o"])
        .arg(&object)
        .status();
    match compiled {
        Ok(status) => assert!(status.success()),
        Err(_) => eprintln!("skipped: arm-none-eabi-gcc is not installed"),
    }
}

#[test]
fn what_cannot_be_embedded_is_refused_and_nothing_is_written() {
    let scratch = Scratch::new("embed-refused");
    let out = scratch.0.join("out.h").to_str().expect("a path").to_owned();
    let empty = scratch.file("empty.tflite", b"");
    let text = scratch.file("text.tflite", b"this is no model, but it is long enough to have a header\n");
    let bytes = std::fs::read(model("models/anomaly/anomaly_int8.tflite")).expect("committed");
    let half = scratch.file("half.tflite", &bytes[..bytes.len() / 2]);
    let missing = scratch.0.join("none.tflite").to_str().expect("a path").to_owned();
    let custom = model("tests/kernels/damaged/custom_operator.tflite");
    for (file, code, says) in [
        (&missing, "file-unreadable", "none.tflite cannot be read"),
        (&empty, "file-empty", "empty.tflite"),
        (&text, "bad-model", "text.tflite"),
        (&half, "bad-model", "half.tflite"),
        (&custom, "model-unsupported", "FlexTensorListReserve"),
    ] {
        let ran = stm32sim(&["embed", file, "-o", &out]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{file}: {}", ran.err);
        assert!(ran.err.starts_with(&format!("error[{code}]: ")) && ran.err.contains(says), "{file}: {}", ran.err);
        assert_eq!(ran.err.lines().count(), 2, "{}", ran.err);
        assert!(!Path::new(&out).exists(), "{file}: something was written");
    }
    let folder = scratch.0.to_str().expect("a path");
    let good = model("models/anomaly/anomaly_int8.tflite");
    let ran = stm32sim(&["embed", &good, "-o", folder]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.starts_with("error[output-unwritable]: ") && ran.err.contains("it is a folder"), "{}", ran.err);
    let ran = stm32sim(&["embed", &good, "--format", "json"]);
    assert!(ran.code == 2 && ran.err.starts_with("error[bad-usage]: embed cannot be printed as json"), "{}", ran.err);
}
