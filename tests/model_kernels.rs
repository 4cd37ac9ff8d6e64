//! The C runtime against TensorFlow Lite Micro, bit for bit: every golden set in `tests/kernels/` (made by `make_goldens.py` there with the
//! pinned wheel) is lowered, executed by the runtime compiled for the host with its sanitizers on, and compared.

mod kernels;

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
