//! What it is: the command line: one file per subcommand; this one parses, dispatches and turns outcomes into exit codes.
//! Source: the project's command line contract; exit codes as [`crate::finding::Exit`].
//! Does not model: what commands do; each calls the library and prints a view of what it returns.
//! Tested by: `tests/bad_input.rs`, `tests/cli.rs`.

mod bench;
mod check;
mod chips;
mod compare;
mod conditions;
mod embed;
mod estimate;
mod eval;
mod explain;
mod gdb;
mod map;
mod merge;
mod output;
mod points;
mod profile;
mod progress;
mod run;
mod scenarios;

use crate::finding::{Code, Exit, Failure, Result};
use clap::{Args, Parser, Subcommand};
pub use output::{Color, Format, Output};
use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;

/// Runs STM32F103 firmware without a board and reports what it would cost on the chip.
#[derive(Debug, Parser)]
#[command(name = "stm32sim", version, about, max_term_width = 100, disable_help_subcommand = true)]
#[command(
    after_help = "Exit codes: 0 fine, 1 tool error, 2 bad input, 3 regression or limit, 4 expectation failed, 5 firmware fault, \
6 does not fit."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: Common,
}

/// Options that mean the same for every command.
#[derive(Debug, Args)]
struct Common {
    /// How to print the report
    #[arg(long, value_enum, default_value_t = Format::Table, global = true, help_heading = "Output")]
    format: Format,
    /// Write the report to a file instead of standard output
    #[arg(long, short, value_name = "FILE", global = true, help_heading = "Output")]
    output: Option<PathBuf>,
    /// Print only a table's verdict, and no progress
    #[arg(long, short, global = true, conflicts_with = "verbose", help_heading = "Output")]
    quiet: bool,
    /// Print more detail
    #[arg(long, short, global = true, help_heading = "Output")]
    verbose: bool,
    /// When to colour what goes to a terminal
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", global = true, help_heading = "Output")]
    color: Color,
}

/// One variant, one line in [`dispatch`] and one file per subcommand.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run firmware, alone or in a scenario, and report what it costs
    Run(run::RunArgs),
    /// A GDB server on the emulated core
    Gdb(gdb::GdbArgs),
    /// Where the cycles go: functions, lines, layers, each split by cause
    Profile(profile::ProfileArgs),
    /// Does a model fit, what does it cost, without firmware of your own
    Estimate(estimate::EstimateArgs),
    /// Run a scenario's samples and report accuracy, agreement with the reference, latency
    Eval(eval::EvalArgs),
    /// The results table: every scenario on its chip, and other models' verdicts
    Bench(bench::BenchArgs),
    /// Run again what a baseline or a suite holds; exit code 3 on a regression
    Check(check::CheckArgs),
    /// Two reports side by side
    Compare(compare::CompareArgs),
    /// Join the parts that eval --shard and bench --shard made
    Merge(merge::MergeArgs),
    /// The built-in scenarios
    Scenarios,
    /// Turn a model into a C header for firmware
    Embed(embed::EmbedArgs),
    /// What fills flash and SRAM: symbols, sections, units, crates; with OTHER, what changed; with --run, what was used
    Map(map::MapArgs),
    /// The built-in chips, or one of them in detail
    Chips(chips::ChipsArgs),
    /// What a finding means and what to do about it
    Explain(explain::ExplainArgs),
}

fn dispatch(command: &Command, output: &Output) -> Result<u8> {
    let exit = match command {
        Command::Run(args) => return run::run(args, output),
        Command::Gdb(args) => return gdb::run(args, output),
        Command::Profile(args) => return profile::run(args, output),
        Command::Estimate(args) => return estimate::run(args, output),
        Command::Eval(args) => return eval::run(args, output),
        Command::Bench(args) => return bench::run(args, output),
        Command::Check(args) => return check::run(args, output),
        Command::Compare(args) => return compare::run(args, output),
        Command::Merge(args) => return merge::run(args, output),
        Command::Embed(args) => embed::run(args, output)?,
        Command::Scenarios => scenarios::run(output)?,
        Command::Map(args) => map::run(args, output)?,
        Command::Chips(args) => chips::run(args, output)?,
        Command::Explain(args) => explain::run(args, output)?,
    };
    Ok(exit as u8)
}

/// Parses the arguments (the program's name first), runs the command, prints its outcome, and gives the exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        // Help and version come this way too; a closed pipe is no error, so the result does not matter.
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Exit::BadInput as u8 } else { Exit::Fine as u8 });
        }
    };
    let output = Output::new(&cli.common);
    // A panic is a defect of the tool: the user gets a finding and exit code 1, not a back trace.
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = catch_unwind(AssertUnwindSafe(|| dispatch(&cli.command, &output)));
    let exit = match outcome {
        Ok(Ok(exit)) => exit,
        Ok(Err(failure)) => output.failure(&failure) as u8,
        Err(panic) => {
            let what = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            output.failure(&Failure::new(Code::Internal, format!("stm32sim failed: {}", what.unwrap_or("of unknown cause"))))
                as u8
        }
    };
    ExitCode::from(exit)
}
