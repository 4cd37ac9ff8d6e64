//! What it is: `--check-reads`: loads of SRAM that nothing has written.
//! Source: `firmware-images/tests/unwritten.c`, which makes two such loads and says so; cycles must be those of a run without the hook.
//! Does not model: how long it takes.
//! Tested by: running the real program.

mod support;

use serde_json::Value;
use support::{committed_images, stm32sim};

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&stm32sim(&[args, &["--format", "json"]].concat()).out).expect("a JSON document")
}

fn unwritten(report: &Value) -> Vec<(String, String)> {
    let findings = report["findings"].as_array().expect("findings").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    findings
        .filter(|finding| finding["code"] == "uninitialised-read")
        .map(|finding| (text(&finding["message"]), text(&finding["location"])))
        .collect()
}

#[test]
fn the_two_loads_of_what_nothing_has_written_are_found() {
    let path = format!("{}/firmware-images/tests/unwritten.elf", env!("CARGO_MANIFEST_DIR"));
    let found = unwritten(&json(&["run", &path, "--check-reads"]));
    let source = std::fs::read_to_string(path.replace(".elf", ".c")).expect("the source");
    let line = |what: &str| 1 + source.lines().position(|line| line.contains(what)).expect(what);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].1.contains(&format!("unwritten.c:{} in careless", line("return *(volatile"))), "{found:?}");
    assert!(found[1].1.contains("in conditional"), "{found:?}");
    assert!(found.iter().all(|(message, _)| message.starts_with("4 B at 0x2000")), "{found:?}");
    assert!(unwritten(&json(&["run", &path])).is_empty(), "without being asked");
}

#[test]
fn a_run_with_the_check_is_the_same_run_on_every_image() {
    // A hook on memory disturbs the engine in IT blocks; that it is undone shows in cycles and output.
    for path in committed_images() {
        let args = ["run", path.to_str().expect("a path"), "--chip", "stm32f103ze", "--limit", "10ms"];
        let (plain, checked) = (json(&args), json(&[&args[..], &["--check-reads"]].concat()));
        for field in ["totals", "cycles_by_cause", "uart", "memory", "outcome"] {
            assert_eq!(plain[field], checked[field], "{}: {field}", path.display());
        }
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name");
        // The heap's realloc copies whole eights, as its source says; the rest initialises what it reads.
        let expected = match name {
            "unwritten" => 2,
            "heap" => 1,
            _ => 0,
        };
        assert_eq!(unwritten(&checked).len(), expected, "{name}: {:?}", unwritten(&checked));
    }
}
