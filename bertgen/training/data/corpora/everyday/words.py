"""Single words and short terms of a dictionary, one sense each: the one that sentences use most."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

Row = tuple[str, str]
_WORD = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*")


def _bare(term: str) -> str:
    """The head word: "to go" -> "go"."""
    return term.removeprefix("to ").lower()


class Usage:
    """How often words stand in translated sentences, alone and side by side with a translation."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.english: Counter[str] = Counter()
        self.german: Counter[str] = Counter()
        self._lines: dict[str, set[int]] = {}
        self._stems: dict[str, set[int]] = {}
        for number, (source, target) in enumerate(rows):
            for word in set(_WORD.findall(source.lower())):
                self.english[word] += 1
                self._lines.setdefault(word, set()).add(number)
            for word in set(_WORD.findall(target.lower())):
                self.german[word] += 1
                for stem in {word, word[:5]}:
                    self._stems.setdefault(stem, set()).add(number)

    def frequency(self, term: str) -> int:
        """Of the rarest word of a term in the English sentences."""
        return min((self.english[word] for word in _WORD.findall(_bare(term))), default=0)

    def together(self, english: str, german: str) -> int:
        """Sentences with the first English word and, on the other side, the German word or its stem."""
        words = _WORD.findall(german.lower())
        if not words:
            return 0
        word = words[-1]
        # German words change at their end: the first five letters stand for all forms.
        stem = word[:5]
        lines = self._lines.get((_WORD.findall(_bare(english)) or [""])[-1], set())
        return len(lines & self._stems.get(stem, set()))


def common_words(rows: list[Row], usage: Usage, least: int) -> list[Row]:
    """Terms of at most two words (three with "to") that are in use, each with its most usual translation.

    "to go" comes once more as "go", where no noun or adjective of that form is more usual.
    """
    senses: dict[str, list[str]] = {}
    for english, german in rows:
        if len(_bare(english).split()) > 2 or usage.frequency(english) < least:
            continue
        senses.setdefault(english, []).append(german)
        if english.startswith("to "):
            senses.setdefault(english.removeprefix("to "), []).append(german)
    # The candidate that stands beside the word most often is its everyday sense.
    chosen = []
    for english, candidates in senses.items():
        best = max(candidates, key=lambda german, english=english: usage.together(english, german))
        if usage.together(english, best) or usage.frequency(english) < 3 * least:
            chosen.append((english, best))
    return chosen


def in_all_forms(row: Row) -> Iterator[Row]:
    """A term as it stands, with a capital, and with a capital and an end mark."""
    english, german = row
    yield row
    yield english[:1].upper() + english[1:], german[:1].upper() + german[1:]
    yield f"{english[:1].upper()}{english[1:]}.", f"{german[:1].upper()}{german[1:]}."
