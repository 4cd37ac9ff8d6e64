//! What it is: a chip with firmware in it that can be run: the core, its exceptions, the bus, the account of time, and the run loop.
//! Source: DESIGN, "The run loop"; each submodule names its own.
//! Does not model: what its submodules say they do not.
//! Tested by: `tests/machine.rs` over the images in `firmware-images/tests`.

pub mod calls;
pub mod exceptions;
pub mod heap;
pub mod semihosting;

mod bus;
mod cpu;
mod deadline;
mod debug;
mod inspect;
mod rtt;
mod run;
mod sleep;
mod snapshot;
mod soc;
mod stops;
mod store;
mod touch;
mod tracker;
mod view;

pub use cpu::{Core, Cpu, Memory, Special, Stop, World};
pub use deadline::Deadline;
pub use debug::{Going, Halt, WatchKind, Watchpoint};
pub use inspect::{DeviceRegister, Register};
pub use run::{Environment, Machine, Outcome, Progress, Settings};
pub use snapshot::Snapshot;
pub use soc::{Mark, Overrides, SleepMode};
pub use touch::{Touched, UnwrittenRead};
