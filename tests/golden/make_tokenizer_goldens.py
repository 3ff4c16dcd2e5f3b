"""Make the golden files of tests/parity/test_tokenizer.py from transformers 4.37.2.

Run it in an environment of its own:

    python -m venv .venv-oracle
    .venv-oracle/bin/pip install transformers==4.37.2 torch==2.13.0 sentencepiece
    .venv-oracle/bin/python tests/golden/make_tokenizer_goldens.py

It writes tokenizer/<case>.json and, when they are missing, trains the two tiny SentencePiece models.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
import torch

sys.path.insert(0, str(Path(__file__).parent))
import tokenizer_cases as cases
import transformers
from transformers import AddedToken, BertGenerationTokenizer
from transformers.tokenization_utils_base import BatchEncoding

ROOT = Path(__file__).parent / "tokenizer"
LONG = 100  # longer lists are kept as a digest

_NOUNS = [
    "sofa", "house", "cat", "dog", "garden", "street", "letter", "window", "table", "river",
    "Haus", "Katze", "Hund", "Garten", "Straße", "Brief", "Fenster",
]  # fmt: skip
_VERBS = [
    "sees", "likes", "finds", "paints", "sells", "takes", "sieht", "mag", "findet", "malt", "verkauft",
    "nimmt",
]  # fmt: skip
_PLACES = [
    "in the city,", "near the old bridge.", "under the tree!", "im Wald.", "am Fluss,", "neben der Brücke?",
]  # fmt: skip
# A small stand-in for the usual NFKC table, which would make the model file 240 KB: code points in hex.
_RULES = [
    "FB01\t66 69", "2126\t3A9", "FF21\t41", "65 301\tE9", "61 308\tE4", "A0\t20", "2009\t20", "3000\t20",
    "9\t20",
    "A\t20", "D\t20", "200B\t", "FEFF\t", "1\t", "2\t", "7\t", "7F\t", "2028\t20",
]  # fmt: skip


def sentences() -> list[str]:
    """A few hundred sentences, half English, half German."""
    out = []
    for i, noun in enumerate(_NOUNS):
        for j, verb in enumerate(_VERBS):
            place = _PLACES[(3 * i + j) % len(_PLACES)]
            out.append(f"The {noun} {verb} the {_NOUNS[(i + j) % len(_NOUNS)]} {place}")
            out.append(f"Das {noun} ist {'nicht ' * (j % 2)}rot, wasn't it? {place} {i * j}")
    return out


def train(name: str, **options: Any) -> None:
    """Write tokenizer/<name>.model unless it is there."""
    if (ROOT / f"{name}.model").exists():
        return
    model = io.BytesIO()
    # Relative paths, since the model file records them.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("rules.tsv").write_text("\n".join(_RULES) + "\n")
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences()),
            model_writer=model,
            num_threads=1,
            hard_vocab_limit=False,
            minloglevel=2,
            normalization_rule_tsv="rules.tsv",
            **options,
        )
    (ROOT / f"{name}.model").write_bytes(model.getvalue())


def revive(value: Any) -> Any:
    """Stand-ins of the case file -> real values."""
    if isinstance(value, dict) and set(value) == {"added"}:
        return AddedToken(**value["added"])
    if isinstance(value, dict) and set(value) == {"text"}:
        return value["text"][0] * value["text"][1]
    if isinstance(value, dict):
        return {key: revive(item) for key, item in value.items()}
    return [revive(item) for item in value] if isinstance(value, (list, tuple)) else value


def record(value: Any) -> Any:
    """A result as JSON; tests/parity/test_tokenizer.py has the same function for our side."""
    if isinstance(value, (dict, BatchEncoding)):
        return {str(key): record(item) for key, item in value.items()}
    if isinstance(value, (torch.Tensor, np.ndarray)) and value.dtype != object:
        return {"shape": list(value.shape), "kind": str(value.dtype), "values": value.tolist()}
    if isinstance(value, (list, tuple, np.ndarray)):
        items = [record(item) for item in value]
        if len(items) <= LONG:
            return items
        return {"length": len(items), "sha256": hashlib.sha256(json.dumps(items).encode()).hexdigest()}
    if isinstance(value, str) and len(value) > 4 * LONG:
        return {"length": len(value), "sha256": hashlib.sha256(json.dumps(value).encode()).hexdigest()}
    return str(value) if isinstance(value, AddedToken) else value


def ask(tokenizer: Any, call: dict[str, Any]) -> dict[str, Any]:
    """The call with its result, or the type of the error."""
    try:
        result = getattr(tokenizer, call["method"])(*revive(call["args"]), **revive(call["kwargs"]))
        return {**call, "result": record(result)}
    except Exception as error:
        return {**call, "raises": type(error).__name__}


def on_text(tokenizer: Any, text: Any) -> dict[str, Any]:
    """Tokens, ids and the ways back of one text."""
    tokens = tokenizer.tokenize(revive(text))
    ids = tokenizer.encode(revive(text))
    return {
        "text": text,
        "tokens": record(tokens),
        "ids": record(ids),
        "decoded": record(tokenizer.decode(ids)),
        "skipped": record(tokenizer.decode(ids, skip_special_tokens=True)),
        "glued": record(tokenizer.decode(ids, spaces_between_special_tokens=False)),
        "raw": record(tokenizer.decode(ids, clean_up_tokenization_spaces=False)),
    }


def state(tokenizer: Any) -> dict[str, Any]:
    """Sizes, special tokens, vocabulary and saved files."""
    with tempfile.TemporaryDirectory() as folder:
        paths = tokenizer.save_pretrained(folder)
        saved = {
            p.name: json.loads(p.read_text(encoding="utf-8")) for p in sorted(Path(folder).glob("*.json"))
        }
        names = [Path(path).name for path in paths]
    names_of_state = (
        "vocab_size", "all_special_tokens", "all_special_ids", "special_tokens_map",
        "additional_special_tokens",
        "additional_special_tokens_ids", "added_tokens_encoder", "model_max_length",
        "max_len_single_sentence",
        "bos_token_id", "eos_token_id", "unk_token_id", "sep_token_id", "pad_token_id", "cls_token_id",
        "mask_token_id", "pad_token_type_id", "padding_side", "truncation_side", "is_fast",
        "model_input_names",
    )  # fmt: skip
    return {
        **{name: record(getattr(tokenizer, name)) for name in names_of_state},
        "length": len(tokenizer),
        "vocabulary": record(sorted(tokenizer.get_vocab().items())),
        "saved": saved,
        "paths": names,
    }


def write(name: str, content: dict[str, Any]) -> None:
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    (ROOT / f"{name}.json").write_text(
        text.replace('},{"text"', '},\n{"text"').replace('},{"method"', '},\n{"method"')
    )


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    transformers.logging.set_verbosity(50)
    ROOT.mkdir(exist_ok=True)
    train("bytes", vocab_size=420, byte_fallback=True, pad_id=0, eos_id=1, bos_id=2, unk_id=3,
          user_defined_symbols=["<::::>"])  # fmt: skip
    train("plain", vocab_size=300, model_type="bpe")
    for name, build in cases.BUILDS.items():
        tokenizer = BertGenerationTokenizer(
            str(ROOT / f"{build['model']}.model"), **revive(build.get("init", {}))
        )
        steps = [ask(tokenizer, step) for step in build.get("steps", [])]
        texts = build.get("texts", cases.TEXTS)
        calls = cases.CALLS if build.get("calls") else []
        content = {
            "model": build["model"],
            "init": build.get("init", {}),
            "steps": steps,
            "state": state(tokenizer),
            "texts": [on_text(tokenizer, text) for text in texts],
            "calls": [ask(tokenizer, call) for call in calls],
        }
        write(name, content)
    for name, case in cases.FOLDERS.items():
        with tempfile.TemporaryDirectory() as folder:
            for file, text in case["files"].items():
                (Path(folder) / file).write_text(json.dumps(text), encoding="utf-8")
            (Path(folder) / "spiece.model").write_bytes((ROOT / f"{case['model']}.model").read_bytes())
            tokenizer = BertGenerationTokenizer.from_pretrained(folder)
            texts = [on_text(tokenizer, text) for text in cases.EXTRA]
            write(f"folder_{name}", {**case, "state": state(tokenizer), "texts": texts})


if __name__ == "__main__":
    main()
