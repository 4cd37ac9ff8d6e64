//! What it is: the host's side of the MLPerf Tiny serial protocol: loads an input into the firmware, asks for one inference, reads the results.
//! Source: the EEMBC/MLPerf Tiny performance-mode protocol: commands end with `%`, a device's answer ends with a line `m-ready`.
//! Does not model: the energy mode, baud rate changes, the runner's windows of ten seconds.
//! Tested by: the unit tests below and `tests/run.rs` (every built-in image).

use crate::finding::{Code, Failure, Finding, Result};
use crate::machine::{Environment, Machine, Progress};
use std::collections::VecDeque;

/// At most this many bytes are sent in one `db` command: 31, so that it stays within the device's 80 characters.
const BYTES_A_COMMAND: usize = 31;
/// The line that ends each answer of the device.
const READY: &str = "m-ready";

/// A dialogue: who the firmware is, then one input after another.
#[derive(Clone, Debug)]
pub struct Dialogue {
    uart: String,
    model_id: Option<String>,
    commands: VecDeque<String>,
    /// What was asked last; `None` before the first `m-ready`.
    asked: Option<String>,
    /// The device is ready and has not been asked anything since.
    ready: bool,
    /// How much of what the machine sent has been read.
    read: usize,
    line: Vec<u8>,
    results: Option<Vec<f64>>,
    error: Option<String>,
}

impl Dialogue {
    /// A host on that serial device that expects the firmware to name `model_id`. It is done when the firmware has said so.
    #[must_use]
    pub fn new(uart: &str, model_id: Option<&str>) -> Self {
        Self {
            uart: uart.to_owned(),
            model_id: model_id.map(str::to_owned),
            commands: model_id.map(|_| "profile%".to_owned()).into_iter().collect(),
            asked: None,
            ready: false,
            read: 0,
            line: Vec::new(),
            results: None,
            error: None,
        }
    }

    /// Has it load an input's bytes next and ask for an inference; it is done when the firmware has answered.
    pub fn load(&mut self, input: &[u8]) {
        self.results = None;
        self.commands.push_back(format!("db load {}%", input.len()));
        self.commands.extend(input.chunks(BYTES_A_COMMAND).map(|bytes| {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("db {hex}%")
        }));
        self.commands.push_back("infer 1 0%".to_owned());
    }

    /// Whether the firmware has answered everything that it was asked, without complaint.
    #[must_use]
    pub fn is_content(&self) -> bool {
        self.ready && self.commands.is_empty() && self.error.is_none()
    }

    /// The scores that the firmware printed, once it has.
    #[must_use]
    pub fn results(&self) -> Option<&[f64]> {
        self.results.as_deref()
    }

    /// Why the dialogue did not come to its end.
    #[must_use]
    pub fn stalled(&self) -> Finding {
        let awaited = match (&self.error, &self.asked) {
            (Some(error), _) => error.clone(),
            (None, Some(command)) if self.ready => format!("the firmware answered '{command}' without m-results"),
            (None, Some(command)) => format!("the firmware did not answer '{command}' with '{READY}'"),
            (None, None) => format!("the firmware did not say '{READY}' on {} after boot", self.uart),
        };
        Finding::new(Code::ScenarioStalled, awaited)
    }

    /// Takes in a line of the device; `true` when it is ready for the next command.
    fn take(&mut self, line: &str) -> bool {
        if let Some(scores) = line.strip_prefix("m-results-[").and_then(|rest| rest.strip_suffix(']')) {
            self.results = scores.split(',').map(|score| score.trim().parse().ok()).collect();
            if self.results.is_none() {
                self.error = Some(format!("the firmware printed results that are no numbers: '{line}'"));
            }
        }
        if let (Some(expected), Some(named)) =
            (&self.model_id, line.strip_prefix("m-model-[").and_then(|rest| rest.strip_suffix(']')))
            && named != expected
        {
            self.error = Some(format!("the firmware runs model '{named}'; the scenario is about '{expected}'"));
        }
        if line.starts_with("e-[") {
            self.error = Some(format!("the firmware refused '{}': {line}", self.asked.as_deref().unwrap_or("boot")));
        }
        line == READY
    }

    /// The next thing to send, if there is one.
    fn next(&mut self) -> Option<&str> {
        let command = self.commands.pop_front()?;
        self.ready = false;
        Some(self.asked.insert(command))
    }
}

impl Environment for Dialogue {
    fn look(&mut self, machine: &mut Machine) -> Result<Progress> {
        let device = machine
            .device(&self.uart)
            .ok_or_else(|| Failure::new(Code::BadScenarioFile, format!("the chip has no serial device '{}'", self.uart)))?;
        let fresh: Vec<u8> =
            machine.sent().iter().skip(self.read).filter(|sent| sent.device == device).map(|sent| sent.byte).collect();
        self.read = machine.sent().len();
        for byte in fresh {
            match byte {
                b'\n' => {
                    let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).trim_end_matches('\r').to_owned();
                    self.ready |= self.take(&line);
                    if self.error.is_some() {
                        return Ok(Progress::Done);
                    }
                }
                byte => self.line.push(byte),
            }
        }
        if self.ready {
            match self.next().map(str::to_owned) {
                Some(command) => machine.receive(device, command.as_bytes()),
                None => return Ok(Progress::Done),
            }
        }
        Ok(Progress::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_sent_in_commands_of_at_most_eighty_characters() {
        let mut host = Dialogue::new("USART1", Some("ad01"));
        host.load(&[0xa5; 41]);
        let commands: Vec<&str> = host.commands.iter().map(String::as_str).collect();
        assert_eq!(commands[..2], ["profile%", "db load 41%"]);
        assert_eq!(commands[2].len(), 66);
        assert_eq!(commands[3..], [format!("db {}%", "a5".repeat(10)).as_str(), "infer 1 0%"]);
        assert!(commands.iter().all(|command| command.len() <= 80));
    }

    #[test]
    fn answers_are_understood() {
        let mut host = Dialogue::new("USART1", Some("ad01"));
        host.load(&[1]);
        assert!(!host.take("m-results-[17.000,-2.5]"));
        assert_eq!(host.results(), Some(&[17.0, -2.5][..]));
        assert!(host.take("m-ready"));
        assert!(!host.take("m-model-[kws01]"));
        assert!(host.stalled().message.contains("runs model 'kws01'"));
        let mut host = Dialogue::new("USART1", None);
        host.load(&[1]);
        host.next();
        host.take("e-[Unknown command: db]");
        assert!(host.stalled().message.contains("refused 'db load 1%'"), "{}", host.stalled().message);
    }
}
