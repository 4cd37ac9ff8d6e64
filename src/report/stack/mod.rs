//! What it is: how deep the stack can get at most, by the calls that stand in the code, to be read beside how deep a run got.
//! Source: each function's own depth and calls (`frames.rs`), summed along the worst way from the reset handler and from each exception's.
//! Does not model: how often a recursion recurses, what a call through a pointer reaches beyond what a run has called, arrays of variable
//! size, stacks of an operating system's tasks. Where the code has any of these, the figure is the least bound, and they are named.
//! Tested by: `tests/stack.rs`: the compiler's own figures (`-fstack-usage`), and no run of an image gets deeper.

mod frames;
mod text;

use crate::chip::Placement;
use crate::firmware::Image;
use crate::report::profile::function_name;
use crate::units::Addr;
use frames::{Code, Frame, Target};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
pub use text::lines;

/// What the core pushes when it takes an exception: eight words, and one more where the stack pointer is not aligned to eight bytes (DDI
/// 0403E, B1.5.7).
const EXCEPTION_FRAME: u64 = 36;
/// Calls nest no deeper than this in the search; what does is taken for recursion.
const MOST_NESTED: usize = 1000;

/// The deepest that the main stack can get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StackBound {
    /// The program's own part and the deepest exception on top of it, in bytes.
    pub bytes: u64,
    /// The same with every exception on top of every other, as if each had a priority of its own.
    pub nested_bytes: u64,
    /// Whether nothing below is without a bound.
    pub bounded: bool,
    /// From the reset handler.
    pub program: Way,
    /// From each exception's handler, the deepest first; what the core pushes is in it.
    pub handlers: Vec<Way>,
    /// Functions that come to call themselves, each with those by which they do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recursion: Vec<Vec<String>>,
    /// Functions that call through a pointer, with what the run has called there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub indirect: Vec<IndirectCall>,
    /// Functions that take as much stack as a variable says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dynamic: Vec<String>,
    /// Every function's own frame and the deepest way from it; only where it was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<FunctionDepth>,
}

/// The worst way from a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Way {
    /// How deep, in bytes.
    pub bytes: u64,
    /// The calls, the outermost first.
    pub chain: Vec<Step>,
}

/// A function on a way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its name.
    pub function: String,
    /// What it has taken when it calls the next, or at its own deepest.
    pub bytes: u64,
}

/// A call through a pointer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IndirectCall {
    /// Who calls.
    pub function: String,
    /// What the run has called there; nothing without a run, or where the run did not come by.
    pub seen: Vec<String>,
}

/// A function's depth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionDepth {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: u32,
    /// What it takes itself at most, in bytes.
    pub frame: u64,
    /// With what it calls.
    pub worst: u64,
}

/// How often control passed from an instruction to another, by their addresses.
pub type Passages = BTreeMap<(u32, u32), u64>;

impl StackBound {
    /// Of a placed image, with the passages of a run for the calls through pointers.
    #[must_use]
    pub fn new(image: &Image, placement: &Placement, passages: &Passages) -> Option<StackBound> {
        Self::of(image, placement, passages, false)
    }

    /// The same with every function's depth.
    #[must_use]
    pub fn with_functions(image: &Image, placement: &Placement, passages: &Passages) -> Option<StackBound> {
        Self::of(image, placement, passages, true)
    }

    /// `None` where the code cannot be read.
    fn of(image: &Image, placement: &Placement, passages: &Passages, functions: bool) -> Option<StackBound> {
        let mut seen: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for (from, to) in passages.keys() {
            seen.entry(image.linked_address(Addr(*from)).0).or_default().insert(image.linked_address(Addr(*to)).0);
        }
        let mut search = Search {
            code: Code::new(image, seen)?,
            frames: BTreeMap::new(),
            worst: BTreeMap::new(),
            open: Vec::new(),
            recursion: BTreeSet::new(),
            indirect: BTreeMap::new(),
            dynamic: BTreeSet::new(),
        };
        let reset = image.linked_address(placement.reset_handler).0;
        let name = |address: u32| function_name(image, Some(address));
        let program = search.way(reset, 0, &name);
        let mut handlers: Vec<Way> = handlers(image, placement)
            .into_iter()
            .filter(|handler| *handler != reset)
            .map(|handler| search.way(handler, EXCEPTION_FRAME, &name))
            .collect();
        handlers.sort_by(|a, b| {
            b.bytes.cmp(&a.bytes).then_with(|| a.chain.first().map(|s| &s.function).cmp(&b.chain.first().map(|s| &s.function)))
        });
        let names = |addresses: &BTreeSet<u32>| addresses.iter().map(|address| name(*address)).collect::<Vec<_>>();
        let recursion: Vec<Vec<String>> =
            search.recursion.iter().map(|cycle| cycle.iter().map(|address| name(*address)).collect()).collect();
        // Code that is entered in several places is one function.
        let mut by_name: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
        for (from, to) in &search.indirect {
            by_name.entry(name(*from)).or_default().extend(to);
        }
        let indirect: Vec<IndirectCall> =
            by_name.into_iter().map(|(function, to)| IndirectCall { function, seen: names(&to) }).collect();
        let dynamic = names(&search.dynamic);
        let mut bound = StackBound {
            bytes: program.bytes + handlers.first().map_or(0, |handler| handler.bytes),
            nested_bytes: program.bytes + handlers.iter().map(|handler| handler.bytes).sum::<u64>(),
            bounded: recursion.is_empty() && indirect.is_empty() && dynamic.is_empty(),
            program,
            handlers,
            recursion,
            indirect,
            dynamic,
            functions: Vec::new(),
        };
        if functions {
            let all: Vec<u32> = search.code.functions().collect();
            for address in all {
                let worst = search.worst(address);
                let frame = search.frames.get(&address).map_or(0, |frame| u64::from(frame.depth));
                bound.functions.push(FunctionDepth { name: name(address), address, frame, worst });
            }
        }
        Some(bound)
    }
}

/// The functions that the vector table names, each once.
fn handlers(image: &Image, placement: &Placement) -> BTreeSet<u32> {
    let words = placement.flash.chunks_exact(4).map(|word| word.try_into().map_or(0, u32::from_le_bytes));
    // The table ends at the latest where the first handler begins; what is behind it is code.
    let end = (placement.reset_handler.0 & 0x00ff_ffff) / 4;
    let vectors = words.take(end.min(256) as usize).skip(2);
    vectors
        .take_while(|word| *word == 0 || (*word & 1 == 1 && image.symbols.at(image.linked_address(Addr(*word & !1))).is_some()))
        .filter(|word| *word != 0)
        .map(|word| image.linked_address(Addr(word & !1)).0)
        .collect()
}

struct Search<'a> {
    code: Code<'a>,
    frames: BTreeMap<u32, Frame>,
    /// By function: how deep, and by which call (its depth and whom).
    worst: BTreeMap<u32, (u64, Option<(u32, u32)>)>,
    /// The functions on the way to the one that is looked at.
    open: Vec<u32>,
    recursion: BTreeSet<Vec<u32>>,
    indirect: BTreeMap<u32, BTreeSet<u32>>,
    dynamic: BTreeSet<u32>,
}

impl Search<'_> {
    /// How deep the stack gets from a function on.
    fn worst(&mut self, function: u32) -> u64 {
        if let Some((bytes, _)) = self.worst.get(&function) {
            return *bytes;
        }
        if let Some(at) = self.open.iter().position(|open| *open == function) {
            let mut cycle = self.open.get(at..).unwrap_or_default().to_vec();
            // The same one from wherever it was entered: it begins with its lowest address.
            let first = cycle.iter().enumerate().min_by_key(|(_, address)| **address).map_or(0, |(at, _)| at);
            cycle.rotate_left(first);
            self.recursion.insert(cycle);
            return 0;
        }
        if self.open.len() >= MOST_NESTED {
            self.recursion.insert(vec![function]);
            return 0;
        }
        if !self.frames.contains_key(&function) {
            let frame = self.code.frame(function);
            self.frames.insert(function, frame);
        }
        let frame = self.frames.get(&function).cloned().unwrap_or_default();
        self.open.push(function);
        let (mut deepest, mut by) = (u64::from(frame.depth), None);
        if frame.dynamic {
            self.dynamic.insert(function);
        }
        for site in &frame.sites {
            let targets: Vec<u32> = match site.target {
                Target::Known(target) => vec![target],
                Target::Indirect => {
                    let (start, end) = self.code.bounds(site.at);
                    let mut seen = self.code.seen(site.at);
                    // A jump within the function is followed there.
                    seen.retain(|target| !(start..end).contains(target) || *target == start);
                    self.indirect.entry(function).or_default().extend(&seen);
                    seen.into_iter().collect()
                }
            };
            for target in targets {
                let bytes = u64::from(site.depth) + self.worst(target);
                if bytes > deepest {
                    (deepest, by) = (bytes, Some((site.depth, target)));
                }
            }
        }
        self.open.pop();
        self.worst.insert(function, (deepest, by));
        deepest
    }

    /// The worst way from a function, `before` bytes of stack being taken already.
    fn way(&mut self, from: u32, before: u64, name: &impl Fn(u32) -> String) -> Way {
        let bytes = before + self.worst(from);
        let (mut chain, mut at) = (Vec::new(), from);
        while chain.len() < MOST_NESTED
            && let Some((bytes, by)) = self.worst.get(&at)
        {
            match by {
                Some((depth, next)) => {
                    chain.push(Step { function: name(at), bytes: u64::from(*depth) });
                    at = *next;
                }
                None => {
                    chain.push(Step { function: name(at), bytes: *bytes });
                    break;
                }
            }
        }
        Way { bytes, chain }
    }
}
