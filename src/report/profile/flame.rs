//! What it is: where the boxes of a flame graph stand: by depth and by cycles from the left.
//! Source: [`super::CallNode`]; ways with the same names are one box, siblings stand in the order of their names.
//! Does not model: pixels.
//! Tested by: `tests/exports.rs` (boxes of one depth do not overlap and sum to their parent).

use super::CallNode;
use std::collections::BTreeMap;

/// One box of the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// What it stands for.
    pub name: String,
    /// How many boxes are below it.
    pub depth: usize,
    /// Cycles to its left.
    pub begin: u64,
    /// Its width.
    pub cycles: u64,
    /// Of that, what no box above it covers.
    pub own: u64,
}

#[derive(Default)]
struct Merged {
    own: u64,
    total: u64,
    below: BTreeMap<String, Merged>,
}

/// The boxes of a tree, the root first.
#[must_use]
pub fn boxes(tree: &[CallNode]) -> Vec<Tile> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); tree.len()];
    for (at, node) in tree.iter().enumerate().skip(1) {
        if let Some(list) = children.get_mut(node.parent) {
            list.push(at);
        }
    }
    let Some(root) = tree.first() else { return Vec::new() };
    let merged = merge(tree, &children, &[0]);
    let mut boxes = Vec::new();
    place(&root.name, &merged, 0, 0, &mut boxes);
    boxes
}

/// What nodes of one name have together.
fn merge(tree: &[CallNode], children: &[Vec<usize>], nodes: &[usize]) -> Merged {
    let mut merged = Merged::default();
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for at in nodes {
        let Some(node) = tree.get(*at) else { continue };
        merged.own += node.own;
        merged.total += node.total;
        for child in children.get(*at).into_iter().flatten() {
            if let Some(below) = tree.get(*child) {
                by_name.entry(&below.name).or_default().push(*child);
            }
        }
    }
    merged.below = by_name.into_iter().map(|(name, nodes)| (name.to_owned(), merge(tree, children, &nodes))).collect();
    merged
}

fn place(name: &str, merged: &Merged, depth: usize, begin: u64, boxes: &mut Vec<Tile>) {
    boxes.push(Tile { name: name.to_owned(), depth, begin, cycles: merged.total, own: merged.own });
    let mut begin = begin;
    for (name, below) in &merged.below {
        place(name, below, depth + 1, begin, boxes);
        begin += below.total;
    }
}
