//! What it is: how much faster two machines at a time get through a data set than one: alternating, medians of the ratios.
//! Source: the target is the project's own: at least 1.9 times on two free processors.
//! Does not model: more than two jobs, or what the disc does.
//! Tested by: `cargo bench --bench jobs`; that the results are the same is `tests/campaign.rs`'s matter.

use std::process::{Command, Stdio};
use std::time::Instant;

fn seconds(jobs: &str) -> f64 {
    let begin = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_stm32sim"))
        .args(["eval", "--scenario", "anomaly", "--quiet", "--jobs", jobs])
        .stdout(Stdio::null())
        .status()
        .expect("the tool runs");
    assert!(status.success());
    begin.elapsed().as_secs_f64()
}

fn main() {
    let mut ratios: Vec<f64> = (0..5).map(|_| seconds("1") / seconds("2")).collect();
    ratios.sort_by(f64::total_cmp);
    println!("two jobs: {:.2} times one, median of {}; from {:.2} to {:.2}", ratios[2], ratios.len(), ratios[0], ratios[4]);
}
