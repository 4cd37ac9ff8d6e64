//! What it is: the memory map: parts make the whole, and agree with what binutils count.
//! Source: `arm-none-eabi-size -A` and `-nm` as oracles, skipped with a reason where they are missing.
//! Does not model: the text's wording; `tests/cli.rs` looks at its form.
//! Tested by: running it.

mod support;

use std::collections::BTreeMap;
use stm32sim::chip::{Bank, Chip};
use stm32sim::firmware::Image;
use stm32sim::report::map::{By, Kind, MapReport, MemoryMap, Row};
use support::{Elf, FLASH, SRAM, binutils, committed_images};

fn map_of(elf: &Elf, by: By) -> MapReport {
    MapReport::new(&Image::parse("a.elf", &elf.bytes()).unwrap(), &Chip::find("stm32f103c8").unwrap(), by).unwrap()
}

/// Rows follow each other without gap or overlap from the region's first byte to its last.
fn assert_whole(map: &MemoryMap, chip: &Chip) {
    for region in &map.regions {
        let memory = if region.name == Bank::Flash { chip.flash } else { chip.sram };
        let mut next = u64::from(memory.base.0);
        let mut free = 0;
        for row in map.rows.iter().filter(|row| row.region == region.name) {
            assert_eq!(u64::from(row.address.0), next, "{row:?}");
            assert!(row.size > 0, "{row:?}");
            next += row.size;
            free += if row.kind == Kind::Free { row.size } else { 0 };
        }
        assert_eq!(next, memory.end());
        assert_eq!((region.size, region.free, region.used), (memory.size.0, free, memory.size.0 - free));
    }
}

#[test]
fn every_byte_of_a_crafted_program_is_where_it_was_put() {
    let map = map_of(&Elf::good(), By::Symbol).map;
    let rows: Vec<(Bank, Kind, &str, u32, u64)> =
        map.rows.iter().map(|row| (row.region, row.kind, row.name.as_str(), row.address.0, row.size)).collect();
    assert_eq!(
        rows,
        [
            (Bank::Flash, Kind::Vectors, "[vector table]", FLASH, 8),
            (Bank::Flash, Kind::Code, "Reset_Handler", FLASH + 8, 4),
            (Bank::Flash, Kind::Code, "main", FLASH + 12, 4),
            (Bank::Flash, Kind::Initial, "counter", FLASH + 16, 4),
            (Bank::Flash, Kind::Free, "[free]", FLASH + 20, 65_516),
            (Bank::Sram, Kind::Data, "counter", SRAM, 4),
            (Bank::Sram, Kind::Zero, "buffer", SRAM + 4, 16),
            (Bank::Sram, Kind::Free, "[free]", SRAM + 20, 20_460),
        ]
    );
}

#[test]
fn gaps_are_padding_unnamed_or_free() {
    let mut elf = Elf::good();
    // Code: main, four zero bytes, then twenty unnamed ones; .data a kilobyte further on.
    elf.loads[0].data.extend([0; 4]);
    elf.loads[0].data.extend([0x55; 20]);
    elf.loads[0].mem_size += 24;
    elf.loads[1].lma += 1024;
    elf.symbols.push(("late", FLASH + 21, 4, true));
    let map = map_of(&elf, By::Symbol).map;
    let rows: Vec<(Kind, &str, u64)> =
        map.rows.iter().filter(|row| row.region == Bank::Flash).map(|row| (row.kind, row.name.as_str(), row.size)).collect();
    assert_eq!(
        rows[2..],
        [
            (Kind::Code, "main", 4),
            (Kind::Padding, "[padding]", 4),
            (Kind::Code, "late", 4),
            (Kind::NoSymbol, "[no symbol]", 16),
            (Kind::Free, "[free]", 1000),
            (Kind::Initial, "counter", 4),
            (Kind::Free, "[free]", 65_536 - 1044),
        ]
    );
}

#[test]
fn models_and_arenas_are_recognised() {
    let mut elf = Elf::good();
    let mut tflite = b"\x1c\0\0\0TFL3".to_vec();
    tflite.resize(64, 7);
    elf.loads[0].data.extend(tflite);
    elf.loads[0].mem_size += 64;
    elf.loads[1].lma += 64;
    elf.loads[2].mem_size += 100;
    elf.symbols.push(("weights_of_anything", FLASH + 16, 64, false));
    elf.symbols.push(("tensor_arena", SRAM + 20, 100, false));
    let map = map_of(&elf, By::Symbol).map;
    assert_eq!((map.bytes_of(Bank::Flash, Kind::Model), map.bytes_of(Bank::Sram, Kind::Arena)), (64, 100));
}

#[test]
fn overlapping_symbols_share_no_byte() {
    let mut elf = Elf::good();
    elf.loads[2].mem_size += 80;
    // An alias, a nested one, one that overlaps the next, one that reaches beyond the section.
    elf.symbols.extend([
        ("alias_of_buffer", SRAM + 4, 16, false),
        ("outer", SRAM + 20, 40, false),
        ("inner", SRAM + 30, 10, false),
        ("crossing", SRAM + 50, 30, false),
        ("beyond", SRAM + 90, 1_000, false),
    ]);
    let report = map_of(&elf, By::Symbol);
    assert_whole(&report.map, &Chip::find("stm32f103c8").unwrap());
    let bytes = |name: &str| {
        report.map.rows.iter().filter(|row| row.name == name && row.region == Bank::Sram).map(|row| row.size).sum::<u64>()
    };
    // Of two that overlap, the one that starts later owns what they share.
    let sizes = ["buffer", "outer", "inner", "crossing", "[no symbol]", "[padding]", "beyond"].map(bytes);
    assert_eq!(sizes, [16, 20, 10, 30, 0, 10, 10]);
}

#[test]
fn the_difference_of_two_files_is_what_was_changed() {
    let old = map_of(&Elf::good(), By::Symbol);
    let mut elf = Elf::good();
    elf.loads[2].mem_size = 116;
    elf.symbols[3].2 = 96;
    elf.symbols.push(("extra", SRAM + 100, 20, false));
    let report = old.with_other(map_of(&elf, By::Symbol));
    let difference = report.other.unwrap().difference;
    let rows: Vec<_> =
        difference.rows.iter().map(|change| (change.name.as_deref().unwrap(), change.old, change.new, change.delta)).collect();
    assert_eq!(rows, [("buffer", Some(16), Some(96), 80), ("extra", None, Some(20), 20)]);
    assert_eq!(difference.regions.iter().map(|change| change.delta).collect::<Vec<_>>(), [0, 100]);
}

#[test]
fn committed_images_are_whole_and_agree_with_size() {
    let chip = Chip::find("virtual:flash=16M,sram=4M").unwrap();
    for path in committed_images() {
        let image = Image::load(&path).unwrap();
        for by in [By::Symbol, By::Section] {
            assert_whole(&MapReport::new(&image, &chip, by).unwrap().map, &chip);
        }
        let by_section = MapReport::new(&image, &chip, By::Section).unwrap().map;
        let mut ours: BTreeMap<(&str, Bank), u64> = BTreeMap::new();
        for row in by_section.rows.iter().filter(|row| row.section.is_some()) {
            *ours.entry((row.name.as_str(), row.region)).or_default() += row.size;
        }
        let Some(listing) = binutils("size", &["-A", path.to_str().unwrap()]) else {
            return eprintln!("skipped: arm-none-eabi-size is not installed");
        };
        // `section  size  address`, the address 0 for what is not loaded.
        let mut checked = 0;
        for line in listing.lines().skip(2) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [name, size, address] = words[..] else { continue };
            let (size, address): (u64, u64) = (size.parse().unwrap(), address.parse().unwrap());
            let allocated = image.sections.iter().any(|section| section.name == name);
            if size == 0 || !allocated {
                continue;
            }
            let bank = if address >= u64::from(SRAM) { Bank::Sram } else { Bank::Flash };
            assert_eq!(ours.get(&(name, bank)), Some(&size), "{}: {name}", path.display());
            checked += 1;
        }
        assert!(checked > 0, "{}", path.display());
    }
}

#[test]
fn symbols_of_committed_images_have_the_sizes_that_nm_says() {
    for path in committed_images() {
        let image = Image::load(&path).unwrap();
        let chip = Chip::find("virtual:flash=16M,sram=4M").unwrap();
        let map = MapReport::new(&image, &chip, By::Symbol).unwrap().map;
        let Some(listing) = binutils("nm", &["--print-size", "--size-sort", "--reverse-sort", path.to_str().unwrap()]) else {
            return eprintln!("skipped: arm-none-eabi-nm is not installed");
        };
        // The largest twenty. Several names for one place, as weak handlers have, are one row of ours under one of the names.
        let entries: Vec<(u32, u64, &str)> = listing
            .lines()
            .filter_map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                let [address, size, _, name] = words[..] else { return None };
                Some((u32::from_str_radix(address, 16).unwrap(), u64::from_str_radix(size, 16).unwrap(), name))
            })
            .collect();
        for &(address, size, name) in entries.iter().take(20) {
            // libgcc's float addition has several entry points inside one another; here every byte is in exactly one row.
            if entries.iter().any(|(other, ..)| *other > address && u64::from(*other) < u64::from(address) + size) {
                continue;
            }
            let bank = if address >= SRAM { Bank::Sram } else { Bank::Flash };
            // Rows have names as the source spells them.
            let spelt = |name: &str| image.symbols.by_name(name).map_or_else(|| name.to_owned(), |symbol| symbol.name.clone());
            let names: Vec<String> =
                entries.iter().filter(|(other, ..)| *other == address).map(|(.., name)| spelt(name)).collect();
            let mine = |row: &&Row| row.region == bank && names.contains(&row.name);
            let ours: u64 = map.rows.iter().filter(mine).map(|row| row.size).sum();
            assert_eq!(ours, size, "{}: {name}", path.display());
        }
    }
}
