"""Everyday sentences taken apart at their connective: pairs for fusing, and turned round for splitting.

Rules in the manner of DiscoFuse (Geva et al. 2019), narrow on purpose: what they are not sure of is left out.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

from bertgen.training.cleaning import natural
from bertgen.training.data import read_text

LONGEST = 30  # words
_PRONOUN = r"(?:I|you|he|she|it|we|they|this|that|there|everyone|everybody|nobody|no one|someone)"
_NAME = r"(?:Tom|Mary|John|Alice|Bob)"  # of nine in ten people in Tatoeba
_NOUN = r"(?:the|a|an|my|your|his|her|its|our|their|this|that|these|those|some|most|many|all) \w+"
_SURE = rf"(?:{_PRONOUN}(?:'\w+)?|{_NAME}) \w"  # a subject with something behind it, not "Tom and Mary."
_SUBJECT = rf"(?:{_SURE}|{_NOUN} \w)"
_CLAUSE = re.compile(_SUBJECT, re.IGNORECASE)
_A, _B = r"(?P<a>[^.,;:]+)", r"(?P<b>[^.,;:]+)"
# Without a comma "and the ..." may join two nouns; with a pronoun behind it, two clauses.
_COORDINATED = re.compile(
    rf"{_A}(?:, (?:and|but|so)(?! that)(?= {_SUBJECT})| (?:but|so)(?! that)(?= {_SURE})) (?P<b>[^.;:]+)\."
)
# "Since" in the middle mostly counts the time; "when" does not come back from two plain statements.
_INNER = re.compile(rf"{_A}(?<!just)(?<!even) (?:because|although|though|while)(?= {_SUBJECT}) {_B}\.")
_START = re.compile(rf"(?:Because|Although|Though|While|Since) {_A}, {_B}\.")
_PAST_VERB = (
    r"(?:\w+ed|went|came|took|made|said|got|gave|found|left|told|put|ran|sat|stood|held|brought|began|fell|"
    r"felt|lost|met|paid|read|saw|sent|slept|spoke|spent|thought|threw|understood|woke|won|wrote|ate|drank|"
    r"drove|forgot|heard|kept|knew|let|lay|rode|rose|sang|shut|bought|built|caught|chose|cut|drew|broke|hung|"
    r"hid|hit|hurt|led|lit)\b"
)
_TWO_VERBS = re.compile(
    rf"(?P<who>He|She|They|We|I|{_NAME}) (?P<a>{_PAST_VERB}[^.,;:]*?),? and (?P<b>{_PAST_VERB}[^.,;:]*)\."
)
# Short statements about somebody; two of them with different subjects can always be joined by "and".
_STATEMENT = re.compile(
    rf"(?P<who>{_NAME}|I|We|(?:The|My|His|Her|Our|Their) \w+) (?!and|or|of)\w+ [^.,;:?]+\."
)
SHORT = 8  # words of such a statement
_SHE = ("Mary", "Alice")
# In place of the few names of Tatoeba, so that a model learns names, not Tom.
_HIS_NAMES = ("Tom", "Peter", "Paul", "Ahmed", "David", "Max", "Luis", "Ben", "Ivan", "Noah", "Omar", "Felix")
_HER_NAMES = (
    "Mary",
    "Anna",
    "Julia",
    "Emma",
    "Laura",
    "Fatima",
    "Sofia",
    "Nina",
    "Clara",
    "Eva",
    "Mia",
    "Ruth",
)


def read_connectives(path: Path) -> list[tuple[str, str]]:
    """English sentences, one a line or in the first column of a TSV: two sentences -> the one they came from.

    Clauses joined by and, but, so, because, although, though, while or since, and two past verbs of one
    subject, which is repeated as a pronoun. For every two of these rows one pair of short statements about
    different subjects, drawn by chance and joined by "and": what such pairs become by default. Every sentence
    once; the same rows for the same file.
    """
    chance = random.Random(f"connectives-{path.name}")
    lines = list(dict.fromkeys(natural(line.partition("\t")[0]) for line in read_text(path).split("\n")))
    taken = [(take_apart(line), line) for line in lines if len(line.split()) <= LONGEST]
    rows = [row for row in taken if row[0]]
    rows += _by_chance(lines, len(rows) // 2, chance)
    pairs = []
    for row in rows:
        names = dict.fromkeys(("Tom", "John", "Bob"), chance.choice(_HIS_NAMES))
        names |= dict.fromkeys(_SHE, chance.choice(_HER_NAMES))
        pairs.append((_renamed(row[0], names), _renamed(row[1], names)))
    return pairs


def _by_chance(lines: list[str], count: int, chance: random.Random) -> list[tuple[str, str]]:
    found = [(line, _STATEMENT.fullmatch(line)) for line in lines if len(line.split()) <= SHORT]
    statements = [(line, match["who"]) for line, match in found if match]
    chance.shuffle(statements)
    rows = []
    for (first, who), (second, other) in zip(statements[::2], statements[1::2], strict=False):
        if who != other and len(rows) < count:
            keeps = re.fullmatch(rf"{_NAME}|I", other)
            joined = second if keeps else second[0].lower() + second[1:]
            rows.append((f"{first} {second}", f"{first[:-1]}, and {joined}"))
    return rows


def take_apart(sentence: str) -> str:
    """The two sentences that one was fused from; empty where no rule is sure."""
    for first, second in _candidates(sentence):
        if _is_clause(first) and _is_clause(second):
            return f"{_capital(first)}. {_capital(second)}."
    return ""


def _candidates(sentence: str) -> Iterator[tuple[str, str]]:
    if match := _TWO_VERBS.fullmatch(sentence):
        who = match["who"]
        again = ("She" if who in _SHE else "He") if re.fullmatch(_NAME, who) else who
        yield f"{who} {match['a']}", f"{again} {match['b']}"
        return
    for rule in (_COORDINATED, _START, _INNER):
        if match := rule.fullmatch(sentence):
            yield match["a"], match["b"]


def _is_clause(text: str) -> bool:
    """Starts with a subject and is long enough to hold a verb; neither a question nor a command."""
    return bool(_CLAUSE.match(text)) and len(text.split()) >= 3


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _renamed(text: str, names: dict[str, str]) -> str:
    return re.sub(rf"\b{_NAME}\b", lambda match: names[match[0]], text)
