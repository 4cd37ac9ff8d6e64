//! What it is: the hash of the memo's tables.
//! Source: our own: multiply by the golden ratio's fraction, and fold.
//! Does not model: resistance against keys that somebody chooses with ill intent; how many keys there are is bounded elsewhere.
//! Tested by: whatever looks something up.

use std::hash::{BuildHasher, Hasher};

/// A hash for keys that nobody chooses with ill intent: multiply and fold, several times faster than the standard one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mixing;

/// See [`Mixing`].
#[derive(Debug)]
pub struct Mixer(u64);

impl BuildHasher for Mixing {
    type Hasher = Mixer;
    fn build_hasher(&self) -> Mixer {
        Mixer(0)
    }
}

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }
    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }
    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }
    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
    fn write_u64(&mut self, value: u64) {
        // The multiplier is the golden ratio's fraction, odd.
        self.0 = (self.0.rotate_left(23) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
