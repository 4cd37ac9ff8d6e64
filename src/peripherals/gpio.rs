//! What it is: a general-purpose I/O port of 16 pins: levels, the lock, and who watches the pins.
//! Source: RM0008 section 9.2.
//! Does not model: analogue levels, drive strength, speed; what an alternate function other than a timer's drives (such a pin reads as ODR
//! says). A timer is asked for what it drives only while that is recorded or something takes notice of the pin: IDR then reads it, and else what
//! it last was, so that a fast PWM costs nothing.
//! Tested by: `registers_conform`, the unit tests below, `firmware-images/tests/exti_edges`, `tim_pins`.

use super::script::Script;
use super::system::{Change, Ctx};
use super::{Partner, Peripheral, Register, Registers};

const CRL: u32 = 0x00;
const CRH: u32 = 0x04;
const IDR: u32 = 0x08;
const ODR: u32 = 0x0c;
const BSRR: u32 = 0x10;
const BRR: u32 = 0x14;
const LCKR: u32 = 0x18;

const REGISTERS: &[Register] = &[
    Register::new(CRL, "CRL", 0x4444_4444, u32::MAX),
    Register::new(CRH, "CRH", 0x4444_4444, u32::MAX),
    Register::new(IDR, "IDR", 0, 0).volatile(0xffff),
    Register::new(ODR, "ODR", 0, 0xffff),
    Register::new(BSRR, "BSRR", 0, 0),
    Register::new(BRR, "BRR", 0, 0),
    Register::new(LCKR, "LCKR", 0, 0x1_ffff),
];
const LCKK: u32 = 1 << 16;
/// How many timers may share a pin; input 16 n + p is what the n-th of them drives at pin p.
const LANES: usize = 4;
/// The event: the world outside does something.
const SCRIPT: u32 = 0;
/// The pins, for whoever watches them.
const OUTPUTS: &[&str] = &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"];

/// The device.
#[derive(Clone)]
pub struct Gpio {
    registers: Registers,
    /// Pins that the world outside drives, and how.
    driven: u32,
    outside: u32,
    /// The levels that watchers know of.
    known: u32,
    /// What the timers that share the pins drive, and the pins that any of them has ever driven.
    alternate: [u32; LANES],
    alternated: u32,
    /// Pins that somebody takes notice of, and those whose timers are listened to.
    watched: u32,
    followed: u32,
    /// What the world outside does to the pins: a step's address is the pin, and what it sends the level.
    script: Script,
    /// How many writes of the lock sequence have been right.
    locking: u32,
}

impl Default for Gpio {
    fn default() -> Self {
        Self {
            registers: Registers::new(REGISTERS),
            driven: 0,
            outside: 0,
            known: 0,
            alternate: [0; LANES],
            alternated: 0,
            watched: 0,
            followed: 0,
            script: Script::default(),
            locking: 0,
        }
    }
}

impl Gpio {
    /// The pins' levels: an output reads what it drives (an open drain that is not pulled down, what the world outside does); an input
    /// reads the world outside, or with a pull resistor ODR's bit, and 0 where it floats.
    fn levels(&self) -> u32 {
        let odr = self.registers.get(ODR);
        let alternate = self.alternate.iter().fold(0, |all, lane| all | lane);
        (0..16).fold(0, |levels, pin| {
            let (config, bit) = (self.config(pin), 1 << pin);
            let own = if self.is_alternate(pin) && self.alternated & bit != 0 { alternate } else { odr } & bit != 0;
            let output = config & 3 != 0;
            let outside = (self.driven & bit != 0).then_some(self.outside & bit != 0);
            let open_drain = output && config & 4 != 0;
            let level = match (output, open_drain, outside) {
                (true, false, _) => own,
                (true, true, outside) => own && outside.unwrap_or(true),
                (false, _, Some(level)) if config >> 2 != 0 => level,
                (false, _, _) => config >> 2 == 2 && own,
            };
            levels | if level { bit } else { 0 }
        })
    }

    /// A pin's four bits of CRL or CRH.
    fn config(&self, pin: u32) -> u32 {
        self.registers.get(if pin < 8 { CRL } else { CRH }) >> (pin % 8 * 4) & 0xf
    }

    /// Whether the pin is an output that another device drives (table 20).
    fn is_alternate(&self, pin: u32) -> bool {
        let config = self.config(pin);
        config & 3 != 0 && config & 8 != 0
    }

    /// Listens to the timers behind the pins as far as anybody takes notice.
    fn follow(&mut self, ctx: &mut Ctx<'_>) {
        let alternate = (0..16).filter(|pin| self.is_alternate(*pin)).fold(0, |pins, pin| pins | 1 << pin);
        let wanted = alternate & if ctx.system.records_wires { 0xffff } else { self.watched };
        let changed = std::mem::replace(&mut self.followed, wanted) ^ wanted;
        for pin in (0..16).filter(|pin| changed >> pin & 1 != 0) {
            (0..LANES).for_each(|lane| ctx.listen(pin + 16 * lane, wanted >> pin & 1 != 0));
        }
    }

    fn watch(&mut self, ctx: &mut Ctx<'_>) {
        let levels = self.levels();
        let changed = levels ^ self.known;
        self.known = levels;
        for pin in (0..16).filter(|pin| changed >> pin & 1 != 0) {
            let high = levels >> pin & 1 != 0;
            ctx.drive(pin, high);
            ctx.note_wire(Change::Pin { pin: pin as u32, high });
        }
    }

    /// The lock sequence: 1, 0, 1 in LCKK with the same pins each time (9.2.7).
    fn lock(&mut self, value: u32) {
        let same = self.locking == 0 || (value ^ self.registers.get(LCKR)) & 0xffff == 0;
        let right = value & LCKK != 0;
        self.locking = match (self.locking, right, same) {
            (0, true, _) | (1, false, true) => self.locking + 1,
            (2, true, true) => 3,
            (_, true, _) => 1,
            _ => 0,
        };
        let locked = if self.locking == 3 { LCKK } else { 0 };
        self.registers.set(LCKR, (value & 0xffff) | locked);
    }

    /// Which of a configuration register's bits the lock protects.
    fn protected(&self, offset: u32) -> u32 {
        let lock = self.registers.get(LCKR);
        let pins = if offset == CRL { lock & 0xff } else { lock >> 8 & 0xff };
        if lock & LCKK == 0 { 0 } else { (0..8).filter(|pin| pins >> pin & 1 != 0).fold(0, |bits, pin| bits | 0xf << (4 * pin)) }
    }
}

impl Peripheral for Gpio {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn outputs(&self) -> &'static [&'static str] {
        OUTPUTS
    }

    fn read(&mut self, offset: u32, _ctx: &mut Ctx<'_>) -> u32 {
        self.peek(offset)
    }

    fn peek(&self, offset: u32) -> u32 {
        if offset == IDR { self.levels() } else { self.registers.get(offset) }
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        let odr = self.registers.get(ODR);
        match offset {
            // Set wins over reset (RM0008, 9.2.5).
            BSRR => self.registers.set(ODR, (odr & !(value >> 16)) | (value & 0xffff)),
            BRR => self.registers.set(ODR, odr & !(value & 0xffff)),
            LCKR if self.registers.get(LCKR) & LCKK != 0 => {}
            LCKR => self.lock(value),
            CRL | CRH => {
                let kept = self.protected(offset);
                self.registers.set(offset, (self.registers.get(offset) & kept) | (value & !kept));
            }
            _ => {
                self.registers.store(offset, value);
            }
        }
        if matches!(offset, CRL | CRH) {
            self.follow(ctx);
        }
        self.watch(ctx);
    }

    /// A timer drives a pin.
    fn input(&mut self, input: usize, high: bool, ctx: &mut Ctx<'_>) {
        let bit = 1 << (input % 16);
        if let Some(lane) = self.alternate.get_mut(input / 16) {
            *lane = (*lane & !bit) | if high { bit } else { 0 };
            self.alternated |= bit;
            self.watch(ctx);
        }
    }

    fn listened(&mut self, output: usize, on: bool, ctx: &mut Ctx<'_>) {
        self.watched = (self.watched & !(1 << output)) | u32::from(on) << output;
        self.follow(ctx);
    }

    fn pin(&mut self, pin: u32, level: Option<bool>, ctx: &mut Ctx<'_>) {
        let bit = 1u32.checked_shl(pin).unwrap_or(0) & 0xffff;
        self.driven = (self.driven & !bit) | if level.is_some() { bit } else { 0 };
        self.outside = (self.outside & !bit) | if level == Some(true) { bit } else { 0 };
        self.watch(ctx);
    }

    fn attach(&mut self, partner: Partner, ctx: &mut Ctx<'_>) {
        if let Partner::Script(script) = partner {
            self.script = script;
            self.script.schedule(SCRIPT, ctx);
        }
    }

    fn clocks_changed(&mut self, ctx: &mut Ctx<'_>) {
        self.script.schedule(SCRIPT, ctx);
    }

    fn due(&mut self, _event: u32, ctx: &mut Ctx<'_>) {
        while let Some(step) = self.script.take_due(ctx) {
            self.pin(step.address.into(), step.send.first().map(|level| *level != 0), ctx);
        }
        self.script.schedule(SCRIPT, ctx);
    }

    /// The levels at its pins change then, too.
    fn works_in_stop(&self) -> bool {
        true
    }

    /// What is wired to the pins stays through a reset.
    fn restart(&mut self, fresh: bool, ctx: &mut Ctx<'_>) -> bool {
        if !fresh {
            *self = Self {
                driven: self.driven,
                outside: self.outside,
                known: self.known,
                watched: self.watched,
                followed: self.followed,
                script: std::mem::take(&mut self.script),
                ..Self::default()
            };
            self.follow(ctx);
            self.watch(ctx);
        }
        self.script.schedule(SCRIPT, ctx);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peripherals::System;
    use crate::peripherals::system::{Domain, Signal};
    use crate::units::Hz;

    #[test]
    fn outputs_read_back_and_pulled_inputs_read_their_resistor() {
        // RM0008, table 20 and 9.2.5.
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 0, name: "GPIOC", lines: &[], domain: Domain::Apb2 };
        let mut gpio = Gpio::default();
        gpio.write(CRL, 0x4444_4482, &mut ctx); // pin 0 output, pin 1 input with pull, the rest floating
        gpio.write(BSRR, 0x0000_0007, &mut ctx);
        assert_eq!(gpio.peek(IDR), 0b011);
        gpio.write(BSRR, 0x0001_0001, &mut ctx);
        assert_eq!(gpio.peek(IDR) & 1, 1, "set wins");
        gpio.write(BRR, 1, &mut ctx);
        assert_eq!(gpio.peek(ODR), 0b110);
    }

    #[test]
    fn what_the_world_drives_is_read_and_told() {
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 4, name: "GPIOC", lines: &[], domain: Domain::Apb2 };
        let mut gpio = Gpio::default();
        gpio.pin(5, Some(true), &mut ctx);
        assert_eq!(gpio.peek(IDR), 1 << 5);
        gpio.pin(5, None, &mut ctx);
        assert_eq!(gpio.peek(IDR), 0);
        let seen: Vec<Signal> = ctx.system.signals.drain(..).collect();
        assert_eq!(seen, [true, false].map(|high| Signal { device: 4, output: 5, high }));
    }

    #[test]
    fn a_lock_holds_the_configuration_of_its_pins() {
        // RM0008, 9.2.7.
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 0, name: "GPIOC", lines: &[], domain: Domain::Apb2 };
        let mut gpio = Gpio::default();
        for value in [LCKK | 1, 1, LCKK | 1] {
            gpio.write(LCKR, value, &mut ctx);
        }
        assert_eq!(gpio.peek(LCKR), LCKK | 1);
        gpio.write(CRL, 0x3333_3333, &mut ctx);
        assert_eq!(gpio.peek(CRL), 0x3333_3334);
        let mut other = Gpio::default();
        for value in [LCKK | 1, 2, LCKK | 1] {
            other.write(LCKR, value, &mut ctx);
        }
        assert_eq!(other.peek(LCKR) & LCKK, 0, "the pins changed in between");
    }
}
