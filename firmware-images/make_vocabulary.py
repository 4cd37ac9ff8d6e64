"""Writes vocabulary.h, the words that an image knows: a vocabulary file and the letters of its preprocess.json.

Source: models/emotion/farsi.py; the table is what platform/tokenizer.h describes.
Does not model: letters outside U+0600..U+06FF, words of more than 16 letters (both are refused).
Tested by: tests/tokenizer.rs, which compares the committed header with what this writes, and the image's numbers with the training's.

    python make_vocabulary.py ../models/emotion/preprocess.json ../models/emotion/emotion_vocabulary.txt > emotion/vocabulary.h
"""

import json
import pathlib
import sys

BLOCK, DROP, LONGEST = 0x0600, 1, 16


def low(point):
    """A code point of the block as its low byte."""
    if point & ~0xFF != BLOCK:
        raise SystemExit(f"U+{point:04X} lies outside U+0600..U+06FF")
    return point & 0xFF


def table(constants):
    """For each low byte: the letter that is kept, DROP, or 0 where words part."""
    points = {kind: [int(point, 16) for point in constants[kind]] for kind in ("drop", "letters")}
    replace = {int(old, 16): int(new, 16) for old, new in constants["replace"].items()}
    known = {low(point) for kind in points.values() for point in kind} | {low(point) for point in replace}
    if known & {0, DROP}:
        raise SystemExit("U+0600 and U+0601 stand for something else in the table")
    letters = [0] * 256
    for byte in range(256):
        point = replace.get(BLOCK + byte, BLOCK + byte)
        letters[byte] = DROP if point in points["drop"] else low(point) if point in points["letters"] else 0
    return letters


def rows(name, c_type, values):
    """An array of C, sixteen values a line."""
    yield f"static const {c_type} {name}[{len(values)}] = {{"
    for start in range(0, len(values), 16):
        yield "    " + " ".join(f"{value}," for value in values[start : start + 16])
    yield "};"


def main():
    """Command line: preprocess.json and vocabulary file; the header goes to standard output."""
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    constants, path = (pathlib.Path(argument) for argument in sys.argv[1:])
    entries = path.read_bytes().decode().splitlines()
    # The first two, padding and the unknown word, are never met in a sentence.
    words = sorted((bytes(low(ord(letter)) for letter in word), number) for number, word in enumerate(entries) if number >= 2)
    too_long = [entries[number] for word, number in words if len(word) > LONGEST]
    if too_long:
        raise SystemExit(f"{path}: {too_long[0]} has more than {LONGEST} letters")
    starts = [0]
    for word, _ in words:
        starts.append(starts[-1] + len(word))
    print(f"/* {path.parent.name}/{path.name}, written by make_vocabulary.py: do not edit. */")
    print("\n".join(rows("vocabulary_letters", "uint8_t", table(json.loads(constants.read_bytes())))))
    print("\n".join(rows("vocabulary_text", "uint8_t", [byte for word, _ in words for byte in word])))
    print("\n".join(rows("vocabulary_start", "uint16_t", starts)))
    print("\n".join(rows("vocabulary_number", "uint16_t", [number for _, number in words])))
    print("static const struct vocabulary vocabulary = {")
    print(f"    vocabulary_letters, vocabulary_text, vocabulary_start, vocabulary_number, {len(words)},")
    print("};")


if __name__ == "__main__":
    main()
