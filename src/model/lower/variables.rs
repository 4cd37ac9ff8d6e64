//! What it is: VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE: what a model keeps between inferences lies in the arena from the first to the last
//! layer, and begins with what its CALL_ONCE assigns.
//! Source: TensorFlow Lite's resource variables, as streaming models use them.
//! Does not model: variables of which nothing says how large they are before they are read.
//! Tested by: `tests/operators.rs`, over several inferences.

use super::shapes::whole_copy;
use super::{Lowering, Operator, Request, Word};
use crate::finding::Result;
use crate::model::ops::Options;
use crate::model::plan::{Draft, Kernel};

pub(super) fn handle(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let Options::VarHandle { name } = &operator.options else { return Err(l.bad("its options are missing.")) };
    let (output, _) = l.output(operator)?;
    l.handles.insert(output, name.clone());
    Ok(())
}

/// Where the variable lies that the operator's first input is the handle of.
fn buffer(l: &mut Lowering, operator: &Operator, bytes: u64) -> Result<Word> {
    let (handle, _) = l.input(operator, 0)?;
    let name = l.handles.get(&handle).cloned().ok_or_else(|| l.bad("its variable has no VAR_HANDLE."))?;
    if let Some(&(buffer, own)) = l.variables.get(&name) {
        return if own == bytes {
            Ok(buffer)
        } else {
            Err(l.bad(format!("the variable '{name}' has {own} bytes, and here {bytes}.")))
        };
    }
    let last = l.model.operators.len();
    l.scratch.push(Request { name: format!("variable {name}"), bytes, first: 0, last });
    let buffer = Word::Buffer(l.scratch.len() - 1);
    l.variables.insert(name.clone(), (buffer, bytes));
    let size = l.word(bytes)?;
    let (kernel, words) = match l.model.initial(&name) {
        Some(data) if data.len() as u64 != bytes => return Err(l.bad(format!("the variable '{name}' begins with another size."))),
        Some(data) if data.iter().any(|byte| *byte != 0) => {
            let from = Word::Blob(l.blobs.add(data.to_vec()));
            (Kernel::Copy, whole_copy(from, buffer, 0, size))
        }
        _ => (Kernel::Fill, vec![buffer, size.into(), 0u32.into()]),
    };
    l.resets.push(Draft { operator_index: l.layer, kernel, words, blobs: Vec::new() });
    Ok(buffer)
}

pub(super) fn read(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (output, y) = l.output(operator)?;
    let bytes = l.word(y.bytes())?;
    let from = buffer(l, operator, y.bytes())?;
    l.emit(Kernel::Copy, whole_copy(from, Word::Tensor(output), 0, bytes));
    Ok(())
}

pub(super) fn assign(l: &mut Lowering, operator: &Operator) -> Result<()> {
    let (value, x) = l.input(operator, 1)?;
    let bytes = l.word(x.bytes())?;
    let to = buffer(l, operator, x.bytes())?;
    l.emit(Kernel::Copy, whole_copy(Word::Tensor(value), to, 0, bytes));
    Ok(())
}
