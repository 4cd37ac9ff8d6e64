//! What it is: the newtypes that keep addresses, instants, durations, rates and sizes apart.
//! Source: DESIGN rule "`Tick` is when, `Cycles` is how long"; units are those of Arm's and ST's manuals.
//! Does not model: anything; arithmetic saturates or is checked, so that no input can make it panic.
//! Tested by: the unit tests below.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, AddAssign, Sub};

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
    fn arithmetic_saturates() {
        assert_eq!(Tick::NEVER + Cycles(1), Tick::NEVER);
        assert_eq!(Tick(1).since(Tick(2)), Cycles(0));
    }
}
