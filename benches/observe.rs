//! What it is: what a profile costs over a plain run: the tree of calls, stacks, functions, lines, causes, interrupts and time line together, from
//! the request to the report's JSON. One process, alternating, so that a busy host slows both alike; medians.
//! Source: the promise is at most 25 % (docs/profile.md).
//! Does not model: exports, which are made afterwards; `--check-reads`, which promises nothing.
//! Tested by: `cargo bench --bench observe`; `--rounds N`; a scenario's name chooses.

use std::time::{Duration, Instant};
use stm32sim::chip::Chip;
use stm32sim::machine::Overrides;
use stm32sim::report::run::{Limit, Request, Stimulus, profile, run};
use stm32sim::scenario::{Scenario, World};
use stm32sim::timing::Fidelity;

/// Time that this thread has had a processor for, where the system tells (Linux); else the time of day.
fn clock() -> Duration {
    static BEGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let begin = BEGIN.get_or_init(Instant::now);
    let on_processor = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = on_processor.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| begin.elapsed(), Duration::from_nanos)
}

fn timed(act: impl FnOnce() -> usize) -> f64 {
    let begin = clock();
    let bytes = act();
    let took = clock() - begin;
    assert!(bytes > 0);
    took.as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rounds = arguments.iter().position(|a| a == "--rounds").and_then(|i| arguments.get(i + 1)?.parse().ok()).unwrap_or(11);
    let names: Vec<&String> = arguments.iter().filter(|a| a.starts_with(|c: char| c.is_ascii_lowercase())).collect();
    println!("{:16} {:>10} {:>10} {:>14}", "scenario", "run", "profile", "profile/run");
    for name in ["keyword", "image", "emotion", "anomaly"] {
        if !names.is_empty() && !names.iter().any(|wanted| *wanted == name) {
            continue;
        }
        let scenario = Scenario::find(name).expect("a built-in scenario");
        let (image, chip) = (scenario.image().expect("an image"), Chip::find(&scenario.chip).expect("a chip"));
        let request = Request {
            chip: &chip,
            image: &image,
            scenario: Some((&scenario, Stimulus::Sample(0))),
            world: World::default(),
            fidelity: Fidelity::Memo,
            limit: Limit::Seconds(60.0),
            clock: None,
            overrides: Overrides::default(),
            check_reads: false,
        };
        let json = |report| serde_json::to_string_pretty(&report).expect("JSON").len();
        let (mut plain, mut full) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            plain.push(timed(|| json(run(&request).expect("a run"))));
            full.push(timed(|| json(profile(&request).expect("a profile").report)));
        }
        let ratios: Vec<f64> = plain.iter().zip(&full).map(|(plain, full)| full / plain).collect();
        println!("{name:16} {:8.1} ms {:8.1} ms {:14.3}", median(plain) * 1e3, median(full) * 1e3, median(ratios));
    }
}
