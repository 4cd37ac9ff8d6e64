//! What it is: memory and functions by symbol: `--set`, `--call`, `--at`.
//! Source of the expectations: the programs' sources; TFLite Micro's committed outputs (`models/anomaly`); GDB for the address of a variable.
//! Does not model: anything.

mod support;

use serde_json::Value;
use support::{Scratch, stm32sim};

fn image(name: &str) -> String {
    format!("{}/firmware-images/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn run(args: &[&str]) -> Value {
    let ran = stm32sim(&[&["run"], args, &["--format", "json"]].concat());
    assert!(ran.err.is_empty(), "{}", ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

#[test]
fn a_variable_is_set_when_main_begins() {
    // systick_1khz.c: it waits until 20 ticks have come, and prints their number.
    let elf = image("tests/systick_1khz.elf");
    let plain = run(&[&elf]);
    let set = run(&[&elf, "--set", "ticks=15"]);
    let cycles = |report: &Value| report["totals"]["cycles"].as_u64().unwrap();
    assert_eq!(set["uart"], plain["uart"]);
    // Fifteen of its milliseconds are missing.
    assert!(cycles(&plain).abs_diff(cycles(&set) + 15 * 72_000) < 2_000, "{} {}", cycles(&plain), cycles(&set));
    let more = run(&[&elf, "--set", "ticks=0x1f", "--at", "SysTick_Handler"]);
    assert!(more["uart"][0]["text"].as_str().unwrap().starts_with("32 ticks"), "{}", more["uart"]);
}

/// A row of a committed array of int8, behind its header.
fn row(file: &str, row: usize, length: usize) -> Vec<u8> {
    let bytes = std::fs::read(format!("{}/models/anomaly/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    bytes[header + row * length..header + (row + 1) * length].to_vec()
}

#[test]
fn a_tensor_is_put_in_and_the_kernel_called() {
    // th_load_tensor takes gp_buff as the input, th_infer runs the network; g_output is what TFLite Micro computes for that sample.
    let elf = image("anomaly.elf");
    let scratch = Scratch::new("inject");
    let sample = scratch.file("sample.bin", &row("samples.npy", 3, 41));
    let set = format!("gp_buff=@{sample}");
    // Where it waits for its first command the clock is set.
    let args = [&elf, "--at", "th_getchar", "--set", &set, "--call", "th_load_tensor", "--call", "th_infer"];
    let report = run(&args);
    assert_eq!(report["outcome"]["kind"], "finished", "{}", report["outcome"]);
    let calls = report["calls"].as_array().unwrap();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[1]["function"], "th_infer");
    // The same inference as in a scenario; the call's own instructions and the copy of its output come to it.
    let scenario = run(&["--scenario", "anomaly", "--sample", "3"]);
    assert_eq!(report["inference"]["cycles"], scenario["inference"]["cycles"]);
    assert!(calls[1]["cycles"].as_u64() > scenario["inference"]["cycles"].as_u64());
    let goldens = row("goldens_int8.npy", 3, 41);
    let sum: u32 = {
        let input = row("samples.npy", 3, 41);
        input.iter().zip(&goldens).map(|(a, b)| i32::from(*a as i8) - i32::from(*b as i8)).map(|d| (d * d) as u32).sum()
    };
    assert_eq!(scenario["inference"]["scores"][0].as_f64(), Some(f64::from(sum)), "the scenario's own answer");
    let output = stm32sim(&[&["run"], &args[..], &["--call", "th_results", "--format", "json"]].concat());
    assert!(output.out.contains(&format!("m-results-[{sum}.000]")), "{}", output.out);
}

#[test]
fn arguments_are_passed_and_results_returned() {
    // platform/mlperf.c: the value of a hexadecimal digit; whether two strings are the same.
    let elf = image("anomaly.elf");
    let report = run(&[&elf, "--call", "hex_digit(0x62)", "--call", "same(&nn_model_plan, &nn_model_plan)"]);
    let calls = report["calls"].as_array().unwrap();
    assert_eq!((&calls[0]["returned"], &calls[1]["returned"]), (&Value::from(11), &Value::from(1)), "{calls:?}");
    assert!(calls[0]["cycles"].as_u64().is_some_and(|cycles| (3..100).contains(&cycles)), "{calls:?}");
    let table = stm32sim(&["run", &elf, "--call", "hex_digit(0x62)"]);
    assert!(table.out.contains("hex_digit(0x62) returned 0xb after"), "{}", table.out);
}

#[test]
fn mistakes_are_named() {
    let elf = image("tests/systick_1khz.elf");
    for (args, says) in [
        (&["--set", "tick=1"][..], "Did you mean 'ticks'"),
        (&["--set", "ticks"], "it is as"),
        (&["--set", "ticks=@/nowhere.npy"], "cannot be read"),
        (&["--set", "ticks=5000000000"], "does not fit"),
        (&["--set", "ticks+4=1"], "the offset is 4"),
        (&["--call", "nothing"], "no symbol"),
        (&["--call", "main("], "no ')'"),
        (&["--call", "main(1,2,3,4,5)"], "at most four"),
        (&["--call", "main(x)"], "no argument"),
        (&["--set", "ticks=1", "--at", "HardFault_Handler"], "did not come to"),
        (&["--call", "Default_Handler", "--limit", "10ms"], "did not return"),
    ] {
        let ran = stm32sim(&[&["run", &elf], args].concat());
        assert!([2, 4].contains(&ran.code) && ran.err.contains(says), "{args:?}: {} {}", ran.code, ran.err);
    }
}
