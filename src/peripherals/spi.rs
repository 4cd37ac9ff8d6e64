//! What it is: a serial peripheral interface as master or as the slave of a scripted master, with its CRC, or an I2S master that transmits or
//! receives, timed by its prescaler.
//! Source: RM0008 chapter 25.
//! Does not model: the NSS pin (a slave is selected while its master speaks, and only SSI makes a mode fault), I2S slaves, TI frames. Without
//! a partner MISO reads ones.
//! Tested by: `registers_conform`, the unit tests below, `firmware-images/tests/spi_i2c`, `spi_crc`, `slaves`.

use super::script::Script;
use super::system::Ctx;
use super::{Partner, Peripheral, Register, Registers};
use crate::units::Cycles;
use std::collections::VecDeque;

const CR1: u32 = 0x00;
const CR2: u32 = 0x04;
const SR: u32 = 0x08;
const DR: u32 = 0x0c;
const CRCPR: u32 = 0x10;
const RXCRCR: u32 = 0x14;
const TXCRCR: u32 = 0x18;
const I2SCFGR: u32 = 0x1c;
const I2SPR: u32 = 0x20;

const REGISTERS: &[Register] = &[
    Register::new(CR1, "CR1", 0, 0xffff).volatile(0x1044),
    Register::new(CR2, "CR2", 0, 0xe7),
    Register::new(SR, "SR", 0x2, 0).clear_by_zero(0x10).volatile(0xff),
    Register::new(DR, "DR", 0, 0xffff).volatile(0xffff),
    Register::new(CRCPR, "CRCPR", 0x7, 0xffff),
    Register::new(RXCRCR, "RXCRCR", 0, 0).volatile(0xffff),
    Register::new(TXCRCR, "TXCRCR", 0, 0).volatile(0xffff),
    Register::new(I2SCFGR, "I2SCFGR", 0, 0xfbf),
    Register::new(I2SPR, "I2SPR", 0x2, 0x3ff),
];

/// CR1: master; on; selected by software, and the level for that; receive only; 16 bits; the CRC is next; CRC; two lines in one, and its
/// direction. CR2: DMA and interrupt enables.
const MSTR: u32 = 1 << 2;
const SPE: u32 = 1 << 6;
const SSI: u32 = 1 << 8;
const SSM: u32 = 1 << 9;
const CRCNEXT: u32 = 1 << 12;
const CRCEN: u32 = 1 << 13;
const RXONLY: u32 = 1 << 10;
const DFF: u32 = 1 << 11;
const BIDIOE: u32 = 1 << 14;
const BIDIMODE: u32 = 1 << 15;
const RXDMAEN: u32 = 1 << 0;
const TXDMAEN: u32 = 1 << 1;
const ERRIE: u32 = 1 << 5;
const RXNEIE: u32 = 1 << 6;
const TXEIE: u32 = 1 << 7;
/// SR: received; transmit buffer empty; the I2S side; wrong CRC; mode fault; overrun; busy.
const RXNE: u32 = 1 << 0;
const TXE: u32 = 1 << 1;
const CHSIDE: u32 = 1 << 2;
const CRCERR: u32 = 1 << 4;
const MODF: u32 = 1 << 5;
const OVR: u32 = 1 << 6;
const BSY: u32 = 1 << 7;
/// I2SCFGR: I2S instead of SPI; on; the configuration (bit 1: master, bit 0: receives).
const I2SMOD: u32 = 1 << 11;
const I2SE: u32 = 1 << 10;

/// The events: a frame is done, a scripted master's next transfer begins, it has clocked one more frame.
const SHIFTED: u32 = 0;
const SCRIPT: u32 = 1;
const CLOCKED: u32 = 2;
const TX: usize = 0;
const RX: usize = 1;

/// The device.
#[derive(Clone)]
pub struct Spi {
    registers: Registers,
    shifting: Option<u16>,
    holding: Option<u16>,
    received: u16,
    overrun_seen: bool,
    fault_seen: bool,
    /// What is shifted is the CRC.
    is_crc: bool,
    partner: Option<Partner>,
    script: Script,
    /// An I2S half-word was the first of a wide one.
    second_half: bool,
    /// What the scripted master has yet to send.
    clocking: VecDeque<u8>,
}

impl Default for Spi {
    fn default() -> Self {
        Self {
            registers: Registers::new(REGISTERS),
            shifting: None,
            holding: None,
            received: 0,
            overrun_seen: false,
            fault_seen: false,
            is_crc: false,
            partner: None,
            script: Script::default(),
            second_half: false,
            clocking: VecDeque::new(),
        }
    }
}

impl Spi {
    fn has(&self, offset: u32, bits: u32) -> bool {
        self.registers.get(offset) & bits != 0
    }

    fn is_i2s(&self) -> bool {
        self.has(I2SCFGR, I2SMOD)
    }

    /// On, and the one that makes the clock.
    fn is_driving(&self) -> bool {
        if self.is_i2s() {
            self.has(I2SCFGR, I2SE) && self.has(I2SCFGR, 2 << 8)
        } else {
            self.has(CR1, SPE) && self.has(CR1, MSTR)
        }
    }

    /// Whether it makes the clock without being given data.
    fn is_receiving_only(&self) -> bool {
        if self.is_i2s() {
            return self.registers.get(I2SCFGR) >> 8 & 3 == 3;
        }
        let cr1 = self.registers.get(CR1);
        cr1 & RXONLY != 0 || (cr1 & BIDIMODE != 0 && cr1 & BIDIOE == 0)
    }

    fn duration(&self, ctx: &Ctx<'_>) -> Cycles {
        if self.is_i2s() {
            // 25.4.3: the bit clock is I2SxCLK, SYSCLK here, by 2 x I2SDIV + ODD, and by 8 more where the master clock goes out.
            let prescaler = self.registers.get(I2SPR);
            let divider = u64::from(2 * (prescaler & 0xff).max(2) + (prescaler >> 8 & 1));
            let divider = if prescaler & 1 << 9 != 0 { 8 * divider } else { divider };
            let clocks = &ctx.system.clocks;
            let wide = self.has(I2SCFGR, 1);
            let bits = if wide && self.registers.get(I2SCFGR) >> 1 & 3 == 0 { 32 } else { 16 };
            return Cycles(bits * divider * u64::from(clocks.hclk.0) / u64::from(clocks.sysclk.0.max(1)));
        }
        let bits = if self.has(CR1, DFF) { 16 } else { 8 };
        Cycles((bits << ((self.registers.get(CR1) >> 3 & 7) + 1)) * ctx.core_cycles_per_clock())
    }

    fn shift(&mut self, value: u16, ctx: &mut Ctx<'_>) {
        self.shifting = Some(value);
        self.registers.set_bits(SR, BSY, true);
        let duration = self.duration(ctx);
        ctx.schedule(SHIFTED, duration);
    }

    fn refresh(&mut self, ctx: &mut Ctx<'_>) {
        let (flags, control) = (self.registers.get(SR), self.registers.get(CR2));
        let on = if self.is_i2s() { self.has(I2SCFGR, I2SE) } else { self.has(CR1, SPE) };
        let asks = (flags & RXNE != 0 && control & RXNEIE != 0)
            || (flags & TXE != 0 && control & TXEIE != 0)
            || (flags & (OVR | MODF | CRCERR) != 0 && control & ERRIE != 0);
        ctx.set_line(0, asks);
        ctx.drive(TX, on && control & TXDMAEN != 0 && flags & TXE != 0);
        ctx.drive(RX, control & RXDMAEN != 0 && flags & RXNE != 0);
    }
}

impl Peripheral for Spi {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["TX", "RX"]
    }

    fn read(&mut self, offset: u32, ctx: &mut Ctx<'_>) -> u32 {
        match offset {
            DR => {
                self.registers.set_bits(SR, RXNE, false);
                self.overrun_seen = self.has(SR, OVR);
                self.refresh(ctx);
                u32::from(self.received)
            }
            SR => {
                let flags = self.registers.get(SR);
                self.fault_seen = flags & MODF != 0;
                // OVR is cleared by reading DR, then SR (25.3.10).
                if std::mem::take(&mut self.overrun_seen) {
                    self.registers.set_bits(SR, OVR, false);
                    self.refresh(ctx);
                }
                flags
            }
            _ => self.registers.get(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        match offset {
            DR if !self.is_driving() => {
                // It waits for a clock.
                self.holding = Some(value as u16);
                self.registers.set_bits(SR, TXE, false);
            }
            DR if self.shifting.is_none() => {
                self.registers.set_bits(SR, TXE, false);
                self.refresh(ctx);
                self.shift(value as u16, ctx);
                self.registers.set_bits(SR, TXE, true);
            }
            DR => {
                self.holding = Some(value as u16);
                self.registers.set_bits(SR, TXE, false);
            }
            _ => {
                let was = self.is_driving();
                let before = self.registers.get(offset);
                self.registers.store(offset, value);
                if offset == CR1 {
                    self.write_control(before);
                }
                let is = self.is_driving();
                if is && !was {
                    if let Some(partner) = &mut self.partner {
                        partner.end();
                    }
                    if let Some(value) = self.holding.take() {
                        self.shift(value, ctx);
                        self.registers.set_bits(SR, TXE, true);
                    } else if self.is_receiving_only() {
                        self.shift(0, ctx);
                    }
                }
            }
        }
        self.refresh(ctx);
    }

    fn due(&mut self, event: u32, ctx: &mut Ctx<'_>) {
        match event {
            SCRIPT => self.begin_script(ctx),
            CLOCKED => self.clocked(ctx),
            _ => self.shifted(ctx),
        }
        self.refresh(ctx);
    }

    fn attach(&mut self, partner: Partner, ctx: &mut Ctx<'_>) {
        match partner {
            Partner::Script(script) => {
                self.script = script;
                self.script.schedule(SCRIPT, ctx);
            }
            other => self.partner = Some(other),
        }
    }

    fn clocks_changed(&mut self, ctx: &mut Ctx<'_>) {
        self.script.schedule(SCRIPT, ctx);
    }

    fn restart(&mut self, fresh: bool, ctx: &mut Ctx<'_>) -> bool {
        if !fresh {
            ctx.cancel(SHIFTED);
            ctx.cancel(CLOCKED);
            *self = Self { partner: self.partner.take(), script: std::mem::take(&mut self.script), ..Self::default() };
            self.refresh(ctx);
        }
        self.script.schedule(SCRIPT, ctx);
        true
    }
}

impl Spi {
    /// A frame that this side clocked is done.
    fn shifted(&mut self, ctx: &mut Ctx<'_>) {
        let Some(sent) = self.shifting.take() else { return };
        let mask = self.mask();
        let received = self.partner.as_mut().map_or(0xffff, |partner| partner.exchange(sent & mask)) & mask;
        let listens = if self.is_i2s() { self.is_receiving_only() } else { !self.has(CR1, BIDIMODE) || !self.has(CR1, BIDIOE) };
        self.exchanged(sent & mask, received, listens);
        if self.is_i2s() {
            self.turn_side();
        }
        if let Some(next) = self.holding.take() {
            self.shift(next, ctx);
            self.registers.set_bits(SR, TXE, true);
        } else if self.has(CR1, CRCEN) && self.has(CR1, CRCNEXT) && !self.is_i2s() {
            self.is_crc = true;
            let crc = self.registers.get(TXCRCR) as u16;
            self.shift(crc, ctx);
        } else if self.is_receiving_only() && self.is_driving() {
            self.shift(0, ctx);
        } else {
            self.registers.set_bits(SR, BSY, false);
        }
    }

    fn mask(&self) -> u16 {
        if self.has(CR1, DFF) || self.is_i2s() { 0xffff } else { 0xff }
    }

    /// A frame has gone out while another came in: data, or the CRC of what came before (25.3.6).
    fn exchanged(&mut self, sent: u16, received: u16, listens: bool) {
        if std::mem::take(&mut self.is_crc) {
            let right = self.registers.get(RXCRCR) == u32::from(received);
            self.registers.set_bits(SR, CRCERR, listens && !right || self.has(SR, CRCERR));
            self.registers.set_bits(CR1, CRCNEXT, false);
        } else if self.has(CR1, CRCEN) {
            for (register, value) in [(TXCRCR, sent), (RXCRCR, received)] {
                let crc = self.crc(self.registers.get(register), value);
                self.registers.set(register, crc);
            }
        }
        if !listens {
            return;
        }
        if self.has(SR, RXNE) {
            self.registers.set_bits(SR, OVR, true);
        } else {
            self.received = received;
            self.registers.set_bits(SR, RXNE, true);
        }
    }

    /// The CRC of as many bits as a frame has, by the polynomial in CRCPR, the upper bit first.
    fn crc(&self, crc: u32, value: u16) -> u32 {
        let bits = if self.has(CR1, DFF) { 16 } else { 8 };
        let (top, mask, polynomial) = (1 << (bits - 1), (1 << bits) - 1, self.registers.get(CRCPR));
        (0..bits).fold(crc ^ u32::from(value), |crc, _| if crc & top != 0 { crc << 1 ^ polynomial } else { crc << 1 }) & mask
    }

    /// The next half-word is the other channel's, or the second half of a wide one (25.4.3).
    fn turn_side(&mut self) {
        let wide = self.registers.get(I2SCFGR) >> 1 & 3 != 0;
        self.second_half = wide && !self.second_half;
        if !self.second_half {
            self.registers.set_bits(SR, CHSIDE, !self.has(SR, CHSIDE));
        }
    }

    /// CR1 was written: the CRC begins anew when it is switched on, and a master that is told that another one selects it is none (25.3.10).
    fn write_control(&mut self, before: u32) {
        if self.has(CR1, CRCEN) && before & CRCEN == 0 {
            self.registers.set(TXCRCR, 0);
            self.registers.set(RXCRCR, 0);
        }
        if std::mem::take(&mut self.fault_seen) {
            self.registers.set_bits(SR, MODF, false);
        }
        let control = self.registers.get(CR1);
        if control & (MSTR | SSM | SSI) == MSTR | SSM && control & SPE != 0 {
            self.registers.set_bits(CR1, MSTR | SPE, false);
            self.registers.set_bits(SR, MODF, true);
        }
    }

    /// The scripted master begins its next transfer, if the one before it is over.
    fn begin_script(&mut self, ctx: &mut Ctx<'_>) {
        if self.clocking.is_empty()
            && let Some(step) = self.script.take_due(ctx)
        {
            self.clocking.extend(step.send);
            self.clock_next(ctx);
        }
    }

    fn is_slave(&self) -> bool {
        !self.is_i2s() && self.has(CR1, SPE) && !self.has(CR1, MSTR)
    }

    /// The scripted master clocks one more frame: with the first edge the slave takes what it is to send out of its data register.
    fn clock_next(&mut self, ctx: &mut Ctx<'_>) {
        if self.clocking.is_empty() {
            self.registers.set_bits(SR, BSY, false);
            return self.script.schedule(SCRIPT, ctx);
        }
        if self.is_slave() {
            let crc = self.has(CR1, CRCEN) && self.has(CR1, CRCNEXT) && self.holding.is_none();
            self.is_crc = crc;
            let next = if crc { Some(self.registers.get(TXCRCR) as u16) } else { self.holding.take() };
            self.shifting = Some(next.unwrap_or(0));
            self.registers.set_bits(SR, BSY | TXE, true);
        }
        let bits = self.script.bits(if self.has(CR1, DFF) { 16 } else { 8 }, ctx);
        ctx.schedule(CLOCKED, bits);
    }

    /// It has clocked a frame: two of its bytes make a wide one.
    fn clocked(&mut self, ctx: &mut Ctx<'_>) {
        let mut received = u16::from(self.clocking.pop_front().unwrap_or(0));
        if self.has(CR1, DFF) {
            received = received << 8 | u16::from(self.clocking.pop_front().unwrap_or(0));
        }
        if let Some(sent) = self.shifting.take() {
            if self.has(CR1, DFF) {
                ctx.send((sent >> 8) as u8);
            }
            ctx.send(sent as u8);
            self.exchanged(sent & self.mask(), received, true);
        }
        self.clock_next(ctx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peripherals::System;
    use crate::peripherals::system::Domain;
    use crate::units::{Hz, Tick};

    #[test]
    fn a_byte_takes_eight_bits_of_the_prescaled_clock() {
        // RM0008, 25.5.1: BR 010 divides by 8.
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 0, name: "SPI1", lines: &[51], domain: Domain::Apb2 };
        let mut spi = Spi::default();
        spi.attach(Partner::echo(0), &mut ctx);
        spi.write(CR1, SPE | MSTR | 2 << 3, &mut ctx);
        spi.write(DR, 0x5a, &mut ctx);
        assert_eq!(spi.peek(SR), TXE | BSY);
        assert_eq!(ctx.system.next_due(), Tick(64));
        spi.write(DR, 0xa5, &mut ctx);
        assert_eq!(spi.peek(SR), BSY);
        ctx.system.now = Tick(64);
        let (_, _, event) = ctx.system.take_due().expect("due");
        spi.due(event, &mut ctx);
        assert_eq!(spi.peek(SR), TXE | BSY | RXNE);
        assert_eq!(spi.read(DR, &mut ctx), 0x5a);
    }

    #[test]
    fn i2s_halves_last_as_its_prescaler_says_and_sides_turn() {
        // RM0008, 25.4.3: FS = I2SxCLK / (16 x 2 x (2 x I2SDIV + ODD)) with 16-bit channels and no master clock; a wide channel takes two halves.
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 0, name: "SPI2", lines: &[52], domain: Domain::Apb1 };
        for (wide, sides) in [(0, [CHSIDE, 0, CHSIDE, 0]), (1 << 1 | 1, [0, CHSIDE, CHSIDE, 0])] {
            ctx.system.now = Tick(0);
            let mut spi = Spi::default();
            spi.write(I2SPR, 1 << 8 | 3, &mut ctx);
            spi.write(I2SCFGR, I2SMOD | I2SE | 2 << 8 | wide, &mut ctx);
            for (half, side) in (1..).zip(sides) {
                spi.write(DR, 0x1234, &mut ctx);
                assert_eq!(ctx.system.next_due(), Tick(half * 16 * 7));
                ctx.system.now = ctx.system.next_due();
                let (_, _, event) = ctx.system.take_due().expect("due");
                spi.due(event, &mut ctx);
                assert_eq!(spi.peek(SR) & CHSIDE, side, "{wide} {half}");
            }
        }
    }

    #[test]
    fn the_crc_is_the_published_one() {
        // CRC-8 with polynomial 0x07 over "123456789" has the check value 0xf4; Python's binascii.crc_hqx(b"12345678", 0), of 0x1021, is 0x9015.
        let mut spi = Spi::default();
        assert_eq!(b"123456789".iter().fold(0, |crc, byte| spi.crc(crc, u16::from(*byte))), 0xf4);
        spi.registers.set(CR1, DFF);
        spi.registers.set(CRCPR, 0x1021);
        let crc = b"12345678".chunks(2).fold(0, |crc, pair| spi.crc(crc, u16::from(pair[0]) << 8 | u16::from(pair[1])));
        assert_eq!(crc, 0x9015);
    }

    #[test]
    fn a_master_that_is_selected_is_no_master_any_more() {
        // RM0008, 25.3.10: MODF clears SPE and MSTR; reading SR and writing CR1 clears it.
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 0, name: "SPI1", lines: &[51], domain: Domain::Apb2 };
        let mut spi = Spi::default();
        spi.write(CR2, ERRIE, &mut ctx);
        spi.write(CR1, SPE | MSTR | SSM, &mut ctx);
        assert_eq!((spi.peek(CR1), spi.read(SR, &mut ctx) & MODF), (SSM, MODF));
        assert!(ctx.system.exceptions.is_pending(51));
        spi.write(CR1, SPE | MSTR | SSM | SSI, &mut ctx);
        assert_eq!((spi.peek(CR1), spi.peek(SR) & MODF), (SPE | MSTR | SSM | SSI, 0));
    }
}
