//! What it is: how much of the built-in image a linker would take for one model: start-up, the runtime's core, the model's kernels and what they
//! call. The image itself has every kernel.
//! Source: the image's symbols and code: a function is taken if something that is taken branches to it or holds its address.
//! Does not model: padding between functions that are left out; a library's object that is linked whole for one of its functions.
//! Tested by: `tests/estimate.rs` (against firmware that GNU ld has linked with `--gc-sections`).

use crate::firmware::{Image, SymbolKind};
use crate::model::Kernel;
use std::collections::BTreeMap;

/// The table of kernels: who links for one model names its kernels only.
const TABLE: &str = "nn_kernels";

/// Bytes of the image that firmware with these kernels only would not have.
pub(super) fn left_out(image: &Image, kernels: &[Kernel]) -> u64 {
    let stretches: Vec<Stretch> = image
        .symbols
        .extents()
        .filter(|(start, size, symbol)| {
            matches!(symbol.kind, SymbolKind::Function | SymbolKind::Object) && *size > 0 && is_flash(start.0)
        })
        .map(|(start, size, symbol)| {
            let name = &symbol.linker_name;
            Stretch { start: start.0, size, table: name == TABLE, library: name.starts_with("__") }
        })
        .collect();
    let at = |address: u32| {
        let after = stretches.partition_point(|stretch| stretch.start <= address);
        let index = after.checked_sub(1)?;
        stretches.get(index).filter(|stretch| address - stretch.start < stretch.size).map(|_| index)
    };
    let mut taken = vec![false; stretches.len()];
    let mut work: Vec<usize> = kernels
        .iter()
        .filter_map(|kernel| at(image.symbols.by_name(kernel.symbol())?.address.0 & !1))
        .chain(at(image.entry.0 & !1))
        // The table of vectors.
        .chain(stretches.first().map(|_| 0))
        .collect();
    // What no symbol covers is always there. Its words lead on.
    let bytes = flash(image);
    let loose = bytes.range(..).filter(|(address, _)| at(**address).is_none());
    work.extend(loose.filter_map(|(_, word)| at(word & !1)));
    while let Some(index) = work.pop() {
        let Some((stretch, taken)) = stretches.get(index).zip(taken.get_mut(index)) else { continue };
        if std::mem::replace(taken, true) || stretch.table {
            continue;
        }
        let end = stretch.start.saturating_add(stretch.size);
        let words = bytes.range(stretch.start & !3..end).map(|(_, word)| word & !1).filter_map(at);
        // Whatever looks like a branch counts if it leads to a function's beginning. The compiler's own library jumps into the middle of things.
        let branches = (stretch.start..end).step_by(2).filter_map(|address| target(&bytes, address)).filter_map(|to| {
            let next = at(to)?;
            stretches.get(next).filter(|other| other.start == to || (other.library && stretch.library)).map(|_| next)
        });
        work.extend(words.chain(branches).filter(|next| *next != index));
    }
    let unused = stretches.iter().zip(&taken).filter(|(_, taken)| !**taken).map(|(stretch, _)| u64::from(stretch.size));
    // Such a firmware's table ends with its last kernel.
    let entries = kernels.iter().map(|kernel| *kernel as u64 + 1).max().unwrap_or(0);
    let table = stretches.iter().filter(|stretch| stretch.table).map(|table| u64::from(table.size).saturating_sub(4 * entries));
    unused.chain(table).sum()
}

struct Stretch {
    start: u32,
    size: u32,
    table: bool,
    /// A reserved name: the compiler's library.
    library: bool,
}

fn is_flash(address: u32) -> bool {
    address >> 24 == 0x08
}

/// The words that are programmed, by address.
fn flash(image: &Image) -> BTreeMap<u32, u32> {
    let segments = image.segments.iter().filter(|segment| is_flash(segment.vma.0));
    segments
        .flat_map(|segment| {
            let (words, _) = segment.data.as_chunks::<4>();
            (segment.vma.0..).step_by(4).zip(words.iter().map(|word| u32::from_le_bytes(*word)))
        })
        .collect()
}

/// Where a branch at an address would lead (DDI 0403E, A7.7.12 and A7.7.18), if there is one.
fn target(words: &BTreeMap<u32, u32>, address: u32) -> Option<u32> {
    let half = |address: u32| words.get(&(address & !3)).map(|word| (word >> (8 * (address & 2))) & 0xffff);
    let first = half(address)?;
    let from = address.wrapping_add(4);
    let extended = |value: u32, bits: u32| (value << (32 - bits)).cast_signed() >> (32 - bits);
    let offset = match first >> 11 {
        // B, within 2 KiB.
        0b11100 => extended((first & 0x7ff) << 1, 12),
        // B with a condition, within 256 bytes.
        0b11010 | 0b11011 if first >> 9 != 0b110_1111 => extended((first & 0xff) << 1, 9),
        0b11110 => {
            let second = half(address.wrapping_add(2))?;
            let (sign, j1, j2) = (first >> 10 & 1, second >> 13 & 1, second >> 11 & 1);
            match (second >> 14, second >> 12 & 1) {
                // BL, and B of the same reach.
                (0b11, 1) | (0b10, 1) => {
                    let (i1, i2) = (!(j1 ^ sign) & 1, !(j2 ^ sign) & 1);
                    extended(sign << 24 | i1 << 23 | i2 << 22 | (first & 0x3ff) << 12 | (second & 0x7ff) << 1, 25)
                }
                (0b10, 0) => extended(sign << 20 | j2 << 19 | j1 << 18 | (first & 0x3f) << 12 | (second & 0x7ff) << 1, 21),
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(from.wrapping_add_signed(offset))
}
