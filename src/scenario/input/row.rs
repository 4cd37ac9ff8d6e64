//! What it is: a row of a table of numbers and categories as a model's input.
//! Source: `models/anomaly/kdd.py` and the `preprocess.json` that it wrote: encode or ln(1 + v), scale by the training's range, clip.
//! Does not model: quoted fields, decimal commas.
//! Tested by: `tests/inputs.rs` (400 rows, int8 and float32, as the training script made them), `tests/bad_input.rs`.

use super::{Elements, Int8, Tensor, bad, has_extension, int8, read as read_file, text, unfit};
use crate::finding::Result;
use serde::Deserialize;

/// What the training wrote.
#[derive(Debug, Deserialize)]
pub(super) struct Constants {
    features: Vec<Feature>,
    int8: Int8,
}

/// A column.
#[derive(Debug, Deserialize)]
struct Feature {
    name: String,
    #[serde(flatten)]
    kind: Kind,
    min: f64,
    max: f64,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Kind {
    Linear,
    Log1p,
    Category { vocabulary: Vec<String> },
}

/// A file and which of its rows, counted from 0.
fn file(given: &str) -> Option<(&str, Option<usize>)> {
    if has_extension(given, "csv") {
        return Some((given, None));
    }
    let (name, number) = given.rsplit_once(':')?;
    has_extension(name, "csv").then(|| number.parse().ok().map(|number| (name, Some(number)))).flatten()
}

/// Whether that is a .csv file, `rows.csv:7`, or a row itself.
pub(super) fn is_one(given: &str) -> bool {
    file(given).is_some() || given.contains(',')
}

/// The row as the model takes it.
pub(super) fn read(given: &str, constants: &Constants, samples: &Tensor) -> Result<Vec<u8>> {
    if super::count(samples) != constants.features.len() {
        return Err(unfit("the features in its constants", samples));
    }
    let Some((name, number)) = file(given) else { return convert("the row", given, constants, samples) };
    let content = text(name, read_file(name)?)?;
    let mut rows = content.lines().filter(|line| !line.trim().is_empty());
    let count = rows.clone().count();
    let row = match number {
        Some(number) => rows.nth(number),
        None if count > 1 => {
            return Err(bad(name, format_args!("has {count} rows; say which, counted from 0: {name}:0")));
        }
        None => rows.next(),
    };
    match row {
        Some(row) => convert(given, row, constants, samples),
        None => Err(bad(given, format_args!("is not there: {name} has {count} rows, counted from 0"))),
    }
}

fn convert(name: &str, row: &str, constants: &Constants, samples: &Tensor) -> Result<Vec<u8>> {
    let columns: Vec<&str> = row.split(',').map(str::trim).collect();
    let features = constants.features.len();
    // The data set's own rows end with their label.
    if columns.len() != features && columns.len() != features + 1 {
        return Err(bad(name, format_args!("has {} columns, not {features} features with or without a label", columns.len())));
    }
    let mut bytes = Vec::with_capacity(samples.row_bytes());
    for (feature, column) in constants.features.iter().zip(columns) {
        let value = scaled(feature, column).ok_or_else(|| {
            bad(name, format_args!("has '{column}' in the column {}, which takes numbers from 0 on", feature.name))
        })?;
        match samples.elements() {
            Elements::Float32 => bytes.extend(value.to_le_bytes()),
            Elements::Int8 => {
                let step = constants.int8.input;
                bytes.push(int8((f64::from(value) / step.scale + 0.5).floor() + f64::from(step.zero_point)));
            }
            _ => return Err(unfit("rows", samples)),
        }
    }
    Ok(bytes)
}

/// A column from 0 to 1; `None` where it is no number from 0 on. In double precision, and rounded once.
fn scaled(feature: &Feature, column: &str) -> Option<f32> {
    let number = || column.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
    let value = match &feature.kind {
        Kind::Linear => number()?,
        Kind::Log1p => number()?.ln_1p(),
        Kind::Category { vocabulary } => vocabulary.iter().position(|name| name == column).unwrap_or(vocabulary.len()) as f64,
    };
    Some(((value - feature.min) / (feature.max - feature.min)).clamp(0.0, 1.0) as f32)
}
