"""The Speech Commands clips: reading, dropping duplicates, splitting by speaker, augmenting.

Source: the official test set of Speech Commands v0.02 as one FLAC per class with clips.json (CARD.md); the speaker is the part
of a clip's name before "_nohash_".
Does not model: the training set of Speech Commands, which is twenty times larger and not used here.
Tested by: train.py, which stops if a speaker or an overlapping stretch of background noise is in two parts.
"""

import json

import numpy as np
import soundfile

import mfcc

TRAIN, VALIDATION, TEST = 0, 1, 2
SEED = 2018
MAX_SHIFT = 1600  # samples either way (100 ms)
SPEEDS = (0.88, 1.12)


def read(folder):
    """(samples int16 (n, 16000), labels uint8 (n,), names (n,)) of all clips, classes in the order of mfcc.CLASSES."""
    listed = json.loads((folder / "clips.json").read_text())
    samples, labels, names = [], [], []
    for label, name in enumerate(mfcc.CLASSES):
        path = folder / f"{name}.flac"
        sound, rate = soundfile.read(path, dtype="int16")
        if rate != mfcc.RATE or sound.shape != (mfcc.RATE * len(listed[name]),):
            raise SystemExit(
                f"{path}: {sound.shape} samples at {rate} Hz, clips.json lists {len(listed[name])} clips of one second"
            )
        samples.append(sound.reshape(-1, mfcc.RATE))
        labels += [label] * len(listed[name])
        names += listed[name]
    return np.concatenate(samples), np.array(labels, np.uint8), np.array(names)


def distinct(samples):
    """Indices of the first clip of every distinct content, in order."""
    first = {}
    for i, clip in enumerate(samples):
        first.setdefault(clip.tobytes(), i)
    return np.array(sorted(first.values()))


def noise_groups(noise):
    """A group number per background-noise clip; clips that share a stretch of the same recording are in one group.

    Found by cross-correlation: shifted to their best match, two clips that share at least 50 ms correlate above 0.98.
    """
    count, length = noise.shape
    x = noise - noise.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(x, 2 * length)
    group = list(range(count))
    for i in range(count):
        match = np.fft.irfft(spectrum[i] * np.conj(spectrum[i + 1 :]), 2 * length)
        for j, row in enumerate(match, i + 1):
            at = int(np.abs(row).argmax())
            lag = at if at < length else at - 2 * length
            overlap = length - abs(lag)
            if overlap < 800:
                continue
            a = x[i, lag : lag + overlap] if lag >= 0 else x[i, :overlap]
            b = x[j, :overlap] if lag >= 0 else x[j, -lag : -lag + overlap]
            if abs(a @ b) > 0.98 * np.sqrt((a @ a) * (b @ b)):
                old, new = group[j], group[i]
                group = [new if g == old else g for g in group]
    return group


def sources(samples, labels, names):
    """Who or what made each clip: the speaker's code, or "noise N" for a group of overlapping background noise."""
    made_by = np.array([name.split("_nohash_")[0].split("_")[-1] for name in names], dtype="<U16")
    noise = np.flatnonzero(labels == mfcc.SILENCE)
    made_by[noise] = [f"noise {g}" for g in noise_groups(samples[noise].astype(np.float64))]
    return made_by


def split(labels, made_by):
    """Part of each clip: about 70/10/20 of the words, and of the noise, each source wholly in one part; sources in random order."""
    part = np.empty(len(labels), np.uint8)
    rng = np.random.default_rng(SEED)
    for among in (labels != mfcc.SILENCE, labels == mfcc.SILENCE):
        done = 0
        for source in rng.permutation(np.unique(made_by[among])):
            share = done / among.sum()
            chosen = among & (made_by == source)
            part[chosen] = TRAIN if share < 0.7 else VALIDATION if share < 0.8 else TEST
            done += chosen.sum()
    return part


def augment(samples, noise, rng):
    """float32 (n, 49, 10, 1) from clips (n, 16000), changed at random, as the network sees them after int8 quantisation.

    Speed (and pitch) by up to 12 %, shift by up to 100 ms, background noise from the given noise clips at a random level, then
    one stretch of frames and sometimes a few coefficients replaced by the clip's mean (SpecAugment's masks).
    """
    out = np.empty((len(samples), mfcc.FRAMES, mfcc.COEFFICIENTS), np.float32)
    grid = np.arange(mfcc.RATE, dtype=np.float64)
    middle = mfcc.RATE / 2
    for i, clip in enumerate(samples):
        at = (grid - middle) * rng.uniform(*SPEEDS) + middle - rng.integers(-MAX_SHIFT, MAX_SHIFT + 1)
        x = np.interp(at, grid, clip.astype(np.float64), left=0.0, right=0.0)
        if rng.random() < 0.7:
            other = np.roll(noise[rng.integers(len(noise))], rng.integers(mfcc.RATE)).astype(np.float64)
            level = 10.0 ** rng.uniform(-3.0, -0.5) * np.abs(x).max() / max(np.abs(other).max(), 1.0)
            x = x + level * other
        c = mfcc.dequantise(mfcc.quantise(mfcc.features(x)))
        mean = c.mean(axis=0)
        width = rng.integers(0, 11)
        start = rng.integers(0, mfcc.FRAMES - width + 1)
        c[start : start + width] = mean
        if rng.random() < 0.3:
            width = rng.integers(1, 3)
            start = rng.integers(1, mfcc.COEFFICIENTS - width + 1)
            c[:, start : start + width] = mean[start : start + width]
        out[i] = c
    return out[..., np.newaxis]
