//! What it is: Chrome's trace events, for Perfetto and chrome://tracing: inferences, layers, interrupts, serial lines and pins as tracks.
//! Source: "Trace Event Format": complete events ("X") and metadata ("M"); times are microseconds.
//! Does not model: calls of functions; there would be millions.
//! Tested by: `tests/exports.rs`.

use super::{Recording, json};
use crate::finding::Result;
use serde_json::json as value;

pub(super) fn write(recording: &Recording<'_>) -> Result<Vec<u8>> {
    let mut tracks: Vec<&str> = Vec::new();
    let mut events =
        vec![value!({ "ph": "M", "pid": 1, "tid": 0, "name": "process_name", "args": { "name": recording.image.name } })];
    for stretch in recording.timeline {
        let known = tracks.iter().position(|track| *track == stretch.track);
        let tid = 1 + known.unwrap_or_else(|| {
            tracks.push(&stretch.track);
            let tid = tracks.len();
            events.push(value!({ "ph": "M", "pid": 1, "tid": tid, "name": "thread_name", "args": { "name": stretch.track } }));
            events.push(value!({ "ph": "M", "pid": 1, "tid": tid, "name": "thread_sort_index", "args": { "sort_index": tid } }));
            tid - 1
        });
        events.push(value!({
            "ph": "X", "pid": 1, "tid": tid, "name": stretch.name, "cat": stretch.track,
            "ts": rounded(stretch.begin), "dur": rounded(stretch.duration), "args": { "cycles": stretch.cycles },
        }));
    }
    json(&value!({ "displayTimeUnit": "ns", "traceEvents": events }))
}

/// To a thousandth: a cycle lasts at least fourteen.
fn rounded(micros: f64) -> f64 {
    (micros * 1000.0).round() / 1000.0
}
