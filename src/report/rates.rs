//! What it is: how well a classifier did over a data set: accuracy, confusion matrix, precision, recall and F1 per class, area under the curve.
//! Source: the usual definitions (van Rijsbergen, 1979, for F1); the area under the ROC curve as the Mann-Whitney statistic with midranks
//! (Hanley and McNeil, 1982), exact in integers.
//! Does not model: confidence intervals, weights, calibration.
//! Tested by: the unit tests below (hand-worked, scikit-learn's documentation); `tests/eval.rs` (scikit-learn's numbers for the samples).

use serde::{Deserialize, Serialize};

/// One sample's truth and answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// The true class.
    pub expected: usize,
    /// The class that was given.
    pub given: usize,
    /// The one score that a two-class decision was made by, larger for class 1.
    pub score: Option<f64>,
}

/// One class's rates; a rate of nothing is absent.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct ClassSummary {
    /// The class's name.
    pub name: String,
    /// Of the samples that were given this class, how many truly have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<f64>,
    /// Of the samples that truly have it, how many were given it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recall: Option<f64>,
    /// The harmonic mean of both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub f1: Option<f64>,
    /// How many samples truly have it.
    pub support: u64,
}

/// `part / whole`, unless the whole is nothing.
#[must_use]
pub fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// How often each true class (row) was given each class (column).
#[must_use]
pub fn confusion(answers: &[Answer], classes: usize) -> Vec<Vec<u64>> {
    let mut matrix = vec![vec![0; classes]; classes];
    for answer in answers {
        if let Some(count) = matrix.get_mut(answer.expected).and_then(|row| row.get_mut(answer.given)) {
            *count += 1;
        }
    }
    matrix
}

/// The rates of each class of a confusion matrix.
#[must_use]
pub fn by_class(confusion: &[Vec<u64>], names: &[String]) -> Vec<ClassSummary> {
    let of_class = |(class, name): (usize, &String)| {
        let support: u64 = confusion.get(class).map_or(0, |row| row.iter().sum());
        let given: u64 = confusion.iter().filter_map(|row| row.get(class)).sum();
        let right = confusion.get(class).and_then(|row| row.get(class)).copied().unwrap_or(0);
        ClassSummary {
            name: name.clone(),
            precision: ratio(right, given),
            recall: ratio(right, support),
            f1: ratio(2 * right, given + support),
            support,
        }
    };
    names.iter().enumerate().map(of_class).collect()
}

/// The area under the ROC curve of a two-class decision by one score: how often a sample of class 1 scores above one of class 0, ties
/// counting one half. `None` where a sample has no score or a class no sample.
#[must_use]
pub fn auc(answers: &[Answer]) -> Option<f64> {
    let mut scored: Vec<(f64, bool)> =
        answers.iter().map(|answer| answer.score.map(|score| (score, answer.expected == 1))).collect::<Option<_>>()?;
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut twice_won) = (0_u128, 0_u128);
    for tied in scored.chunk_by(|a, b| a.0 == b.0) {
        let positive = tied.iter().filter(|(_, positive)| *positive).count() as u128;
        let negative = tied.len() as u128 - positive;
        twice_won += positive * (2 * below + negative);
        below += negative;
    }
    let pairs = (scored.len() as u128 - below) * below;
    (pairs > 0).then(|| twice_won as f64 / (2 * pairs) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(pairs: &[(usize, f64)]) -> Vec<Answer> {
        pairs.iter().map(|(expected, score)| Answer { expected: *expected, given: 0, score: Some(*score) }).collect()
    }

    #[test]
    fn auc_counts_pairs_and_halves_ties() {
        // The example in scikit-learn's documentation of roc_auc_score.
        assert_eq!(auc(&scored(&[(0, 0.1), (0, 0.4), (1, 0.35), (1, 0.8)])), Some(0.75));
        // By hand: of the four pairs 2>1, 3>1 and 3>2 are won and 2=2 is half won: 3.5 / 4.
        assert_eq!(auc(&scored(&[(0, 1.0), (0, 2.0), (1, 2.0), (1, 3.0)])), Some(0.875));
        assert_eq!(auc(&scored(&[(0, 5.0), (1, 5.0), (1, 5.0)])), Some(0.5), "nothing but ties");
        assert_eq!(auc(&scored(&[(1, 5.0), (1, 6.0)])), None, "one class only");
        assert_eq!(auc(&[]), None);
    }

    #[test]
    fn rates_follow_from_the_matrix() {
        // By hand: class 0 has 3 samples, of which 2 were found; it was given 3 times, 2 of them rightly. Class 2 was never given.
        let given = [(0, 0), (0, 0), (0, 1), (1, 1), (1, 0), (2, 1)];
        let answers: Vec<Answer> =
            given.iter().map(|(expected, given)| Answer { expected: *expected, given: *given, score: None }).collect();
        let matrix = confusion(&answers, 3);
        assert_eq!(matrix, [[2, 1, 0], [1, 1, 0], [0, 1, 0]]);
        let classes = by_class(&matrix, &["a".to_owned(), "b".to_owned(), "c".to_owned()]);
        assert_eq!((classes[0].precision, classes[0].recall, classes[0].f1), (Some(2.0 / 3.0), Some(2.0 / 3.0), Some(4.0 / 6.0)));
        assert_eq!((classes[1].precision, classes[1].recall, classes[1].support), (Some(1.0 / 3.0), Some(0.5), 2));
        assert_eq!((classes[2].precision, classes[2].recall, classes[2].f1), (None, Some(0.0), Some(0.0)));
        assert_eq!(auc(&answers), None, "no scores");
    }
}
