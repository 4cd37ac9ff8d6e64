"""Cases of layers with weights, windows, reductions."""
import numpy as np
from case import BOOL, Case, F32, S16, S32, S8, one, t
from flat import HANDLE, S64, Graph, T, ints

CASES = []
# Floats within 1e-5 of the largest output.
LARGEST = 1 << 16


def add(*args, **fields):
    one(CASES, *args, **fields)


def weights(seed, kind, shape, axis=None, scale=0.02):
    """Bell-shaped; quantised as a whole, or along `axis`."""
    rng = np.random.default_rng(seed)
    if kind == F32:
        return T(F32, shape, data=rng.normal(0, 0.5, shape))
    data = np.clip(np.round(rng.normal(0, 45, shape)), -127, 127)
    scales = scale if axis is None else scale * rng.uniform(0.5, 2, shape[axis])
    return T(S8, shape, scales, 0, data, axis=axis or 0)


def bias(seed, x, w, wide=True):
    rng, count = np.random.default_rng(seed + 1), w.shape[w.axis] if len(w.shape) != 4 or w.axis else w.shape[0]
    if w.kind == F32:
        return T(F32, (count,), data=rng.normal(0, 1, count))
    kind, size = (S32, 3000) if x.kind == S8 else (S64 if wide else S32, 200000)
    return T(kind, (count,), w.scale * x.scale, 0, rng.integers(-size, size, count))


def same(size, stride):
    return -(-size // stride)


# Convolutions: odd sizes, strides, dilation, both paddings, activations, scales per channel and per tensor, with and without bias.
CONVS = [
    # label, input, filters, filter, strides, dilation, padding (0 same), activation, per channel, biased
    ("3x3 same", (1, 7, 5, 3), 4, (3, 3), (1, 1), (1, 1), 0, 0, True, True),
    ("strided valid, RELU", (1, 9, 8, 2), 5, (3, 2), (2, 3), (1, 1), 1, 1, True, True),
    ("dilated", (1, 8, 9, 2), 3, (3, 3), (1, 1), (2, 3), 0, 0, True, False),
    ("1x1 per tensor, RELU6", (2, 4, 3, 7), 6, (1, 1), (1, 1), (1, 1), 1, 3, False, True),
    ("covering", (1, 3, 4, 5), 2, (3, 4), (1, 1), (1, 1), 1, 0, True, True),
]
for label, shape, filters, size, stride, dilation, padding, act, per_channel, biased in CONVS:
    b, h, w, c = shape
    reach = [(k - 1) * d + 1 for k, d in zip(size, dilation)]
    oh, ow = [same(n, st) if padding == 0 else same(n - r + 1, st) for n, st, r in zip((h, w), stride, reach)]
    common = dict(padding=padding, strideH=stride[0], strideW=stride[1], dilationHFactor=dilation[0], dilationWFactor=dilation[1],
                  fusedActivationFunction=act)
    for kind in (S8, S16, F32):
        for wide in (True, False) if kind == S16 and biased else (True,):
            more = "" if wide else ", 32-bit bias"
            draw = None if wide else (lambda rng, n, x: rng.integers(-9000, 9000, x.shape))
            x = t(kind, shape, 0.05, -9)
            f = weights(1, kind, (filters, *size, c), 0 if per_channel else None)
            one(CASES, "CONV_2D", label + more, [x, f] + ([bias(1, x, f, wide)] if biased else []), t(kind, (b, oh, ow, filters), 0.3, 7), "Conv2D", draw=draw, **common)
            for multiplier in (1, 2) if wide else ():
                f = weights(2, kind, (1, *size, c * multiplier), 3 if per_channel else None)
                again = bias(2, x, T(S8 if kind != F32 else F32, (c * multiplier,), f.scale if f.scale is None or len(f.scale) > 1 else f.scale), wide)
                add("DEPTHWISE_CONV_2D", f"{label}, {multiplier} each", [x, f] + ([again] if biased else []),
                    t(kind, (b, oh, ow, c * multiplier), 0.2, 7), "DepthwiseConv2D", depthMultiplier=multiplier, draw=draw, **common)
    for kind in (S8, S16, F32):
        # The other way round: from the output's shape to the input's.
        x = t(kind, (b, oh, ow, filters), 0.05, -9)
        f = weights(3, kind, (c, *size, filters), 0 if per_channel else None)
        if dilation == (1, 1):
            add("TRANSPOSE_CONV", label, [ints([b, h, w, c]), f, x] + ([bias(3, x, f)] if biased else []), t(kind, (b, h, w, c), 0.3, 7),
                "TransposeConv", padding=padding, strideH=stride[0], strideW=stride[1], fusedActivationFunction=act if kind != F32 else 0)

for label, rows, depth, units, act, per_channel, biased in [
    ("odd", 1, 41, 23, 0, True, True), ("rows, RELU", 3, 8, 5, 1, False, True), ("no bias", 1, 12, 7, 0, False, False)]:
    for kind in (S8, S16, F32):
        for wide in (True, False) if kind == S16 and biased else (True,):
            x, f = t(kind, (rows, depth), 0.05, -9), weights(4, kind, (units, depth), 0 if per_channel else None)
            more, draw = ("", None) if wide else (", 32-bit bias", lambda rng, n, x: rng.integers(-9000, 9000, x.shape))
            one(CASES, "FULLY_CONNECTED", label + more, [x, f] + ([bias(4, x, f, wide)] if biased else []), t(kind, (rows, units), 0.2, 7),
                "FullyConnected", fusedActivationFunction=act, draw=draw, ulps=LARGEST if kind == F32 else 0)

for label, shape, size, stride, padding, act in [
    ("2x2", (1, 8, 6, 5), (2, 2), (2, 2), 1, 0), ("3x2 same, RELU", (2, 7, 5, 3), (3, 2), (2, 1), 0, 1), ("all", (1, 5, 4, 3), (5, 4), (1, 1), 1, 0)]:
    b, h, w, c = shape
    oh, ow = [same(n, st) if padding == 0 else same(n - k + 1, st) for n, st, k in zip((h, w), stride, size)]
    for name, kinds in (("AVERAGE_POOL_2D", (S8, S16, F32)), ("MAX_POOL_2D", (S8, S16, F32)), ("L2_POOL_2D", (F32,))):
        for kind in kinds:
            add(name, label, [t(kind, shape, 0.05, -9)], t(kind, (b, oh, ow, c), 0.05, -9), "Pool2D", padding=padding, strideH=stride[0], strideW=stride[1],
                filterHeight=size[0], filterWidth=size[1], fusedActivationFunction=act)

for shape in ((3, 10), (2, 2, 5), (1, 1)):
    text = "x".join(map(str, shape))
    for scale, label in ((0.1, "usual"), (0.9, "steep"), (0.004, "flat")):
        add("SOFTMAX", f"{label} {text}", [T(S16, shape, scale / 100)], T(S16, shape, 1 / 32768), "Softmax", beta=1.0)
        add("SOFTMAX", f"{label} {text}", [T(S8, shape, scale, 5)], T(S8, shape, 1 / 256, -128), "Softmax", beta=1.0)
        add("SOFTMAX", f"{label} {text}, to int16", [T(S8, shape, scale, 5)], T(S16, shape, 1 / 65536, -32768), "Softmax", beta=0.7)
        add("LOG_SOFTMAX", f"{label} {text}", [T(S8, shape, scale, 5)], T(S8, shape, 16 / 256, 127), "LogSoftmax")
    add("LOG_SOFTMAX", text, [T(F32, shape)], T(F32, shape), "LogSoftmax", ulps=16)
    add("SOFTMAX", text, [T(F32, shape)], T(F32, shape), "Softmax", beta=1.0, ulps=16)
    add("L2_NORMALIZATION", text, [T(S8, shape, 0.05, 5)], T(S8, shape, 1 / 128), "L2Norm", samples=4)
    add("L2_NORMALIZATION", text, [T(F32, shape)], T(F32, shape), "L2Norm")

# Products of matrices.
for a, b, y, ax, ay, label in [((3, 4), (4, 5), (3, 5), False, False, "plain"), ((2, 4, 3), (2, 4, 5), (2, 3, 5), True, False, "first transposed"),
                               ((2, 1, 3, 4), (3, 5, 4), (2, 3, 3, 5), False, True, "second transposed, broadcasting")]:
    for kind in (S8, S16, F32):
        add("BATCH_MATMUL", label, [t(kind, a, 0.05, 4), t(kind, b, 0.04, -6)], t(kind, y, 0.1 if kind == S8 else 9, 5), "BatchMatMul", adjX=ax, adjY=ay)

# Reductions.
for shape, axes, label in [((3, 4, 5), [1], "of the middle"), ((2, 3, 4, 5), [1, 2], "of two"), ((4, 6), [-1], "of the last"), ((2, 3, 4), [0, 2], "of the outer")]:
    for keep in (False, True):
        y = tuple(1 if i in [a % len(shape) for a in axes] else n for i, n in enumerate(shape))
        if not keep:
            y = tuple(n for i, n in enumerate(shape) if i not in [a % len(shape) for a in axes])
        text = label + (", kept" if keep else "")
        for name, kinds in [("MEAN", (S8, S16, F32)), ("SUM", (S8, S16, F32)), ("REDUCE_MAX", (S8, F32)), ("REDUCE_MIN", (S8, F32)), ("REDUCE_ALL", (BOOL,))]:
            for kind in kinds:
                out = t(kind, y, *((0.05, 3) if name.startswith("REDUCE") else (0.09, -6)))
                add(name, text, [t(kind, shape), ints(axes)], out, "Reducer", keepDims=keep,
                    draw=(lambda rng, n, x: rng.integers(0, 9, x.shape) > 0) if kind == BOOL else None)
    for name in ("ARG_MAX", "ARG_MIN"):
        for kind in (S8, F32):
            if len(axes) == 1:
                y = tuple(n for i, n in enumerate(shape) if i != axes[0] % len(shape))
                add(name, label, [t(kind, shape), ints(axes[0])], T(S32, y), "ArgMax" if name == "ARG_MAX" else "ArgMin", outputType=2,
                    draw=lambda rng, n, x: rng.integers(-5, 5, x.shape))
    for exclusive, reverse in ((False, False), (True, False), (False, True)):
        for kind in (S8, F32):
            add("CUMSUM", f"{label}{', exclusive' * exclusive}{', backwards' * reverse}", [t(kind, shape), ints(axes[0])], t(kind, shape), "Cumsum",
                exclusive=exclusive, reverse=reverse, draw=lambda rng, n, x: rng.integers(-20, 25, x.shape))

for align, half in ((False, False), (True, False), (False, True)):
    label = "corners aligned" if align else "half pixels" if half else "plain"
    for kind in (S8, F32):
        for size, text in (((5, 7), "up"), ((2, 3), "down")):
            add("RESIZE_BILINEAR", f"{text}, {label}", [t(kind, (1, 3, 4, 2)), ints(size)], t(kind, (1, *size, 2)), "ResizeBilinear",
                alignCorners=align, halfPixelCenters=half)

# A filter with a memory: samples follow one another.
for rank, units, memory, inputs, batches in ((1, 4, 5, 6, 1), (2, 3, 4, 5, 2)):
    rng, filters = np.random.default_rng(9), rank * units
    for state in (S8, S16):
        feature = T(S8, (filters, inputs), 0.02, 0, rng.integers(-90, 90, (filters, inputs)))
        span, time_scale = (90, 0.01) if state == S8 else (20000, 0.0001)
        time = T(state, (filters, memory), time_scale, 0, rng.integers(-span, span, (filters, memory)))
        kept = T(state, (batches, memory * filters), 0.04 if state == S8 else 0.0004, 4 if state == S8 else 0, variable=True)
        b = T(S32, (units,), kept.scale * time.scale, 0, rng.integers(-90, 90, units) * (1 if state == S8 else 9000))
        add("SVDF", f"of rank {rank}, {state} state", [T(S8, (batches, inputs), 0.05, 3), feature, time, b, kept], T(S8, (batches, units), 0.02, -5),
            "SVDF", rank=rank, fusedActivationFunction=1, samples=9, in_sequence=True)
    w = lambda *shape: T(F32, shape, data=rng.normal(0, 1, shape))
    add("SVDF", f"of rank {rank}", [T(F32, (batches, inputs)), w(filters, inputs), w(filters, memory), w(units), T(F32, (batches, memory * filters), variable=True)],
        T(F32, (batches, units)), "SVDF", rank=rank, fusedActivationFunction=1, samples=9, in_sequence=True)


# Variables, as a streaming model has them: the last two samples joined to the new one.
for kind in (S8, F32):
    first = np.random.default_rng(3).integers(-90, 90, (1, 2, 3))
    x, kept, joined, next_two = t(kind, (1, 1, 3)), t(kind, (1, 2, 3)), t(kind, (1, 3, 3)), t(kind, (1, 2, 3))
    handles = [T(HANDLE, ()) for _ in range(2)]
    graph = Graph()
    once = Graph(graph.codes).add("VAR_HANDLE", [], [handles[1]], "VarHandle", container="", sharedName="window")
    once.add("ASSIGN_VARIABLE", [handles[1], t(kind, (1, 2, 3), data=first)], [], "AssignVariable")
    graph.add("CALL_ONCE", [], [], "CallOnce", initSubgraphIndex=1).add("VAR_HANDLE", [], [handles[0]], "VarHandle", container="", sharedName="window")
    graph.add("READ_VARIABLE", [handles[0]], [kept], "ReadVariable")
    graph.add("CONCATENATION", [kept, x], [joined], "Concatenation", axis=1)
    graph.add("STRIDED_SLICE", [joined, ints([0, 1, 0]), ints([1, 3, 3]), ints([1, 1, 1])], [next_two], "StridedSlice")
    graph.add("ASSIGN_VARIABLE", [handles[0], next_two], [], "AssignVariable")
    CASES.append(Case(f"READ_VARIABLE {kind} a window of three samples", graph.bytes([x], [joined], once), [x], 6, 0, True, None, None))

# LSTM on floats; states begin empty at every inference, so each sample has an interpreter of its own.
for batches, steps, inputs, cells in ((1, 4, 5, 3), (2, 3, 2, 6)):
    rng = np.random.default_rng(11)
    w = lambda *shape: T(F32, shape, data=rng.normal(0, 0.7, shape))
    states = [T(F32, (batches, cells), variable=True) for _ in range(2)]
    x, y = T(F32, (batches, steps, inputs)), T(F32, (batches, steps, cells))
    operands = [x] + [w(cells, inputs) for _ in range(4)] + [w(cells, cells) for _ in range(4)] + [None] * 3 + [w(cells) for _ in range(4)] + [None] * 2
    add("UNIDIRECTIONAL_SEQUENCE_LSTM", f"{batches} of {steps} steps", operands + states + [None] * 4, y, "UnidirectionalSequenceLSTM",
        fusedActivationFunction=4, cellClip=0.0, ulps=LARGEST)
