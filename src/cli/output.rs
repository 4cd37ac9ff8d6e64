//! What it is: where a command's report goes, and how errors are shown.
//! Source: the command line contract: the report to standard output or `--output`, everything else to standard error.
//! Does not model: the report's content; pagers and terminal widths.
//! Tested by: the tests below and `tests/cli.rs` (a closed pipe, a full device, a file in place of a folder).

use super::Common;
use crate::finding::{Code, Exit, Failure, Finding, Result};
use clap::ValueEnum;
use std::fs;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text in columns, for people.
    Table,
    /// One JSON document, for programs.
    Json,
    /// Markdown, for issues and wikis.
    Markdown,
    /// Comma-separated values, for spreadsheets.
    Csv,
    /// A page that needs nothing else.
    Html,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Also into pipes and files.
    Always,
    /// Not at all.
    Never,
}

/// What the common options ask for.
#[derive(Debug)]
pub struct Output {
    /// How to print the report.
    pub format: Format,
    /// Whether only a table's verdict is wanted.
    pub quiet: bool,
    /// Whether more detail is wanted.
    pub verbose: bool,
    /// Whether errors are coloured.
    color: bool,
    file: Option<PathBuf>,
}

impl Output {
    pub(super) fn new(common: &Common) -> Self {
        let color = match common.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        Self { format: common.format, quiet: common.quiet, verbose: common.verbose, color, file: common.output.clone() }
    }

    /// Whether progress may be shown: on a terminal, to somebody who wants it.
    #[must_use]
    pub fn progress(&self) -> bool {
        // Build servers may offer a terminal, but nobody watches it.
        !self.quiet && io::stderr().is_terminal() && std::env::var_os("CI").is_none()
    }

    /// Writes a report. With `--quiet` only the last line of a table, its verdict. A reader that went away is no error.
    ///
    /// # Errors
    /// `output-unwritable`; the file then is as it was.
    pub fn report(&self, text: &str) -> Result<()> {
        let shown =
            if self.quiet && self.format == Format::Table { text.trim_end().lines().last().unwrap_or_default() } else { text };
        // The tables' style pads their last column.
        let lines: Vec<&str> = shown.lines().map(str::trim_end).collect();
        self.text(&format!("{}\n", lines.join("\n").trim_end_matches('\n')))
    }

    /// Tells something on standard error, unless it is to be quiet.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }

    /// Writes text to standard output, wherever the report goes. A reader that went away is no error.
    ///
    /// # Errors
    /// `output-unwritable`.
    pub fn print(&self, text: &str) -> Result<()> {
        to_standard_output(text)
    }

    /// Writes text as it is. A reader that went away is no error.
    ///
    /// # Errors
    /// As [`Output::report`].
    pub fn text(&self, shown: &str) -> Result<()> {
        match &self.file {
            Some(path) => save(path, shown.as_bytes()),
            None => to_standard_output(shown),
        }
    }

    /// A report as JSON, with a fixed order of keys.
    ///
    /// # Errors
    /// As [`Output::report`].
    pub fn json(&self, report: &impl serde::Serialize) -> Result<()> {
        let text = serde_json::to_string_pretty(report)
            .map_err(|error| Failure::new(Code::Internal, format!("the report cannot be written as JSON: {error}")))?;
        self.report(&text)
    }

    /// The complaint of a command that has no such format.
    #[must_use]
    pub fn unsupported(&self, command: &str, formats: &str) -> Failure {
        let asked = self.format.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        Finding::new(Code::BadUsage, format!("{command} cannot be printed as {asked}"))
            .help(format!("It knows {formats}."))
            .into()
    }

    /// Shows what ended the command on standard error, and gives its exit code.
    pub fn failure(&self, failure: &Failure) -> Exit {
        let finding = &failure.0;
        let (bold, plain) = if self.color { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
        let mut text = format!("{bold}error[{}]{plain}: {}\n", finding.code.entry().name, finding.message);
        if let Some(location) = &finding.location {
            text.push_str(&format!("  at {location}\n"));
        }
        text.push_str(&format!("  help: {}\n", finding.help));
        // Where even standard error is closed, the exit code still speaks.
        let _ = io::stderr().lock().write_all(text.as_bytes());
        failure.exit()
    }
}

fn to_standard_output(text: &str) -> Result<()> {
    match write_all(&mut io::stdout().lock(), text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(Code::OutputUnwritable, format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Adds to the end of a file that others write to as well.
pub(super) fn append(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = fs::OpenOptions::new().append(true).create(true).open(path).and_then(|mut file| write_all(&mut file, bytes));
    written.map_err(|error| Failure::new(Code::OutputUnwritable, format!("{} cannot be written: {error}", path.display())))
}

fn write_all(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

/// Writes next to the file and renames, so that a reader never sees half a report and a failure leaves the old one.
pub(super) fn save(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(Code::OutputUnwritable, format!("{} cannot be written: {error}", path.display()))
    };
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(failed(&"it is a folder")),
        // A device or a named pipe cannot be replaced; it is written as it is.
        Ok(found) if !found.is_file() => {
            let written = fs::OpenOptions::new().write(true).open(path).and_then(|mut file| write_all(&mut file, bytes));
            return match written {
                Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(failed(&error)),
                _ => Ok(()),
            };
        }
        _ => {}
    }
    let name = path.file_name().ok_or_else(|| failed(&"it names no file"))?;
    let mut aside = std::ffi::OsString::from(".");
    aside.push(name);
    aside.push(format!(".{}", std::process::id()));
    let aside = path.with_file_name(aside);
    let written =
        fs::File::create(&aside).and_then(|mut file| write_all(&mut file, bytes)).and_then(|()| fs::rename(&aside, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&aside);
        failed(&error)
    })
}
