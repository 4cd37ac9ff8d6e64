//! What it is: a profile as text for people: at most 100 columns, the verdict last.
//! Source: [`super::Profile`].
//! Does not model: anything; every number is the report's.
//! Tested by: `tests/profile.rs`.

use super::{Profile, Range};
use crate::report::run::{Causes, RunReport};
use crate::report::table::{clipped, energy_part, head, percent, verdict, wrapped};
use crate::timing::Cause;
use crate::units::{Hz, grouped};
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Padding, Style};

/// How much of a profile is shown.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// Rows of each table; all with `None`.
    pub top: Option<usize>,
}

/// A row of any of the tables: its leading cells, instructions, cycles, causes.
struct Row {
    cells: Vec<String>,
    instructions: u64,
    cycles: u64,
    causes: Causes,
}

/// The causes with columns of their own, and those that share the last.
const SHOWN: [(Cause, &str); 5] = [
    (Cause::Issue, "issue"),
    (Cause::LoadStore, "ld/st"),
    (Cause::MultiplyDivide, "mul"),
    (Cause::Branch, "branch"),
    (Cause::FlashFetch, "fetch"),
];

impl Text {
    /// The whole text.
    #[must_use]
    pub fn of(self, report: &RunReport) -> String {
        let mut text = head(report);
        if let Some(profile) = &report.profile {
            text.push_str(&self.functions(profile));
            text.push_str(&self.lines(profile));
            text.push_str(&self.layers(profile));
            text.push_str(&self.mix(profile));
            text.push_str(&interrupts(profile));
            text.push_str(&stacks(profile));
            text.push_str(
                &report.stack.as_ref().map(|bound| format!("{}\n", crate::report::stack::lines(bound))).unwrap_or_default(),
            );
            if self.top.is_none() {
                text.push_str(&report.energy.as_ref().map(energy_part).unwrap_or_default());
            }
            let clock = Hz(report.clock.hclk_hz);
            text.push_str(&format!(
                "{} cycles, {} instructions in the whole run, {}; causes in percent of a row\n",
                grouped(profile.cycles),
                grouped(profile.instructions),
                clock
            ));
        }
        text.push_str(&verdict(report));
        text
    }

    fn functions(self, profile: &Profile) -> String {
        let rows = profile.functions.iter().map(|row| Row {
            cells: vec![clipped(&row.name, 23), row.calls.map(grouped).unwrap_or_default()],
            instructions: row.instructions,
            cycles: row.cycles,
            causes: row.cycles_by_cause,
        });
        self.table(&["function", "calls"], rows.collect(), profile.cycles)
    }

    fn lines(self, profile: &Profile) -> String {
        let rows = profile.lines.iter().map(|row| Row {
            cells: vec![
                match row.line {
                    Some(line) => format!("{}:{line}", tail(&row.file, 20)),
                    None => tail(&row.file, 25),
                },
                clipped(&row.function, 9),
            ],
            instructions: row.instructions,
            cycles: row.cycles,
            causes: row.cycles_by_cause,
        });
        self.table(&["line", "in"], rows.collect(), profile.cycles)
    }

    fn layers(self, profile: &Profile) -> String {
        if profile.layers.is_empty() {
            return String::new();
        }
        let whole = profile.layers.iter().map(|layer| layer.cycles).sum();
        let rows = profile.layers.iter().map(|row| Row {
            cells: vec![row.index.map(|index| index.to_string()).unwrap_or_default(), clipped(&row.name, 28)],
            instructions: row.instructions,
            cycles: row.cycles,
            causes: row.cycles_by_cause,
        });
        // A model's layers are shown whole: their order is the point.
        Text { top: None }.table(&["#", "layer of the inference"], rows.collect(), whole)
    }

    fn mix(self, profile: &Profile) -> String {
        let rows = profile.mix.iter().map(|row| Row {
            cells: vec![row.kind.clone()],
            instructions: row.instructions,
            cycles: row.cycles,
            causes: row.cycles_by_cause,
        });
        self.table(&["kind of instruction"], rows.collect(), profile.cycles)
    }

    /// Rows with their share of the whole and of each cause; what is not shown is summed up.
    fn table(self, header: &[&str], rows: Vec<Row>, whole: u64) -> String {
        let shown = self.top.unwrap_or(rows.len()).min(rows.len());
        let (most, rest) = rows.split_at(shown);
        let mut table = Builder::default();
        let names = SHOWN.iter().map(|(_, name)| *name).chain(["other"]);
        table.push_record(header.iter().copied().chain(["instructions", "cycles", "share"]).chain(names));
        let mut push = |cells: Vec<String>, instructions: u64, cycles: u64, causes: &Causes| {
            let own: u64 = SHOWN.iter().map(|(cause, _)| causes.0.of(*cause)).sum();
            let part = |part: u64| if part == 0 { "-".to_owned() } else { format!("{:.0}", part as f64 * 100.0 / cycles as f64) };
            let shares = SHOWN.iter().map(|(cause, _)| part(causes.0.of(*cause))).chain([part(cycles.saturating_sub(own))]);
            let numbers = [grouped(instructions), grouped(cycles), percent(cycles, whole)];
            table.push_record(cells.into_iter().chain(numbers).chain(shares));
        };
        for row in most {
            push(row.cells.clone(), row.instructions, row.cycles, &row.causes);
        }
        if !rest.is_empty() {
            let mut causes = crate::timing::CauseTotals::default();
            for row in rest {
                causes.merge(&row.causes.0);
            }
            let mut cells = vec![String::new(); header.len()];
            if let Some(first) = cells.first_mut() {
                *first = format!("[{} more]", rest.len());
            }
            let (instructions, cycles) = (rest.iter().map(|row| row.instructions).sum(), rest.iter().map(|row| row.cycles).sum());
            push(cells, instructions, cycles, &Causes(causes));
        }
        let mut table = table.build();
        table.with(Style::empty()).with(Padding::new(0, 1, 0, 0)).modify(Columns::new(header.len()..), Alignment::right());
        if header.get(1) == Some(&"calls") {
            table.modify(Columns::new(1..=1), Alignment::right());
        }
        format!("{table}\n\n")
    }
}

/// What each exception cost; nothing of it is inside a function's row but the handlers' own.
fn interrupts(profile: &Profile) -> String {
    if profile.interrupts.is_empty() {
        return String::new();
    }
    let mut table = Builder::default();
    table.push_record(["interrupt", "taken", "chained", "cycles", "latency mean", "worst", "duration mean", "worst"]);
    for row in &profile.interrupts {
        let range = |range: &Option<Range>| match range {
            Some(range) => [format!("{:.1}", range.mean), grouped(range.max)],
            None => [String::new(), String::new()],
        };
        let numbers = [grouped(row.count), grouped(row.chained), grouped(row.cycles)];
        let ranges = range(&row.latency).into_iter().chain(range(&row.duration));
        table.push_record(std::iter::once(clipped(&row.name, 16)).chain(numbers).chain(ranges));
    }
    let mut table = table.build();
    table.with(Style::empty()).with(Padding::new(0, 1, 0, 0)).modify(Columns::new(1..), Alignment::right());
    format!("{table}\n\n")
}

/// How deep each stack went, and who took it there.
fn stacks(profile: &Profile) -> String {
    let mut text = String::new();
    for stack in &profile.stacks {
        let room = match (stack.margin, &stack.below) {
            (Some(margin), Some(below)) if margin < 0 => format!(", {} B into {below}", grouped(margin.unsigned_abs())),
            (Some(margin), Some(below)) => format!(", {} B above {below}", grouped(margin.unsigned_abs())),
            _ => String::new(),
        };
        // Of a deep recursion the ends tell enough.
        let chain = &stack.chain;
        let ways = match (chain.get(..5), chain.get(chain.len().saturating_sub(5)..)) {
            (Some(first), Some(last)) if chain.len() > 12 => {
                format!("{} > [{} more] > {}", first.join(" > "), chain.len() - 10, last.join(" > "))
            }
            _ => chain.join(" > "),
        };
        let line = format!("{} stack: {} B at its deepest{room}, in {ways}", stack.kind, grouped(stack.bytes));
        text.push_str(&wrapped(&line));
        text.push('\n');
    }
    if text.is_empty() { text } else { format!("{text}\n") }
}

/// The text's end, with a mark where it was cut: of a path the end tells more.
fn tail(text: &str, width: usize) -> String {
    let count = text.chars().count();
    if count <= width {
        return text.to_owned();
    }
    std::iter::once('…').chain(text.chars().skip(count + 1 - width)).collect()
}
