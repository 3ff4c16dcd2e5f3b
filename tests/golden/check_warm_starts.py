"""Every warm start that bertgen saves loads in transformers 4.37.2, with its tokenizers, and answers alike.

Run by hand in the environment of make_goldens.py, naming the Python that has bertgen:

    .venv-oracle/bin/python tests/golden/check_warm_starts.py --bertgen-python .venv/bin/python
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

TEXTS = ["the cat sat", "a dog"]
START = """
import json, sys, torch
from pathlib import Path
from bertgen import save_warm_start, warm_start, warm_start_tokenizer
from bertgen.warm_start import SETUPS
from tests.golden.warm_sources import write_sources
torch.set_num_threads(1)
root, texts = Path(sys.argv[1]), json.loads(sys.argv[2])
sources, answers = write_sources(root / "sources"), {}
for setup, plan in SETUPS.items():
    for classes in ("bert-generation", "own"):
        given = {family: sources[family] for family in plan.families() or ["bert"]}
        torch.manual_seed(1)
        model = warm_start(setup, classes=classes, **given)
        with torch.no_grad():
            for name, value in model.named_parameters():
                if "cross" in name and value.dim() > 1:
                    value.mul_(20)
        tokenizer = warm_start_tokenizer(setup, **given)
        folder = f"{setup}-{classes}"
        save_warm_start(model, tokenizer, root / folder)
        batch = tokenizer(texts, padding=True, return_tensors="pt")
        batch = {key: batch[key] for key in ("input_ids", "attention_mask")}
        ids = torch.arange(5, 15).view(2, 5)
        inputs = {"input_ids": ids} if setup == "GPT" else {**batch, "decoder_input_ids": ids}
        answers[folder] = {
            "batch": {key: value.tolist() for key, value in batch.items()},
            "greedy": model.generate(**batch, max_length=14).tolist(),
            "beam": model.generate(**batch, max_length=14, num_beams=3).tolist(),
            "logits": model(**inputs).logits.tolist(),
        }
(root / "answers.json").write_text(json.dumps(answers))
"""


def check(folder: Path, answer: dict) -> float:
    """Largest difference of the logits; raises AssertionError when keys, ids or texts differ."""
    alone = folder.name.startswith("GPT-")
    kind = transformers.GPT2LMHeadModel if alone else transformers.EncoderDecoderModel
    model, info = kind.from_pretrained(folder, output_loading_info=True)
    assert not any(info.values()), (folder.name, info)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, use_fast=False)
    found = tokenizer(TEXTS, padding=True)
    assert all(found[key] == value for key, value in answer["batch"].items()), folder.name
    if (folder / "decoder_tokenizer").is_dir():
        transformers.AutoTokenizer.from_pretrained(folder / "decoder_tokenizer", use_fast=False)
    batch = {key: torch.tensor(value) for key, value in answer["batch"].items()}
    assert model.generate(**batch, max_length=14).tolist() == answer["greedy"], folder.name
    assert model.generate(**batch, max_length=14, num_beams=3).tolist() == answer["beam"], folder.name
    ids = torch.arange(5, 15).view(2, 5)
    inputs = {"input_ids": ids} if alone else {**batch, "decoder_input_ids": ids}
    with torch.no_grad():
        logits = model(**inputs, use_cache=False).logits
    difference = (logits - torch.tensor(answer["logits"])).abs().max().item()
    assert difference < 1e-5, (folder.name, difference)
    return difference


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bertgen-python", required=True, help="the Python that can import bertgen")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as work:
        project = Path(__file__).parent.parent.parent
        command = [options.bertgen_python, "-c", START, work, json.dumps(TEXTS)]
        subprocess.run(command, check=True, cwd=project)
        answers = json.loads(Path(work, "answers.json").read_text())
        for name, answer in answers.items():
            print(f"{name}: logits within {check(Path(work, name), answer):.1e}, ids of 2 runs equal")
    print(f"{len(answers)} passed, 0 failed")


if __name__ == "__main__":
    main()
