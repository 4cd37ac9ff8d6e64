//! What it is: `stm32sim run`: load, feed, execute, report.
//! Source: [`crate::report::run`].
//! Does not model: anything.
//! Tested by: `tests/run.rs`, `tests/bad_input.rs`.

use super::conditions::Conditions;
use super::output::save;
use super::profile::html_page;
use super::{Format, Output};
use crate::chip::Chip;
use crate::finding::{Code, Failure, Finding, Result};
use crate::firmware::{Image, Source, parse_address};
use crate::machine::semihosting::Grants;
use crate::report::run::{Recorded, Request, RunReport, Stimulus, profile, run_driven};
use crate::report::{markdown, run_table};
use crate::scenario::{Scenario, World, drive};
use crate::units::Addr;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stm32sim run --scenario anomaly
  stm32sim run --scenario anomaly --sample 7 --format json
  stm32sim run --scenario anomaly --format markdown
  stm32sim run --scenario image --input picture.png
  stm32sim run --scenario keyword-live --input word.wav
  stm32sim run firmware.elf --limit 2s
  stm32sim run firmware.elf --check-reads
  stm32sim run boot.elf --load application.hex
  stm32sim run firmware.bin --base 0x08000000
  stm32sim run firmware.elf --semihosting-dir files --semihosting-args \"-v once\"
  stm32sim run --load boot.bin --load application.bin@0x08002000
  stm32sim run firmware.elf --adc 0=speech.wav --adc 1=1.65V --world board.toml
  stm32sim run firmware.elf --scenario anomaly --clock 24MHz --wait-states 0
  stm32sim run firmware.elf --uart 1=pty:board --real-time --limit none
  stm32sim run firmware.elf --uart 1=log.txt --uart-input 1=commands.txt
  stm32sim run firmware.elf --set g_gain=0.5 --set input=@sample.npy
  stm32sim run firmware.elf --set g_input=@sample.npy --call 'classify(&g_input, 41)'
  stm32sim run firmware.elf --rtt - --itm trace.txt --vcd wires.vcd")]
pub(super) struct RunArgs {
    /// The program: an ELF (.elf, .axf), Intel HEX, raw bytes (.bin); without it the scenario's own runs
    pub(super) firmware: Option<PathBuf>,
    /// Where FIRMWARE goes if it is raw bytes [default: 0x08000000]
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address, requires = "firmware")]
    base: Option<Addr>,
    /// One more firmware file, as the application behind a boot loader; an address for raw bytes; repeatable
    #[arg(long, value_name = "FILE[@ADDRESS]", value_parser = Source::parse)]
    load: Vec<Source>,
    /// A built-in scenario, or a file ending in .toml
    #[arg(long, value_name = "NAME|FILE")]
    scenario: Option<String>,
    /// Which of the scenario's samples to send, counted from 0 [default: 0]
    #[arg(long, value_name = "N", conflicts_with = "input", requires = "scenario")]
    sample: Option<usize>,
    /// An input of your own: a .npy, or what the scenario takes: a .png, a .wav, a .csv (rows.csv:7) or a row, a sentence
    #[arg(long, value_name = "FILE|TEXT", requires = "scenario")]
    input: Option<String>,
    /// What an ADC channel converts: a 16-bit .wav, a voltage, a value; repeatable
    #[arg(long, value_name = "CHANNEL=WHAT")]
    adc: Vec<String>,
    /// A .toml with adc, partner, pin and memory stanzas: what is connected to the chip's pins
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// Answer the firmware's semihosting calls (BKPT 0xAB): console, clock, exit code
    #[arg(long)]
    semihosting: bool,
    /// The only folder whose files the firmware may read, write and remove through semihosting
    #[arg(long, value_name = "DIR")]
    semihosting_dir: Option<PathBuf>,
    /// The command line that the firmware gets through semihosting
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    semihosting_args: Option<String>,
    /// Also report loads of SRAM that nothing has written; takes much longer
    #[arg(long)]
    check_reads: bool,
    /// Put a value into a variable: a number, or a file's content; NAME+OFFSET within it; repeatable
    #[arg(long, value_name = "NAME=VALUE|@FILE")]
    set: Vec<String>,
    /// Call a function in place of what the firmware would go on with, and report what it returns and costs; repeatable
    #[arg(long, value_name = "FUNCTION[(ARGUMENTS)]")]
    call: Vec<String>,
    /// When to do that: where this function begins [default: main]
    #[arg(long, value_name = "FUNCTION")]
    at: Option<String>,
    #[command(flatten)]
    lines: Lines,
    #[command(flatten)]
    conditions: Conditions,
}

/// What the firmware's lines lead to.
#[derive(Debug, Args)]
struct Lines {
    /// Where a serial line leads: pty (a pseudo-terminal; pty:LINK makes a link to it), a file, - for the terminal; repeatable
    #[arg(long, value_name = "N=WHERE")]
    uart: Vec<String>,
    /// What is sent to a serial line once the firmware listens there
    #[arg(long, value_name = "N=FILE")]
    uart_input: Vec<String>,
    /// Where an RTT channel (0, if none is given) leads: a file, - for the terminal; repeatable
    #[arg(long, value_name = "[CHANNEL=]WHERE")]
    rtt: Vec<String>,
    /// What is sent down RTT channel 0
    #[arg(long, value_name = "FILE")]
    rtt_input: Option<String>,
    /// Where an ITM stimulus port (0, if none is given) leads: a file, - for the terminal; repeatable
    #[arg(long, value_name = "[PORT=]WHERE")]
    itm: Vec<String>,
    /// Let the chip's time pass no faster than the world's
    #[arg(long)]
    real_time: bool,
    /// Record pins and serial lines as a Value Change Dump, for a waveform viewer
    #[arg(long, value_name = "FILE")]
    vcd: Option<PathBuf>,
}

impl Lines {
    fn connect(&self, world: &mut World) -> Result<()> {
        let wiring = &mut world.wiring;
        self.uart.iter().try_for_each(|text| wiring.uart(text))?;
        self.uart_input.iter().try_for_each(|text| wiring.uart_input(text))?;
        self.rtt.iter().try_for_each(|text| wiring.rtt(text))?;
        self.rtt_input.iter().try_for_each(|path| wiring.rtt_input(path))?;
        self.itm.iter().try_for_each(|text| wiring.itm(text))?;
        wiring.real_time(self.real_time);
        world.vcd.clone_from(&self.vcd);
        Ok(())
    }
}

impl RunArgs {
    /// The firmware files that were named.
    fn sources(&self) -> Vec<Source> {
        let first = self.firmware.iter().map(|path| Source { path: path.clone(), base: self.base });
        first.chain(self.load.iter().cloned()).collect()
    }

    /// What semihosting may do; `None` if it was not asked for.
    fn grants(&self) -> Result<Option<Grants>> {
        if !self.semihosting && self.semihosting_dir.is_none() && self.semihosting_args.is_none() {
            return Ok(None);
        }
        if let Some(folder) = self.semihosting_dir.as_ref().filter(|folder| !folder.is_dir()) {
            let says = format!("{} is no folder, so semihosting can have no files in it", folder.display());
            return Err(Finding::new(Code::FileUnreadable, says).help("Make the folder first, or name another one.").into());
        }
        Ok(Some(Grants { folder: self.semihosting_dir.clone(), arguments: self.semihosting_args.clone().unwrap_or_default() }))
    }

    /// Does something with what these options of `command` ask to be run.
    pub(super) fn with_request<T>(&self, command: &str, act: impl FnOnce(&Request<'_>) -> Result<T>) -> Result<T> {
        let scenario = self.scenario.as_deref().map(Scenario::find).transpose()?;
        let image = match (self.sources().as_slice(), &scenario) {
            ([], Some(scenario)) => scenario.image()?,
            ([], None) => {
                return Err(Failure::new(Code::BadUsage, format!("{command} needs a firmware file, a --scenario, or both")));
            }
            (sources, _) => Image::load_all(sources)?,
        };
        let own = scenario.as_ref().map(|scenario| scenario.chip.as_str());
        let chip = Chip::find(self.conditions.chip.as_deref().or(own).unwrap_or("stm32f103c8"))?;
        let stimulus = match (&scenario, &self.input) {
            (Some(scenario), Some(given)) => Stimulus::Input(scenario.input(given)?),
            _ => Stimulus::Sample(self.sample.unwrap_or(0)),
        };
        let mut world = self.world.as_deref().map(World::load).transpose()?.unwrap_or_default();
        self.adc.iter().try_for_each(|spec| world.connect(spec))?;
        self.lines.connect(&mut world)?;
        self.set.iter().try_for_each(|text| world.injection.set(text))?;
        self.call.iter().try_for_each(|text| world.injection.call(text, &image))?;
        self.at.iter().for_each(|function| world.injection.at(function));
        if let Some(grants) = self.grants()? {
            world.connect_debugger(grants);
        }
        act(&Request {
            chip: &chip,
            image: &image,
            scenario: scenario.as_ref().map(|scenario| (scenario, stimulus)),
            world,
            fidelity: self.conditions.fidelity(),
            limit: self.conditions.limit,
            clock: self.conditions.clock,
            overrides: self.conditions.overrides(&chip),
            check_reads: self.check_reads,
        })
    }
}

pub(super) fn run(args: &RunArgs, output: &Output) -> Result<u8> {
    if output.format == Format::Csv {
        return Err(output.unsupported("run", "table, json, markdown and html"));
    }
    args.with_request("run", |request| {
        if output.format == Format::Html {
            let recorded = profile(request)?;
            save_wires(request, &recorded)?;
            output.text(&html_page(request, &recorded)?)?;
            return Ok(recorded.report.exit_code());
        }
        let recorded = run_driven(request, drive)?;
        save_wires(request, &recorded)?;
        show(&recorded.report, output)
    })
}

/// Writes the recording of the wires where it was asked for.
pub(super) fn save_wires(request: &Request<'_>, recorded: &Recorded) -> Result<()> {
    match (&request.world.vcd, &recorded.wires) {
        (Some(path), Some(wires)) => save(path, wires),
        _ => Ok(()),
    }
}

/// Shows a run's report, and gives the exit code.
pub(super) fn show(report: &RunReport, output: &Output) -> Result<u8> {
    match output.format {
        Format::Json => output.json(report)?,
        Format::Markdown => output.text(&markdown::run(report))?,
        _ => output.report(&run_table(report, output.verbose))?,
    }
    Ok(report.exit_code())
}
