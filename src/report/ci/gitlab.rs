//! What it is: remarks as GitLab's code quality report, which it shows in the merge request.
//! Source: GitLab's documentation, "Code Quality report format": description, check_name, fingerprint, severity, location.
//! Does not model: places of what belongs to a whole program: the location then is the firmware's name, line 1.
//! Tested by: `tests/ci_outputs.rs` (the fields that GitLab's documentation requires).

use super::{Case, Level, place_of};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The document: a list.
#[must_use]
pub fn gitlab(cases: &[Case]) -> Value {
    let mut list = Vec::new();
    for case in cases {
        for remark in &case.remarks {
            let name = remark.finding.code.entry().name;
            let severity = match remark.level {
                Level::Error => "critical",
                Level::Warning => "minor",
                Level::Note => "info",
            };
            // The same trouble has the same fingerprint, whatever its numbers: GitLab tells new from known by it.
            let of = remark.finding.message.split('\'').nth(1).unwrap_or_default();
            let digest = Sha256::digest(format!("{name} {} {of}", case.key));
            let fingerprint: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            let (file, line) = place_of(case, remark);
            list.push(json!({
                "description": remark.finding.message,
                "check_name": name,
                "fingerprint": fingerprint,
                "severity": severity,
                "location": { "path": file, "lines": { "begin": line } },
            }));
        }
    }
    Value::Array(list)
}
