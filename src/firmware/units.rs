//! What it is: which compile unit a function or a variable comes from.
//! Source: DWARF 2 to 5: the ranges of each unit, and the variables that say a fixed address.
//! Does not model: units without debug information (assembler sources, most C libraries); string literals, which no variable names.
//! Tested by: `tests/map_units.rs`, against the address ranges that `arm-none-eabi-readelf` prints.

use super::lines::{Reader, short_path};
use crate::units::Addr;
use gimli::{AttributeValue, Dwarf, Operation, Unit};
use std::collections::BTreeMap;

/// The units of a program, by address.
#[derive(Debug, Default)]
pub(super) struct Units {
    names: Vec<String>,
    /// Code: `(start, one past the end, unit)`, by start.
    ranges: Vec<(u64, u64, usize)>,
    /// Variables with a fixed address, by it.
    variables: BTreeMap<u64, usize>,
}

impl Units {
    /// Reads every unit; a damaged one ends the reading, as what follows it cannot be found.
    pub(super) fn read(dwarf: &Dwarf<Reader>) -> Self {
        let mut units = Self::default();
        let mut headers = dwarf.units();
        while let Ok(Some(header)) = headers.next() {
            let Ok(unit) = dwarf.unit(header) else { continue };
            let Some(name) = unit.name.as_ref().and_then(|name| String::from_utf8(name.to_vec()).ok()) else { continue };
            let index = units.names.len();
            units.names.push(unit_name(&name));
            units.add_code(dwarf, &unit, index);
            units.add_variables(dwarf, &unit, index);
        }
        units.ranges.sort_unstable();
        units
    }

    fn add_code(&mut self, dwarf: &Dwarf<Reader>, unit: &Unit<Reader>, index: usize) {
        let Ok(mut ranges) = dwarf.unit_ranges(unit) else { return };
        while let Ok(Some(range)) = ranges.next() {
            // What the linker dropped keeps its description, at address 0.
            if range.begin != 0 && range.begin < range.end {
                self.ranges.push((range.begin, range.end, index));
            }
        }
    }

    fn add_variables(&mut self, dwarf: &Dwarf<Reader>, unit: &Unit<Reader>, index: usize) {
        let mut entries = unit.entries();
        while let Ok(Some(entry)) = entries.next_dfs() {
            if entry.tag() != gimli::DW_TAG_variable {
                continue;
            }
            let Some(AttributeValue::Exprloc(location)) = entry.attr_value(gimli::DW_AT_location) else { continue };
            let address = match location.operations(unit.encoding()).next() {
                Ok(Some(Operation::Address { address })) => Some(address),
                Ok(Some(Operation::AddressIndex { index })) => dwarf.address(unit, index).ok(),
                _ => None,
            };
            if let Some(address) = address.filter(|address| *address != 0) {
                self.variables.entry(address).or_insert(index);
            }
        }
    }

    /// The unit of the variable that starts at an address, or of the code there.
    pub(super) fn at(&self, address: Addr) -> Option<&str> {
        let address = u64::from(address.0);
        let code = || {
            let after = self.ranges.partition_point(|(start, ..)| *start <= address);
            let (_, end, index) = self.ranges.get(after.checked_sub(1)?)?;
            (address < *end).then_some(index)
        };
        self.names.get(*self.variables.get(&address).or_else(code)?).map(String::as_str)
    }
}

/// As people call a unit: a C file by its last folder and name, a part of a Rust crate by the compiler's name of the part.
fn unit_name(name: &str) -> String {
    match name.rsplit_once("/@/") {
        Some((_, part)) => part.to_owned(),
        None => short_path(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_have_names_for_people() {
        assert_eq!(unit_name("/home/someone/project/src/main.c"), "src/main.c");
        assert_eq!(unit_name("src/main.rs/@/blinky.6b0c2d-cgu.0"), "blinky.6b0c2d-cgu.0");
    }
}
