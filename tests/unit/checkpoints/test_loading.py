"""Loading by hand-made folders: priorities, prefixes, missing and foreign keys, errors and the report."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bertgen import (
    BertGenerationConfig,
    BertGenerationDecoder,
    BertGenerationEncoder,
    EncoderDecoderModel,
)

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture
def folder(tmp_path):
    """A writable copy of the golden encoder-decoder."""
    for name in ("config.json", "generation_config.json", "model.safetensors"):
        shutil.copy(GOLDEN / "encdec" / name, tmp_path)
    return tmp_path


def rewrite(folder: Path, change) -> None:
    """Pass the tensors through `change` and write them back."""
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def test_result_is_ready_to_use(folder):
    model = EncoderDecoderModel.from_pretrained(folder)
    assert not model.training
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not any(parameter.is_meta for parameter in [*model.parameters(), *model.buffers()])
    assert set(model.load_report.counts()) <= {"loaded", "tied"}


def test_state_dict_keys_are_in_the_documented_order():
    keys = list(EncoderDecoderModel.from_pretrained(GOLDEN / "encdec").state_dict())
    assert keys[:4] == [
        "encoder.embeddings.word_embeddings.weight",
        "encoder.embeddings.position_embeddings.weight",
        "encoder.embeddings.LayerNorm.weight",
        "encoder.embeddings.LayerNorm.bias",
    ]
    assert keys[-3:] == [
        "decoder.lm_head.bias",
        "decoder.lm_head.decoder.weight",
        "decoder.lm_head.decoder.bias",
    ]
    assert not [key for key in keys if "position_ids" in key]


def test_safetensors_come_before_pickles(folder):
    torch.save({"nonsense": torch.zeros(1)}, folder / "pytorch_model.bin")
    model = EncoderDecoderModel.from_pretrained(folder)
    assert not model.load_report.keys("initialised")


def test_encoder_file_into_a_decoder():
    """Keys without the prefix go into .bert; the head and cross-attention start afresh, and it says so."""
    config = BertGenerationConfig.from_pretrained(GOLDEN / "encoder")
    config.is_decoder = config.add_cross_attention = True
    model = BertGenerationDecoder.from_pretrained(GOLDEN / "encoder", config=config)
    source = load_file(GOLDEN / "encoder" / "model.safetensors")
    for key, value in source.items():
        assert torch.equal(model.state_dict()[f"bert.{key}"], value)
    fresh = model.load_report.keys("initialised")
    assert "lm_head.bias" in fresh
    assert all("crossattention" in key or key == "lm_head.bias" for key in fresh)
    assert len(fresh) == 2 * 10 + 1
    assert "untrained" in str(model.load_report)


def test_decoder_file_into_an_encoder():
    model, info = BertGenerationEncoder.from_pretrained(GOLDEN / "decoder_lm", output_loading_info=True)
    source = load_file(GOLDEN / "decoder_lm" / "model.safetensors")
    for key, value in model.state_dict().items():
        assert torch.equal(source[f"bert.{key}"], value)
    assert info == {
        "missing_keys": [],
        "unexpected_keys": ["lm_head.bias"],
        "mismatched_keys": [],
        "error_msgs": [],
    }


def test_old_names_and_persisted_positions(folder):
    def age(tensors):
        tensors = {
            key.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
                "LayerNorm.bias", "LayerNorm.beta"
            ): value
            for key, value in tensors.items()
        }
        return {**tensors, "encoder.embeddings.position_ids": torch.arange(40)[None]}

    rewrite(folder, age)
    model = EncoderDecoderModel.from_pretrained(folder)
    assert set(model.load_report.counts()) <= {"loaded", "tied"}
    expected = load_file(GOLDEN / "encdec" / "model.safetensors")
    for key, value in expected.items():
        assert torch.equal(model.state_dict()[key], value)


def test_missing_keys_are_initialised_and_reported(folder):
    gone = "decoder.bert.encoder.layer.0.crossattention.self.query.weight"
    rewrite(folder, lambda tensors: {key: value for key, value in tensors.items() if key != gone})
    model = EncoderDecoderModel.from_pretrained(folder)
    assert model.load_report.keys("initialised") == [gone]
    weight = model.get_parameter(gone)
    assert 0.01 < weight.std() < 0.03


def test_foreign_keys_are_dropped_and_reported(folder):
    rewrite(folder, lambda tensors: {**tensors, "encoder.pooler.dense.weight": torch.ones(2)})
    model = EncoderDecoderModel.from_pretrained(folder)
    assert model.load_report.keys("dropped") == ["encoder.pooler.dense.weight"]
    assert "pooler" in str(model.load_report)


def test_one_alias_of_a_tied_pair_is_enough(folder):
    def rename(tensors):
        tensors["decoder.lm_head.decoder.weight"] = tensors.pop(
            "decoder.bert.embeddings.word_embeddings.weight"
        )
        return tensors

    rewrite(folder, rename)
    model = EncoderDecoderModel.from_pretrained(folder)
    assert not model.load_report.keys("initialised")
    head, table = model.decoder.lm_head.decoder.weight, model.decoder.bert.embeddings.word_embeddings.weight
    assert head is table
    assert head[1].any()


@pytest.mark.parametrize("absent", ["encoder.", "decoder.bert."])
def test_tied_files_with_either_side_absent(tmp_path, absent):
    """4.37.2 keeps the encoder's copy, later releases may keep the decoder's: both load right."""
    model = EncoderDecoderModel.from_pretrained(GOLDEN / "encdec_tied")
    model.save_pretrained(tmp_path, untie=True)
    shared = {f"decoder.bert.{name}" for name, _ in model.encoder.named_parameters()}
    dropped = (
        shared if absent == "decoder.bert." else {f"encoder.{n}" for n, _ in model.encoder.named_parameters()}
    )
    rewrite(tmp_path, lambda tensors: {key: value for key, value in tensors.items() if key not in dropped})
    again = EncoderDecoderModel.from_pretrained(tmp_path)
    assert not again.load_report.keys("initialised")
    for key, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[key], value), key


def test_shapes_that_do_not_fit(folder):
    key = "encoder.embeddings.position_embeddings.weight"
    rewrite(folder, lambda tensors: {**tensors, key: torch.ones(3, 24)})
    with pytest.raises(RuntimeError, match=r"(?s)position_embeddings.*ignore_mismatched_sizes"):
        EncoderDecoderModel.from_pretrained(folder)


def test_shapes_that_do_not_fit_on_request(folder):
    key = "encoder.embeddings.position_embeddings.weight"
    rewrite(folder, lambda tensors: {**tensors, key: torch.ones(3, 24)})
    model = EncoderDecoderModel.from_pretrained(folder, ignore_mismatched_sizes=True)
    assert model.get_parameter(key).shape == (40, 24)
    assert model.load_report.keys("mismatched") == [key]


def test_no_such_folder(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        EncoderDecoderModel.from_pretrained(tmp_path / "nowhere")


def test_folder_without_weights(folder):
    (folder / "model.safetensors").unlink()
    with pytest.raises(OSError, match=r"model\.safetensors"):
        EncoderDecoderModel.from_pretrained(folder)


def test_damaged_weights(folder):
    (folder / "model.safetensors").write_bytes(b"not a tensor file at all")
    with pytest.raises(OSError, match=r"model\.safetensors"):
        EncoderDecoderModel.from_pretrained(folder)


def test_missing_shard(tmp_path):
    for path in (GOLDEN / "file_sharded").glob("*.json"):
        shutil.copy(path, tmp_path)
    shutil.copy(GOLDEN / "file_sharded" / "model-00001-of-00003.safetensors", tmp_path)
    with pytest.raises(OSError, match="model-00002-of-00003"):
        EncoderDecoderModel.from_pretrained(tmp_path)


class Bomb:
    """Unpickling it writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_pickles_that_run_code_are_refused(folder, tmp_path):
    (folder / "model.safetensors").unlink()
    with open(folder / "pytorch_model.bin", "wb") as file:
        pickle.dump({"weight": Bomb(tmp_path / "ran")}, file)
    with pytest.raises(OSError, match="safetensors"):
        EncoderDecoderModel.from_pretrained(folder)
    assert not (tmp_path / "ran").exists()


def test_index_cannot_name_files_outside(tmp_path):
    """A shard's name is a plain relative path."""
    inside = tmp_path / "inside"
    inside.mkdir()
    shutil.copy(GOLDEN / "encdec" / "config.json", inside)
    shutil.copy(GOLDEN / "encdec" / "model.safetensors", tmp_path / "outside.safetensors")
    index = {"metadata": {}, "weight_map": {"encoder.embeddings.LayerNorm.bias": "../outside.safetensors"}}
    (inside / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(OSError, match="refused"):
        EncoderDecoderModel.from_pretrained(inside)


def test_saving_again_leaves_no_older_weights(tmp_path):
    """A folder saved twice holds one checkpoint, whatever the forms were."""
    model = EncoderDecoderModel.from_pretrained(GOLDEN / "encdec")
    model.save_pretrained(tmp_path, max_shard_size="40KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    model.save_pretrained(tmp_path)
    assert [path.name for path in tmp_path.glob("*.safetensors*")] == ["model.safetensors"]
    (tmp_path / "notes.txt").write_text("kept")
    model.save_pretrained(tmp_path, safe_serialization=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.json",
        "generation_config.json",
        "notes.txt",
        "pytorch_model.bin",
    ]


def test_untied_head_stays_untied(tmp_path):
    model = BertGenerationDecoder.from_pretrained(GOLDEN / "decoder_cross")
    assert model.lm_head.decoder.weight is not model.bert.embeddings.word_embeddings.weight
    assert model.lm_head.decoder.bias is model.lm_head.bias


def test_half_precision_round_trip(tmp_path):
    model = EncoderDecoderModel.from_pretrained(GOLDEN / "encdec").half()
    model.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["torch_dtype"] == "float16"
    assert {value.dtype for value in load_file(tmp_path / "model.safetensors").values()} == {torch.float16}
    again = EncoderDecoderModel.from_pretrained(tmp_path)
    assert again.dtype == torch.float32
    for key, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[key], value.float()), key


def test_random_state_is_left_alone(folder):
    """A complete checkpoint draws nothing: a seed set before loading still holds afterwards."""
    torch.manual_seed(5)
    before = torch.get_rng_state()
    EncoderDecoderModel.from_pretrained(folder)
    assert torch.equal(torch.get_rng_state(), before)
