//! What it is: a machine's whole state between two runs, to come back to: many inputs can then meet the chip that has booted once.
//! Source: the parts' own states; the engine's saved context holds registers but no memory (UNICORN, row 17).
//! Does not model: what has been counted (prices, unresolved operands): that goes on. A snapshot fits no machine but its own.
//! Tested by: `tests/eval.rs`: a rewound machine's outputs and cycles equal a fresh one's.

use super::cpu::SavedRegisters;
use super::exceptions::Fault;
use super::run::{Machine, Wake};
use super::soc::SocState;
use crate::finding::{Code, Failure, Result};

/// See the module's description.
pub struct Snapshot {
    registers: SavedRegisters,
    flash: Vec<u8>,
    sram: Vec<u8>,
    soc: SocState,
    last_fault: Option<(Fault, u32)>,
    asleep: Option<Wake>,
}

impl Machine {
    /// The machine as it is now, between two runs.
    ///
    /// # Errors
    /// `internal`.
    pub fn snapshot(&self) -> Result<Snapshot> {
        Ok(Snapshot {
            registers: self.cpu.save()?,
            flash: self.content(self.memory().flash())?,
            sram: self.content(self.memory().sram())?,
            soc: self.cpu.world().state(),
            last_fault: self.last_fault,
            asleep: self.asleep,
        })
    }

    /// Back to an earlier state of this machine: the run then goes on from there, with the same cycles.
    ///
    /// # Errors
    /// `internal`.
    pub fn rewind(&mut self, to: &Snapshot) -> Result<()> {
        let (flash, sram) = (self.memory().flash(), self.memory().sram());
        let ran_from_sram = self.cpu.world().tracker.has_run_sram();
        for ((base, size), content, code) in [(flash, &to.flash, true), (sram, &to.sram, ran_from_sram)] {
            if self.content((base, size))? != *content {
                self.memory().write(base, content).ok_or_else(no_memory)?;
                if code {
                    self.cpu.forget_code(base, size);
                }
            }
        }
        self.cpu.restore(&to.registers)?;
        self.cpu.world_mut().rewind(&to.soc);
        self.last_fault = to.last_fault;
        self.asleep = to.asleep;
        self.debug.inside = false;
        Ok(())
    }

    fn content(&self, (base, size): (u32, u32)) -> Result<Vec<u8>> {
        self.memory().read_vec(base, size as usize).ok_or_else(no_memory)
    }
}

fn no_memory() -> Failure {
    Failure::new(Code::Internal, "a memory of the chip is not where it was mapped")
}
