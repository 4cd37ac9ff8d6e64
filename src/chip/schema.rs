//! What it is: the form of a chip file, as serde reads it; everything in it may be left to the file that it extends.
//! Source: our own; `src/chips/*.toml` show every key with its meaning.
//! Does not model: what the values must fulfil together, which is `file.rs`'s.
//! Tested by: the tests of `file.rs`.

use super::Bus;
use crate::units::{Bytes, Hz};
use serde::Deserialize;
use serde::de::{self, Deserializer};
use std::collections::BTreeMap;
use toml::Spanned;

/// A size or an address: a number, or text as `64K`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size(pub u64);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a number of bytes, as 65536 or \"64K\"")]
        enum Either {
            Number(u64),
            Text(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(bytes) => Ok(Size(bytes)),
            Either::Text(text) => text.parse().map(|Bytes(bytes)| Size(bytes)).map_err(de::Error::custom),
        }
    }
}

/// A frequency as text: `72MHz`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frequency(pub Hz);

impl<'de> Deserialize<'de> for Frequency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Frequency).map_err(de::Error::custom)
    }
}

/// A file as it stands: everything may be left to the file that it extends.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChipFile {
    pub name: Option<String>,
    pub extends: Option<Spanned<String>>,
    pub title: Option<String>,
    pub packages: Option<Vec<String>>,
    /// Drops the supply currents of the extended file, where they do not hold.
    #[serde(default)]
    pub current_unknown: bool,
    #[serde(default)]
    pub flash: FlashFile,
    #[serde(default)]
    pub sram: MemoryFile,
    #[serde(default)]
    pub system_memory: MemoryFile,
    #[serde(default)]
    pub option_bytes: MemoryFile,
    #[serde(default)]
    pub identity: IdentityFile,
    #[serde(default)]
    pub clocks: ClocksFile,
    #[serde(default)]
    pub interrupts: Vec<Spanned<InterruptFile>>,
    #[serde(default)]
    pub dma: Vec<Spanned<DmaFile>>,
    #[serde(default)]
    pub peripherals: Vec<Spanned<SlotFile>>,
    pub current: Option<Spanned<CurrentFile>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MemoryFile {
    pub base: Option<Spanned<Size>>,
    pub size: Option<Spanned<Size>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FlashFile {
    pub base: Option<Spanned<Size>>,
    pub size: Option<Spanned<Size>>,
    pub page: Option<Spanned<Size>>,
    pub program_ns: Option<Spanned<u32>>,
    pub page_erase_us: Option<Spanned<u32>>,
    pub mass_erase_us: Option<Spanned<u32>>,
    pub wait_states: Option<Spanned<Vec<WaitStatesFile>>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitStatesFile {
    pub up_to: Frequency,
    pub latency: u8,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentityFile {
    pub idcode: Option<Spanned<u32>>,
    pub flash_size_register: Option<Spanned<u32>>,
    pub unique_id: Option<Spanned<u32>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClocksFile {
    pub hsi: Option<Spanned<Frequency>>,
    pub hse: Option<Spanned<Frequency>>,
    pub lsi: Option<Spanned<Frequency>>,
    pub lse: Option<Spanned<Frequency>>,
    pub max_sysclk: Option<Spanned<Frequency>>,
    pub max_apb1: Option<Spanned<Frequency>>,
    pub max_apb2: Option<Spanned<Frequency>>,
    pub max_adc: Option<Spanned<Frequency>>,
    pub hse_startup_us: Option<Spanned<u32>>,
    pub hsi_startup_us: Option<Spanned<u32>>,
    pub pll_lock_us: Option<Spanned<u32>>,
    pub lsi_startup_us: Option<Spanned<u32>>,
    pub lse_startup_us: Option<Spanned<u32>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InterruptFile {
    pub position: u16,
    pub name: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DmaFile {
    pub controller: u8,
    pub channel: u8,
    pub requests: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SlotFile {
    pub name: String,
    pub kind: String,
    pub base: u32,
    pub size: Option<u64>,
    pub bus: Bus,
    pub enable: Option<u8>,
    #[serde(default)]
    pub interrupts: Vec<String>,
    #[serde(default)]
    pub inputs: Vec<String>,
    pub pins: Option<PinsFile>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PinsFile {
    #[serde(default)]
    pub field: u8,
    #[serde(default)]
    pub width: u8,
    pub sets: Vec<Vec<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CurrentFile {
    pub source: String,
    pub millivolts: u32,
    pub run: Vec<CurrentRow>,
    pub run_hsi: Vec<CurrentRow>,
    pub sleep: Vec<CurrentRow>,
    pub sleep_hsi: Vec<CurrentRow>,
    pub stop_regulator_on_ua: f64,
    pub stop_low_power_ua: f64,
    pub standby_ua: f64,
    pub adc_on_ma: f64,
    pub peripherals: BTreeMap<String, f64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CurrentRow {
    pub hclk: Frequency,
    pub clocked: f64,
    pub idle: f64,
}
