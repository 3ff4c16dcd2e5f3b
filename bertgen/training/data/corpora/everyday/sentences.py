"""Everyday sentences with the two or three that say the same: rows for splitting and for fusing."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import NamedTuple

from bertgen.training.data.corpora.everyday import lexicon
from bertgen.training.data.corpora.everyday.fillings import fill
from bertgen.training.data.corpora.everyday.people import (
    Subject,
    about,
    capital,
    conjugated,
    mentions,
    one_person,
    subject,
)

Row = tuple[str, str]
# A clause in the present, by its blanks and its verbs.
_PRESENT = re.compile(r"~|\{(?:is|has|do)\}|\b(?:is|are|has|closes|opens|wants|can't|starts|costs|likes)\b")
# Words that need what went before.
_LEANING = re.compile(r"\b(?:it|they|them|there|one|him|others?)\b")
# Facts that can be told of somebody who is dead.
_PAST_FACT = re.compile(r"\{was\}|grew|studied|come~")
_TIMES = re.compile(r"\{(time2?)\}")


class Both(NamedTuple):
    """One sentence, the sentences it becomes, and those it may be fused from (the first is plain)."""

    whole: str
    parts: str
    apart: tuple[str, ...]


def _pattern(text: str, chance: random.Random) -> str:
    """Blanks for numbers, places and times filled; those for the subject stay."""
    slots = {slot: _time(chance) for slot in dict.fromkeys(_TIMES.findall(text))}
    text = _TIMES.sub(lambda match: slots[match[1]], text)
    marked = re.sub(r"\{(P|O|M|x|is|was|has|had|do)\}", r"<\1>", text)
    return re.sub(r"<(P|O|M|x|is|was|has|had|do)>", r"{\1}", fill(marked, marked, chance)[0])


def _time(chance: random.Random) -> str:
    return f"{chance.randint(1, 12)}:{chance.choice(('00', '10', '15', '20', '30', '45', '50'))}"


def _clauses(kind: str, chance: random.Random) -> tuple[str, str]:
    row = chance.choice([row for row in lexicon.rows("clauses") if row[0] == kind])
    first, second = _pattern(f"{row[1]} | {row[2]}", chance).split(" | ")
    return first, second


def _two(first: str, second: str, who: Subject) -> tuple[str, str]:
    """The two clauses in this order; the second one names the subject only where the first does not."""
    return about(first, who, False), about(second, who, mentions(first))


def _apart(first: str, second: str, who: Subject, chance: random.Random, *openings: str) -> tuple[str, ...]:
    """Two plain sentences, now and then with the name repeated; and those with an opening of the second."""
    a, b = _two(first, second, who)
    plain = f"{capital(a)}. {capital(b)}."
    if chance.random() < 0.2:
        plain = f"{capital(a)}. {capital(about(second, who, False))}."
    return (plain, *(f"{capital(a)}. {opening}{b}." for opening in openings))


def cause(chance: random.Random) -> Both:
    """A, so B. / B because A. / Because A, B."""
    first, second = _clauses("cause", chance)
    who = subject(chance)
    a, b = _two(first, second, who)
    kind = chance.random()
    # An effect that leans on its cause ("there", "a new one") cannot come first.
    if _LEANING.search(second):
        kind *= 0.65
    if kind < 0.45:
        parts = f"{capital(a)}. Therefore, {b}."
        return Both(f"{capital(a)}, so {b}.", parts, _apart(first, second, who, chance, "Therefore, ", "So "))
    if kind < 0.65:
        opening = chance.choice(("Because", "Since", "As"))
        return Both(f"{opening} {a}, {b}.", f"{capital(a)}. Therefore, {b}.", ())
    b, a = _two(second, first, who)
    verb = "was"
    if _PRESENT.search(second):
        verb = "is"
    parts = f"{capital(b)}. This {verb} because {a}."
    return Both(f"{capital(b)} because {a}.", parts, (*_apart(second, first, who, chance), parts))


def contrast(chance: random.Random) -> Both:
    """A, but B. / Although A, B."""
    first, second = _clauses("contrast", chance)
    who = subject(chance)
    a, b = _two(first, second, who)
    parts = f"{capital(a)}. However, {b}."
    if chance.random() < 0.65:
        apart = _apart(first, second, who, chance, "However, ", "But ")
        return Both(f"{capital(a)}, but {b}.", parts, apart)
    opening = chance.choice(("Although", "Although", "Though", "Even though"))
    return Both(f"{opening} {a}, {b}.", parts, ())


def sequence(chance: random.Random) -> Both:
    """Two or three verbs of one subject."""
    first, second = _clauses("sequence", chance)
    who = subject(chance)
    a, b = _two(first, second, who)
    # Without its pronoun the second verb hangs on the first subject.
    without = b.removeprefix(f"{who.pronoun} ")
    if without == b:
        return other(chance)
    apart = _apart(first, second, who, chance)
    return Both(f"{capital(a)} and {without}.", f"{capital(a)}. {capital(b)}.", apart)


def three(chance: random.Random) -> Both:
    """A, B and C of one subject: A. B and C."""
    # Clauses of several rows, each of which can stand without its neighbour.
    rows = [row for row in lexicon.rows("clauses") if row[0] == "sequence"]
    clauses = [
        clause
        for row in rows
        for clause in row[1:]
        if not _LEANING.search(clause) and not _PRESENT.search(clause)
    ]
    drawn = [_pattern(clause, chance) for clause in chance.sample(clauses, 3)]
    who = subject(chance)
    a, b, c = about(drawn[0], who, False), about(drawn[1], who, True), about(drawn[2], who, True)
    bare_b, bare_c = (text.removeprefix(f"{who.pronoun} ") for text in (b, c))
    comma = chance.choice(("", ","))
    return Both(
        f"{capital(a)}, {bare_b}{comma} and {bare_c}.", f"{capital(a)}. {capital(b)} and {bare_c}.", ()
    )


def other(chance: random.Random) -> Both:
    """Two subjects, joined by and; both are kept."""
    first, second = _clauses("other", chance)
    who = subject(chance)
    a, b = _two(first, second, who)
    plain = f"{capital(a)}. {capital(b)}."
    return Both(f"{capital(a)}, and {b}.", plain, (plain,))


def meanwhile(chance: random.Random) -> Both:
    """While A, B."""
    first, second = _clauses("while", chance)
    who = subject(chance)
    a, b = _two(first, second, who)
    parts = f"{capital(a)}. Meanwhile, {b}."
    if chance.random() < 0.5 or _LEANING.search(second):
        return Both(f"While {a}, {b}.", parts, (parts, f"{capital(a)}. At the same time, {b}."))
    b, a = _two(second, first, who)
    return Both(f"{capital(b)} while {a}.", f"{capital(b)}. Meanwhile, {a}.", ())


def afterwards(chance: random.Random) -> Both:
    """After A, B."""
    first, second = _clauses("after", chance)
    who = subject(chance)
    a, b = _two(first, second, who)
    parts = f"{capital(a)}. After that, {b}."
    return Both(f"After {a}, {b}.", parts, (parts, f"{capital(a)}. Then {b}."))


def _drawn(kind: str, chance: random.Random) -> str:
    return _pattern(chance.choice([row[1] for row in lexicon.rows("relatives") if row[0] == kind]), chance)


_ROLES = (
    *("a doctor", "a teacher", "a lawyer", "a nurse", "a student from {country}", "a painter from {city}"),
    *(
        "a friend of mine",
        "a famous singer",
        "a young writer",
        "an engineer",
        "a farmer",
        "the mayor of {city}",
    ),
    *("the president of the club", "a retired policeman", "my neighbor", "the owner of the shop", "our boss"),
    *("a {age}-year-old student", "a scientist", "a musician from {country}", "the best player of the team"),
)


def fact_and_deed(chance: random.Random) -> Both:
    """Anna, who was born in Rome, won two medals. / Anna, a doctor, ..."""
    who = one_person(chance)
    name, pronoun = capital(who.name), capital(who.pronoun)
    deed = about(_drawn("deed", chance), who, True)
    if chance.random() < 0.7:
        fact = _fact(deed, who, chance)
        inner, said = f"who {fact}", fact
    else:
        inner = _pattern(chance.choice(_ROLES), chance)
        said = f"is {inner}"
        # Of those who did something long ago what they are is told in the past.
        if re.search(r"\b(?:died|won|wrote|discovered)\b", deed):
            said = f"was {inner}"
    parts = f"{name} {deed}. {pronoun} {said}."
    apart = (parts,)
    if chance.random() < 0.2:
        apart = (parts, f"{name} {deed}. {name} {said}.")
    return Both(f"{name}, {inner}, {deed}.", parts, apart)


def _fact(deed: str, who: Subject, chance: random.Random) -> str:
    """Something about who did the deed; of the past, where the deed is long ago."""
    fact = _drawn("fact", chance)
    while re.search(r"\d{4}|\bdied\b|Nobel", deed) and not _PAST_FACT.match(fact):
        fact = _drawn("fact", chance)
    return about(fact, who, True)


def met(chance: random.Random) -> Both:
    """This is my friend Anna, who lives in Rome."""
    who = one_person(chance)
    opening = chance.choice(
        (
            "This is {x}",
            "I wrote a letter to {x}",
            "We had dinner with {x}",
            "I live with {x}",
            "I often think of {x}",
            "Yesterday I called {x}",
            "I got this book from {x}",
            "I am waiting for {x}",
            "On {day} we visited {x}",
            "I went to {country} with {x}",
            "Do not forget to invite {x}",
            "In {city} I met {x}",
            "I work with {x}",
        )
    )
    # The name comes last, so that the clause hangs on it.
    first = _pattern(opening, chance).replace("{x}", who.name)
    fact = about(_drawn("fact", chance), who, True)
    parts = f"{capital(first)}. {capital(who.pronoun)} {fact}."
    return Both(f"{capital(first)}, who {fact}.", parts, (parts,))


def thing(chance: random.Random) -> Both:
    """The bridge, which was built in 1932, crosses the river."""
    # 1) a thing, two of its verbs, a fact about it
    row = chance.choice([row for row in lexicon.rows("relatives") if row[0] == "thing"])
    verbs = [_pattern(verb, chance) for verb in chance.sample(row[2:], 2)]
    article = chance.choice(("the", "the", "the old", "the new", "our", "the big", "the small"))
    name = capital(f"{article} {row[1]}")
    fact = conjugated(_drawn("thingfact", chance), "3s")
    # 2) a clause in the middle with one verb behind it or two, or the two verbs alone
    if chance.random() < 0.25:
        return Both(
            f"{name}, which {fact}, {verbs[0]} and {verbs[1]}.",
            (f"{name} {verbs[0]} and {verbs[1]}. It {fact}."),
            (),
        )
    if chance.random() < 0.3:
        parts = f"{name} {verbs[0]}. It {verbs[1]}."
        return Both(f"{name} {verbs[0]} and {verbs[1]}.", parts, (parts,))
    parts = f"{name} {verbs[0]}. It {fact}."
    return Both(f"{name}, which {fact}, {verbs[0]}.", parts, (parts,))


def whole(chance: random.Random) -> str:
    """A sentence that stays as it is: short, or with a clause that must not be cut."""
    text = _pattern(chance.choice([row[1] for row in lexicon.rows("relatives") if row[0] == "whole"]), chance)
    return capital(about(text, subject(chance), False))


_KINDS = (
    (cause, 5),
    (contrast, 5),
    (sequence, 4),
    (other, 2),
    (meanwhile, 1.5),
    (afterwards, 1.5),
    (fact_and_deed, 5),
    (met, 2),
    (thing, 3),
)


def _any(chance: random.Random) -> Both:
    makers, weights = zip(*_KINDS, strict=True)
    return chance.choices(makers, weights=weights)[0](chance)


def split_rows(count: int, chance: random.Random) -> Iterator[Row]:
    """One sentence -> the ones that it becomes; one in five stays whole."""
    for _ in range(count):
        kind = chance.random()
        if kind < 0.2:
            text = whole(chance)
            yield text, text
        elif kind < 0.28:
            both = three(chance)
            yield both.whole, both.parts
        else:
            both = _any(chance)
            yield both.whole, both.parts


def fuse_rows(count: int, chance: random.Random) -> Iterator[Row]:
    """Two sentences -> one; the plain form twice as often as those with an opening of the second."""
    for _ in range(count):
        both = _any(chance)
        if not both.apart:
            continue
        # An opening such as "However," tells the connective; without one the sense must.
        plain, *opened = both.apart
        if opened and chance.random() < 0.4:
            plain = chance.choice(opened)
        yield plain, both.whole
