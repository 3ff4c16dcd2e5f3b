"""The other direction for tokenizers: what bertgen saves cuts texts the same in transformers 4.37.2.

Run by hand in the environment of make_goldens.py, naming the Python that has bertgen:

    .venv-oracle/bin/python tests/golden/check_tokenizers_reverse.py --bertgen-python .venv/bin/python

Every tokenizer of the goldens is built and saved by bertgen, loaded here by the slow class (everything must
be equal) and by AutoTokenizer (its fast class: the texts that it cuts like the slow one are counted). Left
out is the vocabulary with a doubled token, which a vocab.txt cannot keep, in the reference either.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import family_tokenizer_cases
import make_family_tokenizer_goldens as family
import make_tokenizer_goldens as base
import tokenizer_cases
import transformers

SAVE = """
import json, sys, bertgen
from tests.parity.tokenizer_answers import ask, revive
answers = {}
for name, (kind, files, init, steps, texts, folder) in json.load(sys.stdin).items():
    tokenizer = getattr(bertgen, kind)(*files, **revive(init))
    for step in steps:
        ask(tokenizer, step)
    tokenizer.save_pretrained(folder)
    ids = [tokenizer.encode(revive(text)) for text in texts]
    answers[name] = [ids, tokenizer.batch_decode(ids), tokenizer.batch_decode(ids, skip_special_tokens=True)]
json.dump(answers, sys.stdout)
"""


def jobs(work: str) -> dict[str, Any]:
    """Name -> class, vocabulary files, constructor arguments, steps, texts, folder to save to."""
    found = {}
    for name, case in tokenizer_cases.BUILDS.items():
        files = [str(base.ROOT / f"{case['model']}.model")]
        texts = case.get("texts", tokenizer_cases.TEXTS)
        rest = (case.get("init", {}), case.get("steps", []), texts, f"{work}/{name}")
        found[name] = ("BertGenerationTokenizer", files, *rest)
    for name, case in family_tokenizer_cases.BUILDS.items():
        if name == "bert_odd":
            continue
        texts = case.get("texts", family_tokenizer_cases.FAMILY_TEXTS)
        rest = (case.get("init", {}), case.get("steps", []), texts, f"{work}/{name}")
        found[name] = (case["class"], family.vocabulary(case), *rest)
    return found


def check(job: tuple, answers: list[Any]) -> str:
    """What the reference makes of one saved folder; raises AssertionError when the slow class differs."""
    kind, _, _, _, texts, folder = job
    slow = getattr(transformers, kind).from_pretrained(folder)
    ids = [slow.encode(base.revive(text)) for text in texts]
    assert [ids, slow.batch_decode(ids), slow.batch_decode(ids, skip_special_tokens=True)] == answers
    line = f"{len(texts)} texts, ids and decoding equal"
    if kind != "BertGenerationTokenizer" and "odd" not in folder:
        fast = transformers.AutoTokenizer.from_pretrained(folder)
        same = sum(fast.encode(base.revive(text)) == row for text, row in zip(texts, ids, strict=True))
        line += f"; {type(fast).__name__} cuts {same} of {len(texts)} alike"
    return line


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bertgen-python", required=True, help="the Python that can import bertgen")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    transformers.logging.set_verbosity(50)
    root = Path(__file__).parent.parent.parent
    with tempfile.TemporaryDirectory() as work:
        todo = jobs(work)
        command = [options.bertgen_python, "-c", SAVE]
        result = subprocess.run(
            command, input=json.dumps(todo), text=True, check=True, cwd=root, stdout=subprocess.PIPE
        )
        answers = json.loads(result.stdout)
        for name, job in todo.items():
            print(f"{name}: {check(job, answers[name])}")
    print(f"{len(todo)} passed, 0 failed")


if __name__ == "__main__":
    main()
