//! What it is: everything a user sees of a result: versioned, serialisable reports and their views.
//! Source: the project's report contract, schema 1.
//! Does not model: where a report goes; that is the command line's.
//! Tested by: the tests of its parts.

pub mod baseline;
pub mod bench;
pub mod bench_export;
mod bench_table;
pub mod bounds;
pub mod campaign;
mod campaign_table;
pub mod ci;
pub mod compare;
mod compare_table;
pub mod estimate;
pub mod eval;
mod eval_table;
pub mod fit;
pub mod flat;
pub mod html;
pub mod journal;
pub mod listening;
pub mod map;
pub mod markdown;
pub mod merge;
pub mod metric;
pub mod plot;
pub mod profile;
pub mod rates;
pub mod record;
pub mod rows;
pub mod run;
pub mod stack;
pub mod suite;
pub mod sweep;
mod table;
pub mod xml;

use crate::chip::Chip;
use crate::firmware::Image;
pub use bench_table::table as bench_table;
pub use campaign_table::{View, table as campaign_table};
pub use compare_table::table as compare_table;
pub use eval_table::table as eval_table;
use serde::{Deserialize, Deserializer, Serialize};
pub use table::table as run_table;

/// The version of the reports' schema: adding a field leaves it, changing or removing one raises it.
pub const SCHEMA: u32 = 1;

/// A program and its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tool {
    /// `stm32sim`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

impl Tool {
    /// This program.
    pub const THIS: Tool = Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };
}

impl<'de> Deserialize<'de> for Tool {
    /// Only this version's: what reads a whole report back works on with its numbers.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Named {
            name: String,
            version: String,
        }
        let named = Named::deserialize(deserializer)?;
        if named.name == Tool::THIS.name && named.version == Tool::THIS.version {
            return Ok(Tool::THIS);
        }
        let message =
            format!("written by {} {}, and this is {} {}", named.name, named.version, Tool::THIS.name, Tool::THIS.version);
        Err(serde::de::Error::custom(message))
    }
}

/// A chip's name and memories.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ChipSummary {
    /// As `stm32f103c8`.
    pub name: String,
    /// Bytes of flash.
    pub flash_bytes: u64,
    /// Bytes of SRAM.
    pub sram_bytes: u64,
}

impl ChipSummary {
    /// Of that chip.
    #[must_use]
    pub fn of(chip: &Chip) -> Self {
        Self { name: chip.name.clone(), flash_bytes: chip.flash.size.0, sram_bytes: chip.sram.size.0 }
    }
}

/// Which firmware it was.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct FirmwareSummary {
    /// The file's name without folders.
    pub name: String,
    /// Of the whole file.
    pub sha256: String,
    /// What the compiler wrote into it about itself; absent where nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toolchain: Option<String>,
}

impl FirmwareSummary {
    /// Of that image.
    #[must_use]
    pub fn of(image: &Image) -> Self {
        Self { name: image.name.clone(), sha256: image.sha256.clone(), toolchain: image.toolchain.clone() }
    }
}
