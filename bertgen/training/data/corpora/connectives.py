"""Everyday sentences taken apart at their connective: pairs for fusing, and turned round for splitting.

Rules in the manner of DiscoFuse (Geva et al. 2019), narrow on purpose: what they are not sure of is left out.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

from bertgen.training.data.corpora.cleaning import SENTENCE_END, natural
from bertgen.training.data.corpora.english import (
    NAME,
    PAST_VERB,
    SUBJECT,
    SURE_SUBJECT,
    capital,
    is_clause,
    pronoun,
    renamed,
)
from bertgen.training.data.corpora.files import read_text

# Words of a sentence.
LONGEST = 30
_A, _B = r"(?P<a>[^.,;:]+)", r"(?P<b>[^.,;:]+)"
# Without a comma "and the ..." may join two nouns; with a pronoun behind it, two clauses.
_COORDINATED = re.compile(
    rf"{_A}(?:, (?:and|but|so)(?! that)(?= {SUBJECT})| (?:but|so)(?! that)(?= {SURE_SUBJECT}))"
    r" (?P<b>[^.;:]+)\."
)
# "Since" in the middle mostly counts the time; "when" does not come back from two plain statements.
_INNER = re.compile(rf"{_A}(?<!just)(?<!even) (?:because|although|though|while)(?= {SUBJECT}) {_B}\.")
_START = re.compile(rf"(?:Because|Although|Though|While|Since) {_A}, {_B}\.")
_TWO_VERBS = re.compile(
    rf"(?P<who>He|She|They|We|I|{NAME}) (?P<a>{PAST_VERB}[^.,;:]*?),? and (?P<b>{PAST_VERB}[^.,;:]*)\."
)
# Short statements about somebody; two of them with different subjects can always be joined by "and".
_STATEMENT = re.compile(
    rf"(?P<who>{NAME}|I|We|(?:The|My|His|Her|Our|Their) \w+) (?!and|or|of)\w+ [^.,;:?]+\."
)
# Words of such a statement.
SHORT = 8


def read_connectives(path: Path) -> list[tuple[str, str]]:
    """English sentences, or paragraphs, in lines or a TSV's first column: two sentences -> the one they were.

    Clauses joined by and, but, so, because, although, though, while or since, and two past verbs of one
    subject, which is repeated as a pronoun. For every two of these rows one pair of short statements about
    different subjects, drawn by chance and joined by "and": what such pairs become by default. Every sentence
    once; the same rows for the same file.
    """
    rng = random.Random(f"connectives-{path.name}")
    lines = list(dict.fromkeys(_sentences(read_text(path))))
    taken = [(take_apart(line), line) for line in lines if len(line.split()) <= LONGEST]
    rows = [row for row in taken if row[0]]
    rows += _by_chance(lines, len(rows) // 2, rng)
    return [(first, second) for first, second in (renamed(row, rng) for row in rows)]


def _sentences(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        line = natural(line.partition("\t")[0])
        # Only what is too long to be a row as it stands is cut into its sentences.
        if len(line.split()) > LONGEST:
            yield from SENTENCE_END.split(line)
        else:
            yield line


def _by_chance(lines: list[str], count: int, rng: random.Random) -> list[tuple[str, str]]:
    """`count` pairs of short statements about different subjects, joined by "and", or all there are."""
    found = [(line, _STATEMENT.fullmatch(line)) for line in lines if len(line.split()) <= SHORT]
    statements = [(line, match["who"]) for line, match in found if match]
    rng.shuffle(statements)
    rows = []
    for (first, who), (second, other) in zip(statements[::2], statements[1::2], strict=False):
        if who != other and len(rows) < count:
            joined = second
            # A name, and "I", have their capitals inside a sentence too.
            if not re.fullmatch(rf"{NAME}|I", other):
                joined = second[0].lower() + second[1:]
            rows.append((f"{first} {second}", f"{first[:-1]}, and {joined}"))
    return rows


def take_apart(sentence: str) -> str:
    """The two sentences that one was fused from; empty where no rule is sure."""
    for first, second in _candidates(sentence):
        if is_clause(first) and is_clause(second):
            return f"{capital(first)}. {capital(second)}."
    return ""


def _candidates(sentence: str) -> Iterator[tuple[str, str]]:
    """What may be the two clauses of a sentence, rule by rule."""
    # 1) Two verbs of one subject, which the second clause names by its pronoun.
    if match := _TWO_VERBS.fullmatch(sentence):
        subject = second_subject = match["who"]
        if re.fullmatch(NAME, subject):
            second_subject = pronoun(subject)
        yield f"{subject} {match['a']}", f"{second_subject} {match['b']}"
        return
    # 2) A connective between two clauses, or before the first.
    for rule in (_COORDINATED, _START, _INNER):
        if match := rule.fullmatch(sentence):
            yield match["a"], match["b"]
