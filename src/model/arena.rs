//! What it is: where each activation lies in the arena: buffers with a size and a life span get offsets such that no two that live at the
//! same time overlap, and the whole stays small.
//! Source: greedy best fit by size, as is usual for offset planning (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net
//! Inference", 2020), tried in two orders.
//! Does not model: an optimal packing (the problem is NP-hard); for chains of layers greedy is optimal.
//! Tested by: unit tests below (random life spans never overlap, the bound for chains is met).

use serde::Serialize;

/// Every buffer starts on and fills up to a multiple of this: kernels may read whole words at a tensor's end.
pub(super) const ALIGN: u32 = 8;

/// One buffer's place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Placement {
    /// Tensors that live in it, or what it is scratch for.
    pub name: String,
    /// From the arena's start, in bytes.
    pub offset: u32,
    /// In bytes, rounded up to the alignment.
    pub bytes: u32,
    /// The operator that writes it first, by index (0 for inputs).
    pub first: usize,
    /// The operator that reads it last.
    pub last: usize,
}

/// The arena: all placements, in the order in which they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ArenaPlan {
    /// Bytes that the arena needs.
    pub bytes: u32,
    /// The buffers.
    pub buffers: Vec<Placement>,
    /// The operator during which most bytes are live, by index.
    pub peak_layer: usize,
    /// Bytes live then: what no placement can do without.
    pub peak_live: u32,
}

/// A buffer to be placed.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub name: String,
    pub bytes: u64,
    pub first: usize,
    pub last: usize,
}

/// Places all requests; `None` when the arena would pass 2 GiB.
pub(super) fn place(requests: &[Request]) -> Option<ArenaPlan> {
    let mut buffers = Vec::new();
    for request in requests {
        let bytes = request.bytes.checked_next_multiple_of(u64::from(ALIGN)).filter(|&bytes| bytes <= 1 << 31)?;
        let bytes = u32::try_from(bytes).ok()?;
        buffers.push(Placement { name: request.name.clone(), offset: 0, bytes, first: request.first, last: request.last });
    }
    let mut by_size: Vec<usize> = (0..buffers.len()).collect();
    by_size.sort_by_key(|&i| buffers.get(i).map(|b| (std::cmp::Reverse(b.bytes), b.first, i)));
    let mut by_time: Vec<usize> = (0..buffers.len()).collect();
    by_time.sort_by_key(|&i| buffers.get(i).map(|b| (b.first, std::cmp::Reverse(b.bytes), i)));
    let a = in_order(buffers.clone(), &by_size)?;
    let b = in_order(buffers, &by_time)?;
    let mut plan = if b.bytes < a.bytes { b } else { a };
    if let Some(c) = from_both_ends(&plan.buffers, &by_time)
        && c.bytes < plan.bytes
    {
        plan = c;
    }
    let layers = plan.buffers.iter().map(|b| b.last).max().unwrap_or(0);
    for layer in 0..=layers {
        let live: u64 = plan.buffers.iter().filter(|b| b.first <= layer && layer <= b.last).map(|b| u64::from(b.bytes)).sum();
        let live = u32::try_from(live).ok()?;
        if live > plan.peak_live {
            (plan.peak_live, plan.peak_layer) = (live, layer);
        }
    }
    Some(plan)
}

/// The usual network is a chain of tensors of which two live at a time: placing them by turns at the bottom and at the top of an arena as
/// large as the peak needs no more than the peak. `None` where the buffers do not fit that way.
fn from_both_ends(buffers: &[Placement], by_time: &[usize]) -> Option<ArenaPlan> {
    let layers = buffers.iter().map(|b| b.last).max()?;
    let live =
        |layer: usize| buffers.iter().filter(move |b| b.first <= layer && layer <= b.last).map(|b| u64::from(b.bytes)).sum();
    let bytes = u32::try_from((0..=layers).map(live).max().unwrap_or(0u64)).ok()?;
    let mut placed: Vec<Placement> = buffers.to_vec();
    for (turn, &index) in by_time.iter().enumerate() {
        let buffer = placed.get(index)?;
        let offset = if turn % 2 == 0 { 0 } else { bytes.checked_sub(buffer.bytes)? };
        let (first, last, end) = (buffer.first, buffer.last, offset + buffer.bytes);
        let collides =
            by_time.iter().take(turn).filter_map(|&other| placed.get(other)).any(|other| {
                other.first <= last && first <= other.last && other.offset < end && offset < other.offset + other.bytes
            });
        if collides {
            return None;
        }
        placed.get_mut(index)?.offset = offset;
    }
    Some(ArenaPlan { bytes, buffers: placed, peak_layer: 0, peak_live: 0 })
}

/// Gives each buffer, in that order, the tightest gap between those already placed that live when it does.
fn in_order(mut buffers: Vec<Placement>, order: &[usize]) -> Option<ArenaPlan> {
    let mut placed: Vec<Placement> = Vec::new();
    let mut total = 0u32;
    for &index in order {
        let buffer = buffers.get_mut(index)?;
        let mut taken: Vec<(u32, u32)> = placed
            .iter()
            .filter(|other| other.first <= buffer.last && buffer.first <= other.last)
            .map(|other| (other.offset, other.offset + other.bytes))
            .collect();
        taken.sort_unstable();
        let mut free_from = 0u32;
        let mut best: Option<(u32, u32)> = None;
        for (start, end) in taken {
            let gap = start.saturating_sub(free_from);
            if gap >= buffer.bytes && best.is_none_or(|(size, _)| gap < size) {
                best = Some((gap, free_from));
            }
            free_from = free_from.max(end);
        }
        buffer.offset = best.map_or(free_from, |(_, offset)| offset);
        let end = buffer.offset.checked_add(buffer.bytes).filter(|&end| end <= 1 << 31)?;
        total = total.max(end);
        placed.push(buffer.clone());
    }
    Some(ArenaPlan { bytes: total, buffers, peak_layer: 0, peak_live: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request((bytes, first, length): (u64, usize, usize)) -> Request {
        Request { name: String::new(), bytes, first, last: first + length }
    }

    proptest! {
        #[test]
        fn live_buffers_never_overlap(spans in prop::collection::vec((0u64..5000, 0usize..20, 0usize..6), 0..40)) {
            let requests: Vec<Request> = spans.into_iter().map(request).collect();
            let plan = place(&requests).unwrap();
            for (i, a) in plan.buffers.iter().enumerate() {
                prop_assert!(a.offset + a.bytes <= plan.bytes);
                for b in plan.buffers.iter().skip(i + 1) {
                    let together = a.first <= b.last && b.first <= a.last;
                    prop_assert!(!together || a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset || a.bytes == 0 || b.bytes == 0);
                }
            }
            prop_assert!(plan.bytes >= plan.peak_live);
        }

        #[test]
        fn a_chain_needs_only_its_peak(sizes in prop::collection::vec(1u64..5000, 2..20)) {
            // Each tensor lives while its two neighbours in the chain do: two live at a time.
            let requests: Vec<Request> = sizes.iter().enumerate().map(|(i, &bytes)| request((bytes, i, 1))).collect();
            let plan = place(&requests).unwrap();
            prop_assert_eq!(plan.bytes, plan.peak_live);
        }
    }
}
