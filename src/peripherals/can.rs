//! What it is: the CAN controller in its loop-back modes: modes, mailboxes, acceptance filters, FIFOs, interrupts, bit timing.
//! Source: RM0008 chapter 24.
//! Does not model: a bus: outside of loop-back nobody acknowledges, and a frame waits in its mailbox for ever. Errors, time stamps.
//! Tested by: `registers_conform`, `firmware-images/tests/can_loopback`, `can_filters`.

use super::system::Ctx;
use super::{Peripheral, Register, Registers};
use crate::units::Cycles;
use std::collections::VecDeque;

const MCR: u32 = 0x00;
const MSR: u32 = 0x04;
const TSR: u32 = 0x08;
const RF0R: u32 = 0x0c;
const RF1R: u32 = 0x10;
const IER: u32 = 0x14;
const BTR: u32 = 0x1c;
const TI0R: u32 = 0x180;
const RI0R: u32 = 0x1b0;
const FMR: u32 = 0x200;
const FM1R: u32 = 0x204;
const FS1R: u32 = 0x20c;
const FFA1R: u32 = 0x214;
const FA1R: u32 = 0x21c;
const BANKS: u32 = 0x240;

const REGISTERS: &[Register] = &[
    Register::new(MCR, "MCR", 0x0001_0002, 0x0001_00ff).not_modelled(0x00e0).volatile(0x8000),
    Register::new(MSR, "MSR", 0xc02, 0).clear_by_one(0x1c).volatile(0xf03),
    Register::new(TSR, "TSR", 0x1c00_0000, 0).clear_by_one(0x000f_0f0f).volatile(u32::MAX),
    Register::new(RF0R, "RF0R", 0, 0).clear_by_one(0x18).volatile(0x3),
    Register::new(RF1R, "RF1R", 0, 0).clear_by_one(0x18).volatile(0x3),
    Register::new(IER, "IER", 0, 0x3_8f7f).not_modelled(0x3_8f00),
    Register::new(0x18, "ESR", 0, 0x70),
    Register::new(BTR, "BTR", 0x0123_0000, 0xc37f_03ff),
    Register::new(TI0R, "TX", 0, u32::MAX).array(12).volatile(u32::MAX),
    Register::new(RI0R, "RX", 0, 0).array(8).volatile(u32::MAX),
    Register::new(FMR, "FMR", 0x2a1c_0e01, 0x1),
    Register::new(FM1R, "FM1R", 0, 0xfff_ffff),
    Register::new(FS1R, "FS1R", 0, 0xfff_ffff),
    Register::new(FFA1R, "FFA1R", 0, 0xfff_ffff),
    Register::new(FA1R, "FA1R", 0, 0xfff_ffff),
    Register::new(BANKS, "F", 0, u32::MAX).array(28),
];

/// MCR: initialisation, sleep, order of sending, locked FIFOs, reset. MSR: their acknowledges. FMR: the filters are set up.
const INRQ: u32 = 1 << 0;
const SLEEP: u32 = 1 << 1;
const TXFP: u32 = 1 << 2;
const RFLM: u32 = 1 << 3;
const RESET: u32 = 1 << 15;
/// BTR: loop-back.
const LBKM: u32 = 1 << 30;
/// TIxR: send; extended identifier; remote frame.
const TXRQ: u32 = 1 << 0;
const IDE: u32 = 1 << 2;
const RTR: u32 = 1 << 1;
/// RFxR: messages, full, overrun, release.
const FULL: u32 = 1 << 3;
const FOVR: u32 = 1 << 4;
const RFOM: u32 = 1 << 5;
const FIFO_DEPTH: usize = 3;
const FILTERS: u32 = 14;
const FINIT: u32 = 1;

/// A frame as a mailbox holds it: identifier, length, data.
type Frame = [u32; 4];

/// The device.
#[derive(Clone)]
pub struct Can {
    registers: Registers,
    /// The mailbox whose frame is on its way, and those that wait, the oldest first.
    sending: Option<u32>,
    waiting: Vec<u32>,
    fifos: [VecDeque<Frame>; 2],
}

impl Default for Can {
    fn default() -> Self {
        Self {
            registers: Registers::new(REGISTERS),
            sending: None,
            waiting: Vec::new(),
            fifos: [VecDeque::new(), VecDeque::new()],
        }
    }
}

impl Can {
    fn has(&self, offset: u32, bits: u32) -> bool {
        self.registers.get(offset) & bits != 0
    }

    fn frame(&self, mailbox: u32) -> Frame {
        [0, 4, 8, 12].map(|word| self.registers.get(TI0R + 16 * mailbox + word))
    }

    /// What decides on the bus, and without TXFP between mailboxes: the lower goes first.
    fn rank(identifier: u32) -> u64 {
        let base = u64::from(identifier >> 21);
        let extended = identifier & IDE != 0;
        base << 20 | u64::from(extended) << 19 | u64::from(identifier >> 3 & 0x3_ffff)
    }

    /// The frame's bits, without those that are stuffed in, in core cycles (24.7.7: one bit is 1 + TS1 + 1 + TS2 + 1 quanta).
    fn duration(&self, frame: &Frame, ctx: &Ctx<'_>) -> Cycles {
        let timing = self.registers.get(BTR);
        let quanta = u64::from(3 + (timing >> 16 & 0xf) + (timing >> 20 & 7));
        let bit = quanta * (u64::from(timing & 0x3ff) + 1) * ctx.core_cycles_per_clock();
        let data = if frame[0] & RTR != 0 { 0 } else { u64::from(frame[1] & 0xf).min(8) };
        let bits = if frame[0] & IDE != 0 { 67 } else { 47 } + 8 * data;
        Cycles(bits * bit)
    }

    fn proceed(&mut self, ctx: &mut Ctx<'_>) {
        let runs = !self.has(MSR, 3);
        if self.sending.is_some() || !runs || self.waiting.is_empty() {
            return;
        }
        if !self.has(BTR, LBKM) {
            return ctx.system.note(format!("{}.TX", ctx.name), "a frame was sent with nobody on the bus to acknowledge it");
        }
        let at = if self.has(MCR, TXFP) {
            0
        } else {
            let ranked = self
                .waiting
                .iter()
                .enumerate()
                .min_by_key(|(_, mailbox)| (Self::rank(self.registers.get(TI0R + 16 * **mailbox)), **mailbox));
            ranked.map_or(0, |(at, _)| at)
        };
        let mailbox = self.waiting.remove(at);
        self.sending = Some(mailbox);
        let duration = self.duration(&self.frame(mailbox), ctx);
        ctx.schedule(0, duration);
    }

    /// The FIFO that an active filter assigns the frame to, and the number of the filter among that FIFO's (24.7.4): of several that match, a
    /// 32-bit one goes before a 16-bit one, a list before a mask, and the lower bank before the higher.
    fn accept(&self, frame: &Frame) -> Option<(usize, u32)> {
        // While the filters are set up nothing is received (24.9.4).
        if self.has(FMR, FINIT) {
            return None;
        }
        let mut numbers = [0; 2];
        let mut best: Option<((bool, bool), usize, u32)> = None;
        for bank in 0..FILTERS {
            let bit = 1 << bank;
            let (wide, list, fifo) = (self.has(FS1R, bit), self.has(FM1R, bit), usize::from(self.has(FFA1R, bit)));
            // Banks that are off have their numbers, too.
            let first = numbers[fifo];
            numbers[fifo] += if wide { 1 } else { 2 } << u32::from(list);
            let Some(at) = self.matches(bank, frame).filter(|_| self.has(FA1R, bit)) else { continue };
            if best.is_none_or(|(rank, ..)| (wide, list) > rank) {
                best = Some(((wide, list), fifo, first + at));
            }
        }
        best.map(|(_, fifo, number)| (fifo, number))
    }

    /// Which of a bank's filters a frame passes.
    fn matches(&self, bank: u32, frame: &Frame) -> Option<u32> {
        let id = frame[0] & !TXRQ;
        // A 16-bit filter sees STID, RTR, IDE and the upper three bits of EXID.
        let short = (id >> 21) << 5 | (id & RTR) << 3 | (id & IDE) << 1 | (id >> 18 & 7);
        let bit = 1 << bank;
        let [first, second] = [0, 4].map(|word| self.registers.get(BANKS + 8 * bank + word));
        let halves = [first & 0xffff, first >> 16, second & 0xffff, second >> 16];
        let hits = match (self.has(FS1R, bit), self.has(FM1R, bit)) {
            (true, true) => vec![id == first & !TXRQ, id == second & !TXRQ],
            (true, false) => vec![(id ^ first) & second & !TXRQ == 0],
            (false, true) => halves.iter().map(|half| *half == short).collect(),
            (false, false) => vec![(short ^ halves[0]) & halves[1] == 0, (short ^ halves[2]) & halves[3] == 0],
        };
        hits.iter().position(|hit| *hit).map(|at| at as u32)
    }

    fn receive_frame(&mut self, mut frame: Frame) {
        frame[0] &= !TXRQ;
        let Some((fifo, number)) = self.accept(&frame) else { return };
        frame[1] = (frame[1] & !0xff00) | number << 8;
        let register = if fifo == 0 { RF0R } else { RF1R };
        if self.fifos[fifo].len() == FIFO_DEPTH {
            // Without RFLM the last message is overwritten, with it the new one is lost (24.7.3).
            self.registers.set_bits(register, FOVR, true);
            if self.has(MCR, RFLM) {
                return;
            }
            self.fifos[fifo].pop_back();
        }
        self.fifos[fifo].push_back(frame);
    }

    fn refresh(&mut self, ctx: &mut Ctx<'_>) {
        for (fifo, register) in [RF0R, RF1R].into_iter().enumerate() {
            let count = self.fifos[fifo].len() as u32;
            let kept = self.registers.get(register) & (FOVR | FULL);
            let full = if count as usize == FIFO_DEPTH { FULL } else { 0 };
            self.registers.set(register, kept | full | count);
            let shown = self.fifos[fifo].front().copied().unwrap_or_default();
            for (word, value) in (0..).step_by(4).zip(shown) {
                self.registers.set(RI0R + 16 * fifo as u32 + word, value);
            }
        }
        let enabled = self.registers.get(IER);
        ctx.set_line(0, enabled & 1 != 0 && self.has(TSR, 0x0001_0101));
        for (fifo, register) in [(0, RF0R), (1, RF1R)] {
            // Pending, full, overrun: three enables for each FIFO, from bit 1 on.
            let flags = self.registers.get(register);
            let asks = enabled >> (1 + 3 * fifo);
            let pending =
                (asks & 1 != 0 && flags & 3 != 0) || (asks & 2 != 0 && flags & FULL != 0) || (asks & 4 != 0 && flags & FOVR != 0);
            ctx.set_line(1 + fifo as usize, pending);
        }
    }

    fn set_mode(&mut self, value: u32, ctx: &mut Ctx<'_>) {
        if value & RESET != 0 {
            *self = Self::default();
            return;
        }
        self.registers.store(MCR, value);
        // Entered at once; leaving waits for eleven recessive bits on silicon.
        self.registers.set_bits(MSR, INRQ, value & INRQ != 0);
        self.registers.set_bits(MSR, SLEEP, value & SLEEP != 0 && value & INRQ == 0);
        self.proceed(ctx);
    }
}

impl Peripheral for Can {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        match offset {
            MCR => self.set_mode(value, ctx),
            TSR => {
                // RQCP is written 1, and with it go the flags of its mailbox.
                for mailbox in 0..3 {
                    if value >> (8 * mailbox) & 1 != 0 {
                        self.registers.set_bits(TSR, 0xf << (8 * mailbox), false);
                    }
                    if value >> (8 * mailbox) & 0x80 != 0 && self.waiting.contains(&mailbox) {
                        self.waiting.retain(|waiting| *waiting != mailbox);
                        self.registers.set_bits(TSR, 1 << (8 * mailbox) | 1 << (26 + mailbox), true);
                    }
                }
            }
            RF0R | RF1R => {
                self.registers.store(offset, value);
                if value & RFOM != 0 {
                    self.fifos[usize::from(offset == RF1R)].pop_front();
                }
            }
            TI0R..RI0R => {
                self.registers.store(offset, value);
                let mailbox = (offset - TI0R) / 16;
                if offset.is_multiple_of(16) && value & TXRQ != 0 && !self.waiting.contains(&mailbox) {
                    self.registers.set_bits(TSR, 0xf << (8 * mailbox) | 1 << (26 + mailbox), false);
                    self.waiting.push(mailbox);
                    self.proceed(ctx);
                }
            }
            BTR if !self.has(MSR, INRQ) => {}
            _ => {
                self.registers.store(offset, value);
            }
        }
        self.refresh(ctx);
    }

    fn due(&mut self, _event: u32, ctx: &mut Ctx<'_>) {
        if let Some(mailbox) = self.sending.take() {
            let frame = self.frame(mailbox);
            self.registers.set_bits(TI0R + 16 * mailbox, TXRQ, false);
            // Requested, sent, empty.
            self.registers.set_bits(TSR, 3 << (8 * mailbox) | 1 << (26 + mailbox), true);
            self.receive_frame(frame);
        }
        self.proceed(ctx);
        self.refresh(ctx);
    }
}
