"""Noun phrases, lists, times and places, in both languages at once."""

from __future__ import annotations

import random

from bertgen.training.data.corpora.everyday import lexicon
from bertgen.training.data.corpora.everyday.fillings import clock, money
from bertgen.training.data.corpora.everyday.german import (
    Noun,
    a_or_an,
    adjective,
    definite,
    ein_word,
    nouns,
)

Pair = lexicon.Pair
NOUNS = nouns()
ADJECTIVES = [(row[0], row[1], frozenset(row[2].split(","))) for row in lexicon.rows("adjectives")]
OWNERS = (
    ("my", "mein"),
    ("his", "sein"),
    ("her", "ihr"),
    ("our", "unser"),
    ("their", "ihr"),
    ("your", "dein"),
)


def noun_phrase(noun: Noun, chance: random.Random, case: str, article: str) -> Pair:
    """A noun with `article` number, a, the, my, some, many, no, and in two of five cases an adjective."""
    # An adjective that suits the noun, in two of five cases.
    fitting = [each for each in ADJECTIVES if each[2] & noun.kinds]
    english_adjective, german_adjective = "", ""
    if fitting and chance.random() < 0.4:
        english_adjective, german_adjective, _ = chance.choice(fitting)
    plural = article in ("number", "some", "many", "all") or (
        article in ("the", "own", "no") and chance.random() < 0.4
    )
    # 1) number and gender
    english_noun, german_noun, gender = noun.one, noun.german, noun.gender
    if plural:
        english_noun, german_noun, gender = noun.many, noun.plural, "pl"
    # 2) the article in both languages, and what kind of ending it leaves to the adjective
    owner = chance.choice(OWNERS)
    count = lexicon.grouped(lexicon.number(chance, 2, 20_000))
    ein = ""
    if not plural:
        ein = ein_word("ein", gender, case)
    english, german, after = {
        "number": (count.english, count.german, ""),
        "some": ("some", "einige", ""),
        "many": ("many", "viele", ""),
        "all": ("all the", "alle", "der"),
        "a": ("a", ein, "ein"),
        "the": ("the", definite(gender, case), "der"),
        "own": (owner[0], ein_word(owner[1], gender, case), "ein"),
        "no": ("no", ein_word("kein", gender, case), "ein"),
    }[article]
    if article == "a":
        english = a_or_an(english_adjective or english_noun)
    # 3) the adjective with its ending
    bent = ""
    if german_adjective:
        bent = adjective(german_adjective, gender, case, after)
    return Pair(
        " ".join(part for part in (english, english_adjective, english_noun) if part),
        " ".join(part for part in (german, bent, german_noun) if part),
    )


def listed(phrases: list[Pair], chance: random.Random) -> Pair:
    """A list with "and"; English with or without the last comma, German without."""
    last = " and "
    if len(phrases) > 2 and chance.random() < 0.5:
        last = ", and "
    english = ", ".join(phrase.english for phrase in phrases[:-1]) + last + phrases[-1].english
    german = ", ".join(phrase.german for phrase in phrases[:-1]) + " und " + phrases[-1].german
    return Pair(english, german)


def when(chance: random.Random, past: bool) -> Pair:
    """A time; in the past or to come."""
    day, month = chance.choice(lexicon.calendar("day")), chance.choice(lexicon.calendar("month"))
    count, dom, time = chance.randint(2, 60), chance.randint(1, 28), clock(chance)
    either = [
        Pair(f"on {day.english}", f"am {day.german}"),
        Pair(f"in {month.english}", f"im {month.german}"),
        Pair(f"on {month.english} {dom}", f"am {dom}. {month.german}"),
        Pair(f"at {time.english}", f"um {time.german}"),
        Pair("today", "heute"),
        Pair("this morning", "heute Morgen"),
        Pair("this evening", "heute Abend"),
        Pair("this week", "diese Woche"),
    ]
    # What is only past, or only to come, beside what may be either.
    if past:
        year = chance.randint(1950, 2026)
        ago = chance.choice(
            (("days", "Tagen"), ("weeks", "Wochen"), ("months", "Monaten"), ("years", "Jahren"))
        )
        return chance.choice(
            [
                *either,
                Pair("yesterday", "gestern"),
                Pair("last week", "letzte Woche"),
                Pair("last year", "letztes Jahr"),
                Pair(f"last {day.english}", f"letzten {day.german}"),
                Pair(f"in {year}", str(year)),
                Pair(f"in {month.english} {year}", f"im {month.german} {year}"),
                Pair(f"{count} {ago[0]} ago", f"vor {count} {ago[1]}"),
                Pair("yesterday evening", "gestern Abend"),
            ]
        )
    return chance.choice(
        [
            *either,
            Pair("tomorrow", "morgen"),
            Pair("next week", "nächste Woche"),
            Pair("next year", "nächstes Jahr"),
            Pair(f"next {day.english}", f"nächsten {day.german}"),
            Pair("tomorrow morning", "morgen früh"),
            Pair(f"in {count} minutes", f"in {count} Minuten"),
            Pair(f"in {count} days", f"in {count} Tagen"),
        ]
    )


def where(infinitive: str, chance: random.Random) -> Pair:
    """A place; or a price, where the English verb says that something is bought or sold."""
    if infinitive in ("buy", "sell", "order") and chance.random() < 0.5:
        price = money(chance)
        return Pair(f"for {price.english}", f"für {price.german}")
    city, country = chance.choice(lexicon.pairs("cities")), chance.choice(lexicon.pairs("countries"))
    return chance.choice(
        [
            Pair(f"in {city.english}", f"in {city.german}"),
            Pair(f"in {city.english}", f"in {city.german}"),
            Pair(f"in {country.english}", f"in {country.german}"),
            Pair("at the market", "auf dem Markt"),
            Pair("in the garden", "im Garten"),
            Pair("in the city", "in der Stadt"),
        ]
    )
