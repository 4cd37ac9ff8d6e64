//! What it is: TFLite Micro in firmware that was not made for this program: which functions are its operators' kernels, what those operators
//! are called, and the model that the firmware holds.
//! Source: TFLite Micro's own signatures: an operator is registered with `TfLiteStatus invoke(TfLiteContext*, TfLiteNode*)`, which
//! `MicroInterpreter::Invoke()` calls once for each operator of the model, in the file's order; a model's file begins with "TFL3" at byte 4.
//! Does not model: kernels without symbols; models that are put together at run time.
//! Tested by: the unit test below; `tests/tflm.rs`, over an image with the same symbols and, where one is named, a real one.

use crate::firmware::{Image, SymbolKind};
use crate::model::Model;
use std::collections::BTreeMap;

/// What one call of is an inference, by preference.
pub const INVOKE: &[&str] = &[
    "tflite::MicroInterpreter::Invoke()",
    "tflite::MicroInterpreterGraph::InvokeSubgraph(int)",
    "tflite::MicroGraph::InvokeSubgraph(int)",
];

/// The arguments of a kernel's functions. Preparation and invocation have the same.
const SIGNATURE: &str = "(TfLiteContext*, TfLiteNode*)";

/// The interpreter's entry, by its demangled name.
#[must_use]
pub fn invoke(image: &Image) -> Option<u32> {
    let named = |name: &str| {
        let mut functions = image.symbols.iter().filter(|symbol| symbol.kind == SymbolKind::Function);
        functions.find(|symbol| symbol.name == name).map(|symbol| symbol.address.0)
    };
    INVOKE.iter().find_map(|name| named(name))
}

/// The kernels: address and operator. Functions that a kernel shares with its preparation are never called by the interpreter itself, and
/// the outermost call is the one that counts.
#[must_use]
pub fn kernels(image: &Image) -> BTreeMap<u32, String> {
    let functions = image.symbols.iter().filter(|symbol| symbol.kind == SymbolKind::Function);
    functions
        .filter_map(|symbol| {
            let path = symbol.name.strip_suffix(SIGNATURE)?;
            let name = path.rsplit("::").next().unwrap_or(path);
            // A return type stands before a template's name.
            let is = |part: &str| name.to_lowercase().contains(part);
            if is("prepare") || is("init") || is("free") {
                return None;
            }
            let file = image.locate(symbol.address).file.unwrap_or_default();
            Some((symbol.address.0, operator(path, &file)))
        })
        .collect()
}

/// The operator that a kernel's name tells, as the model's file spells it; where the name says nothing (`Eval`), its namespace or file does.
fn operator(path: &str, file: &str) -> String {
    let mut parts: Vec<&str> = path.split("::").collect();
    let function = parts.pop().unwrap_or_default();
    // `EvalQuantizedInt8`, `AverageEvalFloat`, `EvalHybrid`: how it computes is not which operator it is.
    let mut stem = function.replace("Eval", "").replace("Invoke", "");
    for suffix in ["QuantizedInt8", "Quantized", "Reference", "Hybrid", "Float32", "Float", "Int16", "Int8", "Common", "Generic"]
    {
        if let Some(shorter) = stem.strip_suffix(suffix) {
            stem = shorter.to_owned();
        }
    }
    if stem.is_empty() {
        let says_nothing = ["tflite", "ops", "micro", "builtin", "custom", "(anonymous namespace)", ""];
        let namespace = parts.iter().rev().find(|part| !says_nothing.contains(part)).copied();
        let file = file.rsplit('/').next().unwrap_or(file).split('.').next().unwrap_or_default();
        stem = namespace.unwrap_or(if file.is_empty() { path } else { file }).to_owned();
    }
    let mut upper = String::new();
    for (at, c) in stem.chars().enumerate() {
        if c.is_uppercase() && at > 0 && !upper.ends_with('_') {
            upper.push('_');
        }
        upper.extend(c.to_uppercase());
    }
    match upper.as_str() {
        "CONV" => "CONV_2D".to_owned(),
        "DEPTHWISE_CONV" => "DEPTHWISE_CONV_2D".to_owned(),
        "AVERAGE" => "AVERAGE_POOL_2D".to_owned(),
        "MAX" => "MAX_POOL_2D".to_owned(),
        _ => upper,
    }
}

/// How many places of the flash may look like a model.
const MOST_MODELS: usize = 64;

/// The model in the flash with so many operators; `None` if there is none, or if several have.
#[must_use]
pub fn model(flash: &[u8], operators: usize) -> Option<Model> {
    let mut starts = Vec::new();
    for (at, window) in flash.windows(4).enumerate() {
        if window == b"TFL3" && at >= 4 && starts.len() < MOST_MODELS {
            starts.push(at - 4);
        }
    }
    let models = starts.iter().filter_map(|start| Model::parse("the model in flash", flash.get(*start..)?.to_vec()).ok());
    let mut fitting: Vec<Model> = models.filter(|model| model.operators.len() == operators).collect();
    if fitting.len() == 1 { fitting.pop() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_named_as_the_models_file_spells_them() {
        // Demangled names of TFLite Micro's own kernels, of 2020 and of 2026, and the operators that their files register them for.
        for (path, file, expected) in [
            ("tflite::ops::micro::conv::Eval", "kernels/conv.cc", "CONV_2D"),
            ("tflite::ops::micro::fully_connected::Eval", "", "FULLY_CONNECTED"),
            ("tflite::ops::micro::pooling::AverageEval", "kernels/pooling.cc", "AVERAGE_POOL_2D"),
            ("tflite::(anonymous namespace)::ConvEval", "", "CONV_2D"),
            ("tflite::(anonymous namespace)::DepthwiseConvEval", "", "DEPTHWISE_CONV_2D"),
            ("tflite::(anonymous namespace)::FullyConnectedEval", "", "FULLY_CONNECTED"),
            ("tflite::(anonymous namespace)::MaxEvalInt8", "", "MAX_POOL_2D"),
            ("tflite::(anonymous namespace)::SoftmaxEval", "", "SOFTMAX"),
            ("tflite::EvalReshapeReference", "", "RESHAPE"),
            ("tflite::(anonymous namespace)::Eval", "micro/kernels/strided_slice.cc", "STRIDED_SLICE"),
            ("EdgeEval", "", "EDGE"),
        ] {
            assert_eq!(operator(path, file), expected, "{path}");
        }
    }
}
