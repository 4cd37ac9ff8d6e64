//! What it is: text as it may stand in XML and HTML, between tags and in quoted attributes.
//! Source: XML 1.0, 2.2 and 2.4.
//! Does not model: attributes in single quotes.
//! Tested by: `tests/html.rs`, `tests/ci_outputs.rs` (hostile names in pages and reports, read by parsers of another make).

/// Text that XML takes as it is.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML 1.0 knows no other control characters, not even escaped.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
