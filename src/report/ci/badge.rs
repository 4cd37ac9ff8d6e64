//! What it is: a badge for a README, in SVG: what it costs, or that it became worse.
//! Source: the usual shape of such badges: two fields, a label and a value.
//! Does not model: fonts' exact widths: a letter is taken as seven pixels wide.
//! Tested by: `tests/ci_outputs.rs` (an XML reader of another make).

use super::super::table::time;
use super::super::xml::escaped;
use super::Case;

/// The picture: the latency of a single case, else how many are fine.
#[must_use]
pub fn badge(cases: &[Case]) -> String {
    let failing = cases.iter().filter(|case| case.fails()).count();
    let latency = match cases {
        [one] => one.record.as_ref().and_then(|record| record.inference.as_ref()).map(|inference| time(inference.latency_us)),
        _ => None,
    };
    let label = "stm32sim";
    let value = match (failing, latency) {
        (0, Some(latency)) => latency,
        (0, None) => format!("{} fine", cases.len()),
        (failing, _) => format!("{failing} of {} failing", cases.len()),
    };
    let color = if failing == 0 { "#2c8a4b" } else { "#c2362b" };
    let width = |text: &str| text.chars().count() * 7 + 12;
    let (left, right) = (width(label), width(&value));
    let (label, value) = (escaped(label), escaped(&value));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{all}\" height=\"20\" role=\"img\" aria-label=\"{label}: {value}\">\n\
         <title>{label}: {value}</title>\n\
         <rect width=\"{left}\" height=\"20\" fill=\"#555\"/>\n<rect x=\"{left}\" width=\"{right}\" height=\"20\" fill=\"{color}\"/>\n\
         <g fill=\"#fff\" text-anchor=\"middle\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\">\n\
         <text x=\"{label_at}\" y=\"14\">{label}</text>\n<text x=\"{value_at}\" y=\"14\">{value}</text>\n</g>\n</svg>\n",
        all = left + right,
        label_at = left / 2,
        value_at = left + right / 2
    )
}
