//! What it is: what a run can be asked about: inferences layer by layer, memory, serial text, energy.
//! Source: each submodule names its own.
//! Does not model: anything that needs a hook on each access; see the submodules.
//! Tested by: `tests/run.rs`.

pub mod duty;
pub mod energy;
pub mod inference;
pub mod memory;
pub mod serial;
