//! What it is: an STM32F103 as checked data: memories, clocks and their limits, flash timing, interrupts, peripherals, supply current.
//! Source: `src/chips/*.toml`, where every fact carries its manual section; a user's own file by `--chip file.toml`.
//! Does not model: packages' pins (a package letter is only part of the name); behaviour, which is the peripherals'.
//! Tested by: `tests/chips.rs` (against the facts of ST's CMSIS headers), the tests of `file.rs`, `tests/bad_input.rs`.

mod file;
mod name;
mod placement;
mod schema;

pub use placement::{Bank, Placement};

use crate::finding::Result;
use crate::units::{Addr, Bytes, Hz};
use serde::Deserialize;
use std::collections::BTreeMap;

/// One chip, complete and checked: memories do not overlap, every interrupt that a peripheral names exists, and so on.
#[derive(Clone, Debug, PartialEq)]
pub struct Chip {
    /// Its name in reports: `stm32f103c8`, or the user's own, or the `virtual:` specification.
    pub name: String,
    /// A line for people: `STM32F103, medium density`.
    pub title: String,
    /// The package letters that this size is sold in; empty in a user's file that does not say.
    pub packages: Vec<String>,
    /// Whether it is a what-if that ST does not make.
    pub is_virtual: bool,
    /// Where the flash lies; it is aliased at address 0 when booting from it.
    pub flash: Memory,
    /// How flash is erased and programmed.
    pub flash_programming: FlashProgramming,
    /// Wait states needed by system clock, ascending.
    pub wait_states: Vec<WaitStates>,
    /// Where the SRAM lies.
    pub sram: Memory,
    /// The boot loader's ROM.
    pub system_memory: Memory,
    /// The option bytes.
    pub option_bytes: Memory,
    /// What the chip says about itself.
    pub identity: Identity,
    /// Clock sources and limits.
    pub clocks: Clocks,
    /// Interrupt lines by position, ascending; positions that do not exist are absent.
    pub interrupts: Vec<Interrupt>,
    /// Peripherals by address, ascending.
    pub peripherals: Vec<Slot>,
    /// Which requests drive which DMA channel.
    pub dma: Vec<DmaChannel>,
    /// Supply currents; `None` where they are not known.
    pub current: Option<Current>,
}

/// A stretch of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The first address.
    pub base: Addr,
    /// The size in bytes.
    pub size: Bytes,
}

impl Memory {
    /// One past the last address.
    #[must_use]
    pub fn end(&self) -> u64 {
        u64::from(self.base.0).saturating_add(self.size.0)
    }

    /// Whether the address lies in it.
    #[must_use]
    pub fn contains(&self, address: Addr) -> bool {
        address >= self.base && u64::from(address.0) < self.end()
    }
}

/// How flash is erased and programmed: page size and typical times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlashProgramming {
    /// The smallest unit that can be erased.
    pub page: Bytes,
    /// Time to program 16 bits, in nanoseconds.
    pub program_ns: u32,
    /// Time to erase a page, in microseconds.
    pub page_erase_us: u32,
    /// Time to erase everything, in microseconds.
    pub mass_erase_us: u32,
}

/// A row of the wait-state table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitStates {
    /// The highest system clock that this row allows.
    pub up_to: Hz,
    /// `FLASH_ACR.LATENCY`.
    pub latency: u8,
}

/// What the chip says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `DBGMCU_IDCODE`: revision in the upper half, device in bits 0 to 11.
    pub idcode: u32,
    /// Where the flash size in KiB can be read, 16 bits.
    pub flash_size_register: Addr,
    /// Where the unique identifier can be read, 96 bits.
    pub unique_id: Addr,
}

/// Clock sources, limits and start-up times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// Internal high-speed oscillator: the clock after reset.
    pub hsi: Hz,
    /// External crystal, as boards fit it.
    pub hse: Hz,
    /// Internal low-speed oscillator, of the watchdog.
    pub lsi: Hz,
    /// External low-speed crystal.
    pub lse: Hz,
    /// Highest SYSCLK and HCLK.
    pub max_sysclk: Hz,
    /// Highest PCLK1.
    pub max_apb1: Hz,
    /// Highest PCLK2.
    pub max_apb2: Hz,
    /// Highest ADC clock.
    pub max_adc: Hz,
    /// From `HSEON` to `HSERDY`, in microseconds.
    pub hse_startup_us: u32,
    /// From `HSION` to `HSIRDY`.
    pub hsi_startup_us: u32,
    /// From `PLLON` to `PLLRDY`.
    pub pll_lock_us: u32,
    /// From `LSION` to `LSIRDY`.
    pub lsi_startup_us: u32,
    /// From `LSEON` to `LSERDY`.
    pub lse_startup_us: u32,
}

/// An interrupt line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interrupt {
    /// Its position in the NVIC, from 0; the vector is 16 further on.
    pub position: u16,
    /// Its name in the reference manual.
    pub name: String,
}

/// The bus whose clock a peripheral runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub enum Bus {
    /// HCLK; enabled in `RCC_AHBENR`.
    #[serde(rename = "AHB")]
    Ahb,
    /// PCLK1; enabled in `RCC_APB1ENR`.
    #[serde(rename = "APB1")]
    Apb1,
    /// PCLK2; enabled in `RCC_APB2ENR`.
    #[serde(rename = "APB2")]
    Apb2,
    /// The core's private peripheral bus; always clocked.
    #[serde(rename = "core")]
    Core,
}

/// A peripheral's place in the chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its name, as `USART1`.
    pub name: String,
    /// What model it is an instance of, as `usart`.
    pub kind: String,
    /// Its register window.
    pub window: Memory,
    /// The bus that clocks it.
    pub bus: Bus,
    /// The bit of that bus's enable register that gates it; `None` for what is always clocked.
    pub enable: Option<u8>,
    /// The interrupt lines it drives, by NVIC position, in the order of the chip file.
    pub interrupts: Vec<u16>,
    /// What each of its inputs is wired to, in the order of the device's inputs: an output of another peripheral as `TIM3_TRGO`; what the
    /// chip does not have, and `-`, is nothing.
    pub inputs: Vec<String>,
    /// The port pins of its own that are not general inputs or outputs.
    pub pins: Option<Pins>,
}

/// At which port pins a timer's channels 1 to 4, its external trigger, its break input and its complementary channels 1 to 3 are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pins {
    /// The first bit of the field of AFIO_MAPR that chooses among the sets; from 32 on, of AFIO_MAPR2.
    pub field: u8,
    /// The field's bits; none where there is nothing to choose.
    pub width: u8,
    /// For each value of the field, the pins as `PA8` in the order above; `-` where there is none.
    pub sets: Vec<Vec<String>>,
}

/// `PA8` is pin 8 of GPIOA.
#[must_use]
pub fn port_pin(name: &str) -> Option<(String, u32)> {
    let rest = name.strip_prefix(['P', 'p'])?;
    let port = rest.chars().next().filter(char::is_ascii_alphabetic)?.to_ascii_uppercase();
    let number = rest.get(1..)?.parse().ok().filter(|number| *number < 16)?;
    Some((format!("GPIO{port}"), number))
}

/// A DMA channel and what can drive it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DmaChannel {
    /// 1 or 2.
    pub controller: u8,
    /// From 1.
    pub channel: u8,
    /// Requests as the manual names them: `USART1_TX`, `ADC1`; only of peripherals that this chip has.
    pub requests: Vec<String>,
}

/// Typical supply currents.
#[derive(Clone, Debug, PartialEq)]
pub struct Current {
    /// Data sheet and tables, with their conditions: to be printed next to an energy.
    pub source: String,
    /// The supply voltage at which they were measured.
    pub millivolts: u32,
    /// Run mode, external clock.
    pub run: CurrentTable,
    /// Run mode, internal clock.
    pub run_hsi: CurrentTable,
    /// Sleep mode, external clock.
    pub sleep: CurrentTable,
    /// Sleep mode, internal clock.
    pub sleep_hsi: CurrentTable,
    /// Stop mode, regulator on, in microamperes.
    pub stop_regulator_on_ua: f64,
    /// Stop mode, regulator in low power, in microamperes.
    pub stop_low_power_ua: f64,
    /// Standby mode, in microamperes.
    pub standby_ua: f64,
    /// What the analogue part of each ADC adds while it is on, in milliamperes.
    pub adc_on_ma: f64,
    /// What clocking a peripheral adds, in microamperes per MHz of its bus clock, by the peripheral's name.
    pub peripherals: BTreeMap<String, f64>,
}

/// Supply current by HCLK.
#[derive(Clone, Debug, PartialEq)]
pub struct CurrentTable(pub Vec<CurrentPoint>);

/// A row of a current table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurrentPoint {
    /// The core clock.
    pub hclk: Hz,
    /// Milliamperes with every peripheral clocked.
    pub clocked_ma: f64,
    /// Milliamperes with no peripheral clocked.
    pub idle_ma: f64,
}

impl CurrentTable {
    /// Milliamperes at a clock, `(every peripheral clocked, none clocked)`: on the straight line between the table's rows, and along
    /// its last two beyond its ends.
    #[must_use]
    pub fn at(&self, hclk: Hz) -> (f64, f64) {
        let points = &self.0;
        let upper = points.partition_point(|point| point.hclk < hclk).clamp(1, points.len().saturating_sub(1).max(1));
        match (points.get(upper - 1), points.get(upper)) {
            (Some(low), Some(high)) => {
                let span = f64::from(high.hclk.0) - f64::from(low.hclk.0);
                let share = (f64::from(hclk.0) - f64::from(low.hclk.0)) / span;
                let line = |from: f64, to: f64| (from + (to - from) * share).max(0.0);
                (line(low.clocked_ma, high.clocked_ma), line(low.idle_ma, high.idle_ma))
            }
            (Some(only), None) => (only.clocked_ma, only.idle_ma),
            _ => (0.0, 0.0),
        }
    }
}

impl Chip {
    /// The chip of a `--chip` argument: a name (`stm32f103c8`, `STM32F103C8T6`), `virtual:flash=4M,sram=256K`, or a `.toml` file.
    ///
    /// # Errors
    /// `unknown-chip` with the nearest name; `bad-chip-file` with line and column.
    pub fn find(spec: &str) -> Result<Chip> {
        name::find(spec)
    }

    /// The built-in sizes, smallest first, each under its `x` name (`stm32f103x8`).
    #[must_use]
    pub fn built_in() -> Vec<Chip> {
        name::SIZES.iter().filter_map(|letter| name::size(*letter).ok()).collect()
    }

    /// The lowest wait-state setting that a system clock allows; `None` above the chip's limit.
    #[must_use]
    pub fn wait_states_for(&self, sysclk: Hz) -> Option<u8> {
        self.wait_states.iter().find(|row| sysclk <= row.up_to).map(|row| row.latency)
    }

    /// The peripheral whose registers lie at an address.
    #[must_use]
    pub fn slot_at(&self, address: Addr) -> Option<&Slot> {
        let after = self.peripherals.partition_point(|slot| slot.window.base <= address);
        self.peripherals.get(after.checked_sub(1)?).filter(|slot| slot.window.contains(address))
    }

    /// The peripheral of that name.
    #[must_use]
    pub fn slot(&self, name: &str) -> Option<&Slot> {
        self.peripherals.iter().find(|slot| slot.name.eq_ignore_ascii_case(name))
    }

    /// The interrupt line's name, or `IRQ n` for one that the chip does not have.
    #[must_use]
    pub fn interrupt_name(&self, position: u16) -> String {
        self.interrupts
            .iter()
            .find(|interrupt| interrupt.position == position)
            .map_or_else(|| format!("IRQ {position}"), |interrupt| interrupt.name.clone())
    }
}
