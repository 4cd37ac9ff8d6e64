//! What it is: what is connected to the chip's pins: analogue sources of the ADC, partners on SPI and I2C, levels of input pins, memories behind FSMC.
//! Source: our own stanzas `[[adc]]`, `[[partner]]`, `[[pin]]`, `[[memory]]`, `[crystal]`, in a scenario or a file of their own (`--world`);
//! `--adc 3=1.65V`.
//! Does not model: what reacts to the chip, but partners that answer.
//! Tested by: the unit tests below, `tests/machine.rs`.

use super::inject::Injection;
use super::input::clip;
use super::ports::Wiring;
use crate::chip::port_pin;
use crate::finding::{Code, Failure, Result};
use crate::machine::Machine;
use crate::machine::semihosting::Grants;
use crate::peripherals::Partner;
use crate::peripherals::analog::{FULL_SCALE, Source};
use crate::peripherals::script::{LineFault, Script, Step};
use crate::units::Hz;
use serde::Deserialize;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

/// The stanzas as they are written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WorldFile {
    #[serde(default)]
    pub adc: Vec<AdcFile>,
    #[serde(default)]
    pub partner: Vec<PartnerFile>,
    #[serde(default)]
    pub pin: Vec<PinFile>,
    #[serde(default)]
    pub memory: Vec<MemoryFile>,
    #[serde(default)]
    pub crystal: CrystalFile,
}

/// `[crystal]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CrystalFile {
    /// When it fails, milliseconds after power-on.
    fails_at_ms: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AdcFile {
    /// The ADC's channel, 0 to 17.
    channel: u8,
    /// One of: a value of the converter, a voltage, a recording of 16-bit sound, a table whose first column is values of the converter.
    value: Option<u16>,
    volts: Option<f64>,
    wav: Option<String>,
    csv: Option<String>,
    /// Samples a second of a table.
    rate: Option<u32>,
    /// When a recording begins, milliseconds after power-on.
    #[serde(default)]
    start_ms: u64,
    /// Whether a recording starts anew when it has ended.
    #[serde(default)]
    repeat: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartnerFile {
    device: String,
    kind: PartnerKind,
    #[serde(default)]
    address: u8,
    #[serde(default)]
    memory: Vec<u8>,
    /// Bits a second of a scripted master's clock.
    rate: Option<u32>,
    #[serde(default)]
    steps: Vec<StepFile>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PartnerKind {
    Echo,
    Registers,
    Script,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepFile {
    /// Milliseconds after power-on.
    at_ms: f64,
    #[serde(default)]
    address: u8,
    #[serde(default)]
    send: Vec<u8>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    read: u16,
    fault: Option<FaultFile>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FaultFile {
    Frame,
    Break,
    Parity,
    Noise,
}

/// Milliseconds after power-on in nanoseconds, within a day: far beyond any run.
fn nanos(place: &str, at_ms: f64) -> Result<u64> {
    if (0.0..=86_400_000.0).contains(&at_ms) {
        Ok((at_ms * 1e6).round() as u64)
    } else {
        Err(wrong(place, format_args!("at_ms = {at_ms}; it must be within a day after power-on")))
    }
}

impl StepFile {
    fn check(self, place: &str) -> Result<Step> {
        let at_nanos = nanos(place, self.at_ms)?;
        if self.address > 0x7f {
            return Err(wrong(place, format_args!("address = {}; an I2C address has seven bits", self.address)));
        }
        let mut send = self.send;
        send.extend(self.text.into_bytes());
        if send.is_empty() && self.read == 0 {
            return Err(wrong(place, "a step sends something (send, text) or reads something (read)"));
        }
        let fault = self.fault.map(|fault| match fault {
            FaultFile::Frame => LineFault::Frame,
            FaultFile::Break => LineFault::Break,
            FaultFile::Parity => LineFault::Parity,
            FaultFile::Noise => LineFault::Noise,
        });
        Ok(Step { at_nanos, address: self.address, send, read: self.read.into(), fault })
    }
}

fn script(place: &str, rate: Option<u32>, steps: Vec<StepFile>) -> Result<Script> {
    let steps = steps.into_iter().map(|step| step.check(place)).collect::<Result<VecDeque<Step>>>()?;
    if steps.iter().zip(steps.iter().skip(1)).any(|(step, next)| step.at_nanos > next.at_nanos) {
        return Err(wrong(place, "its steps are not in the order of time"));
    }
    match rate {
        Some(0) => Err(wrong(place, "a rate is at least 1 bit a second")),
        Some(rate) => Ok(Script { rate: Hz(rate), steps }),
        None => Ok(Script { steps, ..Script::default() }),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PinFile {
    /// As `PA0`.
    pin: String,
    high: bool,
    /// Milliseconds after power-on; from power-on, if it is not said.
    at_ms: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MemoryFile {
    /// Where the firmware finds it: behind one of FSMC's selects.
    at: u32,
    /// Its bytes.
    size: u32,
}

/// See the module's description.
#[derive(Clone, Debug, Default)]
pub struct World {
    analog: Vec<(u8, Source)>,
    partners: Vec<(String, Partner)>,
    pins: Vec<(String, u32, bool)>,
    later_pins: BTreeMap<String, Vec<Step>>,
    crystal_fails: Option<Step>,
    memories: Vec<(u32, u32)>,
    debugger: Option<Grants>,
    /// Where serial lines, RTT and ITM lead.
    pub wiring: Wiring,
    /// What is put into memory, and called.
    pub injection: Injection,
    /// Where a recording of the wires goes.
    pub vcd: Option<PathBuf>,
}

/// What one select of FSMC reaches (RM0008, 21.4.1).
const MOST_MEMORY: u32 = 64 << 20;

fn wrong(place: &str, what: impl std::fmt::Display) -> Failure {
    Failure::new(Code::BadScenarioFile, format!("{place}: {what}"))
}

/// Sound around the middle of the converter's range.
pub(super) fn of_sound(sample: i16) -> u16 {
    (2048 + (i32::from(sample) >> 4)).clamp(0, i32::from(FULL_SCALE)) as u16
}

/// The first column; a line that does not begin with a number may be the first only, as a heading.
fn table(name: &str, bytes: &[u8]) -> Result<Vec<u16>> {
    let text = std::str::from_utf8(bytes).map_err(|_| wrong(name, "it is not text in UTF-8"))?;
    let mut values = Vec::new();
    for (line, row) in text.lines().enumerate().filter(|(_, row)| !row.trim().is_empty()) {
        match row.split(',').next().unwrap_or_default().trim().parse::<u16>() {
            Ok(value) if value <= FULL_SCALE => values.push(value),
            Ok(value) => return Err(wrong(name, format_args!("line {}: {value} is more than {FULL_SCALE}", line + 1))),
            Err(_) if line == 0 => {}
            Err(_) => return Err(wrong(name, format_args!("line {}: no whole number from 0 to {FULL_SCALE}", line + 1))),
        }
    }
    if values.is_empty() { Err(wrong(name, "it holds no value")) } else { Ok(values) }
}

fn volts(place: &str, volts: f64) -> Result<Source> {
    if !(0.0..=5.0).contains(&volts) {
        return Err(wrong(place, format_args!("{volts} V is not within the 0 to 5 V that a pin takes")));
    }
    Ok(Source::millivolts((volts * 1000.0).round() as u32))
}

impl WorldFile {
    /// Checks, and reads the files that it names with `read`.
    pub(super) fn check(self, place: &str, read: impl Fn(&str) -> Result<Vec<u8>>) -> Result<World> {
        let mut world = World::default();
        for adc in self.adc {
            let place = format!("{place}: [[adc]] channel {}", adc.channel);
            if adc.channel > 17 {
                return Err(wrong(&place, "channels are 0 to 17"));
            }
            let recording = |rate: u32, samples: Vec<u16>| Source::Recording {
                rate: Hz(rate),
                samples: samples.into(),
                start_nanos: adc.start_ms.saturating_mul(1_000_000),
                repeat: adc.repeat,
            };
            let source = match (adc.value, adc.volts, &adc.wav, &adc.csv) {
                (Some(value), None, None, None) if value <= FULL_SCALE => Source::Constant(value),
                (Some(value), None, None, None) => return Err(wrong(&place, format_args!("{value} is more than {FULL_SCALE}"))),
                (None, Some(given), None, None) => volts(&place, given)?,
                (None, None, Some(name), None) => {
                    let (rate, sound) = clip::sound(name, &read(name)?, None)?;
                    recording(rate, sound.into_iter().map(of_sound).collect())
                }
                (None, None, None, Some(name)) => {
                    let rate = adc.rate.filter(|rate| *rate > 0).ok_or_else(|| wrong(&place, "a csv needs a rate in Hz"))?;
                    recording(rate, table(name, &read(name)?)?)
                }
                _ => return Err(wrong(&place, "it takes one of value, volts, wav, csv")),
            };
            world.analog.push((adc.channel, source));
        }
        for partner in self.partner {
            let place = format!("{place}: [[partner]] {}", partner.device);
            let made = match partner.kind {
                PartnerKind::Echo => Partner::echo(partner.address),
                PartnerKind::Registers => Partner::registers(partner.address, partner.memory),
                PartnerKind::Script => Partner::Script(script(&place, partner.rate, partner.steps)?),
            };
            world.partners.push((partner.device, made));
        }
        if let Some(at_ms) = self.crystal.fails_at_ms {
            world.crystal_fails = Some(Step { at_nanos: nanos(&format!("{place}: [crystal]"), at_ms)?, ..Step::default() });
        }
        for pin in self.pin {
            let (port, number) =
                port_pin(&pin.pin).ok_or_else(|| wrong(place, format_args!("{:?} is no pin, as PA0", pin.pin)))?;
            let Some(at_ms) = pin.at_ms else {
                world.pins.push((port, number, pin.high));
                continue;
            };
            let at_nanos = nanos(&format!("{place}: [[pin]] {}", pin.pin), at_ms)?;
            let step = Step { at_nanos, address: number as u8, send: vec![pin.high.into()], ..Step::default() };
            world.later_pins.entry(port).or_default().push(step);
        }
        world.later_pins.values_mut().for_each(|steps| steps.sort_by_key(|step| step.at_nanos));
        for memory in self.memory {
            if memory.size > MOST_MEMORY {
                return Err(wrong(place, format_args!("[[memory]] size = {}; FSMC has 64 MiB for each select", memory.size)));
            }
            world.memories.push((memory.at, memory.size));
        }
        Ok(world)
    }
}

impl World {
    /// A file with these stanzas; the files that it names lie beside it.
    ///
    /// # Errors
    /// `file-unreadable`, `bad-scenario-file`.
    pub fn load(path: &Path) -> Result<Self> {
        let unreadable = |path: &Path, error: std::io::Error| {
            Failure::new(Code::FileUnreadable, format!("{} cannot be read: {error}", path.display()))
        };
        let place = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
        let file: WorldFile = toml::from_str(&text).map_err(|error| wrong(&place, error.message()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        file.check(&place, |name| {
            let path = folder.join(name);
            std::fs::read(&path).map_err(|error| unreadable(&path, error))
        })
    }

    /// One more analogue source as a command line gives it: `0=speech.wav`, `3=1.65V`, `3=2048`.
    ///
    /// # Errors
    /// `bad-usage`, or what is wrong with the file.
    pub fn connect(&mut self, spec: &str) -> Result<()> {
        let usage =
            |what: &str| Failure::new(Code::BadUsage, format!("--adc {spec}: {what}; it is as 0=speech.wav, 3=1.65V, 3=2048"));
        let (channel, what) = spec.split_once('=').ok_or_else(|| usage("no '='"))?;
        let channel: u8 =
            channel.trim().parse().ok().filter(|channel| *channel <= 17).ok_or_else(|| usage("no channel, 0 to 17"))?;
        let source = if let Ok(value) = what.parse::<u16>() {
            if value > FULL_SCALE {
                return Err(usage("a value is 0 to 4095"));
            }
            Source::Constant(value)
        } else if let Some(given) = what.strip_suffix(['V', 'v']).and_then(|number| number.parse::<f64>().ok()) {
            volts("--adc", given).map_err(|_| usage("a voltage is 0 to 5 V"))?
        } else {
            let bytes = std::fs::read(what)
                .map_err(|error| Failure::new(Code::FileUnreadable, format!("{what} cannot be read: {error}")))?;
            let (rate, sound) = clip::sound(what, &bytes, None)?;
            let samples: Vec<u16> = sound.into_iter().map(of_sound).collect();
            Source::Recording { rate: Hz(rate), samples: samples.into(), start_nanos: 0, repeat: false }
        };
        self.analog.push((channel, source));
        Ok(())
    }

    /// A debugger is connected that answers semihosting calls with what is granted.
    pub fn connect_debugger(&mut self, grants: Grants) {
        self.debugger = Some(grants);
    }

    /// Connects everything.
    ///
    /// # Errors
    /// `bad-scenario-file` where the chip lacks a device.
    pub fn apply(&self, machine: &mut Machine) -> Result<()> {
        let device = |machine: &Machine, name: &str| {
            machine.device(name).ok_or_else(|| wrong("the world outside", format_args!("the chip has no device '{name}'")))
        };
        for (channel, source) in &self.analog {
            machine.connect_analog(*channel, source.clone());
        }
        for (name, partner) in &self.partners {
            let device = device(machine, name)?;
            machine.attach(device, partner.clone());
        }
        for (port, pin, high) in &self.pins {
            let port = device(machine, port)?;
            machine.set_pin(port, *pin, Some(*high));
        }
        for (port, steps) in &self.later_pins {
            let port = device(machine, port)?;
            machine.attach(port, Partner::Script(Script { steps: steps.clone().into(), ..Script::default() }));
        }
        if let Some(step) = &self.crystal_fails {
            let rcc = device(machine, "RCC")?;
            machine.attach(rcc, Partner::Script(Script { steps: [step.clone()].into(), ..Script::default() }));
        }
        for (base, size) in &self.memories {
            if !machine.fit_memory(*base, *size) {
                let what = format_args!(
                    "[[memory]] at 0x{base:08x} of {size} B; a chip with FSMC has 64 MiB at each of 0x60000000, 0x64000000, 0x68000000, 0x6c000000"
                );
                return Err(wrong("the world outside", what));
            }
        }
        if self.vcd.is_some() {
            machine.record_wires();
        }
        if let Some(grants) = &self.debugger {
            machine.enable_semihosting(grants.clone());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(text: &str) -> Result<World> {
        let file: WorldFile = toml::from_str(text).expect("TOML");
        file.check("w.toml", |name| Ok(if name == "t.csv" { b"adc,x\n1,9\n4095\n".to_vec() } else { Vec::new() }))
    }

    #[test]
    fn stanzas_are_read_and_mistakes_named() {
        let good = world(
            "[[adc]]\nchannel=1\nvolts=1.65\n[[adc]]\nchannel=2\ncsv=\"t.csv\"\nrate=100\n[[partner]]\ndevice=\"I2C1\"\nkind=\"registers\"\n\
             address=0x48\nmemory=[1]\n[[pin]]\npin=\"PB12\"\nhigh=true\n",
        )
        .expect("a world");
        assert_eq!(good.analog.first(), Some(&(1, Source::Constant(2048))));
        assert!(matches!(&good.analog.get(1), Some((2, Source::Recording { samples, .. })) if samples[..] == [1, 4095]));
        assert_eq!(good.pins, [("GPIOB".to_owned(), 12, true)]);
        for (text, says) in [
            ("[[adc]]\nchannel=18\nvalue=1", "channels are 0 to 17"),
            ("[[adc]]\nchannel=1", "one of value, volts, wav, csv"),
            ("[[adc]]\nchannel=1\ncsv=\"t.csv\"", "needs a rate"),
            ("[[adc]]\nchannel=1\nvolts=7", "0 to 5 V"),
            ("[[pin]]\npin=\"PA16\"\nhigh=true", "no pin"),
            ("[[pin]]\npin=\"PA1\"\nhigh=true\nat_ms=1e9", "PA1: at_ms"),
            ("[[partner]]\ndevice=\"SPI1\"\nkind=\"script\"\nsteps=[{at_ms=1.0}]", "SPI1: a step sends something"),
            ("[[partner]]\ndevice=\"I2C1\"\nkind=\"script\"\nsteps=[{at_ms=-1.0, read=1}]", "within a day"),
            ("[[partner]]\ndevice=\"I2C1\"\nkind=\"script\"\nsteps=[{at_ms=1.0, address=200, read=1}]", "seven bits"),
            ("[[partner]]\ndevice=\"I2C1\"\nkind=\"script\"\nsteps=[{at_ms=2.0, read=1},{at_ms=1.0, read=1}]", "order of time"),
            ("[[partner]]\ndevice=\"I2C1\"\nkind=\"script\"\nrate=0", "at least 1 bit"),
            ("[[memory]]\nat=0x68000000\nsize=0x4000001", "64 MiB"),
        ] {
            let failure = world(text).expect_err(says);
            assert!(failure.0.message.contains(says), "{}", failure.0.message);
        }
        let mut world = World::default();
        for (spec, says) in [("0", "no '='"), ("99=1", "no channel"), ("1=5000", "0 to 4095"), ("1=9V", "0 to 5 V")] {
            assert!(world.connect(spec).expect_err(says).0.message.contains(says), "{spec}");
        }
    }
}
