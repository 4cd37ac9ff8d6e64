//! What it is: speedscope's own format: a list of frames, and stacks with weights.
//! Source: speedscope's file-format-spec.ts (version 1.25), "sampled" profiles.
//! Does not model: the order in time; the weights are exact cycles.
//! Tested by: `tests/exports.rs`, with speedscope's own import code where it is installed.

use super::{Recording, json, stacks};
use crate::finding::Result;
use serde_json::json as value;
use std::collections::HashMap;

pub(super) fn write(recording: &Recording<'_>) -> Result<Vec<u8>> {
    let tree = &recording.profile.tree;
    let mut frames = Vec::new();
    let mut numbers: HashMap<(&str, Option<u32>), usize> = HashMap::new();
    let (mut samples, mut weights) = (Vec::new(), Vec::new());
    for (places, cycles) in stacks(tree) {
        let mut sample = Vec::new();
        for node in places.iter().filter_map(|at| tree.get(*at)) {
            let number = *numbers.entry((&node.name, node.address)).or_insert_with(|| {
                let row = recording.profile.functions.iter().find(|row| row.address.is_some() && row.address == node.address);
                let mut frame = value!({ "name": node.name });
                if let Some(file) = row.and_then(|row| row.file.as_ref()) {
                    frame["file"] = value!(file);
                }
                frames.push(frame);
                frames.len() - 1
            });
            sample.push(number);
        }
        samples.push(sample);
        weights.push(cycles);
    }
    json(&value!({
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "exporter": format!("{}@{}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
        "name": recording.image.name,
        "activeProfileIndex": 0,
        "shared": { "frames": frames },
        "profiles": [{
            "type": "sampled",
            "name": format!("cycles at {}", recording.clock),
            "unit": "none",
            "startValue": 0,
            "endValue": recording.profile.cycles,
            "samples": samples,
            "weights": weights,
        }],
    }))
}
