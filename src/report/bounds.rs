//! What it is: what users write about the quantities of a result: limits that it must keep, and how far it may move.
//! Source: the project's report contract; docs/ci.md shows both.
//! Does not model: limits that depend on each other.
//! Tested by: the tests below; `tests/baseline.rs`, `tests/suite.rs`.

use super::metric::{Quantity, Unit};

/// How a limit compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
    Equal,
}

/// `cycles <= 1.2M`.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// As it was written.
    pub text: String,
    /// Of what.
    pub quantity: Quantity,
    relation: Relation,
    /// Against which number.
    pub bound: f64,
}

impl Limit {
    /// Reads one.
    ///
    /// # Errors
    /// A message that says what is wrong, and where it lies in the text, in bytes.
    pub fn parse(text: &str) -> std::result::Result<Self, (String, usize)> {
        const RELATIONS: [(&str, Relation); 5] = [
            ("<=", Relation::LessOrEqual),
            (">=", Relation::MoreOrEqual),
            ("==", Relation::Equal),
            ("<", Relation::Less),
            (">", Relation::More),
        ];
        // A layer's name may hold such a sign: it stands in quotes.
        let after_name = text.rfind('"').map_or(0, |at| at + 1);
        let found = RELATIONS.iter().find_map(|(sign, relation)| {
            let at = text.get(after_name..)?.find(sign)? + after_name;
            Some((at, sign.len(), *relation))
        });
        let Some((at, length, relation)) = found else {
            return Err((format!("'{text}' has none of <=, <, >=, > and =="), 0));
        };
        let name = text.get(..at).unwrap_or_default().trim();
        let quantity = Quantity::parse(name).map_err(|message| (message, 0))?;
        let number = text.get(at + length..).unwrap_or_default();
        let bound = number_of(number.trim(), quantity.unit()).map_err(|message| (message, at + length))?;
        Ok(Self { text: text.trim().to_owned(), quantity, relation, bound })
    }

    /// Whether a value keeps it.
    #[must_use]
    pub fn holds(&self, value: f64) -> bool {
        match self.relation {
            Relation::Less => value < self.bound,
            Relation::LessOrEqual => value <= self.bound,
            Relation::More => value > self.bound,
            Relation::MoreOrEqual => value >= self.bound,
            Relation::Equal => value == self.bound,
        }
    }
}

/// `1.2M`, `2K`, `2KiB`, `100ms`, `0.85`, `85%`, `1_000`.
fn number_of(text: &str, unit: Unit) -> std::result::Result<f64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let (digits, suffix) = text.split_at(split);
    let value: f64 = digits.replace('_', "").parse().map_err(|_| format!("'{text}' is no number"))?;
    let lower = suffix.trim().to_ascii_lowercase();
    let factor = match (unit, lower.as_str()) {
        (_, "") => 1.0,
        (Unit::Count, "k") | (Unit::Bytes, "k" | "kb" | "kib") => unit.kilo(),
        (Unit::Count, "m") | (Unit::Bytes, "m" | "mb" | "mib") => unit.kilo() * unit.kilo(),
        (Unit::Count, "cycles") | (Unit::Bytes, "b") | (Unit::Micros, "us") | (Unit::Microjoules, "uj") => 1.0,
        (Unit::Micros, "ms") | (Unit::Microjoules, "mj") => 1e3,
        (Unit::Micros, "s") | (Unit::Microjoules, "j") => 1e6,
        (Unit::Fraction, "%") => 0.01,
        _ => return Err(format!("'{}' is no unit of this metric, in '{text}'", suffix.trim())),
    };
    let value = value * factor;
    // 1.2 x 1e6 is a whole number, whatever binary fractions make of it.
    Ok(if matches!(unit, Unit::Count | Unit::Bytes) { (value * 1e3).round() / 1e3 } else { value })
}

/// How far a value may be from the baseline's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Slack {
    /// A part of the baseline's value.
    Relative(f64),
    /// In the metric's own unit.
    Absolute(f64),
}

impl Slack {
    /// None at all.
    pub const NONE: Slack = Slack::Absolute(0.0);

    /// `1%`, `16`, `1K`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, unit: Unit) -> std::result::Result<Self, String> {
        let text = text.trim();
        if let Some(percent) = text.strip_suffix('%') {
            let percent: f64 = percent.trim().parse().map_err(|_| format!("'{text}' is no tolerance, as 1%"))?;
            return match percent {
                percent if (0.0..=1000.0).contains(&percent) => Ok(Slack::Relative(percent / 100.0)),
                _ => Err(format!("a tolerance of {text} is not from 0% to 1000%")),
            };
        }
        Ok(Slack::Absolute(number_of(text, unit)?))
    }

    /// Whether a change from `old` by `by` (worse by that much) is within it.
    #[must_use]
    pub fn allows(self, old: f64, by: f64) -> bool {
        match self {
            // A hair's breadth for what a percentage of a binary fraction loses.
            Slack::Relative(part) => by <= old.abs() * part * (1.0 + 1e-12),
            Slack::Absolute(slack) => by <= slack * (1.0 + 1e-12),
        }
    }
}

/// What is tolerated of one quantity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Beyond it a change is pointed out.
    pub soft: Slack,
    /// Beyond it a change for the worse fails.
    pub hard: Slack,
}

/// What is tolerated of all quantities: the last entry that names one decides, one without a name is for all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tolerances(pub Vec<(Option<Quantity>, Tolerance)>);

impl Tolerances {
    /// `1%`, `cycles=1%`, `stack_peak=16`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> std::result::Result<(Option<Quantity>, Tolerance), String> {
        let (quantity, slack) = match text.rsplit_once('=') {
            Some((name, slack)) => (Some(Quantity::parse(name.trim())?), slack),
            None => (None, text),
        };
        if quantity.is_none() && !slack.trim().ends_with('%') && slack.trim() != "0" {
            return Err(format!("'{text}' for all metrics must be in percent, as 1%"));
        }
        let slack = Slack::parse(slack, quantity.as_ref().map_or(Unit::Count, Quantity::unit))?;
        Ok((quantity, Tolerance { soft: slack, hard: slack }))
    }

    /// Of one quantity.
    #[must_use]
    pub fn of(&self, quantity: &Quantity) -> Tolerance {
        let named = self.0.iter().rev().find(|(name, _)| name.as_ref() == Some(quantity));
        let found = named.or_else(|| self.0.iter().rev().find(|(name, _)| name.is_none()));
        found.map_or(Tolerance { soft: Slack::NONE, hard: Slack::NONE }, |(_, tolerance)| *tolerance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_with_the_units_of_their_metric() {
        for (text, bound) in [
            ("cycles <= 1.2M", 1_200_000.0),
            ("stack_peak<=2K", 2_048.0),
            ("flash_used < 64KiB", 65_536.0),
            ("latency_us <= 100ms", 100_000.0),
            ("accuracy >= 0.85", 0.85),
            ("layer.\"a<=b\".cycles <= 300k", 300_000.0),
        ] {
            assert_eq!(Limit::parse(text).expect(text).bound, bound, "{text}");
        }
        let limit = Limit::parse("cycles <= 10").expect("sound");
        assert!(limit.holds(10.0) && !limit.holds(11.0));
        assert!(!Limit::parse("cycles < 10").expect("sound").holds(10.0));
    }

    #[test]
    fn slips_are_named() {
        assert_eq!(Limit::parse("cicles <= 1").expect_err("a slip").0, "there is no metric 'cicles'; did you mean 'cycles'?");
        assert_eq!(Limit::parse("cycles <= 1x"), Err(("'x' is no unit of this metric, in '1x'".to_owned(), 9)));
        assert_eq!(Limit::parse("cycles = 1").expect_err("no relation").1, 0);
        assert!(Tolerances::parse("5").is_err(), "five of what?");
        assert!(Tolerances::parse("-1%").is_err());
    }

    #[test]
    fn the_most_particular_tolerance_decides() {
        let parsed = ["1%", "cycles=0", "stack_peak=16"].map(|text| Tolerances::parse(text).expect(text));
        let tolerances = Tolerances(parsed.to_vec());
        assert_eq!(tolerances.of(&Quantity::Metric("cycles")).hard, Slack::Absolute(0.0));
        assert!(tolerances.of(&Quantity::Metric("flash_used")).hard.allows(1000.0, 10.0));
        assert!(!tolerances.of(&Quantity::Metric("flash_used")).hard.allows(1000.0, 10.1));
        assert!(tolerances.of(&Quantity::Metric("stack_peak")).hard.allows(1.0, 16.0));
        assert!(!Tolerances::default().of(&Quantity::Metric("cycles")).hard.allows(1e6, 1.0));
    }
}
