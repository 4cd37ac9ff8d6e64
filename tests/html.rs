//! What it is: the pages of `--format html`, in a browser.
//! Source: headless Chromium, which renders them, runs their script and says what it complains of; the numbers are the JSON report's.
//! Does not model: how it looks; other browsers.
//! Tested by: running the real program; without Chromium what needs it is skipped, and the test says so.

mod support;

use serde_json::Value;
use std::process::Command;
use support::{Scratch, stm32sim};

/// What the browser makes of a page: the document after its script has run. `None`, with a word about it, without a browser.
fn rendered(url: &str) -> Option<String> {
    let args = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        "--virtual-time-budget=3000",
        "--dump-dom",
        url,
    ];
    let Ok(output) = Command::new("chromium").args(args).output() else {
        println!("skipped: chromium is not installed");
        return None;
    };
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    // Scripts that fail and requests that the page's policy refuses are told on the console.
    assert!(!complaints.contains(":CONSOLE"), "{complaints}");
    assert!(output.status.success());
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_sweeps_page_draws_its_points_and_lists_its_layers() {
    let scratch = Scratch::new("html-sweep");
    let (text, url) = page(&scratch, &["bench", "--scenario", "anomaly", "--samples", "0", "--sweep", "clock=8,24,72MHz"]);
    assert_eq!(text.matches("<h2>anomaly@stm32f103c8,clock=").count(), 3);
    let Some(dom) = rendered(&url) else { return };
    assert_eq!((dom.matches("<circle ").count(), dom.matches("<tr><td>dense4 FULLY_CONNECTED").count()), (3, 3), "{dom}");
    assert!(dom.contains("3 of 3 runs fine"));
}

fn page(scratch: &Scratch, args: &[&str]) -> (String, String) {
    let file = scratch.0.join("page.html");
    let file = file.to_str().expect("a path");
    let run = stm32sim(&[args, &["--format", "html", "--output", file]].concat());
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    (std::fs::read_to_string(file).expect("a page"), format!("file://{file}"))
}

#[test]
fn a_page_needs_nothing_else() {
    let scratch = Scratch::new("html-alone");
    for args in [&["profile", "--scenario", "anomaly"][..], &["run", "--scenario", "anomaly"]] {
        let (text, _) = page(&scratch, args);
        for outside in ["http://", "https://", "src=", "url(", "@import"] {
            assert!(!text.contains(outside), "{outside}");
        }
        assert!(text.contains("default-src 'none'"));
    }
}

#[test]
fn the_page_zooms_and_searches() {
    let scratch = Scratch::new("html-zoom");
    let (text, url) = page(&scratch, &["profile", "--scenario", "anomaly"]);
    let report = stm32sim(&["profile", "--scenario", "anomaly", "--format", "json"]);
    let report: Value = serde_json::from_str(&report.out).expect("a report");
    let verdict = stm32sim(&["run", "--scenario", "anomaly", "-q"]).out;
    assert!(text.contains(verdict.trim_end()), "{verdict}");
    let whole = report["totals"]["cycles"].as_f64().expect("cycles");
    let tree = report["profile"]["tree"].as_array().expect("tree");
    // All cycles below nodes of that name that are below no other such node.
    let below = |name: &str| -> f64 {
        let is = |node: &Value| node["name"] == name;
        let within = |node: &Value| {
            let mut at = node["parent"].as_u64().expect("a parent") as usize;
            while at != 0 && !is(&tree[at]) {
                at = tree[at]["parent"].as_u64().expect("a parent") as usize;
            }
            at != 0
        };
        tree.iter().filter(|node| is(node) && !within(node)).map(|node| node["total"].as_f64().expect("total")).sum()
    };
    let Some(plain) = rendered(&url) else { return };
    assert!(plain.contains("class=\"tile"));
    let Some(zoomed) = rendered(&format!("{url}#zoom=nn_invoke")) else { return };
    assert!(zoomed.contains("data-zoomed=\"nn_invoke\""));
    assert!(zoomed.matches("hidden=\"\"").count() > plain.matches("hidden=\"\"").count(), "nothing was hidden by zooming");
    let Some(searched) = rendered(&format!("{url}#search=uart_put")) else { return };
    let expected = format!("{:.2} % of the run", below("uart_put") * 100.0 / whole);
    assert!(searched.contains(&expected), "{expected}");
    assert!(searched.contains(" match\""));
}

#[test]
fn the_memory_map_has_a_rectangle_for_every_large_symbol() {
    let scratch = Scratch::new("html-map");
    let image = concat!(env!("CARGO_MANIFEST_DIR"), "/firmware-images/keyword.elf");
    let (text, url) = page(&scratch, &["map", image]);
    for name in ["nn_model_plan", "nn_arena", "[free]"] {
        assert!(text.contains(&format!("title=\"{name}: ")), "{name}");
    }
    if let Some(document) = rendered(&url) {
        assert!(document.contains("treemap"));
    }
}

#[test]
fn names_from_firmware_are_text() {
    // A symbol may be called anything.
    let scratch = Scratch::new("html-names");
    let mut elf = support::Elf::good();
    elf.symbols[3].0 = "<script>alert(1)</script>\"'&";
    let file = scratch.file("names.elf", &elf.bytes());
    let (text, _) = page(&scratch, &["map", &file]);
    assert!(!text.contains("<script>alert"), "a name became markup");
    assert!(text.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;'&amp;"));
}
