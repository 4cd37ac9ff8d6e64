//! What it is: a checked model to a [`Plan`]: for each operator, the kernel that executes it and its descriptor; then the arena; then the bytes.
//! Source: the operators' definition in TensorFlow Lite Micro, one submodule per family; KERNELS.md for the layouts.
//! Does not model: operators without a row in [`dispatch`]; [`refusal`] names them, with the usual way out.
//! Tested by: `tests/model.rs`, `tests/model_kernels.rs`, `tests/operators.rs` (every operator against TensorFlow Lite Micro).

mod conv;
mod dense;
mod dispatch;
mod elementwise;
mod float;
mod general;
mod hybrid;
mod index;
mod map;
mod moves;
mod pool;
mod products;
mod recurrent;
mod refusal;
mod rows;
mod shapes;
mod stretch;
mod unary;
mod variables;
mod wide;

pub use dispatch::LOWERED;

use super::arena::{self, Request};
use super::ops::{Activation, OpCode, op};
use super::plan::{self, Addresses, Blobs, Draft, Kernel, Plan, PlanLayer, Word};
use super::quant::{self, Multiplier};
use super::{Model, Operator, Tensor, Type};
use crate::finding::{Code, Failure, Result};
use dispatch::lower_operator;

pub(super) fn lower(model: &Model) -> Result<Plan> {
    refusal::check(model)?;
    let mut lowering = Lowering::new(model);
    // What no other conversion of the same graph can help with is said before anything else.
    let hopeless = |operator: &Operator| match &operator.code {
        OpCode::Builtin(code) => [op::WHILE, op::IF].contains(code),
        OpCode::Custom(_) => true,
    };
    if let Some((index, operator)) = model.operators.iter().enumerate().find(|(_, operator)| hopeless(operator)) {
        lowering.layer = index;
        lower_operator(&mut lowering, operator)?;
    }
    for (index, operator) in model.operators.iter().enumerate() {
        lowering.layer = index;
        for &tensor in operator.inputs.iter().flatten().chain(&operator.outputs) {
            lowering.check_storable(tensor)?;
        }
        lower_operator(&mut lowering, operator)?;
    }
    lowering.finish()
}

/// What the format calls a resource.
const HANDLE: Type = Type::Other(13);

/// The state of one lowering.
pub(super) struct Lowering<'m> {
    model: &'m Model,
    layer: usize,
    drafts: Vec<Draft>,
    blobs: Blobs,
    /// For each tensor, the one whose buffer it shares (itself at the root).
    shares: Vec<usize>,
    /// The last operator that reads each tensor; outputs of the model live to the end, inputs too.
    last_use: Vec<usize>,
    /// Scratch buffers: bytes and layer.
    scratch: Vec<Request>,
    /// Those that may be larger.
    tiles: Vec<stretch::Tile>,
    /// Blobs of constant tensors that kernels read as they are.
    constants: std::collections::BTreeMap<usize, usize>,
    current_blobs: Vec<usize>,
    /// Tensors beyond whose end kernels may read three bytes.
    read_beyond: std::collections::BTreeSet<usize>,
    /// Layers that set what the model keeps between inferences.
    resets: Vec<Draft>,
    /// Handles of variables, by tensor; and the variables' buffers, by name.
    handles: std::collections::BTreeMap<usize, String>,
    variables: std::collections::BTreeMap<String, (Word, u64)>,
}

impl<'m> Lowering<'m> {
    fn new(model: &'m Model) -> Self {
        let mut last_use = vec![0; model.tensors.len()];
        let mut mark = |tensor: usize, layer: usize| {
            if let Some(last) = last_use.get_mut(tensor) {
                *last = layer.max(*last);
            }
        };
        for (layer, operator) in model.operators.iter().enumerate() {
            operator.inputs.iter().flatten().chain(&operator.outputs).for_each(|&tensor| mark(tensor, layer));
        }
        // An input that survives lets the caller repeat an inference; KWS pays 490 bytes of its 64-channel peak for that.
        model.inputs.iter().chain(&model.outputs).for_each(|&tensor| mark(tensor, model.operators.len()));
        for (index, tensor) in model.tensors.iter().enumerate() {
            if tensor.is_variable {
                mark(index, model.operators.len());
            }
        }
        Self {
            model,
            layer: 0,
            drafts: Vec::new(),
            blobs: Blobs::default(),
            shares: (0..model.tensors.len()).collect(),
            last_use,
            scratch: Vec::new(),
            tiles: Vec::new(),
            constants: std::collections::BTreeMap::new(),
            current_blobs: Vec::new(),
            read_beyond: std::collections::BTreeSet::new(),
            resets: Vec::new(),
            handles: std::collections::BTreeMap::new(),
            variables: std::collections::BTreeMap::new(),
        }
    }

    fn unsupported(&self, what: impl AsRef<str>) -> Failure {
        self.model.unsupported(self.layer, what)
    }

    fn bad(&self, what: impl AsRef<str>) -> Failure {
        self.model.bad(format!("{}: {}", self.model.layer_name(self.layer), what.as_ref()))
    }

    fn tensor(&self, index: usize) -> Result<&'m Tensor> {
        self.model.tensors.get(index).ok_or_else(|| self.bad(format!("there is no tensor {index}.")))
    }

    /// The operator's `n`-th input, which must be there.
    fn input(&self, operator: &Operator, n: usize) -> Result<(usize, &'m Tensor)> {
        let index = operator.input(n).ok_or_else(|| self.bad(format!("its input {n} is missing.")))?;
        Ok((index, self.tensor(index)?))
    }

    /// The operator's only output.
    fn output(&self, operator: &Operator) -> Result<(usize, &'m Tensor)> {
        let index = *operator.outputs.first().ok_or_else(|| self.bad("it has no output."))?;
        Ok((index, self.tensor(index)?))
    }

    /// A constant's bytes.
    fn constant(&self, tensor: &'m Tensor, what: &str) -> Result<&'m [u8]> {
        self.model.data(tensor).ok_or_else(|| {
            self.unsupported(format!(
                "its {what} ('{}') are computed at run time; the runtime needs them in the file.",
                tensor.name
            ))
        })
    }

    /// A constant's elements as int32, from int32 or (where they fit) int64.
    fn constant_i32(&self, tensor: &'m Tensor, what: &str) -> Result<Vec<i32>> {
        let data = self.constant(tensor, what)?;
        let odd = || self.unsupported(format!("its {what} ('{}') are {}; int32 is expected.", tensor.name, tensor.ty.name()));
        match tensor.ty {
            Type::Int32 => Ok(data.as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b)).collect()),
            Type::Int64 => {
                data.as_chunks::<8>().0.iter().map(|b| i32::try_from(i64::from_le_bytes(*b)).map_err(|_| odd())).collect()
            }
            _ => Err(odd()),
        }
    }

    fn check_storable(&self, index: usize) -> Result<()> {
        let tensor = self.tensor(index)?;
        // A handle of a variable takes no place.
        if plan::storable(tensor.ty) || tensor.ty == HANDLE || (tensor.is_constant() && tensor.ty == Type::Int64) {
            return Ok(());
        }
        Err(self.unsupported(format!("'{}' is {}, a type that the runtime does not store.", tensor.name, tensor.ty.name())))
    }

    /// Scale and zero point of a tensor that must be quantised as a whole.
    fn quantised(&self, tensor: &Tensor) -> Result<(f32, i32)> {
        let (scale, zero) =
            tensor.per_tensor().ok_or_else(|| self.bad(format!("'{}' is {} without a scale.", tensor.name, tensor.ty.name())))?;
        let (lowest, highest) =
            range(tensor.ty).ok_or_else(|| self.unsupported(format!("'{}' is {}.", tensor.name, tensor.ty.name())))?;
        if scale <= 0.0 || zero < lowest || zero > highest {
            return Err(self.bad(format!("'{}' has scale {scale} and zero point {zero}.", tensor.name)));
        }
        Ok((scale, zero))
    }

    /// The clamp that an activation sets on an output, in its quantised values.
    fn bounds(&self, activation: Activation, output: &Tensor) -> Result<(i32, i32)> {
        let (scale, zero) = self.quantised(output)?;
        let (lowest, highest) = range(output.ty).unwrap_or((-128, 127));
        quant::activation_bounds(activation, scale, zero, lowest, highest)
            .filter(|(low, high)| low <= high)
            .ok_or_else(|| self.unsupported(format!("the fused activation {activation:?} is not a clamp of its output's range.")))
    }

    /// The combinations of types that a kernel takes, said in one sentence when they do not fit.
    fn require_type(&self, tensor: &Tensor, ty: Type, what: &str) -> Result<()> {
        if tensor.ty == ty {
            return Ok(());
        }
        let kind = match (ty, tensor.ty) {
            (Type::Int8, Type::Float32) => " (of this operator there is no float kernel)",
            _ => "",
        };
        Err(self.unsupported(format!(
            "its {what} is {}{kind}; the kernel takes {}. Convert with full integer quantisation: representative data, \
             TFLITE_BUILTINS_INT8, int8 in and out.",
            tensor.ty.name(),
            ty.name()
        )))
    }

    /// A number that must fit a descriptor's word.
    fn word(&self, n: u64) -> Result<u32> {
        u32::try_from(n).ok().filter(|&n| n < 1 << 31).ok_or_else(|| self.bad(format!("{n} is too large for any device.")))
    }

    /// The requantisation of each output channel, bias included: what every accumulating int8 kernel reads.
    /// `sums` are the channels' sums of weights, by which the input's zero point is folded into the bias.
    fn channel_constants(
        &self,
        input: &Tensor,
        weights: &Tensor,
        bias: Option<usize>,
        output: &Tensor,
        sums: &[i64],
    ) -> Result<Vec<[i32; 3]>> {
        let (input_scale, input_zero) = self.quantised(input)?;
        let (output_scale, _) = self.quantised(output)?;
        let q =
            weights.quantisation.as_ref().ok_or_else(|| self.bad(format!("the weights '{}' have no scale.", weights.name)))?;
        if q.zero_points.iter().any(|&zero| zero != 0) {
            return Err(self.unsupported("its weights have a zero point; int8 weights are symmetric. Convert again."));
        }
        let bias = match bias {
            None => Vec::new(),
            Some(index) => self.constant_i32(self.tensor(index)?, "biases")?,
        };
        if !bias.is_empty() && bias.len() != sums.len() {
            return Err(self.bad(format!("it has {} output channels and {} biases.", sums.len(), bias.len())));
        }
        let per_channel = q.scales.len() > 1;
        if per_channel && q.scales.len() != sums.len() {
            return Err(self.bad(format!("it has {} output channels and {} scales.", sums.len(), q.scales.len())));
        }
        let mut constants = Vec::with_capacity(sums.len());
        for (channel, &sum) in sums.iter().enumerate() {
            let scale = q.scales.get(if per_channel { channel } else { 0 }).copied().unwrap_or(0.0);
            // One scale for all: the reference multiplies in float32; one per channel: in float64.
            let factor = if per_channel || self.always_per_channel() {
                f64::from(input_scale) * f64::from(scale) / f64::from(output_scale)
            } else {
                f64::from(input_scale * scale) / f64::from(output_scale)
            };
            let multiplier = Multiplier::new(factor);
            let bias = bias.get(channel).copied().unwrap_or(0);
            // The reference's int32 arithmetic wraps, if at all, to the same sum.
            let folded = i64::from(bias).wrapping_sub(i64::from(input_zero).wrapping_mul(sum)) as i32;
            constants.push([folded, multiplier.mantissa, multiplier.shift_word()]);
        }
        Ok(constants)
    }

    /// Convolutions compute their factors per channel even when there is one scale.
    fn always_per_channel(&self) -> bool {
        let code = self.model.operators.get(self.layer).map(|operator| &operator.code);
        code.is_some_and(|code| !code.is(op::FULLY_CONNECTED))
    }

    fn blob(&mut self, bytes: Vec<u8>) -> Word {
        let index = self.blobs.add(bytes);
        self.current_blobs.push(index);
        Word::Blob(index)
    }

    fn blob_words(&mut self, words: impl IntoIterator<Item = i32>) -> Word {
        let index = self.blobs.add_words(words);
        self.current_blobs.push(index);
        Word::Blob(index)
    }

    /// Scratch memory for the current layer only.
    fn scratch(&mut self, bytes: u64) -> Word {
        let name = format!("scratch of {}", self.model.layer_name(self.layer));
        self.scratch.push(Request { name, bytes, first: self.layer, last: self.layer });
        Word::Buffer(self.scratch.len() - 1)
    }

    /// Adds the layer: its kernel and the words of its descriptor.
    fn emit(&mut self, kernel: Kernel, words: Vec<Word>) {
        for word in &words {
            if let Word::Tensor(index) = *word
                && let Some(tensor) = self.model.tensors.get(index)
                && let Some(data) = self.model.data(tensor)
            {
                let blob = self.blobs.add(data.to_vec());
                self.current_blobs.push(blob);
                self.constants.insert(index, blob);
            }
        }
        let blobs = std::mem::take(&mut self.current_blobs);
        self.drafts.push(Draft { operator_index: self.layer, kernel, words, blobs });
    }

    /// The tensor's value is kept from one inference to the next, and is nothing at the beginning.
    fn keep(&mut self, variable: usize) -> Result<()> {
        let tensor = self.tensor(variable)?;
        let (bytes, zero) = (self.word(tensor.bytes())?, tensor.per_tensor().map_or(0, |(_, zero)| zero.cast_unsigned()));
        let pattern = if tensor.ty == Type::Int8 { (zero & 0xff) * 0x0101_0101 } else { 0u32 };
        let words = vec![Word::Tensor(variable), bytes.into(), pattern.into()];
        self.resets.push(Draft { operator_index: self.layer, kernel: Kernel::Fill, words, blobs: Vec::new() });
        Ok(())
    }

    /// The kernel may read up to three bytes beyond the tensor's end.
    fn reads_beyond(&mut self, tensor: usize) {
        self.read_beyond.insert(self.root(tensor));
    }

    fn root(&self, mut tensor: usize) -> usize {
        while let Some(&parent) = self.shares.get(tensor)
            && parent != tensor
        {
            tensor = parent;
        }
        tensor
    }

    /// The last use of a buffer: of any tensor that shares it.
    fn last_use_of_root(&self, root: usize) -> usize {
        let members = (0..self.shares.len()).filter(|&tensor| self.root(tensor) == root);
        members.filter_map(|tensor| self.last_use.get(tensor)).copied().max().unwrap_or(0)
    }

    /// Lets the output take over the input's buffer, where nothing reads the input afterwards.
    /// The kernel must be able to work in place.
    fn in_place(&mut self, input: usize, output: usize) -> bool {
        let root = self.root(input);
        let (Ok(from), Ok(to)) = (self.tensor(root), self.tensor(output)) else { return false };
        let free = !from.is_constant()
            && from.bytes() >= to.bytes()
            && self.last_use_of_root(root) <= self.layer
            && self.root(output) == output
            && root != output;
        if free && let Some(share) = self.shares.get_mut(output) {
            *share = root;
        }
        free
    }

    /// An operator that changes the shape only: its output is its input under another name.
    fn rename(&mut self, operator: &Operator) -> Result<()> {
        let (input, from) = self.input(operator, 0)?;
        let (output, to) = self.output(operator)?;
        if from.elements() != to.elements() || from.ty != to.ty {
            return Err(self.bad(format!("it makes {} of {}.", to.shape_text(), from.shape_text())));
        }
        if from.is_constant() {
            let dims = vec![(to.bytes(), 1, 1)];
            moves::copy(self, input, output, moves::Box { dims, ..moves::Box::default() }, 1)?;
        } else {
            let root = self.root(input);
            if let Some(share) = self.shares.get_mut(output) {
                *share = root;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Plan> {
        let model = self.model;
        let too_large = || Failure::new(Code::ModelUnsupported, format!("{}: it needs more than 2 GiB.", model.name));
        // One request per shared buffer, then the scratch buffers.
        let mut requests = Vec::new();
        let mut request_of_root = std::collections::BTreeMap::new();
        let written = model.operators.iter().flat_map(|operator| operator.outputs.iter().copied());
        let variables = (0..model.tensors.len()).filter(|&i| model.tensors.get(i).is_some_and(|t| t.is_variable));
        let first_use = |tensor: usize| {
            let writer = model.operators.iter().position(|operator| operator.outputs.contains(&tensor));
            writer.unwrap_or(0)
        };
        for tensor in model.inputs.iter().copied().chain(variables).chain(written) {
            let Some(described) = model.tensors.get(tensor).filter(|t| !t.is_constant() && t.ty != HANDLE) else { continue };
            let (first, last) = (first_use(tensor), self.last_use.get(tensor).copied().unwrap_or(0));
            let request = *request_of_root.entry(self.root(tensor)).or_insert_with(|| {
                requests.push(Request { name: String::new(), bytes: 0, first, last });
                requests.len() - 1
            });
            if let Some(request) = requests.get_mut(request) {
                if !request.name.is_empty() {
                    request.name.push_str(", ");
                }
                request.name.push_str(&described.name);
                request.bytes = request.bytes.max(described.bytes());
                request.first = request.first.min(first);
                request.last = request.last.max(last);
            }
        }
        for &tensor in &self.read_beyond {
            if let Some(request) = request_of_root.get(&self.root(tensor)).and_then(|&request| requests.get_mut(request)) {
                request.bytes += 3;
            }
        }
        let scratch_from = requests.len();
        requests.extend(self.scratch.iter().cloned());
        let arena = arena::place(&requests).ok_or_else(too_large)?;
        let arena = stretch::stretch(arena, &mut requests, scratch_from, &mut self.tiles);
        let offset_of = |request: usize| arena.buffers.get(request).map(|buffer| buffer.offset);
        let tensor_at = |tensor: usize| request_of_root.get(&self.root(tensor)).and_then(|&request| offset_of(request));
        let describe = |tensors: &[usize]| -> Option<Vec<plan::PlanIo>> {
            tensors.iter().map(|&tensor| plan::io(model.tensors.get(tensor)?, tensor_at(tensor)?)).collect()
        };
        let refused = || {
            Failure::new(
                Code::ModelUnsupported,
                format!("{}: an input or output of the model is a constant, or the plan passes 2 GiB.", model.name),
            )
        };
        let inputs = describe(&model.inputs).ok_or_else(refused)?;
        let outputs = describe(&model.outputs).ok_or_else(refused)?;
        let addresses = Addresses {
            tensor: &tensor_at,
            constant: &|tensor| self.constants.get(&tensor).copied(),
            buffer: &|scratch| offset_of(scratch_from + scratch),
            quads: &|tile| self.tiles.get(tile).and_then(|tile| u32::try_from(tile.quads).ok()),
        };
        let (bytes, own) = plan::assemble(&self.drafts, &self.resets, &self.blobs, &addresses, arena.bytes, &inputs, &outputs)
            .ok_or_else(refused)?;
        let layers = self.drafts.iter().zip(own).filter_map(|(draft, plan_bytes)| {
            let operator = model.operators.get(draft.operator_index)?;
            let output = operator.outputs.first().and_then(|&output| model.tensors.get(output));
            Some(PlanLayer {
                operator_index: draft.operator_index,
                operator: plan::operator_name(&operator.code),
                kernel: draft.kernel,
                macs: model.macs(operator),
                plan_bytes,
                output_shape: output.map(|output| output.shape.clone()).unwrap_or_default(),
            })
        });
        let layers = layers.collect();
        let resets = self.resets.iter().map(|draft| draft.kernel).collect();
        Ok(Plan { bytes, layers, resets, arena, inputs, outputs })
    }
}

/// The least and greatest value of a quantised type.
fn range(ty: Type) -> Option<(i32, i32)> {
    match ty {
        Type::Int8 => Some((-128, 127)),
        Type::UInt8 => Some((0, 255)),
        Type::Int16 => Some((-32768, 32767)),
        Type::Int32 => Some((i32::MIN, i32::MAX)),
        _ => None,
    }
}
