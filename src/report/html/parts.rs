//! What it is: the sections of a run's page.
//! Source: [`crate::report::run::RunReport`] and its profile.
//! Does not model: anything.
//! Tested by: `tests/html.rs`.

use super::escaped;
use crate::finding::Finding;
use crate::report::profile::Profile;
use crate::report::profile::export::Stretch;
use crate::report::profile::flame_tiles;
use crate::report::run::{Causes, RunReport};
use crate::report::table::{percent, time};
use crate::timing::Cause;
use crate::units::{Hz, grouped};
use std::fmt::Write;

/// How many functions the page lists; the rest is one row.
const MOST_ROWS: usize = 40;
/// How many stretches the time line draws a track.
const MOST_STRETCHES: usize = 1500;
/// Boxes narrower than this share of a picture cannot be seen: a ten-thousandth.
const NARROWEST: u64 = 10_000;

pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// A bar with its numbers beside it.
pub(super) fn bar(name: &str, part: u64, whole: u64, unit: &str) -> String {
    format!(
        "<div class=\"bar\"><span class=\"name\">{}</span><span class=\"track\" role=\"img\" aria-label=\"{} of {} {unit}\">\
         <span class=\"fill\" style=\"width:{:.2}%\"></span></span><span class=\"number\">{} of {} {unit}, {} free</span></div>\n",
        escaped(name),
        grouped(part),
        grouped(whole),
        share(part, whole).min(100.0),
        grouped(part),
        grouped(whole),
        grouped(whole.saturating_sub(part)),
    )
}

/// Cycles by cause as a stack of segments, as wide as `cycles` is of `widest`.
fn stacked(causes: &Causes, cycles: u64, widest: u64) -> String {
    let mut text = format!("<span class=\"track stack\"><span class=\"inner\" style=\"width:{:.2}%\">", share(cycles, widest));
    for cause in Cause::ALL.into_iter().filter(|cause| causes.0.of(*cause) > 0) {
        let own = causes.0.of(cause);
        let _ = write!(
            text,
            "<span class=\"c-{}\" style=\"width:{:.3}%\" title=\"{}: {} cycles, {}\"></span>",
            cause.name(),
            share(own, cycles),
            cause.name().replace('_', " "),
            grouped(own),
            percent(own, cycles)
        );
    }
    text.push_str("</span></span>");
    text
}

fn legend() -> String {
    let mut text = String::from("<p class=\"legend\">");
    for cause in Cause::ALL {
        let _ = write!(text, "<span><span class=\"key c-{0}\"></span>{1}</span> ", cause.name(), cause.name().replace('_', " "));
    }
    text.push_str("</p>\n");
    text
}

pub(super) fn inference(report: &RunReport) -> String {
    let Some(inference) = &report.inference else { return String::new() };
    let mut text = format!(
        "<section><h2>Inference</h2>\n<p>{} cycles = {} at {}, {} instructions{}</p>\n",
        grouped(inference.cycles),
        time(inference.latency_us),
        Hz(report.clock.hclk_hz),
        grouped(inference.instructions),
        inference.energy_uj.map_or_else(String::new, |energy| format!(", {energy:.1} µJ (estimate)")),
    );
    if !inference.layers.is_empty() {
        let widest = inference.layers.iter().map(|layer| layer.cycles).max().unwrap_or(1);
        text.push_str(&legend());
        text.push_str(
            "<table class=\"layers\"><thead><tr><th>#</th><th>layer</th><th class=\"n\">cycles</th><th class=\"n\">share</th>\
                       <th class=\"n\">time</th><th>by cause</th></tr></thead><tbody>\n",
        );
        for layer in &inference.layers {
            let _ = writeln!(
                text,
                "<tr><td>{}</td><td>{} {}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>",
                layer.index.map(|index| index.to_string()).unwrap_or_default(),
                escaped(&layer.op),
                escaped(&layer.name),
                grouped(layer.cycles),
                percent(layer.cycles, inference.cycles),
                time(layer.latency_us),
                stacked(&layer.cycles_by_cause, layer.cycles, widest),
            );
        }
        text.push_str("</tbody></table>\n");
    }
    text.push_str("</section>\n");
    text
}

pub(super) fn causes(report: &RunReport) -> String {
    let whole = report.totals.cycles;
    let mut text = format!(
        "<section><h2>Cycles by cause, whole run</h2>\n{}<table><thead><tr><th>cause</th><th class=\"n\">cycles</th>\
         <th class=\"n\">share</th></tr></thead><tbody>\n",
        stacked(&report.cycles_by_cause, whole, whole)
    );
    for cause in Cause::ALL {
        let own = report.cycles_by_cause.0.of(cause);
        let _ = writeln!(
            text,
            "<tr><td><span class=\"key c-{}\"></span>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            cause.name(),
            cause.name().replace('_', " "),
            grouped(own),
            percent(own, whole)
        );
    }
    let _ = writeln!(text, "<tr><td>total</td><td class=\"n\">{}</td><td></td></tr>\n</tbody></table></section>", grouped(whole));
    text
}

/// The flame chart: drawn here, zoomed and searched by the page's script.
pub(super) fn flame(profile: &Profile) -> String {
    let tiles = flame_tiles(&profile.tree);
    let whole = profile.cycles.max(1);
    let deepest = tiles.iter().map(|tile| tile.depth).max().unwrap_or(0);
    let mut text = format!(
        "<section><h2>Flame chart</h2>\n<p class=\"controls\"><label>Search <input id=\"search\" type=\"search\"></label> \
         <button id=\"reset\" type=\"button\">Whole run (Esc)</button> <output id=\"matched\"></output></p>\n\
         <p id=\"told\" aria-live=\"polite\">A box is a function, as wide as its cycles; what it calls stands below it. Choose one to zoom; arrow keys go from box to box.</p>\n\
         <div id=\"flame\" data-whole=\"{whole}\" style=\"height:{}px\">\n",
        (deepest + 1) * 20
    );
    for tile in tiles.iter().filter(|tile| tile.cycles.saturating_mul(NARROWEST) >= whole) {
        let title = format!(
            "{}: {} cycles, {}; {} in itself",
            tile.name,
            grouped(tile.cycles),
            percent(tile.cycles, whole),
            grouped(tile.own)
        );
        let hash = tile.name.bytes().fold(2_166_136_261_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
        let _ = writeln!(
            text,
            "<button type=\"button\" class=\"tile h{}\" style=\"left:{:.4}%;width:{:.4}%;top:{}px\" data-b=\"{}\" data-c=\"{}\" \
             data-n=\"{}\" title=\"{title}\" aria-label=\"{title}\">{6}</button>",
            hash % 6,
            share(tile.begin, whole),
            share(tile.cycles, whole),
            tile.depth * 20,
            tile.begin,
            tile.cycles,
            escaped(&tile.name),
            title = escaped(&title),
        );
    }
    text.push_str("</div></section>\n");
    text
}

pub(super) fn functions(profile: &Profile) -> String {
    let widest = profile.functions.iter().map(|row| row.cycles).max().unwrap_or(1);
    let mut text = format!(
        "<section><h2>Functions</h2>\n{}<table class=\"layers\"><thead><tr><th>function</th><th>file</th><th class=\"n\">calls</th>\
         <th class=\"n\">instructions</th><th class=\"n\">cycles</th><th class=\"n\">share</th><th>by cause</th></tr></thead><tbody>\n",
        legend()
    );
    let shown = MOST_ROWS.min(profile.functions.len());
    let (most, rest) = profile.functions.split_at(shown);
    for row in most {
        let _ = writeln!(
            text,
            "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>",
            escaped(&row.name),
            escaped(row.file.as_deref().unwrap_or("")),
            row.calls.map(grouped).unwrap_or_default(),
            grouped(row.instructions),
            grouped(row.cycles),
            percent(row.cycles, profile.cycles),
            stacked(&row.cycles_by_cause, row.cycles, widest),
        );
    }
    if !rest.is_empty() {
        let cycles: u64 = rest.iter().map(|row| row.cycles).sum();
        let instructions: u64 = rest.iter().map(|row| row.instructions).sum();
        let _ = writeln!(
            text,
            "<tr><td>[{} more]</td><td></td><td></td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td></td></tr>",
            rest.len(),
            grouped(instructions),
            grouped(cycles),
            percent(cycles, profile.cycles)
        );
    }
    text.push_str("</tbody></table></section>\n");
    text
}

pub(super) fn interrupts(profile: &Profile) -> String {
    if profile.interrupts.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "<section><h2>Interrupts</h2>\n<table><thead><tr><th>exception</th><th class=\"n\">taken</th><th class=\"n\">cycles</th>\
         <th class=\"n\">latency, worst</th><th class=\"n\">duration, worst</th></tr></thead><tbody>\n",
    );
    for row in &profile.interrupts {
        let most =
            |range: &Option<crate::report::profile::Range>| range.as_ref().map(|range| grouped(range.max)).unwrap_or_default();
        let _ = writeln!(
            text,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            escaped(&row.name),
            grouped(row.count),
            grouped(row.cycles),
            most(&row.latency),
            most(&row.duration)
        );
    }
    text.push_str("</tbody></table></section>\n");
    text
}

pub(super) fn timeline(stretches: &[Stretch]) -> String {
    let end = stretches.iter().map(|stretch| stretch.begin + stretch.duration).fold(0.0, f64::max);
    if end <= 0.0 {
        return String::new();
    }
    let mut tracks: Vec<&str> = Vec::new();
    for stretch in stretches {
        if !tracks.contains(&stretch.track.as_str()) {
            tracks.push(&stretch.track);
        }
    }
    let mut text = format!("<section><h2>Time line</h2>\n<p>0 to {}</p>\n", time(end));
    for track in tracks {
        let _ = write!(text, "<div class=\"bar\"><span class=\"name\">{}</span><span class=\"track line\">", escaped(track));
        for stretch in stretches.iter().filter(|stretch| stretch.track == track).take(MOST_STRETCHES) {
            let _ = write!(
                text,
                "<span style=\"left:{:.3}%;width:{:.3}%\" title=\"{}: {} at {}\"></span>",
                stretch.begin * 100.0 / end,
                stretch.duration * 100.0 / end,
                escaped(&stretch.name),
                time(stretch.duration),
                time(stretch.begin)
            );
        }
        text.push_str("</span></div>\n");
    }
    text.push_str("</section>\n");
    text
}

pub(super) fn findings(findings: &[Finding]) -> String {
    let mut text = String::from("<section><h2>Findings</h2>\n");
    if findings.is_empty() {
        text.push_str("<p>None.</p>\n");
    }
    for finding in findings {
        let place = finding.location.as_ref().map(|place| format!(" ({})", escaped(place))).unwrap_or_default();
        let _ = writeln!(
            text,
            "<p><strong>[{}]</strong> {}{place}<br>{}</p>",
            finding.code.entry().name,
            escaped(&finding.message),
            escaped(&finding.help)
        );
    }
    text.push_str("</section>\n");
    text
}

pub(super) fn assumptions(report: &RunReport) -> String {
    let model = &report.timing_model;
    let mut rows = vec![format!(
        "Cycles come from the model {} version {}{}.",
        model.name,
        model.version,
        model.error_bound_percent.map_or_else(String::new, |bound| format!(", within {bound} % of silicon (docs/accuracy.md)"))
    )];
    if let Some(assumes) = report.inference.as_ref().and_then(|inference| inference.energy_assumes.as_ref()) {
        rows.push(format!("Energy is an estimate from typical currents: {assumes}."));
    }
    rows.extend(report.energy.iter().flat_map(|energy| &energy.assumes).map(|sentence| format!("Energy by mode: {sentence}.")));
    rows.extend(
        report.not_modelled.iter().map(|row| format!("Not modelled: {} {}, {} times.", row.register, row.what, row.count)),
    );
    let mut text = String::from("<section><h2>What the numbers assume</h2>\n<ul>\n");
    for row in rows {
        let _ = writeln!(text, "<li>{}</li>", escaped(&row));
    }
    text.push_str("</ul></section>\n");
    text
}
