//! What it is: memory as areas: every row of the map a rectangle as large as its bytes.
//! Source: Bruls, Huizing, van Wijk, "Squarified Treemaps" (2000).
//! Does not model: nesting; rows stand by size.
//! Tested by: the test below (areas are the rows' shares, rectangles do not overlap); `tests/html.rs`.

use super::escaped;
use crate::chip::Bank;
use crate::report::map::{MemoryMap, Row};
use crate::units::grouped;
use std::fmt::Write;

/// A rectangle in percent of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rectangle {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

pub(super) fn region(bank: Bank) -> &'static str {
    match bank {
        Bank::Flash => "flash",
        Bank::Sram => "SRAM",
    }
}

/// Rectangles for sizes, which are descending and positive, in a picture `aspect` times as wide as high.
fn squarified(sizes: &[u64], aspect: f64) -> Vec<Rectangle> {
    let whole: f64 = sizes.iter().map(|size| *size as f64).sum();
    let mut room = Rectangle { x: 0.0, y: 0.0, width: aspect, height: 1.0 };
    let scale = aspect / whole.max(1.0);
    let mut placed = Vec::with_capacity(sizes.len());
    let mut at = 0;
    while at < sizes.len() {
        let side = room.width.min(room.height);
        // The worst ratio of a strip along the shorter side, of the sizes from `at` to `end`.
        let worst = |end: usize| {
            let strip = sizes.get(at..end).unwrap_or_default();
            let sum: f64 = strip.iter().map(|size| *size as f64 * scale).sum();
            let thick = sum / side;
            strip.iter().map(|size| *size as f64 * scale / thick / thick).map(|ratio| ratio.max(1.0 / ratio)).fold(1.0, f64::max)
        };
        let mut end = at + 1;
        while end < sizes.len() && worst(end + 1) <= worst(end) {
            end += 1;
        }
        let sum: f64 = sizes.get(at..end).unwrap_or_default().iter().map(|size| *size as f64 * scale).sum();
        let thick = sum / side;
        let upright = room.width >= room.height;
        let mut along = 0.0;
        for size in sizes.get(at..end).unwrap_or_default() {
            let length = *size as f64 * scale / thick;
            placed.push(if upright {
                Rectangle { x: room.x, y: room.y + along, width: thick, height: length }
            } else {
                Rectangle { x: room.x + along, y: room.y, width: length, height: thick }
            });
            along += length;
        }
        if upright {
            (room.x, room.width) = (room.x + thick, room.width - thick);
        } else {
            (room.y, room.height) = (room.y + thick, room.height - thick);
        }
        at = end;
    }
    for rectangle in &mut placed {
        (rectangle.x, rectangle.width) = (rectangle.x * 100.0 / aspect, rectangle.width * 100.0 / aspect);
        (rectangle.y, rectangle.height) = (rectangle.y * 100.0, rectangle.height * 100.0);
    }
    placed
}

/// How many rows have a rectangle of their own; the rest share one.
const MOST: usize = 150;

/// A picture for each region.
pub(super) fn section(map: &MemoryMap, title: &str) -> String {
    let mut text = format!("<section><h2>{title}</h2>\n");
    for part in &map.regions {
        let mut rows: Vec<&Row> = map.rows.iter().filter(|row| row.region == part.name && row.size > 0).collect();
        rows.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.address.cmp(&b.address)));
        let rest: u64 = rows.iter().skip(MOST).map(|row| row.size).sum();
        let mut shown: Vec<(String, String, u64)> = rows
            .iter()
            .take(MOST)
            .map(|row| {
                let kind = serde_json::to_value(row.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
                (row.name.clone(), kind.unwrap_or_default(), row.size)
            })
            .collect();
        if rest > 0 {
            shown.push((format!("[{} smaller]", rows.len().saturating_sub(MOST)), "other".to_owned(), rest));
            shown.sort_by_key(|row| std::cmp::Reverse(row.2));
        }
        let sizes: Vec<u64> = shown.iter().map(|row| row.2).collect();
        let _ = writeln!(text, "<h3>{}: {} B</h3>\n<div class=\"treemap\">", region(part.name), grouped(part.size));
        for ((name, kind, size), rectangle) in shown.iter().zip(squarified(&sizes, 3.0)) {
            let _ = writeln!(
                text,
                "<div class=\"k-{kind}\" style=\"left:{:.3}%;top:{:.3}%;width:{:.3}%;height:{:.3}%\" title=\"{}\">{}<br>{}</div>",
                rectangle.x,
                rectangle.y,
                rectangle.width,
                rectangle.height,
                escaped(&format!("{name}: {} B, {}", grouped(*size), kind.replace('-', " "))),
                escaped(name),
                grouped(*size)
            );
        }
        text.push_str("</div>\n");
    }
    text.push_str("</section>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_are_shares_and_nothing_overlaps() {
        let sizes = [6, 6, 4, 3, 2, 2, 1];
        let placed = squarified(&sizes, 1.5);
        for (size, rectangle) in sizes.iter().zip(&placed) {
            let area = rectangle.width * rectangle.height / 10_000.0;
            assert!((area - *size as f64 / 24.0).abs() < 1e-9);
        }
        for (i, a) in placed.iter().enumerate() {
            for b in &placed[i + 1..] {
                let apart = a.x + a.width <= b.x + 1e-9
                    || b.x + b.width <= a.x + 1e-9
                    || a.y + a.height <= b.y + 1e-9
                    || b.y + b.height <= a.y + 1e-9;
                assert!(apart, "{a:?} {b:?}");
            }
        }
    }
}
