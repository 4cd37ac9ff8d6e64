//! What it is: who called whom while a run goes on: a shadow stack per thread and handler, the tree of calls with each node's own cycles,
//! what interrupts cost, and how deep the stacks went and by which way.
//! Source: calls, returns, jumps out of functions and exceptions, as the account of time meets them between two blocks (AAPCS, DDI 0403 B1.5).
//! Does not model: a function that runs into the next one without a branch within one block; a task's stack pointer that is loaded anywhere
//! but in a handler.
//! Tested by: `tests/profile.rs`: per function the tree's cycles equal the flat profile's on every image.

use super::exceptions::Number;
use crate::units::Tick;
use std::collections::BTreeMap;

/// What a node of the tree stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// The whole run.
    Root,
    /// A function, by its first address; `None` for code that no symbol covers.
    Function(Option<u32>),
    /// An exception's entry, chaining and return; its handler is below it.
    Exception(Number),
    /// Sleep in the node above.
    Asleep,
    /// Waiting, in the node above, for a flash that is being programmed or erased.
    FlashBusy,
}

/// A node of the tree of calls.
#[derive(Clone, Debug)]
pub struct Node {
    /// The node above; the root's is itself.
    pub parent: u32,
    /// What it stands for.
    pub what: What,
    /// The address behind the call that led here; zero where none did.
    pub from: u32,
    /// How often it was entered.
    pub calls: u64,
    /// Cycles in it and in nothing below it.
    pub own: u64,
    /// By callee and place of the call.
    children: Vec<(What, u32, u32)>,
}

/// What an exception's handler cost over a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interrupts {
    /// How often it was taken.
    pub count: u64,
    /// Of those, how often straight behind another.
    pub chained: u64,
    /// From pending to the handler's first instruction, in cycles: of how many it is known, their sum, the least, the most.
    pub latency: Spread,
    /// From the handler's first instruction to the end of its return, what interrupted it included.
    pub duration: Spread,
    /// The instant at which the longest one began.
    pub worst_at: Tick,
}

/// Some durations in cycles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// The least; zero if there are none.
    pub least: u64,
    /// The most.
    pub most: u64,
}

impl Spread {
    fn add(&mut self, cycles: u64) {
        self.least = if self.count == 0 { cycles } else { self.least.min(cycles) };
        self.most = self.most.max(cycles);
        self.count += 1;
        self.sum += cycles;
    }
}

/// A stack, as far as its pointer went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackUse {
    /// Whether it is the main stack (MSP); else a process stack (PSP).
    pub main: bool,
    /// The pointer's highest value.
    pub top: u32,
    /// Its lowest value.
    pub lowest: u32,
    /// The node in which it was lowest.
    pub deepest: u32,
}

/// Something that took time, for a time line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Episode {
    /// Which exception.
    pub number: Number,
    /// When it became pending, if that is known.
    pub pended: Option<Tick>,
    /// When its handler began.
    pub begin: Tick,
    /// When it had returned.
    pub end: Tick,
}

/// A call that has not returned.
#[derive(Clone, Copy)]
struct Frame {
    node: u32,
    returns_to: u32,
}

/// A thread or a handler.
#[derive(Clone)]
struct Level {
    /// `None` for a thread.
    handler: Option<Handling>,
    frames: Vec<Frame>,
    /// What it is charged to while it has no frame.
    base: u32,
    /// The stack that it runs on.
    stack: usize,
    /// The stack pointer with which it was interrupted.
    sp: u32,
}

#[derive(Clone, Copy)]
struct Handling {
    number: Number,
    pended: Option<Tick>,
    begin: Tick,
}

/// See the module's description.
pub struct Calls {
    /// Functions, by address: first address and the one behind the last.
    functions: Vec<(u32, u32)>,
    nodes: Vec<Node>,
    levels: Vec<Level>,
    /// Threads that do not run.
    parked: Vec<Level>,
    /// The node that time is charged to, and since when.
    top: u32,
    since: Tick,
    stacks: Vec<StackUse>,
    interrupts: BTreeMap<Number, Interrupts>,
    episodes: Vec<Episode>,
}

const ROOT: u32 = 0;
/// Returns to nowhere: the first function of a thread or handler.
const NOWHERE: u32 = u32::MAX;
/// Calls nest no deeper than a stack allows; what seems to is something else, and is charged to the function it came from.
const MOST_FRAMES: usize = 4096;
/// Firmware calls by fewer ways than this; the rest is charged to the callers.
const MOST_NODES: usize = 400_000;
/// How many episodes are kept for the time line.
const MOST_EPISODES: usize = 100_000;

impl Calls {
    /// Nothing has run. `functions` are disjoint: first address and the one behind the last.
    #[must_use]
    pub fn new(mut functions: Vec<(u32, u32)>, sp: u32) -> Self {
        functions.sort_unstable();
        let root = Node { parent: ROOT, what: What::Root, from: 0, calls: 1, own: 0, children: Vec::new() };
        let mut calls = Self {
            functions,
            nodes: vec![root],
            levels: Vec::new(),
            parked: Vec::new(),
            top: ROOT,
            since: Tick(0),
            stacks: Vec::new(),
            interrupts: BTreeMap::new(),
            episodes: Vec::new(),
        };
        calls.reset(sp);
        calls
    }

    /// The core was reset: nothing is called. What was counted stays.
    pub fn reset(&mut self, sp: u32) {
        let stack = self.stack(true, sp);
        self.levels = vec![Level { handler: None, frames: Vec::new(), base: ROOT, stack, sp }];
        self.parked.clear();
        self.top = ROOT;
    }

    /// The tree; the first node is the root, and parents stand before their children.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// By exception.
    #[must_use]
    pub fn interrupts(&self) -> &BTreeMap<Number, Interrupts> {
        &self.interrupts
    }

    /// Handlers in the order in which they returned, as many as are kept.
    #[must_use]
    pub fn episodes(&self) -> &[Episode] {
        &self.episodes
    }

    /// The stacks that were used.
    #[must_use]
    pub fn stacks(&self) -> &[StackUse] {
        &self.stacks
    }

    /// The function that covers an address, or the gap between two: first address and the one behind the last.
    #[must_use]
    pub fn function(&self, address: u32) -> (Option<u32>, u32, u32) {
        let after = self.functions.partition_point(|(start, _)| *start <= address);
        let before = after.checked_sub(1).and_then(|at| self.functions.get(at)).copied();
        match before {
            Some((start, end)) if address < end => (Some(start), start, end),
            _ => {
                let next = self.functions.get(after).map_or(u32::MAX, |(start, _)| *start);
                (None, before.map_or(0, |(_, end)| end), next)
            }
        }
    }

    /// Time has come to `now` in the present node.
    fn advance(&mut self, now: Tick) {
        if let Some(node) = self.nodes.get_mut(self.top as usize) {
            node.own += now.since(self.since).0;
        }
        self.since = now;
    }

    fn child(&mut self, parent: u32, what: What, from: u32) -> u32 {
        let Some(above) = self.nodes.get_mut(parent as usize) else { return ROOT };
        if let Some(at) = above.children.iter().position(|(w, f, _)| *w == what && *f == from) {
            // What is called often comes to stand in front.
            let place = at.saturating_sub(1);
            above.children.swap(at, place);
            return above.children.get(place).map_or(ROOT, |(_, _, child)| *child);
        }
        if self.nodes.len() >= MOST_NODES {
            return parent;
        }
        let number = self.nodes.len() as u32;
        if let Some(above) = self.nodes.get_mut(parent as usize) {
            above.children.push((what, from, number));
        }
        self.nodes.push(Node { parent, what, from, calls: 0, own: 0, children: Vec::new() });
        number
    }

    fn count(&mut self, node: u32) {
        if let Some(node) = self.nodes.get_mut(node as usize) {
            node.calls += 1;
        }
    }

    fn settle_top(&mut self) {
        self.top = self.levels.last().map_or(ROOT, |level| level.frames.last().map_or(level.base, |frame| frame.node));
    }

    /// A function is called.
    pub fn call(&mut self, target: u32, returns_to: u32, now: Tick) {
        self.advance(now);
        let usual = (What::Function(Some(target)), returns_to);
        let children = self.nodes.get(self.top as usize).map_or(&[][..], |node| &node.children);
        let node = match children.iter().find(|(what, from, _)| (*what, *from) == usual) {
            Some((_, _, node)) => *node,
            None => self.child(self.top, What::Function(self.function(target).0), returns_to),
        };
        self.push(node, returns_to);
    }

    fn push(&mut self, node: u32, returns_to: u32) {
        let Some(level) = self.levels.last_mut() else { return };
        if level.frames.len() >= MOST_FRAMES {
            return;
        }
        level.frames.push(Frame { node, returns_to });
        self.top = node;
        self.count(node);
    }

    /// Control goes elsewhere without a call: a return, or a jump.
    pub fn jump(&mut self, target: u32, now: Tick) {
        self.advance(now);
        let Some(level) = self.levels.last_mut() else { return };
        match level.frames.last() {
            Some(frame) if frame.returns_to == target => {
                level.frames.pop();
                self.settle_top();
            }
            _ => self.jump_elsewhere(target),
        }
    }

    #[inline(never)]
    fn jump_elsewhere(&mut self, target: u32) {
        let function = self.function(target).0;
        let what = What::Function(function);
        let is = |nodes: &[Node], node: u32| nodes.get(node as usize).is_some_and(|node| node.what == what);
        let nodes = &self.nodes;
        let Some(level) = self.levels.last_mut() else { return };
        if let Some(at) = level.frames.iter().rposition(|frame| frame.returns_to == target) {
            // A return past a function that jumped here, or out of several calls at once.
            level.frames.truncate(at);
            return self.settle_top();
        }
        if is(nodes, self.top) {
            return;
        }
        if function != Some(target)
            && let Some(at) = level.frames.iter().rposition(|frame| is(nodes, frame.node))
        {
            // Into the middle of a function that has been called: longjmp.
            level.frames.truncate(at + 1);
            return self.settle_top();
        }
        // A tail call, or the first function of a thread: it takes the place of what jumps.
        let (frame, base) = (level.frames.pop(), level.base);
        let above = frame.and_then(|frame| self.nodes.get(frame.node as usize)).map_or(base, |node| node.parent);
        let returns_to = frame.map_or(NOWHERE, |frame| frame.returns_to);
        let from = frame.and_then(|frame| self.nodes.get(frame.node as usize)).map_or(0, |node| node.from);
        let node = self.child(above, what, from);
        self.push(node, returns_to);
    }

    /// The stack pointer got down to `sp`.
    pub fn descend(&mut self, sp: u32) {
        let (top, stack) = (self.top, self.levels.last().map_or(0, |level| level.stack));
        if let Some(stack) = self.stacks.get_mut(stack)
            && sp < stack.lowest
        {
            (stack.lowest, stack.deepest) = (sp, top);
        }
    }

    /// The stack that begins at `sp`: a new one unless it is the main one, of which there is one.
    fn stack(&mut self, main: bool, sp: u32) -> usize {
        if main && let Some(known) = self.stacks.iter().position(|stack| stack.main) {
            return known;
        }
        self.stacks.push(StackUse { main, top: sp, lowest: sp, deepest: self.top });
        self.stacks.len() - 1
    }

    /// The core stood still in the present node from `from` to `to`.
    pub fn pause(&mut self, what: What, from: Tick, to: Tick) {
        self.advance(from);
        let above = self.top;
        self.top = self.child(above, what, 0);
        self.advance(to);
        self.top = above;
    }

    /// An exception is about to be taken, with the stack pointer at `sp`; its entry sequence follows.
    pub fn interrupt(&mut self, number: Number, sp: u32, pended: Option<Tick>, now: Tick) {
        self.advance(now);
        // The frame of eight words is pushed, aligned to eight bytes.
        self.descend((sp & !7).wrapping_sub(32));
        if let Some(level) = self.levels.last_mut() {
            level.sp = sp;
        }
        self.start(number, pended);
    }

    fn start(&mut self, number: Number, pended: Option<Tick>) {
        let base = self.child(ROOT, What::Exception(number), 0);
        let stack = self.stack(true, 0);
        let handler = Some(Handling { number, pended, begin: self.since });
        self.levels.push(Level { handler, frames: Vec::new(), base, stack, sp: 0 });
        self.top = base;
        self.count(base);
    }

    /// The entry sequence is over and the handler at `entry` begins.
    pub fn handle(&mut self, entry: u32, chained: bool, now: Tick) {
        self.advance(now);
        let function = self.function(entry).0;
        let node = self.child(self.top, What::Function(function), 0);
        self.push(node, NOWHERE);
        let Some(handling) = self.levels.last_mut().and_then(|level| level.handler.as_mut()) else { return };
        handling.begin = now;
        let (number, pended) = (handling.number, handling.pended);
        let row = self.interrupts.entry(number).or_default();
        row.count += 1;
        row.chained += u64::from(chained);
        if let Some(pended) = pended {
            row.latency.add(now.since(pended).0);
        }
    }

    /// The handler has executed its return; the return's sequence follows.
    pub fn leave(&mut self, now: Tick) {
        self.advance(now);
        if let Some(level) = self.levels.last_mut() {
            level.frames.clear();
        }
        self.settle_top();
    }

    fn end(&mut self, now: Tick) {
        // A thread is never left: where the firmware returns from what it was not in, nothing is known of it.
        if self.levels.len() < 2 {
            return;
        }
        let Some(Handling { number, pended, begin }) = self.levels.pop().and_then(|level| level.handler) else { return };
        let row = self.interrupts.entry(number).or_default();
        if now.since(begin).0 > row.duration.most {
            row.worst_at = begin;
        }
        row.duration.add(now.since(begin).0);
        if self.episodes.len() < MOST_EPISODES {
            self.episodes.push(Episode { number, pended, begin, end: now });
        }
    }

    /// Another exception follows straight on the one that returns.
    pub fn chain(&mut self, number: Number, pended: Option<Tick>, now: Tick) {
        self.end(now);
        self.start(number, pended);
    }

    /// The return's sequence is over; the stack pointer is at `sp`, of the process stack if `process`.
    pub fn resume(&mut self, sp: u32, process: bool, now: Tick) {
        self.advance(now);
        self.end(now);
        if self.levels.len() == 1
            && let Some(thread) = self.levels.last()
            && thread.sp != sp
        {
            self.switch(sp, process);
        }
        self.settle_top();
    }

    /// A handler has put another thread in the place of the one that it interrupted.
    fn switch(&mut self, sp: u32, process: bool) {
        let next = match self.parked.iter().position(|level| level.sp == sp) {
            Some(at) => self.parked.swap_remove(at),
            None => {
                let stack = self.stack(!process, sp);
                Level { handler: None, frames: Vec::new(), base: ROOT, stack, sp }
            }
        };
        self.parked.extend(self.levels.pop());
        self.levels.push(next);
    }

    /// The first function of a new thread is not called: it is where control is.
    pub fn arrive(&mut self, pc: u32, now: Tick) {
        if self.levels.last().is_some_and(|level| level.frames.is_empty()) {
            self.advance(now);
            let function = self.function(pc).0;
            let node = self.child(self.top, What::Function(function), 0);
            self.push(node, NOWHERE);
        }
    }

    /// The run has come to `now`.
    pub fn finish(&mut self, now: Tick) {
        self.advance(now);
    }
}
