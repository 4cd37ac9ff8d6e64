"""Features of a keyword clip: 16 000 samples to 49 x 10 int8, and how inputs and outputs are scored.

Source: the steps of MLPerf Tiny's keyword-spotting reference, found by matching its published stimuli (CARD.md, "Features").
Does not model: streaming, other sample rates, or a float32 implementation's last bit: arithmetic here is float64 throughout.
Tested by: check.py (the oracle clips and the .wav files) and train.py --mlperf (MLPerf's own 1 000 stimuli).

The steps, for samples s[0..15999] (integers, 16 kHz, mono):
 1. x = s / max(s)   (the largest sample, not the largest magnitude; if it is not positive, divide by 1)
 2. 49 frames of 480 samples (30 ms), frame t starting at 320 t (20 ms); what is left at the end is not used
 3. times the periodic Hann window w[n] = 0.5 - 0.5 cos(2 pi n / 480)
 4. zero-padded to 512, discrete Fourier transform, magnitude (not power) of bins 0..256
 5. 40 mel bands: mel = magnitude . matrix (257, 40), triangles between 42 points evenly spaced on the mel scale
    m(f) = 1127 ln(1 + f / 700) from 20 to 4000 Hz; band k rises from point k to k + 1 and falls to k + 2, linearly in mel,
    evaluated at the bins' frequencies 31.25 i; bin 0 weighs nothing; no normalisation of area
 6. natural logarithm of (mel + 1e-6)
 7. c[k] = sum over n of log[n] * 2 cos(pi k (n + 0.5) / 40) / sqrt(80), k = 0..9   (DCT-II; coefficient 0 has no extra factor)
 8. int8 = clamp(trunc(c / step + 83 + nudge[k]), -128, 127), rounding towards zero; step 0.5847029, as float32; nudge is 1e-6,
    for k = 1 and 5 it is -1e-6. It matters only where c[k] should be exactly 0, in digital silence: there rounding errors would
    decide between 82 and 83. The signs are those that MLPerf's stimuli show.
"""

import hashlib
import wave

import numpy as np

# In the order of MLPerf's label numbers.
CLASSES = "down go left no off on right stop up yes silence unknown".split()
SILENCE = 10
RATE = 16000
WINDOW, STRIDE, FFT, FRAMES = 480, 320, 512, 49
BANDS, LOW, HIGH, COEFFICIENTS = 40, 20.0, 4000.0, 10
OFFSET = 1e-6
# Input step and zero point of MLPerf's reference model, which also made its int8 stimuli.
STEP, ZERO_POINT = float(np.float32(0.584702908992767)), 83
NUDGE = [1e-6, -1e-6, 1e-6, 1e-6, 1e-6, -1e-6, 1e-6, 1e-6, 1e-6, 1e-6]


def _mel(hertz):
    """The HTK mel scale."""
    return 1127.0 * np.log(1.0 + np.asarray(hertz, np.float64) / 700.0)


def hann():
    """The periodic Hann window, float64 (480,)."""
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)


def mel_matrix():
    """Weights from magnitude bins to mel bands, float64 (257, 40)."""
    bins = _mel(np.arange(1, FFT // 2 + 1) * (RATE / FFT))[:, np.newaxis]
    points = np.linspace(_mel(LOW), _mel(HIGH), BANDS + 2)
    low, middle, high = points[:-2], points[1:-1], points[2:]
    triangle = np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle))
    return np.vstack([np.zeros((1, BANDS)), np.maximum(triangle, 0.0)])


def dct_matrix():
    """Weights from log mel bands to coefficients, float64 (40, 10)."""
    n, k = np.arange(BANDS)[:, np.newaxis], np.arange(COEFFICIENTS)
    return 2.0 * np.cos(np.pi * k * (n + 0.5) / BANDS) / np.sqrt(2.0 * BANDS)


_HANN, _MEL, _DCT = hann(), mel_matrix(), dct_matrix()


def features(samples):
    """float64 (49, 10) from one clip's 16 000 samples (steps 1 to 7)."""
    x = np.asarray(samples, np.float64)
    if x.shape != (RATE,):
        raise ValueError(f"a clip has {RATE} samples, this one {x.shape}")
    top = x.max()
    frames = np.lib.stride_tricks.sliding_window_view(x / (top if top > 0 else 1.0), WINDOW)[::STRIDE]
    magnitude = np.abs(np.fft.rfft(frames * _HANN, FFT))
    return np.log(magnitude @ _MEL + OFFSET) @ _DCT


def quantise(c):
    """int8 from coefficients (step 8)."""
    return np.clip(np.trunc(c / STEP + (ZERO_POINT + np.array(NUDGE))), -128, 127).astype(np.int8)


def dequantise(q):
    """What the network takes an int8 input for, float32."""
    return ((q.astype(np.float64) - ZERO_POINT) * STEP).astype(np.float32)


def inputs(clips):
    """int8 (n, 49, 10, 1) from clips (n, 16000)."""
    return np.stack([quantise(features(clip)) for clip in clips])[..., np.newaxis]


def metrics(output, y):
    """Accuracy, confusion matrix [true][predicted] and per class precision, recall, F1, support. The first maximum wins."""
    predicted = output.argmax(axis=1)
    confusion = np.zeros((len(CLASSES), len(CLASSES)), np.int64)
    np.add.at(confusion, (y, predicted), 1)
    per_class, f1 = {}, []
    for k, name in enumerate(CLASSES):
        right, true, said = int(confusion[k, k]), int(confusion[k].sum()), int(confusion[:, k].sum())
        f1.append(2 * right / max(true + said, 1))
        per_class[name] = {
            "precision": round(right / max(said, 1), 5),
            "recall": round(right / max(true, 1), 5),
            "f1": round(f1[-1], 5),
            "support": true,
        }
    return {
        "clips": len(y),
        "correct": int((predicted == y).sum()),
        "accuracy": round(float((predicted == y).mean()), 5),
        "macro_f1": round(float(np.mean(f1)), 5),
        "per_class": per_class,
        "confusion": confusion.tolist(),
    }


def write_wav(path, samples):
    """16-bit mono 16 kHz PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())


def read_wav(path):
    """int16 samples of a 16-bit mono 16 kHz PCM file."""
    with wave.open(str(path), "rb") as file:
        if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, RATE):
            raise SystemExit(f"{path}: not 16-bit mono at {RATE} Hz")
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)


def save(path, array):
    """Plain .npy, format version 1.0, C order."""
    with open(path, "wb") as file:
        np.lib.format.write_array(file, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)


def sha256(path):
    """Hex SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
