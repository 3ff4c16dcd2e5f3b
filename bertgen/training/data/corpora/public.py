"""Readers of two public sources that are not made for training: arXiv's metadata and Debian's indices.

What they keep is chosen by rules; `clean` and `carve` of the recipe then drop doubles and hold rows out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bertgen.training.data.corpora.cleaning import natural
from bertgen.training.data.corpora.files import both_paths, read_text, stream_lines

SUBJECTS = ("cs.", "stat.", "q-bio.", "q-fin.", "physics.soc-ph", "physics.hist-ph", "physics.pop-ph")
# TeX, links and signs of another script say that a text is not plain prose.
NOT_PLAIN = re.compile(r"[$\\{}^_<>|~]|https?:|www\.|[^\u0000-\u024f\u2010-\u2026]")
WITHDRAWN = re.compile(r"\bwithdrawn\b|\bsuperseded\b", re.IGNORECASE)
LINK = re.compile(r"https?:|ftp:|www\.")
STAND_IN = re.compile(r"transitional|dummy|meta-?package|debcargo", re.IGNORECASE)
# A bullet, or the second space that marks lines to be shown as they are.
BULLET = re.compile(r" (?: |[-*+o•] )")
SENTENCE_END = re.compile(r"(?<=[.!?]) (?=[A-Z])")
SMALL_WORDS = frozenset(
    [
        *("a", "an", "the", "this", "that", "some", "its", "it", "we", "and", "or", "as", "is", "are", "via"),
        *(
            "at",
            "by",
            "for",
            "from",
            "in",
            "into",
            "of",
            "on",
            "over",
            "to",
            "towards",
            "under",
            "with",
            "without",
        ),
    ]
)
# Words of a description.
LONGEST = 110


def read_arxiv(path: Path) -> list[tuple[str, str]]:
    """arXiv's metadata snapshot, a JSON object a line: abstract -> title.

    Kept are first subjects in computer science, statistics and their neighbours, abstracts of 30 to 130 and
    titles of 4 to 16 words, plain prose, at least half of the title's words in the abstract.
    """
    pairs = []
    # Line by line: the snapshot has gigabytes.
    for number, line in enumerate(stream_lines(path), start=1):
        try:
            row = json.loads(line)
            subject, abstract, title = row["categories"], natural(row["abstract"]), natural(row["title"])
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError(
                f"{path}, line {number}: expected a JSON object with the keys categories, abstract and title"
            ) from error
        plain = not NOT_PLAIN.search(abstract + title) and not WITHDRAWN.search(abstract)
        sized = 30 <= len(abstract.split()) <= 130 and 4 <= len(title.split()) <= 16
        if subject.startswith(SUBJECTS) and plain and sized and supported(title, abstract):
            pairs.append((abstract, title.rstrip(".")))
    return pairs


def read_debian_synopsis(path: Path) -> list[tuple[str, str]]:
    """A Debian index `Translation-en`: a package's long description -> its one-line synopsis.

    Bullets, links and stand-in packages are dropped, texts end with the last sentence below 110 words; kept
    are synopses of 3 to 14 words with at least half of their words in the text.
    """
    pairs = []
    for entry in _entries(path):
        synopsis, paragraphs = entry.text
        text = _cut(" ".join(paragraph for paragraph in paragraphs if paragraph))
        sized = 3 <= len(synopsis.split()) <= 14 and len(text.split()) >= 8
        if sized and not STAND_IN.search(f"{entry.package} {synopsis}") and supported(synopsis, text):
            pairs.append((text, synopsis))
    return pairs


def read_debian_translations(path: Path) -> list[tuple[str, str]]:
    """Two Debian indices, `Translation-{en,de}` names both: synopses, and paragraphs where they correspond.

    Descriptions are matched by their digest; paragraphs where there are as many on both sides, sentences of
    a paragraph likewise. Untranslated pairs and those of very unequal lengths are dropped.
    """
    first, second = both_paths(path, "Translation-{en,de}")
    known = {entry.digest: entry.text for entry in _entries(first)}
    pairs: list[tuple[str, str]] = []
    for entry in _entries(second):
        if not entry.digest or entry.digest not in known:
            continue
        (synopsis, paragraphs), (other, others) = known[entry.digest], entry.text
        pairs.append((synopsis, other))
        if len(paragraphs) == len(others):
            for one, two in zip(paragraphs, others, strict=True):
                pairs += _sentence_pairs(one, two)
    return [pair for pair in dict.fromkeys(pairs) if _corresponds(*pair)]


def _sentence_pairs(source: str, target: str) -> list[tuple[str, str]]:
    """Two paragraphs sentence by sentence where they have as many; else as one pair."""
    sources, targets = SENTENCE_END.split(source), SENTENCE_END.split(target)
    if len(sources) == len(targets):
        return list(zip(sources, targets, strict=True))
    return [(source, target)]


def supported(short: str, text: str) -> bool:
    """Whether at least half of the words of `short`, small ones aside, begin like a word of `text`."""
    wanted = _stems(short)
    return bool(wanted) and len(wanted & _stems(text)) >= len(wanted) / 2


def _stems(text: str) -> set[str]:
    # Five letters instead of a stemmer: enough to find "compression" in "compresses".
    words = re.findall(r"\w+", text.casefold())
    return {word[:5] for word in words if word not in SMALL_WORDS}


def _cut(text: str) -> str:
    """The text up to the last sentence within `LONGEST` words."""
    sentences: list[str] = []
    for sentence in SENTENCE_END.split(text):
        if len(" ".join([*sentences, sentence]).split()) > LONGEST:
            break
        sentences.append(sentence)
    return " ".join(sentences)


def _corresponds(source: str, target: str) -> bool:
    lengths = sorted((len(source), len(target)))
    return source != target and lengths[0] > 0 and lengths[1] <= 2 * lengths[0] + 20


class _Entry(NamedTuple):
    """One package of an index; of its text the synopsis, and the paragraphs as `_paragraphs` gives them."""

    package: str
    digest: str
    text: tuple[str, list[str]]


def _paragraphs(lines: Sequence[str]) -> list[str]:
    """Wrapped lines joined; an empty text for every list, link and preformatted part."""
    # 1) Paragraphs are a line with a full stop apart.
    parts: list[list[str]] = [[]]
    for line in lines:
        if line.strip() == ".":
            parts.append([])
        else:
            parts[-1].append(line)
    # 2) What is not prose leaves its place behind: paragraphs of two languages are matched by their number.
    texts = []
    for part in parts:
        text = natural(" ".join(part))
        if LINK.search(text) or any(map(BULLET.match, part)):
            text = ""
        texts.append(text)
    return texts


def _entries(path: Path) -> Iterator[_Entry]:
    """Packages of a `Translation-xx` index. A file without any is a ValueError."""
    found = False
    for block in read_text(path).split("\n\n"):
        fields = dict(_fields(block.split("\n")))
        digest = fields.pop("Description-md5", [""])[0]
        lines = next((lines for key, lines in fields.items() if key.startswith("Description-")), None)
        if lines and "Package" in fields:
            found = True
            text = natural(lines[0]), _paragraphs(lines[1:])
            yield _Entry(fields["Package"][0], digest, text)
    if not found:
        raise ValueError(f"{path}: no Description-xx field; expected a Debian index such as Translation-en")


def _fields(lines: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Fields of a paragraph, each with its continuation lines."""
    key, values = "", []
    for line in lines:
        if line.startswith(" "):
            values.append(line)
            continue
        if key:
            yield key, values
        key, _, rest = line.partition(":")
        values = [rest.strip()]
    if key:
        yield key, values
