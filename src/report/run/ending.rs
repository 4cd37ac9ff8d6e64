//! What it is: how a run ended, in a sentence and an exit code, and where.
//! Source: the machine's outcome and the catalogue of findings.
//! Does not model: anything.
//! Tested by: `tests/run.rs`, `tests/firmware_images.rs`.

use super::summary::OutcomeSummary;
use crate::finding::{Code, Exit, Finding};
use crate::firmware::Image;
use crate::machine::exceptions::Fault;
use crate::machine::semihosting::BKPT_AB;
use crate::machine::{Machine, Outcome};
use crate::peripherals::OUTSIDE;
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
            let message = match fault {
                // Loads from there never fault.
                Fault::PreciseBus(address) if is_flash(*address, machine) => {
                    format!("{how}: the firmware stored to flash, which is not open for programming (0x{address:08x})")
                }
                Fault::PreciseBus(address) => format!("{how}: the firmware {} (0x{address:08x})", fault.rule()),
                _ => format!("{how}: the firmware {}", fault.rule()),
            };
            let finding = Finding::new(Code::FirmwareFault, message).at(place(image, *pc));
            let semihosting = machine.memory().read(*pc, 2) == Some(u32::from(BKPT_AB));
            let help = match fault {
                _ if semihosting => {
                    Some("This is a semihosting call, which only a debugger answers: --semihosting (docs/running.md).".to_owned())
                }
                Fault::PreciseBus(address) => beyond(*address, machine),
                _ => None,
            };
            ("fault", Some(help.map_or_else(|| finding.clone(), |help| finding.clone().help(help))))
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

/// Structures of devices and drivers are smaller than this.
const NULL_PAGE: u32 = 1024;

/// Whether flash answers there, at its own address or at its alias.
fn is_flash(address: u32, machine: &Machine) -> bool {
    let (base, size) = machine.memory().flash();
    address < size || address.wrapping_sub(base) < size
}

/// What an address that refused an access is likely to be, or what it belongs to on another chip of the family, or with other settings.
fn beyond(address: u32, machine: &Machine) -> Option<String> {
    let memory = machine.memory();
    if address < NULL_PAGE {
        return Some("An address this low is a member of a structure behind a null pointer.".to_owned());
    }
    if is_flash(address, machine) {
        return Some("It needs FLASH_CR unlocked, PG set, and half-word stores (PM0075, 2.3.3).".to_owned());
    }
    let behind = |(base, size): (u32, u32), space: u32| address >= base.wrapping_add(size) && address - base < space;
    // The largest chip has 1 MiB and 96 KiB (DS5792).
    if behind(memory.flash(), 1 << 20) {
        Some("It lies behind this chip's flash: is the program for a larger one (--chip)?".to_owned())
    } else if behind(memory.sram(), 96 << 10) {
        Some("It lies behind this chip's SRAM: is the program for a larger one (--chip)?".to_owned())
    } else if OUTSIDE.contains(&address) && machine.device("FSMC").is_some() {
        Some("It belongs to a bank of FSMC that is off: BCRx.MBKEN, PCRx.PBKEN (RM0008, 21.5.6 and 21.6.8).".to_owned())
    } else if OUTSIDE.contains(&address) {
        Some("It is external memory behind FSMC, which chips from stm32f103xc on have (--chip).".to_owned())
    } else {
        None
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
