//! What it is: remarks as GitHub Actions' workflow commands, which it shows beside the pull request.
//! Source: GitHub's documentation of workflow commands: `::error title=…::message`, with `%`, line ends, `:` and `,` escaped.
//! Does not model: places in files: a count of cycles belongs to a whole program.
//! Tested by: `tests/ci_outputs.rs` (the escapes, undone by hand).

use super::{Case, Level};

/// One line a remark.
#[must_use]
pub fn annotations(cases: &[Case]) -> String {
    let mut text = String::new();
    for case in cases {
        for remark in &case.remarks {
            let word = match remark.level {
                Level::Error => "error",
                Level::Warning => "warning",
                Level::Note => "notice",
            };
            let title = property(&format!("stm32sim {}", remark.finding.code.entry().name));
            let message = data(&format!("{}\n{}", remark.finding.message, remark.finding.help));
            text.push_str(&format!("::{word} title={title}::{message}\n"));
        }
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
