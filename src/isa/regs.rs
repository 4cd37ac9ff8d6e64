//! What it is: sets of the sixteen core registers, as bit masks.
//! Source: DDI 0403E, A2.3.1 (register numbers).
//! Does not model: the banked stack pointers; SP is one register here.
//! Tested by: the unit tests below and `tests/isa.rs`.

use std::fmt;

/// The stack pointer's number.
pub const SP: u8 = 13;
/// The link register's number.
pub const LR: u8 = 14;
/// The program counter's number.
pub const PC: u8 = 15;

/// A set of core registers; bit n stands for register n.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct RegSet(pub u16);

impl RegSet {
    /// No register.
    pub const EMPTY: RegSet = RegSet(0);

    /// The set of that one register; empty when there is no such register.
    #[must_use]
    pub const fn of(reg: u8) -> Self {
        if reg < 16 { RegSet(1 << reg) } else { RegSet(0) }
    }

    /// Whether `reg` is in it.
    #[must_use]
    pub const fn contains(self, reg: u8) -> bool {
        RegSet::of(reg).0 & self.0 != 0
    }

    /// Whether the two have a register in common.
    #[must_use]
    pub const fn meets(self, other: RegSet) -> bool {
        self.0 & other.0 != 0
    }

    /// Both sets' registers.
    #[must_use]
    pub const fn with(self, other: RegSet) -> Self {
        RegSet(self.0 | other.0)
    }

    /// The set without a register.
    #[must_use]
    pub const fn without(self, reg: u8) -> Self {
        Self(self.0 & !(1 << (reg & 15)))
    }

    /// Its registers, ascending.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..16).filter(move |&reg| self.contains(reg))
    }
}

impl FromIterator<u8> for RegSet {
    fn from_iter<I: IntoIterator<Item = u8>>(regs: I) -> Self {
        regs.into_iter().fold(RegSet::EMPTY, |set, reg| set.with(RegSet::of(reg)))
    }
}

impl fmt::Debug for RegSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, reg) in self.iter().enumerate() {
            write!(f, "{}r{reg}", if i > 0 { " " } else { "" })?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_bit_masks() {
        let set: RegSet = [0, PC].into_iter().collect();
        assert_eq!(set, RegSet(0x8001));
        assert!(set.contains(PC) && !set.contains(SP));
        assert!(!set.contains(16) && RegSet::of(200) == RegSet::EMPTY);
        assert_eq!(format!("{set:?}"), "{r0 r15}");
    }
}
