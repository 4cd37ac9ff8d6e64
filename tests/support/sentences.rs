//! What it is: the sentences that the emotion models' samples were made of.
//! Source: `models/emotion/samples.csv`, written by train.py there.
//! Does not model: fields with line ends.
//! Tested by: it is used by `tests/inputs.rs` and `tests/tokenizer.rs`.

/// One sentence of each row, in the order of the samples: Python's csv dialect, in which a field with commas is quoted and a quote in it
/// doubled.
pub fn sentences() -> Vec<String> {
    let table = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/models/emotion/samples.csv")).expect("committed");
    let sentence = |line: &str| {
        let field = line.split_once(',').expect("two columns").1;
        match field.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(quoted) => quoted.replace("\"\"", "\""),
            None => field.to_owned(),
        }
    };
    table.lines().skip(1).map(sentence).collect()
}
