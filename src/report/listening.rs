//! What it is: what came of speaking to a firmware that listens: what it heard and when, its features against the host's, how busy it was, what that
//! takes.
//! Source: [`crate::scenario::Speaker`] for words, windows and features; [`crate::observe::duty`] and the data sheet's currents for load and energy.
//! Does not model: the microphone's and its amplifier's current, nor what the pins drive.
//! Tested by: `tests/keyword_live.rs`.

use super::eval::Spread;
use super::run::rounded;
use super::table::{percent, printable, wrapped_to};
use crate::chip::Chip;
use crate::machine::Machine;
use crate::observe::duty::{Duty, calls};
use crate::observe::energy;
use crate::observe::inference::Watch;
use crate::scenario::{Heard, Speaker};
use crate::units::{Cycles, Hz, grouped};
use serde::Serialize;

/// Times are milliseconds since the recording began.
#[derive(Clone, Debug, Serialize)]
pub struct ListeningSummary {
    /// How long the recording is.
    pub recording_ms: f64,
    /// Where the word is in it: what is at most 20 dB below its loudest 20 ms.
    pub word_ms: [f64; 2],
    /// What the firmware looked at.
    pub windows: Vec<WindowSummary>,
    /// The window that counts, counted from 0: the one nearest to the recording's loudest second.
    pub window: usize,
    /// How much later it ends than the ideal one.
    pub late_ms: f64,
    /// From the word's end to the end of the line with the label.
    pub latency_ms: f64,
    /// Its features against the host's of the samples that were converted.
    pub features: FeatureError,
    /// Its features against the host's of the recording at the same instants: what twelve bits cost besides.
    pub features_of_recording: FeatureError,
    /// Frames of features, if the firmware has the function that the scenario names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<FrameSummary>,
    /// From the first frame after the recording began to the first inference: nothing but listening.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listening: Option<DutySummary>,
    /// From the first inference's beginning to the second one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detecting: Option<DutySummary>,
    /// What the energies assume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy_assumes: Option<String>,
}

/// A window that the firmware looked at.
#[derive(Clone, Debug, Serialize)]
pub struct WindowSummary {
    /// When its last sample was over; absent if the firmware named samples that it had not converted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_ms: Option<f64>,
    /// When the last bit of the line about it had left the chip.
    pub said_ms: f64,
    /// The label in that line.
    pub label: String,
}

/// How far features are from others, in int8 steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FeatureError {
    /// How many there are.
    pub count: usize,
    /// How many are equal.
    pub equal: usize,
    /// How many are at most one step off, the equal ones included.
    pub within_one: usize,
    /// The largest difference.
    pub max: u8,
    /// The mean difference.
    pub mean: f64,
}

/// Frames of features.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct FrameSummary {
    /// How many were made.
    pub count: usize,
    /// Cycles of one.
    pub cycles: Spread<u64>,
    /// The mean one's time.
    pub time_us: f64,
    /// Cycles that frames took in the middle of the last inference: they are among that inference's.
    pub within_inference: u64,
}

/// How busy the core was in a stretch of the run.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct DutySummary {
    /// Its length in cycles.
    pub cycles: u64,
    /// Those of them that the core slept.
    pub sleep_cycles: u64,
    /// The part that it was awake, in percent.
    pub awake_percent: f64,
    /// Energy a second, in millijoules; which is the mean power in milliwatts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy_mj_per_second: Option<f64>,
}

impl FeatureError {
    fn of(ours: &[u8], theirs: &[u8]) -> Option<Self> {
        if ours.is_empty() || ours.len() != theirs.len() {
            return None;
        }
        let off = |(a, b): (&u8, &u8)| (*a as i8).abs_diff(*b as i8);
        let differences: Vec<u8> = ours.iter().zip(theirs).map(off).collect();
        let sum: u64 = differences.iter().map(|off| u64::from(*off)).sum();
        Some(Self {
            count: differences.len(),
            equal: differences.iter().filter(|off| **off == 0).count(),
            within_one: differences.iter().filter(|off| **off <= 1).count(),
            max: differences.iter().copied().max().unwrap_or(0),
            mean: rounded(sum as f64 / differences.len() as f64),
        })
    }
}

/// Currents of an awake and of a sleeping core, in milliamperes, and the supply in volts.
struct Supply {
    awake: f64,
    asleep: f64,
    volts: f64,
}

impl Supply {
    /// With what the firmware has clocked, and one ADC on.
    fn of(chip: &Chip, machine: &Machine) -> Option<Self> {
        let (hclk, enables) = (machine.clocks().hclk, machine.clock_enables());
        let table = chip.current.as_ref()?;
        Some(Self {
            awake: energy::run_current_ma(chip, hclk, enables)? + table.adc_on_ma,
            asleep: energy::sleep_current_ma(chip, hclk, enables)? + table.adc_on_ma,
            volts: f64::from(table.millivolts) / 1000.0,
        })
    }

    fn duty(supply: Option<&Self>, duty: Duty) -> DutySummary {
        DutySummary {
            cycles: duty.cycles.0,
            sleep_cycles: duty.asleep.0,
            awake_percent: rounded(duty.awake() * 100.0),
            energy_mj_per_second: supply.map(|supply| rounded(duty.mean(supply.awake, supply.asleep) * supply.volts)),
        }
    }
}

impl ListeningSummary {
    /// Of a run with somebody who spoke; `None` where nothing was heard.
    pub(super) fn of(chip: &Chip, machine: &Machine, watch: Watch, speaker: &Speaker, frame: Option<u32>) -> Option<Self> {
        let answer = speaker.answer()?;
        let start = speaker.start()?;
        let ms = |nanos: u64| rounded((nanos as f64 - start as f64) / 1e6);
        let ends = |heard: &Heard| speaker.ended(heard, machine);
        let said = |heard: &Heard| machine.nanos(heard.said);
        let [converted, recorded] = speaker.of_host(answer, machine)?;
        let word = speaker.word();
        let supply = Supply::of(chip, machine);
        let inferences = watch.inference_calls(machine.marks());
        let frames = frame.map(|function| calls(machine.marks(), function)).unwrap_or_default();
        let began = |index: usize| inferences.get(index).map(|(entry, _)| *entry);
        let spoken_to = frames.iter().map(|(entry, _)| *entry).find(|entry| machine.nanos(entry.at) >= start);
        let duty = |from, to| Some(Supply::duty(supply.as_ref(), Duty::between(from?, to?)));
        let hclk = machine.clocks().hclk;
        let energy_assumes = supply.as_ref().zip(chip.current.as_ref()).map(|(supply, table)| {
            format!(
                "{:.1} mA awake and {:.1} mA asleep (WFI), of which {} mA the ADC's, at {} mV, {hclk}: {}",
                supply.awake, supply.asleep, table.adc_on_ma, table.millivolts, table.source
            )
        });
        Some(Self {
            recording_ms: ms(speaker.nanos_at(speaker.sound().len())),
            word_ms: [word.start, word.end].map(|sample| ms(speaker.nanos_at(sample))),
            windows: speaker
                .heard()
                .iter()
                .map(|heard| WindowSummary { ends_ms: ends(heard).map(ms), said_ms: ms(said(heard)), label: heard.label.clone() })
                .collect(),
            window: speaker.heard().iter().position(|heard| heard == answer)?,
            late_ms: rounded((ends(answer)? as f64 - speaker.ideal_end() as f64) / 1e6),
            latency_ms: rounded((said(answer) as f64 - speaker.nanos_at(word.end) as f64) / 1e6),
            features: FeatureError::of(&answer.features, &converted)?,
            features_of_recording: FeatureError::of(&answer.features, &recorded)?,
            frames: FrameSummary::of(&frames, inferences.last().copied(), hclk),
            listening: duty(spoken_to, began(0)),
            detecting: duty(began(0), began(1)),
            energy_assumes,
        })
    }
}

type Call<'a> = (&'a crate::machine::Mark, &'a crate::machine::Mark);

impl FrameSummary {
    fn of(frames: &[Call<'_>], inference: Option<Call<'_>>, hclk: Hz) -> Option<Self> {
        let cycles = |(entry, left): &Call<'_>| left.at.since(entry.at).0;
        let all: Vec<u64> = frames.iter().map(cycles).collect();
        let within =
            frames.iter().filter(|(entry, left)| inference.is_some_and(|(from, to)| entry.at > from.at && left.at < to.at));
        let mean = all.iter().sum::<u64>().checked_div(all.len() as u64)?;
        Some(Self {
            count: all.len(),
            cycles: Spread { min: all.iter().copied().min()?, mean, max: all.iter().copied().max()? },
            time_us: rounded(hclk.micros(Cycles(mean))),
            within_inference: within.map(cycles).sum(),
        })
    }
}

/// The summary as text for people: at most 100 columns.
pub(super) fn part(summary: &ListeningSummary) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        for (index, row) in wrapped_to(&value, 85).lines().enumerate() {
            text.push_str(&format!("  {:<12} {}\n", if index == 0 { name } else { "" }, row.trim_start()));
        }
    };
    let [begins, ends] = summary.word_ms;
    line(
        "sound",
        format!(
            "{:.0} ms, the word from {begins:.0} to {ends:.0} ms (what is at most 20 dB below its loudest 20 ms)",
            summary.recording_ms
        ),
    );
    for (index, window) in summary.windows.iter().enumerate() {
        let end = window.ends_ms.map_or_else(|| "?".to_owned(), |end| format!("{end:.0}"));
        let counts = if index == summary.window {
            format!(
                "; it counts: {:.0} ms {} than the recording's loudest second",
                summary.late_ms.abs(),
                if summary.late_ms < 0.0 { "earlier" } else { "later" }
            )
        } else {
            String::new()
        };
        line("window", format!("to {end} ms: {}, said at {:.0} ms{counts}", printable(&window.label), window.said_ms));
    }
    line("latency", format!("{:.1} ms from the end of the word to the end of the line with the label", summary.latency_ms));
    for (name, error) in [("the converted samples", summary.features), ("the recording itself", summary.features_of_recording)] {
        let FeatureError { count, equal, within_one, max, mean } = error;
        line(
            "features",
            format!(
                "against the host's of {name}: {equal} of {count} equal, {within_one} within one int8 step, at most {max}, mean {mean:.3}"
            ),
        );
    }
    if let Some(FrameSummary { cycles, time_us, within_inference, .. }) = &summary.frames {
        line(
            "frame",
            format!(
                "{} cycles = {time_us:.1} us, at most {}; {} in the middle of the inference",
                grouped(cycles.mean),
                grouped(cycles.max),
                grouped(*within_inference)
            ),
        );
    }
    for (name, duty) in [("listening", &summary.listening), ("detecting", &summary.detecting)] {
        if let Some(duty) = duty {
            let energy = duty.energy_mj_per_second.map_or_else(String::new, |energy| format!("; {energy:.1} mJ a second"));
            line(
                name,
                format!(
                    "{} of {} cycles awake{energy}",
                    percent(duty.cycles - duty.sleep_cycles, duty.cycles),
                    grouped(duty.cycles)
                ),
            );
        }
    }
    if let Some(assumes) = &summary.energy_assumes {
        line("", format!("an estimate from typical currents: {assumes}"));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feature_errors_are_counted_in_steps_with_their_sign() {
        let error = FeatureError::of(&[0x80, 0, 0xff, 7], &[0x7f, 0, 0, 5]).expect("as many");
        assert_eq!(error, FeatureError { count: 4, equal: 1, within_one: 2, max: 255, mean: 64.5 });
        assert_eq!(FeatureError::of(&[1], &[1, 2]), None);
    }
}
