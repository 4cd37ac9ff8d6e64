"""What the firmware that listens (live.toml) should make of recordings: features and outputs for the window that it looks at.

Source: mfcc.py for the features, TFLite Micro for the outputs; the converter's twelve bits around its middle.
Does not model: where the window lies: that is the firmware's start-up and the scenario's after_ms, and is given as --first.
Tested by: tests/keyword_live.rs, which compares the emulated chip with what this wrote.

    python live.py                                          # live_*.npy of this folder
    python live.py --data speech_commands_test --per-class 20 --out DIR   # a scenario with recordings of the test set
"""

import argparse
import pathlib

import numpy as np

import mfcc
import tflm

# The first sample of a recording that is in the window, with live.toml's after_ms: what a run reports as windows[].ends_ms says it.
FIRST = 1249
SPAN = (mfcc.FRAMES - 1) * mfcc.STRIDE + mfcc.WINDOW


def converted(clip):
    """What the ADC gives for 16-bit samples, without its middle: the upper twelve bits."""
    return clip.astype(np.int32) >> 4


def window(clip, first):
    """The samples of a window as a clip for mfcc.py: silence outside of the recording, and after the last frame."""
    heard = np.zeros(mfcc.RATE, np.int32)
    at = np.arange(first, first + SPAN)
    inside = (at >= 0) & (at < len(clip))
    heard[:SPAN][inside] = clip[at[inside]]
    return heard


def features(clips, first):
    """int8 (n, 49, 10, 1) of the windows of clips (n, samples) as they are converted."""
    return mfcc.inputs(np.stack([window(converted(clip), first) for clip in clips]))


def recordings(folder, per_class, everyone):
    """Recordings int16 (n, 16000) by speakers of the test part, or by everyone, with their labels."""
    import clips

    samples, labels, names = clips.read(folder)
    keep = clips.distinct(samples)
    samples, labels, names = samples[keep], labels[keep], names[keep]
    # Who belongs to the test part depends on which noises overlap, and finding that takes a minute.
    test = everyone or clips.split(labels, clips.sources(samples, labels, names)) == clips.TEST
    rng = np.random.default_rng(clips.SEED)
    pools = [np.flatnonzero(test & (labels == k)) for k in range(len(mfcc.CLASSES))]
    chosen = np.concatenate([rng.permutation(pool)[:per_class] for pool in pools])
    return samples[chosen], labels[chosen]


def main():
    """Command line."""
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, help="folder with clips.json and one FLAC per class")
    parser.add_argument("--per-class", type=int, default=20, help="how many recordings of each class")
    parser.add_argument("--everyone", action="store_true", help="also speakers whom the network was trained on: takes seconds")
    parser.add_argument("--first", type=int, default=FIRST, help="the first sample in the window")
    parser.add_argument("--after-ms", type=int, default=150, help="of the scenario that is written")
    parser.add_argument("--out", type=pathlib.Path, help="folder for the scenario")
    args = parser.parse_args()
    micro = tflm.Model(here / "keyword_int8.tflite")
    if args.data is None:
        wavs = sorted(here.glob("sample_*.wav"))
        clips = np.stack([mfcc.read_wav(path) for path in wavs])
        rows = [int(path.stem.split("_")[1]) for path in wavs]
        mfcc.save(here / "live_labels.npy", np.load(here / "labels.npy")[rows])
        mfcc.save(here / "live_goldens_int8.npy", micro.run(mfcc.inputs(clips)))
        heard = features(clips, args.first)
        mfcc.save(here / "live_first.npy", np.array([args.first], np.int32))
        mfcc.save(here / "live_window_features.npy", heard)
        mfcc.save(here / "live_window_goldens_int8.npy", micro.run(heard))
        return
    clips, labels = recordings(args.data, args.per_class, args.everyone)
    args.out.mkdir(parents=True, exist_ok=True)
    mfcc.save(args.out / "samples.npy", clips)
    mfcc.save(args.out / "labels.npy", labels)
    outputs = micro.run(features(clips, args.first))
    mfcc.save(args.out / "goldens.npy", outputs)
    text = (here / "live.toml").read_text()
    listed = text[text.index("samples = [") : text.index("labels = ")]
    text = text.replace(listed, 'samples = "samples.npy"\n')
    text = text.replace("live_labels.npy", "labels.npy").replace("live_goldens_int8.npy", "goldens.npy")
    text = text.replace("after_ms = 150", f"after_ms = {args.after_ms}")
    for name in ("keyword_int8.tflite", "preprocess.json", "../../firmware-images/keyword-live.elf"):
        text = text.replace(f'"{name}"', f'"{(here / name).resolve()}"')
    (args.out / "live.toml").write_text(text)
    whole = micro.run(mfcc.inputs(clips))
    print(f"{len(labels)} recordings; TFLite Micro is right about {(whole.argmax(1) == labels).mean():.4f} of them whole,")
    print(f"about {(outputs.argmax(1) == labels).mean():.4f} as the firmware hears them")


if __name__ == "__main__":
    main()
