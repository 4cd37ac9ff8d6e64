//! What it is: programs and schemas of others that tests read our output with, where they are installed.
//! Source: `.ci/tools` puts them below `target/tools`; STM32SIM_TOOLS names another folder, STM32SIM_PYTHON another Python.
//! Does not model: installing them; a test that lacks one says so and is skipped.
//! Tested by: the tests that use it.
#![allow(dead_code)] // Every test binary uses its own part of it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder that `.ci/tools` fills.
fn folder() -> PathBuf {
    match std::env::var_os("STM32SIM_TOOLS") {
        Some(folder) => Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target").join("tools"),
    }
}

fn skipped(what: &str) {
    eprintln!("skipped: {what}; .ci/tools installs it");
}

/// A Python with these modules, given as after `import`.
pub fn python(modules: &str) -> Option<Command> {
    let own = folder().join("python/bin/python");
    let named = std::env::var_os("STM32SIM_PYTHON").map(PathBuf::from);
    let name = named.unwrap_or_else(|| if own.exists() { own } else { PathBuf::from("python3") });
    let found = Command::new(&name).args(["-c", &format!("import {modules}")]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(Command::new(name));
    }
    skipped(&format!("no Python with {modules}"));
    None
}

/// A program that a Python package brings.
pub fn python_program(name: &str) -> Option<Command> {
    let path = folder().join("python/bin").join(name);
    if path.exists() {
        return Some(Command::new(path));
    }
    skipped(&format!("no {name}"));
    None
}

/// A node that runs a module's text, in which these packages can be imported.
pub fn node(packages: &[&str], script: &str) -> Option<Command> {
    let folder = folder();
    let version = Command::new("node").arg("--version").output();
    if !version.is_ok_and(|output| output.status.success()) {
        skipped("no node");
        return None;
    }
    if let Some(lacking) = packages.iter().find(|package| !folder.join("node_modules").join(package).exists()) {
        skipped(&format!("no node package {lacking}"));
        return None;
    }
    let mut node = Command::new("node");
    // Packages are looked for from the working directory.
    node.args(["--input-type=module", "--eval", script, "--"]).current_dir(folder);
    Some(node)
}

/// A schema by its file's name.
pub fn schema(name: &str) -> Option<PathBuf> {
    let path = folder().join("schemas").join(name);
    if path.exists() {
        return Some(path);
    }
    skipped(&format!("no schema {name}"));
    None
}

/// What the program prints; it must succeed.
pub fn printed(command: &mut Command) -> String {
    let output = command.output().expect("runs");
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}
