//! What it is: prints the cycle model's accuracy, and with `write` makes docs/accuracy.md and src/timing/accuracy.rs anew.
//! Source: `tests/silicon/`.
//! Does not model: anything.
//! Tested by: `tests/silicon.rs`, which compares what this writes.

#[path = "../tests/silicon/harness.rs"]
mod harness;

use std::path::Path;

fn main() -> std::io::Result<()> {
    let sets = harness::published();
    let document = harness::document(&harness::Bench::open(), &sets);
    if std::env::args().nth(1).as_deref() == Some("write") {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        std::fs::write(root.join("docs/accuracy.md"), &document)?;
        std::fs::write(root.join("src/timing/accuracy.rs"), harness::constants(&sets))?;
    }
    print!("{document}");
    Ok(())
}
