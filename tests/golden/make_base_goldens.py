"""What transformers 4.37.2 fills into masked texts with the embedded bases: run it again when one changes.

    .venv-oracle/bin/python tests/golden/make_base_goldens.py

Writes bases/<base>.json: for every text the ids, and the five best pieces of each mask with their logits.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import torch
import transformers

sys.path.insert(0, str(Path(__file__).parent))
from fingerprint import fingerprint

ROOT = Path(__file__).parent.parent.parent
BASES = ROOT / "assets" / "bases"
TEXTS = (
    "The capital of France is<mask>.",
    "He was born in<mask> and died in 1945.",
    "The city has a population<mask> about two million people.",
    "The film was directed<mask> Steven Spielberg and<mask> in 1993.",
)


def answers(folder: Path) -> dict:
    """Ids, best pieces and their logits."""
    tokenizer = transformers.BertGenerationTokenizer.from_pretrained(folder)
    model, info = transformers.BertGenerationDecoder.from_pretrained(folder, output_loading_info=True)
    assert not any(info.values()), info
    runs = []
    for text in TEXTS:
        ids = tokenizer(text, return_tensors="pt").input_ids
        with torch.inference_mode():
            logits = model(ids).logits[0]
        places = (ids[0] == tokenizer.mask_token_id).nonzero().flatten().tolist()
        best = [logits[place].topk(5) for place in places]
        runs.append(
            {
                "text": text,
                "ids": ids[0].tolist(),
                "best": [tokenizer.convert_ids_to_tokens(found.indices.tolist()) for found in best],
                "logits": [[round(value, 4) for value in found.values.tolist()] for found in best],
            }
        )
    return {"fingerprint": fingerprint(folder), "runs": runs}


def main() -> None:
    if transformers.__version__ != "4.37.2":
        raise SystemExit(f"the goldens are those of transformers 4.37.2, this is {transformers.__version__}")
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    target = Path(__file__).parent / "bases"
    target.mkdir(exist_ok=True)
    for config in sorted(BASES.glob("*/config.json")):
        text = json.dumps(answers(config.parent), indent=1, ensure_ascii=False)
        (target / f"{config.parent.name}.json").write_text(text + "\n", encoding="utf-8")
        print(config.parent.name)


if __name__ == "__main__":
    main()
