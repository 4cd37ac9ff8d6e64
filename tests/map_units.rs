//! What it is: the memory map by compile unit and by crate, overlaid with a run, and as Markdown and CSV.
//! Source: `arm-none-eabi-readelf` (address ranges of units), the profile and the memory report of the same run.
//! Does not model: the map's rows themselves; `tests/map.rs` does that.
//! Tested by: running it.

mod support;

use std::collections::BTreeMap;
use stm32sim::chip::{Bank, Chip};
use stm32sim::firmware::{Image, SymbolKind};
use stm32sim::report::map::{By, Kind, MapReport};
use stm32sim::units::Addr;
use support::{binutils, committed_images, stm32sim};

fn last_two(path: &str) -> String {
    let mut parts: Vec<&str> = path.rsplit('/').filter(|part| !matches!(*part, "" | "." | "..")).take(2).collect();
    parts.reverse();
    parts.join("/")
}

fn hex(text: &str) -> u64 {
    u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
}

/// Bytes of code by unit, from `.debug_aranges`: `(start, size, unit)`.
fn ranges(path: &str) -> Option<Vec<(u64, u64, String)>> {
    let mut units = BTreeMap::new();
    let mut offset = 0;
    for line in binutils("readelf", &["--debug-dump=info", "--dwarf-depth=1", path])?.lines() {
        if let Some(rest) = line.trim().strip_prefix("Compilation Unit @ offset ") {
            offset = hex(rest.trim_end_matches(':'));
        } else if line.contains("DW_AT_name") {
            units.entry(offset).or_insert_with(|| last_two(line.rsplit(": ").next().unwrap().trim()));
        }
    }
    let mut found = Vec::new();
    let mut unit = String::new();
    for line in binutils("readelf", &["--debug-dump=aranges", path])?.lines() {
        if let Some(rest) = line.trim().strip_prefix("Offset into .debug_info:") {
            unit = units.get(&hex(rest.trim())).cloned().unwrap_or_default();
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [start, size] = words[..]
            && start.len() == 8
            && size.len() == 8
            && let (Ok(start), Ok(size)) = (u64::from_str_radix(start, 16), u64::from_str_radix(size, 16))
            && start != 0
            && size != 0
        {
            found.push((start, size, unit.clone()));
        }
    }
    Some(found)
}

#[test]
fn code_of_a_unit_is_what_its_address_ranges_say() {
    let chip = Chip::find("virtual:flash=16M,sram=4M").unwrap();
    for path in committed_images() {
        let shown = path.display().to_string();
        let Some(ranges) = ranges(&shown) else { return eprintln!("skipped: arm-none-eabi-readelf is not installed") };
        assert!(!ranges.is_empty(), "{shown}");
        let image = Image::load(&path).unwrap();
        let map = MapReport::new(&image, &chip, By::Unit).unwrap().map;
        let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
        // Code that runs in SRAM is in flash too, as it is copied from there.
        for (_, size, unit) in &ranges {
            *expected.entry(unit).or_default() += size;
        }
        let mut ours: BTreeMap<&str, u64> = BTreeMap::new();
        for row in map.rows.iter().filter(|row| row.region == Bank::Flash && row.kind == Kind::Code && row.name != "[no unit]") {
            *ours.entry(&row.name).or_default() += row.size;
        }
        assert_eq!(ours, expected, "{shown}");
    }
}

#[test]
fn a_variable_is_of_the_unit_that_defines_it() {
    for path in committed_images() {
        let image = Image::load(&path).unwrap();
        let Some(listing) = binutils("nm", &["-l", path.to_str().unwrap()]) else {
            return eprintln!("skipped: arm-none-eabi-nm is not installed");
        };
        let mut checked = 0;
        for line in listing.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            // `address kind name file:line`; what a header defines is of the unit that includes it.
            let [address, "b" | "B" | "d" | "D" | "r" | "R", name, place] = words[..] else { continue };
            let Some((file, _)) = place.rsplit_once(':').filter(|(file, _)| file.ends_with(".c")) else { continue };
            let object = image.symbols.iter().any(|symbol| symbol.linker_name == name && symbol.kind == SymbolKind::Object);
            if !object {
                continue;
            }
            let unit = image.unit_at(Addr(u32::from_str_radix(address, 16).unwrap()));
            assert_eq!(unit, Some(last_two(file).as_str()), "{}: {name}", path.display());
            checked += 1;
        }
        assert!(checked > 0, "{}", path.display());
    }
}

#[test]
fn groups_and_rows_sum_to_the_memory() {
    let chip = Chip::find("virtual:flash=16M,sram=4M").unwrap();
    for path in committed_images() {
        let image = Image::load(&path).unwrap();
        for by in [By::Unit, By::Crate] {
            let map = MapReport::new(&image, &chip, by).unwrap().map;
            for region in &map.regions {
                let rows: u64 = map.rows.iter().filter(|row| row.region == region.name).map(|row| row.size).sum();
                let groups: u64 = map.groups.iter().filter(|group| group.region == region.name).map(|group| group.size).sum();
                assert_eq!((rows, groups), (region.size, region.size), "{} {by:?}", path.display());
            }
        }
    }
}

fn image(name: &str) -> String {
    format!("{}/firmware-images/{name}.elf", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_runs_bytes_are_those_that_the_profile_and_the_memory_report_know() {
    let json = |args: &[&str]| -> serde_json::Value { serde_json::from_str(&stm32sim(args).out).unwrap() };
    let map = json(&["map", &image("anomaly"), "--run", "anomaly", "--format", "json"]);
    let profile = json(&["profile", "--scenario", "anomaly", "--format", "json"]);
    let rows = map["map"]["rows"].as_array().unwrap();
    let of = |region: &str, name: &str, what: &str| -> u64 {
        let mine = rows.iter().filter(|row| row["region"] == region && row["name"] == name);
        mine.map(|row| row["use"][what].as_u64().unwrap()).sum()
    };
    // The arena's written bytes, by the run's own report; that one looks at what SRAM holds in the end, where one byte in 256 is by chance what
    // it was at power-on.
    let (written, touched) = (of("sram", "nn_arena", "written"), profile["memory"]["sram"]["arena_touched"].as_u64().unwrap());
    assert!(touched <= written && (written - touched) * 50 <= written, "{written} written, {touched} touched");
    // A function has executed bytes exactly if the profile names it.
    let named: Vec<&str> =
        profile["profile"]["functions"].as_array().unwrap().iter().filter_map(|row| row["name"].as_str()).collect();
    let mut executed = 0;
    for row in rows.iter().filter(|row| row["region"] == "flash" && row["kind"] == "code") {
        let name = row["name"].as_str().unwrap();
        let bytes = row["use"]["executed"].as_u64().unwrap();
        assert_eq!(bytes > 0, named.contains(&name), "{name}");
        let parts = ["read", "untouched"].map(|part| row["use"][part].as_u64().unwrap());
        let size = row["size"].as_u64().unwrap();
        // Literals are read, and stand between the instructions; what is read and executed is code that checks itself, and there is none.
        assert_eq!(bytes + parts[0] + parts[1], size, "{name}");
        executed += bytes;
    }
    assert!(executed > 1000, "{executed}");
    // An inference reads all weights of its model, which are nearly all of its plan; nothing reads all of a vector table.
    let plan = rows.iter().find(|row| row["name"] == "nn_model_plan").unwrap()["size"].as_u64().unwrap();
    assert!(of("flash", "nn_model_plan", "untouched") * 20 < plan && of("flash", "nn_model_plan", "read") * 20 > plan * 19);
    assert_eq!(of("sram", "nn_arena", "untouched"), 0);
    assert!(of("flash", "vector_table", "untouched") > 0);
    // Nothing executes constants.
    let constants = rows.iter().filter(|row| row["kind"] == "model" || row["kind"] == "constant");
    assert!(constants.clone().count() > 0);
    assert!(constants.clone().all(|row| row["use"]["executed"] == 0));
}

#[test]
fn csv_has_every_byte_and_markdown_every_column() {
    let elf = image("hello");
    for by in ["symbol", "section", "unit", "crate"] {
        let csv = stm32sim(&["map", &elf, "--by", by, "--format", "csv"]).out;
        let mut lines = csv.lines();
        let head: Vec<&str> = lines.next().unwrap().split(',').collect();
        let size = head.iter().position(|name| *name == "size").unwrap();
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for line in lines {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(cells.len(), head.len(), "{line}");
            *sums.entry(cells[0]).or_default() += cells[size].parse::<u64>().unwrap();
        }
        // The C8 of the data sheet: 64 KiB and 20 KiB.
        assert_eq!(sums, BTreeMap::from([("flash", 65_536), ("sram", 20_480)]), "{by}");
    }
    for args in [vec!["map", &elf, "--by", "unit"], vec!["map", &elf, &elf], vec!["map", &elf]] {
        let text = stm32sim(&[&args[..], &["--format", "markdown"]].concat()).out;
        let bars = |line: &str| line.replace("\\|", "").matches('|').count();
        let tables: Vec<&str> = text.split("\n\n").filter(|part| part.starts_with('|')).collect();
        assert!(!tables.is_empty(), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        for part in lines.split(|line| line.is_empty()).filter(|part| part.first().is_some_and(|line| line.starts_with('|'))) {
            assert!(part.iter().all(|line| bars(line) == bars(part[0])), "{part:?}");
        }
    }
}

#[test]
fn two_files_are_compared_by_unit_and_the_changes_sum_up() {
    let text = stm32sim(&["map", &image("hello"), &image("anomaly"), "--by", "unit", "--format", "json"]).out;
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let difference = &report["other"]["difference"];
    for region in difference["regions"].as_array().unwrap() {
        let rows = difference["rows"].as_array().unwrap().iter().filter(|row| row["region"] == region["region"]);
        assert_eq!(rows.map(|row| row["delta"].as_i64().unwrap()).sum::<i64>(), region["delta"].as_i64().unwrap());
    }
}
