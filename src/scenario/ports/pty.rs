//! What it is: a pseudo-terminal as the other end of a serial line, so that terminal programs and test runners talk to the firmware.
//! Source: POSIX, pseudo-terminals and termios.
//! Does not model: the line's speed: bytes come and go at the device's own.
//! Tested by: `tests/ports.rs`, with Python's termios as the client.

use crate::finding::{Code, Failure, Result};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::openpty;
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::ttyname;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What waits for a reader, at most; older bytes are dropped, as on a line that nobody listens to.
const MOST_WAITING: usize = 1 << 20;

/// See the module's description.
pub struct Pty {
    master: File,
    /// Kept open, or the master fails while nobody is connected.
    slave: File,
    link: Option<PathBuf>,
    waiting: VecDeque<u8>,
}

impl Pty {
    /// A new one, which is named on standard error; and a link to it, removed afterwards.
    pub fn open(device: &str, link: Option<&Path>) -> Result<Self> {
        let failed = |what: &dyn std::fmt::Display| {
            Failure::new(Code::OutputUnwritable, format!("no pseudo-terminal for {device}: {what}"))
        };
        let pair = openpty(None, None).map_err(|error| failed(&error))?;
        let mut settings = tcgetattr(&pair.slave).map_err(|error| failed(&error))?;
        cfmakeraw(&mut settings);
        tcsetattr(&pair.slave, SetArg::TCSANOW, &settings).map_err(|error| failed(&error))?;
        fcntl(&pair.master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(|error| failed(&error))?;
        let name = ttyname(&pair.slave).map_err(|error| failed(&error))?;
        if let Some(link) = link {
            // One that an earlier run has left.
            if link.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
                let _ = std::fs::remove_file(link);
            }
            std::os::unix::fs::symlink(&name, link).map_err(|error| failed(&format!("{}: {error}", link.display())))?;
        }
        eprintln!("{device} is at {}", link.unwrap_or(&name).display());
        Ok(Self {
            master: File::from(pair.master),
            slave: File::from(pair.slave),
            link: link.map(Path::to_path_buf),
            waiting: VecDeque::new(),
        })
    }

    /// Sends to whoever is connected, as far as they take it.
    pub fn write(&mut self, bytes: &[u8]) {
        self.waiting.extend(bytes);
        let excess = self.waiting.len().saturating_sub(MOST_WAITING);
        self.waiting.drain(..excess);
        while !self.waiting.is_empty() {
            match self.master.write(self.waiting.make_contiguous()) {
                Ok(taken) if taken > 0 => {
                    self.waiting.drain(..taken);
                }
                _ => break,
            }
        }
    }

    /// What was typed since the last time.
    pub fn read(&mut self) -> Vec<u8> {
        let mut typed = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(count) = self.master.read(&mut buffer) {
            typed.extend_from_slice(buffer.get(..count).unwrap_or_default());
            if count < buffer.len() {
                break;
            }
        }
        typed
    }

    /// Waits until something is typed: so long, or for ever. Whether something was.
    pub fn wait(&mut self, most: Option<Duration>) -> bool {
        let end = most.map(|most| std::time::Instant::now() + most);
        loop {
            self.write(&[]);
            let left = end.map(|end| end.saturating_duration_since(std::time::Instant::now()));
            // What a slow reader has not taken yet is offered again and again.
            let slice = Duration::from_millis(if self.waiting.is_empty() { 1000 } else { 5 });
            let timeout = left.map_or(slice, |left| left.min(slice));
            if ready(&self.master, timeout) {
                return true;
            }
            if left.is_some_and(|left| left <= timeout) {
                return false;
            }
        }
    }

    /// Gives the reader a second to take what is left.
    pub fn drain(&mut self) {
        for _ in 0..100 {
            self.write(&[]);
            if self.waiting.is_empty() && !ready(&self.slave, Duration::ZERO) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            let _ = std::fs::remove_file(link);
        }
    }
}

/// Whether there is something to read within that time.
fn ready(file: &File, within: Duration) -> bool {
    let timeout = PollTimeout::try_from(within).unwrap_or(PollTimeout::MAX);
    let mut wanted = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
    poll(&mut wanted, timeout).is_ok_and(|count| count > 0)
        && wanted[0].revents().is_some_and(|events| events.contains(PollFlags::POLLIN))
}
