"""What a summarising checkpoint makes of 38 paragraphs written for this; people read it, there is no score.

    python -m tests.benchmarks.everyday_titles [assets/checkpoints/summarize-mini]

Abstracts on everyday subjects, packages, news, nature, school and letters (everyday_paragraphs.txt). No model
was trained on them, but choices between models were made by them. Prints each with its greedy and its beam-4
output.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bertgen import AutoTokenizer, EncoderDecoderModel

HERE = Path(__file__).parent
DEFAULT = HERE.parent.parent / "assets" / "checkpoints" / "summarize-mini"


def main(checkpoint: str) -> None:
    """Print every paragraph and its outputs."""
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = EncoderDecoderModel.from_pretrained(checkpoint).eval()
    for text in (HERE / "everyday_paragraphs.txt").read_text("utf-8").splitlines():
        inputs = tokenizer(text, return_tensors="pt")
        print(text)
        for beams in (1, 4):
            ids = model.generate(**inputs, num_beams=beams)[0]
            print(f"    {beams}: {tokenizer.decode(ids, skip_special_tokens=True)}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(DEFAULT))
