"""A case: a model of one operator, what it is fed, and how its outputs are compared."""
from dataclasses import dataclass
from typing import Callable, Optional

from flat import BOOL, F32, S16, S32, S8, Graph, T


@dataclass
class Case:
    name: str
    model: bytes
    inputs: list
    samples: int
    ulps: int
    in_sequence: bool
    draw: Optional[Callable]
    define: Optional[Callable]


def one(cases, name, label, ins, outs, options=None, samples=2, ulps=0, in_sequence=False, draw=None, define=None, **fields):
    """Adds the case of one operator; the model's inputs are those of `ins` that are neither constant nor variable. Where the reference is wrong,
    `define` computes the output from the inputs."""
    outs = outs if isinstance(outs, list) else [outs]
    given = [t for t in ins if t is not None and t.data is None and not t.variable]
    graph = Graph().add(name, ins, outs, options, **fields)
    kind = given[0].kind if given else outs[0].kind
    cases.append(Case(f"{name} {kind} {label}", graph.bytes(given, outs), given, samples, ulps, in_sequence, draw, define))


def t(kind, shape, scale=0.05, zero=3, data=None):
    """A tensor quantised as its type usually is: int8 with a zero point, int16 without, the rest not at all."""
    if kind == S8:
        return T(kind, shape, scale, zero, data)
    if kind == S16:
        return T(kind, shape, scale / 256, 0, data)
    return T(kind, shape, data=data)


__all__ = ["BOOL", "F32", "S16", "S32", "S8", "T", "one", "t"]
