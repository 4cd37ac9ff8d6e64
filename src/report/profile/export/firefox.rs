//! What it is: the Firefox Profiler's processed format: a thread of stacks with weights, and markers for layers, interrupts and serial bytes.
//! Source: the Firefox Profiler's `types/profile` at its version 48 of the processed format, which later ones upgrade when they load it.
//! Does not model: the order of stacks in time: they stand one behind the other, each as long as all of its cycles.
//! Tested by: `tests/exports.rs`.

use super::{Recording, json, stack};
use crate::finding::Result;
use crate::units::Cycles;
use serde_json::{Value, json as value};
use std::collections::HashMap;

#[derive(Default)]
struct Strings(Vec<String>, HashMap<String, usize>);

impl Strings {
    fn of(&mut self, text: &str) -> usize {
        let next = self.0.len();
        *self.1.entry(text.to_owned()).or_insert_with(|| {
            self.0.push(text.to_owned());
            next
        })
    }
}

pub(super) fn write(recording: &Recording<'_>) -> Result<Vec<u8>> {
    let tree = &recording.profile.tree;
    let mut strings = Strings::default();
    // A function and a frame for each function, a stack for each node of the tree but its root.
    let mut functions: HashMap<(&str, Option<u32>), usize> = HashMap::new();
    let (mut names, mut files, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
    let (mut prefixes, mut frames) = (Vec::new(), Vec::new());
    for node in tree.iter().skip(1) {
        let number = *functions.entry((&node.name, node.address)).or_insert_with(|| {
            names.push(strings.of(&node.name));
            let row = recording.profile.functions.iter().find(|row| row.address.is_some() && row.address == node.address);
            files.push(row.and_then(|row| row.file.as_deref()).map(|file| strings.of(file)));
            addresses.push(node.address.map_or(-1, i64::from));
            names.len() - 1
        });
        prefixes.push(node.parent.checked_sub(1));
        frames.push(number);
    }
    let milliseconds = |cycles: u64| recording.clock.micros(Cycles(cycles)) / 1000.0;
    let (mut stacks, mut times, mut weights, mut passed) = (Vec::new(), Vec::new(), Vec::new(), 0u64);
    for (at, node) in tree.iter().enumerate().filter(|(at, node)| node.own > 0 && !stack(tree, *at).is_empty()) {
        stacks.push(at - 1);
        times.push(milliseconds(passed));
        weights.push(milliseconds(node.own));
        passed += node.own;
    }
    let markers: Vec<(usize, f64, f64, Value)> = recording
        .timeline
        .iter()
        .map(|stretch| {
            let begin = stretch.begin / 1000.0;
            let data = value!({ "type": "Text", "name": stretch.name });
            (strings.of(&stretch.track), begin, begin + stretch.duration / 1000.0, data)
        })
        .collect();
    let column = |length: usize, filler: Value| vec![filler; length];
    let (functions, places) = (names.len(), frames.len());
    json(&value!({
        "meta": {
            "interval": milliseconds(1),
            "startTime": 0,
            "processType": 0,
            "product": format!("{} ({})", env!("CARGO_PKG_NAME"), recording.image.name),
            "stackwalk": 1,
            "debug": false,
            "version": 24,
            "preprocessedProfileVersion": 48,
            "symbolicated": true,
            "categories": [{ "name": "Firmware", "color": "blue", "subcategories": ["Other"] }],
            "markerSchema": [],
            "sampleUnits": { "time": "ms", "eventDelay": "ms", "threadCPUDelta": "ns" },
        },
        "libs": [],
        "pages": [],
        "counters": [],
        "profilerOverhead": [],
        "threads": [{
            "processType": "default",
            "processStartupTime": 0,
            "processShutdownTime": null,
            "registerTime": 0,
            "unregisterTime": null,
            "pausedRanges": [],
            "name": "core",
            "isMainThread": true,
            "processName": recording.image.name,
            "pid": "0",
            "tid": 0,
            "samples": {
                "length": stacks.len(), "stack": stacks, "time": times, "weight": weights, "weightType": "tracing-ms",
                "eventDelay": column(times.len(), value!(0)),
            },
            "markers": {
                "length": markers.len(),
                "name": markers.iter().map(|marker| marker.0).collect::<Vec<_>>(),
                "startTime": markers.iter().map(|marker| marker.1).collect::<Vec<_>>(),
                "endTime": markers.iter().map(|marker| marker.2).collect::<Vec<_>>(),
                "phase": column(markers.len(), value!(1)),
                "category": column(markers.len(), value!(0)),
                "data": markers.iter().map(|marker| marker.3.clone()).collect::<Vec<_>>(),
            },
            "stackTable": {
                "length": places, "prefix": prefixes, "frame": frames,
                "category": column(places, value!(0)), "subcategory": column(places, value!(0)),
            },
            "frameTable": {
                "length": functions, "func": (0..functions).collect::<Vec<_>>(), "address": addresses,
                "category": column(functions, value!(0)), "subcategory": column(functions, value!(0)),
                "inlineDepth": column(functions, value!(0)), "nativeSymbol": column(functions, value!(null)),
                "innerWindowID": column(functions, value!(null)), "implementation": column(functions, value!(null)),
                "line": column(functions, value!(null)), "column": column(functions, value!(null)),
            },
            "funcTable": {
                "length": functions, "name": names, "isJS": column(functions, value!(false)),
                "relevantForJS": column(functions, value!(false)), "resource": column(functions, value!(-1)),
                "fileName": files, "lineNumber": column(functions, value!(null)), "columnNumber": column(functions, value!(null)),
            },
            "resourceTable": { "length": 0, "lib": [], "name": [], "host": [], "type": [] },
            "nativeSymbols": { "length": 0, "libIndex": [], "address": [], "name": [], "functionSize": [] },
            "stringArray": strings.0,
        }],
    }))
}
