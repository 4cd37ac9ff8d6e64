//! What it is: SEGGER's Real-Time Transfer, seen from the probe's side: ring buffers in the firmware's memory that a debugger empties and fills.
//! Source: the layout of SEGGER_RTT_CB as SEGGER's manual UM08001, section "Real Time Transfer", describes it.
//! Does not model: the moment at which a real probe looks: here it is the run loop's, the same in every run.
//! Tested by: `firmware-images/tests/rtt.c`, the unit tests below.

use super::cpu::Memory;
use super::run::Machine;
use std::collections::BTreeMap;

/// What the control block begins with, in 16 bytes.
const SIGNATURE: &[u8; 16] = b"SEGGER RTT\0\0\0\0\0\0";
/// Behind it: how many buffers up and down, and then the buffers, each of six words.
const FIRST_BUFFER: u32 = 24;
const BUFFER_SIZE: u32 = 24;
/// A buffer's words: its name, the bytes, their number, where the writer is, where the reader is.
const BYTES: u32 = 4;
const SIZE: u32 = 8;
const WRITE: u32 = 12;
const READ: u32 = 16;
/// More buffers than any firmware has: then it is no control block.
const MOST_BUFFERS: u32 = 32;
/// Beyond that a channel's text is dropped: firmware that prints for ever must not take all memory.
const LONGEST: usize = 16 << 20;

/// The probe's side.
#[derive(Clone, Debug, Default)]
pub struct Rtt {
    block: Option<u32>,
    up: BTreeMap<u32, Vec<u8>>,
    down: Vec<u8>,
    sent: usize,
}

struct Buffer {
    at: u32,
    bytes: u32,
    size: u32,
    write: u32,
    read: u32,
}

impl Buffer {
    /// `None` for one that is not in use, or not set up.
    fn at(memory: &Memory, at: u32) -> Option<Self> {
        let word = |offset: u32| memory.read(at.checked_add(offset)?, 4);
        let buffer = Self { at, bytes: word(BYTES)?, size: word(SIZE)?, write: word(WRITE)?, read: word(READ)? };
        let end = buffer.bytes.checked_add(buffer.size.checked_sub(1)?)?;
        let inside = memory.is_sram(buffer.bytes) && memory.is_sram(end);
        (inside && buffer.write < buffer.size && buffer.read < buffer.size).then_some(buffer)
    }

    fn set(&self, memory: &Memory, offset: u32, value: u32) {
        memory.write(self.at.wrapping_add(offset), &value.to_le_bytes());
    }
}

impl Rtt {
    fn find(&mut self, memory: &Memory) -> Option<u32> {
        if let Some(block) = self.block.filter(|block| memory.holds(*block, SIGNATURE)) {
            return Some(block);
        }
        let (base, size) = memory.sram();
        let bytes = memory.read_vec(base, size as usize)?;
        let found = bytes.chunks(4).enumerate().find_map(|(i, word)| {
            let at = base.checked_add(4 * i as u32)?;
            (word == SIGNATURE.get(..4)? && memory.holds(at, SIGNATURE)).then_some(at)
        });
        self.block = found;
        found
    }

    /// Empties the buffers up and fills the first one down.
    fn poll(&mut self, memory: &Memory) -> Option<()> {
        let block = self.find(memory)?;
        let count = |offset: u32| memory.read(block.checked_add(offset)?, 4).filter(|count| *count <= MOST_BUFFERS);
        let (ups, downs) = (count(16)?, count(20)?);
        let place = |index: u32| block.checked_add(FIRST_BUFFER)?.checked_add(BUFFER_SIZE.checked_mul(index)?);
        for channel in 0..ups {
            let Some(buffer) = place(channel).and_then(|at| Buffer::at(memory, at)) else { continue };
            let ring = memory.read_vec(buffer.bytes, buffer.size as usize)?;
            let fresh = (buffer.write + buffer.size - buffer.read) % buffer.size;
            let text = self.up.entry(channel).or_default();
            let room = LONGEST.saturating_sub(text.len());
            text.extend(ring.iter().cycle().skip(buffer.read as usize).take((fresh as usize).min(room)));
            buffer.set(memory, READ, buffer.write);
        }
        if downs > 0
            && let Some(buffer) = place(ups).and_then(|at| Buffer::at(memory, at))
        {
            let room = (buffer.read + buffer.size - buffer.write - 1) % buffer.size;
            let rest = self.down.get(self.sent..).unwrap_or_default();
            let mut write = buffer.write;
            for byte in rest.iter().take(room as usize) {
                memory.write(buffer.bytes.wrapping_add(write), &[*byte]);
                write = (write + 1) % buffer.size;
                self.sent += 1;
            }
            buffer.set(memory, WRITE, write);
        }
        Some(())
    }
}

impl Machine {
    /// A probe that speaks RTT is connected; `down` is what it sends to channel 0.
    pub fn enable_rtt(&mut self, down: Vec<u8>) {
        self.rtt = Some(Rtt { down, ..Rtt::default() });
    }

    /// The probe looks.
    pub fn poll_rtt(&mut self) {
        let memory = std::rc::Rc::clone(self.cpu.memory());
        if let Some(rtt) = &mut self.rtt {
            rtt.poll(&memory);
        }
    }

    /// What has come up a channel.
    #[must_use]
    pub fn rtt_output(&self, channel: u32) -> &[u8] {
        self.rtt.as_ref().and_then(|rtt| rtt.up.get(&channel)).map_or(&[], Vec::as_slice)
    }

    /// The channels that something has come up.
    #[must_use]
    pub fn rtt_channels(&self) -> Vec<u32> {
        let channels = self.rtt.iter().flat_map(|rtt| &rtt.up).filter(|(_, text)| !text.is_empty());
        channels.map(|(channel, _)| *channel).collect()
    }
}
