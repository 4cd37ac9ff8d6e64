//! What it is: what a run did when: inferences, layers, interrupts, serial lines, pins, each a track of stretches.
//! Source: the marks of watched functions, the handlers' episodes, the bytes that devices sent, the levels of the ports' pins.
//! Does not model: when a byte's start bit began: a line of text lasts from its first byte's end to its last one's.
//! Tested by: `tests/exports.rs`.

use super::export::Stretch;
use super::tree::exception_name;
use crate::chip::Chip;
use crate::machine::Machine;
use crate::machine::calls::Episode;
use crate::observe::inference::Watch;
use crate::peripherals::system::Change;
use crate::report::run::InferenceSummary;
use crate::units::Tick;

/// How many changes of pins are shown.
const MOST_PIN_CHANGES: usize = 100_000;

/// The tracks, one after the other, each in the order of time.
#[must_use]
pub fn timeline(
    machine: &Machine,
    chip: &Chip,
    watch: &Watch,
    inference: Option<&InferenceSummary>,
    episodes: &[Episode],
) -> Vec<Stretch> {
    let stretch = |track: &str, name: String, begin: Tick, end: Tick| Stretch {
        track: track.to_owned(),
        name,
        begin: machine.micros(begin),
        duration: machine.micros(end) - machine.micros(begin),
        cycles: end.since(begin).0,
    };
    let mut rows = Vec::new();
    let mut layers = Vec::new();
    for (layer, begin, end) in watch.stretches(machine.marks()) {
        match layer {
            None => rows.push(stretch("inference", "inference".to_owned(), begin, end)),
            Some(index) => {
                let index = inference.and_then(|inference| inference.operators.get(index as usize)).copied().unwrap_or(index);
                let known = inference.and_then(|inference| inference.layers.iter().find(|layer| layer.index == Some(index)));
                let name = known.map_or_else(|| format!("layer {index}"), |layer| format!("{index} {} {}", layer.op, layer.name));
                layers.push(stretch("layers", name, begin, end));
            }
        }
    }
    rows.append(&mut layers);
    let mut handlers: Vec<&Episode> = episodes.iter().collect();
    handlers.sort_by_key(|episode| (episode.begin, std::cmp::Reverse(episode.end)));
    rows.extend(
        handlers.iter().map(|episode| stretch("interrupts", exception_name(chip, episode.number), episode.begin, episode.end)),
    );
    let mut devices: Vec<usize> = machine.sent().iter().map(|sent| sent.device).collect();
    devices.sort_unstable();
    devices.dedup();
    for device in devices {
        let track = format!("{} sends", machine.device_name(device));
        let bytes: Vec<_> = machine.sent().iter().filter(|sent| sent.device == device).collect();
        for line in bytes.split_inclusive(|sent| sent.byte == b'\n') {
            if let (Some(first), Some(last)) = (line.first(), line.last()) {
                let text: Vec<u8> = line.iter().map(|sent| sent.byte).collect();
                rows.push(stretch(&track, String::from_utf8_lossy(&text).trim_end().to_owned(), first.at, last.at));
            }
        }
    }
    rows.extend(pins(machine));
    rows
}

/// A track for each pin that moved: the stretches in which it was high, as `PA5`.
fn pins(machine: &Machine) -> Vec<Stretch> {
    let changes: Vec<(usize, u32, bool, Tick)> = machine
        .wires()
        .iter()
        .filter_map(|event| match event.change {
            Change::Pin { pin, high } => Some((event.device, pin, high, event.at)),
            Change::Character { .. } => None,
        })
        .take(MOST_PIN_CHANGES)
        .collect();
    let mut moved: Vec<(usize, u32)> = changes.iter().map(|(device, pin, ..)| (*device, *pin)).collect();
    moved.sort_unstable();
    moved.dedup();
    let mut rows = Vec::new();
    for (device, pin) in moved {
        let port = machine.device_name(device).replace("GPIO", "P");
        let mut row = |from: Tick, to: Tick| {
            let begin = machine.micros(from);
            let (track, duration) = (format!("{port}{pin}"), machine.micros(to) - begin);
            rows.push(Stretch { track, name: "high".to_owned(), begin, duration, cycles: to.since(from).0 });
        };
        let mut since = None;
        for (_, _, high, at) in changes.iter().filter(|(d, p, ..)| (*d, *p) == (device, pin)) {
            match (*high, since) {
                (true, None) => since = Some(*at),
                (false, Some(from)) => {
                    row(from, *at);
                    since = None;
                }
                _ => {}
            }
        }
        if let Some(from) = since {
            row(from, machine.now());
        }
    }
    rows
}
