"""Cases of operators on one element, or on two with broadcasting."""
import numpy as np
from case import BOOL, F32, S16, S32, S8, one, t
from flat import U8, T

CASES = []
EVERY = np.arange(-128, 128)


def add(*args, **fields):
    one(CASES, *args, **fields)


def every(rng, n, x):
    """All bytes once; int16 over its whole range and near zero."""
    if x.kind == S16:
        return np.concatenate([rng.integers(-32768, 32768, 200), rng.integers(-40, 40, 52), [-32768, 32767, 0, -1]])
    return rng.permutation(EVERY)


def floats(low, high, special=()):
    return lambda rng, n, x: np.concatenate([special, rng.uniform(low, high, x.shape[0] - len(special))])


# Functions of one float. Where the reference calls the C library, results are within two units of its last place.
for name, low, high, ulps in [
    ("ABS", -4, 4, 0), ("NEG", -4, 4, 0), ("FLOOR", -40, 40, 0), ("CEIL", -40, 40, 0), ("ROUND", -40, 40, 0), ("SQUARE", -9, 9, 0),
    ("SQRT", 0, 1e6, 0), ("RSQRT", 1e-3, 1e4, 0), ("EXP", -20, 20, 1), ("LOG", 1e-6, 1e3, 1), ("SIN", -30, 30, 2), ("COS", -30, 30, 2),
    ("TANH", -6, 6, 2), ("ELU", -9, 4, 2), ("RELU", -4, 4, 0), ("RELU6", -4, 9, 0), ("HARD_SWISH", -6, 6, 0),
]:
    options = {"ABS": "Abs", "NEG": "Neg", "SQUARE": "Square", "EXP": "Exp", "COS": "Cos", "HARD_SWISH": "HardSwish"}.get(name)
    special = [0.5, 2.5, 1.0, 1e-3] if low >= 0 else [0.0, 0.5, -0.5, 1.5, 2.5, -1.5, -2.5, 3.0, -3.0, 1e-3, -1e-5]
    add(name, "over a range", [T(F32, (64,))], T(F32, (64,)), options, ulps=ulps, draw=floats(low, high, special))
add("ROUND", "of large numbers", [T(F32, (32,))], T(F32, (32,)), draw=floats(-1e8, 1e8, [8388608.5, -8388607.5]))
add("EXP", "of large numbers", [T(F32, (64,))], T(F32, (64,)), "Exp", ulps=1, draw=floats(-100, 88))
add("SIN", "of large numbers", [T(F32, (64,))], T(F32, (64,)), ulps=2, draw=floats(-3000, 3000))
add("LEAKY_RELU", "over a range", [T(F32, (64,))], T(F32, (64,)), "LeakyRelu", alpha=0.1)
add("LOGISTIC", "over a range", [T(F32, (64,))], T(F32, (64,)), ulps=8, draw=floats(-8, 8))
for shape, label in [((3, 4), "of one shape"), ((4,), "per channel"), ((1, 1), "single")]:
    add("PRELU", label, [T(F32, (3, 4)), T(F32, shape, data=np.linspace(-1, 2, int(np.prod(shape))))], T(F32, (3, 4)))
    for kind, scale in ((S8, 0.04), (S16, 0.03)):
        alpha = T(S8, shape, 0.01, -5 if kind == S8 else 0, data=np.linspace(-90, 120, int(np.prod(shape))))
        add("PRELU", label, [t(kind, (3, 4), 0.05, -3), alpha], t(kind, (3, 4), scale, 9), samples=8)

# Functions of one integer: every byte.
for label, (a, az), (b, bz) in [("finer", (0.05, 11), (0.02, -40)), ("coarser", (0.03, -7), (0.06, 5)), ("the same", (0.05, 0), (0.05, 0))]:
    for kind in (S8, S16):
        x, y = t(kind, (256,), a, az), t(kind, (256,), b, bz)
        for alpha in (0.1, -0.3):
            add("LEAKY_RELU", f"to a {label} scale, {alpha}", [x], y, "LeakyRelu", alpha=alpha, samples=1, draw=every)
        add("ABS", f"to a {label} scale", [x], y, "Abs", samples=1, draw=every)
        add("RELU", f"to a {label} scale", [x], y, samples=1, draw=every)
        add("QUANTIZE", f"to a {label} scale", [x], y, "Quantize", samples=1, draw=every)
    x, y = t(S8, (256,), a, az), t(S8, (256,), b, bz)
    add("ELU", f"to a {label} scale", [x], y, samples=1, draw=every)
    add("HARD_SWISH", f"to a {label} scale", [x], y, "HardSwish", samples=1, draw=every)
    add("HARD_SWISH", f"to a {label} scale, narrow", [t(S8, (256,), a / 8, az)], t(S8, (256,), a / 4, bz), "HardSwish", samples=1, draw=every)
for scale, zero, out in [(0.02, -128, 0.1), (0.5, -100, 0.02)]:
    add("RSQRT", f"of scale {scale}", [t(S8, (256,), scale, zero)], t(S8, (256,), out, -128), samples=1,
        draw=lambda rng, n, x: rng.integers(int(x.zero[0]), 128, x.shape))
for scale in (1 / 4096, 0.0001, 0.0007, 1 / 1024):
    for name in ("LOGISTIC", "TANH"):
        add(name, f"of scale {scale:.4}", [T(S16, (256,), scale)], T(S16, (256,), 1 / 32768), samples=1, draw=every)
add("TANH", "of scale 1/2048", [T(S16, (256,), 1 / 2048)], T(S16, (256,), 1 / 32768), samples=1, draw=every)
add("RELU6", "of one scale", [T(S16, (256,), 0.001)], T(S16, (256,), 0.001), samples=1, draw=every)

# Conversions.
for kind in (S8, S16):
    add("QUANTIZE", f"to {kind}", [T(F32, (64,))], t(kind, (64,), 0.037, -7), "Quantize")
    add("DEQUANTIZE", "to float32", [t(kind, (64,), 0.037, -7)], T(F32, (64,)), "Dequantize")
add("QUANTIZE", "to int8", [t(S16, (256,), 0.6)], t(S8, (256,), 0.05, 10), "Quantize", samples=1, draw=every)
add("QUANTIZE", "to int16", [t(S8, (256,), 0.05, 10)], t(S16, (256,), 0.1), "Quantize", samples=1, draw=every)
add("QUANTIZE", "to int32", [t(S8, (256,), 0.05, 10)], T(S32, (256,), 0.001, 5), "Quantize", samples=1, draw=every)
add("QUANTIZE", "to int32", [t(S16, (256,), 0.05)], T(S32, (256,), 0.001), "Quantize", samples=1, draw=every)
add("QUANTIZE", "to int8", [T(S32, (64,), 0.01, 5)], t(S8, (64,), 0.09, 10), "Quantize")
add("QUANTIZE", "to int16", [T(S32, (64,), 0.01, 5)], t(S16, (64,), 0.9), "Quantize")
add("QUANTIZE", "to uint8", [t(S8, (256,), 0.05, 10)], T(U8, (256,), 0.07, 100), "Quantize", samples=1, draw=every)
add("QUANTIZE", "to int8", [T(U8, (64,), 0.05, 128)], t(S8, (64,), 0.05, 0), "Quantize")
add("DEQUANTIZE", "to float32", [T(U8, (64,), 0.05, 128)], T(F32, (64,)), "Dequantize")
for a in (S8, S16, S32, F32):
    for b in (S8, S16, S32, F32):
        if a != b:
            add("CAST", f"to {b}", [T(a, (40,))], T(b, (40,)), "Cast", draw=lambda rng, n, x: rng.integers(-100, 100, x.shape) * 1.25)
add("CAST", "to float32", [T(BOOL, (10,))], T(F32, (10,)), "Cast")
add("CAST", "to bool", [T(S8, (40,))], T(BOOL, (40,)), "Cast", draw=lambda rng, n, x: rng.integers(-2, 3, x.shape))

# Two operands: the same shape, a channel's constants, both repeated, a single number.
SHAPES = [((2, 3, 4), (2, 3, 4), "of one shape"), ((2, 3, 4), (4,), "per channel"), ((2, 1, 4), (3, 1), "broadcasting both"),
          ((), (5, 2), "a single number first")]
ACTIVATIONS = [(0, ""), (1, ", RELU"), (3, ", RELU6"), (2, ", RELU_N1_TO_1")]


def result(a, b):
    return np.broadcast_shapes(a, b)


for a, b, label in SHAPES:
    y = result(a, b)
    for name, options in [("ADD", "Add"), ("SUB", "Sub"), ("MUL", "Mul")]:
        for act, text in ACTIVATIONS if label == "of one shape" else ACTIVATIONS[:1]:
            add(name, label + text, [t(S8, a, 0.03, 9), t(S8, b, 0.05, -20)], t(S8, y, 0.06, 5), options, fusedActivationFunction=act)
            add(name, label + text, [t(S16, a, 0.03), t(S16, b, 0.05)], t(S16, y, 0.06 if name != "MUL" else 6), options,
                fusedActivationFunction=act)
            add(name, label + text, [T(F32, a), T(F32, b)], T(F32, y), options, fusedActivationFunction=act)
        add(name, label, [T(S32, a), T(S32, b)], T(S32, y), options)
    add("SUB", f"{label}, odd scales", [t(S8, a, 0.0317, 9), t(S8, b, 0.0211, -20)], t(S8, y, 0.0423, 5), "Sub", samples=8)
    for name in ("MAXIMUM", "MINIMUM"):
        for kind in (S8, S16, S32, F32):
            add(name, label, [t(kind, a), t(kind, b)], t(kind, y), "MaximumMinimum")
    add("SQUARED_DIFFERENCE", label, [t(S8, a, 0.03, 9), t(S8, b, 0.05, -20)], t(S8, y, 0.4, -100), "SquaredDifference")
    add("SQUARED_DIFFERENCE", label, [t(S16, a, 0.0003), t(S16, b, 0.0005)], t(S16, y, 0.0003), "SquaredDifference",
        draw=lambda rng, n, x: rng.integers(-9000, 9000, x.shape))
    add("SQUARED_DIFFERENCE", label, [T(S32, a), T(S32, b)], T(S32, y), "SquaredDifference")
    add("SQUARED_DIFFERENCE", label, [T(F32, a), T(F32, b)], T(F32, y), "SquaredDifference")

    def divisor(rng, n, x):
        # Not zero; and the reference shifts too far, which has no defined result, where the dividend is one step below zero.
        value, zero = rng.integers(-100, 100, x.shape), x.zero[0] if x.scale is not None else 0
        return np.where(value == zero - (n == 0 and x.kind == S8), 17, value)

    add("DIV", label, [t(S8, a, 0.03, 9), t(S8, b, 0.05, -20)], t(S8, y, 0.02, 5), "Div", draw=divisor, samples=4)
    add("DIV", label, [T(S32, a), T(S32, b)], T(S32, y), "Div", draw=divisor)
    add("DIV", label, [T(F32, a), T(F32, b)], T(F32, y), "Div", fusedActivationFunction=3)
    for name, options in (("FLOOR_DIV", "FloorDiv"), ("FLOOR_MOD", "FloorMod")):
        add(name, label, [T(F32, a), T(F32, b)], T(F32, y), options, samples=4)
        add(name, f"{label}, whole numbers", [T(F32, a), T(F32, b)], T(F32, y), options,
            draw=lambda rng, n, x: rng.integers(1, 5, x.shape) * rng.choice([-1, 1], x.shape) * (1 if n else 3))
    for name, options in [("EQUAL", "Equal"), ("NOT_EQUAL", "NotEqual"), ("GREATER", "Greater"), ("GREATER_EQUAL", "GreaterEqual"),
                          ("LESS", "Less"), ("LESS_EQUAL", "LessEqual")]:
        for kind in (S8, S32, F32):
            near = lambda rng, n, x: rng.integers(-2, 3, x.shape)
            add(name, label, [t(kind, a), t(kind, b)], T(BOOL, y), options, draw=near)
        add(name, f"{label}, other scales", [t(S8, a, 0.03, 9), t(S8, b, 0.05, -20)], T(BOOL, y), options, samples=4)
    for name in ("EQUAL", "NOT_EQUAL"):
        add(name, label, [T(BOOL, a), T(BOOL, b)], T(BOOL, y), "Equal" if name == "EQUAL" else "NotEqual")
    add("LOGICAL_AND", label, [T(BOOL, a), T(BOOL, b)], T(BOOL, y), "LogicalAnd")
    add("LOGICAL_OR", label, [T(BOOL, a), T(BOOL, b)], T(BOOL, y), "LogicalOr")
add("LOGICAL_NOT", "of a list", [T(BOOL, (9,))], T(BOOL, (9,)), "LogicalNot")
add("ADD_N", "of three", [t(S8, (3, 4), 0.05, 3) for _ in range(3)], t(S8, (3, 4), 0.12, -5), "AddN")
add("ADD_N", "of four", [T(F32, (3, 4)) for _ in range(4)], T(F32, (3, 4)), "AddN")
