//! What it is: how far the cycle model is from published measurements. Made by `cargo run --release --example accuracy -- write`.
//! Source: `tests/silicon/published.toml`; the table behind it is docs/accuracy.md.
//! Does not model: code unlike the published kernels (heavy peripheral access, code in SRAM, DMA).
//! Tested by: `tests/silicon.rs`, which makes this file again and compares.

/// No wait states. Rows; mean, median, worst absolute error and the one that 95 % of the rows keep, in percent.
pub(super) const ZERO_WAIT: super::Accuracy = super::Accuracy { rows: 57, mean: 0.46, median: 0.45, worst: 1.99, bound: 0.8 };
/// One or two wait states. Rows; mean, median, worst absolute error and the one that 95 % of the rows keep, in percent.
pub(super) const WITH_WAITS: super::Accuracy = super::Accuracy { rows: 60, mean: 1.27, median: 1.11, worst: 4.01, bound: 4.0 };
