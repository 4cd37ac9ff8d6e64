//! The machine on the images of `firmware-images/tests`: what they print, how they end, where they fault, and when things happen.
//!
//! Sources of the expectations: `expected.toml` there, which QEMU's stm32vldiscovery confirms where it can (`tests/firmware_images.rs`) and
//! which names its manual where it cannot; the C sources for the lines of faults; RM0008, PM0056, DS5319 and DDI 0403 where a test says so.
//! Does not model: cycle counts; those are `tests/silicon.rs`'s and `tests/fidelity.rs`'s.

#[path = "support/board.rs"]
mod board;

use board::{Ran, image, run, run_image};
use std::path::Path;
use stm32sim::finding::Code;
use stm32sim::firmware::Image;
use stm32sim::machine::exceptions::Fault;
use stm32sim::machine::{Environment, Machine, Outcome, Progress, Settings};
use stm32sim::timing::{Cause, Fidelity};
use stm32sim::units::{Addr, Hz, Tick};

/// Enough for every image: two seconds at 72 MHz.
const LIMIT: u64 = 144_000_000;

fn source(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware-images").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn expected() -> toml::Table {
    source("tests/expected.toml").parse().unwrap()
}

/// What the program's entry says it prints, the verdict's line included.
fn wanted(entry: &toml::Value) -> Option<String> {
    let lines = entry.get("prints")?.as_array()?;
    let mut text: String = lines.iter().map(|line| format!("{}\r\n", line.as_str().unwrap())).collect();
    let ends = entry["ends"].as_str().unwrap();
    if ends.starts_with("exit ") {
        text += &format!("{ends}\r\n");
    }
    Some(text)
}

/// How a run ended, in the words of `expected.toml`.
fn ending(ran: &Ran, text: &str) -> String {
    match ran.outcome {
        Outcome::Finished => "finished".to_owned(),
        Outcome::Fault { .. } => "fault".to_owned(),
        Outcome::Limit(_) => "spin".to_owned(),
        Outcome::Exit(_) => "semihosting exit".to_owned(),
        Outcome::Asleep(_) => match text.lines().last().filter(|line| line.starts_with("exit ")) {
            Some(verdict) => verdict.to_owned(),
            None => "sleep".to_owned(),
        },
    }
}

#[test]
fn every_test_program_does_what_expected_toml_says() {
    for (name, entry) in &expected() {
        let ran = run(&format!("tests/{name}"), LIMIT);
        let text = ran.text();
        assert_eq!(ending(&ran, &text), entry["ends"].as_str().unwrap(), "{name}: {:?}", ran.outcome);
        if let Some(wanted) = wanted(entry) {
            assert_eq!(text, wanted, "{name}");
        }
        if let Some(first) = entry.get("first_line") {
            assert_eq!(text.lines().next(), first.as_str(), "{name}");
        }
        let [cfsr, _, bfar] = ran.machine.fault_registers();
        if let Some(wanted) = entry.get("cfsr") {
            assert_eq!(format!("{cfsr:#010x}"), format!("{:#010x}", wanted.as_integer().unwrap()), "{name}");
        }
        if let Some(wanted) = entry.get("fault_register") {
            assert_eq!(i64::from(bfar), wanted.as_integer().unwrap(), "{name}");
        }
    }
}

#[test]
fn the_programs_of_the_folder_are_those_of_expected_toml() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware-images/tests");
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "elf"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    found.sort();
    let mut described: Vec<String> = expected().keys().cloned().collect();
    described.sort();
    assert_eq!(found, described);
}

/// The number of the one line of a program that contains `text`.
fn line_of(program: &str, text: &str) -> u32 {
    let source = source(&format!("tests/{program}.c"));
    let lines: Vec<usize> = (1..).zip(source.lines()).filter(|(_, line)| line.contains(text)).map(|(number, _)| number).collect();
    assert_eq!(lines.len(), 1, "{program}: {text}");
    lines[0] as u32
}

#[test]
fn a_fault_is_placed_at_the_line_that_broke_the_rule() {
    let bus = Fault::PreciseBus(0x1000_0000);
    for (program, function, text, fault) in [
        ("fault_undef", "main", "udf #0", Fault::Undefined),
        ("fault_behind_hint", "main", "udf #0", Fault::Undefined),
        ("v7em", "main", ".inst.w 0xfb213002", Fault::Undefined),
        ("fault_bus", "main", "0x10000000u", bus),
        ("fault_null_call", "main", "    function();", Fault::InvalidState),
        ("fault_divide", "divide_by", "udiv %0", Fault::DivideByZero),
        ("fault_unaligned", "load", "ldr %0", Fault::Unaligned),
    ] {
        let ran = run(&format!("tests/{program}"), LIMIT);
        let Outcome::Fault { fault: found, pc, lockup } = ran.outcome else { panic!("{program}: {:?}", ran.outcome) };
        assert_eq!((found, lockup), (fault, false), "{program}");
        let place = image(&format!("tests/{program}")).locate(Addr(pc));
        let function_found = place.inlined.unwrap_or(place.function);
        let file = place.file.unwrap_or_default();
        assert!(file.ends_with(&format!("{program}.c")), "{program}: {file}");
        assert_eq!((&*function_found, place.line), (function, Some(line_of(program, text))), "{program}");
    }
}

#[test]
fn a_stack_overflow_is_placed_in_the_recursion_and_names_the_address_below_sram() {
    let ran = run("tests/stack_overflow", LIMIT);
    let Outcome::Fault { fault: Fault::PreciseBus(address), pc, .. } = ran.outcome else { panic!("{:?}", ran.outcome) };
    // SRAM starts at 0x20000000; one frame of the function is less than 128 bytes (16 words, and what it saves).
    assert!((0x2000_0000 - 128..0x2000_0000).contains(&address), "{address:#x}");
    assert_eq!(image("tests/stack_overflow").locate(Addr(pc)).function, "deeper");
    // BFSR.STKERR besides PRECISERR, as QEMU says too.
    assert_eq!(ran.machine.fault_registers()[0] & 0x1200, 0x1200);
}

#[test]
fn a_spin_ends_at_the_limit_and_in_its_loop() {
    let ran = run("tests/spin_forever", 20_000_000);
    let Outcome::Limit(pc) = ran.outcome else { panic!("{:?}", ran.outcome) };
    let place = image("tests/spin_forever").locate(Addr(pc));
    assert_eq!((&*place.function, place.line), ("main", Some(line_of("spin_forever", "while (!never)"))));
    // A block may run over.
    assert!((20_000_000..20_001_000).contains(&ran.machine.now().0));
}

#[test]
fn sleep_without_end_ends_at_once_and_on_the_right_line() {
    let ran = run("tests/sleep_forever", LIMIT);
    let Outcome::Asleep(pc) = ran.outcome else { panic!("{:?}", ran.outcome) };
    let place = image("tests/sleep_forever").locate(Addr(pc));
    assert_eq!(&*place.function, "main");
    // The crystal's 2 ms and the PLL's 200 us at 8 MHz (DS5319, tables 23 and 27), and little else.
    assert!((17_600..18_000).contains(&ran.machine.now().0), "{}", ran.machine.now().0);
}

#[test]
fn two_runs_are_the_same_in_everything() {
    for name in expected().keys().map(|name| format!("tests/{name}")).chain(["hello".into(), "anomaly".into()]) {
        let [first, second] = [(); 2].map(|()| run(&name, 30_000_000));
        assert_eq!(first.outcome, second.outcome, "{name}");
        assert_eq!(first.machine.sent(), second.machine.sent(), "{name}");
        assert_eq!(first.totals(), second.totals(), "{name}");
        assert_eq!(first.machine.findings(), second.machine.findings(), "{name}");
        assert_eq!(first.machine.ledger(), second.machine.ledger(), "{name}");
        assert_eq!(first.machine.touched_sram(), second.machine.touched_sram(), "{name}");
        let blocks = |ran: &Ran| ran.machine.prices().costs().map(|c| (c.block.addr, c.executions, c.causes)).collect::<Vec<_>>();
        assert_eq!(blocks(&first), blocks(&second), "{name}");
    }
}

#[test]
fn causes_sum_to_the_time_that_passed() {
    for name in expected().keys() {
        let ran = run(&format!("tests/{name}"), 30_000_000);
        assert_eq!(ran.totals().0.total(), ran.machine.now().0, "{name}");
    }
}

#[test]
fn the_clock_is_set_through_the_pll() {
    // clock.c; RM0008 figure 8: 8 MHz crystal times 9, APB1 halved; PM0075 table 2: two wait states above 48 MHz.
    let clocks = run("tests/exit_code", LIMIT).machine.clocks();
    assert_eq!([clocks.sysclk, clocks.hclk, clocks.pclk1, clocks.pclk2], [72, 72, 36, 72].map(|mhz| Hz(mhz * 1_000_000)));
    assert_eq!((clocks.wait_states, clocks.prefetch), (2, true));
}

#[test]
fn characters_leave_at_115200_baud() {
    // Ten bits of 72 MHz / 115200 = 625 cycles (RM0008, 27.3.4); the transmitter is never starved within a line.
    let ran = run("tests/nested_irq", LIMIT);
    let times: Vec<u64> = ran.machine.sent().iter().map(|sent| sent.at.0).collect();
    let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps.iter().min(), Some(&6250));
    let full_speed = gaps.iter().filter(|gap| **gap == 6250).count();
    assert!(full_speed * 10 > gaps.len() * 8, "{gaps:?}");
}

#[test]
fn systick_comes_every_load_plus_one_cycles() {
    // DDI 0403, B3.3.1; LOAD is 71999. Waiting in a loop, the handler starts at the end of a block; asleep, at once.
    let image = image("tests/systick_1khz");
    let handler = image.symbols.by_name("SysTick_Handler").unwrap().address;
    let mut machine = board::board(&image, Settings::default());
    machine.watch_function(handler.0);
    machine.run(&mut (), Tick(LIMIT)).unwrap();
    let entries: Vec<u64> = machine.marks().iter().filter(|mark| mark.arguments.is_some()).map(|mark| mark.at.0).collect();
    assert!(entries.len() >= 20, "{entries:?}");
    for (n, entry) in entries.iter().enumerate() {
        let due = entries[0] + 72_000 * n as u64;
        assert!(entry.abs_diff(due) < 60, "tick {n}: {entry} instead of {due}");
    }
    let gaps: Vec<u64> = entries[11..20].windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps, [72_000; 8]);
    // Ten periods are slept through, but for the handlers.
    let asleep = machine.prices().totals().0.of(Cause::Sleep);
    assert!((9 * 71_000..11 * 72_000).contains(&asleep), "{asleep}");
}

#[test]
fn what_the_firmware_does_wrong_is_found_and_placed() {
    for (program, code, function, text) in [
        ("unclocked", Code::UnclockedPeripheral, "main", None),
        ("latency_low", Code::LatencyTooLow, "main", Some("FLASH->ACR = FLASH_ACR_PRFTBE")),
        ("cyccnt_midblock", Code::CycleCounterOff, "main", Some("off = DWT_CYCCNT")),
        ("v7em", Code::BuiltForM4, "main", Some(".inst.w 0xfb213002")),
    ] {
        let ran = run(&format!("tests/{program}"), LIMIT);
        let [(finding, pc)] = ran.machine.findings() else { panic!("{program}: {:?}", ran.machine.findings()) };
        let place = image(&format!("tests/{program}")).locate(Addr(*pc));
        assert_eq!((finding.code, &*place.inlined.unwrap_or(place.function)), (code, function), "{program}");
        if let Some(text) = text {
            assert_eq!(place.line, Some(line_of(program, text)), "{program}");
        }
    }
}

#[test]
fn what_is_right_is_not_found_fault_with_and_uses_nothing_unmodelled() {
    for name in ["hello", "anomaly", "tests/exit_code", "tests/nested_irq", "tests/svc_pendsv", "tests/systick_1khz"] {
        let ran = run(name, 30_000_000);
        assert_eq!(ran.findings(), [] as [&str; 0], "{name}");
        assert!(ran.machine.ledger().is_empty(), "{name}: {:?}", ran.machine.ledger());
    }
}

/// Sends text once the firmware has said a line, and ends when it has answered.
struct Talk {
    after: &'static str,
    say: &'static [u8],
    until: &'static str,
    said: bool,
}

impl Environment for Talk {
    fn look(&mut self, machine: &mut Machine) -> stm32sim::finding::Result<Progress> {
        let heard: String = machine.sent().iter().map(|sent| char::from(sent.byte)).collect();
        if !self.said && heard.ends_with(self.after) {
            self.said = true;
            let line = machine.device("USART1").unwrap();
            machine.receive(line, self.say);
        }
        Ok(if heard.ends_with(self.until) { Progress::Done } else { Progress::Continue })
    }
}

#[test]
fn what_is_sent_to_the_firmware_arrives() {
    // hello/main.c echoes up to '%'; the benchmark's `name` command is MLPerf Tiny's.
    for (name, after, say, until) in
        [("hello", "Hz\r\n", &b"some text%"[..], " us\r\n"), ("anomaly", "m-ready\r\n", b"name%", "m-name-dut-[stm32f103]\r\n")]
    {
        let mut machine = board::board(&image(name), Settings::default());
        let outcome = machine.run(&mut Talk { after, say, until, said: false }, Tick(LIMIT)).unwrap();
        let text: String = machine.sent().iter().map(|sent| char::from(sent.byte)).collect();
        assert_eq!(outcome, Outcome::Finished, "{name}: {text}");
        assert!(name != "hello" || text.contains("echo [some text] at "), "{text}");
    }
}

#[test]
fn reference_fidelity_behaves_the_same() {
    for (name, entry) in &expected() {
        let Some(wanted) = wanted(entry) else { continue };
        let ran = run_image(&image(&format!("tests/{name}")), board::fidelity(Fidelity::Reference), 20_000_000);
        assert_eq!(ran.text(), wanted, "{name}");
    }
}

#[test]
fn what_is_connected_to_an_analogue_input_is_what_is_converted() {
    // `adc_timer_dma` takes 64 samples at 16 kHz of channel 17, four times over, and accepts 1440 to 1540; RM0008, 11.2: 4096 steps of 3.3 V.
    use stm32sim::peripherals::analog::Source;
    let recording = |samples: &[u16]| Source::Recording { rate: Hz(250), samples: samples.into(), start_nanos: 0, repeat: false };
    for (source, passes) in [
        (Source::millivolts(1200), true),
        (Source::Constant(1600), false),
        (recording(&[1500; 8]), true),
        // The last sample is reached 12 ms after power-on, while it samples.
        (recording(&[1500, 1500, 1500, 9]), false),
    ] {
        let mut machine = board::board(&image("tests/adc_timer_dma"), Settings::default());
        machine.connect_analog(17, source.clone());
        machine.run(&mut (), Tick(LIMIT)).unwrap();
        let text: String = machine.sent().iter().map(|sent| char::from(sent.byte)).collect();
        assert_eq!(text.contains("passed"), passes, "{source:?}: {text}");
    }
}

#[test]
fn code_that_is_rewritten_for_ever_does_not_fill_the_table() {
    // Each call of the image's changing function is a new piece of code at the same place.
    let ran = run("tests/self_modifying", LIMIT);
    let at_one_place: Vec<u64> =
        ran.machine.prices().costs().filter(|cost| cost.block.addr.0 >= 0x2000_0000).map(|cost| cost.executions).collect();
    assert_eq!(at_one_place, [5]);
}

#[test]
fn an_image_is_not_changed_by_a_run() {
    // The traps put an instruction in another's place for a moment (`barred` in run.rs): flash is as it was linked afterwards.
    for name in ["traps_handled", "v7em", "fault_divide"] {
        let image: Image = image(&format!("tests/{name}"));
        let ran = run(&format!("tests/{name}"), LIMIT);
        let placement = stm32sim::chip::Chip::find("stm32f103c8").unwrap().place(&image).unwrap();
        let (base, _) = ran.machine.memory().flash();
        assert!(ran.machine.memory().holds(base, &placement.flash), "{name}");
    }
}

#[test]
fn code_in_a_page_that_is_programmed_anew_is_priced_as_what_it_now_is() {
    // The program puts `movs r0, #42; bx lr` there and calls it, and then `movs r0, #7; bx lr`.
    let ran = run("tests/flash_program", LIMIT);
    let prices = ran.machine.prices();
    let of_page = prices.costs().filter(|cost| cost.block.addr == Addr(0x0800_f800));
    let constants: Vec<(u64, bool, bool)> = of_page
        .map(|cost| {
            let has = |value| {
                cost.block.insns[0].compute.is_some_and(|compute| format!("{compute:?}").contains(&format!("Const({value})")))
            };
            (cost.executions, has(42), has(7))
        })
        .collect();
    assert_eq!(constants, [(1, true, false), (1, false, true)]);
}

#[test]
fn a_scripted_master_reads_what_its_slave_gives() {
    // `slaves` puts A1 to A4 into SPI2's data register, and 51 and 52 into I2C2's; `slaves.toml` clocks four bytes and reads two.
    let ran = run("tests/slaves", LIMIT);
    for (name, wanted) in [("SPI2", &[0xa1, 0xa2, 0xa3, 0xa4][..]), ("I2C2", &[0x51, 0x52])] {
        let device = ran.machine.device(name).unwrap();
        let given: Vec<u8> = ran.machine.sent().iter().filter(|sent| sent.device == device).map(|sent| sent.byte).collect();
        assert_eq!(given, wanted, "{name}");
    }
}

#[test]
fn a_timer_that_cannot_wake_the_core_does_not_hide_that_nothing_can() {
    // `sleep_timer` enables TIM2's interrupt in the timer and not in the NVIC: after a second of the chip's time the run is over.
    let ran = run("tests/sleep_timer", LIMIT);
    assert!(matches!(ran.outcome, Outcome::Asleep(_)), "{:?}", ran.outcome);
    assert!((72_000_000..72_100_000).contains(&ran.machine.now().0), "{}", ran.machine.now().0);
}
