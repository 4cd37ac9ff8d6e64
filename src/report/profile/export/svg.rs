//! What it is: a flame graph as a picture: widths are cycles, what is called stands on top of its caller, titles tell numbers.
//! Source: Brendan Gregg, "The Flame Graph" (Communications of the ACM 59:6, 2016); SVG 1.1. Written anew: no script, opens anywhere.
//! Does not model: order in time; what is narrower than a tenth of a pixel is left out of the picture.
//! Tested by: `tests/exports.rs`.

use super::Recording;
use crate::report::profile::flame::{Tile, boxes};
use crate::report::xml::escaped;
use crate::units::grouped;
use std::fmt::Write;

const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 18.0;
const MARGIN: f64 = 10.0;
const HEAD: f64 = 40.0;

pub(super) fn write(recording: &Recording<'_>) -> String {
    let boxes = boxes(&recording.profile.tree);
    let whole = recording.profile.cycles.max(1) as f64;
    let depth = boxes.iter().map(|row| row.depth).max().unwrap_or(0);
    let height = HEAD + (depth + 1) as f64 * HEIGHT + MARGIN;
    let scale = (WIDTH - 2.0 * MARGIN) / whole;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{MARGIN}\" y=\"24\" font-size=\"15\">{}: {} cycles at {}</text>\n",
        escaped(&recording.image.name),
        grouped(recording.profile.cycles),
        recording.clock
    );
    for row in &boxes {
        let (x, width) = (MARGIN + row.begin as f64 * scale, row.cycles as f64 * scale);
        if width < 0.1 {
            continue;
        }
        let y = height - MARGIN - (row.depth + 1) as f64 * HEIGHT;
        let share = row.cycles as f64 * 100.0 / whole;
        let title = format!("{}: {} cycles ({share:.2} %), {} in itself", row.name, grouped(row.cycles), grouped(row.own));
        let _ = write!(
            text,
            "<g><title>{}</title><rect x=\"{x:.2}\" y=\"{y:.1}\" width=\"{width:.2}\" height=\"{:.1}\" fill=\"{}\" \
             stroke=\"#fff\" stroke-width=\"0.5\"/>",
            escaped(&title),
            HEIGHT - 1.0,
            colour(row)
        );
        let fits = (width / 6.5) as usize;
        if fits >= 3 {
            let name: String = if row.name.chars().count() > fits {
                row.name.chars().take(fits - 1).chain(['…']).collect()
            } else {
                row.name.clone()
            };
            let _ = write!(text, "<text x=\"{:.2}\" y=\"{:.1}\">{}</text>", x + 3.0, y + 12.5, escaped(&name));
        }
        text.push_str("</g>\n");
    }
    text.push_str("</svg>\n");
    text
}

/// By name, so that a function keeps its colour; grey for what is in brackets. Light enough for black text.
fn colour(row: &Tile) -> String {
    if row.name.starts_with('[') {
        return "#cfd4da".to_owned();
    }
    let hash = row.name.bytes().fold(2_166_136_261_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
    format!("hsl({},70%,{}%)", 20 + hash % 40, 66 + hash / 64 % 12)
}
