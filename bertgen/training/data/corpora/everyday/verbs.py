"""Who acts and what they do, in both languages: subjects, verbs and their present tense."""

from __future__ import annotations

import re
from typing import NamedTuple

from bertgen.training.data.corpora.everyday import lexicon
from bertgen.training.data.corpora.everyday.people import third_person


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


SUBJECTS = (
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
# The German helping verbs by person.
HABEN = {"1s": "habe", "2s": "hast", "3s": "hat", "1p": "haben", "2p": "habt", "3p": "haben"}
WERDEN = {"1s": "werde", "2s": "wirst", "3s": "wird", "1p": "werden", "2p": "werdet", "3p": "werden"}
MODALS = {
    "can": {"1s": "kann", "2s": "kannst", "3s": "kann", "1p": "können", "2p": "könnt", "3p": "können"},
    "must": {"1s": "muss", "2s": "musst", "3s": "muss", "1p": "müssen", "2p": "müsst", "3p": "müssen"},
    "should": {
        "1s": "sollte",
        "2s": "solltest",
        "3s": "sollte",
        "1p": "sollten",
        "2p": "solltet",
        "3p": "sollten",
    },
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
# Verbs that tell a state: "He has known the book" is said of none of them here.
STATES = ("need", "know", "like", "love", "hate", "understand")
VERBS = [Verb(*row[:8], frozenset(row[8].split(","))) for row in lexicon.rows("verbs")]


def present(verb: Verb, person: str) -> str:
    """The German present, without the prefix: ich kaufe, du siehst, ihr seht."""
    base = verb.german[len(verb.prefix) :]
    if base == "mögen":
        return {"1s": "mag", "2s": "magst", "3s": "mag", "2p": "mögt"}.get(person, base)
    # sammeln loses only its n, kaufen its en.
    stem = re.sub(r"e?n$", "", base)
    if person == "1s":
        return {"sammeln": "sammle"}.get(base, f"{stem}e")
    if person == "2p":
        # ihr findet, ihr zeichnet: an e where the stem's end could not be spoken without.
        if re.search(r"(?:[td]|[^lrhn]n|chn)$", stem):
            return f"{stem}et"
        return f"{stem}t"
    return {"2s": verb.du, "3s": verb.er}.get(person, base)


def english_present(verb: str, person: str) -> str:
    """The English present: he buys, she picks up."""
    if person != "3s":
        return verb
    first, _, rest = verb.partition(" ")
    return f"{third_person(first)} {rest}".strip()
