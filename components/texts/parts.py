"""What of a text is run at once: by task, and by how much the model was trained to read."""

from __future__ import annotations

from collections.abc import Callable

from components.texts.sentences import Part, cut_to, each_sentence, split_sentences, unwrapped

MAX_PARTS = 24
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
LONG_SAID = {
    "sentences": "longer texts, and lines, are run sentence by sentence",
    "each": "every sentence of a text is run by itself",
    "cut": "of longer texts the beginning is read",
    "refuse": "longer texts are refused",
}
UNTRANSLATED = (
    "The model wrote the text back as it is: it may be in the wrong language, or have nothing to do."
)
# What the page says when the answer is the text itself.
SAME = {
    "translate": UNTRANSLATED,
    "translate-de-en": UNTRANSLATED,
    "split": "The sentence came back as it was: the model found nothing to split.",
    "fuse": "The two sentences came back as they were: the model found no way to join them.",
    "summarize": "The text came back as it is: the model found nothing to leave out.",
    "other": "The model wrote the text back as it is.",
}
NEEDS_TWO = "Fusing takes two sentences: write the second one too."


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
        raise ValueError(
            f"the two sentences have {tokens} tokens together and the model was trained on at most {limit}; "
            "shorten them"
        )
    part = cut_to(text, limit, count)
    return (part,), [
        f"This text has {tokens} tokens and the model was trained on at most {limit}: it reads the first "
        f"{count(part.text)}, and nothing from “{_shortened(part.cut)}” on."
    ]


def _notes(parts: list[Part], limit: int, fits: bool) -> list[str]:
    notes = []
    runs = f"sentence by sentence: {min(len(parts), MAX_PARTS)} runs, their answers joined."
    if len(parts) > 1 and fits:
        notes.append(f"This text is run {runs}")
    elif len(parts) > 1:
        notes.append(
            f"This text is longer than the {limit} tokens the model was trained on, so it is run {runs}"
        )
    if len(parts) > MAX_PARTS:
        notes.append(
            f"Only the first {MAX_PARTS} of {len(parts)} sentences are run; send the rest by itself."
        )
    for part in parts[:MAX_PARTS]:
        if part.cut:
            notes.append(
                f"One sentence is longer than {limit} tokens by itself; it is cut before "
                f"“{_shortened(part.cut)}”."
            )
    return notes


def unchanged(task: str, pairs: list[tuple[str, str]]) -> str:
    """What the page says when answers are their own sources, (source, answer) a part; '' when none is."""
    same = sum(_plain(source) == _plain(answer) for source, answer in pairs)
    if not same:
        return ""
    if len(pairs) == 1 or (same == len(pairs) and task != "split"):
        return SAME[task]
    if task != "split":
        return ""
    return f"{same} of the {len(pairs)} sentences came back as they were."


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
