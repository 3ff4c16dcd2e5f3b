"""The tokenizer against transformers 4.37.2: every text, call and file of tests/golden/tokenizer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bertgen.tokenizers import BertGenerationTokenizer
from tests.parity.tokenizer_answers import ask, check_calls, check_state, check_text, revive

ROOT = Path(__file__).parent.parent / "golden" / "tokenizer"
CASES = sorted(path.stem for path in ROOT.glob("*.json"))


@pytest.fixture(params=CASES)
def case(request, tmp_path):
    """A golden and the tokenizer it describes, its steps not yet taken."""
    golden = json.loads((ROOT / f"{request.param}.json").read_text(encoding="utf-8"))
    model = ROOT / f"{golden['model']}.model"
    if "files" not in golden:
        return golden, BertGenerationTokenizer(str(model), **revive(golden["init"]))
    for name, content in golden["files"].items():
        (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "spiece.model").write_bytes(model.read_bytes())
    return golden, BertGenerationTokenizer.from_pretrained(tmp_path)


def test_texts_calls_and_state(case, tmp_path):
    golden, tokenizer = case
    for step in golden.get("steps", []):
        assert ask(tokenizer, step) == {"result": step["result"]}, step
    check_state(tokenizer, golden["state"], tmp_path / "saved")
    for expected in golden["texts"]:
        check_text(tokenizer, expected)
    check_calls(tokenizer, golden.get("calls", []))
