"""The embedded bases: complete, small, without a task, and what transformers 4.37.2 makes of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from bertgen import AutoTokenizer, BertGenerationDecoder, warm_start
from tests.golden.fingerprint import fingerprint

ROOT = Path(__file__).parent.parent.parent
BASES = ROOT / "assets" / "bases"
NAMES = sorted(path.parent.name for path in BASES.glob("*/config.json"))
PARTS = {"config.json", "tokenizer_config.json", "spiece.model", "README.md", "train.jsonl"}
base = pytest.mark.parametrize("name", NAMES)


def golden(name: str) -> dict:
    return json.loads((ROOT / "tests" / "golden" / "bases" / f"{name}.json").read_text(encoding="utf-8"))


def test_there_is_one():
    assert "bert-mini" in NAMES


@base
def test_folder_is_complete_small_and_no_task_of_the_page(name):
    files = {path.name: path.stat().st_size for path in (BASES / name).iterdir()}
    assert set(files) >= PARTS
    assert json.loads((BASES / name / "profile.json").read_text(encoding="utf-8"))["task"] == "base"
    assert max(files.values()) <= 10_000_000
    assert sum(files.values()) <= 12_000_000


@base
def test_it_fills_masks_as_in_the_reference(name):
    found = golden(name)
    assert found["fingerprint"] == fingerprint(BASES / name), (
        "the base changed: run tests/golden/make_base_goldens.py in the reference's environment"
    )
    model = BertGenerationDecoder.from_pretrained(BASES / name)
    tokenizer = AutoTokenizer.from_pretrained(BASES / name)
    assert set(model.load_report.counts()) <= {"loaded", "tied"}
    for run in found["runs"]:
        ids = tokenizer(run["text"], return_tensors="pt").input_ids
        assert ids[0].tolist() == run["ids"]
        with torch.inference_mode():
            logits = model(ids).logits[0][ids[0] == tokenizer.mask_token_id]
        best = logits.topk(5)
        assert [tokenizer.convert_ids_to_tokens(row) for row in best.indices.tolist()] == run["best"]
        torch.testing.assert_close(best.values, torch.tensor(run["logits"]), rtol=1e-4, atol=1e-4)


@base
@pytest.mark.parametrize("setup", ["BERT2BERT", "BERTSHARE", "RND2BERT"])
def test_warm_starts_read_it(name, setup):
    model = warm_start(setup, bert=BASES / name)
    table = BertGenerationDecoder.from_pretrained(BASES / name).bert.embeddings.word_embeddings.weight
    assert torch.equal(model.decoder.bert.embeddings.word_embeddings.weight, table)
