"""Loading does each thing once: every config is checked once, weights are tied once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import bertgen
from bertgen.configs import checks
from bertgen.models import base, encoder_decoder, transformer

GOLDEN = Path(__file__).parents[2] / "golden"
FOLDERS = {
    "encdec": "EncoderDecoderModel",
    "encdec_tied": "EncoderDecoderModel",
    "encdec_bert2gpt": "EncoderDecoderModel",
    "encdec_roberta2roberta": "EncoderDecoderModel",
    "decoder_lm": "BertGenerationDecoder",
    "encoder_pruned": "BertGenerationEncoder",
    "bert_lm": "BertLMHeadModel",
    "gpt2_lm": "GPT2LMHeadModel",
}


@pytest.fixture
def calls(monkeypatch) -> Counter:
    """How often each check ran on which config, and each tie on which kind of model."""
    counted: Counter = Counter()

    def counting(original, key):
        def call(self, *args):
            counted[key(self)] += 1
            return original(self, *args)

        return call

    check = counting(checks.check_model_config, lambda config: f"checked {id(config)}")
    for module in (encoder_decoder, transformer):
        monkeypatch.setattr(module, "check_model_config", check)
    memory = counting(checks.check_memory, lambda config: "memory")
    monkeypatch.setattr(base, "check_memory", memory)
    head = counting(base.PreTrainedModel.tie_weights, lambda model: "head tied")
    monkeypatch.setattr(base.PreTrainedModel, "tie_weights", head)
    sides = counting(encoder_decoder.EncoderDecoderModel._share_layers, lambda model: "sides tied")
    monkeypatch.setattr(encoder_decoder.EncoderDecoderModel, "_share_layers", sides)
    return counted


@pytest.mark.parametrize("folder", FOLDERS)
def test_once(calls, folder):
    model = getattr(bertgen, FOLDERS[folder]).from_pretrained(GOLDEN / folder)
    configs = [model.config]
    if model.config.is_encoder_decoder:
        configs += [model.config.encoder, model.config.decoder]
    expected = Counter({f"checked {id(config)}": 1 for config in configs})
    expected["memory"] = 1
    if model.get_output_embeddings() is not None:
        expected["head tied"] = 1
    if model.config.tie_encoder_decoder:
        expected["sides tied"] = 1
    assert calls == expected


def test_built_directly(calls):
    """A model that is built without a file checks its configs once too."""
    config = bertgen.EncoderDecoderModel.config_class.from_pretrained(GOLDEN / "encdec")
    calls.clear()
    bertgen.EncoderDecoderModel(config)
    parts = (config, config.encoder, config.decoder)
    assert {key: calls[key] for key in calls if key.startswith("checked")} == {
        f"checked {id(part)}": 1 for part in parts
    }
    assert calls["head tied"] == 1


def test_what_is_tied_in_the_constructor_is_tied_after_loading():
    """Nothing ties again after the weights are in: the constructor's aliases are filled as one."""
    model = bertgen.EncoderDecoderModel.from_pretrained(GOLDEN / "encdec_tied")
    built = bertgen.EncoderDecoderModel(model.config)

    def groups(either) -> list[list[str]]:
        names: dict[int, list[str]] = {}
        for name, parameter in either.named_parameters(remove_duplicate=False):
            names.setdefault(id(parameter), []).append(name)
        return sorted(names.values())

    assert groups(model) == groups(built)
    assert any(len(names) > 2 for names in groups(model))
