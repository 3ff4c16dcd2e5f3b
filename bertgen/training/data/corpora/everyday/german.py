"""German forms that the everyday rows need: articles, adjective endings, plurals, dates, numbers."""

from __future__ import annotations

from typing import NamedTuple

from bertgen.training.data.corpora.everyday import lexicon

_DEFINITE = {"nom": "der die das die", "acc": "den die das die", "dat": "dem der dem den"}
_EIN = {"nom": "- e -", "acc": "en e -", "dat": "em er em"}
GENDERS = ("m", "f", "n", "pl")
# Adjective endings after der ..., after ein ... and with no article, by case, in the order of GENDERS.
_WEAK = {"nom": "e e e en", "acc": "en e e en", "dat": "en en en en"}
_MIXED = {"nom": "er e es en", "acc": "en e es en", "dat": "en en en en"}
_STRONG_PLURAL = {"nom": "e", "acc": "e", "dat": "en"}


class Noun(NamedTuple):
    """A noun in both languages; `gender` is m, f or n; `kinds` say what can be done with it."""

    one: str
    many: str
    german: str
    gender: str
    plural: str
    kinds: frozenset[str]


def nouns() -> list[Noun]:
    """The list of nouns."""
    return [Noun(*row[:5], frozenset(row[5].split(","))) for row in lexicon.rows("nouns")]


def definite(gender: str, case: str) -> str:
    """der, die, das, den, dem; `gender` may be "pl"."""
    return _DEFINITE[case].split()[GENDERS.index(gender)]


def ein_word(stem: str, gender: str, case: str) -> str:
    """ein, mein, kein ... with the ending of its noun; plural: meine, keine, meinen."""
    if gender == "pl":
        ending = {"nom": "e", "acc": "e", "dat": "en"}[case]
    else:
        ending = _EIN[case].split()[GENDERS.index(gender)]
    return _stem(stem, ending) + ending.strip("-")


def _stem(stem: str, ending: str) -> str:
    """euer loses its e before an ending: eure."""
    if stem == "euer" and ending != "-":
        return "eur"
    return stem


def adjective(stem: str, gender: str, case: str, after: str) -> str:
    """An adjective with its ending, `after` "der", "ein" or "" (no article, plural only)."""
    if after == "":
        return _bound(stem) + _STRONG_PLURAL[case]
    table = {"der": _WEAK, "ein": _MIXED}[after]
    return _bound(stem) + table[case].split()[GENDERS.index(gender)]


def _bound(stem: str) -> str:
    """The stem as it stands before an ending: teuer loses an e."""
    if stem == "teuer":
        return "teur"
    return stem


def dative_plural(plural: str) -> str:
    """Kindern, Autos, Frauen."""
    if plural.endswith(("n", "s")):
        return plural
    return f"{plural}n"


def a_or_an(word: str) -> str:
    """The English article before a word of the lists."""
    if word[0].lower() in "aeiou":
        return "an"
    return "a"


def ordinal(number: int) -> str:
    """1st, 2nd, 11th."""
    # 11th, 12th, 13th.
    if 10 <= number % 100 <= 13:
        return f"{number}th"
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
