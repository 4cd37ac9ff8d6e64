//! What it is: the README's report is what the program prints.
//! Source: running it. A change of any number in it is committed on purpose: `STM32SIM_BLESS=1 cargo test --release --test readme`.
//! Does not model: the rest of the README.
//! Tested by: itself; it fails when the block is missing.

mod support;

use std::path::Path;
use support::stm32sim;

#[test]
fn the_report_in_the_readme_is_what_is_printed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("README.md");
    let (before, rest) = readme.split_once("\n```\n").expect("a block");
    let (shown, after) = rest.split_once("```\n").expect("its end");
    let printed = stm32sim(&["run", "--scenario", "anomaly"]).out;
    if std::env::var_os("STM32SIM_BLESS").is_some() {
        std::fs::write(&path, format!("{before}\n```\n{printed}```\n{after}")).expect("README.md can be written");
    } else {
        assert_eq!(shown, printed, "STM32SIM_BLESS=1 cargo test --release --test readme puts the present report there");
    }
}
