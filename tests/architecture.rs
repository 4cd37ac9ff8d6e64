//! What it is: the rules that keep the source in order: layers, one user of the engine, module headers.
//! Source: the design's list of layers and house rules.
//! Does not model: what the compiler checks; it only reads the text of `src/`.
//! Tested by: running it; the last test shows that a breach is seen.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up. A module uses only layers above its own in this list.
const LAYERS: &[&[&str]] = &[
    &["units", "finding"],
    &["firmware", "chip", "isa", "model"],
    &["timing"],
    &["machine", "peripherals"],
    &["observe", "scenario"],
    &["report"],
    &["gdb"],
    &["cli"],
];

/// What modules of one layer may use of each other, and why.
const NEIGHBOURS: &[(&str, &str)] = &[
    // A chip decides whether firmware fits it.
    ("chip", "firmware"),
    // The machine holds the peripherals; a peripheral acts on the world through the machine's context.
    ("machine", "peripherals"),
    ("peripherals", "machine"),
];

/// The file that may name the engine.
const ENGINE_USER: &str = "machine/cpu.rs";

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every Rust file under `src`, as path relative to it and text.
fn files() -> Vec<(String, String)> {
    let mut folders = vec![source()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(source()).unwrap().to_str().unwrap().replace('\\', "/");
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    assert!(files.len() > 10, "src was not found");
    files
}

fn module_of(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap()
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The text without line comments, which may mention whatever they like.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The top-level modules that a file names: `crate::name`, `crate::{name, other::{..}}`.
fn uses(text: &str) -> BTreeSet<String> {
    let text = code(text);
    let mut found = BTreeSet::new();
    for (at, marker) in text.match_indices("crate::") {
        let rest = &text[at + marker.len()..];
        // `$crate::` of a macro and names that merely end in "crate" are something else.
        if text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        match rest.strip_prefix('{') {
            None => {
                found.insert(word(rest));
            }
            Some(group) => {
                let mut depth = 0;
                let mut start = true;
                for (i, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && !c.is_whitespace() => {
                            found.insert(word(&group[i..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    found
}

/// Why a file must not use a module; `None` when it may.
fn breach(file: &str, used: &str) -> Option<String> {
    let module = module_of(file);
    if module == used {
        return None;
    }
    let (Some(own), Some(other)) = (layer_of(module), layer_of(used)) else {
        return Some(format!("{file} uses {used}, and one of them is in no layer"));
    };
    let fine = other < own || (other == own && NEIGHBOURS.contains(&(module, used)));
    (!fine).then(|| format!("{file} uses {used}, which does not stand above {module}"))
}

#[test]
fn modules_use_only_what_stands_above_them() {
    let breaches: Vec<String> = files()
        .iter()
        .filter(|(file, _)| !matches!(file.as_str(), "lib.rs" | "main.rs"))
        .flat_map(|(file, text)| uses(text).into_iter().filter_map(|used| breach(file, &used)).collect::<Vec<_>>())
        .collect();
    assert!(breaches.is_empty(), "{breaches:#?}");
}

#[test]
fn every_module_is_in_a_layer() {
    for (file, _) in files() {
        let module = module_of(&file);
        assert!(matches!(module, "lib" | "main") || layer_of(module).is_some(), "{file}: add {module} to the layers");
    }
}

#[test]
fn one_file_names_the_engine() {
    for (file, text) in files() {
        assert!(file == ENGINE_USER || !code(&text).contains("unicorn_engine"), "{file} names unicorn_engine");
    }
}

#[test]
fn modules_open_with_what_they_are() {
    for (file, text) in files() {
        // Generated files say so in their first line.
        let generated = text.lines().next().is_some_and(|line| line.contains("do not edit"));
        if matches!(file.as_str(), "lib.rs" | "main.rs") || file.ends_with("tests.rs") || generated {
            continue;
        }
        let head: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        for line in ["//! What it is: ", "//! Source: ", "//! Does not model: ", "//! Tested by: "] {
            assert!(head.iter().any(|found| found.starts_with(line)), "{file}: no line {line:?} at its top");
        }
    }
}

#[test]
fn the_programs_that_test_a_module_exist() {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware-images/tests");
    for (file, text) in files() {
        for header in text.lines().take_while(|line| line.starts_with("//!")) {
            for mention in header.split("firmware-images/tests/").skip(1) {
                let name: String = mention.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                let pattern = mention.chars().nth(name.len()) == Some('*');
                assert!(
                    name.is_empty() || pattern || programs.join(format!("{name}.c")).exists(),
                    "{file} names a program {name}"
                );
            }
        }
    }
}

#[test]
fn no_file_names_a_machine_of_ours() {
    // Reports and sources are the same wherever they are made.
    for (file, text) in files() {
        for path in ["/home/", "/root/", "/work/", "/tmp/", "/Users/"] {
            let tests = text.find("#[cfg(test)]").unwrap_or(text.len());
            assert!(!text[..tests].contains(path), "{file} names {path}");
        }
    }
}

#[test]
fn a_breach_is_seen() {
    let text = "use crate::units::Addr; // crate::cli\nuse crate::{finding::{Code, Result}, report::map};\nfn f() { crate::cli::run(); }";
    let used: Vec<String> = uses(text).into_iter().collect();
    assert_eq!(used, ["cli", "finding", "report", "units"]);
    assert!(breach("firmware/mod.rs", "chip").is_some());
    assert!(breach("units.rs", "finding").is_some());
    assert!(breach("report/map.rs", "cli").is_some());
    assert!(breach("cli/map.rs", "nowhere").is_some());
    assert!(breach("chip/placement.rs", "firmware").is_none());
    assert!(breach("cli/map.rs", "report").is_none());
}
