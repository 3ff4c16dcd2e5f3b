"""Sentences put together by the grammar of both languages: who did what with how many, when and where."""

from __future__ import annotations

import random
from typing import NamedTuple

from bertgen.training.data.corpora.everyday import lexicon
from bertgen.training.data.corpora.everyday.fillings import same
from bertgen.training.data.corpora.everyday.german import definite, ein_word
from bertgen.training.data.corpora.everyday.phrases import (
    ADJECTIVES,
    NOUNS,
    OWNERS,
    listed,
    noun_phrase,
    when,
    where,
)
from bertgen.training.data.corpora.everyday.verbs import (
    HABEN,
    MODALS,
    STATES,
    SUBJECTS,
    VERBS,
    WERDEN,
    Subject,
    Verb,
    english_present,
    present,
)

Pair = lexicon.Pair
Row = tuple[str, str]


def _subject(chance: random.Random) -> Subject:
    if chance.random() < 0.35:
        name = lexicon.person(chance.choice(("he", "she")), chance)
        return Subject(name, name, "3s")
    return chance.choice(SUBJECTS)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


_ARTICLES = ("number", "number", "number", "a", "a", "the", "the", "own", "some", "many")


def _object(verb: Verb, chance: random.Random) -> Pair:
    """What the verb is done to: one noun phrase, or a list of two or three with numbers."""
    fitting = [noun for noun in NOUNS if noun.kinds & verb.kinds]
    if chance.random() < 0.2:
        drawn = chance.sample(fitting, chance.choice((2, 2, 3)))
        phrases = [
            noun_phrase(noun, chance, "acc", chance.choice(("number", "number", "a"))) for noun in drawn
        ]
        return listed(phrases, chance)
    return noun_phrase(chance.choice(fitting), chance, "acc", chance.choice(_ARTICLES))


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
    verbs = [verb for verb in VERBS if states or verb.infinitive not in STATES]
    verb = chance.choice(verbs)
    place, time = _NOTHING, _NOTHING
    if chance.random() < 0.3:
        place = where(verb.infinitive, chance)
    if chance.random() < 0.5:
        time = when(chance, past)
    return _Parts(_subject(chance), verb, _object(verb, chance), place, time)


def _do(subject: Subject) -> str:
    return {"3s": "does"}.get(subject.person, "do")


def _past_statement(chance: random.Random) -> Row:
    """He bought 3 apples in Vienna yesterday; now and then the time first, or a question."""
    parts = _draw(chance, past=True, states=False)
    who, verb = parts.subject, parts.verb
    haben = HABEN[who.person]
    kind = chance.random()
    if kind < 0.2:
        return f"Did {who.english} {verb.infinitive} {parts.tail()}?", (
            f"{_capital(haben)} {who.german} {parts.middle()} {verb.done}?"
        )
    # The time in front; in German the verb stays the second part of the sentence.
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
        _capital(f"{who.german} {WERDEN[who.person]} {parts.middle()} {verb.german}.")
    )


def _modal_statement(chance: random.Random) -> Row:
    parts = _draw(chance, past=False, states=False)
    who, verb = parts.subject, parts.verb
    modal = chance.choice(tuple(MODALS))
    german = MODALS[modal][who.person]
    if modal in ("can", "should") and chance.random() < 0.3:
        return f"{_capital(modal)} {who.english} {verb.infinitive} {parts.tail()}?", (
            f"{_capital(german)} {who.german} {parts.middle()} {verb.german}?"
        )
    english = modal
    if modal == "want to" and who.person == "3s":
        english = "wants to"
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
    english = english_present(verb.infinitive, who.person)
    return _capital(f"{who.english} {english} {parts.tail()}."), (
        _capital(f"{who.german} {german} {parts.middle()} {verb.prefix}".rstrip() + ".")
    )


def _negative(chance: random.Random) -> Row:
    """He did not buy the car; nicht behind an object that is known, kein for "a" and plurals."""
    parts = _draw(chance, past=True, states=False)
    who, verb = parts.subject, parts.verb
    noun = chance.choice([noun for noun in NOUNS if noun.kinds & verb.kinds])
    # Nicht stands behind an object that is known; an unknown one would want kein.
    thing = noun_phrase(noun, chance, "acc", chance.choice(("the", "own")))
    english = chance.choice(("did not", "didn't"))
    return _capital(f"{who.english} {english} {verb.infinitive} {thing.english}."), (
        _capital(f"{who.german} {HABEN[who.person]} {thing.german} nicht {verb.done}.")
    )


def _command(chance: random.Random) -> Row:
    parts = _draw(chance, past=False, states=False)._replace(place=_NOTHING, time=_NOTHING)
    verb = parts.verb
    # Bringen Sie bitte drei Eier mit: the prefix goes to the end.
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
    noun = chance.choice([noun for noun in NOUNS if noun.kinds & verb.kinds])
    place = parts._replace(thing=_NOTHING)
    german = f"{HABEN[who.person]} {who.german} {place.middle()} ".replace("  ", " ")
    return f"How many {noun.many} did {who.english} {verb.infinitive} {place.tail()}".rstrip() + "?", (
        f"Wie viele {noun.plural} {german}{verb.done}?"
    )


def _have(chance: random.Random) -> Row:
    """I have 3 dogs; she had no brothers."""
    who = _subject(chance)
    noun = chance.choice([noun for noun in NOUNS if noun.kinds & {"animal", "shop", "food", "idea"}])
    thing = noun_phrase(noun, chance, "acc", chance.choice(("number", "number", "number", "a", "no", "many")))
    verb = {"3s": "has"}.get(who.person, "have")
    if chance.random() < 0.2:
        return f"{_capital(_do(who))} {who.english} have {thing.english}?", (
            f"{_capital(HABEN[who.person])} {who.german} {thing.german}?"
        )
    return _capital(f"{who.english} {verb} {thing.english}."), (
        _capital(f"{who.german} {HABEN[who.person]} {thing.german}.")
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
    noun = chance.choice([noun for noun in NOUNS if noun.kinds & frozenset(kinds.split(","))])
    thing = noun_phrase(noun, chance, "nom", chance.choice(("number", "number", "many", "a")))
    singular = thing.german.startswith("ein") and not thing.german.startswith("einige")
    be, sein = "are", "sind"
    if singular:
        be, sein = "is", "ist"
    return f"There {be} {thing.english} {english}.", f"{_capital(german)} {sein} {thing.german}."


def _description(chance: random.Random) -> Row:
    """The car is red; my shoes are old."""
    noun = chance.choice([noun for noun in NOUNS if any(each[2] & noun.kinds for each in ADJECTIVES)])
    english, german, _ = chance.choice([each for each in ADJECTIVES if each[2] & noun.kinds])
    plural = chance.random() < 0.4
    # 1) the noun, its gender and the verb
    one, german_noun, gender, be, sein = noun.one, noun.german, noun.gender, "is", "ist"
    if plural:
        one, german_noun, gender, be, sein = noun.many, noun.plural, "pl", "are", "sind"
    # 2) the article; an adjective behind the verb has no ending
    owner = chance.choice((("the", ""), ("the", ""), *OWNERS))
    article = definite(gender, "nom")
    if owner[1]:
        article = ein_word(owner[1], gender, "nom")
    very = chance.choice((("", ""), ("", ""), ("very ", "sehr "), ("too ", "zu "), ("not ", "nicht ")))
    return (
        _capital(f"{owner[0]} {one} {be} {very[0]}{english}."),
        _capital(f"{article} {german_noun} {sein} {very[1]}{german}."),
    )


def phrase(chance: random.Random) -> Row:
    """A noun phrase alone: a red car, 12 eggs, my old dogs."""
    pair = noun_phrase(chance.choice(NOUNS), chance, "nom", chance.choice((*_ARTICLES, "all", "no")))
    return pair.english, pair.german


def shopping_list(chance: random.Random) -> Row:
    """3 apples, 2 bottles, 12 eggs, with a heading or without."""
    fitting = [noun for noun in NOUNS if noun.kinds & {"food", "shop"}]
    drawn = chance.sample(fitting, chance.randint(2, 5))
    things = [(same(chance.randint(2, 30)), noun) for noun in drawn]
    english = ", ".join(f"{count.english} {noun.many}" for count, noun in things)
    german = ", ".join(f"{count.german} {noun.plural}" for count, noun in things)
    heading = chance.choice(
        (("", ""), ("Shopping list: ", "Einkaufsliste: "), ("We need: ", "Wir brauchen: "))
    )
    return heading[0] + english, heading[1] + german


# Every pattern with its weight.
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
    # "at 7 a.m.." has one stop too many.
    if source.endswith(".m.."):
        source = source[:-1]
    return source, target
