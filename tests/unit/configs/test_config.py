"""Configurations: fields, defaults and files as transformers 4.37.2 writes them (tests/golden/configs)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bertgen import (
    BertGenerationConfig,
    BertGenerationDecoder,
    BertGenerationEncoder,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    GenerationConfig,
)

EXPECTED = Path(__file__).parents[2] / "golden" / "configs" / "expected.json"
VOLATILE = {"transformers_version", "_name_or_path"}
TINY = {
    "vocab_size": 67,
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 40,
    "max_position_embeddings": 40,
}


def joint() -> EncoderDecoderConfig:
    encoder, decoder = BertGenerationConfig(**TINY), BertGenerationConfig(**TINY)
    return EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder, pad_token_id=0)


MADE = {
    "default": BertGenerationConfig,
    "changed": lambda: BertGenerationConfig(
        vocab_size=67, hidden_act="relu", is_decoder=True, num_beams=5, use_cache=False
    ),
    "unknown": lambda: BertGenerationConfig(
        my_note="kept", eos_token_id=[1, 5], id2label={0: "a", 1: "b", 2: "c"}
    ),
    "encoder_decoder": joint,
    "generation_default": GenerationConfig,
    "generation_changed": lambda: GenerationConfig(
        num_beams=4, length_penalty=0.6, max_new_tokens=50, eos_token_id=[1, 5]
    ),
}


def plain(value):
    """As JSON would hold it, without what names a release or a place."""

    def clean(item):
        if isinstance(item, dict):
            return {key: clean(inner) for key, inner in item.items() if key not in VOLATILE}
        return item

    return clean(json.loads(json.dumps(value, default=str)))


@pytest.fixture(scope="module")
def expected():
    return json.loads(EXPECTED.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", MADE)
def test_to_dict(expected, name):
    assert plain(MADE[name]().to_dict()) == plain(expected[name]["to_dict"])


@pytest.mark.parametrize("name", MADE)
def test_file(expected, name):
    assert plain(json.loads(MADE[name]().to_json_string())) == plain(expected[name]["file"])


@pytest.mark.parametrize("name", MADE)
def test_folder_round_trip(tmp_path, name):
    config = MADE[name]()
    config.save_pretrained(tmp_path)
    again = type(config).from_pretrained(tmp_path)
    assert plain(again.to_dict()) == plain(config.to_dict())


@pytest.mark.parametrize("name", ["default", "changed", "unknown", "encoder_decoder"])
def test_dict_round_trip(name):
    config = MADE[name]()
    assert plain(type(config).from_dict(config.to_dict()).to_dict()) == plain(config.to_dict())


def test_unknown_keys_are_kept(tmp_path):
    BertGenerationConfig(my_note={"a": [1]}).save_pretrained(tmp_path)
    assert BertGenerationConfig.from_pretrained(tmp_path).my_note == {"a": [1]}


def test_keywords_overwrite_existing_fields_only(tmp_path):
    BertGenerationConfig().save_pretrained(tmp_path)
    config, unused = BertGenerationConfig.from_pretrained(
        tmp_path, hidden_size=8, no_such_field=1, return_unused_kwargs=True
    )
    assert config.hidden_size == 8
    assert unused == {"no_such_field": 1}
    assert not hasattr(BertGenerationConfig.from_pretrained(tmp_path, no_such_field=1), "no_such_field")


def test_configs_are_mutable_and_shared_with_the_sides():
    """The documentation sets fields on a loaded config; one object serves the model and its side."""
    model = EncoderDecoderModel(joint())
    assert model.encoder.config is model.config.encoder
    assert model.decoder.config is model.config.decoder
    model.config.decoder.use_cache = False
    assert model.decoder.config.use_cache is False


def test_joining_makes_a_decoder():
    config = joint()
    assert config.decoder.is_decoder
    assert config.decoder.add_cross_attention
    assert not config.encoder.is_decoder
    assert config.is_encoder_decoder


def test_joint_config_needs_both_sides():
    with pytest.raises(ValueError, match=r"encoder=.*decoder="):
        EncoderDecoderConfig(encoder={"model_type": "bert-generation"})


def test_unknown_model_type_names_the_choices():
    with pytest.raises(ValueError, match="bert-generation"):
        EncoderDecoderConfig(encoder={"model_type": "bort"}, decoder={"model_type": "bert-generation"})


def test_missing_folder_says_what_to_do(tmp_path):
    with pytest.raises(OSError, match=r"config\.json"):
        BertGenerationConfig.from_pretrained(tmp_path)


def test_damaged_file_is_named(tmp_path):
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(OSError, match="not valid JSON"):
        BertGenerationConfig.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"hidden_size": 25}, ValueError, "multiple of num_attention_heads"),
        ({"hidden_act": "swoosh"}, KeyError, "gelu_new"),
        ({"position_embedding_type": "rotary"}, ValueError, "relative_key_query"),
        ({"add_cross_attention": True}, ValueError, "is_decoder"),
    ],
)
def test_bad_values_are_refused_where_they_are_used(changes, error, words):
    config = BertGenerationConfig(**{**TINY, **changes})
    with pytest.raises(error, match=words):
        BertGenerationEncoder(config)


def test_generation_settings_arrive_from_the_decoder():
    """bos, eos and pad of an encoder-decoder come from its decoder's config where the top has none."""
    encoder = BertGenerationConfig(**TINY)
    decoder = BertGenerationConfig(**TINY, eos_token_id=7, bos_token_id=8, num_beams=3)
    config = EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder, decoder_start_token_id=5)
    settings = GenerationConfig.from_model_config(config)
    assert (settings.eos_token_id, settings.bos_token_id, settings.num_beams) == (7, 8, 3)
    assert settings.decoder_start_token_id == 5


def test_models_start_with_the_reference_initialisation():
    import torch

    torch.manual_seed(0)
    model = BertGenerationDecoder(BertGenerationConfig(**{**TINY, "vocab_size": 500}))
    table = model.bert.embeddings.word_embeddings.weight
    assert model.training
    assert not table[0].any()
    assert abs(table[1:].std().item() - 0.02) < 0.001
    assert model.lm_head.decoder.weight is table
    assert not model.lm_head.bias.any()
    assert (model.bert.embeddings.LayerNorm.weight == 1).all()
