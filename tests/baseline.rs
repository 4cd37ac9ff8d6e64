//! What it is: baselines: saved, checked, compared, merged; and what is refused as one.
//! Source: numbers that this file changes by hand in a copy of a baseline; the command line contract's exit codes; README's promise that
//! the same input gives the same bytes.
//! Does not model: the truth of the numbers; `tests/run.rs` and `tests/silicon.rs` are about those.
//! Tested by: running the real program.

mod support;

use serde_json::Value;
use std::fs;
use support::{Scratch, stm32sim};

/// A baseline of one scenario without its samples, as text.
fn baseline(scratch: &Scratch) -> (String, String) {
    let path = scratch.0.join("baseline.json").display().to_string();
    let run = stm32sim(&["bench", "--scenario", "anomaly", "--samples", "0", "--save-baseline", &path]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let text = fs::read_to_string(&path).expect("written");
    (path, text)
}

fn number(text: &str, pointer: &str) -> u64 {
    let value: Value = serde_json::from_str(text).expect("JSON");
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("{pointer} in {text}"))
}

/// The text with one number changed; it must stand there exactly once in that form.
fn with(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "{old}");
    text.replace(old, new)
}

#[test]
fn what_was_saved_checks_as_equal_and_saves_to_the_same_bytes() {
    let scratch = Scratch::new("baseline-equal");
    let (path, text) = baseline(&scratch);
    let check = stm32sim(&["check", "--baseline", &path]);
    assert_eq!((check.code, check.err.as_str()), (0, ""), "{}", check.out);
    assert!(check.out.contains("equal   anomaly@stm32f103c8"), "{}", check.out);
    assert!(check.out.ends_with("1 equal: no regression\n"), "{}", check.out);
    let update = stm32sim(&["check", "--baseline", &path, "--update"]);
    assert_eq!(update.code, 0);
    assert!(update.out.ends_with(&format!("1 equal: saved in {path}\n")), "{}", update.out);
    assert_eq!(fs::read_to_string(&path).expect("there"), text);
}

#[test]
fn update_shows_what_changes_and_says_where_it_was_saved() {
    let scratch = Scratch::new("baseline-update");
    let (_, text) = baseline(&scratch);
    let cycles = number(&text, "/runs/0/inference/cycles");
    let cheaper = with(&text, &format!("        \"cycles\": {cycles},"), &format!("        \"cycles\": {},", cycles - 1000));
    let old = scratch.file("old.json", cheaper.as_bytes());
    let update = stm32sim(&["check", "--baseline", &old, "--update"]);
    assert_eq!((update.code, update.err.as_str()), (0, ""), "what is meant is no regression: {}", update.out);
    assert!(update.out.contains(" WORSE   anomaly@stm32f103c8") && update.out.contains("+1 000"), "{}", update.out);
    assert!(update.out.ends_with(&format!("1 worse: saved in {old}\n")), "{}", update.out);
    assert_eq!(fs::read_to_string(&old).expect("there"), text);
    // A baseline that is not there yet: everything is new.
    let fresh = scratch.0.join("fresh.json").display().to_string();
    let first = stm32sim(&["check", "--baseline", &fresh, "--scenario", "anomaly", "--samples", "0", "--update"]);
    assert!(first.code == 0 && first.out.ends_with(&format!("1 new: saved in {fresh}\n")), "{}{}", first.out, first.err);
    assert_eq!(fs::read_to_string(&fresh).expect("there"), text);
    let nowhere = stm32sim(&["check", "--scenario", "anomaly", "--update"]);
    assert!(nowhere.code == 2 && nowhere.out.is_empty(), "{}", nowhere.err);
    let save = stm32sim(&["bench", "--scenario", "anomaly", "--samples", "0", "--save-baseline", &fresh]);
    assert!(save.out.ends_with(&format!("1 of 1 runs fine; saved in {fresh}\n")), "{}", save.out);
}

#[test]
fn a_row_that_is_no_longer_run_fails_a_check_until_it_is_dropped_on_purpose() {
    let scratch = Scratch::new("baseline-gone");
    let suite = |runs: &str| {
        let runs: String = runs.split(' ').map(|name| format!("[[run]]\nscenario = \"{name}\"\n")).collect();
        scratch.file("stm32sim.toml", format!("samples = 0\nbaseline = \"baseline.json\"\n{runs}").as_bytes())
    };
    let both = suite("anomaly anomaly-forest");
    assert_eq!(stm32sim(&["check", "--suite", &both, "--update"]).code, 0);
    assert_eq!(stm32sim(&["check", "--suite", &both]).code, 0);
    let one = suite("anomaly");
    let gone = stm32sim(&["check", "--suite", &one, "--emit", "annotations=-"]);
    assert_eq!((gone.code, gone.err.as_str()), (3, ""), "{}", gone.out);
    assert!(gone.out.contains(" gone    anomaly-forest@stm32f103c8\n          nothing guards it any more"), "{}", gone.out);
    assert!(gone.out.contains("1 equal, 1 gone: 1 row fails\n"), "{}", gone.out);
    let says = "::error title=stm32sim regression::anomaly-forest@stm32f103c8: no longer there%0ANothing guards it any more. If that is \
                meant: stm32sim check --update --prune.";
    assert!(gone.out.contains(says), "{}", gone.out);
    // Saving alone drops nothing.
    assert_eq!(stm32sim(&["check", "--suite", &one, "--update"]).code, 0);
    assert_eq!(stm32sim(&["check", "--suite", &one]).code, 3);
    assert_eq!(stm32sim(&["check", "--suite", &one, "--update", "--prune"]).code, 0);
    let kept = stm32sim(&["check", "--suite", &one]);
    assert!(kept.code == 0 && kept.out.ends_with("1 equal: no regression\n"), "{}", kept.out);
    // What is new has nothing to be worse than.
    let new = stm32sim(&["check", "--suite", &suite("anomaly anomaly-forest")]);
    assert!(new.code == 0 && new.out.ends_with("1 equal, 1 new: no regression\n"), "{}", new.out);
}

#[test]
fn a_change_is_worse_or_better_and_the_layer_that_moved_is_named() {
    let scratch = Scratch::new("baseline-change");
    let (path, text) = baseline(&scratch);
    let cycles = number(&text, "/runs/0/inference/cycles");
    let layer = number(&text, "/runs/0/inference/layers/1/cycles");
    let cheaper = with(&text, &format!("        \"cycles\": {cycles},"), &format!("        \"cycles\": {},", cycles - 1000));
    let cheaper = with(&cheaper, &format!("\"cycles\": {layer}}}"), &format!("\"cycles\": {}}}", layer - 1000));
    let old = scratch.file("old.json", cheaper.as_bytes());
    for args in [vec!["check", "--baseline", &old], vec!["compare", &old, &path]] {
        let worse = stm32sim(&args);
        assert_eq!((worse.code, worse.err.as_str()), (3, ""), "{args:?}: {}", worse.out);
        assert!(worse.out.contains(" WORSE   anomaly@stm32f103c8"), "{}", worse.out);
        assert!(worse.out.contains("layer dense2 FULLY_CONNECTED 1x32") && worse.out.contains("+1 000"), "{}", worse.out);
        assert!(worse.out.ends_with("1 worse: 1 row fails\n"), "{}", worse.out);
        assert!(worse.out.lines().all(|line| line.chars().count() <= 100), "{}", worse.out);
        // 1000 of some 77 thousand are less than 2 %.
        let tolerated = stm32sim(&[&args[..], &["--tolerance", "cycles=2%"]].concat());
        assert_eq!(tolerated.code, 0, "{}", tolerated.out);
        assert!(tolerated.out.contains(" changed "), "{}", tolerated.out);
        assert_eq!(stm32sim(&[&args[..], &["--tolerance", "cycles=999"]].concat()).code, 3);
        assert_eq!(stm32sim(&[&args[..], &["--tolerance", "cycles=1000"]].concat()).code, 0);
    }
    let better = stm32sim(&["compare", &path, &old]);
    assert_eq!(better.code, 0, "{}", better.out);
    assert!(better.out.contains(" better  anomaly@stm32f103c8"), "{}", better.out);
    assert_eq!(stm32sim(&["compare", &path, &old, "--exact"]).code, 3, "any change fails");
    // Cycles that moved from one layer to another are a change, though the sum is the same.
    let other = number(&text, "/runs/0/inference/layers/0/cycles");
    let moved = with(&text, &format!("\"cycles\": {layer}}}"), &format!("\"cycles\": {}}}", layer - 10));
    let moved = with(&moved, &format!("\"cycles\": {other}}}"), &format!("\"cycles\": {}}}", other + 10));
    let moved = stm32sim(&["compare", &path, &scratch.file("moved.json", moved.as_bytes())]);
    assert_eq!(moved.code, 0);
    assert!(moved.out.contains(" changed anomaly") && moved.out.contains("layer dense1"), "{}", moved.out);
}

#[test]
fn new_and_gone_rows_are_shown_and_merging_loses_none() {
    let scratch = Scratch::new("baseline-merge");
    let (path, one) = baseline(&scratch);
    let two = scratch.0.join("two.json").display().to_string();
    fs::copy(&path, &two).expect("a copy");
    let image = stm32sim(&["bench", "--scenario", "image", "--samples", "0", "--save-baseline", &two]);
    assert_eq!(image.code, 0, "{}", image.err);
    let text = fs::read_to_string(&two).expect("there");
    let row =
        |text: &str| text.split_once("\"runs\": [\n").expect("rows").1.split("\n    },\n").next().expect("a row").to_owned();
    assert!(row(&text).trim_end_matches(['}', ']', '\n', ' ']).starts_with(row(&one).trim_end_matches(['}', ']', '\n', ' '])));
    let new = stm32sim(&["compare", &path, &two]);
    assert!(new.code == 0 && new.out.contains(" new     image@stm32f103c8"), "{}", new.out);
    assert!(new.out.ends_with("1 equal, 1 new: no regression\n"), "{}", new.out);
    let gone = stm32sim(&["compare", &two, &path]);
    assert!(gone.code == 0 && gone.out.contains(" gone    image@stm32f103c8"), "{}", gone.out);
    assert_eq!(stm32sim(&["compare", &two, &path, "--exact"]).code, 3);
    for (old, new, says) in
        [(&path, &two, "1 equal, 1 new (image@stm32f103c8)"), (&two, &path, "1 equal, 1 gone (image@stm32f103c8)")]
    {
        let markdown = stm32sim(&["compare", old, new, "--format", "markdown"]).out;
        assert!(markdown.contains(&format!("\nAgainst the baseline: {says}.\n")), "{markdown}");
    }
    // A check of one scenario against a baseline of two is no loss of the other.
    let check = stm32sim(&["check", "--baseline", &two, "--scenario", "anomaly", "--samples", "0", "--update"]);
    assert_eq!(check.code, 0, "{}", check.err);
    assert_eq!(fs::read_to_string(&two).expect("there"), text);
    let pruned = stm32sim(&["check", "--baseline", &two, "--scenario", "anomaly", "--samples", "0", "--update", "--prune"]);
    assert_eq!(pruned.code, 0, "{}", pruned.err);
    assert_eq!(fs::read_to_string(&two).expect("there"), one);
}

#[test]
fn another_timing_model_is_refused_and_update_records_it() {
    let scratch = Scratch::new("baseline-model");
    let (path, text) = baseline(&scratch);
    let version = number(&text, "/runs/0/timing_model/version");
    let older = with(&text, &format!("\"version\": {version}}}"), &format!("\"version\": {}}}", version + 1));
    let older = scratch.file("older.json", older.as_bytes());
    for args in [vec!["check", "--baseline", &older], vec!["compare", &older, &path]] {
        let run = stm32sim(&args);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?}");
        assert!(run.err.starts_with("error[baseline-other-model]: anomaly@stm32f103c8"), "{}", run.err);
        assert!(run.err.contains("--update"), "{}", run.err);
    }
    // Rows of two models never lie in one file.
    let save = stm32sim(&["bench", "--scenario", "image", "--samples", "0", "--save-baseline", &older]);
    assert_eq!(save.code, 2, "{}", save.out);
    assert!(save.err.starts_with("error[baseline-other-model]"), "{}", save.err);
    assert_eq!(stm32sim(&["check", "--baseline", &older, "--update"]).code, 0);
    assert_eq!(fs::read_to_string(&older).expect("there"), text);
}

#[test]
fn what_is_no_baseline_is_refused() {
    let scratch = Scratch::new("baseline-bad");
    let (path, text) = baseline(&scratch);
    let rows = text.split_once("\"runs\": [\n").expect("rows").1.trim_end().trim_end_matches(['}', '\n']).trim_end_matches(']');
    let twice = text.replace(rows, &format!("{},\n{rows}", rows.trim_end()));
    let schema = with(&text, "\"schema\": 1", "\"schema\": 2");
    let key = with(&text, "\"totals\": {", "\"totals\": {\"cycles\": 1, ");
    let wrong = with(&text, "\"stack_peak\": ", "\"stack_peak\": -");
    let cases: [(&str, &[u8], &str, &str); 9] = [
        ("empty.json", b"", "file-empty", "is empty"),
        ("blank.json", b" \n", "file-empty", "is empty"),
        ("cut.json", &text.as_bytes()[..text.len() / 2], "bad-baseline", "is cut short"),
        ("foreign.json", b"{\"tests\": []}", "bad-baseline", "is JSON, but no report of stm32sim"),
        ("binary.json", b"\x7fELF\xff", "bad-baseline", "is not text in UTF-8"),
        ("newer.json", schema.as_bytes(), "baseline-newer", "has schema 2, of stm32sim"),
        ("twice.json", twice.as_bytes(), "bad-baseline", "has two rows for anomaly@stm32f103c8"),
        ("key.json", key.as_bytes(), "bad-baseline", "duplicate field `cycles`"),
        ("wrong.json", wrong.as_bytes(), "bad-baseline", "invalid value"),
    ];
    for (name, bytes, code, says) in cases {
        let file = scratch.file(name, bytes);
        for args in [vec!["check", "--baseline", &file], vec!["compare", &file, &path], vec!["compare", &path, &file]] {
            let run = stm32sim(&args);
            assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?}: {}", run.err);
            assert!(run.err.starts_with(&format!("error[{code}]: ")) && run.err.contains(says), "{args:?}: {}", run.err);
        }
        // What is damaged is not overwritten in passing.
        let save = stm32sim(&["bench", "--scenario", "anomaly", "--samples", "0", "--save-baseline", &file]);
        assert_eq!(save.code, 2, "{name}");
        assert_eq!(fs::read(&file).expect("there"), bytes);
    }
    let missing = scratch.0.join("none.json").display().to_string();
    let run = stm32sim(&["check", "--baseline", &missing]);
    assert!(run.code == 2 && run.err.starts_with("error[file-unreadable]"), "{}", run.err);
    let run = stm32sim(&["check"]);
    assert!(run.code == 2 && run.err.contains("nothing to check against"), "{}", run.err);
}

#[test]
fn a_report_of_a_single_run_compares_too() {
    let scratch = Scratch::new("baseline-run");
    let (path, _) = baseline(&scratch);
    let report = scratch.0.join("run.json").display().to_string();
    assert_eq!(stm32sim(&["run", "--scenario", "anomaly", "--format", "json", "-o", &report]).code, 0);
    let same = stm32sim(&["compare", &path, &report, "--exact"]);
    assert_eq!((same.code, same.out.as_str()), (0, " equal   anomaly@stm32f103c8\n\n1 equal: no regression\n"));
    // What differs in its conditions is another row, not a regression.
    let what_if = scratch.0.join("what-if.json").display().to_string();
    let run = ["run", "--scenario", "anomaly", "--clock", "24MHz", "--format", "json", "-o", &what_if];
    assert_eq!(stm32sim(&run).code, 0);
    let other = stm32sim(&["compare", &report, &what_if]);
    assert!(other.out.contains("gone") && other.out.contains("clock=24MHz"), "{}", other.out);
}

#[test]
fn nothing_is_written_to_a_full_device() {
    let Ok(()) = fs::metadata("/dev/full").map(|_| ()) else { return eprintln!("skipped: there is no /dev/full") };
    let run = stm32sim(&["bench", "--scenario", "anomaly", "--samples", "0", "--rows", "/dev/full"]);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("/dev/full cannot be written"), "{}", run.err);
    // It has no end to be read to, either.
    let save = stm32sim(&["bench", "--scenario", "anomaly", "--samples", "0", "--save-baseline", "/dev/full"]);
    assert!(save.code == 2 && save.err.starts_with("error[output-unwritable]: /dev/full cannot be written"), "{}", save.err);
    assert!(save.out.contains("1 of 1 runs fine\n"), "the results are shown all the same: {}", save.out);
}

#[test]
fn a_baseline_that_cannot_be_replaced_stays_as_it_was() {
    let scratch = Scratch::new("baseline-full");
    let (path, text) = baseline(&scratch);
    let cycles = number(&text, "/runs/0/inference/cycles");
    let old = with(&text, &format!("        \"cycles\": {cycles},"), &format!("        \"cycles\": {},", cycles + 1));
    fs::write(&path, &old).expect("written");
    // Files that cannot grow beyond one block stand for a device without space.
    let command = format!("trap '' XFSZ; ulimit -f 1; exec {} check --baseline {path} --update", env!("CARGO_BIN_EXE_stm32sim"));
    let Ok(run) = std::process::Command::new("sh").args(["-c", &command]).output() else {
        return eprintln!("skipped: there is no sh");
    };
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert_eq!(run.status.code(), Some(2), "{out}{err}");
    assert!(err.starts_with("error[output-unwritable]: ") && err.contains("baseline.json cannot be written"), "{err}");
    assert!(out.contains(" better  anomaly@stm32f103c8") && !out.contains("saved in"), "the difference is shown: {out}");
    assert_eq!(fs::read_to_string(&path).expect("there"), old);
    let left = fs::read_dir(&scratch.0).expect("a folder").count();
    assert_eq!(left, 1, "nothing half written lies about");
}
