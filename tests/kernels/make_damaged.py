#!/usr/bin/env python3
"""Makes the damaged models of tests/model.rs from a sound one, by changing one thing in each (with TensorFlow's own schema classes).

    venv/bin/python tests/kernels/make_damaged.py          (the environment of make_goldens.py)"""
import copy
from pathlib import Path

import flatbuffers
from tensorflow.lite.python import schema_py_generated as schema

HERE = Path(__file__).parent
SOUND = schema.ModelT.InitFromObj(schema.Model.GetRootAs((HERE / "flatten_dense.tflite").read_bytes(), 0))


def save(name, change):
    model = copy.deepcopy(SOUND)
    change(model, model.subgraphs[0])
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    (HERE / "damaged" / f"{name}.tflite").write_bytes(bytes(builder.Output()))


def set_shape(shape):
    def change(model, graph):
        graph.tensors[graph.operators[0].outputs[0]].shape = shape

    return change


def damage(name):
    def keep(function):
        save(name, function)
        return function

    return keep


save("negative_shape", set_shape([1, -3, 2, 4]))
save("absurd_shape", set_shape([65536, 65536, 65536, 4]))
save("huge_shape", set_shape([1, 40000, 40000, 4]))
save("many_dimensions", set_shape([1] * 40))
save("zero_shape", set_shape([1, 0, 2, 4]))


@damage("missing_buffer")
def _(model, graph):
    graph.tensors[graph.operators[0].inputs[1]].buffer = 99


@damage("no_weights")
def _(model, graph):
    graph.tensors[graph.operators[0].inputs[1]].buffer = 0


@damage("short_weights")
def _(model, graph):
    buffer = model.buffers[graph.tensors[graph.operators[0].inputs[1]].buffer]
    buffer.data = buffer.data[:-1]


@damage("cyclic")
def _(model, graph):
    graph.operators[0].inputs[0] = graph.operators[-1].outputs[0]


@damage("written_twice")
def _(model, graph):
    graph.operators[-1].outputs[0] = graph.operators[0].outputs[0]


@damage("tensor_index")
def _(model, graph):
    graph.operators[0].inputs[0] = 1000


@damage("operator_code")
def _(model, graph):
    graph.operators[0].opcodeIndex = 77


@damage("no_operators")
def _(model, graph):
    graph.operators = []


@damage("no_outputs")
def _(model, graph):
    graph.outputs = []


@damage("bad_scale")
def _(model, graph):
    graph.tensors[graph.operators[0].outputs[0]].quantization.scale = [float("nan")]


@damage("scale_count")
def _(model, graph):
    graph.tensors[graph.operators[0].inputs[1]].quantization.scale = [0.1, 0.2, 0.3]


@damage("zero_stride")
def _(model, graph):
    graph.operators[0].builtinOptions.strideW = 0


@damage("huge_stride")
def _(model, graph):
    graph.operators[0].builtinOptions.strideH = 2000000000


@damage("schema_version")
def _(model, graph):
    model.version = 7


@damage("custom_operator")
def _(model, graph):
    model.operatorCodes[0].deprecatedBuiltinCode = model.operatorCodes[0].builtinCode = 32
    model.operatorCodes[0].customCode = "FlexTensorListReserve"


@damage("unknown_operator")
def _(model, graph):
    model.operatorCodes[0].deprecatedBuiltinCode = 127
    model.operatorCodes[0].builtinCode = 4000


@damage("external_buffer")
def _(model, graph):
    buffer = model.buffers[graph.tensors[graph.operators[0].inputs[1]].buffer]
    buffer.data = None
    buffer.offset, buffer.size = 1 << 40, 100
