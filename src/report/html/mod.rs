//! What it is: reports as a page that is one file: no script, style or picture comes from elsewhere, and a policy in the page forbids it.
//! Source: the reports; colours are Okabe and Ito's, which people with any colour vision can tell apart.
//! Does not model: anything; every number is the report's. Without scripts all but the flame chart's zoom and search is there.
//! Tested by: `tests/html.rs`, in Chromium where that is installed.

mod campaign;
mod eval;
mod map;
mod memory;
mod parts;
mod treemap;

pub use campaign::campaign_page;
pub use eval::eval_page;
pub use map::map_page;

pub(super) use super::xml::escaped;

use super::map::MemoryMap;
use super::run::{Recorded, RunReport};
use super::table::{time, verdict};
use crate::units::Hz;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A whole page.
fn page(title: &str, body: &str, script: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'unsafe-inline'; img-src data:\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n{script}</body>\n</html>\n",
        escaped(title)
    )
}

/// A run's page, with what fills the memories.
#[must_use]
pub fn run_page(recorded: &Recorded, map: &MemoryMap) -> String {
    let report = &recorded.report;
    let mut body = head(report);
    body.push_str(&parts::inference(report));
    body.push_str(&parts::causes(report));
    if let Some(profile) = &report.profile {
        body.push_str(&parts::flame(profile));
        body.push_str(&parts::functions(profile));
        body.push_str(&parts::interrupts(profile));
        body.push_str(&memory::stacks(report, profile));
    }
    body.push_str(&parts::timeline(&recorded.timeline));
    body.push_str(&memory::memory(report));
    body.push_str(&memory::energy(report));
    body.push_str(&treemap::section(map, "What fills the memories"));
    body.push_str(&parts::findings(&report.findings));
    body.push_str(&parts::assumptions(report));
    let script = format!("<script>\n{SCRIPT}</script>\n");
    page(&format!("{} on {}", report.firmware.name, report.chip.name), &body, &script)
}

fn head(report: &RunReport) -> String {
    let fine = report.outcome.code == 0;
    let clock = &report.clock;
    format!(
        "<h1>{} on {}</h1>\n<p class=\"verdict {}\"><span aria-hidden=\"true\">{}</span> {}</p>\n\
         <p>{} cycles in the whole run, {} at {}, {} flash wait states, prefetch {}</p>\n",
        escaped(&report.firmware.name),
        escaped(&report.chip.name),
        if fine { "fine" } else { "bad" },
        if fine { "✓" } else { "✗" },
        escaped(&verdict(report)),
        crate::units::grouped(report.totals.cycles),
        time(report.totals.time_us),
        Hz(clock.hclk_hz),
        clock.flash_wait_states,
        if clock.prefetch { "on" } else { "off" },
    )
}
