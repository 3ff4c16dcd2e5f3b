"""Readers of the two corpora of minimal propositions (Gao et al. 2021, "ABCD"): DeSSE and MinWiki.

Both are pairs of line files, `train.{complex,simple}`. What their annotators or rules left odd is mended or
dropped; doubles and rows that other sets hold out are the business of a recipe's `clean`.
"""

from __future__ import annotations

import re
from pathlib import Path

from bertgen.training.data.corpora.cleaning import detokenise, natural
from bertgen.training.data.corpora.files import parallel_lines

FILES = "train.{complex,simple}"
_NEXT_SENTENCE = re.compile(r"(?<=[.!?] )[a-z]")
_ALONE = re.compile(r"\bi(?=['’ ]|$)")
_GAP = re.compile(r" (?=[,.;:!?](?:\s|$))")
# " . ." and " ." at a line's end.
_FULL_STOPS = re.compile(r"(?: \.)+$")


def _alike(source: str, target: str, least: float, most: float) -> bool:
    """Whether the lengths agree: what says much less or more than its source is not a paraphrase."""
    return bool(source) and least <= len(target) / len(source) <= most


def read_desse(path: Path) -> list[tuple[str, str]]:
    """DeSSE, sentences of students' essays rewritten by people; sentences begin with capitals, "i" is "I"."""
    rows = [(_essay(source), _essay(target)) for source, target in parallel_lines(path, FILES)]
    return [row for row in rows if _alike(*row, 0.7, 1.7)]


def _essay(text: str) -> str:
    text = _ALONE.sub("I", _GAP.sub("", natural(text)))
    return text[:1].upper() + _NEXT_SENTENCE.sub(lambda letter: letter[0].upper(), text[1:])


def read_minwiki(path: Path) -> list[tuple[str, str]]:
    """MinWiki, a part of WikiSplit; its sources have lost their punctuation, its targets are tokenised.

    Rows with a part below three words are dropped.
    """
    pairs = []
    # Lines that are a full stop alone stand in the test part.
    for source, target in parallel_lines(path, FILES, skipped="."):
        source, target = (_FULL_STOPS.sub("", _clitics(side)) for side in (source, target))
        parts = target.split(" . ")
        if not source or any(len(part.split()) < 3 for part in parts):
            continue
        row = f"{_wikipedia(source)}.", " ".join(f"{_wikipedia(part)}." for part in parts)
        if _alike(*row, 0.75, 1.6):
            pairs.append(row)
    return pairs


def _clitics(text: str) -> str:
    """ "Mimmo s", "was nt": the sources lost the apostrophes. Two spaces stand for another lost sign."""
    return natural(re.sub(r"(?<=\w) s\b", " 's", re.sub(r"(?<=\w) nt\b", " n't", text)))


def _wikipedia(text: str) -> str:
    """Brackets and hyphens as people write them."""
    return detokenise(re.sub(r"(?<!-)\b([LR]RB)\b(?!-)", r"-\1-", text))
