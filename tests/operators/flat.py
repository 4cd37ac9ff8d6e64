"""Writes .tflite files of a few operators, with the schema classes that the tflite-micro package brings, and runs them in TensorFlow Lite Micro."""
import flatbuffers
import numpy as np
from tflite_micro.python.tflite_micro import runtime
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as s

F32, S32, S16, S8, U8, S64, BOOL = "float32", "int32", "int16", "int8", "uint8", "int64", "bool"
HANDLE = "resource"
TYPES = {F32: 0, S32: 2, U8: 3, S64: 4, BOOL: 6, S16: 7, S8: 9, HANDLE: 13}
NUMPY = {name: np.dtype(name) for name in TYPES if name != HANDLE}


class T:
    """A tensor: of a type and shape; quantised by `scale` and `zero` (lists: per slice along `axis`); constant where it has data."""

    def __init__(self, kind, shape, scale=None, zero=0, data=None, variable=False, axis=0):
        self.kind, self.shape, self.variable, self.axis = kind, tuple(shape), variable, axis
        self.scale = None if scale is None else np.atleast_1d(np.asarray(scale, np.float32))
        self.zero = np.broadcast_to(np.asarray(zero), self.scale.shape) if scale is not None else None
        self.data = None if data is None else np.asarray(data).astype(NUMPY[kind]).reshape(self.shape)


def ints(values):
    """A constant list of int32."""
    values = np.asarray(values, np.int32)
    return T(S32, values.shape, data=values)


class Graph:
    """Operators in the order in which they are added; `inputs` and `outputs` of the model are lists of T."""

    def __init__(self, codes=None):
        self.tensors, self.operators, self.codes = [], [], codes if codes is not None else []

    def index(self, tensor):
        if tensor is None:
            return -1
        if tensor not in self.tensors:
            self.tensors.append(tensor)
        return self.tensors.index(tensor)

    def add(self, name, inputs, outputs, options=None, **fields):
        code = getattr(s.BuiltinOperator, name)
        if code not in self.codes:
            self.codes.append(code)
        operator = s.OperatorT()
        operator.opcodeIndex = self.codes.index(code)
        operator.inputs, operator.outputs = [self.index(t) for t in inputs], [self.index(t) for t in outputs]
        if options:
            operator.builtinOptionsType = getattr(s.BuiltinOptions, options + "Options")
            operator.builtinOptions = getattr(s, options + "OptionsT")()
            for field, value in fields.items():
                assert hasattr(operator.builtinOptions, field), field
                setattr(operator.builtinOptions, field, value)
        self.operators.append(operator)
        return self

    def bytes(self, inputs, outputs, once=None):
        """The file; `once` is the graph that CALL_ONCE runs."""
        model = s.ModelT()
        model.version, model.description, model.operatorCodes, model.buffers = 3, "", [], [s.BufferT()]
        model.subgraphs = [self.graph(model, inputs, outputs)] + ([once.graph(model, [], [])] if once else [])
        for code in self.codes:
            entry = s.OperatorCodeT()
            entry.builtinCode, entry.deprecatedBuiltinCode, entry.version = code, min(code, 127), 1
            model.operatorCodes.append(entry)
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def graph(self, model, inputs, outputs):
        graph = s.SubGraphT()
        graph.inputs, graph.outputs = [self.index(t) for t in inputs], [self.index(t) for t in outputs]
        graph.tensors, graph.operators = [], self.operators
        for number, tensor in enumerate(self.tensors):
            entry = s.TensorT()
            entry.name, entry.shape, entry.type, entry.isVariable = f"t{number}", list(tensor.shape), TYPES[tensor.kind], tensor.variable
            entry.buffer = 0
            if tensor.data is not None:
                buffer = s.BufferT()
                buffer.data = np.frombuffer(tensor.data.tobytes(), np.uint8)
                entry.buffer = len(model.buffers)
                model.buffers.append(buffer)
            if tensor.scale is not None:
                entry.quantization = s.QuantizationParametersT()
                entry.quantization.scale, entry.quantization.zeroPoint = list(tensor.scale), [int(z) for z in tensor.zero]
                entry.quantization.quantizedDimension = tensor.axis
            graph.tensors.append(entry)
        return graph


def run(model, inputs, draw, samples, in_sequence, define):
    """Random samples through TensorFlow Lite Micro: the bytes of all inputs and of all outputs, sample after sample."""
    ins, outs, micro = [], [], None
    for _ in range(samples):
        if micro is None or not in_sequence:
            micro = runtime.Interpreter.from_bytes(model, arena_size=1 << 18)
        given = []
        for number, tensor in enumerate(inputs):
            value = draw(number, tensor).astype(NUMPY[tensor.kind]).reshape(tensor.shape)
            micro.set_input(value, number)
            given.append(value)
        ins += [value.tobytes() for value in given]
        micro.invoke()
        if define:
            outs.append(define(*given).astype(given[0].dtype).tobytes())
            continue
        for number in range(len(GraphView(model).outputs)):
            outs.append(np.ascontiguousarray(micro.get_output(number)).tobytes())
    return b"".join(ins), b"".join(outs)


class GraphView:
    def __init__(self, model):
        self.outputs = s.ModelT.InitFromObj(s.Model.GetRootAs(model, 0)).subgraphs[0].outputs
