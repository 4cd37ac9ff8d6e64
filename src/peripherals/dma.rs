//! What it is: a DMA controller: channels with priorities, peripheral requests and memory to memory, circular mode, flags, interrupts.
//! Source: RM0008 sections 13.3 (function) and 13.4 (registers); AN2548 section 1 for what a transfer takes.
//! Does not model: what the core loses of the bus to it. A transfer's time is AN2548's sum for a bus that nobody else uses.
//! Tested by: `registers_conform`, the unit tests below, `firmware-images/tests/dma_memory`, `dma_usart`, `adc_timer_dma`.

use super::system::Ctx;
use super::{Peripheral, REQUESTS_A_CHANNEL, Register, Registers};
use crate::units::Cycles;

const ISR: u32 = 0x00;
const IFCR: u32 = 0x04;
const CHANNELS: usize = 7;

macro_rules! channel {
    ($base:literal, $ccr:literal, $cndtr:literal, $cpar:literal, $cmar:literal) => {
        [
            Register::new($base, $ccr, 0, 0x7fff),
            Register::new($base + 4, $cndtr, 0, 0xffff).volatile(0xffff),
            Register::new($base + 8, $cpar, 0, u32::MAX),
            Register::new($base + 12, $cmar, 0, u32::MAX),
        ]
    };
}

const BY_CHANNEL: [[Register; 4]; CHANNELS] = [
    channel!(0x08, "CCR1", "CNDTR1", "CPAR1", "CMAR1"),
    channel!(0x1c, "CCR2", "CNDTR2", "CPAR2", "CMAR2"),
    channel!(0x30, "CCR3", "CNDTR3", "CPAR3", "CMAR3"),
    channel!(0x44, "CCR4", "CNDTR4", "CPAR4", "CMAR4"),
    channel!(0x58, "CCR5", "CNDTR5", "CPAR5", "CMAR5"),
    channel!(0x6c, "CCR6", "CNDTR6", "CPAR6", "CMAR6"),
    channel!(0x80, "CCR7", "CNDTR7", "CPAR7", "CMAR7"),
];

const REGISTERS: &[Register] = &{
    let mut all = [Register::new(ISR, "ISR", 0, 0).volatile(0x0fff_ffff); 2 + 4 * CHANNELS];
    all[1] = Register::new(IFCR, "IFCR", 0, 0);
    let mut i = 0;
    while i < 4 * CHANNELS {
        all[2 + i] = BY_CHANNEL[i / 4][i % 4];
        i += 1;
    }
    all
};

/// CCRx: enabled; reads from memory; circular; counts the peripheral's address; counts the memory's; memory to memory. The interrupt
/// enables stand at their flags' positions in ISR.
const EN: u32 = 1 << 0;
const DIR: u32 = 1 << 4;
const CIRC: u32 = 1 << 5;
const PINC: u32 = 1 << 6;
const MINC: u32 = 1 << 7;
const MEM2MEM: u32 = 1 << 14;
/// A channel's flags: any, complete, half, error.
const GIF: u32 = 1 << 0;
const TCIF: u32 = 1 << 1;
const HTIF: u32 = 1 << 2;
const TEIF: u32 = 1 << 3;

/// The event: the transfer that is under way is done.
const DONE: u32 = 0;

#[derive(Clone, Copy, Default)]
struct Channel {
    /// Which of its request inputs are high.
    requests: u16,
    /// CNDTR when it was enabled, and what is left.
    length: u32,
    left: u32,
}

/// The device.
#[derive(Clone)]
pub struct Dma {
    registers: Registers,
    channels: [Channel; CHANNELS],
    /// The channel that transfers now.
    active: Option<usize>,
}

impl Default for Dma {
    fn default() -> Self {
        Self { registers: Registers::new(REGISTERS), channels: [Channel::default(); CHANNELS], active: None }
    }
}

fn base(channel: usize) -> u32 {
    8 + 20 * channel as u32
}

/// How many core cycles an access to an address takes: two of its bus's on an APB and one to get there, two elsewhere.
fn access_cycles(address: u32, ctx: &Ctx<'_>) -> u64 {
    let clocks = &ctx.system.clocks;
    let ratio = |pclk: u32| u64::from(clocks.hclk.0 / pclk.max(1)).max(1);
    match address {
        0x4000_0000..0x4001_0000 => 1 + 2 * ratio(clocks.pclk1.0),
        0x4001_0000..0x4001_8000 => 1 + 2 * ratio(clocks.pclk2.0),
        _ => 2,
    }
}

impl Dma {
    fn control(&self, channel: usize) -> u32 {
        self.registers.get(base(channel))
    }

    fn is_ready(&self, channel: usize) -> bool {
        let control = self.control(channel);
        let state = &self.channels[channel];
        control & EN != 0 && state.left > 0 && (control & MEM2MEM != 0 || state.requests != 0)
    }

    /// Peripheral and memory: address and width in bytes, as of the next transfer.
    fn sides(&self, channel: usize) -> [(u32, u32); 2] {
        let control = self.control(channel);
        let done = self.channels[channel].length - self.channels[channel].left;
        let side = |register: u32, width: u32, counts: bool| {
            let width = 1 << width.min(2);
            let start = self.registers.get(base(channel) + register) & !(width - 1);
            (start.wrapping_add(if counts { done * width } else { 0 }), width)
        };
        [side(8, control >> 8 & 3, control & PINC != 0), side(12, control >> 10 & 3, control & MINC != 0)]
    }

    /// If nothing is under way, begins the most urgent channel's transfer: by its priority, then its number (13.3.2).
    fn arbitrate(&mut self, ctx: &mut Ctx<'_>) {
        if self.active.is_some() {
            return;
        }
        let next = (0..CHANNELS)
            .filter(|channel| self.is_ready(*channel))
            .max_by_key(|channel| (self.control(*channel) >> 12 & 3, std::cmp::Reverse(*channel)));
        if let Some(channel) = next {
            self.active = Some(channel);
            let [peripheral, memory] = self.sides(channel);
            // One cycle to arbitrate and one to compute the address.
            let cycles = 2 + access_cycles(peripheral.0, ctx) + access_cycles(memory.0, ctx);
            ctx.schedule(DONE, Cycles(cycles));
        }
    }

    fn flag(&mut self, channel: usize, flag: u32, ctx: &mut Ctx<'_>) {
        self.registers.set_bits(ISR, (flag | GIF) << (4 * channel), true);
        self.refresh(ctx);
    }

    fn refresh(&mut self, ctx: &mut Ctx<'_>) {
        for channel in 0..CHANNELS {
            let flags = self.registers.get(ISR) >> (4 * channel) & self.control(channel) & (TCIF | HTIF | TEIF);
            ctx.set_line(channel, flags != 0);
        }
    }
}

impl Peripheral for Dma {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn read(&mut self, offset: u32, _ctx: &mut Ctx<'_>) -> u32 {
        self.peek(offset)
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        match offset {
            ISR => {}
            IFCR => {
                for channel in 0..CHANNELS {
                    let clear = value >> (4 * channel) & 0xf;
                    // Clearing the global flag clears all of the channel's.
                    let clear = if clear & GIF != 0 { 0xf } else { clear };
                    self.registers.set_bits(ISR, clear << (4 * channel), false);
                    if self.registers.get(ISR) >> (4 * channel) & 0xe == 0 {
                        self.registers.set_bits(ISR, GIF << (4 * channel), false);
                    }
                }
                self.refresh(ctx);
            }
            _ => {
                let channel = ((offset - 8) / 20) as usize;
                let was = self.control(channel) & EN != 0;
                match (offset - 8) % 20 {
                    0 => {
                        let control = self.registers.store(offset, value);
                        if control & EN != 0 && !was {
                            let length = self.registers.get(base(channel) + 4);
                            (self.channels[channel].length, self.channels[channel].left) = (length, length);
                        }
                        self.refresh(ctx);
                        self.arbitrate(ctx);
                    }
                    // While the channel is enabled the others are read-only (13.4.4 to 13.4.6).
                    _ if was => {}
                    _ => {
                        self.registers.store(offset, value);
                    }
                }
            }
        }
    }

    fn input(&mut self, input: usize, high: bool, ctx: &mut Ctx<'_>) {
        let Some(channel) = self.channels.get_mut(input / REQUESTS_A_CHANNEL) else { return };
        let bit = 1 << (input % REQUESTS_A_CHANNEL);
        channel.requests = (channel.requests & !bit) | if high { bit } else { 0 };
        self.arbitrate(ctx);
    }

    fn due(&mut self, _event: u32, ctx: &mut Ctx<'_>) {
        let Some(channel) = self.active else { return self.arbitrate(ctx) };
        // It may have been switched off, or the request withdrawn, in the meantime.
        if !self.is_ready(channel) {
            self.active = None;
            return self.arbitrate(ctx);
        }
        let [peripheral, memory] = self.sides(channel);
        let (source, target) = if self.control(channel) & DIR != 0 { (memory, peripheral) } else { (peripheral, memory) };
        ctx.transfer(channel, source, target);
    }

    fn transferred(&mut self, channel: usize, fault: bool, ctx: &mut Ctx<'_>) {
        self.active = None;
        let Some(state) = self.channels.get_mut(channel) else { return };
        if fault {
            // The channel is disabled by the hardware (13.3.4).
            self.registers.set_bits(base(channel), EN, false);
            self.flag(channel, TEIF, ctx);
            return self.arbitrate(ctx);
        }
        let requests = state.requests;
        state.left = state.left.saturating_sub(1);
        let (left, length) = (state.left, state.length);
        let circular = self.control(channel) & CIRC != 0;
        self.registers.set(base(channel) + 4, left);
        if left == length / 2 && length > 1 {
            self.flag(channel, HTIF, ctx);
        }
        if left == 0 {
            if circular && self.control(channel) & MEM2MEM == 0 {
                self.channels[channel].left = length;
                self.registers.set(base(channel) + 4, length);
            }
            self.flag(channel, TCIF, ctx);
        }
        for request in (0..REQUESTS_A_CHANNEL).filter(|request| requests >> request & 1 != 0) {
            ctx.serve(channel * REQUESTS_A_CHANNEL + request);
        }
        // Those that are served withdraw their request before the next one is chosen.
        ctx.schedule(DONE, Cycles(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peripherals::System;
    use crate::peripherals::system::{Domain, Transfer, Wish};
    use crate::units::Hz;

    /// Runs the controller by itself: every transfer succeeds; returns what was moved.
    fn run(dma: &mut Dma, ctx: &mut Ctx<'_>, most: usize) -> Vec<Transfer> {
        let mut moved = Vec::new();
        while moved.len() < most && ctx.system.next_due() != crate::units::Tick::NEVER {
            ctx.system.now = ctx.system.next_due();
            let (_, _, event) = ctx.system.take_due().expect("due");
            dma.due(event, ctx);
            while let Some(wish) = ctx.system.wishes.pop_front() {
                if let Wish::Transfer(transfer) = wish {
                    moved.push(transfer);
                    dma.transferred(transfer.channel, false, ctx);
                }
            }
        }
        moved
    }

    #[test]
    fn the_more_urgent_channel_goes_first_and_the_lower_number_among_equals() {
        // RM0008, 13.3.2, "Arbiter".
        let mut system = System::new(Hz(8_000_000));
        let lines = [27, 28, 29, 30, 31, 32, 33];
        let mut ctx = Ctx { system: &mut system, device: 0, name: "DMA1", lines: &lines, domain: Domain::Core };
        let mut dma = Dma::default();
        for (channel, priority) in [(0, 0), (1, 2), (2, 2)] {
            dma.write(base(channel) + 4, 2, &mut ctx);
            dma.write(base(channel) + 8, 0x2000_0000, &mut ctx);
            dma.write(base(channel) + 12, 0x2000_1000, &mut ctx);
            dma.channels[channel] = Channel { requests: 1, length: 2, left: 2 };
            dma.registers.set(base(channel), EN | MINC | TCIF | 2 << 10 | 2 << 8 | priority << 12);
        }
        dma.arbitrate(&mut ctx);
        let moved = run(&mut dma, &mut ctx, 6);
        assert_eq!(moved.iter().map(|transfer| transfer.channel).collect::<Vec<_>>(), [1, 1, 2, 2, 0, 0]);
        assert_eq!((moved[0].target, moved[1].target), ((0x2000_1000, 4), (0x2000_1004, 4)));
        assert!(ctx.system.exceptions.is_pending(27) && ctx.system.exceptions.is_pending(29));
        assert_eq!(dma.peek(ISR) & 0xf, GIF | TCIF | HTIF);
        dma.write(IFCR, GIF, &mut ctx);
        assert_eq!(dma.peek(ISR) & 0xf, 0);
    }
}
