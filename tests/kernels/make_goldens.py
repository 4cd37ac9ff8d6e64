#!/usr/bin/env python3
"""Makes the golden sets of tests/model_kernels.rs: small random models, and what TensorFlow Lite Micro computes with them.

    python3 -m venv venv && venv/bin/pip install --pre tensorflow-cpu==2.21.0 tf_keras==2.21.0 tflite-micro==0.dev20261023182759
    TF_USE_LEGACY_KERAS=1 venv/bin/python tests/kernels/make_goldens.py [CASE…]

Each case gives NAME.tflite, NAME.in.npy and NAME.out.npy beside this script: uint8 arrays (samples, bytes), the bytes of all inputs (outputs)
of a sample one after the other. Seeded; the converter may still differ in the last bit between machines, so the files are committed."""
import os
import sys
import zlib
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
from tflite_micro.python.tflite_micro import runtime

HERE = Path(__file__).parent
L = tf.keras.layers
CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def inputs(*shapes):
    return [L.Input(shape, batch_size=1) for shape in shapes]


def convert(model, ranges, rng, dtype=tf.int8, per_channel_dense=True):
    """A Keras model as a fully quantised .tflite; `ranges` are the calibration data's per input."""

    def samples():
        for _ in range(24):
            yield [rng.uniform(low, high, i.shape).astype(np.float32) for i, (low, high) in zip(model.inputs, ranges)]

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if dtype is None:
        return converter.convert()
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = samples
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = dtype
    converter._experimental_disable_per_channel_quantization_for_dense_layers = not per_channel_dense
    return converter.convert()


def randomise(model, rng, spread=1.0):
    """Weights as trained ones are distributed (bell-shaped), biases that matter."""
    for layer in model.layers:
        layer.set_weights(
            [
                rng.normal(0, spread / np.sqrt(max(1, np.prod(w.shape[:-1]))) if w.ndim > 1 else 0.3, w.shape).astype(np.float32)
                for w in layer.get_weights()
            ]
        )
    return model


def dense(rng, shape, units, activation=None, bias=True, per_channel=True):
    (x,) = inputs(shape)
    model = tf.keras.Model(x, L.Dense(units, activation=activation, use_bias=bias)(x))
    return convert(randomise(model, rng), [(-1, 1)], rng, per_channel_dense=per_channel)


@case
def dense_odd(rng):
    return dense(rng, (41,), 23)


@case
def dense_relu_per_tensor(rng):
    return dense(rng, (16,), 8, activation="relu", per_channel=False)


@case
def dense_rows_no_bias(rng):
    return dense(rng, (3, 7), 5, bias=False)


@case
def dense_relu6(rng):
    (x,) = inputs((30,))
    model = tf.keras.Model(x, L.ReLU(6.0)(L.Dense(6)(x)))
    return convert(randomise(model, rng, 4.0), [(-3, 5)], rng)


@case
def dense_deep(rng):
    return dense(rng, (601,), 9)


def signs(rng, *layers, shape):
    """Weights of one size and inputs at the ends of their range: the largest sums there can be."""
    (x,) = inputs(shape)
    y = x
    for layer in layers:
        y = layer(y)
    model = randomise(tf.keras.Model(x, y), rng)
    for layer in model.layers:
        layer.set_weights([np.sign(w) * 0.05 if w.ndim > 1 else w for w in layer.get_weights()])
    return convert(model, [(-1, 1)], rng)


# Sums of few inputs, so that not all outputs saturate.
for name, layer, shape in [
    ("dense_extremes", lambda: L.Dense(11), (26,)),
    ("conv_extremes", lambda: L.Conv2D(6, 3, padding="same"), (6, 5, 3)),
    ("depthwise_extremes", lambda: L.DepthwiseConv2D(3, padding="same"), (6, 5, 4)),
]:
    CASES[name] = lambda rng, layer=layer, shape=shape: signs(rng, layer(), shape=shape)


def unary(rng, activation, low, high):
    (x,) = inputs((256,))
    return convert(tf.keras.Model(x, L.Activation(activation)(x)), [(low, high)], rng)


for name, low, high in [("narrow", -1, 2), ("usual", -6, 6), ("wide", -40, 30)]:
    for activation in ["sigmoid", "tanh"]:
        CASES[f"{activation}_{name}"] = lambda rng, a=activation, lo=low, hi=high: unary(rng, a, lo, hi)


def image(rng, shape, *layers, ranges=(-1, 1), spread=1.0):
    """A small convolutional model: layers one after the other on one input of height, width, channels."""
    (x,) = inputs(shape)
    y = x
    for layer in layers:
        y = layer(y)
    return convert(randomise(tf.keras.Model(x, y), rng, spread), [ranges], rng)


IMAGES = {
    # name: input shape, layers. Odd sizes, both paddings, strides, dilation, few and many channels, fused activations.
    "conv_pointwise": ((5, 3, 6), lambda: [L.Conv2D(7, 1, activation="relu")]),
    "conv_pointwise_narrowing": ((6, 5, 9), lambda: [L.Conv2D(4, 1)]),
    "conv_pointwise_chain": ((7, 3, 8), lambda: [L.Conv2D(8, 1, activation="relu"), L.Conv2D(8, 1)]),
    "conv_same": ((9, 7, 3), lambda: [L.Conv2D(5, 3, padding="same", activation="relu")]),
    "conv_valid_stride": ((11, 9, 2), lambda: [L.Conv2D(6, 3, strides=2)]),
    "conv_first_of_kws": ((13, 10, 1), lambda: [L.Conv2D(8, (10, 4), strides=2, padding="same", activation="relu")]),
    "conv_same_stride_even": ((8, 8, 4), lambda: [L.Conv2D(3, 4, strides=2, padding="same")]),
    "conv_dilated": ((9, 8, 3), lambda: [L.Conv2D(4, 3, dilation_rate=2, padding="same")]),
    "conv_relu6": ((6, 6, 5), lambda: [L.Conv2D(4, 2), L.ReLU(6.0)]),
    "conv_many_pixels": ((21, 17, 8), lambda: [L.Conv2D(3, 3)]),
    "conv_same_large": ((24, 20, 6), lambda: [L.Conv2D(3, 3, strides=2, padding="same", activation="relu")]),
    "conv_no_bias": ((5, 5, 4), lambda: [L.Conv2D(4, 3, use_bias=False)]),
    "conv_covering": ((4, 5, 3), lambda: [L.Conv2D(6, (4, 5))]),
    "conv_large_filter": ((8, 4, 72), lambda: [L.Conv2D(2, 4)]),
    "depthwise_same": ((7, 5, 6), lambda: [L.DepthwiseConv2D(3, padding="same", activation="relu")]),
    "depthwise_odd_rows_wide": ((5, 33, 2), lambda: [L.DepthwiseConv2D(3, padding="same")]),
    "depthwise_stride": ((10, 9, 3), lambda: [L.DepthwiseConv2D(3, strides=2, padding="same")]),
    "depthwise_valid": ((6, 8, 4), lambda: [L.DepthwiseConv2D(3)]),
    "depthwise_one_row": ((3, 6, 4), lambda: [L.DepthwiseConv2D(3)]),
    "depthwise_multiplier": ((6, 6, 3), lambda: [L.DepthwiseConv2D(3, depth_multiplier=2)]),
    "depthwise_5x5": ((8, 7, 3), lambda: [L.DepthwiseConv2D(5, padding="same", activation="relu")]),
    "depthwise_dilated": ((9, 9, 2), lambda: [L.DepthwiseConv2D(3, dilation_rate=2)]),
    "separable_chain": (
        (9, 5, 4),
        lambda: [L.DepthwiseConv2D(3, padding="same", activation="relu"), L.Conv2D(6, 1, activation="relu"), L.DepthwiseConv2D(3, padding="same")],
    ),
    "pool_average": ((8, 6, 5), lambda: [L.AveragePooling2D(2)]),
    "pool_average_same": ((7, 5, 3), lambda: [L.AveragePooling2D(3, strides=2, padding="same")]),
    "pool_average_all": ((9, 5, 8), lambda: [L.AveragePooling2D((9, 5))]),
    "pool_max": ((8, 6, 5), lambda: [L.MaxPooling2D(2)]),
    "pool_max_same": ((7, 5, 3), lambda: [L.MaxPooling2D(3, strides=2, padding="same")]),
    "flatten_dense": ((4, 3, 5), lambda: [L.Conv2D(4, 2), L.Flatten(), L.Dense(9)]),
}
for name, (shape, layers) in IMAGES.items():
    CASES[name] = lambda rng, s=shape, make=layers: image(rng, s, *make(), ranges=(-2, 3))


for name, low, high in [("flat", -0.3, 0.2), ("usual", -4, 6)]:

    def softmax(rng, low=low, high=high):
        (x,) = inputs((32, 8))
        return convert(tf.keras.Model(x, L.Softmax()(x)), [(low, high)], rng)

    CASES[f"softmax_{name}"] = softmax


@case
def softmax_steep_rows(rng):
    (x,) = inputs((5, 12))
    return convert(tf.keras.Model(x, L.Softmax()(x)), [(-60, 50)], rng)


@case
def lstm_emotion(rng):
    (x,) = inputs((9,))
    y = L.LSTM(6, return_sequences=True)(L.Embedding(20, 8)(x))
    model = tf.keras.Model(x, L.Dense(4, activation="softmax")(L.LSTM(5)(y)))
    return convert(randomise(model, rng, 2.0), [(0, 20)], rng, dtype=tf.float32)


@case
def lstm_plain(rng):
    (x,) = inputs((7, 10))
    return convert(randomise(tf.keras.Model(x, L.LSTM(12, return_sequences=True)(x)), rng, 2.0), [(-2, 3)], rng)


@case
def moves(rng):
    a, b = inputs((4, 6, 3), (4, 6, 2))
    y = L.Concatenate(axis=-1)([a, b])
    y = L.ZeroPadding2D(((1, 2), (0, 3)))(y)
    y = y[:, 1:6:2, ::-1, 1:4]
    y = L.Permute((2, 3, 1))(y)
    return convert(tf.keras.Model([a, b], y), [(-1, 2), (-1, 2)], rng)


@case
def concatenate_rows_rescaled(rng):
    a, b = inputs((3, 4), (5, 4))
    return convert(tf.keras.Model([a, b], L.Concatenate(axis=1)([a, b])), [(-1, 2), (-3, 3)], rng)


@case
def relu_alone(rng):
    (x,) = inputs((256,))
    return convert(tf.keras.Model(x, [L.ReLU()(x), L.ReLU(6.0)(x)]), [(-9, 9)], rng)


@case
def quantize_and_back(rng):
    (x,) = inputs((40,))
    return convert(tf.keras.Model(x, L.Activation("tanh")(x)), [(-3, 3)], rng, dtype=tf.float32)


def pair(rng, layer, a=(4, 3, 5), b=(4, 3, 5), ranges=((-1, 2), (-3, 1))):
    x, y = inputs(a, b)
    return convert(tf.keras.Model([x, y], layer([x, y])), ranges, rng)


PAIRS = {
    "add": (L.Add, {}),
    "add_relu": (lambda: lambda xy: tf.nn.relu(xy[0] + xy[1]), {}),
    "add_far": (L.Add, {"ranges": ((-1, 2), (-90, 40))}),
    "add_broadcast": (lambda: lambda xy: xy[0] + xy[1], {"b": (1, 5)}),
    "subtract_broadcast_first": (lambda: lambda xy: xy[0] - xy[1], {"a": (3, 1)}),
    "multiply": (L.Multiply, {}),
    "multiply_by_channel": (lambda: lambda xy: xy[0] * xy[1], {"b": (1, 1, 5)}),
    "maximum": (L.Maximum, {"ranges": ((-2, 2), (-2, 2))}),
    "minimum": (L.Minimum, {"ranges": ((-2, 2), (-2, 2))}),
}
for name, (layer, options) in PAIRS.items():
    CASES[name] = lambda rng, make=layer, o=options: pair(rng, make(), **o)

for name, shape, function in [
    ("mean_spatial", (5, 7, 6), lambda x: tf.reduce_mean(x, [1, 2])),
    ("mean_keep", (3, 4, 5), lambda x: tf.reduce_mean(x, [2], keepdims=True)),
    ("sum_two", (3, 2, 3), lambda x: tf.reduce_sum(x, [1, 3])),
    ("reduce_max", (3, 4, 5), lambda x: tf.reduce_max(x, [1])),
    ("add_one_scale", (4, 3, 5), lambda x: x[:, :2] + x[:, 2:]),
    ("add_constant", (3, 4, 5), lambda x: x + tf.constant(np.linspace(-1, 1, 5), tf.float32)),
]:

    def reduction(rng, shape=shape, function=function):
        (x,) = inputs(shape)
        return convert(tf.keras.Model(x, L.Lambda(function)(x)), [(-2, 3)], rng)

    CASES[name] = reduction


@case
def residual(rng):
    (x,) = inputs((6, 6, 4))
    y = L.Conv2D(4, 3, padding="same", activation="relu")(x)
    y = L.Conv2D(4, 3, padding="same")(y)
    model = tf.keras.Model(x, L.GlobalAveragePooling2D()(L.ReLU()(L.Add()([x, y]))))
    return convert(randomise(model, rng, 2.0), [(-2, 3)], rng)


@case
def float_autoencoder(rng):
    (x,) = inputs((41,))
    y = L.Dense(41, activation="sigmoid")(L.Dense(16, activation="relu")(x))
    return convert(randomise(tf.keras.Model(x, y), rng, 2.0), [], rng, dtype=None)


@case
def float_logistic_wide(rng):
    (x,) = inputs((200,))
    return convert(tf.keras.Model(x, L.Activation("sigmoid")(x)), [], rng, dtype=None)


@case
def float_dense(rng):
    (x,) = inputs((300,))
    return convert(randomise(tf.keras.Model(x, L.Dense(7)(x)), rng), [], rng, dtype=None)


def image_net(rng, shape, *layers):
    (x,) = inputs(shape)
    y = x
    for layer in layers:
        y = layer(y)
    return randomise(tf.keras.Model(x, y), rng)


@case
def float_conv(rng):
    conv = L.Conv2D(6, (3, 2), strides=(2, 1), padding="same", activation="relu6")
    return convert(image_net(rng, (7, 6, 3), conv), [], rng, dtype=None)


@case
def float_conv_dilated(rng):
    return convert(image_net(rng, (9, 8, 2), L.Conv2D(5, 3, dilation_rate=2, use_bias=False)), [], rng, dtype=None)


@case
def float_depthwise(rng):
    layer = L.DepthwiseConv2D(3, padding="same", depth_multiplier=2, activation="relu")
    return convert(image_net(rng, (5, 6, 4), layer), [], rng, dtype=None)


@case
def float_average_pool(rng):
    return convert(image_net(rng, (7, 5, 3), L.AveragePooling2D(3, strides=2, padding="same")), [], rng, dtype=None)


@case
def float_max_pool(rng):
    return convert(image_net(rng, (7, 5, 3), L.MaxPooling2D((3, 2), strides=2, padding="same")), [], rng, dtype=None)


@case
def float_elementwise(rng):
    a, b = inputs((4, 3, 5), (1, 3, 1))
    y = tf.maximum(tf.minimum(tf.nn.relu6(a + b) * a, b), a - 1.5 * b)
    return convert(tf.keras.Model([a, b], y), [], rng, dtype=None)


@case
def float_reduce(rng):
    (a,) = inputs((4, 3, 6))
    parts = [tf.reduce_mean(a, [1, 2]), tf.reduce_sum(a, [1, 2]), tf.reduce_max(a, [1, 2]), tf.reduce_min(a, [1, 2])]
    return convert(tf.keras.Model(a, tf.concat(parts, 1)), [], rng, dtype=None)


@case
def float_softmax(rng):
    (x,) = inputs((3, 17))
    return convert(tf.keras.Model(x, L.Softmax()(x)), [], rng, dtype=None)


def hybrid(model, per_channel=True):
    """Dynamic range: weights of 1024 and more elements become int8, activations stay float32."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter._experimental_disable_per_channel = not per_channel
    content = converter.convert()
    kinds = {detail["dtype"] for detail in tf.lite.Interpreter(model_content=content).get_tensor_details()}
    if np.int8 not in kinds:
        sys.exit("the converter left all weights as they were")
    return content


@case
def hybrid_conv(rng):
    return hybrid(image_net(rng, (9, 7, 8), L.Conv2D(16, 3, strides=(2, 1), padding="same", activation="relu6")))


@case
def hybrid_conv_per_tensor(rng):
    return hybrid(image_net(rng, (8, 6, 3), L.Conv2D(40, (5, 3), padding="same", activation="relu")), per_channel=False)


@case
def hybrid_conv_large(rng):
    return hybrid(image_net(rng, (4, 4, 120), L.Conv2D(3, 3, padding="same")))


@case
def hybrid_pointwise(rng):
    return hybrid(image_net(rng, (5, 5, 33), L.Conv2D(41, 1, use_bias=False)))


@case
def hybrid_pointwise_single(rng):
    return hybrid(image_net(rng, (1, 1, 66), L.Conv2D(23, 1, activation="relu")))


@case
def hybrid_depthwise(rng):
    return hybrid(image_net(rng, (5, 4, 130), L.DepthwiseConv2D(3, strides=2, padding="same", activation="relu6")))


@case
def hybrid_dense(rng):
    return hybrid(image_net(rng, (67,), L.Dense(64, activation="relu"), L.Dense(23)))


@case
def hybrid_chain(rng):
    """Float layers before hybrid ones: what rounds differently by a bit may change a step of int8."""
    (x,) = inputs((9, 9, 3))
    y = L.Conv2D(16, 3, strides=2, padding="same", activation="relu6")(x)
    y = L.DepthwiseConv2D(3, padding="same", activation="relu6")(y)
    wide = L.Conv2D(80, 1, activation="relu6")(y)
    y = L.Add()([L.Conv2D(16, 1)(wide), y])
    y = L.AveragePooling2D(2)(L.Conv2D(72, 1)(y))
    y = tf.reduce_mean(y, [1, 2])
    return hybrid(randomise(tf.keras.Model(x, L.Dense(90)(L.Dense(12)(y))), rng))


# Where TensorFlow Lite Micro is wrong (RELU6 does not rescale) or refuses (hybrid layers), TensorFlow Lite's reference kernels are the oracle.
BY_TFLITE = {"relu_alone"} | {name for name in CASES if name.startswith("hybrid_")}


class reference:
    def __init__(self, model, given):
        self.lite = tf.lite.Interpreter(model_content=model, experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF)
        self.lite.allocate_tensors()
        for detail, value in zip(self.lite.get_input_details(), given):
            self.lite.set_tensor(detail["index"], np.frombuffer(value, detail["dtype"]).reshape(detail["shape"]))
        self.lite.invoke()

    def get_output(self, index):
        return self.lite.get_tensor(self.lite.get_output_details()[index]["index"])


# Float inputs are drawn from [-2, 2) unless said otherwise here.
FLOATS = {
    "lstm_emotion": lambda rng, shape: rng.integers(0, 20, shape),
    "float_logistic_wide": lambda rng, shape: rng.uniform(-1, 1, shape) * 10.0 ** rng.uniform(-6, 2, shape),
    "float_softmax": lambda rng, shape: rng.normal(0, 1, shape) * 10.0 ** rng.uniform(-3, 1.5, shape),
    "float_dense": lambda rng, shape: rng.normal(0, 1, shape) * 10.0 ** rng.uniform(-4, 2, shape),
}


def run(name, model, rng, samples):
    """Random bytes through TensorFlow Lite Micro. One input of 256 bytes gets every value once."""
    details = tf.lite.Interpreter(model_content=model).get_input_details()
    ins, outs = [], []
    for sample in range(samples):
        # A new one for each sample: recurrent layers start empty.
        micro = None if name in BY_TFLITE else runtime.Interpreter.from_bytes(model)
        given = []
        for index, detail in enumerate(details):
            dtype, shape = np.dtype(detail["dtype"]), detail["shape"]
            if dtype.kind == "f":
                draw = FLOATS.get(name, lambda rng, shape: rng.uniform(-2, 2, shape))
                value = draw(rng, shape).astype(dtype)
            elif name.endswith("_extremes"):
                value = rng.choice(np.array([-128, -128, 127], dtype), shape)
            elif np.prod(shape) == 256 and sample == 0:
                value = np.arange(256, dtype=np.uint8).view(np.int8).reshape(shape)
            else:
                value = rng.integers(-128, 128, shape).astype(dtype)
            if micro:
                micro.set_input(value, index)
            given.append(value.tobytes())
        if micro:
            micro.invoke()
        interpreter = micro or reference(model, given)
        count = len(tf.lite.Interpreter(model_content=model).get_output_details())
        ins.append(np.frombuffer(b"".join(given), np.uint8))
        outs.append(np.frombuffer(b"".join(interpreter.get_output(i).tobytes() for i in range(count)), np.uint8))
    return np.stack(ins), np.stack(outs)


def main():
    for name in sys.argv[1:] or CASES:
        seed = zlib.crc32(name.encode())
        tf.keras.utils.set_random_seed(seed & 0x7FFFFFFF)
        rng = np.random.default_rng(seed)
        model = CASES[name](rng)
        given, got = run(name, model, rng, 6)
        (HERE / f"{name}.tflite").write_bytes(model)
        np.save(HERE / f"{name}.in.npy", given)
        np.save(HERE / f"{name}.out.npy", got)
        spread = len(np.unique(got))
        print(f"{name}: {len(model)} bytes, {given.shape[1]} -> {got.shape[1]} bytes per sample, {spread} values")
        if spread < 3:
            sys.exit(f"{name}: hardly any values; the golden set would prove nothing")


main()
