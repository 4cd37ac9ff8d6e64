//! What it is: `stm32sim gdb`: a GDB server on the emulated core.
//! Source: [`crate::gdb`].
//! Does not model: anything.
//! Tested by: `tests/gdb.rs`.

use super::run::{RunArgs, save_wires, show};
use super::{Format, Output};
use crate::finding::{Code, Failure, Result};
use crate::gdb::{Ended, Server};
use crate::machine::Outcome;
use crate::report::run::run_driven;
use clap::Args;
use std::net::{SocketAddr, ToSocketAddrs};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stm32sim gdb firmware.elf
  gdb-multiarch firmware.elf -ex 'target remote localhost:3333'
  stm32sim gdb --scenario anomaly --listen 127.0.0.1:0
  stm32sim gdb firmware.elf --uart 1=pty --limit none

The firmware waits at its first instruction. When the debugger detaches, it runs on to its end, and the report follows.
In GDB, monitor help lists what the simulator answers; docs/debugging.md has the rest.")]
pub(super) struct GdbArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Where to wait for the debugger; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:3333")]
    listen: String,
    /// Allow an address of --listen that other machines can reach: whoever connects controls the firmware
    #[arg(long)]
    listen_anywhere: bool,
}

impl GdbArgs {
    /// A debugger is let in from this machine only, unless others are allowed.
    fn checked_address(&self) -> Result<&str> {
        let found: Vec<SocketAddr> = self.listen.to_socket_addrs().map(Iterator::collect).unwrap_or_default();
        if found.is_empty() {
            return Err(Failure::new(Code::BadUsage, format!("--listen {}: no address, as 127.0.0.1:3333", self.listen)));
        }
        if !self.listen_anywhere && !found.iter().all(|address| address.ip().is_loopback()) {
            let says = format!("--listen {}: other machines could reach that; --listen-anywhere allows it", self.listen);
            return Err(Failure::new(Code::BadUsage, says));
        }
        Ok(&self.listen)
    }
}

pub(super) fn run(args: &GdbArgs, output: &Output) -> Result<u8> {
    if matches!(output.format, Format::Markdown | Format::Csv | Format::Html) {
        return Err(output.unsupported("gdb", "table and json"));
    }
    let address = args.checked_address()?;
    args.run.with_request("gdb", |request| {
        let mut abandoned = None;
        let recorded = run_driven(request, |machine, host, ports, deadline| {
            let server = Server::listen(address)?;
            output.note(&format!("waiting for a debugger at {}", server.address()));
            match server.serve(machine, (host, ports), (request.chip, request.image), deadline.latest())? {
                Ended::Run(outcome) => Ok(outcome),
                Ended::Abandoned(why) => {
                    abandoned = Some(why);
                    Ok(Outcome::Finished)
                }
            }
        })?;
        save_wires(request, &recorded)?;
        match abandoned {
            Some(why) => {
                output.note(&why);
                Ok(0)
            }
            None => show(&recorded.report, output),
        }
    })
}
