//! What it is: a memory map's page: of one firmware, with what a run used where one was made, and of what changed between two.
//! Source: [`MapReport`].
//! Does not model: anything.
//! Tested by: `tests/html.rs`.

use super::parts::{bar, share};
use super::{escaped, page, treemap};
use crate::report::map::{Change, MapReport, Other, Use};
use crate::report::stack::lines;
use crate::units::grouped;
use std::fmt::Write;

/// How many rows a table of the page lists.
const MOST_ROWS: usize = 60;

/// The page.
#[must_use]
pub fn map_page(report: &MapReport) -> String {
    let title = match &report.other {
        Some(other) => format!("{} to {} on {}", report.firmware.name, other.firmware.name, report.chip.name),
        None => format!("{} on {}", report.firmware.name, report.chip.name),
    };
    let mut body = format!("<h1>{}</h1>\n", escaped(&title));
    match &report.other {
        Some(other) => body.push_str(&difference(report, other)),
        None => {
            for region in &report.map.regions {
                body.push_str(&bar(treemap::region(region.name), region.used, region.size, "B"));
            }
            body.push_str(&used(report));
        }
    }
    let of = report.other.as_ref().map_or("What fills the memories", |_| "What fills the memories, before");
    body.push_str(&treemap::section(&report.map, of));
    if let Some(other) = &report.other {
        body.push_str(&treemap::section(&other.map, "What fills the memories, after"));
    }
    if let Some(bound) = report.stack.as_ref().filter(|_| report.other.is_none()) {
        let _ = writeln!(body, "<section><h2>Stack</h2>\n<pre class=\"wrap\">{}</pre></section>", escaped(&lines(bound)));
    }
    page(&title, &body, "")
}

/// What a run did with each row, the largest first: executed, read, written, never touched, each a bar.
fn used(report: &MapReport) -> String {
    let Some(run) = &report.run else { return String::new() };
    let mut text = format!(
        "<section><h2>What a run used</h2>\n<p>Scenario {}, sample 0: {}.</p>\n<p class=\"legend\"><span><span class=\"key u-executed\"></span>\
         executed</span> <span><span class=\"key u-read\"></span>read</span> <span><span class=\"key u-written\"></span>written</span> \
         <span><span class=\"key u-untouched\"></span>never touched</span></p>\n<table class=\"layers\"><thead><tr><th>memory</th><th>name</th><th class=\"n\">bytes</th>\
         <th class=\"n\">executed</th><th class=\"n\">read</th><th class=\"n\">written</th><th class=\"n\">untouched</th><th>use</th></tr></thead><tbody>\n",
        escaped(&run.scenario),
        escaped(&run.outcome)
    );
    let map = &report.map;
    let mut rows: Vec<(&str, &str, u64, Use)> = if map.groups.is_empty() {
        map.rows.iter().filter_map(|row| Some((treemap::region(row.region), row.name.as_str(), row.size, row.used?))).collect()
    } else {
        map.groups
            .iter()
            .filter_map(|group| Some((treemap::region(group.region), group.name.as_str(), group.size, group.used?)))
            .collect()
    };
    rows.sort_by(|a, b| (b.2, a.0, a.1).cmp(&(a.2, b.0, b.1)));
    for (region, name, size, used) in rows.iter().take(MOST_ROWS) {
        let written = used.written.unwrap_or(0);
        let mut parts = String::from("<span class=\"uses\">");
        for (class, part) in
            [("executed", used.executed), ("read", used.read), ("written", written), ("untouched", used.untouched)]
        {
            if part > 0 {
                let _ = write!(
                    parts,
                    "<span class=\"track thin\"><span class=\"u-{class}\" style=\"width:{:.3}%\" title=\"{class}: {} B\"></span></span>",
                    share(part, *size),
                    grouped(part)
                );
            }
        }
        parts.push_str("</span>");
        let _ = writeln!(
            text,
            "<tr><td>{region}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{}</td><td>{parts}</td></tr>",
            escaped(name),
            grouped(*size),
            grouped(used.executed),
            grouped(used.read),
            used.written.map(grouped).unwrap_or_default(),
            grouped(used.untouched),
        );
    }
    rest(&mut text, rows.len(), 8);
    text.push_str("</tbody></table></section>\n");
    text
}

/// The row that says how many are not shown.
fn rest(text: &mut String, rows: usize, columns: usize) {
    if rows > MOST_ROWS {
        let _ = writeln!(text, "<tr><td colspan=\"{columns}\">[{} smaller]</td></tr>", rows - MOST_ROWS);
    }
}

fn signed(delta: i64) -> String {
    let sign = if delta < 0 { "−" } else { "+" };
    if delta == 0 { "0".to_owned() } else { format!("{sign}{}", grouped(delta.unsigned_abs())) }
}

/// What grew, shrank, came and went: bars to both sides of a middle line.
fn difference(report: &MapReport, other: &Other) -> String {
    let mut text = String::from("<section><h2>What changed</h2>\n");
    for change in &other.difference.regions {
        let size = report.map.regions.iter().find(|region| region.name == change.region).map_or(0, |region| region.size);
        let name = treemap::region(change.region);
        text.push_str(&bar(&format!("{name}, before"), change.old.unwrap_or(0), size, "B"));
        text.push_str(&bar(&format!("{name}, after"), change.new.unwrap_or(0), size, "B"));
        let _ = writeln!(text, "<p>{name}: {} B</p>", signed(change.delta));
    }
    if other.difference.rows.is_empty() {
        text.push_str("<p>No row changed.</p></section>\n");
        return text;
    }
    let widest = other.difference.rows.iter().map(|change| change.delta.unsigned_abs()).max().unwrap_or(1);
    text.push_str(
        "<table class=\"layers\"><thead><tr><th>memory</th><th>name</th><th class=\"n\">before</th><th class=\"n\">after</th>\
         <th class=\"n\">change</th><th>less · more</th></tr></thead><tbody>\n",
    );
    for change in other.difference.rows.iter().take(MOST_ROWS) {
        let bytes = |bytes: Option<u64>, none: &str| bytes.map_or_else(|| none.to_owned(), grouped);
        let _ = writeln!(
            text,
            "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>",
            treemap::region(change.region),
            escaped(change.name.as_deref().unwrap_or("")),
            bytes(change.old, "new"),
            bytes(change.new, "gone"),
            signed(change.delta),
            sides(change, widest),
        );
    }
    rest(&mut text, other.difference.rows.len(), 6);
    text.push_str("</tbody></table></section>\n");
    text
}

fn sides(change: &Change, widest: u64) -> String {
    let width = share(change.delta.unsigned_abs(), widest) / 2.0;
    let (class, left) = if change.delta < 0 { ("less", 50.0 - width) } else { ("more", 50.0) };
    format!("<span class=\"track sides\"><span class=\"{class}\" style=\"left:{left:.2}%;width:{width:.2}%\"></span></span>")
}
