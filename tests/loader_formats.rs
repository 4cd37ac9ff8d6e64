//! What it is: firmware as Intel HEX, as raw bytes, in several files, and as armlink writes ELFs: the chip holds and runs the same.
//! Source: `arm-none-eabi-objcopy -O ihex` and `-O binary` of the committed ELFs, skipped with a reason where it is missing.
//! Does not model: names and lines, which these formats lose.
//! Tested by: running it.

mod support;

use serde_json::Value;
use stm32sim::chip::Chip;
use stm32sim::firmware::{Image, Source};
use stm32sim::units::Addr;
use support::{Elf, FLASH, Scratch, binutils, committed_images, stm32sim};

/// Runs the tool; standard error must stay empty.
fn report(args: &[&str]) -> Value {
    let ran = stm32sim(&[&["run"], args, &["--format", "json"]].concat());
    assert_eq!(ran.err, "", "{args:?}");
    serde_json::from_str(&ran.out).expect("a JSON document")
}

/// What does not depend on names.
fn essence(report: &Value) -> Vec<Value> {
    let of = |path: &str| report.pointer(path).cloned().unwrap_or_default();
    ["/totals", "/cycles_by_cause", "/uart", "/outcome/kind", "/outcome/code", "/clock", "/memory/flash"].map(of).to_vec()
}

/// The file as objcopy writes it in that format; `None` without objcopy.
fn converted(scratch: &Scratch, elf: &str, format: &str, name: &str) -> Option<String> {
    let path = scratch.0.join(name).to_str()?.to_owned();
    binutils("objcopy", &["-O", format, elf, &path]).map(|_| path)
}

#[test]
fn hex_and_bin_of_every_image_fill_the_flash_alike() {
    let scratch = Scratch::new("formats-all");
    let chip = Chip::find("virtual:flash=16M,sram=4M").unwrap();
    for path in committed_images() {
        let elf = path.to_str().unwrap();
        let expected = chip.place(&Image::load(&path).unwrap()).unwrap();
        for (format, name) in [("ihex", "image.hex"), ("binary", "image.bin")] {
            let Some(file) = converted(&scratch, elf, format, name) else {
                return eprintln!("skipped: arm-none-eabi-objcopy is not installed");
            };
            let placed = chip.place(&Image::load(file.as_ref()).unwrap()).unwrap();
            assert!(placed.flash == expected.flash, "{elf} as {format}");
            assert_eq!((placed.initial_sp, placed.reset_handler), (expected.initial_sp, expected.reset_handler), "{elf}");
        }
    }
}

#[test]
fn hex_and_bin_run_to_the_same_cycle() {
    let scratch = Scratch::new("formats-run");
    for image in ["hello", "tests/systick_1khz", "tests/fault_divide", "tests/sram_code"] {
        let elf = format!("{}/firmware-images/{image}.elf", env!("CARGO_MANIFEST_DIR"));
        let expected = essence(&report(&[&elf, "--limit", "200ms"]));
        assert!(expected[0]["cycles"].as_u64() > Some(1000), "{image}");
        let (Some(hex), Some(bin)) = (converted(&scratch, &elf, "ihex", "a.hex"), converted(&scratch, &elf, "binary", "a.bin"))
        else {
            return eprintln!("skipped: arm-none-eabi-objcopy is not installed");
        };
        let unnamed = scratch.file("a.img", &std::fs::read(&bin).unwrap());
        let at_base = format!("{unnamed}@0x08000000");
        for args in
            [&[hex.as_str()][..], &[&bin], &[&unnamed, "--base", "0x8000000"], &[&unnamed, "--base", "0"], &["--load", &at_base]]
        {
            assert_eq!(essence(&report(&[args, &["--limit", "200ms"]].concat())), expected, "{image}: {args:?}");
        }
    }
}

/// The program's two halves in two files, in either order and format, are the program.
#[test]
fn several_files_make_one_program() {
    let scratch = Scratch::new("formats-parts");
    let elf = format!("{}/firmware-images/hello.elf", env!("CARGO_MANIFEST_DIR"));
    let whole = Image::load(elf.as_ref()).unwrap();
    let placed = Chip::find("stm32f103c8").unwrap().place(&whole).unwrap();
    let used = &placed.flash[..placed.flash_used.0 as usize];
    let half = (used.len() / 2) & !3;
    let low = scratch.file("low.bin", &used[..half]);
    let high = scratch.file("high.bin", &used[half..]);
    let high = format!("{high}@{:#x}", FLASH as usize + half);
    let expected = essence(&report(&[&elf, "--limit", "200ms"]));
    let joined = report(&[&low, "--load", &high, "--limit", "200ms"]);
    assert_eq!(essence(&joined), expected);
    let name = joined["firmware"]["name"].as_str().unwrap();
    assert_eq!(name, format!("low.bin + high.bin@0x{:08x}", FLASH as usize + half));
    assert_eq!(essence(&report(&["--load", &high, "--load", &low, "--limit", "200ms"])), expected);
}

#[test]
fn names_of_all_files_are_known() {
    let scratch = Scratch::new("formats-names");
    let boot = scratch.file("boot.elf", &Elf::good().bytes());
    let mut behind = Elf::good();
    for load in &mut behind.loads[..2] {
        load.lma += 0x2000;
    }
    behind.loads[0].vma += 0x2000;
    behind.symbols = vec![("application", FLASH + 0x2009, 4, true)];
    let application = scratch.file("app.elf", &behind.bytes());
    let sources = [boot, application].map(|file| Source::parse(&file).unwrap());
    let image = Image::load_all(&sources).unwrap();
    assert_eq!(image.locate(Addr(FLASH + 0x2008)).function, "application");
    assert_eq!(image.locate(Addr(FLASH + 12)).function, "main");
    let placed = Chip::find("stm32f103c8").unwrap().place(&image).unwrap();
    assert_eq!((placed.reset_handler, placed.flash_used.0), (Addr(FLASH + 8), 0x2014));
    // Both have their variables at the same place.
    assert_eq!(placed.sram_static.0, 20);
}

/// armlink's one segment is a load region: its address is flash, and what start-up copies or zeroes in SRAM is said by sections only.
#[test]
fn an_armlink_file_has_its_variables_in_sram() {
    let bytes = Elf::good().bytes();
    let expected = Chip::find("stm32f103c8").unwrap().place(&Image::parse("good.elf", &bytes).unwrap()).unwrap();
    // The second and third program headers (.data, .bss) become PT_NULL, the first grows by .data's bytes, which follow it.
    let mut axf = bytes;
    let header = |i: usize| 52 + 32 * i;
    axf[header(1)..header(1) + 4].copy_from_slice(&0_u32.to_le_bytes());
    axf[header(2)..header(2) + 4].copy_from_slice(&0_u32.to_le_bytes());
    axf[header(0) + 16..header(0) + 20].copy_from_slice(&20_u32.to_le_bytes());
    axf[header(0) + 20..header(0) + 24].copy_from_slice(&40_u32.to_le_bytes());
    let placed = Chip::find("stm32f103c8").unwrap().place(&Image::parse("keil.axf", &axf).unwrap()).unwrap();
    assert_eq!((placed.flash, placed.flash_used), (expected.flash, expected.flash_used));
    assert_eq!(placed.sram_static, expected.sram_static);
}
