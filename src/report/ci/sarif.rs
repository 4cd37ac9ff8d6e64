//! What it is: remarks as SARIF, which GitHub's code scanning and other viewers of findings read.
//! Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".
//! Does not model: code flows, fixes; the rules are the catalogue of findings. A file is named by its last two parts, as in all reports.
//! Tested by: `tests/ci_outputs.rs` (OASIS's JSON schema, where the package that carries it is installed).

use super::{Case, Level, place_of};
use crate::finding::Code;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The document.
#[must_use]
pub fn sarif(cases: &[Case]) -> Value {
    let mut rules: BTreeMap<&str, Code> = BTreeMap::new();
    for remark in cases.iter().flat_map(|case| &case.remarks) {
        rules.insert(remark.finding.code.entry().name, remark.finding.code);
    }
    let names: Vec<&str> = rules.keys().copied().collect();
    let listed: Vec<Value> = rules
        .values()
        .map(|code| {
            let entry = code.entry();
            json!({
                "id": entry.name,
                "shortDescription": { "text": entry.meaning },
                "help": { "text": entry.help },
            })
        })
        .collect();
    let results: Vec<Value> = cases
        .iter()
        .flat_map(|case| case.remarks.iter().map(move |remark| (case, remark)))
        .map(|(case, remark)| {
            let name = remark.finding.code.entry().name;
            let level = match remark.level {
                Level::Error => "error",
                Level::Warning => "warning",
                Level::Note => "note",
            };
            let (file, line) = place_of(case, remark);
            json!({
                "ruleId": name,
                "ruleIndex": names.iter().position(|known| *known == name),
                "level": level,
                "message": { "text": remark.finding.message },
                "locations": [{
                    "physicalLocation": { "artifactLocation": { "uri": uri(&file) }, "region": { "startLine": line } },
                    "logicalLocations": [{ "fullyQualifiedName": case.key }],
                }],
                "partialFingerprints": { "stm32sim/v1": format!("{name}/{}", case.key) },
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": env!("CARGO_PKG_NAME"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": listed,
            } },
            "results": results,
        }],
    })
}

/// A file's name as a relative URI.
pub(super) fn uri(name: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    name.bytes().map(escape).collect()
}
