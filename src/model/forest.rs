//! What it is: a decision forest, read from its table of nodes, checked, and lowered to a [`Plan`] of one layer.
//! Source: the table that `models/anomaly/forest.py` writes (its text says the columns); the runtime's layout is in `nn_plan.h`.
//! Does not model: features other than int8, several outputs, weights of trees.
//! Tested by: the unit tests below; `tests/scenarios.rs` (scikit-learn's leaves for every sample).

use super::Type;
use super::arena::{self, Request};
use super::plan::{self, Addresses, Blobs, Draft, Kernel, Plan, PlanIo, PlanLayer, Word};
use crate::finding::{Code, Failure, Finding, Result};
use std::path::Path;

/// NN_FOREST_LEAF of the runtime: what stands in a leaf in place of the feature.
const LEAF: u32 = 255;
/// More nodes than any F103's flash holds.
const MAX_NODES: usize = 1 << 20;
const COLUMNS: usize = 5;

/// A node of the table, checked: children lie behind it in the same tree.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Node {
    /// Left, which is the next row, where the feature is at most `limit`.
    Inner {
        feature: u8,
        limit: i8,
        right: usize,
    },
    Leaf(i16),
}

/// A forest: trees one after the other, each in preorder.
#[derive(Clone, Debug)]
pub struct Forest {
    /// What messages call it: the file's name.
    pub name: String,
    nodes: Vec<Node>,
    roots: Vec<usize>,
    features: u32,
}

impl Forest {
    /// Reads and checks the table in a .npy file's bytes: int16, columns feature, threshold, left, right, leaf. `features` is the length of the
    /// input, which the table does not say; without it, it ends with the last feature that a node asks for.
    ///
    /// # Errors
    /// `file-empty`, `bad-model`.
    pub fn parse(name: &str, bytes: &[u8], features: Option<u32>) -> Result<Self> {
        let bad = |what: String| {
            let help = "models/anomaly/forest.py writes such a table: int16, columns feature, threshold, left, right, leaf.";
            Failure::from(Finding::new(Code::BadModel, format!("{name}: {what}")).help(help))
        };
        if bytes.is_empty() {
            return Err(Failure::new(Code::FileEmpty, format!("{name} is empty.")));
        }
        let file = npyz::NpyFile::new(bytes).map_err(|error| bad(format!("not a .npy file: {error}.")))?;
        let shape = file.shape().to_vec();
        let rows = match *shape.as_slice() {
            [rows, columns] if columns == COLUMNS as u64 && (1..=MAX_NODES as u64).contains(&rows) => rows as usize,
            _ => return Err(bad(format!("no table of a forest: its shape is {shape:?}; (nodes, 5) is expected."))),
        };
        if file.order() != npyz::Order::C {
            return Err(bad("no table of a forest: it is in Fortran order.".to_owned()));
        }
        let values: Vec<i16> = file.into_vec().map_err(|error| bad(format!("no table of a forest: {error}.")))?;
        let (table, _) = values.as_chunks::<COLUMNS>();
        if table.len() != rows {
            return Err(bad(format!("cut short: {} of {rows} nodes are there.", table.len())));
        }
        let mut nodes = Vec::with_capacity(rows);
        let mut greatest = 0;
        for (at, &[feature, limit, left, right, leaf]) in table.iter().enumerate() {
            if feature == -1 {
                nodes.push(Node::Leaf(leaf));
                continue;
            }
            let odd = |what: &str, value: i16| bad(format!("node {at} has {what} {value}."));
            let own = u8::try_from(feature).ok().filter(|&f| u32::from(f) < LEAF).ok_or_else(|| odd("feature", feature))?;
            let limit = i8::try_from(limit).map_err(|_| odd("an int8 threshold of", limit))?;
            if usize::try_from(left).ok() != Some(at + 1) {
                return Err(odd("not the next row but the left branch", left));
            }
            let right =
                usize::try_from(right).ok().filter(|&r| r > at + 1 && r < rows).ok_or_else(|| odd("the right branch", right))?;
            greatest = greatest.max(u32::from(own));
            nodes.push(Node::Inner { feature: own, limit, right });
        }
        if let Some(features) = features.filter(|&features| features <= greatest) {
            return Err(bad(format!("it asks for feature {greatest}, counted from 0, of an input of {features}.")));
        }
        let roots =
            roots(&nodes).map_err(|at| bad(format!("the branches of the tree with node {at} do not follow one another.")))?;
        Ok(Self { name: name.to_owned(), nodes, roots, features: features.unwrap_or(greatest + 1) })
    }

    /// Reads and checks the table in a file; see [`Forest::parse`].
    ///
    /// # Errors
    /// `file-unreadable`, `file-too-large`; as [`Forest::parse`].
    pub fn read(path: &Path, features: Option<u32>) -> Result<Self> {
        Self::parse(&path.display().to_string(), &super::read_file(path)?, features)
    }

    /// How many trees.
    #[must_use]
    pub fn trees(&self) -> usize {
        self.roots.len()
    }

    /// How many nodes, leaves included.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Lowers the forest for the firmware's runtime: its input is int8 features, its output one int32, the sum of the leaves.
    ///
    /// # Errors
    /// `model-unsupported` where a branch is too far away for a node's word.
    pub fn lower(&self) -> Result<Plan> {
        let refused = |what: &str| Failure::new(Code::ModelUnsupported, format!("{}: {what}", self.name));
        let mut words = Vec::with_capacity(self.nodes.len());
        for (at, node) in self.nodes.iter().enumerate() {
            words.push(match *node {
                Node::Leaf(value) => LEAF | u32::from(value.cast_unsigned()) << 16,
                Node::Inner { feature, limit, right } => {
                    let far = || refused(&format!("the right branch of node {at} is more than 65 535 nodes away."));
                    let step = u16::try_from(right - at).map_err(|_| far())?;
                    u32::from(feature) | u32::from(limit.cast_unsigned()) << 8 | u32::from(step) << 16
                }
            });
        }
        let mut blobs = Blobs::default();
        let whole = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let roots = blobs.add_words(self.roots.iter().map(|&root| whole(root).cast_signed()));
        let nodes = blobs.add_words(words.into_iter().map(u32::cast_signed));
        let requests = [("features", u64::from(self.features)), ("sum", 4)].map(|(name, bytes)| Request {
            name: name.to_owned(),
            bytes,
            first: 0,
            last: 0,
        });
        let arena = arena::place(&requests).ok_or_else(|| refused("it needs more than 2 GiB."))?;
        let offset = |buffer: usize| arena.buffers.get(buffer).map(|placed| placed.offset);
        let io = |buffer: usize, ty: Type, elements: u32| PlanIo {
            name: requests.get(buffer).map(|request| request.name.clone()).unwrap_or_default(),
            shape: vec![1, elements],
            ty: ty.name(),
            elements: u64::from(elements),
            bytes: elements * ty.bytes().map_or(1, |bytes| bytes as u32),
            arena_offset: offset(buffer).unwrap_or(0),
            scale: 0.0,
            zero_point: 0,
        };
        let (inputs, outputs) = (vec![io(0, Type::Int8, self.features)], vec![io(1, Type::Int32, 1)]);
        let draft = Draft {
            operator_index: 0,
            kernel: Kernel::ForestS8,
            words: vec![Word::Tensor(0), Word::Tensor(1), whole(self.roots.len()).into(), Word::Blob(roots), Word::Blob(nodes)],
            blobs: vec![roots, nodes],
        };
        let addresses = Addresses { tensor: &offset, constant: &|_| None, buffer: &|_| None, quads: &|_| None };
        let (bytes, own) = plan::assemble(&[draft], &[], &blobs, &addresses, arena.bytes, &inputs, &outputs)
            .ok_or_else(|| refused("its plan passes 2 GiB."))?;
        let layer = PlanLayer {
            operator_index: 0,
            operator: "DECISION_FOREST".to_owned(),
            kernel: Kernel::ForestS8,
            macs: 0,
            plan_bytes: own.first().copied().unwrap_or(0),
            output_shape: vec![1, 1],
        };
        Ok(Plan { bytes, layers: vec![layer], resets: Vec::new(), arena, inputs, outputs })
    }
}

/// Where each tree starts, if every right branch begins where the left one ends, and every tree where the one before does; else a node of the
/// first tree of which that is not so.
fn roots(nodes: &[Node]) -> std::result::Result<Vec<usize>, usize> {
    let (mut roots, mut at) = (Vec::new(), 0);
    while at < nodes.len() {
        roots.push(at);
        // Right branches that are still to come, the nearest last.
        let mut awaited = Vec::new();
        loop {
            let node = nodes.get(at).ok_or(at.saturating_sub(1))?;
            at += 1;
            match *node {
                Node::Inner { right, .. } => awaited.push(right),
                Node::Leaf(_) => match awaited.pop() {
                    Some(right) if right == at => {}
                    Some(_) => return Err(at - 1),
                    None => break,
                },
            }
        }
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A .npy file, version 1.0, as NumPy's format description has it.
    fn npy(rows: &[[i16; 5]]) -> Vec<u8> {
        let mut header = format!("{{'descr': '<i2', 'fortran_order': False, 'shape': ({}, 5), }}", rows.len());
        while !(header.len() + 11).is_multiple_of(64) {
            header.push(' ');
        }
        header.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.into_bytes());
        bytes.extend(rows.iter().flatten().flat_map(|value| value.to_le_bytes()));
        bytes
    }

    const TWO_TREES: [[i16; 5]; 6] = [
        [3, -5, 1, 2, -1],
        [-1, 0, -1, -1, 100],
        [-1, 0, -1, -1, 200],
        [0, 127, 4, 5, -1],
        [-1, 0, -1, -1, -7],
        [-1, 0, -1, -1, 9],
    ];

    #[test]
    fn trees_are_told_apart() {
        let forest = Forest::parse("f.npy", &npy(&TWO_TREES), None).unwrap();
        assert_eq!((forest.trees(), forest.nodes(), forest.features), (2, 6, 4));
        assert_eq!(forest.roots, [0, 3]);
        let plan = forest.lower().unwrap();
        assert_eq!((plan.inputs[0].bytes, plan.outputs[0].bytes, plan.bytes.len() % 8), (4, 4, 0));
        // By nn_plan.h: feature 3, -5 or less to the left, the right branch two words on; a leaf of -7.
        for word in [0x0002_fb03u32, 0xfff9_00ff] {
            assert!(plan.bytes.as_chunks::<4>().0.contains(&word.to_le_bytes()), "{word:08x}");
        }
    }

    #[test]
    fn what_is_no_forest_is_refused() {
        let says = |bytes: &[u8], features: Option<u32>, what: &str| {
            let failure = Forest::parse("f.npy", bytes, features).expect_err(what);
            assert!(failure.0.message.contains(what), "{}", failure.0.message);
            assert_eq!(failure.exit(), crate::finding::Exit::BadInput);
        };
        let changed = |row: usize, column: usize, value: i16| {
            let mut rows = TWO_TREES;
            rows[row][column] = value;
            npy(&rows)
        };
        says(b"", None, "is empty");
        says(b"PK\x03\x04 and so on", None, "not a .npy file");
        says(&npy(&TWO_TREES)[..150], None, "no table of a forest");
        says(&npy(&TWO_TREES), Some(3), "feature 3, counted from 0, of an input of 3");
        says(&changed(0, 0, 255), None, "node 0 has feature 255");
        says(&changed(0, 0, -2), None, "node 0 has feature -2");
        says(&changed(0, 1, 128), None, "threshold of 128");
        // A branch back would walk in a circle.
        says(&changed(3, 3, 0), None, "node 3 has the right branch 0");
        says(&changed(3, 3, 6), None, "node 3 has the right branch 6");
        says(&changed(3, 2, 3), None, "left branch 3");
        says(&changed(0, 3, 4), None, "do not follow one another");
        says(&changed(5, 0, 1), None, "left branch -1");
    }
}
