"""The measures by name, and the one call that computes any of them from a finished run.

A measure is a function from a model and a trace to maps by kind ("cross", "decoder_self", "encoder_self"; a
kind for which it is not defined is left out). Beside the function stands, as data, what a reader has to know
of it: formula, source, and what it does not say. Adding one is adding an entry to ``MEASURES``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bertgen.errors import Trouble
from bertgen.trace import AttentionMap, GenerationTrace

Maps = dict[str, AttentionMap]


@dataclass(frozen=True)
class Measure:
    """One measure: ``compute(model, trace)`` and what is said of it.

    ``cost`` is what it needs beside the trace: "none" or "one pass" of the model over the finished text.
    """

    compute: Callable[[Any, GenerationTrace], Maps]
    formula: str
    source: str
    silent_on: str
    cost: str = "none"


def _raw(model: Any, trace: GenerationTrace) -> Maps:
    """The weights as the softmax gave them."""
    return dict(trace.maps)


MEASURES: dict[str, Measure] = {
    "raw": Measure(
        compute=_raw,
        formula="softmax(q k / sqrt(d)), a row a query",
        source="Vaswani et al. 2017, Attention Is All You Need",
        silent_on="how large the values are that were looked at, and what later layers made of them",
    ),
}


def measure(model: Any, trace: GenerationTrace, name: str) -> Maps:
    """The maps of a measure for a finished run, by kind.

    Raises ``Trouble`` for a name that is no measure.
    """
    if name not in MEASURES:
        raise Trouble("measure.unknown", name=name, known=", ".join(sorted(MEASURES)))
    return MEASURES[name].compute(model, trace)
