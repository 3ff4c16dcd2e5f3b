"""Other names, places, days and numbers in sentences that were translated by people.

A row whose two sides name the same person, place, day or number teaches copying and the German names of
places once these are drawn anew, the same on both sides; the grammar stays the translator's.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

from bertgen.training.data.corpora.everyday import lexicon

Row = tuple[str, str]
_DIGITS = re.compile(r"\d[\d.,:]*\d|\d")
_HE = ("Tom", "John", "Bob", "Jim", "Ken", "Bill", "Mike", "Jack")
_SHE = (("Mary", "Maria"), ("Mary", "Mary"), ("Alice", "Alice"), ("Jane", "Jane"), ("Nancy", "Nancy"))
_TITLE = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Miss|Uncle|Aunt)\b|\b(?:Herr|Frau|Onkel|Tante)")


def numbers_agree(source: str, target: str) -> bool:
    """Both sides hold the same digits, whatever parts them; so that digits stay digits."""

    def digits(text: str) -> list[str]:
        return sorted(re.sub(r"\D", "", found) for found in _DIGITS.findall(text))

    return digits(source) == digits(target)


def _whole(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")


def genitive(name: str) -> str:
    """A German name's genitive: Toms, Max'."""
    if name[-1] in "sxzß":
        return f"{name}'"
    return f"{name}s"


def _rename(row: Row, old: tuple[str, str], new: tuple[str, str]) -> Row | None:
    """The row with `new` for `old` (English, German), in the genitive too; None unless both sides name it."""
    english, german = row
    found = len(_whole(old[0]).findall(english))
    plain, owned = _whole(old[1]), _whole(f"{old[1]}s")
    if not found or found != len(plain.findall(german)) + len(owned.findall(german)):
        return None
    english = _whole(old[0]).sub(lambda _: new[0], english)
    german = owned.sub(lambda _: genitive(new[1]), plain.sub(lambda _: new[1], german))
    return english, german


def other_people(row: Row, chance: random.Random) -> Row | None:
    """Other people in the row, the same on both sides; None where it names nobody on both."""
    # Mr. Tom Baker is Herr or Herrn: left to `titled_people`.
    if _TITLE.search(row[0]) or _TITLE.search(row[1]):
        return None
    changed = False
    used: set[str] = set()
    known = [((name, name), "he") for name in _HE] + [(pair, "she") for pair in _SHE]
    for old, kind in known:
        if old[0] not in row[0]:
            continue
        name = lexicon.person(kind, chance)
        # Two people of one name, or a name that a later step would replace, would blur who is who.
        if name in used or any(name.split()[0] == each[0] for each, _ in known):
            continue
        result = _rename(row, old, (name, name))
        if result is not None:
            row, changed = result, True
            used.add(name)
    if changed:
        return row
    return None


def titled_people(row: Row, chance: random.Random) -> Row | None:
    """A row that opens with Tom or Mary on both sides, about Mr., Mrs. or Dr. somebody."""
    for english, german, titles in (
        ("Tom", "Tom", (("Mr.", "Herr"), ("Dr.", "Dr."), ("Professor", "Professor"))),
        ("Mary", "Maria", (("Mrs.", "Frau"), ("Ms.", "Frau"), ("Dr.", "Dr."))),
    ):
        # As the first word the name is a nominative: Herr, not Herrn.
        opens = re.match(rf"{english} (?!and |or )", row[0]) and re.match(rf"{german} (?!und |oder )", row[1])
        once = row[0].count(english) == 1 and row[1].count(german) == 1
        if opens and once:
            title, name = chance.choice(titles), lexicon.last_name(chance)
            return (
                f"{title[0]} {name}{row[0][len(english) :]}",
                f"{title[1]} {name}{row[1][len(german) :]}",
            )
    return None


def _swap_from(listed: tuple[lexicon.Pair, ...]) -> Callable[[Row, random.Random], Row | None]:
    """A rule that puts another entry of the list for the one entry that both sides name."""

    def swap(row: Row, chance: random.Random) -> Row | None:
        here = [pair for pair in listed if _whole(pair.english).search(row[0])]
        if len(here) != 1:
            return None
        new = chance.choice(listed)
        if new == here[0]:
            return None
        return _rename(row, tuple(here[0]), tuple(new))

    return swap


other_cities = _swap_from(lexicon.pairs("cities"))
other_countries = _swap_from(lexicon.pairs("countries"))
other_languages = _swap_from(lexicon.languages())
other_days = _swap_from(lexicon.calendar("day"))
other_months = _swap_from(
    tuple(pair for pair in lexicon.calendar("month") if pair.english not in ("May", "March"))
)

_WORDS = {word: value for value, *both in lexicon.rows("numbers") for word in both}
_EN = "|".join(sorted((row[1] for row in lexicon.rows("numbers")), key=len, reverse=True))
_DE = "|".join(sorted((row[2] for row in lexicon.rows("numbers")), key=len, reverse=True))
_HOUR = re.compile(
    rf"\bo'clock\b|\b[ap]\.m\.|\bUhr\b|\d:\d\d|\d\.\d\d\b|\b(?:um|gegen) (?:{_DE}|\d+)(?! \w*[jm]ahr)\b",
    re.IGNORECASE,
)
_EN_NUMBER = re.compile(
    rf"(?<![\w.,:$-])(\$?)(\d[\d,]*\d|\d|(?:{_EN})(?![\w-]))(?![\w:-]|[.,]\d)", re.IGNORECASE
)
_DE_NUMBER = re.compile(
    rf"(?<![\w.,:-])(\d[\d.]*\d|\d|(?:{_DE})(?![\w-]))( ?\$)?(?![\w:-]|[.,]\d)", re.IGNORECASE
)
# "Three hundred" is one number in two words.
_MAGNITUDE = re.compile(
    r"\b(?:hundred|thousand|million|billion|dozen|hundert|tausend|Million\w*|Milliarde\w*|Dutzend|degrees|Grad)\b"
)


def _value(text: str) -> int:
    digits = _WORDS.get(text.lower(), text)
    return int(re.sub(r"\D", "", digits))


def other_numbers(row: Row, chance: random.Random) -> Row | None:
    """Another number in digits for the one number, in digits or words, that both sides hold."""
    english, german = _EN_NUMBER.findall(row[0]), _DE_NUMBER.findall(row[1])
    if len(english) != 1 or len(german) != 1 or _MAGNITUDE.search(row[0] + row[1]):
        return None
    # One is written as an article as often as not, and nouns behind it are singular.
    old = _value(english[0][1])
    if old < 2 or old != _value(german[0][0]):
        return None
    new = _another(old, row, chance)
    if new is None:
        return None
    # Years have no thousands separator; four digits may stand without one.
    shown = lexicon.grouped(new)
    if 1000 <= new <= 2100 and (1000 <= old <= 2100 or chance.random() < 0.5):
        shown = lexicon.Pair(str(new), str(new))
    # "100 $" is read as it is spoken: 100 Dollar.
    unit = " Dollar" * bool(german[0][1])
    return (
        _EN_NUMBER.sub(lambda match: match[1] + shown.english, row[0]),
        _DE_NUMBER.sub(lambda match: shown.german + unit, row[1]),
    )


def _another(old: int, row: Row, chance: random.Random) -> int | None:
    """A number of the same kind: an hour, a year, a count; None where no kind is sure."""
    if _HOUR.search(row[0]) or _HOUR.search(row[1]):
        # A full hour becomes another one; a time with minutes is for `other_times`.
        if old > 12 or re.search(r"\d[:.]\d", row[0] + row[1]):
            return None
        return chance.randint(2, 12)
    if 1500 <= old <= 2030 and not re.search(r"[,$]", row[0]):
        return chance.randint(1500, 2030)
    return lexicon.number(chance)


_TIME = re.compile(r"(?<![\d.:])(\d{1,2}):(\d\d)(?![\d:])")
_ZEIT = re.compile(r"(?<![\d.:])(\d{1,2})[:.](\d\d)(?![\d:.]\d)")


def other_times(row: Row, chance: random.Random) -> Row | None:
    """Another time of day, with a colon on both sides, for the one that both sides hold in digits."""
    english, german = _TIME.findall(row[0]), _ZEIT.findall(row[1])
    if len(english) != 1 or len(german) != 1 or english != german:
        return None
    time = f"{chance.randint(1, 12)}:{chance.choice(('00', '05', '10', '15', '20', '30', '40', '45', '50'))}"
    return _TIME.sub(time, row[0]), _ZEIT.sub(time, row[1])


# The rule of every kind and how often a row is filled anew: rare kinds more often.
KINDS: dict[str, tuple[Callable[[Row, random.Random], Row | None], int]] = {
    "names": (other_people, 5),
    "titles": (titled_people, 2),
    "cities": (other_cities, 12),
    "countries": (other_countries, 10),
    "languages": (other_languages, 4),
    "days": (other_days, 8),
    "months": (other_months, 12),
    "numbers": (other_numbers, 8),
    "times": (other_times, 12),
}


def replaced(rows: list[Row], kind: str, chance: random.Random) -> Iterator[Row]:
    """Every row that the rule of this kind knows, as often as KINDS says, each time with other fillings.

    A second rule changes the result in half of the cases, so that names stand beside numbers.
    """
    rule, times = KINDS[kind]
    others = [other for name, (other, _) in KINDS.items() if name != kind]
    for row in rows:
        for _ in range(times):
            result = rule(row, chance)
            if result is None:
                break
            again = chance.choice(others)(result, chance)
            yield again or result
