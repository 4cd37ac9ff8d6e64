//! What it is: `stm32sim bench`: the results table, and the verdicts on models beside the scenarios.
//! Source: `stm32sim run` and `eval` for the rows; binutils for sizes; what was published of the original benchmark's models (operators'
//! multiply-accumulates, activations that live at once, file sizes), which lie in `original-models/` of the folder STM32SIM_DATA.
//! Does not model: the truth of accuracy and cycles; `tests/eval.rs` and `tests/silicon.rs` are about those.
//! Tested by: running the real program.

mod support;

use serde_json::Value;
use std::path::Path;
use stm32sim::model::Model;
use stm32sim::scenario::names;
use support::tools::{self, printed};
use support::{Scratch, binutils, stm32sim};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn json(args: &[&str]) -> (Value, i32) {
    let run = stm32sim(&[args, &["--format", "json"]].concat());
    assert_eq!(run.err, "", "{args:?}");
    (serde_json::from_str(&run.out).expect("a JSON document"), run.code)
}

fn narrow(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
        assert_eq!(line.trim_end(), line);
    }
}

#[test]
fn each_scenario_has_its_row_and_the_row_is_the_runs_and_the_evaluations() {
    let (report, exit) = json(&["bench", "--samples", "6"]);
    assert_eq!(exit, 0);
    let runs = report["runs"].as_array().expect("runs");
    let scenarios: Vec<&str> = runs.iter().map(|run| run["scenario"]["name"].as_str().expect("a name")).collect();
    assert_eq!(scenarios, names().collect::<Vec<_>>());
    assert!(report.get("models").is_none());
    let row = &runs[0];
    let (run, _) = json(&["run", "--scenario", "anomaly"]);
    for field in ["schema", "tool", "chip", "firmware", "scenario", "clock", "totals", "inference", "memory", "uart"] {
        assert_eq!(row[field], run[field], "{field}");
    }
    let (evaluation, _) = json(&["eval", "--scenario", "anomaly", "--samples", "6"]);
    assert_eq!(row["eval"], evaluation["eval"]);
    // 41 x 64 + 64 x 32 + 32 x 64 + 64 x 41.
    assert_eq!(row["model"]["macs"], 9_344);
    let per_mac = run["inference"]["cycles"].as_f64().expect("cycles") / 9_344.0;
    assert_eq!(row["model"]["cycles_per_mac"].as_f64(), Some(per_mac));
    let bytes = std::fs::metadata(root().join("models/anomaly/anomaly_int8.tflite")).expect("committed").len();
    assert_eq!(row["model"]["bytes"].as_u64(), Some(bytes));
}

#[test]
fn the_table_is_narrow_and_ends_with_a_verdict() {
    let run = stm32sim(&["bench", "--samples", "2"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    narrow(&run.out);
    let all = names().count();
    let verdict = run.out.lines().last().expect("a last line");
    assert!(verdict.starts_with(&format!("{all} of {all} scenario")) && verdict.contains("as the reference's"), "{verdict}");
    assert_eq!(run.out, stm32sim(&["bench", "--samples", "2", "--jobs", "1"]).out);
}

#[test]
fn markdown_csv_and_pages_hold_the_numbers_of_the_json() {
    let scratch = Scratch::new("bench-formats");
    let page = scratch.0.join("page.html").display().to_string();
    let common = ["bench", "--samples", "2", "--scenario", "anomaly", "--scenario", "anomaly-forest"];
    let (report, _) = json(&common);
    let cycles = |at: usize| report["runs"][at]["inference"]["cycles"].as_u64().expect("cycles");
    let markdown = stm32sim(&[&common[..], &["--format", "markdown", "--html", &page]].concat());
    assert_eq!((markdown.code, markdown.err.as_str()), (0, ""));
    scratch.file("bench.md", markdown.out.as_bytes());
    let program = "import sys\nfrom markdown_it import MarkdownIt\n\
                   t = MarkdownIt('commonmark').enable('table').parse(open(sys.argv[1]).read())\n\
                   cells = [t[i + 1].content for i, x in enumerate(t) if x.type == 'td_open']\n\
                   print(len(cells), cells[0], cells[6].replace(' ', ''), cells[11], cells[17].replace(' ', ''))";
    if let Some(mut python) = tools::python("markdown_it") {
        let read = printed(python.args(["-c", program]).arg(scratch.0.join("bench.md")));
        assert_eq!(read, format!("22 anomaly {} anomaly-forest {}\n", cycles(0), cycles(1)));
    }
    let csv = stm32sim(&[&common[..], &["--format", "csv"]].concat());
    scratch.file("bench.csv", csv.out.as_bytes());
    let program = "import csv, sys\nfor r in csv.DictReader(open(sys.argv[1], newline='')): print(r['scenario'], r['cycles'])";
    if let Some(mut python) = tools::python("csv") {
        let read = printed(python.args(["-c", program]).arg(scratch.0.join("bench.csv")));
        assert_eq!(read, format!("anomaly {}\nanomaly-forest {}\n", cycles(0), cycles(1)));
    }
    // --format html prints the same page that --html writes.
    let text = std::fs::read_to_string(&page).expect("written");
    assert_eq!(stm32sim(&[&common[..], &["--format", "html"]].concat()).out.trim_end(), text.trim_end());
    let spaced = |number: u64| stm32sim::units::grouped(number);
    assert!(text.contains("<!doctype html>") && text.contains(&spaced(cycles(0))) && text.contains(&spaced(cycles(1))));
    assert_eq!(
        text.matches("http").count(),
        text.matches("http-equiv").count() + text.matches("http://www.w3.org/2000/svg").count()
    );
    // Of a suite or a sweep, too.
    let sweep = ["bench", "--samples", "0", "--scenario", "anomaly", "--sweep", "clock=8,72MHz"];
    assert_eq!(stm32sim(&[&sweep[..], &["--format", "csv"]].concat()).out.lines().count(), 3);
    assert!(stm32sim(&[&sweep[..], &["--format", "html"]].concat()).out.contains("anomaly@stm32f103c8,clock=8MHz"));
}

#[test]
fn what_does_not_fit_is_a_row_that_says_by_how_much() {
    let args = ["bench", "--scenario", "anomaly", "--samples", "1", "--chip", "virtual:flash=8K,sram=20K"];
    let (report, exit) = json(&args);
    assert_eq!(exit, 6);
    let row = &report["runs"][0];
    assert_eq!((&row["outcome"]["kind"], &row["outcome"]["code"]), (&Value::from("does-not-fit"), &Value::from(6)));
    assert!(row.get("inference").is_none() && row.get("eval").is_none());
    let table = stm32sim(&args);
    narrow(&table.out);
    assert!(table.out.trim_end().ends_with("0 of 1 scenario fit"), "{}", table.out);
    let elf = root().join("firmware-images/anomaly.elf").display().to_string();
    let Some(size) = binutils("size", &[&elf]) else { return };
    let columns: Vec<u64> =
        size.lines().nth(1).expect("a row").split_whitespace().filter_map(|column| column.parse().ok()).take(3).collect();
    let flash = columns[0] + columns[1];
    assert_eq!((row["flash"]["needed"].as_u64(), row["flash"]["short"].as_u64()), (Some(flash), Some(flash - 8_192)));
    assert_eq!((row["sram"]["needed"].as_u64(), row["sram"]["short"].as_u64()), (Some(columns[1] + columns[2]), Some(0)));
}

#[test]
fn every_model_of_a_folder_gets_a_verdict_even_a_damaged_one() {
    let folder = root().join("tests/kernels/damaged").display().to_string();
    let (report, exit) = json(&["bench", "--scenario", "anomaly", "--samples", "1", "--models", &folder]);
    assert_eq!(exit, 0, "verdicts are answers");
    let models = report["models"].as_array().expect("models");
    let files = std::fs::read_dir(&folder).expect("committed").flatten();
    let files = files.filter(|file| file.path().extension().is_some_and(|extension| extension == "tflite")).count();
    assert_eq!(models.len(), files + 2, "and two that never were .tflite files");
    for model in models {
        assert_eq!(model["ran"], false, "{model}");
        assert!(!model["verdict"].as_str().expect("text").contains(&folder), "{model}");
    }
    narrow(&stm32sim(&["bench", "--scenario", "anomaly", "--samples", "1", "--models", &folder]).out);
}

#[test]
fn models_known_by_their_published_size_lack_it_in_flash() {
    let folder = root().join("models/anomaly").display().to_string();
    let (report, _) = json(&["bench", "--scenario", "anomaly", "--samples", "1", "--models", &folder]);
    let models = report["models"].as_array().expect("models");
    let int8 = models.iter().find(|model| model["name"] == "anomaly_int8.tflite").expect("a row");
    assert_eq!((&int8["fits"], &int8["ran"], int8["macs"].as_u64()), (&Value::from(true), &Value::from(true), Some(9_344)));
    assert!(int8["verdict"].as_str().is_some_and(|verdict| verdict.starts_with("runs on the stm32f103x")), "{int8}");
    // 16 MB and 162 MB; the largest F103, xG, has 1 MiB of flash (DS5792, table 2).
    let short: Vec<u64> = models.iter().rev().take(2).map(|model| model["flash"]["short"].as_u64().expect("bytes")).collect();
    assert_eq!(short, [162_000_000 - 1_048_576, 16_000_000 - 1_048_576]);
    // Twelve layers, 28 tokens: 7 077 888 products a layer and token, and 2 x 28 x 28 x 768 a layer.
    let bert = models.last().expect("a row");
    assert_eq!(bert["macs"].as_u64(), Some(12 * (28 * 7_077_888 + 1_204_224)));
    assert!(bert["estimate"]["latency_us"].as_f64().is_some_and(|us| us > 60e6), "minutes: {bert}");
}

/// What was published of a model.
type Original = (&'static str, Option<u64>, Option<u64>, &'static [&'static str]);

/// File, multiply-accumulates, bytes of activations that live at once, and what must be said of it.
const ORIGINALS: &[Original] = &[
    ("autoencoder_model", Some(9_344), None, &["runs on the stm32f103x8"]),
    ("cifar10_mobilenetv2", Some(6_124_928), Some(122_880), &["fits no F103", "flash short by", "SRAM short by", "would take"]),
    ("cifar10_mobilenetv2_finetuned", None, Some(122_880), &["fits no F103", "flash short by", "SRAM short by", "would take"]),
    ("cifar10_tinyml", Some(73_504), None, &["runs on the stm32f103x"]),
    ("lstm_emotion_model", None, None, &["runs on no microcontroller", "FlexTensorListReserve", "fixed sequence length"]),
    ("lstm_emotion_model_enhanced", None, None, &["runs on no microcontroller", "FlexTensorListReserve"]),
    ("speech_commands_model", Some(2_656_768), Some(16_000), &["runs on the stm32f103x8"]),
    // 64 000 bytes of activations: DS5792's xF and xG have 96 KiB, all smaller ones no more than 64.
    ("speech_commands_model_float32", Some(2_656_768), Some(64_000), &["runs on the stm32f103xf"]),
];

#[test]
fn the_original_models_have_their_published_figures_and_a_verdict_each() {
    let Some(data) = std::env::var_os("STM32SIM_DATA") else {
        eprintln!("skipped: STM32SIM_DATA does not name a folder with original-models/");
        return;
    };
    let folder = Path::new(&data).join("original-models");
    let (report, exit) = json(&["bench", "--samples", "2", "--models", folder.to_str().expect("a path in UTF-8")]);
    assert_eq!(exit, 0);
    let models = report["models"].as_array().expect("models");
    assert_eq!(models.len(), ORIGINALS.len() + 2);
    for ((name, macs, live, says), row) in ORIGINALS.iter().zip(models) {
        assert_eq!(row["name"], format!("{name}.tflite"));
        if let Some(macs) = macs {
            assert_eq!(row["macs"].as_u64(), Some(*macs), "{name}");
        }
        let model = Model::read(&folder.join(format!("{name}.tflite"))).expect(name);
        if let Some(live) = live {
            assert_eq!(model.footprint().live, *live, "{name}");
        }
        let verdict = row["verdict"].as_str().expect("a verdict");
        assert!(says.iter().all(|word| verdict.contains(word)), "{name}: {verdict}");
    }
    // MobileNetV2's need is at least what its file says; what it would cost is measured, on a chip that nobody makes.
    for row in &models[1..3] {
        assert!(row["sram"]["needed"].as_u64() >= Some(122_880) && row["fits"] == false, "{row}");
        let (what_if, alone) = (&row["what_if"], folder.join(row["name"].as_str().expect("a name")));
        let alone = ["estimate", alone.to_str().expect("a path in UTF-8"), "--chip", "virtual:flash=4M,sram=256K"];
        assert_eq!(what_if["cycles"], json(&alone).0["inference"]["cycles"]);
    }
    // The forest's hundred trees at what each of ours takes.
    let ours =
        report["runs"].as_array().expect("runs").iter().find(|run| run["scenario"]["name"] == "anomaly-forest").expect("a row");
    let cycles = models[8]["estimate"]["cycles"].as_u64();
    assert_eq!(cycles, ours["inference"]["cycles"].as_u64().map(|cycles| (cycles * 100).div_ceil(20)));
    // What ran costs what stm32sim estimate says of it.
    let file = folder.join("cifar10_tinyml.tflite");
    let (alone, _) = json(&["estimate", file.to_str().expect("a path in UTF-8"), "--all-chips"]);
    assert_eq!(models[3]["inference"]["cycles"], alone["inference"]["cycles"]);
    assert_eq!(models[3]["flash"]["needed"], alone["fit"]["flash"]["needed"]);
    // 22 016 bytes of int8 weights; 2 360 bytes of int32: a bias for each of 9 x 64 + 12 channels, and RESHAPE's shape.
    let speech = Model::read(&folder.join("speech_commands_model.tflite")).expect("sound");
    assert_eq!(speech.footprint().constants, 22_016 + 4 * (9 * 64 + 12) + 8);
    // What no F103 could hold: a what-if chip does.
    let path = folder.to_str().expect("a path in UTF-8");
    let virtual_chip =
        ["bench", "--samples", "1", "--scenario", "anomaly", "--chip", "virtual:flash=4M,sram=256K", "--models", path];
    let (report, _) = json(&virtual_chip);
    assert_eq!((&report["models"][1]["fits"], report["models"][1]["flash"]["short"].as_u64()), (&Value::from(true), Some(0)));
    narrow(&stm32sim(&virtual_chip).out);
    narrow(&stm32sim(&["bench", "--samples", "1", "--models", path]).out);
    assert!(stm32sim(&virtual_chip).out.contains("A virtual chip is a what-if: nobody makes it."));
}

#[test]
fn bad_requests_are_refused() {
    let scratch = Scratch::new("bench-refused");
    let empty = scratch.0.to_str().expect("a path").to_owned();
    let missing = scratch.0.join("none").to_str().expect("a path").to_owned();
    for (args, code, says) in [
        (vec!["--models", &missing], "file-unreadable", "none cannot be read"),
        (vec!["--models", &empty], "bad-usage", "holds no .tflite file"),
        (vec!["--scenario", "anomoly"], "unknown-scenario", "no scenario named 'anomoly'"),
        (vec!["--chip", "stm32f407"], "unknown-chip", "stm32f407"),
        (vec!["--models", &empty, "--format", "csv"], "bad-usage", "bench with --models cannot be printed as csv"),
    ] {
        let mut all = vec!["bench", "--samples", "1"];
        if !args.contains(&"--scenario") {
            all.extend(["--scenario", "anomaly"]);
        }
        all.extend(args);
        let run = stm32sim(&all);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{all:?}: {}", run.err);
        assert!(run.err.starts_with(&format!("error[{code}]: ")) && run.err.contains(says), "{all:?}: {}", run.err);
    }
}
