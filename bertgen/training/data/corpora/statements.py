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
SHORT = 10  # words of a statement
_VERB = rf"(?P<verb>{FINITE_VERB}[^.,;:?!\"]*)\."
_STATEMENT = re.compile(rf"(?:{NAME}) {_VERB}")
_MEETING = re.compile(rf"(?P<a>(?:{SUBJECT})[^.,;:?!]* ){NAME}\.")
_NOUNS = (
    *("book", "house", "train", "ship", "room", "door", "car", "watch", "bus", "box", "river", "bridge"),
    *("store", "hotel", "building", "road", "library", "machine", "letter", "picture", "garden", "lake"),
    *("island", "story", "clock", "church", "town", "school", "museum", "film", "computer", "company"),
)
_THING = re.compile(rf"(?:The|This|My|His|Her|Our) (?:{'|'.join(_NOUNS)}) {_VERB}")
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
class Telling:
    """Who or what is told of, how it is named the second time, and three verb phrases of one tense."""

    who: str
    again: str
    relative: str
    verbs: list[str]

    def tell(self, chance: random.Random) -> Row:
        """One sentence and the two it becomes."""
        who, back, (one, two, three) = self.who, self.again, self.verbs
        low, also = (text if re.match(NAME, text) else text[0].lower() + text[1:] for text in (who, back))
        return chance.choice(
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


def is_statement(line: str) -> bool:
    """Whether it is short, about one of Tatoeba's people, and holds one clause as far as commas show."""
    return len(line.split()) <= SHORT and bool(_STATEMENT.fullmatch(line))


def compose(lines: list[str], count: int, chance: random.Random) -> list[Row]:
    """`count` rows, or as many as there are statements for; every statement is used once."""
    lines = [line for line in lines if len(line.split()) <= SHORT]
    people, things, meetings = (_matches(rule, lines, chance) for rule in (_STATEMENT, _THING, _MEETING))
    rows = [_thing(verbs, chance).tell(chance) for verbs in _triples(things)]
    for verbs in _triples(people):
        if len(rows) >= count:
            break
        rows.append(_person(verbs, chance).tell(chance))
        if not _GENDERED.search(verbs[2]):
            rows.append(_introduce(verbs[2], meetings, chance))
    return rows[:count]


def _matches(rule: re.Pattern[str], lines: list[str], chance: random.Random) -> list[str]:
    found = [match[1] for match in map(rule.fullmatch, lines) if match]
    found = [text for text in found if not re.search(rf"\b(?:{NAME}|and)\b", text)]
    chance.shuffle(found)
    return found


def _triples(verbs: list[str]) -> list[list[str]]:
    """Three by three, all of one tense; those without a plain tense are left out."""
    by_tense = [[verb for verb in verbs if tense(verb) == name] for name in ("past", "present")]
    return [same[place : place + 3] for same in by_tense for place in range(0, len(same) - 2, 3)]


def _thing(verbs: list[str], chance: random.Random) -> Telling:
    return Telling(f"{chance.choice(('The', 'This', 'Our'))} {chance.choice(_NOUNS)}", "It", "which", verbs)


def _person(verbs: list[str], chance: random.Random) -> Telling:
    """Somebody whom the pronouns in the verb phrases may mean."""
    words = set(_GENDERED.findall(" ".join(verbs)))
    hers = words & {"her", "herself", "she"}
    people = _PEOPLE if not words else ("Mary", *HER) if words == hers else ("Tom", *HIS)
    who = chance.choice(people)
    return Telling(who, again(who), "who", verbs)


def _introduce(verb: str, meetings: list[str], chance: random.Random) -> Row:
    """Somebody met who does something, or somebody whose part is named in an apposition."""
    name = chance.choice(("Tom", "Mary"))
    if meetings and chance.random() < 0.5:
        meeting = meetings.pop()
        return f"{meeting}{name}, who {verb}.", f"{meeting}{name}. {pronoun(name)} {verb}."
    role, is_or_was = chance.choice(_ROLES), "was" if tense(verb) == "past" else "is"
    return f"{name}, {role}, {verb}.", f"{name} {verb}. {pronoun(name)} {is_or_was} {role}."
