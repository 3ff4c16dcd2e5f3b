"""Our tokenizers' answers in the form of the goldens, and their comparison."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bertgen.tokenizers import AddedToken, BatchEncoding, PreTrainedTokenizer, StreamDecoder

LONG = 100  # as in make_tokenizer_goldens.py


def revive(value: Any) -> Any:
    """Stand-ins of the case file -> real values."""
    if isinstance(value, dict) and set(value) == {"added"}:
        return AddedToken(**value["added"])
    if isinstance(value, dict) and set(value) == {"text"}:
        return value["text"][0] * value["text"][1]
    if isinstance(value, dict):
        return {key: revive(item) for key, item in value.items()}
    return [revive(item) for item in value] if isinstance(value, list) else value


def record(value: Any) -> Any:
    """A result as JSON, as in make_tokenizer_goldens.py."""
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


def ask(tokenizer: PreTrainedTokenizer, call: dict[str, Any]) -> dict[str, Any]:
    try:
        result = getattr(tokenizer, call["method"])(*revive(call["args"]), **revive(call["kwargs"]))
    except Exception as error:
        return {"raises": [kind.__name__ for kind in type(error).__mro__], "message": str(error)}
    return {"result": record(result)}


def check_calls(tokenizer: PreTrainedTokenizer, calls: list[dict[str, Any]]) -> None:
    for call in calls:
        answer = ask(tokenizer, call)
        if "raises" in call:
            assert call["raises"] in answer.get("raises", []), (call, answer)
        else:
            assert answer.get("result", answer) == call["result"], call


def check_text(tokenizer: PreTrainedTokenizer, expected: dict[str, Any]) -> None:
    text = revive(expected["text"])
    ids = tokenizer.encode(text)
    ours = {
        "text": expected["text"],
        "tokens": record(tokenizer.tokenize(text)),
        "ids": record(ids),
        "decoded": record(tokenizer.decode(ids)),
        "skipped": record(tokenizer.decode(ids, skip_special_tokens=True)),
        "glued": record(tokenizer.decode(ids, spaces_between_special_tokens=False)),
        "raw": record(tokenizer.decode(ids, clean_up_tokenization_spaces=False)),
    }
    assert ours == expected
    for name, skip in (("decoded", False), ("skipped", True)):
        stream = StreamDecoder(tokenizer, skip_special_tokens=skip)
        assert record("".join([stream.put(i) for i in ids]) + stream.end()) == expected[name]


def check_state(tokenizer: PreTrainedTokenizer, expected: dict[str, Any], folder: Path) -> None:
    names = set(expected) - {"length", "vocabulary", "saved", "paths"}
    assert {name: record(getattr(tokenizer, name)) for name in names} == {n: expected[n] for n in names}
    assert len(tokenizer) == expected["length"]
    assert record(sorted(tokenizer.get_vocab().items())) == expected["vocabulary"]
    paths = tokenizer.save_pretrained(folder)
    assert [Path(path).name for path in paths] == expected["paths"]
    saved = {p.name: json.loads(p.read_text(encoding="utf-8")) for p in sorted(folder.glob("*.json"))}
    saved.pop("vocab.json", None)  # the family goldens hold its digest
    assert saved == expected["saved"]
