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
use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;
use stm32sim::model::ops::{OpCode, op};
use stm32sim::model::{LOWERED, Model, Plan, Type};

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
                        return Err(format!(
                            "{differing} of {} bytes differ, first {}: {own:?} instead of {theirs:?}",
                            own.len(),
                            place(index)
                        ));
                    }
                    continue;
                }
                let (own, theirs) = (floats(own), floats(theirs));
                let largest = theirs.iter().fold(0f32, |m, v| m.max(v.abs()));
                for (index, (a, b)) in own.iter().zip(&theirs).enumerate() {
                    let unit = (f32::from_bits(b.abs().to_bits() + 1) - b.abs()).max(f32::MIN_POSITIVE);
                    let allowed = if self.ulps == OF_LARGEST { 1e-5 * largest } else { self.ulps as f32 * unit };
                    let same = a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()) || (a == b);
                    if !same && ((a - b).abs() > allowed || (a - b).is_nan()) {
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

/// What TensorFlow Lite Micro has no kernel for, so that there is nothing to compare with: both are exact by what they are.
const WITHOUT_REFERENCE: [u32; 2] = [op::RANK, op::RELU_N1_TO_1];

/// By operator: how many golden models have it, by the type of what it takes.
fn coverage() -> BTreeMap<String, BTreeMap<&'static str, usize>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernels");
    let converted = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let converted =
        converted.filter(|path| path.extension().is_some_and(|e| e == "tflite")).map(|path| std::fs::read(path).unwrap());
    let mut rows: BTreeMap<String, BTreeMap<&'static str, usize>> = BTreeMap::new();
    for bytes in cases().into_iter().map(|case| case.model).chain(converted) {
        let model = Model::parse("a golden model", bytes).unwrap();
        let mut seen = BTreeSet::new();
        for operator in &model.operators {
            let types = |list: Vec<usize>| -> Vec<Type> { list.iter().map(|&index| model.tensors[index].ty).collect() };
            let inputs = types(operator.inputs.iter().flatten().copied().collect());
            let outputs = types(operator.outputs.clone());
            // Lists of indices and axes tell nothing; what is moved or computed with does.
            let ty = inputs
                .iter()
                .chain(&outputs)
                .find(|ty| !matches!(ty, Type::Int32 | Type::Other(_)))
                .copied()
                .unwrap_or(Type::Int32);
            let weights = inputs.get(1).is_some_and(|ty| *ty == Type::Int8);
            let column = match ty {
                Type::Float32 if weights => "hybrid",
                Type::Float32 => "float32",
                Type::Int16 => "int16",
                Type::Int8 => "int8",
                _ => "other",
            };
            if seen.insert((operator.code.name(), column)) {
                *rows.entry(operator.code.name()).or_default().entry(column).or_default() += 1;
            }
        }
    }
    rows
}

#[test]
fn every_operator_that_is_lowered_has_golden_models_and_a_row_in_the_documentation() {
    let rows = coverage();
    let names: Vec<String> = LOWERED.iter().map(|&number| OpCode::Builtin(number).name()).collect();
    let missing: Vec<&String> = LOWERED
        .iter()
        .zip(&names)
        .filter(|(number, name)| !WITHOUT_REFERENCE.contains(number) && !rows.contains_key(*name))
        .map(|(_, name)| name)
        .collect();
    assert!(missing.is_empty(), "without golden models: {missing:?}");
    assert!(names.len() >= 60);
    let mut table =
        String::from("| operator | int8 | int16 | float32 | hybrid | other |\n| --- | --- | --- | --- | --- | --- |\n");
    for (name, counts) in rows.iter().filter(|(name, _)| names.contains(name)) {
        let cell = |column: &str| counts.get(column).map_or(String::new(), usize::to_string);
        let columns = ["int8", "int16", "float32", "hybrid", "other"].map(cell).join(" | ");
        let _ = writeln!(table, "| {name} | {columns} |");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/estimate.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- operators -->\n", "<!-- end of operators -->");
    let from = text.find(begin).unwrap() + begin.len();
    let to = text.find(end).unwrap();
    if std::env::var_os("STM32SIM_BLESS").is_some() {
        std::fs::write(&path, format!("{}{table}{}", &text[..from], &text[to..])).unwrap();
        return;
    }
    assert_eq!(&text[from..to], table, "docs/estimate.md is not what the tests cover; STM32SIM_BLESS=1 writes it");
}

#[test]
fn random_damage_of_any_operator_never_panics() {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    };
    let (mut read, mut lowered) = (0, 0);
    for case in cases() {
        for _ in 0..12 {
            let mut bytes = case.model.clone();
            for _ in 0..1 + random(3) {
                let at = 8 + random(bytes.len() - 8);
                bytes[at] = [0xff, 0x80, 0, bytes[at].wrapping_add(1), random(256) as u8][random(5)];
            }
            if let Ok(model) = Model::parse(&case.name, bytes) {
                read += 1;
                lowered += usize::from(model.lower().is_ok());
            }
        }
    }
    assert!(read > 1000 && lowered > 700, "the damage should not all be fatal: {read} read, {lowered} lowered");
}
