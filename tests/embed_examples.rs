//! What it is: `examples/embed-*`, the output of `stm32sim embed` in other people's projects: each is built as its README says and run.
//! Source: `models/*/goldens_int8.npy`: TensorFlow Lite Micro's outputs on the samples that the examples carry.
//! Does not model: boards; STM32CubeIDE itself. What is not installed (arm-none-eabi-gcc with newlib, make, Rust's thumbv7m-none-eabi) is skipped
//! with a word.
//! Tested by: building with the real tools, running the real program.

mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Scratch, stm32sim};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a build; whether it did, and what it said otherwise.
fn build(command: &mut Command) -> Result<(), String> {
    match command.env("STM32SIM", env!("CARGO_BIN_EXE_stm32sim")).output() {
        Err(error) => Err(format!("{}: {error}", command.get_program().to_string_lossy())),
        Ok(done) if done.status.success() => Ok(()),
        Ok(done) => Err(format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))),
    }
}

/// Whether the cross compiler with its C library and make are there; a word otherwise.
fn have_gcc() -> bool {
    let there =
        |program: &str, argument: &str| Command::new(program).arg(argument).output().is_ok_and(|done| done.status.success());
    let libc = Command::new("arm-none-eabi-gcc").arg("-print-file-name=libc.a").output();
    let newlib = libc.is_ok_and(|done| String::from_utf8_lossy(&done.stdout).trim() != "libc.a");
    let all = newlib && there("make", "--version");
    if !all {
        eprintln!("skipped: arm-none-eabi-gcc with newlib, or make, is not installed");
    }
    all
}

/// The firmware runs on the C8 and prints TensorFlow Lite Micro's outputs for row 0 of the samples.
fn prints_the_golden_outputs(elf: &Path, goldens: &str) {
    let ran = stm32sim(&["run", elf.to_str().expect("a path"), "--chip", "stm32f103c8", "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.err));
    let file = std::fs::read(root().join("models").join(goldens)).expect("committed");
    let file = npyz::NpyFile::new(&file[..]).expect("an array");
    let rows = file.shape()[0] as usize;
    let values: Vec<i8> = file.into_vec().expect("int8");
    let row: Vec<String> = values[..values.len() / rows].iter().map(i8::to_string).collect();
    assert_eq!(report["uart"][0]["text"], format!("outputs {}\r\n", row.join(" ")), "{}", elf.display());
    assert_eq!(report["inference"]["count"], 1, "the simulator sees the inference");
}

fn make(folder: &str, out: &Path, rest: &[&str]) -> PathBuf {
    let folder = root().join("examples").join(folder);
    let made = build(Command::new("make").arg("-C").arg(folder).arg(format!("BUILD={}", out.display())).args(rest));
    assert_eq!(made, Ok(()));
    out.join("firmware.elf")
}

#[test]
fn with_gcc_and_make() {
    if have_gcc() {
        let scratch = Scratch::new("embed-gcc");
        prints_the_golden_outputs(&make("embed-gcc", &scratch.0.join("build"), &[]), "image/goldens_int8.npy");
    }
}

#[test]
fn in_the_layout_of_cubeide_optimised_or_not() {
    if have_gcc() {
        let scratch = Scratch::new("embed-cubeide");
        for config in ["Release", "Debug"] {
            let elf = make("embed-cubeide", &scratch.0.join(config), &[&format!("CONFIG={config}")]);
            prints_the_golden_outputs(&elf, "keyword/goldens_int8.npy");
        }
    }
}

#[test]
fn in_rust_by_the_cc_crate() {
    if !have_gcc() {
        return;
    }
    let targets = Command::new("rustc").args(["--print", "target-libdir", "--target", "thumbv7m-none-eabi"]).output();
    let library =
        targets.ok().filter(|done| done.status.success()).map(|done| String::from_utf8_lossy(&done.stdout).trim().to_owned());
    if !library.is_some_and(|folder| Path::new(&folder).is_dir()) {
        eprintln!("skipped: Rust's target thumbv7m-none-eabi is not installed: rustup target add thumbv7m-none-eabi");
        return;
    }
    let scratch = Scratch::new("embed-rust");
    let folder = root().join("examples/embed-rust");
    let built = |offline: &[&str]| {
        let mut cargo = Command::new("cargo");
        // As by hand: what the test itself was started with is another project's.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CARGO") && name != "CARGO_HOME")
        {
            cargo.env_remove(name);
        }
        build(
            cargo
                .current_dir(&folder)
                .args(["build", "--release", "--locked", "--quiet"])
                .args(offline)
                .env("CARGO_TARGET_DIR", &scratch.0),
        )
    };
    match built(&["--offline"]).or_else(|_| built(&[])) {
        Ok(()) => prints_the_golden_outputs(&scratch.0.join("thumbv7m-none-eabi/release/embed-rust"), "anomaly/goldens_int8.npy"),
        Err(why) if why.contains("failed to download") || why.contains("Could not resolve") || why.contains("network") => {
            eprintln!("skipped: the crates that the example uses cannot be had: {why}");
        }
        Err(why) => panic!("{why}"),
    }
}
