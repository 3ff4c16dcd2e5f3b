"""Tiny BERT, RoBERTa and GPT-2 checkpoints for warm starts: golden weights, made-up vocabularies."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

GOLDEN = Path(__file__).parent
SIZE, END = 47, 46  # rows of the golden checkpoints; GPT-2's one special token
WORDS = "the a cat dog sat ran on under mat tree and then it was very small big red . , ##s ##ed"
CASES = {"bert": "bert_encoder", "roberta": "roberta_encoder", "gpt2": "gpt2_lm"}


def write_sources(root: Path) -> dict[str, Path]:
    """Folders by family, each with config.json, weights and a vocabulary of 47 tokens."""
    folders = {family: root / family for family in CASES}
    for family, case in CASES.items():
        folders[family].mkdir(parents=True)
        for name in ("config.json", "model.safetensors"):
            shutil.copy(GOLDEN / case / name, folders[family])
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS.split()]
    words += [f"word{number}" for number in range(SIZE - len(words))]
    (folders["bert"] / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    letters = [*"abcdefghijklmnopqrstuvwxyz", "Ġ", *".,0123456789ABCDEFGH"]
    for family, special in (("roberta", ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]), ("gpt2", [])):
        tokens = [*special, *letters][:SIZE] if special else [*letters[:END], "<|endoftext|>"]
        ids = {token: index for index, token in enumerate(tokens)}
        (folders[family] / "vocab.json").write_text(json.dumps(ids), encoding="utf-8")
        (folders[family] / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    return folders
