//! What it is: the tree of calls, interrupts and stacks of a run, with names.
//! Source: [`crate::machine::calls::Calls`] and the firmware's symbols.
//! Does not model: causes by way of calling: a node's cycles are split by cause in the flat profile only.
//! Tested by: `tests/profile.rs`: per function the tree's cycles equal the flat profile's on every image.

use super::{ASLEEP, FLASH_BUSY, Location};
use crate::chip::Chip;
use crate::firmware::Image;
use crate::machine::calls::{Calls, Spread, What};
use crate::machine::exceptions::Number;
use crate::units::{Addr, Tick};
use serde::{Deserialize, Serialize};

/// A node of the tree of calls. The list begins with the root, whose `total` is the run; parents stand before their children.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallNode {
    /// The node above, by its place in the list; the root's is itself.
    pub parent: usize,
    /// The function, the exception as `[USART1]`, or `[asleep]`.
    pub name: String,
    /// The function's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<u32>,
    /// The address behind the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u32>,
    /// How often it was entered.
    pub calls: u64,
    /// Cycles in itself.
    pub own: u64,
    /// Cycles in itself and below.
    pub total: u64,
}

/// What an exception's handler cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterruptCost {
    /// Its number, as IPSR shows it.
    pub number: u16,
    /// Its name, as `USART1`.
    pub name: String,
    /// How often it was taken.
    pub count: u64,
    /// Of those, how often straight behind another, without stacking.
    pub chained: u64,
    /// Cycles in it and in what it called, entry and return included, what interrupted it not.
    pub cycles: u64,
    /// From pending to the handler's first instruction; absent for exceptions that instructions raise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Range>,
    /// From the handler's first instruction until the interrupted code goes on, what interrupted it included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Range>,
    /// When the longest one began, in cycles since reset.
    pub worst_at: u64,
}

/// Some durations in cycles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The shortest.
    pub min: u64,
    /// Their sum by their count, to one decimal.
    pub mean: f64,
    /// The longest.
    pub max: u64,
}

impl Eq for Range {}

impl Range {
    fn of(spread: Spread) -> Option<Self> {
        let mean = (spread.sum as f64 * 10.0 / spread.count.max(1) as f64).round() / 10.0;
        (spread.count > 0).then_some(Self { min: spread.least, mean, max: spread.most })
    }
}

/// One stack at its deepest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackCost {
    /// `main` (MSP) or `process` (PSP).
    pub kind: String,
    /// Where it began.
    pub top: u32,
    /// The lowest address that its pointer held.
    pub lowest: u32,
    /// `top - lowest`.
    pub bytes: u64,
    /// The calls that led there, the outermost first.
    pub chain: Vec<String>,
    /// What lies below: the object that the stack would run into next, or the one that it is in and would leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<String>,
    /// Bytes between the lowest address and what lies below; negative if the stack has run into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<i64>,
}

/// What a number of IPSR is called on a chip.
#[must_use]
pub fn exception_name(chip: &Chip, n: Number) -> String {
    let name = match n {
        1 => "Reset",
        2 => "NMI",
        3 => "HardFault",
        4 => "MemManage",
        5 => "BusFault",
        6 => "UsageFault",
        11 => "SVCall",
        12 => "DebugMonitor",
        14 => "PendSV",
        15 => "SysTick",
        _ => {
            let line = chip.interrupts.iter().find(|line| line.position + 16 == n);
            return line.map_or_else(|| format!("exception {n}"), |line| line.name.clone());
        }
    };
    name.to_owned()
}

/// The name of a function by its address.
pub(in crate::report) fn function_name(image: &Image, address: Option<u32>) -> String {
    address.map_or_else(|| Location::NO_SYMBOL.to_owned(), |address| image.locate(Addr(address)).function)
}

/// The tree with names and totals.
#[must_use]
pub fn tree(image: &Image, chip: &Chip, calls: &Calls) -> Vec<CallNode> {
    let mut nodes: Vec<CallNode> = calls
        .nodes()
        .iter()
        .map(|node| CallNode {
            parent: node.parent as usize,
            name: match node.what {
                What::Root => "[all]".to_owned(),
                What::Function(address) => function_name(image, address),
                What::Exception(n) => format!("[{}]", exception_name(chip, n)),
                What::Asleep => ASLEEP.to_owned(),
                What::FlashBusy => FLASH_BUSY.to_owned(),
            },
            address: match node.what {
                What::Function(address) => address.map(|address| image.linked_address(Addr(address)).0),
                _ => None,
            },
            from: (node.from != 0).then_some(node.from),
            calls: node.calls,
            own: node.own,
            total: node.own,
        })
        .collect();
    for at in (1..nodes.len()).rev() {
        let (parent, total) = nodes.get(at).map_or((0, 0), |node| (node.parent, node.total));
        if let Some(above) = nodes.get_mut(parent) {
            above.total += total;
        }
    }
    nodes
}

/// What interrupts cost, by number.
#[must_use]
pub fn interrupts(chip: &Chip, calls: &Calls, tree: &[CallNode]) -> Vec<InterruptCost> {
    calls
        .interrupts()
        .iter()
        .map(|(number, row)| {
            let own = calls.nodes().iter().position(|node| node.what == What::Exception(*number));
            InterruptCost {
                number: *number,
                name: exception_name(chip, *number),
                count: row.count,
                chained: row.chained,
                cycles: own.and_then(|at| tree.get(at)).map_or(0, |node| node.total),
                latency: Range::of(row.latency),
                duration: Range::of(row.duration),
                worst_at: Tick::since(row.worst_at, Tick(0)).0,
            }
        })
        .collect()
}

/// The lowest address that a stack which begins at `top` may use, and what is below or around it.
fn floor(image: &Image, sram: u32, top: u32) -> Option<(u32, String)> {
    let objects = image.symbols.extents().filter(|(start, size, _)| start.0 >= sram && *size > 0 && start.0 < top);
    let (start, size, symbol) = objects.max_by_key(|(start, _, _)| start.0)?;
    let end = start.0.saturating_add(size);
    // A task's stack is an object itself.
    Some((if end >= top { start.0 } else { end }, symbol.name.clone()))
}

/// The stacks at their deepest; below a stack lies the highest static data.
#[must_use]
pub fn stacks(image: &Image, calls: &Calls, tree: &[CallNode], sram: u32) -> Vec<StackCost> {
    let mut stacks: Vec<StackCost> = calls
        .stacks()
        .iter()
        .map(|stack| {
            let mut chain = Vec::new();
            let mut at = stack.deepest as usize;
            while let Some(node) = tree.get(at).filter(|_| at != 0) {
                chain.push(node.name.clone());
                at = node.parent;
            }
            chain.reverse();
            let below = floor(image, sram, stack.top);
            StackCost {
                kind: if stack.main { "main" } else { "process" }.to_owned(),
                top: stack.top,
                lowest: stack.lowest,
                bytes: u64::from(stack.top.saturating_sub(stack.lowest)),
                chain,
                margin: below.as_ref().map(|(end, _)| i64::from(stack.lowest) - i64::from(*end)),
                below: below.map(|(_, name)| name),
            }
        })
        .collect();
    stacks.sort_by_key(|stack| std::cmp::Reverse(stack.top));
    stacks
}
