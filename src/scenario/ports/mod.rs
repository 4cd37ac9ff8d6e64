//! What it is: where the firmware's serial lines, RTT channels and ITM ports lead on the host, while it runs: a file, the terminal, a
//! pseudo-terminal, a script.
//! Source: our own options `--uart`, `--uart-input`, `--rtt`, `--rtt-input`, `--itm`, `--real-time`.
//! Does not model: lines other than these; what is typed on a pseudo-terminal is as fast as the device's own baud rate.
//! Tested by: `tests/ports.rs`.

#[cfg(unix)]
mod pty;
mod sink;

use super::Host;
use crate::finding::{Code, Failure, Finding, Result};
use crate::machine::{Deadline, Environment, Machine, Outcome, Progress};
use crate::units::Cycles;
#[cfg(unix)]
use pty::Pty;
use sink::Sink;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Where a line leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whither {
    /// To standard error: standard output is the report's.
    Terminal,
    /// To a file, which is made anew.
    File(PathBuf),
    /// To a pseudo-terminal, with a link to it if one is wanted.
    Pty(Option<PathBuf>),
}

impl Whither {
    fn parse(text: &str) -> Self {
        match text {
            "-" => Whither::Terminal,
            "pty" => Whither::Pty(None),
            _ => match text.strip_prefix("pty:") {
                Some(link) => Whither::Pty(Some(PathBuf::from(link))),
                None => Whither::File(PathBuf::from(text)),
            },
        }
    }
}

/// What is to be connected.
#[derive(Clone, Debug, Default)]
pub struct Wiring {
    uarts: Vec<(String, Whither)>,
    inputs: Vec<(String, Vec<u8>)>,
    rtt: Vec<(u32, Whither)>,
    rtt_input: Option<Vec<u8>>,
    itm: Vec<(u32, Whither)>,
    real_time: bool,
}

fn usage(option: &str, text: &str, what: &str) -> Failure {
    Failure::new(Code::BadUsage, format!("{option} {text}: {what}"))
}

/// `1` and `usart1` are USART1, `4` is UART4.
fn device_name(text: &str) -> String {
    match text {
        "1" | "2" | "3" => format!("USART{text}"),
        "4" | "5" => format!("UART{text}"),
        _ => text.to_ascii_uppercase(),
    }
}

/// `0=trace.txt`, or `trace.txt` for number 0.
fn numbered(option: &str, text: &str, most: u32) -> Result<(u32, Whither)> {
    let split = text.split_once('=').filter(|(number, _)| number.chars().all(|c| c.is_ascii_digit()) && !number.is_empty());
    let (number, whither) = match split {
        Some((number, whither)) => (number.parse().ok().filter(|number| *number < most), whither),
        None => (Some(0), text),
    };
    let number = number.ok_or_else(|| usage(option, text, &format!("numbers are 0 to {}", most - 1)))?;
    match Whither::parse(whither) {
        Whither::Pty(_) => Err(usage(option, text, "only serial lines lead to a pseudo-terminal")),
        Whither::File(path) if path.as_os_str().is_empty() => Err(usage(option, text, "no file is named")),
        whither => Ok((number, whither)),
    }
}

impl Wiring {
    /// `--uart 1=pty`, `--uart USART2=log.txt`, `--uart 1=-`.
    ///
    /// # Errors
    /// `bad-usage`.
    pub fn uart(&mut self, text: &str) -> Result<()> {
        let wrong = |what| usage("--uart", text, what);
        let (device, whither) = text.split_once('=').ok_or_else(|| wrong("it is as 1=pty, 1=pty:LINK, 2=log.txt, 1=-"))?;
        if whither.is_empty() {
            return Err(wrong("nothing stands behind the '='"));
        }
        self.uarts.push((device_name(device), Whither::parse(whither)));
        Ok(())
    }

    /// `--uart-input 1=commands.txt`: what is sent to the device once its receiver is on.
    ///
    /// # Errors
    /// `bad-usage`, `file-unreadable`.
    pub fn uart_input(&mut self, text: &str) -> Result<()> {
        let (device, path) = text.split_once('=').ok_or_else(|| usage("--uart-input", text, "it is as 1=commands.txt"))?;
        self.inputs.push((device_name(device), read(path)?));
        Ok(())
    }

    /// `--rtt log.txt`, `--rtt 1=-`.
    ///
    /// # Errors
    /// `bad-usage`.
    pub fn rtt(&mut self, text: &str) -> Result<()> {
        self.rtt.push(numbered("--rtt", text, 16)?);
        Ok(())
    }

    /// `--rtt-input keys.txt`: what is sent down channel 0.
    ///
    /// # Errors
    /// `file-unreadable`.
    pub fn rtt_input(&mut self, path: &str) -> Result<()> {
        self.rtt_input = Some(read(path)?);
        Ok(())
    }

    /// `--itm trace.txt`, `--itm 3=-`.
    ///
    /// # Errors
    /// `bad-usage`.
    pub fn itm(&mut self, text: &str) -> Result<()> {
        self.itm.push(numbered("--itm", text, 32)?);
        Ok(())
    }

    /// The chip's time is not to run ahead of the world's.
    pub fn real_time(&mut self, on: bool) {
        self.real_time = on;
    }

    /// Connects everything.
    ///
    /// # Errors
    /// `bad-usage` where the chip lacks a device, `output-unwritable`.
    pub fn open(&self, machine: &mut Machine) -> Result<Ports> {
        let device = |machine: &Machine, name: &str| {
            let uart = name.starts_with("USART") || name.starts_with("UART");
            machine
                .device(name)
                .filter(|_| uart)
                .ok_or_else(|| Failure::from(Finding::new(Code::BadUsage, format!("the chip has no serial device '{name}'"))))
        };
        let mut ports = Ports { real_time: self.real_time.then(Instant::now), ..Ports::default() };
        ports.scripted = !self.inputs.is_empty();
        for (name, whither) in &self.uarts {
            let number = device(machine, name)?;
            let end = match whither {
                #[cfg(unix)]
                Whither::Pty(link) => End::Pty(Pty::open(name, link.as_deref())?),
                #[cfg(not(unix))]
                Whither::Pty(_) => return Err(usage("--uart", name, "this system has no pseudo-terminals")),
                whither => End::Sink(Sink::open(whither)?),
            };
            ports.uarts.push(Uart { device: number, read: 0, end });
        }
        for (name, bytes) in &self.inputs {
            ports.inputs.push((device(machine, name)?, bytes.clone()));
        }
        if !self.rtt.is_empty() || self.rtt_input.is_some() {
            machine.enable_rtt(self.rtt_input.clone().unwrap_or_default());
            ports.rtt_on = true;
        }
        let open = |list: &[(u32, Whither)]| {
            list.iter().map(|(number, whither)| Ok((*number, 0, Sink::open(whither)?))).collect::<Result<Vec<_>>>()
        };
        ports.rtt = open(&self.rtt)?;
        ports.itm = open(&self.itm)?;
        Ok(ports)
    }
}

fn read(path: &str) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Failure::new(Code::FileUnreadable, format!("{path} cannot be read: {error}")))
}

/// The other end of a serial line.
enum End {
    Sink(Sink),
    #[cfg(unix)]
    Pty(Pty),
}

struct Uart {
    device: usize,
    /// How much of what the machine sent has been looked at.
    read: usize,
    end: End,
}

/// What is connected, while the firmware runs.
#[derive(Default)]
pub struct Ports {
    uarts: Vec<Uart>,
    inputs: Vec<(usize, Vec<u8>)>,
    rtt_on: bool,
    rtt: Vec<(u32, usize, Sink)>,
    itm: Vec<(u32, usize, Sink)>,
    /// Since when the chip's time is not to run ahead of the world's.
    real_time: Option<Instant>,
    /// Something was or will be sent by a script.
    scripted: bool,
    /// How long to wait for somebody to type, where the core would sleep for ever; `None` is for ever.
    patience: Option<Duration>,
}

/// How often the lines are looked at, in core cycles: a millisecond at 72 MHz.
const PERIOD: Cycles = Cycles(72_000);
/// The longest stretch that nothing has to be looked at in.
const FOR_EVER: Cycles = Cycles(1 << 62);

impl Ports {
    /// How long the firmware may run until [`Ports::poll`] is due again.
    #[must_use]
    pub fn period(&self) -> Cycles {
        let idle = self.uarts.is_empty() && self.inputs.is_empty() && !self.rtt_on && self.itm.is_empty();
        if idle && self.real_time.is_none() { FOR_EVER } else { PERIOD }
    }

    /// Whether somebody may type.
    #[must_use]
    pub fn can_be_typed_on(&self) -> bool {
        self.uarts.iter().any(|uart| !matches!(uart.end, End::Sink(_)))
    }

    /// Where the core would sleep for ever, somebody who may type is waited for so long only; with `None`, for ever.
    pub fn wait_at_most(&mut self, patience: Option<Duration>) {
        self.patience = patience;
    }

    /// Whether what has passed here has passed: then no stretch of the run can be repeated.
    #[must_use]
    pub fn are_live(&self) -> bool {
        self.scripted || !self.uarts.is_empty() || self.rtt_on || !self.itm.is_empty() || self.real_time.is_some()
    }

    /// Passes on what has come, both ways.
    ///
    /// # Errors
    /// `output-unwritable`.
    pub fn poll(&mut self, machine: &mut Machine) -> Result<()> {
        self.send_scripts(machine);
        if self.rtt_on {
            machine.poll_rtt();
        }
        for (channel, read, sink) in &mut self.rtt {
            sink.advance(read, machine.rtt_output(*channel))?;
        }
        for (port, read, sink) in &mut self.itm {
            let items = machine.traced();
            let fresh = items.iter().skip(*read).filter(|item| item.port == *port);
            let bytes: Vec<u8> = fresh.flat_map(|item| item.value.to_le_bytes().into_iter().take(item.size as usize)).collect();
            *read = items.len();
            sink.write(&bytes)?;
        }
        for uart in &mut self.uarts {
            let sent = machine.sent();
            let fresh: Vec<u8> =
                sent.iter().skip(uart.read).filter(|sent| sent.device == uart.device).map(|sent| sent.byte).collect();
            uart.read = sent.len();
            match &mut uart.end {
                End::Sink(sink) => sink.write(&fresh)?,
                #[cfg(unix)]
                End::Pty(pty) => {
                    pty.write(&fresh);
                    let typed = pty.read();
                    if !typed.is_empty() {
                        machine.receive(uart.device, &typed);
                    }
                }
            }
        }
        self.wait(machine);
        Ok(())
    }

    /// The run is over: what is still on its way arrives.
    ///
    /// # Errors
    /// `output-unwritable`.
    pub fn finish(&mut self, machine: &mut Machine) -> Result<()> {
        self.real_time = None;
        self.poll(machine)?;
        for uart in &mut self.uarts {
            match &mut uart.end {
                End::Sink(_) => {}
                #[cfg(unix)]
                End::Pty(pty) => pty.drain(),
            }
        }
        Ok(())
    }

    /// Sends scripted input to each device whose receiver has been switched on.
    fn send_scripts(&mut self, machine: &mut Machine) {
        self.inputs.retain(|(device, bytes)| {
            let ready = machine.can_receive(*device);
            if ready {
                machine.receive(*device, bytes);
            }
            !ready
        });
    }

    /// Lets the world's time catch up; where the core would sleep for ever, until somebody types.
    fn wait(&mut self, machine: &mut Machine) {
        let idle = machine.is_idle();
        let ahead = self.real_time.and_then(|since| {
            let chip = Duration::from_secs_f64((machine.micros(machine.now()) / 1e6).max(0.0));
            chip.checked_sub(since.elapsed())
        });
        #[cfg(unix)]
        {
            let wait = if idle { self.patience } else { ahead };
            if idle || wait.is_some() {
                for uart in &mut self.uarts {
                    if let End::Pty(pty) = &mut uart.end
                        && pty.wait(wait)
                    {
                        let typed = pty.read();
                        machine.receive(uart.device, &typed);
                        return;
                    }
                    // One that can be typed on is enough to wait for.
                    if matches!(uart.end, End::Pty(_)) {
                        return;
                    }
                }
            }
        }
        if let Some(ahead) = ahead.filter(|_| !idle) {
            std::thread::sleep(ahead);
        }
    }
}

/// The scenario's host, if there is one, and the ports: all that is outside the chip.
pub struct Connected<'a> {
    /// The host.
    pub host: &'a mut Option<Host>,
    /// The ports.
    pub ports: &'a mut Ports,
}

impl Environment for Connected<'_> {
    fn look(&mut self, machine: &mut Machine) -> Result<Progress> {
        self.ports.poll(machine)?;
        self.host.look(machine)
    }
}

/// Runs the machine with everything that is connected.
///
/// # Errors
/// As [`Machine::run`]; `output-unwritable`.
pub fn drive(machine: &mut Machine, host: &mut Option<Host>, ports: &mut Ports, deadline: Deadline) -> Result<Outcome> {
    let mut connected = Connected { host, ports };
    loop {
        let pause = machine.now() + connected.ports.period();
        if let Some(outcome) = machine.run_until_within(&mut connected, pause, deadline)? {
            return Ok(outcome);
        }
    }
}

/// Nobody asks anything of firmware that runs alone.
impl Environment for Option<Host> {
    fn look(&mut self, machine: &mut Machine) -> Result<Progress> {
        self.as_mut().map_or(Ok(Progress::Continue), |host| host.look(machine))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_mistakes_named() {
        let mut wiring = Wiring::default();
        wiring.uart("1=pty:link").unwrap();
        wiring.uart("usart2=-").unwrap();
        wiring.itm("trace.txt").unwrap();
        wiring.itm("31=x=y").unwrap();
        assert_eq!(wiring.uarts[0], ("USART1".to_owned(), Whither::Pty(Some(PathBuf::from("link")))));
        assert_eq!(wiring.uarts[1], ("USART2".to_owned(), Whither::Terminal));
        assert_eq!(wiring.itm, [(0, Whither::File("trace.txt".into())), (31, Whither::File("x=y".into()))]);
        for (failed, says) in [
            (wiring.uart("1"), "it is as 1=pty"),
            (wiring.uart("1="), "nothing stands"),
            (wiring.itm("32=x"), "0 to 31"),
            (wiring.rtt("16=x"), "0 to 15"),
            (wiring.itm("pty"), "only serial lines"),
            (wiring.rtt(""), "no file"),
        ] {
            let failure = failed.expect_err(says);
            assert!(failure.0.message.contains(says), "{}", failure.0.message);
        }
    }
}
