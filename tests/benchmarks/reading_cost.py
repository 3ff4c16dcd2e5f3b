"""What reading the code costs: functions that a call passes through, and how folded the code is.

    python tests/benchmarks/reading_cost.py            # the counts and the densities
    python tests/benchmarks/reading_cost.py --names    # and the functions of each count

A function counts once however often it runs, properties and lambdas too; only functions of bertgen count, and
of those only what is written in its files (not what a dataclass makes of its fields). The densities are per
100 lines of `bertgen/` and `components/`: conditional expressions (``a if b else c``) and comments on their
own lines. `tests/unit/test_reading_cost.py` keeps the counts from growing.
"""

from __future__ import annotations

import argparse
import ast
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
FOLDER = ROOT / "assets" / "checkpoints" / "translate-mini"
SENTENCE = "The cat is sleeping on the sofa."


def functions_of(call: Callable[[], object]) -> dict[tuple[str, str, int], int]:
    """The functions of bertgen that run during `call`, by (file, name, line), with how often each ran."""
    seen: dict[tuple[str, str, int], int] = {}
    package = f"{ROOT / 'bertgen'}{os.sep}"

    def note(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(package):
            return
        # Comprehensions and module bodies are no functions that a reader has to look up.
        if code.co_name in ("<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>", "<module>"):
            return
        key = (str(Path(code.co_filename).relative_to(ROOT)), code.co_qualname, code.co_firstlineno)
        seen[key] = seen.get(key, 0) + 1

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return seen


def counts() -> dict[str, dict[tuple[str, str, int], int]]:
    """The counts: loading, encoding a sentence, opening a stream, and a stream with its first token written.

    Opening is the call alone: text to ids, arguments to a request. The first token needs the encoder's
    forward, an engine begun, a step and a choice besides.
    """
    from bertgen import BertGenerationTokenizer, EncoderDecoderModel, stream_generate

    found = {}
    loaded: list[EncoderDecoderModel] = []
    found["EncoderDecoderModel.from_pretrained"] = functions_of(
        lambda: loaded.append(EncoderDecoderModel.from_pretrained(FOLDER))
    )
    model = loaded[0].eval()
    tokenizer = BertGenerationTokenizer.from_pretrained(FOLDER)
    # Once before, so that caches are filled as they are for every sentence but the first.
    list(stream_generate(model, tokenizer, SENTENCE))
    found["encoding a sentence"] = functions_of(lambda: tokenizer(SENTENCE))
    found["stream_generate before it runs"] = functions_of(
        lambda: stream_generate(model, tokenizer, SENTENCE)
    )
    found["stream_generate to its first token"] = functions_of(
        lambda: next(iter(stream_generate(model, tokenizer, SENTENCE)))
    )
    return found


def densities(place: str) -> tuple[int, float, float]:
    """Lines, conditional expressions and own-line comments per 100 lines of the Python below `place`."""
    lines = folded = comments = 0
    for path in sorted((ROOT / place).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        lines += text.count("\n")
        folded += sum(isinstance(node, ast.IfExp) for node in ast.walk(ast.parse(text)))
        comments += sum(line.lstrip().startswith("#") for line in text.splitlines())
    return lines, 100 * folded / lines, 100 * comments / lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--names", action="store_true", help="print the functions of each count")
    arguments = parser.parse_args()
    for name, seen in counts().items():
        files = {file for file, _, _ in seen}
        print(f"{name}: {len(seen)} functions in {len(files)} files")
        if arguments.names:
            for (file, function, line), count in sorted(seen.items()):
                print(f"    {file}:{line} {function} x{count}")
    for place in ("bertgen", "components"):
        lines, folded, comments = densities(place)
        print(
            f"{place}: {lines} lines, {folded:.2f} conditional expressions, {comments:.2f} comments per 100"
        )


if __name__ == "__main__":
    main()
