//! What it is: parts of an evaluation or of many runs, joined to exactly what one run of everything gives.
//! Source: [`super::eval`] and [`super::campaign`]: parts are every N-th sample or point.
//! Does not model: parts of different things: firmware, chips, options and versions must be the same.
//! Tested by: `tests/campaign.rs` (the unsharded report, to the byte).

use super::campaign::{CampaignReport, Part};
use super::eval::{EvalReport, ShardTraces, Station, Traces, spread};
use super::{SCHEMA, Tool};
use crate::finding::{Code, Failure, Finding, Result};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What the parts make together.
#[derive(Clone, Debug)]
pub enum Whole {
    /// Of `eval`.
    Eval(Box<EvalReport>),
    /// Of `bench`.
    Campaign(CampaignReport),
}

/// Joins parts, given as name and text in any order.
///
/// # Errors
/// `bad-shards` when a part is missing, there twice, or of something else; `bad-baseline` when a file is no part at all.
pub fn merge(parts: &[(String, String)]) -> Result<Whole> {
    #[derive(Deserialize)]
    struct Kind {
        eval: Option<serde::de::IgnoredAny>,
        shard: Option<serde::de::IgnoredAny>,
    }
    let mut evals = 0;
    for (name, text) in parts {
        let kind: Kind = serde_json::from_str(text).map_err(|error| unreadable(name, &error))?;
        if kind.shard.is_none() {
            return Err(bad(format!("{name} is no part of anything: it was made without --shard")));
        }
        evals += usize::from(kind.eval.is_some());
    }
    match evals {
        0 => campaign(parts).map(Whole::Campaign),
        all if all == parts.len() => eval(parts).map(|report| Whole::Eval(Box::new(report))),
        _ => Err(bad("some parts are of eval and some of bench".to_owned())),
    }
}

fn bad(message: String) -> Failure {
    Finding::new(Code::BadShards, message).into()
}

fn unreadable(name: &str, error: &serde_json::Error) -> Failure {
    let what = if error.is_eof() { "is cut short".to_owned() } else { format!("cannot be read: {error}") };
    Failure::new(Code::BadBaseline, format!("{name} {what}"))
}

/// Puts each part in its place: all of `count`, each once.
fn placed<T>(parts: Vec<(&str, usize, usize, T)>) -> Result<Vec<(&str, T)>> {
    let count = parts.first().map_or(0, |(_, _, count, _)| *count);
    let mut places: BTreeMap<usize, (&str, T)> = BTreeMap::new();
    for (name, index, of, part) in parts {
        if of != count || index == 0 || index > count {
            return Err(bad(format!("{name} is part {index} of {of}, and others are parts of {count}")));
        }
        if let Some((other, _)) = places.get(&index) {
            return Err(bad(format!("{name} and {other} are both part {index} of {count}")));
        }
        places.insert(index, (name, part));
    }
    if let Some(missing) = (1..=count).find(|index| !places.contains_key(index)) {
        return Err(bad(format!("part {missing} of {count} is missing")));
    }
    Ok(places.into_values().collect())
}

fn eval(parts: &[(String, String)]) -> Result<EvalReport> {
    let mut read = Vec::with_capacity(parts.len());
    for (name, text) in parts {
        let report: EvalReport = serde_json::from_str(text).map_err(|error| unreadable(name, &error))?;
        let Some(shard) = report.shard else { return Err(bad(format!("{name} is no part of anything"))) };
        if report.missing > 0 {
            return Err(bad(format!("{name} was stopped before it was done: {} samples are missing", report.missing)));
        }
        read.push((name.as_str(), shard.index, shard.count, report));
    }
    let mut read = placed(read)?.into_iter();
    let Some((first_name, mut whole)) = read.next() else { return Err(bad("there are no parts".to_owned())) };
    let classes: Vec<String> = whole.eval.classes.iter().map(|class| class.name.clone()).collect();
    let reference = whole.eval.reference.clone();
    let ShardTraces { boot, selected, set, .. } = whole.shard_traces.clone().unwrap_or_default();
    let mut station = taken(&mut whole);
    for (name, mut part) in read {
        let same = part.chip == whole.chip
            && part.firmware == whole.firmware
            && part.scenario == whole.scenario
            && part.clock == whole.clock
            && part.shard_traces.as_ref().is_some_and(|traces| traces.selected == selected && traces.set == set)
            && part.timing_model.version == whole.timing_model.version
            && part.timing_model.fidelity == whole.timing_model.fidelity
            && part.eval.reference == reference
            && part.eval.classes.iter().map(|class| &class.name).eq(&classes);
        if !same {
            return Err(bad(format!("{name} and {first_name} are of different chips, firmware, scenarios or options")));
        }
        station.extend(taken(&mut part));
    }
    station.sort_by_key(|(result, _)| result.sample);
    if station.len() != selected {
        return Err(bad(format!("the parts have {} samples together, and should have {selected}", station.len())));
    }
    for (nth, (result, _)) in station.iter().enumerate() {
        let wanted = spread(nth, selected, set);
        if result.sample != wanted {
            return Err(bad(format!("sample {wanted} is missing, and there is sample {}", result.sample)));
        }
    }
    whole.shard = None;
    whole.shard_traces = None;
    whole.fill(&classes, &reference, &boot, station);
    Ok(whole)
}

/// A part's samples with what they left behind.
fn taken(part: &mut EvalReport) -> Station {
    let mut traces = part.shard_traces.take().unwrap_or_default().samples;
    let with = |result: super::eval::SampleResult| {
        let left = traces.remove(&result.sample).unwrap_or_default();
        (result, left)
    };
    std::mem::take(&mut part.results).into_iter().map(with).collect::<Vec<(_, Traces)>>()
}

#[derive(Deserialize)]
struct CampaignPart {
    #[serde(rename = "tool")]
    _tool: Tool,
    shard: Part,
    #[serde(default)]
    missing: usize,
    runs: Vec<Value>,
}

fn campaign(parts: &[(String, String)]) -> Result<CampaignReport> {
    let mut read = Vec::with_capacity(parts.len());
    let mut points = None;
    for (name, text) in parts {
        let part: CampaignPart = serde_json::from_str(text).map_err(|error| unreadable(name, &error))?;
        if part.missing > 0 {
            return Err(bad(format!("{name} was stopped before it was done: {} runs are missing", part.missing)));
        }
        if *points.get_or_insert(part.shard.points) != part.shard.points {
            return Err(bad(format!("{name} is a part of {} runs, and others are not", part.shard.points)));
        }
        read.push((name.as_str(), part.shard.index, part.shard.count, part));
    }
    let mut queues: Vec<(&str, std::vec::IntoIter<Value>)> =
        placed(read)?.into_iter().map(|(name, part)| (name, part.runs.into_iter())).collect();
    let points = points.unwrap_or(0);
    let mut runs = Vec::new();
    for point in 0..points {
        let at = point % queues.len().max(1);
        match queues.get_mut(at).map(|(name, queue)| (name, queue.next())) {
            Some((_, Some(run))) => runs.push(run),
            Some((name, None)) => return Err(bad(format!("{name} has too few runs"))),
            None => return Err(bad("there are no parts".to_owned())),
        }
    }
    if let Some((name, _)) = queues.iter().find(|(_, queue)| queue.len() > 0) {
        return Err(bad(format!("{name} has more runs than its part")));
    }
    let report = CampaignReport { schema: SCHEMA, tool: Tool::THIS, shard: None, missing: 0, runs };
    let mut keys = std::collections::BTreeSet::new();
    for record in report.records()? {
        let key = record.key();
        if !keys.insert(key.clone()) {
            return Err(bad(format!("{key} is there twice: the parts are of different suites or sweeps")));
        }
    }
    Ok(report)
}
