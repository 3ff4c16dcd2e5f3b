"""The word lists of the everyday rows: names, places, days, numbers, nouns, verbs."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from typing import NamedTuple

LISTS = Path(__file__).parent / "lists"
# What invented names are made of.
_OPENINGS = (
    "b",
    "br",
    "d",
    "f",
    "g",
    "k",
    "kr",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "st",
    "t",
    "tr",
    "v",
    "w",
    "z",
    "h",
)
_VOWELS = ("a", "e", "i", "o", "u", "a", "e", "o", "ei", "ou", "ie")
_ENDINGS = ("", "n", "r", "l", "k", "m", "nd", "ck", "t", "rn", "x", "sh", "v")


@cache
def rows(name: str) -> tuple[tuple[str, ...], ...]:
    """The lines of one list, cut at tabs; lines that open with # are notes."""
    lines = (LISTS / f"{name}.tsv").read_text(encoding="utf-8").rstrip("\n").split("\n")
    return tuple(tuple(line.split("\t")) for line in lines if line and not line.startswith("#"))


@cache
def names(kind: str) -> tuple[str, ...]:
    """First names of "he" or "she", or "last" names."""
    return next(tuple(words.split()) for key, words in rows("names") if key == kind)


class Pair(NamedTuple):
    """The same thing in both languages."""

    english: str
    german: str


@cache
def pairs(name: str) -> tuple[Pair, ...]:
    """The first two columns of a list."""
    return tuple(Pair(row[0], row[1]) for row in rows(name))


@cache
def calendar(kind: str) -> tuple[Pair, ...]:
    """The "day" names or the "month" names."""
    return tuple(Pair(english, german) for key, english, german in rows("calendar") if key == kind)


@cache
def languages() -> tuple[Pair, ...]:
    """Languages, as nouns."""
    return tuple(Pair(row[2], row[3]) for row in rows("countries") if row[2])


def invented(chance: random.Random) -> str:
    """A name that nobody has, of one to three syllables: what can only be copied."""
    syllables = [
        chance.choice(_OPENINGS) + chance.choice(_VOWELS) for _ in range(chance.choice((1, 2, 2, 2, 3)))
    ]
    return ("".join(syllables) + chance.choice(_ENDINGS)).capitalize()


def first_name(kind: str, chance: random.Random) -> str:
    """A first name of "he" or "she"; one in eight is invented."""
    if chance.random() < 0.125:
        return invented(chance)
    return chance.choice(names(kind))


def last_name(chance: random.Random) -> str:
    """A family name; one in five is invented."""
    if chance.random() < 0.2:
        return invented(chance)
    return chance.choice(names("last"))


def known_person(kind: str, chance: random.Random) -> str:
    """As `person`, with a first name that says "he" or "she": never an invented one."""
    first = chance.choice(names(kind))
    if chance.random() < 0.25:
        return f"{first} {last_name(chance)}"
    return first


def person(kind: str, chance: random.Random) -> str:
    """A first name, in one of four cases with a family name."""
    first = first_name(kind, chance)
    if chance.random() < 0.25:
        return f"{first} {last_name(chance)}"
    return first


def number(chance: random.Random, low: int = 2, high: int = 9_999_999) -> int:
    """A count: small ones often, large ones and round ones now and then."""
    # Lowest, highest, weight.
    bands = (
        (2, 12, 5),
        (13, 99, 6),
        (100, 999, 4),
        (1_000, 9_999, 2),
        (10_000, 999_999, 1),
        (10**6, high, 0.3),
    )
    fitting = [(max(low, a), min(high, b), weight) for a, b, weight in bands if a <= high and b >= low]
    start, stop, _ = chance.choices(fitting, weights=[weight for *_, weight in fitting])[0]
    value = chance.randint(start, stop)
    # Round numbers are common where they are large.
    if value >= 100 and chance.random() < 0.4:
        step = 10 ** (len(str(value)) - chance.choice((1, 2)))
        value = max(low, value // step * step)
    return value


def grouped(value: int) -> Pair:
    """A number in digits: 1,200 and 1.200; four digits and less may stand without in both."""
    english = f"{value:,}"
    return Pair(english, english.replace(",", "."))
