"""What bertgen writes is laid out as by transformers 4.37.2 (golden/check_reverse.py loads it there)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

import bertgen
from tests.parity import cases

SINGLE = [case for case in cases.model_cases() if (cases.ROOT / case / "model.safetensors").exists()]
ALL = cases.model_cases()
# 4.37.2 notes where a config was loaded from, and which release wrote it.
VOLATILE = {"transformers_version", "_name_or_path"}


def resave(case: str, folder: Path, **options) -> None:
    dtype = "auto" if case in ("file_fp16", "file_bf16") else None
    model = getattr(bertgen, cases.notes(case)["class"]).from_pretrained(cases.ROOT / case, torch_dtype=dtype)
    model.save_pretrained(folder, **options)


def read(path: Path) -> dict:
    def clean(value):
        if isinstance(value, dict):
            return {key: clean(item) for key, item in value.items() if key not in VOLATILE}
        return value

    return clean(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("case", SINGLE)
def test_safetensors(case, tmp_path):
    """The same keys, dtypes and values, and the header that readers insist on."""
    resave(case, tmp_path)
    ours, theirs = (
        load_file(tmp_path / "model.safetensors"),
        load_file(cases.ROOT / case / "model.safetensors"),
    )
    assert set(ours) == set(theirs)
    for key, value in theirs.items():
        assert ours[key].dtype == value.dtype
        assert torch.equal(ours[key], value), key
    with safe_open(tmp_path / "model.safetensors", framework="pt") as file:
        assert file.metadata() == {"format": "pt"}


@pytest.mark.parametrize("case", ALL)
def test_config_files(case, tmp_path):
    resave(case, tmp_path)
    for name in ("config.json", "generation_config.json"):
        theirs = cases.ROOT / case / name
        assert (tmp_path / name).exists() == theirs.exists()
        if theirs.exists():
            assert read(tmp_path / name) == read(theirs), name


def test_shards(tmp_path):
    resave("file_sharded", tmp_path, max_shard_size="30KB")
    ours = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    theirs = json.loads((cases.ROOT / "file_sharded" / "model.safetensors.index.json").read_text())
    assert set(ours["weight_map"]) == set(theirs["weight_map"])
    assert ours["metadata"] == theirs["metadata"]
    assert not (tmp_path / "model.safetensors").exists()
    for name in set(ours["weight_map"].values()):
        path = tmp_path / name
        assert path.stat().st_size < 30_000 + 4_000  # the header comes on top
        with safe_open(path, framework="pt") as file:
            assert file.metadata() == {"format": "pt"}
            assert set(file.keys()) == {key for key, shard in ours["weight_map"].items() if shard == name}


def test_pickles(tmp_path):
    """A .bin keeps every alias."""
    resave("file_bin", tmp_path, safe_serialization=False)
    ours = torch.load(tmp_path / "pytorch_model.bin", weights_only=True)
    theirs = torch.load(cases.ROOT / "file_bin" / "pytorch_model.bin", weights_only=True)
    assert set(ours) == set(theirs)
    for key, value in theirs.items():
        assert torch.equal(ours[key], value), key


@pytest.mark.parametrize("case", ALL)
def test_saved_and_loaded_again(case, tmp_path):
    """Whatever the form of the file, a second generation holds the same parameters."""
    kind = getattr(bertgen, cases.notes(case)["class"])
    first = kind.from_pretrained(cases.ROOT / case)
    first.save_pretrained(tmp_path, max_shard_size="40KB")
    second = kind.from_pretrained(tmp_path)
    assert list(first.state_dict()) == list(second.state_dict())
    for (key, left), right in zip(first.state_dict().items(), second.state_dict().values(), strict=True):
        assert torch.equal(left, right), key
    assert not second.training
    assert not second.load_report.keys("initialised")
    assert not second.load_report.keys("dropped")


def test_untied_copy_holds_everything(tmp_path):
    """untie=True writes both sides of a tied encoder-decoder, for readers that tie nothing."""
    resave("encdec_tied", tmp_path, untie=True)
    tensors = load_file(tmp_path / "model.safetensors")
    encoder = [key for key in tensors if key.startswith("encoder.")]
    assert encoder
    for key in encoder:
        assert torch.equal(tensors[key], tensors["decoder.bert." + key.removeprefix("encoder.")]), key
    assert "decoder.lm_head.decoder.weight" in tensors


def test_both_sides_without_the_heads_copy(tmp_path):
    """untie="sides" writes encoder and decoder whole; the head is its own side's table in every reader."""
    resave("encdec_tied", tmp_path, untie="sides")
    tensors = load_file(tmp_path / "model.safetensors")
    encoder = [key for key in tensors if key.startswith("encoder.")]
    assert encoder
    for key in encoder:
        assert torch.equal(tensors[key], tensors["decoder.bert." + key.removeprefix("encoder.")]), key
    assert "decoder.lm_head.decoder.weight" not in tensors
    again = bertgen.EncoderDecoderModel.from_pretrained(tmp_path)
    assert not again.load_report.keys("initialised")
    first = cases.load("encdec_tied")
    for left, right in zip(first.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(left, right)


@pytest.mark.parametrize("case", ["file_fp16", "file_bf16"])
def test_half_precision_is_cast_up(case):
    model = cases.load(case)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


@pytest.mark.parametrize(("case", "dtype"), [("file_fp16", torch.float16), ("file_bf16", torch.bfloat16)])
def test_auto_dtype(case, dtype):
    model = bertgen.EncoderDecoderModel.from_pretrained(cases.ROOT / case, torch_dtype="auto")
    assert {parameter.dtype for parameter in model.parameters()} == {dtype}


def test_tied_sides_are_one_parameter():
    model = cases.load("encdec_tied")
    for name, parameter in model.encoder.named_parameters():
        assert model.get_parameter(f"decoder.bert.{name}") is parameter
    assert model.decoder.lm_head.decoder.weight is model.encoder.embeddings.word_embeddings.weight
