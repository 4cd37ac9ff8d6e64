//! What it is: remembered prices against prices worked out instruction by instruction for every block that runs: equal to the cycle, in total,
//! per cause, per block and at every instant that the firmware can see, on every committed image and on programs made by chance.
//! Source: DESIGN, "The cycle model": memo and reference are two ways to the same numbers. The reference steps `timing`'s pipeline, which
//! `tests/silicon.rs` holds against measurements on silicon.
//! Does not model: whether the prices are right; only that remembering them changes nothing.
//! Tested by: a table too small to hold anything is tried as well, so that forgetting is exercised.

#[path = "support/board.rs"]
mod board;
#[path = "support/call.rs"]
mod call;
#[path = "support/programs.rs"]
mod programs;

use programs::{Devices, program};
use std::collections::BTreeMap;
use std::path::Path;
use stm32sim::chip::Chip;
use stm32sim::firmware::Image;
use stm32sim::machine::{Machine, Overrides, Settings};
use stm32sim::report::run::{Limit, Request, Stimulus, run};
use stm32sim::scenario::{Scenario, names};
use stm32sim::timing::Fidelity;
use stm32sim::units::Tick;

/// Everything that a run adds up to: by block its executions, instructions and causes; what lies outside blocks; the time; what was sent, and
/// when; what SRAM holds in the end; how it ended.
type Account = (BTreeMap<(u32, u32), (u64, u64, [u64; 9])>, [u64; 9], u64, Vec<(u64, u8)>, Vec<u8>, String);

fn account(mut machine: Machine, limit: u64) -> Account {
    let outcome = machine.run(&mut (), Tick(limit)).expect("the machine works");
    let mut blocks = BTreeMap::new();
    for cost in machine.prices().costs().filter(|cost| cost.executions > 0) {
        // The rest of a block behind a mid-block change has the same numbers under either fidelity, so adding up by place is enough.
        let entry: &mut (u64, u64, [u64; 9]) = blocks.entry((cost.block.addr.0, cost.block.size)).or_default();
        entry.0 += cost.executions;
        entry.1 += cost.instructions;
        entry.2.iter_mut().zip(cost.causes.0).for_each(|(sum, cycles)| *sum += cycles);
    }
    let sent = machine.sent().iter().map(|sent| (sent.at.0, sent.byte)).collect();
    let sram = machine.memory().read_vec(call::SRAM, call::SRAM_SIZE as usize).expect("SRAM");
    let sums = machine.prices().totals().0;
    assert_eq!(sums.total(), machine.now().0, "causes add up to the time");
    (blocks, machine.prices().outside().0, machine.now().0, sent, sram, format!("{outcome:?}"))
}

/// The account with remembered prices, with a table that holds next to nothing, and worked out.
fn three_ways(make: impl Fn(Settings) -> Machine, overrides: Overrides, limit: u64) -> [Account; 3] {
    let settings = |fidelity| Settings { fidelity, overrides, check_reads: false };
    let mut forgetful = make(settings(Fidelity::Memo));
    forgetful.limit_table(5);
    [
        account(make(settings(Fidelity::Memo)), limit),
        account(forgetful, limit),
        account(make(settings(Fidelity::Reference)), limit),
    ]
}

fn committed_images() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware-images");
    let mut names = Vec::new();
    for sub in ["", "tests/"] {
        for entry in std::fs::read_dir(folder.join(sub)).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            names.extend(file.strip_suffix(".elf").map(|name| format!("{sub}{name}")));
        }
    }
    names.sort();
    names
}

/// The smallest built-in chip that holds an image.
fn chip_for(image: &Image) -> Option<(Chip, stm32sim::chip::Placement)> {
    ["stm32f103c8", "stm32f103rc", "stm32f103rg"].into_iter().find_map(|name| {
        let chip = Chip::find(name).unwrap();
        let placement = chip.place(image).ok()?;
        Some((chip, placement))
    })
}

#[test]
fn every_image_alone_costs_the_same_however_it_is_priced() {
    let mut ran = 0;
    for name in committed_images() {
        let image = board::image(&name);
        // The runner wants a model in its flash.
        let Some((chip, placement)) = chip_for(&image) else { panic!("{name} fits no chip") };
        let make = |settings| Machine::new(&chip, &placement, settings).expect("a machine");
        let [memo, forgetful, reference] = three_ways(make, Overrides::default(), 1_500_000);
        assert!(!memo.0.is_empty(), "{name} ran nothing");
        assert!(memo == reference, "{name}: remembered prices differ from those worked out");
        assert!(forgetful == reference, "{name}: forgetting changes prices");
        ran += 1;
    }
    assert!(ran > 15, "the committed images are missing");
}

#[test]
fn every_scenario_costs_the_same_however_it_is_priced() {
    for name in names() {
        let scenario = Scenario::find(name).expect("a built-in scenario");
        let chip = Chip::find(&scenario.chip).expect("a built-in chip");
        let image = scenario.image().expect("a built-in image");
        let [mut memo, mut reference] = [Fidelity::Memo, Fidelity::Reference].map(|fidelity| {
            let report = run(&Request {
                chip: &chip,
                image: &image,
                scenario: Some((&scenario, Stimulus::Sample(0))),
                world: Default::default(),
                fidelity,
                limit: Limit::Seconds(10.0),
                clock: None,
                overrides: Overrides::default(),
                check_reads: false,
            })
            .expect("a sound request");
            serde_json::to_value(report).expect("JSON")
        });
        assert_eq!(memo["outcome"]["kind"], "finished", "{name}");
        for report in [&mut memo, &mut reference] {
            assert!(report["timing_model"]["fidelity"].take().is_string());
        }
        assert_eq!(memo, reference, "{name}");
    }
}

#[test]
fn programs_made_by_chance_cost_the_same_however_they_are_priced() {
    for seed in 0..400 {
        let program = program(seed, Devices::Some);
        let overrides = Overrides { wait_states: Some((seed % 3) as u8), prefetch: Some(seed % 7 != 0) };
        let [memo, forgetful, reference] = three_ways(|settings| program.machine(settings), overrides, 20_000_000);
        assert!(memo.5.starts_with("Asleep"), "program {seed} must reach its end: {}", memo.5);
        assert!(memo == reference, "program {seed}: remembered prices differ from those worked out");
        assert!(forgetful == reference, "program {seed}: forgetting changes prices");
    }
}
