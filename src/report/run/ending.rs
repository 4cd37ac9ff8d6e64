//! What it is: how a run ended, in a sentence and an exit code, and where.
//! Source: the machine's outcome and the catalogue of findings.
//! Does not model: anything.
//! Tested by: `tests/run.rs`, `tests/firmware_images.rs`.

use super::summary::OutcomeSummary;
use crate::finding::{Code, Exit, Finding};
use crate::firmware::Image;
use crate::machine::semihosting::BKPT_AB;
use crate::machine::{Machine, Outcome};
use crate::units::Addr;

impl OutcomeSummary {
    /// An end of that kind, with what is to be said of it; `fine` is the message where that is nothing.
    pub(in crate::report) fn new(kind: &'static str, finding: Option<&Finding>, fine: &str) -> Self {
        let message = match finding {
            Some(finding) => match &finding.location {
                Some(location) => format!("{} at {location}", finding.message),
                None => finding.message.clone(),
            },
            None => fine.to_owned(),
        };
        Self { kind, code: finding.map_or(Exit::Fine, |finding| finding.code.entry().exit) as u8, message }
    }
}

/// How a run ended: the contract's word, and what a user should know unless all is well.
pub(in crate::report) fn ending(outcome: &Outcome, machine: &Machine, image: &Image) -> (&'static str, Option<Finding>) {
    match outcome {
        Outcome::Finished => ("finished", None),
        Outcome::Fault { fault, pc, lockup } => {
            let how = if *lockup { "the core locked up" } else { fault.exception() };
            let message = format!("{how}: the firmware {}", fault.rule());
            let message = match fault {
                crate::machine::exceptions::Fault::PreciseBus(address) => format!("{message} (0x{address:08x})"),
                _ => message,
            };
            let finding = Finding::new(Code::FirmwareFault, message).at(place(image, *pc));
            let semihosting = machine.memory().read(*pc, 2) == Some(u32::from(BKPT_AB));
            let help = "This is a semihosting call, which only a debugger answers: --semihosting (docs/running.md).";
            ("fault", Some(if semihosting { finding.help(help) } else { finding }))
        }
        Outcome::Exit(0) => ("exit", None),
        Outcome::Exit(code) => {
            let message = format!("the firmware ended itself with code {}", code.cast_signed());
            ("exit", Some(Finding::new(Code::FirmwareExit, message)))
        }
        Outcome::Limit(pc) => {
            let message = format!("the limit of {} cycles was reached", crate::units::grouped(machine.now().0));
            ("limit", Some(Finding::new(Code::LimitReached, message).at(place(image, *pc))))
        }
        Outcome::Asleep(pc) => {
            let message = "the core sleeps and nothing that is enabled can wake it";
            ("asleep", Some(Finding::new(Code::AsleepForever, message).at(place(image, *pc))))
        }
    }
}

/// Where an instruction stands: `main.c:12 in main, 0x08000123`.
#[must_use]
pub fn place(image: &Image, pc: u32) -> String {
    let location = image.locate(image.linked_address(Addr(pc)));
    let line = match (&location.file, location.line) {
        (Some(file), Some(line)) => format!("{file}:{line} in "),
        (Some(file), None) => format!("{file} in "),
        _ => String::new(),
    };
    format!("{line}{}, {}", location.function, location.address)
}
