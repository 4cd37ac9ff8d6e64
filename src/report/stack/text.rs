//! What it is: the bound of the stack in a few lines, as they stand in the reports of `run`, `profile` and `map`.
//! Source: [`super::StackBound`].
//! Does not model: anything.
//! Tested by: `tests/stack.rs`.

use super::{StackBound, Way};
use crate::report::table::wrapped;
use crate::units::grouped;

/// A function's name without its arguments.
fn short(name: &str) -> &str {
    let mut at = 0;
    while let Some(next) = name.get(at..).and_then(|rest| rest.find('(')) {
        let open = at + next;
        match name.get(open..) {
            Some(rest)
                if rest.starts_with("(anonymous namespace)") || rest.starts_with("(unsigned") || rest.starts_with("()(") =>
            {
                at = open + 2
            }
            _ => return name.get(..open).filter(|short| !short.is_empty()).unwrap_or(name),
        }
    }
    name
}

/// A way's ends tell enough of it.
fn way(way: &Way) -> String {
    let steps: Vec<String> = way.chain.iter().map(|step| format!("{} {}", short(&step.function), grouped(step.bytes))).collect();
    match (steps.get(..4), steps.get(steps.len().saturating_sub(4)..)) {
        (Some(first), Some(last)) if steps.len() > 9 => {
            format!("{} > [{} more] > {}", first.join(" > "), steps.len() - 8, last.join(" > "))
        }
        _ => steps.join(" > "),
    }
}

/// So many names, and how many more there are.
fn names<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let all: Vec<&str> = names.map(|name| short(name)).collect();
    let shown = all.len().min(6);
    let rest = if all.len() > shown { format!(" and {} more", all.len() - shown) } else { String::new() };
    format!("{}{rest}", all.get(..shown).unwrap_or_default().join(", "))
}

/// The bound in lines of at most 100 columns.
#[must_use]
pub fn lines(bound: &StackBound) -> String {
    let least = if bound.bounded { "at most" } else { "at least" };
    let mut text = format!("main stack by the code: {least} {} B, in {}", grouped(bound.program.bytes), way(&bound.program));
    if let Some(handler) = bound.handlers.first() {
        let name = handler.chain.first().map_or("", |step| short(&step.function));
        text.push_str(&format!("; {} B with one exception on top ({name} {})", grouped(bound.bytes), grouped(handler.bytes)));
        if bound.handlers.len() > 1 {
            text.push_str(&format!(", {} B with all {}", grouped(bound.nested_bytes), bound.handlers.len()));
        }
    }
    let mut text = wrapped(&text);
    let mut line = |what: String| {
        text.push_str("\n  ");
        text.push_str(&wrapped(&what));
    };
    for cycle in bound.recursion.iter().take(6) {
        line(format!("no bound: recursion of {}", cycle.iter().map(|name| short(name)).collect::<Vec<_>>().join(" > ")));
    }
    if bound.recursion.len() > 6 {
        line(format!("no bound: {} more recursions", bound.recursion.len() - 6));
    }
    for call in bound.indirect.iter().take(8) {
        let seen = if call.seen.is_empty() {
            "no run has shown to what".to_owned()
        } else {
            format!("the run called {}", names(call.seen.iter()))
        };
        line(format!("no bound: {} calls through a pointer; {seen}", short(&call.function)));
    }
    if bound.indirect.len() > 8 {
        line(format!("no bound: {} more functions call through pointers", bound.indirect.len() - 8));
    }
    if !bound.dynamic.is_empty() {
        line(format!("no bound: as much as a variable says in {}", names(bound.dynamic.iter())));
    }
    text.push('\n');
    text
}
