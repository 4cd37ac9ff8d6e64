//! Every operator against TensorFlow Lite Micro, on models of one operator each that `tests/operators/make_goldens.py` generates: shapes,
//! strides, dilation, paddings, broadcasting, scales per tensor and per channel, odd sizes, fused activations; int8, int16 activations, float32,
//! int32, truth values. Integers to the bit, floats to the bit but where a case says by how much they may differ. Executed by the runtime as
//! a program of the host with its sanitizers on, and by its Cortex-M3 build on the emulated core.

#[path = "kernels/core.rs"]
mod core;
#[allow(dead_code)]
mod kernels;

use self::core::CoreImage;
use kernels::Host;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use stm32sim::model::ops::OpCode;
use stm32sim::model::{Model, Plan};

/// A float may differ by 1e-5 of the largest.
const OF_LARGEST: u32 = 1 << 16;

struct Case {
    /// Operator, type, what is special.
    name: String,
    samples: usize,
    ulps: u32,
    model: Vec<u8>,
    inputs: Vec<u8>,
    outputs: Vec<u8>,
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[..4].try_into().unwrap())
}

/// The cases of all archives.
fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/operators");
    let mut cases = Vec::new();
    for archive in ["moves", "elementwise", "compute"] {
        let file = std::fs::File::open(folder.join(format!("{archive}.goldens"))).unwrap();
        let mut bytes = Vec::new();
        flate2::read::ZlibDecoder::new(file).read_to_end(&mut bytes).unwrap();
        let mut rest = bytes.as_slice();
        let mut part = || {
            let (size, from) = rest.split_at(4);
            let (own, others) = from.split_at(word(size) as usize);
            rest = others;
            (own.to_vec(), others.is_empty())
        };
        loop {
            let (name, numbers) = (String::from_utf8(part().0).unwrap(), part().0);
            let (model, inputs, (outputs, last)) = (part().0, part().0, part());
            cases.push(Case { name, samples: word(&numbers) as usize, ulps: word(&numbers[4..]), model, inputs, outputs });
            if last {
                break;
            }
        }
    }
    assert!(cases.len() > 700, "golden sets are missing: {}", cases.len());
    cases
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

impl Case {
    fn lower(&self) -> Result<Plan, String> {
        let model = Model::parse(&self.name, self.model.clone()).map_err(|failure| failure.to_string())?;
        model.lower().map_err(|failure| failure.to_string())
    }

    /// Says where the outputs differ from the reference's.
    fn compare(&self, plan: &Plan, ours: &[u8]) -> Result<(), String> {
        if ours.len() != self.outputs.len() {
            return Err(format!("{} bytes instead of {}", ours.len(), self.outputs.len()));
        }
        let mut at = 0;
        for sample in 0..self.samples {
            for output in &plan.outputs {
                let (own, theirs) = (&ours[at..at + output.bytes as usize], &self.outputs[at..at + output.bytes as usize]);
                at += output.bytes as usize;
                let place = |index: usize| format!("sample {sample}, {} [{index}]", output.name);
                if output.ty != "float32" {
                    if let Some(index) = (0..own.len()).find(|&i| own[i] != theirs[i]) {
                        let differing = own.iter().zip(theirs).filter(|(a, b)| a != b).count();
                        return Err(format!("{differing} of {} bytes differ, first {}: {own:?} instead of {theirs:?}", own.len(), place(index)));
                    }
                    continue;
                }
                let (own, theirs) = (floats(own), floats(theirs));
                let largest = theirs.iter().fold(0f32, |m, v| m.max(v.abs()));
                for (index, (a, b)) in own.iter().zip(&theirs).enumerate() {
                    let unit = (f32::from_bits(b.abs().to_bits() + 1) - b.abs()).max(f32::MIN_POSITIVE);
                    let allowed = if self.ulps == OF_LARGEST { 1e-5 * largest } else { self.ulps as f32 * unit };
                    let same = a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()) || (a == b);
                    if !same && !((a - b).abs() <= allowed) {
                        return Err(format!("{}: {a} instead of {b}, {} units off", place(index), (a - b).abs() / unit));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Runs all cases and says which differ.
fn all(run: impl Fn(&Case, &Plan) -> Result<Vec<u8>, String>) {
    let mut wrong = Vec::new();
    let cases = cases();
    for case in &cases {
        let outcome = case.lower().and_then(|plan| run(case, &plan).and_then(|outputs| case.compare(&plan, &outputs)));
        if let Err(reason) = outcome {
            wrong.push(format!("{}: {reason}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn every_operator_gives_tflite_micros_results_on_the_host() {
    let Some(host) = Host::build() else { return };
    all(|case, plan| host.run("operators", plan, &case.inputs));
}

#[test]
fn every_operator_gives_tflite_micros_results_on_the_core() {
    let Some(image) = CoreImage::build() else { return };
    all(|case, plan| Ok(image.run(plan, &case.inputs)?.0));
}
