//! What it is: many runs' page: the table of results, latency against SRAM as a picture, each run's layers, what was judged.
//! Source: [`crate::report::campaign::CampaignReport`], and verdicts on models.
//! Does not model: anything; every number is the report's.
//! Tested by: `tests/html.rs`, in Chromium where that is installed; `tests/bench.rs`.

use super::{escaped, page};
use crate::finding::Result;
use crate::report::campaign::{CampaignReport, Held};
use crate::report::campaign_table::{cells_of, shown};
use crate::report::fit::ModelVerdict;
use crate::report::plot;
use crate::report::record::{Record, layer_names};
use crate::report::sweep::pareto;
use crate::report::table::{percent, time};
use crate::units::grouped;
use std::fmt::Write;

/// The page.
///
/// # Errors
/// `internal`, if a row of the report is none.
pub fn campaign_page(report: &CampaignReport, models: &[ModelVerdict]) -> Result<String> {
    let (records, limits) = (report.records()?, report.limits());
    let fine = records.iter().filter(|record| record.is_fine()).count();
    let broken = limits.iter().flatten().filter(|held| held.holds == Some(false)).count();
    let good = fine == records.len() && broken == 0;
    let mut verdict = format!("{fine} of {} runs fine", records.len());
    if broken > 0 {
        let _ = write!(verdict, ", {broken} limit{} broken", if broken == 1 { "" } else { "s" });
    }
    let class = if good { "fine" } else { "bad" };
    let mut body = format!("<h1>Results</h1>\n<p class=\"verdict {class}\">{verdict}</p>\n");
    body.push_str(&results(&records, &limits));
    if records.iter().filter(|record| record.inference.is_some()).count() > 1 {
        let _ = writeln!(body, "<section><h2>Latency against SRAM</h2>\n{}</section>", plot::svg(&records));
    }
    for record in &records {
        body.push_str(&layers(record));
    }
    body.push_str(&verdicts(models));
    Ok(page("stm32sim: results", &body, ""))
}

fn results(records: &[Record], limits: &[Vec<Held>]) -> String {
    let mut text = String::from(
        "<section><table><thead><tr><th>run</th><th class=\"n\">cycles</th><th class=\"n\">latency</th><th class=\"n\">energy</th>\
         <th class=\"n\">flash</th><th class=\"n\">SRAM</th><th class=\"n\">accuracy</th><th></th></tr></thead><tbody>\n",
    );
    let front = pareto(records);
    for ((record, limits), front) in records.iter().zip(limits).zip(front) {
        let cells: String = cells_of(record).iter().map(|cell| format!("<td class=\"n\">{}</td>", escaped(cell))).collect();
        let mut notes: Vec<String> = Vec::new();
        if !record.is_fine() {
            notes.push(record.outcome.message.clone());
        }
        notes.extend(limits.iter().filter_map(|held| held.finding(&record.key(), &shown(held))).map(|finding| finding.message));
        if front && records.len() > 1 {
            notes.push("on the Pareto front".to_owned());
        }
        let _ = writeln!(text, "<tr><td>{}</td>{cells}<td>{}</td></tr>", escaped(&record.key()), escaped(&notes.join("; ")));
    }
    text.push_str("</tbody></table>\n</section>\n");
    text
}

fn layers(record: &Record) -> String {
    let Some(inference) = record.inference.as_ref().filter(|inference| !inference.layers.is_empty()) else {
        return String::new();
    };
    let mut text = format!(
        "<section><h2>{}</h2>\n<p>{} cycles = {}</p>\n<table class=\"layers\"><thead><tr><th>layer</th><th class=\"n\">cycles</th>\
         <th class=\"n\">share</th><th></th></tr></thead><tbody>\n",
        escaped(&record.key()),
        grouped(inference.cycles),
        time(inference.latency_us)
    );
    let widest = inference.layers.iter().map(|layer| layer.cycles).max().unwrap_or(0).max(1);
    for (short, layer) in layer_names(&inference.layers).into_iter().zip(&inference.layers) {
        let name = if layer.index.is_some() { format!("{short} {} {}", layer.op, layer.name) } else { short };
        let _ = writeln!(
            text,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td><span class=\"track\"><span class=\"fill\" \
             style=\"width:{:.2}%\"></span></span></td></tr>",
            escaped(&name),
            grouped(layer.cycles),
            percent(layer.cycles, inference.cycles),
            layer.cycles as f64 * 100.0 / widest as f64
        );
    }
    text.push_str("</tbody></table>\n</section>\n");
    text
}

fn verdicts(models: &[ModelVerdict]) -> String {
    if models.is_empty() {
        return String::new();
    }
    let mut text =
        String::from("<section><h2>Models</h2>\n<table><thead><tr><th>model</th><th>verdict</th></tr></thead><tbody>\n");
    for model in models {
        let _ = writeln!(text, "<tr><td>{}</td><td>{}</td></tr>", escaped(&model.name), escaped(&model.verdict));
    }
    text.push_str("</tbody></table>\n</section>\n");
    text
}
