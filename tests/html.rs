//! What it is: the pages of `--format html`, in a browser.
//! Source: headless Chromium, which renders them, runs their script and says what it complains of; the numbers are the JSON report's.
//! Does not model: other browsers. How it looks is `tests/html_pictures.rs`.
//! Tested by: running the real program; without Chromium what needs it is skipped, and the test says so.

mod support;

use serde_json::Value;
use std::process::Command;
use support::{Scratch, stm32sim};

/// What the browser makes of a page: the document after its script has run. `None`, with a word about it, without a browser.
fn rendered(url: &str) -> Option<String> {
    browsed(url, false)
}

fn browsed(url: &str, dark: bool) -> Option<String> {
    let mut args = vec![
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        "--virtual-time-budget=3000",
        "--dump-dom",
    ];
    args.extend(dark.then_some("--force-dark-mode"));
    args.push(url);
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

/// What a script finds out in a page, as JSON: the page is copied with the script at its end.
fn probed(scratch: &Scratch, text: &str, script: &str, dark: bool) -> Option<Value> {
    let probe = format!(
        "<pre id=\"probe\"></pre><script>addEventListener('load', () => {{ const say = (() => {{ {script} }})(); \
         document.getElementById('probe').textContent = 'found:' + btoa(unescape(encodeURIComponent(JSON.stringify(say)))) + ':end'; }});</script></body>"
    );
    let file = scratch.file("probe.html", text.replace("</body>", &probe).as_bytes());
    let document = browsed(&format!("file://{file}"), dark)?;
    let found = document.split("found:").nth(1).and_then(|rest| rest.split(":end").next()).expect("the probe's answer");
    Some(serde_json::from_slice(&base64(found)).expect("JSON"))
}

fn base64(text: &str) -> Vec<u8> {
    let digit = |c: u8| b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".iter().position(|d| *d == c);
    let digits: Vec<u32> = text.bytes().filter_map(digit).map(|digit| digit as u32).collect();
    let mut bytes = Vec::new();
    for group in digits.chunks(4) {
        let word = group.iter().fold(0, |word, digit| word << 6 | digit) << (6 * (4 - group.len()));
        bytes.extend([16, 8, 0].iter().take(group.len() - 1).map(|shift| (word >> shift) as u8));
    }
    bytes
}

/// The pages that there are.
fn pages(scratch: &Scratch) -> Vec<(&'static str, String)> {
    let image = |name: &str| format!("{}/firmware-images/{name}.elf", env!("CARGO_MANIFEST_DIR"));
    let (anomaly, hello) = (image("anomaly"), image("hello"));
    let mut pages = Vec::new();
    for (name, args) in [
        ("profile", vec!["profile", "--scenario", "anomaly"]),
        ("map-run", vec!["map", &anomaly, "--run", "anomaly"]),
        ("map-two", vec!["map", &hello, &anomaly]),
        ("eval", vec!["eval", "--scenario", "anomaly", "--samples", "20"]),
    ] {
        pages.push((name, page(scratch, &args).0));
    }
    pages
}

/// WCAG 2.1, 1.4.3: contrast of at least 4.5, of large text 3. Every text against every colour of what is behind it.
const CONTRAST: &str = r"
const parse = (text) => [...text.matchAll(/rgba?\(([^)]*)\)/g)].map((m) => m[1].split(',').map(Number));
const luminance = ([r, g, b]) => [r, g, b].map((c) => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; })
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const contrast = (a, b) => { const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
const behind = (node) => {
  for (let at = node; at; at = at.parentElement) {
    const style = getComputedStyle(at);
    if (style.backgroundImage !== 'none') return parse(style.backgroundImage);
    const [color] = parse(style.backgroundColor);
    if (color && (color.length < 4 || color[3] > 0)) return [color];
  }
  return [[255, 255, 255]];
};
if (PRINT) {
  // As on paper: the rules for it, on top of the others.
  const rules = [...document.styleSheets[0].cssRules].filter((rule) => rule.media && rule.media.mediaText === 'print');
  const sheet = document.createElement('style');
  sheet.textContent = rules.flatMap((rule) => [...rule.cssRules]).map((rule) => rule.cssText).join('\n');
  document.head.append(sheet);
}
const low = []; let count = 0;
for (const node of document.querySelectorAll('body *')) {
  const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
  if (!own || node.id === 'probe' || ['SCRIPT', 'STYLE'].includes(node.tagName) || !node.getClientRects().length) continue;
  const style = getComputedStyle(node), size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
  count++;
  for (const color of behind(node)) {
    const ratio = contrast(parse(style.color)[0], color);
    if (ratio < (large ? 3 : 4.5)) low.push([node.tagName, node.className, node.textContent.slice(0, 30), ratio]);
  }
}
const controls = [...document.querySelectorAll('.controls')].filter((node) => node.getClientRects().length).length;
return { dark: matchMedia('(prefers-color-scheme: dark)').matches, count, low, controls };
";

#[test]
fn text_can_be_read_in_light_and_dark_and_on_paper() {
    let scratch = Scratch::new("html-contrast");
    for (name, text) in pages(&scratch) {
        for (dark, print) in [(false, false), (true, false), (true, true)] {
            let script = format!("const PRINT = {print};{CONTRAST}");
            let Some(found) = probed(&scratch, &text, &script, dark) else { return };
            assert_eq!(found["controls"], u32::from(name == "profile" && !print), "{name}");
            assert_eq!(found["dark"], dark);
            assert!(found["count"].as_u64().expect("a count") > 20, "{name}: {found}");
            assert_eq!(found["low"], serde_json::json!([]), "{name}, dark {dark}, on paper {print}");
        }
    }
}

#[test]
fn the_flame_chart_goes_by_keys() {
    let scratch = Scratch::new("html-keys");
    let (text, _) = page(&scratch, &["profile", "--scenario", "anomaly"]);
    let script = r"
const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
const flame = document.getElementById('flame'), tiles = [...flame.querySelectorAll('.tile')];
const name = () => document.activeElement.dataset.n, top = () => document.activeElement.offsetTop;
const reachable = () => tiles.filter((tile) => tile.tabIndex === 0).length;
const first = reachable();
tiles.find((tile) => tile.tabIndex === 0).focus();
const way = [name()], tops = [top()];
for (const key of ['ArrowDown', 'ArrowDown', 'ArrowUp', 'ArrowDown']) { press(key); way.push(name()); tops.push(top()); }
document.activeElement.click();
const zoomed = flame.dataset.zoomed, hidden = tiles.filter((tile) => tile.hidden).length;
press('Escape');
const unlabelled = tiles.filter((tile) => !tile.getAttribute('aria-label')).length;
return { first, later: reachable(), way, tops, zoomed, hidden, back: tiles.filter((tile) => tile.hidden).length, unlabelled,
         outline: getComputedStyle(document.activeElement).outlineStyle, live: document.getElementById('told').getAttribute('aria-live') };
";
    let Some(found) = probed(&scratch, &text, script, false) else { return };
    assert_eq!((&found["first"], &found["later"], &found["unlabelled"]), (&Value::from(1), &Value::from(1), &Value::from(0)));
    let tops: Vec<f64> = found["tops"].as_array().expect("tops").iter().filter_map(Value::as_f64).collect();
    assert!(tops[0] < tops[1] && tops[1] < tops[2] && tops[3] == tops[1] && tops[4] == tops[2], "{found}");
    assert_eq!(found["way"][4], found["zoomed"]);
    assert!(found["hidden"].as_u64() > Some(0) && found["back"] == 0, "{found}");
    assert_eq!(found["live"], "polite");
}

/// How people without one kind of cone see a colour: Machado, Oliveira, Fernandes (2009), table of severity 1.0, on linear RGB.
const VISIONS: [(&str, [[f64; 3]; 3]); 4] = [
    ("full", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("protanopia", [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    ("deuteranopia", [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    ("tritanopia", [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
];

/// CIE 1976 L*a*b* (D65) of an sRGB colour as somebody sees it.
fn lab(color: &[f64], vision: &[[f64; 3]; 3]) -> [f64; 3] {
    let linear: Vec<f64> =
        color.iter().map(|c| c / 255.0).map(|c| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }).collect();
    let seen = vision.map(|row| row.iter().zip(&linear).map(|(a, b)| a * b).sum::<f64>().clamp(0.0, 1.0));
    let xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
        .map(|row| row.iter().zip(&seen).map(|(a, b)| a * b).sum::<f64>());
    let f = |t: f64| if t > 216.0 / 24389.0 { t.cbrt() } else { (24389.0 / 27.0 * t + 16.0) / 116.0 };
    let [x, y, z] = [f(xyz[0] / 0.9505), f(xyz[1]), f(xyz[2] / 1.089)];
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

#[test]
fn colours_that_mean_something_are_told_apart_by_everybody() {
    let scratch = Scratch::new("html-colours");
    let script = r"
const of = (selector) => [...new Set([...document.querySelectorAll(selector)].map((node) => node.className))].map((name) => {
  const style = getComputedStyle([...document.querySelectorAll(selector)].find((node) => node.className === name));
  const text = style.backgroundImage === 'none' ? style.backgroundColor : style.backgroundImage;
  return { name, pattern: style.backgroundImage === 'none' ? '' : text.split(',')[0],
           colors: [...text.matchAll(/rgb\(([^)]*)\)/g)].map((m) => m[1].split(',').map(Number)) };
});
return of('.legend .key');
";
    for (page_name, text) in pages(&scratch).into_iter().filter(|(name, _)| ["profile", "map-run"].contains(name)) {
        let Some(found) = probed(&scratch, &text, script, false) else { return };
        let keys = found.as_array().expect("keys");
        assert!(keys.len() >= 4, "{found}");
        for (at, a) in keys.iter().enumerate() {
            for b in &keys[at + 1..] {
                if a["pattern"] != b["pattern"] {
                    continue;
                }
                let color = |key: &Value| -> Vec<f64> { serde_json::from_value(key["colors"][0].clone()).expect("a colour") };
                for (name, vision) in &VISIONS {
                    let (x, y) = (lab(&color(a), vision), lab(&color(b), vision));
                    let distance = x.iter().zip(&y).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt();
                    assert!(distance > 12.0, "{page_name}: {} and {} differ by {distance:.1} with {name}", a["name"], b["name"]);
                }
            }
        }
    }
}

#[test]
fn the_confusion_matrix_and_what_changed_are_there() {
    let scratch = Scratch::new("html-more");
    let json = |args: &[&str]| -> Value {
        serde_json::from_str(&stm32sim(&[args, &["--format", "json"]].concat()).out).expect("a JSON document")
    };
    for (name, text) in pages(&scratch) {
        for outside in ["http://", "https://", "src=", "url(", "@import"] {
            assert!(!text.contains(outside), "{name}: {outside}");
        }
        match name {
            "eval" => {
                let report = json(&["eval", "--scenario", "anomaly", "--samples", "20"]);
                let rows = report["eval"]["confusion"].as_array().expect("rows");
                let cells = r"return [...document.querySelectorAll('.matrix tbody tr')].map((row) => [...row.querySelectorAll('td')].map((cell) => Number(cell.textContent)));";
                let Some(found) = probed(&scratch, &text, cells, false) else { return };
                assert_eq!(found.as_array(), Some(rows));
            }
            "map-two" => {
                let image = |name: &str| format!("{}/firmware-images/{name}.elf", env!("CARGO_MANIFEST_DIR"));
                let report = json(&["map", &image("hello"), &image("anomaly")]);
                let first = &report["other"]["difference"]["rows"][0];
                assert!(text.contains(&format!("<td>{}</td>", first["name"].as_str().expect("a name"))), "{first}");
                assert_eq!(text.matches("<div class=\"treemap\">").count(), 4, "both memories, before and after");
            }
            _ => {}
        }
    }
}
