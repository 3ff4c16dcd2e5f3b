"""Sentences put together by the grammar of both languages: who did what with how many, when and where."""

from __future__ import annotations

import random
import re
from typing import NamedTuple

from bertgen.training.corpora.everyday import lexicon
from bertgen.training.corpora.everyday.fillings import clock, money, same
from bertgen.training.corpora.everyday.german import (
    Noun,
    a_or_an,
    adjective,
    definite,
    ein_word,
    nouns,
)

Pair = lexicon.Pair
Row = tuple[str, str]


class Subject(NamedTuple):
    """Who acts; `person` is one of 1s 2s 3s 1p 2p 3p (Sie counts as 3p)."""

    english: str
    german: str
    person: str


class Verb(NamedTuple):
    """A verb that takes an accusative object; `prefix` is the one that separates."""

    infinitive: str
    past: str
    participle: str
    german: str
    prefix: str
    er: str
    du: str
    done: str
    kinds: frozenset[str]


_SUBJECTS = (
    Subject("I", "ich", "1s"),
    Subject("I", "ich", "1s"),
    Subject("you", "du", "2s"),
    Subject("you", "Sie", "3p"),
    Subject("you", "ihr", "2p"),
    Subject("he", "er", "3s"),
    Subject("she", "sie", "3s"),
    Subject("we", "wir", "1p"),
    Subject("they", "sie", "3p"),
    Subject("my brother", "mein Bruder", "3s"),
    Subject("my sister", "meine Schwester", "3s"),
    Subject("my father", "mein Vater", "3s"),
    Subject("my mother", "meine Mutter", "3s"),
    Subject("my parents", "meine Eltern", "3p"),
    Subject("our neighbors", "unsere Nachbarn", "3p"),
    Subject("the teacher", "der Lehrer", "3s"),
    Subject("the children", "die Kinder", "3p"),
    Subject("his wife", "seine Frau", "3s"),
    Subject("her husband", "ihr Mann", "3s"),
    Subject("the old man", "der alte Mann", "3s"),
    Subject("a friend of mine", "ein Freund von mir", "3s"),
)
_HABEN = {"1s": "habe", "2s": "hast", "3s": "hat", "1p": "haben", "2p": "habt", "3p": "haben"}
_WERDEN = {"1s": "werde", "2s": "wirst", "3s": "wird", "1p": "werden", "2p": "werdet", "3p": "werden"}
_MODALS = {
    "can": {"1s": "kann", "2s": "kannst", "3s": "kann", "1p": "können", "2p": "könnt", "3p": "können"},
    "must": {"1s": "muss", "2s": "musst", "3s": "muss", "1p": "müssen", "2p": "müsst", "3p": "müssen"},
    "should": {"1s": "sollte", "2s": "solltest", "3s": "sollte", "1p": "sollten", "2p": "solltet", "3p": "sollten"},
    "want to": {"1s": "will", "2s": "willst", "3s": "will", "1p": "wollen", "2p": "wollt", "3p": "wollen"},
    "would like to": {
        "1s": "möchte",
        "2s": "möchtest",
        "3s": "möchte",
        "1p": "möchten",
        "2p": "möchtet",
        "3p": "möchten",
    },
}
_OWNERS = (("my", "mein"), ("his", "sein"), ("her", "ihr"), ("our", "unser"), ("their", "ihr"), ("your", "dein"))
_STATES = ("need", "know", "like", "love", "hate", "understand")
_NOUNS = nouns()
_VERBS = [Verb(*row[:8], frozenset(row[8].split(","))) for row in lexicon.rows("verbs")]
_ADJECTIVES = [(row[0], row[1], frozenset(row[2].split(","))) for row in lexicon.rows("adjectives")]


def _subject(chance: random.Random) -> Subject:
    if chance.random() < 0.35:
        name = lexicon.person(chance.choice(("he", "she")), chance)
        return Subject(name, name, "3s")
    return chance.choice(_SUBJECTS)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def present(verb: Verb, person: str) -> str:
    """The German present, without the prefix: ich kaufe, du siehst, ihr seht."""
    base = verb.german[len(verb.prefix) :]
    if base == "mögen":
        return {"1s": "mag", "2s": "magst", "3s": "mag", "2p": "mögt"}.get(person, base)
    stem = re.sub(r"e?n$", "", base)
    if person == "1s":
        return "sammle" if base == "sammeln" else f"{stem}e"
    if person == "2p":
        return f"{stem}et" if re.search(r"[td]$|[^lrh]n$|ffn$|chn$", stem) and stem[-2:] not in ("nn",) else f"{stem}t"
    return {"2s": verb.du, "3s": verb.er}.get(person, base)


def _english_present(verb: str, person: str, subject: str) -> str:
    if person != "3s":
        return verb
    first, _, rest = verb.partition(" ")
    ending = "es" if re.search(r"(?:s|sh|ch|x|o)$", first) else "s"
    if re.search(r"[^aeiou]y$", first):
        first, ending = first[:-1], "ies"
    return f"{first}{ending} {rest}".strip()


def noun_phrase(noun: Noun, chance: random.Random, case: str, article: str) -> Pair:
    """A noun with `article` number, a, the, my, some, many, no, and in two of five cases an adjective."""
    fitting = [each for each in _ADJECTIVES if each[2] & noun.kinds]
    english_adjective, german_adjective = "", ""
    if fitting and chance.random() < 0.4:
        english_adjective, german_adjective, _ = chance.choice(fitting)
    plural = article in ("number", "some", "many", "all") or (
        article in ("the", "own", "no") and chance.random() < 0.4
    )
    gender = "pl" if plural else noun.gender
    owner = chance.choice(_OWNERS)
    count = lexicon.grouped(lexicon.number(chance, 2, 20_000))
    english, german, after = {
        "number": (count.english, count.german, ""),
        "some": ("some", "einige", ""),
        "many": ("many", "viele", ""),
        "all": ("all the", "alle", "der"),
        "a": ("a", ein_word("ein", gender, case) if not plural else "", "ein"),
        "the": ("the", definite(gender, case), "der"),
        "own": (owner[0], ein_word(owner[1], gender, case), "ein"),
        "no": ("no", ein_word("kein", gender, case), "ein"),
    }[article]
    english_noun = noun.many if plural else noun.one
    if article == "a":
        english = a_or_an(english_adjective or english_noun)
    bent = adjective(german_adjective, gender, case, after) if german_adjective else ""
    german_noun = noun.plural if plural else noun.german
    return Pair(
        " ".join(part for part in (english, english_adjective, english_noun) if part),
        " ".join(part for part in (german, bent, german_noun) if part),
    )


_ARTICLES = ("number", "number", "number", "a", "a", "the", "the", "own", "some", "many")


def _object(verb: Verb, chance: random.Random) -> Pair:
    """What the verb is done to: one noun phrase, or a list of two or three with numbers."""
    fitting = [noun for noun in _NOUNS if noun.kinds & verb.kinds]
    if chance.random() < 0.2:
        drawn = chance.sample(fitting, chance.choice((2, 2, 3)))
        phrases = [noun_phrase(noun, chance, "acc", chance.choice(("number", "number", "a"))) for noun in drawn]
        return listed(phrases, chance)
    return noun_phrase(chance.choice(fitting), chance, "acc", chance.choice(_ARTICLES))


def listed(phrases: list[Pair], chance: random.Random) -> Pair:
    """A list with "and"; English with or without the last comma, German without."""
    last = ", and " if len(phrases) > 2 and chance.random() < 0.5 else " and "
    english = ", ".join(phrase.english for phrase in phrases[:-1]) + last + phrases[-1].english
    german = ", ".join(phrase.german for phrase in phrases[:-1]) + " und " + phrases[-1].german
    return Pair(english, german)


def _when(chance: random.Random, past: bool) -> Pair:
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
    if past:
        year = chance.randint(1950, 2026)
        ago = chance.choice((("days", "Tagen"), ("weeks", "Wochen"), ("months", "Monaten"), ("years", "Jahren")))
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


def _where(verb: Verb, chance: random.Random) -> Pair:
    """A place, or a price where something is bought or sold."""
    if verb.infinitive in ("buy", "sell", "order") and chance.random() < 0.5:
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


class _Parts(NamedTuple):
    subject: Subject
    verb: Verb
    thing: Pair
    place: Pair
    time: Pair

    def middle(self) -> str:
        """Time, place and object, in the order of a German sentence; a price follows the object."""
        if self.place.german.startswith("für "):
            return " ".join(part for part in (self.time.german, self.thing.german, self.place.german) if part)
        return " ".join(part for part in (self.time.german, self.place.german, self.thing.german) if part)

    def tail(self) -> str:
        """Object, place and time, in the order of an English sentence."""
        return " ".join(part for part in (self.thing.english, self.place.english, self.time.english) if part)


_NOTHING = Pair("", "")


def _draw(chance: random.Random, past: bool, states: bool) -> _Parts:
    verbs = [verb for verb in _VERBS if states or verb.infinitive not in _STATES]
    verb = chance.choice(verbs)
    place = _where(verb, chance) if chance.random() < 0.3 else _NOTHING
    time = _when(chance, past) if chance.random() < 0.5 else _NOTHING
    return _Parts(_subject(chance), verb, _object(verb, chance), place, time)


def _do(subject: Subject) -> str:
    return "does" if subject.person == "3s" else "do"


def _past_statement(chance: random.Random) -> Row:
    """He bought 3 apples in Vienna yesterday; now and then the time first, or a question."""
    parts = _draw(chance, past=True, states=False)
    who, verb = parts.subject, parts.verb
    haben = _HABEN[who.person]
    kind = chance.random()
    if kind < 0.2:
        return f"Did {who.english} {verb.infinitive} {parts.tail()}?", (
            f"{_capital(haben)} {who.german} {parts.middle()} {verb.done}?"
        )
    if kind < 0.4 and parts.time.english:
        rest = parts._replace(time=_NOTHING)
        return f"{_capital(parts.time.english)}, {who.english} {verb.past} {rest.tail()}.", (
            f"{_capital(parts.time.german)} {haben} {who.german} {rest.middle()} {verb.done}."
        )
    return _capital(f"{who.english} {verb.past} {parts.tail()}."), (
        _capital(f"{who.german} {haben} {parts.middle()} {verb.done}.")
    )


def _future_statement(chance: random.Random) -> Row:
    parts = _draw(chance, past=False, states=False)
    who, verb = parts.subject, parts.verb
    return _capital(f"{who.english} will {verb.infinitive} {parts.tail()}."), (
        _capital(f"{who.german} {_WERDEN[who.person]} {parts.middle()} {verb.german}.")
    )


def _modal_statement(chance: random.Random) -> Row:
    parts = _draw(chance, past=False, states=False)
    who, verb = parts.subject, parts.verb
    modal = chance.choice(tuple(_MODALS))
    german = _MODALS[modal][who.person]
    if modal in ("can", "should") and chance.random() < 0.3:
        return f"{_capital(modal)} {who.english} {verb.infinitive} {parts.tail()}?", (
            f"{_capital(german)} {who.german} {parts.middle()} {verb.german}?"
        )
    english = "wants to" if modal == "want to" and who.person == "3s" else modal
    return _capital(f"{who.english} {english} {verb.infinitive} {parts.tail()}."), (
        _capital(f"{who.german} {german} {parts.middle()} {verb.german}.")
    )


def _present_statement(chance: random.Random) -> Row:
    """He needs 3 apples. Do you like the red car?"""
    parts = _draw(chance, past=False, states=True)._replace(time=_NOTHING, place=_NOTHING)
    who, verb = parts.subject, parts.verb
    german = present(verb, who.person)
    if chance.random() < 0.3:
        return f"{_capital(_do(who))} {who.english} {verb.infinitive} {parts.tail()}?", (
            f"{_capital(german)} {who.german} {parts.middle()} {verb.prefix}".rstrip() + "?"
        )
    english = _english_present(verb.infinitive, who.person, who.english)
    return _capital(f"{who.english} {english} {parts.tail()}."), (
        _capital(f"{who.german} {german} {parts.middle()} {verb.prefix}".rstrip() + ".")
    )


def _negative(chance: random.Random) -> Row:
    """He did not buy the car; nicht behind an object that is known, kein for "a" and plurals."""
    parts = _draw(chance, past=True, states=False)
    who, verb = parts.subject, parts.verb
    noun = chance.choice([noun for noun in _NOUNS if noun.kinds & verb.kinds])
    thing = noun_phrase(noun, chance, "acc", chance.choice(("the", "own")))
    english = chance.choice(("did not", "didn't"))
    return _capital(f"{who.english} {english} {verb.infinitive} {thing.english}."), (
        _capital(f"{who.german} {_HABEN[who.person]} {thing.german} nicht {verb.done}.")
    )


def _command(chance: random.Random) -> Row:
    parts = _draw(chance, past=False, states=False)._replace(place=_NOTHING, time=_NOTHING)
    verb = parts.verb
    base = verb.german[len(verb.prefix) :]
    kind = chance.random()
    if kind < 0.4:
        return f"Let's {verb.infinitive} {parts.tail()}.", f"Lass uns {parts.middle()} {verb.german}."
    german = f"{_capital(base)} Sie bitte {parts.middle()} {verb.prefix}".rstrip()
    if kind < 0.7:
        return f"Please {verb.infinitive} {parts.tail()}.", f"{german}."
    return f"{_capital(verb.infinitive)} {parts.tail()}, please.", f"{german}."


def _how_many(chance: random.Random) -> Row:
    parts = _draw(chance, past=True, states=False)
    who, verb = parts.subject, parts.verb
    noun = chance.choice([noun for noun in _NOUNS if noun.kinds & verb.kinds])
    place = parts._replace(thing=_NOTHING)
    german = f"{_HABEN[who.person]} {who.german} {place.middle()} ".replace("  ", " ")
    return f"How many {noun.many} did {who.english} {verb.infinitive} {place.tail()}".rstrip() + "?", (
        f"Wie viele {noun.plural} {german}{verb.done}?"
    )


def _have(chance: random.Random) -> Row:
    """I have 3 dogs; she had no brothers."""
    who = _subject(chance)
    noun = chance.choice([noun for noun in _NOUNS if noun.kinds & {"animal", "shop", "food", "idea"}])
    thing = noun_phrase(noun, chance, "acc", chance.choice(("number", "number", "number", "a", "no", "many")))
    verb = "has" if who.person == "3s" else "have"
    if chance.random() < 0.2:
        return f"{_capital(_do(who))} {who.english} have {thing.english}?", (
            f"{_capital(_HABEN[who.person])} {who.german} {thing.german}?"
        )
    return _capital(f"{who.english} {verb} {thing.english}."), (
        _capital(f"{who.german} {_HABEN[who.person]} {thing.german}.")
    )


_SPOTS = (
    ("on the table", "auf dem Tisch", "thing,food"),
    ("in the box", "in der Kiste", "food,shop"),
    ("in the kitchen", "in der Küche", "food,shop,person"),
    ("in the fridge", "im Kühlschrank", "food"),
    ("in front of the house", "vor dem Haus", "vehicle,animal,person"),
    ("in the garden", "im Garten", "plant,animal,person"),
    ("in the street", "auf der Straße", "vehicle,person,animal"),
    ("in my bag", "in meiner Tasche", "food"),
    ("behind the school", "hinter der Schule", "vehicle,person,plant"),
)


def _there_are(chance: random.Random) -> Row:
    english, german, kinds = chance.choice(_SPOTS)
    noun = chance.choice([noun for noun in _NOUNS if noun.kinds & frozenset(kinds.split(","))])
    thing = noun_phrase(noun, chance, "nom", chance.choice(("number", "number", "many", "a")))
    singular = thing.german.startswith("ein") and not thing.german.startswith("einige")
    be, sein = ("is", "ist") if singular else ("are", "sind")
    return f"There {be} {thing.english} {english}.", f"{_capital(german)} {sein} {thing.german}."


def _description(chance: random.Random) -> Row:
    """The car is red; my shoes are old."""
    noun = chance.choice([noun for noun in _NOUNS if any(each[2] & noun.kinds for each in _ADJECTIVES)])
    english, german, _ = chance.choice([each for each in _ADJECTIVES if each[2] & noun.kinds])
    plural = chance.random() < 0.4
    gender = "pl" if plural else noun.gender
    owner = chance.choice((("the", None), ("the", None), *_OWNERS))
    article = ein_word(owner[1], gender, "nom") if owner[1] else definite(gender, "nom")
    very = chance.choice((("", ""), ("", ""), ("very ", "sehr "), ("too ", "zu "), ("not ", "nicht ")))
    be, sein = ("are", "sind") if plural else ("is", "ist")
    return (
        _capital(f"{owner[0]} {noun.many if plural else noun.one} {be} {very[0]}{english}."),
        _capital(f"{article} {noun.plural if plural else noun.german} {sein} {very[1]}{german}."),
    )


def phrase(chance: random.Random) -> Row:
    """A noun phrase alone: a red car, 12 eggs, my old dogs."""
    pair = noun_phrase(chance.choice(_NOUNS), chance, "nom", chance.choice((*_ARTICLES, "all", "no")))
    return pair.english, pair.german


def shopping_list(chance: random.Random) -> Row:
    """3 apples, 2 bottles, 12 eggs, with a heading or without."""
    fitting = [noun for noun in _NOUNS if noun.kinds & {"food", "shop"}]
    drawn = chance.sample(fitting, chance.randint(2, 5))
    things = [(same(chance.randint(2, 30)), noun) for noun in drawn]
    english = ", ".join(f"{count.english} {noun.many}" for count, noun in things)
    german = ", ".join(f"{count.german} {noun.plural}" for count, noun in things)
    heading = chance.choice((("", ""), ("Shopping list: ", "Einkaufsliste: "), ("We need: ", "Wir brauchen: ")))
    return heading[0] + english, heading[1] + german


_PATTERNS = (
    (_past_statement, 6),
    (_future_statement, 2),
    (_modal_statement, 3),
    (_present_statement, 4),
    (_negative, 1),
    (_command, 1),
    (_how_many, 1),
    (_have, 4),
    (_there_are, 2),
    (_description, 2),
    (phrase, 2),
    (shopping_list, 1),
)


def sentence(chance: random.Random) -> Row:
    """One sentence of any pattern."""
    patterns, weights = zip(*_PATTERNS, strict=True)
    source, target = chance.choices(patterns, weights=weights)[0](chance)
    if source.endswith(".m.."):
        source = source[:-1]
    return source, target
