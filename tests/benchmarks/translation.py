"""BLEU, chrF and copied digits and names of a translator on the held-out rows of the four corpora.

    python -m tests.benchmarks.translation assets/checkpoints/translate-mini --data DATA --beams 1 4
    python -m tests.benchmarks.translation assets/checkpoints/translate-mini-de-en --data DATA --reverse

Choices are made on `--split valid`, the default; `test` is read once. Prints a line a set and decoding;
`--out` keeps figures and texts.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections import Counter
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from bertgen import AutoTokenizer, EncoderDecoderModel
from bertgen.training.data.corpora.files import read_pairs
from bertgen.training.objectives.validation import write_texts
from bertgen.training.scores.metrics import bleu_and_chrf, exact_match

SETS = {
    "tatoeba": "tatoeba-en-de/{}.tsv.gz",
    "ddtp": "debian-ddtp-en-de/{}.tsv.gz",
    "l10n": "debian-l10n-en-de/{}.tsv.gz",
    "phrases": "ding-en-de/phrases.{}.tsv.gz",
}
ALL_REFERENCES = "tatoeba-en-de/{}.refs.jsonl.gz"
NUMBER = re.compile(r"\d+")
# A capital inside an English sentence is mostly a name; a German noun that English has too is one as well.
NAME = re.compile(r"(?<=[a-z,] )[A-ZÄÖÜ][a-zäöüß]{2,}\b")


def digits_copied(sources: Sequence[str], texts: Sequence[str], references: Sequence[str]) -> tuple[int, int]:
    """Rows whose reference holds just the source's runs of digits, and how many of their texts do too."""
    right = count = 0
    for source, text, reference in zip(sources, texts, references, strict=True):
        wanted = Counter(NUMBER.findall(source))
        if wanted and wanted == Counter(NUMBER.findall(reference)):
            count += 1
            right += Counter(NUMBER.findall(text)) == wanted
    return right, count


def names_copied(sources: Sequence[str], texts: Sequence[str], references: Sequence[str]) -> tuple[int, int]:
    """Rows with capitalised English words, not the first, that stand on both sides; texts that hold them all.

    `sources` and `references` are the two sides in any order; a name is a word of one that the other has.
    """
    right = count = 0
    for source, text, reference in zip(sources, texts, references, strict=True):
        names = [name for name in NAME.findall(source) if re.search(rf"\b{name}\b", reference)]
        if names:
            count += 1
            right += all(re.search(rf"\b{name}\b", text) for name in names)
    return right, count


def read_set(name: str, data: Path, split: str, reverse: bool) -> tuple[list[str], list[list[str]]]:
    """Sources, and the references of each: Tatoeba has several German ones for an English source."""
    if name == "tatoeba" and not reverse:
        with gzip.open(data / ALL_REFERENCES.format(split), "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        return [row["source"] for row in rows], [row["references"] for row in rows]
    pairs = list(read_pairs(data / SETS[name].format(split)))
    if reverse:
        pairs = [(target, source) for source, target in pairs]
    return [source for source, _ in pairs], [[target] for _, target in pairs]


def figures(
    sources: Sequence[str], texts: Sequence[str], references: Sequence[Sequence[str]]
) -> dict[str, Any]:
    """All figures of one set and decoding; `one` compares with the first reference only."""
    first = [row[0] for row in references]
    found: dict[str, Any] = {"rows": len(sources)}
    for kind, rows in (("one", [[text] for text in first]), ("all", references)):
        scores = {**bleu_and_chrf(texts, rows), "exact": exact_match(texts, rows)}
        found[kind] = {key: value["score"] for key, value in scores.items()}
    found["digits"] = digits_copied(sources, texts, first)
    found["names"] = names_copied(sources, texts, first)
    return found


def main() -> None:
    """Read the arguments, translate, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", choices=("valid", "test"), default="valid")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--rows", type=int, help="the first rows of every set only")
    parser.add_argument("--reverse", action="store_true", help="German to English")
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--length-penalty", type=float, nargs="+", default=[1.0])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(options.checkpoint)
    model = EncoderDecoderModel.from_pretrained(options.checkpoint).eval()
    results = []
    for name in options.sets:
        sources, references = read_set(name, options.data, options.split, options.reverse)
        sources, references = sources[: options.rows], references[: options.rows]
        for beams, penalty in product(options.beams, options.length_penalty):
            if beams == 1 and penalty != options.length_penalty[0]:
                continue  # greedy search has no use for it
            texts = write_texts(model, tokenizer, sources, num_beams=beams, length_penalty=penalty)
            row = {"set": name, "split": options.split, "beams": beams, "length_penalty": penalty}
            row.update(figures(sources, texts, references))
            print(json.dumps(row), flush=True)
            results.append({**row, "texts": texts})
    if options.out:
        options.out.write_text(json.dumps(results, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
