//! What it is: tiles of convolutions made larger where the arena has room at that time anyway: each tile copies all weights from flash once.
//! Source: KERNELS.md's second lever: load each weight once for as many outputs as possible.
//! Does not model: what a larger arena would save; the arena and its peak stay what they are without this.
//! Tested by: `tests/model.rs` (a plan's arena), `tests/model_kernels.rs` (the results).

use crate::model::arena::{ArenaPlan, Request, place};

/// A tile that may take more pixels.
pub(super) struct Tile {
    /// Its scratch, by request number.
    pub scratch: usize,
    /// Bytes for four pixels.
    pub bytes: u64,
    /// Groups of four pixels in the whole layer.
    pub total: usize,
    /// Groups of four pixels in the tile.
    pub quads: usize,
}

/// Into how few tiles a layer may be cut, if it fits.
const TILES: &[usize] = &[1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48];

/// Makes each tile as large as the arena allows without growing; `requests` from `scratch_from` on are the scratch buffers.
pub(super) fn stretch(mut arena: ArenaPlan, requests: &mut [Request], scratch_from: usize, tiles: &mut [Tile]) -> ArenaPlan {
    for tile in tiles {
        for quads in TILES.iter().map(|&tiles| tile.total.div_ceil(tiles)).take_while(|&quads| quads > tile.quads) {
            let Some(request) = requests.get_mut(scratch_from + tile.scratch) else { break };
            let before = std::mem::replace(&mut request.bytes, tile.bytes * quads as u64);
            let same =
                |new: &ArenaPlan| (new.bytes, new.peak_live, new.peak_layer) == (arena.bytes, arena.peak_live, arena.peak_layer);
            if let Some(new) = place(requests).filter(same) {
                (arena, tile.quads) = (new, quads);
                break;
            }
            if let Some(request) = requests.get_mut(scratch_from + tile.scratch) {
                request.bytes = before;
            }
        }
    }
    arena
}
