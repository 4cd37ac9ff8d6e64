//! What it is: a .tflite file's bytes to a checked [`Model`]: every index, shape, size and offset that later code relies on is checked here.
//! Source: the TensorFlow Lite file format (tflite.fbs); FlatBuffers' own offsets are checked by planus as they are followed.
//! Does not model: subgraphs after the first, metadata, signatures, sparse tensors.
//! Tested by: `tests/model.rs` (the original models; each kind of damage; random damage).

use super::ops::{OpCode, Options, op};
use super::options::read_options;
use super::schema;
use super::{Model, Operator, Quantisation, Tensor, Type};
use crate::finding::{Code, Failure, Result};

const IDENTIFIER: &[u8] = b"TFL3";
/// Limits far above any model for this class of device, so that a damaged count cannot ask for unbounded memory.
const MAX_ITEMS: usize = 1 << 16;
const MAX_RANK: usize = 8;
const MAX_TENSOR_BYTES: u64 = 1 << 31;
pub(super) const MAX_NAME: usize = 512;

pub(super) struct Context<'a> {
    name: &'a str,
    file_len: usize,
    base: usize,
}

impl Context<'_> {
    pub fn bad(&self, message: impl AsRef<str>) -> Failure {
        Failure::new(Code::BadModel, format!("{}: {}", self.name, message.as_ref()))
    }

    /// A FlatBuffers access that led out of the file or to nonsense.
    fn flat(&self, error: &planus::Error) -> Failure {
        let place = error.source_location;
        self.bad(format!(
            "the file is damaged or cut short: {} at byte {} ({}.{}).",
            error.error_kind, place.byte_offset, place.type_, place.method
        ))
    }

    pub fn ok<T>(&self, result: planus::Result<T>) -> Result<T> {
        result.map_err(|error| self.flat(&error))
    }

    fn need<T>(&self, result: planus::Result<Option<T>>, what: &str) -> Result<T> {
        self.ok(result)?.ok_or_else(|| self.bad(format!("the file has no {what}.")))
    }

    fn limit(&self, count: usize, what: &str) -> Result<()> {
        if count > MAX_ITEMS {
            return Err(self.bad(format!("the file claims {count} {what}; at most {MAX_ITEMS} are read.")));
        }
        Ok(())
    }
}

pub(super) fn read(name: &str, bytes: Vec<u8>) -> Result<Model> {
    let context = Context { name, file_len: bytes.len(), base: bytes.as_ptr() as usize };
    if bytes.is_empty() {
        return Err(Failure::new(Code::FileEmpty, format!("{name} is empty.")));
    }
    match bytes.get(4..8) {
        Some(IDENTIFIER) => {}
        Some(other) => {
            let found = String::from_utf8_lossy(other).escape_debug().to_string();
            return Err(context.bad(format!("not a .tflite model: bytes 4 to 7 should be \"TFL3\" and are \"{found}\".")));
        }
        None => return Err(context.bad(format!("not a .tflite model: it has only {} bytes.", bytes.len()))),
    }
    let mut model = parse(&context, &bytes)?;
    model.bytes = bytes;
    Ok(model)
}

fn parse(context: &Context, bytes: &[u8]) -> Result<Model> {
    let root = context.ok(<schema::ModelRef as planus::ReadAsRoot>::read_as_root(bytes))?;
    let version = context.ok(root.version())?;
    if version != 3 {
        return Err(context.bad(format!("the file's schema version is {version}; this reader knows 3.")));
    }
    let codes = operator_codes(context, &root)?;
    let buffers = buffers(context, &root)?;
    let subgraphs = context.need(root.subgraphs(), "subgraph")?;
    let graph = subgraphs.iter().next().ok_or_else(|| context.bad("the file has no subgraph."))?;
    let graph = context.ok(graph)?;

    let (tensors, operators) = parts(context, &graph, &codes, &buffers)?;
    if operators.is_empty() {
        return Err(context.bad("the model has no operators."));
    }
    let list = |vector: planus::Result<Option<planus::Vector<'_, i32>>>, what: &str| -> Result<Vec<usize>> {
        let vector = context.need(vector, what)?;
        context.limit(vector.len(), what)?;
        vector.iter().map(|index| tensor_index(context, index, tensors.len(), what)).collect()
    };
    let inputs = list(graph.inputs(), "graph inputs")?;
    let outputs = list(graph.outputs(), "graph outputs")?;
    if outputs.is_empty() {
        return Err(context.bad("the model has no outputs."));
    }
    let description = context.ok(root.description())?.unwrap_or("").chars().take(MAX_NAME).collect();
    let operators_called: Vec<u32> = operators
        .iter()
        .filter_map(|operator| if let Options::CallOnce { graph } = operator.options { Some(graph) } else { None })
        .collect();
    let model = Model {
        name: context.name.to_owned(),
        description,
        tensors,
        operators,
        inputs,
        outputs,
        initial: initial(context, &operators_called, &subgraphs, &codes, &buffers)?,
        subgraphs: subgraphs.len(),
        custom_operators: codes
            .iter()
            .filter_map(|code| match code {
                OpCode::Custom(name) => Some(name.clone()),
                OpCode::Builtin(_) => None,
            })
            .collect(),
        bytes: Vec::new(),
    };
    order(context, &model)?;
    Ok(model)
}

type Buffers = [Option<std::ops::Range<usize>>];

/// A graph's tensors and operators.
fn parts(
    context: &Context,
    graph: &schema::SubGraphRef,
    codes: &[OpCode],
    buffers: &Buffers,
) -> Result<(Vec<Tensor>, Vec<Operator>)> {
    let mut tensors = Vec::new();
    let raw_tensors = context.need(graph.tensors(), "tensor list")?;
    context.limit(raw_tensors.len(), "tensors")?;
    for (index, raw) in raw_tensors.iter().enumerate() {
        tensors.push(tensor(context, index, &context.ok(raw)?, buffers)?);
    }
    let mut operators = Vec::new();
    if let Some(raw_operators) = context.ok(graph.operators())? {
        context.limit(raw_operators.len(), "operators")?;
        for (index, raw) in raw_operators.iter().enumerate() {
            operators.push(operator(context, index, &context.ok(raw)?, codes, tensors.len())?);
        }
    }
    Ok((tensors, operators))
}

/// What the graphs that are called once assign to variables: constants only.
fn initial(
    context: &Context,
    called: &[u32],
    graphs: &planus::Vector<'_, planus::Result<schema::SubGraphRef<'_>>>,
    codes: &[OpCode],
    buffers: &Buffers,
) -> Result<Vec<(String, std::ops::Range<usize>)>> {
    let mut values = Vec::new();
    for &number in called {
        let graph = graphs
            .get(number as usize)
            .ok_or_else(|| context.bad(format!("CALL_ONCE names graph {number}, but the file has {}.", graphs.len())))?;
        let (tensors, operators) = parts(context, &context.ok(graph)?, codes, buffers)?;
        let mut handles = std::collections::BTreeMap::new();
        for operator in &operators {
            if let (Options::VarHandle { name }, Some(output)) = (&operator.options, operator.outputs.first()) {
                handles.insert(*output, name.clone());
                continue;
            }
            let name = operator.input(0).and_then(|handle| handles.get(&handle));
            let value = operator.input(1).and_then(|value| tensors.get(value)).and_then(|tensor| tensor.data.clone());
            match (operator.code.is(op::ASSIGN_VARIABLE), name, value) {
                (true, Some(name), Some(value)) => values.push((name.clone(), value)),
                _ => {
                    let message = format!(
                        "{}: the graph that it runs once computes something ({}); the runtime takes constants as first values only.",
                        context.name,
                        operator.code.name()
                    );
                    return Err(Failure::new(Code::ModelUnsupported, message));
                }
            }
        }
    }
    Ok(values)
}

fn operator_codes(context: &Context, root: &schema::ModelRef) -> Result<Vec<OpCode>> {
    let raw = context.need(root.operator_codes(), "operator codes")?;
    context.limit(raw.len(), "operator codes")?;
    let mut codes = Vec::new();
    for code in raw.iter() {
        let code = context.ok(code)?;
        // Numbers up to 127 stand in the old field, larger ones in the new one with 127 in the old.
        let number = i32::from(context.ok(code.old_code())?).max(context.ok(code.code())?);
        let custom = context.ok(code.custom())?;
        codes.push(match (number, custom) {
            (32, name) => OpCode::Custom(name.unwrap_or("unnamed custom operator").chars().take(MAX_NAME).collect()),
            (number, _) => OpCode::Builtin(
                u32::try_from(number)
                    .map_err(|_| context.bad(format!("an operator code is {number}; codes are not negative.")))?,
            ),
        });
    }
    Ok(codes)
}

/// Where each buffer's bytes lie in the file; `None` for empty ones.
fn buffers(context: &Context, root: &schema::ModelRef) -> Result<Vec<Option<std::ops::Range<usize>>>> {
    let raw = context.need(root.buffers(), "buffers")?;
    context.limit(raw.len(), "buffers")?;
    let mut buffers = Vec::new();
    for (index, buffer) in raw.iter().enumerate() {
        let buffer = context.ok(buffer)?;
        let outside = context.ok(buffer.offset())?;
        buffers.push(if outside > 1 {
            let size = context.ok(buffer.size())?;
            let end = outside.checked_add(size).filter(|&end| end <= context.file_len as u64);
            let (Some(end), Ok(start)) = (end, usize::try_from(outside)) else {
                return Err(
                    context.bad(format!("buffer {index} lies at bytes {outside} to +{size}, beyond the end of the file."))
                );
            };
            Some(start..usize::try_from(end).unwrap_or(start)).filter(|range| !range.is_empty())
        } else {
            context.ok(buffer.data())?.filter(|data| !data.is_empty()).map(|data| {
                let start = data.as_ptr() as usize - context.base;
                start..start + data.len()
            })
        });
    }
    Ok(buffers)
}

fn tensor(context: &Context, index: usize, raw: &schema::TensorRef, buffers: &Buffers) -> Result<Tensor> {
    let name: String = context.ok(raw.name())?.unwrap_or("").chars().take(MAX_NAME).collect();
    let called = format!("tensor {index} ('{name}')");
    let mut shape = Vec::new();
    if let Some(dims) = context.ok(raw.shape())? {
        if dims.len() > MAX_RANK {
            return Err(context.bad(format!("{called} has {} dimensions; at most {MAX_RANK} make sense.", dims.len())));
        }
        for dim in dims.iter() {
            if dim == -1 {
                let message = format!("{}: {called} has no fixed size. Convert with a fixed input shape.", context.name);
                return Err(Failure::new(Code::ModelUnsupported, message));
            }
            shape.push(
                u32::try_from(dim)
                    .map_err(|_| context.bad(format!("{called} has a dimension of {dim}; dimensions are not negative.")))?,
            );
        }
    }
    let ty = Type::by_number(context.ok(raw.type_())?);
    let signature = context.ok(raw.shape_signature())?;
    let open = signature.map(|dims| (0..).zip(dims.iter().take(MAX_RANK)).filter(|(_, dim)| *dim < 0).map(|(d, _)| d).collect());
    let mut tensor = Tensor {
        name,
        shape,
        ty,
        open: open.unwrap_or_default(),
        quantisation: quantisation(context, &called, raw)?,
        is_variable: context.ok(raw.is_variable())?,
        data: None,
    };
    let bytes = tensor
        .shape
        .iter()
        .try_fold(1u64, |product, &dim| product.checked_mul(u64::from(dim)))
        .and_then(|elements| elements.checked_mul(ty.bytes().unwrap_or(1)))
        .filter(|&bytes| bytes <= MAX_TENSOR_BYTES)
        .ok_or_else(|| context.bad(format!("{called} of shape {} is absurdly large.", tensor.shape_text())))?;
    // Some converters give a list of biases its filter's dimension; a list has one only.
    if let Some(q) = tensor.quantisation.as_mut().filter(|_| tensor.shape.len() == 1) {
        q.axis = 0;
    }
    if let Some(q) = &tensor.quantisation
        && q.scales.len() > 1
    {
        let slices = tensor.shape.get(q.axis).map_or(0, |&dim| dim as usize);
        if slices != q.scales.len() || (q.zero_points.len() != slices && q.zero_points.len() > 1) {
            let (scales, zeros) = (q.scales.len(), q.zero_points.len());
            return Err(context.bad(format!(
                "{called} of shape {} has {scales} scales and {zeros} zero points along dimension {}.",
                tensor.shape_text(),
                q.axis
            )));
        }
    }
    let buffer = context.ok(raw.buffer())? as usize;
    let data = buffers.get(buffer).ok_or_else(|| {
        context.bad(format!("{called} refers to buffer {buffer}, but the file has {}: data are missing.", buffers.len()))
    })?;
    if context.ok(raw.external_buffer())? != 0 {
        return Err(context.bad(format!("{called} keeps its data in another file; convert to a self-contained .tflite.")));
    }
    if context.ok(raw.sparsity())?.is_some() {
        return Err(context.bad(format!("{called} is sparse; convert the model with dense weights.")));
    }
    if let Some(range) = data {
        let expected = tensor.bytes();
        if ty.bytes().is_some() && range.len() as u64 != expected {
            return Err(context.bad(format!(
                "{called} of shape {} needs {expected} bytes of {}, but its buffer has {}.",
                tensor.shape_text(),
                ty.name(),
                range.len()
            )));
        }
        tensor.data = Some(range.clone());
    }
    debug_assert!(bytes <= MAX_TENSOR_BYTES);
    Ok(tensor)
}

fn quantisation(context: &Context, called: &str, raw: &schema::TensorRef) -> Result<Option<Quantisation>> {
    let Some(raw) = context.ok(raw.quantisation())? else { return Ok(None) };
    let Some(scales) = context.ok(raw.scale())?.filter(|scales| !scales.is_empty()) else { return Ok(None) };
    context.limit(scales.len(), "scales")?;
    let scales: Vec<f32> = scales.iter().collect();
    if let Some(scale) = scales.iter().find(|scale| !(scale.is_finite() && **scale >= 0.0)) {
        return Err(context.bad(format!("{called} has a quantisation scale of {scale}.")));
    }
    let mut zero_points = Vec::new();
    if let Some(zeros) = context.ok(raw.zero_point())? {
        context.limit(zeros.len(), "zero points")?;
        for zero in zeros.iter() {
            let zero = i32::try_from(zero).ok().filter(|zero| (-0x1_0000..=0x1_0000).contains(zero));
            zero_points.push(zero.ok_or_else(|| context.bad(format!("{called} has a zero point beyond 16 bits.")))?);
        }
    }
    let axis = usize::try_from(context.ok(raw.axis())?).unwrap_or(usize::MAX);
    Ok(Some(Quantisation { scales, zero_points, axis }))
}

fn tensor_index(context: &Context, index: i32, count: usize, what: &str) -> Result<usize> {
    usize::try_from(index)
        .ok()
        .filter(|&index| index < count)
        .ok_or_else(|| context.bad(format!("{what} name tensor {index}, but the model has {count}.")))
}

fn operator(context: &Context, index: usize, raw: &schema::OperatorRef, codes: &[OpCode], tensors: usize) -> Result<Operator> {
    let code = context.ok(raw.opcode())? as usize;
    let code = codes
        .get(code)
        .cloned()
        .ok_or_else(|| context.bad(format!("layer {index} names operator code {code}, but the file has {}.", codes.len())))?;
    let what = format!("the operands of layer {index} ({})", code.name());
    let mut inputs = Vec::new();
    if let Some(list) = context.ok(raw.inputs())? {
        context.limit(list.len(), "inputs")?;
        for input in list.iter() {
            inputs.push(if input == -1 { None } else { Some(tensor_index(context, input, tensors, &what)?) });
        }
    }
    let indices = |list: planus::Result<Option<planus::Vector<'_, i32>>>| -> Result<Vec<usize>> {
        let Some(list) = context.ok(list)? else { return Ok(Vec::new()) };
        context.limit(list.len(), "operands")?;
        list.iter().map(|operand| tensor_index(context, operand, tensors, &what)).collect()
    };
    let outputs = indices(raw.outputs())?;
    let intermediates = indices(raw.intermediates())?;
    let options = match raw.options() {
        Ok(Some(options)) => read_options(context, &what, &options)?,
        Ok(None) => Options::None,
        // Options of an operator that the schema here does not name are not needed: the operator is refused by its code.
        Err(error) if matches!(error.error_kind, planus::errors::ErrorKind::UnknownUnionTag { .. }) => Options::None,
        Err(error) => return Err(context.flat(&error)),
    };
    Ok(Operator { code, inputs, outputs, intermediates, options })
}

/// Operators must come after what they read, and a tensor has one writer: otherwise no order of execution makes sense.
fn order(context: &Context, model: &Model) -> Result<()> {
    let mut known: Vec<bool> = model.tensors.iter().map(|t| t.is_constant() || t.is_variable).collect();
    let called = |index: usize| model.tensors.get(index).map_or_else(String::new, |t| format!("tensor {index} ('{}')", t.name));
    for &input in &model.inputs {
        if let Some(known) = known.get_mut(input) {
            *known = true;
        }
    }
    for (layer, operator) in model.operators.iter().enumerate() {
        for &input in operator.inputs.iter().flatten() {
            let empty = model.tensors.get(input).is_some_and(|tensor| tensor.elements() == 0);
            if known.get(input) != Some(&true) && !empty {
                return Err(context.bad(format!(
                    "{} reads {} before anything writes it: the graph has a cycle, is out of order, or lacks that constant's data.",
                    model.layer_name(layer),
                    called(input)
                )));
            }
        }
        for &output in &operator.outputs {
            match known.get_mut(output) {
                Some(known) if !*known => *known = true,
                _ => {
                    return Err(context.bad(format!(
                        "{} writes {}, which is a constant, an input or another layer's result.",
                        model.layer_name(layer),
                        called(output)
                    )));
                }
            }
        }
    }
    match model.outputs.iter().find(|&&output| known.get(output) != Some(&true)) {
        Some(&output) => Err(context.bad(format!("the model's output, {}, is never written.", called(output)))),
        None => Ok(()),
    }
}
