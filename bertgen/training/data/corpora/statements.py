"""Sentences to split, put together by chance from short statements of everyday text.

Relative clauses, lists and appositions are rare in Tatoeba and common in what people type: "My aunt, who
works in a shop, likes dogs." is made of what two of its sentences say of Tom. Grammar is learned from them,
not sense.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from bertgen.training.data.corpora.english import FINITE_VERB, HER, HIS, NAME, SUBJECT, again, pronoun, tense

Row = tuple[str, str]
# Words of a statement.
SHORT = 10
_VERB = rf"(?P<verb>{FINITE_VERB}[^.,;:?!\"]*)\."
_STATEMENT = re.compile(rf"(?:{NAME}) {_VERB}")
_MEETING = re.compile(rf"(?P<a>(?:{SUBJECT})[^.,;:?!]* ){NAME}\.")
_NOUNS = (
    *("book", "house", "train", "ship", "room", "door", "car", "watch", "bus", "box", "river", "bridge"),
    *("store", "hotel", "building", "road", "library", "machine", "letter", "picture", "garden", "lake"),
    *("island", "story", "clock", "church", "town", "school", "museum", "film", "computer", "company"),
)
_THING = re.compile(rf"(?:The|This|My|His|Her|Our) (?:{'|'.join(_NOUNS)}) {_VERB}")
# People whose pronoun is not known; `again` gives "The student" for "A student".
_EITHER = (
    "My neighbour",
    "The doctor",
    "Our teacher",
    "My best friend",
    "The mayor",
    "The nurse",
    "A student",
)
_PEOPLE = ("Tom", "Mary", *HIS, *HER, *_EITHER)
_ROLES = (
    "a doctor",
    "a young teacher",
    "a friend of mine",
    "a student from Spain",
    "our neighbour",
    "a farmer",
)
_GENDERED = re.compile(r"\b(?:his|her|him|himself|herself|he|she)\b")


@dataclass(frozen=True)
class Statement:
    """A subject, its second naming, its relative pronoun, and three verb phrases of one tense."""

    subject: str
    again: str
    relative: str
    verbs: list[str]

    def row(self, rng: random.Random) -> Row:
        """One sentence and the two it becomes."""
        who, back, (one, two, three) = self.subject, self.again, self.verbs
        # Inside a sentence.
        low, also = _small(who), _small(back)
        return rng.choice(
            (
                (f"{who}, {self.relative} {one}, {two}.", f"{who} {two}. {back} {one}."),
                (
                    f"{who}, {self.relative} {one}, {two} and {three}.",
                    f"{who} {two} and {three}. {back} {one}.",
                ),
                (f"{who} {one}, {two} and {three}.", f"{who} {one}. {back} {two} and {three}."),
                (f"{who} {one} and {two}.", f"{who} {one}. {back} {two}."),
                (f"{who} {one}, but {also} {two}.", f"{who} {one}. However, {also} {two}."),
                (f"Although {low} {one}, {also} {two}.", f"{who} {one}. However, {also} {two}."),
            )
        )


def _small(subject: str) -> str:
    """A subject inside a sentence: names keep their capital."""
    if re.match(NAME, subject):
        return subject
    return subject[0].lower() + subject[1:]


def is_statement(line: str) -> bool:
    """Whether it is short, about one of Tatoeba's people, and holds one clause as far as commas show."""
    return len(line.split()) <= SHORT and bool(_STATEMENT.fullmatch(line))


def compose(lines: list[str], count: int, rng: random.Random) -> list[Row]:
    """`count` rows, or as many as there are statements for; every statement is used once."""
    # 1) Verb phrases said of people and of things, and beginnings such as "I met" that lack their object.
    lines = [line for line in lines if len(line.split()) <= SHORT]
    people, things, meetings = (_matches(rule, lines, rng) for rule in (_STATEMENT, _THING, _MEETING))
    # 2) First all that is said of things, then people until there are enough rows.
    rows = [_thing(verbs, rng).row(rng) for verbs in _triples(things)]
    for verbs in _triples(people):
        if len(rows) >= count:
            break
        rows.append(_person(verbs, rng).row(rng))
        # Whom an introduction names is drawn anew: no pronoun may say otherwise.
        if not _GENDERED.search(verbs[2]):
            rows.append(_introduce(verbs[2], meetings, rng))
    return rows[:count]


def _matches(rule: re.Pattern[str], lines: list[str], rng: random.Random) -> list[str]:
    """What the first group of a rule holds in the lines, shuffled."""
    found = [match[1] for match in map(rule.fullmatch, lines) if match]
    # A second person, or a second verb, would make the pronoun or the grammar unsure.
    found = [text for text in found if not re.search(rf"\b(?:{NAME}|and)\b", text)]
    rng.shuffle(found)
    return found


def _triples(verbs: list[str]) -> list[list[str]]:
    """Three by three, all of one tense; those without a plain tense are left out."""
    by_tense = [[verb for verb in verbs if tense(verb) == name] for name in ("past", "present")]
    return [same[place : place + 3] for same in by_tense for place in range(0, len(same) - 2, 3)]


def _thing(verbs: list[str], rng: random.Random) -> Statement:
    return Statement(f"{rng.choice(('The', 'This', 'Our'))} {rng.choice(_NOUNS)}", "It", "which", verbs)


def _person(verbs: list[str], rng: random.Random) -> Statement:
    """Somebody whom the pronouns in the verb phrases may mean."""
    words = set(_GENDERED.findall(" ".join(verbs)))
    if not words:
        people = _PEOPLE
    elif words <= {"her", "herself", "she"}:
        people = ("Mary", *HER)
    else:
        people = ("Tom", *HIS)
    who = rng.choice(people)
    return Statement(who, again(who), "who", verbs)


def _introduce(verb: str, meetings: list[str], rng: random.Random) -> Row:
    """Somebody met who does something, or somebody whose part is named in an apposition."""
    name = rng.choice(("Tom", "Mary"))
    if meetings and rng.random() < 0.5:
        meeting = meetings.pop()
        return f"{meeting}{name}, who {verb}.", f"{meeting}{name}. {pronoun(name)} {verb}."
    role, is_or_was = rng.choice(_ROLES), "is"
    if tense(verb) == "past":
        is_or_was = "was"
    return f"{name}, {role}, {verb}.", f"{name} {verb}. {pronoun(name)} {is_or_was} {role}."
