//! What it is: `stm32sim scenarios`: what is built in, one row each.
//! Source: [`crate::scenario`].
//! Does not model: anything.
//! Tested by: `tests/run.rs`.

use super::{Format, Output};
use crate::finding::{Exit, Result};
use crate::report::{SCHEMA, Tool};
use crate::scenario::{Scenario, names};
use serde::Serialize;
use tabled::builder::Builder;
use tabled::settings::Style;

#[derive(Serialize)]
struct Listing {
    schema: u32,
    tool: Tool,
    scenarios: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    title: String,
    chip: String,
    samples: usize,
    classes: Vec<String>,
}

pub(super) fn run(output: &Output) -> Result<Exit> {
    if !matches!(output.format, Format::Table | Format::Json) {
        return Err(output.unsupported("scenarios", "table and json"));
    }
    let scenarios = names()
        .map(|name| {
            let scenario = Scenario::find(name)?;
            let samples = scenario.len();
            Ok(Row { name: scenario.name, title: scenario.title, chip: scenario.chip, samples, classes: scenario.classes })
        })
        .collect::<Result<Vec<Row>>>()?;
    if output.format == Format::Json {
        output.json(&Listing { schema: SCHEMA, tool: Tool::THIS, scenarios })?;
        return Ok(Exit::Fine);
    }
    let mut table = Builder::default();
    table.push_record(["scenario", "chip", "samples", "classes", "what it is"]);
    for row in &scenarios {
        let (title, classes) = (row.title.clone(), row.classes.len().to_string());
        table.push_record([row.name.clone(), row.chip.clone(), row.samples.to_string(), classes, title]);
    }
    let mut table = table.build();
    table.with(Style::blank());
    let count = scenarios.len();
    output.report(&format!("{table}\n\n{count} scenario{}: stm32sim run --scenario NAME", if count == 1 { "" } else { "s" }))?;
    Ok(Exit::Fine)
}
