"""Translated sentences as visitors type them: no end mark, small letters, capitals, several in a row."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

Row = tuple[str, str]


def without_end(row: Row) -> Row | None:
    """No end mark on either side; None where one of them has none or has several signs."""
    if (
        not (row[0][-1:] in ".!?" and row[1][-1:] in ".!?")
        or row[0][-2:-1] in ".!?"
        or row[1][-2:-1] in ".!?"
    ):
        return None
    return row[0][:-1], row[1][:-1]


def small_letters(row: Row) -> Row:
    """A source all in small letters; the target as it is, for German needs its capitals."""
    return row[0].lower(), row[1]


def capitals(row: Row) -> Row:
    """ALL CAPITALS on both sides; ß becomes SS."""
    return row[0].upper(), row[1].upper()


def typed(rows: list[Row], count: int, chance: random.Random) -> Iterator[Row]:
    """`count` rows: half without an end mark, three in ten in small letters, a fifth in capitals."""
    for row in chance.sample(rows, min(count, len(rows))):
        # What visitors type, roughly as often as they do.
        kind = chance.random()
        if kind < 0.5:
            changed = without_end(row)
        elif kind < 0.65:
            changed = small_letters(row)
        elif kind < 0.8:
            changed = without_end(small_letters(row))
        else:
            changed = capitals(row)
        if changed is not None:
            yield changed


def _shape(text: str) -> list[str]:
    return re.findall(r"[.!?]+", text)


def in_a_row(rows: list[Row], count: int, chance: random.Random) -> Iterator[Row]:
    """Two or three sentences in a row, each a sentence of its own on both sides, at most 40 words."""
    single = [row for row in rows if len(_shape(row[0])) == len(_shape(row[1])) == 1 and row[0][-1] in ".!?"]
    for _ in range(count):
        drawn = chance.sample(single, chance.choice((2, 2, 3)))
        source, target = (" ".join(side) for side in zip(*drawn, strict=True))
        if len(source.split()) <= 40:
            yield source, target


_SAID = (
    ('{name} said, "{a}"', "{name} sagte: „{b}“"),
    ('"{a}" {name} said.', "„{b}“, sagte {name}."),
    ('"{a}" he said.', "„{b}“, sagte er."),
    ('"{a}" she whispered.', "„{b}“, flüsterte sie."),
    ('She asked me, "{a}"', "Sie fragte mich: „{b}“"),
    ('The sign says "{a}"', "Auf dem Schild steht: „{b}“"),
    ('"{a}" asked {name}.', "„{b}“, fragte {name}."),
    ('My mother always says, "{a}"', "Meine Mutter sagt immer: „{b}“"),
)


def quoted(rows: list[Row], names: tuple[str, ...], count: int, chance: random.Random) -> Iterator[Row]:
    """Sentences as direct speech; questions are asked, statements said."""
    short = [row for row in rows if len(row[0].split()) <= 12 and '"' not in row[0] and "„" not in row[1]]
    single = [row for row in short if len(_shape(row[0])) == len(_shape(row[1])) == 1]
    for row in chance.sample(single, min(count, len(single))):
        english, german = chance.choice(_SAID)
        # What is asked ends in a question mark, and nothing else does.
        asks = "asked" in english
        if asks != (row[0][-1] == "?") or row[0][-1] not in ".!?":
            continue
        source, target = row
        # English: a comma for the stop before "he said"; German: no stop inside, the comma outside.
        if english.startswith('"{a}"') and source[-1] == ".":
            source = f"{source[:-1]},"
        if german.startswith("„{b}“,") and target[-1] == ".":
            target = target[:-1]
        name = chance.choice(names)
        yield english.format(a=source, name=name), german.format(b=target, name=name)


_SHORT_FORMS = (
    ("I am", "I'm"),
    ("do not", "don't"),
    ("does not", "doesn't"),
    ("did not", "didn't"),
    ("is not", "isn't"),
    ("are not", "aren't"),
    ("was not", "wasn't"),
    ("were not", "weren't"),
    ("cannot", "can't"),
    ("could not", "couldn't"),
    ("will not", "won't"),
    ("would not", "wouldn't"),
    ("should not", "shouldn't"),
    ("have not", "haven't"),
    ("has not", "hasn't"),
    ("It is", "It's"),
    ("That is", "That's"),
    ("I have never", "I've never"),
    ("You are", "You're"),
    ("We are", "We're"),
    ("They are", "They're"),
    ("He is", "He's"),
    ("She is", "She's"),
    ("I will", "I'll"),
    ("We will", "We'll"),
    ("What is", "What's"),
    ("Let us", "Let's"),
)
# At the end of a sentence there is no short form: "I know who you are."
_NO_SHORT_FORM = re.compile(
    r"\b(?:I am|It is|That is|You are|We are|They are|He is|She is|What is|I will)[.,?!]"
)


def other_contractions(rows: list[Row], count: int, chance: random.Random) -> list[Row]:
    """`count` rows with short forms written out, or the reverse: do not and don't mean the same."""
    changed = []
    for source, target in rows:
        text = source
        for full, short in _SHORT_FORMS:
            if re.search(rf"\b{short}\b", text):
                text = re.sub(rf"\b{short}\b(?! (?:been|got|had|gone|done))", full, text)
            elif not _NO_SHORT_FORM.search(text):
                text = re.sub(rf"\b{full}\b", short, text)
        if text != source and not text.endswith("?"):
            changed.append((text, target))
    return chance.sample(changed, min(count, len(changed)))
