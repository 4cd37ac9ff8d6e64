//! What it is: what turns one memory map into another.
//! Source: two [`MemoryMap`]s.
//! Does not model: things that were renamed: they are gone and new.
//! Tested by: `tests/map.rs`, `tests/map_units.rs`.

use super::{Kind, MemoryMap};
use crate::chip::Bank;
use serde::Serialize;
use std::collections::BTreeMap;

/// What changed between two maps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Used bytes by region.
    pub regions: Vec<Change>,
    /// What grew, shrank, came or went, the largest change first.
    pub rows: Vec<Change>,
}

/// One changed size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Which memory.
    pub region: Bank,
    /// A symbol or section; absent for the whole region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Bytes before; absent for what is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<u64>,
    /// Bytes after; absent for what is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<u64>,
    /// After minus before.
    pub delta: i64,
}

impl Difference {
    /// What turns one map into the other. Rows of one name in one region are taken together.
    #[must_use]
    pub fn new(old: &MemoryMap, new: &MemoryMap) -> Difference {
        let sums = |map: &MemoryMap| {
            let mut sums: BTreeMap<(Bank, String), u64> = BTreeMap::new();
            for row in map.rows.iter().filter(|row| row.kind != Kind::Free) {
                *sums.entry((row.region, row.name.clone())).or_default() += row.size;
            }
            sums
        };
        let (before, after) = (sums(old), sums(new));
        let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let mut rows: Vec<Change> = before
            .keys()
            .chain(after.keys().filter(|key| !before.contains_key(*key)))
            .map(|key| {
                let (old, new) = (before.get(key).copied(), after.get(key).copied());
                let delta = signed(new.unwrap_or(0)).saturating_sub(signed(old.unwrap_or(0)));
                Change { region: key.0, name: Some(key.1.clone()), old, new, delta }
            })
            .filter(|change| change.delta != 0)
            .collect();
        rows.sort_by(|a, b| (b.delta.unsigned_abs(), a.region, &a.name).cmp(&(a.delta.unsigned_abs(), b.region, &b.name)));
        let regions = old
            .regions
            .iter()
            .filter_map(|region| {
                let other = new.regions.iter().find(|other| other.name == region.name)?;
                let delta = signed(other.used).saturating_sub(signed(region.used));
                Some(Change { region: region.name, name: None, old: Some(region.used), new: Some(other.used), delta })
            })
            .collect();
        Difference { regions, rows }
    }
}
