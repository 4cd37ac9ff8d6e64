//! What it is: a second of sound as a keyword model's input: mel-frequency cepstral coefficients.
//! Source: `models/keyword/mfcc.py`, whose eight steps these are, and the `preprocess.json` that it wrote; RIFF/WAVE is read here.
//! Does not model: other sample rates, channels or encodings than the training's: resampling would change the features.
//! Tested by: the unit tests below; `tests/inputs.rs` (clips and the features that the training script made of them).

use super::{Elements, Int8, Tensor, bad, int8, unfit};
use crate::finding::{Code, Failure, Finding, Result};
use serde::Deserialize;
use std::f64::consts::{PI, TAU};

/// What the training wrote.
#[derive(Debug, Deserialize)]
pub(in crate::scenario) struct Constants {
    shape: Vec<usize>,
    rate: usize,
    window: Window,
    fft: usize,
    mel: Mel,
    log_offset: f64,
    dct: Dct,
    nudge: Vec<f64>,
    int8: Int8,
}

#[derive(Debug, Deserialize)]
struct Window {
    samples: usize,
    stride: usize,
}

#[derive(Debug, Deserialize)]
struct Mel {
    bands: usize,
    low_hz: f64,
    high_hz: f64,
    factor: f64,
    corner_hz: f64,
}

#[derive(Debug, Deserialize)]
struct Dct {
    factor: f64,
}

/// No constant that counts something is larger; it keeps the work of a damaged file bounded.
const MOST: usize = 1 << 16;

impl Constants {
    fn are_sound(&self, frames: usize, coefficients: usize) -> bool {
        let counts = [self.rate, self.window.samples, self.window.stride, self.fft, self.mel.bands, frames];
        counts.iter().all(|count| (1..=MOST).contains(count))
            && self.window.samples <= self.fft
            && self.fft <= 8192
            && self.mel.bands <= 512
            && (frames - 1) * self.window.stride + self.window.samples <= self.rate
            && self.nudge.len() == coefficients
    }

    /// Hertz on the mel scale.
    fn mel(&self, hertz: f64) -> f64 {
        self.mel.factor * (1.0 + hertz / self.mel.corner_hz).ln()
    }

    /// Each band's weights for the magnitudes of bins 0 to fft / 2: triangles that overlap by half, evenly spaced in mel.
    fn bands(&self) -> Vec<Vec<f64>> {
        let (low, high) = (self.mel(self.mel.low_hz), self.mel(self.mel.high_hz));
        let point = |index: usize| low + (high - low) * index as f64 / (self.mel.bands + 1) as f64;
        let weight = |band: usize, bin: usize| {
            let mel = self.mel(bin as f64 * self.rate as f64 / self.fft as f64);
            let rise = (mel - point(band)) / (point(band + 1) - point(band));
            let fall = (point(band + 2) - mel) / (point(band + 2) - point(band + 1));
            // Bin 0 weighs nothing.
            if bin == 0 { 0.0 } else { rise.min(fall).max(0.0) }
        };
        (0..self.mel.bands).map(|band| (0..=self.fft / 2).map(|bin| weight(band, bin)).collect()).collect()
    }

    /// The coefficients of `frames` frames, before quantisation: steps 1 to 7.
    fn features(&self, samples: &[i16], frames: usize, coefficients: usize) -> Vec<f64> {
        let top = samples.iter().copied().max().unwrap_or(0).max(0);
        let scale = if top > 0 { f64::from(top) } else { 1.0 };
        let length = self.window.samples;
        let hann: Vec<f64> = (0..length).map(|n| 0.5 - 0.5 * (TAU * n as f64 / length as f64).cos()).collect();
        // The transform's factors: bin k of sample n has the angle of n * k modulo fft.
        let turn: Vec<(f64, f64)> = (0..self.fft).map(|n| (TAU * n as f64 / self.fft as f64).sin_cos()).collect();
        let bands = self.bands();
        let dct = |k: usize, n: usize| self.dct.factor * (PI * k as f64 * (n as f64 + 0.5) / self.mel.bands as f64).cos();
        let mut features = Vec::with_capacity(frames * coefficients);
        for frame in samples.windows(length).step_by(self.window.stride).take(frames) {
            let frame: Vec<f64> = frame.iter().zip(&hann).map(|(sample, window)| f64::from(*sample) / scale * window).collect();
            let magnitude: Vec<f64> = (0..=self.fft / 2)
                .map(|bin| {
                    let (mut re, mut im, mut angle) = (0.0, 0.0, 0);
                    for sample in &frame {
                        let (sin, cos) = turn.get(angle).copied().unwrap_or_default();
                        re += sample * cos;
                        im -= sample * sin;
                        angle += bin;
                        if angle >= self.fft {
                            angle -= self.fft;
                        }
                    }
                    re.hypot(im)
                })
                .collect();
            let dot = |weights: &Vec<f64>| weights.iter().zip(&magnitude).map(|(a, b)| a * b).sum::<f64>();
            let logs: Vec<f64> = bands.iter().map(|weights| (dot(weights) + self.log_offset).ln()).collect();
            features.extend((0..coefficients).map(|k| logs.iter().enumerate().map(|(n, log)| log * dct(k, n)).sum::<f64>()));
        }
        features
    }
}

impl Constants {
    /// Samples a second.
    pub(in crate::scenario) fn rate(&self) -> u32 {
        u32::try_from(self.rate).unwrap_or(u32::MAX)
    }

    /// Frames and coefficients; `None` where the constants contradict each other.
    fn frames(&self) -> Option<(usize, usize)> {
        let &[frames, coefficients, 1] = self.shape.as_slice() else { return None };
        self.are_sound(frames, coefficients).then_some((frames, coefficients))
    }

    /// How many samples the frames of a window take; `None` where the constants contradict each other.
    pub(in crate::scenario) fn span(&self) -> Option<usize> {
        self.frames().map(|(frames, _)| (frames - 1) * self.window.stride + self.window.samples)
    }

    /// How many features a window has.
    pub(in crate::scenario) fn features_in_window(&self) -> usize {
        self.frames().map_or(0, |(frames, coefficients)| frames * coefficients)
    }

    /// The features of a window of that many samples, as the model takes them; none where it has fewer.
    pub(in crate::scenario) fn of_window(&self, samples: &[i16]) -> Vec<u8> {
        match self.frames() {
            Some((frames, coefficients)) if Some(samples.len()) >= self.span() => {
                self.quantised(&self.features(samples, frames, coefficients), coefficients)
            }
            _ => Vec::new(),
        }
    }

    /// Step 8.
    fn quantised(&self, features: &[f64], coefficients: usize) -> Vec<u8> {
        let step = self.int8.input;
        let quantised = |(index, coefficient): (usize, &f64)| {
            let nudge = self.nudge.get(index % coefficients).copied().unwrap_or_default();
            int8((coefficient / step.scale + (f64::from(step.zero_point) + nudge)).trunc())
        };
        features.iter().enumerate().map(quantised).collect()
    }
}

/// The recording as the model takes it: step 8 after the others.
pub(super) fn read(name: &str, bytes: &[u8], constants: &Constants, samples: &Tensor) -> Result<Vec<u8>> {
    let (_, sound) = sound(name, bytes, Some(constants.rate))?;
    input(name, sound, constants, samples)
}

/// Samples as NumPy keeps them, one dimension of int16, or of float32 from -1 to 1; `None` when the tensor holds anything else.
pub(super) fn read_array(name: &str, array: &Tensor, constants: &Constants, samples: &Tensor) -> Option<Result<Vec<u8>>> {
    let [_] = array.shape() else { return None };
    let sound = match array.elements() {
        Elements::Int16 => array.bytes().as_chunks().0.iter().map(|sample| i16::from_le_bytes(*sample)).collect(),
        // Full scale is 32 768; what lies beyond is cut off, as by a sound card.
        Elements::Float32 => {
            let full = |sample: &[u8; 4]| (f64::from(f32::from_le_bytes(*sample)) * 32_768.0).round() as i16;
            array.bytes().as_chunks().0.iter().map(full).collect()
        }
        _ => return None,
    };
    Some(input(name, sound, constants, samples))
}

/// At most a second of sound as the model takes it.
fn input(name: &str, mut sound: Vec<i16>, constants: &Constants, samples: &Tensor) -> Result<Vec<u8>> {
    let (&[_, frames, coefficients, 1], Elements::Int8) = (samples.shape(), samples.elements()) else {
        return Err(unfit("recordings", samples));
    };
    if !constants.are_sound(frames, coefficients) {
        return Err(unfit("the constants for recordings", samples));
    }
    if sound.len() > constants.rate {
        let (samples, rate) = (sound.len(), constants.rate);
        return Err(bad(
            name,
            format_args!("has {samples} samples; the model hears one second, {rate}: cut out the one with the word"),
        ));
    }
    sound.resize(constants.rate, 0); // a shorter one ends in silence
    Ok(constants.quantised(&constants.features(&sound, frames, coefficients), coefficients))
}

/// Rate and samples of a RIFF/WAVE file with 16-bit PCM and one channel; of that rate, if one is given.
pub(in crate::scenario) fn sound(name: &str, bytes: &[u8], wanted: Option<usize>) -> Result<(u32, Vec<i16>)> {
    let rate = wanted.unwrap_or(16_000);
    let wrong = |what: String| {
        let help = format!("ffmpeg -i {name} -ac 1 -ar {rate} -sample_fmt s16 out.wav converts it.");
        Failure::from(Finding::new(Code::BadInputTensor, format!("{name} {what}")).help(help))
    };
    let u16_at = |at: usize, chunk: &[u8]| chunk.get(at..at + 2).and_then(|b| b.try_into().ok()).map(u16::from_le_bytes);
    let u32_at = |at: usize, chunk: &[u8]| chunk.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    if bytes.get(..4) != Some(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
        return Err(wrong("is not a WAVE file".to_owned()));
    }
    let mut rest = bytes.get(12..).unwrap_or_default();
    let mut format = None;
    // Chunks: four letters, a length, so many bytes, and one more where the length is odd.
    while let (Some(kind), Some(length)) = (rest.get(..4), u32_at(4, rest)) {
        let content = rest.get(8..).unwrap_or_default();
        let length = length as usize;
        if kind == b"fmt " {
            // Format 1 is PCM; 0xfffe has the true format at 24.
            let code = match u16_at(0, content) {
                Some(0xfffe) => u16_at(24, content),
                code => code,
            };
            format = Some((code, u16_at(2, content), u32_at(4, content), u16_at(14, content)));
        } else if kind == b"data" {
            let Some((code, channels, hertz, bits)) = format else { break };
            if code != Some(1)
                || channels != Some(1)
                || hertz.is_none_or(|hertz| wanted.is_some_and(|rate| u64::from(hertz) != rate as u64))
                || bits != Some(16)
            {
                let number = |value: Option<u16>| value.map_or_else(|| "?".to_owned(), |value| value.to_string());
                let (code, channels, bits) = (number(code), number(channels), number(bits));
                let what = format!("has {channels} channels, {} Hz, {bits} bits, format {code}", hertz.unwrap_or_default());
                return Err(wrong(format!("{what}; the model takes one channel, {rate} Hz, 16 bits, format 1 (PCM)")));
            }
            // A recorder that was stopped may say more than it wrote.
            let sound = content.get(..length).unwrap_or(content);
            let samples: Vec<i16> = sound.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
            return if samples.is_empty() {
                Err(wrong("holds no sound".to_owned()))
            } else {
                Ok((hertz.unwrap_or(1).max(1), samples))
            };
        }
        rest = length.checked_next_multiple_of(2).and_then(|skip| content.get(skip..)).unwrap_or_default();
    }
    Err(wrong("ends before its sound begins".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn keyword(name: &str) -> Vec<u8> {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("models/keyword").join(name)).expect("committed")
    }

    #[test]
    fn features_are_those_of_the_training_script() {
        let samples: Vec<i16> = npyz::NpyFile::new(&keyword("oracle_samples.npy")[..]).expect("npy").into_vec().expect("int16");
        let features: Vec<f64> =
            npyz::NpyFile::new(&keyword("oracle_features.npy")[..]).expect("npy").into_vec().expect("float64");
        let constants: Constants = serde_json::from_slice(&keyword("preprocess.json")).expect("JSON");
        let computed: Vec<f64> = samples.chunks(16_000).flat_map(|clip| constants.features(clip, 49, 10)).collect();
        assert_eq!(computed.len(), features.len());
        for (index, (ours, theirs)) in computed.iter().zip(&features).enumerate() {
            assert!((ours - theirs).abs() < 1e-8, "{index}: {ours} instead of {theirs}");
        }
    }

    /// A file as "Multimedia Programming Interface and Data Specifications 1.0" lays it out, with a chunk of odd length before the sound.
    fn file(channels: u16, hertz: u32, bits: u16, sound: &[u8]) -> Vec<u8> {
        let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0".to_vec();
        bytes.extend(channels.to_le_bytes());
        bytes.extend(hertz.to_le_bytes());
        bytes.extend([0; 6]);
        bytes.extend(bits.to_le_bytes());
        bytes.extend(b"LIST\x03\0\0\0abc\0data");
        bytes.extend((sound.len() as u32).to_le_bytes());
        bytes.extend(sound);
        bytes
    }

    #[test]
    fn sound_is_found_behind_other_chunks() {
        assert_eq!(sound("x.wav", &file(1, 16_000, 16, &[1, 0, 0xff, 0xff]), Some(16_000)), Ok((16_000, vec![1, -1])));
    }

    #[test]
    fn what_the_model_cannot_hear_is_named() {
        for (bytes, says) in [
            (b"RIFFxxxxAVI ".to_vec(), "is not a WAVE file"),
            (file(2, 16_000, 16, &[0; 4]), "2 channels"),
            (file(1, 44_100, 16, &[0; 4]), "44100 Hz"),
            (file(1, 16_000, 24, &[0; 4]), "24 bits"),
            (file(1, 16_000, 16, &[]), "holds no sound"),
            (file(1, 16_000, 16, &[])[..40].to_vec(), "ends before"),
        ] {
            let failure = sound("x.wav", &bytes, Some(16_000)).expect_err(says);
            assert!(failure.0.message.contains(says), "{}", failure.0.message);
        }
    }
}
