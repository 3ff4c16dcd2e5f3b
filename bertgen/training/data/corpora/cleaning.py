"""Natural text out of tokenised corpora and back, and splitting without leaks."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Sequence

# Soft hyphens, zero-width spaces, marks of direction; not the joiners: Persian and Hindi spell with them.
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff]")
# The space between two sentences.
SENTENCE_END = re.compile(r"(?<=[a-z0-9)\"”][.!?]) (?=[A-Z\"“])")
# What leans on the word before it.
_SUFFIX = r"(?:[,.;:!?%)\]}]|(?:'s|n't|'re|'ve|'ll|'d|'m)\b)"
_CLINGS_LEFT = re.compile(rf" (?={_SUFFIX}(?: |$|[,.;:!?)\]'\"]))")


def natural(text: str) -> str:
    """NFC, without invisible characters, runs of white space collapsed."""
    return " ".join(_INVISIBLE.sub("", unicodedata.normalize("NFC", text)).split())


def detokenise(text: str) -> str:
    """Undo the spaces of WikiSplit's and DiscoFuse's tokenisation; `''` and two backticks become quotes."""
    text = natural(text).replace("``", '"').replace("''", '"').replace("-LRB-", "(").replace("-RRB-", ")")
    text = _CLINGS_LEFT.sub("", text)
    text = re.sub(r"(?<=\w) ([-/]) (?=\w)", r"\1", text.replace(" -- ", "–"))
    text = re.sub(r"(?<=[(\[{$£#]) ", "", text)
    return _join_quotes(text)


def _join_quotes(text: str) -> str:
    """Straight quotes lean on what they enclose: the first of a pair to the right, the second to the left."""
    parts = text.split('"')
    for number, part in enumerate(parts):
        # The text between two quotes; behind a quote without its second it stays as it is.
        if number % 2 == 1 and number < len(parts) - 1:
            parts[number] = part.strip()
    return '"'.join(parts)


# One token of WikiSplit's files inside a natural word: dots, numbers, abbreviations, clitics, words, signs.
_TITLE = r"(?:Mr|Mrs|Ms|Dr|St|Jr|Sr|No|Inc|Co|Rev|Gen|Sen|Bros)\."
_NUMBER = r"\d[\d.,:]*\d(?:s|st|nd|rd|th)?\b|\d+/\d+"
_INITIALS = r"(?:[^\W\d_]\.)+[^\W\d_]\.?|[^\W\d_]\.$"  # U.S. and a single letter
_CLITIC = r"n't\b|'(?:s|re|ve|ll|d|m)\b"
_WORD = r"\w+?(?=n't\b)|\w+(?:'(?!(?:s|re|ve|ll|d|m)\b)\w+)*"
_TOKEN = re.compile("|".join([r"\.\.\.|--", _NUMBER, _INITIALS, _TITLE, _CLITIC, _WORD, r"\S"]))


def tokenise(text: str) -> str:
    """Natural text in the tokens of WikiSplit's files, one space apart; double quotes become `''`."""
    tokens: list[str] = []
    for word in natural(text).split(" "):
        tokens += _TOKEN.findall(word)
    signs = {'"': "''", "“": "''", "”": "''", "–": "--", "—": "--"}
    return " ".join(signs.get(token, token) for token in tokens)


def loose_key(text: str) -> str:
    """Case-folded letters and digits: texts that differ in nothing else count as one."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def without_leaks(
    rows: Sequence[tuple[str, str]], held_out: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """`rows` less exact doubles and every row whose source or target stands, by loose key, in `held_out`."""
    closed = {loose_key(text) for row in held_out for text in row}
    seen: set[tuple[str, str]] = set()
    clean = []
    for row in rows:
        keys = (loose_key(row[0]), loose_key(row[1]))
        if keys in seen or closed.intersection(keys):
            continue
        seen.add(keys)
        clean.append(row)
    return clean


def split_by_components(
    rows: Sequence[tuple[str, str]], sizes: Sequence[int], seed: int
) -> list[list[tuple[str, str]]]:
    """Cut one file into len(sizes) held-out sides of about `sizes` rows and the rest, which comes last.

    Rows that share a text, by loose key and on whichever side of the row, hang together and go to one side of
    the cut as a whole, so that no text stands in two. The same cut for the same seed.
    """
    # 1) Texts that stand in one row have one root (disjoint sets, paths halved on the way up).
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        parent.setdefault(key, key)
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for source, target in rows:
        parent[root(loose_key(source))] = root(loose_key(target))
    # 2) Rows by their root, in any order.
    groups: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        groups.setdefault(root(loose_key(row[0])), []).append(row)
    order = list(groups.values())
    random.Random(f"split-{seed}").shuffle(order)
    # 3) Each group to the first held-out side that has room for all of it.
    sides: list[list[tuple[str, str]]] = [[] for _ in range(len(sizes) + 1)]
    for group in order:
        side = next((n for n, size in enumerate(sizes) if len(sides[n]) + len(group) <= size), len(sizes))
        sides[side] += group
    return sides
