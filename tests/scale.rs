//! What it is: an evaluation of the size that clusters are used for, in parts and at once, killed in the middle, resumed and merged.
//! Source: outputs by NumPy (`models/anomaly/many.py`); the unsharded result of the same program, to the byte.
//! Does not model: several computers; `tests/cluster.rs` has their engines.
//! Tested by: running it: 2000 inferences, or as many as STM32SIM_INFERENCES says; docs/performance.md has the figures of 100 000.

mod support;

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::Scratch;
use support::tools::{self, printed};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The forest's image with a faster serial line: at 115 200 baud, nine tenths of the work would be waiting for input.
fn image(folder: &Path) -> Option<()> {
    if Command::new("arm-none-eabi-gcc").arg("--version").output().is_err() {
        eprintln!("skipped: arm-none-eabi-gcc is not installed");
        return None;
    }
    let sources = folder.join("firmware-images");
    let copied = Command::new("cp").arg("-r").arg(root().join("firmware-images")).arg(&sources).status();
    assert!(copied.is_ok_and(|status| status.success()), "the sources cannot be copied");
    let _ = fs::remove_dir_all(sources.join("build"));
    let uart = sources.join("platform/uart.c");
    let text = fs::read_to_string(&uart).expect("copied");
    assert!(text.contains("#define BAUD 115200u"));
    fs::write(&uart, text.replace("#define BAUD 115200u", "#define BAUD 2250000u")).expect("written");
    printed(Command::new("make").args(["-s", "build/stm32f103c8/anomaly-forest.elf"]).current_dir(&sources));
    fs::copy(sources.join("build/stm32f103c8/anomaly-forest.elf"), folder.join("anomaly-forest.elf")).expect("built");
    fs::copy(root().join("models/anomaly/forest.npy"), folder.join("forest.npy")).expect("copied");
    fs::copy(root().join("models/anomaly/preprocess.json"), folder.join("preprocess.json")).expect("copied");
    Some(())
}

struct Work<'a> {
    folder: &'a Path,
    jobs: &'a str,
}

impl Work<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Begins an evaluation whose journal and report have that name.
    fn begin(&self, name: &str, shard: Option<&str>) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stm32sim"));
        command.args(["eval", "--scenario", "scenario.toml", "--format", "json", "--jobs", self.jobs]);
        command.args(["--journal", &format!("{name}.jsonl"), "--output", &format!("{name}.json")]);
        if let Some(shard) = shard {
            command.args(["--shard", shard]);
        }
        command.current_dir(self.folder).stdout(Stdio::null()).spawn().expect("starts")
    }

    /// Runs it to its end.
    fn finish(&self, name: &str, shard: Option<&str>) {
        let status = self.begin(name, shard).wait().expect("ends");
        assert!(status.success(), "{name}: {status}");
        assert!(!self.path(&format!("{name}.jsonl")).exists(), "what is reported needs no journal");
    }

    /// Kills it when it has done so many.
    fn kill(&self, name: &str, shard: Option<&str>, after: usize) {
        let mut child = self.begin(name, shard);
        let journal = self.path(&format!("{name}.jsonl"));
        while fs::read(&journal).map_or(0, |text| text.iter().filter(|byte| **byte == b'\n').count()) <= after {
            assert!(child.try_wait().expect("a child").is_none(), "{name} was done before it could be killed");
            std::thread::sleep(Duration::from_millis(20));
        }
        // SIGKILL.
        child.kill().expect("alive");
        child.wait().expect("dead");
        let left =
            fs::read_dir(self.folder).expect("a folder").flatten().map(|file| file.file_name().to_string_lossy().into_owned());
        let left: Vec<String> = left.filter(|file| file.contains(&format!("{name}.json")) && !file.ends_with(".jsonl")).collect();
        assert!(left.is_empty(), "nothing is half written: {left:?}");
    }
}

#[test]
#[ignore = "long: 2000 inferences, twice, and a build of firmware"]
fn many_inferences_killed_resumed_and_merged_are_those_of_one_run() {
    let count: usize = std::env::var("STM32SIM_INFERENCES").map_or(2000, |count| count.parse().expect("a number"));
    let scratch = Scratch::new("scale");
    let folder = &scratch.0;
    let Some(mut python) = tools::python("numpy") else { return };
    let different = printed(python.arg("-B").arg(root().join("models/anomaly/many.py")).arg(folder).arg(count.to_string()));
    assert_eq!(different.trim(), count.to_string(), "all inputs are different");
    let Some(()) = image(folder) else { return };
    let jobs = std::env::var("STM32SIM_JOBS").unwrap_or_else(|_| "2".to_owned());
    let work = Work { folder, jobs: &jobs };
    let parts = 4;

    let begun = Instant::now();
    let shard = |part: usize| format!("{part}/{parts}");
    // Every part is killed once, as a pre-empted task of a cluster would be.
    for part in 1..=parts {
        work.kill(&format!("part-{part}"), Some(&shard(part)), count / parts * part / (parts + 1));
        work.finish(&format!("part-{part}"), Some(&shard(part)));
    }
    let in_parts = begun.elapsed();
    let begun = Instant::now();
    let mut merge = Command::new(env!("CARGO_BIN_EXE_stm32sim"));
    merge.arg("merge").args((1..=parts).rev().map(|part| format!("part-{part}.json")));
    printed(merge.args(["--format", "json", "--output", "merged.json"]).current_dir(folder));
    let merging = begun.elapsed();

    let begun = Instant::now();
    work.kill("whole", None, count * 2 / 5);
    work.finish("whole", None);
    let at_once = begun.elapsed();
    println!("{count} inferences, {jobs} jobs: in {parts} parts {in_parts:.1?}, merged in {merging:.1?}; at once {at_once:.1?}");

    let (merged, whole) =
        (fs::read(work.path("merged.json")).expect("merged"), fs::read(work.path("whole.json")).expect("whole"));
    assert!(merged == whole, "merged parts and the whole differ");
    let report: Value = serde_json::from_slice(&whole).expect("JSON");
    assert_eq!(report["results"].as_array().map(Vec::len), Some(count));
    assert_eq!((report["eval"]["samples"].as_u64(), report["eval"]["failed"].as_u64()), (Some(count as u64), Some(0)));
    assert_eq!(report["eval"]["agreeing"].as_u64(), Some(count as u64), "every output is NumPy's");
}
