"""Score a checkpoint on the everyday set of its task, by kind; print a table.

    python -m tests.benchmarks.everyday.score translate assets/checkpoints/translate-mini [--beams 4]

`--answers FILE` writes one JSON line a row (kind, source, references, answer), to be read and labelled.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch

from bertgen import AutoTokenizer, EncoderDecoderModel
from bertgen.training.scores.metrics import score
from tests.benchmarks.everyday.sets import TASKS, Row, digits, holds, names_wanted, numbers_wanted, read_set

BATCH = 16
# What the columns show, by task; the figures are those of `bertgen.training.scores`.
COLUMNS = {
    "translate": ("exact", "chrF", "BLEU"),
    "translate-de-en": ("exact", "chrF", "BLEU"),
    "split": ("exact", "chrF", "SARI"),
    "fuse": ("exact", "chrF", "SARI"),
    "summarise": ("exact", "ROUGE-1", "ROUGE-L"),
}


@torch.inference_mode()
def answers(checkpoint: str, sources: Sequence[str], beams: int) -> list[str]:
    """What the checkpoint writes for every source, by its own generation settings but for the beams."""
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = EncoderDecoderModel.from_pretrained(checkpoint).eval()
    # Rows of like length share a batch, so that little is spent on padding.
    order = sorted(range(len(sources)), key=lambda place: len(sources[place]))
    written = [""] * len(sources)
    for start in range(0, len(order), BATCH):
        places = order[start : start + BATCH]
        inputs = tokenizer([sources[place] for place in places], return_tensors="pt", padding=True)
        ids = model.generate(**inputs, num_beams=beams)
        for place, row in zip(places, ids, strict=True):
            written[place] = tokenizer.decode(row, skip_special_tokens=True)
    return written


def figures(task: str, rows: Sequence[Row], texts: Sequence[str]) -> list[float]:
    """The columns of the table for these rows."""
    references = [row.references for row in rows]
    sources = [row.source for row in rows]
    scored = score(task.replace("summarise", "summarize"), texts, references, sources)
    found = {name: figure["score"] for name, figure in scored.items()}
    found["exact"] = (
        100 * sum(text in row.references for row, text in zip(rows, texts, strict=True)) / len(rows)
    )
    return [float(found[name]) for name in COLUMNS[task]]


def copied(task: str, rows: Sequence[Row], texts: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Rows that hold numbers, or names, and how many of them have all of these in the answer."""
    right = {"numbers": 0, "names": 0}
    all_rows = {"numbers": 0, "names": 0}
    for row, text in zip(rows, texts, strict=True):
        numbers, names = numbers_wanted(row), names_wanted(row, task)
        if numbers:
            all_rows["numbers"] += 1
            right["numbers"] += all(number in digits(text) for number in numbers)
        if names:
            all_rows["names"] += 1
            right["names"] += all(holds(name, text) for name in names)
    return {name: (right[name], all_rows[name]) for name in right}


def table(task: str, rows: Sequence[Row], texts: Sequence[str]) -> str:
    """Markdown: a line a kind, one for all, and what was copied right."""
    lines = [f"| kind | rows | {' | '.join(COLUMNS[task])} |", "|---" * (2 + len(COLUMNS[task])) + "|"]
    for kind in (*dict.fromkeys(row.kind for row in rows), "all"):
        chosen = [(row, text) for row, text in zip(rows, texts, strict=True) if kind in ("all", row.kind)]
        kind_rows, kind_texts = zip(*chosen, strict=True)
        shown = " | ".join(f"{value:.1f}" for value in figures(task, kind_rows, kind_texts))
        lines.append(f"| {kind} | {len(kind_rows)} | {shown} |")
    for name, (right, count) in copied(task, rows, texts).items():
        lines.append(f"\n{name} copied right in {right} of {count} rows that hold them")
    return "\n".join(lines)


def main() -> None:
    """Read the arguments, write the answers, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("checkpoint")
    parser.add_argument("--beams", type=int, default=1)
    parser.add_argument("--answers", type=Path)
    options = parser.parse_args()
    rows = read_set(options.task)
    texts = answers(options.checkpoint, [row.source for row in rows], options.beams)
    if options.answers:
        lines = [
            json.dumps({**vars(row), "answer": text}, ensure_ascii=False)
            for row, text in zip(rows, texts, strict=True)
        ]
        options.answers.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(table(options.task, rows, texts))


if __name__ == "__main__":
    main()
