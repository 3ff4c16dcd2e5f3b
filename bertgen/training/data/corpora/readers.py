"""Readers of parallel text: two-column files, the formats public corpora come in, and noised plain text.

Every reader gives rows (source, target) of natural text. `read_rows` chooses by a recipe's `format`.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bertgen.training.data.corpora.clauses import read_clauses
from bertgen.training.data.corpora.cleaning import SENTENCE_END, detokenise, natural
from bertgen.training.data.corpora.connectives import read_connectives
from bertgen.training.data.corpora.files import both_names, parallel_lines, read_csv, read_lines, read_pairs
from bertgen.training.data.corpora.leads import read_leads
from bertgen.training.data.corpora.minimal import read_desse, read_minwiki
from bertgen.training.data.corpora.public import read_arxiv, read_debian_synopsis, read_debian_translations
from bertgen.training.data.corpora.tables import side_columns

Pairs = list[tuple[str, str]]
# Of plain text, that are read for denoising.
PARAGRAPHS = 20_000


def _columns(path: Path, number: int, line: str, least: int, kind: str) -> list[str]:
    columns = line.rstrip("\r").split("\t")
    if len(columns) < least:
        raise ValueError(f"{path}, line {number}: {len(columns)} columns; {kind} has at least {least}")
    return columns


def read_reference_rows(path: Path) -> list[tuple[str, list[str]]]:
    """JSON lines `{"source": text, "target": text}`, or `references`, a list of texts, for `target`.

    Other usual names of the two are understood (see `tables`), and `{"translation": {...}}` with the two in
    their order. Blank lines, and rows that lack a side, are left out.
    """
    rows = []
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            source, references = _json_sides(json.loads(line))
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(
                f"{path}, line {number}: expected a JSON object with the keys source and target"
            ) from error
        if not (isinstance(references, list) and references and _are_texts([source, *references])):
            raise ValueError(
                f"{path}, line {number}: source and target must be texts, references a list of one or more"
            )
        # An escape such as \\ud83d alone is half a character: no tokenizer and no file can take it.
        if any("\ud800" <= letter <= "\udfff" for text in (source, *references) for letter in text):
            raise ValueError(f"{path}, line {number}: half of a surrogate pair (\\ud800 to \\udfff); mend it")
        references = [text for text in references if text.strip()]
        if source.strip() and references:
            rows.append((source, references))
    if not rows:
        raise ValueError(f"{path}: no rows; expected a JSON object with the keys source and target a line")
    return rows


def _json_sides(row: dict[str, Any]) -> tuple[Any, Any]:
    """Source and references of a JSON object; KeyError where it has none."""
    # 1) The form of the Hub's translation sets: two languages in their order.
    pair = row.get("translation") if isinstance(row, dict) else None
    if isinstance(pair, dict) and len(pair) == 2:
        source, target = pair.values()
        return source, [target]
    # 2) The names that the project gives them win over those that others do.
    if "source" in row and "target" not in row and "references" in row:
        return row["source"], row["references"]
    names = list(row.keys()) if isinstance(row, dict) else []
    columns = side_columns(names)
    if columns is None:
        return row["source"], [row["target"]]
    source, target = (row[names[place]] for place in columns)
    return source, [target]


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def read_jsonl(path: Path) -> Pairs:
    """Rows of `read_reference_rows` with the first reference as the target."""
    return [(source, references[0]) for source, references in read_reference_rows(path)]


def read_wikisplit(path: Path) -> Pairs:
    """WikiSplit (Botha et al. 2018): tokenised `sentence<TAB>part <::::> part`; gives natural text."""
    pairs = []
    for number, line in enumerate(read_lines(path), start=1):
        source, target = _columns(path, number, line, 2, "WikiSplit")[:2]
        pairs.append((detokenise(source), detokenise(target.replace(" <::::> ", " "))))
    return pairs


def read_discofuse(path: Path) -> Pairs:
    """DiscoFuse (Geva et al. 2019): a header, then coherent first/second and incoherent first/second.

    The source is the incoherent pair joined by one space; the fused text has one part or two.
    """
    # 1) The columns, by the names in the header.
    # The csv module refuses long fields and lone carriage returns, and nothing here is quoted.
    header, *rows = (line.rstrip("\r").split("\t") for line in read_lines(path))
    needed = [
        f"{kind}_{part}_sentence" for kind in ("incoherent", "coherent") for part in ("first", "second")
    ]
    missing = sorted(set(needed) - set(header))
    if missing:
        raise ValueError(f"{path}: no column {missing[0]!r}; DiscoFuse files start with a header line")
    # 2) The rows; the header was line 1.
    pairs = []
    for number, row in enumerate(rows, start=2):
        if row == [""]:
            continue
        if len(row) != len(header):
            raise ValueError(f"{path}, line {number}: {len(row)} columns; the header has {len(header)}")
        values = dict(zip(header, row, strict=True))
        first, second, fused, rest = (detokenise(values[name]) for name in needed)
        pairs.append((f"{first} {second}".strip(), f"{fused} {rest}".strip()))
    return pairs


def read_anki(path: Path) -> Pairs:
    """Tatoeba by way of manythings.org/anki: `english<TAB>other<TAB>attribution`; old files lack that."""
    rows = (_columns(path, number, line, 2, "Anki") for number, line in enumerate(read_lines(path), start=1))
    return [(natural(row[0]), natural(row[1])) for row in rows]


def read_line_files(path: Path) -> Pairs:
    """Two files of equal length, one sentence a line, as Multi30k has them: `train.{en,de}` names both."""
    rows = parallel_lines(path, "train.{en,de}")
    return [(natural(source), natural(target)) for source, target in rows]


def read_denoising(path: Path) -> Pairs:
    """Plain text, one paragraph a line: one to three neighbouring sentences, noised -> as they are.

    Teaches a freshly made cross-attention to copy (Lewis et al. 2020). A tenth of the words is dropped and
    a twentieth swapped with the next one; every third row is left alone. Of a long file 20,000 paragraphs
    are drawn. The same rows for the same file.
    """
    rng = random.Random(f"denoising-{path.name}")
    pairs = []
    lines = read_lines(path)
    if len(lines) > PARAGRAPHS:
        lines = rng.sample(lines, PARAGRAPHS)
    for line in lines:
        sentences = SENTENCE_END.split(line.rstrip("\r"))
        start = 0
        while start < len(sentences):
            size = rng.randint(1, 3)
            text = " ".join(sentences[start : start + size])
            start += size
            words = text.split(" ")
            if not 3 <= len(words) <= 60:
                continue
            source = text
            # Every third row is copied as it is.
            if rng.random() >= 1 / 3:
                source = _noised(words, rng)
            pairs.append((source, text))
    return pairs


def _noised(words: list[str], rng: random.Random) -> str:
    # 1) A tenth dropped; one word at least stays.
    left = [word for word in words if rng.random() >= 0.1] or words[:1]
    # 2) A twentieth swapped with the next one.
    for place in range(len(left) - 1):
        if rng.random() < 0.05:
            left[place], left[place + 1] = left[place + 1], left[place]
    return " ".join(left)


READERS: dict[str, Callable[[Path], Pairs]] = {
    "tsv": read_pairs,
    "csv": read_csv,
    "arxiv": read_arxiv,
    "debian-synopsis": read_debian_synopsis,
    "debian-translations": read_debian_translations,
    "jsonl": read_jsonl,
    "wikisplit": read_wikisplit,
    "discofuse": read_discofuse,
    "desse": read_desse,
    "minwiki": read_minwiki,
    "anki": read_anki,
    "lines": read_line_files,
    "denoising": read_denoising,
    "connectives": read_connectives,
    "clauses": read_clauses,
    "leads": read_leads,
}

# Formats that a file's name tells.
BY_ENDING = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def read_rows(name: str, kind: str, data: Path | str) -> Pairs:
    """Rows of one file below `data` in format `kind`.

    `data` is a folder, or `hf://datasets/OWNER/NAME` for the files of a Hub dataset repository. An unknown
    format, or a file that is not in it, is a ValueError.
    """
    if kind not in READERS:
        raise ValueError(f"format {kind!r} is unknown; choose one of {sorted(READERS)}")
    # A file of another kind says so by its name, where the recipe names no format of its own.
    if kind == "tsv":
        endings = [ending.lower() for ending in Path(name).suffixes]
        kind = next((BY_ENDING[ending] for ending in endings if ending in BY_ENDING), kind)
    return READERS[kind](locate(name, data))


def locate(name: str, data: Path | str) -> Path:
    """Where a recipe's file lies: below the folder `data`, or in the cache after a download from the Hub."""
    repository = hub_dataset(data)
    if repository is None:
        return Path(data) / name
    # Only who asks for the Hub needs the library.
    from huggingface_hub import hf_hub_download

    # Both files of a pair lie in one folder of the cache, where the pattern then finds them.
    names = both_names(name) or (name,)
    found = [Path(hf_hub_download(repository, each, repo_type="dataset")) for each in names]
    return found[0].parent / Path(name).name


def hub_dataset(data: Path | str) -> str | None:
    """The repository id in `hf://datasets/OWNER/NAME`; None for a folder."""
    # Path() folds the two slashes into one.
    match = re.match(r"hf:/{1,2}datasets/(.+)", str(data))
    if match is None:
        return None
    return match.group(1).strip("/")
