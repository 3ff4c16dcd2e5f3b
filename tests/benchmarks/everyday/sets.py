"""Read the everyday sets; what a right answer copies."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from bertgen.training.data.corpora.everyday import lexicon

HERE = Path(__file__).parent
TASKS = ("translate", "translate-de-en", "split", "fuse", "summarise")
LABELS = ("good", "acceptable", "bad")
_NUMBER = re.compile(r"\d[\d.,:]*\d|\d")
_CAPITALISED = re.compile(r"[^\W\d_][\w'’-]+")


@dataclass(frozen=True)
class Row:
    """One everyday input with the answers that are right."""

    kind: str
    source: str
    references: tuple[str, ...]


def read_set(task: str) -> list[Row]:
    """The rows of one task, in the order of the file."""
    if task not in TASKS:
        raise ValueError(f"no everyday set is named {task}; there are {', '.join(TASKS)}")
    lines = (HERE / f"{task}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [Row(row["kind"], row["source"], tuple(row["references"])) for row in rows]


def read_labels(task: str) -> list[dict[str, str]]:
    """The answers of the embedded checkpoint that were read, with a label by the README's rules each."""
    lines = (HERE / "labels" / f"{task}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def digits(text: str) -> list[str]:
    """The numbers of a text in digits, without what groups them, sorted: 1,250 and 1.250 are alike."""
    return sorted(re.sub(r"\D", "", found) for found in _NUMBER.findall(text))


def numbers_wanted(row: Row) -> list[str]:
    """The numbers that every reference takes over from the source."""
    in_references = [digits(text) for text in row.references]
    return [found for found in digits(row.source) if all(found in each for each in in_references)]


def holds(name: str, text: str) -> bool:
    """Whether the text names it as a whole word; a genitive s may follow."""
    return bool(re.search(rf"(?<!\w){re.escape(name)}s?(?!\w)", text))


def names_wanted(row: Row, task: str) -> list[str]:
    """Names, in the form of the target language, that stand in every reference.

    Words with a capital that source and references share; where nothing is translated, only those that are
    not merely the first word of a sentence. In translations also the places of the word lists, as the other
    language calls them.
    """
    starts = set(re.findall(r"(?:^|[.!?:,] [\"„“]?|[\"„“])([^\W\d_][\w'’-]+)", row.source))
    words = [word for word in _CAPITALISED.findall(row.source) if word[0].isupper() and not word.isupper()]
    shared = [word for word in words if all(holds(word, text) for text in row.references)]
    wanted = shared
    if not task.startswith("translate"):
        wanted = [word for word in shared if word not in starts]
    return [*dict.fromkeys(wanted), *_places_wanted(row, task)]


def _places_wanted(row: Row, task: str) -> list[str]:
    """Cities and countries that are called otherwise in the target language."""
    listed = (*lexicon.pairs("cities"), *lexicon.pairs("countries"))
    if task == "translate":
        pairs = [(pair.english, pair.german) for pair in listed]
    elif task == "translate-de-en":
        pairs = [(pair.german, pair.english) for pair in listed]
    else:
        return []
    named = [new for old, new in pairs if old != new and re.search(rf"\b{re.escape(old)}\b", row.source)]
    return [name for name in named if all(holds(name, text) for text in row.references)]
