//! What it is: the options under which firmware runs, the same for every command that runs it: chip, limit, what-if settings, fidelity.
//! Source: the project's command line contract, "Options that mean the same everywhere".
//! Does not model: what they do.
//! Tested by: `tests/run.rs`, `tests/eval.rs`, `tests/bad_input.rs`.

use crate::chip::Chip;
use crate::machine::Overrides;
use crate::report::run::Limit;
use crate::timing::Fidelity;
use crate::units::Hz;
use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(super) struct Conditions {
    /// A chip's name, virtual:flash=4M,sram=256K, or a chip file ending in .toml [default: the scenario's, or stm32f103c8]
    #[arg(long, value_name = "CHIP")]
    pub(super) chip: Option<String>,
    /// When to give up: seconds of the chip's time (10s, 500ms), cycles (1000000), or none
    #[arg(long, value_name = "LIMIT", default_value = "10s", value_parser = limit)]
    pub(super) limit: Limit,
    /// What if: give times for another core clock, with the wait states that it needs
    #[arg(long, value_name = "HZ", value_parser = clock)]
    pub(super) clock: Option<Hz>,
    /// What if: flash wait states other than the firmware's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=2))]
    wait_states: Option<u8>,
    /// What if: the prefetch buffer on or off
    #[arg(long, value_enum, value_name = "STATE")]
    prefetch: Option<Switch>,
    /// Price each block from memory, or step through it every time
    #[arg(long, value_enum, default_value_t = FidelityArg::Memo)]
    fidelity: FidelityArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FidelityArg {
    Memo,
    Reference,
}

impl Conditions {
    /// The settings that replace the firmware's own.
    pub(super) fn overrides(&self, chip: &Chip) -> Overrides {
        Overrides {
            wait_states: self.wait_states.or_else(|| self.clock.and_then(|clock| chip.wait_states_for(clock))),
            prefetch: self.prefetch(),
        }
    }

    /// Flash wait states that replace the firmware's own.
    pub(super) fn wait_states(&self) -> Option<u8> {
        self.wait_states
    }

    /// The prefetch buffer's state that replaces the firmware's own.
    pub(super) fn prefetch(&self) -> Option<bool> {
        self.prefetch.map(|switch| matches!(switch, Switch::On))
    }

    /// How blocks are priced.
    pub(super) fn fidelity(&self) -> Fidelity {
        match self.fidelity {
            FidelityArg::Memo => Fidelity::Memo,
            FidelityArg::Reference => Fidelity::Reference,
        }
    }
}

/// `10s`, `500ms`, `20us`, `1000000`, `2000000cycles`, `none`.
fn limit(text: &str) -> std::result::Result<Limit, String> {
    if text == "none" {
        return Ok(Limit::Cycles(u64::MAX));
    }
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.replace('_', "").parse().map_err(|_| format!("'{text}' does not begin with a number"))?;
    match unit.trim() {
        "s" => Ok(Limit::Seconds(number)),
        "ms" => Ok(Limit::Seconds(number / 1e3)),
        "us" => Ok(Limit::Seconds(number / 1e6)),
        "" | "cycles" => Ok(Limit::Cycles(number as u64)),
        other => Err(format!("'{other}' is no unit; s, ms, us and cycles are")),
    }
}

/// `72MHz`, `8000000`.
fn clock(text: &str) -> std::result::Result<Hz, String> {
    let lower = text.to_ascii_lowercase();
    let (number, factor) =
        match lower.strip_suffix("mhz").map(|n| (n, 1e6)).or_else(|| lower.strip_suffix("khz").map(|n| (n, 1e3))) {
            Some(found) => found,
            None => (lower.strip_suffix("hz").unwrap_or(&lower), 1.0),
        };
    let hz = number.trim().parse::<f64>().map_err(|_| format!("'{text}' is no frequency, as 72MHz"))? * factor;
    if (1.0..=72e6).contains(&hz) { Ok(Hz(hz as u32)) } else { Err(format!("{text} is outside of 1 Hz to 72 MHz")) }
}
