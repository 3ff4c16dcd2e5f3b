"""Short everyday texts with a line that says their point: news, mails, notices, stories, steps, reviews."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from bertgen.training.data.corpora.everyday import lexicon
from bertgen.training.data.corpora.everyday.fillings import fill
from bertgen.training.data.corpora.everyday.people import capital

Row = tuple[str, str]
# Fillings that only these texts have; all others are those of the sentence patterns.
_WORDS = {
    "building": (
        "school",
        "library",
        "hotel",
        "swimming pool",
        "theater",
        "hospital",
        "supermarket",
        "restaurant",
    ),
    "loot": ("jewelry", "an old painting", "twelve bicycles", "a safe", "rare coins", "phones and cameras"),
    "place": ("museum", "villa", "jewelry shop", "warehouse", "church"),
    "animal": ("dog", "cat", "parrot", "tortoise", "horse", "monkey", "frog"),
    "habit": (
        "read before going to bed",
        "walk every day",
        "drink less coffee",
        "eat early",
        "turn off their phones",
    ),
    "sale": ("bicycle", "piano", "camera", "sofa", "watch", "guitar", "washing machine", "umbrella"),
    "shop": ("bakery", "library", "café", "pharmacy", "bookshop", "swimming pool", "museum"),
    "sport": ("swimming", "tennis", "judo", "dance", "chess", "football"),
    "job": (
        "painter",
        "writer",
        "scientist",
        "singer",
        "cook",
        "photographer",
        "doctor",
        "teacher",
        "musician",
    ),
    "units": ("days", "weeks", "months"),
}
# The second name of a mail is another one than the first.
_GREETINGS = (
    "Hello {he},",
    "Hi {she},",
    "Dear {she},",
    "Dear {he},",
    "Dear Mr. {last},",
    "Hello everybody,",
    "Hi,",
)
_CLOSINGS = (
    "Best regards, {he2}",
    "See you soon, {she2}",
    "Best wishes, {she2} {last2}",
    "Thanks, {he2}",
    "Love, {she2}",
)
_FIRST = ("First, ", "To begin, ", "", "", "")
_NEXT = ("Then ", "After that, ", "Next, ", "", "", "", "")
_OPINIONS = ("I can recommend it all the same.", "", "")


def _filled(summary: str, text: str, chance: random.Random) -> Row:
    both = f"{summary} ||| {text}"
    for slot, words in _WORDS.items():
        both = both.replace(f"{{{slot}}}", chance.choice(words))
    both = (
        re.sub(r"\{time2?\}", lambda _: _time(chance), both)
        if "{time" in text and "{time" not in summary
        else both
    )
    both = both.replace("{time}", _time(chance)).replace("{time2}", _time(chance))
    summary, text = fill(both, both, chance)[0].split(" ||| ")
    text = re.sub(r"\ba(?= [aeiou])", "an", text)
    return text, capital(re.sub(r"\ba(?= [aeiou])", "an", summary))


def _time(chance: random.Random) -> str:
    return f"{chance.randint(1, 12)}:{chance.choice(('00', '15', '30', '45'))}"


def _some(sentences: list[str], chance: random.Random) -> list[str]:
    count = min(len(sentences), chance.randint(2, 4))
    return [sentences[place] for place in sorted(chance.sample(range(len(sentences)), count))]


def message(chance: random.Random) -> Row:
    """News, a mail, a notice, a life or a story."""
    kind, summary, openings, more = chance.choice(lexicon.rows("texts"))
    # The opening holds the point; what follows is in the order of the list.
    sentences = [chance.choice(openings.split("|")), *_some(more.split("|"), chance)]
    if kind == "mail" and chance.random() < 0.6:
        sentences = [chance.choice(_GREETINGS), *sentences, chance.choice(_CLOSINGS)]
    return _filled(summary, " ".join(sentences), chance)


def how_to(chance: random.Random) -> Row:
    """Steps, some of them with "Then"."""
    summary, steps = chance.choice(lexicon.rows("howtos"))
    first, *others = steps.split("|")
    drawn = sorted(chance.sample(range(len(others)), chance.randint(3, len(others))))
    sentences = [_opened(first, chance.choice(_FIRST))]
    sentences += [_opened(others[place], chance.choice(_NEXT)) for place in drawn]
    return _filled(summary, " ".join(sentences), chance)


def _opened(step: str, opening: str) -> str:
    commands = re.match(
        r"(?:Mix|Knead|Let|Form|Bake|Heat|Pour|Turn|Serve|Cut|Fry|Add|Cook|Put|Wait|Take|Boil)\b", step
    )
    # Only a command takes "Then" without more ado.
    if not opening or not commands:
        return step
    return opening + step[0].lower() + step[1:]


def review(chance: random.Random) -> Row:
    """Something with good points, bad points or both."""
    thing, opening, goods, bads = chance.choice(lexicon.rows("reviews"))
    good = [each.split("=") for each in chance.sample(goods.split(";"), 2)]
    bad = [each.split("=") for each in chance.sample(bads.split(";"), 2)]
    end = chance.choice(_OPINIONS)
    # Half of them weigh both sides, a quarter only praise, a quarter only complain.
    kind = chance.random()
    name = capital(thing)
    if kind < 0.5:
        turn = chance.choice(("Unfortunately, ", "However, ", "The only problem: ", "But "))
        said = f"{opening} {good[0][0]}. {good[1][0]}. {turn}{bad[0][0][0].lower()}{bad[0][0][1:]}. {end}"
        return _filled(f"{name}: {good[0][1]}, but {bad[0][1]}", said.strip(), chance)
    if kind < 0.75:
        praise = chance.choice(("I love it.", "I am very happy with it.", ""))
        said = f"{opening} {good[0][0]}. {good[1][0]}. {praise}"
        return _filled(f"{name}: {good[0][1]} and {good[1][1]}", said.strip(), chance)
    turn = chance.choice(("I am disappointed.", "I expected more.", "Never again.", ""))
    return _filled(
        f"{name}: {bad[0][1]} and {bad[1][1]}", f"{opening} {bad[0][0]}. {bad[1][0]}. {turn}".strip(), chance
    )


def summary_rows(count: int, chance: random.Random) -> Iterator[Row]:
    """Text -> its point; half of them news, mails and the like."""
    for _ in range(count):
        yield chance.choices((message, how_to, review), weights=(5, 2, 3))[0](chance)
