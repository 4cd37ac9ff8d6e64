//! What it is: an estimate of the energy that a stretch of a run takes, from the data sheet's typical supply currents.
//! Source: the chip description's current table, which cites its data sheet.
//! Does not model: what the pins drive, temperature, supply voltage, process spread, the code's own influence on the current.
//! Tested by: the unit test below (the data sheet's own row).

use crate::chip::{Bus, Chip};
use crate::units::{Cycles, Hz};

/// Which clock enable bits are set: AHBENR, APB2ENR, APB1ENR.
pub type ClockEnables = [u32; 3];

/// Supply current in run mode at a clock, in milliamperes: the table's row without peripherals, and what each clocked one adds.
#[must_use]
pub fn run_current_ma(chip: &Chip, hclk: Hz, enables: ClockEnables) -> Option<f64> {
    Some(with_peripherals(chip, hclk, enables, chip.current.as_ref()?.run.at(hclk)))
}

/// The same in sleep mode: the core stands still, its clock and the peripherals' go on.
#[must_use]
pub fn sleep_current_ma(chip: &Chip, hclk: Hz, enables: ClockEnables) -> Option<f64> {
    Some(with_peripherals(chip, hclk, enables, chip.current.as_ref()?.sleep.at(hclk)))
}

/// A table's current without peripherals and what each clocked one adds, up to its current with all.
fn with_peripherals(chip: &Chip, hclk: Hz, enables: ClockEnables, (all, none): (f64, f64)) -> f64 {
    let added: f64 = chip
        .peripherals
        .iter()
        .filter(|slot| {
            let register = match slot.bus {
                Bus::Ahb => 0,
                Bus::Apb2 => 1,
                Bus::Apb1 => 2,
                Bus::Core => return false,
            };
            slot.enable.is_some_and(|bit| enables.get(register).is_some_and(|bits| bits >> bit & 1 != 0))
        })
        .filter_map(|slot| chip.current.as_ref()?.peripherals.get(&slot.name))
        .map(|per_mhz| per_mhz * f64::from(hclk.0) / 1e9)
        .sum();
    (none + added).min(all.max(none))
}

/// Microjoules that so many cycles take.
#[must_use]
pub fn microjoules(chip: &Chip, hclk: Hz, enables: ClockEnables, cycles: Cycles) -> Option<f64> {
    let milliamperes = run_current_ma(chip, hclk, enables)?;
    let volts = f64::from(chip.current.as_ref()?.millivolts) / 1000.0;
    Some(milliamperes * volts * hclk.micros(cycles) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_sheets_row_comes_back() {
        // DS5319 table 17: 72 MHz, all peripherals disabled, 27 mA typical; at 3.3 V one millisecond takes 89.1 microjoules.
        let chip = Chip::find("stm32f103c8").expect("built in");
        let energy = microjoules(&chip, Hz(72_000_000), [0; 3], Cycles(72_000)).expect("has a table");
        assert!((energy - 89.1).abs() < 1e-9, "{energy}");
        // Table 18: asleep at 72 MHz 5.5 mA with all peripherals disabled, 14.4 mA with all clocked.
        assert_eq!(sleep_current_ma(&chip, Hz(72_000_000), [0; 3]), Some(5.5));
        assert_eq!(sleep_current_ma(&chip, Hz(72_000_000), [u32::MAX; 3]), Some(14.4));
    }
}
