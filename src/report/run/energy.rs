//! What it is: the energy of a whole run, by mode: awake, asleep, stopped.
//! Source: the cycles in each mode at each clock ([`crate::machine::Machine::modes`]) and the chip's table of currents.
//! Does not model: what [`ASSUMES`] lists.
//! Tested by: `tests/energy.rs`.

use super::rounded;
use super::summary::{EnergySummary, ModeEnergy};
use crate::chip::Chip;
use crate::machine::{Machine, SleepMode};
use crate::observe::energy::current_ma;
use crate::units::{Cycles, Hz};
use std::collections::BTreeMap;

/// What no table can know, said beside every figure.
const ASSUMES: &[&str] = &[
    "the peripherals that are clocked at the end were clocked throughout",
    "the clock comes from outside (HSE), whatever it came from",
    "nothing for what the pins drive, for analogue parts, and for going to sleep and waking up",
];

fn name(mode: Option<SleepMode>) -> &'static str {
    match mode {
        None => "run",
        Some(SleepMode::Sleep) => "sleep",
        Some(SleepMode::Stop) => "stop",
        Some(SleepMode::StopLowPower) => "stop, regulator in low power",
        Some(SleepMode::Standby) => "standby",
    }
}

/// Of a run; with `clock` as if the core had run at that one throughout. `None` for a chip without a table of currents.
pub(super) fn energy(chip: &Chip, machine: &Machine, clock: Option<Hz>) -> Option<EnergySummary> {
    let table = chip.current.as_ref()?;
    let enables = machine.clock_enables();
    let mut modes: BTreeMap<(Option<SleepMode>, Hz), u64> = BTreeMap::new();
    for ((mode, hclk), cycles) in machine.modes() {
        *modes.entry((mode, clock.unwrap_or(hclk))).or_default() += cycles;
    }
    let volts = f64::from(table.millivolts) / 1000.0;
    let mut rows = Vec::new();
    for ((mode, hclk), cycles) in modes {
        let (current, time_us) = (current_ma(chip, mode, hclk, enables)?, hclk.micros(Cycles(cycles)));
        rows.push(ModeEnergy {
            mode: name(mode),
            hclk_hz: hclk.0,
            cycles,
            time_us: rounded(time_us),
            current_ma: rounded(current),
            energy_uj: rounded(current * volts * time_us / 1000.0),
        });
    }
    let source = format!("typical currents at {} mV: {}", table.millivolts, table.source);
    Some(EnergySummary {
        total_uj: rounded(rows.iter().map(|row| row.energy_uj).sum()),
        modes: rows,
        assumes: std::iter::once(source).chain(ASSUMES.iter().map(|text| (*text).to_owned())).collect(),
    })
}
