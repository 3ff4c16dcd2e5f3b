"""What a task scores without a model: the figures that a trained one has to beat."""

from __future__ import annotations

import re
from collections.abc import Callable

# Up to a sign that ends sentences, with the quotation mark or bracket behind it.
FIRST_SENTENCE = re.compile(r"(.+?[.!?][\"”)]?)(?= [A-Z\"“(]|$)")


def copy(source: str) -> str:
    """The source as it is."""
    return source


def first_sentence(source: str) -> str:
    """Everything up to the first end of a sentence."""
    found = FIRST_SENTENCE.match(source)
    if found is None:
        return source
    return found.group(1)


def first_words(source: str) -> str:
    """The first ten words."""
    return " ".join(source.split()[:10])


def join_with_and(source: str) -> str:
    """Two sentences as one: ", and" between them, the second's first letter small unless it is "I"."""
    first = first_sentence(source)
    rest = source[len(first) :].strip()
    if not rest:
        return source
    if not re.match(r"I\b", rest):
        rest = rest[0].lower() + rest[1:]
    return f"{first.rstrip('.!?')}, and {rest}"


# By task, under the names that tables show.
BASELINES: dict[str, dict[str, Callable[[str], str]]] = {
    "translate": {"copy": copy},
    "split": {"copy": copy},
    "fuse": {"copy": copy, 'always ", and"': join_with_and},
    "summarize": {"first sentence": first_sentence, "first 10 words": first_words},
}
