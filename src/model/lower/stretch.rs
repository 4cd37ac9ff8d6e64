//! What it is: tiles of convolutions made larger where the arena has room at that time anyway: each tile copies all weights from flash once.
//! Source: KERNELS.md's second lever: load each weight once for as many outputs as possible.
//! Does not model: what a larger arena would save; the arena and its peak stay what they are without this.
//! Tested by: the unit test below (sizes by hand), `tests/model_kernels.rs` (the results).

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_takes_the_room_that_is_there_and_no_more() {
        let request = |bytes: u64, first: usize, last: usize| Request { name: String::new(), bytes, first, last };
        // Layer 1 has the peak, 4000 + 8000 + 512; in layer 2, 8000 + 400 live beside the tile: 4112 are left for it.
        let mut requests =
            vec![request(4000, 0, 1), request(8000, 1, 2), request(400, 2, 3), request(512, 1, 1), request(512, 2, 2)];
        let tile = |scratch: usize| Tile { scratch, bytes: 512, total: 20, quads: 1 };
        let mut tiles = [tile(0), tile(1)];
        let before = place(&requests).unwrap();
        assert_eq!((before.bytes, before.peak_layer), (12_512, 1));
        let after = stretch(before.clone(), &mut requests, 3, &mut tiles);
        // In three tiles of seven, 3584 bytes: two of ten would take 5120. The layer with the peak stays as it is.
        assert_eq!(tiles.map(|tile| tile.quads), [1, 7]);
        assert_eq!((after.bytes, after.peak_live, after.peak_layer), (before.bytes, before.peak_live, before.peak_layer));
        assert_eq!(after.buffers.last().unwrap().bytes, 3584);
    }
}
