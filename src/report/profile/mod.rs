//! What it is: where a run's cycles went: by function, source line, layer and kind of instruction, each split by cause.
//! Source: the table of prices, instruction by instruction ([`crate::timing::Details`]), and the firmware's symbols and lines.
//! Does not model: anything; what nothing describes stands in rows of its own in brackets, so that all rows sum to the total.
//! Tested by: `tests/profile.rs`: sums, and counts against QEMU's and the disassembler's.

mod against;
mod annotate;
pub mod export;
mod flame;
mod text;
mod timeline;
mod tree;

pub use against::{Changed, ProfileDifference, read};
pub use annotate::{Annotated, AnnotatedInsn};
pub use flame::{Tile, boxes as flame_tiles};
pub use text::Text;
pub use timeline::timeline;
pub(super) use tree::function_name;
pub use tree::{CallNode, InterruptCost, Range, StackCost};

use super::run::{Causes, InferenceSummary};
use crate::chip::Chip;
use crate::firmware::{Image, Location};
use crate::isa::Insn;
use crate::machine::calls::Calls;
use crate::timing::{Cause, CauseTotals, Details, InsnCost};
use crate::units::Addr;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Cycles of exception entries, chainings and returns: they belong to no instruction.
pub const EXCEPTIONS: &str = "[exception entry and return]";
/// Cycles asleep.
pub const ASLEEP: &str = "[asleep]";
/// Waiting for a flash that is being programmed or erased.
pub const FLASH_BUSY: &str = "[flash busy]";
/// Instructions of which no source line is known.
pub const NO_LINE: &str = "[no line]";

/// Where the cycles of a whole run went. Every list sums to `cycles` and `instructions`, except `layers`, which sums to the inference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Instructions executed.
    pub instructions: u64,
    /// Cycles, sleep included.
    pub cycles: u64,
    /// The same by cause.
    pub cycles_by_cause: Causes,
    /// By function, the dearest first.
    pub functions: Vec<FunctionCost>,
    /// By source line, the dearest first.
    pub lines: Vec<LineCost>,
    /// By kind of instruction, the dearest first.
    pub mix: Vec<MixCost>,
    /// The layers of the inference that the report is about, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerCost>,
    /// By way of calling; the root first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tree: Vec<CallNode>,
    /// By exception.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interrupts: Vec<InterruptCost>,
    /// By stack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stacks: Vec<StackCost>,
}

/// What a function cost itself, without what it called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunctionCost {
    /// Its name in the source, or a name in brackets for what belongs to no function.
    pub name: String,
    /// The source file that it begins in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its address; absent for what belongs to no function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<u32>,
    /// How often it was entered: called, jumped to, or started by an exception. Absent where that has no meaning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// Instructions executed in it.
    pub instructions: u64,
    /// Cycles in it.
    pub cycles: u64,
    /// The same by cause.
    pub cycles_by_cause: Causes,
}

/// What a source line cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LineCost {
    /// The file, or [`NO_LINE`].
    pub file: String,
    /// The line, from 1; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The function whose code it is part of, inlined or not.
    pub function: String,
    /// Instructions executed.
    pub instructions: u64,
    /// Cycles.
    pub cycles: u64,
    /// The same by cause.
    pub cycles_by_cause: Causes,
}

/// What instructions of a kind cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixCost {
    /// The kind.
    pub kind: String,
    /// How many were executed.
    pub instructions: u64,
    /// Their cycles.
    pub cycles: u64,
    /// The same by cause.
    pub cycles_by_cause: Causes,
}

/// What a layer cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerCost {
    /// Its place in the model's order; absent for what lies between layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Operator and output, as `CONV_2D 1x25x5x64`.
    pub name: String,
    /// Instructions executed.
    pub instructions: u64,
    /// Cycles.
    pub cycles: u64,
    /// The same by cause.
    pub cycles_by_cause: Causes,
}

/// Instructions and cycles of some group.
#[derive(Clone, Copy, Default)]
struct Sum {
    instructions: u64,
    causes: CauseTotals,
}

impl Sum {
    fn add(&mut self, cost: &InsnCost) {
        self.instructions += cost.executions;
        self.causes.merge(&cost.causes);
    }

    fn outside(causes: CauseTotals) -> Self {
        Self { instructions: 0, causes }
    }
}

/// What belongs to no block.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outside {
    /// All of it.
    pub total: CauseTotals,
    /// Of that, waiting for a flash that is being programmed or erased.
    pub flash_busy: u64,
}

/// Splits what belongs to no block into exception sequences, sleep and waiting for flash; what is zero is left out.
fn outside_rows(outside: &Outside) -> Vec<(&'static str, CauseTotals)> {
    let mut exceptions = outside.total;
    let mut take = |cause: Cause, most: u64| {
        let mut taken = CauseTotals::default();
        if let (Some(to), Some(from)) = (taken.0.get_mut(cause as usize), exceptions.0.get_mut(cause as usize)) {
            *to = most.min(*from);
            *from -= *to;
        }
        taken
    };
    let (asleep, busy) = (take(Cause::Sleep, u64::MAX), take(Cause::FlashFetch, outside.flash_busy));
    [(EXCEPTIONS, exceptions), (ASLEEP, asleep), (FLASH_BUSY, busy)]
        .into_iter()
        .filter(|(_, causes)| causes.total() > 0)
        .collect()
}

impl Profile {
    /// Of a run's details and of the cycles that belong to no block.
    #[must_use]
    pub fn new(image: &Image, details: &Details, outside: &Outside, inference: Option<&InferenceSummary>) -> Self {
        let mut total = Sum::outside(outside.total);
        for cost in details.insns.values() {
            total.add(cost);
        }
        Self {
            instructions: total.instructions,
            cycles: total.causes.total(),
            cycles_by_cause: Causes(total.causes),
            functions: functions(image, details, outside),
            lines: lines(image, details, outside),
            mix: mix(details, outside),
            layers: inference.map(layers).unwrap_or_default(),
            tree: Vec::new(),
            interrupts: Vec::new(),
            stacks: Vec::new(),
        }
    }

    /// The same with what was noted of calls.
    #[must_use]
    pub fn with_calls(mut self, image: &Image, chip: &Chip, calls: &Calls) -> Self {
        self.tree = tree::tree(image, chip, calls);
        self.interrupts = tree::interrupts(chip, calls, &self.tree);
        self.stacks = tree::stacks(image, calls, &self.tree, chip.sram.base.0);
        self
    }
}

/// The functions and objects of a firmware: first address and the one behind the last.
#[must_use]
pub fn function_bounds(image: &Image) -> Vec<(u32, u32)> {
    let mut bounds: Vec<(u32, u32)> = Vec::new();
    // Objects too: code may be written into one.
    for (start, size, symbol) in image.symbols.extents() {
        // A function that another symbol's stretch divides is one function.
        match bounds.last_mut() {
            Some((begin, end)) if *begin == symbol.address.0 => *end = start.0.saturating_add(size),
            _ => bounds.push((start.0, start.0.saturating_add(size))),
        }
    }
    bounds
}

/// The start of the function that covers an address, in the linked program's own addresses; `None` where no symbol does.
fn function_at(image: &Image, address: u32) -> Option<u32> {
    image.symbols.at(image.linked_address(Addr(address))).map(|(symbol, _)| symbol.address.0)
}

fn functions(image: &Image, details: &Details, outside: &Outside) -> Vec<FunctionCost> {
    let mut sums: BTreeMap<Option<u32>, Sum> = BTreeMap::new();
    let mut calls: HashMap<u32, u64> = HashMap::new();
    for (address, cost) in &details.insns {
        let function = function_at(image, *address);
        sums.entry(function).or_default().add(cost);
        if function == Some(image.linked_address(Addr(*address)).0) {
            *calls.entry(image.linked_address(Addr(*address)).0).or_default() += cost.executions;
        }
    }
    // A loop back to a function's first instruction is no call.
    for ((from, to), times) in &details.passages {
        let to = image.linked_address(Addr(*to)).0;
        if let Some(entered) = calls.get_mut(&to)
            && function_at(image, *from) == Some(to)
            && !details.insns.get(from).is_some_and(|cost| is_call(&cost.insn))
        {
            *entered = entered.saturating_sub(*times);
        }
    }
    let named = sums.iter().map(|(function, sum)| {
        let place = function.map(|address| image.locate(Addr(address)));
        let name = place.as_ref().map_or_else(|| Location::NO_SYMBOL.to_owned(), |place| place.function.clone());
        let entered = function.and_then(|address| calls.get(&address).copied());
        (name, place.and_then(|place| place.file), *function, entered, *sum)
    });
    let bare = outside_rows(outside).into_iter().map(|(name, causes)| (name.to_owned(), None, None, None, Sum::outside(causes)));
    let mut rows: Vec<FunctionCost> = named
        .chain(bare)
        .map(|(name, file, address, calls, sum)| FunctionCost {
            name,
            file,
            address,
            calls,
            instructions: sum.instructions,
            cycles: sum.causes.total(),
            cycles_by_cause: Causes(sum.causes),
        })
        .collect();
    rows.sort_by(|a, b| b.cycles.cmp(&a.cycles).then_with(|| a.name.cmp(&b.name)).then_with(|| a.address.cmp(&b.address)));
    rows
}

/// Whether an instruction is a call: BL, BLX.
#[must_use]
pub fn is_call(insn: &Insn) -> bool {
    use crate::isa::Flow;
    matches!(insn.flow, Flow::Call { .. } | Flow::Indirect { call: true })
}

fn lines(image: &Image, details: &Details, outside: &Outside) -> Vec<LineCost> {
    let mut sums: BTreeMap<(String, Option<u32>, String), Sum> = BTreeMap::new();
    for (address, cost) in &details.insns {
        let place = image.locate(Addr(*address));
        let file = place.file.unwrap_or_else(|| NO_LINE.to_owned());
        sums.entry((file, place.line, place.inlined.unwrap_or(place.function))).or_default().add(cost);
    }
    for (name, causes) in outside_rows(outside) {
        sums.insert((name.to_owned(), None, name.to_owned()), Sum::outside(causes));
    }
    let mut rows: Vec<LineCost> = sums
        .into_iter()
        .map(|((file, line, function), sum)| LineCost {
            file,
            line,
            function,
            instructions: sum.instructions,
            cycles: sum.causes.total(),
            cycles_by_cause: Causes(sum.causes),
        })
        .collect();
    // The sort is stable: rows of equal cost stay in the order of their names.
    rows.sort_by_key(|row| std::cmp::Reverse(row.cycles));
    rows
}

fn mix(details: &Details, outside: &Outside) -> Vec<MixCost> {
    let mut sums: BTreeMap<&'static str, Sum> = BTreeMap::new();
    for cost in details.insns.values() {
        sums.entry(cost.insn.class.name()).or_default().add(cost);
    }
    for (name, causes) in outside_rows(outside) {
        sums.insert(name, Sum::outside(causes));
    }
    let mut rows: Vec<MixCost> = sums
        .into_iter()
        .map(|(kind, sum)| MixCost {
            kind: kind.to_owned(),
            instructions: sum.instructions,
            cycles: sum.causes.total(),
            cycles_by_cause: Causes(sum.causes),
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.cycles));
    rows
}

fn layers(inference: &InferenceSummary) -> Vec<LayerCost> {
    inference
        .layers
        .iter()
        .map(|layer| LayerCost {
            index: layer.index,
            name: if layer.index.is_some() { format!("{} {}", layer.op, layer.name) } else { layer.name.clone() },
            instructions: layer.instructions,
            cycles: layer.cycles,
            cycles_by_cause: layer.cycles_by_cause,
        })
        .collect()
}
