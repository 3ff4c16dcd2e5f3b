"""Numbers in words in both languages, and the times of day that are told in words."""

from __future__ import annotations

import random

from bertgen.training.data.corpora.everyday.german import Noun
from bertgen.training.data.corpora.everyday.lexicon import Pair, number


def _words(text: str) -> list[str]:
    return text.split()


_ENGLISH = _words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_GERMAN = _words(
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn "
    "siebzehn achtzehn neunzehn"
)
_ENGLISH_TENS = _words("- - twenty thirty forty fifty sixty seventy eighty ninety")
_GERMAN_TENS = _words("- - zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig")


def in_english(value: int) -> str:
    """A number from 0 to 999,999 in words: three hundred and five."""
    if value < 20:
        return _ENGLISH[value]
    if value < 100:
        tens, ones = divmod(value, 10)
        return _ENGLISH_TENS[tens] + (f"-{_ENGLISH[ones]}" * bool(ones))
    if value < 1000:
        hundreds, rest = divmod(value, 100)
        return f"{_ENGLISH[hundreds]} hundred" + (f" and {in_english(rest)}" * bool(rest))
    thousands, rest = divmod(value, 1000)
    return f"{in_english(thousands)} thousand" + (f" {in_english(rest)}" * bool(rest))


def in_german(value: int) -> str:
    """A number from 0 to 999,999 in one word: dreihundertfünf."""
    if value < 20:
        return _GERMAN[value]
    if value < 100:
        # The ones come first: dreiundzwanzig.
        tens, ones = divmod(value, 10)
        return (f"{_before(ones)}und" * bool(ones)) + _GERMAN_TENS[tens]
    if value < 1000:
        hundreds, rest = divmod(value, 100)
        return f"{_before(hundreds)}hundert" + (in_german(rest) * bool(rest))
    thousands, rest = divmod(value, 1000)
    return f"{_before(thousands)}tausend" + (in_german(rest) * bool(rest))


def _before(value: int) -> str:
    """A number in front of hundert, tausend or und: ein, not eins."""
    word = in_german(value)
    if word.endswith("eins"):
        return word.removesuffix("s")
    return word


def counted(nouns: list[Noun], chance: random.Random) -> Pair:
    """twenty-three dogs, dreiundzwanzig Hunde; no number that ends in one, which German counts otherwise."""
    noun = chance.choice(nouns)
    value = number(chance, 2, 9_999)
    # hundertein Hunde, hunderteins: what ends in one is declined, so it is left out.
    while value % 100 == 1:
        value += 1
    return Pair(f"{in_english(value)} {noun.many}", f"{in_german(value)} {noun.plural}")


def hour_in_words(chance: random.Random) -> Pair:
    """half past two is halb drei; quarters and minutes past and to."""
    hour = chance.randint(1, 12)
    following = hour % 12 + 1
    minutes = chance.choice((5, 10, 20))
    name, next_name = in_german(hour), in_german(following)
    return chance.choice(
        (
            Pair(f"half past {in_english(hour)}", f"halb {next_name}"),
            Pair(f"a quarter past {in_english(hour)}", f"Viertel nach {name}"),
            Pair(f"a quarter to {in_english(following)}", f"Viertel vor {next_name}"),
            Pair(f"{in_english(minutes)} past {in_english(hour)}", f"{in_german(minutes)} nach {name}"),
            Pair(
                f"{in_english(minutes)} to {in_english(following)}", f"{in_german(minutes)} vor {next_name}"
            ),
        )
    )


# What a time in words stands in.
_HOUR_SENTENCES = (
    ("It is {t}.", "Es ist {t}."),
    ("It's {t}.", "Es ist {t}."),
    ("The train leaves at {t}.", "Der Zug fährt um {t} ab."),
    ("We meet at {t}.", "Wir treffen uns um {t}."),
    ("She came home at {t}.", "Sie kam um {t} nach Hause."),
    ("The film begins at {t}.", "Der Film beginnt um {t}."),
    ("I get up at {t}.", "Ich stehe um {t} auf."),
    ("Dinner is at {t}.", "Das Abendessen ist um {t}."),
    ("{t}", "{t}"),
)
_COUNT_SENTENCES = (
    ("I have {t}.", "Ich habe {t}."),
    ("He has {t}.", "Er hat {t}."),
    ("She counted {t}.", "Sie hat {t} gezählt."),
    ("We saw {t}.", "Wir haben {t} gesehen."),
    ("They need {t}.", "Sie brauchen {t}."),
    ("{t}", "{t}"),
)


def sentence(nouns: list[Noun], chance: random.Random) -> tuple[str, str]:
    """A sentence, or only the words, with a count or a time in words; in both languages, or a bare number."""
    kind = chance.random()
    if kind < 0.15:
        value = number(chance, 0, 9_999)
        return in_english(value), in_german(value)
    if kind < 0.5:
        patterns, pair = _HOUR_SENTENCES, hour_in_words(chance)
    else:
        patterns, pair = _COUNT_SENTENCES, counted(nouns, chance)
    english, german = chance.choice(patterns)
    return english.replace("{t}", pair.english), german.replace("{t}", pair.german)
