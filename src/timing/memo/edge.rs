//! What it is: one remembered transition, on one line of the host's cache, and what begins behind it.
//! Source: our own; which numbers are what is [`super::Prices`]'s.
//! Does not model: anything.
//! Tested by: `tests/fidelity.rs`.

use super::{CodeId, NO_CODES, SignatureId};
use crate::timing::CauseCycles;

/// What begins where a block ends, as far as whoever runs the blocks wants to be told again without looking it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// The block's size in bytes.
    pub size: u32,
    /// The block.
    pub code: CodeId,
    /// Its operand codes, if `tag` does not ask for them to be worked out.
    pub signature: SignatureId,
    /// Whatever else has to be known of it; zero where nothing needs doing.
    pub tag: u8,
}

/// One remembered transition: what is needed whenever it is taken, on one line of the cache. The rest is in [`Priced`].
#[repr(align(64))]
pub(super) struct Edge {
    /// What begins behind it (see [`arrival`]), with [`BUSY`] if something has to be done about that.
    pub arrival: u64,
    /// How often it was taken.
    pub count: u64,
    pub cycles: u32,
    pub exit: u32,
    /// The transitions that came after this one, by [`slot`] of where they led. Choosing by address costs no branch that the host could
    /// predict wrong.
    pub then: [u32; 4],
    pub ahead: CodeId,
    pub ahead_signature: SignatureId,
    pub tag: u8,
    /// Whether the codes of what begins behind it are decided by those of what it is about (see `Operands::decide`), once that was asked.
    pub decides: Option<bool>,
    /// What `tag` has lost for that.
    pub decided: u8,
    /// What `then` is about, if the codes of what begins have to be evaluated: the block running with these.
    pub runs_with: SignatureId,
    /// The same transition with a `then` about other codes. Such a copy only counts what comes after it.
    pub variant: u32,
}

/// What a transition is about.
pub(super) struct Priced {
    pub code: CodeId,
    pub signature: SignatureId,
    pub causes: CauseCycles,
}

impl Edge {
    pub(super) fn new(next: u32, cycles: u32, exit: u32, ahead: Ahead) -> Self {
        let mut edge = Edge {
            arrival: u64::from(next),
            count: 0,
            cycles,
            exit,
            then: [NONE; 4],
            ahead: ahead.code,
            ahead_signature: ahead.signature,
            tag: 0,
            decides: None,
            decided: 0,
            runs_with: NO_CODES,
            variant: NONE,
        };
        edge.set_ahead(ahead);
        edge
    }

    pub(super) fn next(&self) -> u32 {
        self.arrival as u32
    }

    /// Whether this is what begins behind it, but for the codes, which are decided.
    pub(super) fn has_decided(&self, ahead: Ahead) -> bool {
        let told = self.ahead();
        self.decided != 0 && (told.size, told.code, told.tag | self.decided) == (ahead.size, ahead.code, ahead.tag)
    }

    pub(super) fn ahead(&self) -> Ahead {
        let size = ((self.arrival & !BUSY) >> 32) as u32;
        Ahead { size, code: self.ahead, signature: self.ahead_signature, tag: self.tag }
    }

    pub(super) fn set_tag(&mut self, tag: u8) {
        self.tag = tag;
        self.arrival = self.arrival & !BUSY | if tag == 0 { 0 } else { BUSY };
    }

    /// What begins behind it is this; nothing is known of what comes after that.
    pub(super) fn set_ahead(&mut self, ahead: Ahead) {
        (self.ahead, self.ahead_signature) = (ahead.code, ahead.signature);
        self.arrival = arrival(self.next(), ahead.size);
        self.set_tag(ahead.tag);
        (self.then, self.runs_with, self.variant) = ([NONE; 4], NO_CODES, NONE);
        (self.decides, self.decided) = (None, 0);
    }
}

/// A place in [`Edge::then`] for an address: the golden ratio's fraction spreads neighbours. Where another address has it, the one beside it
/// is taken.
#[inline(always)]
pub(super) fn slot(pc: u32) -> usize {
    (pc.wrapping_mul(0x9e37_79b1) >> 30) as usize
}

/// A block's place and size as one number, to be compared at once.
#[inline(always)]
#[must_use]
pub const fn arrival(pc: u32, size: u32) -> u64 {
    pc as u64 | (size as u64) << 32
}

/// The bit that no size has: the block is not to be gone over lightly.
pub(super) const BUSY: u64 = 1 << 63;

/// No transition.
pub(super) const NONE: u32 = u32::MAX;
/// The size of a block that is not there: none was announced behind the transition.
pub(super) const NOTHING: u32 = 0;
