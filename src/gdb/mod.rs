//! What it is: a GDB server: waits for a debugger and lets it have the machine.
//! Source: the GDB Remote Serial Protocol, by the crate `gdbstub`.
//! Does not model: several debuggers at once.
//! Tested by: `tests/gdb.rs`, with gdb-multiarch as the client.

mod arch;
mod history;
mod monitor;
mod target;

use crate::chip::Chip;
use crate::finding::{Code, Failure, Result};
use crate::firmware::Image;
use crate::machine::{Machine, Outcome};
use crate::scenario::{Host, Ports};
use crate::units::Tick;
use gdbstub::common::Signal;
use gdbstub::conn::{Connection, ConnectionExt};
use gdbstub::stub::run_blocking::{BlockingEventLoop, Event, WaitForStopReasonError};
use gdbstub::stub::{DisconnectReason, GdbStub, SingleThreadStopReason};
use std::io::{self, ErrorKind, Read, Write};
use std::marker::PhantomData;
use std::net::{TcpListener, TcpStream};
use target::Debuggee;

/// A connection with what has arrived and has not been looked at.
struct Line {
    stream: TcpStream,
    arrived: Vec<u8>,
    next: usize,
    leaving: Vec<u8>,
}

impl Line {
    /// Takes in what is there; waits for it if it may. `false` if there is nothing.
    fn fill(&mut self, wait: bool) -> io::Result<bool> {
        if self.next < self.arrived.len() {
            return Ok(true);
        }
        self.stream.set_nonblocking(!wait)?;
        self.arrived.resize(4096, 0);
        self.next = 0;
        let outcome = Read::read(&mut self.stream, &mut self.arrived);
        self.arrived.truncate(*outcome.as_ref().unwrap_or(&0));
        match outcome {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Connection for Line {
    type Error = io::Error;

    fn write(&mut self, byte: u8) -> io::Result<()> {
        self.leaving.push(byte);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.set_nonblocking(false)?;
        Write::write_all(&mut self.stream, &self.leaving)?;
        self.leaving.clear();
        Write::flush(&mut self.stream)
    }

    fn on_session_start(&mut self) -> io::Result<()> {
        self.stream.set_nodelay(true)
    }
}

impl ConnectionExt for Line {
    fn read(&mut self) -> io::Result<u8> {
        while !self.fill(true)? {}
        let byte = self.arrived.get(self.next).copied().ok_or(ErrorKind::UnexpectedEof)?;
        self.next += 1;
        Ok(byte)
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(if self.fill(false)? { self.arrived.get(self.next).copied() } else { None })
    }
}

/// Runs the machine and listens to the debugger in turns.
struct Turns<'a>(PhantomData<&'a ()>);

impl<'a> BlockingEventLoop for Turns<'a> {
    type Target = Debuggee<'a>;
    type Connection = Line;
    type StopReason = SingleThreadStopReason<u32>;

    fn wait_for_stop_reason(
        target: &mut Debuggee<'a>,
        line: &mut Line,
    ) -> std::result::Result<Event<Self::StopReason>, WaitForStopReasonError<Failure, io::Error>> {
        line.flush().map_err(WaitForStopReasonError::Connection)?;
        loop {
            if line.peek().map_err(WaitForStopReasonError::Connection)?.is_some() {
                return line.read().map(Event::IncomingData).map_err(WaitForStopReasonError::Connection);
            }
            if let Some(reason) = target.slice().map_err(WaitForStopReasonError::Target)? {
                return Ok(Event::TargetStopped(reason));
            }
        }
    }

    fn on_interrupt(_: &mut Debuggee<'a>) -> Result<Option<Self::StopReason>> {
        Ok(Some(SingleThreadStopReason::Signal(Signal::SIGINT)))
    }
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The run came to its end, in the session or behind it.
    Run(Outcome),
    /// The debugger has ended it, or has gone: why.
    Abandoned(String),
}

/// A place to wait for a debugger at.
pub struct Server(TcpListener);

impl Server {
    /// Listens at an address, as `127.0.0.1:3333`; port 0 takes a free one.
    ///
    /// # Errors
    /// `bad-usage` where that cannot be listened at.
    pub fn listen(address: &str) -> Result<Self> {
        let failed =
            |error: io::Error| Failure::new(Code::BadUsage, format!("the debugger cannot be waited for at {address}: {error}"));
        TcpListener::bind(address).map(Self).map_err(failed)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> String {
        self.0.local_addr().map_or_else(|_| "?".to_owned(), |address| address.to_string())
    }

    /// Waits for one debugger and serves it. When it detaches, the firmware runs on to its end.
    ///
    /// # Errors
    /// What the run itself finds wrong; the debugger's mistakes end the session.
    pub fn serve(
        &self,
        machine: &mut Machine,
        (host, ports): (&mut Option<Host>, &mut Ports),
        (chip, image): (&Chip, &Image),
        limit: Tick,
    ) -> Result<Ended> {
        let accepted = self.0.accept();
        let (stream, _) =
            accepted.map_err(|error| Failure::new(Code::Internal, format!("the debugger's connection failed: {error}")))?;
        let line = Line { stream, arrived: Vec::new(), next: 0, leaving: Vec::new() };
        let mut debuggee = Debuggee::new(machine, (host, ports), (chip, image), limit);
        debuggee.start()?;
        match GdbStub::new(line).run_blocking::<Turns<'_>>(&mut debuggee) {
            Ok(_) if debuggee.has_gone_back() => {
                Ok(Ended::Abandoned("the run has gone back, so that there is no report of it".to_owned()))
            }
            Ok(DisconnectReason::Disconnect) => {
                let outcome = match debuggee.outcome.take() {
                    Some(outcome) => outcome,
                    None => debuggee.run_on()?,
                };
                Ok(Ended::Run(outcome))
            }
            Ok(DisconnectReason::TargetExited(_) | DisconnectReason::TargetTerminated(_)) => {
                let outcome = debuggee.outcome.take();
                Ok(outcome.map_or_else(|| Ended::Abandoned("the firmware ended".to_owned()), Ended::Run))
            }
            Ok(DisconnectReason::Kill) => Ok(Ended::Abandoned("the debugger ended it".to_owned())),
            Err(error) if error.is_target_error() => {
                let failure = error.into_target_error();
                Err(failure.unwrap_or_else(|| Failure::new(Code::Internal, "the session failed")))
            }
            Err(error) => Ok(Ended::Abandoned(match error.into_connection_error() {
                Some((error, _)) => format!("the debugger has gone: {error}"),
                None => "the debugger does not speak GDB's protocol".to_owned(),
            })),
        }
    }
}
