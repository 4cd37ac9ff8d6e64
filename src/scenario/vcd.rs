//! What it is: a recording of the chip's wires as a Value Change Dump, for GTKWave, PulseView and the like.
//! Source: IEEE 1364-2005, section 18 for the format; the crate `vcd` writes it.
//! Does not model: wires on which nothing happened: they are absent.
//! Tested by: `tests/vcd.rs`, which reads it with the Python package `vcdvcd` and decodes the characters.

use crate::finding::{Code, Failure, Result};
use crate::machine::Machine;
use crate::peripherals::system::Change;
use std::collections::BTreeMap;
use vcd::{IdCode, SimulationCommand, TimescaleUnit, Value, Writer};

/// A level from an instant (nanoseconds) on.
type Level = (u64, bool);

/// What the machine recorded, as a file's bytes. Times are nanoseconds since power-on.
///
/// # Errors
/// `internal`.
pub fn vcd(machine: &Machine, chip: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    write(machine, chip, &mut Writer::new(&mut bytes))
        .map_err(|error| Failure::new(Code::Internal, format!("the recording cannot be written: {error}")))?;
    Ok(bytes)
}

/// Each wire's levels, by device and name.
fn wires(machine: &Machine) -> BTreeMap<(String, String), Vec<Level>> {
    let mut wires: BTreeMap<(String, String), Vec<Level>> = BTreeMap::new();
    for event in machine.wires() {
        let device = machine.device_name(event.device).to_owned();
        let at = u64::try_from(event.nanos).unwrap_or(u64::MAX);
        match event.change {
            Change::Pin { pin, high } => {
                // GPIOA's pin 5 is PA5.
                let name = format!("P{}{pin:02}", device.strip_prefix("GPIO").unwrap_or(&device));
                wires.entry((device, name)).or_insert_with(|| vec![(0, false)]).push((at, high));
            }
            Change::Character { sent, bits, count, bit_picos } => {
                let name = if sent { "TX" } else { "RX" };
                let levels = wires.entry((device, name.to_owned())).or_insert_with(|| vec![(0, true)]);
                let edge = |bit: u32| at.saturating_add(bit_picos.saturating_mul(u64::from(bit)) / 1000);
                levels.push((at, false));
                levels.extend((0..count).map(|bit| (edge(bit + 1), bits >> bit & 1 != 0)));
                levels.push((edge(count + 1), true));
            }
        }
    }
    wires
}

fn write(machine: &Machine, chip: &str, to: &mut Writer<&mut Vec<u8>>) -> std::io::Result<()> {
    let wires = wires(machine);
    to.version(concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")))?;
    to.timescale(1, TimescaleUnit::NS)?;
    to.add_module(chip)?;
    let mut changes: Vec<(u64, IdCode, bool)> = Vec::new();
    let mut initial = Vec::new();
    let mut scope: Option<&str> = None;
    for ((device, name), levels) in &wires {
        if scope != Some(device) {
            if scope.is_some() {
                to.upscope()?;
            }
            to.add_module(device)?;
            scope = Some(device);
        }
        let id = to.add_wire(1, name)?;
        let mut last = None;
        for (at, high) in levels {
            match last {
                None => initial.push((id, *high)),
                Some(before) if before == *high => continue,
                Some(_) => changes.push((*at, id, *high)),
            }
            last = Some(*high);
        }
    }
    if scope.is_some() {
        to.upscope()?;
    }
    to.upscope()?;
    to.enddefinitions()?;
    to.timestamp(0)?;
    to.begin(SimulationCommand::Dumpvars)?;
    for (id, high) in initial {
        to.change_scalar(id, Value::from(high))?;
    }
    to.end()?;
    changes.sort_by_key(|(at, ..)| *at);
    let mut now = 0;
    for (at, id, high) in changes {
        if at != now {
            to.timestamp(at)?;
            now = at;
        }
        to.change_scalar(id, Value::from(high))?;
    }
    to.timestamp(machine.nanos(machine.now()).max(now))
}
