//! What it is: a profile in the formats of the tools that people have.
//! Source: each format's own description, named in its file.
//! Does not model: what the formats have no room for; the JSON report has everything.
//! Tested by: `tests/exports.rs`, with readers that are not ours.

mod callgrind;
mod firefox;
mod folded;
mod lcov;
mod pprof;
mod speedscope;
mod svg;
mod trace;

use super::{CallNode, Profile};
use crate::finding::{Code, Failure, Finding, Result};
use crate::firmware::Image;
use crate::timing::Details;
use crate::units::Hz;

/// A stretch of time on a line of the time line.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    /// Which line.
    pub track: String,
    /// What it is.
    pub name: String,
    /// Microseconds since reset.
    pub begin: f64,
    /// Microseconds.
    pub duration: f64,
    /// The same in cycles.
    pub cycles: u64,
}

/// What an export is made from.
#[derive(Clone, Copy)]
pub struct Recording<'a> {
    /// The firmware.
    pub image: &'a Image,
    /// The clock that cycles are converted with.
    pub clock: Hz,
    /// Where the cycles went.
    pub profile: &'a Profile,
    /// Instruction by instruction.
    pub details: &'a Details,
    /// What happened when, by track and time.
    pub timeline: &'a [Stretch],
}

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A line per stack: names joined by semicolons, and cycles.
    Folded,
    /// speedscope's JSON.
    Speedscope,
    /// The Firefox Profiler's JSON.
    Firefox,
    /// Callgrind's, for KCachegrind and callgrind_annotate.
    Callgrind,
    /// pprof's, compressed.
    Pprof,
    /// Chrome's trace events, for Perfetto.
    Trace,
    /// LCOV's coverage, for genhtml.
    Lcov,
    /// A flame graph as a picture.
    Svg,
}

/// Names as `--export` takes them, and the ends of file names that tell the format.
const KINDS: &[(Kind, &str, &[&str])] = &[
    (Kind::Folded, "folded", &[".folded"]),
    (Kind::Speedscope, "speedscope", &[".speedscope.json"]),
    (Kind::Firefox, "firefox", &[".firefox.json"]),
    (Kind::Callgrind, "callgrind", &[".callgrind", "callgrind.out"]),
    (Kind::Pprof, "pprof", &[".pb.gz", ".pprof"]),
    (Kind::Trace, "trace", &[".trace.json"]),
    (Kind::Lcov, "lcov", &[".lcov", ".info"]),
    (Kind::Svg, "svg", &[".svg"]),
];

impl Kind {
    /// Reads `KIND=FILE`, or `FILE` with an ending that tells the kind: the kind and the file.
    ///
    /// # Errors
    /// `bad-usage`.
    pub fn parse(text: &str) -> Result<(Kind, String)> {
        let names = || KINDS.iter().map(|(_, name, _)| *name).collect::<Vec<_>>().join(", ");
        let wrong = |message: String| -> Failure {
            Finding::new(Code::BadUsage, message).help(format!("Give --export KIND=FILE; the kinds are {}.", names())).into()
        };
        if let Some((kind, file)) = text.split_once('=').filter(|(kind, _)| !kind.contains(['/', '.'])) {
            let found = KINDS.iter().find(|(_, name, _)| *name == kind);
            let (found, _, _) = found.ok_or_else(|| wrong(format!("'{kind}' is no kind of export")))?;
            return if file.is_empty() {
                Err(wrong(format!("--export {kind}= names no file")))
            } else {
                Ok((*found, file.to_owned()))
            };
        }
        let by_ending = KINDS.iter().find(|(_, _, endings)| endings.iter().any(|ending| text.ends_with(ending)));
        let (found, _, _) = by_ending.ok_or_else(|| wrong(format!("the name '{text}' does not tell what to export")))?;
        Ok((*found, text.to_owned()))
    }

    /// The export's bytes.
    ///
    /// # Errors
    /// `internal`, if the text cannot be made.
    pub fn write(self, recording: &Recording<'_>) -> Result<Vec<u8>> {
        Ok(match self {
            Kind::Folded => folded::write(recording).into_bytes(),
            Kind::Speedscope => speedscope::write(recording)?,
            Kind::Firefox => firefox::write(recording)?,
            Kind::Callgrind => callgrind::write(recording).into_bytes(),
            Kind::Pprof => pprof::write(recording)?,
            Kind::Trace => trace::write(recording)?,
            Kind::Lcov => lcov::write(recording).into_bytes(),
            Kind::Svg => svg::write(recording).into_bytes(),
        })
    }
}

/// A value as JSON, with a line's end.
fn json(value: &serde_json::Value) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(value)
        .map_err(|error| Failure::new(Code::Internal, format!("the export cannot be written as JSON: {error}")))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The places in the tree from below the root down to a node.
fn stack(tree: &[CallNode], mut at: usize) -> Vec<usize> {
    let mut places = Vec::new();
    while let Some(node) = tree.get(at).filter(|_| at != 0) {
        places.push(at);
        at = node.parent;
    }
    places.reverse();
    places
}

/// Every node with cycles of its own, and the way to it.
fn stacks(tree: &[CallNode]) -> impl Iterator<Item = (Vec<usize>, u64)> + '_ {
    tree.iter().enumerate().filter(|(_, node)| node.own > 0).map(|(at, node)| (stack(tree, at), node.own))
}
