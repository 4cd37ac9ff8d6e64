//! What it is: the model headers that the firmware images include are what `stm32sim embed` makes of the committed models, so that runtime,
//! model compiler and images cannot drift apart.
//! Source: running the program; the `.tflite` files are the trainers'.
//! Does not model: what the plans compute; `tests/scenarios.rs` compares that with TFLite Micro.
//! Tested by: itself; a changed byte fails.

mod support;

use std::fs;
use std::path::Path;
use support::{Scratch, stm32sim};

#[test]
fn committed_headers_are_what_embed_writes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scratch = Scratch::new("headers");
    for (name, model) in [
        ("anomaly-forest", "anomaly/forest.npy"),
        ("anomaly", "anomaly/anomaly_int8"),
        ("anomaly-float", "anomaly/anomaly_float32"),
        ("image", "image/image_int8"),
        ("keyword", "keyword/keyword_int8"),
        ("emotion", "emotion/emotion_int8"),
        ("emotion-2000", "emotion/emotion_2000_int8"),
    ] {
        let mut model = root.join("models").join(model);
        // KDD Cup 1999 has 41 features; a forest's table does not say so.
        let features: &[&str] = if model.extension().is_some() { &["--features", "41"] } else { &[] };
        if features.is_empty() {
            model.set_extension("tflite");
        }
        let out = scratch.0.join(format!("{name}.h"));
        let args = ["embed", model.to_str().expect("a path"), "-o", out.to_str().expect("a path")];
        let ran = stm32sim(&[&args[..], features].concat());
        assert_eq!(ran.code, 0, "{name}: {}", ran.err);
        let written = fs::read_to_string(out).expect("written");
        let committed = root.join(format!("firmware-images/{name}/model_data.h"));
        if std::env::var_os("STM32SIM_BLESS").is_some() {
            fs::write(committed, written).expect("the header can be written");
        } else {
            let help = "STM32SIM_BLESS=1 cargo test --release --test model_headers, then make -C firmware-images install";
            assert!(fs::read_to_string(committed).expect("committed") == written, "{name}: {help}");
        }
    }
}
