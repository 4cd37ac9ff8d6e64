//! What it is: the loader on good and on damaged files: symbols, lines and placement against binutils; mutations never panic.
//! Source: `arm-none-eabi-nm`, `-addr2line`, `-objcopy` and `-readelf` as oracles, skipped with a reason where they are missing.
//! Does not model: which sentence a damaged file gets; that is `tests/bad_input.rs`.
//! Tested by: running it.

mod support;

use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::OnceLock;
use stm32sim::chip::Chip;
use stm32sim::firmware::{Image, SymbolKind};
use stm32sim::report::map::{By, MapReport};
use stm32sim::units::Addr;
use support::{Elf, FLASH, SRAM, Scratch, binutils, committed_images};

fn c8() -> Chip {
    Chip::find("stm32f103c8").unwrap()
}

fn good() -> Image {
    Image::parse("good.elf", &Elf::good().bytes()).unwrap()
}

/// A chip large enough for every image that the project carries.
fn roomy() -> Chip {
    Chip::find("virtual:flash=16M,sram=4M").unwrap()
}

#[test]
fn a_crafted_program_is_read_as_it_was_written() {
    let image = good();
    assert_eq!((image.name.as_str(), image.entry), ("good.elf", Addr(FLASH + 8)));
    assert_eq!(image.segments.len(), 3);
    assert_eq!((image.segments[1].lma, image.segments[1].vma), (Addr(FLASH + 16), Addr(SRAM)));
    assert_eq!(image.attributes.cpu_name, "Cortex-M3");
    let main = image.symbols.by_name("main").unwrap();
    assert_eq!((main.address, main.size, main.kind), (Addr(FLASH + 12), 4, SymbolKind::Function));
    assert_eq!(image.symbols.at(Addr(SRAM + 19)).map(|(s, offset)| (s.name.as_str(), offset)), Some(("buffer", 15)));
    assert_eq!(image.symbols.at(Addr(SRAM + 20)), None);
}

#[test]
fn placement_lays_data_behind_code_and_leaves_the_rest_erased() {
    let placement = c8().place(&good()).unwrap();
    assert_eq!(placement.flash.len(), 64 << 10);
    assert_eq!(placement.flash[16..20], [1, 2, 3, 4]);
    assert!(placement.flash[20..].iter().all(|byte| *byte == 0xff));
    assert_eq!((placement.flash_used.0, placement.sram_static.0), (20, 20));
    assert_eq!((placement.initial_sp, placement.reset_handler), (Addr(SRAM + 0x5000), Addr(FLASH + 8)));
}

#[test]
fn a_program_linked_at_zero_is_placed_alike_and_located_in_both_windows() {
    let mut elf = Elf::good();
    for load in &mut elf.loads[..2] {
        load.lma -= FLASH;
    }
    elf.loads[0].vma = 0;
    elf.loads[0].data[4..8].copy_from_slice(&9_u32.to_le_bytes());
    elf.symbols[1].1 -= FLASH;
    let image = Image::parse("zero.elf", &elf.bytes()).unwrap();
    let placement = c8().place(&image).unwrap();
    assert_eq!(placement.reset_handler, Addr(8));
    assert_eq!(placement.flash[16..20], [1, 2, 3, 4]);
    for pc in [12, FLASH + 12, FLASH + 13] {
        assert_eq!(image.locate(Addr(pc)).function, "main", "{pc:#x}");
    }
}

/// Samples are evaluated in parallel on one image.
#[test]
fn an_image_can_be_shared_between_threads() {
    let image = good();
    let found: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| image.locate(Addr(FLASH + 12)).function)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(found, ["main"; 4]);
}

#[test]
fn locate_is_total() {
    let image = good();
    for pc in [0, 1, FLASH, FLASH + 8, FLASH + 0xffff, SRAM, 0xe000_e000, 0xffff_fffe, u32::MAX] {
        let location = image.locate(Addr(pc));
        assert!(!location.function.is_empty() && !location.to_string().is_empty());
    }
    assert_eq!(image.locate(Addr(0x4000_0000)).function, "[no symbol]");
}

/// Where the linker put the file's own headers into the first segment (GNU ld without --nmagic), they are not programmed.
#[test]
fn file_headers_in_the_first_segment_are_left_out() {
    let mut bytes = Elf::good().bytes();
    let (flash_offset, size) = (52 + 3 * 32_u32, 16_u32);
    // Program header 0: offset 0, addresses and sizes enlarged by what now comes before the code.
    let mut put = |at: usize, value: u32| bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    put(52 + 4, 0);
    put(52 + 8, FLASH - flash_offset);
    put(52 + 12, FLASH - flash_offset);
    put(52 + 16, flash_offset + size);
    put(52 + 20, flash_offset + size);
    let image = Image::parse("headers.elf", &bytes).unwrap();
    assert_eq!((image.segments[0].lma, image.segments[0].data.len()), (Addr(FLASH), 16));
    assert_eq!(c8().place(&image).unwrap(), c8().place(&good()).unwrap());
}

#[test]
fn symbols_agree_with_nm() {
    for path in committed_images() {
        let Some(listing) = binutils("nm", &["--defined-only", "--print-size", path.to_str().unwrap()]) else {
            return eprintln!("skipped: arm-none-eabi-nm is not installed");
        };
        let image = Image::load(&path).unwrap();
        // address, size, type, name; symbols without a size have three columns.
        let theirs: BTreeSet<(u32, u32, String)> = listing
            .lines()
            .filter_map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                let [address, size, kind, name] = words[..] else { return None };
                let number = |text: &str| u32::from_str_radix(text, 16).unwrap();
                "tTdDbBrRwWvV".contains(kind).then(|| (number(address), number(size), name.to_owned()))
            })
            .collect();
        let ours: BTreeSet<(u32, u32, String)> =
            image.symbols.iter().map(|symbol| (symbol.address.0, symbol.size, symbol.linker_name.clone())).collect();
        let missing: Vec<_> = theirs.difference(&ours).collect();
        assert!(missing.is_empty(), "{}: {missing:?}", path.display());
    }
}

#[test]
fn lines_agree_with_addr2line() {
    for path in committed_images() {
        let image = Image::load(&path).unwrap();
        let functions: Vec<_> =
            image.symbols.iter().filter(|symbol| symbol.kind == SymbolKind::Function && symbol.size > 0).collect();
        let probes: Vec<u32> = functions.iter().flat_map(|f| [f.address.0, (f.address.0 + f.size / 2) & !1]).collect();
        let addresses: Vec<String> = probes.iter().map(|probe| format!("{probe:#x}")).collect();
        let mut args = vec!["-e", path.to_str().unwrap()];
        args.extend(addresses.iter().map(String::as_str));
        let Some(listing) = binutils("addr2line", &args) else {
            return eprintln!("skipped: arm-none-eabi-addr2line is not installed");
        };
        let mut agreed = 0;
        for (probe, line) in probes.iter().zip(listing.lines()) {
            // `/path/file.c:12 (discriminator 3)`, `file.c:?` or `??:0`.
            let place = line.split(' ').next().unwrap();
            let (file, number) = place.rsplit_once(':').unwrap();
            let location = image.locate(Addr(*probe));
            match number.parse::<u32>() {
                Ok(number) if number > 0 => {
                    assert_eq!(location.line, Some(number), "{probe:#x}: {location} against {line}");
                    let ours = location.file.unwrap_or_default();
                    assert_eq!(ours.rsplit('/').next(), file.rsplit('/').next(), "{probe:#x}");
                    assert!(!ours.starts_with('/'));
                    agreed += 1;
                }
                // addr2line gives no line for libgcc's assembly, where the line table has one; no answer is nothing to hold ours against.
                _ if location.file.as_deref().is_some_and(|file| file.ends_with(".S")) => {}
                _ => assert_eq!(location.line, None, "{probe:#x}: {location} against {line}"),
            }
        }
        eprintln!("{}: {agreed} of {} addresses have a line", path.display(), probes.len());
    }
}

#[test]
fn placement_agrees_with_objcopy() {
    let scratch = Scratch::new("objcopy");
    let good = scratch.file("good.elf", &Elf::good().bytes());
    let images = committed_images().into_iter().chain([good.into()]);
    for path in images {
        let out = scratch.0.join("image.bin");
        if binutils("objcopy", &["-O", "binary", path.to_str().unwrap(), out.to_str().unwrap()]).is_none() {
            return eprintln!("skipped: arm-none-eabi-objcopy is not installed");
        }
        let theirs = std::fs::read(&out).unwrap();
        let placement = roomy().place(&Image::load(&path).unwrap()).unwrap();
        let ours = &placement.flash[..placement.flash_used.0 as usize];
        assert_eq!(ours.len(), theirs.len(), "{}", path.display());
        // objcopy fills gaps with zero, a chip has them erased.
        let same = ours.iter().zip(&theirs).all(|(ours, theirs)| ours == theirs || (*ours == 0xff && *theirs == 0));
        assert!(same, "{}", path.display());
    }
}

#[test]
fn readelf_finds_nothing_wrong_with_the_crafted_file() {
    let scratch = Scratch::new("readelf");
    let path = scratch.file("good.elf", &Elf::good().bytes());
    let Some(listing) = binutils("readelf", &["--all", "--wide", &path]) else {
        return eprintln!("skipped: arm-none-eabi-readelf is not installed");
    };
    assert!(!listing.to_lowercase().contains("warning"), "{listing}");
    assert!(listing.contains("Tag_CPU_arch: v7\n") && listing.contains("Tag_CPU_arch_profile: Microcontroller"), "{listing}");
}

/// Files to damage: the crafted one and every image that the project carries, with its debug information.
fn seeds() -> &'static [Vec<u8>] {
    static SEEDS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    SEEDS.get_or_init(|| {
        let committed = committed_images().into_iter().map(|path| std::fs::read(path).unwrap());
        std::iter::once(Elf::good().bytes()).chain(committed).collect()
    })
}

/// Whatever the bytes are: an answer or a refusal, and every consumer of an answer gets along with it.
fn survives(bytes: &[u8]) {
    let Ok(image) = Image::parse("mutant.elf", bytes) else { return };
    let addresses: Vec<Addr> = image.symbols.iter().take(20).map(|symbol| symbol.address).collect();
    for address in addresses.into_iter().chain([Addr(0), Addr(FLASH + 10), Addr(SRAM), Addr(u32::MAX)]) {
        assert!(!image.locate(address).to_string().is_empty());
    }
    for by in [By::Symbol, By::Section] {
        if let Ok(report) = MapReport::new(&image, &c8(), by) {
            for region in &report.map.regions {
                let sum: u64 = report.map.rows.iter().filter(|row| row.region == region.name).map(|row| row.size).sum();
                assert_eq!((sum, region.used + region.free), (region.size, region.size));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_never_panic(
        seed in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        in_headers in any::<bool>(),
    ) {
        let mut bytes = seed.get(seeds()).clone();
        // Half of the cases aim at the headers, where a byte matters most.
        let limit = if in_headers { bytes.len().min(256) } else { bytes.len() };
        for (at, value) in changes {
            bytes[at.index(limit)] = value;
        }
        survives(&bytes);
    }

    #[test]
    fn words_at_the_edges_never_panic(
        seed in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(vec![0_u32, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX, u32::MAX - 3])), 1..6),
        from_end in any::<bool>(),
    ) {
        let mut bytes = seed.get(seeds()).clone();
        let words = (bytes.len() / 4).min(160);
        for (at, value) in changes {
            // The section headers stand at the file's end.
            let word = if from_end { bytes.len() / 4 - 1 - at.index(words) } else { at.index(words) };
            bytes[word * 4..word * 4 + 4].copy_from_slice(&value.to_le_bytes());
        }
        survives(&bytes);
    }

    #[test]
    fn truncated_files_never_panic(seed in any::<prop::sample::Index>(), length in any::<prop::sample::Index>()) {
        let bytes = seed.get(seeds());
        let cut = &bytes[..length.index(bytes.len())];
        survives(cut);
        // A file that lacks its end is never taken for a whole one: the section table stands there.
        prop_assert!(Image::parse("cut.elf", cut).is_err());
    }

    #[test]
    fn random_bytes_never_panic(tail in prop::collection::vec(any::<u8>(), 0..400)) {
        survives(&tail);
        let mut elf = Elf::good().bytes();
        elf.truncate(52);
        elf.extend(tail);
        survives(&elf);
    }
}
