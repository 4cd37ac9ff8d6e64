//! What it is: emulated instructions per second of the bare engine, of the machine with remembered prices and of the machine that works every
//! price out, and the ratios between them. One process, alternating, so that a busy host slows all alike; medians.
//! Source: the targets are the project's own: memo at most 1.5 times bare (1.25 as the aim), reference at most 30 times memo.
//! Does not model: firmware with many device accesses; `interrupts` below measures what a 1 kHz tick costs.
//! Tested by: `cargo bench`; a name as an argument chooses a workload, `--rounds N` how often each is measured.

#[path = "../tests/support/board.rs"]
mod board;
#[path = "../tests/support/call.rs"]
mod call;

use call::{Call, address, constant, put};
use std::time::{Duration, Instant};
use stm32sim::machine::{Machine, Outcome, Overrides, Settings};
use stm32sim::timing::Fidelity;
use stm32sim::units::Tick;

/// A millisecond at 72 MHz.
const TICK: u32 = 72_000;

/// A call, and how many instructions it has.
struct Workload {
    name: &'static str,
    call: Call,
    instructions: u64,
}

fn settings(fidelity: Fidelity) -> Settings {
    // As firmware at 72 MHz sets it: the hardest case for the table.
    Settings { fidelity, overrides: Overrides { wait_states: Some(2), prefetch: Some(true) }, check_reads: false }
}

/// Time that this thread has had a processor for, where the system tells (Linux), so that a busy host disturbs less; else the time of day.
struct Watch {
    begin: Instant,
    on_processor: Option<u64>,
}

impl Watch {
    fn start() -> Self {
        Watch { begin: Instant::now(), on_processor: Self::on_processor() }
    }

    fn on_processor() -> Option<u64> {
        std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
    }

    fn elapsed(&self) -> Duration {
        match (self.on_processor, Self::on_processor()) {
            (Some(begin), Some(end)) => Duration::from_nanos(end - begin),
            _ => self.begin.elapsed(),
        }
    }
}

fn finish(mut machine: Machine) -> (Machine, Duration) {
    let begin = Watch::start();
    let outcome = machine.run(&mut (), Tick::NEVER).unwrap();
    let took = begin.elapsed();
    assert!(matches!(outcome, Outcome::Asleep(_)), "{outcome:?}");
    (machine, took)
}

fn on_machine(call: &Call, fidelity: Fidelity) -> Duration {
    finish(call.machine(settings(fidelity))).1
}

fn on_engine(call: &Call) -> Duration {
    let mut engine = call.engine(());
    let begin = Watch::start();
    engine.emu_start(u64::from(call.entry | 1), 0, 0, 0).unwrap();
    begin.elapsed()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// How often a call must be made so that `seconds` pass on the machine.
fn workload(name: &'static str, make: impl Fn(u32) -> Call, seconds: f64) -> Workload {
    let (mut times, mut took) = (1, Duration::ZERO);
    while took < Duration::from_millis(20) {
        times *= 4;
        took = on_machine(&make(times), Fidelity::Memo);
    }
    let times = (f64::from(times) * seconds / took.as_secs_f64()) as u32 + 1;
    let call = make(times);
    let (machine, _) = finish(call.machine(settings(Fidelity::Memo)));
    let instructions = machine.prices().totals().1;
    Workload { name, call, instructions }
}

fn measure(workload: &Workload, rounds: usize) {
    let mut columns = [const { Vec::new() }; 3];
    let short = Call { flash: workload.call.flash.clone(), sram: workload.call.sram.clone(), ..workload.call };
    for round in 0..rounds {
        columns[0].push(on_engine(&workload.call).as_secs_f64());
        columns[1].push(on_machine(&workload.call, Fidelity::Memo).as_secs_f64());
        if round < 1 {
            columns[2].push(on_machine(&short, Fidelity::Reference).as_secs_f64());
        }
    }
    let ratios: Vec<f64> = columns[0].iter().zip(&columns[1]).map(|(bare, memo)| memo / bare).collect();
    let [bare, memo, reference] = columns.map(median);
    let rate = |seconds: f64| workload.instructions as f64 / seconds / 1e6;
    println!(
        "{:14} {:8.1} {:8.1} {:8.1} {:10.2} {:14.1}",
        workload.name,
        rate(bare),
        rate(memo),
        rate(reference),
        median(ratios),
        reference / memo
    );
}

/// The same work with a SysTick every `period` cycles whose handler returns at once.
fn ticking(work: &Call, period: u32) -> Call {
    let mut ticking = Call { flash: work.flash.clone(), sram: work.sram.clone(), ..*work };
    let handler = call::FLASH + call::FLASH_SIZE - 0x200;
    put(&mut ticking.flash, handler, &[0x4770]); // bx lr
    ticking.flash[0x3c..0x40].copy_from_slice(&(handler | 1).to_le_bytes());
    let mut code = constant(0, 0xe000_e010).to_vec();
    code.extend(constant(1, period - 1));
    code.extend([0x6041, 0x2100, 0x6081, 0x2107, 0x6001]); // LOAD, VAL = 0, CTRL = 7
    code.extend(constant(0, work.entry | 1));
    code.push(0x4700); // bx r0
    ticking.entry = handler + 0x10;
    put(&mut ticking.flash, ticking.entry, &code);
    ticking
}

/// The time with ticks, for as many cycles as the work takes without: it would be woken for ever, and the limit ends it.
fn with_ticks(ticking: &Call, cycles: u64) -> Duration {
    let mut machine = ticking.machine(settings(Fidelity::Memo));
    let begin = Watch::start();
    machine.run(&mut (), Tick(cycles)).unwrap();
    begin.elapsed()
}

/// What ticks cost.
fn interrupts(work: &Workload, rounds: usize) {
    let ticking = ticking(&work.call, TICK);
    let cycles = finish(work.call.machine(settings(Fidelity::Memo))).0.now().0;
    let ratio = |_| {
        let quiet = on_machine(&work.call, Fidelity::Memo);
        with_ticks(&ticking, cycles).as_secs_f64() / quiet.as_secs_f64()
    };
    let ratios = (0..rounds).map(ratio).collect();
    println!("{:14} {:.3} times the time without ({} ticks)", "1 kHz tick", median(ratios), cycles / u64::from(TICK));
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rounds = arguments.iter().position(|a| a == "--rounds").and_then(|i| arguments.get(i + 1)?.parse().ok()).unwrap_or(21);
    let seconds = arguments.iter().position(|a| a == "--seconds").and_then(|i| arguments.get(i + 1)?.parse().ok()).unwrap_or(0.1);
    let wanted = |name: &str| {
        let names: Vec<&String> = arguments.iter().filter(|a| a.starts_with(|c: char| c.is_ascii_lowercase())).collect();
        names.is_empty() || names.iter().any(|n| *n == name)
    };
    let int8 = board::image("tests/int8_kernel");
    let float = board::image("tests/soft_float");
    let anomaly = board::image("anomaly");
    let keyword = board::image("keyword");
    let arguments_of = |image| [address(image, "nn_model_plan"), address(image, "nn_arena")];
    println!("{:14} {:>8} {:>8} {:>8} {:>10} {:>14}", "Minsn/s", "bare", "memo", "ref", "memo/bare", "reference/memo");
    type Make<'a> = Box<dyn Fn(u32) -> Call + 'a>;
    let all: [(&'static str, Make); 4] = [
        ("int8_kernel", Box::new(|times| Call::named(&int8, "convolve", [1, 0], times))),
        ("soft_float", Box::new(|times| Call::named(&float, "accumulate", [100, 0], times))),
        ("anomaly", Box::new(|times| Call::named(&anomaly, "nn_invoke", arguments_of(&anomaly), times))),
        ("keyword", Box::new(|times| Call::named(&keyword, "nn_invoke", arguments_of(&keyword), times))),
    ];
    for (name, make) in all {
        let has = |option: &str| arguments.iter().any(|a| a == option);
        if (has("--memo-only") || has("--ticks-only")) && wanted(name) {
            // For a profiler.
            let work = workload(name, make, seconds);
            let cycles = finish(work.call.machine(settings(Fidelity::Memo))).0.now().0;
            let period = arguments.iter().position(|a| a == "--period").and_then(|i| arguments.get(i + 1)?.parse().ok());
            let ticking = ticking(&work.call, period.unwrap_or(TICK));
            for _ in 0..rounds {
                let took =
                    if has("--ticks-only") { with_ticks(&ticking, cycles) } else { on_machine(&work.call, Fidelity::Memo) };
                println!("{name} {took:?} for {} instructions", work.instructions);
            }
        } else if wanted(name) {
            let work = workload(name, make, seconds);
            measure(&work, rounds);
            interrupts(&work, rounds);
        }
    }
}
