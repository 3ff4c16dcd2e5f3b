"""Settings that contradict each other or do nothing: said when they are written down, refused when saved."""

from __future__ import annotations

import json
import warnings

import pytest

import bertgen
from bertgen import GenerationConfig
from tests.golden import by_formula

# In 4.37.2 a warning each, and no file.
WITHOUT_EFFECT = [
    {"temperature": 0.5},
    {"top_p": 0.9},
    {"top_k": 5},
    {"typical_p": 0.5},
    {"epsilon_cutoff": 0.1},
    {"eta_cutoff": 0.1},
    {"early_stopping": True},
    {"length_penalty": 2.0},
]
# In 4.37.2 a ValueError each, and no file.
CONTRADICTIONS = [
    {"num_return_sequences": 2},
    {"num_return_sequences": 3, "num_beams": 2},
    {"num_beams": 4, "num_beam_groups": 3, "diversity_penalty": 0.1},
    {"num_beams": 4, "num_beam_groups": 2},
    {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.1, "do_sample": True},
    {"early_stopping": "soon"},
    {"streamer": 1},
]


def changed(settings: dict) -> GenerationConfig:
    """Settings that became so after they were made."""
    config = GenerationConfig()
    for name, value in settings.items():
        setattr(config, name, value)
    return config


@pytest.mark.parametrize("settings", WITHOUT_EFFECT, ids=str)
def test_no_effect(settings, tmp_path):
    with pytest.warns(UserWarning, match=next(iter(settings))):
        GenerationConfig(**settings)
    with pytest.raises(ValueError, match=next(iter(settings))):
        changed(settings).save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("settings", CONTRADICTIONS, ids=str)
def test_contradictions(settings, tmp_path):
    words = next(iter(settings)).split("_")[0] + "|group|beam"
    with pytest.raises(ValueError, match=words):
        GenerationConfig(**settings)
    with pytest.raises(ValueError, match=words):
        changed(settings).save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_model_with_such_settings_writes_nothing(tmp_path):
    model = by_formula.decoder(bertgen, "gpt2")
    model.generation_config.temperature = 0.5
    with pytest.raises(ValueError, match="temperature"):
        model.save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    model.generation_config.do_sample = True
    model.save_pretrained(tmp_path / "new")


def test_what_fits_is_silent(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for settings in (
            {},
            {"temperature": 0.5, "do_sample": True},
            {"num_beams": 4, "length_penalty": 2.0, "early_stopping": True, "num_return_sequences": 4},
            {"num_return_sequences": 2, "do_sample": True},
            {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.1},
        ):
            GenerationConfig(**settings).save_pretrained(tmp_path)
            assert GenerationConfig.from_pretrained(tmp_path) == GenerationConfig(**settings)
    assert GenerationConfig(num_beams=None).num_beams == 1


def test_a_folder_with_such_a_file_is_opened(tmp_path):
    """What a file says is looked at when it is used: the folder's weights are as good as before."""
    model = by_formula.decoder(bertgen, "gpt2")
    model.save_pretrained(tmp_path)
    (tmp_path / "generation_config.json").write_text(json.dumps({"num_return_sequences": 2}))
    again = bertgen.GPT2LMHeadModel.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="num_return_sequences"):
        again.generate(max_new_tokens=2, bos_token_id=2)
