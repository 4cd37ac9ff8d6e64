//! What it is: a committed image, or one made of bytes, on a `Machine`, and what came of it.
//! Source: our own.
//! Does not model: a host on the serial line; the firmware runs alone.
//! Tested by: it is used by `tests/machine.rs`, `tests/fidelity.rs` and `tests/operands.rs`.
#![allow(dead_code)] // Every test binary uses its own part of it.

use std::path::Path;
use stm32sim::chip::Chip;
use stm32sim::firmware::Image;
use stm32sim::machine::semihosting::Grants;
use stm32sim::machine::{Machine, Outcome, Settings};
use stm32sim::scenario::World;
use stm32sim::timing::{CauseTotals, Fidelity};
use stm32sim::units::Tick;

/// A committed image of `firmware-images`, by its name there without `.elf`.
pub fn image(name: &str) -> Image {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware-images").join(format!("{name}.elf"));
    Image::load(&path).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// A Blue Pill with that firmware.
pub fn board(image: &Image, settings: Settings) -> Machine {
    let chip = Chip::find("stm32f103c8").unwrap();
    let placement = chip.place(image).unwrap();
    let mut machine = Machine::new(&chip, &placement, settings).unwrap();
    // What is connected to the programs' pins stands beside them.
    let world = Path::new(&image.path).with_extension("toml");
    if world.exists() {
        World::load(&world).unwrap().apply(&mut machine).unwrap();
    }
    // For `semihosting`: a folder of this process's own.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("semihosting-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    machine.enable_semihosting(Grants { folder: Some(folder), ..Grants::default() });
    machine
}

/// The settings that only choose the fidelity.
pub fn fidelity(fidelity: Fidelity) -> Settings {
    Settings { fidelity, ..Settings::default() }
}

/// A run that has ended.
pub struct Ran {
    pub machine: Machine,
    pub outcome: Outcome,
}

impl Ran {
    /// Everything that was sent on the images' serial line, as text.
    pub fn text(&self) -> String {
        let line = self.machine.device("USART1").unwrap();
        self.machine.sent().iter().filter(|sent| sent.device == line).map(|sent| char::from(sent.byte)).collect()
    }

    /// Cycles by cause, and instructions.
    pub fn totals(&self) -> (CauseTotals, u64) {
        self.machine.prices().totals()
    }

    /// The codes of the findings.
    pub fn findings(&self) -> Vec<&'static str> {
        self.machine.findings().iter().map(|(finding, _)| finding.code.entry().name).collect()
    }
}

/// Runs an image alone for at most `limit` cycles.
pub fn run_image(image: &Image, settings: Settings, limit: u64) -> Ran {
    let mut machine = board(image, settings);
    let outcome = machine.run(&mut (), Tick(limit)).unwrap();
    Ran { machine, outcome }
}

/// The same by name.
pub fn run(name: &str, limit: u64) -> Ran {
    run_image(&image(name), Settings::default(), limit)
}
