"""Writes keyword-live/mfcc_tables.h: the front end's constants in fixed point.

Source: models/keyword/mfcc.py, whose window, mel bands, DCT and quantisation these are.
Does not model: anything.
Tested by: tests/keyword_live.rs, through the features that the firmware computes with them.

    python make_mfcc_tables.py > keyword-live/mfcc_tables.h     # needs numpy
"""

import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "models" / "keyword"))
import mfcc

COSINE_BITS = 10  # the largest DCT factor is 17 then, in 64ths of a step per octave
UNITS = 64.0 / mfcc.STEP * np.log(2.0)  # 64ths of an int8 step per octave


def table(kind, name, values, comment):
    values = [int(v) for v in np.round(values)]
    low, high = {"uint8_t": (0, 255), "int16_t": (-32768, 32767), "uint16_t": (0, 65535), "int32_t": (-(2**31), 2**31 - 1)}[kind]
    assert all(low <= v <= high for v in values), name
    print(f"\n/* {comment} */\nstatic const {kind} {name}[{len(values)}] = {{")
    line = "   "
    for value in values:
        if len(line) + len(str(value)) + 2 > 138:
            print(line)
            line = "   "
        line += f" {value},"
    print(line + "\n};")


def main():
    tops = np.linspace(mfcc._mel(mfcc.LOW), mfcc._mel(mfcc.HIGH), mfcc.BANDS + 2)
    bins = mfcc._mel(np.arange(1, mfcc.FFT // 2) * (mfcc.RATE / mfcc.FFT))
    bins = bins[bins < tops[-1] - 1e-9]
    place = (bins - tops[0]) / (tops[1] - tops[0])
    assert place.min() > 0 and len(bins) < mfcc.FFT // 4
    # The shares rebuild the training script's matrix.
    rebuilt = np.zeros((mfcc.FFT // 2 + 1, mfcc.BANDS + 2))
    rebuilt[np.arange(1, len(bins) + 1), place.astype(int)] = 1.0 - place % 1.0
    rebuilt[np.arange(1, len(bins) + 1), place.astype(int) + 1] = place % 1.0
    assert np.abs(rebuilt[:, 1:-1] - mfcc.mel_matrix()).max() < 1e-9
    dct = mfcc.dct_matrix() * UNITS
    silence = mfcc.quantise(np.log(np.full((1, mfcc.BANDS), mfcc.OFFSET)) @ mfcc.dct_matrix())[0]

    print("/* The front end's constants, by make_mfcc_tables.py from models/keyword/mfcc.py: do not edit. */")
    print("#ifndef MFCC_TABLES_H\n#define MFCC_TABLES_H\n\n#include <stdint.h>\n")
    for name, value in [
        ("MFCC_WINDOW", f"{mfcc.WINDOW}u"),
        ("MFCC_STRIDE", f"{mfcc.STRIDE}u"),
        ("MFCC_OVERLAP", "(MFCC_WINDOW - MFCC_STRIDE)"),
        ("MFCC_FFT", f"{mfcc.FFT}u"),
        ("MFCC_FRAMES", f"{mfcc.FRAMES}u"),
        ("MFCC_RATE", f"{mfcc.RATE}u"),
        ("MFCC_BANDS", f"{mfcc.BANDS}u"),
        ("MFCC_BINS", f"{len(bins)}u"),
        ("MFCC_COEFFICIENTS", f"{mfcc.COEFFICIENTS}u"),
        ("MFCC_COSINE_BITS", f"{COSINE_BITS}"),
        ("MFCC_ZERO_POINT", f"{mfcc.ZERO_POINT}"),
    ]:
        print(f"#define {name} {value}")
    print(f"/* What an octave more in all bands adds to coefficient 0, in 64ths of a step, times {1 << COSINE_BITS}. */")
    print(f"#define MFCC_LEVEL {round(dct[:, 0].sum() * (1 << COSINE_BITS))}")
    print("/* A frame of digital silence. */")
    print(f"#define MFCC_SILENCE {{{', '.join(str(int(v)) for v in silence)}}}")
    half = mfcc.WINDOW // 2
    table("uint16_t", "mfcc_hann", mfcc.hann()[: half + 1] * 32768, "The Hann window up to its middle, in 32768ths.")
    sine = np.minimum(np.sin(2 * np.pi * np.arange(mfcc.FFT // 4 + 1) / mfcc.FFT) * 2.0**31, 2.0**31 - 1)
    table("int32_t", "mfcc_sine", sine, "The sine's first quarter in 512ths of a turn, times 2^31.")
    table("uint16_t", "mfcc_root", np.sqrt(np.arange(32, 129) / 128) * 65535, "Square roots of 128ths from 32/128 to 1, in 65535ths.")
    table("uint16_t", "mfcc_log", np.log2(1 + np.arange(65) / 64) * 32768, "Binary logarithms of 1 to 2 in 64ths, in 32768ths.")
    counts = [int((place.astype(int) == top).sum()) for top in range(mfcc.BANDS + 1)]
    table("uint8_t", "mfcc_bins", counts, "How many bins lie between one band's top and the next one's, from below the first to above the last.")
    table("uint16_t", "mfcc_rise", np.minimum(place % 1.0 * 65536, 65535), "The part of each bin, from 1 on, that goes to the band above it, in 65536ths.")
    table(
        "int16_t",
        "mfcc_cosine",
        (dct[: mfcc.BANDS // 2].T * (1 << COSINE_BITS)).reshape(-1),
        "The first half of the bands' factors for each coefficient, in 64ths of a step per octave, times 2^MFCC_COSINE_BITS.",
    )
    print("\n#endif")


if __name__ == "__main__":
    main()
