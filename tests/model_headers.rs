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
    for name in ["anomaly", "image", "keyword"] {
        let model = root.join(format!("models/{name}/{name}_int8.tflite"));
        let out = scratch.0.join(format!("{name}.h"));
        let ran = stm32sim(&["embed", model.to_str().expect("a path"), "-o", out.to_str().expect("a path")]);
        assert_eq!(ran.code, 0, "{name}: {}", ran.err);
        let committed = fs::read_to_string(root.join(format!("firmware-images/{name}/model_data.h"))).expect("committed");
        let help = "stm32sim embed MODEL -o firmware-images/NAME/model_data.h, then make -C firmware-images install";
        assert!(committed == fs::read_to_string(out).expect("written"), "{name}: {help}");
    }
}
