"""What of a text is run at once: by task, and by how much the model was trained to read."""

from __future__ import annotations

from collections.abc import Callable

from components.limits import MAX_PARTS
from components.strings import t
from components.texts.sentences import Part, cut_to, each_sentence, split_sentences, unwrapped

# What happens to a text that is longer than the model's training texts. A translation of sentences can be
# done one at a time, and splitting is about one; a summary or a fusion of them cannot.
LONG = {
    "translate": "sentences",
    "translate-de-en": "sentences",
    "split": "each",
    "fuse": "refuse",
    "summarize": "cut",
    "other": "cut",
}


def parts_of(
    text: str, task: str, limit: int, count: Callable[[str], int]
) -> tuple[tuple[Part, ...], list[str]]:
    """The parts of a text that are run, one after the other, and what the page says of it.

    ``count(text)`` gives its tokens, ``limit`` is the most the model was trained to read. Raises
    ``ValueError`` where a text that long makes no sense for the task.
    """
    # 1) Sentence by sentence, where the task is one of sentences and the text does not fit or has lines.
    text = unwrapped(text)
    tokens = count(text)
    fits, way = tokens <= limit, LONG[task]
    if way == "each" or (way == "sentences" and (not fits or "\n" in text)):
        parts = each_sentence(text, limit, count)
        return tuple(parts[:MAX_PARTS]), _notes(parts, limit, fits)

    # 2) Whole, where it fits.
    if fits:
        return (Part(text),), []

    # 3) Else refused or cut, as the task needs.
    if way == "refuse":
        raise ValueError(t("text.two_too_long", tokens=tokens, limit=limit))
    part = cut_to(text, limit, count)
    read, rest = count(part.text), _shortened(part.cut)
    return (part,), [t("text.cut", tokens=tokens, limit=limit, read=read, rest=rest)]


def _notes(parts: list[Part], limit: int, fits: bool) -> list[str]:
    notes = []
    runs = min(len(parts), MAX_PARTS)
    if len(parts) > 1 and fits:
        notes.append(t("text.by_sentence", runs=runs))
    elif len(parts) > 1:
        notes.append(t("text.long_by_sentence", limit=limit, runs=runs))
    if len(parts) > MAX_PARTS:
        notes.append(t("text.too_many", most=MAX_PARTS, count=len(parts)))
    for part in parts[:MAX_PARTS]:
        if part.cut:
            notes.append(t("text.sentence_cut", limit=limit, rest=_shortened(part.cut)))
    return notes


def unchanged(task: str, pairs: list[tuple[str, str]]) -> str:
    """What the page says when answers are their own sources, (source, answer) a part; '' when none is."""
    same = sum(_plain(source) == _plain(answer) for source, answer in pairs)
    if not same:
        return ""
    if len(pairs) == 1 or (same == len(pairs) and task != "split"):
        return t(f"text.same.{task}")
    if task != "split":
        return ""
    return t("text.same.some", same=same, count=len(pairs))


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def joined(first: str, second: str) -> str:
    """The one text that two sentences are read as: with one space between them."""
    return f"{first.strip()} {second.strip()}".strip()


def two_sentences(text: str) -> tuple[str, str]:
    """A text of two sentences as (first, second); the second is empty when there is only one."""
    first, *rest = split_sentences(text) or [""]
    return first, " ".join(rest)


def _shortened(text: str, length: int = 60) -> str:
    if len(text) <= length:
        return text
    return text[: length - 1].rstrip() + "…"
