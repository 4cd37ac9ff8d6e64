//! What it is: the newtypes that keep addresses, instants, durations, rates and sizes apart.
//! Source: DESIGN rule "`Tick` is when, `Cycles` is how long"; units are those of Arm's and ST's manuals.
//! Does not model: anything; arithmetic saturates or is checked, so that no input can make it panic.
//! Tested by: the unit tests below.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

/// A 32-bit address in the core's memory map. Bit 0 is never a Thumb flag here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Addr(pub u32);

impl Addr {
    /// The address without the Thumb bit, as a function pointer in a vector table carries it.
    #[must_use]
    pub const fn from_thumb(value: u32) -> Self {
        Self(value & !1)
    }

    /// The address `bytes` further on, wrapping at 4 GiB as the core's adder does.
    #[must_use]
    pub const fn offset(self, bytes: u32) -> Self {
        Self(self.0.wrapping_add(bytes))
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08x}", self.0)
    }
}

/// An instant: HCLK cycles since reset, sleep included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tick(pub u64);

impl Tick {
    /// Further in the future than any run can reach.
    pub const NEVER: Tick = Tick(u64::MAX);

    /// How long ago `earlier` was; zero when it lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Tick) -> Cycles {
        Cycles(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Cycles> for Tick {
    type Output = Tick;
    fn add(self, rhs: Cycles) -> Tick {
        Tick(self.0.saturating_add(rhs.0))
    }
}

impl AddAssign<Cycles> for Tick {
    fn add_assign(&mut self, rhs: Cycles) {
        *self = *self + rhs;
    }
}

/// A duration in HCLK cycles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cycles(pub u64);

impl Add for Cycles {
    type Output = Cycles;
    fn add(self, rhs: Cycles) -> Cycles {
        Cycles(self.0.saturating_add(rhs.0))
    }
}

impl AddAssign for Cycles {
    fn add_assign(&mut self, rhs: Cycles) {
        *self = *self + rhs;
    }
}

impl Sub for Cycles {
    type Output = Cycles;
    fn sub(self, rhs: Cycles) -> Cycles {
        Cycles(self.0.saturating_sub(rhs.0))
    }
}

impl std::iter::Sum for Cycles {
    fn sum<I: Iterator<Item = Cycles>>(iter: I) -> Cycles {
        iter.fold(Cycles(0), Add::add)
    }
}

/// A frequency in hertz.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hz(pub u32);

impl Hz {
    /// How long `cycles` of this clock last, in microseconds; zero for a stopped clock.
    #[must_use]
    pub fn micros(self, cycles: Cycles) -> f64 {
        if self.0 == 0 { 0.0 } else { cycles.0 as f64 * 1e6 / f64::from(self.0) }
    }
}

impl fmt::Display for Hz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            hz if hz >= 1_000_000 => write!(f, "{} MHz", f64::from(hz) / 1e6),
            hz if hz >= 1_000 => write!(f, "{} kHz", f64::from(hz) / 1e3),
            hz => write!(f, "{hz} Hz"),
        }
    }
}

/// A size in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} B", grouped(self.0))
    }
}

impl FromStr for Hz {
    type Err = &'static str;

    /// `72MHz`, `8 MHz`, `32.768kHz`, `32768Hz`, `72000000`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.trim().to_ascii_lowercase();
        let bare = lower.strip_suffix("hz").unwrap_or(&lower).trim_end();
        let (digits, scale) = match bare.strip_suffix('m') {
            Some(digits) => (digits, 1e6),
            None => bare.strip_suffix('k').map_or((bare, 1.0), |digits| (digits, 1e3)),
        };
        let value = digits.trim_end().parse::<f64>().map_err(|_| "expected a frequency, as 72MHz")? * scale;
        if value.fract() != 0.0 || !(1.0..=f64::from(u32::MAX)).contains(&value) {
            return Err("expected a frequency of a whole number of hertz, as 72MHz");
        }
        Ok(Hz(value as u32))
    }
}

impl FromStr for Bytes {
    type Err = &'static str;

    /// `65536`, `64K`, `64 KiB`, `1M`: K and M are powers of 1024, as everywhere with memory.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.trim().to_ascii_lowercase();
        let bare = lower.strip_suffix("ib").or_else(|| lower.strip_suffix('b')).unwrap_or(&lower);
        let (digits, shift) = match bare.strip_suffix('m') {
            Some(digits) => (digits, 20),
            None => bare.strip_suffix('k').map_or((bare, 0), |digits| (digits, 10)),
        };
        let value: u64 = digits.trim_end().parse().map_err(|_| "expected a size, as 65536, 64K or 1M")?;
        value.checked_mul(1 << shift).map(Bytes).ok_or("the size is too large")
    }
}

/// `1234567` as `1 234 567`: digits in groups of three, with a plain space.
#[must_use]
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_in_threes() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1 000");
        assert_eq!(grouped(12_345_678), "12 345 678");
    }

    #[test]
    fn one_cycle_at_72_mhz_is_a_72nd_of_a_microsecond() {
        assert!((Hz(72_000_000).micros(Cycles(72)) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn sizes_and_frequencies_are_read_as_people_write_them() {
        for (text, hertz) in [("72MHz", 72_000_000), ("8 mhz", 8_000_000), ("32.768kHz", 32_768), ("32768", 32_768)] {
            assert_eq!(text.parse(), Ok(Hz(hertz)), "{text}");
        }
        for (text, bytes) in [("65536", 65_536), ("64K", 65_536), ("64 KiB", 65_536), ("1M", 1 << 20), ("16b", 16)] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
        assert!(["", "MHz", "-1MHz", "1e20", "nan", "0.5Hz"].iter().all(|text| text.parse::<Hz>().is_err()));
        assert!(
            ["", "K", "-1", "99999999999999999999", "18446744073709551615K", "1.5K"].iter().all(|t| t.parse::<Bytes>().is_err())
        );
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Tick::NEVER + Cycles(1), Tick::NEVER);
        assert_eq!(Tick(1).since(Tick(2)), Cycles(0));
    }
}
