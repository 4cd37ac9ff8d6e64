//! The command line tool; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    stm32sim::cli::run(std::env::args_os())
}
