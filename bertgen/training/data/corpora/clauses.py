"""English sentences split by rules: those that hold two clauses, and some made from short statements.

The connective stays as one that opens a sentence ("However, ..."), as in rule-based simplification
(Siddharthan 2006).
"""

from __future__ import annotations

import random
import re
from pathlib import Path

from bertgen.training.data.corpora.cleaning import SENTENCE_END, natural
from bertgen.training.data.corpora.connectives import LONGEST
from bertgen.training.data.corpora.english import (
    NAME,
    PAST_VERB,
    PRESENT_VERB,
    SUBJECT,
    SURE_SUBJECT,
    again,
    capital,
    is_clause,
    renamed,
)
from bertgen.training.data.corpora.files import read_text
from bertgen.training.data.corpora.statements import compose, is_statement

Row = tuple[str, str]
# That are read of a long text.
PARAGRAPHS = 100_000
_A, _B = r"(?P<a>[^.,;:?!]+)", r"(?P<b>[^.;:?!]+)"
_INNER = rf"{_A}(?<!just)(?<!even)"
# A first clause with commas inside.
_LIST = r"(?P<a>[^.;:?!]*[^.,;:?!\s])"
_PERSON = rf"(?P<who>He|She|They|We|I|{NAME}|(?:The|My|His|Her|Our|Their)(?: old| young)? \w+)"
# What two clauses become, by the words between or before them.
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"{_LIST}, and (?!some\b)(?={SUBJECT}){_B}\."), ""),
    (re.compile(rf"{_LIST},? but (?={SUBJECT}){_B}\."), "However, "),
    (re.compile(rf"{_LIST}, so (?!that\b)(?={SUBJECT}){_B}\."), "Therefore, "),
    (re.compile(rf"{_LIST}; (?={SUBJECT}){_B}\."), ""),
    (re.compile(rf"(?:Because|Since) {_A}, {_B}\."), "Therefore, "),
    (re.compile(rf"(?:Although|Though) {_A}, {_B}\."), "However, "),
    (re.compile(rf"After (?={SURE_SUBJECT}){_A}, {_B}\."), "After that, "),
    (re.compile(rf"While (?={SURE_SUBJECT}){_A}, {_B}\."), "Meanwhile, "),
    (re.compile(rf"{_INNER},? (?:although|though) (?={SUBJECT}){_B}\."), "However, "),
    (re.compile(rf"{_INNER},? while (?={SUBJECT}){_B}\."), "Meanwhile, "),
    (re.compile(rf"{_INNER},? because (?={SUBJECT})(?P<b>[^.,;:?!]+)\."), "This {is} because "),
    (re.compile(rf"{_LIST}, where (?={SUBJECT}){_B}\."), "There, "),
)
_TWO_VERBS = re.compile(rf"{_PERSON} (?P<a>{PAST_VERB} [^.,;:]*?),? and (?P<b>{PAST_VERB}[^.,;:]*)\.")
_PRESENT = re.compile(
    rf"\b(?:is|are|am|has|have|do|does|don't|doesn't|can|can't|will|won't|{PRESENT_VERB})\b"
)
_PAST = re.compile(rf"\b(?:was|were|had|did|didn't|couldn't|wasn't|weren't|{PAST_VERB})\b")
_DEPENDENT = re.compile(r"(?:If|When|Before|Until|Unless|As soon as) [^.,;:?!]+, [^.,;:?!]+\.")


def read_clauses(path: Path) -> list[Row]:
    """English text (paragraphs, or the first column of a TSV): a sentence -> the two that say the same.

    Sentences of two clauses that the rules know, twice as many put together from short statements, and for
    every ten of these one that stays as it is (plain, or with a clause that cannot stand alone). Every
    sentence once; of a text above 200,000 paragraphs half as many are drawn. The same rows for the same file.
    """
    # 1) The sentences of the text, every one once and none too long. Lists of single sentences, which are
    #    all worth reading, are not as long as the texts of which a part is drawn.
    rng = random.Random(f"clauses-{path.name}")
    paragraphs = [natural(line.partition("\t")[0]) for line in read_text(path).split("\n")]
    if len(paragraphs) > 2 * PARAGRAPHS:
        paragraphs = rng.sample(paragraphs, PARAGRAPHS)
    lines = list(dict.fromkeys(part for text in paragraphs for part in SENTENCE_END.split(text)))
    lines = [line for line in lines if len(line.split()) <= LONGEST]
    # 2) Those that a rule takes apart, those put together, those that stay whole.
    rows = [(line, parts) for line, parts in ((line, split_sentence(line)) for line in lines) if parts]
    rows += compose(lines, 2 * len(rows), rng)
    rows += _as_they_are(lines, len(rows) // 10, rng)
    # 3) Under many names, so that a model learns names and not Tom.
    return [(source, target) for source, target in (renamed(row, rng) for row in rows)]


def split_sentence(sentence: str) -> str:
    """The two sentences that one says; empty where no rule is sure."""
    if match := _TWO_VERBS.fullmatch(sentence):
        who = match["who"]
        return f"{who} {match['a']}. {again(who)} {match['b']}."
    for rule, opening in _RULES:
        match = rule.fullmatch(sentence)
        if match and is_clause(match["a"]) and is_clause(match["b"]):
            second = opening.replace("{is}", _is_or_was(match["a"])) + match["b"]
            # Where nothing opens the second sentence, its subject does.
            return f"{capital(match['a'])}. {capital(second)}."
    return ""


def _is_or_was(clause: str) -> str:
    """The verb of "This is because ...", in the tense of the clause: that of its first verb."""
    present, past = _PRESENT.search(clause), _PAST.search(clause)
    if past and (not present or past.start() < present.start()):
        return "was"
    return "is"


def _as_they_are(lines: list[str], count: int, rng: random.Random) -> list[Row]:
    """Plain short statements and sentences whose first clause cannot stand alone, half and half."""
    plain = [line for line in lines if is_statement(line)]
    bound = [line for line in lines if _DEPENDENT.fullmatch(line)]
    half = (count + 1) // 2
    drawn = [line for lines in (plain, bound) for line in rng.sample(lines, min(len(lines), half))]
    return [(line, line) for line in drawn]
