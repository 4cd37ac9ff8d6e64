//! What it is: `stm32sim explain`: a finding's meaning and the next step, from the catalogue.
//! Source: [`crate::finding::CATALOGUE`].
//! Does not model: anything.
//! Tested by: `tests/cli.rs`.

use super::{Format, Output};
use crate::finding::{Blame, CATALOGUE, Code, Entry, Exit, Finding, Result, nearest};
use clap::Args;
use serde::Serialize;

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The name in brackets behind "error"; without it, all are listed
    code: Option<String>,
}

#[derive(Serialize)]
struct Row {
    code: &'static str,
    blame: Blame,
    exit_code: u8,
    meaning: &'static str,
    help: &'static str,
}

impl From<&'static Entry> for Row {
    fn from(entry: &'static Entry) -> Self {
        Row { code: entry.name, blame: entry.blame, exit_code: entry.exit as u8, meaning: entry.meaning, help: entry.help }
    }
}

pub(super) fn run(args: &ExplainArgs, output: &Output) -> Result<Exit> {
    let Some(name) = &args.code else {
        match output.format {
            Format::Json => output.json(&CATALOGUE.iter().map(Row::from).collect::<Vec<_>>())?,
            Format::Table => output.report(&list())?,
            _ => return Err(output.unsupported("explain", "table and json")),
        }
        return Ok(Exit::Fine);
    };
    let name = name.trim_matches(['[', ']']);
    let Some(code) = Code::by_name(name) else {
        let finding = Finding::new(Code::BadUsage, format!("no finding is called {name:?}"));
        let near = nearest(name, CATALOGUE.iter().map(|entry| entry.name));
        return Err(match near {
            Some(near) => finding.help(format!("Did you mean {near}? stm32sim explain lists all.")),
            None => finding.help("stm32sim explain lists all."),
        }
        .into());
    };
    let entry = code.entry();
    match output.format {
        Format::Json => output.json(&Row::from(entry))?,
        Format::Table => output.report(&format!(
            "{}\n\n{}\n{}\n\nblame: {}; exit code where it ends a command: {}",
            entry.name,
            entry.meaning,
            entry.help,
            blame(entry.blame),
            entry.exit as u8
        ))?,
        _ => return Err(output.unsupported("explain", "table and json")),
    }
    Ok(Exit::Fine)
}

fn list() -> String {
    let width = CATALOGUE.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for entry in CATALOGUE {
        text.push_str(&format!("{:width$}  {}\n", entry.name, entry.meaning));
    }
    text.push_str(&format!("\n{} findings; stm32sim explain CODE says what to do about one", CATALOGUE.len()));
    text
}

fn blame(blame: Blame) -> &'static str {
    match blame {
        Blame::Firmware => "the firmware",
        Blame::Input => "a file or argument",
        Blame::NotModelled => "the simulator, which does not model this",
        Blame::Internal => "the simulator",
    }
}
