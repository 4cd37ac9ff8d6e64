//! What it is: somebody who speaks to a firmware that listens: plays a recording into an ADC channel and notes what the firmware says it heard.
//! Source: our own: `protocol = "listen"` in `[host]`; `models/keyword/live.toml` is an example. A keyword's training clips are the loudest second of
//! what was recorded (Warden, arXiv:1804.03209, section 5), so the window that counts is the one nearest to the recording's loudest second.
//! Does not model: rooms, microphones and amplifiers: a sample's upper twelve bits are what the ADC converts, around the middle of its range.
//! Tested by: the unit tests below, `tests/keyword_live.rs`.

use super::Scenario;
use super::input::clip::Constants;
use super::world::of_sound;
use crate::finding::{Code, Failure, Finding, Result};
use crate::firmware::Image;
use crate::machine::{Environment, Machine, Progress};
use crate::peripherals::analog::Source;
use crate::units::{Hz, Tick};
use serde::Deserialize;
use std::ops::Range;
use std::sync::Arc;

/// What a scenario says about a firmware that listens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListenFile {
    pub uart: String,
    /// The ADC's channel, 0 to 17.
    pub channel: u8,
    /// How the line begins that says that the firmware listens.
    pub ready: String,
    /// How long after that line somebody speaks.
    pub after_ms: u64,
    /// What stands before the label in a line that says what was heard.
    pub label: String,
    /// The function that makes a frame of features.
    pub frame: String,
    /// The object with the features of the window that was last looked at.
    pub features: String,
    /// The object, a 32-bit number, that says how many samples had been converted when that window ended.
    pub window_end: String,
    /// The training's constants.
    pub preprocess: String,
}

/// The same, checked.
#[derive(Clone, Debug)]
pub(super) struct Play {
    pub file: ListenFile,
    pub constants: Arc<Constants>,
}

/// A window that the firmware has looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// When the last bit of the line that says so had left the chip.
    pub said: Tick,
    /// The label in that line.
    pub label: String,
    /// How many samples had been converted when the window ended.
    pub end: usize,
    /// Its features.
    pub features: Vec<u8>,
    /// The network's raw output.
    pub output: Vec<u8>,
}

/// See the module's description.
#[derive(Clone, Debug)]
pub struct Speaker {
    play: Play,
    /// Where the firmware keeps features, a window's end, and the output with its size.
    features: u32,
    window_end: u32,
    output: (u32, usize),
    /// The recording, and from when on it is played, in nanoseconds since power-on.
    sound: Option<Arc<[i16]>>,
    start: Option<u64>,
    tapped: bool,
    ready: bool,
    read: usize,
    line: Vec<u8>,
    heard: Vec<Heard>,
    /// The window that counts.
    answer: Option<usize>,
}

/// What silence is converted to.
const MIDDLE: i16 = 2048;
/// What a frame's level is taken over, in samples of a second: 20 ms.
const LEVEL_FRAMES: usize = 50;
/// A word ends with the last frame that has a hundredth of the loudest frame's power: 20 dB less.
const WORD_POWER: u64 = 100;

/// Where the loudest second of a recording is: the stretch of so many samples with the largest sum of squares, the first of equals; all of it if it
/// is shorter.
fn loudest_second(sound: &[i16], second: usize) -> Range<usize> {
    let power = |sample: &i16| u64::from(sample.unsigned_abs()).pow(2);
    if sound.len() <= second {
        return 0..sound.len();
    }
    let mut sum: u64 = sound.iter().take(second).map(power).sum();
    let (mut best, mut at) = (sum, 0);
    for (start, (leaves, enters)) in sound.iter().zip(sound.iter().skip(second)).enumerate() {
        sum = sum + power(enters) - power(leaves);
        if sum > best {
            (best, at) = (sum, start + 1);
        }
    }
    at..at + second
}

/// Where the word is in a recording: from the first to the last frame of 20 ms that is at most 20 dB below the loudest one.
fn word(sound: &[i16], rate: usize) -> Range<usize> {
    let frame = (rate / LEVEL_FRAMES).max(1);
    let powers: Vec<u64> =
        sound.chunks(frame).map(|frame| frame.iter().map(|sample| u64::from(sample.unsigned_abs()).pow(2)).sum()).collect();
    let least = powers.iter().max().copied().unwrap_or(0).div_ceil(WORD_POWER);
    let first = powers.iter().position(|power| *power >= least).unwrap_or(0);
    let last = powers.iter().rposition(|power| *power >= least).map_or(0, |last| last + 1);
    first * frame..(last * frame).min(sound.len())
}

/// How long so many samples last, in nanoseconds.
fn nanos(samples: usize, rate: u32) -> u64 {
    u64::try_from(samples as u128 * 1_000_000_000 / u128::from(rate.max(1))).unwrap_or(u64::MAX)
}

impl Speaker {
    pub(super) fn new(play: Play, scenario: &Scenario, image: &Image) -> Result<Self> {
        let address = |name: &str| {
            let missing = || {
                let message = format!("{} has no object '{name}', which scenario '{}' reads", image.name, scenario.name);
                let help = "Keep the symbol in the firmware, or name the right one in a scenario file of your own.";
                Failure::from(Finding::new(Code::BadScenarioFile, message).help(help))
            };
            image.symbols.by_name(name).map(|symbol| symbol.address.0).ok_or_else(missing)
        };
        Ok(Self {
            features: address(&play.file.features)?,
            window_end: address(&play.file.window_end)?,
            output: (address(&scenario.output_symbol)?, scenario.goldens.row_bytes()),
            play,
            sound: None,
            start: None,
            tapped: false,
            ready: false,
            read: 0,
            line: Vec::new(),
            heard: Vec::new(),
            answer: None,
        })
    }

    pub(super) fn load(&mut self, input: &[u8]) {
        self.sound = Some(input.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect());
        self.start = None;
        self.answer = None;
        self.heard.clear();
    }

    pub(super) fn is_content(&self) -> bool {
        self.ready && (self.sound.is_none() || self.answer.is_some())
    }

    /// Every window that the firmware has looked at since it was spoken to.
    #[must_use]
    pub fn heard(&self) -> &[Heard] {
        &self.heard
    }

    /// The window that counts, once the firmware has looked at it.
    #[must_use]
    pub fn answer(&self) -> Option<&Heard> {
        self.heard.get(self.answer?)
    }

    /// When the recording begins, in nanoseconds since power-on; `None` before that is known.
    #[must_use]
    pub fn start(&self) -> Option<u64> {
        self.start
    }

    /// The recording.
    #[must_use]
    pub fn sound(&self) -> &[i16] {
        self.sound.as_deref().unwrap_or_default()
    }

    /// Its samples a second.
    #[must_use]
    pub fn rate(&self) -> u32 {
        self.play.constants.rate()
    }

    /// Where the word is in it: what is at most 20 dB below its loudest 20 ms.
    #[must_use]
    pub fn word(&self) -> Range<usize> {
        word(self.sound(), self.rate() as usize)
    }

    /// When the samples before that one are over, in nanoseconds since power-on.
    #[must_use]
    pub fn nanos_at(&self, sample: usize) -> u64 {
        self.start.unwrap_or(0).saturating_add(nanos(sample, self.rate()))
    }

    /// How many samples a window has.
    fn span(&self) -> usize {
        self.play.constants.span().unwrap_or(0)
    }

    /// When the ideal window ends: its middle is that of the loudest second.
    #[must_use]
    pub fn ideal_end(&self) -> u64 {
        let loudest = loudest_second(self.sound(), self.rate() as usize);
        self.nanos_at((loudest.start + loudest.end + self.span()) / 2)
    }

    /// When a window ended, in nanoseconds since power-on; `None` if the firmware names samples that were not converted.
    #[must_use]
    pub fn ended(&self, heard: &Heard, machine: &Machine) -> Option<u64> {
        let last = machine.conversions().get(heard.end.checked_sub(1)?)?;
        Some(last.nanos.saturating_add(nanos(1, self.rate())))
    }

    /// The features that the host makes of what the converter gave for a window, and of the recording itself at the same instants.
    #[must_use]
    pub fn of_host(&self, heard: &Heard, machine: &Machine) -> Option<[Vec<u8>; 2]> {
        let taken = machine.conversions().get(heard.end.checked_sub(self.span())?..heard.end)?;
        let converted: Vec<i16> = taken.iter().map(|conversion| conversion.value as i16 - MIDDLE).collect();
        let recorded = taken.iter().map(|conversion| {
            let passed = conversion.nanos.checked_sub(self.start?)?;
            let index = usize::try_from(u128::from(passed) * u128::from(self.rate()) / 1_000_000_000).ok()?;
            self.sound().get(index).copied()
        });
        let recorded: Vec<i16> = recorded.map(Option::unwrap_or_default).collect();
        Some([converted, recorded].map(|samples| self.play.constants.of_window(&samples)))
    }

    /// The function that makes a frame of features, for whoever counts its cycles.
    #[must_use]
    pub fn frame_function(&self) -> &str {
        &self.play.file.frame
    }

    pub(super) fn stalled(&self) -> Finding {
        let Play { file, .. } = &self.play;
        let message = if !self.ready {
            format!("the firmware did not say '{}' on {}", file.ready, file.uart)
        } else if self.heard.is_empty() {
            format!("the firmware said nothing with '{}' on {} after it was spoken to", file.label, file.uart)
        } else {
            format!(
                "the firmware stopped looking before the recording's loudest second was over, after {} windows",
                self.heard.len()
            )
        };
        Finding::new(Code::ScenarioStalled, message)
    }

    /// Silence on the channel, and after `start` the recording.
    fn connect(&self, machine: &mut Machine, start_nanos: u64) {
        let rate = Hz(self.rate());
        let silent = std::iter::once(of_sound(0));
        let samples = silent.clone().chain(self.sound().iter().copied().map(of_sound)).chain(silent).collect();
        // The source's first sample stands before its start and its last one stays.
        let start_nanos = start_nanos.saturating_sub(nanos(1, rate.0));
        machine.connect_analog(self.play.file.channel, Source::Recording { rate, samples, start_nanos, repeat: false });
    }

    /// Takes in a line of the firmware.
    fn take(&mut self, line: &str, said: Tick, machine: &Machine) {
        if line.starts_with(&self.play.file.ready) {
            self.ready = true;
        }
        let Some((_, label)) = line.split_once(&self.play.file.label) else { return };
        let read = |address, size| machine.memory().read_vec(address, size).unwrap_or_default();
        let features = self.play.constants.features_in_window();
        let heard = Heard {
            said,
            label: label.trim().to_owned(),
            end: machine.memory().read(self.window_end, 4).unwrap_or(0) as usize,
            features: read(self.features, features),
            output: read(self.output.0, self.output.1),
        };
        if self.start.is_some() {
            self.heard.push(heard);
        }
    }

    /// The window that counts, when no later one can be nearer to the ideal.
    fn decide(&self, machine: &Machine) -> Option<usize> {
        let ideal = self.ideal_end();
        let ends: Vec<Option<u64>> = self.heard.iter().map(|heard| self.ended(heard, machine)).collect();
        (ends.last().copied().flatten()? >= ideal).then_some(())?;
        let off = |end: &Option<u64>| end.map_or(u64::MAX, |end| end.abs_diff(ideal));
        ends.iter().enumerate().min_by_key(|(_, end)| off(end)).map(|(index, _)| index)
    }
}

impl Environment for Speaker {
    fn look(&mut self, machine: &mut Machine) -> Result<Progress> {
        let uart = &self.play.file.uart;
        let device = machine
            .device(uart)
            .ok_or_else(|| Failure::new(Code::BadScenarioFile, format!("the chip has no serial device '{uart}'")))?;
        if !self.tapped {
            self.tapped = true;
            machine.tap_analog(self.play.file.channel);
            let silence = Source::Constant(of_sound(0));
            machine.connect_analog(self.play.file.channel, silence);
        }
        let fresh: Vec<(u8, Tick)> =
            machine.sent().iter().skip(self.read).filter(|sent| sent.device == device).map(|sent| (sent.byte, sent.at)).collect();
        self.read = machine.sent().len();
        for (byte, at) in fresh {
            match byte {
                b'\n' => {
                    let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
                    self.take(&line, at, machine);
                }
                byte => self.line.push(byte),
            }
        }
        if !self.ready {
            return Ok(Progress::Continue);
        }
        if self.sound.is_some() && self.start.is_none() {
            let wait = self.play.file.after_ms.saturating_mul(1_000_000);
            let start = machine.nanos(machine.now()).saturating_add(wait);
            self.start = Some(start);
            self.connect(machine, start);
        }
        if self.answer.is_none() && self.start.is_some() {
            self.answer = self.decide(machine);
        }
        Ok(if self.is_content() { Progress::Done } else { Progress::Continue })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loudest_second_is_found_and_a_shorter_recording_is_all_of_it() {
        assert_eq!(loudest_second(&[1, 2, 9, 1, 1], 2), 1..3);
        assert_eq!(loudest_second(&[0, 0, 0, 5, -5], 2), 3..5);
        assert_eq!(loudest_second(&[3, 3, 3], 2), 0..2);
        assert_eq!(loudest_second(&[3], 2), 0..1);
    }

    #[test]
    fn a_word_is_what_is_less_than_20_db_below_its_loudest_frame() {
        // 20 dB are a factor of ten in amplitude. Frames of 20 ms are 2 samples here.
        assert_eq!(word(&[9, 9, 10, 10, 0, 0, -100, 100, 10, 10, 9, 9], 100), 2..10);
        assert_eq!(word(&[0, 0, 0], 100), 0..3);
        assert_eq!(word(&[], 100), 0..0);
    }
}
