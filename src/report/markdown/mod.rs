//! What it is: Markdown for issues and wikis: of a run, a profile, an evaluation, an estimate; and the tables that memory maps use too.
//! Source: GitHub Flavored Markdown: tables.
//! Does not model: anything; every number is the report's.
//! Tested by: `tests/markdown.rs` (a Markdown reader of another make; the numbers are the JSON report's).

mod estimate;
mod eval;
mod run;

pub use estimate::estimate;
pub use eval::eval;
pub use run::{difference, profile, run};

/// A table whose columns from `numbers` on are to the right; the first row is its head.
pub(super) fn table(rows: &[Vec<String>], numbers: usize) -> String {
    let line = |cells: &Vec<String>| format!("| {} |\n", cells.iter().map(|cell| escaped(cell)).collect::<Vec<_>>().join(" | "));
    let Some((head, body)) = rows.split_first() else { return String::new() };
    let rule: Vec<&str> = (0..head.len()).map(|column| if column < numbers { "---" } else { "--:" }).collect();
    format!("{}|{}|\n{}", line(head), rule.join("|"), body.iter().map(line).collect::<String>())
}

/// A row of a table from anything that can be shown.
pub(super) fn row<const N: usize>(cells: [&dyn ToString; N]) -> Vec<String> {
    cells.iter().map(|cell| cell.to_string()).collect()
}

/// Names of C++ operators and templates hold what Markdown understands; and a line's end would end a row.
pub(super) fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '|' | '*' | '_' | '`' | '<' | '>' | '[' | ']' | '\\' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
        out
    })
}

/// `12.3 %`.
fn percent(part: u64, whole: u64) -> String {
    super::table::percent(part, whole)
}
