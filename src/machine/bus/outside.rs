//! What it is: accesses to what lies outside of the chip, behind its external memory controller.
//! Source: RM0008 section 21.4.
//! Does not model: anything of its own; see the controller.
//! Tested by: `firmware-images/tests/fsmc`.

use super::Bus;
use crate::finding::{Code, Finding};
use crate::peripherals::OUTSIDE;
use crate::peripherals::system::System;

/// The kind of device that reaches there.
const CONTROLLER: &str = "fsmc";

impl Bus {
    /// The controller's number and whether it is clocked.
    fn controller(&self, system: &System) -> Option<(usize, bool)> {
        let i = self.slots.iter().position(|slot| slot.kind == CONTROLLER)?;
        let (register, bit) = self.slots.get(i)?.gate?;
        Some((i, system.clock_enables.get(register).is_some_and(|enables| enables & bit != 0)))
    }

    /// Whether anything answers an access there; what nobody answers is a bus error.
    #[must_use]
    pub fn reaches(&self, address: u32, system: &System) -> bool {
        if !OUTSIDE.contains(&address) {
            return false;
        }
        match self.controller(system) {
            // That its clock is off is the finding that helps, not a fault.
            Some((_, false)) => true,
            Some((i, true)) => {
                self.slots.get(i).and_then(|slot| slot.device.as_ref()).is_some_and(|device| device.reaches(address))
            }
            None => false,
        }
    }

    /// A load, or a store of `stored`; `None` if the address does not lie outside of the chip.
    pub(super) fn outside(&mut self, address: u32, size: u32, stored: Option<u32>, system: &mut System) -> Option<u32> {
        if !OUTSIDE.contains(&address) {
            return None;
        }
        let (i, clocked) = self.controller(system)?;
        if !clocked {
            let name = self.name_of(i);
            let message =
                format!("memory behind the {name} (0x{:08x}) was accessed while its clock is off", address & !0x3ff_ffff);
            system.find(Finding::new(Code::UnclockedPeripheral, message));
            return Some(0);
        }
        let mut read = 0;
        self.with(i, system, |device, ctx| read = device.outside(address, size, stored, ctx));
        Some(read)
    }

    /// Connects a memory outside of the chip; whether the chip has a place for it there.
    pub fn fit(&mut self, base: u32, size: u32) -> bool {
        let controller = self.slots.iter_mut().find(|slot| slot.kind == CONTROLLER);
        controller.and_then(|slot| slot.device.as_mut()).is_some_and(|device| device.fit(base, size))
    }
}
