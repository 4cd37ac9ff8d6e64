//! What it is: long work in parts: shards that merge to the whole, journals that survive a kill, full devices, many jobs.
//! Source: the unsharded, unkilled result of the same program, to the byte; JSON Lines' definition.
//! Does not model: clusters; `tests/cluster.rs` does.
//! Tested by: running the real program.

mod support;

use serde_json::Value;
use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::{Scratch, stm32sim, tools};

const EVAL: [&str; 7] = ["eval", "--scenario", "anomaly", "--samples", "30", "--format", "json"];
const SWEEP: [&str; 11] = [
    "bench",
    "--scenario",
    "anomaly",
    "--samples",
    "2",
    "--sweep",
    "clock=8,24,72MHz",
    "--sweep",
    "wait-states=0,2",
    "--format",
    "json",
];

/// The parts' files.
fn parts(scratch: &Scratch, command: &[&str], count: usize) -> Vec<String> {
    (1..=count)
        .map(|part| {
            let file = scratch.0.join(format!("part-{part}.json")).display().to_string();
            let run = stm32sim(&[command, &["--shard", &format!("{part}/{count}"), "--output", &file]].concat());
            assert_eq!((run.code, run.err.as_str()), (0, ""), "part {part}");
            file
        })
        .collect()
}

#[test]
fn parts_merge_to_exactly_the_whole() {
    for (name, command) in [("eval", &EVAL[..]), ("sweep", &SWEEP[..])] {
        let scratch = Scratch::new(&format!("parts-{name}"));
        let whole = stm32sim(command);
        for count in [1, 2, 4] {
            let mut files = parts(&scratch, command, count);
            // In whatever order the cluster finished them.
            files.reverse();
            let mut args = vec!["merge", "--format", "json"];
            args.extend(files.iter().map(String::as_str));
            let merged = stm32sim(&args);
            assert_eq!((merged.code, merged.err.as_str()), (0, ""));
            assert_eq!(merged.out, whole.out, "{name} in {count} parts");
        }
    }
}

#[test]
fn gaps_overlaps_and_strangers_are_refused() {
    let scratch = Scratch::new("parts-bad");
    for command in [&EVAL[..], &SWEEP[..]] {
        let files = parts(&scratch, command, 3);
        let whole = scratch.file("whole.json", stm32sim(command).out.as_bytes());
        let other = scratch.0.join("other.json").display().to_string();
        let chip = [&command[..3], &["--samples", "1", "--chip", "stm32f103rc", "--format", "json"]].concat();
        let shard: &[&str] =
            if command[0] == "eval" { &["--shard", "1/1"] } else { &["--shard", "1/1", "--sweep", "prefetch=on,off"] };
        assert_eq!(stm32sim(&[&chip[..], shard, &["--output", &other]].concat()).code, 0);
        let cut = scratch.file("cut.json", &fs::read(&files[0]).expect("there")[..300]);
        let cases: [(&[&str], &str, &str); 5] = [
            (&[&files[0], &files[2]], "bad-shards", "part 2 of 3 is missing"),
            (&[&files[0], &files[1], &files[1], &files[2]], "bad-shards", "are both part 2 of 3"),
            (&[&files[0], &other], "bad-shards", "part"),
            (&[&files[0], &whole], "bad-shards", "was made without --shard"),
            (&[&cut, &files[1], &files[2]], "bad-baseline", "is cut short"),
        ];
        for (given, code, says) in cases {
            let run = stm32sim(&[&["merge", "--format", "json"], given].concat());
            assert_eq!((run.code, run.out.as_str()), (2, ""), "{given:?}: {}", run.err);
            assert!(run.err.starts_with(&format!("error[{code}]: ")) && run.err.contains(says), "{given:?}: {}", run.err);
        }
    }
    // A part of the same count and size, but of another chip.
    let first = scratch.0.join("c8.json").display().to_string();
    let second = scratch.0.join("rc.json").display().to_string();
    let part = |chip: &str, part: &str, file: &str| {
        stm32sim(&[
            "eval",
            "--scenario",
            "anomaly",
            "--samples",
            "4",
            "--chip",
            chip,
            "--shard",
            part,
            "--format",
            "json",
            "-o",
            file,
        ])
        .code
    };
    assert_eq!((part("stm32f103c8", "1/2", &first), part("stm32f103rc", "2/2", &second)), (0, 0));
    let run = stm32sim(&["merge", &first, &second]);
    assert!(run.code == 2 && run.err.contains("are of different chips, firmware, scenarios or options"), "{}", run.err);
    // A shard without work is told so at once.
    assert!(stm32sim(&["bench", "--scenario", "anomaly", "--samples", "0", "--shard", "2/2"]).err.contains("shard 2/2 is empty"));
}

/// Starts the command with a journal, and kills it when that holds some pieces.
fn killed(command: &[&str], journal: &str, pieces: usize) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_stm32sim"))
        .args(command)
        .args(["--journal", journal, "--jobs", "2"])
        .stdout(Stdio::null())
        .spawn()
        .expect("starts");
    let begun = Instant::now();
    // The first line is the journal's own.
    while fs::read_to_string(journal).map_or(0, |text| text.lines().count()) <= pieces {
        assert!(begun.elapsed() < Duration::from_secs(120), "it does not get on");
        assert!(child.try_wait().expect("a child").is_none(), "it was done before it could be killed");
        std::thread::sleep(Duration::from_millis(2));
    }
    // SIGKILL.
    child.kill().expect("alive");
    child.wait().expect("dead");
}

#[test]
fn what_was_killed_continues_and_ends_as_if_it_had_not_been() {
    let scratch = Scratch::new("killed");
    let journal = scratch.0.join("journal.jsonl").display().to_string();
    let eval = ["eval", "--scenario", "anomaly", "--samples", "120", "--format", "json"];
    for (command, pieces) in [(&eval[..], 5), (&SWEEP[..], 1)] {
        let whole = stm32sim(command);
        killed(command, &journal, pieces);
        // As if the kill had hit in the middle of a line.
        let mut text = fs::read(&journal).expect("kept");
        text.extend(b"{\"piece\":999,\"resu");
        fs::write(&journal, &text).expect("written");
        // Another run's journal is not taken for its own.
        let stranger = stm32sim(&[command, &["--journal", &journal, "--limit", "9s"]].concat());
        assert_eq!(stranger.code, 2, "{}", stranger.out);
        assert!(stranger.err.starts_with("error[bad-journal]: "), "{}", stranger.err);
        let resumed = stm32sim(&[command, &["--journal", &journal]].concat());
        assert_eq!((resumed.code, resumed.err.as_str()), (0, ""));
        assert!(resumed.out == whole.out, "resumed and whole differ");
        assert!(!std::path::Path::new(&journal).exists(), "what is reported needs no journal");
    }
    let foreign = scratch.file("foreign.jsonl", b"{\"a\":1}\n");
    let run = stm32sim(&[&EVAL[..], &["--journal", &foreign]].concat());
    assert!(run.code == 2 && run.err.contains("is no journal of stm32sim"), "{}", run.err);
    assert_eq!(fs::read(&foreign).expect("there"), b"{\"a\":1}\n");
}

#[test]
fn finished_work_is_taken_from_the_journal_and_not_done_again() {
    let scratch = Scratch::new("journal");
    let journal = scratch.0.join("journal.jsonl").display().to_string();
    let command = ["eval", "--scenario", "anomaly", "--samples", "120", "--format", "json"];
    killed(&command, &journal, 5);
    let text = fs::read_to_string(&journal).expect("kept");
    let mut lines: Vec<&str> = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).collect();
    let mut piece: Value = serde_json::from_str(lines[1]).expect("a line");
    let sample = piece["piece"].as_u64().expect("a number");
    piece["result"]["result"]["cycles"] = Value::from(1);
    let forged = format!("{piece}\n");
    lines[1] = &forged;
    fs::write(&journal, lines.concat()).expect("written");
    let resumed = stm32sim(&[&command[..], &["--journal", &journal]].concat());
    let report: Value = serde_json::from_str(&resumed.out).expect("JSON");
    let results = report["results"].as_array().expect("results");
    let found = results.iter().find(|result| result["sample"].as_u64() == Some(sample)).expect("the sample");
    assert_eq!(found["cycles"], 1);
}

#[test]
fn a_full_device_loses_nothing_that_is_done() {
    let scratch = Scratch::new("full");
    let journal = scratch.0.join("journal.jsonl").display().to_string();
    // A file that cannot grow beyond 8 blocks stands for a device without space: writing fails in the same way, in the middle of a line.
    let limited =
        format!("trap '' XFSZ; ulimit -f 8; exec {} {} --journal {journal}", env!("CARGO_BIN_EXE_stm32sim"), EVAL.join(" "));
    let Ok(run) = Command::new("sh").args(["-c", &limited]).output() else { return eprintln!("skipped: there is no sh") };
    let err = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(2), "{err}");
    assert!(
        err.starts_with("error[output-unwritable]: ") && err.contains("with space again, the same command continues"),
        "{err}"
    );
    assert!(run.stdout.is_empty());
    let kept = fs::read_to_string(&journal).expect("kept").lines().count();
    assert!(kept > 1, "some were done");
    let resumed = stm32sim(&[&EVAL[..], &["--journal", &journal]].concat());
    assert_eq!((resumed.code, resumed.err.as_str()), (0, ""));
    assert_eq!(resumed.out, stm32sim(&EVAL).out);
    // What has no end is not read for one.
    if fs::metadata("/dev/full").is_ok() {
        let run = stm32sim(&[&EVAL[..], &["--journal", "/dev/full"]].concat());
        assert_eq!((run.code, run.out.as_str()), (2, ""));
        assert!(run.err.contains("/dev/full cannot be written: it is no regular file"), "{}", run.err);
    }
}

#[test]
fn ctrl_c_reports_what_is_finished_and_the_journal_continues() {
    let scratch = Scratch::new("interrupted");
    let journal = scratch.0.join("journal.jsonl").display().to_string();
    let command = ["eval", "--scenario", "anomaly", "--samples", "120", "--format", "json"];
    let mut child = Command::new(env!("CARGO_BIN_EXE_stm32sim"))
        .args(command)
        .args(["--journal", &journal])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    while fs::read_to_string(&journal).map_or(0, |text| text.lines().count()) < 4 {
        std::thread::sleep(Duration::from_millis(2));
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    if !sent.is_ok_and(|status| status.success()) {
        child.kill().expect("alive");
        child.wait().expect("done");
        return eprintln!("skipped: kill -INT is not to be had");
    }
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().expect("piped").read_to_string(&mut out).expect("text");
    child.stderr.take().expect("piped").read_to_string(&mut err).expect("text");
    assert_eq!(child.wait().expect("done").code(), Some(1));
    assert!(err.starts_with("error[interrupted]: stopped: ") && err.contains("the same command continues"), "{err}");
    let report: Value = serde_json::from_str(&out).expect("what is finished");
    let (done, missing) = (report["results"].as_array().expect("results").len(), report["missing"].as_u64().expect("a number"));
    assert!(done >= 3 && done + missing as usize == 120, "{done} and {missing}");
    let resumed = stm32sim(&[&command[..], &["--journal", &journal]].concat());
    assert_eq!(resumed.out, stm32sim(&command).out);
}

#[test]
fn ctrl_c_keeps_the_finished_runs_of_a_sweep() {
    let scratch = Scratch::new("interrupted-sweep");
    let (journal, baseline) = (scratch.0.join("journal.jsonl"), scratch.0.join("baseline.json"));
    let sweep = ["--scenario", "anomaly", "--samples", "60", "--sweep", "clock=8,24,36,48,72MHz", "--jobs", "1"];
    let begin = |command: &str, more: &[&str]| {
        let _ = fs::remove_file(&journal);
        let mut child = Command::new(env!("CARGO_BIN_EXE_stm32sim"))
            .arg(command)
            .args(sweep)
            .args(more)
            .args(["--format", "json", "--journal"])
            .arg(&journal)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        while fs::read_to_string(&journal).map_or(0, |text| text.lines().count()) < 2 {
            std::thread::sleep(Duration::from_millis(2));
        }
        let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        if !sent.is_ok_and(|status| status.success()) {
            child.kill().expect("alive");
            eprintln!("skipped: kill -INT is not to be had");
        }
        let output = child.wait_with_output().expect("done");
        (output.status.code() == Some(1)).then_some(output)
    };
    let path = baseline.display().to_string();
    let Some(stopped) = begin("bench", &["--save-baseline", &path]) else { return };
    let err = String::from_utf8_lossy(&stopped.stderr);
    assert!(err.starts_with("error[interrupted]: stopped: ") && err.contains("the same command continues"), "{err}");
    let report: Value = serde_json::from_slice(&stopped.stdout).expect("what is finished");
    let (done, missing) = (report["runs"].as_array().expect("runs").len(), report["missing"].as_u64().expect("a number"));
    assert!(done >= 1 && missing >= 1 && done as u64 + missing == 5, "{done} and {missing}");
    let saved: Value = serde_json::from_str(&fs::read_to_string(&baseline).expect("saved")).expect("JSON");
    assert_eq!(saved["runs"].as_array().map(Vec::len), Some(done), "what was finished is kept");
    let whole =
        stm32sim(&[&["bench"], &sweep[..], &["--save-baseline", &path, "--journal", &journal.display().to_string()]].concat());
    assert_eq!((whole.code, whole.err.as_str()), (0, ""), "{}", whole.out);
    // What a check did not come to is not gone.
    let Some(stopped) = begin("check", &["--baseline", &path]) else { return };
    let report: Value = serde_json::from_slice(&stopped.stdout).expect("what is finished");
    let rows = report["comparison"]["rows"].as_array().expect("rows");
    assert!(!rows.is_empty() && rows.iter().all(|row| row["verdict"] == "equal"), "{rows:?}");
}

#[test]
fn progress_shows_the_job_the_rate_and_the_time_left_and_nothing_in_ci() {
    let on_a_terminal = |command: &str, ci: bool| {
        let command = format!("stty cols 120; {} {command}", env!("CARGO_BIN_EXE_stm32sim"));
        let mut script = Command::new("script");
        script.args(["-qec", &command, "/dev/null"]).stdin(Stdio::null()).env_remove("CI").env("TERM", "xterm");
        if ci {
            script.env("CI", "true");
        }
        match script.output() {
            Ok(output) if output.status.success() => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
            _ => {
                eprintln!("skipped: no script of util-linux to make a terminal");
                None
            }
        }
    };
    let sweep = "bench --scenario anomaly --samples 20 --sweep clock=24,72MHz --jobs 1";
    for (command, job, all) in [("eval --scenario anomaly --samples 60 --jobs 1", "anomaly", "/60"), (sweep, "clock=24MHz", "/2")]
    {
        let Some(shown) = on_a_terminal(command, false) else { return };
        let bars: Vec<&str> = shown.split('\r').filter(|bar| bar.contains(all) && bar.contains(" left")).collect();
        assert!(bars.len() > 1, "{shown}");
        assert!(bars.iter().any(|bar| bar.contains(job) && bar.contains("/s, ")), "{shown}");
        let quiet = on_a_terminal(command, true).expect("as before");
        assert!(!quiet.contains(" left") && !quiet.contains('\u{1b}'), "{quiet}");
    }
}

#[test]
fn rows_are_read_by_duckdb_pandas_and_polars() {
    let scratch = Scratch::new("rows");
    let lines = scratch.0.join("samples.jsonl").display().to_string();
    let csv = scratch.0.join("samples.csv").display().to_string();
    let report = stm32sim(&[&EVAL[..], &["--rows", &lines]].concat());
    assert_eq!(stm32sim(&[&EVAL[..], &["--rows", &csv]].concat()).code, 0);
    let report: Value = serde_json::from_str(&report.out).expect("JSON");
    let (correct, most) = (&report["eval"]["correct"], &report["eval"]["cycles"]["max"]);
    let readers = [
        (
            "json",
            format!(
                "rows = [json.loads(line) for line in open({lines:?})]; print(len(rows), sum(r['correct'] for r in rows), max(r['cycles'] for r in rows))"
            ),
        ),
        (
            "csv",
            format!(
                "rows = list(csv.DictReader(open({csv:?}, newline=''))); print(len(rows), sum(r['correct'] == 'true' for r in rows), max(int(r['cycles']) for r in rows))"
            ),
        ),
        (
            "duckdb",
            format!("print(*duckdb.sql(\"select count(*), sum(correct::int), max(cycles) from {lines:?}\").fetchall()[0])")
                .replace(&format!("{lines:?}"), &format!("'{lines}'")),
        ),
        ("pandas", format!("d = pandas.read_json({lines:?}, lines=True); print(len(d), d.correct.sum(), d.cycles.max())")),
        ("polars", format!("d = polars.read_ndjson({lines:?}); print(len(d), d['correct'].sum(), d['cycles'].max())")),
    ];
    for (module, program) in readers {
        let Some(mut python) = tools::python(module) else { continue };
        let output = python.args(["-c", &format!("import {module}\n{program}")]).output().expect("runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(text.trim(), format!("30 {correct} {most}"), "{module}: {}", String::from_utf8_lossy(&output.stderr));
    }
    // What the documentation shows, word by word, where the file is.
    let docs = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ci.md")).expect("committed");
    let query = docs.split_once("```sql\n").expect("a query").1.split_once("```").expect("its end").0;
    let program = "import duckdb, sys\nrows = duckdb.sql(sys.argv[1]).fetchall()\nprint([r[0] for r in rows], sum(r[1] for r in rows), \
                   round(sum(r[1] * r[2] for r in rows)), max(r[3] for r in rows))";
    if let Some(mut python) = tools::python("duckdb") {
        let read = tools::printed(python.args(["-c", program, query]).current_dir(&scratch.0));
        assert_eq!(read, format!("['attack', 'normal'] 30 {correct} {most}\n"));
    }
    for (module, line) in
        [("pandas", "pandas.read_json(\"samples.jsonl\", lines=True)"), ("polars", "polars.read_ndjson(\"samples.jsonl\")")]
    {
        assert!(docs.contains(line), "{line}");
        let Some(mut python) = tools::python(module) else { continue };
        let program = format!("import {module}\nprint({line}['correct'].sum())");
        assert_eq!(tools::printed(python.args(["-c", &program]).current_dir(&scratch.0)), format!("{correct}\n"));
    }
}
