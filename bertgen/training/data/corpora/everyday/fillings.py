"""What fills the slots of sentence patterns on both sides: numbers, prices, times, people, places."""

from __future__ import annotations

import random
import re

from bertgen.training.data.corpora.everyday import lexicon
from bertgen.training.data.corpora.everyday.german import ordinal

Pair = lexicon.Pair
# A slot of a pattern, such as {city} or {city2}.
_SLOT = re.compile(r"\{(\w+)\}")
_CURRENCIES = (
    ("$", "dollars", "Dollar"),
    ("€", "euros", "Euro"),
    ("£", "pounds", "Pfund"),
    ("", "francs", "Franken"),
)


def same(value: object) -> Pair:
    """The same on both sides."""
    return Pair(str(value), str(value))


def decimal(value: float, places: int) -> Pair:
    """3.5 and 3,5."""
    english = f"{value:,.{places}f}"
    return Pair(english, english.translate(str.maketrans(",.", ".,")))


def money(chance: random.Random) -> Pair:
    """$30, 30 dollars, €4.50, 1,200 euros; German: 30 Dollar, 4,50 Euro."""
    sign, many, german = chance.choices(_CURRENCIES, weights=(6, 3, 1, 1))[0]
    if chance.random() < 0.25:
        amount = decimal(chance.randint(101, 19_999) / 100, 2)
    else:
        amount = lexicon.grouped(lexicon.number(chance, 2, 5_000_000))
        # 1500 and 1,500 are both in use below ten thousand.
        if 1000 <= int(amount.english.replace(",", "")) < 10_000 and chance.random() < 0.4:
            amount = same(amount.english.replace(",", ""))
    english = f"{sign}{amount.english}"
    if not sign or chance.random() < 0.5:
        english = f"{amount.english} {many}"
    return Pair(english, f"{amount.german} {german}")


def clock(chance: random.Random) -> Pair:
    """8:30, 15:45, 3 p.m., 7 o'clock; German: 8:30 Uhr, 3 Uhr nachmittags, 7 Uhr."""
    # Half of them with minutes alone, a tenth by the 24-hour clock, then full hours, then halves of the day.
    kind = chance.random()
    hour = chance.randint(1, 12)
    minute = chance.choice(
        ("00", "05", "10", "15", "20", "25", "30", "35", "40", "45", "50", "55", "12", "37")
    )
    if kind < 0.5:
        return Pair(f"{hour}:{minute}", f"{hour}:{minute} Uhr")
    if kind < 0.6:
        hour = chance.randint(13, 23)
        return Pair(f"{hour}:{minute}", f"{hour}:{minute} Uhr")
    if kind < 0.75:
        return Pair(f"{hour} o'clock", f"{hour} Uhr")
    digits = chance.choice((Pair(str(hour), f"{hour} Uhr"), Pair(f"{hour}:{minute}", f"{hour}:{minute} Uhr")))
    half, part = _half_of_day(hour, chance)
    return Pair(f"{digits.english} {half}", f"{digits.german} {part}")


def _half_of_day(hour: int, chance: random.Random) -> Pair:
    if chance.random() < 0.5 and 4 <= hour <= 11:
        return Pair("a.m.", "morgens")
    if hour in (12, 1, 2, 3, 4, 5):
        return Pair("p.m.", {12: "mittags"}.get(hour, "nachmittags"))
    return Pair("p.m.", "abends")


def phone(chance: random.Random) -> Pair:
    """Digits in a phone number's groups."""

    def digits(count: int) -> str:
        return "".join(chance.choice("0123456789") for _ in range(count))

    # Groups as they are written in several countries.
    shapes = ((3, 4), (3, 3, 4), (2, 2, 2), (6,), (8,), (4, 6), (5, 5))
    parts = [digits(size) for size in chance.choice(shapes)]
    joined = chance.choice(("-", "-", " ")).join(parts)
    if chance.random() < 0.2:
        joined = f"+{chance.choice((1, 49, 44, 43, 41))} {joined}"
    return same(joined)


def code(chance: random.Random) -> Pair:
    """Letters and digits, as in LH 4312 or A7."""
    letters = "".join(chance.choice("ABCDEFGHKLMNPRSTUVWXZ") for _ in range(chance.randint(1, 3)))
    return same(f"{letters}{chance.choice(('', ' ', '-'))}{chance.randint(2, 99_999)}")


def _day_of_month(chance: random.Random) -> int:
    return chance.randint(1, 28)


def _percent(chance: random.Random) -> Pair:
    if chance.random() < 0.25:
        return decimal(chance.randint(1, 999) / 10, 1)
    return same(chance.randint(2, 100))


def _fill_one(slot: str, chance: random.Random) -> Pair:
    """A filling of one slot; unknown slots are a KeyError."""
    makers = {
        "n": lambda: lexicon.grouped(lexicon.number(chance, 2, 2_000)),
        "N": lambda: lexicon.grouped(lexicon.number(chance, 100, 9_999_999)),
        "small": lambda: same(chance.randint(2, 12)),
        "n12": lambda: same(chance.randint(2, 30)),
        "age": lambda: same(chance.randint(2, 104)),
        "year": lambda: same(chance.randint(1700, 2035)),
        "temp": lambda: same(chance.randint(2, 42)),
        "oven": lambda: same(chance.randrange(120, 260, 5)),
        "fever": lambda: decimal(chance.randint(375, 415) / 10, 1),
        "dec": lambda: decimal(chance.randint(11, 999) / 10, 1),
        "pct": lambda: _percent(chance),
        "room": lambda: same(chance.randint(2, 999)),
        "money": lambda: money(chance),
        "clock": lambda: clock(chance),
        "phone": lambda: phone(chance),
        "code": lambda: code(chance),
        "he": lambda: same(lexicon.first_name("he", chance)),
        "she": lambda: same(lexicon.first_name("she", chance)),
        "last": lambda: same(lexicon.last_name(chance)),
        "city": lambda: chance.choice(lexicon.pairs("cities")),
        "country": lambda: chance.choice(lexicon.pairs("countries")),
        "lang": lambda: chance.choice(lexicon.languages()),
        "day": lambda: chance.choice(lexicon.calendar("day")),
        "month": lambda: chance.choice(lexicon.calendar("month")),
        "dom": lambda: same(_day_of_month(chance)),
    }
    return makers[slot]()


def fill(english: str, german: str, chance: random.Random) -> tuple[str, str]:
    """Both patterns with the same fillings; `city2` and the like are other fillings than `city`."""
    chosen: dict[str, Pair] = {}
    # 1) every slot that is drawn; a numbered one differs from its namesakes
    for slot in dict.fromkeys(_SLOT.findall(f"{english} {german}")):
        if slot in ("sum", "product", "domth", "dec_same"):
            continue
        taken = set(chosen.values())
        kind = _kind(slot)
        value = _fill_one(kind, chance)
        while slot != kind and value in taken:
            value = _fill_one(kind, chance)
        chosen[slot] = value
    # 2) those that follow from others
    _derive(chosen, f"{english} {german}", chance)
    source = _SLOT.sub(lambda match: chosen[match[1]].english, english)
    target = _SLOT.sub(lambda match: chosen[match[1]].german, german)
    # "at 7 a.m.." has one stop too many.
    if source.endswith("m.."):
        source = source.removesuffix(".")
    return source, target


def _kind(slot: str) -> str:
    """What fills it: `city2` is a city; the 12 of `n12` is part of the name."""
    if slot == "n12":
        return slot
    return slot.rstrip("0123456789")


def _derive(chosen: dict[str, Pair], patterns: str, chance: random.Random) -> None:
    """Slots that follow from others: sums, products, ordinals, versions."""
    if "{sum}" in patterns:
        chosen["sum"] = same(int(chosen["small"].english) + int(chosen["small2"].english))
    if "{product}" in patterns:
        chosen["product"] = same(int(chosen["small"].english) * int(chosen["small2"].english))
    if "{domth}" in patterns:
        day = _day_of_month(chance)
        chosen["dom"] = same(day)
        chosen["domth"] = same(ordinal(day))
    if "{dec_same}" in patterns:
        chosen["dec_same"] = same(chosen["dec"].english)
