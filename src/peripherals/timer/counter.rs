//! What it is: a timer's counter as arithmetic: which values it takes in so many counts, when it wraps, how far a value is.
//! Source: RM0008 sections 14.3.2 and 15.3.2 (up, down and centre-aligned counting).
//! Does not model: time; a count is a count.
//! Tested by: the unit tests below.

/// How it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Up,
    Down,
    /// Up and down: 0 to ARR and back.
    Center,
}

/// The counter with the auto-reload value that is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counter {
    pub mode: Mode,
    /// In centre-aligned mode: on the way down. In the others as the mode says.
    pub down: bool,
    pub value: u32,
    pub reload: u32,
}

impl Counter {
    /// Whether it counts at all: a zero reload value blocks it (14.3.2).
    pub fn is_blocked(&self) -> bool {
        self.reload == 0
    }

    /// How many counts until it overflows or underflows; at least one.
    pub fn to_wrap(self) -> u64 {
        let (value, reload) = (u64::from(self.value), u64::from(self.reload));
        match (self.mode, self.down) {
            (Mode::Center, false) if value < reload => reload - value,
            (Mode::Center, true) => value.max(1),
            (_, true) => value + 1,
            // Beyond the reload value it runs through all 16 bits.
            _ if value > reload => 0x1_0000u64.saturating_sub(value).max(1),
            _ => reload - value + 1,
        }
    }

    /// Counts from one wrap round to the same place.
    pub fn cycle(&self) -> u64 {
        let reload = u64::from(self.reload);
        if self.mode == Mode::Center { 2 * reload } else { reload + 1 }
    }

    /// Where a wrap leads.
    fn wrapped(&self) -> u32 {
        match (self.mode, self.down) {
            (Mode::Center, false) => self.reload,
            (Mode::Center, true) => 0,
            (_, true) => self.reload,
            (_, false) => 0,
        }
    }

    /// How many counts until it has this value, if that comes with or before the next wrap. A value beyond the reload value counts as met
    /// by the overflow (14.4.13).
    pub fn to_value(self, value: u32) -> Option<u64> {
        let wrap = self.to_wrap();
        let direct = if self.down { self.value.checked_sub(value) } else { value.checked_sub(self.value) };
        match direct.map(u64::from) {
            Some(distance) if distance > 0 && distance < wrap => Some(distance),
            _ if value == self.wrapped() || (value > self.reload && !self.down) => Some(wrap),
            _ => None,
        }
    }

    /// So many counts on, at most to the next wrap; whether it wrapped.
    pub fn advance(&mut self, counts: u64) -> bool {
        if counts < self.to_wrap() {
            let counts = counts as u32;
            self.value = if self.down { self.value.wrapping_sub(counts) } else { self.value.wrapping_add(counts) };
            return false;
        }
        let lost = self.mode == Mode::Up && self.value > self.reload;
        self.value = self.wrapped();
        if self.mode == Mode::Center {
            self.down = !self.down;
        }
        !lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(mut counter: Counter, count: usize) -> Vec<(u32, bool)> {
        (0..count)
            .map(|_| {
                let wrapped = counter.advance(1);
                (counter.value, wrapped)
            })
            .collect()
    }

    #[test]
    fn it_counts_as_the_manuals_figures_show() {
        // RM0008 figure 58 (up, reload 0x36), figure 64 (down), figure 70 (centre-aligned, reload 6).
        let up = Counter { mode: Mode::Up, down: false, value: 0x34, reload: 0x36 };
        assert_eq!(values(up, 4), [(0x35, false), (0x36, false), (0, true), (1, false)]);
        let down = Counter { mode: Mode::Down, down: true, value: 1, reload: 0x36 };
        assert_eq!(values(down, 3), [(0, false), (0x36, true), (0x35, false)]);
        let center = Counter { mode: Mode::Center, down: true, value: 2, reload: 6 };
        let seen = values(center, 9);
        assert_eq!(seen.iter().map(|(value, _)| *value).collect::<Vec<_>>(), [1, 0, 1, 2, 3, 4, 5, 6, 5]);
        assert_eq!(seen.iter().map(|(_, wrapped)| u8::from(*wrapped)).collect::<Vec<_>>(), [0, 1, 0, 0, 0, 0, 0, 1, 0]);
    }

    #[test]
    fn distances_agree_with_counting() {
        for mode in [Mode::Up, Mode::Down, Mode::Center] {
            for down in [false, true] {
                if (mode == Mode::Up && down) || (mode == Mode::Down && !down) {
                    continue;
                }
                for value in 0..=5 {
                    if mode == Mode::Center && ((!down && value == 5) || (down && value == 0)) {
                        continue;
                    }
                    let counter = Counter { mode, down, value, reload: 5 };
                    for target in 0..=5 {
                        let steps = (1..=counter.to_wrap()).find(|n| {
                            let mut moved = counter;
                            (0..*n).for_each(|_| {
                                moved.advance(1);
                            });
                            moved.value == target
                        });
                        assert_eq!(counter.to_value(target), steps, "{counter:?} to {target}");
                    }
                }
            }
        }
    }
}
