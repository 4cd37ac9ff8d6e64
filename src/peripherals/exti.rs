//! What it is: external interrupts and events: edges of the lines 0 to 15 (a pin of the port that AFIO chooses), 16 (PVD), 17 (RTC alarm)
//! and 18 (USB wake-up), masks, software triggers.
//! Source: RM0008 section 10.2.
//! Does not model: anything less.
//! Tested by: `registers_conform`, the unit test below, `firmware-images/tests/exti_edges`.

use super::system::Ctx;
use super::{Peripheral, Register, Registers};

const IMR: u32 = 0x00;
const EMR: u32 = 0x04;
const RTSR: u32 = 0x08;
const FTSR: u32 = 0x0c;
const SWIER: u32 = 0x10;
const PR: u32 = 0x14;

const LINES: u32 = 0x7_ffff;
const REGISTERS: &[Register] = &[
    Register::new(IMR, "IMR", 0, LINES),
    Register::new(EMR, "EMR", 0, LINES),
    Register::new(RTSR, "RTSR", 0, LINES),
    Register::new(FTSR, "FTSR", 0, LINES),
    Register::new(SWIER, "SWIER", 0, LINES).volatile(LINES),
    Register::new(PR, "PR", 0, 0).clear_by_one(LINES),
];

/// The interrupt line that each group of lines drives, in the chip description's order.
const GROUPS: [u32; 10] = [1, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 0x3e0, 0xfc00, 1 << 16, 1 << 17, 1 << 18];
/// For other devices' triggers.
const OUTPUTS: &[&str] = &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"];
/// The inputs of lines 16 to 18, and behind them sixteen pins for each port.
const FIRST_INNER: usize = 8;
const FIRST_PIN: usize = 16;
const PORTS: usize = 7;

/// The device.
#[derive(Clone)]
pub struct Exti {
    registers: Registers,
    /// The lines whose pins it takes notice of.
    listening: u32,
}

impl Default for Exti {
    fn default() -> Self {
        Self { registers: Registers::new(REGISTERS), listening: 0 }
    }
}

impl Exti {
    fn edge(&mut self, line: u32, rising: bool, ctx: &mut Ctx<'_>) {
        if self.registers.get(if rising { RTSR } else { FTSR }) & 1 << line != 0 {
            self.trigger(line, ctx);
        }
    }

    fn trigger(&mut self, line: u32, ctx: &mut Ctx<'_>) {
        let bit = 1 << line;
        let (interrupt, event) = (self.registers.get(IMR) & bit != 0, self.registers.get(EMR) & bit != 0);
        if event {
            ctx.system.exceptions.event = true;
        }
        if interrupt {
            self.registers.set_bits(PR, bit, true);
        }
        if interrupt || event {
            ctx.pulse(line as usize);
        }
        self.refresh(ctx);
    }

    /// Takes notice of the pins that can trigger, of whatever port: AFIO chooses it.
    fn listen(&mut self, ctx: &mut Ctx<'_>) {
        let [interrupts, events, rising, falling] = [IMR, EMR, RTSR, FTSR].map(|register| self.registers.get(register));
        let wanted = (interrupts | events) & (rising | falling) & 0xffff;
        let changed = std::mem::replace(&mut self.listening, wanted) ^ wanted;
        for line in (0..16).filter(|line| changed >> line & 1 != 0) {
            (0..PORTS).for_each(|port| ctx.listen(FIRST_PIN + 16 * port + line, wanted >> line & 1 != 0));
        }
    }

    fn refresh(&mut self, ctx: &mut Ctx<'_>) {
        let pending = self.registers.get(PR) & self.registers.get(IMR);
        for (index, lines) in GROUPS.into_iter().enumerate() {
            ctx.set_line(index, pending & lines != 0);
        }
    }
}

impl Peripheral for Exti {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn outputs(&self) -> &'static [&'static str] {
        OUTPUTS
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        match offset {
            SWIER => {
                // A bit that changes from 0 to 1 triggers; it falls when the pending bit is cleared (10.3.5).
                let risen = value & !self.registers.get(SWIER) & LINES;
                self.registers.store(SWIER, value | self.registers.get(SWIER));
                (0..19).filter(|line| risen >> line & 1 != 0).for_each(|line| self.trigger(line, ctx));
            }
            PR => {
                self.registers.store(PR, value);
                self.registers.set_bits(SWIER, value, false);
                self.refresh(ctx);
            }
            _ => {
                self.registers.store(offset, value);
                self.listen(ctx);
                self.refresh(ctx);
            }
        }
    }

    fn makes_events(&self) -> bool {
        self.registers.get(EMR) != 0
    }

    fn works_in_stop(&self) -> bool {
        true
    }

    fn input(&mut self, input: usize, high: bool, ctx: &mut Ctx<'_>) {
        if let Some(at) = input.checked_sub(FIRST_PIN) {
            let (port, pin) = (at / 16, at % 16);
            if ctx.system.exti_ports.get(pin).is_some_and(|chosen| usize::from(*chosen) == port) {
                self.edge(pin as u32, high, ctx);
            }
        } else if let Some(line) = input.checked_sub(FIRST_INNER) {
            self.edge(16 + line as u32, high, ctx);
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
    fn an_edge_of_the_chosen_port_pends_and_a_one_clears_it() {
        // RM0008, 10.2.4 and 10.3.6.
        let mut system = System::new(Hz(8_000_000));
        system.exti_ports[3] = 1;
        let lines = [22, 23, 24, 25, 26, 39, 56, 17, 57, 58];
        let mut ctx = Ctx { system: &mut system, device: 0, name: "EXTI", lines: &lines, domain: Domain::Apb2 };
        let mut exti = Exti::default();
        exti.write(IMR, 1 << 3, &mut ctx);
        exti.write(FTSR, 1 << 3, &mut ctx);
        exti.input(FIRST_PIN + 3, false, &mut ctx);
        assert_eq!(exti.peek(PR), 0, "port A is not chosen");
        exti.input(FIRST_PIN + 16 + 3, true, &mut ctx);
        assert_eq!(exti.peek(PR), 0, "rising is not asked for");
        exti.input(FIRST_PIN + 16 + 3, false, &mut ctx);
        assert_eq!(exti.peek(PR), 1 << 3);
        assert!(ctx.system.exceptions.is_pending(25));
        exti.write(PR, 1 << 3, &mut ctx);
        assert_eq!(exti.peek(PR), 0);
        exti.write(SWIER, 1 << 3, &mut ctx);
        assert_eq!((exti.peek(PR), exti.peek(SWIER)), (1 << 3, 1 << 3));
        exti.write(PR, 1 << 3, &mut ctx);
        assert_eq!(exti.peek(SWIER), 0);
    }
}
