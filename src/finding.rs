//! What it is: every kind of thing the tool can tell its user, one row each: a stable code, whose it is, the exit code it
//! leads to, what it means and what to do. `stm32sim explain CODE` prints a row; errors and report findings refer to it.
//! Source: DESIGN house rule 4 and its exit codes.
//! Does not model: wording that depends on the case; the message and location of an occurrence come from who reports it.
//! Tested by: the unit tests below (codes unique, texts complete) and every bad-input test in `tests/`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Whose a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blame {
    /// The firmware does something the chip forbids, ignores or punishes.
    Firmware,
    /// A file or an argument that the user gave.
    Input,
    /// The simulator does not model what the firmware relied on.
    NotModelled,
    /// A defect of the simulator itself.
    Internal,
}

/// The process's exit code (DESIGN, "Exit codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All is well.
    Fine = 0,
    /// The tool failed, not its input.
    Tool = 1,
    /// Wrong usage or bad input.
    BadInput = 2,
    /// A regression against a baseline, or a limit exceeded.
    Regression = 3,
    /// A scenario's expectation was not met.
    Expectation = 4,
    /// The firmware faulted.
    Fault = 5,
    /// The firmware or model does not fit the chip.
    DoesNotFit = 6,
}

/// One row of the catalogue.
#[derive(Debug)]
pub struct Entry {
    /// Stable kebab-case name, as printed in brackets and taken by `explain`.
    pub name: &'static str,
    /// Whose it is.
    pub blame: Blame,
    /// The exit code when this ends the command.
    pub exit: Exit,
    /// What it means.
    pub meaning: &'static str,
    /// What to do about it.
    pub help: &'static str,
}

macro_rules! catalogue {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $blame:ident, $exit:ident, $meaning:literal, $help:literal;)*) => {
        /// A stable name for a kind of finding; the catalogue row explains it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $meaning] $variant,)* }

        /// The catalogue, in the order of [`Code`]'s variants.
        pub const CATALOGUE: &[Entry] = &[$(Entry {
            name: $name, blame: Blame::$blame, exit: Exit::$exit, meaning: $meaning, help: $help,
        },)*];

        /// The codes, in the order of the catalogue.
        pub const CODES: &[Code] = &[$(Code::$variant,)*];
    };
}

catalogue! {
    FileUnreadable = "file-unreadable", Input, BadInput,
        "A file that was named cannot be read.",
        "Check the path and its permissions.";
    FileEmpty = "file-empty", Input, BadInput,
        "A file that was named has no content.",
        "Check that the step that makes it succeeded.";
    FileTooLarge = "file-too-large", Input, BadInput,
        "A file is larger than anything of its kind can usefully be, and is refused unread.",
        "Check that this is the intended file.";
    OutputUnwritable = "output-unwritable", Input, BadInput,
        "A file that should be written cannot be.",
        "Check the folder, its permissions and the free space; nothing was left half written.";
    NotAnElf = "not-an-elf", Input, BadInput,
        "The firmware file is neither an ELF nor Intel HEX, and is not said to be a raw binary.",
        "Give the linker's .elf or .axf, an Intel HEX file, or raw bytes: a name ending in .bin, or --load FILE@0x08000000.";
    BadHexFile = "bad-hex-file", Input, BadInput,
        "An Intel HEX file has a line that is not valid, or is not complete.",
        "It was damaged or cut short after it was made: make it again with objcopy -O ihex, or give the ELF.";
    FirmwareOverlap = "firmware-overlap", Input, BadInput,
        "Two firmware files claim the same bytes of flash.",
        "Link the application behind the boot loader, or correct the address of the raw binary.";
    ElfTruncated = "elf-truncated", Input, BadInput,
        "The ELF's headers point beyond the end of the file.",
        "The file was cut short in a copy or download: build or fetch it again.";
    ElfDamaged = "elf-damaged", Input, BadInput,
        "The ELF's headers contradict each other or describe something impossible.",
        "The file was damaged after it was linked, or a tool wrote it wrongly: build it again.";
    ElfWrongMachine = "elf-wrong-machine", Input, BadInput,
        "The ELF was not built for a little-endian 32-bit Arm core.",
        "Build with an arm-none-eabi toolchain: -mcpu=cortex-m3 -mthumb.";
    ElfWrongCore = "elf-wrong-core", Input, BadInput,
        "The ELF's build attributes name an architecture that a Cortex-M3 does not execute.",
        "The STM32F103 is a Cortex-M3 without an FPU: build with -mcpu=cortex-m3 -mthumb -mfloat-abi=soft.";
    ElfNotExecutable = "elf-not-executable", Input, BadInput,
        "The ELF has no loadable segments: it is an object file, a library or only debug information.",
        "Give the linked program.";
    ElfNotInFlash = "elf-not-in-flash", Input, BadInput,
        "No part of the program lies in the chip's flash, nor does it begin with a vector table in SRAM, where a debugger could start it.",
        "Link for flash at 0x08000000 (or its alias at 0), or give the chip that this program was linked for.";
    ElfOutsideMemory = "elf-outside-memory", Input, BadInput,
        "A segment lies at an address where the chip has no memory.",
        "Check the linker script's MEMORY block against the chip.";
    FlashOverflow = "flash-overflow", Input, DoesNotFit,
        "The program needs more flash than the chip has.",
        "Choose a chip with more flash (stm32sim chips), or see what fills it: stm32sim map FIRMWARE --chip virtual:flash=4M.";
    SramOverflow = "sram-overflow", Input, DoesNotFit,
        "The program's static data need more SRAM than the chip has.",
        "Choose a chip with more SRAM (stm32sim chips), or see what fills it: stm32sim map FIRMWARE --chip virtual:sram=1M.";
    BadVectorTable = "bad-vector-table", Firmware, BadInput,
        "The first two words of flash are not a sane initial stack pointer and reset handler.",
        "Check that the vector table is linked first (KEEP it in the linker script) and that its second word has the Thumb bit.";
    UnknownChip = "unknown-chip", Input, BadInput,
        "No chip of that name is built in.",
        "stm32sim chips lists them; a description of your own is given as --chip file.toml.";
    BadChipFile = "bad-chip-file", Input, BadInput,
        "A chip description is not valid.",
        "Correct the line that the message names; the built-in descriptions are examples.";
    UnknownScenario = "unknown-scenario", Input, BadInput,
        "No scenario of that name is built in.",
        "stm32sim scenarios lists them; a file of your own is given as --scenario file.toml.";
    BadScenarioFile = "bad-scenario-file", Input, BadInput,
        "A scenario description is not valid.",
        "Correct the line that the message names; the built-in scenarios are examples.";
    BadInputTensor = "bad-input-tensor", Input, BadInput,
        "An input file's shape, type or content is not what the scenario takes.",
        "The message names what was expected and what was found.";
    SampleOutOfRange = "sample-out-of-range", Input, BadInput,
        "A sample was asked for that the scenario does not have.",
        "Samples count from zero; stm32sim scenarios says how many there are.";
    BadUsage = "bad-usage", Input, BadInput,
        "The command line asks for something that does not go together or has no meaning.",
        "stm32sim COMMAND --help shows the options with examples.";
    BadBaseline = "bad-baseline", Input, BadInput,
        "A file that results should be compared with is damaged, or is no report of this program.",
        "Make it with stm32sim bench --save-baseline FILE, or with --format json.";
    BaselineNewer = "baseline-newer", Input, BadInput,
        "A report was written by a newer stm32sim, whose fields mean something else.",
        "Use that version or a newer one, or make the file again with this one.";
    BaselineOtherModel = "baseline-other-model", Input, BadInput,
        "Cycles of two versions of the timing model do not compare: a difference would say nothing about the firmware.",
        "Make the results again with this version: stm32sim check --baseline FILE --update.";
    BadSuite = "bad-suite-file", Input, BadInput,
        "A suite (stm32sim.toml) is not valid.",
        "Correct the place that the message names; docs/ci.md describes every key.";
    UnknownMetric = "unknown-metric", Input, BadInput,
        "A limit or a tolerance names a metric that does not exist, or that a run does not have.",
        "docs/ci.md lists the metrics; layers and functions are those of the run's report.";
    BadShards = "bad-shards", Input, BadInput,
        "Parts of a result do not make a whole: one is missing, is there twice, or belongs to something else.",
        "Give each part of one run exactly once; run the missing ones.";
    BadJournal = "bad-journal", Input, BadInput,
        "A journal of finished work belongs to another run, so nothing can be continued from it.",
        "Repeat the command that began it, or remove the file to begin anew.";
    Regression = "regression", Firmware, Regression,
        "A result is worse than the baseline by more than its tolerance.",
        "The layers and functions that moved are named; if it is intended, re-save: stm32sim check --baseline FILE --update.";
    LimitExceeded = "limit-exceeded", Firmware, Regression,
        "A result is beyond a limit that the suite sets.",
        "Make the firmware cheaper, or set the limit anew in the suite.";
    Interrupted = "interrupted", Input, Tool,
        "The run was stopped from outside before it was done.",
        "With --journal, the same command continues where it stopped.";
    BadReport = "bad-report", Input, BadInput,
        "A file that should be a report of this program is not one, or lacks what is to be compared.",
        "Give what the same command wrote with --format json --output FILE.";
    BadModel = "bad-model", Input, BadInput,
        "A .tflite file is damaged or is not one.",
        "Convert the model again; the message names the place.";
    ModelUnsupported = "model-unsupported", Input, BadInput,
        "A model uses an operator, type or structure that the runtime cannot execute.",
        "The message names the layer; the usual way out stands beside it.";
    OpenShape = "open-shape", Input, Fine,
        "A model leaves a size open; the estimate is of the size that the file has in its place.",
        "Convert it with the input shape that is meant (input_shape=, batch size 1): activations and cycles grow with it.";
    MoreGraphs = "more-graphs", Input, Fine,
        "A model has further graphs that its first one does not call; the estimate is of the first.",
        "Convert it with one signature where another is meant.";
    FirmwareFault = "firmware-fault", Firmware, Fault,
        "The firmware broke a rule of the architecture and no handler of its own brought it back.",
        "The location names the function and line; the message says which rule.";
    FirmwareExit = "firmware-exit", Firmware, Expectation,
        "The firmware ended itself, through semihosting, with a code that is not 0.",
        "What it printed before is in the report; the code is its own.";
    BuiltForM4 = "built-for-m4", Firmware, Fault,
        "An instruction of the DSP or floating-point extension was met; a Cortex-M3 has neither and faults.",
        "Rebuild everything that is linked, libraries too, with -mcpu=cortex-m3 -mfloat-abi=soft.";
    LimitReached = "limit-reached", Firmware, Regression,
        "The run reached its limit before the firmware or the scenario was done.",
        "If the firmware is merely slow, raise --limit; if it spins, the location says where.";
    AsleepForever = "asleep-forever", Firmware, Fine,
        "The core sleeps and nothing that is enabled can ever wake it.",
        "If this is not the intended end, check that the wake-up interrupt is enabled in the peripheral and in the NVIC.";
    ExpectationFailed = "expectation-failed", Firmware, Expectation,
        "The firmware's answer is not what the scenario expects.",
        "Compare the outputs in the report with the reference.";
    ScenarioStalled = "scenario-stalled", Firmware, Expectation,
        "The firmware stopped taking part in the scenario's dialogue.",
        "The message names what was awaited; the serial output in the report shows how far it came.";
    LatencyTooLow = "latency-too-low", Firmware, Fault,
        "FLASH_ACR.LATENCY is lower than the system clock needs: on silicon, fetches return wrong data.",
        "Set 1 wait state above 24 MHz and 2 above 48 MHz before switching the clock (PM0075, section 3.1).";
    ClockOutOfRange = "clock-out-of-range", Firmware, Fault,
        "A clock was set above what the data sheet allows.",
        "STM32F103: SYSCLK 72 MHz, APB1 36 MHz, APB2 72 MHz, ADC 14 MHz at most.";
    UnclockedPeripheral = "unclocked-peripheral", Firmware, Fault,
        "A peripheral was accessed whose clock is off: reads give 0 and writes are lost.",
        "Set its enable bit in RCC_AHBENR, RCC_APB1ENR or RCC_APB2ENR first.";
    NotModelledRegister = "not-modelled-register", NotModelled, Fine,
        "The firmware used a register, or a field of one, that the simulator does not model; it reads as last written.",
        "Check that the firmware's result does not depend on it.";
    AllocationFailed = "allocation-failed", Firmware, Fine,
        "The heap had no room for an allocation: malloc and its kin returned a null pointer.",
        "Give the heap more room or ask for less; memory.heap in the report has the peak, and the location is who asked.";
    UninitialisedRead = "uninitialised-read", Firmware, Fine,
        "SRAM was read that nothing had written since power-on: on silicon it holds whatever it held.",
        "Initialise the variable, or check that the start-up code clears its section; copying a structure with gaps is harmless.";
    CycleCounterOff = "cycle-counter-off", Firmware, Fine,
        "DWT_CYCCNT was read while DEMCR.TRCENA or DWT_CTRL.CYCCNTENA is 0: it does not count.",
        "Set DEMCR bit 24 and DWT_CTRL bit 0 before measuring.";
    Internal = "internal", Internal, Tool,
        "The simulator failed in a way that is no fault of its input.",
        "Please report it with the firmware and the command line.";
}

impl Code {
    /// The code's catalogue row.
    #[must_use]
    pub fn entry(self) -> &'static Entry {
        &CATALOGUE[self as usize]
    }

    /// The code with that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Code> {
        CODES.iter().copied().find(|code| code.entry().name == name)
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Code::by_name(&name).ok_or_else(|| serde::de::Error::custom(format!("no finding is called '{name}'")))
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.entry().name)
    }
}

/// One occurrence of a catalogued finding.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Finding {
    /// Which kind.
    pub code: Code,
    /// Whose it is.
    pub blame: Blame,
    /// One sentence with the case's own names and numbers.
    pub message: String,
    /// Where: a file and place, or function, source line and address in the firmware.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// What to do.
    pub help: String,
}

impl Finding {
    /// A finding with the catalogue's own help.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let entry = code.entry();
        Self { code, blame: entry.blame, message: message.into(), location: None, help: entry.help.to_owned() }
    }

    /// The same finding with the place where it happened.
    #[must_use]
    pub fn at(mut self, location: impl Into<String>) -> Self {
        self.location = Some(location.into());
        self
    }

    /// The same finding with help that fits the case better than the catalogue's.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.code.entry().name, self.message)?;
        if let Some(location) = &self.location {
            write!(f, " (at {location})")?;
        }
        write!(f, "\n  help: {}", self.help)
    }
}

/// A finding that ends a command. The exit code is the catalogue's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub Box<Finding>);

impl Failure {
    /// A failure of that kind.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Finding::new(code, message).into()
    }

    /// The exit code that it leads to.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.0.code.entry().exit
    }
}

impl From<Finding> for Failure {
    fn from(finding: Finding) -> Self {
        Failure(Box::new(finding))
    }
}

/// What everything that can fail on a user's input returns.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// The candidate nearest to `name` by edit distance, if near enough to be a likely slip.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let limit = (name.chars().count() / 3).max(2);
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(&name, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance, by the usual two-row table.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_kebab_case() {
        for (i, entry) in CATALOGUE.iter().enumerate() {
            assert!(entry.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", entry.name);
            assert!(CATALOGUE.iter().skip(i + 1).all(|other| other.name != entry.name), "{} twice", entry.name);
        }
    }

    #[test]
    fn texts_are_whole_sentences() {
        for entry in CATALOGUE {
            assert!(entry.meaning.ends_with('.') && entry.help.ends_with('.'), "{}", entry.name);
        }
    }

    #[test]
    fn a_code_finds_its_own_row() {
        for code in CODES {
            assert_eq!(Code::by_name(code.entry().name), Some(*code));
        }
    }

    #[test]
    fn a_slip_finds_its_neighbour() {
        assert_eq!(nearest("anomoly", ["keyword", "anomaly"]), Some("anomaly"));
        assert_eq!(nearest("zzz", ["keyword", "anomaly"]), None);
    }
}
