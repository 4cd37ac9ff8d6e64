//! What it is: what an output means: which class, with which scores.
//! Source: MLPerf Tiny's rules for its use cases: the largest score wins; an autoencoder's reconstruction error against a threshold.
//! Does not model: calibration of scores.
//! Tested by: the unit tests below; `tests/run.rs` compares with the firmware's own answer.

use super::tensor::{Elements, Tensor};
use serde::Deserialize;

/// How an output becomes a class.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(tag = "rule", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Decision {
    /// The class of the largest output; the first of equals.
    Argmax,
    /// Class 1 when the sum of squared differences of input and output exceeds the threshold, else class 0.
    Reconstruction {
        /// In squared steps of the quantisation for integers, in squared units for floats.
        threshold: f64,
    },
    /// Class 1 when the only output exceeds the threshold, else class 0.
    Threshold {
        /// In the output's units.
        threshold: f64,
    },
}

/// A decision about one inference.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The class.
    pub label: usize,
    /// What it was decided by: each class's output, or the one error.
    pub scores: Vec<f64>,
}

impl Decision {
    /// The verdict on an output, given the input that it belongs to; both raw bytes, of the types that the scenario's tensors have.
    #[must_use]
    pub fn judge(self, input: (&Tensor, &[u8]), output: (&Tensor, &[u8])) -> Verdict {
        let outputs = values(output.0.elements(), output.1);
        match self {
            Decision::Argmax => {
                let best = outputs
                    .iter()
                    .enumerate()
                    .fold((0, f64::NEG_INFINITY), |best, (i, score)| if *score > best.1 { (i, *score) } else { best });
                Verdict { label: best.0, scores: outputs }
            }
            Decision::Reconstruction { threshold } => {
                let inputs = values(input.0.elements(), input.1);
                let error: f64 = inputs.iter().zip(&outputs).map(|(a, b)| (a - b) * (a - b)).sum();
                Verdict { label: usize::from(error > threshold), scores: vec![error] }
            }
            Decision::Threshold { threshold } => {
                let exceeds = outputs.first().is_some_and(|output| *output > threshold);
                Verdict { label: usize::from(exceeds), scores: outputs }
            }
        }
    }
}

/// Whether no element differs from the reference's by more than that part of the reference's largest magnitude.
pub(super) fn close(elements: Elements, reference: &[u8], output: &[u8], tolerance: f64) -> bool {
    let (reference, output) = (values(elements, reference), values(elements, output));
    let largest = reference.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
    // Not a number is never close.
    reference.len() == output.len() && reference.iter().zip(&output).all(|(a, b)| (a - b).abs() <= tolerance * largest)
}

/// Raw bytes as numbers.
fn values(elements: Elements, bytes: &[u8]) -> Vec<f64> {
    match elements {
        Elements::Int8 => bytes.iter().map(|byte| f64::from(*byte as i8)).collect(),
        Elements::Uint8 => bytes.iter().map(|byte| f64::from(*byte)).collect(),
        Elements::Int16 => bytes.as_chunks::<2>().0.iter().map(|pair| f64::from(i16::from_le_bytes(*pair))).collect(),
        Elements::Int32 => bytes.as_chunks::<4>().0.iter().map(|word| f64::from(i32::from_le_bytes(*word))).collect(),
        Elements::Float32 => bytes.as_chunks::<4>().0.iter().map(|word| f64::from(f32::from_le_bytes(*word))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(elements: Elements, bytes: usize) -> Tensor {
        Tensor::new(elements, vec![1, bytes / elements.bytes()], vec![0; bytes])
    }

    #[test]
    fn the_first_of_the_largest_wins() {
        let t = tensor(Elements::Int8, 4);
        let verdict = Decision::Argmax.judge((&t, &[0; 4]), (&t, &[0x80, 5, 5, 0xff]));
        assert_eq!((verdict.label, verdict.scores), (1, vec![-128.0, 5.0, 5.0, -1.0]));
    }

    #[test]
    fn floats_are_close_relative_to_the_largest() {
        let bytes = |values: [f32; 2]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let close = |a, b| close(Elements::Float32, &bytes(a), &bytes(b), 0.25);
        assert!(close([-4.0, 0.5], [-3.0, -0.5]), "both by 1, a quarter of 4");
        assert!(!close([-4.0, 0.5], [-4.0, -0.75]));
        assert!(!close([-4.0, 0.5], [f32::NAN, 0.5]));
    }

    #[test]
    fn a_reconstruction_is_judged_by_its_squared_error() {
        let t = tensor(Elements::Int8, 2);
        let rule = Decision::Reconstruction { threshold: 24.0 };
        assert_eq!(rule.judge((&t, &[1, 2]), (&t, &[4, 0xfe])).label, 1, "9 + 16 exceeds 24");
        assert_eq!(rule.judge((&t, &[1, 2]), (&t, &[4, 0xff])).label, 0, "9 + 9 does not");
    }

    #[test]
    fn a_threshold_is_to_be_exceeded() {
        let t = tensor(Elements::Int32, 4);
        let label = |output: i32| Decision::Threshold { threshold: 24.0 }.judge((&t, &[0; 4]), (&t, &output.to_le_bytes())).label;
        assert_eq!((label(24), label(25), label(-25)), (0, 1, 0));
    }
}
