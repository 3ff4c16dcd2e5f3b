"""What lands in weight files when parameters share storage, are views or are tied."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from bertgen import BertGenerationConfig, BertGenerationDecoder, BertGenerationEncoder, EncoderDecoderModel

GOLDEN = Path(__file__).parents[2] / "golden"
SIZES = {"vocab_size": 31, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
FORMS = {
    "one file": {},
    "shards": {"max_shard_size": "4KB"},
    "untied": {"untie": True},
    "pickled": {"safe_serialization": False},
    "pickled shards": {"safe_serialization": False, "max_shard_size": "4KB"},
}


def make_encoder() -> BertGenerationEncoder:
    torch.manual_seed(3)
    return BertGenerationEncoder(BertGenerationConfig(**SIZES, intermediate_size=24)).eval()


def packed(model: nn.Module) -> None:
    """Query, key and value of every layer as rows of one storage."""
    for layer in model.encoder.layer:
        attention = layer.attention.self
        projections = (attention.query, attention.key, attention.value)
        storage = torch.cat([projection.weight.detach() for projection in projections])
        for projection, rows in zip(projections, storage.split(16), strict=True):
            projection.weight = nn.Parameter(rows)


def turned_round(model: nn.Module) -> None:
    """Every dense weight stored by columns."""
    for layer in model.encoder.layer:
        dense = layer.intermediate.dense
        dense.weight = nn.Parameter(dense.weight.detach().t().contiguous().t())


def interleaved(model: nn.Module) -> None:
    """Two weights as every other row of one storage: neither contiguous nor alone."""
    first, second = (layer.output.dense for layer in model.encoder.layer)
    storage = torch.stack([first.weight.detach(), second.weight.detach()], dim=1)
    first.weight, second.weight = nn.Parameter(storage[:, 0]), nn.Parameter(storage[:, 1])


def same_memory(model: nn.Module) -> None:
    """Two Parameters, which are not tied, over the same numbers."""
    first, second = (layer.attention.self.query for layer in model.encoder.layer)
    second.weight = nn.Parameter(first.weight.detach())


def size_of_files(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.suffix in (".safetensors", ".bin"))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("change", [packed, turned_round, interleaved, same_memory])
def test_views_are_written_as_themselves(tmp_path, change, form):
    """The same numbers come back, the files are no larger than without views, the model is left alone."""
    model = make_encoder()
    change(model)
    # The same numbers, each in a storage of its own.
    plain = make_encoder()
    plain.load_state_dict(model.state_dict())
    before = {name: (p.data_ptr(), p.stride()) for name, p in model.named_parameters()}
    model.save_pretrained(tmp_path / "views", **FORMS[form])
    plain.save_pretrained(tmp_path / "plain", **FORMS[form])
    assert {name: (p.data_ptr(), p.stride()) for name, p in model.named_parameters()} == before
    again = BertGenerationEncoder.from_pretrained(tmp_path / "views")
    assert not again.load_report.keys("initialised")
    for (name, there), found in zip(model.named_parameters(), again.parameters(), strict=True):
        assert torch.equal(there, found), name
    names = sorted(path.name for path in (tmp_path / "plain").iterdir())
    assert sorted(path.name for path in (tmp_path / "views").iterdir()) == names
    assert abs(size_of_files(tmp_path / "views") - size_of_files(tmp_path / "plain")) < 1000


@pytest.mark.parametrize("form", FORMS)
def test_given_tensors_that_are_views(tmp_path, form):
    """state_dict= may hold views too; tied names of it stay one tensor in a pickle."""
    model = EncoderDecoderModel.from_pretrained(GOLDEN / "encdec_tied")
    given = {name: torch.cat([value, value])[: len(value)] for name, value in model.state_dict().items()}
    model.save_pretrained(tmp_path, state_dict=given, **FORMS[form])
    again = EncoderDecoderModel.from_pretrained(tmp_path)
    for (name, there), found in zip(model.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(there, found), name


def bytes_of(model: nn.Module) -> int:
    return sum(p.numel() * p.element_size() for p in model.parameters())


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("safe", [True, False])
@pytest.mark.parametrize("case", ["encdec_tied", "encdec"])
def test_tied_tensors_count_once(tmp_path, case, safe, given):
    """total_size of an index is what the parameters take, tied ones once; a pickle keeps every name."""
    model = EncoderDecoderModel.from_pretrained(GOLDEN / case)
    tensors = model.state_dict() if given else None
    model.save_pretrained(tmp_path, max_shard_size="20KB", safe_serialization=safe, state_dict=tensors)
    stem = "model.safetensors" if safe else "pytorch_model.bin"
    index = json.loads((tmp_path / f"{stem}.index.json").read_text())
    assert index["metadata"] == {"total_size": bytes_of(model)}
    every = dict(model.named_parameters(remove_duplicate=safe))
    assert set(index["weight_map"]) == set(every)
    assert size_of_files(tmp_path) < 1.5 * bytes_of(model) + 100_000


def test_index_of_the_references_pickles(tmp_path):
    """Sharded as the reference did, the index counts what its own counts."""
    theirs = json.loads((GOLDEN / "file_bin_sharded" / "pytorch_model.bin.index.json").read_text())
    model = EncoderDecoderModel.from_pretrained(GOLDEN / "file_bin_sharded")
    model.save_pretrained(tmp_path, max_shard_size="30KB", safe_serialization=False)
    ours = json.loads((tmp_path / "pytorch_model.bin.index.json").read_text())
    assert ours["metadata"] == theirs["metadata"]
    assert set(ours["weight_map"]) == set(theirs["weight_map"])


@pytest.mark.parametrize(("size", "files"), [("4KiB", True), (4096, True), ("1GiB", False), ("1GB", False)])
def test_sizes(tmp_path, size, files):
    model = make_encoder()
    model.save_pretrained(tmp_path, max_shard_size=size)
    assert (tmp_path / "model.safetensors.index.json").exists() == files
    if files:
        other = tmp_path / "other"
        model.save_pretrained(other, max_shard_size=4096)
        assert {p.name for p in tmp_path.glob("*.safetensors")} == {
            p.name for p in other.glob("*.safetensors")
        }


@pytest.mark.parametrize("size", ["much", "10", "10 miles"])
def test_what_is_no_size(tmp_path, size):
    with pytest.raises(ValueError, match=r"[Uu]nit|size"):
        make_encoder().save_pretrained(tmp_path, max_shard_size=size)


def test_a_state_dict_must_be_complete(tmp_path):
    model = make_encoder()
    tensors = model.state_dict()
    del tensors["embeddings.word_embeddings.weight"]
    with pytest.raises(ValueError, match=r"lacks embeddings\.word_embeddings\.weight"):
        model.save_pretrained(tmp_path, state_dict=tensors)


def test_untied_pickle_of_a_head(tmp_path):
    """The head's bias has two names; a safetensors file holds one of them, untied or not."""
    model = BertGenerationDecoder.from_pretrained(GOLDEN / "decoder_lm")
    for untie in (False, True):
        model.save_pretrained(tmp_path, untie=untie)
        names = load_file(tmp_path / "model.safetensors").keys()
        assert "lm_head.bias" in names
        assert "lm_head.decoder.bias" not in names
