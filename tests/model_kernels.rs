//! The C runtime against TensorFlow Lite Micro, bit for bit: every golden set in `tests/kernels/` (made by `make_goldens.py` there with the
//! pinned wheel) is lowered, executed by the runtime, and compared: once compiled for the host with its sanitizers on, where the portable
//! loops run, and once on an emulated Cortex-M3, where those in assembly do.

#[path = "kernels/core.rs"]
mod core;
mod kernels;

use self::core::CoreImage;
use kernels::{Golden, Host};
use stm32sim::model::Model;

#[test]
fn every_golden_set_is_reproduced_to_the_bit() {
    let Some(host) = Host::build() else { return };
    let goldens = Golden::all();
    assert!(goldens.len() >= 10, "the golden sets are missing: {}", goldens.len());
    let mut wrong = Vec::new();
    for golden in goldens {
        let outcome = Model::read(&golden.model)
            .and_then(|model| model.lower())
            .map_err(|failure| failure.to_string())
            .and_then(|plan| host.run(&golden.name, &plan, &golden.inputs))
            .and_then(|outputs| golden.compare(&outputs));
        if let Err(reason) = outcome {
            wrong.push(format!("{}: {reason}", golden.name));
        }
    }
    assert!(wrong.is_empty(), "{} golden sets differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_golden_set_is_reproduced_on_the_core() {
    let Some(image) = CoreImage::build() else { return };
    let mut wrong = Vec::new();
    for golden in Golden::all() {
        let outcome = Model::read(&golden.model)
            .and_then(|model| model.lower())
            .map_err(|failure| failure.to_string())
            .and_then(|plan| image.run(&plan, &golden.inputs))
            .and_then(|(outputs, _)| golden.compare(&outputs));
        if let Err(reason) = outcome {
            wrong.push(format!("{}: {reason}", golden.name));
        }
    }
    assert!(wrong.is_empty(), "{} golden sets differ:\n{}", wrong.len(), wrong.join("\n"));
}
