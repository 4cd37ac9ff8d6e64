#!/usr/bin/env python3
"""Cuts what planus generates from tflite.fbs down to the reading half: this project never writes .tflite files.

    planus rust -o /dev/stdout --format false tflite.fbs | python3 schema_reader_only.py > schema.rs && rustfmt --edition 2024 schema.rs

planus-cli 1.3.0. Items of the generated module are kept when they are a `…Ref` type or an implementation of its reading traits."""
import re
import sys

HEAD = """// Made from tflite.fbs by planus-cli 1.3.0 and schema_reader_only.py (the commands stand there): do not edit.
#![allow(missing_docs, dead_code, unsafe_code, clippy::all)]

const _: () = ::planus::check_version_compatibility("planus-1.3.0");

"""
KEEP = re.compile(
    r"pub struct \w+Ref<'a>|pub enum \w+Ref<'a>|impl<'a> \w+Ref<'a>|impl<'a> ::planus::(TableRead|TableReadUnion|VectorReadInner|ReadAsRoot)<'a> for"
)


def items(text):
    """Top-level items of the module's body, each with the attributes and comments before it."""
    start = depth = 0
    i = 0
    while i < len(text):
        c = text[i]
        if c == '"':
            i = text.index('"', i + 1)
        elif text.startswith("//", i):
            i = text.index("\n", i)
        elif c == "{":
            depth += 1
        elif c == "}":
            depth -= 1
            if depth == 0:
                yield text[start : i + 1]
                start = i + 1
        elif c == ";" and depth == 0 and text[start:i].count("(") == text[start:i].count(")"):
            yield text[start : i + 1]
            start = i + 1
        i += 1


def main():
    source = sys.stdin.read()
    body = source[source.index("pub mod tflite {") + len("pub mod tflite {") :]
    print(HEAD, end="")
    for item in items(body):
        if "ReadAsRoot" in item and "for ModelRef" not in item:
            continue
        code = "\n".join(line for line in item.splitlines() if not line.strip().startswith("//"))
        if KEEP.search(code.split("{")[0]):
            print(code.strip().replace("#[derive(Copy, Clone, Debug)]", "#[derive(Copy, Clone)]"), "\n")


main()
