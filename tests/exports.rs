//! What it is: a profile's exports, each opened by a reader that is not ours.
//! Source: callgrind_annotate (Debian's valgrind), genhtml (lcov), `go tool pprof` or protoc, speedscope's page in Chromium, the Firefox
//! Profiler's import code; the numbers that they must find are the run's own totals.
//! Does not model: how the tools draw.
//! Tested by: running the real program; a reader that is not installed is skipped, and the test says so.

mod support;

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use support::{Scratch, stm32sim};

/// Exports of the keyword scenario in a folder of the test's own, and the run's cycles.
struct Exported {
    scratch: Scratch,
    report: Value,
}

impl Exported {
    fn new(kinds: &[&str]) -> Exported {
        let scratch = Scratch::new(&format!("exports-{}", kinds.join("-")));
        let exports: Vec<String> = kinds.iter().map(|kind| format!("{kind}={}", scratch.0.join(kind).display())).collect();
        let mut args = vec!["profile", "--scenario", "keyword", "--format", "json"];
        for export in &exports {
            args.extend(["--export", export]);
        }
        let run = stm32sim(&args);
        assert_eq!((run.code, run.err.as_str()), (0, ""));
        Exported { report: serde_json::from_str(&run.out).expect("a report"), scratch }
    }

    fn path(&self, kind: &str) -> String {
        self.scratch.0.join(kind).to_str().expect("a path").to_owned()
    }

    fn text(&self, kind: &str) -> String {
        std::fs::read_to_string(self.path(kind)).expect("text")
    }

    fn cycles(&self) -> u64 {
        self.report["totals"]["cycles"].as_u64().expect("cycles")
    }

    /// The dearest function's name and cycles.
    fn dearest(&self) -> (String, u64) {
        let row = &self.report["profile"]["functions"][0];
        (row["name"].as_str().expect("name").to_owned(), row["cycles"].as_u64().expect("cycles"))
    }
}

/// Runs a reader; `None`, with a word about it, where it is not installed.
fn reader(program: &str, args: &[&str]) -> Option<Output> {
    match Command::new(program).args(args).output() {
        Ok(output) => Some(output),
        Err(_) => {
            println!("skipped: {program} is not installed");
            None
        }
    }
}

/// A place that only the environment can tell; `None`, with a word about it, where it does not.
fn given(variable: &str, what: &str) -> Option<String> {
    let found = std::env::var(variable).ok().filter(|value| !value.is_empty());
    if found.is_none() {
        println!("skipped: {variable} does not name {what}");
    }
    found
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn folded_stacks_sum_to_the_run() {
    let exported = Exported::new(&["folded"]);
    let sum: u64 = exported
        .text("folded")
        .lines()
        .map(|line| line.rsplit_once(' ').expect("a count").1.parse::<u64>().expect("a number"))
        .sum();
    assert_eq!(sum, exported.cycles());
}

#[test]
fn callgrind_annotate_finds_the_totals() {
    let exported = Exported::new(&["callgrind"]);
    let path = exported.path("callgrind");
    let Some(output) = reader("callgrind_annotate", &[&path]) else { return };
    let (own, with_callees) = (text(&output), reader("callgrind_annotate", &["--inclusive=yes", &path]).expect("it is there"));
    let plain = |text: &str| text.replace(',', "");
    let (name, cycles) = exported.dearest();
    assert!(plain(&own).contains(&format!("{} (100.0%)  PROGRAM TOTALS", exported.cycles())), "{own}");
    let row = plain(&own).lines().find(|line| line.ends_with(&format!(":{name}"))).map(str::to_owned).expect("a row");
    assert!(row.trim_start().starts_with(&format!("{cycles} ")), "{row}");
    // What is called by way of main, by the tree of calls.
    let main = exported.report["profile"]["tree"]
        .as_array()
        .expect("tree")
        .iter()
        .find(|node| node["name"] == "main")
        .map(|node| node["total"].as_u64().expect("total"))
        .expect("main");
    let with_callees = plain(&text(&with_callees));
    assert!(with_callees.lines().any(|line| line.ends_with(":main") && line.trim_start().starts_with(&format!("{main} "))));
}

#[test]
fn pprof_finds_the_totals() {
    let exported = Exported::new(&["pprof"]);
    let path = exported.path("pprof");
    let (name, cycles) = exported.dearest();
    let Some(output) = reader("go", &["tool", "pprof", "-top", &path]) else { return };
    let top = text(&output);
    assert!(top.contains(&format!("of {} total", exported.cycles())), "{top}");
    assert!(top.lines().any(|line| line.ends_with(&name) && line.trim_start().starts_with(&cycles.to_string())), "{top}");
}

#[test]
fn genhtml_reads_the_coverage() {
    let exported = Exported::new(&["lcov"]);
    let tracefile = exported.text("lcov");
    let sum = |field: &str| -> u64 {
        tracefile.lines().filter_map(|line| line.strip_prefix(field)).map(|count| count.parse::<u64>().expect("a number")).sum()
    };
    let folder = exported.path("html");
    let args = ["--quiet", "--ignore-errors", "source", "--output-directory", &folder, &exported.path("lcov")];
    let Some(output) = reader("genhtml", &args) else { return };
    text(&output);
    let index = std::fs::read_to_string(Path::new(&folder).join("index.html")).expect("a page");
    for count in [sum("LF:"), sum("LH:"), sum("FNF:"), sum("FNH:")] {
        assert!(index.contains(&format!(">{count}<")), "{count} is not in the page");
    }
}

#[test]
fn speedscope_opens_its_file() {
    let exported = Exported::new(&["speedscope"]);
    let file: Value = serde_json::from_str(&exported.text("speedscope")).expect("JSON");
    let weights = file["profiles"][0]["weights"].as_array().expect("weights");
    assert_eq!(weights.iter().map(|weight| weight.as_u64().expect("a weight")).sum::<u64>(), exported.cycles());
    // npm's speedscope: node_modules/speedscope/dist/release. Its title is the profile's name once that has been imported.
    let Some(release) = given("STM32SIM_SPEEDSCOPE", "the folder of speedscope's index.html") else { return };
    let hex: String = exported.text("speedscope").bytes().map(|byte| format!("\\x{byte:02x}")).collect();
    let script = exported
        .scratch
        .file("load.js", format!("speedscope.loadFileFromBase64('keyword.speedscope.json', btoa('{hex}'))").as_bytes());
    let page = format!("file://{release}/index.html#localProfilePath={script}");
    let args = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--allow-file-access-from-files",
        "--virtual-time-budget=8000",
        "--dump-dom",
    ];
    let Some(output) = reader("chromium", &[&args[..], &[&page]].concat()) else { return };
    assert!(text(&output).contains("<title>keyword.elf - speedscope</title>"));
}

#[test]
fn the_firefox_profiler_imports_its_file() {
    let exported = Exported::new(&["firefox"]);
    let file: Value = serde_json::from_str(&exported.text("firefox")).expect("JSON");
    let thread = &file["threads"][0];
    let weights = thread["samples"]["weight"].as_array().expect("weights");
    let milliseconds: f64 = weights.iter().map(|weight| weight.as_f64().expect("a weight")).sum();
    let clock = exported.report["clock"]["hclk_hz"].as_f64().expect("a clock");
    assert!((milliseconds - exported.cycles() as f64 * 1e3 / clock).abs() < 1e-6, "{milliseconds}");
    // A script that calls `unserializeProfileOfArbitraryFormat` of the profiler's src/profile-logic/process-profile and prints
    // "samples N" of the first thread.
    let Some(script) = given("STM32SIM_FIREFOX_IMPORT", "a script with the Firefox Profiler's import code") else { return };
    let Some(output) = reader("node", &[&script, &exported.path("firefox")]) else { return };
    assert!(text(&output).contains(&format!("samples {}", weights.len())), "{}", text(&output));
}

#[test]
fn the_trace_holds_layers_interrupts_and_serial_lines() {
    let exported = Exported::new(&["trace"]);
    let trace: Value = serde_json::from_str(&exported.text("trace")).expect("JSON");
    let events = trace["traceEvents"].as_array().expect("events");
    let of = |track: &str| events.iter().filter(|event| event["cat"] == track).collect::<Vec<_>>();
    let cycles = |event: &Value| event["args"]["cycles"].as_u64().expect("cycles");
    let inferences = of("inference");
    assert_eq!(inferences.len() as u64, exported.report["inference"]["count"].as_u64().expect("count"));
    // The last inference's layers are the report's.
    let layers = exported.report["inference"]["layers"].as_array().expect("layers");
    let measured: Vec<u64> =
        layers.iter().filter(|row| row["index"].is_u64()).map(|row| row["cycles"].as_u64().expect("cycles")).collect();
    let all: Vec<u64> = of("layers").into_iter().map(cycles).collect();
    assert_eq!(all[all.len() - measured.len()..], measured);
    let handled: u64 = exported.report["profile"]["interrupts"]
        .as_array()
        .expect("interrupts")
        .iter()
        .map(|row| row["count"].as_u64().expect("count"))
        .sum();
    assert_eq!(of("interrupts").len() as u64, handled);
    assert!(of("USART1 sends").iter().any(|event| event["name"] == "m-init-done"));
}

#[test]
fn the_flame_graph_is_well_formed_and_complete() {
    let exported = Exported::new(&["svg"]);
    let picture = exported.text("svg");
    let (name, _) = exported.dearest();
    assert!(picture.contains(&format!("<title>{name}: ")), "{name} has no box");
    let Some(output) = reader("xmllint", &["--noout", "--nonet", &exported.path("svg")]) else { return };
    text(&output);
}

#[test]
fn a_kind_may_be_told_by_the_files_name_and_must_be_one() {
    let scratch = Scratch::new("exports-names");
    let folded = scratch.0.join("a.folded");
    let run = stm32sim(&["profile", "--scenario", "anomaly", "-q", "--export", folded.to_str().expect("a path")]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(folded.exists());
    for (wrong, message) in [("nothing=a", "no kind of export"), ("a.xyz", "does not tell"), ("svg=", "names no file")] {
        let run = stm32sim(&["profile", "--scenario", "anomaly", "--export", wrong]);
        assert_eq!(run.code, 2);
        assert!(run.err.contains("error[bad-usage]") && run.err.contains(message), "{}", run.err);
    }
}

#[test]
fn pins_are_tracks_of_the_trace() {
    // firmware-images/tests/exti_edges.c drives PB3 high so often, and low again each time; PA3 once, for good.
    let image = concat!(env!("CARGO_MANIFEST_DIR"), "/firmware-images/tests/exti_edges.elf");
    let source = std::fs::read_to_string(image.replace(".elf", ".c")).expect("the source");
    let scratch = Scratch::new("exports-pins");
    let path = scratch.0.join("pins.trace.json");
    stm32sim(&["profile", image, "--export", path.to_str().expect("a path")]);
    let trace: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("a trace")).expect("JSON");
    let events = trace["traceEvents"].as_array().expect("events");
    let high = |track: &str| events.iter().filter(|event| event["cat"] == track && event["name"] == "high").count();
    assert_eq!(high("PB3"), source.matches("GPIOB->BSRR = 1u << 3").count());
    assert_eq!(high("PA3"), 1);
    assert!(events.iter().any(|event| event["name"] == "thread_name" && event["args"]["name"] == "PB3"));
}
