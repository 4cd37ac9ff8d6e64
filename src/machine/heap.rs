//! What it is: the heap as a run uses it: what is allocated, how much at most, what failed, and how far the break went.
//! Source: calls of the C library's allocation functions and their results (C17, 7.22.3; newlib's reentrant forms, which take a structure first).
//! Does not model: allocators under other names; an allocation that an interrupt makes while another is under way.
//! Tested by: `tests/heap.rs`, over an image that counts its own allocations.

use std::collections::BTreeMap;

/// What a function does to the heap, and in which arguments it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeapCall {
    /// Allocates as many bytes as this argument says.
    Allocate(usize),
    /// Allocates the product of this argument and the next.
    AllocateArray(usize),
    /// Moves what this argument points to into as many bytes as the next says.
    Reallocate(usize),
    /// Frees what this argument points to.
    Free(usize),
    /// Moves the break by as many bytes as this argument says.
    Break(usize),
}

/// The functions that are known, by their linker names.
pub const HEAP_FUNCTIONS: &[(&str, HeapCall)] = &[
    ("malloc", HeapCall::Allocate(0)),
    ("_malloc_r", HeapCall::Allocate(1)),
    ("calloc", HeapCall::AllocateArray(0)),
    ("_calloc_r", HeapCall::AllocateArray(1)),
    ("realloc", HeapCall::Reallocate(0)),
    ("_realloc_r", HeapCall::Reallocate(1)),
    ("aligned_alloc", HeapCall::Allocate(1)),
    ("memalign", HeapCall::Allocate(1)),
    ("_memalign_r", HeapCall::Allocate(2)),
    ("free", HeapCall::Free(0)),
    ("_free_r", HeapCall::Free(1)),
    ("pvPortMalloc", HeapCall::Allocate(0)),
    ("vPortFree", HeapCall::Free(0)),
    ("_sbrk", HeapCall::Break(0)),
    ("_sbrk_r", HeapCall::Break(1)),
    ("sbrk", HeapCall::Break(0)),
];

/// An allocation that got nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailedAllocation {
    /// The address that the call returned to.
    pub returned_to: u32,
    /// The bytes that were asked for.
    pub bytes: u64,
    /// The bytes that were allocated then.
    pub live: u64,
}

/// How many failures are kept one by one; the rest is only counted.
const MOST_FAILURES: usize = 64;

/// See the module's description.
#[derive(Clone, Debug, Default)]
pub struct Heap {
    functions: BTreeMap<u32, HeapCall>,
    blocks: BTreeMap<u32, u64>,
    /// Bytes allocated and not freed.
    pub live: u64,
    /// The most of them at any time.
    pub peak: u64,
    /// Successful allocations.
    pub allocations: u64,
    /// Blocks freed.
    pub frees: u64,
    /// Pointers freed that no allocation gave.
    pub strange_frees: u64,
    /// Allocations that failed.
    pub failures: u64,
    /// The first of them.
    pub failed: Vec<FailedAllocation>,
    /// The break when it was first moved, and the highest it came to.
    pub grown: Option<(u32, u32)>,
}

impl Heap {
    /// From now on the function at that address is one of the heap's.
    pub fn watch(&mut self, address: u32, call: HeapCall) {
        self.functions.insert(address, call);
    }

    /// What the function at that address does to the heap.
    #[must_use]
    pub fn call(&self, function: u32) -> Option<HeapCall> {
        self.functions.get(&function).copied()
    }

    /// Whether any function is watched.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        !self.functions.is_empty()
    }

    /// The core was reset: nothing is allocated. What was counted stays.
    pub fn reset(&mut self) {
        self.blocks.clear();
        self.live = 0;
    }

    fn give(&mut self, address: u32, bytes: u64, returned_to: u32) {
        if address == 0 {
            self.failures += 1;
            if self.failed.len() < MOST_FAILURES {
                self.failed.push(FailedAllocation { returned_to, bytes, live: self.live });
            }
            return;
        }
        // A block that is given again was freed unseen.
        self.live -= self.blocks.insert(address, bytes).unwrap_or(0);
        self.live += bytes;
        self.peak = self.peak.max(self.live);
        self.allocations += 1;
    }

    fn take(&mut self, address: u32) {
        match self.blocks.remove(&address) {
            Some(bytes) => {
                self.live -= bytes;
                self.frees += 1;
            }
            None => self.strange_frees += u64::from(address != 0),
        }
    }

    /// A call that was made with these arguments has returned `result` to `returned_to`.
    pub fn returned(&mut self, call: HeapCall, arguments: [u32; 4], result: u32, returned_to: u32) {
        let argument = |at: usize| arguments.get(at).copied().unwrap_or(0);
        match call {
            HeapCall::Allocate(at) => self.give(result, u64::from(argument(at)), returned_to),
            HeapCall::AllocateArray(at) => {
                self.give(result, u64::from(argument(at)) * u64::from(argument(at + 1)), returned_to);
            }
            HeapCall::Reallocate(at) => {
                let (old, bytes) = (argument(at), u64::from(argument(at + 1)));
                // To nothing it frees; where it fails, the old block stays.
                if bytes == 0 || result != 0 {
                    self.take(old);
                }
                if bytes > 0 {
                    self.give(result, bytes, returned_to);
                }
            }
            HeapCall::Free(at) => self.take(argument(at)),
            HeapCall::Break(at) if result != u32::MAX => {
                let end = result.wrapping_add(argument(at));
                let (first, top) = self.grown.unwrap_or((result, result));
                self.grown = Some((first.min(result), top.max(end).max(result)));
            }
            HeapCall::Break(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_counted_as_the_c_standard_means_them() {
        let mut heap = Heap::default();
        let mut call = |call, arguments: [u32; 2], result| {
            heap.returned(call, [arguments[0], arguments[1], 0, 0], result, 0x0800_0100);
            (heap.live, heap.peak, heap.failures)
        };
        assert_eq!(call(HeapCall::Allocate(0), [100, 0], 0x2000_1000), (100, 100, 0));
        assert_eq!(call(HeapCall::AllocateArray(0), [10, 5], 0x2000_1080), (150, 150, 0));
        assert_eq!(call(HeapCall::Free(0), [0x2000_1000, 0], 0), (50, 150, 0));
        assert_eq!(call(HeapCall::Free(0), [0, 0], 0), (50, 150, 0), "free(NULL) does nothing");
        // 7.22.3.5: where memory for the new object cannot be allocated, the old one is not freed.
        assert_eq!(call(HeapCall::Reallocate(0), [0x2000_1080, 9000], 0), (50, 150, 1));
        assert_eq!(call(HeapCall::Reallocate(0), [0x2000_1080, 200], 0x2000_2000), (200, 200, 1));
    }
}
