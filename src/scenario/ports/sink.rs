//! What it is: the end of a line that only takes: a file or the terminal.
//! Source: our own.
//! Does not model: input.
//! Tested by: `tests/ports.rs`.

use super::Whither;
use crate::finding::{Code, Failure, Result};
use std::fs::File;
use std::io::Write;

/// See the module's description.
pub struct Sink {
    /// `None` is standard error.
    file: Option<(String, File)>,
}

impl Sink {
    /// A new file, or the terminal.
    pub fn open(whither: &Whither) -> Result<Self> {
        let Whither::File(path) = whither else { return Ok(Self { file: None }) };
        let name = path.display().to_string();
        match File::create(path) {
            Ok(file) => Ok(Self { file: Some((name, file)) }),
            Err(error) => Err(Failure::new(Code::OutputUnwritable, format!("{name} cannot be written: {error}"))),
        }
    }

    /// Takes bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        match &mut self.file {
            // Nobody is told where even standard error is closed.
            None => {
                let _ = std::io::stderr().lock().write_all(bytes);
                Ok(())
            }
            Some((name, file)) => file
                .write_all(bytes)
                .map_err(|error| Failure::new(Code::OutputUnwritable, format!("{name} cannot be written: {error}"))),
        }
    }

    /// Takes what has been added to `all` since the first `read` bytes.
    pub fn advance(&mut self, read: &mut usize, all: &[u8]) -> Result<()> {
        let fresh = all.get(*read..).unwrap_or_default();
        *read = all.len();
        self.write(fresh)
    }
}
