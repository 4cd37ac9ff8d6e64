//! What it is: the text that commands print, over every image and scenario, word for word.
//! Source: `tests/goldens/`, which people have read: they hold what changes to where a change's review sees it. They prove nothing by themselves; the
//! numbers' truth is other tests' matter. `STM32SIM_BLESS=1` writes them anew.
//! Does not model: other formats, whose fields other tests read.
//! Tested by: running the real program.

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use support::{committed_images, stm32sim};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens")
}

fn stem(path: &Path) -> String {
    path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned()
}

/// The built-in ones.
const SCENARIOS: [&str; 8] =
    ["anomaly", "image", "keyword", "emotion", "emotion-2000", "anomaly-float", "anomaly-forest", "keyword-live"];

/// What these commands print, each behind its line; images stand there by name.
fn printed(commands: &[Vec<String>]) -> String {
    let mut text = String::new();
    for command in commands {
        let args: Vec<&str> = command.iter().map(String::as_str).collect();
        let ran = stm32sim(&args);
        let shown: Vec<&str> = args.iter().map(|arg| arg.rsplit('/').next().unwrap_or(arg)).collect();
        text.push_str(&format!("$ stm32sim {}\n{}{}[{}]\n\n", shown.join(" "), ran.out, ran.err, ran.code));
    }
    text
}

/// The text against the file of that name; what differs first, if anything does.
fn differs(name: &str, text: &str) -> Option<String> {
    let file = folder().join(format!("{name}.txt"));
    if std::env::var_os("STM32SIM_BLESS").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(folder()).expect("the folder");
        std::fs::write(&file, text).expect("the golden");
        return None;
    }
    let Ok(golden) = std::fs::read_to_string(&file) else {
        return Some(format!("{name}: there is no tests/goldens/{name}.txt; STM32SIM_BLESS=1 writes it"));
    };
    if golden == text {
        return None;
    }
    let (mut old, mut new) = (golden.lines(), text.lines());
    for line in 1.. {
        match (old.next(), new.next()) {
            (None, None) => break,
            (old, new) if old == new => {}
            (old, new) => {
                let shown = |line: Option<&str>| line.unwrap_or("[the end]").to_owned();
                return Some(format!("{name}.txt:{line}\n  was: {}\n  is:  {}", shown(old), shown(new)));
            }
        }
    }
    Some(format!("{name}.txt differs in its last line's end"))
}

fn command(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn every_image_prints_what_it_did() {
    let images = committed_images();
    assert!(images.len() > 40);
    let differing: Vec<String> = images
        .iter()
        .filter_map(|path| {
            let elf = path.to_str().expect("a path");
            // The largest chip holds them all.
            let on = ["--chip", "stm32f103ze"];
            let commands = [
                command(&[&["run", elf, "--limit", "10ms", "-v"], &on[..]].concat()),
                command(&[&["profile", elf, "--limit", "10ms", "--top", "4"], &on[..]].concat()),
                command(&[&["map", elf, "--top", "4"], &on[..]].concat()),
                command(&[&["map", elf, "--top", "3", "--by", "unit"], &on[..]].concat()),
            ];
            differs(&stem(path), &printed(&commands))
        })
        .collect();
    assert!(differing.is_empty(), "STM32SIM_BLESS=1 takes over what is meant to have changed:\n{}", differing.join("\n"));
}

#[test]
fn every_scenario_prints_what_it_did() {
    let listed = stm32sim(&["scenarios"]).out;
    let differing: Vec<String> = SCENARIOS
        .iter()
        .filter_map(|name| {
            assert!(listed.contains(name), "{listed}");
            let own = format!("{}/firmware-images/{name}.elf", env!("CARGO_MANIFEST_DIR"));
            let hello = format!("{}/firmware-images/hello.elf", env!("CARGO_MANIFEST_DIR"));
            let commands = [
                command(&["run", "--scenario", name]),
                command(&["run", "--scenario", name, "--clock", "24MHz", "-q"]),
                command(&["profile", "--scenario", name, "--top", "6"]),
                command(&["map", &own, "--run", name, "--top", "6", "--chip", "stm32f103rc"]),
                command(&["map", &hello, &own, "--top", "6", "--chip", "stm32f103rc"]),
                command(&["eval", "--scenario", name, "--samples", "2"]),
                command(&["bench", "--scenario", name, "--samples", "2"]),
            ];
            differs(&format!("scenario-{name}"), &printed(&commands))
        })
        .collect();
    assert!(differing.is_empty(), "STM32SIM_BLESS=1 takes over what is meant to have changed:\n{}", differing.join("\n"));
}

#[test]
fn what_is_built_in_prints_as_it_did() {
    let root = env!("CARGO_MANIFEST_DIR");
    let model = format!("{root}/models/anomaly/anomaly_int8.tflite");
    let (suite, baseline) = (format!("{root}/benches/stm32sim.toml"), format!("{root}/benches/baselines/scenarios.json"));
    let mut commands = vec![
        command(&["chips"]),
        command(&["scenarios"]),
        command(&["estimate", &model]),
        command(&["estimate", "--verbose", &format!("{root}/models/keyword/keyword_int8.tflite")]),
        command(&["check", "--suite", &suite]),
        command(&["compare", &baseline, &baseline]),
    ];
    commands.extend(stm32sim::finding::CODES.iter().map(|code| command(&["explain", code.entry().name])));
    let differing = differs("built-in", &printed(&commands));
    assert!(differing.is_none(), "STM32SIM_BLESS=1 takes over what is meant to have changed:\n{}", differing.unwrap_or_default());
}

#[test]
fn no_golden_is_left_over() {
    let mut known: BTreeSet<String> = committed_images().iter().map(|path| stem(path)).collect();
    known.extend(SCENARIOS.map(|name| format!("scenario-{name}")));
    known.insert("built-in".to_owned());
    for entry in std::fs::read_dir(folder()).into_iter().flatten().flatten() {
        let name = stem(&entry.path());
        assert!(known.contains(&name) || entry.path().is_dir(), "tests/goldens/{name}.txt is of nothing that is there");
    }
}
