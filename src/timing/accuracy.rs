//! What it is: how far the cycle model is from published measurements. Made by `cargo run --release --example accuracy -- write`.
//! Source: `tests/silicon/published.toml`; the table behind it is docs/accuracy.md.
//! Does not model: code unlike the published kernels (heavy peripheral access, code in SRAM, DMA).
//! Tested by: `tests/silicon.rs`, which makes this file again and compares.

/// No wait states. Rows; mean, median, worst absolute error and the one that 95 % of the rows keep, in percent.
pub(super) const ZERO_WAIT: super::Accuracy = super::Accuracy { rows: 85, mean: 0.38, median: 0.42, worst: 0.72, bound: 0.7 };
/// One or two wait states. Rows; mean, median, worst absolute error and the one that 95 % of the rows keep, in percent.
pub(super) const WITH_WAITS: super::Accuracy = super::Accuracy { rows: 88, mean: 1.12, median: 0.91, worst: 3.11, bound: 3.1 };
