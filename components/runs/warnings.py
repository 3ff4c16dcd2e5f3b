"""What the page says where an answer should not be trusted: by its letters, its words, its probabilities."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from components.strings import t
from components.views.lines import Surface

STRANGE = 0.4  # of the source's tokens
REPEATED = 0.4  # of the pairs of neighbouring tokens
BEYOND = 0.2  # by how much an answer's share of repeated pairs is above its source's
ENOUGH = 12  # tokens: a shorter answer is not said to repeat itself
# Mean probability of a translation's tokens. Below it lie 4 and 6 of 500 held-out texts, but also 47 and 6 of
# 100 sentences in the wrong language (English texts are mostly copied by the German reader, with confidence).
UNSURE = {"translate": 0.5, "translate-de-en": 0.5}


def strange_letters(source: Sequence[Surface]) -> bool:
    """Whether most of a source's pieces are bytes or unknown."""
    strange = sum(surface.byte or (surface.whole and not surface.special) for surface in source)
    return strange > STRANGE * len(source)


def repeats(pieces: Sequence[str], source: Sequence[str] = ()) -> bool:
    """Whether much of an answer, given as its pieces, has been said before in it.

    ``source`` are the pieces of what it answers: a text that repeats itself is rightly answered so.
    """
    share = _said_again(pieces)
    if len(pieces) < ENOUGH or share <= REPEATED:
        return False
    return share - _said_again(source) > BEYOND


def _said_again(pieces: Sequence[str]) -> float:
    """The share of the pairs of neighbouring pieces that stood there before."""
    # Pairs, since single tokens come again in any honest text.
    pairs = list(itertools.pairwise(pieces))
    if not pairs:
        return 0.0
    return (len(pairs) - len(set(pairs))) / len(pairs)


def unsure(task: str, logprobs: Sequence[float]) -> str:
    """What is said of an answer whose tokens had small probabilities; '' for all others.

    ``logprobs`` are natural logarithms, those of an answer that was not drawn by chance.
    """
    if not logprobs:
        return ""
    mean = sum(map(math.exp, logprobs)) / len(logprobs)
    if mean >= UNSURE.get(task, 0.0):
        return ""
    return t("warning.unsure", mean=f"{mean:.2f}")
