//! What it is: many runs as one: a suite's or a sweep's points, several machines at a time, one part of them or all, continued after a kill.
//! Source: [`super::bench`] for scenarios, [`super::run`] for firmware alone, [`super::estimate`] for models.
//! Does not model: other computers: they each run a part, and `merge` joins what they made.
//! Tested by: `tests/suite.rs`, `tests/campaign.rs`.

mod point;

use super::bench::{BenchRun, Row};
use super::bounds::Limit;
use super::estimate::{self, Inputs, Target};
use super::flat;
use super::journal::Journal;
use super::record::{Function, Record};
use super::run::{self, Stimulus};
use super::{SCHEMA, Tool};
use crate::chip::Chip;
use crate::finding::{Code, Exit, Failure, Finding, Result};
use crate::firmware::Image;
use crate::model::Model;
use crate::scenario::Scenario;
use crate::timing::{Fidelity, MODEL_VERSION};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

pub use point::{Point, Subject};

/// What holds for all points.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How many machines run at a time.
    pub jobs: NonZeroUsize,
    /// Price blocks from memory or anew.
    pub fidelity: Fidelity,
    /// When to give up on a run.
    pub limit: run::Limit,
}

/// One of several parts of the points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Part {
    /// From 1.
    pub index: usize,
    /// How many parts there are.
    pub count: usize,
    /// How many points there are in all parts.
    pub points: usize,
}

/// The report: a report for each point, each as its own command would give it, with its name, conditions and limits.
#[derive(Clone, Debug, Serialize)]
pub struct CampaignReport {
    /// Version of the schema.
    pub schema: u32,
    /// Who wrote it.
    pub tool: Tool,
    /// Which part of the points, if only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Part>,
    /// How many points were not run because the user stopped it.
    #[serde(skip_serializing_if = "is_zero")]
    pub missing: usize,
    /// In the order of the points.
    pub runs: Vec<Value>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// A limit and what came of it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Held {
    /// As it was written.
    pub limit: String,
    /// What was measured; absent where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Whether it was kept; absent where nothing was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds: Option<bool>,
    /// Why nothing was measured, where that is the limit's own fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Finding>,
}

/// Which limits a run was held to.
#[derive(Clone, Debug, Default, Deserialize)]
struct Limits {
    #[serde(default)]
    limits: Vec<Held>,
}

impl CampaignReport {
    /// Its rows as results that can be compared.
    ///
    /// # Errors
    /// `internal`, if a row is none.
    pub fn records(&self) -> Result<Vec<Record>> {
        self.runs.iter().map(record).collect()
    }

    /// Its rows' limits.
    #[must_use]
    pub fn limits(&self) -> Vec<Vec<Held>> {
        self.runs.iter().map(|run| Limits::deserialize(run).unwrap_or_default().limits).collect()
    }

    /// The process's exit code: the highest of the rows'.
    ///
    /// # Errors
    /// As [`CampaignReport::records`].
    pub fn exit_code(&self) -> Result<u8> {
        let outcomes = self.records()?.iter().map(|record| record.outcome.code).max().unwrap_or(0);
        Ok(outcomes.max(self.limits_code()))
    }

    /// What the limits alone come to.
    #[must_use]
    pub fn limits_code(&self) -> u8 {
        self.limits().iter().flatten().map(Held::code).max().unwrap_or(0)
    }
}

impl Held {
    fn code(&self) -> u8 {
        match (&self.problem, self.holds) {
            (Some(problem), _) => problem.code.entry().exit as u8,
            (None, Some(false)) => Exit::Regression as u8,
            _ => Exit::Fine as u8,
        }
    }

    /// The finding that a limit is that was not kept, of the row with that key.
    #[must_use]
    pub fn finding(&self, key: &str, shown: &str) -> Option<Finding> {
        if let Some(problem) = &self.problem {
            return Some(problem.clone());
        }
        (self.holds == Some(false))
            .then(|| Finding::new(Code::LimitExceeded, format!("{key} breaks the limit '{}': it is {shown}", self.limit)))
    }
}

fn record(run: &Value) -> Result<Record> {
    Record::deserialize(run).map_err(|error| Failure::new(Code::Internal, format!("a run's report cannot be read back: {error}")))
}

/// A point with everything that it names found and checked.
struct Ready<'a> {
    point: &'a Point,
    chip: Chip,
    scenario: Option<Arc<Scenario>>,
    image: Option<Arc<Image>>,
}

/// A step of progress: the job that begins, or one that is done.
pub enum Step<'a> {
    /// So many points are to be run.
    Begin(usize),
    /// This one is under way.
    Running(&'a str),
    /// One is done.
    Done,
}

/// Runs the points. `stop` is looked at before each.
///
/// # Errors
/// What is wrong with a point or with the journal, before anything runs. What firmware does is a row.
pub fn run(
    points: &[Point],
    settings: &Settings,
    shard: Option<(usize, usize)>,
    journal: Option<&std::path::Path>,
    stop: &AtomicBool,
    progress: &(dyn Fn(Step<'_>) + Sync),
) -> Result<(CampaignReport, Option<Journal>)> {
    let ready = prepare(points)?;
    let (index, count) = shard.unwrap_or((1, 1));
    let mine: Vec<usize> = (index.saturating_sub(1)..ready.len()).step_by(count.max(1)).collect();
    if mine.is_empty() {
        let message = format!("shard {index}/{count} is empty: there are only {} points", ready.len());
        return Err(Finding::new(Code::BadUsage, message).help("Use at most as many shards as there are points.").into());
    }
    let (journal, mut done) = match journal {
        Some(path) => {
            let (journal, done) = Journal::open(path, &identity(&ready, settings, shard))?;
            (Some(journal), done)
        }
        None => (None, BTreeMap::new()),
    };
    done.retain(|piece, result| mine.contains(piece) && record(result).is_ok());
    let todo: Vec<usize> = mine.iter().copied().filter(|point| !done.contains_key(point)).collect();
    progress(Step::Begin(todo.len()));
    let workers = settings.jobs.get().min(todo.len()).max(1);
    let inner = NonZeroUsize::new(settings.jobs.get() / workers).unwrap_or(NonZeroUsize::MIN);
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
    let results = Mutex::new(done);
    let work = || {
        while let Some(point) = todo.get(next.fetch_add(1, Ordering::Relaxed))
            && !stop.load(Ordering::Relaxed)
        {
            let Some(ready) = ready.get(*point) else { continue };
            progress(Step::Running(&ready.label()));
            let made = ready.run(settings, inner).and_then(|result| {
                journal.as_ref().map_or(Ok(()), |journal| journal.add(*point, &result))?;
                Ok(result)
            });
            match made {
                Ok(result) => {
                    results.lock().unwrap_or_else(PoisonError::into_inner).insert(*point, result);
                    progress(Step::Done);
                }
                Err(failure) => {
                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
                    next.store(todo.len(), Ordering::Relaxed);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    if let Some(failure) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(failure);
    }
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let report = CampaignReport {
        schema: SCHEMA,
        tool: Tool::THIS,
        shard: shard.map(|(index, count)| Part { index, count, points: ready.len() }),
        missing: mine.len().saturating_sub(results.len()),
        runs: results.into_values().collect(),
    };
    Ok((report, journal))
}

fn prepare(points: &[Point]) -> Result<Vec<Ready<'_>>> {
    let mut scenarios: BTreeMap<String, Arc<Scenario>> = BTreeMap::new();
    let mut images: BTreeMap<PathBuf, Arc<Image>> = BTreeMap::new();
    let mut own_images: BTreeMap<String, Arc<Image>> = BTreeMap::new();
    let mut load = |path: &PathBuf| -> Result<Arc<Image>> {
        if let Some(found) = images.get(path) {
            return Ok(Arc::clone(found));
        }
        let image = Arc::new(Image::load(path)?);
        images.insert(path.clone(), Arc::clone(&image));
        Ok(image)
    };
    let mut ready = Vec::with_capacity(points.len());
    let mut keys = BTreeSet::new();
    for point in points {
        let mut scenario = None;
        let image = match &point.subject {
            Subject::Model(path) => {
                estimate::read(path)?;
                None
            }
            Subject::Firmware(path) => Some(load(path)?),
            Subject::Scenario { spec, firmware } => {
                let found = match scenarios.get(spec) {
                    Some(found) => Arc::clone(found),
                    None => {
                        let found = Arc::new(Scenario::find(spec)?);
                        scenarios.insert(spec.clone(), Arc::clone(&found));
                        found
                    }
                };
                found.sample(point.sample)?;
                let image = match firmware {
                    Some(path) => load(path)?,
                    None => match own_images.get(spec) {
                        Some(image) => Arc::clone(image),
                        None => {
                            let image = Arc::new(found.image()?);
                            own_images.insert(spec.clone(), Arc::clone(&image));
                            image
                        }
                    },
                };
                scenario = Some(found);
                Some(image)
            }
        };
        let spec = point.chip.as_deref().or(scenario.as_ref().map(|scenario| scenario.chip.as_str()));
        let chip = Chip::find(spec.unwrap_or("stm32f103c8"))?;
        let one = Ready { point, chip, scenario, image };
        let label = one.label();
        if !keys.insert(label.clone()) {
            return Err(Finding::new(Code::BadUsage, format!("two runs are both {label}"))
                .help("Give the suite's runs different names, or name a value of the sweep once.")
                .into());
        }
        ready.push(one);
    }
    Ok(ready)
}

/// What makes two campaigns the same: every input and every option that a result depends on.
fn identity(ready: &[Ready<'_>], settings: &Settings, shard: Option<(usize, usize)>) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{:?} {MODEL_VERSION} {:?} {:?} {shard:?}", Tool::THIS, settings.fidelity, settings.limit));
    for one in ready {
        hash.update(format!("{:?} {:?}", one.point, one.chip));
        if let Some(image) = &one.image {
            hash.update(&image.sha256);
        }
        if let Some(scenario) = &one.scenario {
            hash.update(scenario.samples.bytes());
            hash.update(&scenario.labels);
            hash.update(scenario.goldens.bytes());
        }
        if let Subject::Model(path) = &one.point.subject {
            hash.update(std::fs::read(path).unwrap_or_default());
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Ready<'_> {
    /// As the result's key.
    fn label(&self) -> String {
        let file = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut subject = self.point.name.clone().unwrap_or_else(|| match (&self.point.subject, &self.scenario) {
            (_, Some(scenario)) => scenario.name.clone(),
            (Subject::Firmware(path) | Subject::Model(path), None) => file(path),
            (Subject::Scenario { spec, .. }, None) => spec.clone(),
        });
        if self.point.sample > 0 {
            subject.push_str(&format!("#{}", self.point.sample));
        }
        let mut label = format!("{subject}@{}", self.chip.name);
        for (axis, value) in self.point.conditions().iter().filter(|(axis, _)| *axis != "chip" && *axis != "scenario") {
            label.push_str(&format!(",{axis}={value}"));
        }
        label
    }

    fn run(&self, settings: &Settings, jobs: NonZeroUsize) -> Result<Value> {
        let Ready { point, chip, .. } = self;
        let Settings { fidelity, limit, .. } = *settings;
        let overrides = point.overrides(chip);
        let mut functions = Vec::new();
        let made = match (&point.subject, &self.scenario, &self.image) {
            (Subject::Model(path), ..) => {
                let model: Model = estimate::read(path)?;
                let request = estimate::Request {
                    target: Target::One(chip),
                    inputs: Inputs::Random { seed: 1 },
                    expected: None,
                    advice: false,
                    fidelity,
                    limit,
                    clock: point.clock,
                    overrides,
                };
                value(&estimate::estimate(&model, &request)?)?
            }
            (_, Some(scenario), Some(image)) => {
                let (sample, samples, clock) = (point.sample, point.samples, point.clock);
                let row = Row { chip, image, scenario, sample, samples, jobs, fidelity, limit, clock, overrides };
                let made = row.run(&|_| ())?;
                if let BenchRun::Ran(_) = made {
                    let scenario = Some((&**scenario, Stimulus::Sample(sample)));
                    functions = flat::functions(&run::Request {
                        chip,
                        image,
                        scenario,
                        world: crate::scenario::World::default(),
                        fidelity,
                        limit,
                        clock,
                        overrides,
                    })?;
                }
                value(&made)?
            }
            (_, _, Some(image)) => {
                let request = run::Request {
                    chip,
                    image,
                    scenario: None,
                    world: crate::scenario::World::default(),
                    fidelity,
                    limit,
                    clock: point.clock,
                    overrides,
                };
                functions = flat::functions(&request)?;
                value(&run::run(&request)?)?
            }
            _ => return Err(Failure::new(Code::Internal, "a run without firmware")),
        };
        self.finish(made, &functions)
    }

    /// Adds the name, the conditions, the functions, and what came of the limits.
    fn finish(&self, mut made: Value, functions: &[Function]) -> Result<Value> {
        let Some(fields) = made.as_object_mut() else { return Err(Failure::new(Code::Internal, "a report that is no object")) };
        if let Some(name) = &self.point.name {
            fields.insert("name".to_owned(), json!(name));
        }
        let conditions = self.point.conditions();
        if !conditions.is_empty() {
            fields.insert("point".to_owned(), json!(conditions));
        }
        if !functions.is_empty() {
            fields.insert("functions".to_owned(), json!(functions));
        }
        let record = record(&made)?;
        let held: Vec<Held> = self.point.limits.iter().map(|limit| held(limit, &record)).collect();
        if let (Some(fields), false) = (made.as_object_mut(), held.is_empty()) {
            fields.insert("limits".to_owned(), json!(held));
        }
        Ok(made)
    }
}

fn held(limit: &Limit, record: &Record) -> Held {
    let text = limit.text.clone();
    match limit.quantity.of(record) {
        Ok(value) => Held { limit: text, value: Some(value), holds: Some(limit.holds(value)), problem: None },
        // A run that failed has said so; what it did not come to is no mistake of the limit.
        Err(_) if !record.is_fine() => Held { limit: text, value: None, holds: None, problem: None },
        Err(failure) => Held { limit: text, value: None, holds: None, problem: Some(*failure.0) },
    }
}

fn value(report: &impl Serialize) -> Result<Value> {
    serde_json::to_value(report)
        .map_err(|error| Failure::new(Code::Internal, format!("a report cannot be written as JSON: {error}")))
}
