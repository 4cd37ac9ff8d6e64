//! What it is: the licences of everything that is linked into the program, against those that go with GPL-2.0.
//! Source: Unicorn is GPL-2.0 and parts of it not "or later"; the FSF's list of licences compatible with GPLv2.
//!   Apache-2.0 alone and CDDL are not; Apache-2.0 with the LLVM exception is.
//! Does not model: licence files that contradict a package's manifest; tools that are only used to develop.
//! Tested by: running it; the last test shows that a breach is seen.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Licences under which a linked package may be used.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "GPL-2.0",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Whether an SPDX expression can be fulfilled by allowed licences: OR needs one side, AND both; `/` is an old OR.
fn fulfilled(expression: &str) -> bool {
    let text = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut at = 0;
    let result = either(&words, &mut at);
    result && at == words.len()
}

fn either(words: &[&str], at: &mut usize) -> bool {
    let mut result = both(words, at);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        result |= both(words, at);
    }
    result
}

fn both(words: &[&str], at: &mut usize) -> bool {
    let mut result = one(words, at);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        result &= one(words, at);
    }
    result
}

fn one(words: &[&str], at: &mut usize) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let result = either(words, at);
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return result && closed;
    }
    if words.get(*at) == Some(&"WITH") {
        let exception = words.get(*at + 1).copied().unwrap_or_default();
        *at += 2;
        return ALLOWED.contains(&format!("{word} WITH {exception}").as_str());
    }
    ALLOWED.contains(word)
}

/// The dependency graph as cargo resolved it for this machine, without asking the network.
fn metadata() -> Value {
    let version = Command::new(env!("CARGO")).args(["--version", "--verbose"]).output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo names its host").to_owned();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline", "--locked", "--filter-platform", &host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The ids of packages that the root needs to run: normal dependencies, and theirs.
fn linked(metadata: &Value) -> BTreeSet<String> {
    let nodes: BTreeMap<&str, &Value> =
        metadata["resolve"]["nodes"].as_array().unwrap().iter().map(|node| (node["id"].as_str().unwrap(), node)).collect();
    let root = metadata["resolve"]["root"].as_str().unwrap();
    let mut found = BTreeSet::new();
    let mut open = vec![root];
    while let Some(id) = open.pop() {
        if !found.insert(id.to_owned()) {
            continue;
        }
        for dependency in nodes[id]["deps"].as_array().unwrap() {
            // A dependency's kind is null when it is neither for the build script nor for tests.
            if dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null()) {
                open.push(dependency["pkg"].as_str().unwrap());
            }
        }
    }
    found
}

#[test]
fn everything_linked_goes_with_gpl_2() {
    let metadata = metadata();
    let linked = linked(&metadata);
    assert!(linked.len() > 20, "the graph looks empty");
    let mut seen_unicorn = false;
    let mut bad = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        if !linked.contains(package["id"].as_str().unwrap()) {
            continue;
        }
        let (name, licence) = (package["name"].as_str().unwrap(), package["license"].as_str().unwrap_or("none stated"));
        seen_unicorn |= name == "unicorn-engine";
        if !fulfilled(licence) {
            bad.push(format!("{name} {}: {licence}", package["version"]));
        }
    }
    assert!(seen_unicorn, "the engine is not in the graph");
    assert!(bad.is_empty(), "these may not be linked with GPL-2.0 code: {bad:#?}");
}

#[test]
fn the_project_itself_is_gpl_2_or_later() {
    let metadata = metadata();
    let root = metadata["resolve"]["root"].as_str().unwrap();
    let own = metadata["packages"].as_array().unwrap().iter().find(|package| package["id"] == root).unwrap();
    assert_eq!(own["license"], "GPL-2.0-or-later");
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/LICENSE")).unwrap();
    assert!(text.contains("GNU GENERAL PUBLIC LICENSE") && text.contains("Version 2, June 1991"));
}

#[test]
fn a_breach_is_seen() {
    for good in
        ["MIT", "MIT OR Apache-2.0", "MIT/Apache-2.0", "(MIT OR Apache-2.0) AND Unicode-3.0", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(fulfilled(good), "{good}");
    }
    for bad in
        ["Apache-2.0", "CDDL-1.0", "MIT AND Apache-2.0", "", "none stated", "(MIT", "Apache-2.0 WITH Other", "GPL-3.0-only"]
    {
        assert!(!fulfilled(bad), "{bad}");
    }
}
