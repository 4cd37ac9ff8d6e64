//! What it is: pictures, recordings, rows and sentences against the inputs that the training scripts made of the same.
//! Source: `models/*/`: samples.csv, the .png and .wav files and `samples.npy`, each written by the folder's `train.py`.
//! Does not model: the scenarios' own outputs; `tests/scenarios.rs` is about those.
//! Tested by: the library and the real program.

#[path = "support/sentences.rs"]
mod sentences;
mod support;

use sentences::sentences;
use std::path::Path;
use stm32sim::finding::Code;
use stm32sim::scenario::Scenario;
use support::{Scratch, stm32sim};

fn model(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(file).display().to_string()
}

fn scenario(name: &str) -> Scenario {
    Scenario::find(name).expect(name)
}

/// What is said about an input that a scenario does not take.
fn refusal(name: &str, given: &str) -> String {
    let failure = scenario(name).input(given).expect_err(given);
    assert!(matches!(failure.0.code, Code::BadInputTensor), "{}", failure.0.message);
    failure.0.message.clone()
}

#[test]
fn every_row_of_the_table_becomes_its_sample() {
    let anomaly = scenario("anomaly");
    let float = scenario("anomaly-float");
    for row in 0..anomaly.len() {
        let given = format!("{}:{row}", model("anomaly/samples.csv"));
        assert_eq!(anomaly.input(&given).expect("a row"), anomaly.sample(row).expect("a sample").0, "row {row}");
        assert_eq!(float.input(&given).expect("a row"), float.sample(row).expect("a sample").0, "row {row} in float32");
    }
    let table = std::fs::read_to_string(model("anomaly/samples.csv")).expect("committed");
    let row = table.lines().nth(2).expect("a row");
    let without_label = row.rsplit_once(',').expect("columns").0;
    for given in [row, without_label, &without_label.replace(',', ", ")] {
        assert_eq!(anomaly.input(given).expect("a row"), anomaly.sample(2).expect("a sample").0, "{given}");
    }
}

#[test]
fn rows_that_are_none_are_refused_in_a_sentence() {
    let table = model("anomaly/samples.csv");
    let numbers = vec!["0"; 41].join(",");
    let text = numbers.replacen('0', "soon", 1);
    let negative = numbers.replacen('0', "-1", 1);
    let infinite = numbers.replacen('0', "inf", 1);
    for (given, says) in [
        (table.clone(), "has 400 rows; say which"),
        (format!("{table}:400"), "is not there"),
        ("1,2,3".to_owned(), "has 3 columns, not 41 features"),
        (text, "has 'soon' in the column duration"),
        (negative, "has '-1' in the column duration"),
        (infinite, "has 'inf' in the column duration"),
        ("hello".to_owned(), "is not what scenario 'anomaly' takes: a .csv file"),
    ] {
        let message = refusal("anomaly", &given);
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn pictures_become_their_samples() {
    let image = scenario("image");
    for (row, file) in [(3, "003_cat"), (7, "007_dog"), (8, "008_frog"), (9, "009_truck")] {
        let given = model(&format!("image/sample_{file}.png"));
        assert_eq!(image.input(&given).expect("a picture"), image.sample(row).expect("a sample").0, "{file}");
    }
}

/// A PNG of 2x2 pixels in that form.
fn png(color: png::ColorType, depth: png::BitDepth, palette: Option<&'static [u8]>, data: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 2, 2);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if let Some(palette) = palette {
        encoder.set_palette(palette);
    }
    encoder.write_header().and_then(|mut writer| writer.write_image_data(data)).expect("a picture");
    file
}

#[test]
fn every_form_of_png_is_read() {
    use png::{BitDepth, ColorType};
    let image = scenario("image");
    let scratch = Scratch::new("png");
    // Upper row red and white, lower row black and white: each pixel becomes 8x8; value - 128.
    let expected: Vec<u8> = (0..16 * 16)
        .flat_map(|at| match (at / 16 < 8, at % 16 < 8) {
            (true, true) => [127, 0x80, 0x80],
            (false, true) => [0x80; 3],
            _ => [127; 3],
        })
        .collect();
    let rgb = [255, 0, 0, 255, 255, 255, 0, 0, 0, 255, 255, 255];
    let rgba = [255, 0, 0, 255, 9, 9, 9, 0, 0, 0, 0, 255, 255, 255, 255, 255];
    let deep: Vec<u8> = rgb.iter().flat_map(|byte| [*byte; 2]).collect();
    for (name, file) in [
        ("rgb", png(ColorType::Rgb, BitDepth::Eight, None, &rgb)),
        ("deep", png(ColorType::Rgb, BitDepth::Sixteen, None, &deep)),
        ("alpha", png(ColorType::Rgba, BitDepth::Eight, None, &rgba)),
        (
            "palette",
            png(ColorType::Indexed, BitDepth::Two, Some(&[255, 0, 0, 255, 255, 255, 0, 0, 0]), &[0b0001_0000, 0b1001_0000]),
        ),
    ] {
        let path = scratch.file(&format!("{name}.png"), &file);
        assert_eq!(image.input(&path).expect(name), expected, "{name}");
    }
    let grey = scratch.file("grey.png", &png(ColorType::Grayscale, BitDepth::One, None, &[0b0100_0000, 0b0100_0000]));
    let input = image.input(&grey).expect("grey");
    assert_eq!((input[0], input[47]), (0x80, 127));
}

#[test]
fn pictures_that_are_none_are_refused_in_a_sentence() {
    let scratch = Scratch::new("bad-png");
    let good = std::fs::read(model("image/sample_003_cat.png")).expect("committed");
    let mut damaged = good.clone();
    damaged[60] ^= 0xff;
    for (file, bytes) in
        [("text.png", b"no picture".to_vec()), ("cut.png", good[..good.len() / 2].to_vec()), ("damaged.png", damaged)]
    {
        let message = refusal("image", &scratch.file(file, &bytes));
        assert!(message.contains("is not a sound PNG"), "{message}");
    }
    // A header that promises more than a computer has.
    let mut huge = good;
    huge[16..24].copy_from_slice(&[0x7f; 8]);
    refusal("image", &scratch.file("huge.png", &huge));
    assert!(refusal("image", "picture.gif").contains("takes: a .png"));
}

#[test]
fn recordings_become_their_samples() {
    let keyword = scenario("keyword");
    for (row, file) in [(0, "000_left"), (1, "001_stop"), (2, "002_yes"), (3, "003_go")] {
        let given = model(&format!("keyword/sample_{file}.wav"));
        assert_eq!(keyword.input(&given).expect("a recording"), keyword.sample(row).expect("a sample").0, "{file}");
    }
}

/// A .wav of 16-bit samples, by a recorder that puts them right behind the format.
fn wav(samples: &[u8]) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data".to_vec();
    file.extend((samples.len() as u32).to_le_bytes());
    file.extend(samples);
    file
}

/// A .npy of one dimension, format version 1.0.
fn npy(descr: &str, length: usize, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({length},), }}");
    let header = format!("{header:<117}\n");
    [b"\x93NUMPY\x01\x00\x76\x00".as_slice(), header.as_bytes(), data].concat()
}

#[test]
fn the_oracle_clips_give_the_oracle_features() {
    // Speech, noise, and a clip that ends in zeros; without them it is too short, and silence is put there again.
    let file = std::fs::read(model("keyword/oracle_samples.npy")).expect("committed");
    let sound = &file[file.len() - 3 * 32_000..];
    let file = std::fs::read(model("keyword/oracle_int8.npy")).expect("committed");
    let features = &file[file.len() - 3 * 490..];
    let (keyword, scratch) = (scenario("keyword"), Scratch::new("wav"));
    for (index, (clip, expected)) in sound.chunks(32_000).zip(features.chunks(490)).enumerate() {
        let path = scratch.file(&format!("{index}.wav"), &wav(clip));
        assert_eq!(keyword.input(&path).expect("a recording"), expected, "clip {index}");
        let path = scratch.file(&format!("{index}.npy"), &npy("<i2", 16_000, clip));
        assert_eq!(keyword.input(&path).expect("samples"), expected, "clip {index} as int16");
        let float: Vec<u8> = clip
            .chunks(2)
            .flat_map(|sample| (f32::from(i16::from_le_bytes([sample[0], sample[1]])) / 32_768.0).to_le_bytes())
            .collect();
        let path = scratch.file(&format!("{index}_float.npy"), &npy("<f4", 16_000, &float));
        assert_eq!(keyword.input(&path).expect("samples"), expected, "clip {index} as float32");
        let end = clip.iter().rposition(|byte| *byte != 0).map_or(0, |last| (last + 1).next_multiple_of(2));
        let path = scratch.file(&format!("{index}_short.wav"), &wav(&clip[..end]));
        assert_eq!(keyword.input(&path).expect("a recording"), expected, "clip {index} cut short");
    }
    let message = refusal("keyword", &scratch.file("long.npy", &npy("<i2", 16_001, &[0; 32_002])));
    assert!(message.contains("has 16001 samples"), "{message}");
    let message = refusal("keyword", &scratch.file("words.npy", &npy("<i4", 490, &[0; 1960])));
    assert!(message.contains("int32"), "{message}");
    let message = refusal("keyword", &scratch.file("long.wav", &wav(&[0; 32_002])));
    assert!(message.contains("has 16001 samples; the model hears one second, 16000"), "{message}");
}

#[test]
fn sentences_become_their_samples() {
    let sentences = sentences();
    let scratch = Scratch::new("sentence");
    for name in ["emotion", "emotion-2000"] {
        let emotion = scenario(name);
        assert_eq!(sentences.len(), emotion.len());
        for (row, sentence) in sentences.iter().enumerate() {
            assert_eq!(emotion.input(sentence).expect("a sentence"), emotion.sample(row).expect("a sample").0, "{name} {row}");
        }
        let file = scratch.file("sentence.txt", format!("{}\r\n", sentences[5]).as_bytes());
        assert_eq!(emotion.input(&file).expect("a sentence"), emotion.sample(5).expect("a sample").0, "{name}");
    }
    assert!(refusal("emotion", "I am happy").contains("holds no word"));
    assert!(refusal("emotion", &scratch.file("latin.txt", &[0xe9])).contains("is not text in UTF-8"));
}

#[test]
fn long_sentences_keep_their_first_words_and_vowel_signs_do_not_count() {
    let emotion = scenario("emotion");
    let vocabulary = std::fs::read_to_string(model("emotion/emotion_vocabulary.txt")).expect("committed");
    let words: Vec<&str> = vocabulary.lines().collect();
    let ids = |sentence: &str| -> Vec<i32> {
        emotion.input(sentence).expect("words").chunks(4).map(|word| i32::from_le_bytes(word.try_into().expect("four"))).collect()
    };
    // Word n of the file is number n; 28 numbers; a word that is not there is 1.
    assert_eq!(ids(&words[2..40].join(" ")), (2..30).collect::<Vec<i32>>());
    let mut expected = vec![0; 26];
    expected.extend([1, 9]);
    // U+064E between letters vanishes, a digit and U+200C part words.
    let signs: String = words[9].chars().flat_map(|letter| [letter, '\u{64e}']).collect();
    assert_eq!(ids(&format!("\u{698}\u{698}\u{698}\u{200c}7{signs}")), expected);
}

#[test]
fn the_program_runs_what_a_person_has() {
    let floats = format!("{}:1", model("anomaly/samples.csv"));
    let sentence = sentences().remove(0);
    let row = format!("{}:0", model("anomaly/samples.csv"));
    for (name, given, says) in [
        ("anomaly", row, "attack: "),
        ("anomaly-float", floats, "normal: "),
        ("emotion", sentence, "jealous: "),
        ("image", model("image/sample_007_dog.png"), "dog: "),
        ("keyword", model("keyword/sample_002_yes.wav"), "yes: "),
    ] {
        let run = stm32sim(&["run", "--scenario", name, "--input", &given, "--quiet"]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{name}");
        assert!(run.out.starts_with(says), "{name}: {}", run.out);
    }
}
