//! What it is: what is connected to the chip's analogue inputs: for each ADC channel a constant or a recording that is played in the chip's time.
//! Source: RM0008 section 11.2 for the range (VREF- to VREF+, 4096 steps); DS5319 table 50 for the chip's own two channels (typical).
//! Does not model: source impedance, noise, the ADC's own errors; a recording is held from sample to sample, not interpolated.
//! Tested by: the unit tests below, `firmware-images/tests/adc_scan`.

use crate::units::Hz;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The largest value of a conversion: 12 bits.
pub const FULL_SCALE: u16 = 4095;
/// The supply in millivolts, which is also VREF+ on the packages that do not bring it out.
pub const SUPPLY_MILLIVOLTS: u32 = 3300;

/// What one channel sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The same value always.
    Constant(u16),
    /// A recording.
    Recording {
        /// Samples a second.
        rate: Hz,
        /// What the ADC would convert, 0 to 4095.
        samples: Arc<[u16]>,
        /// When the first sample begins, in nanoseconds since power-on.
        start_nanos: u64,
        /// Starts anew when it has ended; otherwise its last sample stays. Before its start its first sample stands.
        repeat: bool,
    },
}

impl Source {
    /// A voltage in millivolts as the converter's value, rounded; held to the range.
    #[must_use]
    pub fn millivolts(millivolts: u32) -> Self {
        let value = (u64::from(millivolts) * 4096 + u64::from(SUPPLY_MILLIVOLTS) / 2) / u64::from(SUPPLY_MILLIVOLTS);
        Source::Constant(value.min(u64::from(FULL_SCALE)) as u16)
    }

    fn at(&self, nanos: u128) -> u16 {
        match self {
            Source::Constant(value) => *value,
            Source::Recording { rate, samples, start_nanos, repeat } => {
                let passed = nanos.saturating_sub(u128::from(*start_nanos));
                let index = passed * u128::from(rate.0) / 1_000_000_000;
                let count = samples.len().max(1) as u128;
                let index = if *repeat { index % count } else { index.min(count - 1) };
                samples.get(index as usize).copied().unwrap_or(0)
            }
        }
    }
}

/// What was converted on a channel that is listened in to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// When the input was held, in nanoseconds since power-on.
    pub nanos: u64,
    /// The value, 0 to 4095.
    pub value: u16,
}

/// How many conversions are kept: a quarter of an hour at 16 kHz.
const MOST_CONVERSIONS: usize = 1 << 24;

/// All channels: the external ones, 0 to 15, of which the three converters see the same pins (RM0008, 11.3.3), and the two inner ones.
#[derive(Clone, Debug, Default)]
pub struct Analog {
    sources: BTreeMap<u8, Source>,
    /// The channel that is listened in to, and what was converted on it.
    tapped: Option<u8>,
    conversions: Vec<Conversion>,
}

impl Analog {
    /// Connects a channel.
    pub fn connect(&mut self, channel: u8, source: Source) {
        self.sources.insert(channel, source);
    }

    /// From now on what is converted on that channel is kept.
    pub fn tap(&mut self, channel: u8) {
        self.tapped = Some(channel);
    }

    /// What was converted on the channel that is listened in to, in order.
    #[must_use]
    pub fn conversions(&self) -> &[Conversion] {
        &self.conversions
    }

    /// A converter takes a channel's input as it is at an instant; `None` where nothing is connected.
    pub fn convert(&mut self, channel: u8, nanos: u128) -> Option<u16> {
        let value = self.sample(channel, nanos)?;
        if self.tapped == Some(channel) && self.conversions.len() < MOST_CONVERSIONS {
            self.conversions.push(Conversion { nanos: u64::try_from(nanos).unwrap_or(u64::MAX), value });
        }
        Some(value)
    }

    /// What a channel's input is at an instant; `None` where nothing is connected.
    #[must_use]
    pub fn sample(&self, channel: u8, nanos: u128) -> Option<u16> {
        match self.sources.get(&channel) {
            Some(source) => Some(source.at(nanos).min(FULL_SCALE)),
            // The temperature sensor at 25 °C, 1.43 V, and the inner reference, 1.20 V.
            None if channel == 16 => Some(1775),
            None if channel == 17 => Some(1489),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_played_in_time_and_a_voltage_is_its_share_of_the_supply() {
        // RM0008, 11.2: 4096 steps between VREF- and VREF+.
        let mut analog = Analog::default();
        let recording =
            |repeat| Source::Recording { rate: Hz(1000), samples: vec![1, 2, 3].into(), start_nanos: 500_000, repeat };
        analog.connect(0, recording(false));
        analog.connect(1, recording(true));
        let at = |channel, micros: u128| analog.sample(channel, micros * 1000);
        assert_eq!([0, 499, 500, 1499, 1500, 2500, 9000].map(|micros| at(0, micros)), [1, 1, 1, 1, 2, 3, 3].map(Some));
        assert_eq!([3500, 4500].map(|micros| at(1, micros)), [1, 2].map(Some));
        assert_eq!(at(2, 0), None);
        assert_eq!(Source::millivolts(1650), Source::Constant(2048));
        assert_eq!(Source::millivolts(5000), Source::Constant(4095));
        analog.tap(1);
        assert_eq!([analog.convert(1, 2_500_000), analog.convert(0, 2_500_000)], [Some(3); 2]);
        assert_eq!(analog.conversions(), [Conversion { nanos: 2_500_000, value: 3 }]);
    }
}
