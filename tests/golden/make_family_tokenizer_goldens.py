"""Make the golden files of tests/parity/test_family_tokenizers.py from transformers 4.37.2.

Run it like make_tokenizer_goldens.py, in the same environment. It writes family_tokenizer/<case>.json, the
tokenizer.json files of the fast classes and, when they are missing, trains the two tiny vocabularies. Given
the folder that tests/install_weights.py prints, it writes real_bert/texts.json instead.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import tokenizers

sys.path.insert(0, str(Path(__file__).parent))
import family_tokenizer_cases as cases
import make_tokenizer_goldens as base
import transformers
from transformers import AutoTokenizer

ROOT = Path(__file__).parent / "family_tokenizer"
FILES = {"bert": ["vocab.txt"], "bytes": ["vocab.json", "merges.txt"]}


def train() -> None:
    """Write the two trained vocabularies unless they are there, and the hand-written ones."""
    texts = base.sentences() + [str(base.revive(text)) for text in cases.TEXTS]
    if not (ROOT / "bert").exists():
        (ROOT / "bert").mkdir(parents=True)
        model = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))
        model.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=False)
        model.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        trainer = tokenizers.trainers.WordPieceTrainer(vocab_size=500, special_tokens=special)
        model.train_from_iterator(texts + [text.lower() for text in texts], trainer)
        model.model.save(str(ROOT / "bert"))
    if not (ROOT / "bytes").exists():
        (ROOT / "bytes").mkdir(parents=True)
        model = tokenizers.Tokenizer(tokenizers.models.BPE())
        model.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
        special = ["<s>", "<pad>", "</s>", "<unk>", "<|endoftext|>"]
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=420, initial_alphabet=alphabet, special_tokens=special
        )
        model.train_from_iterator(texts, trainer)
        model.model.save(str(ROOT / "bytes"))
    for name in ("odd_bert", "odd_bytes"):
        (ROOT / name).mkdir(exist_ok=True)
    (ROOT / "odd_bert" / "vocab.txt").write_text("\n".join(cases.ODD_VOCAB) + "\n", encoding="utf-8")
    (ROOT / "odd_bytes" / "vocab.json").write_text(json.dumps(cases.ODD_JSON), encoding="utf-8")
    (ROOT / "odd_bytes" / "merges.txt").write_text(cases.ODD_MERGES, encoding="utf-8")


def vocabulary(case: dict[str, Any]) -> list[str]:
    """The vocabulary files of a case, in the constructor's order."""
    kind = case["vocabulary"].removeprefix("odd_")
    return [str(ROOT / case["vocabulary"] / name) for name in FILES[kind]]


def on_text(tokenizer: Any, text: Any) -> dict[str, Any]:
    """`base.on_text`, or the kind of error that one of its calls ends in."""
    try:
        return base.on_text(tokenizer, text)
    except Exception as error:
        return {"text": text, "raises": type(error).__name__}


def state(tokenizer: Any) -> dict[str, Any]:
    """`base.state`, with digests of the vocabulary files that it writes."""
    found = base.state(tokenizer)
    found["saved"].pop("vocab.json", None)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(path) for path in tokenizer.save_vocabulary(folder)]
        found["digests"] = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    return found


def write(name: str, content: dict[str, Any]) -> None:
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    text = text.replace('},{"text"', '},\n{"text"').replace('},{"method"', '},\n{"method"')
    (ROOT / f"{name}.json").write_text(text)


def builds() -> None:
    for name, case in cases.BUILDS.items():
        tokenizer = getattr(transformers, case["class"])(
            *vocabulary(case), **base.revive(case.get("init", {}))
        )
        content = {
            **case,
            "steps": [base.ask(tokenizer, step) for step in case.get("steps", [])],
            "state": state(tokenizer),
            "texts": [on_text(tokenizer, text) for text in case.get("texts", cases.FAMILY_TEXTS)],
            "calls": [base.ask(tokenizer, c) for c in (cases.FAMILY_CALLS if case.get("calls") else [])],
        }
        write(name, content)


def folders() -> None:
    for name, case in cases.FOLDERS.items():
        with tempfile.TemporaryDirectory() as folder:
            for file, content in case["files"].items():
                (Path(folder) / file).write_text(json.dumps(content), encoding="utf-8")
            for path in vocabulary(case):
                shutil.copy(path, folder)
            tokenizer = getattr(transformers, case["class"]).from_pretrained(folder)
            texts = [on_text(tokenizer, text) for text in cases.ADDED_TEXTS]
            auto = type(AutoTokenizer.from_pretrained(folder)).__name__
            write(f"folder_{name}", {**case, "auto": auto, "state": state(tokenizer), "texts": texts})


def fast() -> None:
    for name, case in cases.FAST.items():
        with tempfile.TemporaryDirectory() as folder:
            made = getattr(transformers, case["class"] + "Fast")(*vocabulary(case), **case["init"])
            made.add_tokens(["new"])
            made.save_pretrained(folder)
            files = {p.name: json.loads(p.read_text()) for p in Path(folder).glob("*.json")}
            shutil.copy(Path(folder) / "tokenizer.json", ROOT / f"{name}.tokenizer.json")
            tokenizer = getattr(transformers, case["class"]).from_pretrained(folder)
            texts = [on_text(tokenizer, text) for text in cases.ADDED_TEXTS]
            alike = [
                {"text": text, "ids": base.record(made.encode(base.revive(text)))}
                for text in cases.FAMILY_TEXTS
                if made.encode(base.revive(text)) == tokenizer.encode(base.revive(text))
            ]
            files = {k: v for k, v in files.items() if k not in ("tokenizer.json", "vocab.json")}
            content = {**case, "files": files, "state": state(tokenizer), "texts": texts, "alike": alike}
            write(f"folder_{name}", content)


SURFACE = (
    "AutoTokenizer", "BatchEncoding", "BertGenerationTokenizer", "BertTokenizer", "GPT2Tokenizer",
    "RobertaTokenizer",
)  # fmt: skip


def surface() -> None:
    """The public names of each class, with the parameters of what can be called (None: an attribute)."""
    found: dict[str, dict[str, list[str] | None]] = {}
    for name in SURFACE:
        kind = getattr(transformers, name)
        public = [key for key in dir(kind) if not key.startswith("_")] + ["__call__", "__init__", "__len__"]
        found[name] = {
            key: list(inspect.signature(getattr(kind, key)).parameters)
            if inspect.isroutine(getattr(kind, key))
            else None
            for key in public
            if hasattr(kind, key)
        }
    text = json.dumps(found, indent=None, separators=(",", ":")).replace('},"', '},\n"')
    (ROOT.parent / "tokenizer_surface.json").write_text(text + "\n")


def real(folder: str) -> None:
    """What a real BERT vocabulary makes of the texts, by the slow class; where the fast class that
    AutoTokenizer gives cuts a text otherwise is noted."""
    slow, quick = transformers.BertTokenizer.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    rows = []
    for text in cases.FAMILY_TEXTS:
        alike = quick.encode(base.revive(text)) == slow.encode(base.revive(text))
        rows.append({**on_text(slow, text), "alike": alike})
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    (ROOT.parent / "real_bert" / "texts.json").write_text(f"[{lines}]\n")


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    transformers.logging.set_verbosity(50)
    if len(sys.argv) > 1:
        return real(sys.argv[1])
    train()
    surface()
    builds()
    folders()
    fast()


if __name__ == "__main__":
    main()
