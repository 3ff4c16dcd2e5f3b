"""Cutting a text into sentences, and to what a model was trained to read. Pure Python."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

# What ends a sentence, with the closing quotes and brackets that belong to it; then white space (none is
# needed after the full stops of scripts that write without spaces).
_END = re.compile(r"""([.!?…]+["'”’»)\]]*)\s+|([。！？]["'”’»）]*)\s*|\n+\s*""")
# A full stop after these does not end a sentence.
_SHORT = (
    "mr mrs ms dr prof st sr jr vs etc no vol fig inc ltd co corp gen col lt sgt capt rev hon e.g i.e eg "
    "ie cf al approx dept est jan feb mar apr jun jul aug sep sept oct nov dec z.b bzw usw ca nr str"
)
_ABBREVIATIONS = frozenset(_SHORT.split())
_LINE_END = re.compile(r"""[.!?…:;。！？]["'”’»)\]]*$""")
WRAPPED = 45  # letters: a line as long as this goes on in the next one, unless a sentence ends there


@dataclass(frozen=True)
class Part:
    """One piece of a text that is run on its own; ``cut`` holds what did not fit and is left out."""

    text: str
    cut: str = ""


def unwrapped(text: str) -> str:
    """The text without the line breaks that are none of its own: those of a page or an e-mail.

    A break stays where the line is blank, ends a sentence, or is short, as in a list.
    """
    lines = [""]
    for line in (" ".join(line.split()) for line in text.splitlines()):
        before = lines[-1]
        ends = not before or (_LINE_END.search(before) and _ends_sentence(before, line, False))
        if line and not ends and (len(before) >= WRAPPED or line[0].islower()):
            lines[-1] = f"{before} {line}"
        else:
            lines.append(line)
    return "\n".join(lines).strip()


def split_sentences(text: str, *, small_letters: bool = False) -> list[str]:
    """The sentences of a text, in order, without the white space between them.

    A full stop after an abbreviation or an initial ("J. Smith") does not end one, nor does one in front of a
    small letter, unless ``small_letters`` may begin a sentence. A line break always ends one.
    """
    sentences, start = [], 0
    for match in _END.finditer(text):
        # The mark belongs to the sentence, the white space behind it does not; a line break has no mark.
        end = match.start()
        if match.group(1):
            end = match.end(1)
        elif match.group(2):
            end = match.end(2)
        if match.group(1) and not _ends_sentence(text[start:end], text[match.end() :], small_letters):
            continue
        if sentence := text[start:end].strip():
            sentences.append(sentence)
        start = match.end()
    if rest := text[start:].strip():
        sentences.append(rest)
    return sentences


def _ends_sentence(sentence: str, following: str, small_letters: bool) -> bool:
    if not sentence.rstrip("\"'”’»)]").endswith("."):
        return True
    word = sentence.rsplit(None, 1)[-1].rstrip("\"'”’»)]").removesuffix(".").lstrip("(\"'“‘«[")
    if word.lower() in _ABBREVIATIONS:
        return False
    if len(word) == 1 and word.isalpha() and word.isupper() and word != "I":
        return False
    return small_letters or not following[:1].islower()


def each_sentence(text: str, limit: int, count: Callable[[str], int]) -> list[Part]:
    """The sentences of a text, each a part that a model trained on at most ``limit`` source tokens can read.

    ``count(text)`` gives its tokens. A sentence that is too long is cut at a word's end (the rest in
    ``Part.cut``).
    """
    sentences = []
    for sentence in split_sentences(text):
        if count(sentence) <= limit:
            sentences.append(sentence)
        else:  # better cut at a doubtful end than in the middle
            sentences += split_sentences(sentence, small_letters=True)
    return [cut_to(sentence, limit, count) for sentence in sentences]


def cut_to(sentence: str, limit: int, count: Callable[[str], int]) -> Part:
    """The longest beginning of a text that has at most ``limit`` tokens, cut at a word's end."""
    if count(sentence) <= limit:
        return Part(sentence)
    ends = [match.end() for match in re.finditer(r"\S+", sentence)]
    if count(sentence[: ends[0]]) > limit:  # one endless word: by characters
        ends = list(range(1, len(sentence) + 1))
    # Halving: the longest beginning that fits lies in ends[low:high].
    low, high = 0, len(ends) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if count(sentence[: ends[middle]]) <= limit:
            low = middle
        else:
            high = middle - 1
    return Part(sentence[: ends[low]], sentence[ends[low] :].strip())
