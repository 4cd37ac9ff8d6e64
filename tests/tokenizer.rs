//! What it is: the emotion images' own tokenizer: sentences sent as text become the numbers that the training script made of them.
//! Source: `models/emotion`: samples.csv and the samples, both written by train.py; the vocabulary files; farsi.py for what parts words.
//! Does not model: the network's answer, which `tests/scenarios.rs` is about; a word cut by a command's end.
//! Tested by: the committed images on the machine, spoken to over the serial line as a person would.

#[path = "support/board.rs"]
mod board;
#[path = "support/sentences.rs"]
mod sentences;

use board::image;
use sentences::sentences;
use std::path::Path;
use std::process::Command;
use stm32sim::chip::Chip;
use stm32sim::finding::Result;
use stm32sim::machine::{Environment, Machine, Progress, Settings};
use stm32sim::scenario::Scenario;
use stm32sim::units::Tick;

/// The device takes commands of at most 80 bytes, `text ` among them.
const PIECE: usize = 75;

/// Says one thing after another, and keeps what was answered.
struct Dialogue {
    commands: Vec<String>,
    answers: Vec<Vec<String>>,
    /// What the model's input was at each answer, and where it lies.
    inputs: Vec<Vec<u8>>,
    input: (u32, usize),
    read: usize,
    text: String,
}

impl Environment for Dialogue {
    fn look(&mut self, machine: &mut Machine) -> Result<Progress> {
        let line = machine.device("USART1").expect("a serial line");
        self.text.extend(machine.sent()[self.read..].iter().map(|sent| char::from(sent.byte)));
        self.read = machine.sent().len();
        if let Some(answer) = self.text.strip_suffix("m-ready\r\n") {
            self.answers.push(answer.lines().map(str::to_owned).collect());
            self.text.clear();
            self.inputs.push(machine.memory().read_vec(self.input.0, self.input.1).expect("in SRAM"));
            match self.commands.get(self.answers.len() - 1) {
                Some(command) => machine.receive(line, format!("{command}%").as_bytes()),
                None => return Ok(Progress::Done),
            }
        }
        Ok(Progress::Continue)
    }
}

/// What the image answers to each command, and the model's input then.
fn ask(name: &str, chip: &str, commands: Vec<String>) -> Vec<(Vec<String>, Vec<u8>)> {
    let image = image(name);
    let buffer = image.symbols.by_name("gp_buff").expect("the model's input");
    let chip = Chip::find(chip).expect("a chip");
    let mut machine = Machine::new(&chip, &chip.place(&image).expect("fits"), Settings::default()).expect("a machine");
    let input = (buffer.address.0, buffer.size as usize);
    let mut dialogue = Dialogue { commands, answers: Vec::new(), inputs: Vec::new(), input, read: 0, text: String::new() };
    machine.run(&mut dialogue, Tick(u64::MAX)).expect("a run");
    assert_eq!(dialogue.answers.len(), dialogue.commands.len() + 1, "{name}: {:?}", dialogue.answers.last());
    dialogue.answers.into_iter().zip(dialogue.inputs).skip(1).collect()
}

/// The commands that make a sentence the input: it begins, then goes in pieces that end between words.
fn commands(sentence: &str) -> Vec<String> {
    let mut commands = vec!["text".to_owned()];
    let mut piece = String::new();
    // What the protocol itself takes for something else: the end of a command and of a line.
    for word in sentence.replace(['%', '\r', '\n'], " ").split(' ') {
        if piece.len() + 1 + word.len() > PIECE && !piece.is_empty() {
            commands.push(format!("text{}", std::mem::take(&mut piece)));
        }
        piece = format!("{piece} {word}");
    }
    commands.push(format!("text{piece}"));
    commands
}

/// What the image makes of each sentence.
fn tokens(name: &str, chip: &str, sentences: &[String]) -> Vec<Vec<u8>> {
    let asked: Vec<Vec<String>> = sentences.iter().map(|sentence| commands(sentence)).collect();
    let mut answers = ask(name, chip, asked.concat()).into_iter();
    asked.iter().filter_map(|commands| answers.nth(commands.len() - 1)).map(|(_, input)| input).collect()
}

#[test]
fn sentences_become_their_samples_on_the_chip() {
    // All of them where the vocabulary is small; every tenth where only the table is larger.
    for (name, chip, step) in [("emotion", "stm32f103c8", 1), ("emotion-2000", "stm32f103rc", 10)] {
        let scenario = Scenario::find(name).expect(name);
        let sentences: Vec<String> = sentences().into_iter().step_by(step).collect();
        for (index, made) in tokens(name, chip, &sentences).iter().enumerate() {
            assert_eq!(made, &scenario.sample(index * step).expect("a sample").0, "{name}: {}", sentences[index]);
        }
    }
}

#[test]
fn every_word_of_the_vocabulary_has_its_number() {
    for (name, chip, file) in
        [("emotion", "stm32f103c8", "emotion_vocabulary.txt"), ("emotion-2000", "stm32f103rc", "emotion_2000_vocabulary.txt")]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/emotion").join(file);
        let vocabulary = std::fs::read_to_string(path).expect("committed");
        // All but padding and the unknown word, 28 to a sentence.
        let words: Vec<&str> = vocabulary.lines().skip(2).collect();
        let sentences: Vec<String> = words.chunks(28).map(|words| words.join(" ")).collect();
        let numbers: Vec<i32> = tokens(name, chip, &sentences)
            .iter()
            .flat_map(|input| {
                input.chunks(4).map(|number| i32::from_le_bytes(number.try_into().expect("four"))).collect::<Vec<_>>()
            })
            .filter(|&number| number != 0)
            .collect();
        assert_eq!(numbers, (2..2 + i32::try_from(words.len()).expect("few")).collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn what_is_no_sentence_changes_nothing_and_what_is_odd_is_taken_as_the_host_takes_it() {
    let emotion = Scenario::find("emotion").expect("built in");
    let sentence = sentences().remove(0);
    let long = "واژه‌ای‌بسیاردرازکهدرواژگاننیست";
    let odd = format!("\u{feff}{long} 12, {}… ok", sentence.replace(' ', " \u{640}\u{200c}"));
    let mut said = commands(&sentence);
    let complete = said.len();
    said.extend(["text hello", "text \u{64e}", "textual"].map(str::to_owned));
    said.extend(commands(&odd));
    let taken = said.len();
    let me = "text \u{645}\u{646}";
    said.extend(["text", me, "infer 1 0", "db load 4", "db 01000000", me].map(str::to_owned));
    let answers = ask("emotion", "stm32f103c8", said);

    let refused = &answers[complete..complete + 3];
    let no_word = "e-[No word in the letters that the model knows]";
    assert_eq!(
        refused.iter().map(|(lines, _)| lines.join("")).collect::<Vec<_>>(),
        [no_word, no_word, "e-[Unknown command: textual]"]
    );
    let first = emotion.sample(0).expect("a sample").0;
    assert!(refused.iter().all(|(_, input)| *input == first), "refused commands change nothing");

    assert_eq!(answers[taken - 1].1, emotion.input(&odd).expect("a sentence"));
    let [begun, one, inferred, _, _, two] = &answers[taken..] else { panic!("six answers") };
    assert_eq!(*begun, (vec!["m-text-[0 words]".to_owned()], vec![0; 112]));
    assert_eq!(one.0, ["m-text-[1 words]"]);
    assert!(inferred.0.last().is_some_and(|line| line.starts_with("m-results-[")), "{inferred:?}");
    // Bytes that were loaded between do not belong to the sentence.
    assert_eq!(two.1, emotion.input("\u{645}\u{646} \u{645}\u{646}").expect("two words"));
}

#[test]
fn the_headers_are_what_the_script_writes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware-images");
    for (name, file) in [("emotion", "emotion_vocabulary.txt"), ("emotion-2000", "emotion_2000_vocabulary.txt")] {
        let mut script = Command::new("python3");
        script.current_dir(&folder).args(["make_vocabulary.py", "../models/emotion/preprocess.json"]);
        let Ok(output) = script.arg(format!("../models/emotion/{file}")).output() else {
            eprintln!("skipped: python3 is not installed");
            return;
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let committed = std::fs::read(folder.join(name).join("vocabulary.h")).expect("committed");
        assert!(committed == output.stdout, "{name}/vocabulary.h is not what make_vocabulary.py writes");
    }
}
