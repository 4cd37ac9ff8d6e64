//! stm32sim runs STM32F103 firmware in the Unicorn engine and reports what the same firmware would cost on the chip.
//!
//! Data flows one way: firmware, chip, scenario and model become a machine; the machine's run becomes a record; the record becomes a
//! report; everything a user sees is a view of the report. A module uses only what stands above it here:
//!
//! | layer | modules |
//! | --- | --- |
//! | 0 | [`units`], [`finding`] |
//! | 1 | [`firmware`], [`chip`], [`isa`], [`model`] |
//! | 2 | [`timing`] |
//! | 3 | [`machine`], [`peripherals`] |
//! | 4 | [`observe`], [`scenario`] |
//! | 5 | [`report`] |
//! | 6 | [`gdb`] |
//! | 7 | [`cli`] |
//!
//! `tests/architecture.rs` holds that rule.

pub mod chip;
pub mod cli;
pub mod finding;
pub mod firmware;
pub mod gdb;
pub mod isa;
pub mod machine;
pub mod model;
pub mod observe;
pub mod peripherals;
pub mod report;
pub mod scenario;
pub mod timing;
pub mod units;
