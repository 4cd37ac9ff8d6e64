#!/usr/bin/env python3
"""Computes what TensorFlow Lite makes of the original benchmark's float32 models, for tests/estimate.rs.

Source: the .tflite files of EmbeddedML-Benchmark/Benchmark (MIT), which are not part of this project; TensorFlow Lite's reference kernels
(BUILTIN_REF). Its optimised kernels and XNNPACK, the default, round elsewhere: from the reference they are up to 3 % and 15 % of the largest
output away on these very models, since a bit more or less makes a step of int8 in a hybrid layer.
Does not model: real inputs: seeded random numbers of the size of MFCCs and of pixels.
Tested by: tests/estimate.rs.

    python3 -m venv venv && venv/bin/pip install ai-edge-litert==2.3.0
    venv/bin/python make_goldens.py DATA/original-models
"""
import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

HERE = pathlib.Path(__file__).parent
# Name, samples, and how an input is drawn.
MODELS = [
    ("speech_commands_model_float32", 3, lambda rng, shape: rng.normal(0, 10, shape)),
    ("autoencoder_model", 5, lambda rng, shape: rng.normal(0, 1, shape)),
    ("cifar10_mobilenetv2", 1, lambda rng, shape: rng.uniform(0, 1, shape)),
    ("cifar10_mobilenetv2_finetuned", 1, lambda rng, shape: rng.uniform(0, 1, shape)),
]

folder = pathlib.Path(sys.argv[1])
for name, samples, draw in MODELS:
    path = str(folder / f"{name}.tflite")
    lite = Interpreter(path, experimental_op_resolver_type=OpResolverType.BUILTIN_REF, num_threads=1)
    lite.allocate_tensors()
    given, made = lite.get_input_details()[0], lite.get_output_details()[0]
    rng = np.random.default_rng(11)
    inputs = draw(rng, (samples, *given["shape"][1:])).astype(np.float32)
    outputs = []
    for row in inputs:
        lite.set_tensor(given["index"], row[np.newaxis])
        lite.invoke()
        outputs.append(lite.get_tensor(made["index"])[0].copy())
    np.save(HERE / f"{name}.in.npy", inputs)
    np.save(HERE / f"{name}.out.npy", np.stack(outputs))
    print(f"{name}: {inputs.shape} -> {np.stack(outputs).shape}")
