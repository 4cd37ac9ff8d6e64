//! What it is: which models cannot be lowered for want of operators, and what to say about it, before anything is lowered.
//! Source: the rows of `lower_operator`.
//! Does not model: refusals that depend on an operator's types or shapes; its own lowering says those.
//! Tested by: `tests/model.rs`.

use crate::finding::{Code, Failure, Result};
use crate::model::Model;
use crate::model::ops::{OpCode, op};

/// The operators with a row in `lower_operator`.
const LOWERED: &[u32] = &[
    op::ADD,
    op::AVERAGE_POOL_2D,
    op::CAST,
    op::CONCATENATION,
    op::CONV_2D,
    op::DEPTHWISE_CONV_2D,
    op::DEQUANTIZE,
    op::EXPAND_DIMS,
    op::FULLY_CONNECTED,
    op::GATHER,
    op::LOGISTIC,
    op::MAXIMUM,
    op::MAX_POOL_2D,
    op::MEAN,
    op::MINIMUM,
    op::MUL,
    op::PAD,
    op::PADV2,
    op::QUANTIZE,
    op::REDUCE_MAX,
    op::REDUCE_MIN,
    op::RELU,
    op::RELU6,
    op::RELU_N1_TO_1,
    op::RESHAPE,
    op::SOFTMAX,
    op::SQUEEZE,
    op::STRIDED_SLICE,
    op::SUB,
    op::SUM,
    op::TANH,
    op::TRANSPOSE,
    op::UNIDIRECTIONAL_SEQUENCE_LSTM,
];

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
    let control = |code: &OpCode| [op::WHILE, op::IF, op::CALL_ONCE].iter().any(|&number| code.is(number));
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
    let advice = "the runtime has no kernel for that. Replace what made it in the model, or leave that step to the caller.";
    Err(refused(model, format!("{}: {advice}", missing.join(", "))))
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
