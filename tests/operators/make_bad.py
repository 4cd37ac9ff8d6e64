#!/usr/bin/env python3
"""Makes the models of tests/estimate_models.rs that are sound but unusual: sizes left open, several graphs, constants outside of the FlatBuffer.

    target/tools/python/bin/python tests/operators/make_bad.py"""
from pathlib import Path

import flatbuffers
import numpy as np
from flat import S8, Graph, T, s

HERE = Path(__file__).parent / "bad"


def dense(units=5, depth=4):
    """A FULLY_CONNECTED layer on int8, as the schema's objects."""
    x = T(S8, (1, depth), 0.05, 3)
    w = T(S8, (units, depth), 0.02, 0, np.random.default_rng(3).integers(-90, 90, (units, depth)))
    y = T(S8, (1, units), 0.1, -4)
    model = Graph().add("FULLY_CONNECTED", [x, w, None], [y], "FullyConnected").bytes([x], [y])
    return s.ModelT.InitFromObj(s.Model.GetRootAs(model, 0))


def save(name, model, behind=b""):
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    (HERE / f"{name}.tflite").write_bytes(bytes(builder.Output()) + behind)


save("plain", dense())

model = dense()
model.subgraphs[0].tensors[0].shapeSignature = [-1, -1]
save("open_shape", model)

model = dense()
model.subgraphs[0].tensors[0].shape = [1, -1]
save("minus_one", model)

model = dense()
model.subgraphs.append(dense().subgraphs[0])
save("two_graphs", model)

# Constants behind the FlatBuffer, as the converter writes them for files of more than 2 GiB.
model = dense()
weights = bytes(bytearray(model.buffers[1].data))
model.buffers[1].data, model.buffers[1].offset, model.buffers[1].size = None, 4096, len(weights)
builder = flatbuffers.Builder(1024)
builder.Finish(model.Pack(builder), b"TFL3")
head = bytes(builder.Output())
(HERE / "constants_behind.tflite").write_bytes(head + bytes(4096 - len(head)) + weights)

# The same of 100 MiB; the test makes the file as long as it should be.
model = dense()
model.subgraphs[0].tensors[0].shape, model.subgraphs[0].tensors[2].shape = [1, 1024], [1, 102400]
for tensor in model.subgraphs[0].tensors:
    if tensor.buffer:
        tensor.shape = [102400, 1024]
model.subgraphs[0].tensors[model.subgraphs[0].operators[0].outputs[0]].shape = [1, 102400]
model.subgraphs[0].tensors[model.subgraphs[0].operators[0].inputs[0]].shape = [1, 1024]
model.buffers[1].data, model.buffers[1].offset, model.buffers[1].size = None, 4096, 100 << 20
save("hundred_mebibytes", model)
