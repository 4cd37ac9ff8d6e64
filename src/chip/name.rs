//! What it is: from what a user types after `--chip` to a chip: ST's order codes, `virtual:` what-ifs, files.
//! Source: ordering information, DS5319 section 7 (`STM32 F 103 C 8 T 6`: family, pins, flash, package, temperature).
//! Does not model: package, temperature and packing suffixes: they are accepted and change nothing.
//! Tested by: the tests below and `tests/bad_input.rs`.

use super::{Chip, file};
use crate::finding::{Code, Failure, Finding, Result, nearest};
use crate::units::Bytes;
use std::path::Path;

/// The flash size letters, smallest first.
pub(super) const SIZES: &[char] = &['4', '6', '8', 'b', 'c', 'd', 'e', 'f', 'g'];

const FAMILY: &str = "stm32f103";
const VIRTUAL: &str = "virtual:";
/// A what-if has everything of the largest high-density chip but its memory sizes.
const VIRTUAL_BASE: char = 'e';
/// Flash is aliased at 0, so it must end before its own base; the SRAM must end before its bit-band alias.
const VIRTUAL_FLASH_MAX: u64 = 0x0800_0000;
const VIRTUAL_SRAM_MAX: u64 = 0x0200_0000;

/// The chip that a specification names.
pub(super) fn find(spec: &str) -> Result<Chip> {
    let lower = spec.trim().to_ascii_lowercase();
    if let Some(wish) = lower.strip_prefix(VIRTUAL) {
        return what_if(&lower, wish);
    }
    if lower.ends_with(".toml") || spec.contains(['/', '\\']) {
        return file::load(Path::new(spec.trim()));
    }
    by_order_code(&lower).unwrap_or_else(|| Err(unknown(spec)))
}

/// The chip of that size, under its `x` name.
pub(super) fn size(letter: char) -> Result<Chip> {
    file::built_in(&format!("{FAMILY}x{letter}"))
}

/// `stm32f103` + package letter or `x` + size letter + anything of letters and digits; `None` if it is not of that form.
fn by_order_code(lower: &str) -> Option<Result<Chip>> {
    let mut rest = lower.strip_prefix(FAMILY)?.chars();
    let (package, letter) = (rest.next()?, rest.next()?);
    let suffix = rest.as_str();
    if !SIZES.contains(&letter) || suffix.len() > 8 || !suffix.chars().all(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    let mut chip = match size(letter) {
        Ok(chip) => chip,
        Err(error) => return Some(Err(error)),
    };
    if package == 'x' {
        return suffix.is_empty().then_some(Ok(chip));
    }
    if !chip.packages.iter().any(|sold| sold.eq_ignore_ascii_case(&package.to_string())) {
        return None;
    }
    chip.name = format!("{FAMILY}{package}{letter}");
    Some(Ok(chip))
}

fn unknown(spec: &str) -> Failure {
    let names: Vec<String> = Chip::built_in()
        .iter()
        .flat_map(|chip| {
            let letter = chip.name.chars().last().unwrap_or('8');
            let sold: Vec<String> = chip.packages.iter().map(|p| format!("{FAMILY}{}{letter}", p.to_ascii_lowercase())).collect();
            sold.into_iter().chain([chip.name.clone()])
        })
        .collect();
    let finding = Finding::new(Code::UnknownChip, format!("no chip is called {spec:?}"));
    match nearest(spec, names.iter().map(String::as_str)) {
        Some(near) => {
            finding.help(format!("Did you mean {near}? stm32sim chips lists all; --chip file.toml takes your own.")).into()
        }
        None => finding.into(),
    }
}

/// `flash=4M,sram=256K`: a chip that nobody makes, to ask what it would take.
fn what_if(name: &str, wish: &str) -> Result<Chip> {
    let wrong = |message: String| -> Failure {
        Finding::new(Code::UnknownChip, message).help("A what-if is written as --chip virtual:flash=4M,sram=256K.").into()
    };
    let mut chip = size(VIRTUAL_BASE)?;
    for part in wish.split(',') {
        let (key, value) = part.split_once('=').ok_or_else(|| wrong(format!("{part:?} in {name:?} is not key=value")))?;
        let size: Bytes = value.parse().map_err(|why| wrong(format!("{value:?} in {name:?} is no size: {why}")))?;
        let (memory, max) = match key.trim() {
            "flash" => (&mut chip.flash, VIRTUAL_FLASH_MAX),
            "sram" => (&mut chip.sram, VIRTUAL_SRAM_MAX),
            other => return Err(wrong(format!("{other:?} in {name:?} is neither flash nor sram"))),
        };
        if size.0 == 0 || size.0 > max || !size.0.is_multiple_of(1024) {
            return Err(wrong(format!("{value:?} in {name:?} is not a whole number of KiB up to {} MiB", max >> 20)));
        }
        memory.size = size;
    }
    chip.name = name.to_owned();
    chip.title = "a what-if on the STM32F103 high density".to_owned();
    chip.packages.clear();
    chip.is_virtual = true;
    Ok(chip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_name_a_c8_is_the_same_chip() {
        let plain = find("stm32f103c8").unwrap();
        assert_eq!((plain.flash.size, plain.sram.size), (Bytes(64 << 10), Bytes(20 << 10)));
        for spec in ["STM32F103C8", "STM32F103C8T6", "stm32f103c8t6tr", " Stm32F103C8T7A "] {
            assert_eq!(find(spec).unwrap(), plain, "{spec}");
        }
        assert_eq!(find("stm32f103x8").unwrap().name, "stm32f103x8");
    }

    #[test]
    fn a_package_that_is_not_sold_is_unknown() {
        // DS5319 table 2: no medium-density chip in 144 pins (Z).
        let error = find("stm32f103z8").unwrap_err();
        assert_eq!(error.0.code, Code::UnknownChip);
        assert!(error.0.help.contains("stm32f103"), "{}", error.0.help);
    }

    #[test]
    fn a_slip_finds_the_nearest_name() {
        assert!(find("stm32f103c9").unwrap_err().0.help.contains("stm32f103c"));
        assert!(find("smt32f103c8").unwrap_err().0.help.contains("stm32f103c8"));
    }

    #[test]
    fn a_what_if_has_the_sizes_asked_for() {
        let chip = find("virtual:flash=4M,sram=256K").unwrap();
        assert_eq!((chip.flash.size, chip.sram.size, chip.is_virtual), (Bytes(4 << 20), Bytes(256 << 10), true));
        for bad in [
            "virtual:",
            "virtual:flash",
            "virtual:flash=0",
            "virtual:flash=1",
            "virtual:sram=1G",
            "virtual:rom=4K",
            "virtual:flash=-1",
        ] {
            assert_eq!(find(bad).unwrap_err().0.code, Code::UnknownChip, "{bad}");
        }
    }

    #[test]
    fn hostile_names_are_refused_calmly() {
        for bad in ["", "stm32f103", "stm32f103é", "stm32f103c", "stm32f103c8-t6", "\0", "stm32f103xß"] {
            assert_eq!(find(bad).unwrap_err().0.code, Code::UnknownChip, "{bad:?}");
        }
    }
}
