"""Tokens a second of bertgen beside transformers 4.37.2, on the same weights, in the same minutes.

    python tests/benchmarks/decode_speed.py --bertgen-python .venv/bin/python \\
        --transformers-python .venv-oracle/bin/python [--checkpoint assets/checkpoints/translate-mini]

Without --checkpoint it measures TINY (vocabulary 8,000, width 256, 4 + 4 layers, random seeded weights; 32
source and 64 new tokens). Both sides get the same texts, the ids are compared first, then the two take turns:
figures are medians, ratios are medians of the rounds' ratios. Run it on an idle machine; where there is none,
`--threads 1 --clock cpu` counts the processor time used instead. It is no test.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SMALL_VOCABULARY = ROOT / "tests" / "golden" / "tokenizer" / "bytes.model"
SMALL_PIECES = 367
TEXT = "The cat sees the old house near the river the."  # 32 ids
SENTENCES = [
    "Where is the nearest train station?",
    "I have not seen him since last summer.",
    "She told me that she would come back tomorrow.",
    "The library is closed on Sundays, but you can return books at any time.",
]
ATTENTIONS = {"output_attentions": True, "return_dict_in_generate": True}
MODES: dict[str, tuple[str, dict[str, Any]]] = {
    "greedy": ("single", {}),
    "greedy, attentions": ("single", ATTENTIONS),
    "greedy, streamed": ("stream", {}),
    "beam 4": ("single", {"num_beams": 4}),
    "beam 4, attentions": ("single", {"num_beams": 4, "output_scores": True, **ATTENTIONS}),
    "beam 4, streamed": ("stream", {"num_beams": 4}),
    "batch 32": ("batch", {}),
}
ONLY_BERTGEN = {"beam 4, streamed"}  # the reference has no streaming of beams


class Worker:
    """One environment's process."""

    def __init__(self, python: str, library: str) -> None:
        paths = {"PYTHONPATH": str(ROOT)} if library == "bertgen" else {}
        self.process = subprocess.Popen(
            [python, str(HERE / "decode_worker.py"), library],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **paths},
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and wait for its answer; RuntimeError when the worker died."""
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker {self.process.args[-1]} ended; its error stands above")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait(timeout=30)


def count(ids: list[list[int]]) -> int:
    """Tokens written: up to and including the end token, padding left out."""
    return sum((row.index(1) + 1 if 1 in row else len(row)) for row in ids)


def measure(
    workers: dict[str, Worker], mode: str, texts: list[str], limit: dict[str, int], rounds: int, clock: str
) -> dict[str, Any]:
    """One row of the table: ms a token of both sides, the ratio, whether the ids agree."""
    kind, options = MODES[mode]
    if kind == "batch":
        texts = (texts * 32)[:32]
    names = [name for name in workers if name == "bertgen" or mode not in ONLY_BERTGEN]
    request = {"do": "run", "mode": kind, "texts": texts, "options": {**limit, **options}}
    warm = {name: workers[name].ask(**request) for name in names}
    lists = [warm[name]["ids"] for name in names]
    times: dict[str, list[float]] = {name: [] for name in names}
    firsts: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        for name in names if turn % 2 else names[::-1]:
            answer = workers[name].ask(**request)
            times[name].append(answer[clock] * 1000 / count(answer["ids"]))
            if answer["first"] is not None:
                firsts[name].append(answer["first"] * 1000)
    row: dict[str, Any] = {"mode": mode, "ids_equal": all(ids == lists[0] for ids in lists)}
    for name in names:
        row[name] = statistics.median(times[name])
        if firsts[name]:
            row[f"{name} first"] = statistics.median(firsts[name])
    if len(names) == 2:
        ratios = [b / a for a, b in zip(times["bertgen"], times["transformers"], strict=True)]
        row["ratio"], row["low"], row["high"] = statistics.median(ratios), min(ratios), max(ratios)
    return row


def show(rows: list[dict[str, Any]]) -> None:
    """The table, ms a token."""
    print(
        "| mode | bertgen ms | tokens/s | transformers ms | ratio (low-high) | ids equal | first token ms |"
    )
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        other = f"{row['transformers']:.3f}" if "transformers" in row else ""
        ratio = f"{row['ratio']:.2f} ({row['low']:.2f}-{row['high']:.2f})" if "ratio" in row else ""
        equal = ("yes" if row["ids_equal"] else "NO") if "ratio" in row else ""
        first = " / ".join(f"{row[key]:.1f}" for key in ("bertgen first", "transformers first") if key in row)
        print(
            f"| {row['mode']} | {row['bertgen']:.3f} | {1000 / row['bertgen']:.0f} | {other} | {ratio} | "
            f"{equal} | {first} |",
            flush=True,
        )


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bertgen-python", default=sys.executable, help="the Python that can import bertgen")
    parser.add_argument("--transformers-python", required=True, help="the Python with transformers 4.37.2")
    parser.add_argument("--checkpoint", help="measure this checkpoint on a few sentences instead of TINY")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--modes", nargs="+", choices=list(MODES), default=list(MODES))
    parser.add_argument("--json", help="write the rows to this file too")
    return parser.parse_args()


def main() -> None:
    options = parse()
    workers = {
        "bertgen": Worker(options.bertgen_python, "bertgen"),
        "transformers": Worker(options.transformers_python, "transformers"),
    }
    with tempfile.TemporaryDirectory() as work:
        if options.checkpoint:
            folder, texts, limit = options.checkpoint, SENTENCES, {"max_new_tokens": 96}
            vocabulary = str(Path(folder, "spiece.model"))
        else:
            folder, texts, limit = work, [TEXT], {"max_new_tokens": 64}
            vocabulary = str(SMALL_VOCABULARY)
            workers["transformers"].ask(do="make", folder=folder, pieces=SMALL_PIECES)
        for name, worker in workers.items():
            about = worker.ask(do="load", folder=folder, vocabulary=vocabulary, threads=options.threads)
            print(f"{name}: {about['library']}, torch {about['torch']}, {options.threads} threads")
        rows = [measure(workers, mode, texts, limit, options.rounds, options.clock) for mode in options.modes]
    show(rows)
    if options.json:
        Path(options.json).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    for worker in workers.values():
        worker.close()


if __name__ == "__main__":
    main()
