//! The reader and the lowering: what sound models contain, and one clear sentence for every way in which a file can be damaged.
//! Oracles: the operator lists and multiply-accumulate counts that the converter's own tools give for the committed models; for damage, the
//! files made by `tests/kernels/make_damaged.py`, each with one change.

use std::path::{Path, PathBuf};
use stm32sim::finding::{Code, Exit};
use stm32sim::model::{Model, header, raw_header};

fn kernels() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernels")
}

fn sound() -> Vec<u8> {
    std::fs::read(kernels().join("flatten_dense.tflite")).unwrap()
}

#[test]
fn a_sound_model_is_read_as_the_converter_made_it() {
    let model = Model::parse("flatten_dense", sound()).unwrap();
    let names: Vec<String> = model.operators.iter().map(|operator| operator.code.name()).collect();
    assert_eq!(names, ["CONV_2D", "RESHAPE", "FULLY_CONNECTED"]);
    // 2x2x5 taps at 3x2 places for 4 channels, then 24 inputs for 9 outputs.
    assert_eq!(model.total_macs(), 20 * 6 * 4 + 24 * 9);
    let plan = model.lower().unwrap();
    assert_eq!(plan.layers.len(), 2, "RESHAPE costs nothing");
    assert_eq!((plan.inputs[0].bytes, plan.outputs[0].bytes), (60, 9));
    assert_eq!(plan.bytes.len() % 8, 0);
    assert_eq!(plan.bytes, Model::parse("again", sound()).unwrap().lower().unwrap().bytes, "lowering is deterministic");
}

#[test]
fn every_damaged_file_gives_one_sentence_that_names_it() {
    // What the sentence must mention, by file.
    let expected = [
        ("negative_shape", "-3"),
        ("absurd_shape", "absurdly large"),
        ("huge_shape", "absurdly large"),
        ("many_dimensions", "40 dimensions"),
        ("zero_shape", "1x0x2x4"),
        ("missing_buffer", "buffer 99"),
        ("no_weights", "before anything writes it"),
        ("short_weights", "buffer has"),
        ("cyclic", "cycle"),
        ("written_twice", "writes"),
        ("tensor_index", "tensor 1000"),
        ("operator_code", "operator code 77"),
        ("no_operators", "no operators"),
        ("no_outputs", "no outputs"),
        ("bad_scale", "NaN"),
        ("scale_count", "3 scales"),
        ("zero_stride", "stride of 0"),
        ("huge_stride", "stride of 2000000000"),
        ("schema_version", "version is 7"),
        ("custom_operator", "FlexTensorListReserve"),
        ("unknown_operator", "BUILTIN_4000"),
        ("external_buffer", "beyond the end"),
    ];
    for (name, what) in expected {
        let path = kernels().join("damaged").join(format!("{name}.tflite"));
        let failure = Model::read(&path).and_then(|model| model.lower().map(|_| ())).expect_err(name);
        let message = &failure.0.message;
        assert!(message.contains(what), "{name}: {message}");
        assert!(message.contains(&format!("{name}.tflite")), "{name}: {message}");
        assert!(message.ends_with('.') && !message.contains('\n'), "{name}: {message}");
        assert_eq!(failure.exit(), Exit::BadInput, "{name}");
    }
    assert_eq!(std::fs::read_dir(kernels().join("damaged")).unwrap().count(), expected.len(), "every file is listed");
}

#[test]
fn other_files_are_told_apart() {
    let code = |bytes: &[u8]| Model::parse("x", bytes.to_vec()).unwrap_err().0.code;
    assert_eq!(code(b""), Code::FileEmpty);
    assert_eq!(code(b"\x1c\0\0"), Code::BadModel);
    assert_eq!(code(b"\x7fELF\x01\x01\x01\0\0\0\0\0"), Code::BadModel);
    let missing = Model::read(Path::new("no/such.tflite")).unwrap_err();
    assert_eq!(missing.0.code, Code::FileUnreadable);
}

#[test]
fn a_model_cut_short_anywhere_is_refused() {
    let bytes = sound();
    for length in 0..bytes.len() {
        // Nothing but padding may lie beyond a place where the file can be cut without loss.
        if let Ok(model) = Model::parse("cut", bytes[..length].to_vec()) {
            assert!(bytes.len() - length < 16, "accepted with {length} of {} bytes", bytes.len());
            assert_eq!(model.operators.len(), 3);
        }
    }
}

#[test]
fn random_damage_never_panics() {
    // A small multiplicative generator: the same damage every time.
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    };
    let models: Vec<Vec<u8>> = ["flatten_dense", "separable_chain", "softmax_usual", "hybrid_chain", "float_elementwise"]
        .map(|n| std::fs::read(kernels().join(format!("{n}.tflite"))).unwrap())
        .into();
    let (mut read, mut lowered) = (0, 0);
    for round in 0..6000 {
        let mut bytes = models[round % models.len()].clone();
        for _ in 0..1 + random(3) {
            let at = 8 + random(bytes.len() - 8);
            bytes[at] = match random(4) {
                0 => 0xff,
                1 => 0x80,
                2 => bytes[at].wrapping_add(1),
                _ => random(256) as u8,
            };
        }
        if let Ok(model) = Model::parse("damaged", bytes) {
            read += 1;
            lowered += usize::from(model.lower().is_ok());
        }
    }
    assert!(read > 1000 && lowered > 500, "the damage should not all be fatal: {read} read, {lowered} lowered");
}

#[test]
fn headers_hold_the_plan_and_the_file() {
    let bytes = sound();
    let plan = Model::parse("x", bytes.clone()).unwrap().lower().unwrap();
    let text = header("a \"model\" */", &plan);
    let words: Vec<u8> = text
        .split(['{', '}'])
        .nth(3)
        .unwrap()
        .split(',')
        .filter_map(|word| u32::from_str_radix(word.trim().strip_prefix("0x")?.strip_suffix('u')?, 16).ok())
        .flat_map(u32::to_le_bytes)
        .collect();
    assert_eq!(words, plan.bytes);
    assert!(
        text.contains("#define NN_MODEL_NAME \"a _model_ __\"")
            && text.contains("nn_conv_s8,")
            && !text.contains("nn_softmax_s8")
    );
    let raw = raw_header("x", &bytes);
    assert_eq!(raw.matches("0x").count(), bytes.len());
}
