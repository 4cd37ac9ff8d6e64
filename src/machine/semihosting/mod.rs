//! What it is: semihosting: `BKPT 0xAB` asks a debugger for a service, number in R0, argument in R1; here the simulator is the debugger.
//! Source: Arm, "Semihosting for AArch32 and AArch64" (ABI release 2.0 and later).
//! Does not model: typed input (it ends at once), SYS_SYSTEM (refused). A call costs one cycle: a debugger's time is not the chip's. Time
//! begins at 1970 with the run.
//! Tested by: `firmware-images/tests/semihosting.c`, with QEMU as the oracle (`tests/firmware_images.rs`), and `tests/semihosting.rs`.

mod files;

use super::cpu::{Memory, Special};
use super::exceptions::CoreAccess;
use super::run::{Machine, Outcome};
use super::store;
use crate::timing::{Cause, CauseCycles, exception_return};
use files::{Files, errno};
use std::path::PathBuf;
use std::rc::Rc;

/// What a user grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// The only folder whose files the firmware may touch.
    pub folder: Option<PathBuf>,
    /// The firmware's command line.
    pub arguments: String,
}

/// The debugger's side.
pub struct Semihosting {
    files: Files,
    arguments: String,
    console: Vec<u8>,
    error: u32,
}

/// What the firmware gets.
enum Reply {
    /// In R0.
    Value(u32),
    /// Nothing any more: it ended itself with this code.
    Exit(u32),
}

const FAILED: u32 = u32::MAX;
/// `BKPT 0xAB`: the instruction that is a semihosting call.
pub const BKPT_AB: u16 = 0xbeab;
/// ADP_Stopped_ApplicationExit: the reason of a regular end.
const APPLICATION_EXIT: u32 = 0x20026;
/// SYS_ELAPSED counts microseconds.
const TICKS_PER_SECOND: u32 = 1_000_000;
const LONGEST_NAME: usize = 1024;
/// Beyond that the console's text is dropped: firmware that prints for ever must not take all memory.
const LONGEST_CONSOLE: usize = 16 << 20;

impl Semihosting {
    /// A debugger that grants this.
    #[must_use]
    pub fn new(grants: Grants) -> Self {
        Self { files: Files::new(grants.folder), arguments: grants.arguments, console: Vec::new(), error: 0 }
    }

    fn print(&mut self, bytes: &[u8]) {
        let room = LONGEST_CONSOLE.saturating_sub(self.console.len());
        self.console.extend(bytes.iter().take(room));
    }

    /// Does what is asked. `None` where an argument block or buffer lies in no memory.
    fn call(&mut self, service: u32, argument: u32, memory: &Memory, micros: f64) -> Option<Reply> {
        let word = |i: u32| memory.read(argument.checked_add(4 * i)?, 4);
        let text = |at: u32, length: u32| -> Option<String> {
            let bytes = memory.read_vec(at, (length as usize).min(LONGEST_NAME))?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        let answer: Result<u32, u32> = match service {
            0x01 => self.files.open(&text(word(0)?, word(2)?)?, word(1)?),
            0x02 => self.files.close(word(0)?).map(|()| 0),
            0x03 => {
                self.print(&memory.read_vec(argument, 1)?);
                Ok(0)
            }
            0x04 => {
                let (mut at, mut bytes) = (argument, Vec::new());
                loop {
                    match memory.read(at, 1)? {
                        0 => break,
                        byte => bytes.push(byte as u8),
                    }
                    at = at.checked_add(1)?;
                }
                self.print(&bytes);
                Ok(0)
            }
            0x05 => {
                let bytes = memory.read_vec(word(1)?, word(2)? as usize)?;
                match self.files.write(word(0)?, &bytes) {
                    Ok(to_console) => {
                        if to_console {
                            self.print(&bytes);
                        }
                        Ok(0)
                    }
                    // SYS_WRITE fails by saying how many bytes are left.
                    Err(error) => {
                        self.error = error;
                        Ok(word(2)?)
                    }
                }
            }
            0x06 => {
                let (buffer, most) = (word(1)?, word(2)?);
                writable(memory, buffer, most)?;
                self.files.read(word(0)?, most as usize).map(|bytes| {
                    memory.write(buffer, &bytes);
                    most.saturating_sub(bytes.len() as u32)
                })
            }
            // Nobody types: the end of the input.
            0x07 => Ok(FAILED),
            0x08 => Ok(u32::from((word(0)? as i32) < 0)),
            0x09 => self.files.is_console(word(0)?).map(u32::from),
            0x0a => self.files.seek(word(0)?, word(1)?).map(|()| 0),
            0x0c => self.files.length(word(0)?),
            0x0d => {
                let name = format!("tmp{:03}\0", word(1)? & 0xff);
                put(memory, word(0)?, word(2)?, name.as_bytes())
            }
            0x0e => self.files.remove(&text(word(0)?, word(1)?)?).map(|()| 0),
            0x0f => self.files.rename(&text(word(0)?, word(1)?)?, &text(word(2)?, word(3)?)?).map(|()| 0),
            0x10 => Ok((micros / 1e4) as u64 as u32),
            0x11 => Ok((micros / 1e6) as u64 as u32),
            0x13 => Ok(self.error),
            0x15 => {
                let line = format!("{}\0", self.arguments);
                let stored = put(memory, word(0)?, word(1)?, line.as_bytes());
                if stored.is_ok() {
                    put(memory, argument.checked_add(4)?, 4, &(self.arguments.len() as u32).to_le_bytes()).ok()?;
                }
                stored
            }
            // Zeros: the C library's own layout holds.
            0x16 => put(memory, word(0)?, 16, &[0; 16]),
            0x18 => return Some(Reply::Exit(u32::from(argument != APPLICATION_EXIT))),
            0x20 => return Some(Reply::Exit(if word(0)? == APPLICATION_EXIT { word(1)? } else { 1 })),
            0x30 => put(memory, argument, 8, &(micros as u64).to_le_bytes()),
            0x31 => Ok(TICKS_PER_SECOND),
            // SYS_SYSTEM: the host's commands are nobody's business.
            0x12 => Err(errno::ACCES),
            _ => Err(errno::INVAL),
        };
        Some(Reply::Value(answer.unwrap_or_else(|error| {
            self.error = error;
            FAILED
        })))
    }
}

/// Firmware's buffers must be in SRAM: a debugger writes no flash this way.
fn writable(memory: &Memory, address: u32, size: u32) -> Option<()> {
    memory.read_vec(address, size as usize)?;
    (size == 0 || memory.is_sram(address)).then_some(())
}

/// Stores what fits whole into a buffer.
fn put(memory: &Memory, address: u32, room: u32, bytes: &[u8]) -> Result<u32, u32> {
    let fits = bytes.len() <= room as usize && writable(memory, address, bytes.len() as u32).is_some();
    fits.then(|| memory.write(address, bytes)).flatten().map(|()| 0).ok_or(errno::INVAL)
}

impl Machine {
    /// From now on `BKPT 0xAB` is a semihosting call. Without it the core takes the fault that a chip without a debugger takes.
    pub fn enable_semihosting(&mut self, grants: Grants) {
        self.semihosting = Some(Semihosting::new(grants));
    }

    /// What the firmware has printed through semihosting; `None` if there is no semihosting.
    #[must_use]
    pub fn semihosting_console(&self) -> Option<&[u8]> {
        self.semihosting.as_ref().map(|semihosting| semihosting.console.as_slice())
    }

    /// The core stopped on a BKPT at `pc`: makes the call, if it is one. `Some(None)`: the firmware goes on behind it.
    pub(super) fn semihosting_call(&mut self, pc: u32) -> Option<Option<Outcome>> {
        let memory = Rc::clone(self.cpu.memory());
        let mut semihosting = self.semihosting.take_if(|_| memory.read(pc, 2) == Some(u32::from(BKPT_AB)))?;
        self.cpu.world_mut().tracker.fault_at(pc);
        let micros = self.micros(self.now());
        let reply = semihosting.call(self.cpu.gpr(0), self.cpu.gpr(1), &memory, micros);
        self.semihosting = Some(semihosting);
        let value = match reply {
            Some(Reply::Exit(code)) => {
                self.cpu.world_mut().drain();
                return Some(Some(Outcome::Exit(code)));
            }
            Some(Reply::Value(value)) => value,
            None => FAILED,
        };
        // What was read may be code.
        let (sram, size) = memory.sram();
        self.cpu.forget_code(sram, size);
        let mut cost = exception_return();
        cost.cycles = CauseCycles::default();
        cost.cycles.add(Cause::Issue, 1);
        self.cpu.world_mut().tracker.pass(&cost);
        self.cpu.set_gpr(0, value);
        let xpsr = CoreAccess::xpsr(&self.cpu);
        let advanced = store::advance_it(xpsr);
        if advanced != xpsr {
            CoreAccess::set_xpsr(&mut self.cpu, advanced);
        }
        self.cpu.set_special(Special::Pc, pc.wrapping_add(2));
        Some(None)
    }
}
