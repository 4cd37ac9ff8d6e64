//! What it is: the progress bar of commands that take a while.
//! Source: `indicatif`.
//! Does not model: anything off a terminal or with `--quiet`: there is no bar then, not even an empty line.
//! Tested by: `tests/eval.rs` (standard error stays empty in a pipe).

use super::Output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over so many steps, on standard error: what is done, how fast, how long yet.
pub(super) fn bar(output: &Output, what: &str, steps: usize) -> ProgressBar {
    let target = if output.progress() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {human_pos}/{human_len}, {per_sec}, {eta} left");
    ProgressBar::with_draw_target(Some(steps as u64), target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_prefix(what.to_owned())
}
