//! What it is: pprof's profile: a compressed protocol buffer with a sample for each way to a function, valued in cycles.
//! Source: pprof's proto/profile.proto; "Protocol Buffers: Encoding" for the wire format.
//! Does not model: labels, several mappings.
//! Tested by: `tests/exports.rs`, with `go tool pprof` or protoc where one is installed.

use super::{Recording, stacks};
use crate::finding::{Code, Failure, Result};
use crate::units::{Addr, Cycles};
use flate2::{Compression, GzBuilder};
use std::collections::HashMap;
use std::io::Write;

/// A message being written.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(&mut self, field: u64, value: u64) {
        if value != 0 {
            self.varint(field << 3);
            self.varint(value);
        }
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn message(&mut self, field: u64, fill: impl FnOnce(&mut Message)) {
        let mut inner = Message::default();
        fill(&mut inner);
        self.bytes(field, &inner.0);
    }

    fn numbers(&mut self, field: u64, values: impl Iterator<Item = u64>) {
        let mut packed = Message::default();
        values.for_each(|value| packed.varint(value));
        self.bytes(field, &packed.0);
    }
}

/// The table of strings; the first is empty.
struct Strings(Vec<String>, HashMap<String, u64>);

impl Strings {
    fn of(&mut self, text: &str) -> u64 {
        if let Some(known) = self.1.get(text) {
            return *known;
        }
        let number = self.0.len() as u64;
        self.0.push(text.to_owned());
        self.1.insert(text.to_owned(), number);
        number
    }
}

pub(super) fn write(recording: &Recording<'_>) -> Result<Vec<u8>> {
    let tree = &recording.profile.tree;
    let mut strings = Strings(vec![String::new()], HashMap::from([(String::new(), 0)]));
    let mut profile = Message::default();
    let (cycles, count) = (strings.of("cycles"), strings.of("count"));
    profile.message(1, |kind| {
        kind.number(1, cycles);
        kind.number(2, count);
    });
    let mut locations: HashMap<(Option<u32>, &str, u32), u64> = HashMap::new();
    let mut functions: HashMap<(Option<u32>, &str), u64> = HashMap::new();
    let (mut location_table, mut function_table) = (Vec::new(), Vec::new());
    for (places, own) in stacks(tree) {
        let mut ids = Vec::new();
        for (depth, at) in places.iter().enumerate() {
            let Some(node) = tree.get(*at) else { continue };
            // A caller is at the call of the next; the last one at its own beginning.
            let next = places.get(depth + 1).and_then(|at| tree.get(*at)).and_then(|node| node.from);
            let address = next.map_or(node.address.unwrap_or(0), |from| from.wrapping_sub(2));
            let function = *functions.entry((node.address, &node.name)).or_insert_with(|| {
                function_table.push((node, node.address.map(|address| recording.image.locate(Addr(address)))));
                function_table.len() as u64
            });
            ids.push(*locations.entry((node.address, &node.name, address)).or_insert_with(|| {
                location_table.push((address, function));
                location_table.len() as u64
            }));
        }
        profile.message(2, |sample| {
            // The innermost comes first.
            sample.numbers(1, ids.iter().rev().copied());
            sample.numbers(2, std::iter::once(own));
        });
    }
    let file = strings.of(&recording.image.name);
    profile.message(3, |mapping| {
        mapping.number(1, 1);
        mapping.number(3, u64::from(u32::MAX));
        mapping.number(5, file);
        for has in 7..=9 {
            mapping.number(has, 1);
        }
    });
    for (at, (address, function)) in location_table.iter().enumerate() {
        let line = recording.image.locate(Addr(*address)).line.unwrap_or(0);
        profile.message(4, |location| {
            location.number(1, at as u64 + 1);
            location.number(2, 1);
            location.number(3, u64::from(*address));
            location.message(4, |inner| {
                inner.number(1, *function);
                inner.number(2, u64::from(line));
            });
        });
    }
    for (at, (node, place)) in function_table.iter().enumerate() {
        let name = strings.of(&node.name);
        let file = strings.of(place.as_ref().and_then(|place| place.file.as_deref()).unwrap_or_default());
        let line = place.as_ref().and_then(|place| place.line).unwrap_or(0);
        profile.message(5, |function| {
            function.number(1, at as u64 + 1);
            function.number(2, name);
            function.number(3, name);
            function.number(4, file);
            function.number(5, u64::from(line));
        });
    }
    for text in &strings.0 {
        profile.bytes(6, text.as_bytes());
    }
    profile.number(10, (recording.clock.micros(Cycles(recording.profile.cycles)) * 1000.0) as u64);
    profile.message(11, |kind| {
        kind.number(1, cycles);
        kind.number(2, count);
    });
    profile.number(12, 1);
    let mut zipped = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
    zipped
        .write_all(&profile.0)
        .and_then(|()| zipped.finish())
        .map_err(|error| Failure::new(Code::Internal, format!("the profile cannot be compressed: {error}")))
}
