"""The other direction: what bertgen writes must load in transformers 4.37.2 and answer the same.

Run by hand in the environment of make_goldens.py, naming the Python that has bertgen:

    .venv-oracle/bin/python tests/golden/check_reverse.py --bertgen-python .venv/bin/python

Every golden checkpoint is loaded and saved again by bertgen (single, sharded, pickled), loaded here without a
missing or unexpected key, and compared with the golden outputs and ids.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import warnings
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file

ROOT = Path(__file__).parent
FORMS = {"single": {}, "sharded": {"max_shard_size": "40KB"}, "pickled": {"safe_serialization": False}}
SAVE = """
import json, sys, torch, bertgen
torch.set_num_threads(1)
for kind, source, target, options in json.load(sys.stdin):
    getattr(bertgen, kind).from_pretrained(source).save_pretrained(target, **options)
"""


def golden_cases() -> dict[str, dict]:
    """Folder name -> its expected.json, for the folders that hold a model."""
    found = {path.parent.name: json.loads(path.read_text()) for path in sorted(ROOT.glob("*/expected.json"))}
    return {name: notes for name, notes in found.items() if "calls" in notes}


def largest_difference(model, name: str, notes: dict) -> float:
    """Over all calls and floating outputs of a case; raises AssertionError when a key or shape differs."""
    arrays = load_file(ROOT / name / "expected.safetensors")
    worst = 0.0
    for call in notes["calls"]:
        prefix = call["name"] + "/"
        given = {key: arrays[f"{prefix}in.{key}"] for key in call["inputs"]}
        with torch.no_grad():
            output = model(**given, **call["options"])
        assert list(output.keys()) == call["keys"], (name, call["name"])
        for key in ("loss", "logits", "last_hidden_state", "pooler_output", "encoder_last_hidden_state"):
            if key in output:
                difference = (output[key] - arrays[prefix + key]).abs().max().item()
                worst = max(worst, difference)
    return worst


def check(name: str, notes: dict, folder: Path) -> str:
    """One line about one saved folder; raises when anything differs."""
    kind = getattr(transformers, notes["class"])
    model, info = kind.from_pretrained(folder, output_loading_info=True)
    assert not any(info.values()), (name, info)
    worst = largest_difference(model, name, notes)
    assert worst < 1e-5, (name, worst)
    runs = 0
    for run in notes["generate"]:
        if run["seed"] is None:
            given = {key: torch.tensor(value) for key, value in run["inputs"].items()}
            options = dict(run["options"])
            if "sequence_bias" in options:
                options["sequence_bias"] = {tuple(ids): bias for ids, bias in options["sequence_bias"]}
            output = model.generate(**given, **options)
            ids = output if isinstance(output, torch.Tensor) else output.sequences
            assert ids.tolist() == run["ids"], (name, run["name"])
            runs += 1
    return f"{name}: outputs within {worst:.1e}, ids of {runs} runs equal"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bertgen-python", required=True, help="the Python that can import bertgen")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    cases = golden_cases()
    with tempfile.TemporaryDirectory() as work:
        jobs = [
            (notes["class"], str(ROOT / name), f"{work}/{form}/{name}", settings)
            for form, settings in FORMS.items()
            for name, notes in cases.items()
        ]
        subprocess.run(
            [options.bertgen_python, "-c", SAVE],
            input=json.dumps(jobs),
            text=True,
            check=True,
            cwd=ROOT.parent.parent,
        )
        for form in FORMS:
            for name, notes in cases.items():
                print(form, check(name, notes, Path(work, form, name)))
    print(f"{len(cases) * len(FORMS)} passed, 0 failed")


if __name__ == "__main__":
    main()
