//! What it is: which models cannot be lowered for want of operators, and what to say about it, before anything is lowered.
//! Source: the rows of `dispatch.rs`; the ways out are those that the converter's and Keras's documentation name.
//! Does not model: refusals that depend on an operator's types or shapes; its own lowering says those.
//! Tested by: `tests/model.rs`.

use crate::finding::{Code, Failure, Result};
use crate::model::Model;
use crate::model::ops::{OpCode, op};

use super::LOWERED;

/// Refuses a model whose operators are not all known, naming every one that is missing: the first sentence a user reads should be enough
/// to act on.
pub(super) fn check(model: &Model) -> Result<()> {
    let named = |wanted: &dyn Fn(&OpCode) -> bool| -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (layer, operator) in model.operators.iter().enumerate().filter(|(_, operator)| wanted(&operator.code)) {
            let name = operator.code.name();
            if !names.iter().any(|known| known.ends_with(&format!("({name})"))) {
                names.push(format!("layer {layer} ({name})"));
            }
        }
        names
    };
    let control = |code: &OpCode| [op::WHILE, op::IF].iter().any(|&number| code.is(number));
    let loops = named(&control);
    if !model.custom_operators.is_empty() {
        let custom = model.custom_operators.join(", ");
        let where_to = if loops.is_empty() { String::new() } else { format!(" inside {}", loops.join(", ")) };
        return Err(refused(model, format!("it uses {custom}{where_to}: {}", custom_advice(&model.custom_operators))));
    }
    if !loops.is_empty() {
        return Err(refused(model, format!("{}: the runtime has no control flow. {LSTM_ADVICE}", loops.join(", "))));
    }
    let missing = named(&|code| !LOWERED.iter().any(|&number| code.is(number)));
    if missing.is_empty() {
        return Ok(());
    }
    let mut advice: Vec<&str> = Vec::new();
    for operator in model.operators.iter().filter(|operator| !LOWERED.iter().any(|&number| operator.code.is(number))) {
        let own = advice_for(&operator.code);
        if !advice.contains(&own) {
            advice.push(own);
        }
    }
    Err(refused(model, format!("{}: the runtime has no kernel for that. {}", missing.join(", "), advice.join(" "))))
}

fn refused(model: &Model, what: String) -> Failure {
    Failure::new(Code::ModelUnsupported, format!("{}: {what}", model.name))
}

const LSTM_ADVICE: &str = "A recurrent layer that became a loop is exported with tf_keras, batch size 1 and a fixed sequence length, which \
    gives one UNIDIRECTIONAL_SEQUENCE_LSTM instead.";

fn custom_advice(names: &[String]) -> String {
    if names.iter().any(|name| name.starts_with("Flex")) {
        format!("TensorFlow operators carried through (\"Flex\") are executed by TensorFlow itself only. {LSTM_ADVICE}")
    } else {
        "only their author's runtime knows what custom operators mean. Replace the layers.".to_owned()
    }
}

/// The usual way out, by operator.
const ADVICE: &[(&[u32], &str)] = &[
    (
        &[op::LSTM, op::BIDIRECTIONAL_SEQUENCE_LSTM, op::RNN, op::UNIDIRECTIONAL_SEQUENCE_RNN, op::BIDIRECTIONAL_SEQUENCE_RNN],
        "Recurrent layers: an LSTM of Keras in one direction, with batch size 1 and a fixed length, becomes UNIDIRECTIONAL_SEQUENCE_LSTM.",
    ),
    (
        &[op::TOPK_V2, op::NON_MAX_SUPPRESSION_V4, op::NON_MAX_SUPPRESSION_V5, op::UNIQUE, op::WHERE, op::BUCKETIZE],
        "Selecting results is the caller's step: let the model end before it.",
    ),
    (&[op::ONE_HOT], "ONE_HOT: feed the vector itself, or look it up in an identity matrix with GATHER."),
    (
        &[op::POW],
        "POW: tf.square, tf.sqrt and tf.math.rsqrt have kernels; any other power of a positive number is EXP of a multiple of LOG.",
    ),
    (&[op::GELU], "GELU: x * sigmoid(1.702 x) or HARD_SWISH come near it, and have int8 kernels."),
    (&[op::TILE], "TILE: tf.concat of the same tensor, or tf.broadcast_to."),
    (&[op::RANGE, op::SPARSE_TO_DENSE], "With a fixed input shape, batch size included, the converter computes this itself."),
    (&[op::CONV_3D, op::CONV_3D_TRANSPOSE], "CONV_3D: two-dimensional convolutions, one per slice or over slices as channels."),
    (
        &[op::LOCAL_RESPONSE_NORMALIZATION],
        "LOCAL_RESPONSE_NORMALIZATION: batch normalisation, which the converter folds into a convolution.",
    ),
    (
        &[op::RFFT2D, op::COMPLEX_ABS, op::REAL, op::IMAG],
        "Spectra: compute features before the model, in the firmware (keyword-live does it in fixed point).",
    ),
    (
        &[op::HASHTABLE, op::HASHTABLE_FIND, op::HASHTABLE_IMPORT, op::HASHTABLE_SIZE, op::HASHTABLE_LOOKUP],
        "Look words up in the firmware and feed the model their numbers.",
    ),
    (
        &[op::RANDOM_UNIFORM, op::RANDOM_STANDARD_NORMAL, op::MULTINOMIAL],
        "Random numbers in a model are mostly a dropout left on: export it for inference (training=False).",
    ),
    (&[op::FAKE_QUANT], "FAKE_QUANT: the converter replaces it with quantised types when it is told to quantise."),
    (&[op::DENSIFY], "DENSIFY: convert with dense weights."),
    (&[op::SELECT], "SELECT: tf.where of TensorFlow 2 gives SELECT_V2."),
    (&[op::REDUCE_ANY], "REDUCE_ANY: the logical opposite of REDUCE_ALL of the opposites."),
    (&[op::REDUCE_PROD], "REDUCE_PROD: MUL of the slices, one after the other."),
    (&[op::REVERSE_SEQUENCE], "REVERSE_SEQUENCE: with one length for all sequences it is REVERSE_V2."),
];

fn advice_for(code: &OpCode) -> &'static str {
    let known = ADVICE.iter().find(|(codes, _)| codes.iter().any(|&number| code.is(number)));
    known.map_or("Replace what made it in the model, or leave that step to the caller.", |(_, advice)| advice)
}
