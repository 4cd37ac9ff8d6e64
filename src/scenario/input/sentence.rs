//! What it is: a sentence as a model's input: the numbers of its words in a vocabulary.
//! Source: `models/emotion/farsi.py`, whose four steps these are, and the `preprocess.json` that it wrote.
//! Does not model: morphology, spelling mistakes, other scripts.
//! Tested by: `tests/inputs.rs` (every sentence of the samples, as the training script encoded it), `tests/bad_input.rs`.

use super::{Elements, Tensor, bad, has_extension, read as read_file, text, unfit};
use crate::finding::Result;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What the training wrote; code points in hexadecimal.
#[derive(Debug, Deserialize)]
pub(super) struct Constants {
    length: usize,
    unknown: i32,
    replace: BTreeMap<String, String>,
    drop: Vec<String>,
    letters: Vec<String>,
}

/// The sentence as the model takes it: `length` numbers, zeros in front.
pub(super) fn read(given: &str, constants: &Constants, vocabulary: &str, samples: &Tensor) -> Result<Vec<u8>> {
    if samples.elements() != Elements::Int32 || super::count(samples) != constants.length {
        return Err(unfit("sentences", samples));
    }
    let file;
    let (name, sentence) = if has_extension(given, "txt") {
        file = text(given, read_file(given)?)?;
        (given, file.as_str())
    } else {
        ("the sentence", given)
    };
    let numbers: BTreeMap<&str, i32> = vocabulary.lines().zip(0..).collect();
    let words = constants.words(sentence);
    if words.is_empty() {
        return Err(bad(name, "holds no word in the letters that the model knows"));
    }
    let ids: Vec<i32> =
        words.iter().take(constants.length).map(|word| *numbers.get(word.as_str()).unwrap_or(&constants.unknown)).collect();
    let padding = std::iter::repeat_n(0, constants.length - ids.len());
    Ok(padding.chain(ids).flat_map(i32::to_le_bytes).collect())
}

impl Constants {
    /// Letters are kept, some of them in another form; what is in `drop` vanishes; anything else separates words.
    fn words(&self, sentence: &str) -> Vec<String> {
        let point = |text: &String| u32::from_str_radix(text, 16).ok().and_then(char::from_u32);
        let replace: BTreeMap<char, char> = self.replace.iter().filter_map(|(from, to)| point(from).zip(point(to))).collect();
        let drop: BTreeSet<char> = self.drop.iter().filter_map(point).collect();
        let letters: BTreeSet<char> = self.letters.iter().filter_map(point).collect();
        let kept: String = sentence
            .chars()
            .map(|letter| replace.get(&letter).copied().unwrap_or(letter))
            .filter(|letter| !drop.contains(letter))
            .map(|letter| if letters.contains(&letter) { letter } else { ' ' })
            .collect();
        kept.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }
}
