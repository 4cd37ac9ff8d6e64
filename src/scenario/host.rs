//! What it is: who a scenario connects the firmware with: gives it one input after another and takes its answers.
//! Source: `[host]` of a scenario's description names the protocol; each protocol has a file.
//! Does not model: several hosts at a time.
//! Tested by: `tests/run.rs`, `tests/eval.rs`, `tests/keyword_live.rs`.

use super::Scenario;
use super::dialogue::Dialogue;
use super::speaker::Speaker;
use crate::finding::{Finding, Result};
use crate::firmware::Image;
use crate::machine::{Environment, Machine, Progress};

/// A host of either protocol.
#[derive(Clone, Debug)]
pub enum Host {
    /// The MLPerf Tiny serial protocol.
    Asks(Dialogue),
    /// Sound for a firmware that listens.
    Speaks(Speaker),
}

/// How a scenario's firmware gets its inputs: `[host]`, checked.
#[derive(Clone, Debug)]
pub(super) enum Protocol {
    MlperfTiny { uart: String, model: Option<String> },
    Listen(super::speaker::Play),
}

impl Host {
    /// A scenario's host for a firmware. It is done when that has booted.
    ///
    /// # Errors
    /// `bad-scenario-file` where the firmware lacks an object that the scenario names.
    pub fn new(scenario: &Scenario, image: &Image) -> Result<Self> {
        Ok(match &scenario.protocol {
            Protocol::MlperfTiny { uart, model } => Host::Asks(Dialogue::new(uart, model.as_deref())),
            Protocol::Listen(play) => Host::Speaks(Speaker::new(play.clone(), scenario, image)?),
        })
    }

    /// Has it give an input's bytes next; it is done when the firmware has answered.
    pub fn load(&mut self, input: &[u8]) {
        match self {
            Host::Asks(dialogue) => dialogue.load(input),
            Host::Speaks(speaker) => speaker.load(input),
        }
    }

    /// Whether the firmware has answered everything that it was asked, without complaint.
    #[must_use]
    pub fn is_content(&self) -> bool {
        match self {
            Host::Asks(dialogue) => dialogue.is_content(),
            Host::Speaks(speaker) => speaker.is_content(),
        }
    }

    /// Whether it has answered about the last input.
    #[must_use]
    pub fn has_answer(&self) -> bool {
        match self {
            Host::Asks(dialogue) => dialogue.results().is_some(),
            Host::Speaks(speaker) => speaker.answer().is_some(),
        }
    }

    /// The raw output that the answer was made from, where that may be gone from the firmware's memory by now.
    #[must_use]
    pub fn output(&self) -> Option<&[u8]> {
        self.speaker()?.answer().map(|heard| heard.output.as_slice())
    }

    /// The host that speaks, if it is one.
    #[must_use]
    pub fn speaker(&self) -> Option<&Speaker> {
        match self {
            Host::Asks(_) => None,
            Host::Speaks(speaker) => Some(speaker),
        }
    }

    /// Why it did not come to its end.
    #[must_use]
    pub fn stalled(&self) -> Finding {
        match self {
            Host::Asks(dialogue) => dialogue.stalled(),
            Host::Speaks(speaker) => speaker.stalled(),
        }
    }
}

impl Environment for Host {
    fn look(&mut self, machine: &mut Machine) -> Result<Progress> {
        match self {
            Host::Asks(dialogue) => dialogue.look(machine),
            Host::Speaks(speaker) => speaker.look(machine),
        }
    }
}
