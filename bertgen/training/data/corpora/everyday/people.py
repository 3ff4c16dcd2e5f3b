"""Subjects of English clauses, with the pronouns that mean them, and clauses with their blanks filled."""

from __future__ import annotations

import random
import re
from typing import NamedTuple

from bertgen.training.data.corpora.everyday import lexicon
from bertgen.training.data.corpora.everyday.fillings import fill


class Subject(NamedTuple):
    """Somebody as a clause names them: first, then by pronouns; `person` is 1s, 3s or p."""

    name: str
    pronoun: str
    possessive: str
    object: str
    person: str

    @property
    def owner(self) -> str:
        """In front of what they own: Anna's, my."""
        if self.name in ("I", "we", "you"):
            return self.possessive
        if self.person == "p" and self.name.endswith("s"):
            return f"{self.name}'"
        return f"{self.name}'s"

    @property
    def named_object(self) -> str:
        """As an object at the first mention: Anna, me."""
        if self.name in ("I", "we"):
            return self.object
        return self.name


# Pronoun, possessive, object form, person.
_HE, _SHE, _THEY = ("he", "his", "him", "3s"), ("she", "her", "her", "3s"), ("they", "their", "them", "p")
_MEN = (
    *(
        "my brother",
        "my father",
        "our teacher Mr. {last}",
        "my uncle",
        "her husband",
        "the old man",
        "the boy",
    ),
    *(
        "my grandfather",
        "our son",
        "the king",
        "a young man",
        "the farmer's son",
        "my cousin {he}",
        "Mr. {last}",
    ),
    *(
        "my friend {he}",
        "his grandson",
        "the policeman",
        "Dr. {he} {last}",
        "the man next door",
        "Uncle {he}",
    ),
)
_WOMEN = (
    *(
        "my sister",
        "my mother",
        "our teacher Mrs. {last}",
        "my aunt",
        "his wife",
        "the old woman",
        "the girl",
    ),
    *(
        "my grandmother",
        "our daughter",
        "the queen",
        "a young woman",
        "her niece",
        "my cousin {she}",
        "Ms. {last}",
    ),
    *(
        "my friend {she}",
        "her granddaughter",
        "the saleswoman",
        "Dr. {she} {last}",
        "Aunt {she}",
        "Mrs. {last}",
    ),
)
_MANY = (
    *(
        "my parents",
        "the children",
        "our neighbors",
        "{he} and {she}",
        "the students",
        "my friends",
        "the workers",
    ),
    *("the tourists", "our guests", "his brothers", "two old ladies", "the players"),
)


def subject(chance: random.Random, first_person: bool = True) -> Subject:
    """Somebody drawn by chance: names of both genders most often; I and we only where allowed."""
    # Six in ten have a name, two in ten are described, the rest are several people or the speaker.
    kind = chance.random()
    if kind < 0.3:
        return Subject(lexicon.known_person("he", chance), *_HE)
    if kind < 0.6:
        return Subject(lexicon.known_person("she", chance), *_SHE)
    if kind < 0.7:
        return Subject(_filled(chance.choice(_MEN), chance), *_HE)
    if kind < 0.8:
        return Subject(_filled(chance.choice(_WOMEN), chance), *_SHE)
    if kind < 0.88 or not first_person:
        return Subject(_filled(chance.choice(_MANY), chance), *_THEY)
    return chance.choice(
        (
            Subject("I", "I", "my", "me", "1s"),
            Subject("I", "I", "my", "me", "1s"),
            Subject("we", "we", "our", "us", "p"),
        )
    )


def one_person(chance: random.Random) -> Subject:
    """A man or a woman, with a name or without."""
    # Those who are many are drawn again.
    while True:
        drawn = subject(chance, first_person=False)
        if drawn.person == "3s":
            return drawn


def _filled(pattern: str, chance: random.Random) -> str:
    # Names of the lists only: an invented one would not say which pronoun is right.
    for kind in ("he", "she"):
        pattern = pattern.replace(f"{{{kind}}}", chance.choice(lexicon.names(kind)))
    return fill(pattern, pattern, chance)[0]


def third_person(verb: str) -> str:
    """live -> lives, teach -> teaches, study -> studies."""
    # washes, teaches, goes
    if re.search(r"(?:s|sh|ch|x|o)$", verb):
        return f"{verb}es"
    if re.search(r"[^aeiou]y$", verb):
        return f"{verb[:-1]}ies"
    return f"{verb}s"


_VERBS = {
    "is": {"1s": "am", "3s": "is", "p": "are"},
    "was": {"1s": "was", "3s": "was", "p": "were"},
    "has": {"1s": "have", "3s": "has", "p": "have"},
    "had": {"1s": "had", "3s": "had", "p": "had"},
    "do": {"1s": "do", "3s": "does", "p": "do"},
}


def conjugated(clause: str, person: str) -> str:
    """{is}, {was}, {has}, {had}, {do} and verb~ in the form of the person."""
    clause = re.sub(r"\{(is|was|has|had|do)\}", lambda match: _VERBS[match[1]][person], clause)
    if person == "3s":
        return re.sub(r"(\w+)~", lambda match: third_person(match[1]), clause)
    return clause.replace("~", "")


def about(clause: str, who: Subject, known: bool) -> str:
    """A clause about somebody; named at the first mention unless they are `known`."""
    text = conjugated(clause, who.person)
    forms = {
        "P": (who.name, who.pronoun),
        "O": (who.owner, who.possessive),
        "M": (who.named_object, who.object),
    }

    def mention(match: re.Match[str]) -> str:
        nonlocal known
        named, pronoun = forms[match[1]]
        # Only the first mention names them.
        if known:
            return pronoun
        known = True
        return named

    return re.sub(r"\{([POM])\}", mention, text)


def mentions(clause: str) -> bool:
    """Whether the clause speaks of the subject at all."""
    return bool(re.search(r"\{[POM]\}", clause))


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]
