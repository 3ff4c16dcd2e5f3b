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
# "Since" in the middle mostly counts the time.
_INNER = re.compile(rf"{_A} (?P<how>because|although|though|while|when)(?= {_SUBJECT}) {_B}\.")
_START = re.compile(rf"(?P<how>Because|Although|Though|While|When|Since) {_A}, {_B}\.")
# Before "when" and the like these make an object or an adverb of it, not a clause of its own.
_ASKED = re.compile(
    r"\b(?:know|knew|known|wonder|wondering|ask|asked|remember|tell|told|say|said|sure|see|idea|matter|care|"
    r"long|even|just|right|soon|ever|shortly|only)(?: me| him| her| you| us| them)?$"
)
_PAST_VERB = (
    r"(?:\w+ed|went|came|took|made|said|got|gave|found|left|told|put|ran|sat|stood|held|brought|began|fell|"
    r"felt|lost|met|paid|read|saw|sent|slept|spoke|spent|thought|threw|understood|woke|won|wrote|ate|drank|"
    r"drove|forgot|heard|kept|knew|let|lay|rode|rose|sang|shut|bought|built|caught|chose|cut|drew|broke|hung|"
    r"hid|hit|hurt|led|lit)\b"
)
_PAST = re.compile(rf"\b(?:was|were|had|did|could|\w+n't|{_PAST_VERB})")
_TWO_VERBS = re.compile(
    rf"(?P<who>He|She|They|We|I|{_NAME}) (?P<a>{_PAST_VERB}[^.,;:]*?),? and (?P<b>{_PAST_VERB}[^.,;:]*)\."
)
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

    Clauses joined by and, but, so, because, although, though, while, when or since, and two past verbs of one
    subject, which is repeated as a pronoun. Every sentence once; the same rows for the same file.
    """
    chance = random.Random(f"connectives-{path.name}")
    pairs = []
    for line in dict.fromkeys(natural(line.partition("\t")[0]) for line in read_text(path).split("\n")):
        parts = take_apart(line) if len(line.split()) <= LONGEST else ""
        if parts:
            names = {**dict.fromkeys(("Tom", "John", "Bob"), chance.choice(_HIS_NAMES))}
            names |= dict.fromkeys(_SHE, chance.choice(_HER_NAMES))
            pairs.append((_renamed(parts, names), _renamed(line, names)))
    return pairs


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
    elif match := _COORDINATED.fullmatch(sentence):
        yield match["a"], match["b"]
    elif (match := _START.fullmatch(sentence) or _INNER.fullmatch(sentence)) and not _ASKED.search(
        match["a"]
    ):
        # "When" of a habit or of the future does not come back from two plain statements.
        past = _PAST.search(match["a"]) and _PAST.search(match["b"])
        if past or match["how"].lower() != "when":
            yield match["a"], match["b"]


def _is_clause(text: str) -> bool:
    """Starts with a subject and is long enough to hold a verb; neither a question nor a command."""
    return bool(_CLAUSE.match(text)) and len(text.split()) >= 3


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _renamed(text: str, names: dict[str, str]) -> str:
    return re.sub(rf"\b{_NAME}\b", lambda match: names[match[0]], text)
