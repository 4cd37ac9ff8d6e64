//! What it is: tensors in NumPy's .npy format: samples, labels, reference outputs, a user's own input.
//! Source: NumPy's format description (NEP 1), read by `npyz`.
//! Does not model: types other than int8, uint8, int16, int32 and float32, Fortran order.
//! Tested by: the unit tests below and `tests/bad_input.rs`.

use crate::finding::{Code, Failure, Result};
use std::fs;
use std::path::Path;

/// The element types that firmware takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elements {
    /// `|i1`
    Int8,
    /// `|u1`
    Uint8,
    /// `<i2`
    Int16,
    /// `<i4`
    Int32,
    /// `<f4`
    Float32,
}

impl Elements {
    /// Bytes of one element.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Elements::Int8 | Elements::Uint8 => 1,
            Elements::Int16 => 2,
            Elements::Int32 | Elements::Float32 => 4,
        }
    }

    /// NumPy's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Elements::Int8 => "int8",
            Elements::Uint8 => "uint8",
            Elements::Int16 => "int16",
            Elements::Int32 => "int32",
            Elements::Float32 => "float32",
        }
    }
}

/// A tensor: little-endian bytes in C order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    elements: Elements,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// No input of an F103 and no data set that is run through one comes near this.
const MOST_BYTES: u64 = 256 << 20;

impl Tensor {
    pub(super) fn new(elements: Elements, shape: Vec<usize>, bytes: Vec<u8>) -> Self {
        Self { elements, shape, bytes }
    }

    /// Reads a .npy file.
    ///
    /// # Errors
    /// `file-unreadable`, `file-empty`, `file-too-large`, `bad-input-tensor`.
    pub fn load(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let unreadable = |error: std::io::Error| Failure::new(Code::FileUnreadable, format!("{name} cannot be read: {error}"));
        let size = fs::metadata(path).map_err(unreadable)?.len();
        if size > MOST_BYTES {
            return Err(Failure::new(Code::FileTooLarge, format!("{name} has {size} bytes; the most is {MOST_BYTES}")));
        }
        Self::parse(&name, &fs::read(path).map_err(unreadable)?)
    }

    /// Reads the bytes of a .npy file of that name.
    ///
    /// # Errors
    /// `file-empty`, `bad-input-tensor`.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self> {
        if bytes.is_empty() {
            return Err(Failure::new(Code::FileEmpty, format!("{name} is empty")));
        }
        let bad = |what: String| Failure::new(Code::BadInputTensor, format!("{name} {what}"));
        let mut data = bytes;
        let header = npyz::NpyHeader::from_reader(&mut data).map_err(|error| bad(format!("is not a .npy file: {error}")))?;
        let shape: Vec<usize> = header.shape().iter().map(|n| usize::try_from(*n).unwrap_or(usize::MAX)).collect();
        if header.order() != npyz::Order::C {
            return Err(bad("is in Fortran order; save it in C order (numpy.ascontiguousarray)".to_owned()));
        }
        let text = header.dtype().descr();
        let elements = match text.trim_matches('\'') {
            "|i1" | "<i1" | "i1" => Elements::Int8,
            "|u1" | "<u1" | "u1" => Elements::Uint8,
            "<i2" => Elements::Int16,
            "<i4" => Elements::Int32,
            "<f4" => Elements::Float32,
            other => return Err(bad(format!("holds elements of type {other}; int8, uint8, int16, int32 and float32 are known"))),
        };
        let size = shape.iter().try_fold(elements.bytes(), |size, n| size.checked_mul(*n));
        match size {
            Some(size) if size == data.len() => Ok(Self::new(elements, shape, data.to_vec())),
            Some(size) => Err(bad(format!("has {} bytes of data; its shape {shape:?} needs {size}", data.len()))),
            None => Err(bad(format!("has an absurd shape {shape:?}"))),
        }
    }

    /// The element type.
    #[must_use]
    pub fn elements(&self) -> Elements {
        self.elements
    }

    /// All dimensions.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// All bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The first dimension.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(0)
    }

    /// Bytes of one row.
    #[must_use]
    pub fn row_bytes(&self) -> usize {
        self.bytes.len().checked_div(self.rows()).unwrap_or(0)
    }

    /// The bytes of one row.
    #[must_use]
    pub fn row(&self, index: usize) -> Option<Vec<u8>> {
        let size = self.row_bytes();
        let start = index.checked_mul(size)?;
        (index < self.rows()).then(|| self.bytes.get(start..start + size).map(<[u8]>::to_vec)).flatten()
    }

    /// This tensor's bytes, if it is one row like those of `rows`, with or without a first dimension of 1.
    ///
    /// # Errors
    /// `bad-input-tensor`; `name` is the file's.
    pub fn as_one_of(&self, rows: &Tensor, name: &str) -> Result<Vec<u8>> {
        let expected = rows.shape.get(1..).unwrap_or_default();
        let shape = match self.shape.split_first() {
            Some((1, rest)) if self.shape.len() == rows.shape.len() => rest,
            _ => &self.shape,
        };
        if self.elements != rows.elements || shape != expected {
            let message = format!(
                "{name} is {} of shape {:?}; the scenario takes {} of shape {expected:?}",
                self.elements.name(),
                self.shape,
                rows.elements.name()
            );
            return Err(Failure::new(Code::BadInputTensor, message));
        }
        Ok(self.bytes.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A .npy file as NEP 1 lays it out: magic, version 1.0, header length, header padded to 64 bytes, data.
    fn npy(descr: &str, fortran: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let mut header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
        while !(header.len() + 11).is_multiple_of(64) {
            header.push(' ');
        }
        header.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn a_plain_file_is_read() {
        let tensor = Tensor::parse("x.npy", &npy("|i1", "False", "(2, 3)", &[1, 2, 3, 4, 5, 6])).expect("valid");
        assert_eq!((tensor.rows(), tensor.row(1)), (2, Some(vec![4, 5, 6])));
        assert_eq!(tensor.row(2), None);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let rows = Tensor::parse("s.npy", &npy("|i1", "False", "(2, 3)", &[0; 6])).expect("valid");
        let cases: [(Vec<u8>, &str); 6] = [
            (Vec::new(), "is empty"),
            (b"PK\x03\x04".to_vec(), "is not a .npy file"),
            (npy("<f8", "False", "(3,)", &[0; 24]), "type <f8"),
            (npy("|i1", "True", "(3,)", &[0; 3]), "Fortran order"),
            (npy("|i1", "False", "(3,)", &[0; 2]), "needs 3"),
            (npy("|i1", "False", "(9223372036854775807, 9)", &[]), "x.npy"),
        ];
        for (bytes, says) in cases {
            let failure = Tensor::parse("x.npy", &bytes).expect_err(says);
            assert!(failure.0.message.contains(says), "{}", failure.0.message);
        }
        let wrong = Tensor::parse("x.npy", &npy("|i1", "False", "(4,)", &[0; 4])).expect("valid");
        let failure = wrong.as_one_of(&rows, "x.npy").expect_err("wrong shape");
        assert!(failure.0.message.contains("takes int8 of shape [3]"), "{}", failure.0.message);
        let batch = Tensor::parse("x.npy", &npy("|i1", "False", "(1, 3)", &[7; 3])).expect("valid");
        assert_eq!(batch.as_one_of(&rows, "x.npy"), Ok(vec![7; 3]));
    }
}
