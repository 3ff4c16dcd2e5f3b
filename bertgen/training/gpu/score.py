"""How alike answers and references are, counted on ids: no tokenizer is needed where a model trains."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

Ids = Sequence[int]


def bleu(answers: Sequence[Ids], references: Sequence[Ids]) -> float:
    """Corpus BLEU (Papineni et al. 2002) of one reference each, up to four ids, 0 to 100.

    Ids are pieces of words, so it is no figure to compare with BLEU on words.
    """
    matched, possible = [0] * 4, [0] * 4
    for answer, reference in zip(answers, references, strict=True):
        for size in range(1, 5):
            ours, theirs = _grams(answer, size), _grams(reference, size)
            matched[size - 1] += sum((ours & theirs).values())
            possible[size - 1] += sum(ours.values())
    if not all(matched):
        return 0.0
    logs = [math.log(hit / total) for hit, total in zip(matched, possible, strict=True)]
    written, wanted = sum(map(len, answers)), sum(map(len, references))
    return 100 * math.exp(sum(logs) / 4 + min(0.0, 1 - wanted / written))


def _grams(ids: Ids, size: int) -> Counter[tuple[int, ...]]:
    return Counter(tuple(ids[place : place + size]) for place in range(len(ids) - size + 1))


def exact(answers: Sequence[Ids], references: Sequence[Ids]) -> float:
    """Per cent of answers equal to their reference."""
    same = sum(list(a) == list(b) for a, b in zip(answers, references, strict=True))
    return 100 * same / max(len(answers), 1)
