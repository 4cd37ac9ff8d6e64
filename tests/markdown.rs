//! What it is: `--format markdown` of run, profile and eval.
//! Source: markdown-it (Python's, GitHub's rules) as the reader; the numbers are the JSON report's.
//! Does not model: how a site shows it.
//! Tested by: running the real program; without `STM32SIM_PYTHON` or the package the reader's part is skipped, and the test says so.

mod support;

use serde_json::Value;
use std::process::{Command, Stdio};
use support::stm32sim;

/// The tables that a Markdown reader finds, as rows of cells.
fn read(text: &str) -> Option<Vec<Vec<Vec<String>>>> {
    const READER: &str = "
import json, sys
from markdown_it import MarkdownIt
tables, cell = [], None
for token in MarkdownIt('gfm-like', {'linkify': False}).parse(sys.stdin.read()):
    if token.type == 'table_open': tables.append([])
    elif token.type == 'tr_open': tables[-1].append([])
    elif token.type in ('th_open', 'td_open'): cell = True
    elif token.type == 'inline' and cell:
        tables[-1][-1].append(''.join(part.content for part in token.children)); cell = None
print(json.dumps(tables))
";
    let python = std::env::var("STM32SIM_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let child =
        Command::new(&python).args(["-c", READER]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        println!("skipped: {python} is not there");
        return None;
    };
    std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), text.as_bytes()).expect("a reader");
    let output = child.wait_with_output().expect("a reader");
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(complaint.contains("ModuleNotFoundError"), "{complaint}");
        println!("skipped: {python} has no markdown-it-py");
        return None;
    }
    Some(serde_json::from_slice(&output.stdout).expect("tables"))
}

/// Rows between two bars have the same cells, whoever reads them.
fn assert_tables(text: &str) {
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    let lines: Vec<&str> = text.lines().collect();
    let tables = lines.split(|line| line.is_empty()).filter(|part| part.first().is_some_and(|line| line.starts_with('|')));
    let mut count = 0;
    for table in tables {
        let rows: Vec<&&str> = table.iter().take_while(|line| line.starts_with('|')).collect();
        assert!(rows.iter().all(|line| bars(line) == bars(rows[0])), "{rows:?}");
        count += 1;
    }
    assert!(count >= 2, "{text}");
}

fn both(args: &[&str]) -> (String, Value) {
    let markdown = stm32sim(&[args, &["--format", "markdown"]].concat());
    assert_eq!((markdown.code, markdown.err.as_str()), (0, ""), "{args:?}");
    assert_tables(&markdown.out);
    (markdown.out, serde_json::from_str(&stm32sim(&[args, &["--format", "json"]].concat()).out).expect("JSON"))
}

#[test]
fn a_runs_tables_hold_the_reports_numbers() {
    let (text, report) = both(&["run", "--scenario", "anomaly"]);
    let inference = &report["inference"];
    for layer in inference["layers"].as_array().expect("layers") {
        let cells = format!("| {} | {} |", layer["instructions"], layer["cycles"]);
        assert!(text.contains(&cells), "{cells} in {text}");
    }
    assert!(text.contains(&format!("| total | {} | {} |", inference["cycles"], report["totals"]["cycles"])), "{text}");
    assert!(text.contains(&format!("| stack peak | {} |", report["memory"]["sram"]["stack_peak"])), "{text}");
    let Some(tables) = read(&text) else { return };
    assert_eq!(tables.len(), 4, "layers, causes, memory, energy");
    assert_eq!(tables[0].len(), 1 + inference["layers"].as_array().expect("layers").len());
}

#[test]
fn a_profiles_tables_hold_the_reports_numbers_and_their_difference() {
    let (text, report) = both(&["profile", "--scenario", "anomaly", "--top", "5"]);
    let functions = report["profile"]["functions"].as_array().expect("functions");
    for row in functions.iter().take(5) {
        assert!(text.contains(&format!("| {} | {} |", row["instructions"], row["cycles"])), "{row} in {text}");
    }
    assert!(text.contains(&format!("[{} more\\]", functions.len() - 5)), "{text}");
    let scratch = support::Scratch::new("markdown-against");
    let old = scratch.file("old.json", report.to_string().as_bytes());
    let (text, difference) = both_of_difference(&old);
    assert!(text.ends_with(&format!(
        "{} cycles before, {} after: {}\n",
        difference["cycles"]["old"], difference["cycles"]["new"], difference["cycles"]["delta"]
    )));
}

fn both_of_difference(old: &str) -> (String, Value) {
    both(&["profile", "--scenario", "anomaly", "--wait-states", "0", "--against", old])
}

#[test]
fn an_evaluations_tables_hold_the_reports_numbers() {
    let (text, report) = both(&["eval", "--scenario", "anomaly", "--samples", "12"]);
    let eval = &report["eval"];
    for (class, counts) in eval["classes"].as_array().expect("classes").iter().zip(eval["confusion"].as_array().expect("rows")) {
        let counts: Vec<String> = counts.as_array().expect("counts").iter().map(Value::to_string).collect();
        let row = format!("| {} | {} |", class["name"].as_str().expect("a name"), counts.join(" | "));
        assert!(text.contains(&row), "{row} in {text}");
    }
    let Some(tables) = read(&text) else { return };
    assert_eq!(tables.len(), 3, "classes, confusion, latency");
}

#[test]
fn what_has_no_such_format_says_which_it_has() {
    for (args, formats) in [
        (&["run", "--scenario", "anomaly", "--format", "csv"][..], "table, json, markdown and html"),
        (&["profile", "--scenario", "anomaly", "--annotate", "nn_invoke", "--format", "markdown"], "without --annotate markdown"),
    ] {
        let ran = stm32sim(args);
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains(formats), "{}", ran.err);
    }
}
