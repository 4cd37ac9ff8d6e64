//! What it is: the report of a run: every field by the name that the contract gives it.
//! Source: the project's report contract, schema 1; rows and parts sum to their totals.
//! Does not model: anything; it is filled by its neighbours.
//! Tested by: `tests/run.rs`.

use crate::finding::Finding;
use crate::machine::{Machine, Overrides};
use crate::report::listening::ListeningSummary;
use crate::report::profile::Profile;
use crate::report::stack::StackBound;
use crate::report::{ChipSummary, FirmwareSummary, Tool};
use crate::scenario::{Called, Reference};
use crate::timing::{Cause, CauseTotals, Fidelity, MODEL_VERSION, accuracy};
use crate::units::Hz;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// The report of a run. Field names are the contract's; a field that does not apply is absent.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// Version of the schema.
    pub schema: u32,
    /// Who wrote it.
    pub tool: Tool,
    /// The chip.
    pub chip: ChipSummary,
    /// The firmware.
    pub firmware: FirmwareSummary,
    /// The scenario.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scenario: Option<ScenarioSummary>,
    /// Clocks and flash settings at the end.
    pub clock: ClockSummary,
    /// How cycles were counted.
    pub timing_model: TimingModel,
    /// How it ended.
    pub outcome: OutcomeSummary,
    /// The whole run.
    pub totals: Totals,
    /// The whole run's cycles by cause; they sum to `totals.cycles`.
    pub cycles_by_cause: Causes,
    /// The inference that the scenario asked for; without a scenario, the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inference: Option<InferenceSummary>,
    /// What came of speaking to it, where the firmware listens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listening: Option<ListeningSummary>,
    /// Use of the memories.
    pub memory: MemorySummary,
    /// The deepest that the stack can get by the calls in the code, beside what it got to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<StackBound>,
    /// Energy of the whole run by mode; absent for chips without a table of currents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy: Option<EnergySummary>,
    /// What was sent.
    pub uart: Vec<UartText>,
    /// The functions that were called as the user wanted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Called>,
    /// What a user should know.
    pub findings: Vec<Finding>,
    /// What the firmware used that is not modelled.
    pub not_modelled: Vec<LedgerRow>,
    /// Where the cycles went; with [`fn@super::profile`] only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
}

/// The scenario.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ScenarioSummary {
    /// Its name.
    pub name: String,
    /// The sample, if it was one of the scenario's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<usize>,
}

/// Clocks and flash settings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ClockSummary {
    /// System clock.
    pub sysclk_hz: u32,
    /// Core clock: what cycles are counted in.
    pub hclk_hz: u32,
    /// Flash wait states.
    pub flash_wait_states: u8,
    /// Whether the prefetch buffer is on.
    pub prefetch: bool,
    /// Whether clock or flash settings were given instead of taken from the firmware.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub what_if: bool,
}

/// How cycles were counted.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct TimingModel {
    /// The model's name.
    #[serde(deserialize_with = "own_model")]
    pub name: Word,
    /// Its version: results of different versions do not compare.
    pub version: u32,
    /// Remembered or worked-out prices.
    pub fidelity: Fidelity,
    /// What 95 % of the published measurements at such wait states keep (docs/accuracy.md), in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_bound_percent: Option<f64>,
    /// Operand values that could not be had and were assumed.
    pub unresolved_operands: u64,
}

/// One of a few known words. A type of its own, because serde takes a reference in a field for one into the text that is read.
type Word = &'static str;

/// The timing model's name.
const MODEL_NAME: &str = "cortex-m3-stm32f1";

fn own_model<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<&'static str, D::Error> {
    let name = String::deserialize(deserializer)?;
    if name == MODEL_NAME { Ok(MODEL_NAME) } else { Err(serde::de::Error::custom(format!("there is no timing model '{name}'"))) }
}

/// The ways in which a run ends.
const KINDS: [&str; 7] = ["finished", "fault", "limit", "asleep", "exit", "does-not-fit", "interrupted"];

fn known_kind<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<&'static str, D::Error> {
    let kind = String::deserialize(deserializer)?;
    let known = KINDS.into_iter().find(|known| *known == kind);
    known.ok_or_else(|| serde::de::Error::custom(format!("no run ends as '{kind}'")))
}

impl ClockSummary {
    /// Of a machine that has run, with what was to be assumed instead.
    pub(in crate::report) fn of(machine: &Machine, clock: Option<Hz>, overrides: Overrides) -> Self {
        let (clocks, config) = (machine.clocks(), machine.timing_config());
        Self {
            sysclk_hz: clock.unwrap_or(clocks.sysclk).0,
            hclk_hz: clock.unwrap_or(clocks.hclk).0,
            flash_wait_states: config.wait_states,
            prefetch: config.prefetch,
            what_if: clock.is_some() || overrides != Overrides::default(),
        }
    }
}

impl TimingModel {
    /// This program's.
    pub(in crate::report) fn new(fidelity: Fidelity, unresolved_operands: u64, wait_states: u8) -> Self {
        Self {
            name: MODEL_NAME,
            version: MODEL_VERSION,
            fidelity,
            error_bound_percent: Some(accuracy(wait_states).bound),
            unresolved_operands,
        }
    }
}

/// How the run ended.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct OutcomeSummary {
    /// `finished`, `fault`, `limit`, `asleep` or `exit`.
    #[serde(deserialize_with = "known_kind")]
    pub kind: Word,
    /// The process's exit code.
    pub code: u8,
    /// In a sentence.
    pub message: String,
}

/// The whole run.
#[derive(Clone, Debug, Serialize)]
pub struct Totals {
    /// Instructions executed.
    pub instructions: u64,
    /// Core cycles, sleep included.
    pub cycles: u64,
    /// Of those, asleep.
    pub sleep_cycles: u64,
    /// The chip's time.
    pub time_us: f64,
}

/// Cycles by cause, as an object with the causes' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Causes(pub CauseTotals);

impl Serialize for Causes {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(Cause::ALL.iter().map(|cause| (cause.name(), self.0.of(*cause))))
    }
}

impl<'de> Deserialize<'de> for Causes {
    /// Names of causes that this version does not know are refused: sums would be wrong without them.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let mut totals = CauseTotals::default();
        for (name, cycles) in BTreeMap::<String, u64>::deserialize(deserializer)? {
            let cause = Cause::ALL.into_iter().find(|cause| cause.name() == name);
            let slot = cause.and_then(|cause| totals.0.get_mut(cause as usize));
            *slot.ok_or_else(|| serde::de::Error::custom(format!("'{name}' is no cause of cycles")))? = cycles;
        }
        Ok(Causes(totals))
    }
}

/// One inference.
#[derive(Clone, Debug, Serialize)]
pub struct InferenceSummary {
    /// How many the run made in all.
    pub count: u64,
    /// Instructions.
    pub instructions: u64,
    /// Cycles.
    pub cycles: u64,
    /// Its cycles by cause.
    pub cycles_by_cause: Causes,
    /// Time at the core clock.
    pub latency_us: f64,
    /// The class, by the scenario's rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<usize>,
    /// The class's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_name: Option<String>,
    /// The sample's true class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_name: Option<String>,
    /// What the class was decided by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<f64>,
    /// Whether the raw output equals the reference's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches_reference: Option<bool>,
    /// Whose output that is, and how near is right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// Energy by the data sheet's typical current: an estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy_uj: Option<f64>,
    /// What the energy assumes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy_assumes: Option<String>,
    /// Layer by layer; the last row is what lies between them.
    pub layers: Vec<LayerSummary>,
    /// For each step of the firmware's plan, the operator that it is part of, by its index in the model.
    #[serde(skip)]
    pub operators: Vec<u32>,
}

/// One layer.
#[derive(Clone, Debug, Serialize)]
pub struct LayerSummary {
    /// Its operator's index in the model; absent for what lies between layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// The operator.
    pub op: String,
    /// The layer's name in the model.
    pub name: String,
    /// Multiplications with accumulation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub macs: Option<u64>,
    /// Instructions.
    pub instructions: u64,
    /// Cycles.
    pub cycles: u64,
    /// Its cycles by cause.
    pub cycles_by_cause: Causes,
    /// Time at the core clock.
    pub latency_us: f64,
    /// Its part of the inference's energy: the same current for its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy_uj: Option<f64>,
}

/// Use of both memories.
#[derive(Clone, Debug, Serialize)]
pub struct MemorySummary {
    /// Flash.
    pub flash: FlashSummary,
    /// SRAM.
    pub sram: SramSummary,
    /// The heap; absent where none of its functions was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heap: Option<HeapSummary>,
}

/// What the firmware allocated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeapSummary {
    /// The most bytes that were allocated at any time, without what the allocator itself needs.
    pub peak: u64,
    /// Those that were at the end.
    pub live: u64,
    /// Allocations that succeeded.
    pub allocations: u64,
    /// Blocks that were freed.
    pub frees: u64,
    /// Allocations that got nothing.
    pub failures: u64,
}

/// Energy of a whole run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EnergySummary {
    /// All of it, in microjoules.
    pub total_uj: f64,
    /// By mode and clock; they sum to the total.
    pub modes: Vec<ModeEnergy>,
    /// What it assumes, a sentence each.
    pub assumes: Vec<String>,
}

/// Energy in one mode at one clock.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModeEnergy {
    /// `run`, `sleep`, `stop`, `stop, regulator in low power` or `standby`.
    pub mode: &'static str,
    /// The core clock; asleep, the one with which it would have run.
    pub hclk_hz: u32,
    /// Cycles at that clock.
    pub cycles: u64,
    /// Time.
    pub time_us: f64,
    /// Supply current.
    pub current_ma: f64,
    /// Energy, in microjoules.
    pub energy_uj: f64,
}

/// Bytes of flash: `used + free = size`.
#[derive(Clone, Debug, Serialize)]
pub struct FlashSummary {
    /// The chip's.
    pub size: u64,
    /// The program's.
    pub used: u64,
    /// The rest.
    pub free: u64,
    /// Of what is used, the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<u64>,
}

/// Bytes of SRAM: `static + stack_peak + heap_peak + free = size`; where the stack lies within the static data, `static + heap_peak + free`.
#[derive(Clone, Debug, Serialize)]
pub struct SramSummary {
    /// The chip's.
    pub size: u64,
    /// Reserved at link time, the arena included.
    #[serde(rename = "static")]
    pub fixed: u64,
    /// The tensor arena.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arena: Option<u64>,
    /// Of it, written during the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arena_touched: Option<u64>,
    /// The stack at its deepest.
    pub stack_peak: u64,
    /// How far the heap grew behind the static data; absent where it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heap_peak: Option<u64>,
    /// Never used.
    pub free: u64,
}

/// What a port sent.
#[derive(Clone, Debug, Serialize)]
pub struct UartText {
    /// The device.
    pub port: String,
    /// Everything that it sent.
    pub text: String,
}

/// A register that is not modelled, or not wholly.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct LedgerRow {
    /// Device and register.
    pub register: String,
    /// How it was used.
    pub what: String,
    /// How often.
    pub count: u64,
}

impl RunReport {
    /// The process's exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.outcome.code
    }
}
