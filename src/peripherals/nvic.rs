//! What it is: the interrupt controller's registers: enable, pend, active, priority.
//! Source: ARMv7-M Architecture Reference Manual (DDI 0403), section B3.4; PM0056 section 4.3 for the four priority bits.
//! Does not model: anything less; the state is [`Exceptions`].
//! Tested by: `registers_conform`, the unit tests below, `firmware-images/tests/nested_irq`.

use super::system::Ctx;
use super::{Peripheral, Register, Registers};
use crate::machine::exceptions::{Exceptions, Number, number};

const ISER: u32 = 0x000;
const ICER: u32 = 0x080;
const ISPR: u32 = 0x100;
const ICPR: u32 = 0x180;
const IABR: u32 = 0x200;
const IPR: u32 = 0x300;

/// The contents live in [`Exceptions`].
const REGISTERS: &[Register] = &[
    Register::new(ISER, "ISER", 0, 0).volatile(u32::MAX).array(8),
    Register::new(ICER, "ICER", 0, 0).volatile(u32::MAX).array(8),
    Register::new(ISPR, "ISPR", 0, 0).volatile(u32::MAX).array(8),
    Register::new(ICPR, "ICPR", 0, 0).volatile(u32::MAX).array(8),
    Register::new(IABR, "IABR", 0, 0).volatile(u32::MAX).array(8),
    Register::new(IPR, "IPR", 0, 0).volatile(u32::MAX).array(60),
];

/// The device.
#[derive(Clone)]
pub struct Nvic {
    registers: Registers,
}

impl Default for Nvic {
    fn default() -> Self {
        Self { registers: Registers::new(REGISTERS) }
    }
}

/// Which register of the array that starts at `first` an offset is.
fn element(offset: u32, first: u32, count: u32) -> Option<u32> {
    offset.checked_sub(first).map(|bytes| bytes / 4).filter(|i| *i < count)
}

fn interrupt(n: u32) -> Number {
    number::FIRST_INTERRUPT + n as Number
}

/// One bit for each of 32 interrupts, from the predicate.
fn bits(i: u32, holds: impl Fn(Number) -> bool) -> u32 {
    (0..32).fold(0, |bits, bit| bits | u32::from(holds(interrupt(i * 32 + bit))) << bit)
}

/// Four priorities in a word, the first in the lowest byte.
pub(super) fn priorities(exceptions: &Exceptions, first: Number) -> u32 {
    (0..4).fold(0, |word, i| word | u32::from(exceptions.priority(first + i)) << (8 * i))
}

/// Sets four priorities from a word.
pub(super) fn set_priorities(exceptions: &mut Exceptions, first: Number, word: u32) {
    for i in 0..4 {
        exceptions.set_priority(first + i, (word >> (8 * i)) as u8);
    }
}

impl Peripheral for Nvic {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn read(&mut self, offset: u32, ctx: &mut Ctx<'_>) -> u32 {
        type Holds = fn(&Exceptions, Number) -> bool;
        let arrays: [(u32, Holds); 5] = [
            (ISER, Exceptions::is_enabled),
            (ICER, Exceptions::is_enabled),
            (ISPR, Exceptions::is_pending),
            (ICPR, Exceptions::is_pending),
            (IABR, Exceptions::is_active),
        ];
        let exceptions = &ctx.system.exceptions;
        match arrays.iter().find_map(|(first, holds)| Some((element(offset, *first, 8)?, holds))) {
            Some((i, holds)) => bits(i, |n| holds(exceptions, n)),
            None => element(offset, IPR, 60).map_or(0, |i| priorities(exceptions, interrupt(i * 4))),
        }
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        type Set = fn(&mut Exceptions, Number, bool);
        let arrays: [(u32, Set, bool); 4] = [
            (ISER, Exceptions::set_enabled, true),
            (ICER, Exceptions::set_enabled, false),
            (ISPR, Exceptions::set_pending, true),
            (ICPR, Exceptions::set_pending, false),
        ];
        let exceptions = &mut ctx.system.exceptions;
        if let Some(i) = element(offset, IPR, 60) {
            set_priorities(exceptions, interrupt(i * 4), value);
        }
        for (first, set, to) in arrays {
            if let Some(i) = element(offset, first, 8) {
                (0..32).filter(|bit| value >> bit & 1 != 0).for_each(|bit| set(exceptions, interrupt(i * 32 + bit), to));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peripherals::System;
    use crate::peripherals::system::Domain;
    use crate::units::Hz;

    #[test]
    fn enable_and_clear_enable_both_read_what_is_enabled() {
        // B3.4.4 and B3.4.5: ICER reads the same as ISER, not its complement.
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 0, name: "NVIC", lines: &[], domain: Domain::Core };
        let mut nvic = Nvic::default();
        nvic.write(ISER + 4, 1 << 5, &mut ctx);
        assert_eq!((nvic.read(ISER + 4, &mut ctx), nvic.read(ICER + 4, &mut ctx)), (1 << 5, 1 << 5));
        nvic.write(ICER + 4, 1 << 5, &mut ctx);
        assert_eq!(nvic.read(ISER + 4, &mut ctx), 0);
    }

    #[test]
    fn only_the_upper_four_priority_bits_exist() {
        // PM0056, 4.3.7.
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 0, name: "NVIC", lines: &[], domain: Domain::Core };
        let mut nvic = Nvic::default();
        nvic.write(IPR + 4, 0x1234_5678, &mut ctx);
        assert_eq!(nvic.read(IPR + 4, &mut ctx), 0x1030_5070);
        assert_eq!(ctx.system.exceptions.priority(16 + 5), 0x50);
    }
}
