//! What it is: finished work on file while a long run goes on, one line of JSON for each piece, so that a killed run continues.
//! Source: JSON Lines (jsonlines.org): a line is whole or it is not counted.
//! Does not model: two processes with one journal.
//! Tested by: the tests below; `tests/campaign.rs` (kill -9 in the middle, a full device).

use crate::finding::{Code, Failure, Finding, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A journal that takes more lines.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Mutex<File>,
}

impl Journal {
    /// Opens the journal of the run that `id` describes, and gives the pieces that are in it already, by number. A last line that was not
    /// finished is dropped.
    ///
    /// # Errors
    /// `bad-journal` when it belongs to another run; `file-unreadable`; `output-unwritable`.
    pub fn open(path: &Path, id: &str) -> Result<(Self, BTreeMap<usize, Value>)> {
        let shown = path.display();
        let failed = |error: std::io::Error| Failure::new(Code::OutputUnwritable, format!("{shown} cannot be written: {error}"));
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        // A device or a pipe may have no end to read to.
        if !file.metadata().is_ok_and(|found| found.is_file()) {
            let message = format!("{shown} cannot be written: it is no regular file, and a journal is read back");
            return Err(Failure::new(Code::OutputUnwritable, message));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(|error| Failure::new(Code::FileUnreadable, format!("{shown} cannot be read: {error}")))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut lines = bytes.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let other = |what: &str| Failure::from(Finding::new(Code::BadJournal, format!("{shown} {what}")));
        let mut pieces = BTreeMap::new();
        match lines.next() {
            None if bytes.is_empty() || b"{\"journal\":".starts_with(bytes.get(..11).unwrap_or(&bytes)) => {}
            None => return Err(other("is no journal of stm32sim")),
            Some(first) => {
                let first: Option<Value> = serde_json::from_slice(first).ok();
                match first.as_ref().and_then(|first| first.get("journal")).and_then(Value::as_str) {
                    Some(found) if found == id => {}
                    Some(_) => return Err(other("is the journal of another run, or of other firmware, chips or options")),
                    None => return Err(other("is no journal of stm32sim")),
                }
                for (number, line) in lines.enumerate() {
                    let line: Option<Value> = serde_json::from_slice(line).ok();
                    let piece = line.and_then(|mut line| {
                        let index = usize::try_from(line.get("piece")?.as_u64()?).ok()?;
                        Some((index, line.get_mut("result")?.take()))
                    });
                    let Some((index, result)) = piece else {
                        return Err(other(&format!("is damaged in line {}", number + 2)));
                    };
                    pieces.insert(index, result);
                }
            }
        }
        file.set_len(whole as u64).map_err(failed)?;
        let journal = Self { path: path.to_owned(), file: Mutex::new(file) };
        // The next line goes where the last whole one ends, whatever was read.
        journal.seek_to(whole as u64)?;
        if whole == 0 {
            journal.line(&json!({ "journal": id }))?;
        }
        Ok((journal, pieces))
    }

    fn seek_to(&self, at: u64) -> Result<()> {
        use std::io::Seek;
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(std::io::SeekFrom::Start(at)).map(|_| ()).map_err(|error| self.failed(&error))
    }

    /// Adds a finished piece; when this returns, killing the process does not lose it.
    ///
    /// # Errors
    /// `output-unwritable`.
    pub fn add(&self, piece: usize, result: &Value) -> Result<()> {
        self.line(&json!({ "piece": piece, "result": result }))
    }

    fn line(&self, value: &Value) -> Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(format!("{value}\n").as_bytes()).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        Finding::new(Code::OutputUnwritable, format!("{} cannot be written: {error}", self.path.display()))
            .help("What it holds already is kept: with space again, the same command continues.")
            .into()
    }

    /// Removes it: the work is done and reported.
    pub fn done(self) {
        // One that cannot be removed is continued from and found complete; nothing is lost.
        let _ = std::fs::remove_file(&self.path);
    }
}
