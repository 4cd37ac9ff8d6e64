//! Lowers the model, compiles the runtime with it by the `cc` crate, and writes the sizes that Rust needs to `model.rs`.
//! `STM32SIM` names the program where it is not on the path; `MODEL` another .tflite.
//! SPDX-License-Identifier: MIT OR Apache-2.0

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let runtime = root.join("../../firmware-images/runtime");
    let model = env::var_os("MODEL").map_or_else(|| root.join("../../models/anomaly/anomaly_int8.tflite"), PathBuf::from);
    let stm32sim = env::var_os("STM32SIM").unwrap_or_else(|| "stm32sim".into());

    let header = out.join("model_data.h");
    let done = Command::new(&stm32sim).arg("embed").arg(&model).arg("-o").arg(&header).status();
    assert!(done.is_ok_and(|status| status.success()), "{} embed {} failed", stm32sim.to_string_lossy(), model.display());

    // Of the header's sizes, those that arrays in Rust are made by.
    let text = fs::read_to_string(&header).expect("just written");
    let size = |name: &str| {
        let start = format!("#define {name} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&start)).expect("every model has it");
        format!("pub const {name}: usize = {};\n", line.trim_end_matches('u'))
    };
    let names = ["NN_MODEL_PLAN_BYTES", "NN_MODEL_ARENA_BYTES", "NN_MODEL_INPUT_COUNT", "NN_MODEL_OUTPUT_COUNT"];
    fs::write(out.join("model.rs"), names.map(size).concat()).expect("OUT_DIR can be written");
    // The header defines the model; this is the one C file that includes it.
    let definition = out.join("model_data.c");
    fs::write(&definition, "#include \"model_data.h\"\n").expect("OUT_DIR can be written");

    let sources = fs::read_dir(&runtime).expect("the runtime's folder").map(|entry| entry.expect("readable").path());
    let mut build = cc::Build::new();
    build.files(sources.filter(|path| path.extension().is_some_and(|extension| extension == "c")));
    build.file(definition).include(&runtime).include(&out).std("c99").opt_level(2).debug(true);
    build.compile("nn");

    fs::copy(root.join("memory.x"), out.join("memory.x")).expect("OUT_DIR can be written");
    println!("cargo:rustc-link-search={}", out.display());
    for path in [runtime, model, root.join("memory.x"), root.join("build.rs")] {
        println!("cargo:rerun-if-changed={}", path.display());
    }
    println!("cargo:rerun-if-env-changed=STM32SIM");
    println!("cargo:rerun-if-env-changed=MODEL");
}
